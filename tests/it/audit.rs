//! `drift audit` on a ledger with two ended incidents: what it proves, and what it does not let pass.

use std::path::{Path, PathBuf};

use crate::support::command::{Drift, Output, as_read};
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
        clone.git(&["branch", "--quiet", "kept", "origin/drift/ledger"]);
        Self { _folder: folder, bare, clone }
    }

    fn audit(&self) -> Output {
        audit(&self.bare)
    }

    /// Replaces the ledger, history and all, by one commit with what `change` makes of each file.
    fn replace_ledger(&self, change: impl Fn(&str) -> Option<String>) {
        self.clone.git(&["checkout", "--quiet", "--force", "--detach", "kept"]);
        let names = self.clone.git(&["ls-files", "incidents"]);
        let texts: Vec<(&str, String)> = names.lines().map(|name| (name, self.clone.read(name))).collect();
        self.clone.git(&["checkout", "--quiet", "--orphan", "replaced"]);
        self.clone.git(&["rm", "--quiet", "-r", "--force", "."]);
        for (name, text) in &texts {
            if let Some(text) = change(text) {
                self.clone.write(name, text);
            }
        }
        self.clone.git(&["add", "--all"]);
        self.clone.git(&["commit", "--quiet", "--allow-empty", "--message", "Record 2 incidents"]);
        self.clone.git(&["push", "--quiet", "--force", "origin", "HEAD:refs/heads/drift/ledger"]);
        self.clone.git(&["checkout", "--quiet", "--detach"]);
        self.clone.git(&["branch", "--quiet", "-D", "replaced"]);
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
    insta::assert_snapshot!(as_read(&out.stdout, &[]), @"
    adopted Deployment.apps/shop/web [<id>] by commit <id>, after 0 days (proven by content)
    adopted ConfigMap/shop/debug [<id>] by commit <id>, after 0 days (proven by content)
    2 incidents: every one ended with a commit on main at <id>.
    ");
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
fn commit_gone_from_base_proves_nothing() {
    let story = Story::new();
    story.clone.git(&["push", "--quiet", "--force", "origin", "origin/main~2:refs/heads/main"]);
    let out = story.audit().expect_status(1);
    insta::assert_snapshot!(as_read(&out.stdout, &[]), @"
    not proven Deployment.apps/shop/web [<id>] adopted, says the ledger; the commit that the ledger names is not on the base branch
    not proven ConfigMap/shop/debug [<id>] adopted, says the ledger; the commit that the ledger names is not on the base branch
    2 incidents, 2 not ended with a commit on main at <id>.
    ");
}

#[test]
fn changed_ledger_history_is_detected() {
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
fn unreadable_ledger_exits_3_with_place() {
    let story = Story::new();
    let file = story.tamper(|text| text.replacen("members:", "members: [", 1));
    let out = story.audit().expect_status(3);
    assert!(out.stderr.contains(&file) && out.stderr.contains("cannot be read"), "{}", out.stderr);
    assert!(out.stdout.is_empty(), "{}", out.stdout);
}

#[test]
fn recorded_end_without_git_proof_rejected() {
    let story = Story::new();
    let first = story.clone.git(&["rev-list", "--max-parents=0", "origin/main"]);
    let head = story.clone.revision("origin/main");
    let end = |how: &str, commit: &str, at: &str| {
        format!("- event: ended\n  at: {at}\n  commit: {commit}\n  how: {how}\n  ended_by: {commit}\n")
    };
    let later = "2999-01-01T00:00:00Z";
    for (what, end) in [
        ("adopted before it began", end("adopted", &first, "now")),
        ("reverted where the live value is declared", end("reverted", &head, "now")),
        ("reverted where the object is not", end("reverted", &first, "now")),
        ("accepted without a rule", end("accepted", &head, "now")),
        ("ended before it began", end("adopted", &head, "2020-01-01T00:00:00Z")),
        ("ended in the future", end("adopted", &head, later)),
        ("a time that is none", end("adopted", &head, "yesterday")),
        ("a commit that is none", end("adopted", &"0".repeat(40), "now")),
    ] {
        story.replace_ledger(|text| {
            let (before, real) = text.split_once("- event: ended").expect("an end");
            let at = real.lines().find_map(|line| line.trim().strip_prefix("at: ")).expect("a time");
            Some(format!("{before}{}", end.replace("at: now", &format!("at: {at}"))))
        });
        let out = story.audit().expect_status(1);
        assert_eq!(out.stdout.matches("not proven ").count(), 2, "{what}: {}", out.stdout);
    }
    story.replace_ledger(|text| Some(text.to_owned()));
    let _ = story.audit().expect_status(0);
}

#[test]
fn ledger_without_committed_incidents_is_exit_3() {
    let story = Story::new();
    let named = story.clone.git(&["log", "--format=%(trailers:key=Drift-Incident,valueonly)", "origin/main"]);
    let id = named.lines().find(|line| !line.is_empty()).expect("a merged commit names its incident");
    let assert_lost = |what: &str| {
        let out = story.audit().expect_status(3);
        assert!(out.stdout.contains("lost") && out.stdout.contains(id), "{what}: {}", out.stdout);
    };
    story.replace_ledger(|text| (!text.contains(&format!("id: {id}"))).then(|| text.to_owned()));
    assert_lost("replaced by one with another incident alone");
    story.replace_ledger(|_| None);
    assert_lost("replaced by an empty one");
    story.clone.git(&["push", "--quiet", "origin", ":drift/ledger"]);
    assert_lost("gone");
    let report =
        Drift::new().args(["audit", "-o", "json", "--repository"]).arg(&story.bare).run().expect_status(3);
    assert_eq!(report.json()["lost"][0]["incident"], id);
}

#[test]
fn branch_with_other_content_is_no_ledger() {
    let story = Story::new();
    story.clone.git(&["push", "--quiet", "--force", "origin", "origin/main:refs/heads/drift/ledger"]);
    let out = story.audit().expect_status(3);
    assert!(out.stderr.contains("is no ledger"), "{}", out.stderr);
}

#[test]
fn without_a_ledger_nothing_was_ever_recorded() {
    let repo = Repo::with(&[("drift.yaml", "version: 1\n")]);
    let out = audit(repo.path()).expect_status(0);
    assert!(out.stdout.contains("There is no ledger yet (branch drift/ledger)"), "{}", out.stdout);
}
