//! What a person put in the place of something else: the one thing of its part that went, for the one that came.
//!
//! A removed field has no owner, so only its replacement shows who removed it.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::coupled_changes::{PersonTools, part_of};
use super::reasons::why_not;
use super::renamed::{are_alike, is_telling};
use crate::model::{Cause, Change, ChangeKind, PathElement};
use crate::schema::{Field, Shape, without_defaults};

/// One thing that was put in the place of another.
pub(super) struct Replacement<'f> {
    pub(super) removed: &'f Change,
    pub(super) added: &'f Change,
    pub(super) kind: ReplacementKind,
}

/// How it came there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReplacementKind {
    /// An item of a list has other keys: a port another number, a container another name.
    Item,
    /// A key that anybody may choose has another name.
    Key,
    /// Fields of a type of which it has one: a probe by HTTP became one by TCP.
    Fields,
}

impl Replacement<'_> {
    /// Whether a change is a part of it.
    pub(super) fn includes(&self, change: &Change) -> bool {
        [self.removed, self.added].iter().any(|part| part.difference.path == change.difference.path)
    }

    /// Whether a change is what went.
    pub(super) fn is_removal(&self, change: &Change) -> bool {
        self.removed.difference.path == change.difference.path
    }
}

/// What went and came in one part of an object.
#[derive(Default)]
struct Part<'f> {
    removed: Vec<&'f Change>,
    added: Vec<&'f Change>,
}

impl<'f> Part<'f> {
    /// What went with what came: one of each, or those of several that are like each other and no others.
    fn pairs(&self, part: Field<'_>) -> Vec<(&'f Change, &'f Change)> {
        if let ([removed], [added]) = (&self.removed[..], &self.added[..]) {
            return vec![(removed, added)];
        }
        let is_like = |removed: &Change, added: &Change| match part.shape() {
            Shape::List(_) => is_alike(removed, added, part.items()),
            Shape::Map => is_renamed(removed, added),
            _ => false,
        };
        let only = |mut found: Vec<&'f Change>| if found.len() == 1 { found.pop() } else { None };
        let pairs = self.removed.iter().filter_map(|removed| {
            let added = only(self.added.iter().copied().filter(|added| is_like(removed, added)).collect())?;
            only(self.removed.iter().copied().filter(|other| is_like(other, added)).collect())?;
            Some((*removed, added))
        });
        pairs.collect()
    }
}

/// What of an object's changes was put in the place of something else, by a tool that changed the object beyond doubt.
pub(super) fn find_replacements<'f>(
    drifting: &[&'f Change],
    tools: &PersonTools<'_>,
    root: Field<'_>,
) -> Vec<Replacement<'f>> {
    let mut parts: HashMap<&[PathElement], Part<'f>> = HashMap::new();
    for change in drifting {
        let part = parts.entry(part_of(change)).or_default();
        match change.difference.kind {
            ChangeKind::Removed => part.removed.push(change),
            ChangeKind::Added => part.added.push(change),
            ChangeKind::Modified => {}
        }
    }
    let pairs = parts.into_iter().flat_map(|(around, part)| {
        let pairs = part.pairs(root.descend(around)).into_iter();
        pairs.map(move |(removed, added)| (around, removed, added))
    });
    let may = |removed: &Change, added: &Change| {
        removed.verdict.cause == Cause::Manual
            && !removed.difference.masked
            && tools.include(removed)
            && why_not(added).is_none()
    };
    let mut found: Vec<Replacement<'f>> = pairs
        .filter(|(_, removed, added)| may(removed, added))
        .filter_map(|(around, removed, added)| {
            Some(Replacement {
                removed,
                added,
                kind: replacement_kind(removed, added, root.descend(around))?,
            })
        })
        .collect();
    found.sort_by(|one, other| one.removed.difference.path.cmp(&other.removed.difference.path));
    found
}

fn replacement_kind(removed: &Change, added: &Change, part: Field<'_>) -> Option<ReplacementKind> {
    match part.shape() {
        Shape::List(_) => is_alike(removed, added, part.items()).then_some(ReplacementKind::Item),
        Shape::Map => is_renamed(removed, added).then_some(ReplacementKind::Key),
        Shape::Object => is_union(part).then_some(ReplacementKind::Fields),
        _ => None,
    }
}

/// Types of Kubernetes with one field of several that exclude each other (`x-kubernetes-unions` is not published for them).
fn is_union(part: Field<'_>) -> bool {
    const UNIONS: [&str; 5] = ["Probe", "LifecycleHandler", "EnvVar", "Volume", "PodDisruptionBudgetSpec"];
    let name = part.built_in_name().and_then(|name| name.rsplit('.').next());
    name.is_some_and(|name| UNIONS.contains(&name))
}

/// Whether a key has another name: it has the same value, and that or the names say that it is the same.
fn is_renamed(removed: &Change, added: &Change) -> bool {
    let (Some(PathElement::Field(before)), Some(PathElement::Field(after))) =
        (removed.difference.path.elements().last(), added.difference.path.elements().last())
    else {
        return false;
    };
    let value = &removed.difference.desired;
    let tells = value.as_ref().is_some_and(is_telling) || are_alike(before, after);
    *value == added.difference.live && tells
}

/// Whether the keys of two items may be one that changed: numbers, or alike texts.
fn may_become(before: &[(String, Value)], after: &[(String, Value)]) -> bool {
    before.iter().zip(after).all(|((_, before), (_, after))| match (before, after) {
        _ if before == after => true,
        (Value::String(before), Value::String(after)) => are_alike(before, after),
        (before, after) => before.is_number() && after.is_number(),
    })
}

/// Whether both stand at the same place of their lists.
fn have_one_place(removed: &Change, added: &Change) -> bool {
    let place = |pointer: &str| pointer.rsplit_once('/').map(|(_, place)| place.to_owned());
    place(&removed.difference.desired_pointer) == place(&added.difference.pointer)
}

/// Whether two items may be one under other keys: what else it says is at least half the same, and that, the keys or the
/// place say that it is the same item; or it says nothing else.
fn is_alike(removed: &Change, added: &Change, item: Field<'_>) -> bool {
    let (Some(PathElement::Key(before_keys)), Some(PathElement::Key(keys)), Some(live)) = (
        removed.difference.path.elements().last(),
        added.difference.path.elements().last(),
        &added.difference.live,
    ) else {
        return false;
    };
    let wanted = without_defaults(item, live);
    let is_key = |name: &str| keys.iter().any(|(key, _)| key == name);
    let rest = |item: &Map<String, Value>| item.keys().filter(|name| !is_key(name)).count();
    let (Some(Value::Object(before)), Value::Object(after)) = (&removed.difference.desired, &wanted) else {
        return false;
    };
    let same: Vec<&Value> = before
        .iter()
        .filter(|(name, value)| !is_key(name) && after.get(*name) == Some(value))
        .map(|(_, value)| value)
        .collect();
    let tells = same.iter().any(|value| is_telling(value))
        || may_become(before_keys, keys)
        || have_one_place(removed, added);
    rest(before) == 0 && rest(after) == 0
        || tells && !same.is_empty() && same.len() * 2 >= rest(before).max(rest(after))
}
