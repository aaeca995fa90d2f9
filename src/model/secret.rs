//! What is secret.

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
