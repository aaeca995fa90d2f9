//! Both sides of a change, and what stands for one that is not there.

/// How one side of a change is shown: the value, or why there is none.
pub(super) enum Side<'a> {
    /// The value.
    Value(&'a serde_json::Value),
    /// It is there, and secret.
    Secret,
    /// Git does not declare it; what the server puts there by itself, where that is known.
    NotDeclared(Option<&'a serde_json::Value>),
    /// Live lacks it.
    Absent,
}

/// Both sides of a change, Git's first.
pub(super) fn sides(difference: &crate::model::Difference) -> (Side<'_>, Side<'_>) {
    use crate::model::ChangeKind;
    let side = |value, absent| match (value, difference.masked) {
        (_, true) => Side::Secret,
        (Some(value), false) => Side::Value(value),
        (None, false) => absent,
    };
    let not_declared = Side::NotDeclared(difference.default.as_ref());
    match difference.kind {
        ChangeKind::Added => (not_declared, side(difference.live.as_ref(), Side::Absent)),
        ChangeKind::Removed => (side(difference.desired.as_ref(), not_declared), Side::Absent),
        ChangeKind::Modified => {
            (side(difference.desired.as_ref(), not_declared), side(difference.live.as_ref(), Side::Absent))
        }
    }
}

/// Describes an object that only one side has.
pub(super) fn only_one_side(finding: &crate::model::Finding) -> Option<&'static str> {
    use crate::model::{Cause, State};
    match finding.state {
        State::Missing if finding.verdict.cause == Cause::Unsynced => {
            Some("declared in Git by its newest commit, but not applied yet")
        }
        State::Missing => Some("declared in Git, but not in the cluster; nothing recorded who deleted it"),
        State::Unmanaged if finding.verdict.cause == Cause::Unsynced => {
            Some("in the cluster, but Git no longer declares it: it was not pruned")
        }
        State::Unmanaged => Some("in the cluster, but nothing in Git declares it"),
        State::Modified => None,
    }
}
