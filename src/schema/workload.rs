//! Defaults that depend on other fields of the same type (`pkg/apis/<group>/<version>/defaults.go`).

use serde_json::{Value, json};

use super::field_map::{FieldMap, copy, default, text};
use super::pod;

/// Puts into `map`, a value of the built-in type `name` (`core.v1.Container`), what depends on its other fields.
pub(super) fn fill(name: &str, map: &mut FieldMap) {
    match name {
        "core.v1.Container" | "core.v1.EphemeralContainer" => container(map),
        "core.v1.PodSpec" => service_account_alias(map),
        "core.v1.Pod" => pod::fill(map),
        "core.v1.Volume" => volume(map),
        "core.v1.ServiceSpec" => service(map),
        "core.v1.ServicePort" => copy(map, "port", "targetPort"),
        "core.v1.PersistentVolumeClaim" => data_source(map),
        "core.v1.Namespace" => namespace(map),
        "core.v1.LimitRangeItem" => limit_range(map),
        "core.v1.ReplicationController" => template_labels(map, true),
        "apps.v1.DeploymentStrategy" => rolling(map, json!({"maxUnavailable": "25%", "maxSurge": "25%"})),
        "apps.v1.DaemonSetUpdateStrategy" => rolling(map, json!({"maxUnavailable": 1, "maxSurge": 0})),
        "apps.v1.StatefulSetUpdateStrategy" => rolling(map, json!({"partition": 0, "maxUnavailable": 1})),
        "apps.v1.StatefulSetSpec" => claim_templates(map),
        "batch.v1.Job" => job(map),
        "rbac.v1.Subject" => subject(map),
        "resource.v1.ExactDeviceRequest"
        | "resource.v1.DeviceSubRequest"
        | "resource.v1beta2.ExactDeviceRequest"
        | "resource.v1beta2.DeviceSubRequest"
        | "resource.v1beta1.DeviceRequest"
        | "resource.v1beta1.DeviceSubRequest" => device_request(map),
        "autoscaling.v2.HorizontalPodAutoscalerSpec" => autoscaler(map),
        "networking.v1.NetworkPolicySpec" => policy_types(map),
        "flowcontrol.v1.LimitResponse" => limit_response(map),
        "apiextensions.v1.CustomResourceDefinitionNames" => names(map),
        _ => {}
    }
}

/// Always for the tag `latest` and for no tag and digest at all, else IfNotPresent.
pub(super) fn pull_policy(image: &str) -> &'static str {
    let (reference, digest) =
        image.split_once('@').map_or((image, false), |(reference, _)| (reference, true));
    let last = reference.rsplit('/').next().unwrap_or(reference);
    match last.split_once(':') {
        Some((_, "latest")) => "Always",
        None if !digest => "Always",
        _ => "IfNotPresent",
    }
}

fn container(map: &mut FieldMap) {
    if let Some(policy) = text(map, "image").map(pull_policy) {
        default(map, "imagePullPolicy", json!(policy));
    }
}

fn service_account_alias(map: &mut FieldMap) {
    copy(map, "serviceAccountName", "serviceAccount");
    copy(map, "serviceAccount", "serviceAccountName");
    let host_network = map.get("hostNetwork").and_then(Value::as_bool) == Some(true);
    for list in ["containers", "initContainers"] {
        for container in map.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            for port in container.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
                if let (true, Some(port)) = (host_network, port.as_object_mut()) {
                    copy(port, "containerPort", "hostPort");
                }
            }
        }
    }
}

fn volume(map: &mut FieldMap) {
    if map.keys().all(|key| key == "name") {
        map.insert("emptyDir".to_owned(), json!({}));
    }
    if let Some(image) = map.get_mut("image").and_then(Value::as_object_mut)
        && let Some(policy) = text(image, "reference").map(pull_policy)
    {
        default(image, "pullPolicy", json!(policy));
    }
}

