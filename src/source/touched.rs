//! Which objects a generator that is not run may change: one with `behavior: merge` or `replace` changes an object that
//! another one declares (`appendReplaceOrMerge` in `api/resmap/reswrangler.go`).

use std::path::Path;

use serde_json::Value;

use super::encrypted;
use super::kustomize_files::{FILE_CAP, fold_key};
use super::tree::SourceTree;
use crate::yaml;

/// What says in the output of a plug-in that it changes an object; of kustomize's own generators a field does.
const BEHAVIOR: &str = "kustomize.config.k8s.io/behavior";

/// Objects of a kustomization.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Touched {
    /// `None`: ConfigMaps and Secrets, which are what can be merged.
    pub(super) kind: Option<String>,
    /// As the kustomization has it; `None`: any.
    pub(super) name: Option<String>,
}

impl Touched {
    /// What cannot be read may change any object that can be merged.
    const UNKNOWN: Self = Self { kind: None, name: None };

    fn of(kind: Option<&str>, name: Option<&str>) -> Self {
        // It becomes a pattern, and what is no name is none of an object.
        let is_name = |text: &&str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c));
        let owned = |text: Option<&str>| text.filter(is_name).map(str::to_owned);
        Self { kind: owned(kind), name: owned(name) }
    }

    /// Whether an object of this kind and name may be one of them, by its name in any kustomization.
    pub(super) fn may_be(&self, kind: Option<&str>, name: Option<&str>) -> bool {
        let by_kind = match (&self.kind, kind) {
            (Some(own), Some(kind)) => own == kind,
            (None, Some(kind)) => matches!(kind, "ConfigMap" | "Secret"),
            (_, None) => true,
        };
        // Prefixes and suffixes may stand around it there.
        let by_name = |own: &String| name.is_none_or(|name| name.contains(own.as_str()));
        by_kind && self.name.as_ref().is_none_or(by_name)
    }
}

/// What an entry of `configMapGenerator` or `secretGenerator` changes.
pub(super) fn by_entry(field: &str, entry: &Value) -> Option<Touched> {
    let kind = match fold_key(field).as_str() {
        "configmapgenerator" => "ConfigMap",
        "secretgenerator" => "Secret",
        _ => return None,
    };
    merges(entry).then(|| Touched::of(Some(kind), entry["name"].as_str()))
}

fn merges(generator: &Value) -> bool {
    let mut fields = generator.as_object().into_iter().flatten();
    fields.any(|(key, value)| fold_key(key) == "behavior" && is_change(value))
}

fn is_change(behavior: &Value) -> bool {
    behavior.as_str().is_some_and(|how| how != "create")
}

/// What an entry of `generators` changes: the configuration of plug-ins, `None` where it is not read.
pub(super) fn by_plugins(
    (seen, folder): (SourceTree<'_>, &Path),
    configuration: Option<&[u8]>,
) -> Vec<Touched> {
    let Some(bytes) = configuration else { return vec![Touched::UNKNOWN] };
    let mut found = Vec::new();
    for document in yaml::read(bytes) {
        match document {
            Ok(document) => by_plugin((seen, folder), &document.into_json(), &mut found),
            Err(_) => found.push(Touched::UNKNOWN),
        }
    }
    found
}

fn by_plugin(at: (SourceTree<'_>, &Path), plugin: &Value, found: &mut Vec<Touched>) {
    let (version, kind) = (plugin["apiVersion"].as_str(), plugin["kind"].as_str());
    match (version.unwrap_or_default(), kind.unwrap_or_default()) {
        ("builtin", "ConfigMapGenerator") if merges(plugin) => {
            found.push(Touched::of(Some("ConfigMap"), plugin["metadata"]["name"].as_str()));
        }
        ("builtin", "SecretGenerator") if merges(plugin) => {
            found.push(Touched::of(Some("Secret"), plugin["metadata"]["name"].as_str()));
        }
        // Kustomize does not look for behaviors in what a chart renders.
        ("builtin", _) => {}
        (version, _) if version.starts_with(encrypted::KSOPS) => by_ksops(at, plugin, found),
        _ => found.push(Touched::UNKNOWN),
    }
}

/// What KSOPS makes are the objects of its files and Secrets of its own, with their annotations, which SOPS leaves readable.
fn by_ksops((seen, folder): (SourceTree<'_>, &Path), plugin: &Value, found: &mut Vec<Touched>) {
    for secret in plugin["secretFrom"].as_array().into_iter().flatten() {
        let name = secret["metadata"]["name"].as_str();
        found.extend(changes(secret).then(|| Touched::of(Some("Secret"), name)));
    }
    for file in plugin["files"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let file = folder.join(file);
        // Of a file that is not there KSOPS makes nothing.
        if seen.root.join(&file).symlink_metadata().is_err() {
            continue;
        }
        match seen.read(&file, FILE_CAP) {
            Some(bytes) if encrypted::detect_whole_file(&bytes).is_none() => by_file(&bytes, found),
            _ => found.push(Touched::UNKNOWN),
        }
    }
}

fn by_file(bytes: &[u8], found: &mut Vec<Touched>) {
    for document in yaml::read(bytes) {
        let Ok(object) = document.map(yaml::Document::into_json) else {
            found.push(Touched::UNKNOWN);
            continue;
        };
        let (kind, name) = (object["kind"].as_str(), object["metadata"]["name"].as_str());
        let is_cipher = |text: Option<&str>| text.is_some_and(|text| text.starts_with("ENC["));
        if is_cipher(kind) || object["metadata"].is_string() {
            found.push(Touched::UNKNOWN);
        } else if changes(&object) {
            found.push(Touched::of(kind, name.filter(|name| !is_cipher(Some(name)))));
        }
    }
}

/// Whether an object that a plug-in gives changes one that is there.
fn changes(object: &Value) -> bool {
    is_change(&object["metadata"]["annotations"][BEHAVIOR])
}
