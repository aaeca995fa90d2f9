//! A field in a schema: its type and how it is compared.

use serde_json::Value;

use super::openapi::{AdditionalProperties, Schema, SchemaNode};
use super::pointer_fields;
use super::zero::is_zero;

/// A place in a schema. Cheap to copy; stepping into what no schema knows gives an unknown field, never an error.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    schema: &'a Schema,
    /// The node as it stands in its parent: carries default and list type.
    node: Option<&'a SchemaNode>,
    /// The node behind a `$ref`, or the same.
    resolved: Option<&'a SchemaNode>,
    /// Name of the type behind a `$ref`: `io.k8s.api.core.v1.Container`.
    name: Option<&'a str>,
    root: bool,
    zero: Zero<'a>,
    /// Whether this is a field of the types of core.
    of_core: bool,
    /// Whether this is a value of a map in the types of core: a quantity there is a resource.
    is_resource: bool,
}

/// Whether the server keeps a zero value. Few values are zero: it is found out when one is.
#[derive(Clone, Copy)]
enum Zero<'a> {
    LeftOut,
    Kept,
    /// As this type, by its name without the prefix, has this field of it.
    OfField(&'a str, &'a str),
}

/// How a list is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListType {
    /// As one value.
    Atomic,
    /// By the values of its items.
    Set,
    /// Item by item, paired by these keys.
    Map(Vec<String>),
}

/// What a scalar's equality is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar {
    /// As it stands; numbers by value.
    Plain,
    /// A quantity: `0.5` equals `500m`.
    Quantity,
    /// A quantity in a list of resources: the server rounds it up.
    Resource,
    /// A duration: `60m` equals `1h0m0s`.
    Duration,
    /// A time: RFC 3339.
    Time,
    /// Base64.
    Bytes,
    /// A number that is held as a float of 64 bits: `9007199254740993` equals `9007199254740992`.
    Double,
    /// A number that is held as a float of 32 bits.
    Float,
}

/// What stands at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// A map with named fields.
    Object,
    /// A map from any key to one type.
    Map,
    /// A list.
    List(ListType),
    /// A scalar.
    Scalar(Scalar),
    /// No schema says; compared structurally.
    Unknown,
}

impl<'a> Field<'a> {
    pub(super) fn root(schema: &'a Schema, named: Option<(&'a String, &'a SchemaNode)>) -> Self {
        let node = named.map(|(_, node)| node);
        let name = named.map(|(name, _)| name.as_str());
        Self { node, resolved: node, name, root: true, ..Self::nothing(schema) }
    }

    fn nothing(schema: &'a Schema) -> Self {
        Self {
            schema,
            node: None,
            resolved: None,
            name: None,
            root: false,
            zero: Zero::LeftOut,
            of_core: false,
            is_resource: false,
        }
    }

    fn new(schema: &'a Schema, node: &'a SchemaNode) -> Self {
        let reference = node
            .reference
            .as_deref()
            .or_else(|| node.all_of.first().and_then(|first| first.reference.as_deref()))
            .map(without_alternative);
        let target = reference.and_then(|reference| schema.resolve_reference(reference));
        match (reference, target) {
            (Some(_), Some((name, target))) => {
                Self { node: Some(node), resolved: Some(target), name: Some(name), ..Self::nothing(schema) }
            }
            // A type that the document names and does not hold, such as Quantity in a trimmed copy.
            (Some(reference), None) => {
                let name = reference.rsplit('/').next();
                Self { node: Some(node), name, ..Self::nothing(schema) }
            }
            (None, _) => Self { node: Some(node), resolved: Some(node), ..Self::nothing(schema) },
        }
    }

    /// What is below a value that the server stores as it was written is stored so, too.
    fn unknown(self) -> Self {
        let zero = if self.keeps_zero() { Zero::Kept } else { Zero::LeftOut };
        Self { zero, ..Self::nothing(self.schema) }
    }