fn service(map: &mut FieldMap) {
    let kind = text(map, "type").unwrap_or("ClusterIP").to_owned();
    let external_ips = map.get("externalIPs").and_then(Value::as_array).is_some_and(|ips| !ips.is_empty());
    let balanced = kind == "LoadBalancer";
    if balanced || kind == "NodePort" || (kind == "ClusterIP" && external_ips) {
        default(map, "externalTrafficPolicy", json!("Cluster"));
    }
    if kind != "ExternalName" {
        default(map, "internalTrafficPolicy", json!("Cluster"));
    }
    if balanced {
        default(map, "allocateLoadBalancerNodePorts", json!(true));
    }
    let timeout =
        map.get("sessionAffinityConfig").and_then(|config| config.pointer("/clientIP/timeoutSeconds"));
    if text(map, "sessionAffinity") == Some("ClientIP") && timeout.is_none() {
        map.insert("sessionAffinityConfig".to_owned(), json!({"clientIP": {"timeoutSeconds": 10800}}));
    }
}

fn namespace(map: &mut FieldMap) {
    default(map, "spec", json!({}));
    let Some(metadata) = map.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let Some(name) = metadata.get("name").cloned() else { return };
    default(metadata, "labels", json!({}));
    if let Some(labels) = metadata.get_mut("labels").and_then(Value::as_object_mut) {
        default(labels, "kubernetes.io/metadata.name", name);
    }
}

fn limit_range(map: &mut FieldMap) {
    if text(map, "type") != Some("Container") {
        return;
    }
    for (from, to) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")] {
        let Some(limits) = map.get(from).and_then(Value::as_object).cloned() else { continue };
        default(map, to, json!({}));
        if let Some(target) = map.get_mut(to).and_then(Value::as_object_mut) {
            limits.into_iter().for_each(|(key, value)| default(target, &key, value));
        }
    }
}

/// The object's labels, and the selector where the kind defaults it, come from the template.
fn template_labels(map: &mut FieldMap, with_selector: bool) {
    let labels = map.get("spec").and_then(|spec| spec.pointer("/template/metadata/labels")).cloned();
    let Some(labels) = labels else { return };
    let empty = |value: Option<&Value>| value.and_then(Value::as_object).is_none_or(FieldMap::is_empty);
    if let Some(metadata) = map.get_mut("metadata").and_then(Value::as_object_mut)
        && empty(metadata.get("labels"))
    {
        metadata.insert("labels".to_owned(), labels.clone());
    }
    if let (true, Some(spec)) = (with_selector, map.get_mut("spec").and_then(Value::as_object_mut))
        && empty(spec.get("selector"))
    {
        spec.insert("selector".to_owned(), labels);
    }
}

fn rolling(map: &mut FieldMap, values: Value) {
    if text(map, "type") != Some("RollingUpdate") {
        return;
    }
    default(map, "rollingUpdate", json!({}));
    let Some(rolling) = map.get_mut("rollingUpdate").and_then(Value::as_object_mut) else { return };
    for (key, value) in values.as_object().into_iter().flatten() {
        default(rolling, key, value.clone());
    }
}

/// The server writes kind, version and phase of a StatefulSet's claim templates.
fn claim_templates(map: &mut FieldMap) {
    for claim in map.get_mut("volumeClaimTemplates").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(claim) = claim.as_object_mut() else { continue };
        default(claim, "apiVersion", json!("v1"));
        default(claim, "kind", json!("PersistentVolumeClaim"));
        // A template that was copied from a live object has an empty one.
        if claim.get("status").and_then(Value::as_object).is_none_or(FieldMap::is_empty) {
            claim.insert("status".to_owned(), json!({"phase": "Pending"}));
        }
    }
}

