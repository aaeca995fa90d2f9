//! The dry-run patch: live with everything that Git declares applied to it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::pairs::pair;
use crate::diff::normalise::{normalise_declared, without_nulls};
use crate::model::{Change, ChangeKind, ResourceId, push_pointer};

/// Parts of the metadata that a manifest decides whole: what it does not declare is not there.
const WHOLE: [&str; 2] = ["labels", "annotations"];
/// Parts that others fill: asked about only where Git declares them.
const DECLARED: [&str; 2] = ["finalizers", "ownerReferences"];
/// The applier's own copy of what it applied.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The dry-run patch of one object: would anything change if Git were applied?
#[derive(Debug, Clone)]
pub struct DryRunPatch<'a> {
    declared: Value,
    live: &'a Value,
    /// Places (RFC 6901) at which what Git does not declare stays as it is: the server refuses that it goes.
    pub(super) lenient: BTreeSet<String>,
    /// Places at which everything stays as it is.
    pub(super) unchanged: BTreeSet<String>,
}

impl<'a> DryRunPatch<'a> {
    /// Asks whether live would change if the object were as this manifest declares it.
    #[must_use]
    pub fn new(manifest: &Value, live: &'a Value) -> Self {
        let mut declared = if is_custom(manifest) { with_nulls(manifest) } else { without_nulls(manifest) };
        if let Some(map) = declared.as_object_mut() {
            map.remove("status");
        }
        Self { declared, live, lenient: BTreeSet::new(), unchanged: BTreeSet::new() }
    }

    /// Asks the same of the manifest with these changes taken in: whatever would still change follows from none of them.
    #[must_use]
    pub fn with_changes(&self, manifest: &Value, changes: &[Change]) -> Self {
        let mut declared = if is_custom(manifest) {
            self.declared.clone()
        } else {
            normalise_declared(manifest).into_owned()
        };
        adopt(&mut declared, self.live, changes);
        Self { declared, ..self.clone() }
    }

    /// Gives way where the server refuses (`spec.template`, `spec.ports[0].nodePort`): first what Git does not declare
    /// stays there, then everything. Whether that makes it another question.
    pub fn relax(&mut self, fields: &[String]) -> bool {
        let before = self.intended();
        for field in fields {
            let Some(place) = place_of(field) else { continue };
            if self.lenient.contains(&place) {
                self.unchanged.insert(place);
            } else {
                self.lenient.insert(place);
            }
        }
        self.intended() != before
    }

    /// The JSON patch (RFC 6902) that says it. It names the version that was read: the server refuses it for any other.
    #[must_use]
    pub fn to_json_patch(&self) -> Value {
        let intended = self.intended();
        let version = self.live.pointer("/metadata/resourceVersion").cloned().unwrap_or_default();
        let mut operations =
            vec![json!({"op": "add", "path": "/metadata/resourceVersion", "value": version})];
        let metadata = |key: &str| WHOLE.contains(&key) || DECLARED.contains(&key);
        operate("/metadata", self.live.get("metadata"), intended.get("metadata"), metadata, &mut operations);
        let decided = |key: &str| is_decided(key);
        operate("", Some(self.live), Some(&intended), decided, &mut operations);
        Value::from(operations)
    }

    /// The object that the server is asked about.
    fn intended(&self) -> Value {
        let mut intended = self.live.clone();
        if let (Some(map), Some(declared)) = (intended.as_object_mut(), self.declared.as_object()) {
            map.retain(|key, _| !is_decided(key));
            let decided = declared.iter().filter(|(key, _)| is_decided(key));
            map.extend(decided.map(|(key, value)| (key.clone(), value.clone())));
            if let Some(metadata) = map.get_mut("metadata").and_then(Value::as_object_mut) {
                decide_metadata(metadata, declared.get("metadata"));
            }
        }
        for place in &self.lenient {
            if let (Some(live), Some(here)) = (self.live.pointer(place), self.declared.pointer(place)) {
                set(&mut intended, place, overlay(live, here));
            } else if let Some(live) = self.live.pointer(place) {
                set(&mut intended, place, live.clone());
            }
        }
        for place in &self.unchanged {
            match self.live.pointer(place) {
                Some(live) => set(&mut intended, place, live.clone()),
                None => remove(&mut intended, place),
            }
            // A Secret's other way to write `data`.
            if place.split('/').nth(1) == Some("data") {
                remove(&mut intended, "/stringData");
            }
        }
        intended
    }
}

/// Whether the object is of a kind in which the server may keep a null.
fn is_custom(manifest: &Value) -> bool {
    ResourceId::from_object(manifest).is_ok_and(|id| !id.is_built_in())
}

/// The manifest as server-side apply sends it; metadata keeps no null.
fn with_nulls(manifest: &Value) -> Value {
    let mut declared = manifest.clone();
    if let Some(metadata) = declared.get_mut("metadata") {
        *metadata = without_nulls(metadata);
    }
    declared
}

/// Whether a manifest decides this part of an object.
fn is_decided(key: &str) -> bool {
    !matches!(key, "apiVersion" | "kind" | "metadata" | "status" | "sops")
}

