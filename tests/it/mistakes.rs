//! Fields that Git declares and their kind does not have: the server drops them, so nothing differs, and it is said.

use serde_json::Value;

use crate::support::cluster::ControlPlane;
use crate::support::command::{Drift, Output};
use crate::support::repo::Repo;

/// Every line with a comment is a mistake.
const WEB: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotation: {a: b} # annotations
spec:
  replica: 3 # replicas
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      container: [] # containers
      containers:
      - name: web
        image: registry.example/web:1
        env:
        - name: A
          valeu: x # value
        somethingElse: 1 #
        livenessProbe:
          httpGet: {port: http, path: /}
";

/// What the kind knows, and what it keeps although it does not.
const RIGHT: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: right, labels: {any: thing}}
data: {whatever: x}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: right}
spec:
  schedule: '@daily'
  jobTemplate:
    metadata: {labels: {a: b}}
    spec:
      template:
        metadata: {annotations: {a: b}, creationTimestamp: null}
        spec:
          restartPolicy: Never
          containers: [{name: a, image: 'x:1', resources: {limits: {example.com/gpu: 1}}}]
status: {}
";

fn check(plane: &ControlPlane, repo: &Repo, format: &str) -> Output {
    Drift::check(repo).kubeconfig(plane.kubeconfig("admin")).format(format).run()
}

fn warnings(plane: &ControlPlane, repo: &Repo) -> Vec<String> {
    let output = check(plane, repo, "json").expect_status(0);
    let report = output.json();
    let listed = report["warnings"].as_array().expect("a list");
    let listed: Vec<String> =
        listed.iter().map(|warning| warning.as_str().expect("a text").to_owned()).collect();
    for warning in &listed {
        assert!(output.stderr.contains(warning), "{warning} is not on standard error: {}", output.stderr);
    }
    listed
}

/// As a deployer applies it that does not ask for strict validation.
fn apply(plane: &ControlPlane, namespace: &str, repo: &Repo) {
    let folder = repo.path().join("app");
    let folder = folder.to_str().expect("UTF-8");
    plane.by_hand(namespace, &["apply", "--validate=false", "--filename", folder]);
}

#[test]
fn unknown_field_reported_with_place_and_suggestion() {
    let plane = ControlPlane::shared();
    let namespace = plane.fresh_namespace("mistakes");
    let repo = Repo::for_namespace(&namespace, &[("app/web.yaml", WEB), ("app/right.yaml", RIGHT)]);
    apply(plane, &namespace, &repo);
    let found = warnings(plane, &repo);
    let text = found.join("\n").replace(&namespace, "NAMESPACE");
    insta::assert_snapshot!(text, @r#"
    Deployment/NAMESPACE/web: .metadata.annotation at app/web.yaml:5:15: no such field in this version (apps/v1), probably a mistake in Git: the server leaves it out, or refuses the object where it validates strictly; did you mean `annotations`?
    Deployment/NAMESPACE/web: .spec.replica at app/web.yaml:7:12: no such field in this version (apps/v1), probably a mistake in Git: the server leaves it out, or refuses the object where it validates strictly; did you mean `replicas`?
    Deployment/NAMESPACE/web: .spec.template.spec.container at app/web.yaml:14:18: no such field in this version (apps/v1), probably a mistake in Git: the server leaves it out, or refuses the object where it validates strictly; did you mean `containers`?
    Deployment/NAMESPACE/web: .spec.template.spec.containers[name="web"].env[name="A"].valeu at app/web.yaml:20:18: no such field in this version (apps/v1), probably a mistake in Git: the server leaves it out, or refuses the object where it validates strictly; did you mean `value`?
    Deployment/NAMESPACE/web: .spec.template.spec.containers[name="web"].somethingElse at app/web.yaml:21:24: no such field in this version (apps/v1), probably a mistake in Git: the server leaves it out, or refuses the object where it validates strictly
    "#);
    let page = check(plane, &repo, "markdown").expect_status(0).stdout;
    let list = page.split_once("### Warnings\n\n- ").expect("a list of warnings").1;
    assert_eq!(list.matches("did you mean `").count(), 4, "{page}");
    let page = check(plane, &repo, "text").expect_status(0).stdout;
    let list = page.split_once("Warnings:\n").expect("a list of warnings").1;
    for warning in &found {
        assert!(list.contains(&format!("  {warning}\n")), "{warning}: {page}");
    }
}

#[test]
fn unknown_field_reported_by_crd_schema() {
    let plane = ControlPlane::shared();
    let namespace = plane.fresh_namespace("mistaken");
    let group = format!("{namespace}.example.com");
    let crd = |kind: &str, more: &str| {
        let plural = format!("{}s", kind.to_lowercase());
        let text = format!(
            r#"{{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": {{"name": "{plural}.{group}"}},
                "spec": {{"group": "{group}", "scope": "Namespaced", "names": {{"kind": "{kind}", "plural": "{plural}"}},
                "versions": [{{"name": "v1", "served": true, "storage": true, "schema": {{"openAPIV3Schema":
                {{"type": "object", "properties": {{"spec": {{"type": "object"{more},
                  "properties": {{"size": {{"type": "integer"}}}}}}}}}}}}}}]}}}}"#
        );
        serde_json::from_str::<Value>(&text).expect("JSON")
    };
    for definition in [crd("Closed", ""), crd("Open", r#", "x-kubernetes-preserve-unknown-fields": true"#)] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("crd.json");
        std::fs::write(&file, definition.to_string()).expect("a new file");
        let name = format!("crd/{}", definition["metadata"]["name"].as_str().expect("a name"));
        let _ =
            plane.kubectl("admin", &["apply", "--filename", file.to_str().expect("UTF-8")]).expect_status(0);
        let wait = ["wait", "--for=condition=Established", "--timeout=60s", &name];
        let _ = plane.kubectl("admin", &wait).expect_status(0);
    }
    let object = |kind: &str| {
        format!("apiVersion: {group}/v1\nkind: {kind}\nmetadata: {{name: one}}\nspec: {{size: 1, sise: 2}}\n")
    };
    let (closed, open) = (object("Closed"), object("Open"));
    let repo = Repo::for_namespace(&namespace, &[("app/closed.yaml", &closed), ("app/open.yaml", &open)]);
    apply(plane, &namespace, &repo);
    let found = warnings(plane, &repo);
    assert_eq!(found.len(), 1, "{found:?}");
    let expected = format!("Closed/{namespace}/one: .spec.sise at app/closed.yaml:4:23: no such field");
    assert!(found[0].starts_with(&expected) && found[0].contains("did you mean `size`?"), "{found:?}");
}
