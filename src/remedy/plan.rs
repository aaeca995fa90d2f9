//! What can be adopted, and what is left to a person and why.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;

use super::edits::{Target, loses_variable, merged};
use super::replaced::{How, Replaced, replaced};
use crate::attribution::is_restart;
use crate::model::{
    Cause, Change, ChangeKind, Confidence, Desired, FieldPath, Finding, Manager, ObjectKey, ResourceId,
    State, Step,
};
use crate::schema::{Field, Scalar, Schema, Shape, without_defaults};
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
        match (finding.state, desired(&finding.resource.key())) {
            (State::Modified, Some(object)) => {
                let root = schema(&object.id).kind(&object.id.group, &object.id.version, &object.id.kind);
                plan.object(finding, (object, root));
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

    /// Adopts what a person did to an object, whole, and leaves the rest.
    fn object(&mut self, finding: &Finding, (object, root): (&Desired, Field<'_>)) {
        let drifting = finding.changes.iter().filter(|change| change.verdict.is_drift());
        let drifting: Vec<&Change> = drifting.filter(|change| !is_restart(&change.difference.path)).collect();
        let tools = Tools::of(&drifting);
        let why_not = |change: &Change| {
            let why = why_not(change).filter(|_| !is_taken_out(change, &tools));
            why.or_else(|| overwrites_variable(change, (object, root)).then(|| VARIABLE.to_owned()))
        };
        let (sure, rest): (Vec<&Change>, Vec<&Change>) =
            drifting.into_iter().partition(|change| why_not(change).is_none());
        let alone = Alone::of(&rest, &tools, root);
        let mut whole = Vec::new();
        for change in sure {
            match (alone.why_not(change, root), place(object)) {
                (None, Ok(_)) => whole.push(change),
                (Some(why), _) | (None, Err(why)) => self.left.push(left(finding, change, why)),
            }
        }
        self.left.extend(rest.iter().filter_map(|change| Some(left(finding, change, why_not(change)?))));
        let Ok(target) = place(object) else { return };
        let edits = edits_of(&whole, (object, root), &target);
        self.edits.entry(object.origin.file.clone()).or_default().extend(edits);
        whole.iter().for_each(|change| self.adopt(finding, change));
    }

    fn adopt(&mut self, finding: &Finding, change: &Change) {
        let path = change.difference.path.clone();
        match self.adopted.iter_mut().find(|adoption| adoption.resource == finding.resource) {
            Some(adoption) => drop(adoption.paths.insert(path)),
            None => self
                .adopted
                .push(Adoption { resource: finding.resource.clone(), paths: BTreeSet::from([path]) }),
        }
    }
}

/// Whether a change was removed in the same edit as something that a person changed beyond doubt. A removed field leaves no
/// owner: that they took it out is told by their tool being the last of a person's, and by what it owns.
fn is_taken_out(change: &Change, tools: &Tools<'_>) -> bool {
    change.difference.kind == ChangeKind::Removed
        && change.verdict.cause == Cause::Manual
        && !change.difference.masked
        && tools.have(change)
}

const VARIABLE: &str = "Git has a variable there, which the deployer fills in (`${…}`), and drift never overwrites one: change what \
                        fills it in, or undo it in the cluster";

/// Whether a change would put a live value in the place of a variable.
fn overwrites_variable(change: &Change, (object, root): (&Desired, Field<'_>)) -> bool {
    let Some(declared) = object.value.pointer(&change.difference.desired_pointer) else { return false };
    match (change.difference.kind, wanted(change, root)) {
        (ChangeKind::Added, _) => false,
        (ChangeKind::Modified, Some((wanted, live))) => {
            loses_variable(declared, Some(&merged(declared, &wanted, &live)))
        }
        _ => loses_variable(declared, None),
    }
}

/// The edits that take changes into a document: what is set first, for it moves nothing, then what is taken out, from the
/// end of each list.
fn edits_of(whole: &[&Change], (object, root): (&Desired, Field<'_>), target: &Target) -> Vec<Edit> {
    let replaced = replaced(whole, root);
    let mut edits: Vec<Edit> =
        replaced.iter().flat_map(|one| edits_in_place(one, (object, root), target)).collect();
    let others = whole.iter().filter(|change| !replaced.iter().any(|one| one.has(change)));
    let (removed, set): (Vec<&Change>, Vec<&Change>) =
        others.partition(|change| change.difference.kind == ChangeKind::Removed);
    edits.extend(set.into_iter().filter_map(|change| {
        let (wanted, live) = wanted(change, root)?;
        let pointer = &change.difference.desired_pointer;
        let declared = object.value.pointer(pointer);
        let declared = declared.filter(|_| change.difference.kind == ChangeKind::Modified);
        Some(
            target.set(pointer, declared.map_or(wanted.clone(), |declared| merged(declared, &wanted, &live))),
        )
    }));
    let mut removed = emptied(&removed, (object, root), &edits);
    removed.sort_by_cached_key(|pointer| std::cmp::Reverse(steps_of(pointer)));
    edits.extend(removed.into_iter().map(|pointer| target.remove(pointer)));
    edits
}

/// The pointers to take out: a list, or a map of any keys, goes with the last that it held.
fn emptied<'c>(
    removed: &[&'c Change],
    (object, root): (&Desired, Field<'_>),
    edits: &[Edit],
) -> Vec<&'c str> {
    let mut parts: BTreeMap<&str, Vec<&'c Change>> = BTreeMap::new();
    for change in removed {
        let pointer = change.difference.desired_pointer.as_str();
        parts.entry(pointer.rsplit_once('/').map_or("", |(part, _)| part)).or_default().push(change);
    }
    let all = parts.into_iter().flat_map(|(part, removed)| {
        let holds = match object.value.pointer(part) {
            Some(Value::Array(items)) => items.len(),
            Some(Value::Object(map)) => map.len(),
            _ => 0,
        };
        let is_set = || edits.iter().any(|edit| edit.pointer.contains(&format!("{part}/")));
        let is_collection =
            |change: &&Change| matches!(root.at(part_of(change)).shape(), Shape::List(_) | Shape::Map);
        if holds == removed.len() && removed.first().is_some_and(is_collection) && !is_set() {
            return vec![part];
        }
        removed.into_iter().map(|change| change.difference.desired_pointer.as_str()).collect()
    });
    all.collect()
}

/// A pointer's steps, numbers as such.
fn steps_of(pointer: &str) -> Vec<(Option<usize>, &str)> {
    pointer.split('/').map(|step| (step.parse().ok(), step)).collect()
}

/// A live value without what the server puts there by itself, and with it.
fn wanted(change: &Change, root: Field<'_>) -> Option<(Value, Value)> {
    let live = change.difference.live.clone()?;
    Some((without_defaults(root.at(change.difference.path.steps()), &live), live))
}

/// The edits that put something in the place of something else.
fn edits_in_place(
    replaced: &Replaced<'_>,
    (object, root): (&Desired, Field<'_>),
    target: &Target,
) -> Vec<Edit> {
    let Some((wanted, live)) = wanted(replaced.added, root) else { return Vec::new() };
    let pointer = &replaced.removed.difference.desired_pointer;
    let name = match replaced.added.difference.path.steps().last() {
        Some(Step::Field(name)) => name.clone(),
        _ => String::new(),
    };
    match replaced.how {
        How::Item => {
            let declared = object.value.pointer(pointer).cloned().unwrap_or_default();
            vec![target.set(pointer, merged(&declared, &wanted, &live))]
        }
        How::Key => vec![target.rename(pointer, name)],
        How::Fields => {
            vec![target.rename(pointer, name), target.set(&replaced.added.difference.desired_pointer, wanted)]
        }
    }
}

const HALF: &str = "something else of the object is left to a person, and half of an edit may be what no server takes: put \
                    both into Git, or neither";

/// What a finding leaves to a person that others of its changes cannot do without.
struct Alone<'f> {
    /// Whether something of a type is left: what was removed, or a part of the same edit.
    of_type: bool,
    /// Maps from which a key that anybody may choose was removed.
    keys: HashSet<&'f [Step]>,
}

impl<'f> Alone<'f> {
    fn of(left: &[&'f Change], tools: &Tools<'_>, root: Field<'_>) -> Self {
        let is_removed = |change: &Change| change.difference.kind == ChangeKind::Removed;
        let (free, typed): (Vec<&Change>, Vec<&Change>) =
            left.iter().copied().partition(|change| is_free(change, root));
        let of_type = typed.iter().any(|change| is_removed(change) || tools.have(change));
        let keys = free.into_iter().filter(|change| is_removed(change)).map(part_of).collect();
        Self { of_type, keys }
    }

    /// Why a change is not adopted without what is left: what a type says may be bound together (a Service's type and its
    /// node ports, a limit and its request), and a new key may be an old one's new name.
    fn why_not(&self, change: &Change, root: Field<'_>) -> Option<String> {
        let is_new = change.difference.kind == ChangeKind::Added;
        let is_half = match is_free(change, root) {
            true => is_new && self.keys.contains(part_of(change)),
            false => self.of_type,
        };
        is_half.then(|| HALF.to_owned())
    }
}

/// The tools by which a person changed something of an object beyond doubt.
struct Tools<'f>(Vec<&'f Manager>);

impl<'f> Tools<'f> {
    fn of(drifting: &[&'f Change]) -> Self {
        let sure = drifting.iter().filter(|change| why_not(change).is_none());
        Self(sure.filter_map(|change| change.verdict.manager.as_ref()).collect())
    }

    /// Whether a change is by one of them.
    fn have(&self, change: &Change) -> bool {
        let tool = change.verdict.manager.as_ref();
        tool.is_some_and(|tool| {
            self.0.iter().any(|sure| (&sure.name, &sure.operation) == (&tool.name, &tool.operation))
        })
    }
}

/// Whether a change is in a map of texts whose keys anybody may choose (labels, annotations, data), each by itself; in
/// others, such as limits, a value may be bound to another.
fn is_free(change: &Change, root: Field<'_>) -> bool {
    let field = root.at(part_of(change));
    let of_texts = || root.at(change.difference.path.steps()).shape() == Shape::Scalar(Scalar::Plain);
    field.shape() == Shape::Map && of_texts()
}

/// The place that a change is a part of: the map or list around it.
pub(super) fn part_of(change: &Change) -> &[Step] {
    change.difference.path.steps().split_last().map_or(&[], |(_, around)| around)
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
