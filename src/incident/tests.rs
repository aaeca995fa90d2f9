//! Opening, grouping, recording and ending, without Git and clock.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::resolution::DeclaredValues;
use super::{
    Event, EventKind, Incident, IncidentStatus, Ledger, RecordedFinding, find_resolution, group_findings,
    opens_incident,
};
use crate::model::mk::mk_finding;
use crate::model::{Cause, Finding, Resolution, finding_key, fingerprint};

fn event(what: EventKind, findings: &[&Finding]) -> Event {
    Event {
        event: what,
        at: "2026-11-22T10:00:00Z".to_owned(),
        commit: "c0".to_owned(),
        fingerprint: matches!(what, EventKind::Opened | EventKind::Changed).then(|| "f".to_owned()),
        findings: findings.iter().map(|finding| RecordedFinding::from_finding("prod", finding)).collect(),
        by: None,
        how: (what == EventKind::Ended).then_some(Resolution::Adopted),
        ended_by: None,
        reason: None,
    }
}

fn opened(findings: &[&Finding]) -> (Ledger, String) {
    let mut ledger = Ledger::default();
    let (incident, of) = group_findings("prod", findings.iter().copied(), &ledger).remove(0);
    let id = incident.id.clone();
    ledger.open(incident, event(EventKind::Opened, &of));
    (ledger, id)
}

fn read(files: &[(String, String)]) -> Result<Ledger, super::LedgerError> {
    Ledger::read(files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())))
}

#[test]
fn findings_are_grouped_by_source_and_manager() {
    let (a, b, c) = (
        mk_finding("a", "kubectl-edit", "spec/x", json!(2)),
        mk_finding("b", "kubectl-edit", "spec/x", json!(2)),
        mk_finding("c", "k9s", "spec/x", json!(2)),
    );
    let ledger = Ledger::default();
    let groups = group_findings("prod", [&a, &b, &c], &ledger);
    let sizes: Vec<usize> = groups.iter().map(|(_, findings)| findings.len()).collect();
    assert_eq!(sizes, [1, 2]);
    let again = group_findings("prod", [&a, &b, &c], &ledger);
    assert_eq!(groups[0].0.id, again[0].0.id, "two runs that see the same give the same id");
    let changed = mk_finding("c", "k9s", "spec/x", json!(3));
    let other = group_findings("prod", [&changed], &ledger);
    assert_ne!(groups[0].0.id, other[0].0.id, "other values are another incident");
}

#[test]
fn events_are_appended_and_earlier_bytes_stay() {
    let a = mk_finding("a", "kubectl-edit", "spec/x", json!("two\nlines: {}"));
    let (mut ledger, id) = opened(&[&a]);
    let before = ledger.changes();
    let mut ledger2 = read(&before).expect("what was written is read");
    assert_eq!(ledger2.incident(&id), ledger.incident(&id));
    assert!(ledger2.changes().is_empty(), "reading touches nothing");
    for what in [EventKind::Changed, EventKind::Declined, EventKind::Ended] {
        let findings: Vec<&Finding> = if what == EventKind::Changed { vec![&a] } else { Vec::new() };
        ledger.append(&id, event(what, &findings));
        ledger2.append(&id, event(what, &findings));
        let after = ledger2.changes();
        assert!(after[0].1.starts_with(&before[0].1), "{}", after[0].1);
        assert_eq!(read(&after).expect("what was appended is read").incident(&id), ledger.incident(&id));
    }
    assert_eq!(ledger.incident(&id).map(Incident::status), Some(IncidentStatus::Ended(Resolution::Adopted)));
    assert!(ledger.open_for("prod", &finding_key("prod", &a)).is_none());
    let next = group_findings("prod", [&a], &ledger);
    assert_eq!(next[0].0.previous, std::slice::from_ref(&id), "what comes after the end links it");
    assert_ne!(next[0].0.id, id);
}

#[test]
fn edited_ledger_refused_with_place() {
    let a = mk_finding("a", "kubectl-edit", "spec/x", json!(2));
    let (ledger, id) = opened(&[&a]);
    let (path, text) = ledger.changes().remove(0);
    for (from, to, expected) in [
        ("schema: drift/incident/v1", "schema: drift/incident/v9", "its schema is"),
        (id.as_str(), "000000000000", "is not the name of its file"),
        ("event: opened", "event: ended", "first event is not `opened`"),
        ("events:", "extra: 1\nevents:", ":"),
        ("fingerprint: f", "by: me", "lacks facts"),
        ("cluster: prod", "cluster: [", ":"),
    ] {
        assert!(text.contains(from), "{from} is in {text}");
        let error = read(&[(path.clone(), text.replacen(from, to, 1))]).expect_err(to).to_string();
        assert!(error.contains(expected) && error.contains(&path), "{error}");
    }
    let twice = format!(
        "{text}{}",
        serde_yaml::to_string(&[event(EventKind::Ended, &[]), event(EventKind::Ended, &[])])
            .expect("events are YAML")
    );
    assert!(
        read(&[(path, twice)]).expect_err("an event after the end").to_string().contains("after its end")
    );
}

