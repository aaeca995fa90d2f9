//! What configurations may change: those of a base hold for every kustomization above it (`MergeConfig` in
//! `api/internal/accumulator`), so that a base that is not rendered may have named further places for names, images and the
//! like in objects of the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::kustomization::Kustomization;
use super::kustomize_files::{FILE_CAP, fold_key};
use super::stand_in::is_hash;
use super::tree::SourceTree;
use crate::model::substitution::has_variable;
use crate::model::{ResourceId, push_pointer};
use crate::yaml;

/// The most names that one object may have had, and the most prefixes and suffixes that are tried.
const MOST_NAMES: usize = 20;
const MOST_AFFIXES: usize = 1_000;

/// What the kustomizations put into objects, wherever a configuration says so.
#[derive(Debug, Default)]
pub(super) struct Configured {
    affixes: BTreeSet<String>,
    images: Vec<Value>,
    namespaces: BTreeSet<String>,
    labels: BTreeMap<String, Value>,
    annotations: BTreeMap<String, Value>,
    /// Objects whose replicas are set.
    replicas: BTreeSet<String>,
    /// What the rendered objects were called before they got the names that they have.
    renamed: BTreeSet<String>,
}

impl Configured {
    /// `above`: kustomizations above a base that is not rendered; `all`: every one of the root.
    pub(super) fn read(seen: SourceTree<'_>, above: &BTreeSet<PathBuf>, all: &BTreeSet<PathBuf>) -> Self {
        let mut configured = Self::default();
        for file in all {
            let Ok(Some(read)) = Kustomization::read(seen, file) else { continue };
            for (key, value) in read.value.as_object().into_iter().flatten() {
                configured.take(&fold_key(key), value, above.contains(file));
            }
        }
        configured
    }

    fn take(&mut self, key: &str, value: &Value, is_above: bool) {
        let text = value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let items = || value.as_array().into_iter().flatten();
        let pairs = |value: &Value| value.as_object().cloned().unwrap_or_default();
        match key {
            "nameprefix" | "namesuffix" => self.affixes.extend(text),
            _ if !is_above => {}
            "namespace" => self.namespaces.extend(text),
            "images" => self.images.extend(items().cloned()),
            "replicas" => {
                self.replicas.extend(items().filter_map(|item| item["name"].as_str()).map(str::to_owned));
            }
            "commonlabels" => self.labels.extend(pairs(value)),
            "commonannotations" => self.annotations.extend(pairs(value)),
            "labels" => {
                // Others go to one place that is known.
                let is_wide = |item: &&Value| {
                    ["includeSelectors", "includeTemplates"].iter().any(|key| item[*key] == true)
                };
                self.labels.extend(items().filter(is_wide).flat_map(|item| pairs(&item["pairs"])));
            }
            _ => {}
        }
    }

    /// Whether what is put into objects has variables that a GitOps tool fills in.
    pub(super) fn has_variables(&self) -> bool {
        let Self { affixes, images, namespaces, labels, annotations, replicas, renamed: _ } = self;
        let names = [affixes, namespaces, replicas].into_iter().flatten().map(String::as_str);
        let pairs = [labels, annotations].into_iter().flatten();
        let pairs = pairs.flat_map(|(key, value)| [key.as_str(), value.as_str().unwrap_or_default()]);
        let of_image = images.iter().filter_map(Value::as_object).flatten();
        let of_image = of_image.filter_map(|(_, value)| value.as_str());
        names.chain(pairs).chain(of_image).any(has_variable)
    }

