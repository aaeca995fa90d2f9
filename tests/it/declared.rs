//! What Git declares more than once.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::cluster::ControlPlane;
use crate::support::command::{Drift, Output};
use crate::support::needs;
use crate::support::repo::Repo;

/// A repository with a configuration that names the folders as sources, committed.
fn repo(namespace: &str, sources: &[&str], files: &[(&str, &str)]) -> Repo {
    let sources: Vec<_> =
        sources.iter().map(|path| format!("  - {{path: {path}, namespace: {namespace}}}\n")).collect();
    let config = format!("version: 1\ncluster: test\nsources:\n{}", sources.concat());
    let files: Vec<_> = [("drift.yaml", config.as_str())].into_iter().chain(files.iter().copied()).collect();
    let repo = Repo::with(&files);
    repo.commit("Declare everything");
    repo
}

fn check(plane: &ControlPlane, repo: &Repo) -> Output {
    let check = Drift::new().with_tools(&["helm"]).args(["check", "--output=json", "--kubeconfig"]);
    check.arg(plane.kubeconfig("admin")).in_folder(repo.path()).run()
}

/// Every finding, one line each.
fn lines(report: &Value) -> BTreeSet<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut lines = BTreeSet::new();
    for finding in report["findings"].as_array().expect("a list") {
        let resource = &finding["resource"];
        let id =
            format!("{}/{} {}", text(&resource["kind"]), text(&resource["name"]), text(&finding["state"]));
        let changes = finding["changes"].as_array().map_or(&[][..], Vec::as_slice);
        lines.extend(changes.iter().map(|change| {
            format!(
                "{id} {}: {} {}",
                text(&change["path"]),
                text(&change["cause"]),
                text(&change["manager"]["name"])
            )
        }));
        if changes.is_empty() {
            lines.insert(id);
        }
    }
    lines
}

fn patch(plane: &ControlPlane, namespace: &str, resource: &str, patch: &str) {
    let arguments = ["patch", resource, "--namespace", namespace, "--type=merge", "--patch", patch];
    let _ = plane.kubectl("alice", &arguments).expect_status(0);
}

#[test]
fn what_two_folders_declare_alike_is_one_object() {
    if !needs("cluster") {
        return;
    }
    let plane = ControlPlane::shared();
    let namespace = plane.fresh_namespace("twice");
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {a: b}, ports: [{port: 80}]}\n";
    let as_well = format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: web, namespace: {namespace}, labels: null}}\n\
         spec: {{ports: [{{protocol: TCP, targetPort: 80, port: 80}}], selector: {{a: b}}, type: ClusterIP}}\n"
    );
    let config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared}\ndata: {a: b}\n";
    let repo = repo(
        &namespace,
        &["one", "two"],
        &[
            ("one/service.yaml", service),
            ("one/config.yaml", config),
            ("two/service.yaml", &as_well),
            ("two/config.yaml", config),
        ],
    );
    plane.apply("gitops", &namespace, &format!("{service}---\n{config}"), &[]);
    let report = check(plane, &repo).expect_status(0).json();
    assert_eq!((&report["complete"], &report["summary"]["desired"]), (&json!(true), &json!(2)));
    patch(plane, &namespace, "service/web", r#"{"spec": {"selector": {"a": "c"}}}"#);
    let report = check(plane, &repo).expect_status(1).json();
    assert_eq!(
        lines(&report),
        ["Service/web modified .spec.selector: manual kubectl-patch".to_owned()].into()
    );
    assert_eq!(report["findings"][0]["notes"], json!(["also declared at two/service.yaml:1:1"]));
    // A contradiction is told, and hides nothing of the rest.
    repo.write("two/config.yaml", config.replace("a: b", "a: c"));
    repo.commit("Contradict");
    let arguments = ["create", "configmap", "by-hand", "--namespace", &namespace];
    let _ = plane.kubectl("alice", &arguments).expect_status(0);
    let report = check(plane, &repo).expect_status(3).json();
    let found = ["ConfigMap/by-hand unmanaged", "Service/web modified .spec.selector: manual kubectl-patch"];
    assert_eq!(lines(&report), found.map(str::to_owned).into());
    let why = format!(
        "ConfigMap/{namespace}/shared is declared twice, first at one/config.yaml:1:1: that one was compared; remove one"
    );
    assert_eq!(report["incomplete"], json!([{"what": "two/config.yaml:1:1", "why": why}]));
}
