//! How each applier applies. Helm and kubectl are the real ones. Flux and Argo CD are played by the requests that they
//! send, as their sources have them: fluxcd/kustomize-controller `internal/controller/kustomization_controller.go` with
//! fluxcd/pkg `ssa/`, and argoproj/argo-cd `gitops-engine/pkg/utils/kube/resource_ops.go`, which runs kubectl's own code.

#![expect(clippy::disallowed_methods, reason = "tests run helm")]

use std::process::Command;

use serde_json::{Map, Value, json};

use super::case::documents;
use crate::support::cluster::ControlPlane;
use crate::support::command::{Output, code, hermetic};
use crate::support::parts;
use crate::support::repo::Repo;

/// A way of applying, in a namespace of a cluster.
pub(super) struct Applier<'a> {
    way: Way,
    plane: &'a ControlPlane,
    namespace: &'a str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Flux,
    ArgoCd,
    Kubectl,
    KubectlServerSide,
    /// The part, and its name on the `PATH`.
    Helm(&'static str, &'static [&'static str]),
}

/// The object that a manifest names, as it is live.
pub(super) fn read(applier: &Applier<'_>, document: &str) -> Option<Value> {
    let get = ["get", "--filename", "-", "--output=json", "--show-managed-fields", "--ignore-not-found"];
    let output = applier.kubectl(&get, document).expect_status(0);
    // What is read by a manifest comes as a list.
    let found = (!output.stdout.trim().is_empty()).then(|| output.json())?;
    found["items"].as_array().map_or(Some(found.clone()), |items| items.first().cloned())
}

impl<'a> Applier<'a> {
    pub(super) fn of(way: &str, plane: &'a ControlPlane, namespace: &'a str) -> Self {
        let way = match way {
            "flux" => Way::Flux,
            "argocd" => Way::ArgoCd,
            "kubectl" => Way::Kubectl,
            "kubectl-server-side" => Way::KubectlServerSide,
            "helm3" => Way::Helm("helm3", &["git", "helm3"]),
            "helm4" => Way::Helm("helm", &["git", "helm"]),
            other => panic!("no way of applying: {other}"),
        };
        Self { way, plane, namespace }
    }

    /// What drift needs on its `PATH`.
    pub(super) fn tools(&self) -> &'static [&'static str] {
        match self.way {
            Way::Helm(_, tools) => tools,
            _ => &["git"],
        }
    }

    /// A repository that declares these objects.
    pub(super) fn repository(&self, git: &str) -> Repo {
        let release = if let Way::Helm(..) = self.way { ", helm: {release: web}" } else { "" };
        let config = format!(
            "version: 1\ncluster: test\nsources: [{{path: app, namespace: {}{release}}}]\n",
            self.namespace
        );
        let repo = Repo::with(&[("drift.yaml", &config)]);
        if let Way::Helm(..) = self.way {
            repo.write("app/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n");
        }
        self.write(&repo, git);
        repo.commit("Declare it");
        repo
    }

    /// Writes what is declared into the work tree.
    pub(super) fn write(&self, repo: &Repo, git: &str) {
        let file =
            if let Way::Helm(..) = self.way { "app/templates/objects.yaml" } else { "app/objects.yaml" };
        repo.write(file, git);
    }

    /// Applies what Git declares: the first refusal, or what was said last.
    pub(super) fn apply(&self, repo: &Repo, git: &str) -> Output {
        if let Way::Helm(part, _) = self.way {
            return self.helm(part, repo);
        }
        let mut outputs = documents(git).into_iter().map(|document| match self.way {
            Way::Flux => self.flux(&document),
            Way::ArgoCd => self.argocd(&document),
            Way::KubectlServerSide => {
                self.kubectl(&["apply", "--server-side", "--filename", "-"], &document.to_string())
            }
            Way::Kubectl | Way::Helm(..) => {
                self.kubectl(&["apply", "--filename", "-"], &document.to_string())
            }
        });
        let none = Output { status: 0, stdout: String::new(), stderr: String::new() };
        outputs.find(|output| output.status != 0).unwrap_or(none)
    }

    fn kubectl(&self, arguments: &[&str], stdin: &str) -> Output {
        let arguments = [&["--namespace", self.namespace][..], arguments].concat();
        self.plane.kubectl_with("gitops", &arguments, stdin)
    }

    fn helm(&self, part: &str, repo: &Repo) -> Output {
        let home = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new(parts::part(part).join("helm"));
        command.env_clear();
        hermetic(&mut command, home.path());
        command.env("KUBECONFIG", self.plane.kubeconfig("gitops"));
        command.args(["upgrade", "--install", "web", "--namespace", self.namespace]);
        let output = command.arg(repo.path().join("app")).output().expect("helm starts");
        Output {
            status: code(output.status),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// What Flux skips, what it takes over, the apply by force, and again without the object where it may.
    fn flux(&self, document: &Value) -> Output {
        const APPLY: [&str; 6] = [
            "apply",
            "--server-side",
            "--force-conflicts",
            "--field-manager=kustomize-controller",
            "--filename",
            "-",
        ];
        let text = document.to_string();
        let live = read(self, &text);
        let is = |object: &Value, key: &str, value: &str| {
            let key = format!("kustomize.toolkit.fluxcd.io/{key}");
            let found = object["metadata"]["annotations"][&key].as_str();
            found.is_some_and(|found| found.eq_ignore_ascii_case(value))
        };
        let skips = |object: &Value| is(object, "reconcile", "disabled") || is(object, "ssa", "Ignore");
        let only_once = live.is_some() && is(document, "ssa", "IfNotPresent");
        if skips(document) || live.as_ref().is_some_and(skips) || only_once {
            return Output { status: 0, stdout: String::new(), stderr: String::new() };
        }
        if let Some(live) = live.filter(|_| !is(document, "ssa", "Merge")) {
            self.take_over(&live, &text);
        }
        let applied = self.kubectl(&APPLY, &text);
        if applied.status == 0 || !is(document, "force", "enabled") {
            return applied;
        }
        let _ = self.kubectl(&["delete", "--filename", "-"], &text).expect_status(0);
        self.kubectl(&APPLY, &text)
    }

    /// Makes what any kubectl wrote Flux's own, as `patchReplaceFieldsManagers` does, and drops the last-applied copy.
    fn take_over(&self, live: &Value, text: &str) {
        const OWN: &str = "kustomize-controller";
        let entries = live["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
        let is_taken = |entry: &Value| {
            let name = entry["manager"].as_str().unwrap_or_default();
            let update = entry["operation"] == "Update";
            let by_name =
                name.starts_with("kubectl") || (update && ["before-first-apply", OWN].contains(&name));
            by_name && entry.get("subresource").is_none()
        };
        let is_own = |entry: &Value| entry["manager"] == OWN && entry["operation"] == "Apply";
        let (mine, mut others): (Vec<Value>, Vec<Value>) =
            entries.into_iter().partition(|entry| is_own(entry) || is_taken(entry));
        let Some(mut own) = mine.iter().find(|entry| is_own(entry)).or(mine.first()).cloned() else { return };
        mine.iter().for_each(|entry| unite(&mut own["fieldsV1"], &entry["fieldsV1"]));
        own["manager"] = json!(OWN);
        own["operation"] = json!("Apply");
        others.push(own);
        let mut patch = vec![json!({"op": "replace", "path": "/metadata/managedFields", "value": others})];
        if live["metadata"]["annotations"].get("kubectl.kubernetes.io/last-applied-configuration").is_some() {
            let path = "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration";
            patch.push(json!({"op": "remove", "path": path}));
        }
        let patch = Value::from(patch).to_string();
        let arguments = [
            "patch",
            "--field-manager=kustomize-controller",
            "--type=json",
            "--filename",
            "-",
            "--patch",
            &patch,
        ];
        let _ = self.kubectl(&arguments, text).expect_status(0);
    }

    /// By the options of the object.
    fn argocd(&self, document: &Value) -> Output {
        let options = document["metadata"]["annotations"]["argocd.argoproj.io/sync-options"].as_str();
        let is_set = |name: &str| options.unwrap_or_default().split(',').any(|option| option.trim() == name);
        let text = document.to_string();
        let mut arguments = match () {
            () if is_set("Replace=true") && read(self, &text).is_some() => vec!["replace"],
            () if is_set("Replace=true") => vec!["create"],
            () if is_set("ServerSideApply=true") => vec!["apply", "--server-side", "--force-conflicts"],
            () => vec!["apply"],
        };
        if is_set("Force=true") && arguments != ["create"] {
            arguments.push("--force");
        }
        arguments.extend(["--field-manager=argocd-controller", "--filename", "-"]);
        self.kubectl(&arguments, &text)
    }
}

/// Adds the fields of one entry to those of another.
fn unite(into: &mut Value, fields: &Value) {
    if let (Some(into), Some(fields)) = (into.as_object_mut(), fields.as_object()) {
        for (key, inner) in fields {
            unite(into.entry(key.clone()).or_insert_with(|| Value::Object(Map::new())), inner);
        }
    }
}
