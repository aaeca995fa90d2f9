//! Why a change is left to a person, whatever else there is.

use serde_json::Value;

use super::proof_failure::ProofFailure;
use crate::model::{Cause, Change, ChangeKind, Confidence, ResourceId, State};

/// Why drift proposes no edit for a change or an object, and what a person can do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnadoptedReason {
    /// A secret value.
    #[error(
        "it is a secret value, and drift neither shows nor commits one: put it where you keep secrets (SOPS, Sealed \
         Secrets, External Secrets), or undo it in the cluster"
    )]
    Secret,
    /// An older value came back.
    #[error("a person went back to an older value: keep it in Git, or roll forward again")]
    Rollback,
    /// Not applied.
    #[error("Git declares it, and it is not applied: apply it, or revert the commit")]
    Unsynced,
    /// Only a manager's name would explain it.
    #[error(
        "only the name of its writer would explain it, and anybody can take that name: undo it, or trust the manager for \
         this field in drift.yaml"
    )]
    NameOnly,
    /// No record.
    #[error("nothing recorded who changed it or why")]
    NoRecord,
    /// Too little confidence.
    #[error("nothing proves that a person changed it by hand")]
    NotByHand,
    /// A removed field.
    #[error("it was removed from the live object, and a removed field leaves no owner")]
    Removed,
    /// A null in live. Seen with kubectl on kube-apiserver v1.36: a null in a manifest is not sent, or takes the field out.
    #[error(
        "it is null now, and a null in Git is kept by server-side apply only: `kubectl apply` takes the field out, and its \
         default comes"
    )]
    Null,
    /// The same items in another order.
    #[error("only the order of the items differs")]
    OrderOnly,
    /// A variable of the deployer.
    #[error(
        "Git has a variable there, which the deployer fills in (`${{…}}`), and drift never overwrites one: change what \
         fills it in, or undo it in the cluster"
    )]
    Variable,
    /// Another change of the object is left, and this one may depend on it.
    #[error(
        "something else of the object is left to a person, and half of an edit may be what no server takes: put both into \
         Git, or neither"
    )]
    Half,
    /// No plain file declares the object.
    #[error("{resource} is rendered from {source_path}: set the value in the source that renders it")]
    Rendered {
        /// The object.
        resource: Box<ResourceId>,
        /// The source that renders it.
        source_path: String,
    },
    /// An object that a commit declares and nobody applied.
    #[error("a commit that is not applied yet declares it: apply it, or revert the commit")]
    MissingUnapplied,
    /// An object that was not pruned.
    #[error("Git no longer declares it, but it was not pruned: delete it, or declare it again")]
    UnmanagedUnpruned,
    /// An object that only Git has.
    #[error("the cluster does not have it: apply Git again, or remove it from Git")]
    Missing,
    /// An object that only live has.
    #[error("nothing in Git declares it: add it to Git, or delete it")]
    Unmanaged,
    /// An object that Git had when it was compared.
    #[error("Git no longer declares it")]
    NotDeclared,
    /// The edit could not be proven.
    #[error(transparent)]
    NotProven(#[from] ProofFailure),
}

impl UnadoptedReason {
    /// Why an object that one side lacks is left.
    pub(super) fn of_object(state: State, overdue: bool) -> Self {
        match state {
            State::Missing if overdue => Self::MissingUnapplied,
            State::Unmanaged if overdue => Self::UnmanagedUnpruned,
            State::Missing => Self::Missing,
            State::Unmanaged => Self::Unmanaged,
            State::Modified => Self::NotDeclared,
        }
    }
}

/// Why a change is not adopted without a person's decision.
pub(super) fn why_not(change: &Change) -> Option<UnadoptedReason> {
    let verdict = &change.verdict;
    if change.difference.masked {
        return Some(UnadoptedReason::Secret);
    }
    match verdict.cause {
        Cause::Manual => {}
        Cause::Rollback => return Some(UnadoptedReason::Rollback),
        Cause::Unsynced => return Some(UnadoptedReason::Unsynced),
        Cause::Unknown if verdict.claimed.is_some() => return Some(UnadoptedReason::NameOnly),
        _ => return Some(UnadoptedReason::NoRecord),
    }
    if verdict.confidence < Confidence::Medium {
        return Some(UnadoptedReason::NotByHand);
    }
    if change.difference.kind == ChangeKind::Removed {
        return Some(UnadoptedReason::Removed);
    }
    if change.difference.live.as_ref().is_some_and(Value::is_null) {
        return Some(UnadoptedReason::Null);
    }
    change.difference.reordered.then_some(UnadoptedReason::OrderOnly)
}
