//! A real registry of OCI artifacts, `registry` of the distribution project.

#![expect(clippy::disallowed_methods, reason = "tests run programs")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::http::Call;
use super::parts::program;
use super::servers::{Servers, free_ports};

/// A user that a registry with a login knows, and the password.
pub(crate) const LOGIN: (&str, &str) = ("reader", "hunter2");
/// The same as `htpasswd -B` writes it.
const HTPASSWD: &str = "reader:$2a$10$8OyALMCRpXJc96A1hSP/S.vR1mi2iVj9Tw3w2EAWRjsrkkIaLLaIS\n";

/// A certificate for this machine and its key, of an authority that nobody knows.
const CERTIFICATES: &str = r#"
{{- $ca := genCA "drift tests" 30 }}
{{- $own := genSignedCert "127.0.0.1" (list "127.0.0.1") nil 30 $ca }}
ca.pem: {{ $ca.Cert | toJson }}
own.pem: {{ $own.Cert | toJson }}
own.key: {{ $own.Key | toJson }}
"#;

/// What a registry wants of those who ask it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    /// Nothing: plain HTTP.
    Nothing,
    /// [`LOGIN`].
    Login,
    /// TLS, with a certificate of [`Registry::ca`].
    Tls,
}

/// A running registry; it ends when it is dropped.
pub(crate) struct Registry {
    servers: Servers,
    port: u16,
    wants: Wants,
}

impl Registry {
    pub(crate) fn start(wants: Wants) -> Self {
        let mut why = String::new();
        // A port that was free may be taken by the time the server binds it.
        for _ in 0..3 {
            match Self::try_start(wants) {
                Ok(registry) => return registry,
                Err(error) => why = error,
            }
        }
        panic!("the registry does not start: {why}");
    }

    fn try_start(wants: Wants) -> Result<Self, String> {
        let [port] = free_ports();
        let mut registry = Self { servers: Servers::new("registry"), port, wants };
        registry.prepare()?;
        let mut command = Command::new(program("registry", "registry"));
        registry.servers.start("registry", command.args(["serve", "settings.yml"]))?;
        let (scheme, ca) = match wants {
            Wants::Tls => ("https", Some(registry.ca())),
            Wants::Nothing | Wants::Login => ("http", None),
        };
        let url = format!("{scheme}://127.0.0.1:{port}/v2/");
        let call = Call { method: "GET", url: &url, ca: ca.as_deref(), ..Call::default() };
        let expected = if wants == Wants::Login { 401 } else { 200 };
        let answers = || call.send().is_ok_and(|(status, _)| status == expected);
        registry.servers.wait_until("the registry answers", Duration::from_secs(60), answers)?;
        Ok(registry)
    }

    /// Writes its settings, and what they name.
    fn prepare(&self) -> Result<(), String> {
        let folder = self.servers.folder();
        let here = folder.display();
        let (tls, login) = match self.wants {
            Wants::Nothing => (String::new(), String::new()),
            Wants::Login => {
                (String::new(), format!("auth: {{htpasswd: {{realm: registry, path: {here}/htpasswd}}}}\n"))
            }
            Wants::Tls => {
                self.make_certificates()?;
                (format!(", tls: {{certificate: {here}/own.pem, key: {here}/own.key}}"), String::new())
            }
        };
        let settings = format!(
            "version: 0.1\nlog: {{level: warn}}\nstorage: {{filesystem: {{rootdirectory: {here}/data}}}}\n\
             http: {{addr: '127.0.0.1:{}'{tls}}}\n{login}",
            self.port
        );
        write(&folder.join("settings.yml"), &settings)?;
        write(&folder.join("htpasswd"), HTPASSWD)
    }

    /// Has helm make them, which can.
    fn make_certificates(&self) -> Result<(), String> {
        let folder = self.servers.folder();
        std::fs::create_dir_all(folder.join("maker/templates")).map_err(|error| error.to_string())?;
        write(&folder.join("maker/Chart.yaml"), "apiVersion: v2\nname: maker\nversion: 1.0.0\n")?;
        write(&folder.join("maker/templates/all.yaml"), CERTIFICATES)?;
        let mut command = Command::new(program("helm", "helm"));
        let output = self.servers.run(command.args(["template", "maker"]))?;
        for line in output.stdout.lines() {
            if let Some((name, text)) = line.split_once(": \"") {
                let text: String =
                    serde_json::from_str(&format!("\"{text}")).map_err(|error| error.to_string())?;
                write(&folder.join(name), &text)?;
            }
        }
        if output.status == 0 { Ok(()) } else { Err(output.stderr) }
    }

    /// The certificate to trust.
    pub(crate) fn ca(&self) -> PathBuf {
        self.servers.folder().join("ca.pem")
    }

    /// `127.0.0.1:PORT`
    pub(crate) fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Puts the archive of a chart below `charts/` there; the digest of its manifest, `sha256:…`.
    #[track_caller]
    pub(crate) fn push(&self, archive: &Path) -> String {
        let mut command = Command::new(program("helm", "helm"));
        command.arg("push").arg(archive).arg(format!("oci://{}/charts", self.authority()));
        match self.wants {
            Wants::Nothing => command.arg("--plain-http"),
            Wants::Login => command.args(["--plain-http", "--username", LOGIN.0, "--password", LOGIN.1]),
            Wants::Tls => command.arg("--ca-file").arg(self.ca()),
        };
        let output = self.servers.run(&mut command).expect("helm runs");
        assert_eq!(output.status, 0, "helm push: {}", output.stderr);
        let said = format!("{}\n{}", output.stdout, output.stderr);
        let digest = said.lines().find_map(|line| line.strip_prefix("Digest: "));
        digest.unwrap_or_else(|| panic!("helm push names no digest: {said}")).to_owned()
    }
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    std::fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
}
