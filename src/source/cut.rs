//! The rest of a Kustomize root without the entries that drift does not render: they are taken out of the copy, and so is
//! what only changes what they would have added.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::Seen;
use super::kustomization::{Kustomization, folded};
use super::scan::{Cut, FILE_CAP};
use crate::git::read_file;
use crate::model::push_pointer;
use crate::yaml;

/// Writes the kustomizations of a copy of the tree without some entries, whatever was taken out of them before.
pub(super) fn take_out<'c>(
    (seen, kustomizations): (Seen<'_>, &BTreeSet<PathBuf>),
    cuts: impl IntoIterator<Item = &'c Cut>,
    copy: &Path,
) -> io::Result<()> {
    let mut files: BTreeMap<&Path, BTreeSet<&str>> =
        kustomizations.iter().map(|file| (file.as_path(), BTreeSet::new())).collect();
    for cut in cuts {
        files.entry(&cut.file).or_default().insert(&cut.pointer);
    }
    for (file, pointers) in files {
        let Ok(Some(mut read)) = Kustomization::read(seen, file) else { continue };
        // From the end of each list, so that the places before it stay.
        let mut pointers: Vec<(&str, Option<usize>)> = pointers.into_iter().map(list_item).collect();
        pointers.sort_unstable_by(|one, other| other.cmp(one));
        for (pointer, index) in pointers {
            remove(&mut read.value, pointer, index);
        }
        if let Some(map) = read.value.as_object_mut() {
            keep_from_empty(map);
        }
        let place = copy.join(file);
        // A link would lead to another file of the copy.
        fs::remove_file(&place)?;
        fs::write(place, read.value.to_string())?;
    }
    Ok(())
}

/// `/resources` and 3 of `/resources/3`.
fn list_item(pointer: &str) -> (&str, Option<usize>) {
    let item = pointer.rsplit_once('/').and_then(|(list, index)| Some((list, index.parse().ok()?)));
    item.map_or((pointer, None), |(list, index)| (list, Some(index)))
}

fn remove(value: &mut Value, pointer: &str, index: Option<usize>) {
    match (index, value.pointer_mut(pointer)) {
        (Some(index), Some(Value::Array(items))) if index < items.len() => drop(items.remove(index)),
        (None, Some(entry)) => *entry = Value::Null,
        _ => {}
    }
}

/// Kustomize refuses a kustomization that says nothing.
fn keep_from_empty(map: &mut Map<String, Value>) {
    if !map.keys().any(|key| folded(key) == "generatoroptions") {
        map.insert("generatorOptions".to_owned(), json!({}));
    }
}

/// An entry that changes objects by their names, and fails where they are not.
pub(super) struct Changer {
    pub(super) cut: Cut,
    /// Kind and name of each object; any kind that has replicas where there is none.
    changes: Vec<(Option<String>, String)>,
}

impl Changer {
    /// Whether none of its objects is among the rendered ones, whose names may have a prefix or suffix.
    pub(super) fn has_none_of(&self, rendered: &[&Value]) -> bool {
        let is_it = |object: &Value, (kind, name): &(Option<String>, String)| {
            kind.as_deref().is_none_or(|kind| object["kind"] == kind)
                && object["metadata"]["name"].as_str().is_some_and(|full| full.contains(name.as_str()))
        };
        !rendered.iter().any(|object| self.changes.iter().any(|change| is_it(object, change)))
    }
}

/// Whether kustomize failed for an object that a change names and nobody has.
pub(super) fn lacks_an_object(message: &str) -> bool {
    ["no matches for Id", "does not match a config with the following GVK"]
        .iter()
        .any(|words| message.contains(words))
}

/// The changers of kustomizations.
pub(super) fn changers(seen: Seen<'_>, kustomizations: &BTreeSet<PathBuf>) -> Vec<Changer> {
    let mut found = Vec::new();
    for file in kustomizations {
        let Ok(Some(read)) = Kustomization::read(seen, file) else { continue };
        let folder = file.parent().unwrap_or(Path::new(""));
        for (key, value) in read.value.as_object().into_iter().flatten() {
            let mut list = String::new();
            push_pointer(&mut list, key);
            for (at, entry) in value.as_array().into_iter().flatten().enumerate() {
                let changes = changes((seen, folder), &folded(key), entry);
                let cut = Cut { file: file.clone(), pointer: format!("{list}/{at}") };
                found.extend((!changes.is_empty()).then_some(Changer { cut, changes }));
            }
        }
    }
    found
}

