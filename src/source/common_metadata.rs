//! Labels and annotations that a Kustomization or HelmRelease of Flux puts on all its objects.

use serde_json::{Map, Value};

/// Puts what is set for all objects on one, in the place of its own (`SetCommonMetadata` in `ssa/utils` of fluxcd/pkg).
pub(super) fn put(common: &Map<String, Value>, object: &mut Value) {
    for (name, values) in common {
        let (Some(values), Some(metadata)) =
            (values.as_object(), object.get_mut("metadata").and_then(Value::as_object_mut))
        else {
            continue;
        };
        let own = metadata.entry(name).or_insert(Value::Null);
        if !own.is_object() {
            *own = Value::Object(Map::new());
        }
        if let Some(own) = own.as_object_mut() {
            own.extend(values.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
    }
}
