//! `deploy/` on a real control plane and a real forge: the CronJob controller makes the Job and the Pod, the test takes
//! the kubelet's place and runs the binary as that Pod says.

mod hostile;
mod image;
mod kubelet;
mod rights;
mod runs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::parts;
use crate::support::tree::{files, root};

/// `deploy/` with an overlay beside it, as a user would write one.
pub(crate) struct Overlay {
    folder: TempDir,
}

impl Overlay {
    pub(crate) fn new(kustomization: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("drift-overlay-").tempdir().expect("a temporary folder");
        for file in files("deploy") {
            let copy = folder.path().join(&file);
            std::fs::create_dir_all(copy.parent().expect("a file has a folder")).expect("a new folder");
            std::fs::copy(root().join(&file), &copy).expect("a file can be copied");
        }
        std::fs::create_dir(folder.path().join("overlay")).expect("a new folder");
        std::fs::write(folder.path().join("overlay/kustomization.yaml"), kustomization).expect("a new file");
        Self { folder }
    }

    /// Its folder.
    fn path(&self) -> String {
        self.folder.path().join("overlay").display().to_string()
    }

    /// What the real kustomize makes of it.
    #[track_caller]
    pub(crate) fn build(&self) -> String {
        self.build_path("overlay")
    }

    #[track_caller]
    #[expect(clippy::disallowed_methods, reason = "tests run programs")]
    fn build_path(&self, path: &str) -> String {
        let output = std::process::Command::new(parts::program("kustomize", "kustomize"))
            .env_clear()
            .arg("build")
            .arg(self.folder.path().join(path))
            .output()
            .expect("kustomize starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kustomize build {path}: {stderr}");
        assert!(!stderr.contains("eprecat"), "kustomize build {path}: {stderr}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }
}

fn documents(yaml: &str) -> Vec<Value> {
    use serde::Deserialize as _;
    serde_yaml::Deserializer::from_str(yaml)
        .map(|document| Value::deserialize(document).expect("a document of YAML"))
        .collect()
}

fn find<'a>(documents: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found = documents.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("there is no {kind} {name}"))
}

fn arguments(documents: &[Value]) -> Vec<&str> {
    let job = &find(documents, "CronJob", "drift")["spec"]["jobTemplate"];
    let arguments = job.pointer("/spec/template/spec/containers/0/args").and_then(Value::as_array);
    arguments.expect("arguments").iter().filter_map(Value::as_str).collect()
}

/// The rules of every ClusterRole of a build.
fn rules(documents: &[Value]) -> Vec<&Value> {
    let roles = documents.iter().filter(|object| object["kind"] == "ClusterRole");
    roles.filter_map(|role| role["rules"].as_array()).flatten().collect()
}

#[test]
fn base_reads_no_secrets_without_the_component() {
    let base = documents(&Overlay::new("").build_path("deploy/base"));
    assert_eq!(
        arguments(&base),
        ["run", "--exit-zero", "--log-format=json", "--repository=$(DRIFT_REPOSITORY)", "--skip-secrets"]
    );
    assert!(rules(&base).len() > 10);
    for rule in rules(&base) {
        assert_eq!(rule["verbs"], json!(["get", "list"]), "{rule}");
        assert_eq!(rule["apiGroups"].as_array().map(Vec::len), Some(1), "{rule}");
        for resource in rule["resources"].as_array().expect("a list") {
            let name = resource.as_str().expect("a name");
            assert!(!name.contains(['*', '/']) && name != "secrets", "{rule}");
        }
    }
    let overlay =
        Overlay::new("resources: [../deploy/base]\ncomponents: [../deploy/components/read-secrets]\n");
    let reads = documents(&overlay.build());
    assert_eq!(
        arguments(&reads),
        ["run", "--exit-zero", "--log-format=json", "--repository=$(DRIFT_REPOSITORY)"]
    );
    let more: Vec<_> = rules(&reads).into_iter().filter(|rule| !rules(&base).contains(rule)).collect();
    assert_eq!(more, [&json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]})]);
    for documents in [&base, &reads] {
        assert!(!documents.iter().any(|object| object["kind"] == "Secret"), "a Secret is no part of it");
    }
}

#[test]
fn readme_signing_patch_fits_base() {
    let readme = std::fs::read_to_string(root().join("deploy/README.md")).expect("it is there");
    let block = |start: &str| {
        let rest = readme.split(start).nth(1).unwrap_or_else(|| panic!("no block begins with {start}"));
        rest.split("```").next().expect("the end of the block").to_owned()
    };
    let overlay = Overlay::new("resources: [../deploy/base]\npatches: [{path: signing.yaml}]\n");
    let patch = block("```yaml\n# One more patch of the overlay.\n");
    std::fs::write(overlay.folder.path().join("overlay/signing.yaml"), patch).expect("a new file");
    let documents = documents(&overlay.build());
    let pod = &find(&documents, "CronJob", "drift")["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    let named = |list: &Value, name: &str| {
        let items = list.as_array().expect("a list").iter().filter(|item| item["name"] == name);
        items.map(Value::clone).collect::<Vec<_>>()
    };
    let container = &pod["containers"][0];
    let [mount] = &named(&container["volumeMounts"], "signing")[..] else { panic!("one mount: {container}") };
    let folder = mount["mountPath"].as_str().expect("a path");
    assert_eq!(mount["readOnly"], true);
    assert_eq!(named(&container["env"], "GIT_CONFIG_GLOBAL")[0]["value"], format!("{folder}/gitconfig"));
    let secret = &named(&pod["volumes"], "signing")[0]["secret"];
    // Readable for the group of the Pod alone: ssh-keygen refuses a key of its own user that others may read.
    assert_eq!(
        (secret["secretName"].as_str(), secret["defaultMode"].as_u64()),
        (Some("drift-signing"), Some(0o440))
    );
    let settings = block("```sh\nssh-keygen ");
    assert!(settings.contains(&format!("signingkey = {folder}/key\n")), "{settings}");
    assert!(
        settings.contains("create secret generic drift-signing --from-file=gitconfig --from-file=key"),
        "{settings}"
    );
}
