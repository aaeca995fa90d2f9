//! Verdicts on a real API server: every manual change is found at its path with its writer, and nothing else is.
//!
//! Each way of applying has a namespace with one object for each case, changed as a person would; one run of `drift
//! check` sees them all. Objects that nobody touched stand among them.

#![expect(clippy::disallowed_methods, reason = "kubectl edit needs an environment of its own")]

mod cases;
mod later;
mod objects;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::support::cluster::ControlPlane;
use crate::support::command::{Drift, code, hermetic};
use crate::support::parts::program;
use crate::support::repo::Repo;
use crate::support::report::{changes, findings};
use crate::support::servers::eventually;
use cases::{CASES, Case, UNTOUCHED};
use later::{LATER, LEFT_BEHIND};
use objects::{DEFINITION, DEPLOYMENT, READER};

/// kubectl command lines run at the same time.
const THREADS: usize = 4;

#[test]
fn changes_attributed_after_client_apply() {
    changes_are_told("csa", &[]);
}

#[test]
fn changes_attributed_after_server_apply() {
    changes_are_told("ssa", &["--server-side"]);
}

#[test]
fn changes_attributed_after_flux_apply() {
    changes_are_told("flux", &["--server-side", "--field-manager=kustomize-controller"]);
}

/// Argo CD's default: a three-way merge by its own client.
#[test]
fn changes_attributed_after_argo_apply() {
    changes_are_told("argo", &["--field-manager=argocd-controller"]);
}

#[test]
fn what_git_changes_later_leaves_no_drift() {
    let plane = ControlPlane::shared();
    for how in [
        &[][..],
        &["--field-manager=argocd-controller"],
        &["--server-side"],
        &["--server-side", "--field-manager=kustomize-controller"],
    ] {
        let namespace = plane.fresh_namespace("verdicts-later");
        let mut all = String::new();
        let repo = Repo::for_namespace(&namespace, &[]);
        for step in [0, 1] {
            all.clear();
            for (name, steps) in LATER {
                let text = fill(steps[step], name, &namespace);
                repo.write(&format!("app/{name}.yaml"), &text);
                let _ = writeln!(all, "---{text}");
            }
            repo.commit(if step == 0 { "First" } else { "Second" });
            plane.apply("gitops", &namespace, &all, how);
        }
        let expected: BTreeSet<String> = LEFT_BEHIND.iter().map(|line| (*line).to_owned()).collect();
        let report = report(plane, &repo);
        // Under a client's apply its manager owns them.
        let told = lines(&report).into_iter().filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned()));
        assert_eq!(told.collect::<BTreeSet<String>>(), expected, "{how:?}");
        assert_eq!(disagreements(&report), BTreeSet::new(), "{how:?}");
    }
}

/// Server-side apply refuses such lists.
#[test]
fn removed_item_of_duplicate_key_found() {
    let plane = ControlPlane::shared();
    let namespace = plane.fresh_namespace("verdicts-twins");
    let text = fill(DEPLOYMENT, "web", &namespace)
        .replace("{name: A, value: '1'}", "{name: A, value: '0'}, {name: A, value: '1'}");
    let repo = Repo::for_namespace(&namespace, &[("app/web.yaml", &text)]);
    plane.apply("gitops", &namespace, &text, &[]);
    assert_eq!(lines(&report(plane, &repo)), BTreeSet::new(), "before any change");
    let remove = r#"[{"op":"remove","path":"/spec/template/spec/containers/0/env/0"}]"#;
    plane.by_hand(&namespace, &["patch", "deployment/web", "--type=json", "-p", remove]);
    let path = ".spec.template.spec.containers[name=\"web\"].env[name=\"A\"]";
    let found = lines(&report(plane, &repo));
    assert_eq!(found.len(), 1, "{found:?}");
    let line = format!("web - {path} {{\"name\":\"A\",\"value\":\"0\"}} -> -: ");
    assert!(found.iter().all(|found| found.starts_with(&line)), "{found:?}");
}

