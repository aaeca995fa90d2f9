//! What the next sync does to what a check found: predicted, nothing is written.

use std::collections::{BTreeMap, HashMap};

use super::{FieldPath, Finding, ResourceId};

/// How an object is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncWay {
    /// Server-side apply that takes fields over from others.
    ServerSideForced,
    /// Server-side apply that gives up where another manager owns a field.
    ServerSide,
    /// Client-side apply: Git, the last-applied copy and live are merged.
    ClientSide,
    /// As client-side apply, with the last release in the place of the copy (Helm 3).
    Release,
    /// The whole object is written.
    Replace,
    /// An option keeps the applier from it.
    Skipped,
}

/// What the way is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncEvidence {
    /// The applier's entry in managedFields.
    ManagedFields,
    /// The last-applied annotation.
    LastApplied,
    /// How the deployer applied most other objects.
    OtherObjects,
    /// An annotation or label of the applier's options.
    Option,
    /// Nothing: what `kubectl apply` would do.
    Assumed,
}

/// What applies an object, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applier {
    /// How.
    pub way: SyncWay,
    /// Its manager string, a claim of whoever wrote.
    pub manager: Option<String>,
    /// What says so.
    pub evidence: SyncEvidence,
    /// The option that changes its way, `argocd.argoproj.io/sync-options: Replace=true`.
    pub option: Option<&'static str>,
}

/// What becomes of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SyncOutcome {
    /// Git's value comes back; what Git does not declare goes.
    Overwritten,
    /// Live stays as it is.
    Kept,
    /// Git's keys come back, and others of the same value stay; of what Git does not declare, a part goes.
    Partly,
    /// The server refuses the object, and live stays as it is.
    Fails,
    /// Another manager owns a field: the apply gives up, and live stays as it is.
    Conflict,
    /// The object is made anew, as Git declares it.
    Recreated,
    /// The object is deleted.
    Pruned,
}

/// Why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncReason {
    /// Git declares the field.
    Declared,
    /// The applier put it there, and Git declares it no longer.
    NoLongerDeclared,
    /// The applier takes over what this manager wrote, and Git does not declare it.
    TakenOver(String),
    /// The whole object, or the list around it, is replaced.
    Replaced,
    /// Git never declared it, and the applier does not own it.
    NeverApplied,
    /// The applier wrote it, but this manager owns it too.
    SharedWith(String),
    /// The applier compares what Git declares with what it declared before, not with live.
    NotCompared,
    /// An option says so.
    Option(&'static str),
    /// This field cannot be changed.
    Immutable(FieldPath),
    /// Two fields would be set of which there may be one.
    Exclusive(FieldPath, FieldPath),
    /// Two items would have one name.
    Twice(FieldPath, FieldPath),
    /// This manager owns the field and has another value.
    OwnedBy(String),
    /// The object is applied as a whole, and this field is refused.
    Blocked(FieldPath),
    /// The object is not there.
    Absent,
    /// Nothing applied the object.
    NotApplied,
    /// The applier made it, and Git declares it no longer.
    Leftover,
    /// Likewise, and this applier prunes only if it is told to.
    NotPruned,
}

/// When a program sees a changed ConfigMap or Secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReadAt {
    /// As a file of a volume: within about a minute.
    Mounted,
    /// As an environment variable, or a file by `subPath`: when its Pods restart.
    Restart,
}

/// A workload of Git that uses a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueReader {
    /// The workload.
    pub workload: ResourceId,
    /// When it sees a change.
    pub at: ReadAt,
}

/// What the next sync does to one change, or to a whole object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// What.
    pub outcome: SyncOutcome,
    /// Why.
    pub reason: SyncReason,
    /// The workloads of Git that use the value: of ConfigMaps and Secrets.
    pub readers: Vec<ValueReader>,
}

impl Forecast {
    /// Without readers.
    #[must_use]
    pub fn new(outcome: SyncOutcome, reason: SyncReason) -> Self {
        Self { outcome, reason, readers: Vec::new() }
    }
}

/// What the next sync does to an object.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectForecast {
    /// What applies it; `None` where it is not live.
    pub applier: Option<Applier>,
    /// Of an object that only one side has.
    pub object: Option<Forecast>,
    /// Of its changes.
    pub changes: HashMap<FieldPath, Forecast>,
}

/// What the next sync does to the objects of a report.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NextSync {
    /// By object.
    pub objects: BTreeMap<ResourceId, ObjectForecast>,
}

impl NextSync {
    /// How many changes, and objects that only one side has, come to which end; without what no report lists unasked.
    #[must_use]
    pub fn count(&self, findings: &[Finding]) -> BTreeMap<SyncOutcome, usize> {
        let mut counts = BTreeMap::new();
        for finding in findings {
            let Some(found) = self.objects.get(&finding.resource) else { continue };
            let own = found.object.as_ref().filter(|_| !finding.verdict.cause.is_hidden());
            let shown = finding.changes.iter().filter(|change| !change.verdict.cause.is_hidden());
            let of_changes = shown.filter_map(|change| found.changes.get(&change.difference.path));
            for forecast in own.into_iter().chain(of_changes) {
                *counts.entry(forecast.outcome).or_default() += 1;
            }
        }
        counts
    }
}