fn decide_metadata(metadata: &mut Map<String, Value>, declared: Option<&Value>) {
    let last_applied = metadata.get("annotations").and_then(|map| map.get(LAST_APPLIED)).cloned();
    for key in WHOLE {
        metadata.remove(key);
    }
    for key in WHOLE.iter().chain(&DECLARED) {
        if let Some(value) = declared.and_then(|declared| declared.get(*key)) {
            metadata.insert((*key).to_owned(), value.clone());
        }
    }
    if let Some(copy) = last_applied {
        let annotations = metadata.entry("annotations").or_insert_with(|| Value::Object(Map::new()));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.insert(LAST_APPLIED.to_owned(), copy);
        }
    }
}

/// The operations that turn the decided parts of one map into those of another: whole parts, at most one operation each.
/// `json_patch::diff` goes into maps and lists item by item, and the API server refuses more than 10,000 operations.
fn operate(
    at: &str,
    from: Option<&Value>,
    to: Option<&Value>,
    decided: impl Fn(&str) -> bool,
    operations: &mut Vec<Value>,
) {
    let (Some(from), Some(to)) = (from.and_then(Value::as_object), to.and_then(Value::as_object)) else {
        return;
    };
    let path = |key: &str| {
        let mut path = at.to_owned();
        push_pointer(&mut path, key);
        path
    };
    for key in from.keys().filter(|key| decided(key) && !to.contains_key(*key)) {
        operations.push(json!({"op": "remove", "path": path(key)}));
    }
    for (key, value) in to.iter().filter(|(key, value)| decided(key) && from.get(*key) != Some(*value)) {
        operations.push(json!({"op": "add", "path": path(key), "value": value}));
    }
}

/// `/spec/ports` of `spec.ports[0].nodePort`: items are not told apart here, for the server counts those of our question.
fn place_of(field: &str) -> Option<String> {
    let fields = field.split('[').next().unwrap_or_default();
    let mut place = String::new();
    for part in fields.split('.').filter(|part| !part.is_empty()) {
        push_pointer(&mut place, part);
    }
    // The identity of the object, or the object itself: there is nothing to give way in.
    (!place.is_empty() && place != "/metadata").then_some(place)
}

/// What is declared laid over what is live: what Git does not declare stays.
fn overlay(live: &Value, declared: &Value) -> Value {
    match (live, declared) {
        (Value::Object(live), Value::Object(declared)) => {
            let mut both = live.clone();
            for (key, value) in declared {
                let laid = live.get(key).map_or_else(|| value.clone(), |live| overlay(live, value));
                both.insert(key.clone(), laid);
            }
            Value::Object(both)
        }
        (Value::Array(live), Value::Array(declared)) if declared.iter().any(Value::is_object) => {
            let items = pair(live, declared).into_iter().filter_map(|(of_live, of_declared)| {
                match (of_live.and_then(|at| live.get(at)), of_declared.and_then(|at| declared.get(at))) {
                    (Some(live), Some(declared)) => Some(overlay(live, declared)),
                    (one, other) => one.or(other).cloned(),
                }
            });
            Value::Array(items.collect())
        }
        (_, declared) => declared.clone(),
    }
}

/// Takes changes into what is declared. Items go from the end of their list, so that no index moves before it is used.
fn adopt(declared: &mut Value, live: &Value, changes: &[Change]) {
    let (removed, set_to): (Vec<_>, Vec<_>) =
        changes.iter().map(|change| &change.difference).partition(|found| found.kind == ChangeKind::Removed);
    for found in &set_to {
        if let Some(value) = live.pointer(&found.pointer) {
            set(declared, &found.desired_pointer, value.clone());
        }
    }
    let mut gone: Vec<&str> = removed.iter().map(|found| found.desired_pointer.as_str()).collect();
    gone.sort_by_key(|pointer| index_of(pointer));
    gone.iter().rev().for_each(|pointer| remove(declared, pointer));
}

fn index_of(pointer: &str) -> Option<usize> {
    pointer.rsplit('/').next()?.parse().ok()
}

/// Sets the value at a pointer; `-` is the end of a list. Maps on the way are made, and a list for the first item of one.
fn set(root: &mut Value, pointer: &str, value: Value) {
    let Some((parent, last)) = pointer.rsplit_once('/') else {
        *root = value;
        return;
    };
    if root.pointer(parent).is_none() {
        let empty = if last == "-" { json!([]) } else { json!({}) };
        set(root, parent, empty);
    }
    match root.pointer_mut(parent) {
        Some(Value::Object(map)) => drop(map.insert(unescape(last), value)),
        Some(Value::Array(items)) => match last.parse::<usize>().ok().and_then(|at| items.get_mut(at)) {
            Some(item) => *item = value,
            None => items.push(value),
        },
        _ => {}
    }
}

fn remove(root: &mut Value, pointer: &str) {
    let Some((parent, last)) = pointer.rsplit_once('/') else { return };
    match root.pointer_mut(parent) {
        Some(Value::Object(map)) => drop(map.remove(&unescape(last))),
        Some(Value::Array(items)) => {
            if let Some(at) = last.parse::<usize>().ok().filter(|at| *at < items.len()) {
                items.remove(at);
            }
        }
        _ => {}
    }
}

fn unescape(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}
