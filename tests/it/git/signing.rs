//! Signed commits: by the settings of whoever runs drift, with the real ssh-keygen and gpg.

use std::ffi::OsString;
use std::path::Path;

use drift::git::{CommitId, GitError, GitOptions, Repository};
use drift::text::with_hint;

use super::{environment, id, set, who};
use crate::support::keys::{Agent, Gnupg, public, ssh};
use crate::support::parts;
use crate::support::repo::Repo;

/// A repository and the home of whoever runs drift.
struct Home {
    repo: Repo,
    env: Vec<(OsString, OsString)>,
}

impl Home {
    /// With these global settings.
    fn new(settings: &[(&str, &str)]) -> Self {
        parts::part("signing");
        let repo = Repo::with(&[("a", "1")]);
        let env = environment(repo.path().parent().expect("a folder around the repository"));
        let home = Self { repo, env };
        for (key, value) in settings {
            home.repo.git(&["config", "--global", key, value]);
        }
        home
    }

    fn path(&self) -> &Path {
        self.repo.path().parent().expect("a folder around the repository")
    }

    fn global(&self, key: &str, value: &str) {
        self.repo.git(&["config", "--global", key, value]);
    }

    fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    fn open(&self) -> Repository {
        let options = GitOptions { env: self.env.clone(), any_owner: false, bare: true };
        Repository::open(self.repo.path(), options).expect("a repository")
    }

    fn commit(&self, text: &str) -> Result<CommitId, GitError> {
        self.open().commit(
            Some(&id(&self.repo.head())),
            &[set("a", text)],
            "Change\n\nDrift-Incident: x",
            &who(),
        )
    }

    /// Makes a commit whose signature Git verifies with a public key of ssh's.
    #[track_caller]
    fn signed_by(&self, key: &str) -> CommitId {
        let commit = self.commit("signed").unwrap_or_else(|error| panic!("{error}"));
        let allowed = self.path().join("allowed");
        std::fs::write(&allowed, format!("* {key}\n")).expect("a new file");
        let allowed = format!("gpg.ssh.allowedSignersFile={}", allowed.display());
        self.repo.git(&[
            "-c",
            &allowed,
            "-c",
            "gpg.ssh.program=ssh-keygen",
            "verify-commit",
            commit.as_str(),
        ]);
        commit
    }

    /// The reason why no commit was made.
    #[track_caller]
    fn refused(&self) -> String {
        let error = self.commit("refused").expect_err("it cannot be signed");
        assert!(matches!(error, GitError::Signing { .. }), "{error:?}");
        let said = with_hint(&error, error.hint());
        assert!(said.contains("commit.gpgsign") && said.contains("user.signingkey"), "{said}");
        said
    }

    fn is_signed(&self, commit: &CommitId) -> bool {
        self.repo.git(&["cat-file", "commit", commit.as_str()]).contains("\ngpgsig ")
    }
}

/// Settings for a key of ssh's in a file.
fn by_ssh(file: &Path) -> Home {
    let home = Home::new(&[("commit.gpgsign", "true"), ("gpg.format", "ssh")]);
    home.global("user.signingkey", &file.display().to_string());
    home
}

#[test]
fn ssh_key_file_signs_commit() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for kind in ["ed25519", "ecdsa"] {
        let key = ssh(folder.path(), kind, "");
        for file in [key.clone(), key.with_extension("pub")] {
            let home = by_ssh(&file);
            // Not about commits.
            home.global("tag.gpgsign", "false");
            let signed = home.signed_by(&public(&key));
            home.global("commit.gpgsign", "false");
            let plain = home.commit("signed").expect("written");
            assert!(home.is_signed(&signed) && !home.is_signed(&plain));
            let format = "--format=%T %P %an %ae %at %cn %ce %ct %B";
            let shown = |commit: &CommitId| home.repo.git(&["show", "--no-patch", format, commit.as_str()]);
            assert_eq!(shown(&signed), shown(&plain));
            home.repo.git(&["fsck", "--strict", "--no-dangling"]);
        }
    }
}

#[test]
fn signing_key_from_agent_command_or_environment() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let key = ssh(folder.path(), "ed25519", "");
    let agent = Agent::with(&key);
    let known = public(&key);
    std::fs::remove_file(&key).expect("the agent has it");
    let literal = format!("key::{known}");
    let home = Home::new(&[("commit.gpgsign", "true"), ("gpg.format", "ssh"), ("user.signingkey", &literal)]);
    home.env("SSH_AUTH_SOCK", agent.socket()).signed_by(&known);

    let command = format!("echo '{literal}'");
    let home =
        Home::new(&[("commit.gpgsign", "1"), ("gpg.format", "ssh"), ("gpg.ssh.defaultKeyCommand", &command)]);
    home.env("SSH_AUTH_SOCK", agent.socket()).signed_by(&known);

    let mut home = Home::new(&[]).env("SSH_AUTH_SOCK", agent.socket()).env("GIT_CONFIG_COUNT", "3");
    let settings = [("commit.gpgsign", "true"), ("gpg.format", "ssh"), ("user.signingkey", &literal)];
    for (number, (name, value)) in settings.into_iter().enumerate() {
        home = home.env(&format!("GIT_CONFIG_KEY_{number}"), name);
        home = home.env(&format!("GIT_CONFIG_VALUE_{number}"), value);
    }
    home.signed_by(&known);
}

