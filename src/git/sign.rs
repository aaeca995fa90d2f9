//! Signed commits: the program signs, by the settings of whoever runs drift.
//!
//! `commit.gpgsign` asks for signatures, and `user.signingkey`, `gpg.format`, `gpg.program`, `gpg.ssh.program`,
//! `gpg.ssh.defaultKeyCommand` and the rest say how, as git-config(1) has them: in the global and the system file, and
//! in `GIT_CONFIG_*`. Of the repository's own file nothing counts but the wish: a file that came with an archive can
//! have commits signed that would not be, but names neither a program nor a key, and switches no signature off.

use std::time::Duration;

use git2::{ConfigLevel, Oid};

use super::program::GitOutput;
use super::signing_settings::SigningSettings;
use super::{CommitId, GitError, Repository, Signature, shadow_repository};

/// A key on a card or an agent far away; nobody is asked anything.
const LIMIT: Duration = Duration::from_secs(60);

/// Variables that let a program ask a person: a run would wait for an answer that nobody gives.
const PROMPTS: [&str; 4] = ["GPG_TTY", "DISPLAY", "WAYLAND_DISPLAY", "SSH_ASKPASS"];

impl Repository {
    /// Who commits: the same, unless commits are signed and Git is told an address (`committer.email`, `user.email`,
    /// `GIT_COMMITTER_EMAIL`). A forge looks a signature's key up by the address of the committer.
    ///
    /// # Errors
    /// [`GitError::Setting`] for a value that Git does not take, [`GitError::NoProgram`].
    pub fn committer(&self, who: &Signature) -> Result<Signature, GitError> {
        let email = self.signing_settings()?.and_then(|signing| signing.email.clone());
        Ok(Signature { email: email.unwrap_or_else(|| who.email.clone()), ..who.clone() })
    }

    /// How commits are signed; `None` where they are not. Git is asked once.
    pub(super) fn signing_settings(&self) -> Result<Option<&SigningSettings>, GitError> {
        if let Some(known) = self.signing.get() {
            return Ok(known.as_ref());
        }
        let found = self.ask_signing()?;
        Ok(self.signing.get_or_init(|| found).as_ref())
    }

    fn ask_signing(&self) -> Result<Option<SigningSettings>, GitError> {
        // Without an environment (the demo) there is nobody whose settings these would be.
        if self.options.env.is_empty() {
            return Ok(None);
        }
        let asked = self.git_command()?.args(["config", "--type=bool", "--get", "commit.gpgsign"]).run()?;
        let is_wanted = match asked.out.trim() {
            _ if !asked.success && !asked.err.trim().is_empty() => {
                return Err(GitError::Setting { why: asked.reason() });
            }
            "" => self.wants_signatures(),
            value => value == "true",
        };
        if !is_wanted {
            return Ok(None);
        }
        // Git's own order of settings and variables, without the address that it would make up.
        let git = self
            .git_command()?
            .config_value("user.useConfigOnly", "true")
            .variable("GIT_COMMITTER_NAME", "drift");
        let ident = git.args(["var", "GIT_COMMITTER_IDENT"]).run()?;
        let email =
            ident.out.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(email, _)| email);
        let named = self
            .git_command()?
            .args(["config", "--get-regexp", r"^(user\.signingkey|gpg\.format)$"])
            .run()?;
        let last = |key: &str| named.out.lines().filter_map(|line| line.strip_prefix(key)).next_back();
        let by_address = last("user.signingkey ").is_none() && last("gpg.format ") != Some("ssh");
        Ok(Some(SigningSettings { email: email.filter(|_| ident.success).map(str::to_owned), by_address }))
    }

    /// Whether the repository's own configuration wants signatures.
    fn wants_signatures(&self) -> bool {
        let mut wish = false;
        shadow_repository::each_entry(&self.inner, |entry| {
            let own = matches!(entry.level(), ConfigLevel::Local | ConfigLevel::Worktree);
            if own && entry.name() == Ok("commit.gpgsign") {
                let value = entry.has_value().then(|| String::from_utf8_lossy(entry.value_bytes()));
                wish = value.is_none_or(|value| git2::Config::parse_bool(&*value).unwrap_or(false));
            }
        });
        wish
    }

    fn key_option(&self, committer: &Signature) -> Result<String, GitError> {
        let by_address = self.signing_settings()?.is_some_and(|signing| signing.by_address);
        Ok(if by_address { format!("-S<{}>", committer.email) } else { "-S".to_owned() })
    }

    /// Has Git make and sign a commit.
    pub(super) fn write_signed(
        &self,
        parent: Option<&CommitId>,
        tree: Oid,
        message: &str,
        who: &Signature,
    ) -> Result<CommitId, GitError> {
        let committer = self.committer(who)?;
        let date = format!("@{} +0000", who.time);
        let mut git = self
            .git_command()?
            .without_variables(&PROMPTS)
            // Never the terminal: a pass phrase is asked of a program that gives none.
            .variable("SSH_ASKPASS_REQUIRE", "force")
            .variable("SSH_ASKPASS", "false")
            .variable("GIT_AUTHOR_NAME", &who.name)
            .variable("GIT_AUTHOR_EMAIL", &who.email)
            .variable("GIT_AUTHOR_DATE", &date)
            .variable("GIT_COMMITTER_NAME", &committer.name)
            .variable("GIT_COMMITTER_EMAIL", &committer.email)
            .variable("GIT_COMMITTER_DATE", &date)
            .config_value("i18n.commitEncoding", "UTF-8")
            .arg("commit-tree")
            .arg(self.key_option(&committer)?)
            .args(["-F", "-"])
            .limit(LIMIT)
            .input(message.as_bytes().to_vec());
        if let Some(parent) = parent {
            git = git.args(["-p", parent.as_str()]);
        }
        let answer = git.arg(tree.to_string()).run()?;
        if answer.success {
            return CommitId::parse(answer.out.trim());
        }
        if super::fetch::is_read_only(&answer) {
            return Err(GitError::ReadOnly { path: self.path().to_owned(), why: answer.reason() });
        }
        Err(GitError::Signing { why: signing_error(&answer) })
    }
}

/// What failed, without what a command of the settings printed: it may be a key.
fn signing_error(answer: &GitOutput) -> String {
    if let Some(limit) = answer.timed_out() {
        return format!("no signature within {} s", limit.as_secs());
    }
    if answer.err.contains("gpg.ssh.defaultKeyCommand ") && !answer.err.contains("either user.signingkey") {
        return "gpg.ssh.defaultKeyCommand gave no key (a line that begins with `ssh-` or `key::`)"
            .to_owned();
    }
    // A signer's own lines say more than Git's: what it failed with stands in any of them.
    let is_noise =
        |line: &&str| line.is_empty() || line.starts_with("[GNUPG:]") || line.contains("ssh_askpass: exec");
    let lines: Vec<&str> = answer.err.lines().map(str::trim).filter(|line| !is_noise(line)).collect();
    let text: String = lines.join("; ").chars().filter(|c| !c.is_control()).take(600).collect();
    if text.is_empty() { answer.reason() } else { text }
}
