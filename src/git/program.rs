//! Runs the `git` program: the caller's environment, no prompts, no hooks, a limit of time and of output.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::process::{ProcessError, Program};

use super::address::redact_credentials;
use super::shadow_repository::ShadowRepository;
use super::token::LOGIN;
use super::{GitError, Remote, RemoteFailure, Token};

/// For questions: who has which branches.
pub(super) const QUERY_LIMIT: Duration = Duration::from_secs(60);
/// For objects on their way.
pub(super) const TRANSFER_LIMIT: Duration = Duration::from_secs(600);
/// What an answer may hold; a remote with a million branches is below it.
const MOST_OUTPUT: usize = 128 << 20;

/// Variables of the caller's that stay: how to reach and to identify. Others name another repository, or write
/// logs that hold headers.
const PASSED_VARIABLES: [&str; 16] = [
    "GIT_ASKPASS",
    "GIT_COMMITTER_EMAIL",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_SYSTEM",
    "GIT_EXEC_PATH",
    "GIT_HTTP_LOW_SPEED_LIMIT",
    "GIT_HTTP_LOW_SPEED_TIME",
    "GIT_HTTP_PROXY_AUTHMETHOD",
    "GIT_HTTP_USER_AGENT",
    "GIT_PROXY_COMMAND",
    "GIT_PROXY_SSL_CAINFO",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_SSH_VARIANT",
];

/// Gives a token when Git asks for credentials: a helper that Git itself binds to the host, also after a redirect,
/// with the secret in the environment of the child alone.
const CREDENTIAL_HELPER: &str = "!f() { test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \
                      \"$DRIFT_GIT_LOGIN\" \"$DRIFT_GIT_TOKEN\"; }; f";

/// One run of the program.
pub(super) struct GitCommand<'a> {
    args: Vec<OsString>,
    env: &'a [(OsString, OsString)],
    folder: PathBuf,
    repository: Option<PathBuf>,
    shadow: Option<ShadowRepository>,
    included: Vec<(String, String)>,
    input: Vec<u8>,
    limit: Duration,
    config: Vec<(String, String)>,
    variables: Vec<(&'static str, String)>,
    left_out: &'static [&'static str],
    secret: Option<(String, Token)>,
    quiet_ssh: bool,
}

/// What it answered.
pub(super) struct GitOutput {
    /// Whether it ended with 0.
    pub(super) success: bool,
    /// Standard output.
    pub(super) out: String,
    /// Standard error, without credentials.
    pub(super) err: String,
    timed_out: Option<Duration>,
}

impl<'a> GitCommand<'a> {
    /// A run in `folder`, which is a repository or a folder without one.
    pub(super) fn new(folder: &Path, env: &'a [(OsString, OsString)]) -> Self {
        let config = [
            ("core.hooksPath", "/dev/null"),
            ("core.fsmonitor", "false"),
            ("protocol.ext.allow", "never"),
            ("safe.bareRepository", "explicit"),
            ("gc.autoDetach", "false"),
            ("maintenance.autoDetach", "false"),
        ];
        Self {
            args: Vec::new(),
            env,
            folder: folder.to_owned(),
            repository: None,
            shadow: None,
            included: Vec::new(),
            input: Vec::new(),
            limit: QUERY_LIMIT,
            config: config.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec(),
            variables: Vec::new(),
            left_out: &[],
            secret: None,
            quiet_ssh: false,
        }
    }

    /// More arguments.
    pub(super) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// One more argument.
    pub(super) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Works on exactly this repository, which the user named or drift made: nothing is looked for.
    pub(super) fn repository(mut self, folder: &Path) -> Self {
        self.repository = Some(folder.to_owned());
        self
    }

    /// Works on the stand-in of a repository, with what the user's configuration includes for that repository.
    pub(super) fn shadow_repository(
        mut self,
        stand_in: ShadowRepository,
        included: Vec<(String, String)>,
    ) -> Self {
        self.repository = Some(stand_in.path().to_owned());
        self.shadow = Some(stand_in);
        self.included = included;
        self
    }

    /// ssh asks on the terminal, past its standard input, for host keys and pass phrases; a run would hang.
    pub(super) fn ssh_without_questions(mut self) -> Self {
        self.quiet_ssh = true;
        self
    }

    /// What it reads.
    pub(super) fn input(mut self, input: Vec<u8>) -> Self {
        self.input = input;
        self
    }

    /// How long it may take.
    pub(super) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// A setting for this run alone.
    pub(super) fn config_value(mut self, key: &str, value: &str) -> Self {
        self.config.push((key.to_owned(), value.to_owned()));
        self
    }

    /// A variable for this run alone; it replaces the caller's.
    pub(super) fn variable(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// Leaves out variables of the caller's.
    pub(super) fn without_variables(mut self, names: &'static [&'static str]) -> Self {
        self.left_out = names;
        self
    }

