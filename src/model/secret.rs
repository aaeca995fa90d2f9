//! What is secret.

use serde_json::Value;

use super::{FieldPath, ResourceId, Step};

/// Whether the object's values are secret: a core/v1 Secret.
#[must_use]
pub fn is_secret(id: &ResourceId) -> bool {
    id.group.is_empty() && id.kind == "Secret"
}

/// Whether the value at `path` of a Secret must not leave the process: anything in `data` and `stringData`,
/// and any annotation (a last-applied copy, or another tool's copy of the whole object).
#[must_use]
pub fn is_secret_value(path: &FieldPath) -> bool {
    match path.steps() {
        [Step::Field(top), ..] if top == "data" || top == "stringData" => true,
        [Step::Field(top), Step::Field(inner), ..] => top == "metadata" && inner == "annotations",
        [Step::Field(top)] => top == "metadata",
        [] => true,
        _ => false,
    }
}

/// Whether SOPS encrypted any text in a value; a renderer may have put it into another text.
#[must_use]
pub fn holds_cipher(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.values().any(holds_cipher),
        Value::Array(items) => items.iter().any(holds_cipher),
        Value::String(text) => text.contains(CIPHER) || text.starts_with(CIPHER_OF_SECRET),
        _ => false,
    }
}

/// How SOPS writes an encrypted value, and how it stands in the data of a Secret (base64 of the same 15 bytes).
const CIPHER: &str = "ENC[AES256_GCM,";
const CIPHER_OF_SECRET: &str = "RU5DW0FFUzI1Nl9HQ00s";
