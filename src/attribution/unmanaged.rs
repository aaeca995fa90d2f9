//! Objects that nothing in Git declares: which of them did a person make?
//!
//! Labels and owner references are only claims. They count only if the owner exists and has the
//! object; that is looked up by the caller, with the claims that are given out here.

use serde_json::Value;

use super::managers::Managers;
use super::owners::{ManagedFieldsEntry, Owners};
use crate::model::{Cause, Confidence, ManagerClass, ResourceId, Rule, Verdict, split_api_version};

/// An object that nothing in Git declares, and what it claims to belong to.
#[derive(Debug, Clone, PartialEq)]
pub struct UnmanagedCandidate {
    /// Which object.
    pub resource: ResourceId,
    /// What it is if none of the claims is true.
    pub verdict: Verdict,
    /// What it claims to belong to: one that is true is enough.
    pub claims: Vec<OwnerClaim>,
    /// Whether a deployer created it: trusted if a claim cannot be looked up.
    pub by_deployer: bool,
}

/// What an object claims to belong to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwnerClaim {
    /// An owner reference.
    Owner {
        /// API group; empty for the core group.
        group: String,
        /// API version without the group.
        version: String,
        /// Kind.
        kind: String,
        /// Name.
        name: String,
        /// Uid; empty where none is given, which an existing object of the name satisfies.
        uid: String,
    },
    /// A Helm release.
    HelmRelease {
        /// Namespace of the release.
        namespace: String,
        /// Name of the release.
        name: String,
    },
    /// An Argo CD Application.
    Application {
        /// Namespace, where the mark names one.
        namespace: Option<String>,
        /// Name.
        name: String,
    },
    /// A Flux Kustomization or HelmRelease.
    FluxObject {
        /// `Kustomization` or `HelmRelease`.
        kind: &'static str,
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
    },
    /// A kapp application, by the value of its label.
    KappApp {
        /// Value of the label `kapp.k14s.io/app`.
        label: String,
    },
}

/// Kinds that run programs, give rights or move traffic: there no name of a maker is believed.
const HARMFUL_KINDS: &[&str] = &[
    "Pod",
    "Deployment",
    "DaemonSet",
    "StatefulSet",
    "ReplicaSet",
    "ReplicationController",
    "Job",
    "CronJob",
    "Role",
    "RoleBinding",
    "Service",
    "Endpoints",
    "EndpointSlice",
    "Ingress",
    "NetworkPolicy",
    "ServiceAccount",
    "PodTemplate",
];

/// Which built-in kinds make which harmful ones (kube-controller-manager's controllers, the kubelet's mirror Pods).
const MAKES: &[(&str, &str)] = &[
    ("Deployment", "ReplicaSet"),
    ("ReplicaSet", "Pod"),
    ("ReplicationController", "Pod"),
    ("StatefulSet", "Pod"),
    ("DaemonSet", "Pod"),
    ("Job", "Pod"),
    ("CronJob", "Job"),
    ("Node", "Pod"),
    ("Service", "EndpointSlice"),
    ("Service", "Endpoints"),
    ("Endpoints", "EndpointSlice"),
    ("Gateway", "Service"),
];

/// Whether a kind runs programs, gives rights or moves traffic.
fn is_harmful_kind(id: &ResourceId) -> bool {
    id.is_built_in() && HARMFUL_KINDS.contains(&id.kind.as_str())
}

/// Whether it lies in a namespace of the platform's own: whoever may write there needs no other name to hide.
fn is_platform_namespace(id: &ResourceId) -> bool {
    matches!(id.namespace.as_deref(), Some("kube-system" | "kube-public" | "kube-node-lease"))
}

