//! `drift check --verify-with-server`: the server's own answer against drift's, by dry-runs that write nothing.
//!
//! That both agree on every kind and every manual change is shown where those are: see `verdicts`, `kinds` and `matrix`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::cluster::ControlPlane;
use crate::support::command::{Drift, Output, as_read};
use crate::support::repo::Repo;
use crate::support::report::object;
use crate::support::snapshot::SnapshotFile;

/// Values that must never be seen.
const HIDDEN: [&str; 6] =
    ["first-password", "second-password", "third-password", "Zmlyc3Q", "c2Vjb25k", "dGhpcmQ"];

const OBJECTS: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data: {mode: fast}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: 'nginx:1.25', ports: [{containerPort: 80}]}]}}
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {password: first-password}
---
apiVersion: v1
kind: Secret
metadata: {name: sealed}
immutable: true
stringData: {password: first-password}
";

/// Lets `verifier` read and patch nothing but what Git declares here.
fn bind(plane: &ControlPlane, namespace: &str, verbs: &str) {
    let rights = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: verifier}}\nrules:\n\
         - {{apiGroups: ['', apps], resources: [configmaps, secrets, deployments], verbs: [{verbs}]}}\n\
         - {{apiGroups: [autoscaling], resources: [horizontalpodautoscalers], verbs: [list]}}\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: verifier}}\n\
         roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: verifier}}\n\
         subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: User, name: verifier}}]\n"
    );
    plane.apply("admin", namespace, &rights, &[]);
}

/// A namespace with the objects, applied as Git declares them, and the repository.
fn world(plane: &ControlPlane) -> (String, Repo) {
    let namespace = plane.fresh_namespace("verify");
    plane.apply("gitops", &namespace, OBJECTS, &[]);
    let repo = Repo::for_namespace(&namespace, &[("app/all.yaml", OBJECTS)]);
    (namespace, repo)
}

fn check(plane: &ControlPlane, user: &str, repo: &Repo, format: &str) -> Output {
    let check = Drift::check(repo).kubeconfig(plane.kubeconfig(user)).format(format);
    check.args(["--all", "--verify-with-server"]).run()
}

/// The places in which both disagree, `KIND/NAME: FAULT PATH`.
fn disagreements(report: &Value) -> Vec<String> {
    let list = report["verification"]["disagreements"].as_array().expect("a list of disagreements");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let line =
        |found: &Value| format!("{}: {} {}", object(found), text(&found["kind"]), text(&found["path"]));
    list.iter().map(line).collect()
}

#[test]
fn a_snapshot_has_no_server_to_ask() {
    let snapshot = SnapshotFile::with(&[]);
    let repo = Repo::with(&[("app/a.yaml", OBJECTS)]);
    let check = Drift::check(&repo).args(["app", "--verify-with-server"]).snapshot(&snapshot);
    let refused = check.run().expect_status(2);
    assert!(refused.stderr.contains("--snapshot"), "{}", refused.stderr);
    let run = Drift::new().args(["run", "--verify-with-server"]).in_folder(repo.path()).run();
    assert_eq!(run.status, 2, "{}", run.stderr);
}

