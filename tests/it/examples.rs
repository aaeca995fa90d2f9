//! The examples: each is a repository with a recorded cluster, and its README shows what drift says of it.
//! `DRIFT_RECORD=1 cargo test --test it examples` records cluster and output anew.

use std::sync::OnceLock;

use crate::deploy::Overlay;
use crate::docs::read;
use crate::embedded::{carried, is_recording, timeless};
use crate::support::cluster::ControlPlane;
use crate::support::command::Drift;
use crate::support::repo::Repo;
use crate::support::tree::{files, root};

/// The recorded cluster of an example.
const CLUSTER: &str = "cluster.jsonl";

/// What Flux's own kind looks like to the API server, as far as the example needs it.
const FLUX: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: kustomizations.kustomize.toolkit.fluxcd.io}
spec:
  group: kustomize.toolkit.fluxcd.io
  scope: Namespaced
  names: {kind: Kustomization, plural: kustomizations}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, x-kubernetes-preserve-unknown-fields: true}}}}
";

/// How the cluster of an example came to be.
struct Recipe {
    name: &'static str,
    namespaces: &'static [&'static str],
    definitions: &'static str,
    /// Arguments of `kubectl apply`, in the example's folder, as Flux.
    applied: &'static [&'static [&'static str]],
    /// What somebody did by hand, in the namespace `shop`.
    by_hand: &'static [&'static [&'static str]],
}

const RECIPES: [Recipe; 2] = [
    Recipe {
        name: "overlays",
        namespaces: &["flux-system", "shop"],
        definitions: FLUX,
        applied: &[&["-f", "clusters/prod"], &["-k", "apps/overlays/prod"]],
        by_hand: &[
            &["set", "env", "deploy/web", "LOG_LEVEL=debug"],
            &["scale", "deploy/web", "--replicas=5"],
        ],
    },
    Recipe {
        name: "plain",
        namespaces: &["shop"],
        definitions: "",
        applied: &[&["-f", "apps"]],
        by_hand: &[
            &["set", "resources", "deploy/web", "--limits=memory=1Gi"],
            &[
                "patch",
                "deploy/web",
                "--field-manager=kubectl-edit",
                "--patch",
                r#"{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":90}}}}"#,
            ],
        ],
    },
];

/// A repository with the files of an example, in its first commit, but for those that `left_out` names.
fn repository(name: &str, left_out: &[&str]) -> Repo {
    let repo = Repo::new();
    let folder = format!("examples/{name}/");
    for file in files(&folder) {
        let path = file.strip_prefix(&folder).expect("below the example");
        if !left_out.contains(&path) {
            repo.write(path, read(&file));
        }
    }
    repo.commit("First commit");
    repo
}

impl Recipe {
    /// Makes the cluster on a real API server, and gives its snapshot.
    fn record(&self) -> String {
        let plane = ControlPlane::start(false).unwrap_or_else(|why| panic!("{why}"));
        let kubectl = |arguments: &[&str]| {
            let _ = plane.kubectl("admin", arguments).expect_status(0);
        };
        self.namespaces.iter().for_each(|namespace| kubectl(&["create", "namespace", namespace]));
        if !self.definitions.is_empty() {
            plane.apply("admin", "default", self.definitions, &[]);
            kubectl(&["wait", "--for=condition=established", "crd", "--all", "--timeout=60s"]);
        }
        let repo = repository(self.name, &[CLUSTER, "README.md"]);
        for what in self.applied {
            let path = repo.path().join(what[1]);
            let path = path.to_str().expect("temporary folders have UTF-8 names");
            kubectl(&["apply", "--server-side", "--field-manager=kustomize-controller", what[0], path]);
        }
        self.by_hand.iter().for_each(|step| kubectl(&[&["--namespace=shop"], *step].concat()));
        let _ = Drift::new()
            .with_tools(&["kustomize"])
            .args(["snapshot", CLUSTER, "--kubeconfig"])
            .arg(plane.kubeconfig("admin"))
            .in_folder(repo.path())
            .run()
            .expect_status(0);
        repo.read(CLUSTER).replace(&plane.url(), "https://cluster.example.com")
    }
}

/// Compares the carried clusters with what a real server gives now, or writes them: once for all tests.
fn clusters_are_current() {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        for recipe in &RECIPES {
            let file = format!("examples/{}/{CLUSTER}", recipe.name);
            carried(&file, &recipe.record(), |there, now| timeless(there) == timeless(now));
        }
    });
}

#[test]
fn recorded_clusters_match_real_server() {
    clusters_are_current();
}

#[test]
fn readme_output_matches_drift() {
    if is_recording() {
        clusters_are_current();
    }
    let names: Vec<String> =
        files("examples").iter().filter_map(|file| file.split('/').nth(1)).map(str::to_owned).collect();
    let mut folders = names;
    folders.retain(|name| !name.contains('.'));
    folders.dedup();
    assert_eq!(folders, RECIPES.each_ref().map(|recipe| recipe.name), "each example has a recipe");
    for name in folders {
        let file = format!("examples/{name}/README.md");
        let text = read(&file);
        let (before, block) = text.split_once("```console\n").expect("a block of commands and output");
        let (block, after) = block.split_once("```").expect("the end of the block");
        let commands = block.lines().filter_map(|line| line.strip_prefix("$ drift "));
        let now: Vec<String> =
            commands.map(|command| format!("$ drift {command}\n{}", output(&name, command))).collect();
        assert!(!now.is_empty(), "{file} shows no command");
        let now = format!("{before}```console\n{}```{after}", now.join("\n"));
        carried(&file, &now, |there, now| there == now);
    }
}

/// What drift prints in the repository of an example; the id of its commit, which depends on this very output, is left out.
fn output(name: &str, command: &str) -> String {
    let repo = repository(name, &[]);
    let drift = Drift::new().with_tools(&["kustomize"]).args(command.split(' ')).in_folder(repo.path());
    let output = drift.run();
    assert!(matches!(output.status, 0 | 1), "{command}: {}", output.stderr);
    assert_eq!(output.stderr, "", "{command}");
    let commit = repo.git(&["rev-parse", "HEAD"]);
    output.stdout.replace(&format!("repo at {}", &commit[..12]), &format!("{name} at 0123456789ab"))
}

#[test]
fn plain_example_cronjob_overlays_base() {
    const BASE: &str = "https://github.com/drift/drift//deploy/base?ref=v0.1.0";
    let kustomization = read("examples/plain/cronjob/kustomization.yaml");
    assert!(kustomization.contains(BASE) && root().join("deploy/base/kustomization.yaml").is_file());
    let built = Overlay::new(&kustomization.replace(BASE, "../deploy/base")).build();
    for expected in ["https://git.example.com/acme/gitops.git", "*/15 * * * *", "kind: CronJob"] {
        assert!(built.contains(expected), "{expected}: {built}");
    }
}
