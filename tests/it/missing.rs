//! What `drift check` says of an object that is gone: nothing records who removed it, and yet something is left.

use serde_json::{Value, json};

use crate::support::cluster::ControlPlane;
use crate::support::command::Drift;
use crate::support::repo::Repo;

const HELD: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: held, finalizers: [example.com/keep]}
";

#[test]
fn what_is_left_of_a_missing_object_is_told() {
    let plane = ControlPlane::shared();
    let namespace = plane.fresh_namespace("missing");
    let gone = format!("{namespace}-gone");
    plane.apply("gitops", &namespace, HELD, &[]);
    let delete = ["delete", "configmap/held", "--wait=false", "--namespace", &namespace];
    let _ = plane.kubectl("alice", &delete).expect_status(0);
    let event = |name: &str, reason: &str, at: &str| {
        let event = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": name}, "reason": reason,
            "involvedObject": {"kind": "Pod", "name": "seen", "namespace": namespace},
            "reportingComponent": "kubelet", "reportingInstance": "node", "action": "x", "type": "Normal",
            "lastTimestamp": at});
        let (status, answer) =
            plane.api("admin", "POST", &format!("/api/v1/namespaces/{namespace}/events"), Some(&event));
        assert_eq!(status, 201, "{answer}");
    };
    event("second", "Killing", "2026-01-02T00:00:00Z");
    event("first", "Started", "2026-01-01T00:00:00Z");
    let config = format!("version: 1\ncluster: test\nsources: [{{path: app, namespace: {namespace}}}]\n");
    let elsewhere =
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: elsewhere, namespace: {gone}}}\n");
    let repo = Repo::with(&[
        ("drift.yaml", &config),
        ("app/held.yaml", HELD),
        ("app/plain.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\n"),
        (
            "app/seen.yaml",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: seen}\nspec: {containers: [{name: a, image: a}]}\n",
        ),
        ("app/elsewhere.yaml", &elsewhere),
    ]);
    let mut check = Drift::new().args(["check", "--output=json", "--kubeconfig"]);
    check = check.arg(plane.kubeconfig("admin")).in_folder(repo.path());
    let report = check.run().expect_status(1).json();
    let notes = |name: &str| {
        let findings = report["findings"].as_array().expect("a report has findings");
        let finding = findings.iter().find(|finding| finding["resource"]["name"] == name);
        let finding = finding.unwrap_or_else(|| panic!("{name} is not found: {report}"));
        assert_eq!(finding["state"], "missing");
        finding["notes"].as_array().map_or(&[][..], Vec::as_slice).to_vec()
    };
    let held = notes("held");
    let held = held.first().and_then(Value::as_str).unwrap_or_default();
    assert!(
        held.starts_with("being deleted since 20")
            && held.ends_with(", blocked by finalizers example.com/keep"),
        "{held}"
    );
    assert_eq!(notes("plain"), [] as [Value; 0]);
    assert_eq!(notes("seen"), ["its last event: Killing by kubelet at 2026-01-02T00:00:00Z"]);
    assert_eq!(notes("elsewhere"), [format!("namespace {gone} does not exist")]);
}