/// Needs the ReplicaSets that only a controller makes.
#[test]
fn undone_rollout_is_rollback_for_any_applier() {
    let plane = ControlPlane::with_controllers();
    for how in [&[][..], &["--server-side"]] {
        let namespace = plane.fresh_namespace("verdicts-undo");
        let repo = Repo::for_namespace(&namespace, &[]);
        for image in ["nginx:1.25", "nginx:1.26"] {
            let text = fill(DEPLOYMENT, "web", &namespace).replace("nginx:1.25", image);
            repo.write("app/web.yaml", &text);
            repo.commit(image);
            plane.apply("gitops", &namespace, &text, how);
            eventually("a ReplicaSet with the image", Duration::from_secs(60), || {
                let sets = plane.live(&namespace, "replicasets").to_string();
                sets.contains(&format!("\"{image}\"")).then_some(())
            });
        }
        plane.by_hand(&namespace, &["rollout", "undo", "deployment/web"]);
        let path = ".spec.template.spec.containers[name=\"web\"].image";
        let line = format!("web ~ {path} \"nginx:1.26\" -> \"nginx:1.25\": rollback high kubectl");
        let report = report(plane, &repo);
        assert_eq!(lines(&report), BTreeSet::from([line]), "{how:?}");
        assert_eq!(disagreements(&report), BTreeSet::new(), "{how:?}");
    }
}

#[test]
fn check_reads_each_kind_once_never_writes() {
    let plane = ControlPlane::shared();
    serve_widgets(plane);
    let namespace = plane.fresh_namespace("verdicts-reader");
    let repo = declare(plane, &namespace, &[]);
    plane.apply("admin", "default", READER, &[]);
    // As a controller makes them: they name their Service, and nothing else says whose they are.
    let services = format!("/api/v1/namespaces/{namespace}/services");
    let (_, services) = plane.api("admin", "GET", &services, None);
    let services: Vec<&Value> = services["items"].as_array().expect("a list").iter().collect();
    assert!(!services.is_empty());
    for service in services {
        let name = &service["metadata"]["name"];
        let endpoints =
            serde_json::json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": name}});
        let path = format!("/api/v1/namespaces/{namespace}/endpoints?fieldManager=kube-controller-manager");
        let (status, answer) = plane.api("admin", "POST", &path, Some(&endpoints));
        assert_eq!(status, 201, "{answer}");
    }
    let bound = Drift::check(&repo).kubeconfig(plane.kubeconfig("reader")).format("json");
    let report = bound.run().expect_status(0).json();
    assert_eq!(report["incomplete"], Value::Array(vec![]));
    plane.audited("the last list of the reader", |entry| {
        entry["user"]["username"] == "reader" && entry["verb"] == "list"
    });
    let mut lists: BTreeMap<String, usize> = BTreeMap::new();
    for entry in plane.audit().iter().filter(|entry| entry["user"]["username"] == "reader") {
        let uri = entry["requestURI"].as_str().unwrap_or_default();
        let verb = entry["verb"].as_str().unwrap_or_default();
        assert!(matches!(verb, "get" | "list"), "{verb} {uri}");
        assert!(!(verb == "get" && uri.contains("/services/")), "what was listed is asked for again: {uri}");
        // A list of many pages goes on with a token.
        if verb == "list" && !uri.contains("continue=") {
            let path = uri.split('?').next().unwrap_or(uri);
            *lists.entry(path.to_owned()).or_default() += 1;
        }
    }
    let twice: Vec<_> = lists.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "listed more than once: {twice:?}");
    assert!(lists.len() > 15, "{lists:?}");
}

