//! The kubelet's place, as far as a Job needs it: a Pod's arguments, environment and mounted files resolved, its one
//! container run on this machine, and its end told to the API server.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::cluster::ControlPlane;
use crate::support::command::{Drift, Output};
use crate::support::servers::eventually;

/// Where a Pod finds its service account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Runs the Pods of one namespace.
pub(super) struct Kubelet<'a> {
    plane: &'a ControlPlane,
    namespace: &'a str,
    /// Folders of the containers' mounts, kept between runs as nothing of a Pod is.
    root: TempDir,
}

impl<'a> Kubelet<'a> {
    pub(super) fn new(plane: &'a ControlPlane, namespace: &'a str) -> Self {
        let root = tempfile::Builder::new().prefix("drift-pods-").tempdir().expect("a temporary folder");
        Self { plane, namespace, root }
    }

    fn list(&self, kind: &str) -> Vec<Value> {
        let answer =
            self.plane.kubectl("admin", &["--namespace", self.namespace, "get", kind, "--output=json"]);
        answer.expect_status(0).json()["items"].as_array().cloned().unwrap_or_default()
    }

    pub(super) fn jobs(&self) -> Vec<Value> {
        self.list("jobs")
    }

    pub(super) fn pods_of(&self, job: &Value) -> Vec<Value> {
        let owned = |pod: &Value| pod["metadata"]["ownerReferences"][0]["uid"] == job["metadata"]["uid"];
        self.list("pods").into_iter().filter(owned).collect()
    }

    /// The Pod that the Job controller makes.
    #[track_caller]
    pub(super) fn pod_of(&self, job: &Value) -> Value {
        eventually("the Job controller makes a Pod", Duration::from_secs(60), || self.pods_of(job).pop())
    }

    /// Runs the one container of a Pod to its end.
    #[track_caller]
    pub(super) fn run(&self, pod: &Value) -> Output {
        self.run_as(pod, |drift| drift)
    }

    /// As [`Self::run`], with no more memory than the container may have. The limit is of addresses: stricter than a
    /// cgroup's, and too strict for helm and kustomize.
    #[track_caller]
    pub(super) fn run_within_its_memory(&self, pod: &Value) -> Output {
        let limit = text(&pod["spec"]["containers"][0]["resources"]["limits"]["memory"]);
        let mib: usize = limit.strip_suffix("Mi").and_then(|mib| mib.parse().ok()).expect("a number of Mi");
        self.run_as(pod, |drift| drift.limited(&format!("-v {}", mib << 10)))
    }

    #[track_caller]
    fn run_as(&self, pod: &Value, limited: impl FnOnce(Drift) -> Drift) -> Output {
        let spec = &pod["spec"];
        let container = &spec["containers"][0];
        assert_eq!(spec["containers"].as_array().map(Vec::len), Some(1), "one container: {spec}");
        assert!(container.get("command").is_none(), "the image's entry point is drift");
        let root = self.root.path().join(text(&pod["metadata"]["uid"]));
        let mounts = self.mount(pod, &root);
        let mut environment = self.environment(container);
        environment.insert("KUBERNETES_SERVICE_HOST".to_owned(), "127.0.0.1".to_owned());
        let port = self.plane.url().rsplit(':').next().expect("a port").to_owned();
        environment.insert("KUBERNETES_SERVICE_PORT".to_owned(), port);
        let arguments = container["args"].as_array().expect("arguments");
        let arguments = arguments.iter().map(|argument| expand(text(argument), &environment));
        let mut drift = Drift::new().with_tools(&["helm", "kustomize"]).args(arguments);
        // The container has a root of its own: here its mounts lie below a folder, and variables that name them too.
        drift = drift.env("DRIFT_SERVICE_ACCOUNT_DIR", below(&root, SERVICE_ACCOUNT));
        for (name, value) in &environment {
            let mounted = mounts.iter().any(|mount| Path::new(value).starts_with(mount));
            drift = if mounted { drift.env(name, below(&root, value)) } else { drift.env(name, value) };
        }
        let drift = limited(drift);
        let output = drift.run();
        let written: Vec<_> = ["cwd", "tmp", ".cache", ".config", ".local"]
            .into_iter()
            .filter(|folder| {
                std::fs::read_dir(drift.home().join(folder)).is_ok_and(|mut all| all.next().is_some())
            })
            .collect();
        assert!(written.is_empty(), "the root is read-only, and drift wrote beside its mounts: {written:?}");
        output
    }

