//! Whether a change lies in a place that a GitOps object ignores.

use serde_json::Value;

use crate::config::{IgnoredPlace, IgnoredStep};
use crate::model::{Change, ChangeKind, Confidence, PathElement};

/// Whether all of a change lies in the place.
pub(super) fn covers(place: &IgnoredPlace, change: &Change) -> bool {
    let difference = &change.difference;
    match place {
        IgnoredPlace::Pointer(pointer) => covers_pointer(pointer, change),
        IgnoredPlace::Steps(steps) => {
            let path = difference.path.elements();
            let meet = steps.iter().zip(path).all(|(step, element)| takes(step, element));
            meet && (steps.len() <= path.len() || is_only(&steps[path.len()..], added_or_removed(change)))
        }
        IgnoredPlace::Manager(name) => {
            let verdict = &change.verdict;
            let owns = !matches!(verdict.confidence, Confidence::None | Confidence::Low);
            owns && verdict.manager.as_ref().is_some_and(|manager| manager.name == *name)
        }
    }
}

fn takes(step: &IgnoredStep, element: &PathElement) -> bool {
    match (step, element) {
        (IgnoredStep::Any, _) => true,
        (IgnoredStep::Field(name), PathElement::Field(other)) => name == other,
        (IgnoredStep::Index(index), PathElement::Index(other)) => index == other,
        (IgnoredStep::Item(key, value), PathElement::Key(keys)) => {
            keys.iter().any(|(other, found)| other == key && found == value)
        }
        _ => false,
    }
}

fn covers_pointer(pointer: &str, change: &Change) -> bool {
    let place = &change.difference.pointer;
    if let Some(rest) = place.strip_prefix(pointer) {
        return rest.is_empty() || rest.starts_with('/');
    }
    let Some(inside) = pointer.strip_prefix(place.as_str()).and_then(|rest| rest.strip_prefix('/')) else {
        return false;
    };
    let names = inside.split('/').map(|token| token.replace("~1", "/").replace("~0", "~"));
    let steps: Vec<IgnoredStep> = names.map(IgnoredStep::Field).collect();
    is_only(&steps, added_or_removed(change))
}

/// The value that only one side has.
fn added_or_removed(change: &Change) -> Option<&Value> {
    match change.difference.kind {
        ChangeKind::Added => change.difference.live.as_ref(),
        ChangeKind::Removed => change.difference.desired.as_ref(),
        ChangeKind::Modified => None,
    }
}

/// Whether a value holds nothing but what these steps lead to.
fn is_only(steps: &[IgnoredStep], value: Option<&Value>) -> bool {
    let (Some((step, rest)), Some(value)) = (steps.split_first(), value) else { return value.is_some() };
    let inner = value.as_object().filter(|map| map.len() == 1).and_then(|map| match step {
        IgnoredStep::Field(name) => map.get(name),
        IgnoredStep::Any => map.values().next(),
        IgnoredStep::Index(_) | IgnoredStep::Item(..) => None,
    });
    is_only(rest, inner)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::covers;
    use crate::config::{IgnoredPlace, IgnoredStep};
    use crate::model::{Change, ChangeKind, Confidence, Difference, FieldPath, Manager, Verdict};

    fn change(path: &str, pointer: &str, kind: ChangeKind, value: &Value) -> Change {
        let difference = Difference {
            path: FieldPath::parse(path).expect("a path"),
            pointer: pointer.to_owned(),
            desired_pointer: pointer.to_owned(),
            kind,
            desired: (kind != ChangeKind::Added).then(|| value.clone()),
            live: (kind != ChangeKind::Removed).then(|| value.clone()),
            masked: false,
            default: None,
            reordered: false,
            note: None,
            server_set: false,
        };
        Change { difference, verdict: Verdict::unknown(), origin: None }
    }

    #[test]
    fn pointers_cover_what_is_inside() {
        let place = |pointer: &str| IgnoredPlace::Pointer(pointer.to_owned());
        let image = change(
            ".spec.containers[name=\"web\"].image",
            "/spec/containers/1/image",
            ChangeKind::Modified,
            &json!("a"),
        );
        for pointer in ["/spec/containers/1/image", "/spec/containers/1", "/spec"] {
            assert!(covers(&place(pointer), &image), "{pointer}");
        }
        for pointer in ["/spec/containers/0/image", "/spec/containers/1/imag", "/spec/containers/1/image/x"] {
            assert!(!covers(&place(pointer), &image), "{pointer}");
        }
        let all = |value: &Value| {
            change(".metadata.annotations", "/metadata/annotations", ChangeKind::Added, value)
        };
        let one = place("/metadata/annotations/a.b~1c");
        assert!(covers(&one, &all(&json!({"a.b/c": "x"}))));
        assert!(!covers(&one, &all(&json!({"a.b/c": "x", "other": "x"}))));
    }

    #[test]
    fn steps_find_items_by_what_they_hold() {
        let field = |name: &str| IgnoredStep::Field(name.to_owned());
        let steps = |item: IgnoredStep| {
            IgnoredPlace::Steps(vec![field("spec"), field("containers"), item, field("image")])
        };
        let image = change(
            ".spec.containers[name=\"web\"].image",
            "/spec/containers/1/image",
            ChangeKind::Modified,
            &json!("a"),
        );
        assert!(covers(&steps(IgnoredStep::Any), &image));
        assert!(covers(&steps(IgnoredStep::Item("name".to_owned(), json!("web"))), &image));
        assert!(!covers(&steps(IgnoredStep::Item("name".to_owned(), json!("other"))), &image));
        assert!(!covers(&steps(IgnoredStep::Index(1)), &image));
        let below = change(".spec", "/spec", ChangeKind::Modified, &json!({"containers": []}));
        assert!(!covers(&steps(IgnoredStep::Any), &below));
    }

    #[test]
    fn managers_cover_what_they_own() {
        let place = IgnoredPlace::Manager("tool".to_owned());
        let mut owned = change(".spec.replicas", "/spec/replicas", ChangeKind::Modified, &json!(1));
        owned.verdict.manager = Some(Manager {
            name: "tool".to_owned(),
            operation: "Update".to_owned(),
            subresource: String::new(),
            api_version: String::new(),
            time: None,
        });
        owned.verdict.confidence = Confidence::High;
        assert!(covers(&place, &owned));
        owned.verdict.confidence = Confidence::Low;
        assert!(!covers(&place, &owned));
    }
}
