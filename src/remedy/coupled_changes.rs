//! Changes that depend on each other: an object is adopted completely, or dependent changes are left to people.

use std::collections::HashSet;

use super::reasons::{UnadoptedReason, why_not};
use crate::model::{Change, ChangeKind, Manager, PathElement};
use crate::schema::{Field, Scalar, Shape};

/// What a finding leaves to a person that others of its changes cannot do without.
pub(super) struct BlockingChanges<'f> {
    /// Whether something of a type is left: what was removed, or a part of the same edit.
    of_type: bool,
    /// Maps from which a key that anybody may choose was removed.
    keys: HashSet<&'f [PathElement]>,
}

impl<'f> BlockingChanges<'f> {
    pub(super) fn from_unadopted(left: &[&'f Change], tools: &PersonTools<'_>, root: Field<'_>) -> Self {
        let is_removed = |change: &Change| change.difference.kind == ChangeKind::Removed;
        let (free, typed): (Vec<&Change>, Vec<&Change>) =
            left.iter().copied().partition(|change| is_free(change, root));
        let of_type = typed.iter().any(|change| is_removed(change) || tools.include(change));
        let keys = free.into_iter().filter(|change| is_removed(change)).map(part_of).collect();
        Self { of_type, keys }
    }

    /// Why a change is not adopted without what is left: what a type says may be bound together (a Service's type and its
    /// node ports, a limit and its request), and a new key may be an old one's new name.
    pub(super) fn why_not(&self, change: &Change, root: Field<'_>) -> Option<UnadoptedReason> {
        let is_new = change.difference.kind == ChangeKind::Added;
        let is_half = match is_free(change, root) {
            true => is_new && self.keys.contains(part_of(change)),
            false => self.of_type,
        };
        is_half.then_some(UnadoptedReason::Half)
    }
}

/// The tools by which a person changed something of an object beyond doubt.
pub(super) struct PersonTools<'f>(Vec<&'f Manager>);

impl<'f> PersonTools<'f> {
    pub(super) fn from_changes(drifting: &[&'f Change]) -> Self {
        let sure = drifting.iter().filter(|change| why_not(change).is_none());
        Self(sure.filter_map(|change| change.verdict.manager.as_ref()).collect())
    }

    /// Whether a change is by one of them.
    pub(super) fn include(&self, change: &Change) -> bool {
        let tool = change.verdict.manager.as_ref();
        tool.is_some_and(|tool| {
            self.0.iter().any(|sure| (&sure.name, &sure.operation) == (&tool.name, &tool.operation))
        })
    }
}

/// Whether a change is in a map of texts whose keys anybody may choose (labels, annotations, data), each by itself, or is
/// the whole of such a map; in others, such as limits, a value may be bound to another.
fn is_free(change: &Change, root: Field<'_>) -> bool {
    let of_texts = |map: Field<'_>| {
        map.shape() == Shape::Map && map.field("any").shape() == Shape::Scalar(Scalar::Plain)
    };
    of_texts(root.descend(part_of(change))) || of_texts(root.descend(change.difference.path.elements()))
}

/// The place that a change is a part of: the map or list around it.
pub(super) fn part_of(change: &Change) -> &[PathElement] {
    change.difference.path.elements().split_last().map_or(&[], |(_, around)| around)
}
