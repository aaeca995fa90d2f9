//! Reads evidence about objects that differ: workload revisions, mutating webhooks and policies, and the
//! commit that a GitOps tool last applied. Evidence that cannot be read is missing; it is not an error.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::StreamExt;
use serde_json::{Map, Value};

use super::comparison::ComparisonOutcome;
use super::helm_release::{HelmReleases, is_rolled_back};
use super::schemas::Schemas;
use crate::attribution::{BINDING_KIND, MUTATOR_KINDS, MutatedObject, Mutator, ScalePath, WorkloadRevision};
use crate::cluster::Cluster;
use crate::model::{Change, Desired, ResourceId, Rule};

/// Evidence about the objects that differ, by index of the desired object.
#[derive(Default)]
pub(super) struct ClusterEvidence {
    pub(super) revisions: BTreeMap<usize, Vec<WorkloadRevision>>,
    pub(super) mutators: BTreeMap<usize, Vec<Mutator>>,
    /// The commit that the object's root last applied, as its status says.
    pub(super) applied: BTreeMap<usize, String>,
    /// Objects of Helm releases that were rolled back last.
    pub(super) rolled_back: BTreeSet<usize>,
    pub(super) common_labels: BTreeSet<(String, String)>,
    /// Where `/scale` writes into custom resources that it may have written; nothing where their definition says so.
    pub(super) scale_paths: BTreeMap<usize, Option<String>>,
}

/// A deployer's key is common if it is on all objects that it applied, and on at least so many.
const MIN_LABELLED: usize = 2;

impl ClusterEvidence {
    /// Reads the evidence; Helm releases only if Secrets may be read.
    pub(super) async fn read(
        (cluster, skip_secrets): (&Cluster, bool),
        desired: &[Desired],
        schemas: &Schemas,
        compared: &ComparisonOutcome,
    ) -> Self {
        let deployed = |name: &String| compared.deployed.get(name).copied().unwrap_or_default();
        let is_common =
            |(name, _): &(String, String), number: usize| number >= MIN_LABELLED && number == deployed(name);
        let common = compared.deployer_marks.iter().filter(|(mark, number)| is_common(mark, **number));
        Self {
            revisions: read_revisions(cluster, desired, schemas, compared).await,
            mutators: mutators(cluster, desired, compared).await,
            scale_paths: scale_paths(cluster, desired, compared).await,
            applied: applied_revisions(cluster, desired, compared).await,
            rolled_back: if skip_secrets { BTreeSet::new() } else { rolled_back(cluster, compared).await },
            common_labels: common.map(|(mark, _)| mark.clone()).collect(),
        }
    }

    pub(super) fn scale_of(&self, index: usize) -> ScalePath<'_> {
        self.scale_paths.get(&index).map_or(ScalePath::Unknown, |path| ScalePath::Known(path.as_deref()))
    }

    /// The commit that the roots of a source last applied, where they agree: for an object of it that is missing.
    pub(super) fn applied_of_source(&self, desired: &[Desired], source: &str) -> Option<&String> {
        let of_source = self.applied.iter().filter(|(index, _)| desired[**index].origin.source == source);
        let revisions: BTreeSet<&String> = of_source.map(|(_, revision)| revision).collect();
        if revisions.len() == 1 { revisions.into_iter().next() } else { None }
    }
}

/// What the definitions of custom resources say of `/scale`, where that may have written.
async fn scale_paths(
    cluster: &Cluster,
    desired: &[Desired],
    compared: &ComparisonOutcome,
) -> BTreeMap<usize, Option<String>> {
    let mut known: BTreeMap<String, Option<Value>> = BTreeMap::new();
    let mut paths = BTreeMap::new();
    let scaled = |change: &Change| change.verdict.rule == Rule::Scaled;
    for (index, object) in &compared.differing {
        let id = &desired[*index].id;
        if id.is_built_in() || !object.changes.iter().any(scaled) {
            continue;
        }
        let Some(kind) = cluster.api_resources().kind(&id.group, &id.version, &id.kind) else { continue };
        let name = format!("{}.{}", kind.plural, kind.group);
        if !known.contains_key(&name) {
            let crds =
                cluster.api_resources().preferred_version("apiextensions.k8s.io", "CustomResourceDefinition");
            let crd = match crds {
                Some(crds) => cluster.get(crds, None, &name).await.ok().flatten(),
                None => None,
            };
            known.insert(name.clone(), crd);
        }
        let Some(Some(crd)) = known.get(&name) else { continue };
        let versions = crd.pointer("/spec/versions").and_then(Value::as_array).into_iter().flatten();
        let version = versions.into_iter().find(|version| version["name"] == id.version.as_str());
        let path = version.and_then(|version| version.pointer("/subresources/scale/specReplicasPath"));
        paths.insert(*index, path.and_then(Value::as_str).map(str::to_owned));
    }
    paths
}

