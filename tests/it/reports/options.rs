//! What `drift check` reads: which tree, which sources, which cluster, and what it leaves out.

use std::collections::BTreeSet;

use super::world::check;
use crate::input::server::{Server, parse};
use crate::input::{LIVE, LOGIN, SETTINGS, found, is_orderly, says};
use crate::support::cluster::ControlPlane;
use crate::support::command::{Drift, Output};
use crate::support::repo::Repo;
use crate::support::snapshot::SnapshotFile;

const BOTH: &str = "version: 1\nsources: [{path: apps}, {path: more}]\n";
const RED: &str = "ConfigMap/shop/settings modified";

/// A repository whose first commit declares what is live, and whose second does not.
fn red_then_blue() -> Repo {
    let repo = Repo::with(&[
        ("drift.yaml", BOTH),
        ("apps/settings.yaml", &SETTINGS.replace("blue", "red")),
        ("more/login.yaml", LOGIN),
    ]);
    repo.git(&["tag", "v1"]);
    repo.git(&["branch", "stable"]);
    repo.write("apps/settings.yaml", SETTINGS);
    repo.commit("Turn blue");
    repo
}

fn json(repo: &Repo, server: &Server, more: &[&str], status: i32) -> Output {
    let output = check(repo, server, &[&["-o", "json"], more].concat()).run().expect_status(status);
    is_orderly(&output);
    output
}

#[test]
fn revision_read_instead_of_work_tree() {
    let (repo, server) = (red_then_blue(), Server::with(LIVE));
    let first = repo.revision("HEAD~1");
    repo.write("apps/settings.yaml", "broken: [");
    for revision in ["v1", "stable", "HEAD~1", &first, &first[..10], "refs/tags/v1"] {
        let output = json(&repo, &server, &["--revision", revision], 0);
        assert_eq!(output.json()["git"]["revision"], first.as_str(), "{revision}");
        assert_eq!(output.json()["git"]["dirty"], false, "{revision}");
    }
    for revision in ["main", "HEAD"] {
        assert_eq!(found(&json(&repo, &server, &["--revision", revision], 1)), [RED], "{revision}");
    }
    let _ = json(&repo, &server, &[], 3);
}

#[test]
fn another_repository_by_path_or_by_address() {
    let (repo, server) = (red_then_blue(), Server::with(LIVE));
    let url = repo.url();
    let path = repo.path().to_str().expect("UTF-8").to_owned();
    let below = format!("{path}/apps");
    for (place, expected) in [(&path, "repo"), (&below, "repo"), (&url, "file://")] {
        let drift = Drift::new().args(["check", "-o", "json", "--repository", place, "--kubeconfig"]);
        let drift = drift.arg(server.kubeconfig());
        let output = drift.run().expect_status(1);
        is_orderly(&output);
        assert_eq!(found(&output), [RED], "{place}");
        let name = output.json()["git"]["repository"].as_str().expect("a name").to_owned();
        assert!(name.starts_with(expected), "{name}");
        assert_eq!(output.json()["git"]["revision"], repo.head(), "{place}");
    }
    // A second run finds its clone, and fetches what is new.
    let drift = Drift::new().args(["check", "apps", "-o", "json", "--repository", &url, "--kubeconfig"]);
    let drift = drift.arg(server.kubeconfig());
    let _ = drift.run().expect_status(1);
    let clones = || std::fs::read_dir(drift.home().join(".cache/drift/clones")).expect("the cache").count();
    let before = clones();
    repo.write("apps/settings.yaml", SETTINGS.replace("blue", "red"));
    let head = repo.commit("Turn red again");
    let output = drift.run().expect_status(0);
    assert_eq!(output.json()["git"]["revision"], head);
    assert_eq!(clones(), before, "one clone of one address");
}

#[test]
fn a_path_narrows_the_sources() {
    let (repo, server) = (red_then_blue(), Server::with(LIVE));
    let desired = |path: &str, status: i32| {
        let output = json(&repo, &server, &[path], status);
        output.json()["summary"]["desired"].as_u64().expect("a number")
    };
    assert_eq!(desired("apps", 1), 1);
    assert_eq!(desired("more", 0), 1);
    assert_eq!(desired("apps/settings.yaml", 1), 1);
    assert_eq!(desired(".", 1), 2);
    let elsewhere = repo.path().join("docs");
    std::fs::create_dir(&elsewhere).expect("a new folder");
    let output = check(&repo, &server, &["docs"]).run().expect_status(2);
    says(&output.stderr, &["docs is in none of the sources of drift.yaml (apps, more)"]);
    let from_below =
        check(&repo, &server, &["-o", "json", "settings.yaml"]).in_folder(repo.path().join("apps"));
    assert_eq!(found(&from_below.run().expect_status(1)), [RED]);
}

