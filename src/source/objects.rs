//! Small things that several renderers do with what they rendered.

use serde_json::Value;

/// Takes an annotation off an object, and what is empty without it.
pub(super) fn take_annotation(object: &mut Value, name: &str) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) else { return };
    annotations.remove(name);
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
}

/// `a, b and 3 more`: the first of the names, as many as `most`, and how many there are besides.
pub(super) fn first_of(names: &[String], most: usize) -> String {
    let named = names[..names.len().min(most)].join(", ");
    match names.len().saturating_sub(most) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
