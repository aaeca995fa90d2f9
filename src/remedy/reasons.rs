//! Why a change is left to a person, whatever else there is.

use serde_json::Value;

use crate::model::{Cause, Change, ChangeKind, Confidence};

/// Why a change is not adopted without a person's decision.
pub(super) fn why_not(change: &Change) -> Option<String> {
    let verdict = &change.verdict;
    if change.difference.masked {
        let why = "it is a secret value, and drift neither shows nor commits one: put it where you keep secrets \
                   (SOPS, Sealed Secrets, External Secrets), or undo it in the cluster";
        return Some(why.to_owned());
    }
    match verdict.cause {
        Cause::Manual => {}
        Cause::Rollback => {
            return Some(
                "a person went back to an older value: keep it in Git, or roll forward again".to_owned(),
            );
        }
        Cause::Unsynced => {
            return Some("Git declares it, and it is not applied: apply it, or revert the commit".to_owned());
        }
        Cause::Unknown if verdict.claimed.is_some() => {
            return Some(
                "only the name of its writer would explain it, and anybody can take that name: undo it, or trust \
                 the manager for this field in drift.yaml"
                    .to_owned(),
            );
        }
        _ => return Some("nothing recorded who changed it or why".to_owned()),
    }
    if verdict.confidence < Confidence::Medium {
        return Some("nothing proves that a person changed it by hand".to_owned());
    }
    if change.difference.kind == ChangeKind::Removed {
        return Some("it was removed from the live object, and a removed field leaves no owner".to_owned());
    }
    // Seen with kubectl on kube-apiserver v1.36: a null in a manifest is not sent, or takes the field out.
    if change.difference.live.as_ref().is_some_and(Value::is_null) {
        let why = "it is null now, and a null in Git is kept by server-side apply only: `kubectl apply` takes the field \
                   out, and its default comes";
        return Some(why.to_owned());
    }
    let moved = change.difference.note.as_deref() == Some("the order differs");
    moved.then(|| "only the order of the items differs".to_owned())
}
