//! Limits of the system that drift runs into: a message and an exit code, never a signal.

use serde_json::json;

use crate::input::{SETTINGS, is_orderly, says};
use crate::support::command::Drift;
use crate::support::repo::Repo;
use crate::support::snapshot::{SnapshotFile, written_by};

fn live() -> SnapshotFile {
    let settings = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": "shop"}, "data": {"color": "red"}});
    SnapshotFile::with(&[written_by("kubectl-edit", json!({"f:data": {"f:color": {}}}), settings)])
}

fn check(repo: &Repo, live: &SnapshotFile) -> Drift {
    Drift::check(repo).arg("apps").snapshot(live)
}

#[test]
fn report_over_file_size_limit_fails() {
    let (repo, live) = (Repo::with(&[("apps/settings.yaml", SETTINGS)]), live());
    let output = check(&repo, &live).args(["--output-file", "json=report.json"]).limited("-f 0").run();
    let output = output.expect_status(3);
    is_orderly(&output);
    says(&output.stderr, &["drift: error: writing report.json", "File too large"]);
    says(&output.stdout, &["ConfigMap/shop/settings"]);
    assert!(!repo.path().join("report.json").exists());
}

#[test]
fn commit_file_over_size_limit_fails() {
    let (repo, live) = (Repo::with(&[("apps/settings.yaml", SETTINGS)]), live());
    let output = check(&repo, &live).args(["--revision", "HEAD"]).limited("-f 0").run().expect_status(3);
    is_orderly(&output);
    says(&output.stderr, &["drift: error: ", "File too large"]);
}

/// Neither the command line's parser nor the deepest documents that are read need the stack that the caller gives.
#[test]
fn a_small_stack_changes_nothing() {
    let deep = format!("{SETTINGS}  deep: {}{}\n", "[".repeat(200), "]".repeat(200));
    let (repo, live) = (Repo::with(&[("apps/settings.yaml", SETTINGS), ("deep/a.yaml", &deep)]), live());
    for kib in [256, 128] {
        let output = check(&repo, &live).limited(&format!("-s {kib}")).run().expect_status(1);
        says(&output.stdout, &["ConfigMap/shop/settings"]);
        let deep = Drift::check(&repo).arg("deep").snapshot(&live);
        is_orderly(&deep.limited(&format!("-s {kib}")).run().expect_status(1));
    }
}

/// Deeper than any tree of manifests: that matters to the source that it lies in, and to no other.
#[test]
fn deep_folders_outside_sources_are_harmless() {
    let deep = format!("other/{}settings.yaml", "d/".repeat(600));
    let files = [("apps/settings.yaml", SETTINGS), ("other/a.yaml", SETTINGS), (&deep, SETTINGS)];
    let (repo, live) = (Repo::with(&files), live());
    for more in [&[][..], &["--revision", "HEAD"]] {
        let output = check(&repo, &live).args(more).run().expect_status(1);
        says(&output.stdout, &["1 object in Git"]);
        assert_eq!(output.stderr, "", "{more:?}");
    }
    let other = Drift::check(&repo).args(["other", "--revision", "HEAD"]).snapshot(&live);
    let output = other.run().expect_status(3);
    is_orderly(&output);
    says(&output.stderr, &["not examined: other/d/d/", "has folders too deep to be read"]);
}
