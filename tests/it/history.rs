//! What older commits declared: found after any number of commits elsewhere, rendered once, kept between runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::command::{Drift, Output};
use crate::support::repo::Repo;
use crate::support::report::findings;
use crate::support::snapshot::SnapshotFile;

/// When the first commit was made; the others follow, a minute after one another.
const FIRST: u64 = 1_704_067_200;
const APPLIED: &str = "2026-01-01T00:00:00Z";
const EDITED: &str = "2026-01-02T00:00:00Z";

/// Commits in a row, as `git fast-import` reads them.
#[derive(Default)]
struct Commits {
    stream: String,
    number: u64,
}

impl Commits {
    /// One commit that writes files; without content it removes one.
    fn commit(&mut self, files: &[(&str, &str)]) -> &mut Self {
        let time = FIRST + 60 * self.number;
        self.number += 1;
        let head = "commit refs/heads/main\ncommitter Ada <ada@example.com>";
        writeln!(self.stream, "{head} {time} +0000\ndata 2\nx\n").expect("a text takes all");
        for (path, content) in files {
            let written = match *content {
                "" => writeln!(self.stream, "D {path}"),
                content => writeln!(self.stream, "M 100644 inline {path}\ndata {}\n{content}", content.len()),
            };
            written.expect("a text takes all");
        }
        self
    }

    /// Commits that touch nothing of a source.
    fn elsewhere(&mut self, commits: usize) -> &mut Self {
        for number in 0..commits {
            self.commit(&[("docs/page.md", &format!("{number}\n")), ("README.md", &format!("{number}\n"))]);
        }
        self
    }

    fn repo(&self) -> Repo {
        let repo = Repo::new();
        repo.import(&self.stream);
        repo.git(&["reset", "--quiet", "--hard", "main"]);
        repo
    }
}

fn config(sources: &[&str]) -> String {
    let sources: Vec<String> =
        sources.iter().map(|path| format!("- {{path: {path}, namespace: {path}}}\n")).collect();
    format!("version: 1\ncluster: test\nsources:\n{}", sources.concat())
}

/// A ConfigMap with one value.
fn settings(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{level: {value}}}\n")
}

/// The same as live: a deployer applied it, and somebody has edited the value since.
fn edited(namespace: &str, name: &str, value: &str) -> Value {
    let entry = |manager: &str, operation: &str, time: &str, fields: Value| {
        json!({"manager": manager, "operation": operation, "apiVersion": "v1", "time": time,
               "fieldsType": "FieldsV1", "fieldsV1": fields})
    };
    json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "uid": format!("{namespace}-{name}"), "resourceVersion": "1",
            "managedFields": [
                entry("kustomize-controller", "Apply", APPLIED, json!({"f:data": {}})),
                entry("kubectl-edit", "Update", EDITED, json!({"f:data": {"f:level": {}}})),
            ]},
        "data": {"level": value}})
}

/// One that the deployer applied and nothing declares any more.
fn left(namespace: &str, name: &str) -> Value {
    let mut object = edited(namespace, name, "1");
    let labels = json!({"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"});
    object["metadata"]["labels"] = labels;
    object["metadata"]["managedFields"].as_array_mut().expect("a list").truncate(1);
    object
}

fn check(repo: &Repo, live: &[Value], cache: &Path) -> Output {
    let snapshot = SnapshotFile::with(live);
    let check = Drift::check(repo).with_tools(&["kustomize", "helm"]).snapshot(&snapshot).format("json");
    check.arg("--cache-dir").arg(cache).run()
}

/// The causes of every finding, by namespace and name.
fn causes(report: &Value) -> BTreeMap<String, String> {
    let cause = |finding: &Value| {
        finding["cause"].as_str().or(finding["changes"][0]["cause"].as_str()).map(str::to_owned)
    };
    let named = |finding: &Value| {
        let text = |key: &str| finding["resource"][key].as_str().unwrap_or_default().to_owned();
        format!("{}/{}", text("namespace"), text("name"))
    };
    findings(report).iter().map(|finding| (named(finding), cause(finding).unwrap_or_default())).collect()
}

/// The versions that are kept.
fn kept(cache: &Path) -> BTreeSet<PathBuf> {
    let Ok(entries) = fs::read_dir(cache.join("versions")) else { return BTreeSet::new() };
    entries.map(|entry| entry.expect("it can be read").path()).collect()
}