    /// Learns what the objects of the rest were called.
    pub(super) fn learn<'v>(&mut self, objects: impl Iterator<Item = &'v Value>) {
        for object in objects {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            let renamed = self.former(name).into_iter().filter(|former| former != name);
            self.renamed.extend(renamed.collect::<Vec<_>>());
        }
    }

    /// A name, and every one that it may have come from.
    fn former(&self, name: &str) -> BTreeSet<String> {
        let (mut found, mut rest) = (BTreeSet::new(), vec![name]);
        while let Some(name) = rest.pop() {
            if name.is_empty() || found.len() >= MOST_NAMES || !found.insert(name.to_owned()) {
                continue;
            }
            for affix in self.affixes.iter().take(MOST_AFFIXES) {
                rest.extend(
                    name.strip_prefix(affix.as_str()).into_iter().chain(name.strip_suffix(affix.as_str())),
                );
            }
            rest.extend(name.rsplit_once('-').filter(|(_, hash)| is_hash(hash)).map(|(name, _)| name));
        }
        found
    }

    /// Places in an object that such a configuration may have named. Kustomize itself knows those of kinds of Kubernetes,
    /// but for namespaces in them. RFC 6901 pointers.
    pub(super) fn uncertain(&self, object: &Value) -> Vec<String> {
        let is_custom = ResourceId::from_object(object).is_ok_and(|id| !id.is_built_in());
        let mut walk = Walk { configured: self, is_custom, found: Vec::new() };
        for (key, value) in object.as_object().into_iter().flatten() {
            if !["apiVersion", "kind"].contains(&key.as_str()) {
                walk.value(value, (key, &format!("/{key}")));
            }
        }
        let mut found = walk.found;
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        if is_custom && self.former(name).iter().any(|name| self.replicas.contains(name)) {
            found.push("/spec/replicas".to_owned());
        }
        found.retain(|pointer| !["/metadata/name", "/metadata/namespace"].contains(&pointer.as_str()));
        found
    }
}

struct Walk<'a> {
    configured: &'a Configured,
    /// Whether Kustomize knows no places of the object's kind.
    is_custom: bool,
    found: Vec<String>,
}

/// The key of an item of a list.
const ITEM: &str = "-";
/// Keys of maps whose values are no names of objects.
const LABELS: [&str; 4] = ["labels", "matchLabels", "selector", "annotations"];

impl Walk<'_> {
    fn value(&mut self, value: &Value, (key, pointer): (&str, &str)) {
        let below = |key: &str| {
            let mut pointer = pointer.to_owned();
            push_pointer(&mut pointer, key);
            pointer
        };
        match value {
            Value::String(text) if self.may_change(key, text) => self.found.push(pointer.to_owned()),
            Value::Object(map) => {
                let put = self.put_into(key, map).into_iter().map(below).collect::<Vec<_>>();
                self.found.extend(put);
                // The name of an item is its own.
                let is_own = |inner: &str| LABELS.contains(&key) || (key == ITEM && inner == "name");
                for (inner, value) in map.iter().filter(|(inner, _)| !is_own(inner)) {
                    self.value(value, (inner, &below(inner)));
                }
            }
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.value(item, (ITEM, &below(&at.to_string())));
                }
            }
            _ => {}
        }
    }

    fn may_change(&self, key: &str, text: &str) -> bool {
        let Configured { namespaces, renamed, images, .. } = self.configured;
        let is_other_namespace = key == "namespace" && namespaces.iter().any(|namespace| namespace != text);
        let is_named = || renamed.contains(text) || images.iter().any(|image| is_before(image, text));
        is_other_namespace || (self.is_custom && is_named())
    }

    /// Keys of a map that may be put into it, or get another value.
    fn put_into(&self, key: &str, map: &Map<String, Value>) -> Vec<&str> {
        let Configured { namespaces, labels, annotations, .. } = self.configured;
        let pairs = match key {
            "service" if !namespaces.is_empty() => {
                let lacks = map.contains_key("name") && !map.contains_key("namespace");
                return lacks.then_some("namespace").into_iter().collect();
            }
            "annotations" if self.is_custom => annotations,
            _ if self.is_custom && LABELS.contains(&key) => labels,
            _ => return Vec::new(),
        };
        let differs = |(key, value): &(&String, &Value)| map.get(*key) != Some(*value);
        pairs.iter().filter(differs).map(|(key, _)| key.as_str()).collect()
    }
}

/// Whether a text is an image as it is before this change of images.
fn is_before(change: &Value, text: &str) -> bool {
    let field = |key: &str| change[key].as_str().filter(|text| !text.is_empty());
    let Some(name) = field("name") else { return false };
    let is_of_name =
        text.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '@']));
    let new_name = field("newName").unwrap_or(name);
    let tag = field("newTag").map(|tag| format!(":{tag}")).unwrap_or_default();
    let digest = field("digest").map(|digest| format!("@{digest}")).unwrap_or_default();
    let is_after = match (tag.is_empty(), digest.is_empty()) {
        (true, true) => name == new_name,
        _ => text == format!("{new_name}{tag}{digest}"),
    };
    is_of_name && !is_after
}

