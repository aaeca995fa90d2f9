//! Items of a keyed list that exchanged their keys: `port: 80` of one and `port: 9090` of the other, and all else as it was.
//!
//! By its key each is changed in all but the key. A person changed the keys alone, and the order of the live list, which
//! stayed, says so.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::target::{EditTarget, has_variable};
use crate::model::Change;
use crate::schema::{Field, ListType, Shape};
use crate::yaml::{Edit, Operation};

/// The items of one list that change: by the index in the source, that in the live list.
type Items = BTreeMap<usize, usize>;

/// The edits, with those of lists whose items exchanged their keys as few as they were.
pub(super) fn exchanged(
    mut edits: Vec<Edit>,
    changes: &[&Change],
    (source, root): (&Value, Field<'_>),
    target: &EditTarget,
) -> Vec<Edit> {
    let mut lists: BTreeMap<String, Items> = BTreeMap::new();
    for change in changes {
        for (list, at, to) in places(change, root) {
            lists.entry(list).or_default().insert(at, to);
        }
    }
    for (list, items) in lists.into_iter().filter(|(_, items)| items.len() > 1) {
        if let Some(fewer) = in_live_order(&edits, (&list, &items), source, target) {
            let below = format!("{}{list}/", target.prefix);
            let is_of_item = |edit: &Edit| {
                let rest = edit.pointer.strip_prefix(&below);
                rest.is_some_and(|rest| index(rest).is_some())
            };
            edits.retain(|edit| !is_of_item(edit));
            edits.extend(fewer);
        }
    }
    edits
}

fn index(rest: &str) -> Option<usize> {
    rest.split('/').next()?.parse().ok()
}

/// The items of keyed lists that a change is in: the list, the index in the source and in the live list.
fn places(change: &Change, root: Field<'_>) -> Vec<(String, usize, usize)> {
    let difference = &change.difference;
    let live: Vec<&str> = difference.pointer.split('/').collect();
    let (mut field, mut list, mut found) = (root, String::new(), Vec::new());
    for (depth, token) in difference.desired_pointer.split('/').enumerate().skip(1) {
        let is_keyed = matches!(field.shape(), Shape::List(ListType::Map(_)));
        if let (true, Ok(at), Some(Ok(to))) = (is_keyed, token.parse(), live.get(depth).map(|to| to.parse()))
        {
            found.push((list.clone(), at, to));
        }
        field = match field.shape() {
            Shape::List(_) => field.items(),
            _ => field.field(&token.replace("~1", "/").replace("~0", "~")),
        };
        list = format!("{list}/{token}");
    }
    found
}

/// The edits that give each place of a list the item that stands there in the live list; `None` where those by key are as
/// few, or hold more than values.
fn in_live_order(
    edits: &[Edit],
    (list, items): (&str, &Items),
    source: &Value,
    target: &EditTarget,
) -> Option<Vec<Edit>> {
    let before = source.pointer(list)?.as_array()?;
    let mut after: BTreeMap<usize, Value> = BTreeMap::new();
    for at in items.keys() {
        let item = before.get(*at).filter(|item| !has_variable(item))?;
        let below = format!("{}{list}/{at}", target.prefix);
        after.insert(*at, edited(item.clone(), edits, &below)?);
    }
    let mut in_order: Vec<(&usize, &Value)> = items.values().zip(after.values()).collect();
    in_order.sort_by_key(|(to, _)| **to);
    let live: BTreeSet<&usize> = items.values().collect();
    let new: Vec<(usize, &Value)> =
        after.keys().copied().zip(in_order.into_iter().map(|(_, item)| item)).collect();
    let by_key: usize = after.iter().map(|(at, item)| differing(&before[*at], item)).sum();
    let by_place: usize = new.iter().map(|(at, item)| differing(&before[*at], item)).sum();
    if live.len() < items.len() || by_place >= by_key {
        return None;
    }
    let changed = new.into_iter().filter(|(at, item)| before[*at] != **item);
    Some(changed.map(|(at, item)| target.set(&format!("{list}/{at}"), item.clone())).collect())
}

/// An item after the edits below it; `None` where one of them is more than a value.
fn edited(mut item: Value, edits: &[Edit], below: &str) -> Option<Value> {
    for edit in edits {
        let Some(rest) =
            edit.pointer.strip_prefix(below).filter(|rest| rest.is_empty() || rest.starts_with('/'))
        else {
            continue;
        };
        let Operation::Set(value) = &edit.operation else { return None };
        let Some((parent, name)) = rest.rsplit_once('/') else {
            item = value.clone();
            continue;
        };
        let name = name.replace("~1", "/").replace("~0", "~");
        match item.pointer_mut(parent)? {
            Value::Object(map) => drop(map.insert(name, value.clone())),
            Value::Array(items) if name == "-" => items.push(value.clone()),
            Value::Array(items) => *items.get_mut(name.parse::<usize>().ok()?)? = value.clone(),
            _ => return None,
        }
    }
    Some(item)
}

/// Leaves of two values that are not the same.
fn differing(one: &Value, other: &Value) -> usize {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let of_one =
                one.iter().map(|(key, inner)| differing(inner, other.get(key).unwrap_or(&Value::Null)));
            let new = other.iter().filter(|(key, _)| !one.contains_key(*key));
            of_one.sum::<usize>() + new.map(|(_, inner)| differing(&Value::Null, inner)).sum::<usize>()
        }
        (Value::Array(one), Value::Array(other)) => {
            let both: usize = one.iter().zip(other).map(|(one, other)| differing(one, other)).sum();
            both + one.len().abs_diff(other.len())
        }
        (Value::Object(map), _) | (_, Value::Object(map)) => map.len().max(1),
        _ => usize::from(one != other),
    }
}
