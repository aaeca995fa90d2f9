//! Plans what can be adopted, and what is left to people and why.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::coupled_changes::{BlockingChanges, PersonTools};
use super::edits::{Subject, build_edits};
use super::reasons::{UnadoptedReason, why_not};
use super::replacements::find_replacements;
use super::target::{EditTarget, has_variable};
use crate::model::{
    Change, ChangeKind, Desired, FieldPath, Finding, ObjectKey, Provenance, ResourceId, State, is_restart,
    substitution,
};
use crate::schema::Schema;
use crate::yaml::Edit;

/// What would be adopted, before it is proven.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Edits of the source files, by path from the root of the repository.
    pub edits: BTreeMap<String, Vec<Edit>>,
    /// The changes that these edits take into Git.
    pub adopted: Vec<AdoptedObject>,
    /// The changes and objects that are left to a person.
    pub unadopted: Vec<Unadopted>,
}

/// The changes of one object that a plan takes into Git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdoptedObject {
    /// The object.
    pub resource: ResourceId,
    /// Where.
    pub paths: BTreeSet<FieldPath>,
}

/// Something that is left to a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Unadopted {
    /// The object.
    pub resource: ResourceId,
    /// The change; `None`: the whole object.
    pub path: Option<FieldPath>,
    /// Why drift does not do it.
    pub why: UnadoptedReason,
    /// The value to put into Git; `None` where there is none to show.
    pub value: Option<Value>,
}

/// Plans the adoption of findings: edits for what a person changed beyond doubt in plain files, reasons for the rest.
/// `desired`, `live` and `schema` answer for an object.
pub fn plan<'a>(
    findings: &[&Finding],
    desired: &dyn Fn(&ObjectKey) -> Option<&'a Desired>,
    live: &dyn Fn(&ObjectKey) -> Option<&'a Value>,
    schema: &dyn Fn(&ResourceId) -> &'a Schema,
) -> Plan {
    let mut plan = Plan::default();
    for finding in findings {
        match (finding.state, desired(&finding.resource.key())) {
            (State::Modified, Some(object)) => {
                let root = schema(&object.id).kind(&object.id.group, &object.id.version, &object.id.kind);
                let live = live(&finding.resource.key()).unwrap_or(&Value::Null);
                plan.object(finding, &Subject { object, root, live });
            }
            _ => plan.unadopted.push(unadopted_object(finding)),
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
    pub(super) fn reject(&mut self, finding: &Finding, why: &UnadoptedReason) {
        self.unadopted.extend(drifting(finding).map(|change| unadopted_change(finding, change, why.clone())));
    }

    /// Adopts what a person did to an object, whole, and leaves the rest.
    fn object(&mut self, finding: &Finding, subject: &Subject<'_>) {
        let Subject { object, root, .. } = *subject;
        let drifting: Vec<&Change> = drifting(finding).collect();
        let tools = PersonTools::from_changes(&drifting);
        let replaced = find_replacements(&drifting, &tools, root);
        let why_not = |change: &Change| {
            let why = why_not(change).filter(|_| !replaced.iter().any(|one| one.is_removal(change)));
            why.or_else(|| overwrites_variable(change, object).then_some(UnadoptedReason::Variable))
        };
        let (sure, rest): (Vec<&Change>, Vec<&Change>) =
            drifting.into_iter().partition(|change| why_not(change).is_none());
        let alone = BlockingChanges::from_unadopted(&rest, &tools, root);
        let target = edit_target(object);
        let mut whole = Vec::new();
        for change in sure {
            // What stands in the place of something is no other key's new name.
            let pair = replaced.iter().find(|one| one.includes(change)).map_or(change, |one| one.removed);
            match alone.why_not(pair, root).or_else(|| target.clone().err()) {
                None => whole.push(change),
                Some(why) => self.unadopted.push(unadopted_change(finding, change, why)),
            }
        }
        self.unadopted.extend(
            rest.iter().filter_map(|change| Some(unadopted_change(finding, change, why_not(change)?))),
        );
        let Ok(target) = target else { return };
        let edits = build_edits((&whole, &replaced), subject, &target);
        self.edits.entry(object.origin.file.clone()).or_default().extend(edits);
        whole.iter().for_each(|change| self.adopt(finding, change));
    }

    fn adopt(&mut self, finding: &Finding, change: &Change) {
        let path = change.difference.path.clone();
        match self.adopted.iter_mut().find(|adoption| adoption.resource == finding.resource) {
            Some(adoption) => drop(adoption.paths.insert(path)),
            None => self
                .adopted
                .push(AdoptedObject { resource: finding.resource.clone(), paths: BTreeSet::from([path]) }),
        }
    }
}

/// The changes of a finding that may be proposed: those in drift, but for the mark of a restart.
fn drifting(finding: &Finding) -> impl Iterator<Item = &Change> {
    let drifting = finding.changes.iter().filter(|change| change.verdict.is_drift());
    drifting.filter(|change| !is_restart(&change.difference.path))
}

/// Whether Git has a variable in what a change would write over or take out: what of the live value fills it in, and what a
/// person changed, nobody can tell.
fn overwrites_variable(change: &Change, object: &Desired) -> bool {
    let pointer = &change.difference.desired_pointer;
    let is_declared = change.difference.kind != ChangeKind::Added;
    let declared = object.value.pointer(pointer).filter(|_| is_declared);
    declared.is_some_and(|declared| substitution::has_variable(pointer) || has_variable(declared))
}

/// Where edits of a plain object go, or why they cannot.
fn edit_target(object: &Desired) -> Result<EditTarget, UnadoptedReason> {
    match object.provenance {
        Provenance::Document { index: document, item } => {
            Ok(EditTarget { document, prefix: item.map(|item| format!("/items/{item}")).unwrap_or_default() })
        }
        Provenance::Rendered => Err(UnadoptedReason::Rendered {
            resource: Box::new(object.id.clone()),
            source_path: object.origin.source.clone(),
        }),
    }
}

fn unadopted_change(finding: &Finding, change: &Change, why: UnadoptedReason) -> Unadopted {
    Unadopted {
        resource: finding.resource.clone(),
        path: Some(change.difference.path.clone()),
        why,
        value: change.difference.live.clone(),
    }
}

fn unadopted_object(finding: &Finding) -> Unadopted {
    let why = UnadoptedReason::of_object(finding.state, finding.verdict.overdue);
    Unadopted { resource: finding.resource.clone(), path: None, why, value: None }
}
