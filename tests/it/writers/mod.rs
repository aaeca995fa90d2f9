//! The oracle of writers: live before against live after for every kind of writer, with what each wrote known.
//!
//! Four ways of applying, each with a namespace in which every writer makes every kind of change by its own means, each on
//! an object of its own. What changed is taken from the server's objects before and after, and who is on record for it from
//! managedFields; what may be said of it follows from the kind of writer (`judge.rs`), not from a table of expectations.
//! One run of `drift check` sees all of a way.
//!
//! `DRIFT_TEST_WRITERS=all` makes every change by every writer; otherwise they are spread over the ways.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "how much is tested is asked for, and told; some commits are of this very minute"
)]

mod changes;
mod hiding;
mod judge;
mod means;
mod others;
mod places;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::matrix::in_parallel;
use crate::support::cluster::ControlPlane;
use crate::support::command::Drift;
use crate::support::http::Client;
use crate::support::repo::{AUTHOR, Repo};
use crate::support::servers::eventually;
use changes::{CHANGES, Change, DEFINITION, OWNER};
use judge::Judged;
use means::{Task, Writer};
use others::Others;

/// A way of applying: its name and the arguments of `kubectl apply`.
type Way = (&'static str, &'static [&'static str]);

const WAYS: [Way; 4] = [
    ("client", &[]),
    ("server", &["--server-side"]),
    ("flux", &["--server-side", "--field-manager=kustomize-controller"]),
    ("argo", &["--field-manager=argocd-controller"]),
];

#[test]
fn writers_told_apart_after_client_apply() {
    writers_are_told(0);
}

#[test]
fn writers_told_apart_after_server_apply() {
    writers_are_told(1);
}

#[test]
fn writers_told_apart_after_flux_apply() {
    writers_are_told(2);
}

#[test]
fn writers_told_apart_after_argo_apply() {
    writers_are_told(3);
}

/// Whether everything is asked for, and not only what is spread over the ways.
fn is_whole() -> bool {
    std::env::var("DRIFT_TEST_WRITERS").is_ok_and(|value| value == "all")
}

/// The control plane with controllers, and a client of it.
struct World {
    plane: &'static ControlPlane,
    client: Client,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let plane = ControlPlane::with_controllers();
        let client = plane.client("admin");
        plane.apply("admin", "default", DEFINITION, &[]);
        plane.apply("admin", "default", include_str!("../../../testdata/kinds-definitions.yaml"), &[]);
        for (group, kind) in [("writers.example", "Panel"), ("matrix.example", "Loose")] {
            eventually("the custom kinds are served", Duration::from_secs(30), || {
                let (_, document) = client.json("GET", &format!("/openapi/v3/apis/{group}/v1"), None);
                document.to_string().contains(kind).then_some(())
            });
        }
        World { plane, client }
    })
}

/// A change by a writer, of an object of its own.
struct Case {
    writer: Writer,
    change: &'static Change,
    name: String,
    path: String,
    /// What Git declares at first.
    declared: Value,
    /// The same, changed.
    copy: Option<Value>,
    /// A port of nodes of its own.
    port: String,
}

/// Where the objects of a kind are.
fn collection(kind: &str) -> &'static str {
    match kind {
        "Deployment" => "/apis/apps/v1/namespaces/%/deployments",
        "Service" => "/api/v1/namespaces/%/services",
        "ConfigMap" => "/api/v1/namespaces/%/configmaps",
        "Secret" => "/api/v1/namespaces/%/secrets",
        "ServiceAccount" => "/api/v1/namespaces/%/serviceaccounts",
        "Role" => "/apis/rbac.authorization.k8s.io/v1/namespaces/%/roles",
        "RoleBinding" => "/apis/rbac.authorization.k8s.io/v1/namespaces/%/rolebindings",
        "NetworkPolicy" => "/apis/networking.k8s.io/v1/namespaces/%/networkpolicies",
        "Ingress" => "/apis/networking.k8s.io/v1/namespaces/%/ingresses",
        "PodDisruptionBudget" => "/apis/policy/v1/namespaces/%/poddisruptionbudgets",
        "ValidatingWebhookConfiguration" => {
            "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
        }
        "Panel" => "/apis/writers.example/v1/namespaces/%/panels",
        other => panic!("no collection of {other} is known"),
    }
}

fn parsed(text: &str) -> Value {
    serde_yaml::from_str(text).expect("an object of the table")
}

