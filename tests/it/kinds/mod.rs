//! Every kind that an API server holds: an object that nobody touched since it was applied is no finding.
//!
//! The server is the judge of what it puts into an object by itself: defaults, strategies, admission. A kind that it
//! serves and that no manifest here is of fails the test.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::cluster::ControlPlane;
use crate::support::repo::Repo;
use crate::support::report;

/// What Git declares. `{NS}` is the namespace, `{N}` the number of the way of applying. A line that ends with
/// `# since 1.N` is left out for an older server, which does not know its field or drops it.
const OBJECTS: [&str; 4] = [
    include_str!("platform.yaml"),
    include_str!("core.yaml"),
    include_str!("workloads.yaml"),
    include_str!("flagged.yaml"),
];

/// Kinds without a manifest: the cluster tells about itself in them, nobody declares one.
const NEVER_DECLARED: [&str; 2] = ["v1 Event", "events.k8s.io/v1 Event"];

/// By kubectl and Argo CD, which merge in the client, and by kubectl and Flux, which let the server merge.
const WAYS: [&[&str]; 4] = [
    &[],
    &["--field-manager=argocd-controller"],
    &["--server-side"],
    &["--server-side", "--field-manager=kustomize-controller"],
];

#[test]
fn untouched_object_of_any_kind_not_reported() {
    nothing_is_found(&[]);
}

/// Alpha and beta versions, and what beta features put into the others.
#[test]
fn untouched_object_with_feature_gates_not_reported() {
    nothing_is_found(&["--runtime-config=api/all=true", "--feature-gates=AllAlpha=true,AllBeta=true"]);
}

#[track_caller]
fn nothing_is_found(flags: &[&str]) {
    // A control plane of its own: kinds, webhooks and priorities are the whole cluster's.
    let plane = ControlPlane::start_with(false, flags).unwrap_or_else(|why| panic!("{why}"));
    let served = served(&plane);
    let objects = objects(&plane, &served);
    let declared: BTreeSet<&str> = objects.iter().map(|(kind, _)| kind.as_str()).collect();
    let lacking: Vec<&String> = served.iter().filter(|kind| !declared.contains(kind.as_str())).collect();
    assert!(lacking.is_empty(), "served, and no manifest is of it: {lacking:?}");
    let mut found = BTreeMap::new();
    for (number, how) in WAYS.iter().enumerate() {
        let namespace = plane.fresh_namespace("kinds");
        let texts = objects.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n---\n");
        let texts = filled(&texts, &namespace, number + 1);
        plane.apply("gitops", &namespace, &texts, how);
        let repo = Repo::for_namespace(&namespace, &[("app/all.yaml", &texts)]);
        found.insert(how.join(" "), findings(&plane, &repo));
    }
    let clean: BTreeMap<_, _> = found.keys().map(|how| (how.clone(), Vec::new())).collect();
    assert_eq!(found, clean);
}

/// `APIVERSION KIND` of every kind whose objects the server keeps.
fn served(plane: &ControlPlane) -> BTreeSet<String> {
    let get = |path: &str| plane.api("admin", "GET", path, None).1;
    let groups = get("/apis");
    let versions = groups["groups"].as_array().expect("a list of groups").iter().flat_map(|group| {
        let versions = group["versions"].as_array().expect("a group has versions").iter();
        versions.map(|version| format!("/apis/{}", version["groupVersion"].as_str().expect("a version")))
    });
    let mut kinds = BTreeSet::new();
    for path in versions.chain(["/api/v1".to_owned()]) {
        let list = get(&path);
        for resource in list["resources"].as_array().into_iter().flatten() {
            let may = |verb: &str| resource["verbs"].as_array().is_some_and(|all| all.contains(&verb.into()));
            let part = resource["name"].as_str().is_some_and(|name| name.contains('/'));
            if may("create") && may("list") && may("get") && !part {
                let (version, kind) = (list["groupVersion"].as_str(), resource["kind"].as_str());
                kinds.insert(format!("{} {}", version.expect("a version"), kind.expect("a kind")));
            }
        }
    }
    kinds.retain(|kind| !NEVER_DECLARED.contains(&kind.as_str()));
    assert!(kinds.len() > 45, "{kinds:?}");
    kinds
}

/// The manifests that are of a served kind, each with its `APIVERSION KIND`, as this server knows their fields.
fn objects(plane: &ControlPlane, served: &BTreeSet<String>) -> Vec<(String, String)> {
    let version = plane.api("admin", "GET", "/version", None).1;
    let minor: u32 = version["minor"].as_str().and_then(|minor| minor.parse().ok()).expect("a minor version");
    let known = |line: &&str| match line.rsplit_once("# since 1.") {
        Some((_, since)) => minor >= since.parse::<u32>().expect("a minor version"),
        None => true,
    };
    let documents = OBJECTS.iter().flat_map(|text| text.split("\n---\n"));
    let objects = documents.map(|text| {
        let text = text.lines().filter(known).collect::<Vec<_>>().join("\n");
        let object: Value = serde_yaml::from_str(&filled(&text, "x", 0)).expect("a manifest is YAML");
        let (version, kind) = (object["apiVersion"].as_str(), object["kind"].as_str());
        (format!("{} {}", version.expect("apiVersion"), kind.expect("kind")), text)
    });
    objects.filter(|(kind, _)| served.contains(kind)).collect()
}

fn filled(text: &str, namespace: &str, number: usize) -> String {
    text.replace("{NS}", namespace).replace("{N}", &number.to_string())
}

/// What `drift check` finds, in lines.
#[track_caller]
fn findings(plane: &ControlPlane, repo: &Repo) -> Vec<String> {
    let output = plane.check(repo);
    let report = output.json();
    let disagreements = &report["verification"]["disagreements"];
    assert_eq!(disagreements, &Value::Array(vec![]), "{disagreements:#}");
    assert_eq!(report["incomplete"], Value::Array(vec![]), "{}", output.stderr);
    assert!(report["summary"]["desired"].as_u64() > Some(100), "{}", report["summary"]);
    let mut lines = Vec::new();
    for finding in report::findings(&report) {
        let (name, changes) = (report::object(finding), report::changes(finding));
        if changes.is_empty() {
            lines.push(format!("{name} {}", finding["state"]));
        }
        for change in changes {
            let [what, path] = ["change", "path"].map(|key| change[key].as_str().unwrap_or_default());
            let [desired, live, cause] = ["desired", "live", "cause"].map(|key| &change[key]);
            lines.push(format!("{name} {what} {path} {desired} -> {live}: {cause}"));
        }
    }
    lines
}
