//! A real Gitea on SQLite; one per test process, one repository per test.

#![expect(clippy::disallowed_methods, reason = "tests run programs")]

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};

use super::cluster::random_token;
use super::http::Call;
use super::parts;
use super::repo::Repo;
use super::servers::{Servers, eventually, free_ports};

const ADMIN: &str = "administrator";
/// The least that drift asks for.
pub(crate) const SCOPES: [&str; 2] = ["write:repository", "write:issue"];

/// A running Gitea.
pub(crate) struct Gitea {
    servers: Servers,
    port: u16,
    password: String,
    token: String,
}

/// A user with a token.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) token: String,
}

/// A repository on the server.
#[derive(Debug, Clone)]
pub(crate) struct Repository {
    pub(crate) owner: String,
    pub(crate) name: String,
    /// `http://127.0.0.1:PORT/OWNER/NAME.git`, without credentials.
    pub(crate) clone_url: String,
}

impl Gitea {
    /// The one of this test process, started on first use.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Result<Gitea, String>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref().unwrap_or_else(|why| panic!("{why}"))
    }

    /// Starts one of the test's own.
    pub(crate) fn start() -> Result<Self, String> {
        let mut why = String::new();
        // A port that was free may be taken by the time the server binds it.
        for _ in 0..3 {
            match Self::try_start() {
                Ok(gitea) => return Ok(gitea),
                Err(error) => why = error,
            }
        }
        Err(format!("Gitea does not start: {why}"))
    }

    fn try_start() -> Result<Self, String> {
        let servers = Servers::new("gitea");
        let [port] = free_ports();
        let settings = settings(servers.folder(), &parts::part("gitea").join("static"), port);
        std::fs::write(servers.folder().join("app.ini"), settings)
            .map_err(|error| format!("app.ini: {error}"))?;
        let mut gitea = Self { servers, port, password: random_token(), token: String::new() };
        gitea.prepare()?;
        gitea.servers.start("gitea", &mut command(gitea.servers.folder(), &["web"]))?;
        let url = format!("http://127.0.0.1:{port}/api/v1/version");
        let call = Call { method: "GET", url: &url, ..Call::default() };
        let answers = || call.send().is_ok_and(|(status, _)| status == 200);
        gitea.servers.wait_until("Gitea answers", Duration::from_secs(60), answers)?;
        gitea.token = gitea.new_token(ADMIN, &["all"]);
        Ok(gitea)
    }

    fn prepare(&self) -> Result<(), String> {
        let address = format!("{ADMIN}@example.com");
        let user =
            ["admin", "user", "create", "--admin", "--must-change-password=false", "--username", ADMIN];
        let secret = ["--email", &address, "--password", &self.password];
        for arguments in [&["migrate"][..], &[&user[..], &secret].concat()] {
            let output = self.servers.run(&mut command(self.servers.folder(), arguments))?;
            if output.status != 0 {
                return Err(format!("gitea {} gave {}: {}", arguments[0], output.status, output.stderr));
            }
        }
        Ok(())
    }

    /// The servers behind it.
    pub(crate) fn servers(&self) -> &Servers {
        &self.servers
    }

    /// `http://127.0.0.1:PORT`
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The token of the administrator, with all scopes.
    pub(crate) fn admin_token(&self) -> &str {
        &self.token
    }

    /// Makes a user that no other test has, with a token of the least scopes.
    #[track_caller]
    pub(crate) fn user(&self, prefix: &str) -> User {
        self.user_with(prefix, &SCOPES)
    }

    /// Makes a user that no other test has, with a token of these scopes (`write:repository`, `read:user`, ...).
    #[track_caller]
    pub(crate) fn user_with(&self, prefix: &str, scopes: &[&str]) -> User {
        let name = format!("{prefix}-{}", number());
        let body = json!({
            "username": name, "email": format!("{name}@example.com"), "password": self.password,
            "must_change_password": false
        });
        self.must(201, "POST", "/admin/users", Some(&body));
        User { token: self.new_token(&name, scopes), name }
    }

    /// One more token of a user.
    #[track_caller]
    pub(crate) fn new_token(&self, user: &str, scopes: &[&str]) -> String {
        // Tokens are made with a password only, the administrator's will do.
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{ADMIN}:{}", self.password));
        let url = format!("{}/api/v1/users/{user}/tokens", self.url());
        let body = json!({"name": format!("token-{}", number()), "scopes": scopes});
        let authorization = format!("Basic {basic}");
        let call = Call {
            method: "POST",
            url: &url,
            authorization: Some(&authorization),
            body: Some(&body),
            ca: None,
        };
        let (status, answer) = call.json().unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(status, 201, "{answer}");
        answer["sha1"].as_str().expect("a new token is shown once").to_owned()
    }

    /// Makes an empty repository that no other test has; its default branch will be `main`.
    #[track_caller]
    pub(crate) fn repository(&self, owner: &User) -> Repository {
        let name = format!("gitops-{}", number());
        let body = json!({"name": name, "default_branch": "main", "private": true});
        self.must(201, "POST", &format!("/admin/users/{}/repos", owner.name), Some(&body));
        let clone_url = format!("{}/{}/{name}.git", self.url(), owner.name);
        Repository { owner: owner.name.clone(), name, clone_url }
    }

    /// Makes a repository that no other test has, with the branch `main` of this one.
    #[track_caller]
    pub(crate) fn repository_with(&self, owner: &User, content: &Repo) -> Repository {
        let repository = self.repository(owner);
        let _ = content.push_with_token(&repository.clone_url, &owner.token, &["main"]).expect_status(0);
        // The first push is taken in by a queue; until then the API answers 500 to what needs the branch.
        let path = format!("/repos/{}/{}/branches/main", repository.owner, repository.name);
        eventually("Gitea knows the branch main", Duration::from_secs(60), || {
            (self.api(&self.token, "GET", &path, None).0 == 200).then_some(())
        });
        repository
    }

    /// Lets a user write to (`write`), read (`read`) or administer (`admin`) a repository.
    #[track_caller]
    pub(crate) fn add_collaborator(&self, repository: &Repository, user: &User, permission: &str) {
        let path = format!("/repos/{}/{}/collaborators/{}", repository.owner, repository.name, user.name);
        self.must(204, "PUT", &path, Some(&json!({"permission": permission})));
    }

    /// One call of the API: path after `/api/v1`.
    #[track_caller]
    pub(crate) fn api(&self, token: &str, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let (url, authorization) = (format!("{}/api/v1{path}", self.url()), format!("token {token}"));
        let call = Call { method, url: &url, authorization: Some(&authorization), body, ca: None };
        call.json().unwrap_or_else(|why| panic!("{why}"))
    }

    /// One call as administrator that must have this status.
    #[track_caller]
    pub(crate) fn must(&self, status: u16, method: &str, path: &str, body: Option<&Value>) -> Value {
        let (got, answer) = self.api(&self.token, method, path, body);
        assert_eq!(got, status, "{method} {path}: {answer}");
        answer
    }
}

fn number() -> u32 {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(parts::program("gitea", "gitea"));
    command.env_clear().args(["--config", "app.ini", "--work-path"]).arg(folder).args(arguments);
    // Git and its hooks need git, bash and env; the configuration of the developer is out of reach (HOME).
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("GITEA_I_AM_BEING_UNSAFE_RUNNING_AS_ROOT", "true");
    command
}

fn settings(folder: &Path, files: &Path, port: u16) -> String {
    let (folder, files) = (folder.display(), files.display());
    format!(
        "WORK_PATH = {folder}\n\
         [server]\nSTATIC_ROOT_PATH = {files}\nHTTP_ADDR = 127.0.0.1\nHTTP_PORT = {port}\n\
         ROOT_URL = http://127.0.0.1:{port}/\nDISABLE_SSH = true\nOFFLINE_MODE = true\n\
         [database]\nDB_TYPE = sqlite3\n\
         [security]\nINSTALL_LOCK = true\nPASSWORD_HASH_ALGO = pbkdf2$1$8\n\
         [log]\nLEVEL = Error\n\
         [repository]\nDEFAULT_BRANCH = main\n\
         [actions]\nENABLED = false\n\
         [cron]\nENABLED = false\n"
    )
}
