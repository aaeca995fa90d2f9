//! A list of changes held against a server's answer: what is lacking, what is too much, and what is explained.

use serde_json::{Value, json};

use super::{DryRunComparison, DryRunPatch, compare_answer};
use crate::diff::compare;
use crate::diff::tests::of;
use crate::model::{Cause, Change, Desired, Fault, Verdict};
use crate::schema::Schema;

fn config(data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "resourceVersion": "7"}, "data": data})
}

/// What drift says of two objects, all of it taken for manual.
fn changes(desired: &Desired, live: &Value) -> Vec<Change> {
    let found = compare(desired, live, Schema::built_in()).into_iter();
    let verdict = Verdict { cause: Cause::Manual, ..Verdict::unknown() };
    found.map(|difference| Change { difference, verdict: verdict.clone(), origin: None }).collect()
}

/// Judges with the changes that `of_drift` leaves.
fn judged(
    git: &Value,
    live: &Value,
    answer: &Value,
    of_drift: impl Fn(&mut Vec<Change>),
) -> DryRunComparison {
    let desired = of(git.clone());
    let mut said = changes(&desired, live);
    of_drift(&mut said);
    compare_answer(&desired, live, answer, &DryRunPatch::new(git, live), &said)
}

/// `missed .data.a`, ...
fn faults(judged: &DryRunComparison) -> Vec<String> {
    let word = |fault| if fault == Fault::Missed { "missed" } else { "false" };
    judged.disagreements.iter().map(|found| format!("{} {}", word(found.fault), found.path)).collect()
}

/// `REASON: PATH`.
fn reasons(judged: &DryRunComparison) -> Vec<String> {
    judged.explained.iter().map(|found| format!("{}: {}", found.why, found.path)).collect()
}

#[test]
fn missed_or_invented_change_is_disagreement() {
    let git = config(&json!({"a": "1", "b": "2"}));
    let live = config(&json!({"a": "9", "b": "2", "c": "3"}));
    let none: [&str; 0] = [];
    assert_eq!(faults(&judged(&git, &live, &git, |_| {})), none);
    assert_eq!(faults(&judged(&git, &live, &git, |said| drop(said.pop()))), ["missed .data.c"]);
    assert_eq!(faults(&judged(&git, &live, &git, Vec::clear)), ["missed .data.a", "missed .data.c"]);
    // The server would leave `a` as it is.
    let other = config(&json!({"a": "9", "b": "2"}));
    assert_eq!(faults(&judged(&git, &live, &other, |_| {})), ["false .data.a"]);
    let found = judged(&git, &live, &git, Vec::clear).disagreements;
    assert_eq!(
        (&found[0].server, &found[0].live, found[0].masked),
        (&Some(json!("1")), &Some(json!("9")), false)
    );
    assert_eq!((&found[1].server, &found[1].live), (&None, &Some(json!("3"))));
}

#[test]
fn each_live_only_leaf_must_be_reported() {
    let with = |containers: Value| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"},
            "spec": {"template": {"spec": {"containers": containers}}}})
    };
    let git = with(json!([{"name": "web", "image": "a"}]));
    let live = with(json!([{"name": "spy", "image": "b"}, {"name": "web", "image": "a",
        "env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]}]));
    let none: [&str; 0] = [];
    assert_eq!(faults(&judged(&git, &live, &git, |_| {})), none);
    let web = ".spec.template.spec.containers[name=\"web\"].env";
    let lacking = judged(&git, &live, &git, |said| {
        said.retain(|change| !change.difference.path.to_string().contains("env"));
    });
    let expected: Vec<String> = ["B", "A"]
        .iter()
        .flat_map(|name| ["name", "value"].map(|field| format!("missed {web}[name=\"{name}\"].{field}")))
        .collect();
    assert_eq!(faults(&lacking), expected);
}

#[test]
fn order_drift_ignores_is_explained() {
    let with = |env: Value| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"},
            "spec": {"containers": [{"name": "web", "env": env}]}})
    };
    let git = with(json!([{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]));
    let live = with(json!([{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]));
    let found = judged(&git, &live, &git, |_| {});
    assert_eq!(reasons(&found), ["only the order differs: .spec.containers[name=\"web\"].env"]);
    assert!(found.disagreements.is_empty());
}

#[test]
fn undeclared_server_and_controller_fields_are_explained() {
    let with = |address: Value, annotations: Value| {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x", "annotations": annotations},
            "spec": {"clusterIP": address, "ports": [{"port": 80, "protocol": "TCP"}]}})
    };
    let git = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"ports": [{"port": 80}]}});
    let live = with(json!("10.0.0.1"), json!({"argocd.argoproj.io/tracking-id": "y"}));
    let answer = with(json!("10.0.0.2"), json!({}));
    let found = judged(&git, &live, &answer, Vec::clear);
    let why = "the server, a controller or a deployer keeps it there";
    let places = [".metadata.annotations[\"argocd.argoproj.io/tracking-id\"]", ".spec.clusterIP"];
    assert_eq!(reasons(&found), places.map(|place| format!("{why}: {place}")));
    let declared = with(json!("10.0.0.2"), json!({}));
    let found = judged(&declared, &live, &answer, Vec::clear);
    assert_eq!(faults(&found), ["missed .spec.clusterIP"]);
}

