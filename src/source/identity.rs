//! Which object each draft is: served kinds, namespaces, hooks, and objects that are declared twice.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use serde_json::Value;

use super::encrypted;
use super::object_header::ObjectHeader;
use super::objects::first_of;
use super::output::{RenderedObject, SourceKind, SourceOutput};
use super::request::{RenderOutput, RenderRequest, RenderedSource};
use super::resolved::namespace_of;
use crate::model::{
    AbsenceReason, ApiResource, ApiResourceIndex, Desired, Incomplete, MissingField, Origin, ResourceId,
    is_secret, is_valid_secret_field, join_api_version, push_pointer,
};
use crate::threads;

/// Turns what the sources gave, in their order, into desired objects.
pub(super) fn identify(request: &RenderRequest<'_>, gathered: Vec<SourceOutput>) -> RenderOutput {
    let crds = declared_crds(&gathered);
    let mut rendered = RenderOutput::default();
    let count = gathered.iter().map(|gathered| gathered.drafts.len()).sum();
    let (served, mut seen) = (request.served.index(), DuplicateIndex::new(count));
    rendered.objects.reserve_exact(count);
    for (source, gathered) in request.sources.iter().zip(gathered) {
        let namespace = namespace_of(request, source);
        let (kind, tool) = (gathered.kind, gathered.tool.clone());
        let root = source.root.as_ref().map(|root| &root.object);
        let step = Identify { request, kind, root, served: &served, namespace, crds: &crds };
        let before = (rendered.objects.len(), rendered.incomplete.len());
        step.source(&source.path, gathered, &mut rendered, &mut seen);
        rendered.sources.push(RenderedSource {
            path: source.path.clone(),
            kind,
            root: root.cloned(),
            incomplete: rendered.incomplete[before.1..].to_vec(),
            objects: rendered.objects.len() - before.0,
            tool,
        });
    }
    rendered.objects = sorted(rendered.objects);
    rendered.incomplete = rendered.incomplete.into_iter().map(Incomplete::shortened).collect();
    rendered
}

/// The objects by id. They are large, and moved once.
fn sorted(objects: Vec<Desired>) -> Vec<Desired> {
    let mut order: Vec<usize> = (0..objects.len()).collect();
    threads::sort_by(&mut order, |left, right| objects[*left].id.cmp(&objects[*right].id));
    let mut objects: Vec<Option<Desired>> = objects.into_iter().map(Some).collect();
    let mut sorted = Vec::with_capacity(objects.len());
    sorted.extend(order.into_iter().filter_map(|at| objects[at].take()));
    sorted
}

/// Group and kind to the place of the CRD that declares them.
type Crds = BTreeMap<(String, String), String>;

fn declared_crds(gathered: &[SourceOutput]) -> Crds {
    let drafts = gathered.iter().flat_map(|source| &source.drafts);
    drafts.filter_map(|(head, draft)| Some((head.defines.clone()?, draft.place()))).collect()
}

/// Names of files of other programs, so that a manifest which is taken for one is missed by somebody.
fn foreign_documents_warning(path: &str, places: &[String]) -> Option<String> {
    let warning =
        || format!("{path} has documents that are not manifests (skipped): {}", first_of(places, 3));
    (!places.is_empty()).then(warning)
}

struct Identify<'a> {
    request: &'a RenderRequest<'a>,
    kind: SourceKind,
    /// The GitOps object that applies the source.
    root: Option<&'a Arc<ResourceId>>,
    served: &'a ApiResourceIndex<'a>,
    namespace: &'a str,
    crds: &'a Crds,
}

/// A declared object that is not compared.
struct Unidentified {
    incomplete: Incomplete,
    /// Its API group, where the cluster does not serve its kind.
    unserved: Option<String>,
}

impl From<Incomplete> for Unidentified {
    fn from(incomplete: Incomplete) -> Self {
        Self { incomplete, unserved: None }
    }
}

