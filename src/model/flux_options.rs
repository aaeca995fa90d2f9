//! What a Flux Kustomization sets beside its folder.

use serde_json::{Map, Value};

/// Options of a Flux Kustomization that change what its folder renders to (`spec` in `api/v1/kustomization_types.go` of
/// kustomize-controller).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FluxOptions {
    /// Written into the folder's own kustomization: `namespace`, `namePrefix` and `nameSuffix` in the place of its own,
    /// `patches` and `images` behind them.
    pub kustomization: Map<String, Value>,
    /// Put on every rendered object, in the place of its own: `labels` and `annotations`.
    pub common_metadata: Map<String, Value>,
}

impl FluxOptions {
    /// Whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kustomization.is_empty() && self.common_metadata.is_empty()
    }

    /// The options in the folder's own kustomization, as Flux writes them there (`pkg/kustomize/kustomize_generator.go`).
    pub fn merge_into(&self, kustomization: &mut Map<String, Value>) {
        for (name, value) in &self.kustomization {
            match (value, kustomization.get_mut(name)) {
                (Value::Array(ours), Some(Value::Array(own))) => {
                    if name == "images" {
                        // One entry for a name: the last that is set.
                        own.retain(|image| !ours.iter().any(|other| other["name"] == image["name"]));
                    }
                    own.extend(ours.iter().cloned());
                }
                _ => drop(kustomization.insert(name.clone(), value.clone())),
            }
        }
    }

    /// Puts the common metadata on a rendered object.
    pub fn put_metadata(&self, object: &mut Value) {
        for (name, values) in &self.common_metadata {
            let (Some(values), Some(metadata)) =
                (values.as_object(), object.get_mut("metadata").and_then(Value::as_object_mut))
            else {
                continue;
            };
            let own = metadata.entry(name).or_insert_with(|| Value::Object(Map::new()));
            if let Some(own) = own.as_object_mut() {
                own.extend(values.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::FluxOptions;

    fn map(value: Value) -> serde_json::Map<String, Value> {
        value.as_object().cloned().expect("a map")
    }

    #[test]
    fn options_stand_behind_those_of_the_folder() {
        let options = FluxOptions {
            kustomization: map(json!({"namespace": "shop", "namePrefix": "a-", "patches": [{"patch": "2"}],
                "images": [{"name": "web", "newTag": "2"}, {"name": "db", "newTag": "1"}]})),
            common_metadata: map(json!({"labels": {"team": "a", "new": "b"}})),
        };
        let mut kustomization =
            map(json!({"resources": ["a.yaml"], "namespace": "own", "patches": [{"patch": "1"}],
            "images": [{"name": "web", "newTag": "1"}, {"name": "other", "newTag": "1"}]}));
        options.merge_into(&mut kustomization);
        assert_eq!(
            Value::Object(kustomization),
            json!({"resources": ["a.yaml"], "namespace": "shop", "namePrefix": "a-",
                "patches": [{"patch": "1"}, {"patch": "2"}],
                "images": [{"name": "other", "newTag": "1"}, {"name": "web", "newTag": "2"}, {"name": "db", "newTag": "1"}]})
        );
        let mut object = json!({"metadata": {"name": "web", "labels": {"team": "own", "kept": "x"}}});
        options.put_metadata(&mut object);
        assert_eq!(object["metadata"]["labels"], json!({"team": "a", "new": "b", "kept": "x"}));
    }
}
