//! Names in objects of the rest of a Kustomize root that may be those of what is not rendered.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::configured::{Reference, References};
use crate::model::push_pointer;

/// Which objects are rendered: their namespaces, by kind and name.
pub(super) struct Rendered {
    namespaces: BTreeMap<(String, String), BTreeSet<Option<String>>>,
    /// Places for names besides those that Kustomize knows itself.
    references: References,
}

impl Rendered {
    pub(super) fn of<'v>(objects: impl Iterator<Item = &'v Value>, references: References) -> Self {
        let mut all: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for object in objects {
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let id = (text(&object["kind"]), text(&object["metadata"]["name"]));
            if let (Some(kind), Some(name)) = id {
                all.entry((kind, name)).or_default().insert(text(&object["metadata"]["namespace"]));
            }
        }
        Self { namespaces: all, references }
    }

    /// Places in an object that name what is not rendered: Kustomize does not put its own prefix, suffix or hash to such a
    /// name, nor its namespace beside it, and fills in no variable from it. RFC 6901 pointers.
    pub(super) fn find_uncertain_names(&self, object: &Value) -> Vec<String> {
        let mut found = Vec::new();
        let namespace = object["metadata"]["namespace"].as_str();
        let kind = object["kind"].as_str().unwrap_or_default();
        Names { rendered: self, kind, namespace, found: &mut found }.walk(object, &mut String::new(), &[]);
        found
    }

    /// Whether an object is there to which a name in this namespace leads. Without one it is of the cluster, or it is not
    /// known which the deployer will take.
    fn has(&self, (kind, name): (&str, &str), namespace: Option<&str>) -> bool {
        let Some(found) = self.namespaces.get(&(kind.to_owned(), name.to_owned())) else { return false };
        let leads = |own: &Option<String>| {
            namespace.is_none_or(|namespace| own.as_deref().is_none_or(|own| own == namespace))
        };
        found.iter().any(leads)
    }
}

struct Names<'a> {
    rendered: &'a Rendered,
    kind: &'a str,
    /// That of the object.
    namespace: Option<&'a str>,
    found: &'a mut Vec<String>,
}

