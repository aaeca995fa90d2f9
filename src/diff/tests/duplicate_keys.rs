//! Items with one key in a keyed list: the server takes them from client-side apply (kubernetes/kubernetes#58477), and
//! refuses them in server-side apply.

use super::cross_check::compare;
use super::{check, check_custom, desired, object};
use crate::model::Difference;
use crate::schema::Schema;

fn template(container: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: PodTemplate, metadata: {{name: p}}, template: {{spec: {{containers: [{{name: a, image: 'a:1', {container}}}]}}}}}}"
    )
}

fn env(items: &str) -> String {
    let item = |item: &str| {
        let (name, value) = item.split_once('=').expect("written so");
        format!("{{name: {name}, value: '{value}'}}")
    };
    let items: Vec<String> = items.split_whitespace().map(item).collect();
    template(&format!("env: [{}]", items.join(", ")))
}

fn of_env(git: &str, live: &str) -> Vec<Difference> {
    compare(&desired(&env(git)), &object(&env(live)), Schema::built_in())
}

/// Each item that went or came is found, and with it its place on either side.
#[test]
fn changed_item_among_duplicate_keys_found() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("A=5 A=6 B=x", "A=6 B=x", &["- A=5 /0"]),
        ("A=5 A=6 B=x", "A=5 B=x", &["- A=6 /1"]),
        ("A=5 B=x A=6", "B=x A=6", &["- A=5 /0"]),
        ("A=1 A=2 A=3", "A=1 A=3", &["- A=2 /1"]),
        ("A=1 A=2 A=1", "A=2 A=1", &["- A=1 /0"]),
        ("A=1 A=1", "A=1", &["- A=1 /1"]),
        ("A=1 A=2", "B=x", &["- A=1 /0", "- A=2 /1", "+ B=x /0"]),
        ("A=6 B=x", "A=5 A=6 B=x", &["+ A=5 /0"]),
        ("A=5", "A=5 A=6", &["+ A=6 /1"]),
        ("A=5 A=6", "A=5 A=7", &["~ 6 7 /1 /1"]),
        ("A=5 A=6", "A=7 A=6", &["~ 5 7 /0 /0"]),
        ("A=5 A=6", "A=6 A=7", &["+ A=7 /1", "- A=5 /0"]),
        ("A=5 A=6", "A=7", &["~ 5 7 /0 /0", "- A=6 /1"]),
    ];
    for (git, live, expected) in cases {
        let mut found: Vec<String> = of_env(git, live).iter().map(short).collect();
        let mut expected = expected.to_vec();
        found.sort();
        expected.sort_unstable();
        assert_eq!(found, expected, "{git} against {live}");
    }
}

/// `- A=5 /0`: kind, item and index; of a changed value both and both indexes.
fn short(difference: &Difference) -> String {
    let of_list = "/template/spec/containers/0/env";
    let at = |pointer: &str| pointer.trim_start_matches(of_list).trim_end_matches("/value").to_owned();
    let item = |value: &serde_json::Value| match value.get("name") {
        Some(name) => {
            format!("{}={}", name.as_str().unwrap_or_default(), value["value"].as_str().unwrap_or_default())
        }
        None => value.as_str().unwrap_or_default().to_owned(),
    };
    let (desired, live) = (at(&difference.desired_pointer), at(&difference.pointer));
    match (&difference.desired, &difference.live) {
        (Some(value), None) => format!("- {} {desired}", item(value)),
        (None, Some(value)) => format!("+ {} {live}", item(value)),
        (Some(before), Some(now)) => format!("~ {} {} {desired} {live}", item(before), item(now)),
        (None, None) => "nothing".to_owned(),
    }
}

/// Of variables with one name the last one counts.
#[test]
fn order_of_same_named_variables_matters() {
    let found = of_env("A=5 B=x A=6", "A=6 B=x A=5");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].note.as_deref(), Some("the order differs"));
    assert_eq!(of_env("A=5 B=x A=6", "B=x A=5 A=6"), []);
    assert_eq!(of_env("A=5 B=x A=5", "A=5 A=5 B=x"), []);
}

