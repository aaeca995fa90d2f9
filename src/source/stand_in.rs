//! What stands in a copy for what is not rendered: Kustomize carries a value of ours to every place that the missing part
//! would have changed, and it is found there again.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;

use serde_json::{Map, Value, json};

use super::kustomize_files::{FILE_CAP, fold_key};
use super::objects::take_annotation;
use super::touched::Touched;
use super::tree::SourceTree;
use crate::model::push_pointer;
use crate::yaml;

/// Marks an object that the missing part may change.
const MARK: &str = "drift.invalid/may-be-changed";

/// What an object may get from a generator that is merged into it, or replaces it.
const MERGED: [&str; 7] = ["data", "binaryData", "stringData", "type", "immutable", "labels", "annotations"];

/// A value that nobody else has.
pub(super) struct StandIn {
    /// Digits, for it must go where a number is too.
    value: String,
    /// Sources of replacements for which it stands.
    pub(super) sources: BTreeSet<ReplacementSource>,
}

/// The object from which a replacement takes its value, as far as it names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ReplacementSource {
    pub(super) kind: Option<String>,
    pub(super) name: Option<String>,
}

impl ReplacementSource {
    fn of(replacement: &Value) -> Option<Self> {
        let source = replacement.get("source").filter(|source| source.is_object())?;
        let text = |key: &str| source[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        Some(Self { kind: text("kind"), name: text("name") })
    }

    /// The source that nobody has, where kustomize failed for that: `nothing selected by Secret.v1.[noGrp]/far.shop:data.x`.
    pub(super) fn lacking(message: &str) -> Option<Self> {
        let (_, rest) = message.split_once("nothing selected by ")?;
        let (kind, rest) = rest.split_once('/')?;
        let kind = kind.split_once('.').map_or(kind, |(kind, _)| kind);
        let id = rest.split([':', '\n', ' ']).next()?;
        // A name has dots of its own; the namespace is what follows the last.
        let name = id.strip_suffix(".[noNs]").or_else(|| id.rsplit_once('.').map(|(name, _)| name))?;
        let named = |text: &str, none: &str| (text != none).then(|| text.to_owned());
        Some(Self { kind: named(kind, "[noKind]"), name: named(name, "[noName]") })
    }
}

impl StandIn {
    pub(super) fn new() -> Self {
        const DIGITS: u64 = 100_000_000_000_000;
        let value = DIGITS + RandomState::new().hash_one(()) % (9 * DIGITS);
        Self { value: value.to_string(), sources: BTreeSet::new() }
    }

    /// Has a kustomization mark the objects that are touched, before its own patches.
    pub(super) fn mark<'t>(
        &self,
        kustomization: &mut Map<String, Value>,
        touched: impl Iterator<Item = &'t Touched>,
    ) {
        let patch = json!({
            "apiVersion": "v1", "kind": "Any",
            "metadata": {"name": "any", "annotations": {MARK: self.value}},
        });
        let mut patches: Vec<Value> = touched
            .map(|touched| {
                let mut target = json!({"kind": touched.kind.as_deref().unwrap_or("ConfigMap|Secret")});
                if let Some(name) = &touched.name {
                    target["name"] = name.replace('.', "\\.").into();
                }
                json!({"target": target, "patch": patch.to_string()})
            })
            .collect();
        let key = kustomization.keys().rfind(|key| fold_key(key) == "patches").cloned();
        let own = kustomization.entry(key.unwrap_or_else(|| "patches".to_owned())).or_insert(Value::Null);
        patches.extend(own.as_array().into_iter().flatten().cloned());
        *own = Value::from(patches);
    }

    /// Puts the value in place of the sources of replacements that are missing, or that the missing part may change.
    pub(super) fn replace(
        &self,
        (seen, folder): (SourceTree<'_>, &Path),
        touched: &[&Touched],
        list: &mut Value,
    ) {
        let Some(entries) = list.as_array_mut() else { return };
        let is_missing = |replacement: &Value| {
            ReplacementSource::of(replacement).is_some_and(|source| {
                let (kind, name) = (source.kind.as_deref(), source.name.as_deref());
                touched.iter().any(|touched| touched.may_be(kind, name)) || self.sources.contains(&source)
            })
        };
        for entry in std::mem::take(entries) {
            let mut all = match entry["path"].as_str() {
                Some(path) => in_file(seen, &folder.join(path)),
                None => vec![entry.clone()],
            };
            if !all.iter().any(is_missing) {
                entries.push(entry);
                continue;
            }
            for replacement in all.iter_mut().filter(|replacement| is_missing(replacement)) {
                if let Some(replacement) = replacement.as_object_mut() {
                    replacement.remove("source");
                    replacement.insert("sourceValue".to_owned(), Value::from(self.value.as_str()));
                }
            }
            entries.append(&mut all);
        }
    }

    /// Takes the mark off an object again and gives the places in it that are not known; `None` where it is not known which
    /// object it is.
    pub(super) fn settle(&self, object: &mut Value) -> Option<Vec<String>> {
        let is_marked = object["metadata"]["annotations"][MARK] == self.value.as_str();
        if is_marked {
            take_annotation(object, MARK);
        }
        let mut found = Vec::new();
        self.walk(object, &mut String::new(), &mut found);
        let is_of_id = |pointer: &String| {
            ["/metadata/name", "/metadata/namespace", "/kind", "/apiVersion"].contains(&pointer.as_str())
        };
        if found.iter().any(is_of_id) || ((is_marked || !found.is_empty()) && has_hash(object)) {
            return None;
        }
        if is_marked {
            let own = object.as_object().into_iter().flat_map(Map::keys).map(String::as_str);
            let is_content = |key: &&str| !["apiVersion", "kind", "metadata"].contains(key);
            let keys: BTreeSet<&str> = own.filter(is_content).chain(MERGED).collect();
            let pointer = |key: &str| match key {
                "labels" | "annotations" => format!("/metadata/{key}"),
                key => {
                    let mut pointer = String::new();
                    push_pointer(&mut pointer, key);
                    pointer
                }
            };
            found.extend(keys.into_iter().map(pointer));
        }
        Some(found)
    }

    fn walk(&self, value: &Value, pointer: &mut String, found: &mut Vec<String>) {
        let length = pointer.len();
        let mut inner = |key: &str, value: &Value| {
            push_pointer(pointer, key);
            self.walk(value, pointer, found);
            pointer.truncate(length);
        };
        match value {
            Value::Object(map) => map.iter().for_each(|(key, value)| inner(key, value)),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(at, item)| inner(&at.to_string(), item));
            }
            Value::String(text) if text.contains(&self.value) => found.push(pointer.clone()),
            Value::Number(number) if number.to_string().contains(&self.value) => found.push(pointer.clone()),
            _ => {}
        }
    }
}

