//! The status of an object: the server's, or data like any other where the kind has no subresource for it (seen on
//! kube-apiserver v1.36: whoever applies the object writes it).

use serde_json::json;

use super::cross_check::compare;
use super::{desired, line, object};
use crate::schema::Schema;

fn crd(subresources: &str) -> Schema {
    let schema = "{openAPIV3Schema: {type: object, properties: {status: {type: object, properties: {phase: {type: string}, ready: {type: integer}, parts: {type: array, items: {type: string}}}}}}}";
    Schema::from_crd(&object(&format!(
        "{{spec: {{group: example.com, names: {{kind: Widget}}, versions: [{{name: v1, schema: {schema}{subresources}}}]}}}}"
    )))
}

fn published(with_status: bool) -> Schema {
    let kind = json!({"group": "example.com", "version": "v1", "kind": "Widget"});
    let mut document = json!({"openapi": "3.0.0", "paths": {
        "/apis/example.com/v1/widgets": {"get": {"x-kubernetes-group-version-kind": kind}},
        "/apis/example.com/v1/namespaces/{namespace}/widgets/{name}": {"get": {"x-kubernetes-group-version-kind": kind}},
        "/apis/example.com/v1/namespaces/{namespace}/widgets/{name}/scale": {"get": {}},
    }, "components": {"schemas": {"com.example.v1.Widget": {
        "type": "object", "x-kubernetes-group-version-kind": [kind],
        "properties": {"status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}}});
    if with_status {
        document["paths"]["/apis/example.com/v1/namespaces/{namespace}/widgets/{name}/status"] =
            json!({"get": {"x-kubernetes-group-version-kind": kind}});
    }
    Schema::from_openapi(document.to_string().as_bytes()).expect("an OpenAPI document")
}

fn found(schema: &Schema, git: &str, live: &str) -> Vec<String> {
    let widget = |fields: &str| {
        format!("{{apiVersion: example.com/v1, kind: Widget, metadata: {{name: w}}, spec: {{}}, {fields}}}")
    };
    let found = compare(&desired(&widget(git)), &object(&widget(live)), schema);
    found.iter().map(line).collect()
}

#[test]
fn declared_status_without_subresource_compared() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("status: {phase: ok}", "status: {phase: ok}", &[]),
        ("status: {phase: ok}", "status: {phase: bad}", &["~ .status.phase \"ok\" -> \"bad\""]),
        ("status: {phase: ok, ready: 1}", "status: {phase: ok}", &["- .status.ready 1 -> -"]),
        ("status: {phase: ok}", "", &["- .status {\"phase\":\"ok\"} -> -"]),
        ("status: {parts: [a]}", "status: {parts: [a, b]}", &["~ .status.parts [\"a\"] -> [\"a\",\"b\"]"]),
        // A controller's, most likely: a change only where a person wrote it.
        ("status: {phase: ok}", "status: {phase: ok, ready: 1}", &["+ .status.ready - -> 1 server-set"]),
        ("", "status: {phase: ok}", &[]),
    ];
    for schema in [crd(""), crd(", subresources: {scale: {}}"), published(false)] {
        for (git, live, expected) in cases {
            assert_eq!(found(&schema, git, live), *expected, "{git} against {live}");
        }
    }
}

#[test]
fn status_subresource_is_not_compared() {
    let schemas =
        [crd(", subresources: {status: {}}"), published(true), Schema::default(), Schema::built_in().clone()];
    for schema in schemas {
        assert_eq!(found(&schema, "status: {phase: ok}", "status: {phase: bad, ready: 1}"), [""; 0]);
        assert_eq!(found(&schema, "status: {phase: ok}", ""), [""; 0]);
    }
    let pod = |phase: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {{containers: []}}, status: {{phase: {phase}}}}}"
        )
    };
    let found = compare(&desired(&pod("Running")), &object(&pod("Failed")), Schema::built_in());
    assert_eq!(found.iter().map(line).filter(|line| line.contains("status")).count(), 0);
}

/// A schema that was kept says the same.
#[test]
fn cached_schema_keeps_status_subresource() {
    let kept = Schema::from_bytes(&published(false).to_bytes()).expect("we wrote it");
    assert_eq!(
        found(&kept, "status: {phase: ok}", "status: {phase: bad}"),
        ["~ .status.phase \"ok\" -> \"bad\""]
    );
}