/// A place for the name of another object, of a configuration that is read.
#[derive(Debug)]
pub(super) struct Reference {
    /// Kind of the object that is named.
    pub(super) of: String,
    /// Kind of the objects in which it is; `None`: any.
    pub(super) within: Option<String>,
}

/// The places for names that configurations tell, by the keys on the way to them.
pub(super) type References = BTreeMap<Vec<String>, Vec<Reference>>;

/// The places for names that the configurations of kustomizations tell.
pub(super) fn references(seen: SourceTree<'_>, kustomizations: &BTreeSet<PathBuf>) -> References {
    let mut found = References::new();
    for file in kustomizations {
        let Ok(Some(read)) = Kustomization::read(seen, file) else { continue };
        let folder = file.parent().unwrap_or(Path::new(""));
        for load in read.loads().iter().filter(|load| load.field == "configurations") {
            let bytes = seen.read(&folder.join(load.text), FILE_CAP).unwrap_or_default();
            for document in yaml::read(&bytes).into_iter().flatten() {
                references_in(&document.into_json(), &mut found);
            }
        }
    }
    found
}

fn references_in(configuration: &Value, found: &mut References) {
    for reference in configuration["nameReference"].as_array().into_iter().flatten() {
        for field in reference["fieldSpecs"].as_array().into_iter().flatten() {
            let (Some(of), Some(path)) = (reference["kind"].as_str(), field["path"].as_str()) else {
                continue;
            };
            let within = field["kind"].as_str().map(str::to_owned);
            found.entry(keys(path)).or_default().push(Reference { of: of.to_owned(), within });
        }
    }
}

/// The keys of `spec/containers[]/name`; `\/` is a slash in one.
fn keys(path: &str) -> Vec<String> {
    let path = path.replace("\\/", "\0");
    let key = |key: &str| key.strip_suffix("[]").unwrap_or(key).replace('\0', "/");
    path.split('/').filter(|key| !key.is_empty()).map(key).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::{Configured, is_before, keys};

    #[test]
    fn image_before_change_distinguished_from_result() {
        let change = json!({"name": "nginx", "newTag": "9"});
        let renamed = json!({"name": "nginx", "newName": "r.example.com/nginx"});
        for (change, text, expected) in [
            (&change, "nginx", true),
            (&change, "nginx:1", true),
            (&change, "nginx@sha256:1", true),
            (&change, "nginx:9", false),
            (&change, "nginx-x", false),
            (&renamed, "nginx:1", true),
            (&renamed, "r.example.com/nginx:1", false),
            (&json!({"name": "nginx"}), "nginx:1", false),
            (&json!({"newTag": "9"}), "nginx:1", false),
        ] {
            assert_eq!(is_before(change, text), expected, "{change} {text}");
        }
    }

    #[test]
    fn variables_are_found_in_whatever_is_put() {
        for (key, value, expected) in [
            ("nameprefix", json!("${P}-"), true),
            ("namespace", json!("${NS}"), true),
            ("images", json!([{"name": "web", "newTag": "${TAG:=1}"}]), true),
            ("replicas", json!([{"name": "${WEB}", "count": 1}]), true),
            ("commonlabels", json!({"team": "${TEAM}"}), true),
            ("commonannotations", json!({"${KEY}": "a"}), true),
            ("images", json!([{"name": "web", "newTag": "$TAG"}]), false),
            ("patches", json!([{"patch": "${P}"}]), false),
        ] {
            let mut configured = Configured::default();
            configured.take(key, &value, true);
            assert_eq!(configured.has_variables(), expected, "{key} {value}");
        }
    }

    #[test]
    fn former_object_names_are_known() {
        let mut configured = Configured::default();
        for (key, value) in [("nameprefix", "p-"), ("namesuffix", "-s"), ("nameprefix", "q-")] {
            configured.take(key, &json!(value), false);
        }
        let expected = ["q-p-x-s", "p-x-s", "x-s", "x", "p-x", "q-p-x"].map(str::to_owned);
        assert_eq!(configured.former("q-p-x-s"), BTreeSet::from(expected));
        assert!(configured.former("p-x-4b58d7862t").contains("x"));
        assert_eq!(keys("metadata/annotations/a.b\\/c"), ["metadata", "annotations", "a.b/c"]);
        assert_eq!(keys("spec/list[]/name"), ["spec", "list", "name"]);
    }
}
