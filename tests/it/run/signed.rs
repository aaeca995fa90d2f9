//! Runs whose commits are signed, and forges that ask for it.

use std::path::Path;

use serde_json::json;

use super::gitea::Hosted;
use super::place::{LEDGER, Place};
use crate::support::keys::{Gnupg, public, ssh};
use crate::support::repo::Repo;

/// Settings of Git's for a key of ssh's.
fn by_ssh(key: &Path, email: &str) -> String {
    let key = key.display();
    format!(
        "[user]\n\tname = Bot\n\temail = {email}\n\tsigningkey = {key}\n[commit]\n\tgpgsign = true\n[gpg]\n\tformat = ssh\n"
    )
}

impl Place {
    /// Writes the global settings of whoever runs drift, who has the programs that sign.
    fn sign_by(&mut self, settings: &str) {
        let drift = std::mem::take(&mut self.drift);
        self.drift = drift.with_tools(&["ssh-keygen", "gpg", "sh", "env"]);
        std::fs::write(self.drift.home().join(".gitconfig"), settings).expect("a home of the test's own");
    }

    /// Fails unless every commit of these revisions that is not on `main` has a signature by the key.
    #[track_caller]
    fn assert_signed(&self, key: &Path, revisions: &[&str]) {
        let allowed = self.drift.home().join("allowed");
        std::fs::write(&allowed, format!("* {}\n", public(key))).expect("a home of the test's own");
        let allowed = format!("gpg.ssh.allowedSignersFile={}", allowed.display());
        let commits = self.repo.git(&[&["rev-list"], revisions, &["^main"]].concat());
        assert!(!commits.is_empty());
        for commit in commits.lines() {
            self.repo.git(&["-c", &allowed, "verify-commit", commit]);
        }
    }
}

/// The signatures of this kind of key differ each time.
#[test]
fn commits_signed_once_and_not_repeated() {
    let keys = tempfile::tempdir().expect("a temporary folder");
    let key = ssh(keys.path(), "ecdsa", "");
    let mut place = Place::new("signed");
    place.sign_by(&by_ssh(&key, "bot@example.com"));
    place.set_memory("1Gi");
    let _ = place.run(1);
    let branch = place.branch();
    place.assert_signed(&key, &[&branch, LEDGER, drift::forge::PROPOSALS_BRANCH]);
    let who = place.repo.git(&["log", "--format=%an <%ae>, %cn <%ce>", "--max-count=1", &branch]);
    assert_eq!(who, "drift <drift@noreply.invalid>, drift <bot@example.com>");

    let again = place.assert_settled(1);
    assert!(again.stdout.contains("unchanged: "), "{}", again.stdout);

    let refs = place.refs();
    place.set_memory("2Gi");
    let _ = place.run(1);
    assert_ne!(place.refs(), refs, "a commit of drift's own is replaced");
    place.assert_signed(&key, &[&branch, LEDGER]);

    place.repo.git(&["merge", "--quiet", "--no-ff", "--no-edit", &branch]);
    let ended = place.run(0);
    assert!(ended.stdout.contains("ended, adopted: "), "{}", ended.stdout);
    assert!(place.branches().is_empty(), "the branch is known to be drift's own");
    place.assert_ledger_only_grows();
}

#[test]
fn branch_with_amended_commit_left_alone() {
    let keys = tempfile::tempdir().expect("a temporary folder");
    let key = ssh(keys.path(), "ed25519", "");
    let mut place = Place::new("amended");
    place.sign_by(&by_ssh(&key, "alice@example.com"));
    place.set_memory("1Gi");
    let _ = place.run(1);
    let branch = place.branch();
    // The same person works with the same address: what they commit has their name.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tree = folder.path().join("tree");
    let path = tree.to_str().expect("UTF-8");
    place.repo.git(&["worktree", "add", "--quiet", path, &branch]);
    std::fs::write(tree.join("apps/more.yaml"), "# later\n").expect("a new file");
    place.repo.git(&["-C", path, "add", "--all"]);
    let who = [("GIT_COMMITTER_NAME", "Alice"), ("GIT_COMMITTER_EMAIL", "alice@example.com")];
    let _ =
        place.repo.try_git(&["-C", path, "commit", "--quiet", "--amend", "--no-edit"], &who).expect_status(0);
    place.repo.git(&["worktree", "remove", path]);
    let tip = place.repo.revision(&branch);
    place.set_memory("2Gi");
    let _ = place.run(1);
    assert_eq!(place.repo.revision(&branch), tip);
}

