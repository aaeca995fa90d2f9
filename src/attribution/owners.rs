//! Who owns a field, by managedFields (apimachinery `pkg/util/managedfields/internal`, format FieldsV1).

use crate::model::FieldOwner;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::model::{FieldPath, Manager, PathElement};

/// One entry of managedFields.
#[derive(Debug, Clone)]
pub struct ManagedFieldsEntry {
    /// Manager, operation, subresource and time.
    pub manager: Manager,
    fields: Map<String, Value>,
}

/// The owners of an object's fields.
#[derive(Debug, Clone, Default)]
pub struct Owners {
    entries: Vec<ManagedFieldsEntry>,
}

impl ManagedFieldsEntry {
    /// Every leaf that it owns, with the items of sets and keyed lists; of an item its whole.
    #[must_use]
    pub fn leaves(&self) -> Vec<FieldPath> {
        let mut leaves = Vec::new();
        collect(&self.fields, &FieldPath::root(), &mut leaves);
        leaves
    }

    /// When it last wrote, seconds since 1970.
    #[must_use]
    pub fn seconds(&self) -> Option<i64> {
        self.manager.time.as_deref()?.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
    }
}

impl From<Vec<Manager>> for Owners {
    /// As [`Owners::writers_only`].
    fn from(managers: Vec<Manager>) -> Self {
        let named = managers.into_iter().filter(|manager| !manager.name.is_empty());
        Self { entries: named.map(|manager| ManagedFieldsEntry { manager, fields: Map::new() }).collect() }
    }
}

/// The owners of a place of a live object, as its managedFields have them.
#[must_use]
pub fn owners_of(live: &Value, path: &FieldPath) -> Vec<FieldOwner> {
    let owners = Owners::from_live(live);
    let of_path = owners.owners_of_path(path).into_iter();
    of_path
        .map(|(entry, share)| FieldOwner {
            manager: entry.manager.clone(),
            is_exact: share == Ownership::Exact,
        })
        .collect()
}

/// How much of a place an entry owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ownership {
    /// A parent or the atomic value around it.
    Ancestor,
    /// The very place, or something inside it.
    Exact,
}

impl Owners {
    /// Reads managedFields of a live object; what is not of the known form is left out.
    #[must_use]
    pub fn from_live(live: &Value) -> Self {
        let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
        Self { entries: entries.into_iter().flatten().filter_map(entry).collect() }
    }

    /// As [`Owners::from_live`], without what each owns: for questions about who wrote at all.
    #[must_use]
    pub fn writers_only(live: &Value) -> Self {
        let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
        Self { entries: entries.into_iter().flatten().filter_map(writer).collect() }
    }

    /// Whether the manager of an entry writes the object's status, too: a controller of the kind, then.
    pub(super) fn writes_status(&self, entry: &ManagedFieldsEntry) -> bool {
        let mut entries = self.entries.iter();
        entries.any(|other| other.manager.subresource == "status" && other.manager.name == entry.manager.name)
    }

    /// Every entry, as the server lists them.
    #[must_use]
    pub fn entries(&self) -> &[ManagedFieldsEntry] {
        &self.entries
    }

    /// The indexes of the entries that own something at `path` or below.
    pub(super) fn indexes_at(&self, path: &FieldPath) -> BTreeSet<usize> {
        let owns =
            |entry: &ManagedFieldsEntry| ownership(&entry.fields, path.elements()) == Some(Ownership::Exact);
        (0..self.entries.len()).filter(|at| owns(&self.entries[*at])).collect()
    }

    /// The indexes of the entries that own the place itself, and not only something inside it: an item of a list goes where
    /// nobody else owns it as an item (structured-merge-diff `merge/update.go`, prune).
    pub(super) fn indexes_of_place(&self, path: &FieldPath) -> BTreeSet<usize> {
        let owns = |entry: &ManagedFieldsEntry| owns_place(&entry.fields, path.elements());
        (0..self.entries.len()).filter(|at| owns(&self.entries[*at])).collect()
    }

