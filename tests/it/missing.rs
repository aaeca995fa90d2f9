//! What `drift check` says of an object that is gone: nothing records who removed it, and yet something is left.

use serde_json::json;

use crate::support::cluster::ControlPlane;
use crate::support::command::{Drift, as_read};
use crate::support::repo::Repo;

const HELD: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: held, finalizers: [example.com/keep]}
";

#[test]
fn traces_of_missing_object_are_reported() {
    let plane = ControlPlane::shared();
    let namespace = plane.fresh_namespace("missing");
    let gone = format!("{namespace}-gone");
    plane.apply("gitops", &namespace, HELD, &[]);
    plane.by_hand(&namespace, &["delete", "configmap/held", "--wait=false"]);
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
    let elsewhere =
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: elsewhere, namespace: {gone}}}\n");
    let repo = Repo::for_namespace(
        &namespace,
        &[
            ("app/held.yaml", HELD),
            ("app/plain.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\n"),
            (
                "app/seen.yaml",
                "apiVersion: v1\nkind: Pod\nmetadata: {name: seen}\nspec: {containers: [{name: a, image: a}]}\n",
            ),
            ("app/elsewhere.yaml", &elsewhere),
        ],
    );
    let text = Drift::check(&repo).kubeconfig(plane.kubeconfig("admin")).run().expect_status(1).stdout;
    insta::assert_snapshot!(as_read(&text, &[(&namespace, "NAMESPACE")]), @"
    drift: 4 objects in drift

    missing ConfigMap/NAMESPACE/held  app/held.yaml:2
      declared in Git, but not in the cluster; nothing recorded who deleted it
      note: being deleted since <time>, blocked by finalizers example.com/keep

    missing ConfigMap/NAMESPACE/plain  app/plain.yaml:1
      declared in Git, but not in the cluster; nothing recorded who deleted it

    missing ConfigMap/NAMESPACE-gone/elsewhere  app/elsewhere.yaml:1
      declared in Git, but not in the cluster; nothing recorded who deleted it
      note: namespace NAMESPACE-gone does not exist

    missing Pod/NAMESPACE/seen  app/seen.yaml:1
      declared in Git, but not in the cluster; nothing recorded who deleted it
      note: its last event: Killing by kubelet at <time>

    4 objects in Git: 0 in sync, 4 missing
    4 changes: 4 unknown
    repo at <id>, cluster test (<version>)

    To keep a live value, commit it to Git: `drift run --dry-run` shows the commit.
    To undo a change, apply Git again: `kubectl apply`, or your GitOps tool.
    ");
}
