//! The kustomization that Flux builds of a root's own and of what the Kustomization sets, written before anything is
//! rendered (`GenerateManifest` in `pkg/kustomize/kustomize_generator.go`).

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::flux_folder;
use super::kustomization::Kustomization;
use super::kustomize_files::fold_key;
use super::kustomize_inputs::normalise_path;
use super::resolved::ResolvedSource;
use super::tree::{KUSTOMIZATIONS, SourceTree, WrittenKustomization};
use crate::model::{FluxOptions, Incomplete, SourceMap};

/// How addresses begin, which a component may not be (`IsLocalRelativePath`).
const ADDRESSES: [&str; 8] =
    ["git::", "gh:", "ssh://", "https://", "http://", "git@", "github.com:", "github.com/"];
/// What Flux takes of the target of a patch.
const SELECTOR: [&str; 7] =
    ["group", "version", "kind", "name", "namespace", "labelSelector", "annotationSelector"];

/// What Flux renders in the place of a root's own kustomization.
pub(super) struct FluxRoot {
    pub(super) written: WrittenKustomization,
    /// What was left out of a kustomization that Flux makes.
    pub(super) warning: Option<String>,
}

/// The kustomization of a source that a Flux Kustomization applies.
pub(super) fn of(located: &ResolvedSource<'_>, options: &FluxOptions) -> Result<FluxRoot, Incomplete> {
    let Some(file) = located.tree.kustomization(&located.path) else {
        let made = flux_folder::generate(located)?;
        let kustomization = made.kustomization.as_object().cloned().unwrap_or_default();
        let value = merged(located, kustomization, options)?;
        let (file, places) = (located.path.join(KUSTOMIZATIONS[0]), SourceMap::default());
        let written = WrittenKustomization { file, value, places, is_generated: true };
        return Ok(FluxRoot { written, warning: made.warning });
    };
    let read = Kustomization::read(located.tree, &file)?;
    let (value, places) = read.map_or_else(Default::default, |read| (read.value, read.source_map));
    let own = match value {
        Value::Object(own) => own,
        Value::Null => Map::new(),
        _ => return Err(incomplete(located, "its kustomization is no mapping")),
    };
    let value = merged(located, with_origins(own), options)?;
    let written = WrittenKustomization { file, value, places, is_generated: false };
    Ok(FluxRoot { written, warning: None })
}

fn incomplete(located: &ResolvedSource<'_>, why: impl Into<String>) -> Incomplete {
    Incomplete { what: located.source.path.clone(), why: why.into() }
}

/// Flux has one without resources say something, for kustomize would refuse it: where each object comes from.
fn with_origins(mut own: Map<String, Value>) -> Map<String, Value> {
    let has_resources = get(&own, "resources").and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    if !has_resources {
        put(&mut own, "buildMetadata", json!(["originAnnotations"]));
    }
    own
}

fn merged(
    located: &ResolvedSource<'_>,
    mut kustomization: Map<String, Value>,
    options: &FluxOptions,
) -> Result<Value, Incomplete> {
    for (name, value) in &options.kustomization {
        match (name.as_str(), value) {
            ("patches", Value::Array(patches)) => {
                append(&mut kustomization, name, patches.iter().map(patch).collect());
            }
            ("components", Value::Array(components)) => {
                let mut kept = Vec::new();
                for component in components {
                    if keeps(located, component, options)? {
                        kept.push(component.clone());
                    }
                }
                append(&mut kustomization, name, kept);
            }
            ("images", Value::Array(images)) => merge_images(&mut kustomization, images),
            _ => put(&mut kustomization, name, value.clone()),
        }
    }
    Ok(Value::Object(kustomization))
}

/// Whether a component is built, or passed over because it is not there.
fn keeps(located: &ResolvedSource<'_>, component: &Value, options: &FluxOptions) -> Result<bool, Incomplete> {
    let path = component.as_str().unwrap_or_default();
    if is_address(path) {
        return Err(incomplete(located, "it sets a component whose path is not local and relative"));
    }
    Ok(!options.ignores_missing_components || exists(located.tree, &located.path, path))
}

fn is_address(path: &str) -> bool {
    let lower = path.to_lowercase();
    let begins = |address: &str| lower.len() > address.len() && lower.starts_with(address);
    ADDRESSES.into_iter().any(begins) || lower.trim_start_matches("file://").starts_with('/')
}

fn exists(tree: SourceTree<'_>, folder: &Path, path: &str) -> bool {
    let there: Option<PathBuf> = normalise_path(folder, path);
    there.is_some_and(|path| tree.reads(&path) && tree.root.join(path).exists())
}