impl Names<'_> {
    /// `around`: the maps around a value, with the keys under which they stand.
    fn walk(&mut self, value: &Value, pointer: &mut String, around: &[(&str, &Map<String, Value>)]) {
        let length = pointer.len();
        match value {
            Value::String(text) if self.is_uncertain(text, around) => {
                self.found.push(pointer.clone());
                // Kustomize would write one there.
                if let Some(above) = pointer.strip_suffix("name").filter(|_| self.takes_namespace(around)) {
                    self.found.push(format!("{above}namespace"));
                }
            }
            Value::Object(map) => {
                for (key, inner) in map {
                    push_pointer(pointer, key);
                    self.walk(inner, pointer, &[around, &[(key.as_str(), map)]].concat());
                    pointer.truncate(length);
                }
            }
            Value::Array(items) => {
                for (at, inner) in items.iter().enumerate() {
                    push_pointer(pointer, &at.to_string());
                    self.walk(inner, pointer, around);
                    pointer.truncate(length);
                }
            }
            _ => {}
        }
    }

    fn is_uncertain(&self, text: &str, around: &[(&str, &Map<String, Value>)]) -> bool {
        let Some((key, beside)) = around.last() else { return false };
        if text.contains("$(") {
            return true;
        }
        let name = match *key {
            "namespace" => beside.get("name").and_then(Value::as_str),
            _ => Some(text.rsplit('/').next().unwrap_or(text)),
        };
        let kinds = self.configured(around).or_else(|| named_kinds(around));
        let (Some(kinds), Some(name)) = (kinds, name) else { return false };
        !kinds.iter().any(|kind| self.rendered.has((kind, name), self.namespace_of(kind, around)))
    }

    /// As [`named_kinds`], of places that configurations tell.
    fn configured(&self, around: &[(&str, &Map<String, Value>)]) -> Option<Vec<&str>> {
        let mut kinds = self.kinds_at(around);
        kinds.extend(self.kinds_of_map(around));
        (!kinds.is_empty()).then_some(kinds)
    }

    /// The kinds of which configurations say that a map is a reference to one, for the name or namespace in it.
    fn kinds_of_map(&self, around: &[(&str, &Map<String, Value>)]) -> Vec<&str> {
        match around.split_last() {
            Some((("name" | "namespace", _), above)) => self.kinds_at(above),
            _ => Vec::new(),
        }
    }

    fn kinds_at(&self, around: &[(&str, &Map<String, Value>)]) -> Vec<&str> {
        if self.rendered.references.is_empty() {
            return Vec::new();
        }
        let keys: Vec<String> = around.iter().map(|(key, _)| (*key).to_owned()).collect();
        let within =
            |reference: &&Reference| reference.within.as_deref().is_none_or(|within| within == self.kind);
        let references = self.rendered.references.get(&keys).into_iter().flatten().filter(within);
        references.map(|reference| reference.of.as_str()).collect()
    }

    /// Whether a text is the name in a map to which Kustomize writes a namespace, and none stands beside it yet.
    fn takes_namespace(&self, around: &[(&str, &Map<String, Value>)]) -> bool {
        let Some((key, beside)) = around.last() else { return false };
        let is_map = takes_namespace_of(around) || !self.kinds_of_map(around).is_empty();
        *key == "name" && is_map && !beside.contains_key("namespace")
    }

    /// The namespace in which a name is looked for. A reference that may lead into another one says which; where it does
    /// not, Kustomize takes an account of any.
    fn namespace_of<'s>(&'s self, kind: &str, around: &[(&str, &'s Map<String, Value>)]) -> Option<&'s str> {
        let of_map = around.last().filter(|_| takes_namespace_of(around)).map(|(_, beside)| beside);
        match of_map.and_then(|beside| beside.get("namespace")).and_then(Value::as_str) {
            Some(named) => Some(named),
            None if kind == "ServiceAccount" => None,
            None => self.namespace,
        }
    }
}

/// Whether a text stands in a map to which Kustomize writes a namespace (`setMapping` in `api/filters/nameref`): subjects
/// of bindings and services of webhooks.
fn takes_namespace_of(around: &[(&str, &Map<String, Value>)]) -> bool {
    let outer = around.len().checked_sub(2).map_or("", |at| around[at].0);
    matches!(outer, "subjects" | "service") && around.first().is_none_or(|(first, _)| *first != "metadata")
}

/// The kinds of which a text names an object, by the keys around it, as Kustomize knows such places
/// (`api/internal/konfig/builtinpluginconsts/namereference.go`).
fn named_kinds<'v>(around: &[(&'v str, &'v Map<String, Value>)]) -> Option<Vec<&'v str>> {
    let (key, beside) = around.last()?;
    let outer = around.len().checked_sub(2).map_or("", |at| around[at].0);
    if around.first().is_some_and(|(first, _)| *first == "metadata") {
        let of_annotation = outer == "annotations" && around.len() == 3;
        let place = key.to_ascii_lowercase();
        return match of_annotation {
            true if place.contains("secret") => Some(vec!["Secret"]),
            true if place.contains("configmap") => Some(vec!["ConfigMap"]),
            _ => None,
        };
    }
    let is_name = matches!(*key, "name" | "namespace");
    let place = if is_name { outer } else { key }.to_ascii_lowercase();
    // A reference that names the kind itself.
    if is_name
        && let Some(kind) = beside.get("kind").and_then(Value::as_str)
        && around.len() > 1
    {
        return (!matches!(kind, "User" | "Group")).then(|| vec![kind]);
    }
    let kind = match place.as_str() {
        "resourcenames" => vec!["ConfigMap", "Secret"],
        place if !is_name && !place.ends_with("name") && !place.ends_with("ref") => return None,
        place if place.contains("configmap") => vec!["ConfigMap"],
        place if place.contains("secret") => vec!["Secret"],
        place if place.contains("claim") => vec!["PersistentVolumeClaim"],
        place if place.contains("serviceaccount") => vec!["ServiceAccount"],
        place if place.contains("service") => vec!["Service"],
        "volumename" => vec!["PersistentVolume"],
        "storageclassname" => vec!["StorageClass"],
        "priorityclassname" => vec!["PriorityClass"],
        "ingressclassname" => vec!["IngressClass"],
        "policyname" => vec!["ValidatingAdmissionPolicy"],
        _ => return None,
    };
    Some(kind)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{References, Rendered};

    fn of(ids: &[(&str, &str, &str)]) -> Rendered {
        let object = |(kind, name, namespace): &(&str, &str, &str)| match *namespace {
            "" => json!({"kind": kind, "metadata": {"name": name}}),
            _ => json!({"kind": kind, "metadata": {"name": name, "namespace": namespace}}),
        };
        let objects: Vec<Value> = ids.iter().map(object).collect();
        Rendered::of(objects.iter(), References::new())
    }

    #[test]
    fn every_reference_to_unrendered_part_found() {
        let object = json!({
            "metadata": {"name": "web", "labels": {"name": "x"},
                         "annotations": {"nginx.ingress.kubernetes.io/auth-secret": "shop/creds", "docs": "x"}},
            "spec": {"volumes": [{"name": "v", "secret": {"secretName": "s"}}, {"name": "w", "configMap": {"name": "cfg"}}],
                     "containers": [{"name": "c", "args": ["--u=$(URL)"], "ports": [{"name": "http"}],
                                     "envFrom": [{"configMapRef": {"name": "web"}}]}],
                     "serviceAccountName": "web", "serviceName": "web", "image": "web"},
            "subjects": [{"kind": "ServiceAccount", "name": "far", "namespace": "shop"}, {"kind": "User", "name": "alice"},
                         {"kind": "ServiceAccount", "name": "near"}],
            "rules": [{"resourceNames": ["creds"], "verbs": ["get"]}],
            "data": {"name": "x", "hostName": "y"},
        });
        let rendered =
            [("ServiceAccount", "web", "a"), ("Deployment", "web", "a"), ("ConfigMap", "cfg", "a")];
        let expected = [
            "/metadata/annotations/nginx.ingress.kubernetes.io~1auth-secret",
            "/rules/0/resourceNames/0",
            "/spec/containers/0/args/0",
            "/spec/containers/0/envFrom/0/configMapRef/name",
            "/spec/serviceName",
            "/spec/volumes/0/secret/secretName",
            "/subjects/0/name",
            "/subjects/0/namespace",
            "/subjects/2/name",
            "/subjects/2/namespace",
        ];
        let mut found = of(&rendered).find_uncertain_names(&object);
        found.sort();
        assert_eq!(found, expected);
    }

    /// As Kustomize looks for what a name may be of: in the namespace of the object, and an account in any.
    #[test]
    fn reference_to_unrendered_object_is_uncertain() {
        let rendered = [
            ("Secret", "s", "a"),
            ("ServiceAccount", "x", "a"),
            ("Service", "w", "a"),
            ("ClusterRole", "r", ""),
        ];
        let uncertain = |namespace: &str, rest: Value| {
            let mut object = json!({"metadata": {"name": "o", "namespace": namespace}});
            if namespace.is_empty() {
                object = json!({"metadata": {"name": "o"}});
            }
            object["spec"] = rest;
            of(&rendered).find_uncertain_names(&object)
        };
        let secret = json!({"secretName": "s"});
        assert_eq!(uncertain("a", secret.clone()), [""; 0]);
        assert_eq!(uncertain("", secret.clone()), [""; 0]);
        assert_eq!(uncertain("b", secret), ["/spec/secretName"]);
        assert_eq!(uncertain("b", json!({"roleRef": {"kind": "ClusterRole", "name": "r"}})), [""; 0]);
        let subject = |subject: Value| uncertain("b", json!({"subjects": [subject]}));
        assert_eq!(subject(json!({"kind": "ServiceAccount", "name": "x"})), [""; 0]);
        assert_eq!(subject(json!({"kind": "ServiceAccount", "name": "x", "namespace": "a"})), [""; 0]);
        let both = ["/spec/subjects/0/name", "/spec/subjects/0/namespace"];
        assert_eq!(subject(json!({"kind": "ServiceAccount", "name": "x", "namespace": "c"})), both);
        assert_eq!(subject(json!({"kind": "ServiceAccount", "name": "y"})), both);
        assert_eq!(subject(json!({"kind": "Group", "name": "y"})), [""; 0]);
        let webhook =
            |service: Value| uncertain("", json!({"webhooks": [{"clientConfig": {"service": service}}]}));
        let both =
            ["/spec/webhooks/0/clientConfig/service/name", "/spec/webhooks/0/clientConfig/service/namespace"];
        assert_eq!(webhook(json!({"name": "v", "path": "/x"})), both);
        assert_eq!(webhook(json!({"name": "w", "namespace": "b"})), both);
        assert_eq!(webhook(json!({"name": "w", "namespace": "a"})), [""; 0]);
    }
}
