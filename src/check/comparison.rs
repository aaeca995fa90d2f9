//! What a comparison is given, and what it comes to.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::owner_index::OwnerIndex;
use super::schemas::LazySchemas;
use crate::attribution::{Managers, UnmanagedCandidate};
use crate::cluster::{Cluster, ReadError};
use crate::diff::UnknownField;
use crate::model::{Cause, Change, Desired, Difference, Incomplete, ObjectKey, Rule};
use crate::source::Hooks;

/// Most lists read at the same time.
pub(super) const PARALLEL: usize = 8;

/// A kind in at most so many namespaces is listed per namespace.
pub(super) const FEW_NAMESPACES: usize = 3;

/// The inputs of a comparison.
pub(super) struct Comparison<'a> {
    pub(super) cluster: &'a Cluster,
    /// Sorted by id.
    pub(super) desired: &'a [Desired],
    pub(super) schemas: &'a LazySchemas<'a>,
    pub(super) managers: &'a Managers,
    /// The keys of declared objects that are left out.
    pub(super) skipped: &'a BTreeSet<ObjectKey>,
    /// Hooks that are declared and not compared.
    pub(super) hooks: &'a Hooks,
    /// Whether to find unmanaged objects.
    pub(super) find_unmanaged: bool,
    /// The objects of the namespaces in question, as they are read.
    pub(super) owners: OwnerIndex,
    /// Whether Secrets are left out.
    pub(super) skip_secrets: bool,
    /// Whether the values of Secrets are known on the live side (a snapshot leaves them out).
    pub(super) secret_values: bool,
    /// Whether to keep compared live objects, for the verification with the server.
    pub(super) keep_live: bool,
    /// Whether changes of hidden causes are kept where an object has no others, to be listed on request.
    pub(super) keep_hidden: bool,
}

/// A live object that is not as Git declares it.
pub(super) struct DifferingObject {
    pub(super) live: Value,
    pub(super) differences: Vec<Difference>,
    /// The same by its own records alone: they say what else is to be read, and are not reported.
    pub(super) changes: Vec<Change>,
}

/// The result of a comparison.
#[derive(Default)]
pub(super) struct ComparisonOutcome {
    /// Objects that differ, by index of the desired object, with the live object.
    pub(super) differing: BTreeMap<usize, DifferingObject>,
    /// Missing desired objects, with a note about how they went.
    pub(super) missing: BTreeMap<usize, Option<String>>,
    /// Desired objects that are in sync, and absent optional ones.
    pub(super) in_sync: BTreeSet<usize>,
    /// Of those, the hooks and such that are not there.
    pub(super) optional_absent: BTreeSet<usize>,
    /// Objects that nothing declares, and what they claim to belong to.
    pub(super) unmanaged: Vec<UnmanagedCandidate>,
    /// Hidden changes of objects that have no others, by cause.
    pub(super) hidden: BTreeMap<Cause, usize>,
    /// How many differences each rule decided, of objects that are in sync for all that.
    pub(super) rules: BTreeMap<Rule, usize>,
    /// Objects that each deployer applied, and labels and annotations that it alone owns and nobody declared, by
    /// manager and path.
    pub(super) deployed: BTreeMap<String, usize>,
    pub(super) deployer_marks: BTreeMap<(String, String), usize>,
    /// How many objects each applier applied, by its manager: by updates, and by server-side apply.
    pub(super) appliers: BTreeMap<String, [usize; 2]>,
    /// Objects that somebody who is no deployer and no controller wrote at another version than Git's, by index.
    pub(super) other_versions: BTreeMap<usize, BTreeSet<String>>,
    /// Lists that were read completely: group, kind, and the namespace (`None`: all of them).
    pub(super) listed: BTreeSet<(String, String, Option<String>)>,
    /// When the applier of a source last wrote any of its objects, seconds since 1970.
    pub(super) applied_at: BTreeMap<String, i64>,
    /// Fields that Git declares and their kind does not have, by index of the object.
    pub(super) unknown_fields: BTreeMap<usize, Vec<UnknownField>>,
    /// What was not read.
    pub(super) incomplete: Vec<Incomplete>,
    /// Declared live objects that could not be read; each is in `incomplete`.
    pub(super) unread: BTreeSet<usize>,
    /// Lists of kinds that Git does not declare and that could not be read: unmanaged objects may be there.
    pub(super) not_examined: Vec<Incomplete>,
    /// Secrets of which only the keys were compared.
    pub(super) keys_only: BTreeSet<usize>,
    /// Every live object that was compared, as it was read; empty unless they are kept.
    pub(super) live_objects: BTreeMap<usize, Value>,
}

impl ComparisonOutcome {
    pub(super) fn applied(&mut self, source: &str, at: i64) {
        match self.applied_at.get_mut(source) {
            Some(latest) => *latest = at.max(*latest),
            None => drop(self.applied_at.insert(source.to_owned(), at)),
        }
    }

    /// Whether a desired object has a result.
    pub(super) fn is_accounted_for(&self, index: usize) -> bool {
        self.in_sync.contains(&index)
            || self.unread.contains(&index)
            || self.differing.contains_key(&index)
            || self.missing.contains_key(&index)
    }

    pub(super) fn unread(unread: ReadError) -> Self {
        Self { incomplete: vec![unread.into()], ..Self::default() }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.differing.extend(other.differing);
        self.missing.extend(other.missing);
        self.in_sync.extend(other.in_sync);
        self.optional_absent.extend(other.optional_absent);
        self.unmanaged.extend(other.unmanaged);
        other.hidden.into_iter().for_each(|(cause, number)| *self.hidden.entry(cause).or_default() += number);
        other.rules.into_iter().for_each(|(rule, number)| *self.rules.entry(rule).or_default() += number);
        other
            .deployed
            .into_iter()
            .for_each(|(name, number)| *self.deployed.entry(name).or_default() += number);
        other
            .deployer_marks
            .into_iter()
            .for_each(|(mark, number)| *self.deployer_marks.entry(mark).or_default() += number);
        for (name, numbers) in other.appliers {
            let own = self.appliers.entry(name).or_default();
            own.iter_mut().zip(numbers).for_each(|(own, number)| *own += number);
        }
        self.other_versions.extend(other.other_versions);
        self.unknown_fields.extend(other.unknown_fields);
        self.listed.extend(other.listed);
        other.applied_at.into_iter().for_each(|(source, at)| self.applied(&source, at));
        self.incomplete.extend(other.incomplete);
        self.unread.extend(other.unread);
        self.not_examined.extend(other.not_examined);
        self.keys_only.extend(other.keys_only);
        self.live_objects.extend(other.live_objects);
    }
}

pub(super) fn group_version_kind(object: &Desired) -> (&str, &str, &str) {
    (&object.id.group, &object.id.version, &object.id.kind)
}