/// The replacements of a file: one, or a list of them.
fn in_file(seen: SourceTree<'_>, file: &Path) -> Vec<Value> {
    let bytes = seen.read(file, FILE_CAP).unwrap_or_default();
    let documents = yaml::read(&bytes).into_iter().flatten().map(yaml::Document::into_json);
    let all = documents.flat_map(|document| match document {
        Value::Array(items) => items,
        one => vec![one],
    });
    all.collect()
}

/// Whether the name of an object is made of its content.
fn has_hash(object: &Value) -> bool {
    let is_hashed = matches!(object["kind"].as_str(), Some("ConfigMap" | "Secret"));
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let hash = name.rsplit_once('-').map_or("", |(_, hash)| hash);
    is_hashed && is_hash(hash)
}

/// Ten digits of a hash in letters that make no words (`api/hasher/hasher.go`).
pub(super) fn is_hash(text: &str) -> bool {
    text.len() == 10 && text.chars().all(|c| "2456789bcdfghkmt".contains(c))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{MARK, ReplacementSource, StandIn};

    fn stand_in() -> StandIn {
        StandIn { value: "812345678901234".to_owned(), ..StandIn::new() }
    }

    #[test]
    fn the_value_is_new_each_time() {
        let values = [StandIn::new().value, StandIn::new().value];
        assert!(values[0] != values[1] && values.iter().all(|value| value.len() == 15), "{values:?}");
    }

    #[test]
    fn stand_in_marks_fields_of_missing_part() {
        let settle = |mut object: Value| stand_in().settle(&mut object).map(|found| (found, object));
        let plain = json!({"kind": "Deployment", "metadata": {"name": "web"},
            "spec": {"replicas": 812_345_678_901_234_u64, "a/b": ["x", "y-812345678901234:1"], "n": 3}});
        let expected = vec!["/spec/a~1b/1".to_owned(), "/spec/replicas".to_owned()];
        let mut found = settle(plain.clone());
        found.iter_mut().for_each(|(found, _)| found.sort());
        assert_eq!(found, Some((expected, plain)));
        for (name, data, known) in [
            ("web", json!({}), true),
            ("web-812345678901234", json!({}), false),
            ("web-4b58d7862t", json!({"a": "b"}), true),
            ("web-4b58d7862t", json!({"a": "812345678901234"}), false),
            ("web-4b58d78623", json!({"a": "812345678901234"}), true),
        ] {
            let object = json!({"kind": "Secret", "metadata": {"name": name}, "data": data});
            assert_eq!(settle(object).is_some(), known, "{name} {data}");
        }
    }

    #[test]
    fn marked_object_compared_by_existence_only() {
        let marked = |name: &str, mark: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "annotations": {MARK: mark}}});
        let mut object = marked("web", "812345678901234");
        let found = stand_in().settle(&mut object).unwrap_or_default();
        let expected = ["/metadata/annotations", "/binaryData", "/data", "/immutable", "/metadata/labels"];
        assert_eq!(found[..5], expected);
        assert_eq!(object, json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}}));
        assert_eq!(stand_in().settle(&mut marked("web-4b58d7862t", "812345678901234")), None);
        assert_eq!(stand_in().settle(&mut marked("web", "1")), Some(Vec::new()));
    }

    #[test]
    fn the_source_that_nobody_has_is_told() {
        let lacking =
            |message: &str| ReplacementSource::lacking(message).map(|found| (found.kind, found.name));
        let some = |text: &str| Some(text.to_owned());
        for (message, expected) in [
            ("nothing selected by [noKind].[noVer].[noGrp]/far.[noNs]:data.x", (None, some("far"))),
            ("nothing selected by Secret.v1.[noGrp]/far.b.q:data.x", (some("Secret"), some("far.b"))),
            ("nothing selected by Secret.v1.apps/[noName].q", (some("Secret"), None)),
        ] {
            assert_eq!(lacking(message), Some(expected), "{message}");
        }
        assert_eq!(lacking("no matches for Id Secret.v1.[noGrp]/zz.[noNs]"), None);
    }
}
