//! What the next sync does to a finding: predicted from who owns each field, how the applier applies and its options.
//!
//! It is assumed that a sync comes and applies what Git declares now. What admission webhooks would do is not known.

mod merge;
mod readers;
mod refusals;
mod way;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::Value;

use super::history::overlaps;
use super::managers::Managers;
use super::owners::{Owners, Ownership};
use crate::diff::normalise_declared;
use crate::model::{
    Cause, Change, ChangeKind, Desired, FieldPath, Finding, Forecast, ObjectForecast, PathElement, Rule,
    State, SyncOutcome, SyncReason, SyncWay,
};
use crate::schema::{Field, Schema};
use merge::{ListMerge, merge};
use readers::readers_of;
use refusals::{Applied, is_written};
pub use way::UsualApplier;
use way::{Way, flux_exclusion, prunes};

/// What a prediction rests on.
#[derive(Clone, Copy)]
pub struct SyncFacts<'a> {
    /// Everything that Git declares, for who uses a ConfigMap or a Secret.
    pub all: &'a [Desired],
    /// The known managers.
    pub managers: &'a Managers,
    /// What applied most objects of the check, if anything did: it applies what lost its own record, too.
    pub usual: Option<UsualApplier<'a>>,
}

impl SyncFacts<'_> {
    /// What the next sync does to a finding of an object that both sides have.
    #[must_use]
    pub fn modified(
        &self,
        finding: &Finding,
        (desired, live): (&Desired, &Value),
        schema: &Schema,
    ) -> ObjectForecast {
        let owners = Owners::from_live(live);
        let way = Way::of(&desired.value, live, &owners, (self.managers, self.usual));
        let id = &desired.id;
        let root = schema.kind(&id.group, &id.version, &id.kind);
        let git = normalise_declared(&desired.value);
        let sync = Sync { desired, git: &git, live, root, owners: &owners, way: &way };
        let merged = sync.merged(schema);
        let of_change = |change| (change, sync.field(change, merged.as_ref()));
        let mut changes: Vec<(&Change, Forecast)> = finding.changes.iter().map(of_change).collect();
        sync.refuse(&mut changes, merged.as_ref());
        let with_readers = |(change, forecast): (&Change, Forecast)| {
            let path = change.difference.path.clone();
            let readers = readers_of(id, &path, self.all);
            (path, Forecast { readers, ..forecast })
        };
        let changes = changes.into_iter().map(with_readers).collect();
        ObjectForecast { applier: Some(way.applier), object: None, changes }
    }

    /// What the next sync does to an object that only one side has: `desired` is Git's.
    #[must_use]
    pub fn one_sided(&self, finding: &Finding, desired: Option<&Desired>) -> ObjectForecast {
        let option = desired.and_then(|desired| flux_exclusion(&desired.value));
        let forecast = match (finding.state, option) {
            (State::Missing, Some(option)) => Forecast::new(SyncOutcome::Kept, SyncReason::Option(option)),
            (State::Missing, None) => Forecast::new(SyncOutcome::Recreated, SyncReason::Absent),
            _ if finding.verdict.rule == Rule::Leftover => {
                let manager = finding.verdict.manager.as_ref();
                match manager.is_some_and(|manager| prunes(&manager.name)) {
                    true => Forecast::new(SyncOutcome::Pruned, SyncReason::Leftover),
                    false => Forecast::new(SyncOutcome::Kept, SyncReason::NotPruned),
                }
            }
            _ => Forecast::new(SyncOutcome::Kept, SyncReason::NotApplied),
        };
        ObjectForecast { applier: None, object: Some(forecast), changes: Default::default() }
    }
}

/// What live becomes where the client merges it.
struct Merged {
    value: Value,
    /// Where it still differs from Git.
    left: BTreeSet<FieldPath>,
}

/// One object that is applied.
struct Sync<'a> {
    desired: &'a Desired,
    /// What Git declares, as the server would have it.
    git: &'a Value,
    live: &'a Value,
    root: Field<'a>,
    owners: &'a Owners,
    way: &'a Way,
}

