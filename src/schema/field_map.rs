//! Fields of a value of a built-in type.

use serde_json::{Map, Value};

pub(super) type FieldMap = Map<String, Value>;

pub(super) fn default(map: &mut FieldMap, key: &str, value: Value) {
    map.entry(key).or_insert(value);
}

pub(super) fn text<'a>(map: &'a FieldMap, key: &str) -> Option<&'a str> {
    map.get(key).and_then(Value::as_str)
}

pub(super) fn copy(map: &mut FieldMap, from: &str, to: &str) {
    if let Some(value) = map.get(from).cloned() {
        default(map, to, value);
    }
}
