//! Objects that nothing in Git declares: which of them did a person make?

use serde_json::Value;

use super::managers::Managers;
use super::owners::{Entry, Owners};
use crate::model::{Cause, Class, Confidence, ResourceId, Verdict};

/// Labels and annotations by which Helm and the GitOps tools mark what they made.
const OTHER_APPLICATIONS: &[(&str, &str)] = &[
    ("labels", "kustomize.toolkit.fluxcd.io/name"),
    ("labels", "helm.toolkit.fluxcd.io/name"),
    ("annotations", "meta.helm.sh/release-name"),
    ("annotations", "argocd.argoproj.io/tracking-id"),
    ("labels", "argocd.argoproj.io/instance"),
    ("labels", "kapp.k14s.io/app"),
    ("annotations", "configmanagement.gke.io/managed"),
    ("annotations", "configsync.gke.io/manager"),
];

/// Kinds that controllers and the server make, unless a person's own tool is on record.
const SYSTEM_KINDS: &[&str] = &[
    "Event",
    "EndpointSlice",
    "Endpoints",
    "Lease",
    "ControllerRevision",
    "ReplicaSet",
    "PodMetrics",
    "IPAddress",
    "ServiceCIDR",
];

/// Who made an object that nothing in Git declares, if a person did; `None` for what controllers, the system, Helm or
/// another GitOps application made (the design's Unmanaged).
#[must_use]
pub fn made_by_hand(id: &ResourceId, live: &Value, managers: &Managers) -> Option<Verdict> {
    if id.namespace.is_none() || is_of_the_system(id, live) || belongs_to_another(live) {
        return None;
    }
    let owners = Owners::writers(live);
    let by_system = is_mostly_the_systems(id, live);
    // Nothing is recorded of an object that was made with metadata alone.
    let Some(maker) = maker(owners.entries(), managers) else {
        return (!by_system).then(Verdict::unknown);
    };
    if by_system && managers.of(maker).class != Class::Human {
        return None;
    }
    let known = managers.of(maker);
    let confidence = match known.class {
        Class::Human => Confidence::High,
        Class::Unknown if known.applier => Confidence::None,
        _ => return None,
    };
    Some(Verdict { cause: Cause::Manual, confidence, manager: Some(maker.manager.clone()), actor: None })
}

/// Who wrote first: an object that an operator made and a person only labelled is the operator's. Of the same second a
/// person comes first, then one who applies manifests.
fn maker<'a>(entries: &'a [Entry], managers: &Managers) -> Option<&'a Entry> {
    let rank = |entry: &Entry| match managers.of(entry) {
        known if known.class == Class::Human => 0,
        known if known.applier => 1,
        _ => 2,
    };
    let whole = entries.iter().filter(|entry| entry.manager.subresource.is_empty());
    whole.min_by_key(|entry| (entry.manager.time.clone(), rank(entry)))
}

fn is_of_the_system(id: &ResourceId, live: &Value) -> bool {
    let name = id.name.as_str();
    let helm_release =
        live.get("type").and_then(Value::as_str).is_some_and(|kind| kind.starts_with("helm.sh/"))
            || name.starts_with("sh.helm.release.");
    matches!(
        (id.kind.as_str(), name),
        ("ConfigMap", "kube-root-ca.crt" | "openshift-service-ca.crt")
            | ("ServiceAccount", "default")
            | ("Service", "kubernetes")
            | ("ResourceQuota", "gke-resource-quotas")
    ) || helm_release
        || live.pointer("/metadata/annotations/control-plane.alpha.kubernetes.io~1leader").is_some()
}

/// Kinds of the system, and tokens of service accounts: told by their annotation, for a metadata-only list has no `type`.
fn is_mostly_the_systems(id: &ResourceId, live: &Value) -> bool {
    let token = id.kind == "Secret"
        && live.pointer("/metadata/annotations/kubernetes.io~1service-account.uid").is_some();
    token || SYSTEM_KINDS.contains(&id.kind.as_str())
}

fn belongs_to_another(live: &Value) -> bool {
    let owned = live
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array)
        .is_some_and(|list| !list.is_empty());
    let metadata = live.get("metadata");
    let marked =
        |(map, key): &(&str, &str)| metadata.and_then(|metadata| metadata.get(map)?.get(key)).is_some();
    let helm =
        metadata.and_then(|metadata| metadata.get("labels")?.get("app.kubernetes.io/managed-by")?.as_str());
    owned || OTHER_APPLICATIONS.iter().any(marked) || helm == Some("Helm")
}
