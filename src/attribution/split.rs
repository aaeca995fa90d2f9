//! A part that only live has, split by who owns what in it: a change by hand is reported alone, never together with what
//! a controller wrote.

use std::collections::BTreeSet;

use serde_json::Value;

use super::managers::Managers;
use super::owners::Owners;
use crate::diff::is_server_set;
use crate::model::{ChangeKind, Difference, FieldPath, ManagerClass, PathElement, ResourceId, push_pointer};
use crate::schema::{Field, ListType, Shape};

/// What splitting looks at.
#[derive(Clone, Copy)]
pub(super) struct Splitter<'a> {
    pub(super) owners: &'a Owners,
    pub(super) managers: &'a Managers,
    pub(super) live: &'a Value,
}

impl Splitter<'_> {
    /// The differences, each of one owner where live alone has it. `root` is the schema of the object.
    pub(super) fn split(&self, root: Field<'_>, difference: Difference) -> Vec<Difference> {
        if difference.kind != ChangeKind::Added || self.owners.entries().len() < 2 {
            return vec![difference];
        }
        let Some(live) = self.live.pointer(&difference.pointer) else { return vec![difference] };
        let field = root.descend(difference.path.elements());
        let mut parts = Vec::new();
        self.part(field, difference, live, &mut parts);
        parts
    }

    fn part(&self, field: Field<'_>, part: Difference, live: &Value, parts: &mut Vec<Difference>) {
        let children = children(field, &part.path, live);
        let owners: Vec<BTreeSet<usize>> =
            children.iter().map(|(path, ..)| self.owners.indexes_at(path)).collect();
        let owned: BTreeSet<&BTreeSet<usize>> = owners.iter().filter(|owners| !owners.is_empty()).collect();
        let inner_differs = owned.len() == 1 && owned.iter().any(|owners| owners.len() > 1);
        if owned.len() < 2 && !inner_differs {
            parts.push(part);
            return;
        }
        if is_item(&part.path) {
            self.item(part, live, parts);
            return;
        }
        for (path, token, inner) in children {
            let child = child(&part, path.clone(), &token, inner);
            let field = match path.elements().last() {
                Some(PathElement::Field(name)) => field.field(name),
                _ => field.items(),
            };
            self.part(field, child, inner, parts);
        }
    }

    /// An item stays whole, but for the leaves that a controller or deployer alone owns beside a person.
    fn item(&self, mut part: Difference, live: &Value, parts: &mut Vec<Difference>) {
        let class = |index: &usize| self.managers.for_entry(&self.owners.entries()[*index]).class;
        let of_item = self.owners.indexes_at(&part.path);
        let classes: BTreeSet<bool> =
            of_item.iter().map(|index| class(index) == ManagerClass::Platform).collect();
        if classes.len() < 2 {
            parts.push(part);
            return;
        }
        let Some(fields) = live.as_object() else { return parts.push(part) };
        let mut kept = fields.clone();
        let mut others = Vec::new();
        for (key, inner) in fields {
            let path = part.path.join(PathElement::field(key));
            let owners = self.owners.indexes_at(&path);
            if !owners.is_empty() && owners.iter().all(|index| class(index) == ManagerClass::Platform) {
                others.push(child(&part, path, key, inner));
                kept.remove(key);
            }
        }
        if !part.masked {
            part.live = Some(Value::Object(kept));
        }
        parts.push(part);
        parts.extend(others);
    }
}

/// A value of a live object at `path` without what the server or the platform put into it by itself: places that they fill
/// and nobody owns. `field` is the schema of that place.
#[must_use]
pub fn without_server_set(
    live: &Value,
    id: &ResourceId,
    (field, path): (Field<'_>, &FieldPath),
    value: &Value,
) -> Value {
    written(&Owners::from_live(live), id, (field, path), value)
}

fn written(owners: &Owners, id: &ResourceId, (field, path): (Field<'_>, &FieldPath), value: &Value) -> Value {
    let children = children(field, path, value).into_iter();
    let is_written = |path: &FieldPath| !is_server_set(id, path) || !owners.indexes_at(path).is_empty();
    let inner = |(path, key, inner): (FieldPath, String, &Value)| {
        let field = if value.is_object() { field.field(&key) } else { field.items() };
        (key, written(owners, id, (field, &path), inner))
    };
    let mut kept = children.filter(|(path, ..)| is_written(path)).map(inner).peekable();
    match value {
        Value::Object(map) if !field.is_atomic_map() && !map.is_empty() => Value::Object(kept.collect()),
        Value::Array(_) if kept.peek().is_some() => kept.map(|(_, item)| item).collect(),
        other => other.clone(),
    }
}

fn child(parent: &Difference, path: FieldPath, token: &str, live: &Value) -> Difference {
    let mut child = Difference { path, default: None, note: None, ..parent.clone() };
    push_pointer(&mut child.pointer, token);
    match child.path.elements().last() {
        Some(PathElement::Field(name)) => push_pointer(&mut child.desired_pointer, name),
        _ => child.desired_pointer.push_str("/-"),
    }
    child.live = (!parent.masked).then(|| live.clone());
    child
}

fn is_item(path: &FieldPath) -> bool {
    matches!(path.elements().last(), Some(PathElement::Key(_)))
}

/// The parts of a value that may have owners of their own: path, token of the pointer, value.
fn children<'v>(field: Field<'_>, path: &FieldPath, live: &'v Value) -> Vec<(FieldPath, String, &'v Value)> {
    match (live, field.shape()) {
        (Value::Object(map), _) if !field.is_atomic_map() => {
            map.iter().map(|(key, inner)| (path.join(PathElement::field(key)), key.clone(), inner)).collect()
        }
        (Value::Array(items), Shape::List(ListType::Map(keys))) => {
            let step = |item: &Value| {
                let of_key = |key: &String| {
                    let default = field.items().field(key).default().cloned();
                    Some((key.clone(), item.get(key).cloned().or(default)?))
                };
                let mut keys: Vec<(String, Value)> = keys.iter().filter_map(of_key).collect();
                keys.sort_by(|left, right| left.0.cmp(&right.0));
                PathElement::Key(keys)
            };
            let items = items.iter().enumerate();
            items.map(|(at, item)| (path.join(step(item)), at.to_string(), item)).collect()
        }
        (Value::Array(items), Shape::List(ListType::Set)) => {
            let items = items.iter().enumerate();
            items
                .map(|(at, item)| (path.join(PathElement::Value(item.clone())), at.to_string(), item))
                .collect()
        }
        _ => Vec::new(),
    }
}
