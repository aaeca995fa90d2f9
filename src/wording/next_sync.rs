//! The sentences about the next sync.

use std::collections::BTreeMap;

use crate::model::{
    Applier, ChangeKind, Forecast, ReadAt, SyncEvidence, SyncOutcome, SyncReason, SyncWay, ValueReader,
};
use crate::text::one_line;

/// The word of an outcome.
#[must_use]
pub fn sync_outcome_name(outcome: SyncOutcome) -> &'static str {
    match outcome {
        SyncOutcome::Overwritten => "overwritten",
        SyncOutcome::Kept => "kept",
        SyncOutcome::Partly => "partly",
        SyncOutcome::Fails => "fails",
        SyncOutcome::Conflict => "conflict",
        SyncOutcome::Recreated => "recreated",
        SyncOutcome::Pruned => "pruned",
    }
}

/// The word of a way to apply.
#[must_use]
pub fn sync_way_name(way: SyncWay) -> &'static str {
    match way {
        SyncWay::ServerSideForced => "server-side-forced",
        SyncWay::ServerSide => "server-side",
        SyncWay::ClientSide => "client-side",
        SyncWay::Release => "release",
        SyncWay::Replace => "replace",
        SyncWay::Skipped => "skipped",
    }
}

/// The word of what a way is known from.
#[must_use]
pub fn sync_evidence_name(evidence: SyncEvidence) -> &'static str {
    match evidence {
        SyncEvidence::ManagedFields => "managed-fields",
        SyncEvidence::LastApplied => "last-applied",
        SyncEvidence::OtherObjects => "other-objects",
        SyncEvidence::Option => "option",
        SyncEvidence::Assumed => "assumed",
    }
}

/// `2 overwritten, 1 kept`, in a fixed order.
#[must_use]
pub fn count_by_outcome(counts: &BTreeMap<SyncOutcome, usize>) -> String {
    let parts = counts.iter().map(|(outcome, number)| format!("{number} {}", sync_outcome_name(*outcome)));
    parts.collect::<Vec<_>>().join(", ")
}

/// `next sync fails: .spec.selector is immutable`, of a change of this kind; of a whole object, none.
#[must_use]
pub fn describe_forecast(forecast: &Forecast, kind: Option<ChangeKind>) -> String {
    let what = match (forecast.outcome, kind) {
        (SyncOutcome::Overwritten, Some(ChangeKind::Added)) => "removes it",
        (SyncOutcome::Overwritten, Some(ChangeKind::Removed)) => "adds it again",
        (SyncOutcome::Overwritten, _) => "overwrites it",
        (SyncOutcome::Kept, None) if matches!(forecast.reason, SyncReason::Option(_)) => "does not make it",
        (SyncOutcome::Kept, _) => "keeps it",
        (SyncOutcome::Partly, Some(ChangeKind::Added)) => "removes a part of it",
        (SyncOutcome::Partly, _) => "overwrites what Git declares of it and keeps the rest",
        (SyncOutcome::Fails, _) => "fails",
        (SyncOutcome::Conflict, _) => "gives up on a conflict",
        (SyncOutcome::Recreated, None) => "makes it again",
        (SyncOutcome::Recreated, _) => "deletes the object and makes it again",
        (SyncOutcome::Pruned, _) => "deletes it, unless its applier is told not to prune",
    };
    let mut text = format!("next sync {what}");
    if let Some(why) = describe_reason(&forecast.reason) {
        text.push_str(&format!(": {why}"));
    }
    if let Some(readers) = describe_readers(&forecast.readers) {
        text.push_str(&format!("; {readers}"));
    }
    text
}

/// Why, where it is not plain from the outcome.
#[must_use]
pub fn describe_reason(reason: &SyncReason) -> Option<String> {
    let name = |manager: &str| one_line(manager, 128);
    let place = |path: &crate::model::FieldPath| one_line(&path.to_string(), 300);
    Some(match reason {
        SyncReason::Declared | SyncReason::Absent => return None,
        SyncReason::NoLongerDeclared => "Git declares it no longer".to_owned(),
        SyncReason::TakenOver(manager) => format!("it takes over what {} wrote", name(manager)),
        SyncReason::Replaced => "what is around it is replaced".to_owned(),
        SyncReason::NeverApplied => "Git never declared it".to_owned(),
        SyncReason::SharedWith(manager) => format!("{} owns it too", name(manager)),
        SyncReason::NotCompared => "Helm compares a custom resource with its last release only".to_owned(),
        SyncReason::Option(option) => (*option).to_owned(),
        SyncReason::Immutable(path) => format!("{} is immutable", place(path)),
        SyncReason::Exclusive(one, other) => {
            format!("{} and {} exclude each other", place(one), place(other))
        }
        SyncReason::Twice(one, other) => format!("{} and {} would have one name", place(one), place(other)),
        SyncReason::OwnedBy(manager) => format!("{} owns it", name(manager)),
        SyncReason::Blocked(path) => format!("the object is refused for {}", place(path)),
        SyncReason::NotApplied => "nothing in Git declares it".to_owned(),
        SyncReason::Leftover => "Git declares it no longer".to_owned(),
        SyncReason::NotPruned => "its applier prunes only if it is told to".to_owned(),
    })
}

/// Readers that are named; the others are counted.
const MOST_READERS: usize = 3;

/// `Deployment/shop/web sees it when its Pods restart`.
fn describe_readers(readers: &[ValueReader]) -> Option<String> {
    let of = |at: ReadAt, when: &str| {
        let found = || readers.iter().filter(|reader| reader.at == at);
        let names = found().take(MOST_READERS).map(|reader| one_line(&reader.workload.to_string(), 300));
        let names = names.collect::<Vec<_>>().join(", ");
        let more = match found().count().saturating_sub(MOST_READERS) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        (!names.is_empty()).then(|| format!("seen by {names}{more} {when}"))
    };
    let parts =
        [of(ReadAt::Restart, "only when their Pods restart"), of(ReadAt::Mounted, "within about a minute")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// `kustomize-controller, by server-side apply with force (its entry in managedFields)`.
#[must_use]
pub fn describe_applier(applier: &Applier) -> String {
    let way = match applier.way {
        SyncWay::ServerSideForced => "by server-side apply with force",
        SyncWay::ServerSide => "by server-side apply",
        SyncWay::ClientSide => "by client-side apply",
        SyncWay::Release => "by a merge with its last release",
        SyncWay::Replace => "by replacing it",
        SyncWay::Skipped => "not at all",
    };
    let from = match applier.evidence {
        SyncEvidence::ManagedFields => "its entry in managedFields",
        SyncEvidence::LastApplied => "the last-applied annotation",
        SyncEvidence::OtherObjects => "it applied most other objects",
        SyncEvidence::Option => applier.option.unwrap_or("an option"),
        SyncEvidence::Assumed => "assumed",
    };
    let manager = applier.manager.as_deref().unwrap_or("kubectl apply");
    format!("applied by {}, {way} ({from})", one_line(manager, 128))
}
