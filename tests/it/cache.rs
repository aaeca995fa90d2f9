//! What `drift check` keeps between runs in `--cache-dir`: it saves requests and changes no verdict.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::cluster::ControlPlane;
use crate::support::command::Drift;
use crate::support::repo::Repo;

/// The only test that runs drift as this user: its requests are told by the name.
const USER: &str = "bob";

const DECLARED: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: 'nginx:1', ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {a: b}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: '0 1 * * *'
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: job, image: busybox}]}}}}
";

#[test]
fn cached_schema_gives_the_same_verdicts() {
    let plane = ControlPlane::shared();
    let repo = changed(plane);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cache = folder.path().join("cache");

    let (first, asked) = check(plane, &repo, &cache);
    assert_eq!(asked, ["/openapi/v3/api/v1", "/openapi/v3/apis/apps/v1", "/openapi/v3/apis/batch/v1"]);
    assert_eq!(first["findings"].as_array().map(Vec::len), Some(1), "{first}");
    let (second, asked) = check(plane, &repo, &cache);
    assert_eq!((second, asked), (first.clone(), vec![]));

    for (number, file) in files(&cache).iter().enumerate() {
        let whole = fs::read(file).expect("it is kept");
        fs::write(file, &whole[..whole.len() / (number + 2)]).expect("the folder is ours");
    }
    let (torn, asked) = check(plane, &repo, &cache);
    assert_eq!((&torn, asked.len()), (&first, 3));
    let (healed, asked) = check(plane, &repo, &cache);
    assert_eq!((&healed, asked.len()), (&first, 0));

    // Read where it may not be written, done without where it cannot even be made.
    let schemas = cache.join("schemas");
    fs::set_permissions(&schemas, PermissionsExt::from_mode(0o555)).expect("the folder is ours");
    let (read_only, asked) = check(plane, &repo, &cache);
    assert_eq!((&read_only, asked.len()), (&first, 0));
    fs::set_permissions(&schemas, PermissionsExt::from_mode(0o755)).expect("the folder is ours");
    let (without, asked) = check(plane, &repo, Path::new("/proc"));
    assert_eq!((&without, asked.len()), (&first, 3));
}

/// A repository whose objects are applied, one of them changed by hand.
fn changed(plane: &ControlPlane) -> Repo {
    let namespace = plane.fresh_namespace("cache");
    let repo = Repo::for_namespace(&namespace, &[("app/all.yaml", DECLARED)]);
    repo.commit("Declare everything");
    plane.apply("gitops", &namespace, DECLARED, &[]);
    plane.by_hand(&namespace, &["set", "image", "deployment/web", "web=nginx:2"]);
    repo
}

/// The report without its time, and the documents that were asked for, sorted.
fn check(plane: &ControlPlane, repo: &Repo, cache: &Path) -> (Value, Vec<String>) {
    let before = documents(plane).len();
    let check = Drift::check(repo).kubeconfig(plane.kubeconfig(USER)).format("json");
    let mut report = check.arg("--cache-dir").arg(cache).run().expect_status(1).json();
    report["checkedAt"].take();
    let mut asked = documents(plane).split_off(before);
    asked.sort();
    (report, asked)
}

/// Every OpenAPI document that drift asked for as the user. The index, asked for before them, is there when they are.
fn documents(plane: &ControlPlane) -> Vec<String> {
    let of_user = |entry: &&Value| {
        entry["user"]["username"] == USER
            && entry["userAgent"].as_str().is_some_and(|agent| agent.starts_with("drift/"))
    };
    let audit = plane.audit();
    let urls = audit.iter().filter(of_user).filter_map(|entry| entry["requestURI"].as_str());
    let documents = urls.filter(|url| url.starts_with("/openapi/v3/"));
    documents.map(|url| url.split('?').next().unwrap_or_default().to_owned()).collect()
}

fn files(cache: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(cache.join("schemas")).expect("schemas are kept");
    entries.map(|entry| entry.expect("it can be listed").path()).collect()
}
