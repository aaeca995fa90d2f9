//! Manifests that are broken, hostile or not manifests at all.

use std::fmt::Write as _;

use super::server::Server;
use super::{LIVE, SETTINGS, check, found, is_orderly, says, shop};
use crate::support::command::Output;

/// One more file beside good ones: the run is incomplete, the fault is named with its place, and the good ones are
/// compared all the same.
struct Case {
    name: &'static str,
    file: &'static str,
    text: String,
    says: &'static [&'static str],
}

fn case(name: &'static str, text: impl Into<String>, says: &'static [&'static str]) -> Case {
    Case { name, file: "apps/bad.yaml", text: text.into(), says }
}

fn good_object(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: shop}}\n")
}

fn alias_bomb() -> String {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        let items = vec![before; 10].join(", ");
        writeln!(text, "a{level}: &a{level} [{items}]").expect("a String takes all");
    }
    text
}

fn cases() -> Vec<Case> {
    vec![
        case(
            "two broken documents and a good one",
            format!("a: [\n---\n{}---\n\tb: 1\n", good_object("fine")),
            &["apps/bad.yaml:1:4: unclosed bracket", "apps/bad.yaml:7:1: a tab"],
        ),
        case("no kind", "apiVersion: v1\nmetadata: {name: x}\n", &["apps/bad.yaml:1:1", "kind"]),
        case("no apiVersion", "kind: ConfigMap\nmetadata: {name: x}\n", &["apps/bad.yaml:1:1", "apiVersion"]),
        case("no name", "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n", &["apps/bad.yaml:1:1", "name"]),
        case(
            "a name that is a number",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 5}\n",
            &["apps/bad.yaml:1:1", "name"],
        ),
        case(
            "the same object twice",
            SETTINGS.replace("blue", "green"),
            &["ConfigMap/shop/settings", "apps/settings.yaml:1", "apps/bad.yaml:1"],
        ),
        case(
            "a kind that nobody serves",
            "apiVersion: example.org/v1\nkind: Gizmo\nmetadata: {name: g, namespace: shop}\n",
            &["apps/bad.yaml:1:1", "Gizmo g", "example.org/v1", "is its CRD installed?"],
        ),
        case(
            "a version that is not served",
            "apiVersion: apps/v1beta1\nkind: Deployment\nmetadata: {name: d, namespace: shop}\n",
            &["apps/bad.yaml:1:1", "Deployment d", "apps/v1beta1"],
        ),
        case("an alias bomb", alias_bomb(), &["apps/bad.yaml", "alias"]),
        case("deep nesting", "[".repeat(20_000), &["apps/bad.yaml:1:256: recursion limit exceeded"]),
        case(
            "the same key twice",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: shop}\ndata:\n  a: '1'\n  a: '2'\n",
            &["apps/bad.yaml:6:3"],
        ),
        case("a scalar", "just some text\n", &["apps/bad.yaml:1:1"]),
        Case {
            name: "JSON that is cut",
            file: "apps/bad.json",
            text: "{\"apiVersion\": \"v1\", \"kind\": ".to_owned(),
            says: &["apps/bad.json:1:"],
        },
    ]
}

fn run(case: &Case) -> Output {
    let repo = shop();
    repo.write(case.file, &case.text);
    repo.git(&["add", "--all"]);
    repo.commit("Add a file");
    let server = Server::with(LIVE);
    check(&repo, &server, &["-o", "json"]).run()
}

#[test]
fn broken_manifest_is_named_and_others_compared() {
    for case in cases() {
        let name = case.name;
        let output = run(&case).expect_status(3);
        is_orderly(&output);
        says(&output.stderr, case.says);
        says(&output.stderr, &["drift: error: not examined: "]);
        let report = output.json();
        assert_eq!(report["complete"], false, "{name}");
        let found = found(&output);
        assert!(found.contains(&"ConfigMap/shop/settings modified".to_owned()), "{name}: {found:?}");
    }
}

/// Two broken documents are two faults; the one between them is compared.
#[test]
fn each_broken_document_is_reported() {
    let case = &cases()[0];
    let output = run(case).expect_status(3);
    let report = output.json();
    let incomplete = report["incomplete"].as_array().expect("a list");
    assert_eq!(incomplete.len(), 2, "{incomplete:?}");
    assert_eq!(found(&output), ["ConfigMap/shop/fine missing", "ConfigMap/shop/settings modified"]);
}

