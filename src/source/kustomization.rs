//! A kustomization as Kustomize reads it, and what of it names something to load.

use std::path::Path;

use serde_json::Value;

use super::kustomize_files::{FILE_CAP, fold_key};
use super::touched::{self, Touched};
use super::tree::SourceTree;
use crate::git::read_file;
use crate::model::{Incomplete, SourceMap, push_pointer};
use crate::yaml;

/// One `kustomization.yaml`.
pub(super) struct Kustomization {
    pub(super) value: Value,
    pub(super) source_map: SourceMap,
}

impl Kustomization {
    /// Its first document, the last of equal keys; what follows it Kustomize does not read. `None` where it is empty.
    pub(super) fn read(seen: SourceTree<'_>, file: &Path) -> Result<Option<Self>, Incomplete> {
        if let Some(written) = seen.written_at(file) {
            return Ok(Some(Self { value: written.value.clone(), source_map: written.places.clone() }));
        }
        let shown = super::tree::with_forward_slashes(file);
        let bytes = read_file(seen.root, file, FILE_CAP);
        let bytes = bytes.map_err(|error| Incomplete { what: shown.clone(), why: error.to_string() })?;
        let document = yaml::read_first(&bytes).map_err(|error| {
            let place = error.location.map(|at| format!(":{}:{}", at.line, at.column)).unwrap_or_default();
            Incomplete { what: format!("{shown}{place}"), why: error.why }
        })?;
        Ok(document.map(|document| {
            let places = document.source_map();
            Self { value: document.into_json(), source_map: places }
        }))
    }

    /// Everything that it names to load, in no order.
    pub(super) fn loads(&self) -> Vec<LoadEntry<'_>> {
        let mut loads = Vec::new();
        for (key, value) in self.value.as_object().into_iter().flatten() {
            if let Some(field) = FIELDS.iter().find(|field| field.name == fold_key(key)) {
                field.loads((&pointer_to("", key), value), &mut loads);
            }
        }
        loads
    }
}

/// What an entry that is not rendered hides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum HiddenScope {
    /// What it adds; the rest is what it is.
    Itself,
    /// All that its kustomization renders, for it may change each of them.
    Everything,
}

/// What Kustomize takes an entry for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoadKind {
    /// A file, a folder with a kustomization, or a repository.
    FileOrRoot,
    /// The same, or YAML itself: the configuration of plug-ins.
    Plugin,
    /// A file, or an address of one.
    File,
    /// A chart, which Kustomize has helm render.
    Chart,
}

/// One value that names what is loaded.
pub(super) struct LoadEntry<'k> {
    pub(super) pointer: String,
    /// What may be taken out so that the rest can be rendered without it.
    pub(super) entry: String,
    pub(super) text: &'k str,
    pub(super) kind: LoadKind,
    pub(super) hides: HiddenScope,
    /// The key of the kustomization under which it stands, folded.
    pub(super) field: &'static str,
    /// What the entry changes of other objects, where it says that itself.
    pub(super) touched: Option<Touched>,
}

/// A field of a kustomization (`api/types/kustomization.go`).
struct Field {
    name: &'static str,
    /// The keys below it, or below each of its items, that name files; none: its items do.
    keys: &'static [&'static str],
    loaded: LoadKind,
    hides: HiddenScope,
}

const fn field(
    name: &'static str,
    keys: &'static [&'static str],
    loaded: LoadKind,
    hides: HiddenScope,
) -> Field {
    Field { name, keys, loaded, hides }
}

/// Every field of a kustomization from which something is loaded; `bases` is the old name of folders in `resources`.
/// What is data, such as literals and inline patches, is not here: Kustomize loads nothing for it.
const FIELDS: [Field; 17] = [
    field("resources", &[], LoadKind::FileOrRoot, HiddenScope::Itself),
    field("bases", &[], LoadKind::FileOrRoot, HiddenScope::Itself),
    field("components", &[], LoadKind::FileOrRoot, HiddenScope::Everything),
    field("generators", &[], LoadKind::Plugin, HiddenScope::Itself),
    field("transformers", &[], LoadKind::Plugin, HiddenScope::Everything),
    field("validators", &[], LoadKind::Plugin, HiddenScope::Itself),
    field("crds", &[], LoadKind::File, HiddenScope::Everything),
    field("configurations", &[], LoadKind::File, HiddenScope::Everything),
    field("openapi", &["path"], LoadKind::File, HiddenScope::Everything),
    field("patches", &["path"], LoadKind::File, HiddenScope::Everything),
    field("patchesjson6902", &["path"], LoadKind::File, HiddenScope::Everything),
    field("patchesstrategicmerge", &[], LoadKind::File, HiddenScope::Everything),
    field("replacements", &["path"], LoadKind::File, HiddenScope::Everything),
    field("configmapgenerator", &["files", "envs", "env"], LoadKind::File, HiddenScope::Itself),
    field("secretgenerator", &["files", "envs", "env"], LoadKind::File, HiddenScope::Itself),
    field("helmcharts", &["name"], LoadKind::Chart, HiddenScope::Itself),
    field("helmchartinflationgenerator", &["chartname"], LoadKind::Chart, HiddenScope::Itself),
];

impl Field {
    fn loads<'k>(&self, (pointer, value): (&str, &'k Value), loads: &mut Vec<LoadEntry<'k>>) {
        for (entry, item) in items(pointer, value) {
            let of_entry =
                Entry { field: self, pointer: &entry, touched: touched::by_entry(self.name, item) };
            if self.keys.is_empty() {
                loads.extend(of_entry.load((entry.clone(), false), item));
                continue;
            }
            let named = item.as_object().into_iter().flatten();
            for (key, value) in named.filter(|(key, _)| self.keys.contains(&fold_key(key).as_str())) {
                let has_key = fold_key(key) == "files";
                for (pointer, value) in items(&pointer_to(&entry, key), value) {
                    loads.extend(of_entry.load((pointer, has_key), value));
                }
            }
            if self.loaded == LoadKind::Chart
                && !item.as_object().is_some_and(|item| item.keys().any(|key| fold_key(key) == self.keys[0]))
            {
                loads.extend(of_entry.load((entry.clone(), false), item));
            }
        }
    }
}

/// One item of a field.
struct Entry<'f> {
    field: &'f Field,
    pointer: &'f str,
    touched: Option<Touched>,
}

impl Entry<'_> {
    /// What a value in it names, `key=path` where it has a key.
    fn load<'k>(&self, (pointer, has_key): (String, bool), value: &'k Value) -> Option<LoadEntry<'k>> {
        let loaded = self.field.loaded;
        // Who writes no name still has helm run.
        let text = value.as_str().or_else(|| (loaded == LoadKind::Chart).then_some(""))?;
        let text = text.split_once('=').filter(|_| has_key).map_or(text, |(_, path)| path);
        let (field, hides) = (self.field.name, self.field.hides);
        let (entry, touched) = (self.pointer.to_owned(), self.touched.clone());
        Some(LoadEntry { pointer, entry, text, kind: loaded, hides, field, touched })
    }
}

/// The items of a list, or the value itself.
fn items<'k>(pointer: &str, value: &'k Value) -> Vec<(String, &'k Value)> {
    match value.as_array() {
        Some(items) => items.iter().enumerate().map(|(at, item)| (format!("{pointer}/{at}"), item)).collect(),
        None => vec![(pointer.to_owned(), value)],
    }
}

fn pointer_to(above: &str, key: &str) -> String {
    let mut pointer = above.to_owned();
    push_pointer(&mut pointer, key);
    pointer
}
