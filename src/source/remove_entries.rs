//! The rest of a Kustomize root without the entries that drift does not render: they are taken out of the copy, and so is
//! what only changes what they would have added.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde_json::{Map, Value, json};

use super::kustomization::Kustomization;
use super::kustomize_files::{FILE_CAP, fold_key};
use super::kustomize_inputs::{EntryToRemove, KustomizeInputs};
use super::stand_in::StandIn;
use super::touched::{self, Touched};
use super::tree::SourceTree;
use crate::git::read_file;
use crate::model::push_pointer;
use crate::yaml;

/// What is left of a root, to be written into a copy of the tree.
pub(super) struct Rest<'a> {
    pub(super) seen: SourceTree<'a>,
    pub(super) scan: &'a KustomizeInputs,
    /// What is taken out besides, for it only changes what is not rendered.
    pub(super) orphans: &'a [EntryToRemove],
    pub(super) stand_in: &'a StandIn,
}

impl Rest<'_> {
    /// Writes the kustomizations without what is taken out, whatever was written before.
    pub(super) fn write(&self, copy: &Path) -> io::Result<()> {
        let kustomizations = self.scan.kustomizations.iter();
        let mut files: BTreeMap<&Path, BTreeSet<&str>> =
            kustomizations.map(|file| (file.as_path(), BTreeSet::new())).collect();
        for cut in self.scan.cuts.iter().chain(self.orphans) {
            files.entry(&cut.file).or_default().insert(&cut.pointer);
        }
        for (file, pointers) in files {
            let Ok(Some(read)) = Kustomization::read(self.seen, file) else { continue };
            let place = copy.join(file);
            // A link would lead to another file of the copy.
            fs::remove_file(&place)?;
            fs::write(place, self.edited(file, read.value, pointers).to_string())?;
        }
        Ok(())
    }

    fn edited(&self, file: &Path, mut value: Value, pointers: BTreeSet<&str>) -> Value {
        // From the end of each list, so that the places before it stay.
        let mut pointers: Vec<(&str, Option<usize>)> = pointers.into_iter().map(list_item).collect();
        pointers.sort_unstable_by(|one, other| other.cmp(one));
        for (pointer, index) in pointers {
            remove(&mut value, pointer, index);
        }
        if let Some(map) = value.as_object_mut() {
            keep_from_empty(map);
            if let Some(touched) = self.scan.touched.get(file) {
                self.stand_in.mark(map, touched.iter());
            }
            let touched: Vec<&Touched> = self.scan.touched.values().flatten().collect();
            let at = (self.seen, file.parent().unwrap_or(Path::new("")));
            for (_, list) in map.iter_mut().filter(|(key, _)| fold_key(key) == "replacements") {
                self.stand_in.replace(at, &touched, list);
            }
        }
        value
    }
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
    if !map.keys().any(|key| fold_key(key) == "generatoroptions") {
        map.insert("generatorOptions".to_owned(), json!({}));
    }
}

/// An entry that changes objects by their names, and fails where they are not.
pub(super) struct NamedPatch {
    pub(super) cut: EntryToRemove,
    /// Kind and name of each object; any kind that has replicas where there is none.
    objects: Vec<(Option<String>, String)>,
}

impl NamedPatch {
    /// Whether it changes this object, by the name that its kustomization has for it.
    pub(super) fn targets(&self, lacking: &MissingTarget) -> bool {
        self.objects.iter().any(|(kind, name)| {
            *name == lacking.name && (kind.is_none() || lacking.kind.is_none() || *kind == lacking.kind)
        })
    }
}

/// An object that a change names and nobody has.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MissingTarget {
    kind: Option<String>,
    name: String,
}

