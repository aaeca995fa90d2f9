//! What is told to be the same without a tree of the live object, and what is not.

use serde_json::Value;

use super::{desired, object};
use crate::diff::held::is_same;
use crate::schema::Schema;

const GIT: &str =
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {x: y}}, data: {a: b, n: '1'}}";

fn same(live: &str) -> bool {
    is_same(&desired(GIT), &object(live), Schema::built_in())
}

#[test]
fn the_books_of_the_server_make_no_other_object() {
    for metadata in [
        "name: a, labels: {x: y}",
        "name: a, namespace: default, labels: {x: y}, uid: u, resourceVersion: '1', creationTimestamp: t, generation: 1",
        "name: a, labels: {x: y}, managedFields: [{manager: m, fieldsV1: {'f:data': {}}}]",
        "name: a, labels: {x: y}, annotations: {kubectl.kubernetes.io/last-applied-configuration: '{}'}",
        "name: a, labels: {x: y}, annotations: {}",
    ] {
        assert!(
            same(&format!("{{metadata: {{{metadata}}}, data: {{a: b, n: '1'}}, status: {{x: 1}}}}")),
            "{metadata}"
        );
    }
}

#[test]
fn whatever_else_differs_is_left_to_the_comparison() {
    for live in [
        "metadata: {name: a, labels: {x: y}}, data: {a: b}",
        "metadata: {name: a, labels: {x: y}}, data: {a: b, n: '2'}",
        "metadata: {name: a, labels: {x: y}}, data: {a: b, n: 1}",
        "metadata: {name: a, labels: {x: y}}, data: {a: b, n: '1', c: d}",
        "metadata: {name: a, labels: {x: y}}, data: {a: b, n: '1'}, immutable: true",
        "metadata: {name: a, labels: {x: y}}, data: [a, b]",
        "metadata: {name: a, labels: {x: y}}",
        "metadata: {name: a, labels: {x: z}}, data: {a: b, n: '1'}",
        "metadata: {name: a}, data: {a: b, n: '1'}",
        "metadata: {name: a, labels: {x: y}, annotations: {by: hand}}, data: {a: b, n: '1'}",
        "metadata: {name: a, labels: {x: y}, finalizers: [f]}, data: {a: b, n: '1'}",
        "metadata: {name: a, labels: {x: y}, deletionTimestamp: t}, data: {a: b, n: '1'}",
        "data: {a: b, n: '1'}",
    ] {
        assert!(!same(&format!("{{{live}}}")), "{live}");
    }
}

#[test]
fn defaults_are_taken_in() {
    let git =
        "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: 'i:1'}]}}";
    let mut live: Value = object(git);
    crate::schema::fill(Schema::built_in().kind("", "v1", "Pod"), &mut live);
    assert!(is_same(&desired(git), &live, Schema::built_in()));
    live["spec"]["restartPolicy"] = "Never".into();
    assert!(!is_same(&desired(git), &live, Schema::built_in()));
}
