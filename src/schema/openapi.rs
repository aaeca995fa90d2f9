//! Schemas as OpenAPI v3 and CRDs write them, without their prose.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

/// Why bytes are not a schema.
#[derive(Debug, thiserror::Error)]
#[error("not an OpenAPI v3 document: {0}")]
pub struct SchemaError(#[from] serde_json::Error);

/// The types of one or more API groups, by name.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Schema {
    #[serde(serialize_with = "sorted")]
    pub(super) types: HashMap<String, SchemaNode>,
    /// `group/version/kind` to the type's name.
    pub(super) kinds: BTreeMap<String, String>,
    /// Kinds (as in `kinds`) of which the status is no subresource: data like any other.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    status_as_data: BTreeSet<String>,
    /// Whether this is what the server holds objects by, and not a copy of another version.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    servers: bool,
}

/// One schema object; what drift does not use is dropped while reading.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct SchemaNode {
    #[serde(rename = "$ref", skip_serializing_if = "Option::is_none")]
    pub(super) reference: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pattern: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) properties: BTreeMap<String, Self>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) items: Option<Box<Self>>,
    #[serde(rename = "additionalProperties", skip_serializing_if = "Option::is_none")]
    pub(super) additional: Option<AdditionalProperties>,
    #[serde(rename = "allOf", skip_serializing_if = "Vec::is_empty")]
    pub(super) all_of: Vec<Self>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) default: Option<Value>,
    #[serde(rename = "x-kubernetes-list-type", skip_serializing_if = "Option::is_none")]
    pub(super) list_type: Option<String>,
    #[serde(rename = "x-kubernetes-list-map-keys", skip_serializing_if = "Vec::is_empty")]
    pub(super) list_keys: Vec<String>,
    #[serde(rename = "x-kubernetes-map-type", skip_serializing_if = "Option::is_none")]
    pub(super) map_type: Option<String>,
    #[serde(rename = "x-kubernetes-patch-merge-key", skip_serializing_if = "Option::is_none")]
    pub(super) merge_key: Option<String>,
    #[serde(rename = "x-kubernetes-int-or-string", skip_serializing_if = "std::ops::Not::not")]
    pub(super) int_or_string: bool,
    #[serde(rename = "x-kubernetes-preserve-unknown-fields", skip_serializing_if = "std::ops::Not::not")]
    pub(super) preserve: bool,
    #[serde(rename = "x-kubernetes-embedded-resource", skip_serializing_if = "std::ops::Not::not")]
    pub(super) embedded: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) nullable: bool,
    /// Whether a rule of its definition keeps the value from being changed.
    #[serde(
        rename = "x-kubernetes-validations",
        deserialize_with = "super::transition_rule::read_rules",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub(super) immutable: bool,
    #[serde(rename = "x-kubernetes-group-version-kind", skip_serializing)]
    pub(super) kinds: Vec<GroupVersionKind>,
    /// Names of the properties whose default the server puts in: asked of every object.
    #[serde(skip)]
    pub(super) defaulted: OnceLock<Vec<String>>,
}

/// `additionalProperties`: a schema, or whether any are allowed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum AdditionalProperties {
    Allowed(bool),
    Typed(Box<SchemaNode>),
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(super) struct GroupVersionKind {
    group: String,
    version: String,
    kind: String,
}

#[derive(Deserialize)]
struct Document {
    /// Version of OpenAPI; what has none is something else.
    #[serde(rename = "openapi")]
    _version: String,
    #[serde(default)]
    components: Components,
    #[serde(default)]
    paths: HashMap<String, Path>,
}

/// What can be done at an address.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Path {
    get: Option<Get>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Get {
    #[serde(rename = "x-kubernetes-group-version-kind")]
    kind: GroupVersionKind,
}

impl Document {
    /// The kinds whose objects have an address and their status has none.
    fn status_as_data(&self) -> BTreeSet<String> {
        let objects = self.paths.iter().filter(|(path, _)| path.ends_with("/{name}"));
        let without = objects.filter(|(path, _)| !self.paths.contains_key(&format!("{path}/status")));
        let kinds = without.filter_map(|(_, path)| Some(&path.get.as_ref()?.kind));
        kinds.map(|kind| key(&kind.group, &kind.version, &kind.kind)).collect()
    }
}

#[derive(Default, Deserialize)]
struct Components {
    #[serde(default)]
    schemas: HashMap<String, SchemaNode>,
}

const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

