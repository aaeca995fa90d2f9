//! Bad input: whatever drift is given, it says what is wrong, where and what to do, compares the rest, leaves nothing
//! half done, and never takes what it could not read for clean.

mod arguments;
mod brought;
mod cluster;
mod manifests;
mod repository;
pub(crate) mod server;
mod tools;

use crate::support::command::{Drift, Output};
use crate::support::repo::Repo;
use crate::support::report::findings;
use server::{Server, TOKEN};

/// What Git declares of the shop.
pub(crate) const SETTINGS: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  namespace: shop
data:
  color: blue
";
/// A Secret of the shop: base64 of `correct-horse`.
pub(crate) const LOGIN: &str = "\
apiVersion: v1
kind: Secret
metadata:
  name: login
  namespace: shop
data:
  password: Y29ycmVjdC1ob3JzZQ==
";
/// The shop as it is live: the settings were edited by hand, the Secret equals Git.
pub(crate) const LIVE: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: kube-system, uid: 5c1e0c6e-0000-4000-8000-000000000001}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  namespace: shop
  uid: u1
  managedFields:
  - {manager: kubectl-client-side-apply, operation: Update, apiVersion: v1, time: '2024-01-01T00:00:00Z', fieldsType: FieldsV1, fieldsV1: {'f:data': {.: {}}}}
  - {manager: kubectl-edit, operation: Update, apiVersion: v1, time: '2024-01-02T00:00:00Z', fieldsType: FieldsV1, fieldsV1: {'f:data': {'f:color': {}}}}
data:
  color: red
---
apiVersion: v1
kind: Secret
metadata: {name: login, namespace: shop, uid: u2}
type: Opaque
data:
  password: Y29ycmVjdC1ob3JzZQ==
";

/// A repository that declares the settings and the Secret.
pub(crate) fn shop() -> Repo {
    Repo::with(&[("apps/settings.yaml", SETTINGS), ("apps/login.yaml", LOGIN)])
}

/// `drift check apps` in the repository against the server, with more arguments.
pub(crate) fn check(repo: &Repo, server: &Server, more: &[&str]) -> Drift {
    check_path(repo, server, "apps", more)
}

/// `drift check PATH` in the repository against the server, with more arguments.
pub(crate) fn check_path(repo: &Repo, server: &Server, path: &str, more: &[&str]) -> Drift {
    Drift::check(repo).arg(path).kubeconfig(server.kubeconfig()).args(more)
}

/// What no output may hold, whatever happened: panics, Rust's own notation, escape sequences, credentials, secrets.
#[track_caller]
pub(crate) fn is_orderly(output: &Output) {
    for (name, text) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        let junk = [
            "panicked",
            "RUST_BACKTRACE",
            "Some(",
            "None)",
            "Err(",
            "Error {",
            "kind: Other",
            "\u{1b}",
            TOKEN,
            "correct-horse",
            "Y29ycmVjdC1ob3JzZQ",
        ];
        for junk in junk {
            assert!(!text.contains(junk), "{junk:?} in {name}:\n{text}");
        }
    }
}

/// Fails unless the text holds each of these.
#[track_caller]
pub(crate) fn says(text: &str, expected: &[&str]) {
    for expected in expected {
        assert!(text.contains(expected), "{expected:?} is not in:\n{text}");
    }
}

/// The resources of the findings of a JSON report: `ConfigMap/shop/settings modified`.
#[track_caller]
pub(crate) fn found(output: &Output) -> Vec<String> {
    let report = output.json();
    let shown = findings(&report).iter().map(|finding| {
        let text = |name: &str| finding["resource"][name].as_str().unwrap_or("-").to_owned();
        format!(
            "{}/{}/{} {}",
            text("kind"),
            text("namespace"),
            text("name"),
            finding["state"].as_str().expect("a state")
        )
    });
    shown.collect()
}
