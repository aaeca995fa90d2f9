//! `drift init`: what it proposes for a tree, what it writes, and that drift, kustomize and act accept it.

use std::path::Path;

use serde_json::{Value, json};

use crate::deploy::Overlay;
use crate::discovered::Fleet;
use crate::support::cluster::ControlPlane;
use crate::support::command::Drift;
use crate::support::repo::Repo;
use crate::support::snapshot::{SnapshotFile, written_by};
use crate::support::tree::root;

const REMOTE: &str = "https://github.com/acme/gitops.git";
const BASE: &str = "https://github.com/drift/drift//deploy/base?ref=v0.1.0";

fn config_map(name: &str, namespace: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: {namespace}}}\ndata: {{a: b}}\n"
    )
}

fn live(name: &str, namespace: &str) -> Value {
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace}, "data": {"a": "b"}});
    written_by("kubectl-client-side-apply", json!({"f:data": {"f:a": {}}}), object)
}

fn repository(files: &[(&str, &str)], remote: Option<&str>) -> Repo {
    let repo = Repo::with(files);
    if let Some(url) = remote {
        repo.git(&["remote", "add", "origin", url]);
    }
    repo
}

fn init(repo: &Repo) -> Drift {
    Drift::new().with_tools(&["kustomize", "helm"]).arg("init").in_folder(repo.path())
}