#[test]
fn null_stored_as_empty_text_is_explained() {
    let (git, answer) = (config(&json!({"a": null, "b": "2"})), config(&json!({"b": "2"})));
    let of = |live: &Value| judged(&git, &config(live), &answer, Vec::clear);
    let expected = ["Git writes null, which server-side apply stores as an empty text: .data.a"];
    let stored = of(&json!({"a": "", "b": "2"}));
    assert_eq!((reasons(&stored), faults(&stored)), (expected.map(str::to_owned).to_vec(), Vec::new()));
    for (live, fault) in
        [(json!({"a": "1", "b": "2"}), "missed .data.a"), (json!({"b": "2", "c": ""}), "missed .data.c")]
    {
        assert_eq!(faults(&of(&live)), [fault], "{live}");
    }
}

/// In a custom resource the server is asked with Git's nulls: it keeps them where a field may be null.
#[test]
fn dry_run_keeps_nulls_of_custom_resource() {
    let with = |spec: Value| json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "x", "resourceVersion": "7"}, "spec": spec});
    let (git, live) = (with(json!({"size": null, "list": null})), with(json!({"size": 3, "list": null})));
    let question = DryRunPatch::new(&git, &live);
    let operation = json!({"op": "add", "path": "/spec", "value": {"size": null, "list": null}});
    assert!(
        question.to_json_patch().as_array().is_some_and(|operations| operations.contains(&operation)),
        "{question:?}"
    );
    // Client-side apply leaves nulls out, and the defaults come.
    let found = judged(&git, &with(json!({"size": 3, "list": ["a"]})), &git, Vec::clear);
    let why = "Git writes null, which client-side apply leaves out";
    let expected = [".spec.list[0]", ".spec.size"].map(|place| format!("{why}: {place}"));
    assert_eq!((reasons(&found), faults(&found)), (expected.to_vec(), Vec::new()));
    // Over a default that Git leaves alone it is a change.
    let (git, live) = (with(json!({})), with(json!({"size": null})));
    assert_eq!(faults(&judged(&git, &live, &with(json!({"size": 3})), |_| {})), ["missed .spec.size"]);
    // Labels are of a type of Kubernetes.
    let mut labelled = git.clone();
    labelled["metadata"]["labels"] = json!({"a": null});
    assert!(!DryRunPatch::new(&labelled, &live).to_json_patch().to_string().contains("null"));
}

#[test]
fn status_is_left_out_of_dry_run() {
    let of = |phase: &str| json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "x"}, "status": {"phase": phase}});
    let (git, live) = (of("ok"), of("bad"));
    let crd = json!({"spec": {"group": "example.com", "names": {"kind": "Widget"}, "versions": [
        {"name": "v1", "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}});
    let desired = super::super::tests::of(git.clone());
    let verdict = Verdict { cause: Cause::Manual, ..Verdict::unknown() };
    let said: Vec<Change> = compare(&desired, &live, &Schema::from_crd(&crd))
        .into_iter()
        .map(|difference| Change { difference, verdict: verdict.clone(), origin: None })
        .collect();
    assert_eq!(said.len(), 1);
    let found = compare_answer(&desired, &live, &live, &DryRunPatch::new(&git, &live), &said);
    assert_eq!(faults(&found), [""; 0]);
    assert_eq!(reasons(&found), ["the server is not asked about the status: .status.phase"]);
}

#[test]
fn consequential_change_explained_by_second_dry_run() {
    let with =
        |spec: Value| json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": spec});
    let git = with(json!({}));
    let live = with(
        json!({"type": "NodePort", "externalTrafficPolicy": "Cluster", "publishNotReadyAddresses": true}),
    );
    let answer = with(json!({"type": "ClusterIP"}));
    let only_the_type =
        |said: &mut Vec<Change>| said.retain(|change| change.difference.path.to_string() == ".spec.type");
    let mut found = judged(&git, &live, &answer, only_the_type);
    assert_eq!(
        faults(&found),
        ["missed .spec.externalTrafficPolicy", "missed .spec.publishNotReadyAddresses"]
    );
    let second = with(json!({"type": "NodePort", "externalTrafficPolicy": "Cluster"}));
    found.drop_consequences(&second, &live);
    assert_eq!(faults(&found), ["missed .spec.publishNotReadyAddresses"]);
    assert_eq!(reasons(&found), [format!("{}: .spec.externalTrafficPolicy", super::FOLLOWS)]);
}

#[test]
fn no_value_of_a_secret_leaves() {
    let with =
        |data: Value| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "data": data});
    let (git, live) = (with(json!({"a": "b25l"})), with(json!({"a": "dHdv", "b": "dGhyZWU="})));
    let found = judged(&git, &live, &git, Vec::clear);
    assert_eq!(faults(&found), ["missed .data.a", "missed .data.b"]);
    assert!(found.disagreements.iter().all(|found| found.masked), "{found:?}");
    let text = format!("{found:?}");
    assert!(!["b25l", "dHdv", "dGhyZWU="].iter().any(|value| text.contains(value)), "{text}");
}

#[test]
fn dry_run_patch_has_only_declared_fields() {
    let last = "kubectl.kubernetes.io/last-applied-configuration";
    let live = json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {"a": "b25l"},
        "metadata": {"name": "x", "resourceVersion": "7", "uid": "u", "finalizers": ["f"], "labels": {"by": "hand"},
            "annotations": {last: "{}", "by": "hand"}}});
    let git = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "labels": null,
            "annotations": {"a": "b"}}, "status": {}, "stringData": {"a": "one"}, "immutable": null});
    let patch = DryRunPatch::new(&git, &live).to_json_patch();
    let expected = json!([
        {"op": "add", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "remove", "path": "/metadata/labels"},
        {"op": "add", "path": "/metadata/annotations", "value": {"a": "b", last: "{}"}},
        {"op": "remove", "path": "/data"},
        {"op": "remove", "path": "/type"},
        {"op": "add", "path": "/stringData", "value": {"a": "one"}},
    ]);
    assert_eq!(sorted(&patch), sorted(&expected));
}

