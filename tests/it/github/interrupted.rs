//! Runs that are killed, and runs at the same time.

use std::path::Path;
use std::time::Duration;

use super::hub::{Hub, Merge, last};
use crate::forge::github_fake::{BOT, Thing};
use crate::support::command::Drift;
use crate::support::parts::system_program;

/// Waits until something holds.
#[track_caller]
fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..6_000 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{what}: not within a minute");
}

/// The requests of a run that could change something, and the first that reads a list: the instants to be killed at.
fn instants(requests: &[(String, String)]) -> Vec<(usize, bool)> {
    let list = requests.iter().position(|(_, path)| path.ends_with("/issues")).expect("it lists");
    let writes = requests.iter().enumerate().filter(|(_, (method, _))| method != "GET");
    let both = writes.flat_map(|(at, _)| [(at, false), (at, true)]);
    [(list, false)].into_iter().chain(both).collect()
}

/// Kills a run at the request with this number, answered or not.
#[track_caller]
fn kill_at(hub: &Hub, (request, is_done): (usize, bool)) {
    hub.fake.stall(request, is_done);
    let running = hub.drift.spawn();
    until("the request comes", || hub.fake.is_stalled());
    assert_eq!(running.kill().status, 137);
}

#[test]
fn run_killed_while_opening_is_finished_next() {
    let whole = Hub::proposed();
    let instants = instants(&whole.fake.requests());
    assert!(instants.len() >= 7, "{instants:?}");
    for instant in instants {
        let hub = Hub::new();
        kill_at(&hub, instant);
        let _ = hub.run(1);
        assert_eq!(hub.things().len(), 2, "{instant:?} {:?}", hub.things());
        hub.assert_stands();
        hub.assert_quiet(1);
    }
}

#[test]
fn run_killed_while_closing_is_finished_next() {
    let merged = || {
        let hub = Hub::proposed();
        hub.merge(Merge::Squash);
        hub.declare_debug();
        hub
    };
    let whole = merged();
    let before = whole.fake.requests().len();
    let _ = whole.run(0);
    for instant in instants(&whole.fake.requests()[before..]) {
        let hub = merged();
        kill_at(&hub, instant);
        let _ = hub.run(0);
        let issue = hub.issues().remove(0);
        assert_eq!((issue.closed_by.as_deref(), issue.comments.len()), (Some(BOT), 1), "{instant:?}");
        assert_eq!(issue.state_reason.as_deref(), Some("completed"), "{instant:?}");
        assert!(hub.incidents().values().all(|incident| last(incident)["event"] == "ended"), "{instant:?}");
        assert!(hub.branches().is_empty(), "{instant:?}");
        hub.assert_quiet(0);
    }
}

/// A `git` that tells of its push, and then does not end for a while; whether it has pushed before.
fn slow_push(drift: Drift, told: &Path, pushes: bool) -> Drift {
    let (git, told) = (system_program("git").display().to_string(), told.display().to_string());
    let first = if pushes { format!("{git} \"$@\"; ") } else { String::new() };
    let script = format!(
        "case \" $* \" in\n*' push '*) {first}: >{told}; sleep 3; exit 1 ;;\nesac\nexec {git} \"$@\"\n"
    );
    drift.with_tools(&["sleep"]).with_script("git", &script)
}

#[test]
fn next_run_finishes_one_killed_around_push() {
    for pushes in [false, true] {
        let mut hub = Hub::new();
        let told = hub.drift.home().join("pushing");
        hub.drift = slow_push(hub.drift, &told, pushes);
        let running = hub.drift.spawn();
        until("git pushes", || told.exists());
        assert_eq!(running.kill().status, 137);
        assert_eq!(hub.refs().lines().count(), if pushes { 3 } else { 1 }, "{}", hub.refs());
        assert!(hub.things().is_empty());
        hub.drift = hub.drift.with_tools(&["git"]);
        let _ = hub.run(1);
        assert_eq!(hub.things().len(), 2, "{:?}", hub.things());
        hub.assert_stands();
        hub.assert_quiet(1);
    }
}

#[test]
fn concurrent_runs_leave_one_proposal_per_incident() {
    let hub = Hub::new();
    let other = hub.work.clone_of();
    other.git(&["remote", "set-url", "origin", hub.remote.path().to_str().expect("UTF-8")]);
    let second = Drift::new().args(["run", "--repository"]).arg(other.path());
    let second = hub.same_settings(second);
    let both = [hub.drift.spawn(), second.spawn()];
    for ended in both.map(crate::support::command::Running::wait) {
        assert!(matches!(ended.status, 1 | 3), "{ended:?}");
    }
    let _ = hub.run(1);
    hub.assert_stands();
    for closed in hub.things().iter().filter(|thing: &&Thing| !thing.is_open()) {
        assert!(closed.comments[0].1.contains("is for this incident too"), "{closed:?}");
    }
    hub.assert_quiet(1);
}