#[test]
fn ledger_values_bounded_and_read_back() {
    let mut deep = json!(1);
    for _ in 0..200 {
        deep = json!({ "a": deep });
    }
    for value in [deep, json!("x".repeat(100_000)), json!({"y": "no", "n": "0644", "d": "2001-12-14"})] {
        let a = mk_finding("a", "kubectl-edit", "spec/x", value.clone());
        let (ledger, id) = opened(&[&a]);
        ledger.verify().expect("what would be written is read back");
        assert!(ledger.changes()[0].1.len() < 40_000);
        let incident = ledger.incident(&id).expect("just opened");
        let none = BTreeMap::new();
        assert_eq!(find_resolution(incident, &none, &Now(Some(value))).resolution, Resolution::Adopted);
    }
}

#[test]
fn third_value_from_git_ends_as_reverted() {
    let a = mk_finding("a", "kubectl-edit", "spec/x", json!(2));
    let (ledger, id) = opened(&[&a]);
    let incident = ledger.incident(&id).expect("just opened");
    let ending = find_resolution(incident, &BTreeMap::new(), &Now(Some(json!(3))));
    assert_eq!((ending.resolution, ending.moved), (Resolution::Reverted, true));
}

#[test]
fn restart_or_excused_change_opens_no_incident() {
    let mut restart = mk_finding("a", "kubectl-rollout", "spec/template/metadata/annotations", json!(1));
    restart.changes[0]
        .difference
        .path
        .push(crate::model::PathElement::field("kubectl.kubernetes.io/restartedAt"));
    assert!(!opens_incident(&restart));
    for (cause, opens) in [
        (Cause::Manual, true),
        (Cause::Unknown, true),
        (Cause::Rollback, true),
        (Cause::Unsynced, false),
        (Cause::Controller, false),
        (Cause::Ignored, false),
    ] {
        let mut one = mk_finding("a", "x", "spec/x", json!(2));
        one.changes[0].verdict.cause = cause;
        assert_eq!(opens_incident(&one), opens, "{cause:?}");
    }
}

struct Now(Option<Value>);

impl DeclaredValues for Now {
    fn value(&self, _: &str, _: &str) -> Option<Value> {
        self.0.clone()
    }
    fn is_declared(&self, _: &str) -> bool {
        true
    }
    fn file(&self, _: &str) -> Option<String> {
        Some("apps/a.yaml".to_owned())
    }
}

#[test]
fn incident_adopted_by_git_or_reverted_live() {
    let a = mk_finding("a", "kubectl-edit", "spec/x", json!(2));
    let (ledger, id) = opened(&[&a]);
    let incident = ledger.incident(&id).expect("just opened");
    let none = BTreeMap::new();
    assert_eq!(find_resolution(incident, &none, &Now(Some(json!(2)))).resolution, Resolution::Adopted);
    assert_eq!(find_resolution(incident, &none, &Now(Some(json!(1)))).resolution, Resolution::Reverted);
    let mut ignored = a.clone();
    ignored.changes[0].verdict.cause = Cause::Ignored;
    let present = BTreeMap::from([(finding_key("prod", &a), &ignored)]);
    let ending = find_resolution(incident, &present, &Now(Some(json!(1))));
    assert_eq!((ending.resolution, ending.files), (Resolution::Accepted, vec!["drift.yaml".to_owned()]));
}

/// Null is a value where a field may be null: the ledger tells it from none.
#[test]
fn null_recorded_and_ended_like_value() {
    let a = mk_finding("a", "kubectl-patch", "spec/x", Value::Null);
    let (ledger, id) = opened(&[&a]);
    let read = read(&ledger.changes()).expect("what was written is read");
    let incident = read.incident(&id).expect("just opened");
    assert_eq!(Some(incident), ledger.incident(&id));
    assert_eq!(incident.latest_record()[0].changes[0].live, Some(Value::Null));
    let none = BTreeMap::new();
    assert_eq!(find_resolution(incident, &none, &Now(Some(Value::Null))).resolution, Resolution::Adopted);
    assert_eq!(find_resolution(incident, &none, &Now(Some(json!(1)))).resolution, Resolution::Reverted);
    assert_eq!(find_resolution(incident, &none, &Now(None)).resolution, Resolution::Reverted);
}

proptest! {
    #[test]
    fn any_cluster_text_round_trips_through_ledger(name in "[a-z]{1,9}", manager in any::<String>(), text in any::<String>()) {
        let a = mk_finding(&name, &manager, "spec/x", json!({"a": text, "b": [text, null, 1.5]}));
        let (mut ledger, id) = opened(&[&a]);
        ledger.append(&id, event(EventKind::Changed, &[&a]));
        let read = read(&ledger.changes()).expect("what was written is read");
        prop_assert_eq!(read.incident(&id), ledger.incident(&id));
    }

    #[test]
    fn a_fingerprint_changes_with_the_values(one in any::<i64>(), other in any::<i64>()) {
        let print = |live: i64| fingerprint("prod", &mk_finding("a", "x", "spec/x", json!(live)));
        prop_assert_eq!(print(one) == print(other), one == other);
    }
}
