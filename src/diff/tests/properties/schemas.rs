//! Schemas of any shape: a hostile API server or CRD ends in a comparison, never in a panic or without end.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::any_json;
use crate::diff::tests::cross_check::compare;
use crate::diff::tests::of;
use crate::schema::{Schema, without_defaults};

/// A schema, or what looks like one: references that lead back, defaults everywhere, lists and maps of every kind.
fn any_schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        prop::sample::select(vec!["string", "integer", "number", "boolean", "object", "array"])
            .prop_map(|kind| json!({"type": kind})),
        prop::sample::select(vec!["byte", "date-time", "duration", "int-or-string"])
            .prop_map(|format| json!({"type": "string", "format": format})),
        prop::sample::select(vec!["A", "B", "C", "nowhere", "io.k8s.apimachinery.pkg.api.resource.Quantity"])
            .prop_map(|name| json!({"$ref": format!("#/components/schemas/{name}")})),
        prop::sample::select(vec!["A", "B"]).prop_map(
            |name| json!({"default": {}, "allOf": [{"$ref": format!("#/components/schemas/{name}")}]})
        ),
        Just(json!({"x-kubernetes-int-or-string": true, "pattern": "[KMGTPE]i"})),
        Just(json!({"type": "integer", "nullable": true, "default": 3})),
        prop::sample::select(vec!["double", "float"])
            .prop_map(|format| json!({"type": "number", "format": format})),
        any_json(),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let names = prop::sample::select(vec!["spec", "template", "containers", "ports", "name", "labels", "rules", "a", "metadata"]);
        let fields = prop::collection::btree_map(names, inner.clone(), 0..4);
        let marks = prop::sample::select(vec![
            json!({}),
            json!({"x-kubernetes-preserve-unknown-fields": true}),
            json!({"x-kubernetes-embedded-resource": true}),
            json!({"x-kubernetes-map-type": "atomic"}),
            json!({"nullable": true, "default": null}),
        ]);
        let types = prop::sample::select(vec![
            json!({"x-kubernetes-list-type": "set"}),
            json!({"x-kubernetes-list-type": "atomic"}),
            json!({"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name", "a"]}),
            json!({"x-kubernetes-list-type": "map"}),
            json!({"x-kubernetes-patch-merge-key": "name"}),
            json!({"x-kubernetes-list-type": "other"}),
            json!({"default": [{}, null, 1]}),
        ]);
        prop_oneof![
            (fields, marks, any_json()).prop_map(|(properties, marks, default)| {
                let node = json!({"type": "object", "properties": properties, "default": default});
                merged(node, marks)
            }),
            (inner.clone(), types).prop_map(|(items, marks)| merged(json!({"type": "array", "items": items}), marks)),
            (inner, any_json())
                .prop_map(|(values, default)| json!({"type": "object", "additionalProperties": values, "default": default})),
        ]
    })
}

fn merged(mut node: Value, marks: Value) -> Value {
    if let (Some(node), Value::Object(marks)) = (node.as_object_mut(), marks) {
        node.extend(marks);
    }
    node
}

fn widget(spec: &Value) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": spec})
}

/// Compares both ways, twice; the results are the same.
fn bear(schema: &Schema, git: &Value, live: &Value) {
    let root = schema.kind("example.com", "v1", "Widget");
    for (git, live) in [(git, live), (live, git)] {
        let (git, live) = (widget(git), widget(live));
        let found = compare(&of(git.clone()), &live, schema);
        assert_eq!(found, compare(&of(git), &live, schema));
        let _ = without_defaults(root, &live);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn a_document_of_any_shape_is_borne(a in any_schema(), b in any_schema(), git in any_json(), live in any_json()) {
        let kind = json!({"x-kubernetes-group-version-kind": [{"group": "example.com", "version": "v1", "kind": "Widget"}]});
        let document = json!({"openapi": "3.0.0", "components": {"schemas": {"A": merged(a, kind), "B": b}}});
        if let Ok(schema) = Schema::from_openapi(document.to_string().as_bytes()) {
            bear(&schema, &git, &live);
        }
    }

    #[test]
    fn a_crd_of_any_shape_is_borne(schema in any_schema(), whole in any_json(), git in any_json(), live in any_json()) {
        let version = |schema: &Value| json!({"name": "v1", "schema": {"openAPIV3Schema": schema}});
        let crd = json!({"spec": {"group": "example.com", "names": {"kind": "Widget"}, "versions": [version(&schema), whole]}});
        bear(&Schema::from_crd(&crd), &git, &live);
        bear(&Schema::from_crd(&whole), &git, &live);
    }

    #[test]
    fn what_equals_itself_differs_by_no_schema(schema in any_schema(), spec in any_json()) {
        let crd = json!({"spec": {"group": "example.com", "names": {"kind": "Widget"}, "versions": [
            {"name": "v1", "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": schema}}}}]}});
        let found = compare(&of(widget(&spec)), &widget(&spec), &Schema::from_crd(&crd));
        prop_assert!(found.is_empty(), "{crd}\n{spec}\n{found:?}");
    }
}

/// Defaults that lead back to their own type, two ways at each level: filled as far as a limit, and compared.
#[test]
fn defaults_without_end_end() {
    let back = json!({"default": {}, "allOf": [{"$ref": "#/components/schemas/A"}]});
    let document = json!({"openapi": "3.0.0", "components": {"schemas": {"A": {
        "type": "object",
        "x-kubernetes-group-version-kind": [{"group": "example.com", "version": "v1", "kind": "Widget"}],
        "properties": {"spec": back, "other": back},
    }}}});
    let schema = Schema::from_openapi(document.to_string().as_bytes()).expect("an OpenAPI document");
    let found = compare(&of(widget(&json!({}))), &widget(&json!({"x": 1})), &schema);
    assert_eq!(found.len(), 1, "{found:?}");
}