    /// Credentials for `url`, where it is HTTP. What the user or a checkout step configured for it is set aside:
    /// two `Authorization` headers are refused by servers, and the identity must be the token's.
    pub(super) fn credentials(mut self, url: &str, remote: &Remote) -> Self {
        let Ok(parsed) = url::Url::parse(url) else { return self };
        if !matches!(parsed.scheme(), "http" | "https") {
            return self;
        }
        let host = parsed.origin().ascii_serialization();
        let Some(token) = remote.token.clone() else {
            if let Some(login) = &remote.login {
                self = self.config_value(&format!("credential.{host}.username"), login);
            }
            return self;
        };
        self.secret = Some((remote.login.clone().unwrap_or_else(|| LOGIN.to_owned()), token));
        self.config_value("credential.helper", "")
            .config_value("core.askPass", "")
            .config_value(&format!("credential.{host}.helper"), "")
            .config_value(&format!("credential.{host}.helper"), CREDENTIAL_HELPER)
            .config_value(&format!("http.{}.extraHeader", super::without_credentials(url)), "")
    }

    /// Runs it.
    pub(super) fn run(self) -> Result<GitOutput, GitError> {
        let program = Program::new(find(self.env)?)
            .args(&self.args)
            .envs(self.environment())
            .folder(&self.folder)
            .input(self.input)
            .timeout(self.limit)
            .output_cap(MOST_OUTPUT)
            // Git maps whole packs into its address space.
            .memory(None);
        let ran = program.run();
        if let Some(stand_in) = &self.shadow {
            stand_in.sync_shallow();
        }
        match ran {
            Ok(output) => {
                let mut err = redact_credentials(&output.stderr);
                if let Some((_, token)) = &self.secret {
                    err = err.replace(token.expose(), "***");
                }
                let out = String::from_utf8_lossy(&output.stdout).into_owned();
                Ok(GitOutput { success: output.status == 0, out, err, timed_out: None })
            }
            Err(ProcessError::TimedOut { after, .. }) => Ok(GitOutput {
                success: false,
                out: String::new(),
                err: String::new(),
                timed_out: Some(after),
            }),
            Err(ProcessError::NotFound { why, .. }) => Err(GitError::NoProgram { why }),
            Err(other) => {
                Ok(GitOutput { success: false, out: String::new(), err: other.to_string(), timed_out: None })
            }
        }
    }

    fn environment(&self) -> Vec<(OsString, OsString)> {
        let kept = |name: &OsStr| {
            let name = name.to_string_lossy();
            !name.starts_with("GIT_")
                || name.starts_with("GIT_SSL_")
                || PASSED_VARIABLES.contains(&name.as_ref())
        };
        let mut env: Vec<_> = self.env.iter().filter(|(name, _)| kept(name)).cloned().collect();
        let is_replaced = |name: &str| {
            self.left_out.contains(&name) || self.variables.iter().any(|(known, _)| *known == name)
        };
        env.retain(|(name, _)| {
            !name.to_str().is_some_and(|n| matches!(n, "LC_ALL" | "LANGUAGE") || is_replaced(n))
        });
        let own_ssh = env.iter().any(|(name, _)| name == "GIT_SSH_COMMAND" || name == "GIT_SSH");
        let pair = |(key, value): &(String, String)| (OsString::from(key), OsString::from(value));
        let mut config: Vec<_> = self.included.iter().map(pair).collect();
        config.extend(self.callers_config());
        config.extend(self.config.iter().map(pair));
        let mut add = |name: String, value: OsString| env.push((name.into(), value));
        add("GIT_CONFIG_COUNT".to_owned(), config.len().to_string().into());
        for (n, (key, value)) in config.into_iter().enumerate() {
            add(format!("GIT_CONFIG_KEY_{n}"), key);
            add(format!("GIT_CONFIG_VALUE_{n}"), value);
        }
        add("GIT_TERMINAL_PROMPT".to_owned(), "0".into());
        add("GCM_INTERACTIVE".to_owned(), "never".into());
        add("LC_ALL".to_owned(), "C".into());
        if self.quiet_ssh && !own_ssh {
            add("GIT_SSH_COMMAND".to_owned(), "ssh -o BatchMode=yes".into());
        }
        for (name, value) in &self.variables {
            add((*name).to_owned(), value.into());
        }
        if let Some(repository) = &self.repository {
            add("GIT_DIR".to_owned(), repository.into());
        }
        if let Some((login, token)) = &self.secret {
            add("DRIFT_GIT_LOGIN".to_owned(), login.into());
            add("DRIFT_GIT_TOKEN".to_owned(), token.expose().into());
            env.retain(|(name, _)| name != "GIT_ASKPASS" && name != "SSH_ASKPASS");
        }
        env
    }

    /// Configuration that the caller hands on by `GIT_CONFIG_COUNT`.
    fn callers_config(&self) -> Vec<(OsString, OsString)> {
        let get = |name: &str| self.env.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        let count = get("GIT_CONFIG_COUNT").and_then(|c| c.to_str()?.parse::<usize>().ok()).unwrap_or(0);
        (0..count.min(1000))
            .filter_map(|n| {
                Some((get(&format!("GIT_CONFIG_KEY_{n}"))?, get(&format!("GIT_CONFIG_VALUE_{n}"))?))
            })
            .collect()
    }
}

