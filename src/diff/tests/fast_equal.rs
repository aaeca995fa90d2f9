//! What is told to be the same without a tree of the live object, and what is not.

use serde_json::Value;

use super::cross_check::{compare, is_same, same};
use super::{desired, object};
use crate::schema::Schema;

const GIT: &str =
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {x: y}}, data: {a: b, n: '1'}}";

fn is_git(live: &str) -> bool {
    is_same(&desired(GIT), &object(live), Schema::built_in())
}

#[test]
fn server_metadata_does_not_affect_equality() {
    for metadata in [
        "name: a, labels: {x: y}",
        "name: a, namespace: default, labels: {x: y}, uid: u, resourceVersion: '1', creationTimestamp: t, generation: 1",
        "name: a, labels: {x: y}, managedFields: [{manager: m, fieldsV1: {'f:data': {}}}]",
        "name: a, labels: {x: y}, annotations: {kubectl.kubernetes.io/last-applied-configuration: '{}'}",
        "name: a, labels: {x: y}, annotations: {}",
    ] {
        assert!(
            is_git(&format!("{{metadata: {{{metadata}}}, data: {{a: b, n: '1'}}, status: {{x: 1}}}}")),
            "{metadata}"
        );
    }
}

#[test]
fn any_other_difference_is_undecided() {
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
        assert!(!is_git(&format!("{{{live}}}")), "{live}");
    }
}

/// What `compare` finds there is told in `held`: nothing else than what only live has and the server set.
#[test]
fn server_set_fields_reported_separately() {
    let service = |more: &str| format!("{{spec: {{ports: [{{port: 80}}], type: ClusterIP{more}}}}}");
    let git = format!("{{apiVersion: v1, kind: Service, metadata: {{name: a}}, {}", &service("")[1..]);
    let git = desired(&git);
    let found = |live: &str| {
        let mut live = object(&format!("{{metadata: {{name: a}}, {}", &live[1..]));
        crate::schema::fill(Schema::built_in().kind("", "v1", "Service"), &mut live);
        let differences = compare(&git, &live, Schema::built_in()).len();
        same(&git, &live, Schema::built_in()).map(|same| (same.server_set, differences))
    };
    assert_eq!(found(&service("")), Some((false, 0)));
    assert_eq!(found(&service(", clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1]")), Some((true, 2)));
    for (more, why) in [
        (", externalName: x", "no place of the server's"),
        (", clusterIP: 10.0.0.1, externalIPs: [x]", "one more"),
        (", selector: {clusterIP: x}", "the name elsewhere"),
    ] {
        assert_eq!(found(&service(more)), None, "{why}");
    }
    let in_a_list = service("").replace("port: 80", "port: 80, nodePort: 30000");
    assert_eq!(found(&in_a_list), Some((true, 1)));
    let one_more = service("").replace("{port: 80}", "{port: 80}, {port: 81}");
    assert_eq!(found(&one_more), None, "an item that only live has");
    let annotated = |key: &str| {
        let git = desired(GIT);
        let annotations = format!("labels: {{x: y}}, annotations: {{'{key}': x}}");
        let live = object(&format!("{{metadata: {{name: a, {annotations}}}, data: {{a: b, n: '1'}}}}"));
        let differences = compare(&git, &live, Schema::built_in()).len();
        same(&git, &live, Schema::built_in()).map(|same| (same.server_set, differences))
    };
    assert_eq!(annotated("deployment.kubernetes.io/revision"), Some((true, 1)));
    assert_eq!(annotated("by-hand"), None);
    let job = |metadata: &str| {
        let template =
            format!("{metadata}spec: {{restartPolicy: Never, containers: [{{name: a, image: 'a:1'}}]}}");
        let spec = format!("jobTemplate: {{{metadata}spec: {{template: {{{template}}}}}}}, schedule: x");
        format!("{{apiVersion: batch/v1, kind: CronJob, metadata: {{name: a}}, spec: {{{spec}}}}}")
    };
    let empty = job("metadata: {creationTimestamp: null}, ");
    let stored = job("metadata: {}, ").replace("'a:1'", "'a:1', resources: {}, env: []");
    for live in [&empty, &stored] {
        let mut live = object(live);
        crate::schema::fill(Schema::built_in().kind("batch", "v1", "CronJob"), &mut live);
        assert_eq!(
            same(&desired(&job("")), &live, Schema::built_in()).map(|same| same.server_set),
            Some(false)
        );
    }
}

/// Inside what the server may set as a whole nothing may differ.
#[test]
fn changed_server_filled_list_is_undecided() {
    let pod = |item: &str, more: &str| {
        let spec = format!("containers: [], tolerations: [{{key: a{item}}}], nodeSelector: {{a: b{more}}}");
        format!("{{apiVersion: v1, kind: Pod, metadata: {{name: a}}, spec: {{{spec}}}}}")
    };
    for (item, more) in [(", zzz: added", ""), (", effect: NoSchedule", ""), ("", ", c: d")] {
        let (git, mut live) = (desired(&pod("", "")), object(&pod(item, more)));
        crate::schema::fill(Schema::built_in().kind("", "v1", "Pod"), &mut live);
        assert_eq!(same(&git, &live, Schema::built_in()), None, "{item}{more}");
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
