//! What goes wrong on the way to GitHub: a run ends with one proposal for each incident, or says that it has not, and the
//! next one finishes.

use super::hub::Hub;
use crate::forge::github_fake::{BOT, Fault, How};

const PAGE: &str = "<html><body>Sign in</body></html>";

fn page(status: u16) -> How {
    How::Instead(status, Vec::new(), PAGE.to_owned())
}

fn refused(status: u16, headers: Vec<(&'static str, String)>, message: &str) -> How {
    How::Instead(status, headers, format!(r#"{{"message":"{message}"}}"#))
}

fn limited(seconds: &str) -> How {
    let wait = vec![("retry-after", seconds.to_owned())];
    refused(403, wait, "You have exceeded a secondary rate limit.")
}

#[test]
fn one_fault_leaves_one_proposal_per_incident() {
    let exists = || refused(422, Vec::new(), "Validation Failed");
    // What happens once, how that run ends, and what it says on standard error.
    let cases: [(&str, &'static str, &str, How, i32, &str); 19] = [
        ("a pull request, then 502", "POST", "/pulls", How::DoneThen(502), 1, ""),
        ("an issue, then 502", "POST", "/issues", How::DoneThen(502), 1, ""),
        ("a pull request, then cut", "POST", "/pulls", How::DoneThenCut, 1, ""),
        ("an issue, then a page", "POST", "/issues", How::DoneThenHtml, 1, ""),
        ("502 and no pull request", "POST", "/pulls", page(502), 1, ""),
        ("a page and no issue", "POST", "/issues", page(200), 1, ""),
        ("told to wait a second", "POST", "/pulls", limited("1"), 1, ""),
        ("told to wait a second", "POST", "/issues", limited("1"), 1, ""),
        ("told to wait an hour", "POST", "/pulls", limited("3600"), 3, "3600 s"),
        ("told to wait an hour", "POST", "/issues", limited("3600"), 3, "3600 s"),
        ("said to exist, and does not", "POST", "/pulls", exists(), 3, "422"),
        ("forbidden", "POST", "/issues", refused(403, Vec::new(), "no"), 3, "Issues and Pull requests"),
        ("labels refused", "POST", "/labels", refused(403, Vec::new(), "no"), 1, "has no label drift"),
        ("a page for labels", "GET", "/labels", page(200), 1, "has no label drift"),
        ("a cut list", "GET", "/issues", How::DoneThenCut, 1, ""),
        ("503 for a list", "GET", "/issues", page(503), 1, ""),
        ("a page for a list", "GET", "/issues", page(200), 3, "HTML in place of JSON"),
        ("a page for the repository", "GET", "/gitops", page(200), 3, "HTML in place of JSON"),
        ("a page for the user", "GET", "/user", page(200), 3, "HTML in place of JSON"),
    ];
    for (name, method, path, how, status, says) in cases {
        let hub = Hub::new();
        hub.fake.fail(Fault::new(method, path, how));
        let said = hub.run(status);
        assert!(said.stderr.contains(says), "{name}: {says:?} is missing in {}", said.stderr);
        assert!(!said.stderr.contains(PAGE), "{name}: {}", said.stderr);
        if status == 3 {
            let _ = hub.run(1);
        }
        assert_eq!(hub.things().len(), 2, "{method} {path}: {name}: {:?}", hub.things());
        hub.assert_stands();
        hub.assert_quiet(1);
    }
}

#[test]
fn refused_unsigned_commits_named_nothing_opened() {
    let hub = Hub::new();
    let words = "echo 'error: GH013: Repository rule violations found for '\necho '- Commits must have verified signatures.'\n";
    let hook = hub.remote.write("hooks/pre-receive", format!("#!/bin/sh\nexec >&2\n{words}exit 1\n"));
    let runs = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(hook, runs).expect("our own file");
    let said = hub.run(3);
    for words in ["asks for signed commits", "Commits must have verified signatures", "commit.gpgsign"] {
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
    }
    assert!(hub.things().is_empty() && hub.branches().is_empty());
}

#[test]
fn one_fault_while_closing_is_mended() {
    let cases: [(&'static str, &str, How, i32); 6] = [
        ("POST", "/comments", How::DoneThen(502), 0),
        ("POST", "/comments", How::DoneThenCut, 0),
        ("PATCH", "/issues/2", How::DoneThen(502), 0),
        ("PATCH", "/issues/2", How::DoneThenHtml, 0),
        ("PATCH", "/issues/2", limited("3600"), 3),
        ("POST", "/comments", limited("3600"), 3),
    ];
    for (method, path, how, status) in cases {
        let hub = Hub::proposed();
        let name = format!("{method} {path} {how:?}");
        assert!(hub.things()[1].pull.is_none(), "the issue is number 2");
        hub.merge(super::hub::Merge::Commit);
        hub.declare_debug();
        hub.fake.fail(Fault::new(method, path, how));
        let _ = hub.run(status);
        if status == 3 {
            let _ = hub.run(0);
        }
        let issue = hub.issues().remove(0);
        assert_eq!((issue.closed_by.as_deref(), issue.comments.len()), (Some(BOT), 1), "{name} {issue:?}");
        assert!(hub.branches().is_empty(), "{name}");
        hub.assert_quiet(0);
    }
}

#[test]
fn paged_lists_are_read_completely() {
    let hub = Hub::new();
    {
        let mut state = hub.fake.state();
        state.most_rows = 1;
        state.ignores_creator = true;
        for number in 0..3 {
            state.add_issue("alice", &format!("mine {number}"), "");
            state.labels.push(format!("label {number}"));
        }
    }
    let _ = hub.run(1);
    let ours = |hub: &Hub| hub.things().into_iter().filter(|thing| thing.author == BOT).count();
    assert_eq!(ours(&hub), 2);
    hub.assert_quiet(1);
}

#[test]
fn removed_marker_restored_without_new_proposal() {
    let hub = Hub::proposed();
    let number = hub.pulls()[0].number;
    hub.fake.state().thing(number).body = "Somebody wrote over it.".to_owned();
    let _ = hub.run(1);
    assert_eq!(hub.things().len(), 2, "{:?}", hub.things());
    hub.assert_stands();
    hub.assert_quiet(1);
}

#[test]
fn marker_in_foreign_issue_is_ignored() {
    let hub = Hub::proposed();
    let body = hub.pulls()[0].body.clone();
    hub.fake.state().add_issue("mallory", "looks like ours", &body);
    let _ = hub.run(1);
    let forged = hub.things().remove(2);
    assert!(forged.is_open() && forged.comments.is_empty() && forged.body == body);
    hub.assert_quiet(1);
}

#[test]
fn pull_request_of_others_is_left_alone() {
    let hub = Hub::proposed();
    let body = "I was faster.";
    {
        let mut state = hub.fake.state();
        // As if the run had been killed after its push, and alice had been faster than the next one.
        state.things.truncate(1);
        let pull = state.thing(1);
        (pull.author, pull.body) = ("alice".to_owned(), body.to_owned());
    }
    let said = hub.run(1);
    assert!(said.stderr.contains("/pull/1 by alice is from branch drift/incident/"), "{}", said.stderr);
    let things = hub.things();
    assert_eq!((hub.pulls().len(), hub.issues().len()), (1, 1), "{things:?}");
    assert!(things[0].is_open() && things[0].body == body && things[0].comments.is_empty(), "{things:?}");
    hub.merge(super::hub::Merge::Commit);
    hub.declare_debug();
    let _ = hub.run(0);
    assert!(hub.incidents().values().all(|one| super::hub::last(one)["how"] == "adopted"));
    hub.assert_quiet(0);
}
