//! A real registry of OCI artifacts, `registry` of the distribution project.

#![expect(clippy::disallowed_methods, reason = "tests run programs")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::http::Call;
use super::parts::program;
use super::servers::{Servers, free_ports};

/// A user that a registry with a login knows, and the password.
pub(crate) const LOGIN: (&str, &str) = ("reader", "hunter2");
/// The same as `htpasswd -B` writes it.
const HTPASSWD: &str = "reader:$2a$10$8OyALMCRpXJc96A1hSP/S.vR1mi2iVj9Tw3w2EAWRjsrkkIaLLaIS\n";

/// A running registry; it ends when it is dropped.
pub(crate) struct Registry {
    servers: Servers,
    port: u16,
    has_login: bool,
}

impl Registry {
    /// One that gives everything to everybody, or only to [`LOGIN`].
    pub(crate) fn start(has_login: bool) -> Self {
        let mut why = String::new();
        // A port that was free may be taken by the time the server binds it.
        for _ in 0..3 {
            match Self::try_start(has_login) {
                Ok(registry) => return registry,
                Err(error) => why = error,
            }
        }
        panic!("the registry does not start: {why}");
    }

    fn try_start(has_login: bool) -> Result<Self, String> {
        let servers = Servers::new("registry");
        let [port] = free_ports();
        let folder = servers.folder().display().to_string();
        let login = if has_login {
            format!("auth: {{htpasswd: {{realm: registry, path: {folder}/htpasswd}}}}\n")
        } else {
            String::new()
        };
        let settings = format!(
            "version: 0.1\nlog: {{level: warn}}\nstorage: {{filesystem: {{rootdirectory: {folder}/data}}}}\n\
             http: {{addr: '127.0.0.1:{port}'}}\n{login}"
        );
        let write = |name: &str, text: &str| {
            std::fs::write(servers.folder().join(name), text).map_err(|error| format!("{name}: {error}"))
        };
        write("settings.yml", &settings)?;
        write("htpasswd", HTPASSWD)?;
        let mut registry = Self { servers, port, has_login };
        let mut command = Command::new(program("registry", "registry"));
        registry.servers.start("registry", command.args(["serve", "settings.yml"]))?;
        let url = format!("http://127.0.0.1:{port}/v2/");
        let call = Call { method: "GET", url: &url, ..Call::default() };
        let expected = if has_login { 401 } else { 200 };
        let answers = || call.send().is_ok_and(|(status, _)| status == expected);
        registry.servers.wait_until("the registry answers", Duration::from_secs(60), answers)?;
        Ok(registry)
    }

    /// `127.0.0.1:PORT`
    pub(crate) fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Puts the archive of a chart below `charts/` there; the digest of its manifest, `sha256:…`.
    #[track_caller]
    pub(crate) fn push(&self, archive: &Path) -> String {
        let mut command = Command::new(program("helm", "helm"));
        command
            .arg("push")
            .arg(archive)
            .arg(format!("oci://{}/charts", self.authority()))
            .arg("--plain-http");
        if self.has_login {
            command.args(["--username", LOGIN.0, "--password", LOGIN.1]);
        }
        let output = self.servers.run(&mut command).expect("helm runs");
        assert_eq!(output.status, 0, "helm push: {}", output.stderr);
        let said = format!("{}\n{}", output.stdout, output.stderr);
        let digest = said.lines().find_map(|line| line.strip_prefix("Digest: "));
        digest.unwrap_or_else(|| panic!("helm push names no digest: {said}")).to_owned()
    }
}
