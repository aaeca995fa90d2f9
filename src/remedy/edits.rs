//! From a desired and a live value to the edit of the source.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::replaced::{How, Replaced, replaced};
use super::whole::part_of;
use crate::model::{Change, ChangeKind, Desired, Step, substitution};
use crate::schema::{Field, Shape, without_defaults};
use crate::yaml::{Aligned, Edit, Operation, align};

/// Where edits of one document go.
pub(super) struct Target {
    /// Index of the document in its file.
    pub(super) document: usize,
    /// Pointer of the object in the document: empty, or `/items/N` of a list.
    pub(super) prefix: String,
}

impl Target {
    /// Sets a value; where the document has one, the edit touches only what differs.
    pub(super) fn set(&self, pointer: &str, value: Value) -> Edit {
        self.edit(pointer, Operation::Set(value))
    }

    /// Takes out a key or an item.
    pub(super) fn remove(&self, pointer: &str) -> Edit {
        self.edit(pointer, Operation::Remove)
    }

    /// Gives a key another name.
    pub(super) fn rename(&self, pointer: &str, name: String) -> Edit {
        self.edit(pointer, Operation::Rename(name))
    }

    fn edit(&self, pointer: &str, operation: Operation) -> Edit {
        Edit { document: self.document, pointer: format!("{}{pointer}", self.prefix), operation }
    }
}