/// The sources of the written `drift.yaml`, which drift and the schema accept.
#[track_caller]
fn sources(repo: &Repo) -> Vec<String> {
    let text = repo.read("drift.yaml");
    let config = drift::config::parse("drift.yaml", &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let schema = std::fs::read_to_string(root().join("deploy/config-v1.schema.json")).expect("it is shipped");
    let schema = jsonschema::validator_for(&serde_json::from_str(&schema).expect("JSON")).expect("a schema");
    let value: Value = serde_yaml::from_str(&text).expect("YAML");
    assert!(schema.is_valid(&value), "{text}");
    config.sources.into_iter().map(|source| source.path).collect()
}

#[track_caller]
fn check(repo: &Repo, cluster: &SnapshotFile, status: i32) {
    repo.git(&["add", "--all"]);
    let drift = Drift::check(repo).with_tools(&["kustomize", "helm"]).snapshot(cluster);
    let _ = drift.run().expect_status(status);
}

#[test]
fn plain_manifests_get_all_three_files() {
    let repo = repository(
        &[
            ("apps/web/web.yaml", &config_map("web", "shop")),
            ("apps/db/db.yaml", &config_map("db", "shop")),
            ("docs/values.yaml", "a: 1\n"),
        ],
        Some(REMOTE),
    );
    let cluster = SnapshotFile::with(&[live("web", "shop"), live("db", "shop")]);
    let output = init(&repo).snapshot(&cluster).run().expect_status(0);
    insta::assert_snapshot!(output.stdout, @r##"
    Found:
      1 plain source (apps)

    Files:
      written   drift.yaml
      written   .github/workflows/drift.yaml
      written   deploy/drift/kustomization.yaml

    Next:
      `drift check` compares now, and writes nothing
      in the workflow replace COMMIT and CHECKSUM by those of a release, and set the secrets that it names
      make the Secret with the token, then `kubectl apply --kustomize deploy/drift`
      keep one of the two for `drift run`: the workflow's job `run`, or the CronJob
      commit what you keep
    "##);
    insta::assert_snapshot!(repo.read("drift.yaml"), @r##"
    # yaml-language-server: $schema=https://raw.githubusercontent.com/drift/drift/main/deploy/config-v1.schema.json
    # What drift compares, and where its proposals go. Lines behind a # are defaults, or wait for your decision.

    # Version of this format.
    version: 1

    # The cluster's name in reports and incidents; an incident is known by it, so do not change it later. Without it: the
    # uid of the namespace kube-system.
    # cluster: prod

    # Secrets are compared where they may be read, and their values never shown; `skip` leaves them out.
    # secrets: skip

    # What this cluster runs, as Git declares it: folders, files and charts of this repository.
    sources:
      - path: apps   # plain

    # Where proposals go; the remote's address tells the forge, and the repository acme/gitops.
    forge:
      # type: github
      # The user whose token `drift run` has: here that of a workflow's own token. Take this line away for another token.
      login: "github-actions[bot]"

    # The branch with the record of all incidents; drift alone writes it.
    # ledger: {branch: drift/ledger}

    # A commit that is not applied for longer is drift.
    # unsynced-after: 6h

    # Differences that are not drift, each with a reason.
    # ignore:
    #   - resource: {kind: Deployment, namespace: payments, name: web}
    #     field: .spec.replicas
    #     reason: scaled by KEDA
    "##);
    assert_eq!(sources(&repo), ["apps"]);
    check(&repo, &cluster, 0);
    // Once more nothing changes, and each file is named.
    let before = repo.git(&["write-tree"]);
    let output = init(&repo).snapshot(&cluster).run().expect_status(0);
    assert_eq!(output.stdout.matches("it exists (--force replaces it)").count(), 3, "{}", output.stdout);
    repo.write("drift.yaml", "version: 1\n");
    let _ = init(&repo).snapshot(&cluster).run().expect_status(0);
    assert_eq!(repo.read("drift.yaml"), "version: 1\n");
    let output = init(&repo).snapshot(&cluster).arg("--force").run().expect_status(0);
    assert!(output.stdout.contains("  replaced  drift.yaml\n"), "{}", output.stdout);
    repo.git(&["add", "--all"]);
    assert_eq!(repo.git(&["write-tree"]), before);
}

#[test]
fn overlays_of_environments_are_chosen_by_what_is_live() {
    let overlay = |namespace: &str| format!("resources: [../../base]\nnamespace: {namespace}\n");
    let files = [
        ("web/base/kustomization.yaml", "resources: [web.yaml]\n".to_owned()),
        ("web/base/web.yaml", config_map("web", "shop")),
        ("web/overlays/prod/kustomization.yaml", overlay("shop")),
        ("web/overlays/staging/kustomization.yaml", overlay("shop-staging")),
    ];
    let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
    let repo = repository(&files, Some(REMOTE));
    let prod = SnapshotFile::with(&[live("web", "shop")]);
    let _ = init(&repo).snapshot(&prod).run().expect_status(0);
    assert_eq!(sources(&repo), ["web/overlays/prod"]);
    let text = repo.read("drift.yaml");
    assert!(text.contains("\n#   - path: web/overlays/staging   # kustomize\n"), "{text}");
    check(&repo, &prod, 0);
    // Neither is live, both are, or nobody can be asked: a person chooses.
    let both = SnapshotFile::with(&[live("web", "shop"), live("web", "shop-staging")]);
    for cluster in [Some(&SnapshotFile::with(&[])), Some(&both), None] {
        let mut drift = init(&repo).arg("--force");
        if let Some(cluster) = cluster {
            drift = drift.snapshot(cluster);
        }
        let output = drift.run().expect_status(0);
        assert!(
            output.stdout.contains("choose this cluster's environment in drift.yaml"),
            "{}",
            output.stdout
        );
        assert_eq!(sources(&repo), [""; 0]);
    }
    let text = repo.read("drift.yaml").replace("# sources:", "sources:");
    repo.write("drift.yaml", text.replace("#   - path: web/overlays/prod", "  - path: web/overlays/prod"));
    assert_eq!(sources(&repo), ["web/overlays/prod"]);
}

#[test]
fn charts_and_roots_become_sources_of_their_own() {
    let repo = repository(
        &[
            ("charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
            ("charts/web/values-prod.yaml", "a: 1\n"),
            ("charts/web/templates/web.yaml", &config_map("web", "shop")),
            ("charts/lib/Chart.yaml", "apiVersion: v2\nname: lib\nversion: 1.0.0\ntype: library\n"),
            ("charts/extra.yaml", &config_map("extra", "shop")),
            ("k/kustomization.yaml", "resources: [k.yaml]\n"),
            ("k/k.yaml", &config_map("k", "shop")),
        ],
        None,
    );
    let output = init(&repo).run().expect_status(0);
    assert!(output.stderr.contains("no cluster was asked"), "{}", output.stderr);
    assert!(output.stdout.contains("no workflow: the repository has no remote"), "{}", output.stdout);
    assert_eq!(sources(&repo), ["charts", "charts/web", "k"]);
    let text = repo.read("drift.yaml");
    assert!(text.contains("    # helm: {release: \"web\", values: [\"values-prod.yaml\"]}\n"), "{text}");
    repo.write("drift.yaml", text.replace("    # helm: ", "    helm: "));
    let cluster = SnapshotFile::with(&[live("web", "shop"), live("extra", "shop"), live("k", "shop")]);
    check(&repo, &cluster, 0);
    repo.write("drift.yaml", text);
    check(&repo, &cluster, 0);
}

#[test]
fn nothing_is_written_where_nothing_is_found() {
    let repo = repository(&[("README.md", "text\n"), ("docs/compose.yaml", "services: {}\n")], Some(REMOTE));
    repo.write("new/web.yaml", config_map("web", "shop"));
    let output = init(&repo).run().expect_status(2);
    assert!(output.stderr.contains("nothing to compare was found in the repository"), "{}", output.stderr);
    assert!(output.stderr.contains("`git add` the manifests"), "{}", output.stderr);
    assert!(!repo.path().join("drift.yaml").exists());
    let _ = init(&repo).arg("--include-untracked").run().expect_status(0);
    assert_eq!(sources(&repo), ["new"]);
}

#[test]
fn dry_run_prints_the_files_and_writes_nothing() {
    let repo = repository(&[("apps/web.yaml", &config_map("web", "shop"))], Some(REMOTE));
    let printed = init(&repo).arg("--dry-run").run().expect_status(0).stdout;
    assert_eq!(repo.git(&["status", "--porcelain"]), "");
    let _ = init(&repo).run().expect_status(0);
    let written = ["drift.yaml", ".github/workflows/drift.yaml", "deploy/drift/kustomization.yaml"];
    let expected: String =
        written.iter().map(|path| format!("---\n# File: {path}\n{}\n", repo.read(path))).collect();
    assert_eq!(printed, expected);
    let only = repository(&[("apps/web.yaml", &config_map("web", "shop"))], Some(REMOTE));
    let _ = init(&only).arg("--only=cronjob").arg("--cronjob-dir=ops/x").run().expect_status(0);
    assert_eq!(
        only.git(&["status", "--porcelain", "--untracked-files=all"]).trim(),
        "?? ops/x/kustomization.yaml"
    );
}

#[test]
fn workflow_is_that_of_the_forge() {
    for (remote, more, folder) in [
        (REMOTE, &[][..], Some(".github")),
        ("git@git.example.com:acme/gitops.git", &["--forge=gitea"], Some(".gitea")),
        ("git@git.example.com:acme/gitops.git", &[], None),
        ("https://gitlab.com/acme/gitops", &[], None),
    ] {
        let repo = repository(&[("apps/web.yaml", &config_map("web", "shop"))], Some(remote));
        let output = init(&repo).args(more).run().expect_status(0);
        assert_eq!(sources(&repo), ["apps"]);
        let config = drift::config::parse("drift.yaml", &repo.read("drift.yaml")).expect("it is read");
        for known in [".github", ".gitea"] {
            let is_there = repo.path().join(known).join("workflows/drift.yaml").exists();
            assert_eq!(is_there, folder == Some(known), "{remote} {known}");
        }
        match folder {
            Some(".github") => {
                let shipped =
                    std::fs::read_to_string(root().join("deploy/github/drift.yml")).expect("shipped");
                assert_eq!(repo.read(".github/workflows/drift.yaml"), shipped);
                assert_eq!(config.forge.login.as_deref(), Some("github-actions[bot]"));
            }
            Some(_) => assert_eq!(config.forge.kind, Some(drift::config::ForgeKind::Gitea)),
            None => assert!(output.stdout.contains("no workflow: "), "{}", output.stdout),
        }
    }
}

#[test]
fn cronjob_overlay_builds_on_the_base() {
    let repo =
        repository(&[("apps/web.yaml", &config_map("web", "shop"))], Some("git@github.com:acme/gitops.git"));
    let _ = init(&repo).run().expect_status(0);
    let text = repo.read("deploy/drift/kustomization.yaml");
    assert!(text.contains(BASE), "{text}");
    let changed = text.replace("*/15", "*/20").replace("drift-token}", "other-token}");
    let built = Overlay::new(&changed.replace(BASE, "../deploy/base")).build();
    for expected in [
        "repository: https://github.com/acme/gitops.git",
        "*/20 * * * *",
        "secretName: other-token",
        "- --skip-secrets",
    ] {
        assert!(built.contains(expected), "{expected} is not in:\n{built}");
    }
    let usual = Overlay::new(&text.replace(BASE, "../deploy/base")).build();
    let example = std::fs::read_to_string(root().join("examples/plain/cronjob/kustomization.yaml"))
        .expect("it is there");
    let example = example.replace(BASE, "../deploy/base").replace("git.example.com", "github.com");
    assert_eq!(usual, Overlay::new(&example).build());
}

#[test]
fn hostile_names_and_remotes_stay_text() {
    let folders = ["a: b #c", "- x", "\"quoted'", "e\u{202e}vil", "line\nbreak", "*star", "{{ x }}"];
    let files: Vec<(String, String)> = folders
        .iter()
        .enumerate()
        .map(|(at, name)| (format!("{name}/x.yaml"), config_map(&format!("n{at}"), "shop")))
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let repo = repository(&files, None);
    repo.git(&[
        "config",
        "remote.origin.url",
        "https://user:hunter2@git.example.com/acme/a: b\n- evil #'\"$(x)",
    ]);
    let output = init(&repo).arg("--forge=gitea").run().expect_status(0);
    let mut found = sources(&repo);
    found.sort();
    // A name with a line break is no path of `drift.yaml`.
    let mut expected = folders.map(str::to_owned).to_vec();
    expected.retain(|name| !name.contains('\n'));
    expected.sort();
    assert_eq!(found, expected);
    let everything = format!(
        "{}{}{}",
        output.stdout,
        repo.read("drift.yaml"),
        repo.read("deploy/drift/kustomization.yaml")
    );
    assert!(!everything.contains("hunter2") && !everything.contains('\u{202e}'), "{everything}");
    let overlay: Value = serde_yaml::from_str(&repo.read("deploy/drift/kustomization.yaml")).expect("YAML");
    let settings: Value =
        serde_yaml::from_str(overlay["patches"][0]["patch"].as_str().expect("text")).expect("YAML");
    assert_eq!(settings["data"].as_object().expect("a map").len(), 1, "{settings}");
    let cluster = SnapshotFile::with(&[]);
    let status = Drift::check(&repo).snapshot(&cluster).run().status;
    assert!([1, 3].contains(&status), "{status}");
}

#[test]
fn nothing_is_written_through_links_or_outside() {
    let outside = tempfile::tempdir().expect("a temporary folder");
    let link = |repo: &Repo, path: &str, to: &Path| {
        std::os::unix::fs::symlink(to, repo.path().join(path)).expect("a new link");
    };
    for (place, target) in [("deploy", outside.path().to_owned()), (".github", outside.path().to_owned())] {
        let repo = repository(&[("apps/web.yaml", &config_map("web", "shop"))], Some(REMOTE));
        link(&repo, place, &target);
        let output = init(&repo).arg("--force").run().expect_status(2);
        assert!(output.stderr.contains("is a symbolic link"), "{}", output.stderr);
        assert!(!repo.path().join("drift.yaml").exists());
    }
    let repo = repository(&[("apps/web.yaml", &config_map("web", "shop"))], Some(REMOTE));
    link(&repo, "drift.yaml", &outside.path().join("x"));
    let output = init(&repo).run().expect_status(0);
    assert!(output.stdout.contains("kept      drift.yaml"), "{}", output.stdout);
    let _ = init(&repo).arg("--force").run().expect_status(2);
    for folder in ["../x", "/tmp/x", ".git/x"] {
        let _ = init(&repo).arg("--cronjob-dir").arg(folder).run().expect_status(2);
    }
    assert_eq!(std::fs::read_dir(outside.path()).expect("a folder").count(), 0);
}

#[test]
fn cluster_that_is_named_must_answer() {
    let repo = repository(&[("apps/web.yaml", &config_map("web", "shop"))], Some(REMOTE));
    let output = init(&repo).kubeconfig("/nonexistent").run();
    assert!(matches!(output.status, 2 | 3), "{output:?}");
    assert!(!repo.path().join("drift.yaml").exists());
}

#[test]
fn flux_and_argo_cd_are_followed() {
    let fleet = Fleet::new();
    let run = |more: &[&str]| {
        let drift = init(&fleet.repo).kubeconfig(fleet.plane.kubeconfig("admin")).args(more);
        drift.run().expect_status(0)
    };
    let output = run(&[]);
    assert!(output.stdout.contains("3 objects of Flux or Argo CD"), "{}", output.stdout);
    assert_eq!(sources(&fleet.repo), [""; 0]);
    let text = fleet.repo.read("drift.yaml");
    for line in [
        "#   Kustomization/flux-system/apps  apps/prod\n",
        "#   Kustomization/flux-system/fleet  clusters/prod, clusters/prod/flux-system\n",
        "#   Application/argocd/web  web\n",
        "\ndiscover: {}\n",
        "\ncluster: ",
    ] {
        assert!(text.contains(line), "{line:?} is not in:\n{text}");
    }
    let report = fleet.check(&[]).expect_status(0).json();
    assert_eq!(report["summary"]["desired"], 5, "{report:#}");
    // Without a cluster Git tells that Flux is there; which cluster this is, it does not.
    let _ = init(&fleet.repo).arg("--force").run().expect_status(0);
    let text = fleet.repo.read("drift.yaml");
    assert!(
        text.contains("\ndiscover: {}\n") && text.contains("\n#   - path: clusters/prod   # plain\n"),
        "{text}"
    );
    let _ = fleet.check(&[]).expect_status(0);
}

#[test]
fn secrets_are_skipped_where_they_may_not_be_listed() {
    let plane = ControlPlane::start(false).unwrap_or_else(|why| panic!("{why}"));
    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: reader}\n\
                rules: [{apiGroups: [''], resources: [configmaps, namespaces], verbs: [get, list]}]\n---\n\
                apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: reader}\n\
                roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}\n\
                subjects: [{kind: User, name: reader, apiGroup: rbac.authorization.k8s.io}]\n";
    plane.apply("admin", "default", role, &[]);
    let repo = repository(&[("apps/web.yaml", &config_map("web", "default"))], Some(REMOTE));
    for (user, is_skipped) in [("admin", false), ("reader", true)] {
        let _ = init(&repo).kubeconfig(plane.kubeconfig(user)).arg("--force").run().expect_status(0);
        assert_eq!(sources(&repo), ["apps"]);
        let text = repo.read("drift.yaml");
        assert_eq!(text.contains("\nsecrets: skip\n"), is_skipped, "{text}");
        assert!(text.contains("\ncluster: drift-test\n"), "{text}");
    }
}
