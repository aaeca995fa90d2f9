//! From a desired and a live value to the edit of the source.

use serde_json::{Map, Value};

use crate::model::substitution;
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