    /// The value of this key of a map.
    #[must_use]
    pub fn field(self, name: &str) -> Self {
        if name == "metadata" && (self.root || self.is_embedded()) && !self.names_meta() {
            let meta = self.schema.object_meta();
            let (name, node) = (Some(meta.0), Some(meta.1));
            return Self { node, resolved: node, name, ..Self::nothing(self.schema) };
        }
        let property = self.resolved.and_then(|node| node.properties.get_key_value(name));
        if let Some((name, property)) = property {
            let of = self.built_in_name();
            let zero = of.map_or(Zero::LeftOut, |of| Zero::OfField(of, name));
            // `ResourceList` is the map from names to quantities of the types of core; those of other groups are exact.
            let of_core = of.is_some_and(|of| of.starts_with("core."));
            return Self { zero, of_core, ..Self::new(self.schema, property) };
        }
        match self.resolved.and_then(|node| node.additional.as_ref()) {
            Some(AdditionalProperties::Typed(typed)) => {
                Self { is_resource: self.of_core, ..Self::new(self.schema, typed) }
            }
            _ => self.unknown(),
        }
    }

    /// Whether this is a whole object inside another (`x-kubernetes-embedded-resource`).
    fn is_embedded(self) -> bool {
        self.resolved.is_some_and(|node| node.embedded)
    }

    /// Whether the type of `metadata` is named here, and not only that it is a map.
    fn names_meta(self) -> bool {
        let meta = self.resolved.and_then(|node| node.properties.get("metadata"));
        meta.is_some_and(|meta| Self::new(self.schema, meta).name.is_some())
    }

    /// Whether the server leaves out this key of a map, because its schema does not have it
    /// (apiextensions-apiserver `pkg/apiserver/schema/pruning`; in the built-in kinds, Go's decoder).
    #[must_use]
    pub fn prunes(self, key: &str) -> bool {
        let Some(node) = self.resolved.filter(|node| self.schema.is_authoritative() && !node.preserve) else {
            return false;
        };
        let of_any_object = matches!(key, "apiVersion" | "kind" | "metadata");
        let open = matches!(
            node.additional,
            Some(AdditionalProperties::Typed(_) | AdditionalProperties::Allowed(true))
        );
        // A named type without fields holds what it was given.
        let closed = !node.properties.is_empty() || (self.name.is_none() && !self.keeps_zero());
        let known = node.properties.contains_key(key) || (of_any_object && (self.root || node.embedded));
        node.kind.as_deref() == Some("object") && closed && !open && !known
    }

    /// Whether what stands here is held in the types of Kubernetes or of another API server, given whether its parent is.
    /// Such a type leaves out what is empty; a custom resource is stored as it was written.
    #[must_use]
    pub fn is_typed(self, parent: bool) -> bool {
        parent || (self.name.is_some() && !self.root)
    }

    /// The items of a list.
    #[must_use]
    pub fn items(self) -> Self {
        match self.resolved.and_then(|node| node.items.as_deref()) {
            Some(items) => Self::new(self.schema, items),
            None => self.unknown(),
        }
    }

    /// The place that these steps lead to.
    #[must_use]
    pub fn descend(self, steps: &[crate::model::PathElement]) -> Self {
        use crate::model::PathElement;
        steps.iter().fold(self, |field, step| match step {
            PathElement::Field(name) => field.field(name),
            PathElement::Key(_) | PathElement::Value(_) | PathElement::Index(_) => field.items(),
        })
    }