impl Schema {
    /// Reads the document of one group and version, as `/openapi/v3/apis/GROUP/VERSION` returns it.
    pub fn from_openapi(bytes: &[u8]) -> Result<Self, SchemaError> {
        let document: Document = serde_json::from_slice(bytes)?;
        let status_as_data = document.status_as_data();
        let mut schema = Self { types: document.components.schemas, servers: true, ..Self::default() };
        for (name, node) in &mut schema.types {
            for kind in std::mem::take(&mut node.kinds) {
                schema.kinds.insert(key(&kind.group, &kind.version, &kind.kind), name.clone());
            }
        }
        // What a type of Kubernetes has no status for, the server leaves out.
        let custom = |key: &String| schema.root(key).built_in_name().is_none();
        schema.status_as_data = status_as_data.into_iter().filter(custom).collect();
        Ok(schema)
    }

    /// Names the form of [`Schema::to_bytes`]; whoever changes what is kept of a document changes it. A test holds both.
    pub const FORMAT: &str = "drift/schema/v3";

    /// The schema as bytes that [`Schema::from_bytes`] reads.
    ///
    /// # Panics
    /// Never: maps with text for keys, text and JSON values are JSON.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("maps with text for keys, text and JSON values are JSON")
    }

    /// Reads what [`Schema::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SchemaError> {
        Ok(serde_json::from_slice(bytes)?)
    }

    /// Reads the schemas of a CustomResourceDefinition (`apiextensions.k8s.io/v1`), one for each version.
    /// Versions without a schema are left out.
    #[must_use]
    pub fn from_crd(crd: &Value) -> Self {
        // One that says to keep unknown fields at all is older than schemas that are complete.
        let keeps = crd.pointer("/spec/preserveUnknownFields").and_then(Value::as_bool) == Some(true);
        let mut schema = Self { servers: !keeps, ..Self::default() };
        let text = |pointer: &str| crd.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (group, kind) = (text("/spec/group"), text("/spec/names/kind"));
        for version in crd.pointer("/spec/versions").and_then(Value::as_array).into_iter().flatten() {
            let Some(name) = version.get("name").and_then(Value::as_str) else { continue };
            let Some(root) = version.pointer("/schema/openAPIV3Schema") else { continue };
            let Ok(mut root) = serde_json::from_value::<SchemaNode>(root.clone()) else { continue };
            let meta = SchemaNode {
                reference: Some(format!("#/components/schemas/{OBJECT_META}")),
                ..SchemaNode::default()
            };
            root.properties.insert("metadata".to_owned(), meta);
            if version.pointer("/subresources/status").is_none_or(Value::is_null) {
                schema.status_as_data.insert(key(group, name, kind));
            }
            let full = format!("{group}.{name}.{kind}");
            schema.kinds.insert(key(group, name, kind), full.clone());
            schema.types.insert(full, root);
        }
        schema
    }

    /// The copy that is built in: every kind of Kubernetes itself, taken from a real server (`DRIFT_RECORD=1 cargo test
    /// embedded`), for snapshots and where a cluster does not publish OpenAPI v3.
    ///
    /// # Panics
    /// Never: a test reads the embedded copy.
    #[must_use]
    pub fn built_in() -> &'static Self {
        static BUILT_IN: std::sync::LazyLock<Schema> = std::sync::LazyLock::new(|| {
            let copy = Schema::from_bytes(include_bytes!("builtin.json"))
                .expect("the embedded schema is valid; a test reads it");
            Schema { servers: false, ..copy }
        });
        &BUILT_IN
    }

    /// Adds the types and kinds of `other`; what both have is taken from `other`.
    pub fn extend(&mut self, other: Self) {
        self.types.extend(other.types);
        self.kinds.extend(other.kinds);
        self.status_as_data.extend(other.status_as_data);
        self.servers |= other.servers;
    }

    /// Whether the server holds objects by this very schema: what it does not know there, it leaves out.
    pub(super) fn is_authoritative(&self) -> bool {
        self.servers
    }

    /// Whether the kind is known at this version.
    #[must_use]
    pub fn has_kind(&self, group: &str, version: &str, kind: &str) -> bool {
        self.kinds.contains_key(&key(group, version, kind))
    }

    /// Whether the status of a kind's objects is known to be data like any other: whoever writes the object writes it.
    #[must_use]
    pub fn has_status_as_data(&self, group: &str, version: &str, kind: &str) -> bool {
        // Asked of every object, and most schemas have none.
        !self.status_as_data.is_empty() && self.status_as_data.contains(&key(group, version, kind))
    }

    /// Whether any kind of this group and version is known.
    #[must_use]
    pub fn has_version(&self, group: &str, version: &str) -> bool {
        let prefix = key(group, version, "");
        self.kinds.range(prefix.clone()..).next().is_some_and(|(key, _)| key.starts_with(&prefix))
    }

    pub(super) fn resolve_reference(&self, reference: &str) -> Option<(&str, &SchemaNode)> {
        let name = reference.rsplit('/').next().unwrap_or(reference);
        let found = self.types.get_key_value(name);
        let found = found.or_else(|| match name {
            OBJECT_META => Self::built_in().types.get_key_value(name),
            _ => None,
        });
        found.map(|(name, node)| (name.as_str(), node))
    }

    /// Every kind, as `GROUP/VERSION/KIND`.
    #[cfg(test)]
    pub(crate) fn all_kinds(&self) -> Vec<&str> {
        self.kinds.keys().map(String::as_str).collect()
    }

    /// Full names of all types.
    #[cfg(test)]
    pub(super) fn type_names(&self) -> impl Iterator<Item = &str> {
        self.types.keys().map(String::as_str)
    }

    /// A type by its short name (`core.v1.Container`).
    #[cfg(test)]
    pub(super) fn type_of(&self, name: &str) -> Option<&SchemaNode> {
        self.types
            .iter()
            .find(|(full, _)| full.strip_suffix(name).is_some_and(|head| head.ends_with('.')))
            .map(|(_, node)| node)
    }

    /// The type of every object's metadata; that of the built-in copy where this schema does not have it.
    ///
    /// # Panics
    /// Never: a test reads the embedded copy.
    pub(super) fn object_meta(&self) -> (&str, &SchemaNode) {
        self.resolve_reference(OBJECT_META)
            .expect("the built-in copy holds the metadata of objects; a test reads it")
    }
}

