//! The desired object as it is compared: what the server never stores as written is taken out or turned over.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::equal::is_hollow;

/// Fields of `metadata` that only the server writes.
pub(super) const SERVER_METADATA: &[&str] = &[
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "managedFields",
];

/// Never compared: a copy of the object, Secrets' values included (attribution reads it), and a counter that the server
/// writes in the name of whoever wrote the object.
const UNCOMPARED: [&str; 2] =
    ["kubectl.kubernetes.io/last-applied-configuration", "deprecated.daemonset.template.generation"];

/// A map of which some keys are not compared.
#[derive(Clone, Copy)]
pub(super) enum Level {
    Object,
    Metadata,
    Annotations,
}

/// Whether what stands at this key of a live object is not compared: the server's books, and what says which object it
/// is (a manifest may leave its namespace to the source).
pub(super) fn is_passed_over(level: Level, key: &str) -> bool {
    match level {
        Level::Object => matches!(key, "apiVersion" | "kind" | "status"),
        Level::Metadata => matches!(key, "name" | "namespace") || SERVER_METADATA.contains(&key),
        Level::Annotations => UNCOMPARED.contains(&key),
    }
}

/// What the object declares: without nulls (an apply's null means "not set"), status and the server's metadata;
/// `stringData` of a Secret as `data`, an empty `caBundle` and the empty rules of an aggregated ClusterRole as none.
#[must_use]
pub fn declared(object: &Value) -> Cow<'_, Value> {
    if is_as_declared(object) { Cow::Borrowed(object) } else { Cow::Owned(normalised(object)) }
}

/// Whether nothing has to be taken out or turned over: so most manifests are.
fn is_as_declared(object: &Value) -> bool {
    let Some(map) = object.as_object() else { return !has_null(object) };
    let metadata = map.get("metadata").and_then(Value::as_object);
    let of_server =
        |metadata: &Map<String, Value>| SERVER_METADATA.iter().any(|key| metadata.contains_key(*key));
    let taken_out = map.contains_key("status") || metadata.is_some_and(of_server) || has_null(object);
    !taken_out && !is_turned_over(object)
}

/// Whether something is written in another way than the server has it, nulls and what is never compared aside.
pub(super) fn is_turned_over(object: &Value) -> bool {
    let Some(map) = object.as_object() else { return false };
    let of_kind = match (text(map, "apiVersion").unwrap_or_default(), text(map, "kind").unwrap_or_default()) {
        ("v1", "Service") => object.pointer("/spec/sessionAffinityConfig").is_some(),
        (version, _) => ["admissionregistration.k8s.io/", "apiregistration.k8s.io/", "apiextensions.k8s.io/"]
            .iter()
            .any(|group| version.starts_with(group)),
    };
    of_kind || ["sops", "stringData", "aggregationRule"].iter().any(|key| map.contains_key(*key))
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.values().any(has_null),
        Value::Array(items) => items.iter().any(has_null),
        _ => false,
    }
}

pub(super) fn normalised(object: &Value) -> Value {
    let mut declared = without_nulls(object);
    let Some(map) = declared.as_object_mut() else { return declared };
    map.remove("status");
    // What SOPS keeps of its keys; never applied.
    map.remove("sops");
    if let Some(metadata) = map.get_mut("metadata").and_then(Value::as_object_mut) {
        SERVER_METADATA.iter().for_each(|field| drop(metadata.remove(*field)));
    }
    match (text(map, "apiVersion"), text(map, "kind")) {
        (Some("v1"), Some("Secret")) => string_data(map),
        (Some("v1"), Some("Service")) => session_affinity(map),
        _ => {}
    }
    // The controller fills them: empty ones declare nothing.
    if map.contains_key("aggregationRule") && map.get("rules").is_some_and(is_hollow) {
        map.remove("rules");
    }
    let group =
        text(map, "apiVersion").and_then(|version| Some(version.split_once('/')?.0)).unwrap_or_default();
    match group {
        "admissionregistration.k8s.io" | "apiregistration.k8s.io" => without_empty_bundles(&mut declared),
        // A schema may have such a field of its own.
        "apiextensions.k8s.io" => {
            declared.pointer_mut("/spec/conversion").into_iter().for_each(without_empty_bundles);
        }
        _ => {}
    }
    declared
}

fn text<'a>(map: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    map.get(key).and_then(Value::as_str)
}

pub(super) fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(_, inner)| !inner.is_null());
            Value::Object(kept.map(|(key, inner)| (key.clone(), without_nulls(inner))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

fn string_data(map: &mut Map<String, Value>) {
    let Some(Value::Object(strings)) = map.remove("stringData") else { return };
    let data = map.entry("data").or_insert_with(|| Value::Object(Map::new()));
    if let Some(data) = data.as_object_mut() {
        for (key, value) in strings {
            let encoded = value.as_str().map(|text| Value::from(STANDARD.encode(text)));
            data.insert(key, encoded.unwrap_or(value));
        }
    }
}

/// A Service without session affinity loses its settings (`SetDefaults_Service` in pkg/apis/core/v1/defaults.go).
fn session_affinity(map: &mut Map<String, Value>) {
    let Some(spec) = map.get_mut("spec").and_then(Value::as_object_mut) else { return };
    if spec.get("sessionAffinity").and_then(Value::as_str) != Some("ClientIP") {
        spec.remove("sessionAffinityConfig");
    }
}

/// An injector fills an empty bundle: an empty one declares nothing (Fleet's rule).
fn without_empty_bundles(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if map
                .get("caBundle")
                .and_then(Value::as_str)
                .is_some_and(|bundle| bundle.trim().is_empty() || bundle == "Cg==")
            {
                map.remove("caBundle");
            }
            map.values_mut().for_each(without_empty_bundles);
        }
        Value::Array(items) => items.iter_mut().for_each(without_empty_bundles),
        _ => {}
    }
}
