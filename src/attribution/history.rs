//! What older commits declared: a release on its way is not a manual change.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::model::{ChangeKind, Desired, Difference, FieldPath};
use crate::schema::Schema;

/// One object as an older commit declared it, compared with live.
#[derive(Debug, Clone)]
pub struct PastVersion {
    /// Abbreviated or full id of the commit.
    pub commit: String,
    /// When the next newer commit that touched the source was made, seconds since 1970: it may have been applied from
    /// then on, before it reached the branch too.
    pub committed_at: i64,
    /// When that commit reached the branch, seconds since 1970: from then on Git declared something else.
    pub superseded_at: i64,
    /// Whether that newer commit has been applied, where the GitOps tool's own object says so.
    pub newer_applied: Option<bool>,
    /// Where live differs from what the older commit declared; `None`: it did not declare the object.
    pub differs_at: Option<BTreeSet<FieldPath>>,
    /// Where live has what the server fills in by itself and the older commit did not declare: a part of `differs_at`.
    filled_at: BTreeSet<FieldPath>,
}

/// When a version was superseded, and whether the newer one is known to be applied: see [`PastVersion`].
#[derive(Debug, Clone, Copy)]
pub struct Supersession {
    /// See [`PastVersion::committed_at`].
    pub committed_at: i64,
    /// See [`PastVersion::superseded_at`].
    pub superseded_at: i64,
    /// See [`PastVersion::newer_applied`].
    pub newer_applied: Option<bool>,
}

impl PastVersion {
    /// Compares an older version of the object (`None`: that commit did not declare it) with live.
    #[must_use]
    pub fn new(
        commit: &str,
        superseded: Supersession,
        older: Option<&Desired>,
        live: &Value,
        schema: &Schema,
    ) -> Self {
        let found = older.map(|older| crate::diff::compare(older, live, schema));
        let filled = |found: &&Difference| found.server_set && found.kind == ChangeKind::Added;
        let filled_at = found.iter().flatten().filter(filled).map(|found| found.path.clone()).collect();
        Self {
            commit: commit.to_owned(),
            committed_at: superseded.committed_at,
            superseded_at: superseded.superseded_at,
            newer_applied: superseded.newer_applied,
            differs_at: found.map(|found| found.into_iter().map(|found| found.path).collect()),
            filled_at,
        }
    }

    /// Whether live has at this place exactly what the commit declared.
    #[must_use]
    pub fn declares_live(&self, difference: &Difference) -> bool {
        let Some(differs_at) = &self.differs_at else { return false };
        !overlaps(differs_at, &difference.path)
    }

    /// Whether the commit left this place to the server, which filled it: of a value that nobody owns.
    fn left_to_server(&self, difference: &Difference) -> bool {
        difference.kind == ChangeKind::Modified && self.filled_at.contains(&difference.path)
    }
}

/// The newest older commit that declared what live has at this place.
#[must_use]
pub fn declared_by<'a>(older: &'a [PastVersion], difference: &Difference) -> Option<&'a PastVersion> {
    older.iter().find(|older| older.declares_live(difference))
}

/// The same of a value that nobody owns, which the server may have filled in.
#[must_use]
pub(super) fn unowned_since<'a>(
    older: &'a [PastVersion],
    difference: &Difference,
) -> Option<&'a PastVersion> {
    older.iter().find(|older| older.declares_live(difference) || older.left_to_server(difference))
}

/// A revision that the cluster remembers of a workload (a ReplicaSet, a ControllerRevision), compared with Git.
#[derive(Debug, Clone, Default)]
pub struct WorkloadRevision {
    /// When it was made, seconds since 1970.
    made_at: i64,
    /// Where the object with that revision's template differs from Git.
    differs_at: BTreeSet<FieldPath>,
}

impl WorkloadRevision {
    /// The object with the template of one of its revisions, compared with Git.
    #[must_use]
    pub fn new(revision: &Value, desired: &Desired, live: &Value, template: &Value, schema: &Schema) -> Self {
        let mut before = live.clone();
        before["spec"]["template"] = template.clone();
        let found = crate::diff::compare(desired, &before, schema);
        let made_at = revision.pointer("/metadata/creationTimestamp").and_then(Value::as_str);
        let made_at = made_at.and_then(|time| time.parse::<jiff::Timestamp>().ok());
        Self {
            made_at: made_at.map_or(i64::MIN, jiff::Timestamp::as_second),
            differs_at: found.into_iter().map(|found| found.path).collect(),
        }
    }

    /// Whether the revision had in this place of the template what Git declares since `older` was superseded. One that
    /// was made before is of a time when Git declared the same once already.
    pub(super) fn had_declared(&self, path: &FieldPath, older: &PastVersion) -> bool {
        self.made_at >= older.committed_at
            && path.fields().take(2).eq(["spec", "template"])
            && !overlaps(&self.differs_at, path)
    }
}

/// Whether a place, something in it or something around it is among these.
pub(super) fn overlaps(places: &BTreeSet<FieldPath>, path: &FieldPath) -> bool {
    places.iter().any(|place| place.starts_with(path) || path.starts_with(place))
}
