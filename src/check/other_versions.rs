//! Finds fields that were set through another API version, which Git's version cannot show.

use std::collections::BTreeMap;

use serde_json::Value;

use super::comparison::{ComparisonOutcome, DifferingObject};
use super::findings::FindingBuilder;
use crate::attribution::Owners;
use crate::cluster::Cluster;
use crate::model::{
    Cause, Change, ChangeKind, Confidence, Desired, Difference, FieldPath, Finding, ManagerClass,
    PathElement, ResourceId, Rule, Verdict, push_pointer, split_api_version,
};
use crate::schema::{Field, Shape, fill};

/// The changes that only another version shows, by index of the desired object; the objects are kept as differing.
pub(super) async fn read_other_versions(
    cluster: &Cluster,
    judge: &FindingBuilder<'_>,
    compared: &mut ComparisonOutcome,
) -> BTreeMap<usize, Vec<Change>> {
    let mut found = BTreeMap::new();
    for (index, versions) in std::mem::take(&mut compared.other_versions) {
        let desired = &judge.desired[index];
        let is_told = |change: &Change| change.verdict.rule == Rule::OtherVersion;
        let told = compared.differing.get(&index).is_some_and(|object| object.changes.iter().any(is_told));
        if told {
            continue;
        }
        for version in versions {
            let Some(live) = read_at(cluster, &desired.id, &version).await else { continue };
            let changes = hidden_changes(judge, desired, &version, &live);
            if !changes.is_empty() {
                found.entry(index).or_insert_with(Vec::new).extend(changes);
            }
        }
        if found.contains_key(&index) && !compared.differing.contains_key(&index) {
            let version = desired.id.api_version();
            if let Some(live) = read_at(cluster, &desired.id, &version).await {
                compared.in_sync.remove(&index);
                let schema = judge.schemas.for_version(&desired.id.group, &desired.id.version);
                let differences = crate::diff::compare(desired, &live, schema);
                compared.differing.insert(index, DifferingObject { live, differences, changes: Vec::new() });
            }
        }
    }
    found
}

/// The live object at another version of its kind; what cannot be read there is seen at Git's version alone.
async fn read_at(cluster: &Cluster, id: &ResourceId, api_version: &str) -> Option<Value> {
    let (group, version) = split_api_version(api_version);
    if group != id.group {
        return None;
    }
    let kind = cluster.api_resources().kind(group, version, &id.kind)?;
    cluster.get(kind, id.namespace.as_deref(), &id.name).await.ok()?
}

/// What people and unknown writers own at that version, in fields that Git's version does not have.
fn hidden_changes(
    judge: &FindingBuilder<'_>,
    desired: &Desired,
    api_version: &str,
    live: &Value,
) -> Vec<Change> {
    let id = &desired.id;
    let root = judge.schemas.for_version(&id.group, &id.version).kind(&id.group, &id.version, &id.kind);
    let owners = Owners::from_live(live);
    if owners.entries().is_empty() {
        return unrecorded_changes(judge, desired, api_version, live);
    }
    let mut changes: BTreeMap<String, Change> = BTreeMap::new();
    for entry in owners.entries().iter().filter(|entry| entry.manager.api_version == api_version) {
        let known = judge.managers.for_entry(entry);
        if !(known.class == ManagerClass::Human || known.is_unknown())
            || !entry.manager.subresource.is_empty()
        {
            continue;
        }
        for leaf in entry.leaves() {
            let Some(path) = unknown_part(root, &leaf) else { continue };
            let Some(value) = path.find(live) else { continue };
            let verdict = Verdict::new(Cause::Manual, Confidence::Low, Rule::OtherVersion);
            let verdict = verdict.with_manager(Some(&entry.manager));
            changes
                .entry(path.to_string())
                .or_insert_with(|| hidden(desired, api_version, (path, value), verdict));
        }
    }
    changes.into_values().collect()
}