    /// What stands here.
    #[must_use]
    pub fn shape(self) -> Shape {
        match self.named_scalar() {
            Some(Scalar::Quantity) if self.is_resource => return Shape::Scalar(Scalar::Resource),
            Some(scalar) => return Shape::Scalar(scalar),
            None => {}
        }
        let Some(node) = self.resolved else { return Shape::Unknown };
        match node.kind.as_deref() {
            Some("array") => Shape::List(self.list_type(node)),
            Some("object") if !node.properties.is_empty() => Shape::Object,
            Some("object") if matches!(node.additional, Some(AdditionalProperties::Typed(_))) => Shape::Map,
            Some("string") if node.format.as_deref() == Some("byte") => Shape::Scalar(Scalar::Bytes),
            Some("string") if node.format.as_deref() == Some("date-time") => Shape::Scalar(Scalar::Time),
            Some("string") if node.format.as_deref() == Some("duration") => Shape::Scalar(Scalar::Duration),
            Some("number") if node.format.as_deref() == Some("double") => Shape::Scalar(Scalar::Double),
            Some("number") if node.format.as_deref() == Some("float") => Shape::Scalar(Scalar::Float),
            Some("string" | "integer" | "number" | "boolean") => Shape::Scalar(Scalar::Plain),
            _ if node.int_or_string && is_quantity_pattern(node) => Shape::Scalar(Scalar::Quantity),
            _ if node.int_or_string => Shape::Scalar(Scalar::Plain),
            _ if !node.properties.is_empty() => Shape::Object,
            _ => Shape::Unknown,
        }
    }

    fn named_scalar(self) -> Option<Scalar> {
        let name = self.name?;
        match name.rsplit('.').next()? {
            "Quantity" if name.ends_with("api.resource.Quantity") => Some(Scalar::Quantity),
            "Time" | "MicroTime" if name.contains("apis.meta.v1") => Some(Scalar::Time),
            "IntOrString" if name.ends_with("util.intstr.IntOrString") => Some(Scalar::Plain),
            _ => None,
        }
    }

    fn list_type(self, node: &SchemaNode) -> ListType {
        let outer = self.node.filter(|outer| outer.list_type.is_some()).unwrap_or(node);
        match outer.list_type.as_deref() {
            Some("map") if !outer.list_keys.is_empty() => ListType::Map(outer.list_keys.clone()),
            Some("set") => ListType::Set,
            Some(_) => ListType::Atomic,
            // Without a list type server-side apply is atomic, but client-side apply merges by the strategic key.
            None => match self.node.and_then(|outer| outer.merge_key.clone()) {
                Some(key) => ListType::Map(vec![key]),
                None => ListType::Atomic,
            },
        }
    }

