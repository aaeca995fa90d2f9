//! What the report says of each object, held against what the server says has changed and who wrote it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::means::{Truth, Writer};
use super::{Case, Live};
use crate::matrix::truth::{Leaf, Path, changed, is_around, owners, parse};

/// What there is to judge by.
pub(super) struct Seen<'a> {
    pub(super) before: &'a Live,
    pub(super) after: &'a Live,
    pub(super) report: &'a Value,
}

/// A change as the report has it.
struct Said<'a> {
    path: Path,
    value: &'a Value,
}

impl Said<'_> {
    fn text(&self, key: &str) -> &str {
        self.value[key].as_str().unwrap_or_default()
    }

    fn shown(&self) -> String {
        format!("{} is {}", self.text("path"), verdict(self.value))
    }
}

/// Whether a change or a finding is drift: its cause, or that it waits for too long.
pub(super) fn is_drift(value: &Value) -> bool {
    matches!(value["cause"].as_str(), Some("manual" | "rollback" | "unknown")) || value["overdue"] == true
}

fn verdict(value: &Value) -> String {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or("-").to_owned();
    let claimed = value["claimed"].as_str().map(|cause| format!(", claimed {cause}")).unwrap_or_default();
    format!("{} {} by {} ({}{claimed})", text("/cause"), text("/confidence"), text("/manager/name"), text("/rule"))
}

/// The findings by kind and name.
fn by_object(report: &Value) -> BTreeMap<(&str, &str), &Value> {
    let findings = report["findings"].as_array().map_or(&[][..], Vec::as_slice);
    findings
        .iter()
        .map(|finding| {
            let resource = &finding["resource"];
            let name = |key: &str| resource[key].as_str().unwrap_or_default();
            ((name("kind"), name("name")), finding)
        })
        .collect()
}

/// Judges every case, prints how much was judged, and fails with all that is wrong.
#[track_caller]
pub(super) fn hold(way: &str, cases: &[Case], seen: &Seen<'_>) {
    let findings = by_object(seen.report);
    let mut counts: BTreeMap<Writer, [usize; 3]> = BTreeMap::new();
    let mut wrong = String::new();
    for case in cases {
        let (Some(before), Some(after)) = (seen.before.get(&case.path), seen.after.get(&case.path)) else {
            let _ = writeln!(wrong, "{}: it is not there", case.name);
            continue;
        };
        let live_name = case.declared["metadata"]["name"].as_str().unwrap_or_default();
        let kind = case.declared["kind"].as_str().unwrap_or_default();
        let finding = findings.get(&(kind, live_name)).copied();
        let leaves = match case.writer {
            // Nobody wrote: what Git has now is the change.
            Writer::Pending => changed(before, &case.changed_live(before)),
            _ => changed(before, after),
        };
        let count = counts.entry(case.writer).or_default();
        count[0] += usize::from(!leaves.is_empty());
        count[1] += leaves.len();
        count[2] += usize::from(leaves.is_empty());
        for fault in faults(case, after, &leaves, finding) {
            let _ = writeln!(wrong, "{kind} {}: {fault}", case.name);
        }
    }
    println!("writers {way}: {} objects", cases.len());
    for (writer, [changes, leaves, none]) in &counts {
        let none = if *none == 0 { String::new() } else { format!(", {none} changed nothing") };
        println!("  {:<16} {changes:>3} changes, {leaves:>3} fields{none}", writer.short());
    }
    assert!(wrong.is_empty(), "{way}\n{wrong}");
}

pub(super) fn covers(said: &Path, leaf: &Path) -> bool {
    is_around(said, leaf) || is_around(leaf, said)
}

/// Everything that is wrong with what was said of this object.
fn faults(case: &Case, after: &Value, leaves: &[Leaf], finding: Option<&Value>) -> Vec<String> {
    let listed = finding.and_then(|finding| finding["changes"].as_array()).map_or(&[][..], Vec::as_slice);
    let path = |value: &Value| parse(value["path"].as_str().unwrap_or_default());
    let said: Vec<Said<'_>> = listed.iter().map(|value| Said { path: path(value), value }).collect();
    let mut faults = Vec::new();
    let truth = case.writer.truth();
    for leaf in leaves {
        let of_leaf: Vec<&Said<'_>> = said.iter().filter(|said| covers(&said.path, &leaf.path)).collect();
        let missed = of_leaf.is_empty() && !matches!(truth, Truth::InSync | Truth::Controller);
        if missed {
            faults.push(format!("missed: {}", shown(&leaf.path)));
        }
        faults.extend(of_leaf.into_iter().filter_map(|said| fault(case, after, leaf, said)));
    }
    for one in said.iter().filter(|said| is_drift(said.value)) {
        if !leaves.iter().any(|leaf| covers(&one.path, &leaf.path)) {
            faults.push(format!("false: {}", one.shown()));
        }
    }
    faults
}

/// What is wrong with a change that lies where the object changed.
fn fault(case: &Case, after: &Value, leaf: &Leaf, said: &Said<'_>) -> Option<String> {
    let (cause, value) = (said.text("cause"), said.value);
    let right = match case.writer.truth() {
        Truth::Drift => return drift_fault(case, after, leaf, said),
        Truth::Controller => cause != "manual" && (case.change.harmful || !is_drift(value)),
        Truth::InSync => !is_drift(value),
        Truth::Returned => cause == "rollback" || (cause == "unsynced" && value["overdue"] == true),
        Truth::Unsynced => cause == "unsynced" && !is_drift(value),
    };
    (!right).then(|| said.shown())
}

/// A person's or a script's change is drift, by the manager that the server recorded for this very place.
fn drift_fault(case: &Case, after: &Value, leaf: &Leaf, said: &Said<'_>) -> Option<String> {
    let place = if said.path.len() > leaf.path.len() { &said.path } else { &leaf.path };
    let recorded: Vec<String> = owners(after, place).into_iter().map(|(name, _)| name).collect();
    let expected = case.writer.manager(case.change);
    let by_writer = recorded.iter().any(|owner| owner.rsplit_once(' ').is_some_and(|(name, _)| name == expected));
    if leaf.after.is_some() && !recorded.is_empty() && !by_writer {
        // A controller's answer to the change.
        let by_controller = recorded.iter().all(|owner| owner.starts_with("kube-controller-manager "));
        return (!by_controller).then(|| format!("{} is recorded for {recorded:?}", shown(place)));
    }
    if !is_drift(said.value) {
        return Some(said.shown());
    }
    let name = said.value["manager"]["name"].as_str().unwrap_or_default();
    let is_owned = leaf.after.is_some() && by_writer;
    (is_owned && name != expected).then(|| format!("recorded for {expected}: {}", said.shown()))
}

pub(super) fn shown(path: &Path) -> String {
    path.iter().map(|step| format!("/{step:?}")).collect()
}
