//! Detects secret values.

use serde_json::Value;

use super::{FieldPath, PathElement, ResourceId};

/// Whether the object's values are secret: a core/v1 Secret.
#[must_use]
pub fn is_secret(id: &ResourceId) -> bool {
    id.group.is_empty() && id.kind == "Secret"
}

/// Whether the value at `path` of a Secret must not leave the process: all but what a Secret has beside its `data` and
/// `stringData`, and of that no annotation (a last-applied copy, or another tool's copy of the whole object).
#[must_use]
pub fn is_secret_value(path: &FieldPath) -> bool {
    match path.elements() {
        [PathElement::Field(top)] => !["apiVersion", "kind", "type", "immutable"].contains(&top.as_str()),
        [PathElement::Field(top), PathElement::Field(inner), ..] if top == "metadata" => {
            inner == "annotations" || !METADATA.contains(&inner.as_str())
        }
        _ => true,
    }
}

/// Whether a Secret can have the value that stands at this place of its manifest. Others are values in the wrong column, or
/// of another program; no server takes them.
#[must_use]
pub fn is_valid_secret_field(place: &[&str]) -> bool {
    match place {
        [top] => TOP.contains(top),
        ["metadata", inner] => METADATA.contains(inner),
        // As the API server checks them (`IsConfigMapKey` of k8s.io/apimachinery).
        ["data" | "stringData", key] => {
            !key.is_empty()
                && key.len() < 254
                && key.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
        }
        _ => true,
    }
}

/// Fields of a Secret; `sops` is of a Secret that SOPS keeps in Git.
const TOP: [&str; 8] = ["apiVersion", "kind", "metadata", "type", "immutable", "data", "stringData", "sops"];

/// Fields of every object's metadata.
const METADATA: [&str; 16] = [
    "name",
    "generateName",
    "namespace",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
    "clusterName",
];

/// Whether SOPS encrypted any text in a value; a renderer may have put it into another text.
#[must_use]
pub fn contains_ciphertext(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.values().any(contains_ciphertext),
        Value::Array(items) => items.iter().any(contains_ciphertext),
        Value::String(text) => text.contains(CIPHER) || text.starts_with(CIPHER_OF_SECRET),
        _ => false,
    }
}

/// How SOPS writes an encrypted value, and how it stands in the data of a Secret (base64 of the same 15 bytes).
const CIPHER: &str = "ENC[AES256_GCM,";
const CIPHER_OF_SECRET: &str = "RU5DW0FFUzI1Nl9HQ00s";

#[cfg(test)]
mod tests {
    use super::{is_secret_value, is_valid_secret_field};
    use crate::model::{FieldPath, PathElement};

    fn path(steps: &[&str]) -> FieldPath {
        let mut path = FieldPath::root();
        steps.iter().for_each(|step| path.push(PathElement::field(*step)));
        path
    }

    #[test]
    fn secret_hides_all_but_known_plain_fields() {
        for shown in [&["type"][..], &["immutable"], &["metadata", "labels", "a"], &["metadata", "name"]] {
            assert!(!is_secret_value(&path(shown)), "{shown:?}");
        }
        for hidden in [
            &[][..],
            &["data"],
            &["data", "a"],
            &["stringData", "a"],
            &["metadata"],
            &["metadata", "annotations", "a"],
            &["metadata", "pw"],
            &["pw"],
            &["spec", "pw"],
            &["type", "pw"],
            &["kind", "pw"],
        ] {
            assert!(is_secret_value(&path(hidden)), "{hidden:?}");
        }
    }

    #[test]
    fn invalid_secret_field_is_recognized() {
        for place in [
            &["data"][..],
            &["sops"],
            &["metadata", "labels"],
            &["data", "tls.crt"],
            &["stringData", "_a-B.9"],
        ] {
            assert!(is_valid_secret_field(place), "{place:?}");
        }
        for place in [
            &["at '/x'"][..],
            &["pw"],
            &["metadata", "pw"],
            &["data", "a b"],
            &["stringData", ""],
            &["data", "a/b"],
        ] {
            assert!(!is_valid_secret_field(place), "{place:?}");
        }
    }
}