/// The kind that keeps the revisions of a workload.
fn revision_kind(id: &ResourceId) -> Option<&'static str> {
    match (id.group.as_str(), id.kind.as_str()) {
        ("apps", "Deployment") => Some("ReplicaSet"),
        ("apps", "StatefulSet" | "DaemonSet") => Some("ControllerRevision"),
        _ => None,
    }
}

/// The revisions that are kept of workloads whose template differs.
async fn read_revisions(
    cluster: &Cluster,
    desired: &[Desired],
    schemas: &Schemas,
    compared: &ComparisonOutcome,
) -> BTreeMap<usize, Vec<WorkloadRevision>> {
    let of_template = |change: &Change| change.difference.path.fields().take(2).eq(["spec", "template"]);
    let mut wanted: BTreeMap<(&str, &str), Vec<(usize, &Value)>> = BTreeMap::new();
    for (index, object) in &compared.differing {
        let id = &desired[*index].id;
        if let (Some(kind), Some(namespace)) = (revision_kind(id), &id.namespace)
            && object.changes.iter().any(of_template)
        {
            wanted.entry((kind, namespace)).or_default().push((*index, &object.live));
        }
    }
    let mut found: BTreeMap<usize, Vec<WorkloadRevision>> = BTreeMap::new();
    for ((kind, namespace), workloads) in wanted {
        let Some(kind) = cluster.api_resources().kind("apps", "v1", kind) else { continue };
        let mut pages = cluster.objects(kind, Some(namespace));
        while let Some(Ok(page)) = pages.next().await {
            for revision in &page {
                for (index, live) in &workloads {
                    let object = &desired[*index];
                    let schema = schemas.for_version(&object.id.group, &object.id.version);
                    if let Some(template) = template_of(revision, live) {
                        let kept = WorkloadRevision::new(revision, object, live, &template, schema);
                        found.entry(*index).or_default().push(kept);
                    }
                }
            }
        }
    }
    found
}

/// The template of a ReplicaSet or ControllerRevision of the workload, without what its controller adds.
fn template_of(revision: &Value, workload: &Value) -> Option<Value> {
    let uid = workload.pointer("/metadata/uid")?;
    let owners = revision.pointer("/metadata/ownerReferences")?.as_array()?;
    if !owners.iter().any(|owner| owner.get("uid") == Some(uid)) {
        return None;
    }
    let template = revision.pointer("/spec/template").or_else(|| revision.pointer("/data/spec/template"))?;
    let mut template = template.clone();
    if let Some(map) = template.as_object_mut() {
        map.remove("$patch");
    }
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove("pod-template-hash");
    }
    Some(template)
}

