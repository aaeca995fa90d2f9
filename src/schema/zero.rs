//! What OpenAPI names as a default and the server leaves out.

use serde_json::Value;

/// `""`, 0, false, `{}`, `[]`: OpenAPI names them as defaults of built-in fields that the server leaves out.
pub(super) fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}