/// Classifies an unmanaged object by its own metadata; `None` for objects of the system.
#[must_use]
pub fn unmanaged_candidate(id: ResourceId, live: &Value, managers: &Managers) -> Option<UnmanagedCandidate> {
    if id.namespace.is_none() || is_system_object(&id, live) {
        return None;
    }
    let owners = Owners::writers_only(live);
    let created = live.get("metadata").and_then(|metadata| metadata.get("creationTimestamp")?.as_str());
    let maker = find_maker(owners.entries(), created, managers);
    let known = maker.map(|maker| managers.for_entry(maker));
    let by_person = known.is_some_and(|known| known.class == ManagerClass::Human);
    // A controller of the platform, or one that writes a status, may make what does no harm.
    let by_platform = known.is_some_and(|known| known.class == ManagerClass::Platform);
    let by_controller = by_platform || maker.is_some_and(|maker| owners.writes_status(maker));
    if (by_controller && !is_harmful_kind(&id)) || (by_platform && is_platform_namespace(&id)) {
        return None;
    }
    let verdict = match known.map(|known| known.class) {
        None => Verdict::unknown(),
        Some(ManagerClass::Human) => Verdict::new(Cause::Manual, Confidence::High, Rule::Unmanaged),
        Some(ManagerClass::Platform) => Verdict {
            claimed: Some(Cause::Controller),
            ..Verdict::new(Cause::Unknown, Confidence::None, Rule::NameOnly)
        },
        Some(ManagerClass::Gitops | ManagerClass::Unknown) => {
            Verdict::new(Cause::Manual, Confidence::None, Rule::Unmanaged)
        }
    };
    let verdict = verdict.with_manager(maker.map(|maker| &maker.manager));
    let claims = claims(&id, live, (by_person, by_platform));
    let by_deployer = known.is_some_and(|known| known.applier && !by_person);
    Some(UnmanagedCandidate { resource: id, verdict, claims, by_deployer })
}

/// Who wrote first: an object that an operator made and a person only labelled is the operator's. Of the same second a
/// person comes first, then one who applies manifests. What was written before the object was made was written to
/// another one, of which this is a copy.
fn find_maker<'a>(
    entries: &'a [ManagedFieldsEntry],
    created: Option<&str>,
    managers: &Managers,
) -> Option<&'a ManagedFieldsEntry> {
    let rank = |entry: &ManagedFieldsEntry| match managers.for_entry(entry) {
        known if known.class == ManagerClass::Human => 0,
        known if known.applier => 1,
        _ => 2,
    };
    let copied = |entry: &ManagedFieldsEntry| {
        entry.manager.time.as_deref().zip(created).is_some_and(|(at, made)| at < made)
    };
    let whole = entries.iter().filter(|entry| entry.manager.subresource.is_empty());
    whole.min_by_key(|entry| (copied(entry), entry.manager.time.clone(), rank(entry)))
}

/// What every namespace has, told by kind and name, of which there is one each.
fn is_system_object(id: &ResourceId, live: &Value) -> bool {
    let metadata = |map: &str, key: &str| live.get("metadata")?.get(map)?.get(key);
    let release = || {
        let owner = || metadata("labels", "owner").and_then(Value::as_str);
        id.name.starts_with("sh.helm.release.") && owner() == Some("helm")
    };
    let lock = || metadata("annotations", "control-plane.alpha.kubernetes.io/leader").is_some();
    match (id.group.as_str(), id.kind.as_str(), id.name.as_str()) {
        ("", "ConfigMap", "kube-root-ca.crt" | "openshift-service-ca.crt")
        | ("", "ServiceAccount", "default")
        | ("", "Service", "kubernetes")
        | ("", "ResourceQuota", "gke-resource-quotas")
        | ("", "Event", _)
        | ("events.k8s.io", "Event", _)
        | ("coordination.k8s.io", "Lease", _)
        | ("metrics.k8s.io", "PodMetrics", _) => true,
        ("", "Secret" | "ConfigMap", _) if release() => true,
        ("", "ConfigMap" | "Endpoints", _) => lock(),
        _ => false,
    }
}

/// What the object claims to belong to. A person's copy carries the owner references of its original: no claim; and what
/// built-in controllers make of harmful kinds, they make under a name of theirs.
fn claims(id: &ResourceId, live: &Value, (by_person, by_platform): (bool, bool)) -> Vec<OwnerClaim> {
    let mut claims = Vec::new();
    if !by_person {
        let references =
            live.get("metadata").and_then(|metadata| metadata.get("ownerReferences")?.as_array());
        let references = references.into_iter().flatten().filter_map(owner);
        claims.extend(references.filter(|owner| can_make(owner, id, by_platform)));
        claims.extend(implied_owner(id, live));
    }
    claims.extend(label_claims(id, live));
    claims
}

