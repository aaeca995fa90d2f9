//! A run that is killed at any instant, and two runs at once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::gitea::Hosted;
use super::place::{LEDGER, Place, events, incidents, last};
use crate::support::command::Drift;

/// Rounds of each test; each round kills a run that opens and a run that ends.
const ROUNDS: u32 = 6;

/// Instants from 0 to 1.2 times the normal duration; the same in every run of the tests.
struct Instants {
    state: u64,
    normal: Duration,
}

impl Instants {
    fn new(seed: u64, normal: Duration) -> Self {
        Self { state: seed, normal }
    }

    fn next(&mut self) -> Duration {
        // Constants of Knuth's MMIX.
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.normal.mul_f64(1.2 * f64::from((self.state >> 33) as u32) / f64::from(1u32 << 31))
    }
}

fn kill_after(drift: &Drift, pause: Duration) {
    let running = drift.spawn();
    std::thread::sleep(pause);
    let _ = running.kill();
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// A Deployment and a ConfigMap changed by two tools; of the ConfigMap one value in which Git has a variable, which only an issue
/// can say.
fn change(place: &Place, round: u32) {
    place.set_memory(&format!("{}Mi", 600 + round));
    let patch = format!(r#"{{"data":{{"level":"debug-{round}","url":"http://elsewhere"}}}}"#);
    place.kubectl(&["patch", "configmap", "settings", "--type=merge", "--patch", &patch]);
}

fn undo(place: &Place) {
    place.apply_git();
}

/// Of the incidents of this round (the others ended before): each was opened once, and ended once if it did.
#[track_caller]
fn assert_events(incidents: &[Value], wanted: &[&str], count: usize) {
    let of_round: Vec<&Value> = incidents.iter().filter(|incident| events(incident) == wanted).collect();
    assert_eq!(of_round.len(), count, "{wanted:?} {incidents:#?}");
    for incident in incidents {
        let found = events(incident);
        assert!(found == ["opened"] || found == ["opened", "ended"], "{found:?}");
        if found.len() == 2 {
            assert_eq!(last(incident)["how"], "reverted");
        }
    }
}

/// How many open proposals there are for each incident and kind.
type Open = BTreeMap<(String, String), usize>;

#[track_caller]
fn assert_one_each(open: &Open) {
    let kinds: Vec<&str> = open.keys().map(|(_, kind)| kind.as_str()).collect();
    let pulls = kinds.iter().filter(|kind| **kind == "pull").count();
    assert_eq!((pulls, kinds.len()), (2, 3), "{open:?}");
    assert!(open.values().all(|count| *count == 1), "{open:?}");
}

fn open_here(place: &Place) -> Open {
    let mut open = Open::new();
    for proposal in place.proposals().into_iter().filter(super::place::LocalProposal::is_open) {
        let kind = if proposal.head["kind"] == "issue" { "issue" } else { "pull" };
        *open.entry((proposal.head["incident"].clone(), kind.to_owned())).or_default() += 1;
    }
    open
}

fn open_there(hosted: &Hosted) -> Open {
    let mut open = Open::new();
    for (kind, items) in [("pull", hosted.pulls()), ("issue", hosted.issues())] {
        for item in items.iter().filter(|item| item["state"] == "open") {
            let body = item["body"].as_str().expect("a body");
            let incident = body.split("incident=").nth(1).and_then(|rest| rest.split(' ').next());
            let incident = incident.expect("a mark").to_owned();
            *open.entry((incident, kind.to_owned())).or_default() += 1;
        }
    }
    open
}

#[test]
fn next_run_finishes_killed_one_locally() {
    let place = Place::new("killed");
    let _ = place.run(0);
    change(&place, 0);
    let normal = timed(|| drop(place.run(1)));
    assert_one_each(&open_here(&place));
    undo(&place);
    let _ = place.run(0);
    let mut instants = Instants::new(1, normal);
    for round in 1..=ROUNDS {
        change(&place, round);
        kill_after(&place.drift, instants.next());
        let _ = place.run(1);
        assert_one_each(&open_here(&place));
        assert_eq!(place.branches().len(), 2, "round {round}: {:?}", place.branches());
        let ended = 2 * round as usize;
        assert_events(&incidents(&place.ledger()), &["opened"], 2);
        let _ = place.assert_settled(1);
        undo(&place);
        kill_after(&place.drift, instants.next());
        let _ = place.run(0);
        assert_events(&incidents(&place.ledger()), &["opened", "ended"], ended + 2);
        assert!(open_here(&place).is_empty() && place.branches().is_empty(), "round {round}");
    }
    place.assert_ledger_only_grows();
}

#[test]
fn next_run_finishes_killed_one_on_gitea() {
    let hosted = Hosted::new("hosted-killed");
    let _ = hosted.run(0);
    change(&hosted.place, 0);
    let normal = timed(|| drop(hosted.run(1)));
    assert_one_each(&open_there(&hosted));
    undo(&hosted.place);
    let _ = hosted.run(0);
    let mut instants = Instants::new(2, normal);
    for round in 1..=ROUNDS {
        change(&hosted.place, round);
        kill_after(&hosted.place.drift, instants.next());
        let _ = hosted.run(1);
        assert_one_each(&open_there(&hosted));
        assert_eq!(hosted.branches().len(), 2, "round {round}: {:?}", hosted.branches());
        assert_events(&hosted.incidents(), &["opened"], 2);
        undo(&hosted.place);
        kill_after(&hosted.place.drift, instants.next());
        let _ = hosted.run(0);
        assert_events(&hosted.incidents(), &["opened", "ended"], 2 * round as usize + 2);
        assert!(open_there(&hosted).is_empty() && hosted.branches().is_empty(), "round {round}");
        // What the kill left to say was said once.
        let numbers = hosted.pulls().into_iter().chain(hosted.issues());
        for number in numbers.filter_map(|item| item["number"].as_u64()) {
            assert_eq!(hosted.comments(number).len(), 1, "round {round}, #{number}");
        }
    }
    let _ = hosted.assert_settled(0);
}

#[test]
fn concurrent_runs_make_no_duplicates_locally() {
    let place = Place::new("twice");
    for round in 0..5 {
        change(&place, round);
        both(&place.drift, &place.drift, 1);
        assert_one_each(&open_here(&place));
        assert_eq!(place.branches().len(), 2);
        assert_events(&incidents(&place.ledger()), &["opened"], 2);
        let _ = place.assert_settled(1);
        undo(&place);
        both(&place.drift, &place.drift, 0);
        assert_events(&incidents(&place.ledger()), &["opened", "ended"], 2 * round as usize + 2);
        assert!(open_here(&place).is_empty() && place.branches().is_empty());
    }
    place.assert_ledger_only_grows();
}

#[test]
fn concurrent_runs_make_no_duplicates_on_gitea() {
    let hosted = Hosted::new("hosted-twice");
    let other = hosted.by_address();
    for round in 0..3 {
        change(&hosted.place, round);
        both(&hosted.place.drift, &other, 1);
        assert_one_each(&open_there(&hosted));
        assert_eq!(hosted.branches().len(), 2);
        assert_events(&hosted.incidents(), &["opened"], 2);
        let _ = hosted.assert_settled(1);
        undo(&hosted.place);
        both(&hosted.place.drift, &other, 0);
        assert_events(&hosted.incidents(), &["opened", "ended"], 2 * round as usize + 2);
        assert!(open_there(&hosted).is_empty() && hosted.branches().is_empty());
    }
    assert!(hosted.refs().iter().any(|line| line.starts_with(LEDGER)));
}

#[track_caller]
fn both(one: &Drift, other: &Drift, status: i32) {
    let running = [one.spawn(), other.spawn()];
    for output in running.map(crate::support::command::Running::wait) {
        let _ = output.expect_status(status);
    }
}
