//! `drift audit` on a ledger with two ended incidents: what it proves, and what it does not let pass.

use std::path::{Path, PathBuf};

use crate::support::command::{Drift, Output};
use crate::support::repo::Repo;

/// The repository of the demo, bare, and a clone of it to tamper with.
struct Story {
    _folder: tempfile::TempDir,
    bare: PathBuf,
    clone: Repo,
}

impl Story {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let bare = folder.path().join("story");
        let _ = Drift::new().args(["demo", "--keep"]).arg(&bare).run().expect_status(0);
        let clone = Repo::new();
        clone.git(&["remote", "add", "origin", &bare.to_string_lossy()]);
        clone.git(&["fetch", "--quiet", "origin"]);
        Self { _folder: folder, bare, clone }
    }

    fn audit(&self) -> Output {
        audit(&self.bare)
    }

    /// Changes the first file of the ledger's branch and pushes it.
    fn tamper(&self, change: impl Fn(&str) -> String) -> String {
        self.clone.git(&["checkout", "--quiet", "-B", "ledger", "origin/drift/ledger"]);
        let file = self
            .clone
            .git(&["ls-files", "incidents"])
            .lines()
            .next()
            .expect("the ledger has files")
            .to_owned();
        let text = change(&self.clone.read(&file));
        self.clone.write(&file, text);
        self.clone.commit("tamper");
        self.clone.git(&["push", "--quiet", "origin", "ledger:drift/ledger"]);
        file
    }
}

fn audit(repository: &Path) -> Output {
    Drift::new().args(["audit", "--repository"]).arg(repository).run()
}

#[test]
fn ended_incidents_are_proven_from_git_alone() {
    let story = Story::new();
    let out = story.audit().expect_status(0);
    assert!(out.stdout.contains("2 incidents: every one ended with a commit on main"), "{}", out.stdout);
    let report = Drift::new()
        .args(["audit", "-o", "json", "--repository"])
        .arg(&story.bare)
        .run()
        .expect_status(0)
        .json();
    assert_eq!(report["schema"], "drift/audit/v1");
    let proofs: Vec<&str> = report["incidents"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["proof"].as_str())
        .collect();
    assert_eq!(proofs.len(), 2, "{report:#}");
    assert!(proofs.contains(&"content"), "{report:#}");
}

#[test]
fn a_commit_that_the_base_branch_no_longer_has_proves_nothing() {
    let story = Story::new();
    story.clone.git(&["push", "--quiet", "--force", "origin", "origin/main~2:refs/heads/main"]);
    let out = story.audit().expect_status(1);
    assert!(out.stdout.contains("not proven Deployment.apps/shop/web"), "{}", out.stdout);
    assert!(out.stdout.contains("is not on the base branch"), "{}", out.stdout);
}

#[test]
fn earlier_bytes_of_the_ledger_are_not_changed_unseen() {
    let story = Story::new();
    let file = story.tamper(|text| {
        text.replacen("cause: manual", "cause: unknown", 1).replacen(
            "manager: kubectl-create",
            "manager: nobody",
            1,
        )
    });
    let out = story.audit().expect_status(1);
    assert!(out.stdout.contains("rewritten") && out.stdout.contains(&file), "{}", out.stdout);
}

#[test]
fn a_ledger_that_cannot_be_read_is_exit_3_with_the_place() {
    let story = Story::new();
    let file = story.tamper(|text| text.replacen("members:", "members: [", 1));
    let out = story.audit().expect_status(3);
    assert!(out.stderr.contains(&file) && out.stderr.contains("cannot be read"), "{}", out.stderr);
    assert!(out.stdout.is_empty(), "{}", out.stdout);
}

#[test]
fn without_a_ledger_nothing_was_ever_recorded() {
    let repo = Repo::with(&[("drift.yaml", "version: 1\n")]);
    let out = audit(repo.path()).expect_status(0);
    assert!(out.stdout.contains("There is no ledger yet (branch drift/ledger)"), "{}", out.stdout);
}
