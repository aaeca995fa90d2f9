//! Repositories without sources in `drift.yaml`: what Flux and Argo CD apply of them is what is compared.

mod releases;

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::cluster::ControlPlane;
use crate::support::command::{Drift, Output, as_read};
use crate::support::repo::Repo;
use crate::support::report::{finding, findings};
use crate::support::servers::eventually;

/// The kinds of Flux and Argo CD: group, version, kind, plural.
const KINDS: [(&str, &str, &str, &str); 5] = [
    ("source.toolkit.fluxcd.io", "v1", "GitRepository", "gitrepositories"),
    ("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "kustomizations"),
    ("helm.toolkit.fluxcd.io", "v2", "HelmRelease", "helmreleases"),
    ("source.toolkit.fluxcd.io", "v1", "HelmRepository", "helmrepositories"),
    ("argoproj.io", "v1alpha1", "Application", "applications"),
];
const HERE: &str = "https://git.example.org/acme/fleet";

fn definition((group, version, kind, plural): (&str, &str, &str, &str)) -> String {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let version = json!({"name": version, "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
               "subresources": {"status": {}}});
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
pub(crate) struct Fleet {
    pub(crate) plane: ControlPlane,
    pub(crate) repo: Repo,
}

impl Fleet {
    pub(crate) fn new() -> Self {
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

    pub(crate) fn check(&self, more: &[&str]) -> Output {
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
    let ignoring = kustomization("apps", "./apps/prod", ", ignore: [{paths: [/data/level]}]");
    fleet.plane.apply("gitops", "flux-system", &ignoring, &["--server-side", "--force-conflicts"]);
    fleet.repo.write("clusters/prod/apps.yaml", &ignoring);
    fleet.repo.commit("Ignore a level");
    fleet.application("parameters", json!({"repoURL": HERE, "path": "web", "plugin": {"name": "x"}}));
    let _ = fleet.plane.by_hand("web", &["label", "configmap", "page", "team=a"]);
    let report = fleet.check(&[]).expect_status(3).json();
    let incomplete = report["incomplete"].to_string();
    for named in [
        "what Kustomization/flux-system/apps applies",
        "it sets ignore, which drift does not render yet",
        "what Application/argocd/parameters applies",
        "it sets plugin",
    ] {
        assert!(incomplete.contains(named), "{named}: {incomplete}");
    }
    assert_eq!(finding(&report, "page")["state"], "modified", "{report:#}");
}

#[test]
fn roots_that_only_git_declares_are_followed() {
    let fleet = Fleet::new();
    // A branch adds a root that declares another one.
    let more = kustomization("more", "./more", "");
    fleet.repo.write("clusters/prod/more.yaml", &more);
    fleet.repo.write("more/deeper.yaml", kustomization("deeper", "./deeper", ""));
    fleet
        .repo
        .write("deeper/settings.yaml", settings("deep").replace("name: deep", "name: deep, namespace: shop"));
    fleet.repo.commit("Add a root");
    let report = fleet.check(&[]).expect_status(1).json();
    let missing: Vec<String> =
        findings(&report).iter().map(|found| found["resource"]["name"].to_string()).collect();
    assert_eq!(missing, [r#""deep""#, r#""deeper""#, r#""more""#], "{report:#}");
    let deep = finding(&report, "deep");
    assert_eq!(
        (&deep["state"], &deep["origin"]["root"]["name"]),
        (&json!("missing"), &json!("deeper")),
        "{report:#}"
    );
    // What is listed beside it counts, too; and a path narrows what is followed.
    fleet.repo.write(
        "extra/settings.yaml",
        settings("extra").replace("name: extra", "name: extra, namespace: shop"),
    );
    fleet.repo.write("drift.yaml", "version: 1\nsources: [{path: extra}]\ndiscover: {argocd: false}\n");
    fleet.repo.commit("List a source");
    let report = fleet.check(&[]).expect_status(1).json();
    assert_eq!(report["summary"]["desired"], 8, "{report:#}");
    let report = fleet.check(&["apps/prod"]).expect_status(0).json();
    assert_eq!(report["summary"]["desired"], 1, "{report:#}");
}

#[test]
fn snapshots_hold_the_roots_and_what_they_apply() {
    let fleet = Fleet::new();
    let drift = Drift::new().args(["snapshot", "fleet.jsonl"]).in_folder(fleet.repo.path());
    let drift = drift.with_tools(&["kustomize", "helm"]).kubeconfig(fleet.plane.kubeconfig("admin"));
    let _ = drift.run().expect_status(0);
    let drift = Drift::check(&fleet.repo).with_tools(&["kustomize", "helm"]).format("json");
    let report = drift.args(["--snapshot", "fleet.jsonl"]).run().expect_status(0).json();
    assert_eq!((&report["incomplete"], &report["summary"]["inSync"]), (&json!([]), &json!(5)), "{report:#}");
}

#[test]
fn roots_of_other_branches_are_named() {
    let fleet = Fleet::new();
    let staging =
        repository(HERE).replace("name: fleet", "name: staging").replace("branch: main", "branch: staging");
    let root = kustomization("staging", "./clusters/staging", "").replace("name: fleet}", "name: staging}");
    for manifest in [staging, root] {
        // Where Git declares nothing, so that they are nobody's concern.
        let manifest = manifest.replace("flux-system", "argocd");
        fleet.plane.apply("gitops", "argocd", &manifest, &["--server-side"]);
    }
    let report = fleet.check(&[]).expect_status(0).json();
    let named = report["notCompared"].to_string();
    assert!(
        named.contains("it follows the branch staging, which is not the branch that is checked"),
        "{named}"
    );
    fleet.repo.git(&["checkout", "-q", "-b", "staging"]);
    let report = fleet.check(&[]).expect_status(1).json();
    assert_eq!(finding(&report, "not-of-this-cluster")["state"], "missing", "{report:#}");
}

#[test]
fn controllers_are_quoted_beside_what_is_true() {
    let fleet = Fleet::new();
    let merge = |resource: &str, namespace: &str, patch: &Value| {
        let patch = patch.to_string();
        for more in [&["--subresource=status"][..], &[]] {
            let args = ["patch", resource, "-n", namespace, "--type=merge", "-p", &patch];
            let _ = fleet.plane.kubectl("admin", &[&args[..], more].concat()).expect_status(0);
        }
    };
    let head = fleet.repo.git(&["rev-parse", "HEAD"]);
    let ready = |status: &str, message: &str| {
        json!({"status": {"observedGeneration": 1, "lastAppliedRevision": format!("main@sha1:{}", head.trim()),
            "conditions": [{"type": "Ready", "status": status, "reason": "Reconciled", "message": message,
                            "lastTransitionTime": "2026-11-20T10:00:00Z"}]}})
    };
    merge("kustomization/apps", "flux-system", &ready("True", "Applied"));
    merge("kustomization/fleet", "flux-system", &ready("False", "no such file\u{1b}[31m"));
    let synced =
        json!({"sync": {"status": "Synced", "revision": head.trim()}, "health": {"status": "Healthy"}});
    merge("application/web", "argocd", &json!({"status": synced}));
    let report = fleet.check(&[]).expect_status(0).json();
    let root = |report: &Value, name: &str| {
        let roots = report["roots"].as_array().expect("a list");
        roots.iter().find(|root| root["resource"]["name"] == name).expect("the root is there").clone()
    };
    assert_eq!(root(&report, "apps")["parent"]["name"], "fleet", "{report:#}");
    assert_eq!(root(&report, "web")["controller"]["stopped"]["how"], "autoSyncOff", "{report:#}");
    // A hot-fix, and what keeps it.
    let change = ["patch", "configmap", "settings", "--type=merge", "-p", r#"{"data": {"level": "debug"}}"#];
    let _ = fleet.plane.by_hand("shop", &change);
    let report = fleet.check(&[]).expect_status(1).json();
    let apps = root(&report, "apps");
    assert_eq!((&apps["controller"]["claimsSync"], &apps["drift"]["changes"]), (&json!(true), &json!(1)));
    merge(
        "kustomization/apps",
        "flux-system",
        &json!({"spec": {"suspend": true}, "status": {"observedGeneration": 2}}),
    );
    let drift = Drift::check(&fleet.repo).with_tools(&["kustomize", "helm"]);
    let text = drift.kubeconfig(fleet.plane.kubeconfig("admin")).run().expect_status(1).stdout;
    let said = text
        .split("GitOps objects:\n")
        .nth(1)
        .expect("they are told of")
        .split("\n\n")
        .next()
        .unwrap_or_default();
    insta::assert_snapshot!(as_read(said, &[]), @r"
    Application/argocd/web: automatic sync is off: what is changed by hand stays
    Kustomization/flux-system/apps: its controller says Ready, but 1 field of 1 object drifted, the oldest since <time>
    Kustomization/flux-system/apps: it is suspended (set by kubectl-patch, <time>): what is changed by hand stays
    Kustomization/flux-system/fleet: its controller fails since <time>: no such file\u{1b}[31m
    ");
    assert!(text.contains("note: break-glass: Kustomization/flux-system/apps is suspended since "), "{text}");
    let report = fleet.check(&[]).expect_status(1).json();
    assert_eq!(
        root(&report, "apps")["controller"]["stopped"]["manager"]["name"],
        "kubectl-patch",
        "{report:#}"
    );
}

#[test]
fn variables_come_from_git_and_the_cluster_and_never_from_secrets() {
    let fleet = Fleet::new();
    let from = ", postBuild: {substitute: {level: info}, substituteFrom: [{kind: ConfigMap, name: in-git}, \
                {kind: ConfigMap, name: in-cluster}, {kind: Secret, name: password}, {kind: ConfigMap, name: gone, optional: true}]}";
    let apps = kustomization("apps", "./apps/prod", from);
    let map = |name: &str, data: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: flux-system}}\ndata: {{{data}}}\n"
        )
    };
    fleet.repo.write("clusters/prod/apps.yaml", &apps);
    fleet.repo.write("clusters/prod/variables.yaml", map("in-git", "size: large"));
    let data = "data: {level: '${level}', size: '${size}', zone: '${zone:=none}', token: 'is ${token}'}";
    fleet.repo.write("apps/base/settings.yaml", settings("settings").replace("data: {level: info}", data));
    fleet.repo.commit("Fill in variables");
    let manager = ["--server-side", "--force-conflicts", "--field-manager=kustomize-controller"];
    fleet.plane.apply("gitops", "flux-system", &apps, &manager);
    fleet.plane.apply("gitops", "flux-system", &map("in-git", "size: large"), &manager);
    fleet.plane.apply("gitops", "flux-system", &map("in-cluster", "zone: north, size: small"), &manager);
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: password, namespace: flux-system}\nstringData: {token: hunter2}\n";
    fleet.plane.apply("gitops", "flux-system", secret, &manager);
    let live = settings("settings")
        .replace("data: {level: info}", "data: {level: info, size: small, zone: north, token: is hunter2}");
    fleet.plane.apply("gitops", "shop", &live, &manager);
    let report = fleet.check(&[]).expect_status(1).json();
    assert_eq!(report["incomplete"], json!([]), "{report:#}");
    // What nothing declares is nobody's, though a root uses it.
    let names: Vec<&Value> = findings(&report).iter().map(|found| &found["resource"]["name"]).collect();
    assert_eq!(names, ["in-cluster", "password"], "{report:#}");
    let _ = fleet.plane.by_hand(
        "shop",
        &[
            "patch",
            "configmap",
            "settings",
            "--type=merge",
            "-p",
            r#"{"data": {"zone": "south", "token": "hunter3"}}"#,
        ],
    );
    let checked = fleet.check(&["--all"]).expect_status(1);
    let report = checked.json();
    let changes = finding(&report, "settings")["changes"].as_array().expect("a list").clone();
    let shown: Vec<String> =
        changes.iter().map(|change| format!("{} {}", change["path"], change["desired"])).collect();
    assert_eq!(shown, [r#"".data.token" "is ${token}""#, r#"".data.zone" "north""#], "{report:#}");
}

#[test]
fn sources_are_listed_as_a_tree() {
    let fleet = Fleet::new();
    let elsewhere = json!({"repoURL": "https://git.example.org/acme/other", "path": "web"});
    fleet.application("elsewhere", elsewhere);
    fleet.application("chart", json!({"repoURL": HERE, "path": "web", "plugin": {"name": "x"}}));
    let drift = Drift::new().arg("sources").in_folder(fleet.repo.path()).with_tools(&["kustomize", "helm"]);
    let text = drift.kubeconfig(fleet.plane.kubeconfig("admin")).run().expect_status(3).stdout;
    insta::assert_snapshot!(as_read(&text, &[]), @r"
    4 GitOps objects: 5 objects, 1 not rendered

    Application/argocd/chart  in the cluster only
      not rendered: it sets plugin, which drift does not render yet
      no status yet
      automatic sync is off: what is changed by hand stays
    Application/argocd/web  in the cluster only
      web  plain  1 object into namespace web
      no status yet
      automatic sync is off: what is changed by hand stays
    Kustomization/flux-system/fleet  clusters/prod/flux-system/sync.yaml:6:1
      clusters/prod  plain  1 object
      clusters/prod/flux-system  kustomize v5.8.1  2 objects
      no status yet
      Kustomization/flux-system/apps  clusters/prod/apps.yaml:1:1
        apps/prod  kustomize v5.8.1  1 object
        no status yet

    Not compared: what these objects apply:
      Application/argocd/elsewhere  it is in another repository

    Not rendered:
      what Application/argocd/chart applies: it sets plugin, which drift does not render yet: list what it applies as a source in drift.yaml, where that is the same
    warning: drift.yaml lists no sources: compared is what 3 GitOps objects of Git and the cluster apply; `drift sources` lists them
    ");
}

#[test]
fn differences_that_an_application_ignores_are_ignored_for_its_objects() {
    let fleet = Fleet::new();
    let ignored = json!([{"kind": "ConfigMap", "jsonPointers": ["/data/level"],
        "jqPathExpressions": [".metadata.labels.team", ".data | keys"]}]);
    let application = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "web", "namespace": "argocd"},
        "spec": {"project": "default", "source": {"repoURL": HERE, "path": "web"}, "ignoreDifferences": ignored,
                 "destination": {"server": "https://kubernetes.default.svc", "namespace": "web"}}});
    fleet.plane.apply("gitops", "argocd", &application.to_string(), &["--server-side", "--force-conflicts"]);
    for (namespace, name) in [("web", "page"), ("shop", "settings")] {
        let patch = json!({"data": {"level": "debug"}, "metadata": {"labels": {"team": "a"}}}).to_string();
        let _ = fleet.plane.by_hand(namespace, &["patch", "configmap", name, "-p", &patch]);
    }
    let output = fleet.check(&["--all"]).expect_status(1);
    assert!(output.stderr.contains(".data | keys is more than a path"), "{}", output.stderr);
    let report = output.json();
    for (name, cause) in [("page", "ignored"), ("settings", "manual")] {
        let found = finding(&report, name);
        let causes: Vec<_> =
            found["changes"].as_array().expect("a list").iter().map(|one| &one["cause"]).collect();
        assert_eq!(causes, [cause, cause], "{name}: {found:#}");
    }
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
