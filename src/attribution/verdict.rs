//! From a difference and the records of the object to a cause, a manager and how sure that is.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use serde_json::Value;

use super::history::{Older, explained_by};
use super::managers::{Known, Managers};
use super::owners::{Entry, Owners, Share};
use super::scaling::{Autoscaler, scaled};
use crate::model::{
    Cause, Change, ChangeKind, Class, Confidence, Desired, Difference, FieldPath, Later, Origin, Step,
    Verdict,
};
use crate::schema::Schema;

/// What is known of one object beside its differences.
pub struct Evidence<'a> {
    /// The object as Git declares it.
    pub desired: &'a Desired,
    /// The live object, with managedFields and annotations.
    pub live: &'a Value,
    /// Its schema, for the last-applied copy.
    pub schema: &'a Schema,
    /// The known managers.
    pub managers: &'a Managers,
    /// Autoscalers of its namespace.
    pub autoscalers: &'a [Autoscaler],
    /// What older commits declared, newest first.
    pub older: &'a [Older],
}

/// Gives each difference its cause. Left out is what the server or the platform set by itself and no person's tool
/// owns, and what only the applier owns without having declared it: a default that we do not know.
#[must_use]
pub fn attribute(differences: Vec<Difference>, evidence: &Evidence<'_>) -> Vec<Change> {
    let owners = Owners::of(evidence.live);
    let judge = Judge::new(evidence, &owners);
    differences.into_iter().filter_map(|difference| judge.change(difference)).collect()
}

/// Whether [`attribute`] leaves out all of these, whatever each manager owns: the server set them, and no person's tool
/// has written the object.
#[must_use]
pub fn is_left_out(differences: &[Difference], writers: &Owners, managers: &Managers) -> bool {
    let set = |difference: &Difference| difference.kind == ChangeKind::Added && difference.server_set;
    differences.iter().all(set) && !is_written_by_hand(writers, managers)
}

/// Whether a person's tool has written the object.
#[must_use]
pub fn is_written_by_hand(writers: &Owners, managers: &Managers) -> bool {
    writers.entries().iter().any(|entry| managers.of(entry).class == Class::Human)
}

/// One owner of a place.
#[derive(Clone, Copy)]
struct Held<'a> {
    entry: &'a Entry,
    known: &'a Known,
    exact: bool,
}

/// The last-applied copy (`kubectl apply`, client side) held against live and Git.
struct LastApplied {
    value: Later<Value>,
    /// Where live differs from it.
    differs_at: BTreeSet<FieldPath>,
}

struct Judge<'a> {
    evidence: &'a Evidence<'a>,
    owners: &'a Owners,
    /// Read when it is asked for: for what the server set by itself it never is.
    last_applied: OnceCell<Option<LastApplied>>,
}

impl<'a> Judge<'a> {
    fn new(evidence: &'a Evidence<'a>, owners: &'a Owners) -> Self {
        Self { evidence, owners, last_applied: OnceCell::new() }
    }

    fn last_applied(&self) -> Option<&LastApplied> {
        let evidence = self.evidence;
        let read = || {
            let copy = Desired { value: last_applied(evidence.live)?.into(), ..evidence.desired.clone() };
            let found = crate::diff::compare(&copy, evidence.live, evidence.schema);
            let differs_at = found.into_iter().map(|found| found.path).collect();
            Some(LastApplied { value: copy.value, differs_at })
        };
        self.last_applied.get_or_init(read).as_ref()
    }

    fn change(&self, mut difference: Difference) -> Option<Change> {
        let verdict = match difference.kind {
            ChangeKind::Removed => self.removed(&difference),
            ChangeKind::Added | ChangeKind::Modified => self.present(&difference)?,
        };
        let (id, autoscalers) = (&self.evidence.desired.id, self.evidence.autoscalers);
        let verdict = scaled(id, &mut difference, autoscalers, verdict);
        if is_restart(&difference.path) {
            difference.note =
                Some("a restart (kubectl rollout restart): nothing to take into Git".to_owned());
        }
        let origin = origin_of(self.evidence.desired, &difference);
        Some(Change { difference, verdict, origin })
    }

