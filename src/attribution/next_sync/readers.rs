//! Which workloads of Git use a value of a ConfigMap or a Secret, and when they see that it changed.

use serde_json::Value;

use crate::model::{Desired, FieldPath, ReadAt, ResourceId, ValueReader};

/// The workloads that use the value at this place of an object; of other kinds, and other places, none.
pub(super) fn readers_of(id: &ResourceId, path: &FieldPath, all: &[Desired]) -> Vec<ValueReader> {
    let Some(source) = ValueSource::of(id) else { return Vec::new() };
    let mut fields = path.fields();
    if !matches!(fields.next(), Some("data" | "binaryData" | "stringData")) {
        return Vec::new();
    }
    let key = fields.next();
    let near = all.iter().filter(|object| object.id.namespace == id.namespace);
    let found = near.filter_map(|object| {
        let at = source.read_at(pod_spec(&object.value)?, key)?;
        Some(ValueReader { workload: object.id.clone(), at })
    });
    found.collect()
}

/// What may be used by Pods, and by which fields they name it.
struct ValueSource<'a> {
    name: &'a str,
    key_reference: &'static str,
    whole_reference: &'static str,
    volume: (&'static str, &'static str),
    projected: &'static str,
}

impl<'a> ValueSource<'a> {
    fn of(id: &'a ResourceId) -> Option<Self> {
        let of_config = Self {
            name: &id.name,
            key_reference: "configMapKeyRef",
            whole_reference: "configMapRef",
            volume: ("configMap", "name"),
            projected: "configMap",
        };
        match (id.group.as_str(), id.kind.as_str()) {
            ("", "ConfigMap") => Some(of_config),
            ("", "Secret") => Some(Self {
                key_reference: "secretKeyRef",
                whole_reference: "secretRef",
                volume: ("secret", "secretName"),
                projected: "secret",
                ..of_config
            }),
            _ => None,
        }
    }

    /// When the Pods of this spec see that the key changed; of no key, any. The latest way counts.
    fn read_at(&self, spec: &Value, key: Option<&str>) -> Option<ReadAt> {
        let containers = ["containers", "initContainers"].map(|field| list(spec, field));
        let containers: Vec<&Value> = containers.into_iter().flatten().collect();
        let by_variable = containers.iter().any(|container| self.is_variable(container, key));
        let mounts = || containers.iter().flat_map(|container| list(container, "volumeMounts"));
        let volumes = list(spec, "volumes").iter().filter(|volume| self.is_mounted(volume, key));
        let names: Vec<&Value> = volumes.filter_map(|volume| volume.get("name")).collect();
        let mounted = || mounts().filter(|mount| mount.get("name").is_some_and(|name| names.contains(&name)));
        let by_part = |mount: &Value| mount.get("subPath").or_else(|| mount.get("subPathExpr")).is_some();
        if by_variable || mounted().any(by_part) {
            return Some(ReadAt::Restart);
        }
        mounted().next().map(|_| ReadAt::Mounted)
    }

    fn is_variable(&self, container: &Value, key: Option<&str>) -> bool {
        let whole =
            list(container, "envFrom").iter().any(|from| self.is_named(from.get(self.whole_reference)));
        let one = |variable: &Value| {
            let reference = variable.get("valueFrom").and_then(|from| from.get(self.key_reference));
            let named = reference.and_then(|reference| reference.get("key")?.as_str());
            self.is_named(reference) && key.is_none_or(|key| named == Some(key))
        };
        whole || list(container, "env").iter().any(one)
    }

    fn is_mounted(&self, volume: &Value, key: Option<&str>) -> bool {
        let (field, name) = self.volume;
        let has_key = |source: &Value| {
            let items = list(source, "items");
            items.is_empty()
                || key.is_none_or(|key| items.iter().any(|item| item.get("key") == Some(&key.into())))
        };
        let own =
            volume.get(field).filter(|source| source.get(name).and_then(Value::as_str) == Some(self.name));
        let parts = volume.get("projected").map_or(&[][..], |projected| list(projected, "sources"));
        let parts = parts.iter().filter_map(|part| part.get(self.projected));
        own.into_iter().chain(parts.filter(|part| self.is_named(Some(part)))).any(has_key)
    }

    fn is_named(&self, reference: Option<&Value>) -> bool {
        reference.and_then(|reference| reference.get("name")?.as_str()) == Some(self.name)
    }
}

/// The Pods of a workload, by where its kind has their spec; custom workloads have it where the built-in ones do.
fn pod_spec(object: &Value) -> Option<&Value> {
    ["/spec/template/spec", "/spec/jobTemplate/spec/template/spec", "/spec"]
        .into_iter()
        .filter_map(|place| object.pointer(place))
        .find(|spec| spec.get("containers").is_some_and(Value::is_array))
}

fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
