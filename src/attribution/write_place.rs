//! Places in which a manager is believed: a kind and a path with wildcards, as the table of managers and `drift.yaml`
//! write them.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::model::{Difference, FieldPath, PathElement, ResourceId};

/// `Service .spec.selector["rollouts-pod-template-hash"]`: a kind (`*` for any) and a path; everything below it is
/// covered. `[*]` is any item of a list; in quotes a trailing `*` is any ending; ` = Fail` pins the live value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WritePlace {
    /// Kind and, where it is given, group; `None` for any kind.
    kind: Option<(String, Option<String>)>,
    steps: Vec<PathElement>,
    value: Option<String>,
}

impl WritePlace {
    /// Reads a place; `None` where the text is none.
    #[must_use]
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.trim().split_once(' ')?;
        let (path, value) = match rest.split_once(" = ") {
            Some((path, value)) => (path, Some(value.trim().to_owned())),
            None => (rest, None),
        };
        let kind = match kind.split_once('.') {
            _ if kind == "*" => None,
            Some((kind, group)) => Some((kind.to_owned(), Some(group.to_owned()))),
            None => Some((kind.to_owned(), None)),
        };
        Some(Self { kind, steps: parse_path(path.trim())?, value })
    }

    /// A path in any kind.
    #[must_use]
    pub(super) fn from_path(path: &str) -> Option<Self> {
        Some(Self { kind: None, steps: parse_path(path)?, value: None })
    }

    /// Whether the whole difference lies in this place. Of an atomic map both sides are compared key by key.
    pub(super) fn covers(&self, id: &ResourceId, difference: &Difference) -> bool {
        let pinned = |wanted: &String| {
            let text = |live: &Value| live.as_str().map_or_else(|| live.to_string(), str::to_owned);
            difference.live.as_ref().is_some_and(|live| text(live) == *wanted)
        };
        self.matches_kind(id)
            && self.value.as_ref().is_none_or(pinned)
            && (self.covers_path(difference.path.elements()) || self.covers_inside(difference))
    }

    /// Whether this is a place for `false` alone and live has no field there: it is what becomes of a written false.
    pub(super) fn clears(&self, id: &ResourceId, difference: &Difference) -> bool {
        self.matches_kind(id)
            && self.value.as_deref() == Some("false")
            && difference.live.is_none()
            && self.covers_path(difference.path.elements())
    }

    fn matches_kind(&self, id: &ResourceId) -> bool {
        self.kind.as_ref().is_none_or(|(kind, group)| {
            let same_group = match group {
                Some(group) => *group == id.group,
                None => id.is_built_in(),
            };
            *kind == id.kind && same_group
        })
    }

    fn covers_path(&self, path: &[PathElement]) -> bool {
        self.steps.len() <= path.len()
            && self.steps.iter().zip(path).all(|(pattern, step)| matches_step(pattern, step))
    }

    /// Whether all that differs inside an atomic map or list, or all of a map or list that only live has, lies there.
    fn covers_inside(&self, difference: &Difference) -> bool {
        let live = difference.live.as_ref().filter(|live| !is_empty(live));
        live.is_some_and(|live| self.covers_value(&difference.path, difference.desired.as_ref(), Some(live)))
    }

    fn covers_value(&self, path: &FieldPath, desired: Option<&Value>, live: Option<&Value>) -> bool {
        static NOTHING: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        if desired == live || self.covers_path(path.elements()) {
            return true;
        }
        if path.elements().len() >= self.steps.len() {
            return false;
        }
        match (desired, live) {
            (Some(Value::Object(_)) | None, Some(Value::Object(live))) => {
                let desired = desired.and_then(Value::as_object).unwrap_or(&NOTHING);
                let mut keys = desired.keys().chain(live.keys());
                keys.all(|key| {
                    self.covers_value(&path.join(PathElement::field(key)), desired.get(key), live.get(key))
                })
            }
            (Some(Value::Array(_)) | None, Some(Value::Array(live))) => {
                let desired = desired.and_then(Value::as_array).map(Vec::as_slice);
                self.covers_items(path, desired, live)
            }
            _ => false,
        }
    }

    /// Of a list: items are paired by the keys that the place names, else by their order, where there are as many.
    fn covers_items(&self, path: &FieldPath, desired: Option<&[Value]>, live: &[Value]) -> bool {
        let desired = desired.unwrap_or_default();
        match self.steps.get(path.elements().len()) {
            Some(PathElement::Key(keys)) => {
                let identity = |item: &Value| -> Vec<(String, Value)> {
                    keys.iter()
                        .map(|(key, _)| (key.clone(), item.get(key).cloned().unwrap_or_default()))
                        .collect()
                };
                let find = |items: &[Value], wanted: &Value| {
                    items.iter().find(|item| identity(item) == identity(wanted)).cloned()
                };
                desired.iter().all(|item| find(live, item).is_some())
                    && live.iter().all(|item| {
                        let path = path.join(PathElement::Key(identity(item)));
                        self.covers_value(&path, find(desired, item).as_ref(), Some(item))
                    })
            }
            Some(PathElement::Value(_)) if desired.is_empty() || desired.len() == live.len() => {
                let mut items = live.iter().enumerate();
                items.all(|(at, item)| {
                    self.covers_value(&path.join(PathElement::Index(at)), desired.get(at), Some(item))
                })
            }
            _ => false,
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn parse_path(text: &str) -> Option<Vec<PathElement>> {
    let path = FieldPath::parse(&text.replace("[*]", "[=\"*\"]"))?;
    (!path.elements().is_empty()).then(|| path.elements().to_vec())
}

fn matches_step(pattern: &PathElement, step: &PathElement) -> bool {
    match (pattern, step) {
        (PathElement::Field(pattern), PathElement::Field(name)) => matches_text(pattern, name),
        (
            PathElement::Value(Value::String(any)),
            PathElement::Key(_) | PathElement::Index(_) | PathElement::Value(_),
        ) if any == "*" => true,
        (PathElement::Key(patterns), PathElement::Key(keys)) => patterns.iter().all(|(name, pattern)| {
            keys.iter().any(|(key, value)| key == name && matches_value(pattern, value))
        }),
        (PathElement::Value(pattern), PathElement::Value(value)) => matches_value(pattern, value),
        (PathElement::Index(pattern), PathElement::Index(index)) => pattern == index,
        _ => false,
    }
}

fn matches_value(pattern: &Value, value: &Value) -> bool {
    match (pattern, value) {
        (Value::String(pattern), Value::String(text)) => matches_text(pattern, text),
        _ => pattern == value,
    }
}

/// Whether a name is the pattern, whose trailing `*` is any ending.
pub(super) fn matches_text(pattern: &str, text: &str) -> bool {
    pattern.strip_suffix('*').map_or_else(|| pattern == text, |prefix| text.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::WritePlace;
    use crate::model::mk::mk_difference;
    use crate::model::{FieldPath, ResourceId};

    fn covers(place: &str, kind: &str, path: &str, sides: [Value; 2]) -> bool {
        let (group, kind) = kind.split_once('/').unwrap_or(("", kind));
        let id = ResourceId {
            group: group.to_owned(),
            version: "v1".to_owned(),
            kind: kind.to_owned(),
            namespace: None,
            name: "x".to_owned(),
        };
        let [desired, live] = sides.map(|side| (!side.is_null()).then_some(side));
        let path = FieldPath::parse(path).expect("a path of the table");
        let difference = mk_difference(path, desired, live);
        WritePlace::parse(place).expect("a place of the table").covers(&id, &difference)
    }

    #[test]
    fn place_covers_its_subtree_only() {
        let none = || [Value::Null, Value::Null];
        for (place, kind, path, sides, expected) in [
            ("* .spec.replicas", "apps/Deployment", ".spec.replicas", none(), true),
            ("* .spec.replicas", "apps/Deployment", ".spec.replicasMax", none(), false),
            ("* .spec", "Service", ".spec.ports[port=80].nodePort", none(), true),
            ("Service .spec", "ConfigMap", ".spec.x", none(), false),
            ("Service .spec", "example.com/Service", ".spec.x", none(), false),
            ("Rollout.argoproj.io .spec.replicas", "argoproj.io/Rollout", ".spec.replicas", none(), true),
            (
                "* .metadata.annotations[\"a.b/*\"]",
                "Service",
                ".metadata.annotations[\"a.b/c\"]",
                none(),
                true,
            ),
            (
                "* .metadata.annotations[\"a.b/*\"]",
                "Service",
                ".metadata.annotations[\"a.c/c\"]",
                none(),
                false,
            ),
            ("* .a[*].env[name=\"X_*\"]", "Pod", ".a[name=\"b\"].env[name=\"X_1\"].value", none(), true),
            ("* .a[*].env[name=\"X_*\"]", "Pod", ".a[name=\"b\"].env[name=\"Y\"].value", none(), false),
            ("* .metadata.finalizers[=\"a/*\"]", "Pod", ".metadata.finalizers[=\"a/b\"]", none(), true),
            ("* .s[\"hash\"]", "Pod", ".s", [json!({"app": "a"}), json!({"app": "a", "hash": "1"})], true),
            ("* .s[\"hash\"]", "Pod", ".s", [json!({"app": "a"}), json!({"app": "b", "hash": "1"})], false),
            (
                "* .env[name=\"X_*\"]",
                "Pod",
                ".env",
                [Value::Null, json!([{"name": "X_1", "value": "1"}])],
                true,
            ),
            (
                "* .env[name=\"X_*\"]",
                "Pod",
                ".env",
                [Value::Null, json!([{"name": "X_1"}, {"name": "Y"}])],
                false,
            ),
            // Inside a list that is one value, item by item.
            ("* .h[*].r[*].w", "Pod", ".h", [json!([{"r": [{"w": 9}]}]), json!([{"r": [{"w": 5}]}])], true),
            (
                "* .h[*].r[*].w",
                "Pod",
                ".h",
                [json!([{"r": [{"w": 9}]}]), json!([{"r": [{"w": 5, "x": 1}]}])],
                false,
            ),
            (
                "* .h[*].r[*].w",
                "Pod",
                ".h",
                [json!([{"r": [{"w": 9}]}]), json!([{"r": [{"w": 5}]}, {"r": []}])],
                false,
            ),
            (
                "* .c[*].env[name=\"X_*\"]",
                "Pod",
                ".c",
                [
                    json!([{"n": "a", "env": [{"name": "Y"}]}]),
                    json!([{"n": "a", "env": [{"name": "Y"}, {"name": "X_1"}]}]),
                ],
                true,
            ),
            (
                "* .c[*].env[name=\"X_*\"]",
                "Pod",
                ".c",
                [json!([{"n": "a", "env": [{"name": "Y"}]}]), json!([{"n": "a", "env": [{"name": "X_1"}]}])],
                false,
            ),
            (
                "* .c[*].env[name=\"X_*\"]",
                "Pod",
                ".c",
                [json!([{"image": "a"}]), json!([{"image": "b", "env": [{"name": "X_1"}]}])],
                false,
            ),
            ("* .c[*].env[name=\"X_*\"]", "Pod", ".c", [Value::Null, json!([])], false),
            ("* .p = 1", "Pod", ".p", [Value::Null, json!(1)], true),
            ("* .p = 1", "Pod", ".p", [Value::Null, json!(2)], false),
            ("* .p = Fail", "Pod", ".p", [json!("Ignore"), json!("Fail")], true),
            ("* .p = Fail", "Pod", ".p", [json!("Fail"), json!("Ignore")], false),
        ] {
            assert_eq!(covers(place, kind, path, sides), expected, "{place} of {kind} {path}");
        }
        for broken in [".spec", "Service", "Service spec", "* ", "Service .a["] {
            assert_eq!(WritePlace::parse(broken), None, "{broken}");
        }
    }
}