#[test]
fn conditionally_included_user_settings_sign_commits() {
    let keys = tempfile::tempdir().expect("a temporary folder");
    let key = ssh(keys.path(), "ed25519", "");
    let mut place = Place::new("included");
    let more = keys.path().join("more");
    std::fs::write(&more, by_ssh(&key, "bot@example.com")).expect("a new file");
    let folder = place.repo.path().canonicalize().expect("it is there");
    let include = format!("[includeIf \"gitdir:{}/\"]\n\tpath = {}\n", folder.display(), more.display());
    place.sign_by(&include);
    place.set_memory("1Gi");
    let _ = place.run(1);
    place.assert_signed(&key, &[&place.branch(), LEDGER]);
}

#[test]
fn unusable_key_ends_run_before_push() {
    let keys = tempfile::tempdir().expect("a temporary folder");
    let locked = ssh(keys.path(), "ed25519", "s3cret phrase");
    let mut place = Place::new("locked");
    place.set_memory("1Gi");
    let before = place.refs();
    let missing = by_ssh(&locked, "bot@example.com") + "[gpg \"ssh\"]\n\tprogram = /nowhere/keygen\n";
    for (settings, words) in [
        (by_ssh(&locked, "bot@example.com"), "incorrect passphrase"),
        (missing, "/nowhere/keygen"),
        ("[commit]\n\tgpgsign = true\n".to_owned(), "gpg failed to sign"),
    ] {
        place.sign_by(&settings);
        let said = place.run(3);
        assert!(
            said.stderr.contains("commits are to be signed") && said.stderr.contains(words),
            "{}",
            said.stderr
        );
        assert!(said.stdout.contains("memory"), "what was compared is shown: {}", said.stdout);
        assert!(!(said.stderr + &said.stdout).contains("s3cret"));
        assert_eq!(place.refs(), before);
    }
    let _ = Place::run(&Place { drift: place.drift.arg("--dry-run"), ..place }, 1);
}

/// A Gitea that takes signed commits only, on every branch.
fn strict(name: &str) -> Hosted {
    let hosted = Hosted::new(name);
    hosted.place.set_memory("1Gi");
    let rule = json!({"rule_name": "**", "enable_push": true, "require_signed_commits": true});
    hosted.must(201, "POST", "/branch_protections", Some(&rule));
    hosted
}

#[test]
fn gitea_requiring_signatures_named_then_satisfied() {
    let gnupg = Gnupg::with_key("unknown@example.com", "");
    let mut hosted = strict("strict");
    let before = hosted.everything();
    let said = hosted.run(3);
    for words in ["ask for signed commits", "commit.gpgsign", "user.email"] {
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
    }
    assert_eq!(hosted.everything(), before);

    // A key that Gitea does not know.
    let settings = "[user]\n\temail = unknown@example.com\n[commit]\n\tgpgsign = true\n";
    hosted.place.sign_by(settings);
    hosted.place.drift = std::mem::take(&mut hosted.place.drift).env("GNUPGHOME", gnupg.home());
    let said = hosted.run(3);
    assert!(said.stderr.contains("as committed by unknown@example.com"), "{}", said.stderr);
    assert_eq!(hosted.everything(), before);

    let email = format!("{}@example.com", hosted.bot.name);
    let gnupg = Gnupg::with_key(&email, "");
    let key = json!({"armored_public_key": gnupg.public()});
    let token = hosted.gitea.new_token(&hosted.bot.name, &["write:user"]);
    let (status, answer) = hosted.gitea.api(&token, "POST", "/user/gpg_keys", Some(&key));
    assert_eq!(status, 201, "{answer}");
    hosted.place.sign_by(&settings.replace("unknown@example.com", &email));
    hosted.place.drift = std::mem::take(&mut hosted.place.drift).env("GNUPGHOME", gnupg.home());
    let _ = hosted.run(1);
    assert_eq!(hosted.pull()["state"], "open");
    verified_by(&hosted, &gnupg);
    let _ = hosted.assert_settled(1);
}

#[track_caller]
fn verified_by(hosted: &Hosted, gnupg: &Gnupg) {
    let repo: &Repo = hosted.fetch();
    let commits = repo.git(&["rev-list", "--glob=refs/remotes/seen/drift/*", "^main"]);
    assert!(commits.lines().count() >= 2, "a proposal and the ledger: {commits}");
    for commit in commits.lines() {
        let _ = repo.try_git(&["verify-commit", commit], &[("GNUPGHOME", gnupg.home())]).expect_status(0);
    }
}