fn owner(reference: &Value) -> Option<OwnerClaim> {
    let text = |key: &str| reference.get(key).and_then(Value::as_str);
    let (group, version) = split_api_version(text("apiVersion")?);
    Some(OwnerClaim::Owner {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: text("kind")?.to_owned(),
        name: text("name")?.to_owned(),
        uid: text("uid")?.to_owned(),
    })
}

/// Whether an owner of this kind makes such objects. Custom kinds make whatever their operator does.
fn can_make(owner: &OwnerClaim, id: &ResourceId, by_platform: bool) -> bool {
    let OwnerClaim::Owner { group, kind, name, .. } = owner else { return false };
    let owner = ResourceId {
        group: group.clone(),
        version: String::new(),
        kind: kind.clone(),
        namespace: None,
        name: name.clone(),
    };
    let by_controller = by_platform && MAKES.contains(&(kind.as_str(), id.kind.as_str()));
    !is_harmful_kind(id) || !owner.is_built_in() || by_controller
}

/// The owner of what controllers make without an owner reference: Endpoints of a Service, the token of an account.
fn implied_owner(id: &ResourceId, live: &Value) -> Option<OwnerClaim> {
    let text = |pointer: &str| live.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let core = |kind: &str, name: String, uid: String| OwnerClaim::Owner {
        group: String::new(),
        version: "v1".to_owned(),
        kind: kind.to_owned(),
        name,
        uid,
    };
    match (id.group.as_str(), id.kind.as_str()) {
        ("", "Endpoints") => Some(core("Service", id.name.clone(), String::new())),
        ("", "Secret") => {
            let name = text("/metadata/annotations/kubernetes.io~1service-account.name")?;
            let uid = text("/metadata/annotations/kubernetes.io~1service-account.uid")?;
            Some(core("ServiceAccount", name, uid))
        }
        _ => None,
    }
}

/// Kind, and the labels with the name and the namespace.
const FLUX_MARKS: [(&str, &str, &str); 2] = [
    ("Kustomization", "kustomize.toolkit.fluxcd.io/name", "kustomize.toolkit.fluxcd.io/namespace"),
    ("HelmRelease", "helm.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/namespace"),
];

/// The marks of Helm and of GitOps tools.
fn label_claims(id: &ResourceId, live: &Value) -> Vec<OwnerClaim> {
    let metadata = live.get("metadata");
    let maps = ["labels", "annotations"].map(|map| metadata?.get(map));
    if maps == [None, None] {
        return Vec::new();
    }
    let of = |map: &str, key: &str| {
        let value = metadata?.get(map)?.get(key)?.as_str()?;
        (!value.is_empty()).then(|| value.to_owned())
    };
    let here = || id.namespace.clone().unwrap_or_default();
    let mut claims = Vec::new();
    if let Some(name) = of("annotations", "meta.helm.sh/release-name") {
        let namespace = of("annotations", "meta.helm.sh/release-namespace").unwrap_or_else(here);
        claims.push(OwnerClaim::HelmRelease { namespace, name });
    } else if of("labels", "app.kubernetes.io/managed-by").as_deref() == Some("Helm")
        && let Some(name) = of("labels", "app.kubernetes.io/instance").or_else(|| of("labels", "release"))
    {
        claims.push(OwnerClaim::HelmRelease { namespace: here(), name });
    }
    for (kind, name, namespace) in FLUX_MARKS {
        if let Some(name) = of("labels", name) {
            let namespace = of("labels", namespace).unwrap_or_else(here);
            claims.push(OwnerClaim::FluxObject { kind, namespace, name });
        }
    }
    let tracked = of("annotations", "argocd.argoproj.io/tracking-id");
    let tracked = tracked.and_then(|id| id.split_once(':').map(|(app, _)| app.to_owned()));
    let instance =
        of("labels", "argocd.argoproj.io/instance").or_else(|| of("labels", "app.kubernetes.io/instance"));
    for app in tracked.into_iter().chain(instance) {
        // Applications in other namespaces are written `NAMESPACE_NAME`.
        let (namespace, name) = match app.split_once('_') {
            Some((namespace, name)) => (Some(namespace.to_owned()), name.to_owned()),
            None => (None, app),
        };
        claims.push(OwnerClaim::Application { namespace, name });
    }
    claims.extend(of("labels", "kapp.k14s.io/app").map(|label| OwnerClaim::KappApp { label }));
    claims
}