/// Applies every object, makes every change and holds the report against the table.
#[track_caller]
fn changes_are_told(way: &str, how: &[&str]) {
    let plane = ControlPlane::shared();
    serve_widgets(plane);
    let namespace = plane.fresh_namespace(&format!("verdicts-{way}"));
    let repo = declare(plane, &namespace, how);
    let clean = report(plane, &repo);
    assert_eq!(lines(&clean), BTreeSet::new(), "before any change");
    assert_eq!(disagreements(&clean), BTreeSet::new(), "before any change");
    let editor = tempfile::tempdir().expect("a temporary folder");
    in_parallel(CASES, |case| {
        for line in case.run {
            run(plane, &namespace, editor.path(), case.name, &fill(line, case.name, &namespace));
        }
    });
    let expected: BTreeSet<String> =
        CASES.iter().flat_map(|case| expected(case, &namespace, how.contains(&"--server-side"))).collect();
    let report = report(plane, &repo);
    assert_eq!(disagreements(&report), BTreeSet::new(), "{way}");
    let found = lines(&report);
    let mut wrong = String::new();
    for line in expected.difference(&found) {
        let _ = writeln!(wrong, "not found: {line}");
    }
    for line in found.difference(&expected) {
        let _ = writeln!(wrong, "not expected: {line}");
    }
    assert!(wrong.is_empty(), "{way}\n{wrong}");
}

/// Puts the custom kind of the cases onto the control plane, once.
fn serve_widgets(plane: &ControlPlane) {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        plane.apply("admin", "default", DEFINITION, &[]);
        eventually("the custom kind is served", Duration::from_secs(30), || {
            let (_, answer) = plane.api("admin", "GET", "/openapi/v3", None);
            answer.pointer("/paths/apis~1verdicts.example~1v1").map(|_| ())
        });
    });
}

/// A repository with the objects of every case and the untouched ones, applied in this way.
#[track_caller]
fn declare(plane: &ControlPlane, namespace: &str, how: &[&str]) -> Repo {
    let untouched = UNTOUCHED.iter().enumerate().map(|(number, text)| (format!("kept-{number}"), *text));
    let touched = CASES.iter().map(|case| (case.name.to_owned(), case.object));
    let mut all = String::new();
    let mut files = vec![];
    for (name, text) in touched.chain(untouched) {
        let text = fill(text, &name, namespace);
        let _ = writeln!(all, "---{text}");
        files.push((format!("app/{name}.yaml"), text));
    }
    plane.apply("gitops", namespace, &all, how);
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    Repo::for_namespace(namespace, &files)
}

fn fill(text: &str, name: &str, namespace: &str) -> String {
    text.replace('@', name).replace('%', namespace)
}

fn in_parallel<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(item);
                }
            });
        }
    });
}

/// One kubectl command line of a case; `edit` and `replace` take a sed script as their first argument.
#[track_caller]
fn run(plane: &ControlPlane, namespace: &str, folder: &Path, name: &str, line: &str) {
    let words: Vec<&str> = line.split(' ').collect();
    match words.as_slice() {
        ["edit", script, target] => edit(plane, namespace, &folder.join(name), script, target),
        ["replace", script, target] => replace(plane, namespace, script, target),
        words => drop(plane.by_hand(namespace, words)),
    }
}

#[track_caller]
fn edit(plane: &ControlPlane, namespace: &str, file: &Path, script: &str, target: &str) {
    std::fs::write(file, format!("#!/bin/sh\nexec sed -i '{script}' \"$1\"\n")).expect("a temporary file");
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).expect("our own file");
    let mut command = Command::new(program("kubectl", "kubectl"));
    command.env_clear();
    hermetic(&mut command, file.parent().expect("a file in a folder"));
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    // By sh: a file just written may still be held open by a child of another test.
    command.env("KUBE_EDITOR", format!("sh {}", file.display())).env("KUBECONFIG", plane.kubeconfig("alice"));
    let output = command.args(["edit", "--namespace", namespace, target]).output().expect("kubectl starts");
    assert_eq!(code(output.status), 0, "{}", String::from_utf8_lossy(&output.stderr));
}

