//! Fields that the server or the platform sets (kapp's default rules are the best public list of them).

use serde_json::Value;

use crate::model::{FieldPath, PathElement, ResourceId};

/// Group, kind (`*` for any), path; `[]` stands for an item of a list.
const SERVER_SET_PATHS: &[(&str, &str, &str)] = &[
    ("*", "*", "metadata.finalizers"),
    // Where it is data: the controller writes beside what Git declares of it.
    ("*", "*", "status"),
    ("*", "*", "metadata.ownerReferences"),
    ("*", "*", "metadata.generateName"),
    ("", "Service", "spec.clusterIP"),
    ("", "Service", "spec.clusterIPs"),
    ("", "Service", "spec.ipFamilies"),
    ("", "Service", "spec.ipFamilyPolicy"),
    ("", "Service", "spec.healthCheckNodePort"),
    ("", "Service", "spec.ports[].nodePort"),
    ("", "PersistentVolumeClaim", "spec.volumeName"),
    ("", "PersistentVolumeClaim", "spec.storageClassName"),
    ("", "PersistentVolume", "spec.claimRef"),
    ("", "Namespace", "spec"),
    // TaintNodesByCondition, and the controllers of nodes.
    ("", "Node", "spec.taints"),
    ("", "Node", "spec.podCIDR"),
    ("", "Node", "spec.podCIDRs"),
    ("", "Node", "spec.providerID"),
    ("", "Pod", "spec.nodeName"),
    // ServiceAccount copies them from the account.
    ("", "Pod", "spec.imagePullSecrets"),
    // RuntimeClass.
    ("", "Pod", "spec.overhead"),
    ("", "Pod", "spec.nodeSelector"),
    ("", "Pod", "spec.priorityClassName"),
    // What all containers request (`defaultPodRequests` in pkg/apis/core/v1/defaults.go).
    ("", "Pod", "spec.resources"),
    // PodTopologyLabels, from the node.
    ("", "Pod", "metadata.labels[topology.kubernetes.io/zone]"),
    ("", "Pod", "metadata.labels[topology.kubernetes.io/region]"),
    ("", "Pod", "spec.tolerations"),
    ("", "Pod", "spec.priority"),
    ("", "Pod", "spec.preemptionPolicy"),
    ("", "Pod", "spec.serviceAccount"),
    ("", "Pod", "spec.serviceAccountName"),
    // LimitRanger.
    ("", "Pod", "spec.containers[].resources"),
    ("", "Pod", "spec.initContainers[].resources"),
    ("batch", "Job", "spec.selector"),
    ("batch", "Job", "spec.template.metadata.labels[controller-uid]"),
    ("batch", "Job", "spec.template.metadata.labels[job-name]"),
    ("batch", "Job", "spec.template.metadata.labels[batch.kubernetes.io/controller-uid]"),
    ("batch", "Job", "spec.template.metadata.labels[batch.kubernetes.io/job-name]"),
    ("admissionregistration.k8s.io", "*", "webhooks[].clientConfig.caBundle"),
    ("apiregistration.k8s.io", "APIService", "spec.caBundle"),
    ("apiextensions.k8s.io", "CustomResourceDefinition", "spec.conversion.webhook.clientConfig.caBundle"),
    ("apiextensions.k8s.io", "CustomResourceDefinition", "spec.preserveUnknownFields"),
    // DefaultIngressClass.
    ("networking.k8s.io", "Ingress", "spec.ingressClassName"),
    // `SetDefaults_DeviceTaint` in pkg/apis/resource/v1/defaults.go: the time of the write.
    ("resource.k8s.io", "DeviceTaintRule", "spec.taint.timeAdded"),
    ("resource.k8s.io", "ResourceSlice", "spec.devices[].taints[].timeAdded"),
    ("resource.k8s.io", "ResourceSlice", "spec.devices[].basic.taints[].timeAdded"),
    // Priority.
    ("scheduling.k8s.io", "PodGroup", "spec.priority"),
    ("scheduling.k8s.io", "CompositePodGroup", "spec.priority"),
    ("certificates.k8s.io", "CertificateSigningRequest", "spec.username"),
    ("certificates.k8s.io", "CertificateSigningRequest", "spec.groups"),
    ("certificates.k8s.io", "CertificateSigningRequest", "spec.uid"),
    ("certificates.k8s.io", "CertificateSigningRequest", "spec.extra"),
];

