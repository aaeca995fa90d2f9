//! What can be adopted, and what is left to a person and why.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;

use super::edits::{Target, merged};
use crate::attribution::is_restart;
use crate::model::{
    Cause, Change, ChangeKind, Confidence, Desired, FieldPath, Finding, ObjectKey, ResourceId, State, Step,
};
use crate::schema::{Field, Schema, Shape, without_defaults};
use crate::yaml::Edit;

/// What would be adopted, before it is proven.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Edits of the source files, by path from the root of the repository.
    pub edits: BTreeMap<String, Vec<Edit>>,
    /// The changes that these edits take into Git.
    pub adopted: Vec<Adoption>,
    /// The changes and objects that are left to a person.
    pub left: Vec<Left>,
}

/// The changes of one object that a plan takes into Git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// The object.
    pub resource: ResourceId,
    /// Where.
    pub paths: BTreeSet<FieldPath>,
}

/// Something that is left to a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Left {
    /// The object.
    pub resource: ResourceId,
    /// The change; `None`: the whole object.
    pub path: Option<FieldPath>,
    /// Why drift does not do it.
    pub why: String,
    /// The value to put into Git; `None` where there is none to show.
    pub value: Option<Value>,
}

/// Plans the adoption of findings: edits for what a person changed beyond doubt in plain files, reasons for the rest.
/// `desired` and `schema` answer for an object.
pub fn plan<'a>(
    findings: &[&Finding],
    desired: &dyn Fn(&ObjectKey) -> Option<&'a Desired>,
    schema: &dyn Fn(&ResourceId) -> &'a Schema,
) -> Plan {
    let mut plan = Plan::default();
    for finding in findings {
        let drifting = finding.changes.iter().filter(|change| change.verdict.is_drift());
        match (finding.state, desired(&finding.resource.key())) {
            (State::Modified, Some(object)) => {
                let root = schema(&object.id).kind(&object.id.group, &object.id.version, &object.id.kind);
                let removed = parts_with_removals(finding);
                drifting.for_each(|change| {
                    let why = why_not(change).or_else(|| why_not_alone(change, root, &removed));
                    plan.change(finding, change, (object, root), why);
                });
            }
            _ => plan.left.push(whole(finding)),
        }
    }
    plan
}

impl Plan {
    /// Whether nothing would be adopted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.adopted.is_empty()
    }

    /// Leaves an object's changes to a person after all.
    pub(super) fn give_up(&mut self, finding: &Finding, why: &str) {
        let drifting = finding.changes.iter().filter(|change| change.verdict.is_drift());
        for change in drifting.filter(|change| !is_restart(&change.difference.path)) {
            self.left.push(left(finding, change, why.to_owned()));
        }
    }

    /// Adopts a change, or leaves it to a person, `why_not` being a reason that was found for that.
    fn change(
        &mut self,
        finding: &Finding,
        change: &Change,
        (object, root): (&Desired, Field<'_>),
        why_not: Option<String>,
    ) {
        if is_restart(&change.difference.path) {
            return;
        }
        let target = match (why_not, place(object)) {
            (None, Ok(target)) => target,
            (Some(why), _) | (None, Err(why)) => {
                self.left.push(left(finding, change, why));
                return;
            }
        };
        let Some(live) = &change.difference.live else { return };
        let field = root.at(change.difference.path.steps());
        let wanted = without_defaults(field, live);
        let edits = self.edits.entry(object.origin.file.clone()).or_default();
        let pointer = &change.difference.desired_pointer;
        let value = match object.value.pointer(pointer) {
            Some(declared) if change.difference.kind == ChangeKind::Modified => {
                merged(declared, &wanted, live)
            }
            _ => wanted,
        };
        edits.push(target.set(pointer, value));
        let path = change.difference.path.clone();
        match self.adopted.iter_mut().find(|adoption| adoption.resource == finding.resource) {
            Some(adoption) => drop(adoption.paths.insert(path)),
            None => self
                .adopted
                .push(Adoption { resource: finding.resource.clone(), paths: BTreeSet::from([path]) }),
        }
    }
}

const HALF: &str = "something beside it was removed, which drift does not propose, and half of an edit may be what no server \
                    takes: put both into Git, or neither";

/// The place that a change is a part of: the map or list around it.
fn part_of(change: &Change) -> &[Step] {
    change.difference.path.steps().split_last().map_or(&[], |(_, around)| around)
}

/// The places from which something was removed.
fn parts_with_removals(finding: &Finding) -> HashSet<&[Step]> {
    let drifting = finding.changes.iter().filter(|change| change.verdict.is_drift());
    drifting.filter(|change| change.difference.kind == ChangeKind::Removed).map(part_of).collect()
}

/// Why a change is not adopted beside a removal that is not. What was removed and what was added in one place is one edit: a
/// probe by HTTP becomes one by TCP, a port gets another number, a key another name.
fn why_not_alone(change: &Change, root: Field<'_>, removed: &HashSet<&[Step]>) -> Option<String> {
    let part = part_of(change);
    // Keys that anybody may name stand by themselves: only a new one may be an old one's new name.
    let is_new = change.difference.kind == ChangeKind::Added;
    let is_free = || matches!(root.at(part).shape(), Shape::Map);
    (removed.contains(part) && (is_new || !is_free())).then(|| HALF.to_owned())
}

/// Where edits of a plain object go, or why they cannot.
fn place(object: &Desired) -> Result<Target, String> {
    match object.document {
        Some((document, item)) => {
            Ok(Target { document, prefix: item.map(|item| format!("/items/{item}")).unwrap_or_default() })
        }
        None => Err(format!(
            "{} is rendered from {}: set the value in the source that renders it",
            object.id, object.origin.source
        )),
    }
}

/// Why a change is not adopted without a person's decision.
fn why_not(change: &Change) -> Option<String> {
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

fn left(finding: &Finding, change: &Change, why: String) -> Left {
    Left {
        resource: finding.resource.clone(),
        path: Some(change.difference.path.clone()),
        why,
        value: change.difference.live.clone(),
    }
}

fn whole(finding: &Finding) -> Left {
    let why = match finding.state {
        State::Missing if finding.verdict.overdue => {
            "Git declares it since a commit that is not applied: apply it, or revert the commit"
        }
        State::Unmanaged if finding.verdict.overdue => {
            "Git no longer declares it, and nothing pruned it: delete it, or declare it again"
        }
        State::Missing => {
            "Git declares it and the cluster does not have it: apply it again, or take it out of Git"
        }
        State::Unmanaged => {
            "nothing in Git declares it, and where it belongs is not clear: put it into Git, or delete it"
        }
        State::Modified => "Git no longer declares it",
    };
    Left { resource: finding.resource.clone(), path: None, why: why.to_owned(), value: None }
}