/// What another source or another file declares is no stranger, only because this check does not read it.
#[test]
fn objects_outside_given_path_not_unmanaged() {
    let applied = |name: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: shop\n  uid: {name}\n  managedFields:\n  \
             - {{manager: kubectl-client-side-apply, operation: Update, apiVersion: v1, time: '2024-01-01T00:00:00Z', \
             fieldsType: FieldsV1, fieldsV1: {{'f:data': {{'f:color': {{}}}}}}}}\ndata:\n  color: blue\n---\n"
        )
    };
    let map = |name: &str| SETTINGS.replace("name: settings", &format!("name: {name}"));
    let (a, b, c) = (map("a"), map("b"), map("c"));
    let files = [("apps/a.yaml", a.as_str()), ("apps/b.yaml", &b), ("more/c.yaml", &c), ("drift.yaml", BOTH)];
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: kube-system, uid: u0}\n";
    let server = Server::with(&(["a", "b", "c", "d"].map(applied).concat() + namespace));
    let all = Repo::with(&files);
    assert_eq!(found(&json(&all, &server, &[], 1)), ["ConfigMap/shop/d unmanaged"]);
    for path in ["apps", "apps/a.yaml", "more"] {
        let output = json(&all, &server, &[path], 0);
        assert_eq!(found(&output), [""; 0], "{path}");
        says(&output.stderr, &["skipped the search for unmanaged objects"]);
    }
    let without = Repo::with(&files[..3]);
    let output = json(&without, &server, &["apps/a.yaml"], 0);
    assert_eq!(found(&output), [""; 0], "one file of a folder, without a drift.yaml");
    assert_eq!(found(&json(&without, &server, &["."], 1)), ["ConfigMap/shop/d unmanaged"]);
}

#[test]
fn skipped_secrets_are_never_requested() {
    let asked = |server: &Server| server.requests().iter().any(|(_, url)| url.contains("/secrets"));
    let (repo, server) = (red_then_blue(), Server::with(LIVE));
    let by_flag = json(&repo, &server, &["--skip-secrets"], 1);
    assert!(!asked(&server), "{:?}", server.requests());
    repo.write("drift.yaml", format!("{BOTH}secrets: skip\n"));
    let by_file = json(&repo, &server, &[], 1);
    assert!(!asked(&server), "{:?}", server.requests());
    for output in [by_flag, by_file] {
        let report = output.json();
        assert_eq!((&report["complete"], &report["summary"]["skipped"]), (&true.into(), &1.into()));
        assert_eq!(report["summary"]["desired"], 2);
    }
    let output = json(&repo, &server, &["more"], 3);
    says(&output.stderr, &["nothing was examined: the sources declare only Secrets, which are skipped"]);
}

/// A snapshot leaves values out: equal keys do not make a Secret in sync.
#[test]
fn secret_with_unknown_values_counts_as_skipped() {
    let repo = Repo::with(&[("apps/login.yaml", LOGIN), ("apps/settings.yaml", SETTINGS)]);
    let mut live = parse(&LIVE.replace("color: red", "color: blue"));
    live.iter_mut().filter(|object| object["kind"] == "Secret").for_each(|secret| {
        secret["data"] = serde_json::json!({"password": null});
    });
    let snapshot = SnapshotFile::with(&live);
    let check = Drift::check(&repo).arg("apps").snapshot(&snapshot).format("json");
    let output = check.run().expect_status(0);
    is_orderly(&output);
    let summary = &output.json()["summary"];
    assert_eq!(
        (&summary["desired"], &summary["inSync"], &summary["skipped"]),
        (&2.into(), &1.into(), &1.into())
    );
}

#[test]
fn ignored_changes_counted_unused_rules_named() {
    let (repo, server) = (red_then_blue(), Server::with(LIVE));
    repo.write(
        "drift.yaml",
        format!(
            "{BOTH}ignore:\n- {{resource: {{kind: ConfigMap}}, field: .data.color, reason: painters}}\n\
             - {{resource: {{kind: ConfigMap}}, field: .data.other, reason: nobody}}\n\
             - {{field: .data.third, reason: everywhere}}\n\
             - {{resource: {{kind: Secret}}, reason: long ago, expires: 2020-01-31}}\n"
        ),
    );
    let output = json(&repo, &server, &[], 0);
    assert_eq!(output.json()["summary"]["changes"], serde_json::json!({"ignored": 1}));
    says(&output.stderr, &["drift: warning: an ignore rule is unused: nobody"]);
    says(&output.stderr, &["drift: warning: an ignore rule expired on 2020-01-31: long ago"]);
    let everywhere = "an ignore rule is too broad: it covers .data.third of every object; name a `resource`: everywhere \
                      (drift.yaml last changed by Ada Author in ";
    says(&output.stderr, &[everywhere]);
    assert!(!output.stderr.contains("painters"), "{}", output.stderr);
    assert_eq!(output.json()["warnings"].as_array().map(Vec::len), Some(4));
}