/// The mutating webhooks and policies that match objects with a change that they may explain.
async fn mutators(
    cluster: &Cluster,
    desired: &[Desired],
    compared: &ComparisonOutcome,
) -> BTreeMap<usize, Vec<Mutator>> {
    let open = |change: &Change| matches!(change.verdict.rule, Rule::ApplierOwns | Rule::NoRecord);
    let differing = compared.differing.iter().filter(|(_, object)| object.changes.iter().any(open));
    let differing: Vec<(usize, &Value)> = differing.map(|(index, object)| (*index, &object.live)).collect();
    if differing.is_empty() {
        return BTreeMap::new();
    }
    let bindings = list_all(cluster, BINDING_KIND).await;
    let mut mutators = Vec::new();
    for kind in MUTATOR_KINDS {
        let live = list_all(cluster, *kind).await;
        mutators.extend(live.iter().filter_map(|live| Mutator::new(live, &bindings)));
    }
    if mutators.is_empty() {
        return BTreeMap::new();
    }
    let ids = differing.iter().map(|(index, _)| &desired[*index].id);
    let namespaces = namespaces(cluster, ids).await;
    let matching = differing.into_iter().filter_map(|(index, live)| {
        let id = &desired[index].id;
        let namespace = id.namespace.as_ref().and_then(|name| namespaces.get(name));
        let object = MutatedObject {
            id,
            kind: cluster.api_resources().kind(&id.group, &id.version, &id.kind)?,
            labels: labels(live),
            namespace_labels: namespace.and_then(labels),
        };
        let matching = mutators.iter().filter(|mutator| mutator.matches(object)).cloned();
        Some((index, matching.collect::<Vec<_>>()))
    });
    matching.filter(|(_, mutators)| !mutators.is_empty()).collect()
}

/// Every object of a kind without namespaces; none where the kind is not served or may not be read.
async fn list_all(cluster: &Cluster, (group, kind): (&str, &str)) -> Vec<Value> {
    let Some(kind) = cluster.api_resources().preferred_version(group, kind) else { return Vec::new() };
    let pages: Vec<_> = cluster.objects(kind, None).collect().await;
    pages.into_iter().flat_map(Result::unwrap_or_default).collect()
}

/// The namespaces of these objects, as far as they may be read.
async fn namespaces(cluster: &Cluster, ids: impl Iterator<Item = &ResourceId>) -> BTreeMap<String, Value> {
    let names: BTreeSet<&String> = ids.filter_map(|id| id.namespace.as_ref()).collect();
    let mut found = BTreeMap::new();
    let Some(kind) = cluster.api_resources().kind("", "v1", "Namespace") else { return found };
    for name in names {
        if let Ok(Some(namespace)) = cluster.get(kind, None, name).await {
            found.insert(name.clone(), namespace);
        }
    }
    found
}

fn labels(object: &Value) -> Option<&Map<String, Value>> {
    object.pointer("/metadata/labels").and_then(Value::as_object)
}

/// The objects of releases that Helm rolled back last.
async fn rolled_back(cluster: &Cluster, compared: &ComparisonOutcome) -> BTreeSet<usize> {
    let mut releases = HelmReleases::new(cluster);
    let mut known: BTreeMap<(String, String), bool> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for (index, object) in &compared.differing {
        let text = |key: &str| {
            object.live.get("metadata")?.get("annotations")?.get(key)?.as_str().map(str::to_owned)
        };
        let (Some(name), Some(namespace)) =
            (text("meta.helm.sh/release-name"), text("meta.helm.sh/release-namespace"))
        else {
            continue;
        };
        let release = (namespace, name);
        if !known.contains_key(&release) {
            let newest = releases.read_newest(&release.0, &release.1).await.ok().flatten();
            known.insert(release.clone(), newest.as_ref().is_some_and(is_rolled_back));
        }
        if known.get(&release) == Some(&true) {
            found.insert(*index);
        }
    }
    found
}

/// Where a deployer's object that applied another is: group, kind, namespace, name.
type Root = (&'static str, &'static str, Option<String>, String);

async fn applied_revisions(
    cluster: &Cluster,
    desired: &[Desired],
    compared: &ComparisonOutcome,
) -> BTreeMap<usize, String> {
    let mut known: BTreeMap<Root, Option<String>> = BTreeMap::new();
    let mut applied = BTreeMap::new();
    let siblings = siblings_of_missing(cluster, desired, compared).await;
    let differing = compared.differing.iter().map(|(index, object)| (*index, &object.live));
    for (index, live) in differing.chain(siblings.iter().map(|(index, live)| (*index, live))) {
        let Some(root) = root_of(live) else { continue };
        if !known.contains_key(&root) {
            let revision = applied_revision(cluster, &root).await;
            known.insert(root.clone(), revision);
        }
        if let Some(Some(revision)) = known.get(&root) {
            applied.insert(index, revision.clone());
        }
    }
    applied
}

