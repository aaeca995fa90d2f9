//! Normalises the desired object: removes or converts what the server never stores as written.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::equal::is_empty_value;
use crate::schema::{Field, Shape};

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
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MetadataLevel {
    Object,
    /// An object whose status is data like any other.
    WithStatus,
    Metadata,
    Annotations,
}

/// Whether what stands at this key of a live object is not compared: the server's books, and what says which object it
/// is (a manifest may leave its namespace to the source).
pub(super) fn is_uncompared(level: MetadataLevel, key: &str) -> bool {
    match level {
        MetadataLevel::Object => matches!(key, "apiVersion" | "kind" | "status"),
        MetadataLevel::WithStatus => matches!(key, "apiVersion" | "kind"),
        MetadataLevel::Metadata => matches!(key, "name" | "namespace") || SERVER_METADATA.contains(&key),
        MetadataLevel::Annotations => UNCOMPARED.contains(&key),
    }
}

/// What the object declares: without nulls (an apply's null means "not set"), status and the server's metadata;
/// `stringData` of a Secret as `data`, an empty `caBundle` and the empty rules of an aggregated ClusterRole as none.
#[must_use]
pub fn normalise_declared(object: &Value) -> Cow<'_, Value> {
    if needs_no_change(object, MetadataLevel::Object) {
        Cow::Borrowed(object)
    } else {
        Cow::Owned(normalise(object, None, MetadataLevel::Object))
    }
}

/// As [`normalise_declared`], with the nulls that the server keeps by the kind's schema, and with the status where that is data.
pub(super) fn normalise_declared_by<'v>(
    root: Field<'_>,
    level: MetadataLevel,
    object: &'v Value,
) -> Cow<'v, Value> {
    if needs_no_change(object, level) {
        Cow::Borrowed(object)
    } else {
        Cow::Owned(normalise(object, Some(root), level))
    }
}

/// Whether the object needs no normalising, as most manifests.
fn needs_no_change(object: &Value, level: MetadataLevel) -> bool {
    let Some(map) = object.as_object() else { return !has_null(object) };
    let metadata = map.get("metadata").and_then(Value::as_object);
    let of_server =
        |metadata: &Map<String, Value>| SERVER_METADATA.iter().any(|key| metadata.contains_key(*key));
    let with_status = level == MetadataLevel::Object && map.contains_key("status");
    let taken_out = with_status || metadata.is_some_and(of_server) || has_null(object);
    !taken_out && !needs_normalising(object)
}

/// Whether something is written in another way than the server has it, nulls and what is never compared aside.
pub(super) fn needs_normalising(object: &Value) -> bool {
    let Some(map) = object.as_object() else { return false };
    let of_kind = match (text(map, "apiVersion").unwrap_or_default(), text(map, "kind").unwrap_or_default()) {
        ("v1", "Service") => object.pointer("/spec/sessionAffinityConfig").is_some(),
        (version, _) => ["admissionregistration.k8s.io/", "apiregistration.k8s.io/", "apiextensions.k8s.io/"]
            .iter()
            .any(|group| version.starts_with(group)),
    };
    of_kind || ["sops", "stringData", "aggregationRule"].iter().any(|key| map.contains_key(*key))
}

pub(super) fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.values().any(has_null),
        Value::Array(items) => items.iter().any(has_null),
        _ => false,
    }
}

pub(super) fn normalise(object: &Value, root: Option<Field<'_>>, level: MetadataLevel) -> Value {
    let custom = root.filter(|root| root.built_in_name().is_none());
    let mut declared = custom.map_or_else(|| without_nulls(object), |root| with_kept_nulls(root, object));
    let Some(map) = declared.as_object_mut() else { return declared };
    if level == MetadataLevel::Object {
        map.remove("status");
    }
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
    if map.contains_key("aggregationRule") && map.get("rules").is_some_and(is_empty_value) {
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

/// The value without the nulls that the server does not keep: elsewhere it puts a default in their place, or takes them
/// out (`Default` and `PruneNonNullableNullsWithoutDefaults` in apiextensions-apiserver
/// `pkg/apiserver/schema/defaulting`). The default of a field is put there with those of all others.
///
/// A null that the server keeps is not always sent: client-side apply leaves out all but those in lists.
fn with_kept_nulls(field: Field<'_>, value: &Value) -> Value {
    match value {
        // Metadata is of a type of Kubernetes, in a custom resource too.
        _ if field.is_typed(false) => without_nulls(value),
        Value::Object(map) => {
            let kept = map.iter().filter(|(key, inner)| !inner.is_null() || field.field(key).is_nullable());
            let kept = kept.map(|(key, inner)| (key.clone(), with_kept_nulls(field.field(key), inner)));
            Value::Object(kept.collect())
        }
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| with_kept_nulls(field.items(), item)).collect())
        }
        other => other.clone(),
    }
}

/// Puts the default of a map's values where Git writes null under a key: elsewhere in a map no default is put.
pub(super) fn fill_null_keys(field: Field<'_>, git: &Value, filled: &mut Value) {
    match (git, filled) {
        _ if field.is_typed(false) => {}
        (Value::Object(git), Value::Object(filled)) => {
            let free = matches!(field.shape(), Shape::Map);
            for (key, inner) in git {
                let place = field.field(key);
                match (place.default(), filled.get_mut(key)) {
                    (_, Some(filled)) => fill_null_keys(place, inner, filled),
                    (Some(default), None) if free && inner.is_null() => {
                        filled.insert(key.clone(), default.clone());
                    }
                    _ => {}
                }
            }
        }
        (Value::Array(git), Value::Array(filled)) => {
            let items = git.iter().zip(filled);
            items.for_each(|(git, filled)| fill_null_keys(field.items(), git, filled));
        }
        _ => {}
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