#[test]
fn gpg_key_signs_with_committer_address() {
    let gnupg = Gnupg::with_key("bot@example.com", "");
    let home = Home::new(&[("commit.gpgsign", "true"), ("user.email", "bot@example.com")]);
    let home = home.env("GNUPGHOME", gnupg.home());
    let commit = home.commit("signed").expect("gpg looks the key up by the committer's address");
    let verified = home.repo.try_git(&["verify-commit", commit.as_str()], &[("GNUPGHOME", gnupg.home())]);
    let _ = verified.expect_status(0);
    let shown = home.repo.git(&["show", "--no-patch", "--format=%an %ae %cn %ce", commit.as_str()]);
    assert_eq!(shown, "drift drift@example.com drift bot@example.com");
    assert_eq!(home.open().committer(&who()).expect("known").email, "bot@example.com");
}

#[test]
fn unusable_key_fails_without_prompt() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let locked = ssh(folder.path(), "ed25519", "s3cret phrase");
    let absent = folder.path().join("absent");
    let gnupg = Gnupg::with_key("locked@example.com", "s3cret phrase");
    let broken = "echo 'PRIVATE s3cret'; echo s3cret >&2; exit 1";
    let ssh_key =
        |file: &Path| vec![("gpg.format", "ssh".to_owned()), ("user.signingkey", file.display().to_string())];
    let cases = [
        (ssh_key(&locked), "incorrect passphrase"),
        (ssh_key(&locked.with_extension("pub")), "incorrect passphrase"),
        (ssh_key(&absent), "absent"),
        (vec![("gpg.format", "ssh".to_owned())], "user.signingkey or gpg.ssh.defaultKeyCommand"),
        (
            vec![("gpg.format", "ssh".to_owned()), ("gpg.ssh.defaultKeyCommand", broken.to_owned())],
            "gpg.ssh.defaultKeyCommand gave no key",
        ),
        (
            [ssh_key(&locked), vec![("gpg.ssh.program", "/nowhere/keygen".to_owned())]].concat(),
            "/nowhere/keygen",
        ),
        (vec![("gpg.program", "/nowhere/gpg".to_owned())], "/nowhere/gpg"),
        (vec![("user.signingkey", "nobody@example.com".to_owned())], "gpg failed to sign"),
        (vec![("user.signingkey", "locked@example.com".to_owned())], "gpg failed to sign"),
    ];
    for (settings, words) in cases {
        let home = Home::new(&[("commit.gpgsign", "true")]).env("GNUPGHOME", gnupg.home());
        for (key, value) in &settings {
            home.global(key, value);
        }
        let said = home.refused();
        assert!(said.contains(words), "{settings:?}: {said}");
        assert!(!said.contains("s3cret") && !said.contains("PRIVATE"), "{said}");
    }
}

#[test]
fn missing_signing_program_is_named() {
    let home = Home::new(&[("commit.gpgsign", "true")]);
    let bin = home.path().join("bin");
    std::fs::create_dir(&bin).expect("a new folder");
    std::os::unix::fs::symlink(parts::system_program("git"), bin.join("git")).expect("a new link");
    let home = home.env("PATH", bin.into_os_string());
    let said = home.refused();
    assert!(said.contains("cannot run gpg"), "{said}");
}

#[test]
fn invalid_git_setting_is_configuration_error() {
    let home = Home::new(&[("commit.gpgsign", "perhaps")]);
    let error = home.commit("x").expect_err("no boolean");
    assert!(
        matches!(error, GitError::Setting { .. }) && with_hint(&error, error.hint()).contains("perhaps"),
        "{error:?}"
    );
}

/// A `.git/config` may wish for signatures; it names no program and no key, and takes no signature away.
#[test]
fn repository_config_may_only_request_signing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let key = ssh(folder.path(), "ed25519", "");
    let home = by_ssh(&key);
    let mark = home.path().join("mark");
    let program = folder.path().join("program");
    let text = format!("#!/bin/sh\ntouch '{}'\nexit 1\n", mark.display());
    std::fs::write(&program, text).expect("a new file");
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("our own");
    let program = program.display().to_string();
    let own = [
        ("commit.gpgsign", "false"),
        ("gpg.format", "openpgp"),
        ("gpg.program", &program),
        ("gpg.openpgp.program", &program),
        ("gpg.ssh.program", &program),
        ("gpg.ssh.defaultKeyCommand", &program),
        ("user.signingkey", "ABCDEF"),
        ("user.email", "evil@example.com"),
    ];
    for (name, value) in own {
        home.repo.git(&["config", name, value]);
    }
    home.signed_by(&public(&key));
    assert_eq!(home.open().committer(&who()).expect("known"), who());

    home.repo.git(&["config", "--global", "--unset", "commit.gpgsign"]);
    assert!(!home.is_signed(&home.commit("x").expect("nobody wishes it")));
    home.repo.git(&["config", "commit.gpgsign", "yes"]);
    home.signed_by(&public(&key));
    home.global("commit.gpgsign", "no");
    assert!(!home.is_signed(&home.commit("x").expect("who runs drift says no")));
    for name in ["commit.gpgsign", "user.signingkey", "gpg.format"] {
        home.repo.git(&["config", "--global", "--unset", name]);
    }
    let said = home.env("GNUPGHOME", folder.path()).refused();
    assert!(said.contains(".git/config do not count"), "{said}");
    assert!(!mark.exists(), "a program of .git/config ran");
}
