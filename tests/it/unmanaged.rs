//! Objects that nothing in Git declares, of kinds that Git declares none of.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::cluster::ControlPlane;
use crate::support::command::{Drift, as_read};
use crate::support::repo::Repo;
use crate::support::report::{findings, object};

const DECLARED: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: b}\n";
const SECRET: &str =
    "apiVersion: v1\nkind: Secret\nmetadata: {name: by-apply}\nstringData: {k: vErYsEcReT}\n";
/// May list ConfigMaps and Services of all namespaces, and Secrets of none.
const ROLE: &str = "\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: strangers-carol}
rules:
- {apiGroups: [''], resources: [configmaps, services, namespaces], verbs: [get, list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: strangers-carol}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: strangers-carol}
subjects: [{kind: User, name: carol, apiGroup: rbac.authorization.k8s.io}]
";

#[test]
fn unmanaged_objects_of_any_kind_found() {
    let plane = ControlPlane::with_controllers();
    let (repo, namespace) = declared(plane);
    let made = make(plane, &namespace);
    let report = report(plane, &repo, "admin", 1);
    assert_eq!(unmanaged(&report), made);
    assert_eq!(report["notExamined"], json!([]));
    assert_eq!(report["incomplete"], json!([]));
    assert!(!report.to_string().contains("vErYsEcReT"), "{report}");
    let text = check(plane, &repo, "admin").run().expect_status(1).stdout;
    // Other tests have GitOps objects on this control plane, which are named above the findings.
    let (above, _) = text.split_once("unmanaged Pod").expect("the first finding");
    assert!(above.starts_with("drift: 7 objects in drift"), "{above}");
    insta::assert_snapshot!(as_read(&text[above.len()..], &[(&namespace, "NAMESPACE")]), @"
    unmanaged Pod/NAMESPACE/debug
      in the cluster, but nothing in Git declares it
      manual, by kubectl-run, at or before <time>

    unmanaged Secret/NAMESPACE/by-apply
      in the cluster, but nothing in Git declares it
      manual, by kubectl, at or before <time>

    unmanaged Secret/NAMESPACE/by-hand
      in the cluster, but nothing in Git declares it
      manual, by kubectl-create, at or before <time>

    unmanaged Service/NAMESPACE/door
      in the cluster, but nothing in Git declares it
      manual, by kubectl-create, at or before <time>

    unmanaged Deployment/NAMESPACE/web
      in the cluster, but nothing in Git declares it
      manual, by kubectl-create, at or before <time>

    unmanaged Job/NAMESPACE/once
      in the cluster, but nothing in Git declares it
      manual, by kubectl-create, at or before <time>

    unmanaged Role/NAMESPACE/peek
      in the cluster, but nothing in Git declares it
      manual, by kubectl-create, at or before <time>

    1 object in Git: 1 in sync; 7 unmanaged
    7 changes: 7 manual
    repo at <id>, cluster test (<version>)

    To keep a live value, commit it to Git: `drift run --dry-run` shows the commit.
    To undo a change, apply Git again: `kubectl apply`, or your GitOps tool.
    Applying Git keeps what Git never declared (+, unmanaged): delete it by hand.
    ");
    let skipped =
        check(plane, &repo, "admin").format("json").arg("--skip-secrets").run().expect_status(1).json();
    let others: BTreeSet<String> = made.iter().filter(|name| !name.starts_with("Secret/")).cloned().collect();
    assert_eq!(unmanaged(&skipped), others);
    assert_eq!(skipped["notExamined"], json!([{"what": "secrets", "why": "Secrets are left out"}]));
}

#[test]
fn unlistable_kind_keeps_report_complete() {
    let plane = ControlPlane::with_controllers();
    let (repo, namespace) = declared(plane);
    let _ = make(plane, &namespace);
    plane.apply("admin", "default", ROLE, &[]);
    let report = report(plane, &repo, "carol", 1);
    assert_eq!(unmanaged(&report), BTreeSet::from(["Service/door".to_owned()]));
    assert_eq!(report["complete"], json!(true));
    let not_examined: BTreeSet<&str> = report["notExamined"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|list| list["what"].as_str())
        .collect();
    for what in ["secrets", "pods", "deployments.apps"] {
        let what = format!("{what} in {namespace}");
        assert!(not_examined.contains(what.as_str()), "{what}: {not_examined:?}");
    }
    let text = check(plane, &repo, "carol").run().stdout;
    assert!(text.contains("not checked for unmanaged objects: "), "{text}");
}

fn declared(plane: &ControlPlane) -> (Repo, String) {
    let namespace = plane.fresh_namespace("strangers");
    let repo = Repo::for_namespace(&namespace, &[("app/settings.yaml", DECLARED)]);
    repo.commit("Declare settings");
    plane.apply("gitops", &namespace, DECLARED, &[]);
    let clean = report(plane, &repo, "admin", 0);
    assert_eq!(clean["findings"], json!([]));
    (repo, namespace)
}

/// Makes objects as a person does, and gives their names.
fn make(plane: &ControlPlane, namespace: &str) -> BTreeSet<String> {
    for line in [
        "run debug --image=busybox",
        "create deployment web --image=nginx --replicas=2",
        "create service clusterip door --tcp=80",
        "create secret generic by-hand --from-literal=k=vErYsEcReT",
        "create job once --image=busybox",
        "create role peek --verb=get --resource=pods",
    ] {
        plane.by_hand(namespace, &line.split(' ').collect::<Vec<_>>());
    }
    plane.apply("alice", namespace, SECRET, &["--server-side"]);
    let names = ["Pod/debug", "Deployment/web", "Service/door", "Secret/by-hand", "Secret/by-apply"];
    names.into_iter().chain(["Job/once", "Role/peek"]).map(str::to_owned).collect()
}

fn check(plane: &ControlPlane, repo: &Repo, user: &str) -> Drift {
    Drift::check(repo).kubeconfig(plane.kubeconfig(user))
}

#[track_caller]
fn report(plane: &ControlPlane, repo: &Repo, user: &str, status: i32) -> Value {
    check(plane, repo, user).format("json").run().expect_status(status).json()
}

fn unmanaged(report: &Value) -> BTreeSet<String> {
    let of_state = findings(report).iter().filter(|finding| finding["state"] == "unmanaged");
    of_state.map(object).collect()
}

/// Who applies the root of an app of apps applies something that Git declares, though it lies in no source.
#[test]
fn object_declared_outside_sources_not_unmanaged() {
    let plane = ControlPlane::with_controllers();
    let (repo, namespace) = declared(plane);
    let manifest = |name: &str, value: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{a: {value}}}\n")
    };
    let root = manifest("root", "b");
    for (name, value) in [("root", "b"), ("listed", "b"), ("other", "b"), ("elsewhere", "b")] {
        plane.apply("alice", &namespace, &manifest(name, value), &[]);
    }
    repo.write("bootstrap/root.yaml", &root);
    repo.write("bootstrap/kustomization.yaml", "resources: [root.yaml]\n");
    let listed = manifest("listed", "b").replace('\n', "\n  ");
    repo.write("lists/all.yaml", format!("apiVersion: v1\nkind: List\nitems:\n- {}\n", listed.trim_end()));
    repo.write("bootstrap/other.yaml", manifest("other", "c"));
    repo.write(
        "bootstrap/elsewhere.yaml",
        manifest("elsewhere", "b").replace("metadata: {", "metadata: {namespace: another, "),
    );
    repo.commit("Keep what is applied by hand");
    let report = report(plane, &repo, "admin", 1);
    let names = ["ConfigMap/other", "ConfigMap/elsewhere"].map(str::to_owned);
    assert_eq!(unmanaged(&report), BTreeSet::from(names));
    let warnings = report["warnings"].to_string();
    for place in [
        "ConfigMap/NS/root matches bootstrap/root.yaml:1:1",
        "ConfigMap/NS/listed matches lists/all.yaml:4:3",
    ] {
        assert!(warnings.contains(&place.replace("NS", &namespace)), "{place}: {warnings}");
    }
}