/// The object for which kustomize failed, where it did for that: `no matches for Id Secret.v1.[noGrp]/far.[noNs]`,
/// `resource with name far does not match a config with the following GVK`, or `Kind:"Secret", …}, Name:"far", … does not
/// exist; cannot merge or replace`.
pub(super) fn parse_missing_target(message: &str) -> Option<MissingTarget> {
    if let Some((_, rest)) = message.split_once("no matches for Id ") {
        let id = rest.split([';', '\n', ' ']).next()?;
        let (kind, name) = id.split_once('/')?;
        let kind = kind.split('.').next().map(str::to_owned);
        // A name has dots of its own; the namespace is what follows the last.
        let name = name.trim_end_matches(['.', ':', ',']);
        let name = name.strip_suffix(".[noNs]").or_else(|| name.rsplit_once('.').map(|(name, _)| name))?;
        return Some(MissingTarget { kind, name: name.to_owned() });
    }
    if let Some((id, _)) = message.split_once(" does not exist; cannot merge or replace") {
        let quoted = |key: &str| Some(id.rsplit_once(key)?.1.split_once('"')?.0.to_owned());
        return Some(MissingTarget { kind: quoted("Kind:\""), name: quoted("Name:\"")? });
    }
    let (_, rest) = message.split_once("resource with name ")?;
    let (name, _) = rest.split_once(" does not match a config with the following GVK")?;
    Some(MissingTarget { kind: None, name: name.to_owned() })
}

/// The changers of kustomizations.
pub(super) fn find_named_patches(
    seen: SourceTree<'_>,
    kustomizations: &BTreeSet<PathBuf>,
) -> Vec<NamedPatch> {
    let mut found = Vec::new();
    for file in kustomizations {
        let Ok(Some(read)) = Kustomization::read(seen, file) else { continue };
        let folder = file.parent().unwrap_or(Path::new(""));
        for (key, value) in read.value.as_object().into_iter().flatten() {
            let mut list = String::new();
            push_pointer(&mut list, key);
            for (at, entry) in value.as_array().into_iter().flatten().enumerate() {
                let changes = changes((seen, folder), &fold_key(key), entry);
                let cut = EntryToRemove { file: file.clone(), pointer: format!("{list}/{at}") };
                found.extend((!changes.is_empty()).then_some(NamedPatch { cut, objects: changes }));
            }
        }
    }
    found
}

/// What an entry of a field changes by name. A patch with a target that matches nothing is none: kustomize goes on.
fn changes(at: (SourceTree<'_>, &Path), field: &str, entry: &Value) -> Vec<(Option<String>, String)> {
    let named = |value: &Value| {
        let name = value["name"].as_str()?;
        Some((value["kind"].as_str().map(str::to_owned), name.to_owned()))
    };
    match field {
        "replicas" => named(entry).into_iter().collect(),
        "configmapgenerator" | "secretgenerator" => {
            let touched = touched::by_entry(field, entry).into_iter();
            touched.filter_map(|touched| Some((touched.kind, touched.name?))).collect()
        }
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
fn patched((seen, folder): (SourceTree<'_>, &Path), text: &str) -> Vec<(Option<String>, String)> {
    let file = read_file(seen.root, &folder.join(text), FILE_CAP);
    let bytes = file.unwrap_or_else(|_| text.as_bytes().to_vec());
    let documents = yaml::read(&bytes).into_iter().flatten().map(yaml::Document::into_json);
    let named = documents.filter_map(|object| {
        let name = object["metadata"]["name"].as_str()?.to_owned();
        Some((Some(object["kind"].as_str()?.to_owned()), name))
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{list_item, parse_missing_target, remove};

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
    fn the_object_that_nobody_has_is_told() {
        let lacking = |message: &str| parse_missing_target(message).map(|found| (found.kind, found.name));
        for (message, kind, name) in [
            (
                "no matches for Id Secret.v1.[noGrp]/zz.[noNs]; failed to find unique target for patch",
                Some("Secret"),
                "zz",
            ),
            ("no resource matches: no matches for Id Deployment.v1.apps/a.b.shop", Some("Deployment"), "a.b"),
            (
                "merging from generator &{0x1 <nil>}: id resid.ResId{Gvk:resid.Gvk{Group:\"\", Version:\"v1\", Kind:\"Secret\", isClusterScoped:false}, Name:\"far\", Namespace:\"\"} does not exist; cannot merge or replace",
                Some("Secret"),
                "far",
            ),
            ("resource with name zz does not match a config with the following GVK [Deployment]", None, "zz"),
        ] {
            assert_eq!(lacking(message), Some((kind.map(str::to_owned), name.to_owned())), "{message}");
        }
        assert_eq!(lacking("nothing selected by Secret.[noVer].[noGrp]/zz.[noNs]"), None);
    }
}
