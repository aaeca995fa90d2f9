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
    /// Whether it changes this object, by the name that its kustomization has for it.
    pub(super) fn changes(&self, lacking: &Lacking) -> bool {
        self.changes.iter().any(|(kind, name)| {
            *name == lacking.name && (kind.is_none() || lacking.kind.is_none() || *kind == lacking.kind)
        })
    }
}

/// An object that a change names and nobody has.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lacking {
    kind: Option<String>,
    name: String,
}

/// The object for which kustomize failed, where it did for that: `no matches for Id Secret.v1.[noGrp]/far.[noNs]`, or
/// `resource with name far does not match a config with the following GVK`.
pub(super) fn lacking(message: &str) -> Option<Lacking> {
    if let Some((_, rest)) = message.split_once("no matches for Id ") {
        let id = rest.split([';', '\n', ' ']).next()?;
        let (kind, name) = id.split_once('/')?;
        let kind = kind.split('.').next().map(str::to_owned);
        // A name has dots of its own; the namespace is what follows the last.
        let name = name.trim_end_matches(['.', ':', ',']);
        let name = name.strip_suffix(".[noNs]").or_else(|| name.rsplit_once('.').map(|(name, _)| name))?;
        return Some(Lacking { kind, name: name.to_owned() });
    }
    let (_, rest) = message.split_once("resource with name ")?;
    let (name, _) = rest.split_once(" does not match a config with the following GVK")?;
    Some(Lacking { kind: None, name: name.to_owned() })
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

/// Places in an object that name what is not rendered: Kustomize does not put its own prefix, suffix or hash to such a
/// name, nor its namespace beside it, and fills in no variable from it. RFC 6901 pointers. `rendered` has kinds and names.
pub(super) fn uncertain(object: &Value, rendered: &BTreeSet<(String, String)>) -> Vec<String> {
    let mut found = Vec::new();
    Names { rendered, found: &mut found }.walk(object, &mut String::new(), &[]);
    found
}

struct Names<'a> {
    rendered: &'a BTreeSet<(String, String)>,
    found: &'a mut Vec<String>,
}

impl Names<'_> {
    /// `around`: the maps around a value, with the keys under which they stand.
    fn walk(&mut self, value: &Value, pointer: &mut String, around: &[(&str, &Map<String, Value>)]) {
        let length = pointer.len();
        match value {
            Value::String(text) if self.is_uncertain(text, around) => self.found.push(pointer.clone()),
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
        let (Some(kinds), Some(name)) = (named_kinds(around), name) else { return false };
        !kinds.iter().any(|kind| self.rendered.contains(&((*kind).to_owned(), name.to_owned())))
    }
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
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::{lacking, list_item, remove, uncertain};

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
            "metadata": {"name": "web", "labels": {"name": "x"},
                         "annotations": {"nginx.ingress.kubernetes.io/auth-secret": "shop/creds", "docs": "x"}},
            "spec": {"volumes": [{"name": "v", "secret": {"secretName": "s"}}, {"name": "w", "configMap": {"name": "cfg"}}],
                     "containers": [{"name": "c", "args": ["--u=$(URL)"], "ports": [{"name": "http"}],
                                     "envFrom": [{"configMapRef": {"name": "web"}}]}],
                     "serviceAccountName": "web", "serviceName": "web", "image": "web"},
            "subjects": [{"kind": "ServiceAccount", "name": "far", "namespace": "shop"}, {"kind": "User", "name": "alice"}],
            "rules": [{"resourceNames": ["creds"], "verbs": ["get"]}],
            "data": {"name": "x", "hostName": "y"},
        });
        let rendered = [("ServiceAccount", "web"), ("Deployment", "web"), ("ConfigMap", "cfg")];
        let rendered = rendered.map(|(kind, name)| (kind.to_owned(), name.to_owned()));
        let expected = [
            "/metadata/annotations/nginx.ingress.kubernetes.io~1auth-secret",
            "/rules/0/resourceNames/0",
            "/spec/containers/0/args/0",
            "/spec/containers/0/envFrom/0/configMapRef/name",
            "/spec/serviceName",
            "/spec/volumes/0/secret/secretName",
            "/subjects/0/name",
            "/subjects/0/namespace",
        ];
        let mut found = uncertain(&object, &BTreeSet::from(rendered));
        found.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_object_that_nobody_has_is_told() {
        let lacking = |message: &str| lacking(message).map(|found| (found.kind, found.name));
        for (message, kind, name) in [
            (
                "no matches for Id Secret.v1.[noGrp]/zz.[noNs]; failed to find unique target for patch",
                Some("Secret"),
                "zz",
            ),
            ("no resource matches: no matches for Id Deployment.v1.apps/a.b.shop", Some("Deployment"), "a.b"),
            ("resource with name zz does not match a config with the following GVK [Deployment]", None, "zz"),
        ] {
            assert_eq!(lacking(message), Some((kind.map(str::to_owned), name.to_owned())), "{message}");
        }
        assert_eq!(lacking("nothing selected by Secret.[noVer].[noGrp]/zz.[noNs]"), None);
    }
}
