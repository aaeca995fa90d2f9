//! The last-applied annotation of client-side apply, and how far it can be trusted.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use serde_json::Value;

use super::evidence::Evidence;
use super::history::overlaps;
use super::owners::{ManagedFieldsEntry, Owners};
use crate::model::{Desired, FieldPath};

pub(super) const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The last-applied copy, who keeps it, and whether anybody has applied since. The copy is the object's own claim: it
/// counts for the applier that owns the annotation, and proves nothing once another applier has written later.
pub(super) struct LastApplied<'a> {
    evidence: &'a Evidence<'a>,
    owners: &'a Owners,
    copy: OnceCell<Option<AppliedCopy>>,
}

/// The copy compared with live.
struct AppliedCopy {
    value: Value,
    /// Where live differs from it.
    differs_at: BTreeSet<FieldPath>,
}

impl<'a> LastApplied<'a> {
    pub(super) fn new(evidence: &'a Evidence<'a>, owners: &'a Owners) -> Self {
        Self { evidence, owners, copy: OnceCell::new() }
    }

    /// The entry that owns the annotation.
    fn keeper(&self) -> Option<&'a ManagedFieldsEntry> {
        let path = FieldPath::from_fields(["metadata", "annotations", ANNOTATION]);
        self.owners.indexes_at(&path).into_iter().map(|at| &self.owners.entries()[at]).next()
    }

    /// Whether the copy is this applier's: what it declares is what the applier declared.
    pub(super) fn is_owned_by(&self, entry: &ManagedFieldsEntry) -> bool {
        self.keeper().is_some_and(|keeper| keeper.manager.name == entry.manager.name) && self.copy().is_some()
    }

    /// Whether the copy tells what was applied last: an applier keeps it, and no other one has written later.
    pub(super) fn is_fresh(&self) -> bool {
        let Some(keeper) = self.keeper() else { return false };
        let managers = self.evidence.managers;
        if self.copy().is_none() || !managers.for_entry(keeper).applier {
            return false;
        }
        let later = |entry: &&ManagedFieldsEntry| {
            let other = entry.manager.name != keeper.manager.name && managers.for_entry(entry).applier;
            // `kubectl apply --server-side` keeps the copy under an entry of its own.
            let twin = keeper.manager.name == "kubectl-last-applied" && entry.manager.name == "kubectl";
            other && !twin && entry.seconds() > keeper.seconds()
        };
        !self.owners.entries().iter().any(|entry| later(&entry))
    }

    /// Whether the copy has at this place what live has.
    pub(super) fn equals_live(&self, path: &FieldPath) -> bool {
        self.copy().is_some_and(|copy| !overlaps(&copy.differs_at, path) && path.find(&copy.value).is_some())
    }

    /// Whether neither the copy nor live has this field: it was not applied.
    pub(super) fn is_absent(&self, path: &FieldPath) -> bool {
        self.copy().is_some_and(|copy| !copy.differs_at.iter().any(|found| path.starts_with(found)))
    }

    /// What the copy has at a place.
    pub(super) fn value(&self, path: &FieldPath) -> Option<&Value> {
        path.find(&self.copy()?.value)
    }

    fn copy(&self) -> Option<&AppliedCopy> {
        let read = || {
            let evidence = self.evidence;
            let annotation = evidence.live.get("metadata")?.get("annotations")?.get(ANNOTATION)?;
            let value: Value = serde_json::from_str(annotation.as_str()?).ok()?;
            let desired = Desired { value: value.clone().into(), ..evidence.desired.clone() };
            let found = crate::diff::compare(&desired, evidence.live, evidence.schema);
            let differs_at = found.into_iter().map(|found| found.path).collect();
            Some(AppliedCopy { value, differs_at })
        };
        self.copy.get_or_init(read).as_ref()
    }
}