    /// The entries that own `path`, with how much of it.
    pub(super) fn owners_of_path(&self, path: &FieldPath) -> Vec<(&ManagedFieldsEntry, Ownership)> {
        self.entries
            .iter()
            .filter_map(|entry| Some((entry, ownership(&entry.fields, path.elements())?)))
            .collect()
    }
}

fn entry(value: &Value) -> Option<ManagedFieldsEntry> {
    let fields = value.get("fieldsV1").and_then(Value::as_object).cloned().unwrap_or_default();
    writer(value).map(|entry| ManagedFieldsEntry { fields, ..entry })
}

fn writer(value: &Value) -> Option<ManagedFieldsEntry> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let time = value.get("time").and_then(Value::as_str).map(str::to_owned);
    let (name, operation, subresource) = (text("manager"), text("operation"), text("subresource"));
    let manager = Manager { name, operation, subresource, api_version: text("apiVersion"), time };
    (!manager.name.is_empty()).then(|| ManagedFieldsEntry { manager, fields: Map::new() })
}

fn collect(fields: &Map<String, Value>, path: &FieldPath, leaves: &mut Vec<FieldPath>) {
    for (key, inner) in fields {
        let Some(step) = parse_step(key) else { continue };
        let at = path.join(step);
        match inner.as_object() {
            Some(inner) if inner.keys().any(|key| key != ".") => collect(inner, &at, leaves),
            _ => leaves.push(at),
        }
    }
}

/// The step of a key of FieldsV1; `None` for `.` and for what is none.
fn parse_step(key: &str) -> Option<PathElement> {
    let (kind, rest) = key.split_once(':')?;
    match kind {
        "f" => Some(PathElement::field(rest)),
        "v" => serde_json::from_str(rest).ok().map(PathElement::Value),
        "i" => rest.parse().ok().map(PathElement::Index),
        "k" => {
            let keys: Map<String, Value> = serde_json::from_str(rest).ok()?;
            let mut keys: Vec<(String, Value)> = keys.into_iter().collect();
            keys.sort_by(|left, right| left.0.cmp(&right.0));
            Some(PathElement::Key(keys))
        }
        _ => None,
    }
}

fn ownership(fields: &Map<String, Value>, steps: &[PathElement]) -> Option<Ownership> {
    let Some((step, rest)) = steps.split_first() else { return Some(Ownership::Exact) };
    match child(fields, step) {
        Some(inner) if rest.is_empty() => inner.as_object().map(|_| Ownership::Exact),
        Some(Value::Object(inner)) if inner.is_empty() => Some(Ownership::Ancestor),
        Some(Value::Object(inner)) => ownership(inner, rest),
        _ => None,
    }
}

fn owns_place(fields: &Map<String, Value>, steps: &[PathElement]) -> bool {
    match steps.split_first() {
        None => fields.is_empty() || fields.contains_key("."),
        Some((step, rest)) => {
            let inner = child(fields, step).and_then(Value::as_object);
            inner.is_some_and(|inner| owns_place(inner, rest))
        }
    }
}

fn child<'a>(fields: &'a Map<String, Value>, step: &PathElement) -> Option<&'a Value> {
    match step {
        PathElement::Field(name) => fields.get(&format!("f:{name}")),
        PathElement::Index(index) => fields.get(&format!("i:{index}")),
        PathElement::Value(value) => find(fields, "v:", |found| found == value),
        PathElement::Key(keys) => find(fields, "k:", |found| {
            let found = found.as_object();
            found.is_some_and(|found| {
                found.len() == keys.len() && keys.iter().all(|(key, value)| found.get(key) == Some(value))
            })
        }),
    }
}

fn find<'a>(
    fields: &'a Map<String, Value>,
    prefix: &str,
    matches: impl Fn(&Value) -> bool,
) -> Option<&'a Value> {
    let item = |key: &str| serde_json::from_str::<Value>(key.strip_prefix(prefix)?).ok();
    fields.iter().find(|(key, _)| item(key).is_some_and(|item| matches(&item))).map(|(_, inner)| inner)
}
