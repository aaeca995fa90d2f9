//! Repositories without sources in `drift.yaml`: what Flux and Argo CD apply of them is what is compared.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::cluster::ControlPlane;
use crate::support::command::{Drift, Output};
use crate::support::repo::Repo;
use crate::support::report::{finding, findings};
use crate::support::servers::eventually;

/// The kinds of Flux and Argo CD: group, version, kind, plural.
const KINDS: [(&str, &str, &str, &str); 3] = [
    ("source.toolkit.fluxcd.io", "v1", "GitRepository", "gitrepositories"),
    ("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "kustomizations"),
    ("argoproj.io", "v1alpha1", "Application", "applications"),
];
const HERE: &str = "https://git.example.org/acme/fleet";

fn definition((group, version, kind, plural): (&str, &str, &str, &str)) -> String {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let version =
        json!({"name": version, "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}});
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
           "metadata": {"name": format!("{plural}.{group}")},
           "spec": {"group": group, "scope": "Namespaced", "names": {"kind": kind, "plural": plural},
                    "versions": [version]}})
    .to_string()
}

fn kustomization(name: &str, path: &str, more: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n\
         metadata: {{name: {name}, namespace: flux-system}}\n\
         spec: {{interval: 10m, prune: true, path: {path}, sourceRef: {{kind: GitRepository, name: fleet}}{more}}}\n"
    )
}

fn repository(url: &str) -> String {
    format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\n\
         metadata: {{name: fleet, namespace: flux-system}}\nspec: {{interval: 1m, url: '{url}', ref: {{branch: main}}}}\n"
    )
}

fn settings(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{level: info}}\n")
}

/// As `flux bootstrap` lays it out, with an Application beside it.
struct Fleet {
    plane: ControlPlane,
    repo: Repo,
}

impl Fleet {
    fn new() -> Self {
        let plane = ControlPlane::start(false).unwrap_or_else(|why| panic!("{why}"));
        for kind in KINDS {
            plane.apply("admin", "default", &definition(kind), &[]);
        }
        for (group, version, _, plural) in KINDS {
            eventually(plural, Duration::from_secs(30), || {
                let path = format!("/apis/{group}/{version}/{plural}");
                (plane.api("admin", "GET", &path, None).0 == 200).then_some(())
            });
        }
        for namespace in ["flux-system", "argocd", "shop", "web"] {
            let _ = plane.kubectl("admin", &["create", "namespace", namespace]).expect_status(0);
        }
        let apps = kustomization("apps", "./apps/prod", "");
        let sync = format!("{}---\n{}", repository(HERE), kustomization("fleet", "./clusters/prod", ""));
        let repo = Repo::with(&[
            ("clusters/prod/apps.yaml", &apps),
            ("clusters/prod/flux-system/sync.yaml", &sync),
            ("clusters/prod/flux-system/kustomization.yaml", "resources: [sync.yaml]\n"),
            ("clusters/staging/apps.yaml", &settings("not-of-this-cluster")),
            ("apps/base/settings.yaml", &settings("settings")),
            ("apps/base/kustomization.yaml", "resources: [settings.yaml]\n"),
            ("apps/prod/kustomization.yaml", "resources: [../base]\nnamespace: shop\n"),
            ("web/page.yaml", &settings("page")),
            ("web/drafts/page.yaml", &settings("draft")),
        ]);
        repo.commit("Declare the fleet");
        repo.git(&["remote", "add", "upstream", "git@git.example.org:acme/fleet.git"]);
        for (namespace, manifest) in [
            ("flux-system", sync),
            ("flux-system", apps),
            ("shop", settings("settings")),
            ("web", settings("page")),
        ] {
            let more = ["--server-side", "--field-manager=kustomize-controller"];
            plane.apply("gitops", namespace, &manifest, &more);
        }
        let fleet = Self { plane, repo };
        fleet.application("web", json!({"repoURL": HERE, "path": "web", "targetRevision": "main"}));
        fleet
    }

    fn application(&self, name: &str, source: Value) {
        let application = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": name, "namespace": "argocd"},
            "spec": {"project": "default", "source": source,
                     "destination": {"server": "https://kubernetes.default.svc", "namespace": "web"}}});
        self.plane.apply("gitops", "argocd", &application.to_string(), &["--server-side"]);
    }

    fn check(&self, more: &[&str]) -> Output {
        let drift = Drift::check(&self.repo).with_tools(&["kustomize", "helm"]);
        drift.kubeconfig(self.plane.kubeconfig("admin")).format("json").args(more).run()
    }
}