/// What an object that keeps no record of its writers has at that version and Git's version does not know, but for the
/// version's own defaults. Nobody is named.
fn unrecorded_changes(
    judge: &FindingBuilder<'_>,
    desired: &Desired,
    api_version: &str,
    live: &Value,
) -> Vec<Change> {
    let id = &desired.id;
    let schema = judge.schemas.for_version(&id.group, &id.version);
    let (_, other) = split_api_version(api_version);
    let mut unknown = Vec::new();
    let spec = FieldPath::root().join(PathElement::field("spec"));
    unknown_below(schema.kind(&id.group, &id.version, &id.kind), &spec, live.get("spec"), &mut unknown);
    let mut bare = live.clone();
    for (path, _) in &unknown {
        remove(&mut bare, path);
    }
    fill(schema.kind(&id.group, other, &id.kind), &mut bare);
    let is_default = |path: &FieldPath, value: &Value| path.find(&bare) == Some(value);
    let set = unknown.into_iter().filter(|(path, value)| !is_default(path, value));
    set.map(|part| hidden(desired, api_version, part, Verdict::unknown())).collect()
}

/// The outermost fields below `path` that the schema does not know, with their values.
fn unknown_below<'v>(
    root: Field<'_>,
    path: &FieldPath,
    value: Option<&'v Value>,
    found: &mut Vec<(FieldPath, &'v Value)>,
) {
    if !matches!(root.descend(path.elements()).shape(), Shape::Object) {
        return;
    }
    for (name, value) in value.and_then(Value::as_object).into_iter().flatten() {
        let path = path.join(PathElement::field(name));
        if matches!(root.descend(path.elements()).shape(), Shape::Unknown) {
            found.push((path, value));
        } else {
            unknown_below(root, &path, Some(value), found);
        }
    }
}

fn remove(object: &mut Value, path: &FieldPath) {
    let Some((PathElement::Field(name), parents)) = path.elements().split_last() else { return };
    let parent = parents.iter().try_fold(object, |value, step| match step {
        PathElement::Field(name) => value.get_mut(name),
        _ => None,
    });
    if let Some(map) = parent.and_then(Value::as_object_mut) {
        map.remove(name);
    }
}

/// The change of a part that only another version shows.
fn hidden(
    desired: &Desired,
    api_version: &str,
    (path, value): (FieldPath, &Value),
    verdict: Verdict,
) -> Change {
    let declared = desired.id.api_version();
    let note = format!("set at {api_version}; {declared} (in Git) does not have this field");
    Change { difference: added(path, value, note), verdict, origin: Some(desired.origin.clone()) }
}

/// The outermost part of a path below `spec` that the schema of Git's version does not know.
fn unknown_part(root: Field<'_>, path: &FieldPath) -> Option<FieldPath> {
    if path.fields().next() != Some("spec") {
        return None;
    }
    let steps = path.elements();
    let length = (2..=steps.len()).find(|length| {
        let (parent, field) = (root.descend(&steps[..length - 1]), root.descend(&steps[..*length]));
        matches!(parent.shape(), Shape::Object) && matches!(field.shape(), Shape::Unknown)
    })?;
    let only_fields = steps[..length].iter().all(|step| matches!(step, PathElement::Field(_)));
    only_fields.then(|| FieldPath::from(steps[..length].to_vec()))
}

fn added(path: FieldPath, live: &Value, note: String) -> Difference {
    let mut pointer = String::new();
    path.fields().for_each(|field| push_pointer(&mut pointer, field));
    Difference {
        path,
        pointer: pointer.clone(),
        desired_pointer: pointer,
        kind: ChangeKind::Added,
        desired: None,
        live: Some(live.clone()),
        masked: false,
        default: None,
        reordered: false,
        note: Some(note),
        server_set: false,
    }
}

/// Puts these changes into the findings of their objects.
pub(super) fn add_changes(
    findings: &mut Vec<Finding>,
    changes: BTreeMap<usize, Vec<Change>>,
    judge: &FindingBuilder<'_>,
) {
    for (index, changes) in changes {
        let desired = &judge.desired[index];
        let known = findings.iter().position(|finding| finding.resource == desired.id);
        let before = known.map(|at| findings.swap_remove(at).changes).unwrap_or_default();
        let mut all = [before, changes].concat();
        all.sort_by_cached_key(|change| change.difference.path.to_string());
        findings.extend(judge.modified(desired, all));
    }
}