    /// A field that live has: whoever owns it.
    fn present(&self, difference: &Difference) -> Option<Verdict> {
        let held = self.held(&difference.path);
        let human = strongest_of(&held, |held| held.known.class == Class::Human);
        if let Some(human) = human.filter(|human| human.exact || !difference.server_set) {
            let shared = held.iter().filter(|held| held.exact).count() > 1;
            let sure = human.exact && !shared && !is_atomic(difference);
            let cause = if self.returned_to(difference) { Cause::Rollback } else { Cause::Manual };
            let confidence = if sure { Confidence::High } else { Confidence::Medium };
            return Some(verdict(cause, confidence, Some(human.entry)));
        }
        if difference.server_set {
            return None;
        }
        if let Some(platform) = strongest_of(&held, |held| held.known.class == Class::Platform) {
            let allowed = platform.known.may_own(&difference.path);
            let cause = if allowed { Cause::Controller } else { Cause::Unknown };
            return Some(verdict(cause, Confidence::High, Some(platform.entry)));
        }
        if let Some(applier) = strongest_of(&held, |held| held.known.applier) {
            return self.applied(applier, difference);
        }
        match strongest_of(&held, |_| true) {
            Some(stranger) => Some(verdict(Cause::Manual, Confidence::None, Some(stranger.entry))),
            None => Some(self.unowned()),
        }
    }

    fn held(&self, path: &FieldPath) -> Vec<Held<'a>> {
        let owners = self.owners.of_path(path).into_iter();
        owners
            .map(|(entry, share)| Held {
                entry,
                known: self.evidence.managers.of(entry),
                exact: share == Share::Exact,
            })
            .collect()
    }

    /// The applier owns the live value: an older commit's, something that was applied by hand, or a default.
    fn applied(&self, applier: Held<'a>, difference: &Difference) -> Option<Verdict> {
        let declared = self.declared_by(applier, &difference.path);
        if difference.kind == ChangeKind::Added && !declared {
            return None;
        }
        let confidence = if applier.exact { Confidence::High } else { Confidence::Medium };
        if declared && explained_by(self.evidence.older, difference).is_some() {
            return Some(verdict(Cause::Unsynced, confidence, Some(applier.entry)));
        }
        Some(match applier.known.class {
            Class::Gitops => verdict(Cause::Unknown, confidence, Some(applier.entry)),
            _ => verdict(Cause::Manual, Confidence::None, Some(applier.entry)),
        })
    }

    /// Whether the applier declared the live value. A client-side apply owns the server's defaults too: there the
    /// last-applied copy tells.
    fn declared_by(&self, applier: Held<'a>, path: &FieldPath) -> bool {
        let by_update = applier.entry.manager.operation == "Update";
        match self.last_applied() {
            Some(copy) if by_update => {
                let differs = |found: &FieldPath| found.starts_with(path) || path.starts_with(found);
                !copy.differs_at.iter().any(differs) && path.find(&copy.value).is_some()
            }
            _ => true,
        }
    }

    /// A field that only Git has: nobody owns it, but where somebody made it null.
    fn removed(&self, difference: &Difference) -> Verdict {
        let held = self.held(&difference.path);
        if let Some(nuller) = strongest_of(&held, |held| held.exact && held.known.class == Class::Human) {
            return verdict(Cause::Manual, Confidence::High, Some(nuller.entry));
        }
        let human = self.latest_human();
        if let Some(older) = explained_by(self.evidence.older, difference) {
            // What was last applied lacks the field as well; or, where there is no copy, neither a person's tool nor
            // the applier has written since Git began to declare it.
            let unapplied = match self.last_applied() {
                Some(copy) => !copy.differs_at.iter().any(|found| difference.path.starts_with(found)),
                None => {
                    let before = |entry: &Entry| entry.seconds().is_some_and(|at| at < older.superseded_at);
                    let mut writers = self.owners.entries().iter().filter(|entry| {
                        let known = self.evidence.managers.of(entry);
                        known.applier || known.class == Class::Human
                    });
                    writers.all(before)
                }
            };
            if unapplied {
                let applier =
                    self.owners.entries().iter().find(|entry| self.evidence.managers.of(entry).applier);
                return verdict(Cause::Unsynced, Confidence::Medium, applier);
            }
        }
        match human {
            Some(entry) => verdict(Cause::Manual, Confidence::Low, Some(entry)),
            None => Verdict::unknown(),
        }
    }

    /// Live has a value that nobody owns and the server would not have put there.
    fn unowned(&self) -> Verdict {
        match self.latest_human() {
            Some(entry) => verdict(Cause::Manual, Confidence::Low, Some(entry)),
            None => Verdict::unknown(),
        }
    }

    fn latest_human(&self) -> Option<&'a Entry> {
        let entries = self.owners.entries().iter();
        let human = entries.filter(|entry| self.evidence.managers.of(entry).class == Class::Human);
        human.max_by(|left, right| left.manager.time.cmp(&right.manager.time))
    }

    /// Whether a person put back what an older commit declared although the newer one had been applied.
    fn returned_to(&self, difference: &Difference) -> bool {
        let Some(copy) = self.last_applied() else { return false };
        let newer_applied =
            difference.desired.is_some() && difference.path.find(&copy.value) == difference.desired.as_ref();
        newer_applied && explained_by(self.evidence.older, difference).is_some()
    }
}

