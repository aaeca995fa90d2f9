//! Keys to sign with, made by the real programs.

#![expect(clippy::disallowed_methods, reason = "tests run programs")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::parts::program;

/// Makes an SSH key of a type (`ed25519`, `ecdsa`), locked where there is a pass phrase; gives the private key's file.
pub(crate) fn ssh(folder: &Path, kind: &str, pass_phrase: &str) -> PathBuf {
    let file = folder.join(format!("id_{kind}"));
    let mut command = Command::new(program("signing", "ssh-keygen"));
    command.args(["-q", "-t", kind, "-N", pass_phrase, "-C", "drift test", "-f"]).arg(&file);
    run(command);
    file
}

/// The public half of a key.
pub(crate) fn public(private: &Path) -> String {
    let text = std::fs::read_to_string(private.with_extension("pub")).expect("a public key beside it");
    text.trim_end().to_owned()
}

/// A folder of GnuPG's with a key for this address; its agent ends with the value.
pub(crate) struct Gnupg {
    home: tempfile::TempDir,
}

impl Gnupg {
    /// Makes a key, locked where there is a pass phrase.
    pub(crate) fn with_key(email: &str, pass_phrase: &str) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        // The path of an agent's socket has at most 107 bytes.
        let home = tempfile::Builder::new().prefix("gpg-").tempdir_in("/tmp").expect("a temporary folder");
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700))
            .expect("our own folder");
        let gnupg = Self { home };
        let mut command = gnupg.program("gpg");
        command.args(["--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", pass_phrase]);
        command.args(["--quick-generate-key", &format!("Bot <{email}>"), "ed25519", "sign", "never"]);
        run(command);
        gnupg.stop();
        gnupg
    }

    /// For `GNUPGHOME`.
    pub(crate) fn home(&self) -> &str {
        self.home.path().to_str().expect("UTF-8")
    }

    /// The public key, as a forge takes it.
    pub(crate) fn public(&self) -> String {
        let output = self.program("gpg").args(["--batch", "--armor", "--export"]).output().expect("gpg runs");
        String::from_utf8(output.stdout).expect("armour is ASCII")
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(program("signing", name));
        command.env("GNUPGHOME", self.home.path()).env_remove("GPG_TTY").stdin(Stdio::null());
        command
    }

    /// Ends the agent, which would know the pass phrase.
    fn stop(&self) {
        run({
            let mut command = self.program("gpgconf");
            command.args(["--kill", "all"]);
            command
        });
    }
}

impl Drop for Gnupg {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A running agent of ssh's with one key.
pub(crate) struct Agent {
    folder: tempfile::TempDir,
    child: std::process::Child,
}

impl Agent {
    /// Starts one and gives it a key.
    pub(crate) fn with(private: &Path) -> Self {
        let folder =
            tempfile::Builder::new().prefix("agent-").tempdir_in("/tmp").expect("a temporary folder");
        let socket = folder.path().join("socket");
        let mut command = Command::new(program("signing", "ssh-agent"));
        let child = command.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn().expect("it runs");
        let agent = Self { folder, child };
        super::servers::eventually("the agent listens", std::time::Duration::from_secs(20), || {
            socket.exists().then_some(())
        });
        let mut add = Command::new(program("signing", "ssh-add"));
        add.arg("-q").arg(private).env("SSH_AUTH_SOCK", &socket);
        run(add);
        agent
    }

    /// For `SSH_AUTH_SOCK`.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

#[track_caller]
fn run(mut command: Command) {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