/// An operator of one's own may own what it writes, once it is told.
#[test]
fn a_configured_manager_is_believed() {
    let live = LIVE.replace("manager: kubectl-edit", "manager: paint-operator");
    let (repo, server) = (red_then_blue(), Server::with(&live));
    assert_eq!(json(&repo, &server, &[], 1).json()["summary"]["changes"], serde_json::json!({"manual": 1}));
    repo.write("drift.yaml", format!("{BOTH}managers: [{{name: 'paint-*', class: platform}}]\n"));
    let claimed = json(&repo, &server, &[], 1).json();
    assert_eq!(
        claimed["summary"]["claimed"], 1,
        "data may do harm: it is trusted by name, field and reason only"
    );
    let trusted = "managers: [{name: 'paint-*', class: platform, fields: [.data.color], reason: it paints}]";
    repo.write("drift.yaml", format!("{BOTH}{trusted}\n"));
    assert_eq!(
        json(&repo, &server, &[], 0).json()["summary"]["changes"],
        serde_json::json!({"controller": 1})
    );
}

/// Live settings that the applier wrote, or a person.
fn settings(color: &str, manager: &str, operation: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{name: kube-system, uid: u0}}\n---\n\
         apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n  namespace: shop\n  managedFields:\n  \
         - {{manager: {manager}, operation: {operation}, apiVersion: v1, time: '2024-01-05T00:00:00Z', fieldsType: FieldsV1, \
         fieldsV1: {{'f:data': {{'f:color': {{}}}}}}}}\ndata:\n  color: {color}\n"
    )
}

/// Plain, Kustomize and Helm: an older commit is rendered again to see what the cluster still has.
#[test]
fn unsynced_cluster_no_drift_for_any_renderer() {
    let plain = |color: &str| vec![("src/settings.yaml".to_owned(), SETTINGS.replace("blue", color))];
    let kustomize = |color: &str| {
        vec![
            ("base/settings.yaml".to_owned(), SETTINGS.replace("blue", color)),
            ("base/kustomization.yaml".to_owned(), "resources: [settings.yaml]\n".to_owned()),
            ("src/kustomization.yaml".to_owned(), "namespace: shop\nresources: [../base]\n".to_owned()),
        ]
    };
    let helm = |color: &str| {
        vec![
            ("src/Chart.yaml".to_owned(), "apiVersion: v2\nname: shop\nversion: 0.1.0\n".to_owned()),
            ("src/values.yaml".to_owned(), format!("color: {color}\n")),
            ("src/templates/settings.yaml".to_owned(), SETTINGS.replace("blue", "{{ .Values.color }}")),
        ]
    };
    type Files = dyn Fn(&str) -> Vec<(String, String)>;
    let ways: [(&str, &Files); 3] = [("plain", &plain), ("kustomize", &kustomize), ("helm", &helm)];
    for (way, files) in ways {
        let repo =
            Repo::with(&[("drift.yaml", "version: 1\nunsynced-after: 20000d\nsources: [{path: src}]\n")]);
        for color in ["old", "middle", "new"] {
            for (path, text) in files(color) {
                repo.write(&path, text);
            }
            repo.commit(color);
        }
        let causes = |live: &str, manager: &str, operation: &str| {
            let server = Server::with(&settings(live, manager, operation));
            let drift = check(&repo, &server, &["-o", "json"]).with_tools(&["helm", "kustomize"]);
            let output = drift.run();
            is_orderly(&output);
            let changes = output.json()["summary"]["changes"].clone();
            (output.status, changes.as_object().expect("a map").keys().cloned().collect::<Vec<_>>())
        };
        let told = |status: i32, cause: &str| (status, vec![cause.to_owned()]);
        assert_eq!(causes("middle", "argocd-controller", "Apply"), told(0, "unsynced"), "{way}");
        assert_eq!(causes("old", "kustomize-controller", "Apply"), told(0, "unsynced"), "{way}");
        assert_eq!(
            causes("old", "kubectl-edit", "Update"),
            told(1, "manual"),
            "{way}: a person's later write"
        );
        assert_eq!(causes("never", "argocd-controller", "Apply"), told(1, "unknown"), "{way}");
        assert_eq!(causes("new", "argocd-controller", "Apply"), (0, vec![]), "{way}");
    }
}

