//! The matrix of manual changes: every kind, every field, four ways of applying, on a real API server.
//!
//! `testdata/kinds` has rich objects of every built-in kind and of custom ones. From each live object every edit is made
//! that a person might make (`edits.rs`) and that the server accepts; each edit gets a copy of the object of its own. What
//! changed, and who is on record for it, is taken from the server's objects before and after (`truth.rs`), not from a table
//! of expectations. One run of `drift check` sees all copies.
//!
//! `DRIFT_TEST_MATRIX=all` makes every edit; otherwise at most [`MOST`] of each object are made, spread evenly.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "how much is tested is asked for, and told"
)]

mod edits;
mod judge;
pub(crate) mod truth;
mod whole;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use serde_json::Value;

use crate::support::cluster::ControlPlane;
use crate::support::http::Client;
use crate::support::repo::Repo;
use crate::support::servers::eventually;
use edits::{Edit, Types, candidates};
use truth::stripped;

/// The most edits of one object that are made where not all are asked for.
const MOST: usize = 40;
/// Calls of the API under way at the same time.
const THREADS: usize = 4;
/// Who edits.
const PERSON: &str = "kubectl-edit";

#[test]
fn edits_found_after_client_apply() {
    edits_are_found("client", &[]);
}

#[test]
fn edits_found_after_server_apply() {
    edits_are_found("server", &["--server-side"]);
}

#[test]
fn edits_found_after_flux_apply() {
    edits_are_found("flux", &["--server-side", "--field-manager=kustomize-controller"]);
}

/// Argo CD's default: a three-way merge by its own client.
#[test]
fn edits_found_after_argo_apply() {
    edits_are_found("argo", &["--field-manager=argocd-controller"]);
}

/// An object of `testdata/kinds`, with `@` for its name and `{NS}` for the namespace.
pub(crate) struct Base {
    pub(crate) text: String,
    /// `deployment-0`
    pub(crate) name: String,
    /// `/apis/apps/v1/namespaces/{NS}/deployments`
    pub(crate) collection: String,
}

/// One edit of one object; `edit` is `None` for a copy that nobody touches.
struct Case {
    base: usize,
    edit: Option<Edit>,
}

/// A copy of an object, and what became of it.
struct Copy {
    name: String,
    path: String,
    /// As Git declares it.
    declared: Value,
    before: Value,
    after: Value,
}

/// The control plane of the matrix, with its custom kinds, and every case.
struct Matrix {
    plane: ControlPlane,
    client: Client,
    bases: Vec<Base>,
    cases: Vec<Case>,
}

fn matrix() -> &'static Matrix {
    static MATRIX: OnceLock<Matrix> = OnceLock::new();
    MATRIX.get_or_init(|| {
        let plane = ControlPlane::start(false).unwrap_or_else(|why| panic!("{why}"));
        let client = plane.client("admin");
        plane.apply("admin", "default", include_str!("../../../testdata/kinds-definitions.yaml"), &[]);
        let served = || {
            let (_, document) = client.json("GET", "/openapi/v3/apis/matrix.example/v1", None);
            let text = document.to_string();
            (text.contains("Gadget") && text.contains("Loose")).then_some(())
        };
        eventually("the custom kinds are served", Duration::from_secs(30), served);
        let bases = bases(&client);
        let namespace = plane.fresh_namespace("prototypes");
        let cases = cases(&plane, &client, &bases, &namespace);
        Matrix { plane, client, bases, cases }
    })
}

