//! Which object: group, version, kind, namespace, name.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Groups of Kubernetes itself whose name has a dot, as those of CustomResourceDefinitions do.
const BUILT_IN_GROUPS: &[&str] = &[
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
];

/// Identity of one object, as Git declares it or as the API server returns it.
///
/// Ordered by group, kind, namespace, name and version: the order of findings in every report.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ResourceId {
    /// API group; empty for the core group.
    pub group: String,
    /// API version without the group, `v1`.
    pub version: String,
    /// Kind, `Deployment`.
    pub kind: String,
    /// Namespace; `None` for a cluster-scoped object (or, before scopes are known, one that names none).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

/// A field without which nothing is an object of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MissingField {
    /// `apiVersion`.
    #[error("apiVersion")]
    ApiVersion,
    /// `kind`.
    #[error("kind")]
    Kind,
    /// `metadata.name`.
    #[error("metadata.name")]
    Name,
}

impl ResourceId {
    /// The id of a JSON object, or the first field of an id that it lacks.
    pub fn from_object(object: &Value) -> Result<Self, MissingField> {
        let api_version = text_of(object.get("apiVersion")).ok_or(MissingField::ApiVersion)?;
        let kind = text_of(object.get("kind")).ok_or(MissingField::Kind)?;
        let metadata = object.get("metadata");
        let name = text_of(metadata.and_then(|metadata| metadata.get("name")));
        let name = name.ok_or(MissingField::Name)?;
        let namespace = text_of(metadata.and_then(|metadata| metadata.get("namespace")));
        let (group, version) = split_api_version(api_version);
        Ok(Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        })
    }

    /// `apps/v1`, or `v1` for the core group.
    #[must_use]
    pub fn api_version(&self) -> String {
        join_api_version(&self.group, &self.version)
    }

    /// Group, kind, namespace and name: one object, whatever version it is read at.
    #[must_use]
    pub fn key(&self) -> ObjectKey {
        ObjectKey {
            group: self.group.clone(),
            kind: self.kind.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }

    /// `Certificate.cert-manager.io/web/tls`: as [`fmt::Display`], with the group, for kinds that two groups may have.
    #[must_use]
    pub fn with_group(&self) -> String {
        if self.group.is_empty() {
            return self.to_string();
        }
        let kind = format!("{}.{}", self.kind, self.group);
        Self { kind, ..self.clone() }.to_string()
    }

    /// Whether Kubernetes itself defines the kind, not a CustomResourceDefinition.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        !self.group.contains('.') || BUILT_IN_GROUPS.contains(&self.group.as_str())
    }

    /// The order of objects, whatever version they are read at.
    #[must_use]
    pub fn cmp_key(&self, other: &Self) -> Ordering {
        self.key_ref().cmp(&other.key_ref())
    }

    /// As [`Self::key`], borrowed.
    #[must_use]
    pub fn key_ref(&self) -> (&str, &str, Option<&str>, &str) {
        (&self.group, &self.kind, self.namespace.as_deref(), &self.name)
    }
}

impl PartialOrd for ResourceId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ResourceId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.cmp_key(other).then_with(|| self.version.cmp(&other.version))
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{}/{}/{}", self.kind, namespace, self.name),
            None => write!(f, "{}/{}", self.kind, self.name),
        }
    }
}

/// One object whatever version it is read at: the key that desired and live objects are paired by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace; `None` for a cluster-scoped object.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl ObjectKey {
    /// The object of `Deployment.apps/payments/web` or `ClusterRole.rbac.authorization.k8s.io/view`, as the ledger writes it.
    #[must_use]
    pub fn parse(resource: &str) -> Option<Self> {
        let (kind, rest) = resource.split_once('/')?;
        let (kind, group) = kind.split_once('.').unwrap_or((kind, ""));
        let (namespace, name) = match rest.split_once('/') {
            Some((namespace, name)) => (Some(namespace.to_owned()), name),
            None => (None, rest),
        };
        Some(Self { group: group.to_owned(), kind: kind.to_owned(), namespace, name: name.to_owned() })
    }
}

fn text_of(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// `("apps", "v1")` of `apps/v1`, `("", "v1")` of `v1`.
#[must_use]
pub fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// `apps/v1` of `("apps", "v1")`, `v1` of `("", "v1")`.
#[must_use]
pub fn join_api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

#[cfg(test)]
mod tests {
    use super::{ObjectKey, ResourceId};

    #[test]
    fn the_ledgers_words_name_one_object() {
        for (group, kind, namespace) in [
            ("apps", "Deployment", Some("shop")),
            ("", "ConfigMap", Some("shop")),
            ("rbac.authorization.k8s.io", "ClusterRole", None),
            ("", "Namespace", None),
        ] {
            let id = ResourceId {
                group: group.to_owned(),
                version: "v1".to_owned(),
                kind: kind.to_owned(),
                namespace: namespace.map(str::to_owned),
                name: "a.b-c".to_owned(),
            };
            assert_eq!(ObjectKey::parse(&id.with_group()), Some(id.key()));
        }
        assert_eq!(ObjectKey::parse("Deployment"), None);
    }
}
