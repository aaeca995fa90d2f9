//! helm and kustomize that are missing, too old or fail, and what they would have to fetch.

use super::server::Server;
use super::{LIVE, SETTINGS, found, is_orderly, says};
use crate::support::command::Drift;
use crate::support::repo::Repo;

const CONFIG: &str = "version: 1\nsources:\n- path: apps\n- path: bad\n";
const CHART: &str = "apiVersion: v2\nname: bad\nversion: 0.1.0\n";

/// A repository with good manifests and a source that cannot be rendered.
fn repo(files: &[(&str, &str)]) -> Repo {
    let good = [("drift.yaml", CONFIG), ("apps/settings.yaml", SETTINGS)];
    Repo::with(&[&good[..], files].concat())
}

fn drift(repo: &Repo, server: &Server) -> Drift {
    Drift::check(repo).kubeconfig(server.kubeconfig()).format("json")
}

/// The source is named, why and what to do; the plain one is compared.
#[track_caller]
fn is_incomplete(drift: &Drift, expected: &[&str]) {
    let output = drift.run().expect_status(3);
    is_orderly(&output);
    says(&output.stderr, &["drift: error: not examined: bad"]);
    says(&output.stderr, expected);
    assert_eq!(found(&output), ["ConfigMap/shop/settings modified"]);
}

#[test]
fn missing_or_old_tool_named_with_version() {
    let server = Server::with(LIVE);
    let chart = repo(&[("bad/Chart.yaml", CHART)]);
    let root = repo(&[("bad/kustomization.yaml", "resources: []\n")]);
    is_incomplete(&drift(&chart, &server), &["helm 3.21 or 4.3 or later is needed", "not found on the PATH"]);
    is_incomplete(
        &drift(&root, &server),
        &["kustomize 5.8 or kubectl 1.36 or later is needed", "not found on the PATH"],
    );
    let old = drift(&chart, &server).with_script("helm", "echo v3.2.0\n");
    is_incomplete(&old, &["/bin/helm is v3.2.0", "helm 3.21 or 4.3 or later is needed"]);
    let old = drift(&root, &server).with_script("kustomize", "echo v4.5.7\n");
    is_incomplete(&old, &["/bin/kustomize is v4.5.7", "is needed"]);
    let broken = drift(&chart, &server).with_script("helm", "echo oops >&2; exit 7\n");
    is_incomplete(&broken, &["does not report its version", "code 7"]);
}

#[test]
fn chart_that_fails_to_render_is_named() {
    let server = Server::with(LIVE);
    let dependency =
        "dependencies:\n- name: redis\n  version: 1.0.0\n  repository: https://charts.example.com\n";
    type Files<'a> = &'a [(&'a str, &'a str)];
    let cases: [(Files<'_>, &[&str]); 4] = [
        (&[("bad/Chart.yaml", &format!("{CHART}{dependency}"))], &["redis", "helm dependency"]),
        (
            &[("bad/Chart.yaml", CHART), ("bad/templates/x.yaml", "a: {{ .Values.b.c }}\n")],
            &["bad/templates/x.yaml:1:", "nil pointer"],
        ),
        (
            &[("bad/Chart.yaml", CHART), ("bad/templates/x.yaml", "{{ fail \"name the host\" }}\n")],
            &[
                "bad/templates/x.yaml:1:",
                "bad/templates/x.yaml:1:3: helm failed: execution error at (bad/templates/x.yaml:1:3): …",
            ],
        ),
        (&[("bad/Chart.yaml", CHART), ("bad/templates/x.yaml", "a: [\n")], &["bad/templates/x.yaml"]),
    ];
    for (files, expected) in cases {
        let repo = repo(files);
        is_incomplete(&drift(&repo, &server).with_tools(&["helm"]), expected);
    }
}

#[test]
fn unbuildable_or_remote_kustomization_is_named() {
    let server = Server::with(LIVE);
    let cases: [(&str, &[&str]); 4] = [
        ("resources: [absent.yaml]\n", &["absent.yaml"]),
        ("resources: ['https://github.com/acme/base?ref=v1']\n", &["https://github.com/acme/base?ref=v1"]),
        ("resources: ['github.com/acme/base//overlay?ref=v1']\n", &["github.com/acme/base//overlay?ref=v1"]),
        ("resource: [x.yaml]\n", &["resource"]),
    ];
    for (text, expected) in cases {
        let repo = repo(&[("bad/kustomization.yaml", text)]);
        is_incomplete(&drift(&repo, &server).with_tools(&["kustomize"]), expected);
    }
}

/// Flux builds without kustomize's load restriction. Only the operator may say so, and nothing outside of the repository is
/// reached all the same.
#[test]
fn file_outside_root_loaded_on_request() {
    let server = Server::with(LIVE);
    let files = [("bad/kustomization.yaml", "resources: [../shared/b.yaml]\n"), ("shared/b.yaml", SHARED)];
    let shared = repo(&files);
    let ask = || drift(&shared, &server).with_tools(&["kustomize"]);
    is_incomplete(&ask(), &["shared/b.yaml lies outside", "--load-restrictor LoadRestrictionsNone"]);
    let none = "LoadRestrictionsNone";
    for allowed in [ask().args(["--load-restrictor", none]), ask().env("DRIFT_LOAD_RESTRICTOR", none)] {
        let output = allowed.run().expect_status(1);
        assert_eq!(
            found(&output),
            [
                "ConfigMap/shop/settings modified",
                "ConfigMap/shop/shared missing",
                "Secret/shop/login unmanaged"
            ]
        );
    }
    let outside = repo(&[("bad/kustomization.yaml", "resources: [/etc/hostname]\n")]);
    let drift = drift(&outside, &server).with_tools(&["kustomize"]).args(["--load-restrictor", none]);
    is_incomplete(&drift, &["lies outside the repository"]);
}

const SHARED: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared, namespace: shop}\n";
