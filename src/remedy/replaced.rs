//! What a person put in the place of something else: written on its lines.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::whole::part_of;
use crate::model::{Change, ChangeKind, Step};
use crate::schema::{Field, Shape, without_defaults};

/// One thing that was put in the place of another.
pub(super) struct Replaced<'f> {
    pub(super) removed: &'f Change,
    pub(super) added: &'f Change,
    pub(super) how: How,
}

/// How it came there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// An item of a list has other keys: a port another number, a container another name.
    Item,
    /// A key that anybody may choose has another name.
    Key,
    /// Fields of a type that stand for each other: a probe by HTTP became one by TCP.
    Fields,
}

impl Replaced<'_> {
    /// Whether a change is a part of it.
    pub(super) fn has(&self, change: &Change) -> bool {
        [self.removed, self.added].iter().any(|part| part.difference.path == change.difference.path)
    }
}

/// What went and came in one part of an object.
#[derive(Default)]
struct Part<'f> {
    removed: Vec<&'f Change>,
    added: Vec<&'f Change>,
}

/// What in a finding was put in the place of something else; both are among `whole`.
pub(super) fn replaced<'f>(whole: &[&'f Change], root: Field<'_>) -> Vec<Replaced<'f>> {
    let mut indexes: HashMap<&[Step], usize> = HashMap::new();
    let mut parts: Vec<(&[Step], Part<'f>)> = Vec::new();
    for change in whole {
        let around = part_of(change);
        let at = *indexes.entry(around).or_insert_with(|| {
            parts.push((around, Part::default()));
            parts.len() - 1
        });
        match change.difference.kind {
            ChangeKind::Removed => parts[at].1.removed.push(change),
            ChangeKind::Added => parts[at].1.added.push(change),
            ChangeKind::Modified => {}
        }
    }
    let parts = parts.into_iter().filter(|(_, part)| !part.removed.is_empty() && !part.added.is_empty());
    parts.flat_map(|(around, part)| part.replaced(root.at(around))).collect()
}

impl<'f> Part<'f> {
    fn replaced(self, field: Field<'_>) -> Vec<Replaced<'f>> {
        match field.shape() {
            Shape::List(_) => {
                self.pairs(How::Item, &|removed, added| likeness(removed, added, field.items()))
            }
            Shape::Map => self.pairs(How::Key, &|removed, added| {
                (removed.difference.desired == added.difference.live).then_some(1)
            }),
            Shape::Object => match (&self.removed[..], &self.added[..]) {
                ([removed], [added]) => vec![Replaced { removed, added, how: How::Fields }],
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// Each added value with the removed one that is most like it.
    fn pairs(mut self, how: How, likeness: &dyn Fn(&Change, &Change) -> Option<usize>) -> Vec<Replaced<'f>> {
        let mut pairs = Vec::new();
        for added in self.added {
            let likely = self.removed.iter().enumerate();
            let likely = likely.filter_map(|(at, removed)| Some((likeness(removed, added)?, at)));
            // Of equally likely ones the first.
            if let Some((_, at)) = likely.max_by_key(|(likeness, at)| (*likeness, std::cmp::Reverse(*at))) {
                pairs.push(Replaced { removed: self.removed.remove(at), added, how });
            }
        }
        pairs
    }
}

/// How many fields two items have in common, where they may be one item under other keys: what else it says is at least
/// half the same, or it says nothing else.
fn likeness(removed: &Change, added: &Change, item: Field<'_>) -> Option<usize> {
    let (Some(Step::Key(_)), Some(Step::Key(keys))) =
        (removed.difference.path.steps().last(), added.difference.path.steps().last())
    else {
        return None;
    };
    let wanted = without_defaults(item, added.difference.live.as_ref()?);
    let is_key = |name: &str| keys.iter().any(|(key, _)| key == name);
    let rest = |item: &Map<String, Value>| item.keys().filter(|name| !is_key(name)).count();
    let (before, after) = (removed.difference.desired.as_ref()?.as_object()?, wanted.as_object()?);
    let same = before.iter().filter(|(name, value)| !is_key(name) && after.get(*name) == Some(value)).count();
    let most = rest(before).max(rest(after));
    (rest(before) == 0 || same * 2 >= most).then_some(same)
}
