//! Fills in values that one side does not have: snapshots omit Secret values, and SOPS encrypts them in Git. The
//! other side's value is taken, so that keys are compared and values are not.

use serde_json::{Map, Value};

use crate::model::contains_ciphertext;

/// Placeholder for an unknown value that only live has; the comparison masks it.
const PLACEHOLDER: &str = "";

/// Whether the manifest's values are encrypted (SOPS): its own, or some that a renderer put into it.
pub(super) fn is_encrypted(value: &Value) -> bool {
    value.get("sops").is_some_and(Value::is_object) || contains_ciphertext(value)
}

/// Fills a snapshot's Secret with Git's values; returns how many were unknown.
pub(super) fn fill_masked_secret(desired: &Value, live: &mut Value) -> usize {
    let declared = crate::diff::normalise_declared(desired);
    ["/data", "/metadata/annotations"]
        .into_iter()
        .map(|map| fill_masked(declared.pointer(map), live.pointer_mut(map)))
        .sum()
}

fn fill_masked(declared: Option<&Value>, live: Option<&mut Value>) -> usize {
    let declared = declared.and_then(Value::as_object);
    let unknown =
        live.and_then(Value::as_object_mut).into_iter().flatten().filter(|(_, value)| value.is_null());
    unknown
        .map(|(key, value)| {
            *value =
                declared.and_then(|map| map.get(key)).cloned().unwrap_or_else(|| Value::from(PLACEHOLDER));
        })
        .count()
}

/// Copies values that are encrypted in Git into live.
pub(super) fn fill_sops_encrypted(desired: &Value, live: &mut Value) {
    // `stringData` is encrypted too, and is compared as `data`.
    let declared = crate::diff::normalise_declared(desired);
    if let Some(strings) = desired.get("stringData").and_then(Value::as_object) {
        fill_encrypted_strings(strings, &declared, live);
    }
    fill_encrypted(&declared, live);
}

fn fill_encrypted_strings(strings: &Map<String, Value>, declared: &Value, live: &mut Value) {
    for key in strings.iter().filter(|(_, value)| is_cipher(value)).map(|(key, _)| key) {
        let pair = (
            declared.get("data").and_then(|data| data.get(key)),
            live.get_mut("data").and_then(|data| data.get_mut(key)),
        );
        if let (Some(declared), Some(live)) = pair {
            *live = declared.clone();
        }
    }
}

fn fill_encrypted(declared: &Value, live: &mut Value) {
    match (declared, live) {
        (Value::Object(declared), Value::Object(live)) => {
            for (key, inner) in declared {
                if let Some(live) = live.get_mut(key) {
                    fill_encrypted(inner, live);
                }
            }
        }
        (Value::Array(declared), Value::Array(live)) => {
            declared.iter().zip(live).for_each(|(declared, live)| fill_encrypted(declared, live));
        }
        (declared, live) if is_cipher(declared) => *live = declared.clone(),
        _ => {}
    }
}

fn is_cipher(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.starts_with("ENC[")) || contains_ciphertext(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{fill_masked_secret, fill_sops_encrypted, is_encrypted};

    #[test]
    fn masked_secret_compared_by_keys() {
        let git = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"annotations": {"a": "1"}}, "data": {"x": "eA=="}, "stringData": {"y": "y"}});
        let mut live =
            json!({"metadata": {"annotations": {"a": null}}, "data": {"x": null, "y": null, "z": null}});
        assert_eq!(fill_masked_secret(&git, &mut live), 4);
        assert_eq!(
            live,
            json!({"metadata": {"annotations": {"a": "1"}}, "data": {"x": "eA==", "y": "eQ==", "z": ""}})
        );
    }

    #[test]
    fn encrypted_value_in_git_not_compared() {
        let git = json!({"kind": "ConfigMap", "data": {"x": "ENC[AES256,data:1]", "y": "plain", "list": ["ENC[2]"]}, "sops": {}});
        let mut live = json!({"data": {"x": "clear", "y": "other", "list": ["clear"], "z": "added"}});
        fill_sops_encrypted(&git, &mut live);
        assert_eq!(
            live,
            json!({"data": {"x": "ENC[AES256,data:1]", "y": "other", "list": ["ENC[2]"], "z": "added"}})
        );
    }

    /// A chart that is given encrypted values puts them wherever they go.
    #[test]
    fn encrypted_value_inside_text_not_compared() {
        let git = json!({"kind": "Secret", "data": {"x": "RU5DW0FFUzI1Nl9HQ00sZGF0YTphXQ==", "y": "eQ=="},
            "spec": {"url": "postgres://u:ENC[AES256_GCM,data:a]@db", "port": 1}});
        assert!(is_encrypted(&git));
        let mut live =
            json!({"data": {"x": "eA==", "y": "eg=="}, "spec": {"url": "postgres://u:p@db", "port": 2}});
        fill_sops_encrypted(&git, &mut live);
        let left = json!({"data": {"x": git["data"]["x"], "y": "eg=="}, "spec": {"url": git["spec"]["url"], "port": 2}});
        assert_eq!(live, left);
        for plain in [json!({"data": {"a": "ENC[x", "b": "encrypted"}}), json!({"sops": true}), json!({})] {
            assert!(!is_encrypted(&plain), "{plain}");
        }
    }
}