/// An owner that fits: one of the very place before one around it, the latest first.
fn strongest_of<'a>(held: &[Held<'a>], fits: impl Fn(&Held<'a>) -> bool) -> Option<Held<'a>> {
    let fitting = held.iter().filter(|held| fits(held));
    fitting.max_by_key(|held| (held.exact, held.entry.manager.time.clone())).copied()
}

fn verdict(cause: Cause, confidence: Confidence, entry: Option<&Entry>) -> Verdict {
    Verdict { cause, confidence, manager: entry.map(|entry| entry.manager.clone()), actor: None }
}

/// A whole atomic list or map is owned as one: who changed which part of it is not recorded.
fn is_atomic(difference: &Difference) -> bool {
    difference.kind == ChangeKind::Modified
        && [&difference.desired, &difference.live]
            .iter()
            .any(|side| side.as_ref().is_some_and(|value| value.is_array() || value.is_object()))
}

fn last_applied(live: &Value) -> Option<Value> {
    let text =
        live.pointer("/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration")?.as_str()?;
    serde_json::from_str(text).ok()
}

/// Where Git declares the value; of an added field, the nearest parent that Git declares.
fn origin_of(desired: &Desired, difference: &Difference) -> Option<Origin> {
    let mut pointer = difference.desired_pointer.as_str();
    loop {
        if let Some(place) = desired.fields.get(pointer) {
            return Some(Origin { place: Some(place), ..desired.origin.clone() });
        }
        match pointer.rfind('/') {
            Some(at) => pointer = &pointer[..at],
            None => return Some(desired.origin.clone()),
        }
    }
}

/// Whether the change is the mark of `kubectl rollout restart`: found, and never proposed for anything.
#[must_use]
pub fn is_restart(path: &FieldPath) -> bool {
    matches!(path.steps().last(), Some(Step::Field(name)) if name == "kubectl.kubernetes.io/restartedAt")
}

/// Why an object that Git declares is not live. It is not applied yet where one of the last commits brought it and its
/// source's applier has written nothing since (`applied_at`, the latest time it left anywhere, seconds since 1970); else
/// nobody recorded who removed it.
#[must_use]
pub fn missing(older: &[Older], applied_at: Option<i64>) -> Verdict {
    let before = older.iter().find(|older| older.differs_at.is_none());
    match before {
        Some(before) if applied_at.is_none_or(|at| at < before.superseded_at) => {
            Verdict { cause: Cause::Unsynced, confidence: Confidence::Medium, manager: None, actor: None }
        }
        _ => Verdict::unknown(),
    }
}

/// The verdict that stands for a whole finding: the cause that matters most, then the surest.
#[must_use]
pub fn strongest(changes: &[Change]) -> Verdict {
    let rank = |cause: Cause| match cause {
        Cause::Manual => 5,
        Cause::Rollback => 4,
        Cause::Unknown => 3,
        Cause::Unsynced => 2,
        Cause::Controller => 1,
        Cause::Ignored => 0,
    };
    let verdicts = changes.iter().map(|change| &change.verdict);
    verdicts
        .max_by_key(|verdict| (rank(verdict.cause), verdict.confidence))
        .cloned()
        .unwrap_or_else(Verdict::unknown)
}
