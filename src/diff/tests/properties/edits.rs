//! What an edit of a live object changes, and what its order does not.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{is_at, places, random_object, stored, tape};
use crate::diff::normalise_declared;
use crate::diff::tests::cross_check::compare;
use crate::diff::tests::of;
use crate::model::push_pointer;
use crate::schema::{Field, ListType, Schema, Shape};

/// The value with the items of sets and keyed lists the other way round, but for lists that run in their order.
fn turned(field: Field<'_>, name: &str, value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .rev()
                .map(|(key, inner)| (key.clone(), turned(field.field(key), key, inner)))
                .collect(),
        ),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(|item| turned(field.items(), "", item)).collect();
            let free = matches!(field.shape(), Shape::List(ListType::Set | ListType::Map(_)));
            if free && name != "initContainers" {
                items.reverse();
            }
            Value::Array(items)
        }
        other => other.clone(),
    }
}

/// Every map of an object: its RFC 6901 pointer.
fn maps(value: &Value, here: &str, found: &mut Vec<String>) {
    let mut below = |token: &str, inner: &Value| {
        let mut next = here.to_owned();
        push_pointer(&mut next, token);
        maps(inner, &next, found);
    };
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, inner)| below(key, inner));
            found.push(here.to_owned());
        }
        Value::Array(items) => items.iter().enumerate().for_each(|(at, inner)| below(&at.to_string(), inner)),
        _ => {}
    }
}

/// Takes out what a pointer names; whether it was there.
fn remove(value: &mut Value, pointer: &str) -> bool {
    let Some((parent, last)) = pointer.rsplit_once('/') else { return false };
    let key = last.replace("~1", "/").replace("~0", "~");
    match value.pointer_mut(parent) {
        Some(Value::Object(map)) => map.remove(&key).is_some(),
        Some(Value::Array(items)) => {
            key.parse().is_ok_and(|at: usize| at < items.len() && !items.remove(at).is_null())
        }
        _ => false,
    }
}

fn root_of(object: &Value) -> Field<'static> {
    let id = of(object.clone()).id;
    Schema::built_in().kind(&id.group, &id.version, &id.kind)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn order_of_sets_and_keyed_lists_ignored(choices in tape()) {
        let object = random_object(&choices);
        let live = turned(root_of(&object), "", &stored(&object));
        let found = compare(&of(object.clone()), &live, Schema::built_in());
        prop_assert!(found.is_empty(), "{object}\n{live}\n{found:?}");
        let git = of(turned(root_of(&object), "", &object));
        prop_assert_eq!(compare(&git, &stored(&object), Schema::built_in()), []);
    }

    #[test]
    fn removed_declared_value_found_alone(choices in tape(), which in any::<prop::sample::Index>()) {
        let object = random_object(&choices);
        let mut live = stored(&object);
        let mut all = Vec::new();
        places(&normalise_declared(&object), "", &mut all);
        let pointer = &all[which.index(all.len())];
        prop_assume!(remove(&mut live, pointer));
        let found = compare(&of(object.clone()), &live, Schema::built_in());
        prop_assert!(!found.is_empty(), "{pointer} not missed\n{object}\n{live}");
        prop_assert!(found.iter().all(|difference| is_at(difference, pointer)), "{pointer}\n{object}\n{live}\n{found:?}");
    }

    #[test]
    fn added_key_found_alone(choices in tape(), which in any::<prop::sample::Index>()) {
        let object = random_object(&choices);
        let mut live = stored(&object);
        let mut all = Vec::new();
        maps(&live, "", &mut all);
        let at = &all[which.index(all.len())];
        let map = live.pointer_mut(at).and_then(Value::as_object_mut).expect("a map of this value");
        map.insert("zzz".to_owned(), json!("added"));
        let found = compare(&of(object.clone()), &live, Schema::built_in());
        let pointer = format!("{at}/zzz");
        prop_assert!(!found.is_empty(), "{pointer} not found\n{object}\n{live}");
        prop_assert!(found.iter().all(|difference| is_at(difference, &pointer)), "{pointer}\n{object}\n{live}\n{found:?}");
    }

    #[test]
    fn changed_item_among_equal_keys_is_found(
        items in prop::collection::vec((0..2usize, 0..3usize), 1..9), which in any::<prop::sample::Index>()
    ) {
        let item = |(name, value): &(usize, usize)| json!({"name": format!("N{name}"), "value": value.to_string()});
        let all: Vec<Value> = items.iter().map(item).collect();
        let mut rest = all.clone();
        let gone = rest.remove(which.index(all.len()));
        let pod = |env: &[Value]| json!({"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "p"},
            "template": {"spec": {"containers": [{"name": "a", "image": "a:1", "env": env}]}}});
        let (all, rest) = (pod(&all), pod(&rest));
        let found = compare(&of(all.clone()), &rest, Schema::built_in());
        prop_assert_eq!(found.len(), 1, "{:?}", &found);
        prop_assert_eq!(found[0].desired.as_ref(), Some(&gone));
        let mut without = all.clone();
        prop_assert!(remove(&mut without, &found[0].desired_pointer));
        prop_assert_eq!(compare(&of(without), &rest, Schema::built_in()), []);
        let found = compare(&of(rest), &all, Schema::built_in());
        prop_assert_eq!(found.len(), 1, "{:?}", &found);
        prop_assert_eq!(found[0].live.as_ref(), Some(&gone));
    }
}
