//! What `drift check -o json` prints is what `deploy/report-v1.schema.json` describes: every key of it, and no other.

use serde_json::{Value, json};

use crate::support::cluster::ControlPlane;
use crate::support::command::Drift;
use crate::support::repo::Repo;
use crate::support::report::{changes, findings};
use crate::support::snapshot::{SnapshotFile, written_by};
use crate::support::tree::root;

fn schema() -> Value {
    let text = std::fs::read_to_string(root().join("deploy/report-v1.schema.json")).expect("it is shipped");
    serde_json::from_str(&text).expect("JSON")
}

/// The shipped schema lets keys be added, for readers that are older than the writer. Here none may be that it does not
/// describe.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.values_mut().for_each(close);
            if map.get("type") == Some(&json!("object")) && !map.contains_key("additionalProperties") {
                map.insert("additionalProperties".to_owned(), json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

fn faults(report: &Value) -> Vec<String> {
    let mut schema = schema();
    close(&mut schema);
    let validator = jsonschema::validator_for(&schema).expect("the schema is one");
    validator.iter_errors(report).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[track_caller]
pub(crate) fn must_fit(case: &str, report: &Value) {
    let faults = faults(report);
    assert!(faults.is_empty(), "{case}: {faults:#?}\n{report:#}");
}

const CONFIG: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\ndata: {mode: fast}\n";

fn live(data: Value) -> Value {
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data,
        "metadata": {"name": "web", "namespace": "shop", "creationTimestamp": "2026-11-22T09:00:00Z"}});
    written_by("kubectl-edit", json!({"f:data": {".": {}, "f:mode": {}, "f:extra": {}}}), object)
}

/// The report of a check of this file against this cluster, and its exit code.
fn check(manifest: &str, cluster: &SnapshotFile, status: i32) -> Value {
    let repo = Repo::with(&[("apps/web.yaml", manifest)]);
    Drift::check(&repo).arg("apps").snapshot(cluster).format("json").run().expect_status(status).json()
}

#[test]
fn reports_of_snapshots_fit_the_schema() {
    let clean = check(CONFIG, &SnapshotFile::with(&[live(json!({"mode": "fast"}))]), 0);
    must_fit("clean", &clean);
    assert_eq!((&clean["complete"], &clean["summary"]["drift"]), (&json!(true), &json!(0)));

    let changed = SnapshotFile::with(&[live(json!({"mode": "slow", "extra": "::set-output name=x::y"}))]);
    let drift = check(CONFIG, &changed, 1);
    must_fit("drift", &drift);
    assert_eq!(drift["summary"]["drift"], 1);
    let kinds: Vec<_> =
        drift["findings"][0]["changes"].as_array().expect("a list").iter().map(|c| &c["change"]).collect();
    assert_eq!(kinds, ["added", "modified"]);

    let removed = check(CONFIG, &SnapshotFile::with(&[live(json!({}))]), 1);
    must_fit("removed", &removed);

    let missing = check(CONFIG, &SnapshotFile::with(&[]), 1);
    must_fit("missing", &missing);
    assert_eq!(missing["findings"][0]["state"], "missing");

    let unread = check(CONFIG, &SnapshotFile::lacking(&["ConfigMap"], &[]), 3);
    must_fit("incomplete", &unread);
    assert_eq!((&unread["complete"], &unread["summary"]["notCompared"]), (&json!(false), &json!(1)));

    let broken = check(&format!("{CONFIG}---\na: [\n"), &SnapshotFile::with(&[]), 3);
    must_fit("a broken document", &broken);
}

/// What Argo CD applies of another folder was not looked at, whether Git has the Application or only the cluster.
#[test]
fn gitops_content_outside_sources_is_named() {
    let application = |name: &str, path: &str| {
        json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": name, "namespace": "argocd"}, "spec": {"source": {"path": path}}})
    };
    let (here, web) = (application("here", "apps"), application("web", "deploy/web"));
    let declared = format!("{CONFIG}---\n{here}\n---\n{web}\n");
    let settings = live(json!({"mode": "fast"}));
    let other = application("other", "deploy/other");
    let cluster = SnapshotFile::with(&[settings, here, web, other]);
    let repo = Repo::with(&[("apps/a.yaml", &declared)]);
    let drift = |output: &str| Drift::check(&repo).arg("apps").snapshot(&cluster).format(output);
    let report = drift("json").run();
    let report = report.json();
    must_fit("roots", &report);
    let named: Vec<&Value> = report["notCompared"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|root| &root["resource"]["name"])
        .collect();
    assert_eq!(named, ["other", "web"]);
    let text = drift("text").run().stdout;
    let head: Vec<&str> = text.lines().take(5).collect();
    assert!(head[0].ends_with("and what 2 GitOps objects apply was not compared"), "{text}");
    let lines = [
        "Not compared: what these objects apply:",
        "  Application/argocd/other  deploy/other is in no source",
        "  Application/argocd/web  apps/a.yaml:8:1  deploy/web is in no source",
    ];
    assert_eq!(head[2..], lines, "{text}");
    assert!(
        drift("markdown").run().stdout.contains("- `Application/argocd/web  apps/a.yaml:8:1  deploy/web")
    );
}

#[test]
fn report_of_real_cluster_fits_schema() {
    let plane = ControlPlane::shared();
    let namespace = plane.fresh_namespace("report");
    let manifest = "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {password: one}\n---\n\
                    apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {mode: fast, gone: soon}\n---\n\
                    apiVersion: v1\nkind: ConfigMap\nmetadata: {name: lost}\n";
    plane.apply("gitops", &namespace, manifest, &["--server-side", "--field-manager=argocd-controller"]);
    let by_hand = |arguments: &[&str]| plane.by_hand(&namespace, arguments);
    by_hand(&["patch", "secret", "keys", "-p", r#"{"stringData": {"password": "two", "more": "three"}}"#]);
    by_hand(&["patch", "configmap", "web", "-p", r#"{"data": {"mode": "slow", "gone": null, "new": "x"}}"#]);
    by_hand(&["delete", "configmap", "lost"]);
    by_hand(&["create", "configmap", "stranger"]);

    let repo = Repo::for_namespace(&namespace, &[("app/a.yaml", manifest)]);
    let check = Drift::check(&repo).kubeconfig(plane.kubeconfig("admin")).format("json");
    let report = check.run().expect_status(1).json();
    must_fit("a real cluster", &report);

    let findings = findings(&report);
    let mut states: Vec<_> = findings.iter().filter_map(|finding| finding["state"].as_str()).collect();
    states.sort_unstable();
    assert_eq!(states, ["missing", "modified", "modified", "unmanaged"], "{report:#}");
    assert_eq!(report["summary"]["drift"], 4);
    let changes: Vec<_> = findings.iter().flat_map(changes).collect();
    let masked = changes.iter().filter(|change| change["masked"] == true).count();
    assert_eq!(masked, 2, "{report:#}");
    for kind in ["added", "modified", "removed"] {
        assert!(changes.iter().any(|change| change["change"] == kind), "no change is {kind}: {report:#}");
    }
}

/// Every list of a verification has something in it.
#[test]
fn verification_of_real_cluster_fits_schema() {
    let plane = ControlPlane::shared();
    let namespace = plane.fresh_namespace("report-verified");
    let manifest = "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {password: one}\n---\n\
                    apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {mode: fast}\n---\n\
                    apiVersion: v1\nkind: ConfigMap\nmetadata: {name: sealed}\ndata: {a: 'ENC[x]'}\nsops: {version: 3}\n---\n\
                    apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n---\n\
                    apiVersion: batch/v1\nkind: Job\nmetadata: {name: once}\n\
                    spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}\n---\n\
                    apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: port}\n\
                    spec:\n  selector: {matchLabels: {app: a}}\n  template: {metadata: {labels: {app: a}}, \
                    spec: {containers: [{name: a, image: a, ports: [{containerPort: 80}]}]}}\n";
    plane.apply("gitops", &namespace, manifest, &["--validate=false"]);
    let by_applier = |what: &str, patch: &str| {
        let manager = "--field-manager=kubectl-client-side-apply";
        plane.by_hand(&namespace, &["patch", what, manager, "--patch", patch]);
    };
    by_applier("secret/keys", r#"{"stringData": {"more": "two"}}"#);
    by_applier("configmap/web", r#"{"data": {"more": "two"}}"#);
    by_applier(
        "deployment/port",
        r#"{"spec": {"template": {"spec": {"containers": [{"name": "a", "ports": [{"containerPort": 80, "hostPort": 80}]}]}}}}"#,
    );
    plane.by_hand(&namespace, &["patch", "service/web", "--patch", r#"{"spec": {"type": "NodePort"}}"#]);

    let repo = Repo::for_namespace(&namespace, &[("app/a.yaml", manifest)]);
    let report = plane.check(&repo).expect_status(3).json();
    must_fit("a verification", &report);
    let found = &report["verification"];
    assert_eq!((&found["asked"], &found["agreed"]), (&json!(6), &json!(4)), "{report:#}");
    for list in ["explanations", "partly", "notVerified", "disagreements"] {
        assert!(found[list].as_array().is_some_and(|list| !list.is_empty()), "{list} is empty: {report:#}");
    }
    let mut told = report.clone();
    told["verification"]["disagreements"][0]["kind"] = json!("guess");
    assert!(!faults(&told).is_empty(), "a fault that is none is accepted");
    let mut told = report.clone();
    told["verification"]["disagreements"][0]["masked"] = json!(true);
    assert!(!faults(&told).is_empty(), "a masked disagreement shows its value");
}

#[test]
fn the_schema_refuses_what_is_no_report() {
    let cluster = SnapshotFile::with(&[live(json!({"mode": "slow"}))]);
    let report = check(CONFIG, &cluster, 1);
    must_fit("as it was written", &report);
    for (pointer, value) in [
        ("/schema", json!("drift/report/v2")),
        ("/checkedAt", json!("yesterday")),
        ("/complete", json!(false)),
        ("/summary/drift", json!(-1)),
        ("/summary/changes", json!({"guess": 1})),
        ("/findings/0/state", json!("missing")),
        ("/findings/0/changes", json!([])),
        ("/findings/0/origin", json!({"file": "a", "line": 1})),
        ("/findings/0/changes/0/change", json!("added")),
        ("/findings/0/changes/0/cause", json!("gremlins")),
        ("/findings/0/changes/0/pointer", json!("a")),
        (
            "/findings/0/changes/0/manager",
            json!({"name": "x", "operation": "Update", "subresource": "", "user": "alice"}),
        ),
    ] {
        let mut other = report.clone();
        *other.pointer_mut(pointer).unwrap_or_else(|| panic!("the report has {pointer}")) = value.clone();
        assert!(!faults(&other).is_empty(), "{pointer} = {value} is accepted");
    }
    let mut masked = report;
    masked["findings"][0]["changes"][0]["masked"] = json!(true);
    assert!(!faults(&masked).is_empty(), "a masked change shows its values");
}