#[test]
fn folders_that_gitops_objects_apply_are_the_sources() {
    let fleet = Fleet::new();
    for revision in [&[][..], &["--revision=HEAD"]] {
        let report = fleet.check(revision).expect_status(0).json();
        assert_eq!(report["incomplete"], json!([]), "{report:#}");
        assert!(report.get("notCompared").is_none(), "{report:#}");
        // The page, the settings, the repository, and two Kustomizations; no draft, nothing of staging.
        assert_eq!(report["summary"]["desired"], 5, "{report:#}");
        let warnings = report["warnings"].as_array().expect("a list");
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        let said = warnings[0].to_string();
        assert!(
            said.contains(
                "compared is what 3 GitOps objects of Git and the cluster apply; `drift sources` lists them"
            ),
            "{said}"
        );
    }
    let change = ["patch", "configmap", "settings", "--type=merge", "-p", r#"{"data": {"level": "debug"}}"#];
    let _ = fleet.plane.by_hand("shop", &change);
    let report = fleet.check(&[]).expect_status(1).json();
    assert_eq!(finding(&report, "settings")["origin"]["file"], "apps/base/settings.yaml", "{report:#}");
    assert_eq!(findings(&report).len(), 1, "{report:#}");
}

#[test]
fn roots_that_cannot_be_rendered_are_named_and_hide_nothing_else() {
    let fleet = Fleet::new();
    let substituted = kustomization("apps", "./apps/prod", ", postBuild: {substitute: {level: info}}");
    fleet.plane.apply("gitops", "flux-system", &substituted, &["--server-side", "--force-conflicts"]);
    fleet.repo.write("clusters/prod/apps.yaml", &substituted);
    fleet.repo.commit("Substitute");
    fleet.application(
        "parameters",
        json!({"repoURL": HERE, "path": "web", "helm": {"parameters": [{"name": "a"}]}}),
    );
    let _ = fleet.plane.by_hand("web", &["label", "configmap", "page", "team=a"]);
    let report = fleet.check(&[]).expect_status(3).json();
    let incomplete = report["incomplete"].to_string();
    for named in [
        "what Kustomization/flux-system/apps applies",
        "it sets postBuild, which drift does not render yet",
        "what Application/argocd/parameters applies",
        "it sets helm.parameters",
    ] {
        assert!(incomplete.contains(named), "{named}: {incomplete}");
    }
    assert_eq!(finding(&report, "page")["state"], "modified", "{report:#}");
}

#[test]
fn roots_of_other_repositories_give_no_sources() {
    let fleet = Fleet::new();
    let elsewhere = repository("https://git.example.org/acme/other");
    fleet.plane.apply("gitops", "flux-system", &elsewhere, &["--server-side", "--force-conflicts"]);
    let report = fleet.check(&[]).expect_status(0).json();
    assert_eq!(report["summary"]["desired"], 1, "{report:#}");
    fleet.application("web", json!({"repoURL": "https://git.example.org/acme/other", "path": "web"}));
    let refused = fleet.check(&[]).expect_status(2);
    assert!(
        refused.stderr.contains("there is no drift.yaml with sources, and no PATH"),
        "{}",
        refused.stderr
    );
    // What is listed counts, and nothing else.
    fleet.repo.write("drift.yaml", "version: 1\nsources: [{path: web/page.yaml, namespace: web}]\n");
    let listed = fleet.check(&["--include-untracked"]).expect_status(0).json();
    assert_eq!(listed["summary"]["desired"], 1, "{listed:#}");
}

#[test]
fn options_of_a_kustomization_are_rendered() {
    let fleet = Fleet::new();
    let options = ", targetNamespace: team, namePrefix: a-, commonMetadata: {labels: {team: a}}, patches: \
                   [{patch: '[{\"op\": \"replace\", \"path\": \"/data/level\", \"value\": \"warn\"}]', target: {kind: ConfigMap}}]";
    let changed = kustomization("apps", "./apps/prod", options);
    fleet.plane.apply("gitops", "flux-system", &changed, &["--server-side", "--force-conflicts"]);
    fleet.repo.write("clusters/prod/apps.yaml", &changed);
    fleet.repo.commit("Give the apps to a team");
    let _ = fleet.plane.kubectl("admin", &["create", "namespace", "team"]).expect_status(0);
    let rendered = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a-settings, labels: {team: a}}\ndata: {level: warn}\n";
    fleet.plane.apply("gitops", "team", rendered, &["--server-side", "--field-manager=kustomize-controller"]);
    let report = fleet.check(&[]).expect_status(0).json();
    assert_eq!(report["incomplete"], json!([]), "{report:#}");
    assert_eq!(report["summary"]["inSync"], 5, "{report:#}");
    let _ = fleet.plane.by_hand("team", &["label", "configmap", "a-settings", "team=b", "--overwrite"]);
    let report = fleet.check(&[]).expect_status(1).json();
    assert_eq!(finding(&report, "a-settings")["changes"][0]["desired"], "a", "{report:#}");
}