/// Labels and annotations of deployers and controllers; a trailing `*` matches any ending.
const BOOKKEEPING: &[&str] = &[
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/*",
    "kubernetes.io/limit-ranger",
    "controller-uid",
    "job-name",
    "batch.kubernetes.io/*",
    "control-plane.alpha.kubernetes.io/leader",
    "endpoints.kubernetes.io/*",
    "endpointslice.kubernetes.io/*",
    "autoscaling.alpha.kubernetes.io/*",
    "pv.kubernetes.io/*",
    "volume.beta.kubernetes.io/*",
    "volume.kubernetes.io/*",
    "argocd.argoproj.io/*",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "kustomize.toolkit.fluxcd.io/*",
    "helm.toolkit.fluxcd.io/*",
    "meta.helm.sh/*",
    "kapp.k14s.io/*",
    "configmanagement.gke.io/*",
    "configsync.gke.io/*",
    "openshift.io/*",
];

/// Whether the server or the platform may put something at `path` that Git does not declare.
#[must_use]
pub fn is_server_set(id: &ResourceId, path: &FieldPath) -> bool {
    if let [PathElement::Field(metadata), PathElement::Field(map), PathElement::Field(key)] = path.elements()
        && metadata == "metadata"
        && (map == "annotations" || map == "labels")
    {
        let of_a_deployer = BOOKKEEPING.iter().any(|pattern| matches_key(pattern, key));
        return of_a_deployer || rules(id).any(|place| matches(place, path));
    }
    if id.kind == "Pod" && id.group.is_empty() && is_token_volume(path) {
        return true;
    }
    rules(id).any(|place| matches(place, path))
}

/// Whether the server chose the value by another image: it sets the pull policy when it makes a container and keeps it
/// when the image changes.
pub(super) fn is_older_default(path: &FieldPath, live: Option<&Value>) -> bool {
    let of_image = match path.elements() {
        [.., PathElement::Field(list), PathElement::Key(_), PathElement::Field(field)] => {
            let lists = ["containers", "initContainers", "ephemeralContainers"];
            lists.contains(&list.as_str()) && field == "imagePullPolicy"
        }
        [
            ..,
            PathElement::Field(list),
            PathElement::Key(_),
            PathElement::Field(image),
            PathElement::Field(field),
        ] => list == "volumes" && image == "image" && field == "pullPolicy",
        _ => false,
    };
    of_image && matches!(live.and_then(Value::as_str), Some("Always" | "IfNotPresent"))
}

/// Whether some place below `path` is one that the server fills: such a map is looked at key by key,
/// as labels and annotations always are.
pub(super) fn contains_server_set(id: &ResourceId, path: &FieldPath) -> bool {
    if let [.., PathElement::Field(parent), PathElement::Field(last)] = path.elements()
        && (last == "metadata" || (parent == "metadata" && (last == "labels" || last == "annotations")))
    {
        return true;
    }
    let here = text(path);
    let is_below = |place: &str| place.strip_prefix(&here).is_some_and(|rest| rest.starts_with(['.', '[']));
    rules(id).any(is_below)
}

fn rules(id: &ResourceId) -> impl Iterator<Item = &'static str> {
    SERVER_SET_PATHS
        .iter()
        .filter(|(group, kind, _)| {
            (*group == "*" || *group == id.group) && (*kind == "*" || *kind == id.kind)
        })
        .map(|(_, _, place)| *place)
}

fn matches(place: &str, path: &FieldPath) -> bool {
    let here = text(path);
    here.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The path in the notation of [`SERVER_SET_PATHS`].
fn text(path: &FieldPath) -> String {
    let mut text = String::new();
    for step in path.elements() {
        match step {
            PathElement::Field(name)
                if name.contains(['/', '.']) || name.contains("-uid") || name == "job-name" =>
            {
                text.push('[');
                text.push_str(name);
                text.push(']');
            }
            PathElement::Field(name) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(name);
            }
            _ => text.push_str("[]"),
        }
    }
    text
}

fn matches_key(pattern: &str, key: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => key.starts_with(prefix),
        None => pattern == key,
    }
}

/// Whether the system keeps this item in a list of an object: the taints that tell the state of a node, and the tokens
/// of a ServiceAccount (by older token controllers, and by OpenShift for its registry).
pub(super) fn is_system_list_item(id: &ResourceId, path: &FieldPath, item: &Value) -> bool {
    let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
    let fields: Vec<&str> = path.fields().collect();
    match (id.group.as_str(), id.kind.as_str(), fields.as_slice()) {
        ("", "Node", ["spec", "taints"]) => ["node.kubernetes.io/", "node.cloudprovider.kubernetes.io/"]
            .iter()
            .any(|prefix| text("key").starts_with(prefix)),
        ("", "ServiceAccount", ["secrets" | "imagePullSecrets"]) => {
            let rest = text("name").strip_prefix(id.name.as_str()).unwrap_or_default();
            rest.starts_with("-token-") || rest.starts_with("-dockercfg-")
        }
        _ => false,
    }
}

/// Whether what live has at `path` is nothing but such items, or one of them.
pub(super) fn is_system_item(id: &ResourceId, path: &FieldPath, live: Option<&Value>) -> bool {
    match live {
        Some(Value::Array(items)) => {
            !items.is_empty() && items.iter().all(|item| is_system_list_item(id, path, item))
        }
        Some(item) => is_system_list_item(id, path, item),
        None => false,
    }
}

/// Whether the server's or a controller's items stand beside those of others in a list here: owners, the token volume of a
/// Pod and its mounts.
pub(super) fn accepts_server_items(id: &ResourceId, path: &FieldPath) -> bool {
    if path.fields().eq(["metadata", "ownerReferences"]) {
        return true;
    }
    let list = path.elements().last();
    let of_volumes =
        matches!(list, Some(PathElement::Field(name)) if name == "volumes" || name == "volumeMounts");
    id.kind == "Pod" && id.group.is_empty() && of_volumes
}

/// The token volume and its mounts that admission adds to a Pod.
fn is_token_volume(path: &FieldPath) -> bool {
    path.elements().iter().any(|step| match step {
        PathElement::Key(keys) => keys.iter().any(|(key, value)| {
            let text = value.as_str().unwrap_or_default();
            (key == "name" && text.starts_with("kube-api-access-"))
                || (key == "mountPath" && text == "/var/run/secrets/kubernetes.io/serviceaccount")
        }),
        _ => false,
    })
}
