//! Properties over random objects of every built-in kind, made from the schema.

mod edits;
mod schemas;

use proptest::prelude::*;
use serde_json::{Map, Number, Value, json};

use super::cross_check::{compare, is_same};
use super::of;
use crate::diff::normalise::{MetadataLevel, normalise};
use crate::diff::normalise_declared;
use crate::model::{Difference, FieldPath, PathElement};
use crate::schema::{Field, ListType, Scalar, Schema, Shape, fill};

/// Choices that a generator reads one by one; what is not there is 0, so that a shorter tape makes a smaller object.
struct Tape<'a> {
    choices: &'a [u16],
    at: usize,
}

impl Tape<'_> {
    /// A number below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        let choice = self.choices.get(self.at).copied().unwrap_or_default();
        self.at += 1;
        usize::from(choice) % bound.max(1)
    }

    fn is_spent(&self) -> bool {
        self.at >= self.choices.len()
    }
}

fn value(field: Field<'_>, depth: usize, tape: &mut Tape<'_>) -> Value {
    match field.shape() {
        Shape::Object => object(field, depth, tape),
        Shape::Map => {
            let keys = ["a", "b.c/d", "e~f"];
            let count = 1 + tape.below(2);
            let entry = |key: &&str| ((*key).to_owned(), value(field.field(key), depth + 1, tape));
            Value::Object(keys[..count].iter().map(entry).collect())
        }
        Shape::List(kind) => list(field, &kind, depth, tape),
        Shape::Scalar(Scalar::Quantity | Scalar::Resource) => json!(["1", "500m", "1.5Gi"][tape.below(3)]),
        Shape::Scalar(Scalar::Time) => json!("2026-01-01T00:00:00Z"),
        Shape::Scalar(Scalar::Duration) => json!(["1h", "90s"][tape.below(2)]),
        Shape::Scalar(Scalar::Bytes) => json!(["YWJj", "eA=="][tape.below(2)]),
        Shape::Scalar(Scalar::Double | Scalar::Float) => json!([0.1, 2.5, 7.0][tape.below(3)]),
        // What the type is the schema does not tell here: drift compares whatever stands there.
        Shape::Scalar(Scalar::Plain) | Shape::Unknown => {
            [json!("text"), json!(7), json!(true), json!("NodePort"), json!("RollingUpdate")][tape.below(5)]
                .clone()
        }
    }
}

fn object(field: Field<'_>, depth: usize, tape: &mut Tape<'_>) -> Value {
    let names = field.names();
    let mut map = Map::new();
    let count = if depth > 7 { 0 } else { 1 + tape.below(4) };
    for _ in 0..count {
        if names.is_empty() || tape.is_spent() {
            break;
        }
        let name = names[tape.below(names.len())];
        map.insert(name.to_owned(), value(field.field(name), depth + 1, tape));
    }
    Value::Object(map)
}

/// Items of a keyed list have their keys, each item its own.
fn list(field: Field<'_>, kind: &ListType, depth: usize, tape: &mut Tape<'_>) -> Value {
    let count = 1 + tape.below(3);
    let items = (0..count).map(|number| {
        let mut item = match kind {
            ListType::Set => json!(format!("item-{number}")),
            _ => value(field.items(), depth + 1, tape),
        };
        if let (ListType::Map(keys), Some(map)) = (kind, item.as_object_mut()) {
            for key in keys {
                map.insert(key.clone(), json!(format!("item-{number}")));
            }
        }
        item
    });
    Value::Array(items.collect())
}

/// A random object of a built-in kind.
fn random_object(choices: &[u16]) -> Value {
    let schema = Schema::built_in();
    let kinds = schema.all_kinds();
    let mut tape = Tape { choices, at: 0 };
    let mut parts = kinds[tape.below(kinds.len())].splitn(3, '/');
    let mut next = || parts.next().unwrap_or_default();
    let (group, version, kind) = (next(), next(), next());
    let field = schema.kind(group, version, kind);
    let mut made = Map::new();
    let names = field.names();
    let chosen: Vec<&&str> =
        names.iter().filter(|name| !["status", "metadata", "kind", "apiVersion"].contains(*name)).collect();
    for name in chosen {
        if !tape.is_spent() {
            made.insert((**name).to_owned(), value(field.field(name), 1, &mut tape));
        }
    }
    made.insert("apiVersion".to_owned(), json!(crate::model::join_api_version(group, version)));
    made.insert("kind".to_owned(), json!(kind));
    made.insert("metadata".to_owned(), json!({"name": "x", "labels": {"a": "b"}}));
    Value::Object(made)
}

