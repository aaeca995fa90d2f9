//! Documents to drafts: lists taken apart, what is no manifest named with its place.

use std::sync::Arc;

use serde_json::Value;

use super::encrypted;
use super::object_header::ObjectHeader;
use super::output::{Nameless, RenderedObject, SourceKind, SourceOutput};
use crate::model::{Lazy, Origin, Provenance, SourceLocation, SourceMap, split_api_version};
use crate::yaml::{self, DocumentSource};

/// What is looked at before an object is compared: here and by [`ObjectHeader::from_object`].
const LOOKED_AT: &[&[&str]] = &[
    &["apiVersion"],
    &["kind"],
    &["items"],
    &["metadata", "name"],
    &["metadata", "generateName"],
    &["metadata", "namespace"],
    &["metadata", "annotations"],
    &["spec", "group"],
    &["spec", "names", "kind"],
];

/// Where a file's documents belong.
pub(super) struct ManifestFile<'a> {
    /// The source's path, as configured.
    pub(super) source: &'a str,
    /// The file, from the root of the repository.
    pub(super) name: &'a str,
}

/// Adds every manifest of a file, and a reason for every document that is none.
pub(super) fn read(file: &ManifestFile<'_>, bytes: &Arc<[u8]>, gathered: &mut SourceOutput) {
    let documents = yaml::read_previews(bytes, LOOKED_AT);
    gathered.drafts.reserve(documents.len());
    for document in documents {
        match document {
            Ok((outline, place, written)) => add(draft_of(file, outline, place, written), gathered),
            Err(error) => gathered.report_incomplete(display_location(file.name, error.location), error.why),
        }
    }
}

fn draft_of(
    file: &ManifestFile<'_>,
    outline: Value,
    place: SourceLocation,
    written: DocumentSource,
) -> RenderedObject {
    let value = if outline.get("items").is_some() { written.value() } else { outline };
    let provenance = Provenance::Document { index: written.index(), item: None };
    let of_value = Arc::new(written);
    let of_fields = Arc::clone(&of_value);
    RenderedObject {
        value: Lazy::with_preview(value, move || of_value.value()),
        origin: Origin {
            source: file.source.to_owned(),
            file: file.name.to_owned(),
            location: Some(place),
            root: None,
        },
        fields: Lazy::new(move || of_fields.source_map()),
        provenance,
        notes: Vec::new(),
        nondeterministic: Vec::new(),
        optional: None,
    }
}

fn display_location(file: &str, place: Option<SourceLocation>) -> String {
    place.map_or_else(|| file.to_owned(), |place| format!("{file}:{}:{}", place.line, place.column))
}

/// Adds a rendered object, or the items of a list, or the reason why it is neither.
pub(super) fn add(mut draft: RenderedObject, gathered: &mut SourceOutput) {
    if gathered.kind == SourceKind::Plain
        && let Some(whole) = plainly_other(&draft)
    {
        let by_sops = if encrypted::is_sops_encrypted(&whole) { " (encrypted by SOPS)" } else { "" };
        gathered.foreign_documents.push(format!("{}{by_sops}", draft.place()));
        return;
    }
    if let Some(why) = fault_of(&draft.value) {
        gathered.report_incomplete(draft.place(), why);
        return;
    }
    match items_of(&draft.value) {
        Some(count) => {
            let mut fields = draft.fields.item_subtrees("/items");
            fields.resize_with(count, SourceMap::default);
            let mut unstable = unstable_of_items(&draft.nondeterministic, count);
            for (at, fields) in fields.into_iter().enumerate() {
                add(item_of(&draft, at, (fields, std::mem::take(&mut unstable[at]))), gathered);
            }
        }
        None => {
            let head = ObjectHeader::from_object(&draft.value);
            match name_fault_of(&draft.value).filter(|_| !head.is_generated()) {
                Some(why) if gathered.kind == SourceKind::Plain && has_no_name(&draft.value) => {
                    gathered.nameless.push(nameless(&draft, why));
                }
                Some(why) => gathered.report_incomplete(draft.place(), why),
                None => {
                    draft.value.discard();
                    gathered.drafts.push((head, draft));
                }
            }
        }
    }
}

/// A document of another program, which no server takes for an object: a mapping without `apiVersion`, `kind` and
/// `metadata` (values of a chart, a compose file, a schema), or a list without objects (a JSON patch, a playbook).
fn plainly_other(draft: &RenderedObject) -> Option<Value> {
    let has = |key: &str| draft.value.get(key).is_some();
    if has("apiVersion") || has("kind") || has("metadata") {
        return None;
    }
    // The outline has none of its other keys.
    let mut whole = draft.value.clone();
    whole.discard();
    let is_other = match &*whole {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => {
            let is_object = |item: &Value| item.get("apiVersion").is_some() || item.get("kind").is_some();
            !items.iter().any(is_object)
        }
        _ => false,
    };
    is_other.then(|| whole.compute())
}