fn cache() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cache = folder.path().join("cache");
    (folder, cache)
}

#[test]
fn commits_elsewhere_do_not_count_however_many() {
    let overlay = "resources: [../base]\npatches: [{path: patch.yaml}]\n";
    let chart = "apiVersion: v2\nname: chart\nversion: 0.1.0\n";
    let template = settings("web", "'{{ .Values.level }}'");
    let mut commits = Commits::default();
    commits
        .commit(&[
            ("drift.yaml", &config(&["plain", "overlay", "chart"])),
            ("plain/web.yaml", &settings("web", "first")),
            ("plain/gone.yaml", &settings("gone", "x")),
            ("base/kustomization.yaml", "resources: [web.yaml]\n"),
            ("base/web.yaml", &settings("web", "base")),
            ("overlay/kustomization.yaml", overlay),
            ("overlay/patch.yaml", &settings("web", "first")),
            ("overlay/notes.md", "nobody reads it\n"),
            ("chart/Chart.yaml", chart),
            ("chart/values.yaml", "level: first\n"),
            ("chart/templates/web.yaml", &template),
        ])
        .commit(&[("plain/gone.yaml", "")]);
    for value in ["second", "third"] {
        commits.commit(&[
            ("plain/web.yaml", &settings("web", value)),
            ("overlay/patch.yaml", &settings("web", value)),
            ("chart/values.yaml", &format!("level: {value}\n")),
        ]);
    }
    let repo = commits.elsewhere(2_100).commit(&[("overlay/notes.md", "nor this\n")]).repo();
    let (_folder, cache) = cache();
    let live = [
        edited("plain", "web", "first"),
        edited("overlay", "web", "first"),
        edited("chart", "web", "first"),
        left("plain", "gone"),
    ];
    let report = check(&repo, &live, &cache).expect_status(1).json();
    let expected = [
        ("chart/web", "rollback"),
        ("overlay/web", "rollback"),
        ("plain/gone", "unsynced"),
        ("plain/web", "rollback"),
    ];
    assert_eq!(
        causes(&report),
        expected.map(|(name, cause)| (name.to_owned(), cause.to_owned())).into(),
        "{report}"
    );
    assert_eq!(report["warnings"].as_array().map_or(0, Vec::len), 0, "{}", report["warnings"]);
    assert_eq!(kept(&cache).len(), 4, "two older versions of each, whatever else was committed");

    // Never declared by anybody: everything is looked at, and it is what it was.
    let live = [
        edited("plain", "web", "fourth"),
        edited("overlay", "web", "fourth"),
        edited("chart", "web", "fourth"),
    ];
    let report = check(&repo, &live, &cache).expect_status(1).json();
    assert!(causes(&report).values().all(|cause| cause == "manual"), "{report}");
}

#[test]
fn source_history_follows_former_files() {
    let kustomization = |base: &str| format!("resources: [{base}]\n");
    let with_files = "resources: [web.yaml]\nconfigMapGenerator: [{name: made, files: [level=values/level.txt], options: {disableNameSuffixHash: true}}]\n";
    let repo = Commits::default()
        .commit(&[
            ("drift.yaml", &config(&["overlay"])),
            ("old/base/kustomization.yaml", with_files),
            ("old/base/web.yaml", &settings("web", "first")),
            ("old/base/values/level.txt", "one"),
            ("overlay/kustomization.yaml", &kustomization("../old/base")),
        ])
        .elsewhere(60)
        .commit(&[("old/base/web.yaml", &settings("web", "second"))])
        .commit(&[("old/base/values/level.txt", "two")])
        .elsewhere(60)
        .commit(&[
            ("new/kustomization.yaml", with_files),
            ("new/web.yaml", &settings("web", "third")),
            ("new/values/level.txt", "three"),
        ])
        .commit(&[("overlay/kustomization.yaml", &kustomization("../new"))])
        .elsewhere(60)
        .repo();
    let (_folder, cache) = cache();
    let live = [edited("overlay", "web", "first"), edited("overlay", "made", "one")];
    let report = check(&repo, &live, &cache).expect_status(1).json();
    let expected = [("overlay/made", "rollback"), ("overlay/web", "rollback")];
    assert_eq!(
        causes(&report),
        expected.map(|(name, cause)| (name.to_owned(), cause.to_owned())).into(),
        "{report}"
    );
    // At the new base's making nothing was made of it.
    assert_eq!(kept(&cache).len(), 3);
}

