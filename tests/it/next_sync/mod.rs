//! `drift check --next-sync` against what the next sync does: each case of `testdata/next-sync` is applied, changed by
//! hand, predicted, and then really applied again in the way of its applier.

mod appliers;
mod case;

use std::collections::BTreeMap;

use drift::model::FieldPath;
use serde_json::Value;

use crate::report_schema::must_fit;
use crate::support::cluster::ControlPlane;
use crate::support::command::Drift;
use crate::support::repo::Repo;
use crate::support::report::{changes, findings, object};
use crate::support::snapshot::{SnapshotFile, written_by};
use appliers::{Applier, read};
use case::{Case, cases};

/// What was predicted: `KIND/NAME PATH` of a change, `KIND/NAME` of a whole object.
type Predicted = BTreeMap<String, String>;

#[test]
fn predictions_come_true_on_a_real_api_server() {
    let plane = ControlPlane::shared();
    let definitions =
        std::fs::read_to_string(crate::support::tree::root().join("testdata/next-sync-definitions.yaml"))
            .expect("it is there");
    let _ = plane.kubectl_with("admin", &["apply", "--filename", "-"], &definitions).expect_status(0);
    let established =
        ["wait", "crd/things.next-sync.example", "--for=condition=Established", "--timeout=60s"];
    let _ = plane.kubectl("admin", &established).expect_status(0);
    let cases = cases();
    assert!(cases.len() >= 24, "{} cases", cases.len());
    let mut faults = Vec::new();
    let (mut fields, mut right) = (0, 0);
    for (name, case) in &cases {
        let played = match play(plane, name, case) {
            Ok(played) => played,
            Err(why) => {
                faults.push(format!("{name}: {why}"));
                continue;
            }
        };
        fields += played.predicted.len();
        right += played.predicted.len() - played.wrong.len();
        faults.extend(played.wrong);
        if played.predicted != case.becomes {
            faults.push(format!("{name}: predicted {:#?} instead of {:#?}", played.predicted, case.becomes));
        }
    }
    assert!(faults.is_empty(), "{right} of {fields} predictions are right\n{}", faults.join("\n"));
}

/// A case that was played.
struct Played {
    predicted: Predicted,
    /// Predictions that did not come true.
    wrong: Vec<String>,
}

fn play(plane: &ControlPlane, name: &str, case: &Case) -> Result<Played, String> {
    let namespace = plane.fresh_namespace("next-sync");
    let applier = Applier::of(&case.way, plane, &namespace);
    let repo = applier.repository(&case.git);
    let applied = applier.apply(&repo, &case.git);
    if applied.status != 0 {
        return Err(format!("Git is not applied: {}", applied.stderr));
    }
    let git = case.later.as_ref().unwrap_or(&case.git);
    let at_first = read_all(&applier, &[&case.git, git]);
    for step in &case.change {
        let arguments: Vec<&str> =
            ["--namespace", &namespace].into_iter().chain(step.run.iter().map(String::as_str)).collect();
        let output = plane.kubectl_with("alice", &arguments, &step.stdin);
        if output.status != 0 {
            return Err(format!("{:?}: {}", step.run, output.stderr));
        }
    }
    if case.later.is_some() {
        applier.write(&repo, git);
        repo.commit("Declare less");
    }
    let check = Drift::check(&repo).kubeconfig(plane.kubeconfig("admin")).format("json").arg("--next-sync");
    let checked = check.with_tools(applier.tools()).run();
    if checked.status != 1 {
        return Err(format!("exit code {}: {}\n{}", checked.status, checked.stderr, checked.stdout));
    }
    let report = checked.json();
    must_fit(name, &report);
    let before = live_objects(&applier, &report);
    let output = applier.apply(&repo, git);
    let after = live_objects(&applier, &report);
    let truth = Truth { at_first, before, after, refused: output.status != 0, said: output.stderr };
    let mut played = Played { predicted: Predicted::new(), wrong: Vec::new() };
    for finding in findings(&report) {
        for (place, outcome, happened) in truth.of(finding) {
            if !happened.contains(&outcome.as_str()) {
                let said = truth.said.chars().take(300).collect::<String>();
                played.wrong.push(format!("{name}: {place}: predicted {outcome}, but {happened:?} {said}"));
            }
            played.predicted.insert(place, outcome);
        }
    }
    Ok(played)
}

/// The live objects that these texts declare, by kind and name.
fn read_all(applier: &Applier<'_>, texts: &[&str]) -> BTreeMap<String, Value> {
    let documents = texts.iter().flat_map(|text| case::documents(text));
    let found = documents.filter_map(|document| {
        let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let name = format!("{}/{}", text("/kind"), text("/metadata/name"));
        Some((name, read(applier, &document.to_string())?))
    });
    found.collect()
}

