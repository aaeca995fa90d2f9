//! What is opened, and how it ends.

use super::hub::{Hub, Merge, events, last};
use crate::forge::github_fake::BOT;

#[test]
fn pull_request_and_issue_are_opened_once() {
    let hub = Hub::proposed();
    let things = hub.things();
    assert_eq!(things.len(), 2, "{things:?}");
    for thing in &things {
        assert_eq!(thing.labels, ["drift"], "{thing:?}");
    }
    let branch = hub.branch();
    let diff = hub.remote.git(&["diff", "--unified=0", &format!("main...{branch}")]);
    assert!(diff.contains("\n+              memory: 1Gi   # enough for the catalogue"), "{diff}");
    let message = hub.remote.git(&["log", "--max-count=1", "--format=%B", &branch]);
    assert!(message.contains("\nDrift-Incident: ") && message.contains("\nDrift-Fingerprint: "), "{message}");
    hub.assert_quiet(1);
}

#[test]
fn a_dry_run_writes_nothing() {
    let mut hub = Hub::new();
    let refs = hub.refs();
    hub.drift = hub.drift.arg("--dry-run");
    let said = hub.run(1);
    assert!(said.stdout.contains("+              memory: 1Gi"), "{}", said.stdout);
    assert_eq!((hub.fake.writes(), hub.refs()), (0, refs));
}

#[test]
fn any_merge_ends_incident_and_cleans_up() {
    for how in [Merge::Commit, Merge::Squash, Merge::Rebase] {
        let hub = Hub::proposed();
        let merged = hub.merge(how);
        hub.declare_debug();
        let said = hub.run(0);
        assert_eq!(said.stdout.matches("ended, adopted: ").count(), 2, "{how:?}\n{}", said.stdout);
        let incidents = hub.incidents();
        for (name, incident) in &incidents {
            assert_eq!(events(incident), ["opened", "ended"], "{how:?} {name}");
            assert_eq!(last(incident)["how"], "adopted", "{how:?} {name}");
        }
        let by = last(&incidents["web"])["ended_by"].as_str().expect("a commit").to_owned();
        hub.work.git(&["merge-base", "--is-ancestor", &by, &merged]);
        let change = hub.work.git(&["show", "--format=", &by, "--", "apps/web.yaml"]);
        assert!(change.contains("\n+              memory: 1Gi"), "{how:?} {change}");
        let pull = hub.pulls().remove(0);
        assert!(pull.merged.is_some() && pull.closed_by.is_none() && pull.comments.is_empty(), "{pull:?}");
        let issue = hub.issues().remove(0);
        assert_eq!(issue.closed_by.as_deref(), Some(BOT), "{how:?}");
        assert_eq!(issue.state_reason.as_deref(), Some("completed"), "{how:?}");
        let by = last(&incidents["debug"])["ended_by"].as_str().expect("a commit")[..12].to_owned();
        assert_eq!(issue.comments.len(), 1, "{:?}", issue.comments);
        assert!(
            issue.comments[0].1.contains(&format!("Closed by drift: commit {by}")),
            "{:?}",
            issue.comments
        );
        assert!(hub.branches().is_empty(), "{how:?}");
        hub.assert_quiet(0);
    }
}

#[test]
fn adopting_commit_outside_pull_request_closes_it() {
    let hub = Hub::proposed();
    let commit = hub.commit_web();
    hub.delete_debug();
    // The grace period and the memory are in Git, the stranger is gone.
    let _ = hub.run(0);
    let incidents = hub.incidents();
    assert_eq!(last(&incidents["web"])["ended_by"], commit);
    assert_eq!(last(&incidents["debug"])["how"], "reverted");
    for thing in hub.things() {
        assert_eq!(thing.closed_by.as_deref(), Some(BOT), "{thing:?}");
        assert_eq!(thing.comments.len(), 1, "{thing:?}");
        let reason = if thing.pull.is_some() { None } else { Some("completed") };
        assert_eq!(thing.state_reason.as_deref(), reason, "{thing:?}");
    }
    assert!(hub.branches().is_empty());
    hub.assert_quiet(0);
}

#[test]
fn declined_incident_reopens_only_with_new_values() {
    let hub = Hub::proposed();
    hub.decline();
    let said = hub.run(1);
    assert_eq!(said.stdout.matches("declined by alice").count(), 2, "{}", said.stdout);
    for incident in hub.incidents().values() {
        assert_eq!(events(incident), ["opened", "declined"]);
        assert_eq!(last(incident)["by"], "alice");
    }
    assert!(hub.branches().is_empty());
    assert!(hub.things().iter().all(|thing| !thing.is_open() && thing.comments.is_empty()));
    hub.assert_quiet(1);
    hub.set_memory("2Gi");
    let _ = hub.run(1);
    let pulls = hub.pulls();
    assert_eq!(pulls.iter().map(|pull| pull.is_open()).collect::<Vec<_>>(), [false, true], "{pulls:?}");
    assert!(pulls[1].body.contains("2Gi"), "{}", pulls[1].body);
    assert_eq!(hub.issues().len(), 1, "the issue's values have not changed");
    assert_eq!(events(&hub.incidents()["web"]), ["opened", "declined", "changed"]);
    hub.assert_quiet(1);
}

#[test]
fn new_values_update_pull_request_in_place() {
    let hub = Hub::proposed();
    let before = hub.remote.revision(&hub.branch());
    hub.set_memory("2Gi");
    let _ = hub.run(1);
    let pulls = hub.pulls();
    assert_eq!(pulls.len(), 1);
    assert!(pulls[0].is_open() && pulls[0].body.contains("2Gi") && !pulls[0].body.contains("1Gi"));
    assert_ne!(hub.remote.revision(&hub.branch()), before);
    hub.assert_quiet(1);
}

#[test]
fn proposal_rebased_only_when_base_touches_file() {
    let hub = Hub::proposed();
    let (branch, first) = (hub.branch(), hub.remote.revision(&hub.branch()));
    hub.commit_elsewhere("README", "of no concern\n");
    hub.assert_quiet(1);
    assert_eq!(hub.remote.revision(&branch), first);
    let web = format!("# Read me first.\n{}", hub.work.read("apps/web.yaml"));
    hub.commit_elsewhere("apps/web.yaml", &web);
    let _ = hub.run(1);
    assert_eq!(hub.remote.revision(&format!("{branch}~1")), hub.work.head());
    assert_eq!(hub.things().len(), 2);
    hub.assert_stands();
    hub.assert_quiet(1);
}

#[test]
fn workflow_token_works_with_a_configured_login() {
    let hub = Hub::new();
    hub.fake.state().anonymous.insert(BOT.to_owned());
    let _ = hub.run(1);
    hub.assert_stands();
    hub.assert_quiet(1);
}

#[test]
fn repository_without_issues_fails_before_writing() {
    let hub = Hub::new();
    hub.fake.state().has_issues = false;
    let refs = hub.refs();
    let said = hub.run(2);
    assert!(said.stderr.contains("has issues switched off: switch them on"), "{}", said.stderr);
    assert_eq!((hub.refs(), hub.fake.writes()), (refs, 0));
}