#[test]
fn versions_rendered_once_cached_without_secrets() {
    let secret = |value: &str| {
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: key}}\nstringData: {{level: {value}}}\n")
    };
    let mut commits = Commits::default();
    commits.commit(&[
        ("drift.yaml", &config(&["app"])),
        ("app/kustomization.yaml", "resources: [web.yaml, key.yaml]\n"),
        ("app/web.yaml", &settings("web", "even")),
        ("app/key.yaml", &secret("hunter2")),
    ]);
    for number in 0..9 {
        // Back and forth: two versions in all, until the last.
        commits.commit(&[("app/web.yaml", &settings("web", if number % 2 == 0 { "odd" } else { "even" }))]);
    }
    let repo = commits
        .commit(&[("app/web.yaml", &settings("web", "last")), ("app/key.yaml", &secret("hunter3"))])
        .repo();
    let (_folder, cache) = cache();
    let live = [edited("app", "web", "never")];
    let check = |live: &[Value], cache: &Path| {
        let snapshot = SnapshotFile::with(live);
        let check =
            Drift::new().with_tools(&["kustomize"]).args(["check", "--skip-secrets", "--output=json"]);
        check
            .arg("--snapshot")
            .arg(snapshot.path())
            .arg("--cache-dir")
            .arg(cache)
            .in_folder(repo.path())
            .run()
    };
    let first = check(&live, &cache).expect_status(1).json();
    let files = kept(&cache);
    assert_eq!(files.len(), 2, "{first}");
    for file in &files {
        let bytes = fs::read(file).expect("it is kept");
        let end = bytes.iter().position(|byte| *byte == b'\n').expect("a head");
        let mut text = String::new();
        flate2_text(&bytes[end + 1..], &mut text);
        assert!(text.contains("\"level\":\"") && text.contains("\"key\""), "{text}");
        assert!(!text.contains("hunter"), "{text}");
    }
    let modified = |files: &BTreeSet<PathBuf>| -> Vec<_> {
        files
            .iter()
            .map(|file| fs::metadata(file).and_then(|data| data.modified()).expect("it is there"))
            .collect()
    };
    let before = modified(&files);
    let same = |report: &Value| {
        assert_eq!((&report["findings"], &report["summary"]), (&first["findings"], &first["summary"]));
    };
    same(&check(&live, &cache).expect_status(1).json());
    assert_eq!((kept(&cache), modified(&files)), (files.clone(), before), "nothing was rendered again");
    for (number, file) in files.iter().enumerate() {
        let whole = fs::read(file).expect("it is kept");
        fs::write(file, &whole[..whole.len() / (number + 2)]).expect("the folder is ours");
    }
    same(&check(&live, &cache).expect_status(1).json());
    assert!(
        files.iter().all(|file| fs::metadata(file).is_ok_and(|data| data.len() > 300)),
        "they are made anew"
    );
    same(&check(&live, Path::new("/proc")).expect_status(1).json());
}

fn flate2_text(bytes: &[u8], text: &mut String) {
    flate2::read::GzDecoder::new(bytes).read_to_string(text).expect("it is packed");
}

#[test]
fn what_was_not_looked_at_is_said() {
    let mut commits = Commits::default();
    commits.commit(&[("drift.yaml", &config(&["plain"])), ("plain/web.yaml", &settings("web", "v0"))]);
    for number in 1..=60 {
        commits.commit(&[("plain/web.yaml", &settings("web", &format!("v{number}")))]);
    }
    let repo = commits.repo();
    let (_folder, cache) = cache();
    for (value, cause, said) in
        [("v20", "rollback", false), ("v5", "manual", true), ("never", "manual", true)]
    {
        let report = check(&repo, &[edited("plain", "web", value)], &cache).expect_status(1).json();
        assert_eq!(causes(&report)["plain/web"], cause, "{value}");
        let warnings = report["warnings"].to_string();
        assert_eq!(warnings.contains("plain/web.yaml (49)"), said, "{value}: {warnings}");
    }
}