fn patch(set: &Value) -> Value {
    let mut patch = json!({"patch": set["patch"].as_str().unwrap_or_default()});
    if let Some(target) = set["target"].as_object() {
        let known = target.iter().filter(|(key, _)| SELECTOR.contains(&key.as_str()));
        patch["target"] =
            known.map(|(key, value)| (key.clone(), value.clone())).collect::<Map<_, _>>().into();
    }
    patch
}

/// One entry for a name: what is set goes before what the kustomization has, tag and digest together.
fn merge_images(kustomization: &mut Map<String, Value>, images: &[Value]) {
    let mut all = take_list(kustomization, "images");
    let text = |image: &Value, key: &str| image[key].as_str().unwrap_or_default().to_owned();
    for image in images {
        let Some(own) = all.iter_mut().find(|own| text(own, "name") == text(image, "name")) else {
            all.push(image.clone());
            continue;
        };
        let Some(own) = own.as_object_mut() else { continue };
        let (new_name, tag, digest) = (text(image, "newName"), text(image, "newTag"), text(image, "digest"));
        if !new_name.is_empty() {
            own.insert("newName".to_owned(), new_name.into());
        }
        if !tag.is_empty() || !digest.is_empty() {
            own.insert("newTag".to_owned(), tag.into());
            own.insert("digest".to_owned(), digest.into());
        }
    }
    put(kustomization, "images", Value::Array(all));
}

fn append(kustomization: &mut Map<String, Value>, name: &str, more: Vec<Value>) {
    let mut all = take_list(kustomization, name);
    all.extend(more);
    put(kustomization, name, Value::Array(all));
}

fn take_list(kustomization: &Map<String, Value>, name: &str) -> Vec<Value> {
    get(kustomization, name).and_then(Value::as_array).cloned().unwrap_or_default()
}

/// The key of a field, as it is written.
fn key<'m>(kustomization: &'m Map<String, Value>, name: &str) -> Option<&'m String> {
    kustomization.keys().rfind(|key| fold_key(key) == fold_key(name))
}

fn get<'m>(kustomization: &'m Map<String, Value>, name: &str) -> Option<&'m Value> {
    kustomization.get(key(kustomization, name)?)
}

fn put(kustomization: &mut Map<String, Value>, name: &str, value: Value) {
    let key = key(kustomization, name).map_or_else(|| name.to_owned(), Clone::clone);
    kustomization.insert(key, value);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{append, is_address, merge_images, patch, put, with_origins};

    fn map(value: Value) -> serde_json::Map<String, Value> {
        value.as_object().cloned().expect("a map")
    }

    #[test]
    fn images_of_one_name_are_merged() {
        let mut kustomization = map(json!({"Images": [
            {"name": "web", "newName": "own", "newTag": "1", "digest": "sha256:1"},
            {"name": "db", "newTag": "1"}, {"name": "other", "newTag": "1"}]}));
        let set = json!([{"name": "web", "newTag": "2"}, {"name": "db", "newName": "r/db"}, {"name": "new", "digest": "x"}]);
        merge_images(&mut kustomization, set.as_array().expect("a list"));
        assert_eq!(
            Value::Object(kustomization),
            json!({"Images": [{"name": "web", "newName": "own", "newTag": "2", "digest": ""},
                {"name": "db", "newName": "r/db", "newTag": "1"}, {"name": "other", "newTag": "1"},
                {"name": "new", "digest": "x"}]})
        );
    }

    #[test]
    fn what_is_set_stands_behind_or_in_place_of_the_own() {
        let mut kustomization = map(json!({"Namespace": "own", "components": ["a"]}));
        put(&mut kustomization, "namespace", json!("set"));
        append(&mut kustomization, "components", vec![json!("b")]);
        append(
            &mut kustomization,
            "patches",
            vec![patch(&json!({"patch": "x", "target": {"kind": "A", "z": 1}}))],
        );
        assert_eq!(
            Value::Object(kustomization.clone()),
            json!({"Namespace": "set", "components": ["a", "b"], "patches": [{"patch": "x", "target": {"kind": "A"}}]})
        );
        assert_eq!(with_origins(kustomization)["buildMetadata"], json!(["originAnnotations"]));
        assert!(!with_origins(map(json!({"resources": ["a"]}))).contains_key("buildMetadata"));
    }

    #[test]
    fn addresses_are_no_components() {
        for address in ["https://a/b", "git@a:b", "GitHub.com/a/b", "/a", "file:///a", "gh:a"] {
            assert!(is_address(address), "{address}");
        }
        for path in ["../a", "a", "./github.com/a", "git"] {
            assert!(!is_address(path), "{path}");
        }
    }
}