/// Every change by every writer that can make it.
fn cases(way: usize, namespace: &str, uid: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for writer in Writer::ALL {
        for (number, change) in CHANGES.iter().enumerate() {
            if writer == Writer::Command && change.command.is_none() {
                continue;
            }
            let every = if writer.is_slow() { 3 } else { 2 };
            if !is_whole() && writer != Writer::Command && number % every != way % every {
                continue;
            }
            let name = format!("{}-{}", writer.short(), change.name);
            let text = change.object.replace('@', &name).replace('%', namespace);
            let declared = parsed(&text);
            let kind = declared["kind"].as_str().expect("a kind");
            let live_name = declared["metadata"]["name"].as_str().expect("a name");
            let path = format!("{}/{live_name}", collection(kind).replace('%', namespace));
            if writer == Writer::Operator && !matches!(kind, "Deployment" | "Service" | "Panel") {
                continue;
            }
            let port =
                if change.edits.iter().any(|(_, value)| value.is_some_and(|text| text.contains("PORT"))) {
                    ControlPlane::fresh_node_port()
                } else {
                    String::new()
                };
            let mut case = Case { writer, change, name, path, declared, copy: None, port };
            case.copy = case.changed(&case.declared, uid);
            if case.copy.is_some() || !writer.needs_a_copy() {
                cases.push(case);
            }
        }
    }
    cases
}

impl Case {
    fn changed(&self, object: &Value, uid: &str) -> Option<Value> {
        self.change.of(object, &|text| text.replace("UID", uid).replace("PORT", &self.port))
    }

    fn judged<'a>(&'a self, before: &'a Value, after: &'a Value) -> Judged<'a> {
        let after = match self.writer {
            // Nobody wrote: what Git has now is the change.
            Writer::Pending => self.changed(before, "").map_or(Cow::Borrowed(before), Cow::Owned),
            _ => Cow::Borrowed(after),
        };
        Judged {
            row: self.writer.short(),
            kind: self.declared["kind"].as_str().expect("a kind"),
            name: self.declared["metadata"]["name"].as_str().expect("a name"),
            truth: self.writer.truth(),
            manager: self.writer.manager(self.change),
            harmful: self.change.harmful,
            before: Cow::Borrowed(before),
            after,
        }
    }

    /// What Git declares in the end.
    fn in_git(&self) -> &Value {
        match self.writer {
            Writer::Newer | Writer::Older | Writer::Pending => {
                self.copy.as_ref().expect("deployers have one")
            }
            _ => &self.declared,
        }
    }
}

/// Live objects by their path.
type Live = BTreeMap<String, Value>;

/// The live objects of all kinds of the cases.
fn live(client: &Client, cases: &[Case], namespace: &str) -> Live {
    let mut kinds: BTreeMap<&str, &Value> = BTreeMap::new();
    for case in cases {
        kinds.insert(case.declared["kind"].as_str().expect("a kind"), &case.declared["apiVersion"]);
    }
    let mut live = Live::new();
    for (kind, version) in kinds {
        let path = collection(kind).replace('%', namespace);
        let (status, list) = client.json("GET", &path, None);
        assert_eq!(status, 200, "{list}");
        for item in list["items"].as_array().expect("a list") {
            let mut item = item.clone();
            // Items of a list leave these out.
            item["apiVersion"] = version.clone();
            item["kind"] = json!(kind);
            let name = item["metadata"]["name"].as_str().expect("a name").to_owned();
            live.insert(format!("{path}/{name}"), item);
        }
    }
    live
}

/// Applies objects, many by several kubectl at the same time.
fn apply<'a>(plane: &ControlPlane, user: &str, objects: impl Iterator<Item = &'a Value>, how: &[&str]) {
    let texts: Vec<String> = objects.map(Value::to_string).collect();
    let chunks: Vec<&[String]> = texts.chunks((texts.len() / 3).max(100)).collect();
    in_parallel(chunks.len(), |at| {
        let text = chunks[at].join("\n---\n");
        let arguments = [&["apply", "--validate=false", "--filename", "-"][..], how].concat();
        let _ = plane.kubectl_with(user, &arguments, &text).expect_status(0);
    });
}