    /// Fills the folders of the mounts; gives their paths in the container.
    fn mount(&self, pod: &Value, root: &Path) -> Vec<String> {
        let spec = &pod["spec"];
        let volumes = spec["volumes"].as_array().expect("volumes");
        let mut paths = vec![];
        for mount in spec["containers"][0]["volumeMounts"].as_array().expect("mounts") {
            let path = text(&mount["mountPath"]);
            let folder = below(root, path);
            std::fs::create_dir_all(&folder).expect("a new folder");
            let volume = volumes.iter().find(|volume| volume["name"] == mount["name"]).expect("its volume");
            if let Some(secret) = volume.get("secret") {
                self.mount_secret(secret, &folder);
            } else {
                assert!(volume.get("emptyDir").is_some(), "no such volume is known here: {volume}");
            }
            paths.push(path.to_owned());
        }
        if spec["automountServiceAccountToken"] == true {
            self.mount_service_account(pod, &below(root, SERVICE_ACCOUNT));
        }
        paths
    }

    fn mount_secret(&self, of: &Value, folder: &Path) {
        let secret = self.plane.live(self.namespace, &format!("secret/{}", text(&of["secretName"])));
        for item in of["items"].as_array().expect("items") {
            let value = secret["data"][text(&item["key"])].as_str().expect("the key is there");
            let bytes = base64::engine::general_purpose::STANDARD.decode(value).expect("base64");
            std::fs::write(folder.join(text(&item["path"])), bytes).expect("a new file");
        }
    }

    /// A token that lives as long as the Pod, minted by the API server.
    fn mount_service_account(&self, pod: &Value, folder: &Path) {
        std::fs::create_dir_all(folder).expect("a new folder");
        let account = text(&pod["spec"]["serviceAccountName"]);
        let bound = json!({"apiVersion": "v1", "kind": "Pod", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]});
        let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": {"expirationSeconds": 3607, "boundObjectRef": bound}});
        let path = format!("/api/v1/namespaces/{}/serviceaccounts/{account}/token", self.namespace);
        let (status, answer) = self.plane.api("admin", "POST", &path, Some(&body));
        assert_eq!(status, 201, "{answer}");
        std::fs::write(folder.join("token"), text(&answer["status"]["token"])).expect("a new file");
        std::fs::copy(self.plane.ca(), folder.join("ca.crt")).expect("a new file");
        std::fs::write(folder.join("namespace"), self.namespace).expect("a new file");
    }

    fn environment(&self, container: &Value) -> BTreeMap<String, String> {
        let mut environment = BTreeMap::new();
        for variable in container["env"].as_array().expect("variables") {
            let value = match variable.get("valueFrom") {
                None => expand(text(&variable["value"]), &environment),
                Some(from) => {
                    let from =
                        from.get("configMapKeyRef").unwrap_or_else(|| panic!("not known here: {from}"));
                    let map = self.plane.live(self.namespace, &format!("configmap/{}", text(&from["name"])));
                    text(&map["data"][text(&from["key"])]).to_owned()
                }
            };
            environment.insert(text(&variable["name"]).to_owned(), value);
        }
        environment
    }

    /// Tells the API server that the container ended.
    #[track_caller]
    pub(super) fn end(&self, pod: &Value, code: i32) {
        let now = "2026-01-01T00:00:00Z";
        let phase = if code == 0 { "Succeeded" } else { "Failed" };
        let ended = json!({"exitCode": code, "reason": if code == 0 { "Completed" } else { "Error" }, "startedAt": now, "finishedAt": now});
        let status = json!({"status": {"phase": phase, "containerStatuses": [{
            "name": pod["spec"]["containers"][0]["name"], "image": pod["spec"]["containers"][0]["image"],
            "imageID": "", "ready": false, "restartCount": 0, "state": {"terminated": ended},
        }]}});
        let name = text(&pod["metadata"]["name"]);
        let status = status.to_string();
        let arguments = [
            "--namespace",
            self.namespace,
            "patch",
            "pod",
            name,
            "--subresource=status",
            "--type=merge",
            "--patch",
            &status,
        ];
        let _ = self.plane.kubectl("admin", &arguments).expect_status(0);
    }

    /// Waits for a condition of a Job.
    #[track_caller]
    pub(super) fn wait_for(&self, job: &Value, condition: &str) {
        let name = format!("job/{}", text(&job["metadata"]["name"]));
        eventually(&format!("{name} is {condition}"), Duration::from_secs(60), || {
            let job = self.plane.live(self.namespace, &name);
            let conditions = job["status"]["conditions"].as_array()?;
            let holds = |found: &&Value| found["type"] == condition && found["status"] == "True";
            conditions.iter().find(holds).map(|_| ())
        });
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text"))
}

fn below(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// `$(NAME)`, as Kubernetes replaces it.
fn expand(text: &str, environment: &BTreeMap<String, String>) -> String {
    environment.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("$({name})"), value))
}