/// Reads the objects, and asks the server where their kinds are.
pub(crate) fn bases(client: &Client) -> Vec<Base> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/kinds");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder of the kinds")
        .map(|entry| entry.expect("an entry of the folder").path())
        .collect();
    files.sort();
    let mut bases = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).expect("a file of the kinds");
        for document in text.split("\n---\n") {
            let object: Value = serde_yaml::from_str(document).expect("an object of the kinds");
            let (version, kind) = (object["apiVersion"].as_str(), object["kind"].as_str());
            let (version, kind) = (version.expect("an apiVersion"), kind.expect("a kind"));
            let root = if version.contains('/') { "/apis/" } else { "/api/" };
            let (_, list) = client.json("GET", &format!("{root}{version}"), None);
            let resources = list["resources"].as_array().map_or(&[][..], Vec::as_slice);
            let whole = |resource: &&Value| {
                resource["kind"] == kind && !resource["name"].as_str().unwrap_or("/").contains('/')
            };
            // A version of Kubernetes may lack it; what the gate runs on has all (see `every_kind_is_there`).
            let Some(resource) = resources.iter().find(whole) else { continue };
            let namespace = if resource["namespaced"] == true { "namespaces/{NS}/" } else { "" };
            let plural = resource["name"].as_str().expect("a resource has a name");
            bases.push(Base {
                text: document.to_owned(),
                name: format!("{}-{}", kind.to_lowercase(), bases.len()),
                collection: format!("{root}{version}/{namespace}{plural}"),
            });
        }
    }
    bases
}

impl Base {
    pub(crate) fn named(&self, name: &str, namespace: &str) -> String {
        self.text.replace('@', name).replace("{NS}", namespace)
    }

    pub(crate) fn path(&self, object: &Value, namespace: &str) -> String {
        let name = object["metadata"]["name"].as_str().expect("an object has a name");
        format!("{}/{name}", self.collection.replace("{NS}", namespace))
    }
}

fn parsed(text: &str) -> Value {
    serde_yaml::from_str(text).expect("an object of the kinds")
}

/// What the server says of a version's types (`apps/v1`).
fn document(client: &Client, version: &str) -> &'static Value {
    static KNOWN: Mutex<BTreeMap<String, &'static Value>> = Mutex::new(BTreeMap::new());
    KNOWN.lock().expect("no test panicked here").entry(version.to_owned()).or_insert_with(|| {
        let root = if version.contains('/') { "apis/" } else { "api/" };
        let (status, document) = client.json("GET", &format!("/openapi/v3/{root}{version}"), None);
        assert_eq!(status, 200, "{document}");
        Box::leak(Box::new(document))
    })
}

/// Every edit that the server accepts and that changes something, and for each object one copy that nobody touches.
fn cases(plane: &ControlPlane, client: &Client, bases: &[Base], namespace: &str) -> Vec<Case> {
    let texts: Vec<String> = bases.iter().map(|base| base.named(&base.name, namespace)).collect();
    plane.apply("gitops", namespace, &texts.join("\n---\n"), &["--validate=false"]);
    let all = std::env::var("DRIFT_TEST_MATRIX").is_ok_and(|value| value == "all");
    let of_base = |index: usize| -> Vec<Case> {
        let base = &bases[index];
        let path = base.path(&parsed(&texts[index]), namespace);
        let (status, live) = client.json("GET", &path, None);
        assert_eq!(status, 200, "{path}: {live}");
        let version = live["apiVersion"].as_str().expect("an apiVersion").to_owned();
        let document = document(client, &version);
        let (group, number) = version.split_once('/').unwrap_or(("", &version));
        let types = Types::new(document);
        let kind = types.kind(group, number, live["kind"].as_str().expect("a kind"));
        let mut accepted = Vec::new();
        for alternatives in candidates(&live, &types, kind) {
            let works = |edit: &Edit| {
                let Some(edited) = edit.of(&live) else { return false };
                let dry = format!("{path}?dryRun=All&fieldManager={PERSON}");
                let (status, answer) = client.json("PUT", &dry, Some(&edited));
                status == 200 && stripped(&answer) != stripped(&live)
            };
            if let Some(edit) = alternatives.into_iter().find(works)
                && !accepted.contains(&edit)
            {
                accepted.push(edit);
            }
        }
        let step = if all { 1 } else { accepted.len().div_ceil(MOST).max(1) };
        let edited = accepted.into_iter().step_by(step).map(|edit| Case { base: index, edit: Some(edit) });
        std::iter::once(Case { base: index, edit: None }).chain(edited).collect()
    };
    in_parallel(bases.len(), of_base).into_iter().flatten().collect()
}

