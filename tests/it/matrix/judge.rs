//! What `drift check` said of one object, held against what the server says has changed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::truth::{Leaf, Path, at, changed, is_around, owners, parse, stripped};
use super::{Copy, PERSON};
use crate::support::cluster::ControlPlane;
use crate::support::http::Client;
use crate::support::repo::Repo;
use crate::support::report::findings;

/// The report of `drift check`, with everything that it only counts otherwise; it must be complete.
#[track_caller]
pub(super) fn report(plane: &ControlPlane, repo: &Repo) -> Value {
    let output = plane.check(repo);
    let report = output.json();
    let disagreements = &report["verification"]["disagreements"];
    assert_eq!(disagreements, &Value::Array(vec![]), "{disagreements:#}");
    assert_eq!(report["incomplete"], Value::Array(vec![]), "{}", output.stderr);
    report
}

/// The findings by kind and name.
pub(super) fn by_object(report: &Value) -> BTreeMap<(String, String), &Value> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    findings(report)
        .iter()
        .map(|finding| {
            let resource = &finding["resource"];
            ((text(&resource["kind"]), text(&resource["name"])), finding)
        })
        .collect()
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
}

/// Everything that is wrong with what was said of this object.
pub(super) fn faults(client: &Client, copy: &Copy, finding: Option<&Value>) -> Vec<String> {
    let leaves = changed(&copy.before, &copy.after);
    let listed = finding.and_then(|finding| finding["changes"].as_array()).map_or(&[][..], Vec::as_slice);
    let said: Vec<Said<'_>> = listed
        .iter()
        .map(|value| Said { path: parse(value["path"].as_str().unwrap_or_default()), value })
        .collect();
    let mut faults = Vec::new();
    for leaf in &leaves {
        let covered = said.iter().any(|said| covers(&said.path, &leaf.path));
        if !covered && !is_without_meaning(copy, leaf) && !is_derived(client, copy, leaf) {
            faults.push(format!("missed: {}", shown(&leaf.path)));
        }
    }
    for (number, one) in said.iter().enumerate() {
        let path = one.text("path");
        let inside: Vec<&Leaf> = leaves.iter().filter(|leaf| covers(&one.path, &leaf.path)).collect();
        if inside.is_empty() {
            faults.push(format!("false: {path}"));
        }
        if said[..number].iter().any(|other| covers(&other.path, &one.path)) {
            faults.push(format!("twice: {path}"));
        }
        faults.extend(coarse(copy, one, &inside));
        faults.extend(misattributed(copy, one, &inside));
    }
    faults
}

fn shown(path: &Path) -> String {
    path.iter().map(|step| format!("/{step:?}")).collect()
}

fn covers(said: &Path, leaf: &Path) -> bool {
    is_around(said, leaf) || is_around(leaf, said)
}

/// Whether the change says nothing against Git: a value is gone that Git does not declare (the server's, or a default that
/// no longer applies), or a list that the server tracks by keys or as a set has another order.
fn is_without_meaning(copy: &Copy, leaf: &Leaf) -> bool {
    let undeclared = leaf.after.is_none() && at(&copy.declared, &leaf.path).is_none();
    let by_item = || {
        let owners = owners(&copy.after, &leaf.path);
        !owners.is_empty() && owners.iter().all(|(_, whole)| !whole)
    };
    let reordered = leaf.order || has_the_same_items(copy, leaf);
    // The metrics of a HorizontalPodAutoscaler the server itself reorders (kubernetes/kubernetes#74099).
    let free = || leaf.after.as_deref() == Some("/spec/metrics") || by_item();
    undeclared || (reordered && free()) || is_unrecorded(copy, leaf)
}

/// A finalizer on an object of which the server records nothing (applied server-side with metadata alone): whether a
/// controller or a person put it there, nothing says, and on most objects it was a controller.
fn is_unrecorded(copy: &Copy, leaf: &Leaf) -> bool {
    let recorded = copy.after.pointer("/metadata/managedFields").is_some();
    !recorded && leaf.after.as_deref() == Some("/metadata/finalizers")
}

/// Whether a list has the same items before and after.
fn has_the_same_items(copy: &Copy, leaf: &Leaf) -> bool {
    let items = |object: &Value| {
        let items = at(object, &leaf.path)?.as_array()?.iter().map(Value::to_string);
        Some(items.collect::<BTreeSet<_>>())
    };
    let before = items(&copy.before);
    before.is_some() && before == items(&copy.after)
}

/// Whether the server made the value by itself, of what is now in the object: it comes back when it is taken out.
fn is_derived(client: &Client, copy: &Copy, leaf: &Leaf) -> bool {
    let Some(pointer) = &leaf.after else { return false };
    let Some(without) = super::edits::Edit::Remove(pointer.clone()).of(&copy.after) else { return false };
    let (status, answer) = client.json("PUT", &format!("{}?dryRun=All", copy.path), Some(&without));
    status == 200 && stripped(&answer) == stripped(&copy.after)
}

/// A change names the smallest thing that differs: what the server tracks as one value, or what only one side has.
fn coarse(copy: &Copy, said: &Said<'_>, inside: &[&Leaf]) -> Option<String> {
    let strictly = inside.iter().any(|leaf| leaf.path.len() > said.path.len());
    if !strictly {
        return None;
    }
    let sides = [&copy.before, &copy.after]
        .map(|object| at(object, &said.path).is_some_and(|value| !is_hollow(value)));
    let tracked = owners(&copy.after, &said.path);
    let before = owners(&copy.before, &said.path);
    let atomic = tracked.iter().chain(&before).any(|(_, whole)| *whole);
    let unrecorded = tracked.is_empty() && before.is_empty();
    let one_sided = sides[0] != sides[1];
    (!atomic && !one_sided && !unrecorded).then(|| format!("too coarse: {}", said.text("path")))
}

fn is_hollow(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.values().all(is_hollow),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// The manager must be the one that the server recorded for this very change; where it recorded none, no certainty.
fn misattributed(copy: &Copy, said: &Said<'_>, inside: &[&Leaf]) -> Option<String> {
    let person = format!("{PERSON} Update/");
    let recorded = |leaf: &&Leaf| {
        let place = if said.path.len() > leaf.path.len() { &said.path } else { &leaf.path };
        leaf.after.is_some() && owners(&copy.after, place).iter().any(|(name, _)| *name == person)
    };
    let name = said.value["manager"]["name"].as_str().unwrap_or_default();
    let (cause, confidence) = (said.text("cause"), said.text("confidence"));
    let told = format!("{} {cause} {confidence} by {name:?}", said.text("path"));
    let sure = matches!(confidence, "high" | "medium" | "certain");
    if inside.iter().any(recorded) {
        let right = name == PERSON && cause == "manual" && sure;
        return (!right).then(|| format!("recorded for {PERSON}: {told}"));
    }
    // A server whose feature is off drops what the person wrote, and still records the write.
    let dropped = |leaf: &&Leaf| owners(&copy.after, &leaf.path).iter().any(|(name, _)| *name == person);
    let by_a_drop = name == PERSON && inside.iter().any(dropped);
    (sure && said.text("change") != "modified" && !by_a_drop).then(|| format!("nothing recorded: {told}"))
}