/// The objects of a report as they are now.
fn live_objects(applier: &Applier<'_>, report: &Value) -> BTreeMap<String, Value> {
    let found = findings(report).iter().filter_map(|finding| {
        let id = &finding["resource"];
        let group = id["group"].as_str().filter(|group| !group.is_empty()).map(|group| format!("{group}/"));
        let version = id["version"].as_str().unwrap_or_default();
        let api = format!("{}{version}", group.unwrap_or_default());
        let named =
            serde_json::json!({"apiVersion": api, "kind": id["kind"], "metadata": {"name": id["name"]}});
        Some((object(finding), read(applier, &named.to_string())?))
    });
    found.collect()
}

/// What there was, and what there is after the sync.
struct Truth {
    /// Right after Git was applied.
    at_first: BTreeMap<String, Value>,
    before: BTreeMap<String, Value>,
    after: BTreeMap<String, Value>,
    refused: bool,
    said: String,
}

impl Truth {
    /// Place, predicted outcome and what may be said of what happened, for each prediction of a finding.
    fn of(&self, finding: &Value) -> Vec<(String, String, Vec<&'static str>)> {
        let id = object(finding);
        let outcome = |value: &Value| value["nextSync"]["outcome"].as_str().unwrap_or("none").to_owned();
        if finding["state"] != "modified" {
            let happened = match (self.before.contains_key(&id), self.after.contains_key(&id)) {
                (false, true) => "recreated",
                (true, false) => "pruned",
                _ => "kept",
            };
            return vec![(id, outcome(finding), vec![happened])];
        }
        let of_change = |change: &Value| {
            let path = change["path"].as_str().unwrap_or_default();
            (format!("{id} {path}"), outcome(change), self.happened(&id, change))
        };
        changes(finding).iter().map(of_change).collect()
    }

    fn happened(&self, id: &str, change: &Value) -> Vec<&'static str> {
        let path = FieldPath::parse(change["path"].as_str().unwrap_or_default()).expect("a path of a report");
        let at =
            |objects: &BTreeMap<String, Value>| objects.get(id).and_then(|object| path.find(object)).cloned();
        let uid = |objects: &BTreeMap<String, Value>| {
            objects.get(id).map(|object| object["metadata"]["uid"].clone())
        };
        let (before, after, at_first) = (at(&self.before), at(&self.after), at(&self.at_first));
        let added = change["change"] == "added";
        if uid(&self.before) != uid(&self.after) {
            return vec!["recreated"];
        }
        if before == after {
            // What Git does not declare stays whether the apply is refused or not.
            let kept = if added || !self.refused { vec!["kept"] } else { Vec::new() };
            let refusal = if self.said.contains("conflict") { "conflict" } else { "fails" };
            return if self.refused { [kept, vec![refusal]].concat() } else { kept };
        }
        let desired = change.get("desired");
        match (added, after) {
            (true, None) => vec!["overwritten"],
            (_, after) if after == at_first || after.as_ref() == desired => vec!["overwritten"],
            _ => vec!["partly"],
        }
    }
}

const WORKLOAD: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {app: web}}\n  \
    template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: 'web:1', envFrom: [{configMapRef: {name: settings}}]}]}\n";

/// Text and Markdown say it at each change; without the flag nothing is said of it.
#[test]
fn reports_say_what_the_next_sync_does() {
    let settings =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: shop}\ndata: {mode: fast}\n";
    let workload = WORKLOAD.replace("{name: web}\nspec", "{name: web, namespace: shop}\nspec");
    let repo = Repo::with(&[("apps/a.yaml", &format!("{settings}---\n{workload}"))]);
    let live = serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"mode": "slow", "more": "x"},
        "metadata": {"name": "settings", "namespace": "shop", "creationTimestamp": "2026-11-22T09:00:00Z"}});
    let live = written_by(
        "kubectl-edit",
        serde_json::json!({"f:data": {".": {}, "f:mode": {}, "f:more": {}}}),
        live,
    );
    let cluster = SnapshotFile::with(&[live]);
    let check = |format: &str| Drift::check(&repo).arg("apps").snapshot(&cluster).format(format);
    let text = check("text").arg("--next-sync").run().expect_status(1).stdout;
    for line in [
        "      next sync overwrites it; seen by Deployment/shop/web only when their Pods restart",
        "      next sync keeps it: Git never declared it; seen by Deployment/shop/web only when their Pods restart",
        "  applied by kubectl apply, by client-side apply (assumed)",
        "  next sync makes it again",
        "next sync, predicted: 1 overwritten, 1 kept, 1 recreated",
    ] {
        assert!(text.lines().any(|found| found == line), "no line {line:?}\n{text}");
    }
    let page = check("markdown").arg("--next-sync").run().expect_status(1).stdout;
    assert!(page.contains("| field | Git | live | why | next sync |"), "{page}");
    assert!(page.contains("| `keeps it: Git never declared it; seen by"), "{page}");
    for format in ["text", "markdown", "json"] {
        let without = check(format).run().expect_status(1).stdout;
        assert!(!without.contains("next sync") && !without.contains("nextSync"), "{without}");
    }
}