#[test]
fn binary_file_is_named() {
    let repo = shop();
    repo.write("apps/bad.yaml", b"apiVersion: v1\nkind: \xff\xfe\n");
    repo.write("apps/picture.png", b"\x89PNG\r\n\x1a\n\x00\xff");
    repo.git(&["add", "--all"]);
    repo.commit("Add bytes");
    let server = Server::with(LIVE);
    let output = check(&repo, &server, &["-o", "json"]).run().expect_status(3);
    is_orderly(&output);
    says(&output.stderr, &["apps/bad.yaml", "UTF-8"]);
    assert!(!output.stderr.contains("picture"), "only manifests are read: {}", output.stderr);
    assert_eq!(found(&output), ["ConfigMap/shop/settings modified"]);
}

#[test]
fn huge_file_never_hangs_check() {
    let repo = shop();
    let mut text = good_object("huge");
    text.push_str("data:\n  long: ");
    text.push_str(&"x".repeat(80 << 20));
    repo.write("apps/huge.yaml", &text);
    repo.git(&["add", "--all"]);
    let server = Server::with(LIVE);
    let output = check(&repo, &server, &["-o", "json"]).run().expect_status(3);
    is_orderly(&output);
    says(&output.stderr, &["apps/huge.yaml", "at most 67108864 are read"]);
    assert_eq!(found(&output), ["ConfigMap/shop/settings modified"]);
}

#[test]
fn symlink_leaving_repository_is_not_followed() {
    for at_revision in [false, true] {
        let repo = shop();
        std::fs::write(repo.path().join("../outside.yaml"), good_object("outside"))
            .expect("the folder is ours");
        std::os::unix::fs::symlink("../../outside.yaml", repo.path().join("apps/link.yaml"))
            .expect("a new link");
        repo.commit("Add a link");
        let server = Server::with(LIVE);
        let more: &[&str] = if at_revision { &["-o", "json", "--revision", "main"] } else { &["-o", "json"] };
        let output = check(&repo, &server, more).run().expect_status(3);
        is_orderly(&output);
        says(&output.stderr, &["apps/link.yaml", "repository"]);
        assert_eq!(found(&output), ["ConfigMap/shop/settings modified"], "at a revision: {at_revision}");
    }
}

/// Nothing declared is nothing examined: 3, and said in words.
#[test]
fn an_empty_folder_is_not_clean() {
    let repo = shop();
    repo.write("empty/README.md", "nothing here\n");
    repo.commit("Add a folder");
    let server = Server::with(LIVE);
    for format in ["text", "json", "markdown", "github"] {
        let output = super::check_path(&repo, &server, "empty", &["-o", format]).run().expect_status(3);
        is_orderly(&output);
        says(&output.stderr, &["empty: nothing was examined: the sources declare no objects"]);
        if format == "json" {
            assert_eq!(output.json()["complete"], false);
        }
        assert!(!output.stdout.to_lowercase().contains("no drift"), "{format}: {}", output.stdout);
    }
}

/// A broken file must not turn its objects into strangers.
#[test]
fn broken_file_suppresses_unmanaged_findings() {
    let stranger = "
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: stranger
  namespace: shop
  uid: u9
  managedFields:
  - {manager: kubectl-create, operation: Update, apiVersion: v1, time: '2024-01-02T00:00:00Z', fieldsType: FieldsV1, fieldsV1: {'f:data': {'f:a': {}}}}
data: {a: b}
";
    let server = Server::with(&format!("{LIVE}{stranger}"));
    let repo = shop();
    let output = check(&repo, &server, &["-o", "json"]).run().expect_status(1);
    assert_eq!(found(&output), ["ConfigMap/shop/settings modified", "ConfigMap/shop/stranger unmanaged"]);
    repo.write("apps/bad.yaml", "a: [\n");
    repo.git(&["add", "--all"]);
    let output = check(&repo, &server, &["-o", "json"]).run().expect_status(3);
    assert_eq!(found(&output), ["ConfigMap/shop/settings modified"]);
}