impl Identify<'_> {
    fn source(
        &self,
        path: &str,
        gathered: SourceOutput,
        rendered: &mut RenderOutput,
        seen: &mut DuplicateIndex,
    ) {
        rendered.warnings.extend(gathered.warnings);
        rendered.incomplete.extend(gathered.incomplete);
        rendered.left_out.extend(gathered.left_out);
        let mut others = gathered.foreign_documents;
        for nameless in gathered.nameless {
            // A file of another program, such as a kubeconfig, or a manifest that lacks its name.
            if self.request.served.preferred_version(&nameless.group, &nameless.kind).is_none() {
                others.push(nameless.place);
            } else {
                rendered.incomplete.push(Incomplete { what: nameless.place, why: nameless.why });
            }
        }
        rendered.warnings.extend(foreign_documents_warning(path, &others));
        let mut hooks = BTreeSet::new();
        for (head, mut draft) in gathered.drafts {
            let is_hook = head.hook.is_hook();
            if is_hook && self.is_left_out(&head) {
                hooks.extend(head.id.as_ref().ok().map(ToString::to_string));
                self.skip_hook(head, rendered);
                continue;
            }
            draft.optional = if is_hook { Some(AbsenceReason::Hook) } else { draft.optional };
            match self.desired(head.id, draft) {
                Ok(desired) => add_object(desired, rendered, seen),
                Err(unidentified) => {
                    rendered.unserved.extend(unidentified.unserved);
                    rendered.incomplete.push(unidentified.incomplete);
                }
            }
        }
        if !hooks.is_empty() {
            let count = hooks.len();
            let hooks = if count == 1 { "hook is" } else { "hooks are" };
            rendered.warnings.push(format!("{count} {hooks} not compared in {path}: hooks come and go"));
        }
    }

    /// Whether a hook cannot be compared: Helm keeps no account of its own, another deployer makes a name up each time,
    /// and what the cluster does not serve is not live.
    fn is_left_out(&self, head: &ObjectHeader) -> bool {
        let is_served = |id: &ResourceId| self.served.kind(&id.group, &id.version, &id.kind).is_some();
        let by_helm = self.kind == SourceKind::Helm && head.hook.helm;
        by_helm || head.is_generated || !head.id.as_ref().is_ok_and(is_served)
    }

    /// Keeps the key of a hook that is not compared, for what it makes is not unmanaged.
    fn skip_hook(&self, head: ObjectHeader, rendered: &mut RenderOutput) {
        let Ok(mut id) = head.id else { return };
        let Some(served) = self.served.kind(&id.group, &id.version, &id.kind) else { return };
        self.resolve(&mut id, served);
        let hooks = &mut rendered.hooks;
        let known = if head.is_generated { &mut hooks.generated } else { &mut hooks.named };
        known.insert(id.key());
    }

    fn resolve(&self, id: &mut ResourceId, served: &ApiResource) {
        let own = id.namespace.take();
        id.namespace = served.namespaced.then(|| own.unwrap_or_else(|| self.namespace.to_owned()));
    }

    fn desired(
        &self,
        id: Result<ResourceId, MissingField>,
        draft: RenderedObject,
    ) -> Result<Desired, Unidentified> {
        let lacks = |why: String| Incomplete { what: draft.place(), why };
        let mut id = id.map_err(|field| lacks(format!("no {field}")))?;
        let Some(served) = self.served.kind(&id.group, &id.version, &id.kind) else {
            let incomplete = lacks(self.why_not_served(&id));
            return Err(Unidentified { incomplete, unserved: Some(id.group) });
        };
        self.resolve(&mut id, served);
        if let Some(what) = is_secret(&id).then(|| misplaced_key_note(&draft)).flatten() {
            return Err(Incomplete { what, why: MISPLACED_KEY.to_owned() }.into());
        }
        let mut unstable = draft.nondeterministic;
        if is_secret(&id) {
            // `stringData` is compared as the data that the server makes of it.
            let plain = unstable.iter().filter_map(|leaf| leaf.strip_prefix("/stringData/"));
            unstable.extend(plain.map(|key| format!("/data/{key}")).collect::<Vec<_>>());
        }
        Ok(Desired {
            id,
            value: draft.value,
            origin: Origin { root: self.root.cloned(), ..draft.origin },
            fields: draft.fields,
            provenance: draft.provenance,
            notes: draft.notes,
            nondeterministic: unstable,
            optional: draft.optional,
        })
    }

    fn why_not_served(&self, id: &ResourceId) -> String {
        if let Some(why) = encrypted::hidden_kind(id) {
            return why.to_owned();
        }
        let (kind, version) = (&id.kind, id.api_version());
        if let Some(other) = self.served_elsewhere(id) {
            let other = join_api_version(&other.group, &other.version);
            return format!(
                "{kind} {}: the cluster does not serve {version}; it serves {other}: change apiVersion in Git",
                id.name
            );
        }
        let name = &id.name;
        match self.crds.get(&(id.group.clone(), kind.clone())) {
            Some(place) => format!(
                "{kind} {name}: the cluster does not serve {version} yet; its CRD is declared at {place} and not installed"
            ),
            None => format!("{kind} {name}: the cluster does not serve {version} (is its CRD installed?)"),
        }
    }

    /// The same kind at another version, or in the group that it moved to.
    fn served_elsewhere(&self, id: &ResourceId) -> Option<&ApiResource> {
        let served = self.request.served;
        served
            .preferred_version(&id.group, &id.kind)
            .or_else(|| served.preferred_version(moved_to(&id.group, &id.kind)?, &id.kind))
    }
}