fn has_no_name(value: &Value) -> bool {
    let metadata = value.get("metadata");
    metadata.is_none_or(|metadata| metadata.get("name").is_none() && metadata.get("generateName").is_none())
}

fn nameless(draft: &RenderedObject, why: String) -> Nameless {
    let text = |key: &str| draft.value.get(key).and_then(Value::as_str).unwrap_or_default();
    let (group, _) = split_api_version(text("apiVersion"));
    Nameless { group: group.to_owned(), kind: text("kind").to_owned(), place: draft.place(), why }
}

/// Why a value cannot be a manifest or a list of them.
fn fault_of(value: &Value) -> Option<String> {
    let Some(object) = value.as_object() else {
        return Some(format!("not a manifest: {}, not a mapping with apiVersion and kind", word_for(value)));
    };
    let missing = ["apiVersion", "kind"].map(|key| !object.get(key).is_some_and(is_text));
    let why = match missing {
        [false, false] => return None,
        [true, true] => {
            "not a manifest: it has no apiVersion and no kind; what is none is left out with `exclude`"
        }
        [true, false] => "no apiVersion: every manifest needs one, as text",
        [false, true] => "no kind: every manifest needs one, as text",
    };
    Some(why.to_owned())
}

fn name_fault_of(value: &Value) -> Option<String> {
    // What is no name of a kind may be a value in the wrong place.
    let is_name = |kind: &&str| kind.chars().all(|c| c.is_ascii_alphanumeric());
    let kind = value["kind"].as_str().filter(is_name).unwrap_or("an object");
    let metadata = &value["metadata"];
    if is_text(&metadata["name"]) {
        return None;
    }
    Some(match (&metadata["name"], metadata.get("generateName")) {
        (Value::Null | Value::String(_), Some(_)) => {
            format!("{kind} has a generateName: only an object with a fixed name can be compared")
        }
        (Value::Null | Value::String(_), None) => format!("{kind} has no metadata.name"),
        (other, _) => format!("the metadata.name of {kind} is {}, not text: quote it", word_for(other)),
    })
}

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

fn word_for(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

/// How many items a `List`, or a typed one such as `ConfigMapList`, has; `None` for any other object.
fn items_of(value: &Value) -> Option<usize> {
    let kind = value["kind"].as_str()?;
    let items = value.get("items").and_then(Value::as_array);
    match items {
        Some(items) if kind.ends_with("List") => Some(items.len()),
        None if kind == "List" && value["apiVersion"] == "v1" => Some(0),
        _ => None,
    }
}

/// One item as a draft of its own: its fields and unstable leaves are counted from its own root.
fn item_of(list: &RenderedObject, at: usize, (fields, unstable): (SourceMap, Vec<String>)) -> RenderedObject {
    let place = fields.get("").or(list.origin.location);
    let provenance = match list.provenance {
        Provenance::Document { index, item: None } => Provenance::Document { index, item: Some(at) },
        _ => Provenance::Rendered,
    };
    RenderedObject {
        value: typed_item(&list.value, at).into(),
        origin: Origin { location: place, ..list.origin.clone() },
        fields: fields.into(),
        provenance,
        notes: list.notes.clone(),
        nondeterministic: unstable,
        optional: list.optional,
    }
}

/// The item, with the kind of its list where it has none of its own, as kubectl reads it.
fn typed_item(list: &Value, at: usize) -> Value {
    let mut item = list["items"][at].clone();
    let kind = list["kind"].as_str().and_then(|kind| kind.strip_suffix("List")).unwrap_or_default();
    if let Some(object) = item.as_object_mut()
        && !kind.is_empty()
        && !object.contains_key("kind")
    {
        object.insert("kind".to_owned(), Value::from(kind));
        object.entry("apiVersion").or_insert_with(|| list["apiVersion"].clone());
    }
    item
}

/// The unstable leaves of a list by item.
fn unstable_of_items(leaves: &[String], count: usize) -> Vec<Vec<String>> {
    let mut of_items = vec![Vec::new(); count];
    for leaf in leaves {
        let Some(rest) = leaf.strip_prefix("/items/") else { continue };
        let (at, inside) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if let Some(leaves) = at.parse().ok().and_then(|at: usize| of_items.get_mut(at)) {
            leaves.push(inside.to_owned());
        }
    }
    of_items
}

#[cfg(test)]
mod tests;