fn sorted(patch: &Value) -> Vec<String> {
    let mut operations: Vec<String> =
        patch.as_array().expect("a patch is a list").iter().map(Value::to_string).collect();
    operations[1..].sort();
    operations
}

#[test]
fn refused_dry_run_keeps_more_of_live() {
    let git = json!({"spec": {"template": {"labels": {"a": "1"}, "ports": [{"port": 1}]}, "other": 1}});
    let live = json!({"metadata": {}, "spec": {"selector": {"uid": "u"}, "other": 2,
        "template": {"labels": {"uid": "u", "a": "0"}, "ports": [{"port": 1, "protocol": "TCP"}, {"port": 2}]}}});
    let mut question = DryRunPatch::new(&git, &live);
    let spec = |question: &DryRunPatch<'_>| question.to_json_patch()[1]["value"].clone();
    assert_eq!(spec(&question), git["spec"]);
    let refused =
        ["spec.selector".to_owned(), "spec.template.ports[1].port".to_owned(), "spec.template".to_owned()];
    assert!(question.relax(&refused));
    assert_eq!(
        spec(&question),
        json!({"selector": {"uid": "u"}, "other": 1,
        "template": {"labels": {"uid": "u", "a": "1"}, "ports": [{"port": 1, "protocol": "TCP"}, {"port": 2}]}})
    );
    assert!(question.relax(&refused));
    assert_eq!(
        spec(&question),
        json!({"selector": {"uid": "u"}, "other": 1, "template": live["spec"]["template"]})
    );
    assert!(!question.relax(&refused), "there is no more to give way in");
    assert!(!question.relax(&["metadata".to_owned(), String::new(), "[0]".to_owned()]));
}

/// With its own changes taken in, what Git declares asks for what live has.
#[test]
fn adopted_changes_leave_no_disagreement() {
    let with = |spec: Value, labels: Value| json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x", "labels": labels}, "spec": spec});
    let git = with(
        json!({"replicas": 2, "template": {"spec": {"containers": [{"name": "a", "image": "i", "args": ["x"],
            "env": [{"name": "A"}, {"name": "B"}, {"name": "C", "value": "3"}]}, {"name": "b", "image": "i"}]}}}),
        json!({"a": "1"}),
    );
    let live = with(
        json!({"paused": true, "replicas": 3, "template": {"spec": {"volumes": [{"name": "v", "hostPath": {"path": "/"}}],
            "containers": [{"name": "a", "image": "j", "args": ["y"], "env": [{"name": "C", "value": "4"}, {"name": "D"}],
                "securityContext": {"privileged": true}}]}}}),
        json!({"b~/": "2"}),
    );
    let said = changes(&of(git.clone()), &live);
    let asked = DryRunPatch::new(&git, &live).with_changes(&git, &said).to_json_patch();
    let asked = asked.as_array().expect("a patch is a list");
    assert_eq!(asked.len(), 1, "{asked:#?}");
}