/// The group that a kind of `extensions` (served until Kubernetes 1.21) lives in now; PodSecurityPolicy is gone.
fn moved_to(group: &str, kind: &str) -> Option<&'static str> {
    match (group, kind) {
        ("extensions", "Ingress" | "NetworkPolicy") => Some("networking.k8s.io"),
        ("extensions", "Deployment" | "DaemonSet" | "ReplicaSet") => Some("apps"),
        _ => None,
    }
}

/// The objects so far, by their index among the rendered ones.
struct DuplicateIndex {
    indexes: HashTable<usize>,
    hasher: RandomState,
}

impl DuplicateIndex {
    fn new(count: usize) -> Self {
        Self { indexes: HashTable::with_capacity(count), hasher: RandomState::new() }
    }

    /// The index of the same object among these; where there is none, it will be the next of them.
    fn find_or_insert(&mut self, id: &ResourceId, objects: &[Desired]) -> Option<usize> {
        let hash = |id: &ResourceId| self.hasher.hash_one(id.key_ref());
        let is_same = |index: &usize| objects[*index].id.key_ref() == id.key_ref();
        match self.indexes.entry(hash(id), is_same, |index| hash(&objects[*index].id)) {
            Entry::Occupied(first) => Some(*first.get()),
            Entry::Vacant(free) => {
                free.insert(objects.len());
                None
            }
        }
    }
}

/// Keeps the first declaration of an object among the objects, and every other apart.
fn add_object(desired: Desired, rendered: &mut RenderOutput, seen: &mut DuplicateIndex) {
    if seen.find_or_insert(&desired.id, &rendered.objects).is_none() {
        rendered.objects.push(desired);
    } else {
        rendered.duplicates.push(desired);
    }
}

const MISPLACED_KEY: &str = "not a valid key of a Secret: a typo, or a value with wrong indentation";

/// Where a Secret has what none can have: a part of a value may be a key there, and keys are shown.
fn misplaced_key_note(draft: &RenderedObject) -> Option<String> {
    let nested = ["metadata", "data", "stringData"].into_iter();
    let nested = nested.flat_map(|top| keys(draft.value.get(top)).map(move |key| vec![top, key]));
    let mut places = keys(Some(&draft.value)).map(|key| vec![key]).chain(nested);
    let place = places.find(|place| !is_valid_secret_field(place))?;
    let mut pointer = String::new();
    place.iter().for_each(|key| push_pointer(&mut pointer, key));
    let place =
        draft.fields.get(&pointer).map(|place| Origin { location: Some(place), ..draft.origin.clone() });
    Some(place.unwrap_or_else(|| draft.origin.clone()).to_string())
}

fn keys(value: Option<&Value>) -> impl Iterator<Item = &str> {
    value.and_then(Value::as_object).into_iter().flat_map(|map| map.keys().map(String::as_str))
}