#[test]
fn duplicate_key_in_git_is_noted() {
    let note = "duplicate key in Git: equal items are paired first, then the rest in order";
    let notes = |git: &str, live: &str| -> Vec<Option<String>> {
        of_env(git, live).into_iter().map(|found| found.note).collect()
    };
    assert_eq!(notes("A=5 A=6", "A=6"), [Some(note.to_owned())]);
    assert_eq!(notes("A=5 A=6", "A=5 A=7"), [Some(note.to_owned())]);
    assert_eq!(notes("A=5 B=6", "A=5 B=7"), [None]);
    assert_eq!(notes("A=5", "A=5 A=7"), [None]);
}

#[test]
fn it_is_so_in_every_keyed_list() {
    let port = ".template.spec.containers[name=\"a\"].ports[containerPort=80,protocol=\"TCP\"]";
    let (http, metrics) =
        ("{containerPort: 80, name: http}", "{containerPort: 80, protocol: TCP, name: metrics}");
    check(
        &template(&format!("ports: [{http}, {metrics}]")),
        &template(&format!("ports: [{metrics}]")),
        &[&format!("- {port} {{\"containerPort\":80,\"name\":\"http\"}} -> -")],
    );
    let service = |ports: &str| {
        format!("{{apiVersion: v1, kind: Service, metadata: {{name: s}}, spec: {{ports: [{ports}]}}}}")
    };
    check(
        &service("{port: 1, targetPort: 2, name: a}, {port: 1, targetPort: 3, name: b}"),
        &service("{port: 1, targetPort: 3, name: b, protocol: TCP}"),
        &["- .spec.ports[port=1,protocol=\"TCP\"] {\"name\":\"a\",\"port\":1,\"targetPort\":2} -> -"],
    );
    let hosts = |hosts: &str| {
        format!(
            "{{apiVersion: v1, kind: PodTemplate, metadata: {{name: p}}, template: {{spec: {{hostAliases: [{hosts}]}}}}}}"
        )
    };
    check(
        &hosts("{ip: 1.1.1.1, hostnames: [a]}, {ip: 1.1.1.1, hostnames: [b]}, {ip: 1.1.1.2, hostnames: [c]}"),
        &hosts("{ip: 1.1.1.1, hostnames: [b]}, {ip: 1.1.1.2, hostnames: [c]}"),
        &["- .template.spec.hostAliases[ip=\"1.1.1.1\"] {\"hostnames\":[\"a\"],\"ip\":\"1.1.1.1\"} -> -"],
    );
    // Equal by the schema, though not word for word.
    let divisor = |divisor: &str| {
        format!("{{name: A, valueFrom: {{resourceFieldRef: {{resource: limits.cpu, divisor: {divisor}}}}}}}")
    };
    check(
        &template(&format!("env: [{{name: A, value: x}}, {}]", divisor("1000m"))),
        &template(&format!("env: [{}]", divisor("'1'"))),
        &["- .template.spec.containers[name=\"a\"].env[name=\"A\"] {\"name\":\"A\",\"value\":\"x\"} -> -"],
    );
    let parts = "{parts: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [id], items: {type: object, properties: {id: {type: string}, n: {type: integer, default: 1}}}}}";
    check_custom(
        parts,
        "{parts: [{id: a, n: 2}, {id: a}]}",
        "{parts: [{id: a, n: 1}]}",
        &["- .spec.parts[id=\"a\"] {\"id\":\"a\",\"n\":2} -> -"],
    );
}

/// Many items of one key are compared in a moment.
#[test]
fn long_lists_of_one_key_end() {
    let list = |values: &mut dyn Iterator<Item = usize>| {
        let items: Vec<String> = values.map(|value| format!("A={value}")).collect();
        env(&items.join(" "))
    };
    let git = list(&mut (0..3000));
    let found = compare(&desired(&git), &object(&list(&mut (1..3000))), Schema::built_in());
    assert_eq!(found.len(), 1, "{found:?}");
    let found = compare(&desired(&git), &object(&list(&mut (3000..6000))), Schema::built_in());
    assert_eq!(found.len(), 3000);
}