/// Where the program is: the first `git` on the caller's `PATH`. The child's own search would take ours.
fn find(env: &[(OsString, OsString)]) -> Result<PathBuf, GitError> {
    let path =
        env.iter().rev().find(|(name, _)| name == "PATH").map(|(_, value)| value.clone()).unwrap_or_default();
    let mut places =
        std::env::split_paths(&path).filter(|folder| folder.is_absolute()).map(|f| f.join("git"));
    places
        .find(|place| place.is_file())
        .ok_or_else(|| GitError::NoProgram { why: "not found on PATH".to_owned() })
}

impl GitOutput {
    /// Why it failed, by what it said.
    pub(super) fn failure(&self) -> RemoteFailure {
        if let Some(limit) = self.timed_out {
            return RemoteFailure::TimedOut(limit);
        }
        let why = self.reason();
        let kind = ERROR_PATTERNS.iter().find(|(words, _)| words.iter().any(|w| self.err.contains(w)));
        kind.map_or(RemoteFailure::Other as fn(String) -> RemoteFailure, |(_, kind)| *kind)(why)
    }

    /// How long it was given, where it took longer.
    pub(super) fn timed_out(&self) -> Option<Duration> {
        self.timed_out
    }

    /// The lines of standard error that tell the reason, on one line.
    pub(super) fn reason(&self) -> String {
        let lines: Vec<&str> = self.err.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
        // ssh has no such beginnings, and what Git says after it is always the same.
        let telling = |l: &&&str| {
            ["fatal:", "error:", "ERROR:", "remote:", "ssh:"].iter().any(|start| l.starts_with(start))
                || NO_SSH.iter().chain(&HOST_KEY).chain(&SSH_KEY).any(|words| l.contains(words))
        };
        let mut told: Vec<&str> = lines.iter().filter(telling).copied().collect();
        if told.is_empty() {
            told.clone_from(&lines);
        }
        let text: String = told.join("; ").chars().filter(|c| !c.is_control()).take(600).collect();
        if text.is_empty() { "git failed without a message".to_owned() } else { text }
    }

    /// What the server said (`remote:` lines), on one line; hostile.
    pub(super) fn server_message(&self) -> String {
        let words: Vec<&str> = self
            .err
            .lines()
            .filter_map(|l| l.strip_prefix("remote:"))
            .map(str::trim)
            .filter(|l| !l.is_empty() && *l != "error:")
            .collect();
        words.join("; ").chars().filter(|c| !c.is_control()).take(600).collect()
    }
}

/// Words, and the kind of failure that they tell.
type ErrorPattern = (&'static [&'static str], fn(String) -> RemoteFailure);

/// Words of Git, ssh and curl for what went wrong; the first kind that is found counts.
const ERROR_PATTERNS: [ErrorPattern; 7] = [
    (&NO_SSH, RemoteFailure::NoSsh),
    (&HOST_KEY, RemoteFailure::HostKey),
    (&SSH_KEY, RemoteFailure::SshKey),
    (&AUTH, RemoteFailure::Auth),
    (&CERTIFICATE, RemoteFailure::Certificate),
    (&NETWORK, RemoteFailure::Network),
    (&NOT_FOUND, RemoteFailure::NotFound),
];

/// Of Git, and of the shells that it has start ssh.
const NO_SSH: [&str; 3] = ["cannot run ssh", "ssh: not found", "ssh: command not found"];

const HOST_KEY: [&str; 4] = [
    "Host key verification failed",
    "host key is known for",
    "Host key for ",
    "HOST IDENTIFICATION HAS CHANGED",
];

const SSH_KEY: [&str; 2] = ["Permission denied (", "Too many authentication failures"];

/// Of OpenSSL, GnuTLS and others that curl is built with.
const CERTIFICATE: [&str; 5] = [
    "SSL certificate problem",
    "certificate verification failed",
    "certificate subject name",
    "certificate does not match",
    "no alternative certificate subject",
];

const AUTH: [&str; 8] = [
    "Authentication failed",
    "could not read Username",
    "could not read Password",
    "terminal prompts disabled",
    "Permission to ",
    "returned error: 401",
    "returned error: 403",
    "Write access to repository not granted",
];

const NETWORK: [&str; 16] = [
    "Could not resolve host",
    "Could not resolve proxy",
    "Connection refused",
    "Connection timed out",
    "Connection reset",
    "Connection closed",
    "Failed to connect",
    "Operation timed out",
    "Network is unreachable",
    "No route to host",
    "unexpected disconnect",
    "early EOF",
    "RPC failed",
    "returned error: 5",
    "returned error: 429",
    "SSL",
];

const NOT_FOUND: [&str; 5] = [
    "Repository not found",
    "does not appear to be a git repository",
    "repository '",
    "returned error: 404",
    "No such file or directory",
];
