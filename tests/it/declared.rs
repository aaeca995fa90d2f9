//! What Git declares and need not be live, or declares more than once.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::cluster::ControlPlane;
use crate::support::command::{Drift, Output};
use crate::support::repo::Repo;
use crate::support::report::{changes, findings, object};

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
    Drift::check(repo).with_tools(&["helm"]).kubeconfig(plane.kubeconfig("admin")).format("json").run()
}

/// Every finding, one line each.
fn lines(report: &Value) -> BTreeSet<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut lines = BTreeSet::new();
    for finding in findings(report) {
        let (id, changes) = (format!("{} {}", object(finding), text(&finding["state"])), changes(finding));
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
    plane.by_hand(namespace, &["patch", resource, "--type=merge", "--patch", patch]);
}

#[test]
fn plain_hook_compared_if_live_never_missing() {
    let plane = ControlPlane::shared();
    let namespace = plane.fresh_namespace("hooks");
    let hook = |kind: &str, name: &str, annotation: &str, rest: &str| {
        format!(
            "apiVersion: {kind}\nmetadata: {{name: {name}, annotations: {{{annotation}}}}}\n{rest}\n---\n"
        )
    };
    let role = format!("{namespace}-admission");
    let live = [
        hook("v1\nkind: ConfigMap", "settings", "argocd.argoproj.io/hook: Sync", "data: {a: b}"),
        hook(
            "v1\nkind: ServiceAccount",
            "runner",
            "helm.sh/hook: pre-install",
            "automountServiceAccountToken: false",
        ),
        hook(
            "rbac.authorization.k8s.io/v1\nkind: ClusterRole",
            &role,
            "helm.sh/hook: 'post-install,post-upgrade'",
            "rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]",
        ),
        hook("v1\nkind: ConfigMap", "leaving", "argocd.argoproj.io/hook: PostSync", "data: {a: b}")
            .replace("metadata: {", "metadata: {finalizers: [example.com/keep], "),
    ]
    .concat();
    let gone = [
        hook("v1\nkind: ConfigMap", "done", "argocd.argoproj.io/hook: PreSync", "data: {a: b}"),
        hook("v1\nkind: ConfigMap", "never", "argocd.argoproj.io/hook: Skip", "data: {a: b}"),
        hook(
            "rbac.authorization.k8s.io/v1\nkind: ClusterRole",
            &format!("{role}-gone"),
            "helm.sh/hook: test",
            "rules: []",
        ),
        hook("argoproj.io/v1alpha1\nkind: Workflow", "unknown", "argocd.argoproj.io/hook: Sync", ""),
        hook("v1\nkind: ConfigMap", "missing", "helm.sh/hook: crd-install", "data: {a: b}"),
    ]
    .concat();
    let repo = repo(&namespace, &["app"], &[("app/live.yaml", &live), ("app/gone.yaml", &gone)]);
    plane.apply("gitops", &namespace, &live, &["--server-side", "--field-manager=kustomize-controller"]);
    let leave = ["delete", "configmap/leaving", "--wait=false", "--namespace", &namespace];
    let _ = plane.kubectl("gitops", &leave).expect_status(0);
    let report = check(plane, &repo).expect_status(1).json();
    assert_eq!(lines(&report), BTreeSet::from(["ConfigMap/missing missing".to_owned()]));
    assert_eq!(report["incomplete"], json!([]));
    assert_eq!(
        report["warnings"],
        json!([
            "1 hook is not compared in app: hooks come and go",
            "4 hooks are not live in app (not drift): hooks come and go"
        ])
    );
    patch(plane, &namespace, "configmap/settings", r#"{"data": {"a": "c"}}"#);
    patch(plane, &namespace, "serviceaccount/runner", r#"{"automountServiceAccountToken": true}"#);
    patch(plane, &namespace, &format!("clusterrole/{role}"), r#"{"rules": []}"#);
    let report = check(plane, &repo).expect_status(1).json();
    let expected = [
        format!("ClusterRole/{role} modified .rules: manual kubectl-patch"),
        "ConfigMap/missing missing".to_owned(),
        "ConfigMap/settings modified .data.a: manual kubectl-patch".to_owned(),
        "ServiceAccount/runner modified .automountServiceAccountToken: manual kubectl-patch".to_owned(),
    ];
    assert_eq!(lines(&report), BTreeSet::from(expected));
}

#[test]
fn hook_objects_excused_hand_made_ones_unmanaged() {
    let plane = ControlPlane::shared();
    let namespace = plane.fresh_namespace("hooks");
    let made = |kind: &str, rest: &str| {
        format!(
            "apiVersion: {kind}\nmetadata: {{generateName: migrate-, annotations: {{argocd.argoproj.io/hook: PreSync}}}}\n{rest}\n---\n"
        )
    };
    let pod = "spec: {restartPolicy: Never, containers: [{name: a, image: a}]}";
    let generated = [
        made("v1\nkind: ConfigMap", "data: {a: b}"),
        made("v1\nkind: Pod", pod).replace("argocd.argoproj.io/hook: PreSync", "helm.sh/hook: test"),
        made("batch/v1\nkind: Job", &format!("spec: {{template: {{{pod}}}}}")),
    ]
    .concat();
    let config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: b}\n";
    let chart = "apiVersion: v2\nname: web\nversion: 1.0.0\n";
    let helm_hook = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: NAME\n  annotations: {helm.sh/hook: post-upgrade}\n";
    let numbered = helm_hook.replace("NAME", "seed-{{ .Release.Revision }}");
    let repo = repo(
        &namespace,
        &["app", "web"],
        &[
            ("app/hooks.yaml", &generated),
            ("app/settings.yaml", config),
            ("web/Chart.yaml", chart),
            ("web/templates/fixed.yaml", &helm_hook.replace("NAME", "fixed")),
            ("web/templates/numbered.yaml", &numbered),
        ],
    );
    plane.apply("gitops", &namespace, config, &[]);
    // By hand, as somebody does who runs the hooks without their tool.
    let create = ["create", "--namespace", &namespace, "--filename", "-"];
    let _ = plane.kubectl_with("alice", &create, &generated).expect_status(0);
    for name in ["fixed", "seed-12"] {
        let hook = helm_hook.replace("NAME", name);
        let _ = plane.kubectl_with("alice", &create, &hook).expect_status(0);
    }
    let report = check(plane, &repo).expect_status(0).json();
    assert_eq!(lines(&report), BTreeSet::new());
    assert_eq!(report["incomplete"], json!([]));
    for name in ["migrate-by-hand", "seed-by-hand", "fixed-too"] {
        plane.by_hand(&namespace, &["create", "configmap", name]);
    }
    let report = check(plane, &repo).expect_status(1).json();
    let expected = ["migrate-by-hand", "seed-by-hand", "fixed-too"];
    assert_eq!(lines(&report), expected.map(|name| format!("ConfigMap/{name} unmanaged")).into());
}

#[test]
fn equal_objects_of_two_folders_are_one() {
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
    plane.by_hand(&namespace, &["create", "configmap", "by-hand"]);
    let report = check(plane, &repo).expect_status(3).json();
    let found = ["ConfigMap/by-hand unmanaged", "Service/web modified .spec.selector: manual kubectl-patch"];
    assert_eq!(lines(&report), found.map(str::to_owned).into());
    let why = format!(
        "ConfigMap/{namespace}/shared is declared twice, first at one/config.yaml:1:1 (which was compared): remove one"
    );
    assert_eq!(report["incomplete"], json!([{"what": "two/config.yaml:1:1", "why": why}]));
}
