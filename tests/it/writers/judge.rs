//! What the report says of each object, held against what the server says has changed and who wrote it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

use super::means::Truth;
use crate::matrix::truth::{Leaf, Path, Step, changed, is_around, owners, parse};

/// One object, and what is known of it.
pub(super) struct Judged<'a> {
    /// The line of the table that counts it.
    pub(super) row: String,
    pub(super) kind: &'a str,
    pub(super) name: &'a str,
    pub(super) truth: Truth,
    /// Who wrote, as the server records it.
    pub(super) manager: &'a str,
    pub(super) harmful: bool,
    pub(super) before: Cow<'a, Value>,
    pub(super) after: Cow<'a, Value>,
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
    format!(
        "{} {} by {} ({}{claimed})",
        text("/cause"),
        text("/confidence"),
        text("/manager/name"),
        text("/rule")
    )
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

/// Judges every object, prints how much was judged, and fails with all that is wrong.
#[track_caller]
pub(super) fn hold(way: &str, objects: &[Judged<'_>], report: &Value) {
    let findings = by_object(report);
    let mut counts: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    let mut wrong = String::new();
    for object in objects {
        let finding = findings.get(&(object.kind, object.name)).copied();
        let leaves = changed(&object.before, &object.after);
        let count = counts.entry(&object.row).or_default();
        let is_changed = !leaves.is_empty() || object.truth.is_of_the_whole();
        count[0] += usize::from(is_changed);
        count[1] += leaves.len();
        count[2] += usize::from(!is_changed);
        for fault in faults(object, &leaves, finding) {
            let _ = writeln!(wrong, "{} {}: {fault}", object.kind, object.name);
        }
    }
    let ours: BTreeSet<(&str, &str)> = objects.iter().map(|object| (object.kind, object.name)).collect();
    for (stranger, finding) in findings.iter().filter(|(key, _)| !ours.contains(*key)) {
        let _ = writeln!(wrong, "found and not ours: {stranger:?} {} {}", finding["state"], verdict(finding));
    }
    println!("writers {way}: {} objects", objects.len());
    for (row, [changes, leaves, none]) in &counts {
        let none = if *none == 0 { String::new() } else { format!(", {none} changed nothing") };
        println!("  {row:<16} {changes:>3} changes, {leaves:>3} fields{none}");
    }
    assert!(wrong.is_empty(), "{way}\n{wrong}");
}

pub(super) fn covers(said: &Path, leaf: &Path) -> bool {
    is_around(said, leaf) || is_around(leaf, said)
}

/// Everything that is wrong with what was said of this object.
fn faults(object: &Judged<'_>, leaves: &[Leaf], finding: Option<&Value>) -> Vec<String> {
    if object.truth.is_of_the_whole() {
        return whole_fault(object, finding).into_iter().collect();
    }
    let listed = finding.and_then(|finding| finding["changes"].as_array()).map_or(&[][..], Vec::as_slice);
    let path = |value: &Value| parse(value["path"].as_str().unwrap_or_default());
    let said: Vec<Said<'_>> = listed.iter().map(|value| Said { path: path(value), value }).collect();
    let mut faults = Vec::new();
    for leaf in leaves {
        let of_leaf: Vec<&Said<'_>> = said.iter().filter(|said| covers(&said.path, &leaf.path)).collect();
        let silent = matches!(object.truth, Truth::InSync | Truth::Controller);
        if of_leaf.is_empty() && !silent && !is_derived(leaf) {
            faults.push(format!("missed: {}", shown(&leaf.path)));
        }
        faults.extend(of_leaf.into_iter().filter_map(|said| fault(object, leaf, said)));
    }
    for one in said.iter().filter(|said| is_drift(said.value)) {
        if !leaves.iter().any(|leaf| covers(&one.path, &leaf.path)) {
            faults.push(format!("false: {}", one.shown()));
        }
    }
    faults
}

/// What is wrong with what was said of an object that somebody made or removed.
fn whole_fault(object: &Judged<'_>, finding: Option<&Value>) -> Option<String> {
    let Some(finding) = finding else { return Some("missed".to_owned()) };
    let name = finding["manager"]["name"].as_str().unwrap_or_default();
    let right = match object.truth {
        Truth::Made => finding["state"] == "unmanaged" && name == object.manager,
        Truth::Collected => finding["state"] == "missing" && finding["cause"] != "manual",
        _ => finding["state"] == "missing",
    };
    (!right || !is_drift(finding)).then(|| format!("it is {} {}", finding["state"], verdict(finding)))
}

/// What is wrong with a change that lies where the object changed.
fn fault(object: &Judged<'_>, leaf: &Leaf, said: &Said<'_>) -> Option<String> {
    let (cause, value) = (said.text("cause"), said.value);
    let right = match object.truth {
        Truth::Controller => cause != "manual" && (may_be_drift(object, leaf, said) || !is_drift(value)),
        Truth::InSync => !is_drift(value),
        // Of a field that is gone, no record tells the deployer from a person.
        Truth::Returned if said.text("change") == "removed" => is_drift(value) && cause != "manual",
        Truth::Returned => cause == "rollback" || (cause == "unsynced" && value["overdue"] == true),
        Truth::Unsynced => cause == "unsynced" && !is_drift(value),
        _ => return drift_fault(object, leaf, said),
    };
    (!right).then(|| said.shown())
}

/// Where even an operator is not believed: what could do harm, what anybody scales, and what is gone, which leaves no owner.
fn may_be_drift(object: &Judged<'_>, leaf: &Leaf, said: &Said<'_>) -> bool {
    object.harmful || said.text("change") == "removed" || shown(&leaf.path).ends_with("/replicas")
}

/// A finalizer or an owner reference of a manager that is in no table: it is taken for a controller's, the one exception.
fn is_guard(leaf: &Leaf, manager: &str) -> bool {
    let places = ["/metadata/finalizers", "/metadata/ownerReferences"];
    let place = places.iter().any(|place| shown(&leaf.path).starts_with(place));
    place && matches!(manager, "nightly-fix" | "hotfix-script" | "OpenAPI-Generator")
}

/// What the server makes of another field: an old name of it, or a default that goes with it.
pub(super) fn is_derived(leaf: &Leaf) -> bool {
    let path = shown(&leaf.path);
    path.ends_with("/spec/serviceAccount") || path == "/spec/externalTrafficPolicy"
}

/// A person's or a script's change is drift, by the manager that the server recorded for this very place.
fn drift_fault(object: &Judged<'_>, leaf: &Leaf, said: &Said<'_>) -> Option<String> {
    let place = if said.path.len() > leaf.path.len() { &said.path } else { &leaf.path };
    let recorded: Vec<String> = owners(&object.after, place).into_iter().map(|(name, _)| name).collect();
    let expected = object.manager;
    let by_writer =
        recorded.iter().any(|owner| owner.rsplit_once(' ').is_some_and(|(name, _)| name == expected));
    if leaf.after.is_some() && !recorded.is_empty() && !by_writer {
        // A controller's answer to the change.
        let by_controller = recorded.iter().all(|owner| owner.starts_with("kube-controller-manager "));
        return (!by_controller).then(|| format!("{} is recorded for {recorded:?}", shown(place)));
    }
    if is_guard(leaf, expected) && said.text("rule") == "guard" {
        return None;
    }
    if !is_drift(said.value) {
        return Some(said.shown());
    }
    let name = said.value["manager"]["name"].as_str().unwrap_or_default();
    let is_owned = leaf.after.is_some() && by_writer;
    (is_owned && name != expected).then(|| format!("recorded for {expected}: {}", said.shown()))
}

pub(super) fn shown(path: &Path) -> String {
    path.iter()
        .map(|step| match step {
            Step::Field(name) => format!("/{name}"),
            Step::Keys(keys) => {
                let keys: Vec<String> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
                format!("/[{}]", keys.join(","))
            }
            Step::Other(text) => format!("/[{text}]"),
        })
        .collect()
}
