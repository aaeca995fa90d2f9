//! What the server puts into a bare Pod and not into the template of one: defaults, the strategy of Pods
//! (pkg/registry/core/pod/strategy.go) and the standard admission plug-ins.

use serde_json::{Value, json};

use super::field_map::{FieldMap, default};

/// What defaulting and the standard admission plug-ins add to a bare Pod and not to a template.
pub(super) fn fill(map: &mut FieldMap) {
    let metadata = map.get("metadata").cloned().unwrap_or_default();
    let Some(spec) = map.get_mut("spec").and_then(Value::as_object_mut) else { return };
    default(spec, "enableServiceLinks", json!(true));
    default(spec, "serviceAccountName", json!("default"));
    default(spec, "priority", json!(0));
    default(spec, "preemptionPolicy", json!("PreemptLowerPriority"));
    tolerations(spec);
    for list in ["containers", "initContainers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            requests_from_limits(container);
            app_armor(container, &metadata["annotations"]);
        }
    }
    label_keys(spec, &metadata["labels"]);
}

/// DefaultTolerationSeconds: five minutes on a node that is not ready or not reachable, unless a toleration covers it.
fn tolerations(spec: &mut FieldMap) {
    default(spec, "tolerations", json!([]));
    let Some(tolerations) = spec.get_mut("tolerations").and_then(Value::as_array_mut) else { return };
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let covers = |toleration: &Value| {
            let empty_or = |field: &str, wanted: &str| {
                let text = toleration.get(field).and_then(Value::as_str).unwrap_or_default();
                text.is_empty() || text == wanted
            };
            empty_or("key", key) && empty_or("effect", "NoExecute")
        };
        if !tolerations.iter().any(covers) {
            tolerations.push(
                json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}),
            );
        }
    }
}

fn requests_from_limits(container: &mut Value) {
    let Some(limits) = container.pointer("/resources/limits").and_then(Value::as_object).cloned() else {
        return;
    };
    let Some(resources) = container.get_mut("resources").and_then(Value::as_object_mut) else { return };
    default(resources, "requests", json!({}));
    if let Some(requests) = resources.get_mut("requests").and_then(Value::as_object_mut) {
        limits.into_iter().for_each(|(key, limit)| default(requests, &key, limit));
    }
}

/// The deprecated annotation of a container's profile becomes its field (`applyAppArmorVersionSkew`).
fn app_armor(container: &mut Value, annotations: &Value) {
    let name = container["name"].as_str().unwrap_or_default();
    let annotation = &annotations[format!("container.apparmor.security.beta.kubernetes.io/{name}")];
    let profile = match annotation.as_str() {
        Some("runtime/default") => json!({"type": "RuntimeDefault"}),
        Some("unconfined") => json!({"type": "Unconfined"}),
        Some(other) => match other.strip_prefix("localhost/") {
            Some(profile) => json!({"type": "Localhost", "localhostProfile": profile}),
            None => return,
        },
        None => return,
    };
    let Some(container) = container.as_object_mut() else { return };
    default(container, "securityContext", json!({}));
    if let Some(context) = container.get_mut("securityContext").and_then(Value::as_object_mut) {
        default(context, "appArmorProfile", profile);
    }
}

/// The values of the labels that a term names by key become part of its selector (`mutatePodAffinity`,
/// `mutateTopologySpreadConstraints`).
fn label_keys(spec: &mut FieldMap, labels: &Value) {
    let spread = spec.get_mut("topologySpreadConstraints").and_then(Value::as_array_mut);
    spread.into_iter().flatten().for_each(|constraint| match_labels(constraint, labels));
    let Some(affinity) = spec.get_mut("affinity").and_then(Value::as_object_mut) else { return };
    for kind in ["podAffinity", "podAntiAffinity"] {
        for list in
            ["required", "preferred"].map(|when| format!("{when}DuringSchedulingIgnoredDuringExecution"))
        {
            let terms = affinity.get_mut(kind).and_then(|kind| kind.get_mut(&list)?.as_array_mut());
            for term in terms.into_iter().flatten() {
                match term.get_mut("podAffinityTerm") {
                    Some(weighed) => match_labels(weighed, labels),
                    None => match_labels(term, labels),
                }
            }
        }
    }
}

fn match_labels(term: &mut Value, labels: &Value) {
    let keys = |list: &str| term[list].as_array().cloned().unwrap_or_default();
    let lists = [(keys("matchLabelKeys"), "In"), (keys("mismatchLabelKeys"), "NotIn")];
    let Some(selector) = term.get_mut("labelSelector").and_then(Value::as_object_mut) else { return };
    for (keys, operator) in lists {
        for key in keys.iter().filter_map(Value::as_str) {
            let Some(value) = labels[key].as_str() else { continue };
            let expression = json!({"key": key, "operator": operator, "values": [value]});
            default(selector, "matchExpressions", json!([]));
            if let Some(all) = selector.get_mut("matchExpressions").and_then(Value::as_array_mut)
                && !all.contains(&expression)
            {
                all.push(expression);
            }
        }
    }
}