#[test]
fn a_verification_agrees_and_writes_nothing() {
    let plane = ControlPlane::shared();
    let (namespace, repo) = world(plane);
    bind(plane, &namespace, "get, list, patch");
    let clean = check(plane, "verifier", &repo, "json").expect_status(0).json();
    let agreed = json!({"asked": 4, "agreed": 4, "explained": 0, "explanations": [], "partly": [], "notVerified": [],
        "disagreements": []});
    assert_eq!(clean["verification"], agreed);

    plane.by_hand(&namespace, &["set", "image", "deployment/web", "web=nginx:1.26"]);
    plane.by_hand(
        &namespace,
        &["patch", "configmap/web", "--patch", r#"{"data": {"mode": null, "more": "x"}}"#],
    );
    plane.by_hand(&namespace, &["scale", "deployment/web", "--replicas=4"]);
    let before = versions(plane, &namespace);
    let report = check(plane, "verifier", &repo, "json").expect_status(1).json();
    assert_eq!(disagreements(&report), Vec::<String>::new());
    assert_eq!(report["verification"]["agreed"], 4, "{report:#}");
    assert_eq!(report["summary"]["modified"], 2, "{report:#}");
    assert_eq!(versions(plane, &namespace), before);

    let text = check(plane, "verifier", &repo, "text").expect_status(1).stdout;
    assert!(text.contains("verified with the server: 4 of 4 objects agree\n"), "{text}");
    let page = check(plane, "verifier", &repo, "markdown").expect_status(1).stdout;
    assert!(page.contains("verified with the server: 4 of 4 objects agree\n"), "{page}");
    only_dry_runs(plane, &namespace);
}

/// The resource versions of everything there.
fn versions(plane: &ControlPlane, namespace: &str) -> BTreeMap<String, String> {
    let lists = ["configmaps", "secrets", "deployments"].map(|kind| plane.live(namespace, kind));
    let items = lists.iter().flat_map(|list| list["items"].as_array().expect("a list has items"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let versions = items.map(|item| {
        let name = format!("{} {}", text(&item["kind"]), text(&item["metadata"]["name"]));
        (name, text(&item["metadata"]["resourceVersion"]))
    });
    versions.collect()
}

/// Everything that `verifier` asked for, by the server's own log.
fn only_dry_runs(plane: &ControlPlane, namespace: &str) {
    let mut patches = 0;
    for entry in plane.audit().iter().filter(|entry| entry["user"]["username"] == "verifier") {
        let uri = entry["requestURI"].as_str().unwrap_or_default();
        match entry["verb"].as_str().unwrap_or_default() {
            "patch" => {
                assert!(uri.contains("?dryRun=All&fieldManager=drift-verify&"), "{uri}");
                patches += usize::from(entry["objectRef"]["namespace"] == namespace);
            }
            verb => assert!(matches!(verb, "get" | "list"), "{verb} {uri}"),
        }
    }
    assert!(patches >= 8, "{patches} patches");
}

#[test]
fn missing_right_to_patch_is_no_agreement() {
    let plane = ControlPlane::shared();
    let (namespace, repo) = world(plane);
    bind(plane, &namespace, "get, list");
    plane.by_hand(&namespace, &["label", "configmap/web", "by=hand"]);
    let output = check(plane, "verifier", &repo, "json").expect_status(3);
    let report = output.json();
    let incomplete = report["incomplete"].as_array().expect("a list");
    for (list, found) in ["configmaps", "deployments.apps", "secrets"].iter().zip(incomplete) {
        assert_eq!(found["what"], format!("verification of {list}"));
        let why = found["why"].as_str().unwrap_or_default();
        assert!(why.contains(&format!("bind a role that allows `patch` on {list}")), "{why}");
    }
    assert_eq!(incomplete.len(), 3, "{incomplete:#?}");
    assert_eq!(report["verification"]["agreed"], 0);
    assert_eq!(report["verification"]["notVerified"].as_array().map(Vec::len), Some(4));
    assert_eq!(report["findings"].as_array().map(Vec::len), Some(1), "what was found is still told");
    assert!(output.stderr.contains("patch"), "{}", output.stderr);
}

/// A port of the host that the applier's own manager owns without having declared it is taken for what stayed when
/// `hostNetwork` went. The server knows better.
#[test]
fn disagreement_listed_and_report_incomplete() {
    let plane = ControlPlane::shared();
    let (namespace, repo) = world(plane);
    let patch = r#"{"spec": {"template": {"spec": {"containers": [{"name": "web", "ports": [{"containerPort": 80, "hostPort": 80}]}]}}}}"#;
    plane.by_hand(
        &namespace,
        &["patch", "deployment/web", "--field-manager=kubectl-client-side-apply", "--patch", patch],
    );
    let report = check(plane, "admin", &repo, "json").expect_status(3).json();
    let path =
        ".spec.template.spec.containers[name=\"web\"].ports[containerPort=80,protocol=\"TCP\"].hostPort";
    assert_eq!(disagreements(&report), [format!("Deployment/web: missed {path}")]);
    assert_eq!(report["verification"]["agreed"], 3);
    assert_eq!(report["verification"]["disagreements"][0]["live"], 80);
    assert_eq!(report["incomplete"][0]["what"], "verification with the server");
    let text = check(plane, "admin", &repo, "text").expect_status(3).stdout;
    insta::assert_snapshot!(as_read(&text, &[(&namespace, "NAMESPACE")]), @r#"
    drift: no drift in what was examined, incomplete: 1 not examined

    No drift: the server, a controller or the deployer set it, or an ignore rule covers it.

    modified Deployment/NAMESPACE/web  app/all.yaml:6
      + .spec.template.spec.containers[name="web"].ports[containerPort=80,protocol="TCP"].hostPort
          Git   not declared
          live  80
          server, by kubectl-client-side-apply, at or before <time>

    Not examined (neither clean nor drift):
      verification with the server: drift and the server disagree on 1 place: please report this bug with the report's `verification`

    verified with the server: 3 of 4 objects agree, 1 disagreement
      missed Deployment/NAMESPACE/web: .spec.template.spec.containers[name="web"].ports[containerPort=80,protocol="TCP"].hostPort: the server would change it, but drift does not report it (the server would have absent, live 80)

    4 objects in Git: 4 in sync
    1 change: 1 server
    repo at <id>, cluster test (<version>)
    "#);
    let page = check(plane, "admin", &repo, "markdown").expect_status(3).stdout;
    insta::assert_snapshot!(as_read(&page, &[(&namespace, "NAMESPACE")]), @r#"
    ## drift: no drift in what was examined, incomplete: 1 not examined

    4 objects in Git at `<id>`, cluster `test` (`<version>`): 4 in sync, 0 modified, 0 missing, 0 unmanaged, 0 skipped, 0 not compared.

    ### Not examined

    - `verification with the server`: `` drift and the server disagree on 1 place: please report this bug with the report's `verification` ``

    verified with the server: 3 of 4 objects agree, 1 disagreement

    - `missed Deployment/NAMESPACE/web: .spec.template.spec.containers[name="web"].ports[containerPort=80,protocol="TCP"].hostPort: the server would change it, but drift does not report it (the server would have absent, live 80)`

    ### modified `Deployment/NAMESPACE/web`

    declared in `app/all.yaml:6`

    | field | Git | live | why |
    |---|---|---|---|
    | `.spec.template.spec.containers[name="web"].ports[containerPort=80,protocol="TCP"].hostPort` | _not declared_ | `80` | `server, by kubectl-client-side-apply, at or before <time>` |
    "#);
}

#[test]
fn no_value_of_a_secret_is_told() {
    let plane = ControlPlane::shared();
    let (namespace, repo) = world(plane);
    let patch = r#"{"stringData": {"password": "second-password", "more": "second-password"}}"#;
    plane.by_hand(&namespace, &["patch", "secret/keys", "--patch", patch]);
    let by_applier = "--field-manager=kubectl-client-side-apply";
    let patch = r#"{"stringData": {"other": "third-password"}}"#;
    plane.by_hand(&namespace, &["patch", "secret/keys", by_applier, "--patch", patch]);
    // The server refuses this one, with a message of its own.
    repo.write(
        "app/all.yaml",
        OBJECTS.replace("immutable: true\nstringData: {password: first", "stringData: {password: third"),
    );
    for format in ["json", "text", "markdown", "github"] {
        let output = check(plane, "admin", &repo, format).expect_status(1);
        for value in HIDDEN {
            assert!(!output.stdout.contains(value), "{format} {value}: {}", output.stdout);
            assert!(!output.stderr.contains(value), "{format} {value}: {}", output.stderr);
        }
    }
    let report = check(plane, "admin", &repo, "json").expect_status(1).json();
    assert_eq!(disagreements(&report), [] as [&str; 0]);
    let refused = &report["verification"]["partly"][0];
    assert_eq!(refused["resource"]["name"], "sealed", "{report:#}");
    let why = "422 Unprocessable Entity (its message is left out: it may quote values)";
    assert_eq!(refused["why"], why);
}