/// Runs `work` for each number below `count`; the results in order.
pub(crate) fn in_parallel<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let run = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return done;
            }
            done.push((index, work(index)));
        }
    };
    let mut results: Vec<(usize, T)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(run)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Applies a copy for every case, makes the edits, and holds the report against what the server says has changed.
#[track_caller]
fn edits_are_found(way: &str, how: &[&str]) {
    let matrix = matrix();
    let (plane, client) = (&matrix.plane, &matrix.client);
    let namespace = plane.fresh_namespace(&format!("matrix-{way}"));
    let (repo, texts) = declare(matrix, &namespace);
    plane.apply("gitops", &namespace, &texts.join("\n---\n"), &[&["--validate=false"], how].concat());
    let clean = judge::report(plane, &repo);
    assert_eq!(clean["findings"], Value::Array(vec![]), "before any edit, {way}");
    let copies = in_parallel(matrix.cases.len(), |index| {
        let case = &matrix.cases[index];
        let object = parsed(&texts[index]);
        let path = matrix.bases[case.base].path(&object, &namespace);
        let (status, before) = client.json("GET", &path, None);
        assert_eq!(status, 200, "{path}: {before}");
        let edited = case.edit.as_ref().and_then(|edit| edit.of(&before));
        let after = edited.and_then(|edited| {
            let (status, answer) =
                client.json("PUT", &format!("{path}?fieldManager={PERSON}"), Some(&edited));
            (status == 200).then_some(answer)
        });
        let name = object["metadata"]["name"].as_str().expect("a name").to_owned();
        let after = after.unwrap_or_else(|| before.clone());
        Copy { name, path, declared: object, before, after }
    });
    let report = judge::report(plane, &repo);
    let findings = judge::by_object(&report);
    let mut wrong = String::new();
    let mut changed = 0;
    for (case, copy) in matrix.cases.iter().zip(&copies) {
        let kind = copy.before["kind"].as_str().unwrap_or_default();
        let finding = findings.get(&(kind.to_owned(), copy.name.clone())).copied();
        changed += usize::from(stripped(&copy.before) != stripped(&copy.after));
        for fault in judge::faults(client, copy, finding) {
            let _ = writeln!(wrong, "{kind} {} {:?}\n    {fault}", copy.name, case.edit);
        }
    }
    let known: std::collections::BTreeSet<(String, String)> = copies
        .iter()
        .map(|copy| (copy.before["kind"].as_str().unwrap_or_default().to_owned(), copy.name.clone()))
        .collect();
    for stranger in findings.keys().filter(|key| !known.contains(*key)) {
        let _ = writeln!(wrong, "found and not ours: {stranger:?}");
    }
    let planned = matrix.cases.iter().filter(|case| case.edit.is_some()).count();
    // What a way of applying leaves out of the live object (the empty annotations of `kubectl apply`) cannot be edited.
    println!(
        "matrix {way}: {} objects, copied for {planned} edits, of which {changed} are possible here",
        matrix.bases.len()
    );
    assert!(changed * 10 > planned * 9, "only {changed} of {planned} edits were made");
    assert!(wrong.is_empty(), "{way}\n{wrong}");
}

/// A repository with a copy of its object for every case, and the texts of the copies.
fn declare(matrix: &Matrix, namespace: &str) -> (Repo, Vec<String>) {
    let mut texts = Vec::new();
    let mut files: BTreeMap<usize, String> = BTreeMap::new();
    for (number, case) in matrix.cases.iter().enumerate() {
        let base = &matrix.bases[case.base];
        let text = base.named(&format!("{}-{number}", base.name), namespace);
        let _ = writeln!(files.entry(case.base).or_default(), "---\n{text}");
        texts.push(text);
    }
    let config = "version: 1\ncluster: test\nsources: [{path: app}]\n".to_owned();
    let mut all = vec![("drift.yaml".to_owned(), config)];
    all.extend(files.into_iter().map(|(base, text)| (format!("app/{}.yaml", matrix.bases[base].name), text)));
    let all: Vec<(&str, &str)> = all.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    (Repo::with(&all), texts)
}