/// What stands in the work tree only cannot have been applied by anybody who applies commits.
#[test]
fn uncommitted_edit_is_no_drift() {
    let repo = Repo::with(&[
        ("drift.yaml", "version: 1\nsources: [{path: apps}]\n"),
        ("apps/settings.yaml", SETTINGS),
    ]);
    let server = Server::with(&settings("blue", "argocd-controller", "Apply"));
    assert_eq!(found(&json(&repo, &server, &[], 0)), [""; 0]);
    repo.write("apps/settings.yaml", SETTINGS.replace("blue", "green"));
    let edited = json(&repo, &server, &[], 0);
    assert_eq!(edited.json()["summary"]["changes"], serde_json::json!({"unsynced": 1}));
    repo.write("apps/new.yaml", SETTINGS.replace("name: settings", "name: new"));
    repo.write(
        "apps/settings.yaml",
        format!("{SETTINGS}---\n{}", SETTINGS.replace("name: settings", "name: second")),
    );
    // What Git was not told of is not read.
    repo.git(&["add", "--all"]);
    let added = json(&repo, &server, &[], 0);
    assert_eq!(found(&added), ["ConfigMap/shop/new missing", "ConfigMap/shop/second missing"]);
    assert_eq!(added.json()["summary"]["changes"], serde_json::json!({"unsynced": 2}));
    assert_eq!(added.json()["git"]["dirty"], true);
}

/// In a Pod the service account's files are enough.
#[test]
fn a_pod_reads_its_own_cluster() {
    let plane = ControlPlane::shared();
    let namespace = plane.fresh_namespace("in-pod");
    let map = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, namespace: {namespace}}}\ndata: {{a: b}}\n"
    );
    plane.apply("admin", &namespace, &map, &[]);
    let repo = Repo::with(&[("apps/a.yaml", &map)]);
    let account = tempfile::tempdir().expect("a temporary folder");
    std::fs::copy(plane.ca(), account.path().join("ca.crt")).expect("the folder is ours");
    std::fs::write(account.path().join("token"), format!("{}\n", plane.token("admin")))
        .expect("the folder is ours");
    let url = plane.url();
    let port = url.rsplit(':').next().expect("a port");
    let drift = Drift::new()
        .in_folder(repo.path())
        .args(["check", "apps", "-o", "json"])
        .env("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        .env("KUBERNETES_SERVICE_PORT", port)
        .env("DRIFT_SERVICE_ACCOUNT_DIR", account.path());
    let output = drift.run().expect_status(0);
    is_orderly(&output);
    assert_eq!(output.json()["cluster"]["server"], url.as_str());
    assert!(!output.stdout.contains(plane.token("admin")));
    std::fs::remove_file(account.path().join("token")).expect("it was there");
    let output = drift.run().expect_status(2);
    says(&output.stderr, &["service account in", "token"]);
}

/// Sixty objects of six kinds in one namespace: a handful of requests, each list once, nothing but reading.
#[test]
fn kind_listed_once_for_many_objects() {
    let kinds = [
        ("v1", "ConfigMap"),
        ("v1", "Secret"),
        ("v1", "Service"),
        ("apps/v1", "Deployment"),
        ("example.com/v1", "Widget"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ];
    let mut objects = String::new();
    for (version, kind) in kinds {
        for number in 0..10 {
            let namespace = if kind == "ClusterRole" { "" } else { ", namespace: shop" };
            objects += &format!(
                "apiVersion: {version}\nkind: {kind}\nmetadata: {{name: o{number}{namespace}}}\n---\n"
            );
        }
    }
    let kube_system = "apiVersion: v1\nkind: Namespace\nmetadata: {name: kube-system, uid: u0}\n";
    let live = format!("{objects}{kube_system}");
    let repo =
        Repo::with(&[("drift.yaml", "version: 1\nsources: [{path: apps}]\n"), ("apps/all.yaml", &objects)]);
    let server = Server::with(&live);
    let report = json(&repo, &server, &[], 0).json();
    assert_eq!(report["summary"]["inSync"], 60, "{report:#}");
    let requests = server.requests();
    assert!(requests.iter().all(|(method, _)| method == "GET"), "{requests:?}");
    let lists: Vec<&str> =
        requests.iter().filter(|(_, url)| url.contains("limit=")).map(|(_, url)| url.as_str()).collect();
    let distinct: BTreeSet<&str> = lists.iter().copied().collect();
    assert_eq!(distinct.len(), lists.len(), "a list is asked for once: {lists:?}");
    assert!(requests.len() <= 20, "{} requests: {requests:#?}", requests.len());
}
