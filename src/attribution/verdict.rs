//! Attributes a difference: cause, manager and confidence, from the records of the object.
//!
//! The owner of exactly this leaf is established first; then the rules decide. A manager's name is a claim of whoever
//! wrote: it explains a change only where that program writes, and never where a change could do harm.

use std::cell::Cell;

use super::decide::RuleEngine;
use super::evidence::Evidence;
use super::last_applied::LastApplied;
use super::managers::Managers;
use super::owners::Owners;
use super::scaling::apply_autoscaler;
use super::split::Splitter;
use crate::model::{
    Cause, Change, ChangeKind, Desired, Difference, ManagerClass, Origin, Verdict, is_restart,
};

/// Gives each difference its cause; a part that only live has is split where its owners differ.
#[must_use]
pub fn attribute(differences: Vec<Difference>, evidence: &Evidence<'_>) -> Vec<Change> {
    let mut changes =
        map_with_engine(differences, evidence, |judge, difference| Some(change(judge, difference)));
    changes.sort_by_cached_key(|change| change.difference.path.to_string());
    changes
}

/// Those of the differences, split as [`attribute`] does, whose verdict asks what older commits declared: of the others
/// it is the same whatever they did.
#[must_use]
pub fn needing_history(differences: Vec<Difference>, evidence: &Evidence<'_>) -> Vec<Difference> {
    map_with_engine(differences, evidence, |judge, difference| {
        judge.asked_history.set(false);
        let _ = judge.decide(&mut difference.clone());
        judge.asked_history.get().then_some(difference)
    })
}

fn map_with_engine<T>(
    differences: Vec<Difference>,
    evidence: &Evidence<'_>,
    judged: impl Fn(&RuleEngine<'_>, Difference) -> Option<T>,
) -> Vec<T> {
    let owners = Owners::from_live(evidence.live);
    let applied = LastApplied::new(evidence, &owners);
    let asked_history = Cell::new(false);
    let judge = RuleEngine { evidence, owners: &owners, applied: &applied, asked_history: &asked_history };
    let id = &evidence.desired.id;
    let root = evidence.schema.kind(&id.group, &id.version, &id.kind);
    let splitter = Splitter { owners: &owners, managers: evidence.managers, live: evidence.live };
    let differences = differences.into_iter().flat_map(|difference| splitter.split(root, difference));
    differences.filter_map(|difference| judged(&judge, difference)).collect()
}

fn change(judge: &RuleEngine<'_>, mut difference: Difference) -> Change {
    let evidence = judge.evidence;
    let verdict = judge.decide(&mut difference);
    let verdict = apply_autoscaler(&evidence.desired.id, &mut difference, evidence.autoscalers, verdict);
    if is_restart(&difference.path) {
        difference.note = Some("a restart (kubectl rollout restart): nothing to take into Git".to_owned());
    }
    let origin = origin_of(evidence.desired, &difference);
    Change { difference, verdict, origin }
}

/// Whether the server set all of these by itself and nobody else can have written them: told from who wrote the object
/// at all, and from the names of the fields that its managers own (`owned`, the text of managedFields).
#[must_use]
pub fn all_server_set(
    differences: &[Difference],
    writers: &Owners,
    managers: &Managers,
    owned: &str,
) -> bool {
    let set = |difference: &Difference| difference.kind == ChangeKind::Added && difference.server_set;
    let by_platform =
        || writers.entries().iter().all(|entry| managers.for_entry(entry).class == ManagerClass::Platform);
    differences.iter().all(set) && (by_platform() || !owns_any(owned, differences))
}

/// Whether the text of managedFields has a field of a name in which one of these paths ends. One pass for all of them:
/// it is the larger half of most objects.
fn owns_any(owned: &str, differences: &[Difference]) -> bool {
    let names: Option<Vec<&str>> =
        differences.iter().map(|difference| difference.path.last_field()).collect();
    let Some(mut names) = names else { return true };
    names.sort_unstable();
    let mut begins = memchr::memmem::find_iter(owned.as_bytes(), b"\"f:").map(|at| at + 3);
    !names.is_empty()
        && begins
            .any(|at| owned[at..].split('"').next().is_some_and(|name| names.binary_search(&name).is_ok()))
}

/// Where Git declares the value; of an added field, the nearest parent that Git declares.
fn origin_of(desired: &Desired, difference: &Difference) -> Option<Origin> {
    let mut pointer = difference.desired_pointer.as_str();
    loop {
        if let Some(place) = desired.fields.get(pointer) {
            return Some(Origin { location: Some(place), ..desired.origin.clone() });
        }
        match pointer.rfind('/') {
            Some(at) => pointer = &pointer[..at],
            None => return Some(desired.origin.clone()),
        }
    }
}

/// The verdict that stands for a whole finding: the cause that matters most, then the surest.
#[must_use]
pub fn strongest_verdict(changes: &[Change]) -> Verdict {
    let rank = |verdict: &Verdict| match verdict.cause {
        Cause::Manual => 8,
        Cause::Rollback => 7,
        Cause::Unknown => 6,
        Cause::Unsynced if verdict.overdue => 5,
        Cause::Unsynced => 4,
        Cause::Controller => 3,
        Cause::Admission => 2,
        Cause::Deployer | Cause::Server => 1,
        Cause::Ignored => 0,
    };
    let verdicts = changes.iter().map(|change| &change.verdict);
    verdicts
        .max_by_key(|verdict| (rank(verdict), verdict.confidence))
        .cloned()
        .unwrap_or_else(Verdict::unknown)
}