/// Applies, lets everybody write, and holds the report against what the server says has changed.
#[track_caller]
fn writers_are_told(way: usize) {
    let world = world();
    let World { plane, client } = world;
    let (name, how) = WAYS[way];
    let namespace = plane.fresh_namespace(&format!("writers-{name}"));
    plane.apply("gitops", &namespace, &OWNER.replace('%', &namespace), how);
    let owner = plane.live(&namespace, "configmap/owner");
    let uid = owner["metadata"]["uid"].as_str().expect("a uid");
    let cases = cases(way, &namespace, uid);
    let mut others = Others::new(world, way, &namespace);
    let repo = declare(&cases, &others, &namespace);
    others.begin(world, how);
    apply(plane, "gitops", cases.iter().map(|case| &case.declared), how);
    let mut before = live(client, &cases, &namespace);
    // Git has the pending commit from here on.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    commit(&repo, &cases, now + 2);
    let of = |wanted: &[Writer]| {
        let wanted = wanted.to_vec();
        cases.iter().filter(move |case| wanted.contains(&case.writer))
    };
    let copies = |wanted: &[Writer]| of(wanted).filter_map(|case| case.copy.as_ref()).collect::<Vec<_>>();
    apply(plane, "gitops", copies(&[Writer::Newer, Writer::Older]).into_iter(), how);
    let newer = live(client, &cases, &namespace);
    for case in of(&[Writer::Older]) {
        before.insert(case.path.clone(), newer[&case.path].clone());
    }
    others.write(world);
    write(plane, client, (&cases, &before), &namespace, uid);
    apply(plane, "gitops", of(&[Writer::Older]).map(|case| &case.declared), how);
    let after = live(client, &cases, &namespace);
    others.end(world);
    let report = check(plane, &repo);
    let mut judged: Vec<Judged<'_>> =
        cases.iter().map(|case| case.judged(&before[&case.path], &after[&case.path])).collect();
    judged.extend(others.judged());
    judge::hold(name, &judged, &report);
}

/// Everybody but the deployer writes.
fn write(
    plane: &ControlPlane,
    client: &Client,
    (cases, before): (&[Case], &Live),
    namespace: &str,
    uid: &str,
) {
    let by = |writer: Writer| cases.iter().filter(move |case| case.writer == writer);
    let copies = |writer: Writer| by(writer).filter_map(|case| case.copy.as_ref());
    apply(plane, "alice", copies(Writer::Apply), &[]);
    apply(plane, "alice", copies(Writer::ApplyServerSide), &["--server-side", "--force-conflicts"]);
    let replaced: Vec<String> = by(Writer::Replace)
        .filter_map(|case| case.changed(&before[&case.path], uid))
        .map(|object| means::settled(&object).to_string())
        .collect();
    let _ = plane
        .kubectl_with("alice", &["replace", "--filename", "-"], &replaced.join("\n---\n"))
        .expect_status(0);
    let alone: Vec<&Case> = cases.iter().filter(|case| case.writer.is_alone()).collect();
    in_parallel(alone.len(), |at| {
        let case = alone[at];
        let before = &before[&case.path];
        let changed =
            |live: &Value| case.changed(live, uid).unwrap_or_else(|| panic!("{} cannot be made", case.name));
        let copy = case.copy.as_ref().unwrap_or(&Value::Null);
        let task = Task {
            change: case.change,
            name: &case.name,
            namespace,
            path: &case.path,
            copy,
            before,
            changed: &changed,
        };
        means::write(case.writer, &task, plane, client);
    });
}

/// A repository with a file for each writer, and the commits of the deployer that are applied.
fn declare(cases: &[Case], others: &Others, namespace: &str) -> Repo {
    let repo = Repo::with(&[
        ("drift.yaml", "version: 1\ncluster: test\nsources: [{path: app}]\n"),
        ("app/owner.yaml", &OWNER.replace('%', namespace)),
    ]);
    for writer in Writer::ALL {
        file(&repo, cases, writer, |case| &case.declared);
    }
    repo.write("app/others.yaml", others.text());
    repo.commit("What is applied at first");
    for writer in [Writer::Newer, Writer::Older] {
        file(&repo, cases, writer, Case::in_git);
    }
    repo.commit("What the deployer applies next");
    repo
}

/// The commit that nobody has applied yet.
fn commit(repo: &Repo, cases: &[Case], seconds: u64) {
    file(repo, cases, Writer::Pending, Case::in_git);
    repo.commit_at(AUTHOR, seconds, "What nobody has applied yet");
}

fn file(repo: &Repo, cases: &[Case], writer: Writer, which: impl Fn(&Case) -> &Value) {
    let mut text = String::new();
    for case in cases.iter().filter(|case| case.writer == writer) {
        let _ = writeln!(text, "---\n{}", which(case));
    }
    repo.write(&format!("app/{}.yaml", writer.short()), text);
}

/// The report of `drift check`, with everything that it only counts otherwise; it must be complete.
#[track_caller]
pub(super) fn check(plane: &ControlPlane, repo: &Repo) -> Value {
    let check = Drift::check(repo).kubeconfig(plane.kubeconfig("admin")).format("json").arg("--all");
    let output = check.run().expect_status(1);
    let report = output.json();
    assert_eq!(report["incomplete"], json!([]), "{}", output.stderr);
    report
}