/// Of each source that has missing objects and none that differs, an object that is there: it names the root of the source.
async fn siblings_of_missing(
    cluster: &Cluster,
    desired: &[Desired],
    compared: &ComparisonOutcome,
) -> Vec<(usize, Value)> {
    let source = |index: &usize| desired[*index].origin.source.as_str();
    let mut wanted: BTreeSet<&str> = compared.missing.keys().map(source).collect();
    let differing: BTreeSet<&str> = compared.differing.keys().map(source).collect();
    wanted.retain(|source| !differing.contains(source));
    let mut found = Vec::new();
    for index in &compared.in_sync {
        if !wanted.remove(source(index)) {
            continue;
        }
        let id = &desired[*index].id;
        let Some(kind) = cluster.api_resources().kind(&id.group, &id.version, &id.kind) else { continue };
        if let Ok(Some(live)) = cluster.get(kind, id.namespace.as_deref(), &id.name).await {
            found.push((*index, live));
        }
    }
    found
}

/// The Flux Kustomization or Argo CD Application that a live object names.
fn root_of(live: &Value) -> Option<Root> {
    let of = |map: &str, key: &str| live.get("metadata")?.get(map)?.get(key)?.as_str().map(str::to_owned);
    if let (Some(name), Some(namespace)) = (
        of("labels", "kustomize.toolkit.fluxcd.io/name"),
        of("labels", "kustomize.toolkit.fluxcd.io/namespace"),
    ) {
        return Some(("kustomize.toolkit.fluxcd.io", "Kustomization", Some(namespace), name));
    }
    let tracked = of("annotations", "argocd.argoproj.io/tracking-id");
    let tracked = tracked.and_then(|id| id.split_once(':').map(|(app, _)| app.to_owned()));
    let app = tracked.or_else(|| of("labels", "argocd.argoproj.io/instance"))?;
    let (namespace, name) = match app.split_once('_') {
        Some((namespace, name)) => (Some(namespace.to_owned()), name.to_owned()),
        None => (None, app),
    };
    Some(("argoproj.io", "Application", namespace, name))
}

async fn applied_revision(cluster: &Cluster, root: &Root) -> Option<String> {
    let (group, kind, namespace, name) = root;
    let kind = cluster.api_resources().preferred_version(group, kind)?;
    let object = match namespace {
        Some(namespace) => cluster.get(kind, Some(namespace), name).await.ok()??,
        None => find_by_name(cluster.objects(kind, None), name).await?,
    };
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    if *group == "argoproj.io" {
        let synced = (text("/status/sync/status") == Some("Synced")).then(|| text("/status/sync/revision"));
        let history = object.pointer("/status/history").and_then(Value::as_array);
        let last = history.and_then(|history| history.last()?.get("revision")?.as_str());
        return commit_of(synced.flatten().or(last)?);
    }
    commit_of(text("/status/lastAppliedRevision")?)
}

/// The only object of a name in all namespaces.
async fn find_by_name(
    mut pages: impl StreamExt<Item = Result<Vec<Value>, crate::cluster::ReadError>> + Unpin,
    name: &str,
) -> Option<Value> {
    let mut found = None;
    while let Some(Ok(page)) = pages.next().await {
        for object in page {
            if object.pointer("/metadata/name").and_then(Value::as_str) == Some(name)
                && found.replace(object).is_some()
            {
                return None;
            }
        }
    }
    found
}

/// The commit of a revision as Flux writes it (`main@sha1:<id>`, before `main/<id>`) or Argo CD (`<id>`).
fn commit_of(revision: &str) -> Option<String> {
    let id = revision.rsplit([':', '/', '@']).next()?;
    let is_id = id.len() == 40 && id.chars().all(|digit| digit.is_ascii_hexdigit());
    is_id.then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::commit_of;

    #[test]
    fn a_revision_names_its_commit() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        for text in [
            id.to_owned(),
            format!("main@sha1:{id}"),
            format!("main/{id}"),
            format!("refs/heads/x@sha1:{id}"),
        ] {
            assert_eq!(commit_of(&text).as_deref(), Some(id), "{text}");
        }
        for text in ["", "main", "v1.2.3", "main@sha1:0123"] {
            assert_eq!(commit_of(text), None, "{text}");
        }
    }
}
