//! Encrypted files and values: named for what they are, never compared, shown or proposed.

use serde_json::json;

use crate::support::cluster::ControlPlane;
use crate::support::command::Drift;
use crate::support::repo::Repo;

const CIPHER: &str = "ENC[AES256_GCM,data:Zm9v,iv:aXY=,tag:dGFn,type:str]";
const LIVE: &str = "hunter2-in-the-cluster";

/// A manifest with these encrypted lines, as SOPS writes it.
fn sops(manifest: &str) -> String {
    format!(
        "{manifest}sops:\n    age:\n        - recipient: age1x\n          enc: |\n            -----BEGIN AGE ENCRYPTED FILE-----\n            YWdl\n            -----END AGE ENCRYPTED FILE-----\n    mac: {CIPHER}\n    version: 3.9.0\n"
    )
}

fn config_map(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata:\n    url: {CIPHER}\n    host: db\n"
    )
}

/// `drift run` in a new place: what it said, and the objects that are live there.
struct Place {
    namespace: String,
    repo: Repo,
}

impl Place {
    /// With one source, and these live ConfigMaps, whose encrypted value somebody knows.
    fn new(name: &str, source: &str, live: &[&str], files: &[(&str, &str)]) -> Self {
        let plane = ControlPlane::shared();
        let namespace = plane.fresh_namespace(name);
        let config = format!(
            "version: 1\ncluster: test\nforge: {{type: local}}\nsources:\n- {}\n",
            source.replace("NAMESPACE", &namespace)
        );
        let repo = Repo::with(&[&[("drift.yaml", config.as_str())][..], files].concat());
        for name in live {
            let url = format!("--from-literal=url={LIVE}");
            plane.by_hand(&namespace, &["create", "configmap", name, &url, "--from-literal=host=db2"]);
        }
        Self { namespace, repo }
    }

    /// Runs, which must be incomplete, say this of what was not examined, and tell and propose no value.
    #[track_caller]
    fn says(&self, words: &[&str]) {
        let plane = ControlPlane::shared();
        let drift = Drift::new().with_tools(&["helm", "kustomize"]).in_folder(self.repo.path());
        let drift = drift.arg("run").env("KUBECONFIG", plane.kubeconfig("admin"));
        let said = drift.run().expect_status(3);
        for word in words {
            assert!(said.stderr.contains(word), "{word:?} is not in {}", said.stderr);
        }
        let everything = self.repo.git(&["log", "--all", "--patch", "--format=%B"]);
        for text in [&said.stdout, &said.stderr, &everything] {
            assert!(!text.contains(LIVE), "{}: {text}", self.namespace);
        }
        assert!(!everything.contains("\n-    url"), "an encrypted value is replaced: {everything}");
        assert!(
            !said.stderr.contains("unknown field") && !said.stderr.contains("no such field"),
            "{}",
            said.stderr
        );
    }
}

#[test]
fn sops_values_named_in_manifests_and_charts() {
    let values = "values of ConfigMap/";
    let plain = sops(&config_map("cfg"));
    Place::new("sops-plain", "{path: m, namespace: NAMESPACE}", &["cfg"], &[("m/a.yaml", &plain)])
        .says(&[values, "encrypted in Git (SOPS)"]);
    let kustomization = [("k/kustomization.yaml", "resources: [a.yaml]\n"), ("k/a.yaml", plain.as_str())];
    Place::new("sops-root", "{path: k, namespace: NAMESPACE}", &["cfg"], &kustomization)
        .says(&[values, "encrypted in Git (SOPS)"]);
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cfg}\ndata: {url: 'postgres://{{ .Values.url }}@db', host: db}\n";
    let encrypted = sops(&format!("url: {CIPHER}\n"));
    let chart = [
        ("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 0.1.0\n"),
        ("c/templates/a.yaml", template),
        ("c/secrets.yaml", encrypted.as_str()),
    ];
    let source = "{path: c, namespace: NAMESPACE, helm: {release: c, values: [secrets.yaml]}}";
    Place::new("sops-values", source, &["cfg"], &chart)
        .says(&["values file c/secrets.yaml of c: it is encrypted (SOPS)", values]);
    let source = "{path: c, namespace: NAMESPACE, helm: {release: c, values: ['secrets://secrets.yaml']}}";
    Place::new("sops-scheme", source, &["cfg"], &chart).says(&["helm-secrets decrypts it (SOPS)"]);
}

#[test]
fn wholly_encrypted_files_are_named_by_tool() {
    let whole = sops(&format!("apiVersion: {CIPHER}\nkind: {CIPHER}\nmetadata:\n    name: {CIPHER}\n"));
    let binary = json!({"data": CIPHER, "sops": {"mac": CIPHER, "version": "3.9.0"}}).to_string();
    let age = "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----\n";
    let pgp = "-----BEGIN PGP MESSAGE-----\n\nhF4D\n-----END PGP MESSAGE-----\n";
    let files = [
        ("m/whole.yaml", whole.as_str()),
        ("m/binary.json", &binary),
        ("m/age.yaml", age),
        ("m/pgp.yaml", pgp),
    ];
    Place::new("sops-whole", "{path: m, namespace: NAMESPACE}", &[], &files).says(&[
        "m/whole.yaml:1:1: SOPS encrypted all of it",
        "m/binary.json:1:1 (encrypted by SOPS)",
        "m/age.yaml: it is encrypted (age)",
        "m/pgp.yaml: it is encrypted (PGP)",
    ]);
    for (resource, content, tool) in [("a.yaml", age, "age"), ("a.json", binary.as_str(), "SOPS")] {
        let root = [
            ("k/kustomization.yaml", format!("resources: [{resource}]\n")),
            (&format!("k/{resource}"), content.to_owned()),
        ];
        let root: Vec<_> = root.iter().map(|(path, text)| (*path, text.as_str())).collect();
        Place::new("sops-listed", "{path: k, namespace: NAMESPACE}", &[], &root)
            .says(&[&format!("k/{resource} is encrypted ({tool}), and drift does not decrypt")]);
    }
    let generator = "apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata: {name: x}\nfiles: [x.enc.yaml]\n";
    let root = [("k/kustomization.yaml", "generators: [ks.yaml]\n"), ("k/ks.yaml", generator)];
    Place::new("ksops", "{path: k, namespace: NAMESPACE}", &[], &root)
        .says(&["k/ks.yaml: it asks for KSOPS"]);
}