impl Sync<'_> {
    /// What live becomes where the client merges it.
    fn merged(&self, schema: &Schema) -> Option<Merged> {
        let lists = if self.desired.id.is_built_in() { ListMerge::Strategic } else { ListMerge::Whole };
        let applied = match self.way.applier.way {
            SyncWay::ClientSide => self.way.last_applied.as_ref(),
            SyncWay::Release => None,
            _ => return None,
        };
        let applied = applied.map(normalise_declared);
        let value = merge(self.root, lists, applied.as_deref(), (self.git, self.live));
        let left = crate::diff::compare(self.desired, &value, schema);
        Some(Merged { left: left.into_iter().map(|found| found.path).collect(), value })
    }

    fn field(&self, change: &Change, merged: Option<&Merged>) -> Forecast {
        let difference = &change.difference;
        match (self.way.applier.way, merged) {
            (SyncWay::Skipped, _) => {
                let option = self.way.applier.option.unwrap_or_default();
                Forecast::new(SyncOutcome::Kept, SyncReason::Option(option))
            }
            (SyncWay::Replace, _) => self.replaced(change),
            (SyncWay::Release, _) if change.verdict.cause == Cause::Unsynced => of_git(difference.kind),
            (SyncWay::Release, _) if !self.desired.id.is_built_in() => {
                Forecast::new(SyncOutcome::Kept, SyncReason::NotCompared)
            }
            (SyncWay::ServerSide | SyncWay::ServerSideForced, _) | (_, None) => self.server_side(change),
            (_, Some(merged)) => self.client_side(change, merged),
        }
    }

    /// A PUT keeps nothing that Git does not declare, but for what the server allocated to a Service
    /// (`patchAllocatedValues` in registry/core/service/storage/alloc.go).
    fn replaced(&self, change: &Change) -> Forecast {
        let difference = &change.difference;
        let of_service = self.desired.id.group.is_empty() && self.desired.id.kind == "Service";
        match difference.kind {
            ChangeKind::Added if difference.server_set && of_service => {
                Forecast::new(SyncOutcome::Kept, SyncReason::NeverApplied)
            }
            ChangeKind::Added => Forecast::new(SyncOutcome::Overwritten, SyncReason::Replaced),
            kind => of_git(kind),
        }
    }

    /// Whether what stands at a place that Git does not declare goes.
    fn takes_away(&self, path: &FieldPath, merged: Option<&Merged>) -> bool {
        match (self.way.applier.way, merged) {
            (SyncWay::Replace, _) => true,
            (SyncWay::Skipped, _) => false,
            (_, Some(merged)) => path.find(&merged.value).is_none(),
            (_, None) => self.undeclared(path).outcome == SyncOutcome::Overwritten,
        }
    }

    fn server_side(&self, change: &Change) -> Forecast {
        let (path, kind) = (&change.difference.path, change.difference.kind);
        if kind != ChangeKind::Added {
            return match self.rival(path) {
                Some(manager) => Forecast::new(SyncOutcome::Conflict, SyncReason::OwnedBy(manager)),
                None => of_git(kind),
            };
        }
        self.undeclared(path)
    }

    /// What becomes of a place that Git does not declare, by who owns it.
    fn undeclared(&self, path: &FieldPath) -> Forecast {
        let is_item = matches!(path.elements().last(), Some(PathElement::Key(_)));
        let owners = self.owners.indexes_at(path);
        let keepers = if is_item { self.owners.indexes_of_place(path) } else { owners.clone() };
        let name = |at: &usize| self.owners.entries()[*at].manager.name.clone();
        let own: BTreeSet<usize> = owners.intersection(&self.way.own).copied().collect();
        let other = keepers.difference(&self.way.own).next();
        match (own.first(), other) {
            (None, _) => Forecast::new(SyncOutcome::Kept, SyncReason::NeverApplied),
            (Some(_), Some(other)) if self.own_alone(path, &own) => {
                Forecast::new(SyncOutcome::Partly, SyncReason::SharedWith(name(other)))
            }
            (Some(_), Some(other)) => Forecast::new(SyncOutcome::Kept, SyncReason::SharedWith(name(other))),
            (Some(own), None) if self.way.taken.contains(own) => {
                Forecast::new(SyncOutcome::Overwritten, SyncReason::TakenOver(name(own)))
            }
            (Some(_), None) => Forecast::new(SyncOutcome::Overwritten, SyncReason::NoLongerDeclared),
        }
    }

    /// Whether there is something inside a place that these alone own.
    fn own_alone(&self, path: &FieldPath, own: &BTreeSet<usize>) -> bool {
        let inside = own.iter().flat_map(|at| self.owners.entries()[*at].leaves());
        let mut inside = inside.filter(|leaf| leaf.starts_with(path));
        inside.any(|leaf| self.owners.indexes_at(&leaf).is_subset(own))
    }

    /// Another manager that owns a field which the applier does not take over by force.
    fn rival(&self, path: &FieldPath) -> Option<String> {
        if self.way.applier.way != SyncWay::ServerSide {
            return None;
        }
        let entries = self.owners.entries();
        let is_own =
            |owner: &crate::model::Manager| self.way.own.iter().any(|at| entries[*at].manager == *owner);
        let owners = self.owners.owners_of_path(path).into_iter();
        let mut rivals = owners.filter(|(entry, _): &(_, Ownership)| !is_own(&entry.manager));
        rivals.next().map(|(entry, _)| entry.manager.name.clone())
    }

    fn client_side(&self, change: &Change, merged: &Merged) -> Forecast {
        let (path, kind) = (&change.difference.path, change.difference.kind);
        let (after, live) = (path.find(&merged.value), path.find(self.live));
        if path.find(&self.desired.value) == Some(&Value::Null) {
            return of_git(kind);
        }
        if after == live {
            return Forecast::new(SyncOutcome::Kept, SyncReason::NeverApplied);
        }
        match kind {
            _ if overlaps(&merged.left, path) => Forecast::new(SyncOutcome::Partly, SyncReason::Declared),
            ChangeKind::Added if in_declared_list(path, self.git) => {
                Forecast::new(SyncOutcome::Overwritten, SyncReason::Replaced)
            }
            kind => of_git(kind),
        }
    }

    /// An object is applied as a whole: what is refused of it keeps all of it from being written.
    fn refuse(&self, changes: &mut [(&Change, Forecast)], merged: Option<&Merged>) {
        let conflict = changes.iter().find(|(_, forecast)| forecast.outcome == SyncOutcome::Conflict);
        let blocking = match conflict {
            Some((change, _)) => Some((SyncOutcome::Conflict, change.difference.path.clone(), None)),
            None => {
                let takes_away = |path: &FieldPath| self.takes_away(path, merged);
                let (desired, live, root) = (self.desired, self.live, self.root);
                let applied = Applied { desired, live, root, changes, takes_away: &takes_away };
                applied.refusal().map(|(path, reason)| (SyncOutcome::Fails, path, Some(reason)))
            }
        };
        let replaces = self.way.recreates && self.way.applier.way == SyncWay::Replace;
        if replaces || (self.way.recreates && blocking.is_some()) {
            let again = blocking.and_then(|(_, _, reason)| reason).unwrap_or(SyncReason::Replaced);
            changes.iter_mut().for_each(|(_, forecast)| {
                *forecast = Forecast::new(SyncOutcome::Recreated, again.clone());
            });
            return;
        }
        let Some((outcome, path, reason)) = blocking else { return };
        let written = changes.iter_mut().filter(|(_, forecast)| is_written(forecast));
        for (change, forecast) in written {
            let own = reason.clone().filter(|_| change.difference.path == path);
            *forecast = Forecast::new(outcome, own.unwrap_or_else(|| SyncReason::Blocked(path.clone())));
        }
    }
}

fn of_git(kind: ChangeKind) -> Forecast {
    let reason = if kind == ChangeKind::Added { SyncReason::NoLongerDeclared } else { SyncReason::Declared };
    Forecast::new(SyncOutcome::Overwritten, reason)
}

/// Whether the place is in a list that Git declares.
fn in_declared_list(path: &FieldPath, git: &Value) -> bool {
    let mut parent = path.clone();
    while let Some(step) = parent.pop() {
        let is_item = !matches!(step, PathElement::Field(_));
        if is_item && parent.find(git).is_some_and(Value::is_array) {
            return true;
        }
    }
    false
}
