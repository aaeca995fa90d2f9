//! What the program carries is what real programs gave: the built-in schema, the recorded cluster of the demo, and the
//! picture in the README. `DRIFT_RECORD=1 cargo test embedded` records them anew.

mod picture;

use std::collections::BTreeMap;

use drift::schema::Schema;
use serde_json::Value;

use crate::support::cluster::ControlPlane;
use crate::support::command::Drift;
use crate::support::repo::Repo;
use crate::support::tree::root;

#[expect(clippy::disallowed_methods, reason = "recording is asked for by the environment")]
pub(crate) fn is_recording() -> bool {
    std::env::var_os("DRIFT_RECORD").is_some()
}

/// Compares a carried file with what was recorded now, or writes it.
pub(crate) fn carried(file: &str, now: &str, same: impl Fn(&str, &str) -> bool) {
    let path = root().join(file);
    if is_recording() {
        std::fs::write(&path, now).expect("the file can be written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        same(&there, now),
        "{file} is not what real programs give now: the same test with DRIFT_RECORD=1 records it anew"
    );
}

#[test]
fn the_built_in_schema_is_the_servers() {
    let plane = ControlPlane::shared();
    let get = |path: &str| {
        let (status, body) = plane.api("admin", "GET", path, None);
        assert_eq!(status, 200, "{path}");
        body
    };
    let index = get("/openapi/v3");
    let mut schema = Schema::default();
    for (name, entry) in index["paths"].as_object().expect("an index has paths") {
        let version = name.rsplit('/').next().unwrap_or_default();
        // Groups of custom resources are other tests' doing.
        let group = name.strip_prefix("apis/").and_then(|name| name.split('/').next()).unwrap_or_default();
        let built_in = !group.contains('.') || group.ends_with(".k8s.io");
        if built_in
            && matches!(version, "v1" | "v2")
            && name.matches('/').count() + usize::from(group.is_empty()) == 2
        {
            let url = entry["serverRelativeURL"].as_str().expect("an entry has a URL");
            let document = serde_json::to_vec(&get(url)).expect("JSON is written");
            schema.extend(Schema::from_openapi(&document).expect("the server's documents are read"));
        }
    }
    let now = serde_json::to_string(&schema).expect("a schema is written");
    carried("src/schema/builtin.json", &now, |there, now| there == now);
}

/// Manifests of the demo as the cluster has applied them: one commit behind.
const APPLIED: [&str; 2] = ["web.yaml", "settings.yaml"];

#[test]
fn recorded_demo_cluster_matches_real_server() {
    // A control plane of its own: the story's namespace has a fixed name.
    let plane = ControlPlane::start(false).unwrap_or_else(|why| panic!("{why}"));
    let story = |name: &str| {
        std::fs::read_to_string(root().join("src/cli/demo").join(name)).expect("the demo's files are there")
    };
    let kubectl = |arguments: &[&str]| {
        let _ = plane.kubectl("admin", arguments).expect_status(0);
    };
    kubectl(&["create", "namespace", "shop"]);
    let repo = Repo::with(&[("drift.yaml", &story("drift.yaml"))]);
    for name in APPLIED {
        let text = story(name).replace("web:1.4.0", "web:1.5.0");
        plane.apply("admin", "shop", &text, &["--server-side", "--field-manager=kustomize-controller"]);
        repo.write(&format!("apps/{name}"), &text);
    }
    repo.commit("Run the shop");
    kubectl(&["--namespace=shop", "set", "resources", "deploy/web", "--limits=memory=1Gi"]);
    let patch = r#"{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":90}}}}"#;
    kubectl(&["--namespace=shop", "patch", "deploy/web", "--field-manager=kubectl-edit", "--patch", patch]);
    kubectl(&["--namespace=shop", "create", "configmap", "debug", "--from-literal=verbose=true"]);
    let admin = plane.kubeconfig("admin");
    let _ = Drift::new()
        .args(["snapshot", "cluster.jsonl", "--kubeconfig"])
        .arg(admin)
        .in_folder(repo.path())
        .run()
        .expect_status(0);
    let now = repo.read("cluster.jsonl").replace(&plane.url(), "https://cluster.example.com");
    carried("src/cli/demo/cluster.jsonl", &now, |there, now| timeless(there) == timeless(now));
}

/// The lines without what differs from one recording to the next.
pub(crate) fn timeless(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| forget(serde_json::from_str(line).expect("a line is JSON"))).collect()
}

fn forget(value: Value) -> Value {
    const PASSING: [&str; 8] = [
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "lastTransitionTime",
        "time",
        "cluster",
        "clusterIP",
        "clusterIPs",
    ];
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(key, _)| !PASSING.contains(&key.as_str()));
            Value::Object(
                kept.map(|(key, value)| (key, forget(value)))
                    .collect::<BTreeMap<_, _>>()
                    .into_iter()
                    .collect(),
            )
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(forget).collect();
            // managedFields are sorted by time, and which second a write falls into is chance.
            if items.iter().all(|item| item.get("manager").is_some()) {
                items.sort_by_key(ToString::to_string);
            }
            Value::Array(items)
        }
        other => other,
    }
}

#[test]
fn demo_shows_whole_loop_and_cleans_up() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let told = Drift::new().arg("demo").env("TMPDIR", temporary.path()).run().expect_status(0);
    for expected in [
        "unsynced: not applied yet, last applied by kustomize-controller",
        "~ .spec.template.spec.containers[name=\"web\"].resources.limits.memory",
        "Git   not declared (default 30)",
        "+              memory: 1Gi   # enough for the catalogue",
        "pull request: drift: Deployment/shop/web",
        "issue: drift: ConfigMap/shop/debug",
        "(proven by content)",
        "2 incidents: every one ended with a commit on main",
        "Where to look next",
    ] {
        assert!(told.stdout.contains(expected), "{expected:?} is missing in:\n{}", told.stdout);
    }
    assert_eq!(told.stderr, "");
    let left: Vec<_> = std::fs::read_dir(temporary.path()).expect("the folder is there").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn kept_demo_can_be_audited_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let kept = folder.path().join("story");
    let _ = Drift::new().args(["demo", "--keep"]).arg(&kept).run().expect_status(0);
    let audited =
        Drift::new().args(["audit", "-o", "json", "--repository"]).arg(&kept).run().expect_status(0);
    assert_eq!(audited.json()["incidents"].as_array().map(Vec::len), Some(2));
    let again = Drift::new().args(["demo", "--keep"]).arg(&kept).run().expect_status(2);
    assert!(again.stderr.contains("already exists"), "{}", again.stderr);
}