/// What an entry of a field changes by name. A patch with a target that matches nothing is none: kustomize goes on.
fn changes(at: (Seen<'_>, &Path), field: &str, entry: &Value) -> Vec<(Option<String>, String)> {
    let named = |value: &Value| {
        let name = value["name"].as_str()?;
        Some((value["kind"].as_str().map(str::to_owned), name.to_owned()))
    };
    match field {
        "replicas" => named(entry).into_iter().collect(),
        "patchesjson6902" => named(&entry["target"]).into_iter().collect(),
        "patchesstrategicmerge" => entry.as_str().map(|text| patched(at, text)).unwrap_or_default(),
        "patches" if entry.get("target").is_none_or(Value::is_null) => {
            let text = entry["patch"].as_str().or_else(|| entry["path"].as_str());
            text.map(|text| patched(at, text)).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// The objects that a patch names, in a file or by itself.
fn patched((seen, folder): (Seen<'_>, &Path), text: &str) -> Vec<(Option<String>, String)> {
    let file = read_file(seen.root, &folder.join(text), FILE_CAP);
    let bytes = file.unwrap_or_else(|_| text.as_bytes().to_vec());
    let documents = yaml::read(&bytes).into_iter().flatten().map(yaml::Document::into_json);
    let named = documents.filter_map(|object| {
        let name = object["metadata"]["name"].as_str()?.to_owned();
        Some((Some(object["kind"].as_str()?.to_owned()), name))
    });
    named.collect()
}

/// Places in an object that may name what is not rendered: where it is not, kustomize does not put its own prefix, suffix
/// or hash to the name, nor its namespace beside it. RFC 6901 pointers.
pub(super) fn uncertain(object: &Value, rendered: &BTreeSet<String>) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in object.as_object().into_iter().flatten().filter(|(key, _)| *key != "metadata") {
        let mut pointer = String::new();
        push_pointer(&mut pointer, key);
        names(value, &mut pointer, rendered, &mut found);
    }
    found
}

fn names(value: &Value, pointer: &mut String, rendered: &BTreeSet<String>, found: &mut Vec<String>) {
    let length = pointer.len();
    match value {
        Value::String(text) => {
            let key = pointer.rsplit('/').next().unwrap_or_default();
            let is_name = matches!(key, "name" | "namespace") || key.ends_with("Name");
            if is_name && !rendered.contains(text) {
                found.push(pointer.clone());
            }
        }
        Value::Object(map) => {
            for (key, inner) in map {
                push_pointer(pointer, key);
                names(inner, pointer, rendered, found);
                pointer.truncate(length);
            }
        }
        Value::Array(items) => {
            for (at, inner) in items.iter().enumerate() {
                push_pointer(pointer, &at.to_string());
                names(inner, pointer, rendered, found);
                pointer.truncate(length);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::{lacks_an_object, list_item, remove, uncertain};

    #[test]
    fn entries_are_removed_by_place() {
        let mut value = json!({"resources": ["a", "b", "c"], "helmCharts": [{"name": "x"}], "openapi": {}});
        for pointer in ["/resources/2", "/resources/0", "/helmCharts/0", "/openapi", "/nowhere/3"] {
            let (list, index) = list_item(pointer);
            remove(&mut value, list, index);
        }
        assert_eq!(value, json!({"resources": ["b"], "helmCharts": [], "openapi": null}));
    }

    #[test]
    fn names_of_what_is_not_rendered_are_uncertain() {
        let object = json!({
            "metadata": {"name": "web", "labels": {"name": "x"}},
            "spec": {"volumes": [{"secret": {"secretName": "s"}}, {"configMap": {"name": "cfg"}}],
                     "serviceAccountName": "web", "image": "web"},
            "subjects": [{"kind": "ServiceAccount", "name": "web", "namespace": "shop"}],
        });
        let rendered = BTreeSet::from(["web".to_owned(), "cfg".to_owned()]);
        let expected = ["/spec/volumes/0/secret/secretName", "/subjects/0/namespace"];
        assert_eq!(uncertain(&object, &rendered), expected);
    }

    #[test]
    fn failures_for_an_object_that_nobody_has_are_told() {
        for message in [
            "no matches for Id Secret.v1.[noGrp]/zz.[noNs]; failed to find unique target for patch",
            "resource with name zz does not match a config with the following GVK [Deployment]",
        ] {
            assert!(lacks_an_object(message), "{message}");
        }
        assert!(!lacks_an_object("nothing selected by Secret.[noVer].[noGrp]/zz.[noNs]"));
    }
}
