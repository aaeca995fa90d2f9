//! Client-side apply: what was applied, what Git declares and what is live, merged as the client does
//! (apimachinery `pkg/util/strategicpatch/patch.go`, `pkg/util/jsonmergepatch/patch.go`).

use serde_json::{Map, Value};

use crate::schema::{Field, ListType, Shape};

/// How lists are merged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ListMerge {
    /// By the keys of the built-in kinds.
    Strategic,
    /// A list is one value: custom resources.
    Whole,
}

/// What live becomes. What `applied` had and Git has no more goes, what Git declares comes, all else stays.
pub(super) fn merge(
    field: Field<'_>,
    lists: ListMerge,
    applied: Option<&Value>,
    (git, live): (&Value, &Value),
) -> Value {
    match (git, live) {
        (Value::Object(git), Value::Object(live)) => {
            Value::Object(merge_maps(field, lists, applied.and_then(Value::as_object), (git, live)))
        }
        (Value::Array(git), Value::Array(live)) if lists == ListMerge::Strategic => {
            let applied = applied.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            match (field.merge_key(), field.shape()) {
                (Some(key), _) => Value::Array(merge_items(field, key, applied, (git, live))),
                (None, Shape::List(ListType::Set)) => Value::Array(merge_sets(applied, (git, live))),
                _ => Value::Array(git.clone()),
            }
        }
        (git, _) => git.clone(),
    }
}

fn merge_maps(
    field: Field<'_>,
    lists: ListMerge,
    applied: Option<&Map<String, Value>>,
    (git, live): (&Map<String, Value>, &Map<String, Value>),
) -> Map<String, Value> {
    let before = |key: &str| applied.and_then(|applied| applied.get(key));
    let mut merged = Map::new();
    for (key, value) in live {
        match git.get(key) {
            Some(git) => {
                let inner = merge(field.field(key), lists, before(key), (git, value));
                merged.insert(key.clone(), inner);
            }
            None if before(key).is_some() => {}
            None => drop(merged.insert(key.clone(), value.clone())),
        }
    }
    git.iter().filter(|(key, _)| !live.contains_key(*key)).for_each(|(key, value)| {
        merged.insert(key.clone(), value.clone());
    });
    let changes = merged != *live;
    if lists == ListMerge::Strategic && changes && retains_keys(field) {
        merged.retain(|key, _| git.contains_key(key));
    }
    merged
}

/// Types of which a change drops every key that Git does not declare (`patchStrategy=retainKeys` in `staging/src/k8s.io/api`).
fn retains_keys(field: Field<'_>) -> bool {
    matches!(field.built_in_name(), Some("core.v1.Volume" | "apps.v1.DeploymentStrategy"))
}

/// Items of Git first, in its order.
fn merge_items(
    field: Field<'_>,
    key: &str,
    applied: &[Value],
    (git, live): (&[Value], &[Value]),
) -> Vec<Value> {
    let same = |one: &Value, other: &Value| one.get(key).is_some() && one.get(key) == other.get(key);
    let of = |list: &[Value], item: &Value| list.iter().find(|other| same(item, other)).cloned();
    let declared = git.iter().map(|item| match of(live, item) {
        Some(live) => merge(field.items(), ListMerge::Strategic, of(applied, item).as_ref(), (item, &live)),
        None => item.clone(),
    });
    let others = live.iter().filter(|item| of(git, item).is_none() && of(applied, item).is_none());
    declared.chain(others.cloned()).collect()
}

fn merge_sets(applied: &[Value], (git, live): (&[Value], &[Value])) -> Vec<Value> {
    let others = live.iter().filter(|item| !git.contains(item) && !applied.contains(item));
    git.iter().chain(others).cloned().collect()
}