fn job(map: &mut FieldMap) {
    template_labels(map, false);
    let Some(spec) = map.get_mut("spec").and_then(Value::as_object_mut) else { return };
    match (spec.contains_key("completions"), spec.contains_key("parallelism")) {
        (false, false) => {
            default(spec, "completions", json!(1));
            default(spec, "parallelism", json!(1));
        }
        (true, false) => default(spec, "parallelism", json!(1)),
        _ => {}
    }
    // With a limit for each index there is none for all of them.
    let backoff = if spec.contains_key("backoffLimitPerIndex") { json!(i32::MAX) } else { json!(6) };
    let replacement = if spec.contains_key("podFailurePolicy") { "Failed" } else { "TerminatingOrFailed" };
    for (key, value) in [
        ("backoffLimit", backoff),
        ("completionMode", json!("NonIndexed")),
        ("suspend", json!(false)),
        ("manualSelector", json!(false)),
        ("podReplacementPolicy", json!(replacement)),
    ] {
        default(spec, key, value);
    }
}

fn subject(map: &mut FieldMap) {
    // That of an account is empty, and left out.
    if let Some("User" | "Group") = text(map, "kind") {
        default(map, "apiGroup", json!("rbac.authorization.k8s.io"));
    }
}

/// A request of v1beta1 that names no class has alternatives in its place.
fn device_request(map: &mut FieldMap) {
    if text(map, "deviceClassName").is_none_or(str::is_empty) {
        return;
    }
    default(map, "allocationMode", json!("ExactCount"));
    if text(map, "allocationMode") == Some("ExactCount") {
        default(map, "count", json!(1));
    }
}

/// Either of both names of a claim's source is copied to the other (`NormalizeDataSources` in
/// pkg/api/persistentvolumeclaim/util.go); a source of another namespace has the newer one only.
fn data_source(map: &mut FieldMap) {
    let Some(spec) = map.get_mut("spec").and_then(Value::as_object_mut) else { return };
    copy(spec, "dataSource", "dataSourceRef");
    let namespace = spec.get("dataSourceRef").and_then(|source| source.get("namespace")?.as_str());
    if namespace.is_none_or(str::is_empty) {
        copy(spec, "dataSourceRef", "dataSource");
    }
}

fn autoscaler(map: &mut FieldMap) {
    let empty = map.get("metrics").and_then(Value::as_array).is_none_or(Vec::is_empty);
    if empty {
        let target = json!({"type": "Utilization", "averageUtilization": 80});
        map.insert(
            "metrics".to_owned(),
            json!([{"type": "Resource", "resource": {"name": "cpu", "target": target}}]),
        );
    }
    let Some(behavior) = map.get_mut("behavior").and_then(Value::as_object_mut) else { return };
    let percent = json!({"type": "Percent", "value": 100, "periodSeconds": 15});
    let pods = json!({"type": "Pods", "value": 4, "periodSeconds": 15});
    default(behavior, "scaleUp", json!({}));
    default(behavior, "scaleDown", json!({}));
    if let Some(up) = behavior.get_mut("scaleUp").and_then(Value::as_object_mut) {
        default(up, "stabilizationWindowSeconds", json!(0));
        default(up, "selectPolicy", json!("Max"));
        default(up, "policies", json!([pods, percent.clone()]));
    }
    if let Some(down) = behavior.get_mut("scaleDown").and_then(Value::as_object_mut) {
        default(down, "selectPolicy", json!("Max"));
        default(down, "policies", json!([percent]));
    }
}

fn policy_types(map: &mut FieldMap) {
    let egress = map.get("egress").and_then(Value::as_array).is_some_and(|rules| !rules.is_empty());
    default(map, "policyTypes", if egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) });
}

fn limit_response(map: &mut FieldMap) {
    if text(map, "type") == Some("Queue") {
        default(map, "queuing", json!({}));
    }
}

fn names(map: &mut FieldMap) {
    let Some(kind) = text(map, "kind").map(str::to_owned) else { return };
    default(map, "singular", json!(kind.to_lowercase()));
    default(map, "listKind", json!(format!("{kind}List")));
}
