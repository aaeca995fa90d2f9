//! Leaves that come out differently each time a chart is rendered.

use serde_json::Value;

use crate::model::push_pointer;

/// RFC 6901 pointers of the smallest values in which two renders of one object differ, in document order.
pub(super) fn find_differing(first: &Value, second: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(first, second, &mut String::new(), &mut found);
    found
}

fn walk(first: &Value, second: &Value, pointer: &mut String, found: &mut Vec<String>) {
    match (first, second) {
        (Value::Object(left), Value::Object(right)) => {
            let only_right = right.keys().filter(|key| !left.contains_key(*key));
            for key in left.keys().chain(only_right) {
                step(pointer, key, |pointer| match (left.get(key), right.get(key)) {
                    (Some(left), Some(right)) => walk(left, right, pointer, found),
                    _ => found.push(pointer.clone()),
                });
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (at, (left, right)) in left.iter().zip(right).enumerate() {
                step(pointer, &at.to_string(), |pointer| walk(left, right, pointer, found));
            }
        }
        _ if first == second => {}
        _ => found.push(pointer.clone()),
    }
}

fn step(pointer: &mut String, token: &str, inner: impl FnOnce(&mut String)) {
    let length = pointer.len();
    push_pointer(pointer, token);
    inner(pointer);
    pointer.truncate(length);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::find_differing;

    #[test]
    fn the_smallest_differing_values_are_named() {
        let first =
            json!({"a": {"x/y": 1, "same": [1, 2]}, "list": [1, {"k": "v"}], "short": [1], "gone": 1});
        let second =
            json!({"a": {"x/y": 2, "same": [1, 2]}, "list": [1, {"k": "w"}], "short": [1, 2], "new": 1});
        assert_eq!(find_differing(&first, &second), ["/a/x~1y", "/gone", "/list/1/k", "/short", "/new"]);
        assert!(find_differing(&first, &first).is_empty());
    }
}
