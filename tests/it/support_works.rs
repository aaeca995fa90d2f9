//! The harness does what the other tests believe of it.

use std::path::Path;

use crate::support::command::{Drift, redact};
use crate::support::repo::Repo;

#[test]
fn a_repository_is_the_same_wherever_it_is_made() {
    let make = || {
        let repo = Repo::new();
        repo.write("apps/web.yaml", "kind: ConfigMap\n");
        let first = repo.commit("Add web");
        repo.write("apps/web.yaml", "kind: Secret\n");
        let second = repo.commit("Change web");
        (first, second, repo.git(&["log", "--format=%an %ae %cn %at %ct %s"]))
    };
    let (first, second, log) = make();
    assert_eq!((first, second, log.clone()), make());
    assert_eq!(
        log,
        "Ada Author ada@example.com Ada Author 1704070800 1704070800 Change web\n\
         Ada Author ada@example.com Ada Author 1704067200 1704067200 Add web"
    );
}

#[test]
fn a_remote_and_a_clone_follow_their_origin() {
    let repo = Repo::with(&[("a", "1\n")]);
    let remote = repo.with_remote();
    assert_eq!(remote.revision("main"), repo.head());
    assert_eq!(repo.revision("origin/main"), repo.head());
    repo.write("a", "2\n");
    let second = repo.commit("Second");
    repo.git(&["push", "--quiet", "origin", "main"]);
    assert_eq!(remote.revision("main"), second);
    let clone = remote.clone_of();
    assert_eq!((clone.head(), clone.read("a")), (second, "2\n".to_owned()));
}

#[test]
fn git_of_the_tests_ignores_the_developers_configuration() {
    let repo = Repo::new();
    let listed = repo.git(&["config", "--list", "--show-origin"]);
    for line in listed.lines() {
        assert!(line.starts_with("file:.git/config") || line.starts_with("command line:"), "{line}");
    }
}

#[test]
fn drift_runs_with_an_empty_home_and_only_the_programs_it_was_given() {
    let drift = Drift::new();
    let bin: Vec<_> = std::fs::read_dir(drift.home().join("bin"))
        .expect("the folder of programs")
        .map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8"))
        .collect();
    assert_eq!(bin, ["git"]);
    let output = drift.run();
    assert!((0..=3).contains(&output.status), "{output:?}");
}

#[test]
fn what_differs_from_run_to_run_is_redacted() {
    let text = "at 2026-11-22T11:24:01Z, 2026-11-22T11:24:01.123456+01:00: http://127.0.0.1:4242/x \
                1234567890123456789012345678901234567890, 12345678901234567890123456789012345678901 /tmp/x/y";
    assert_eq!(
        redact(text, &[("/tmp", "<tmp>"), ("/tmp/x", "<repo>")]),
        "at <time>, <time>: http://<address>/x <sha>, 12345678901234567890123456789012345678901 <repo>/y"
    );
}

#[test]
fn every_part_that_is_brought_is_a_folder_of_programs() {
    for (part, program) in [("helm", "helm"), ("kustomize", "kustomize")] {
        let folder = crate::support::parts::part(part);
        assert!(Path::new(&folder).join(program).is_file(), "{part}: no {program} in {}", folder.display());
    }
}