/// The same bytes for the same types.
fn sorted<S: Serializer>(types: &HashMap<String, SchemaNode>, serializer: S) -> Result<S::Ok, S::Error> {
    types.iter().collect::<BTreeMap<_, _>>().serialize(serializer)
}

pub(super) fn key(group: &str, version: &str, kind: &str) -> String {
    format!("{group}/{version}/{kind}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Schema;

    /// Everything that is kept of a document, and what is not.
    fn document() -> Value {
        json!({"openapi": "3.0.0", "info": {"title": "dropped"}, "components": {"schemas": {"a.Thing": {
            "description": "dropped", "type": "object",
            "x-kubernetes-group-version-kind": [{"group": "a", "version": "v1", "kind": "Thing"}],
            "properties": {
                "list": {"type": "array", "items": {"allOf": [{"$ref": "#/components/schemas/b.Item"}], "default": {}},
                         "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                         "x-kubernetes-patch-merge-key": "name"},
                "map": {"type": "object", "additionalProperties": {"type": "string", "format": "byte"},
                        "x-kubernetes-map-type": "atomic"},
                "open": {"additionalProperties": true},
                "size": {"x-kubernetes-int-or-string": true, "pattern": "[KMGTPE]i", "default": 3, "nullable": true}}}}}})
    }

    #[test]
    fn schema_round_trips_through_bytes() {
        let schema = Schema::from_openapi(document().to_string().as_bytes()).expect("a document");
        let bytes = schema.to_bytes();
        assert_eq!(Schema::from_bytes(&bytes).expect("we wrote it"), schema);
        // Kept files of one format have one form: what changes the one changes the other.
        let kept: Value = serde_json::from_slice(&bytes).expect("JSON");
        let mut expected = document()["components"]["schemas"].take();
        let thing = expected["a.Thing"].as_object_mut().expect("a map");
        thing.retain(|key, _| !matches!(key.as_str(), "description" | "x-kubernetes-group-version-kind"));
        assert_eq!(kept, json!({"types": expected, "kinds": {"a/v1/Thing": "a.Thing"}, "servers": true}));
        assert_eq!(Schema::FORMAT, "drift/schema/v3");
    }

    #[test]
    fn invalid_openapi_is_an_error() {
        for text in ["", "{}", "[]", "<html>", r#"{"components": {}}"#, r#"{"openapi": "3.0.0""#] {
            let error = Schema::from_openapi(text.as_bytes()).expect_err(text).to_string();
            assert!(error.starts_with("not an OpenAPI v3 document: "), "{error}");
        }
    }
}