    /// The key by which client-side apply pairs the items of a list (`x-kubernetes-patch-merge-key`).
    #[must_use]
    pub fn merge_key(self) -> Option<&'a str> {
        [self.node, self.resolved].into_iter().flatten().find_map(|node| node.merge_key.as_deref())
    }

    /// Whether the kind's definition has a rule that keeps the value as it was made.
    pub(super) fn is_immutable(self) -> bool {
        [self.node, self.resolved].into_iter().flatten().any(|node| node.immutable)
    }

    /// Whether a map here is compared as one value (`x-kubernetes-map-type: atomic`): selectors, references.
    #[must_use]
    pub fn is_atomic_map(self) -> bool {
        let atomic =
            |node: Option<&SchemaNode>| node.is_some_and(|node| node.map_type.as_deref() == Some("atomic"));
        atomic(self.node) || atomic(self.resolved)
    }

    /// Whether the server keeps 0, false or `""` here as written: a pointer in the types of Kubernetes, or a value that
    /// it does not look into. Anywhere else in the built-in kinds it leaves them out, or puts its default there.
    #[must_use]
    pub fn keeps_zero(self) -> bool {
        match self.zero {
            Zero::LeftOut => false,
            Zero::Kept => true,
            Zero::OfField(of, name) => pointer_fields::keeps_zero(of, name) || self.is_stored_as_written(),
        }
    }

    /// Whether the server does not look into what stands here: JSON of any shape.
    fn is_stored_as_written(self) -> bool {
        let typed = self.resolved.and_then(|node| node.kind.as_deref()).is_some_and(|kind| kind != "object");
        !typed && matches!(self.shape(), Shape::Unknown)
    }

    /// Whether an empty map here is a value of its own: an empty label selector matches everything and none matches
    /// nothing; a volume is of the one kind that it names; the status of a custom resource is a subresource of its own where the definition has an empty map for it.
    #[must_use]
    pub fn is_presence_significant(self) -> bool {
        let Some((group, name)) = self.built_in_name().and_then(|name| name.split_once('.')) else {
            return false;
        };
        match (group, name.rsplit('.').next().unwrap_or_default()) {
            ("meta", name) => name == "LabelSelector",
            ("core", name) => name.ends_with("VolumeSource"),
            ("apiextensions", name) => name == "CustomResourceSubresourceStatus",
            ("scheduling", name) => {
                name.ends_with("DisruptionMode") || name.ends_with("BasicSchedulingPolicy")
            }
            _ => false,
        }
    }

    /// Whether the server keeps a null here as it was written. Anywhere else in a custom resource it takes the null out
    /// or puts the default in its place (apiextensions-apiserver `pkg/apiserver/schema/defaulting`).
    #[must_use]
    pub fn is_nullable(self) -> bool {
        [self.node, self.resolved].into_iter().flatten().any(|node| node.nullable)
    }

    /// The default that the schema itself names.
    #[must_use]
    pub fn default(self) -> Option<&'a Value> {
        self.node.and_then(|node| node.default.as_ref()).or_else(|| self.resolved?.default.as_ref())
    }

    /// Names of the fields that the schema knows here.
    pub(crate) fn names(self) -> Vec<&'a str> {
        self.resolved.map(|node| node.properties.keys().map(String::as_str).collect()).unwrap_or_default()
    }

    /// Whether this is the root of a kind that has a `spec` with named fields.
    pub(super) fn is_root_with_spec(self) -> bool {
        self.root && matches!(self.field("spec").shape(), Shape::Object)
    }

    /// What the server puts here where a manifest leaves it out, as the schema itself says: field and default.
    pub(super) fn defaulted_fields(self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let names = self.resolved.map(|node| node.defaulted.get_or_init(|| self.defaulted(node)));
        let fields = names.into_iter().flatten().map(String::as_str);
        fields.filter_map(move |name| Some((name, self.field(name).default()?)))
    }

    /// OpenAPI names a zero default of every built-in field that is always there; of the others only a pointer has one.
    fn defaulted(self, node: &SchemaNode) -> Vec<String> {
        let built_in = self.built_in_name().is_some();
        let names = node.properties.iter().filter(|(_, node)| node.default.is_some()).map(|(name, _)| name);
        let put_in = |name: &&String| {
            let field = self.field(name);
            let default = field.default();
            default.is_some_and(|default| !built_in || !is_zero(default) || field.keeps_zero())
        };
        names.filter(put_in).cloned().collect()
    }

    /// `core.v1.Container` of `io.k8s.api.core.v1.Container`; `None` for custom resources and inline types.
    #[must_use]
    pub fn built_in_name(self) -> Option<&'a str> {
        let name = self.name?;
        [
            "io.k8s.api.",
            "io.k8s.apiextensions-apiserver.pkg.apis.",
            "io.k8s.kube-aggregator.pkg.apis.",
            "io.k8s.apimachinery.pkg.apis.",
        ]
        .into_iter()
        .find_map(|prefix| name.strip_prefix(prefix))
    }
}

/// The schema in a CRD's schema that may also be a list or a boolean is a schema where it is a map.
fn without_alternative(reference: &str) -> &str {
    ["OrArray", "OrBool", "OrStringArray"]
        .into_iter()
        .find_map(|ending| reference.strip_suffix(ending).filter(|rest| rest.ends_with(".JSONSchemaProps")))
        .unwrap_or(reference)
}

/// The pattern that controller-gen writes for a quantity.
fn is_quantity_pattern(node: &SchemaNode) -> bool {
    node.pattern.as_deref().is_some_and(|pattern| pattern.contains("[KMGTPE]i"))
}