#[track_caller]
fn replace(plane: &ControlPlane, namespace: &str, script: &str, target: &str) {
    let [_, from, to, _]: [&str; 4] =
        script.split('/').collect::<Vec<_>>().try_into().expect("a script `s/FROM/TO/`");
    let text = plane.by_hand(namespace, &["get", target, "--output=yaml"]).replace(from, to);
    let put = ["replace", "--namespace", namespace, "--filename", "-"];
    let _ = plane.kubectl_with("alice", &put, &text).expect_status(0);
}

/// What the case's lines of the table mean: `NAME LINE`, sorted.
fn expected(case: &Case, namespace: &str, server_side: bool) -> Vec<String> {
    let lines = if server_side { case.server_side.unwrap_or(case.found) } else { case.found };
    let pod = if case.object.contains("jobTemplate") {
        ".spec.jobTemplate.spec.template.spec"
    } else {
        ".spec.template.spec"
    };
    lines
        .iter()
        .map(|line| {
            let line = line.replace("{C}", "{P}.containers[name=\"web\"]").replace("{P}", pod);
            let line = fill(&line, case.name, namespace);
            line.strip_prefix('!').map_or_else(|| format!("{} {line}", case.name), str::to_owned)
        })
        .collect()
}

/// The report of `drift check`, with everything that it only counts otherwise.
#[track_caller]
fn report(plane: &ControlPlane, repo: &Repo) -> Value {
    let output = plane.check(repo);
    let report = output.json();
    let drift = report["summary"]["drift"] != 0;
    let disagrees = !disagreements(&report).is_empty();
    let incomplete = report["incomplete"].as_array().map_or(0, Vec::len);
    assert_eq!(incomplete, usize::from(disagrees), "{}", output.stderr);
    assert_eq!(output.status, if disagrees { 3 } else { i32::from(drift) }, "{}", output.stderr);
    report
}

/// The places in which drift and the server itself disagree: `NAME FAULT PATH`.
fn disagreements(report: &Value) -> BTreeSet<String> {
    let list = report["verification"]["disagreements"].as_array().expect("the server was asked");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let line = |found: &Value| {
        format!("{} {} {}", text(&found["resource"]["name"]), text(&found["kind"]), text(&found["path"]))
    };
    list.iter().map(line).collect()
}

/// The findings as the table writes them, without what the server put there.
fn lines(report: &Value) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for finding in findings(report) {
        let name = finding["resource"]["name"].as_str().expect("a resource has a name");
        let changes = changes(finding);
        if changes.is_empty() {
            let state = finding["state"].as_str().expect("a finding has a state");
            lines.insert(format!("{name} {state}: {}", verdict(finding)));
        }
        for change in changes.iter().filter(|change| change["cause"] != "server") {
            lines.insert(format!("{name} {}", line(change)));
        }
    }
    lines
}

fn line(change: &Value) -> String {
    let sign = match change["change"].as_str() {
        Some("added") => '+',
        Some("removed") => '-',
        _ => '~',
    };
    let path = change["path"].as_str().unwrap_or_default();
    let value = |side: &str| match (change["masked"] == true, change.get(side)) {
        (true, _) => "***".to_owned(),
        (false, None) => "-".to_owned(),
        (false, Some(Value::String(_))) if path.contains("restartedAt") => "TIME".to_owned(),
        (false, Some(value)) => value.to_string(),
    };
    format!("{sign} {path} {} -> {}: {}", value("desired"), value("live"), verdict(change))
}

fn verdict(of: &Value) -> String {
    let manager = &of["manager"];
    let name = manager["name"].as_str().unwrap_or("-");
    let subresource = manager["subresource"].as_str().filter(|text| !text.is_empty());
    let subresource = subresource.map(|text| format!("/{text}")).unwrap_or_default();
    let text = |key: &str| of[key].as_str().unwrap_or("none").to_owned();
    format!("{} {} {name}{subresource}", text("cause"), text("confidence"))
}