/// The object as a server would hold it.
fn stored(object: &Value) -> Value {
    let desired = of(object.clone());
    let mut live = normalise_declared(object).into_owned();
    fill(Schema::built_in().kind(&desired.id.group, &desired.id.version, &desired.id.kind), &mut live);
    live
}

/// Every place of a scalar that an edit may change: its RFC 6901 pointer.
fn places(value: &Value, here: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, inner)| {
            let mut next = here.to_owned();
            crate::model::push_pointer(&mut next, key);
            places(inner, &next, found);
        }),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, inner)| places(inner, &format!("{here}/{at}"), found));
        }
        Value::Null => {}
        _ if here.ends_with("/creationTimestamp") => {}
        // The identity of the object.
        _ if matches!(here, "/apiVersion" | "/kind" | "/metadata/name") => {}
        _ => found.push(here.to_owned()),
    }
}

fn other(value: &Value) -> Value {
    match value {
        Value::Bool(value) => json!(!value),
        Value::Number(number) => Value::Number(Number::from(number.as_i64().unwrap_or_default() + 1)),
        Value::String(text) => json!(format!("{text}9")),
        other => other.clone(),
    }
}

/// Whether the difference is at the edited place: on the way to it, or inside it.
fn is_at(difference: &Difference, pointer: &str) -> bool {
    let names = |path: &FieldPath| -> Vec<String> {
        path.elements()
            .iter()
            .filter_map(|step| if let PathElement::Field(name) = step { Some(name.clone()) } else { None })
            .collect()
    };
    let edited: Vec<String> = pointer
        .split('/')
        .skip(1)
        .filter(|token| token.parse::<usize>().is_err())
        .map(|token| token.replace("~1", "/").replace("~0", "~"))
        .collect();
    let found = names(&difference.path);
    edited.starts_with(&found) || found.starts_with(&edited)
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        let keys = prop_oneof![
            ".{0,4}",
            Just("spec".to_owned()),
            Just("metadata".to_owned()),
            Just("template".to_owned()),
            Just("containers".to_owned()),
            Just("ports".to_owned()),
            Just("name".to_owned()),
            Just("labels".to_owned()),
            Just("data".to_owned()),
            Just("stringData".to_owned()),
            Just("rules".to_owned()),
            Just("metrics".to_owned()),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((keys, inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

fn tape() -> impl Strategy<Value = Vec<u16>> {
    prop::collection::vec(any::<u16>(), 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn stored_object_equals_declared(choices in tape()) {
        let object = random_object(&choices);
        prop_assert_eq!(&*normalise_declared(&object), &normalise(&object, None, MetadataLevel::Object), "what needs no change is not copied");
        let (git, live) = (of(object.clone()), stored(&object));
        let found = compare(&git, &live, Schema::built_in());
        prop_assert!(found.is_empty(), "{object}\n{found:?}");
        prop_assert!(is_same(&git, &live, Schema::built_in()), "{object}");
    }

    #[test]
    fn edited_value_found_alone_at_its_path(choices in tape(), which in any::<prop::sample::Index>()) {
        let object = random_object(&choices);
        let mut live = stored(&object);
        let mut all = Vec::new();
        places(&live, "", &mut all);
        let pointer = &all[which.index(all.len())];
        let slot = live.pointer_mut(pointer).expect("a place of this value");
        *slot = other(slot);
        let found = compare(&of(object.clone()), &live, Schema::built_in());
        prop_assert!(!found.is_empty(), "{pointer} not found\n{object}\n{live}");
        prop_assert!(found.iter().all(|difference| is_at(difference, pointer)), "{pointer}\n{object}\n{live}\n{found:?}");
    }

    #[test]
    fn anything_on_either_side_is_borne(
        git in any_json(),
        live in any_json(),
        kind in prop::sample::select(vec!["v1/Pod", "v1/Service", "v1/Secret", "apps/v1/Deployment", "batch/v1/Job",
            "autoscaling/v2/HorizontalPodAutoscaler", "networking.k8s.io/v1/NetworkPolicy", "v1/LimitRange",
            "rbac.authorization.k8s.io/v1/ClusterRole", "apiextensions.k8s.io/v1/CustomResourceDefinition",
            "example.com/v1/Widget", "v1/Namespace"]),
    ) {
        let (api_version, kind) = kind.rsplit_once('/').expect("written so");
        let mut git = match git { Value::Object(map) => map, other => Map::from_iter([("spec".to_owned(), other)]) };
        git.insert("apiVersion".to_owned(), json!(api_version));
        git.insert("kind".to_owned(), json!(kind));
        git.insert("metadata".to_owned(), json!({"name": "x"}));
        let desired = of(Value::Object(git));
        let found = compare(&desired, &live, Schema::built_in());
        let again = compare(&desired, &live, Schema::built_in());
        prop_assert_eq!(found, again);
    }
}
