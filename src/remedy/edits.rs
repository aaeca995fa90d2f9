//! From a desired and a live value to the edit of the source.

use serde_json::{Map, Value};

use super::exchanged::exchanged;
use super::replacements::{Replacement, ReplacementKind};
use super::target::EditTarget;
use crate::attribution::without_server_set;
use crate::model::{Change, ChangeKind, Desired, PathElement};
use crate::schema::{Field, without_defaults};
use crate::yaml::{Aligned, Edit, align};

/// The edits that take changes into a document: what stands in the place of something else on its lines, and the rest.
pub(super) fn build_edits(
    (whole, replaced): (&[&Change], &[Replacement<'_>]),
    subject: &Subject<'_>,
    target: &EditTarget,
) -> Vec<Edit> {
    let is_whole = |one: &&Replacement<'_>| whole.iter().any(|change| one.is_removal(change));
    let in_place = replaced.iter().filter(is_whole);
    let mut edits: Vec<Edit> = in_place.flat_map(|one| edits_in_place(one, subject, target)).collect();
    let set = whole.iter().filter(|change| !replaced.iter().any(|one| one.includes(change)));
    edits.extend(set.filter_map(|change| {
        let (wanted, live) = subject.wanted(change)?;
        let pointer = &change.difference.desired_pointer;
        let declared = subject.object.value.pointer(pointer);
        let declared = declared.filter(|_| change.difference.kind == ChangeKind::Modified);
        Some(
            target.set(
                pointer,
                declared.map_or(wanted.clone(), |declared| merge_wanted(declared, &wanted, &live)),
            ),
        )
    }));
    exchanged(edits, whole, (&subject.object.value, subject.root), target)
}

/// An object whose source is edited.
pub(super) struct Subject<'a> {
    pub(super) object: &'a Desired,
    /// Its schema.
    pub(super) root: Field<'a>,
    /// It in the cluster; null where that is not at hand.
    pub(super) live: &'a Value,
}

impl Subject<'_> {
    /// A live value without what the server puts there by itself, and with it.
    fn wanted(&self, change: &Change) -> Option<(Value, Value)> {
        let live = change.difference.live.clone()?;
        let path = &change.difference.path;
        let field = self.root.descend(path.elements());
        let written = without_server_set(self.live, &self.object.id, (field, path), &live);
        Some((without_defaults(field, &written), live))
    }
}

/// The edits that put something in the place of something else.
fn edits_in_place(replaced: &Replacement<'_>, subject: &Subject<'_>, target: &EditTarget) -> Vec<Edit> {
    let Some((wanted, live)) = subject.wanted(replaced.added) else { return Vec::new() };
    let pointer = &replaced.removed.difference.desired_pointer;
    let name = match replaced.added.difference.path.elements().last() {
        Some(PathElement::Field(name)) => name.clone(),
        _ => String::new(),
    };
    match replaced.kind {
        ReplacementKind::Item => {
            let declared = subject.object.value.pointer(pointer).cloned().unwrap_or_default();
            vec![target.set(pointer, merge_wanted(&declared, &wanted, &live))]
        }
        ReplacementKind::Key => vec![target.rename(pointer, name)],
        ReplacementKind::Fields => {
            vec![target.rename(pointer, name), target.set(&replaced.added.difference.desired_pointer, wanted)]
        }
    }
}

/// What `desired` becomes: `wanted`, but what Git declares and live has is kept although it is a default. `live` is
/// `wanted` with what the server put into it.
pub(super) fn merge_wanted(desired: &Value, wanted: &Value, live: &Value) -> Value {
    match (desired, wanted, live) {
        _ if desired == live => desired.clone(),
        (Value::Object(desired), Value::Object(wanted), Value::Object(live)) => {
            Value::Object(map(desired, wanted, live))
        }
        (Value::Array(desired), Value::Array(wanted), Value::Array(live)) if wanted.len() == live.len() => {
            Value::Array(list(desired, wanted, live))
        }
        _ => wanted.clone(),
    }
}

fn map(
    desired: &Map<String, Value>,
    wanted: &Map<String, Value>,
    live: &Map<String, Value>,
) -> Map<String, Value> {
    let kept = desired.iter().filter_map(|(key, before)| match (wanted.get(key), live.get(key)) {
        (Some(wanted), Some(live)) => Some((key.clone(), merge_wanted(before, wanted, live))),
        (None, Some(live)) => Some((key.clone(), merge_wanted(before, live, live))),
        (_, None) => before.is_null().then(|| (key.clone(), Value::Null)),
    });
    let new = wanted.iter().filter(|(key, _)| !desired.contains_key(*key));
    kept.chain(new.map(|(key, value)| (key.clone(), value.clone()))).collect()
}

fn list(desired: &[Value], wanted: &[Value], live: &[Value]) -> Vec<Value> {
    let items = align(desired, wanted).into_iter().filter_map(|item| match item {
        Aligned::Both(at, to) => Some(merge_wanted(&desired[at], &wanted[to], &live[to])),
        Aligned::New(to) => Some(wanted[to].clone()),
        Aligned::Old(_) => None,
    });
    items.collect()
}