/// The edits that take changes into a document: what is set first, for it moves nothing, then what is taken out, from the
/// end of each list.
pub(super) fn edits_of(
    whole: &[&Change],
    (object, root): (&Desired, Field<'_>),
    target: &Target,
) -> Vec<Edit> {
    let replaced = replaced(whole, root);
    let mut edits: Vec<Edit> =
        replaced.iter().flat_map(|one| edits_in_place(one, (object, root), target)).collect();
    let others = whole.iter().filter(|change| !replaced.iter().any(|one| one.has(change)));
    let (removed, set): (Vec<&Change>, Vec<&Change>) =
        others.partition(|change| change.difference.kind == ChangeKind::Removed);
    edits.extend(set.into_iter().filter_map(|change| {
        let (wanted, live) = wanted(change, root)?;
        let pointer = &change.difference.desired_pointer;
        let declared = object.value.pointer(pointer);
        let declared = declared.filter(|_| change.difference.kind == ChangeKind::Modified);
        Some(
            target.set(pointer, declared.map_or(wanted.clone(), |declared| merged(declared, &wanted, &live))),
        )
    }));
    let mut removed = emptied(&removed, (object, root), &edits);
    removed.sort_by_cached_key(|pointer| std::cmp::Reverse(steps_of(pointer)));
    edits.extend(removed.into_iter().map(|pointer| target.remove(pointer)));
    edits
}

/// The pointers to take out: a list, or a map of any keys, goes with the last that it held.
fn emptied<'c>(
    removed: &[&'c Change],
    (object, root): (&Desired, Field<'_>),
    edits: &[Edit],
) -> Vec<&'c str> {
    let mut parts: BTreeMap<&str, Vec<&'c Change>> = BTreeMap::new();
    for change in removed {
        let pointer = change.difference.desired_pointer.as_str();
        parts.entry(pointer.rsplit_once('/').map_or("", |(part, _)| part)).or_default().push(change);
    }
    let all = parts.into_iter().flat_map(|(part, removed)| {
        let holds = match object.value.pointer(part) {
            Some(Value::Array(items)) => items.len(),
            Some(Value::Object(map)) => map.len(),
            _ => 0,
        };
        let is_set = || edits.iter().any(|edit| edit.pointer.contains(&format!("{part}/")));
        let is_collection =
            |change: &&Change| matches!(root.at(part_of(change)).shape(), Shape::List(_) | Shape::Map);
        if holds == removed.len() && removed.first().is_some_and(is_collection) && !is_set() {
            return vec![part];
        }
        removed.into_iter().map(|change| change.difference.desired_pointer.as_str()).collect()
    });
    all.collect()
}

/// A pointer's steps, numbers as such.
fn steps_of(pointer: &str) -> Vec<(Option<usize>, &str)> {
    pointer.split('/').map(|step| (step.parse().ok(), step)).collect()
}

/// A live value without what the server puts there by itself, and with it.
pub(super) fn wanted(change: &Change, root: Field<'_>) -> Option<(Value, Value)> {
    let live = change.difference.live.clone()?;
    Some((without_defaults(root.at(change.difference.path.steps()), &live), live))
}

/// The edits that put something in the place of something else.
fn edits_in_place(
    replaced: &Replaced<'_>,
    (object, root): (&Desired, Field<'_>),
    target: &Target,
) -> Vec<Edit> {
    let Some((wanted, live)) = wanted(replaced.added, root) else { return Vec::new() };
    let pointer = &replaced.removed.difference.desired_pointer;
    let name = match replaced.added.difference.path.steps().last() {
        Some(Step::Field(name)) => name.clone(),
        _ => String::new(),
    };
    match replaced.how {
        How::Item => {
            let declared = object.value.pointer(pointer).cloned().unwrap_or_default();
            vec![target.set(pointer, merged(&declared, &wanted, &live))]
        }
        How::Key => vec![target.rename(pointer, name)],
        How::Fields => {
            vec![target.rename(pointer, name), target.set(&replaced.added.difference.desired_pointer, wanted)]
        }
    }
}

/// What `desired` becomes: `wanted`, but what Git declares and live has is kept although it is a default. `live` is
/// `wanted` with what the server put into it.
pub(super) fn merged(desired: &Value, wanted: &Value, live: &Value) -> Value {
    match (desired, wanted, live) {
        _ if desired == live => desired.clone(),
        // What fills in a variable is not Git's to say.
        (Value::String(template), _, live) if substitution::has_variable(template) => {
            let text = live.as_str().map_or_else(|| live.to_string(), str::to_owned);
            if substitution::could_render(template, &text) { desired.clone() } else { wanted.clone() }
        }
        (Value::Object(desired), Value::Object(wanted), Value::Object(live)) => {
            Value::Object(map(desired, wanted, live))
        }
        (Value::Array(desired), Value::Array(wanted), Value::Array(live)) if wanted.len() == live.len() => {
            Value::Array(list(desired, wanted, live))
        }
        _ => wanted.clone(),
    }
}

/// Whether a text with a variable of a GitOps tool is gone from a value.
pub(super) fn loses_variable(before: &Value, after: Option<&Value>) -> bool {
    let (mut of_before, mut of_after) = (Vec::new(), Vec::new());
    variables(before, &mut of_before);
    if let Some(after) = after {
        variables(after, &mut of_after);
    }
    of_before.iter().any(|text| !of_after.contains(text))
}

fn variables<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::String(text) if substitution::has_variable(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| variables(item, found)),
        Value::Object(map) => map.values().for_each(|inner| variables(inner, found)),
        _ => {}
    }
}

fn map(
    desired: &Map<String, Value>,
    wanted: &Map<String, Value>,
    live: &Map<String, Value>,
) -> Map<String, Value> {
    let kept = desired.iter().filter_map(|(key, before)| match (wanted.get(key), live.get(key)) {
        (Some(wanted), Some(live)) => Some((key.clone(), merged(before, wanted, live))),
        (None, Some(live)) => Some((key.clone(), merged(before, live, live))),
        (_, None) => before.is_null().then(|| (key.clone(), Value::Null)),
    });
    let new = wanted.iter().filter(|(key, _)| !desired.contains_key(*key));
    kept.chain(new.map(|(key, value)| (key.clone(), value.clone()))).collect()
}

fn list(desired: &[Value], wanted: &[Value], live: &[Value]) -> Vec<Value> {
    let items = align(desired, wanted).into_iter().filter_map(|item| match item {
        Aligned::Both(at, to) => Some(merged(&desired[at], &wanted[to], &live[to])),
        Aligned::New(to) => Some(wanted[to].clone()),
        Aligned::Old(_) => None,
    });
    items.collect()
}
