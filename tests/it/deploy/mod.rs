//! `deploy/` on a real control plane and a real forge: the CronJob controller makes the Job and the Pod, the test takes
//! the kubelet's place and runs the binary as that Pod says.

mod image;
mod kubelet;

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use self::kubelet::Kubelet;
use crate::support::cluster::ControlPlane;
use crate::support::gitea::{Gitea, Repository, User};
use crate::support::http::Call;
use crate::support::needs;
use crate::support::parts;
use crate::support::repo::Repo;
use crate::support::servers::eventually;
use crate::support::tree::{files, root};

/// `deploy/` with an overlay beside it, as a user would write one.
struct Overlay {
    folder: TempDir,
}

impl Overlay {
    fn new(kustomization: &str) -> Self {
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

    /// What the real kustomize makes of it.
    #[track_caller]
    fn build(&self) -> String {
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
fn the_base_reads_named_kinds_and_no_secrets_and_the_component_adds_them() {
    let base = documents(&Overlay::new("").build_path("deploy/base"));
    assert_eq!(
        arguments(&base),
        ["run", "--exit-zero", "--repository=$(DRIFT_REPOSITORY)", "--skip-secrets"]
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
    assert_eq!(arguments(&reads), ["run", "--exit-zero", "--repository=$(DRIFT_REPOSITORY)"]);
    let more: Vec<_> = rules(&reads).into_iter().filter(|rule| !rules(&base).contains(rule)).collect();
    assert_eq!(more, [&json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]})]);
    for documents in [&base, &reads] {
        assert!(!documents.iter().any(|object| object["kind"] == "Secret"), "a Secret is no part of it");
    }
}

/// The overlay that `deploy/README.md` shows, with this repository, run every minute.
fn documented_overlay(repository: &str) -> String {
    let text = std::fs::read_to_string(root().join("deploy/README.md")).expect("it is there");
    let block =
        text.split("```yaml\n# kustomization.yaml\n").nth(1).expect("the overlay").split("```").next();
    let mut overlay = block.expect("the end of the block").to_owned();
    for (shown, ours) in [
        ("https://github.com/drift/drift//deploy/base?ref=v0.1.0", "../deploy/base"),
        ("https://git.example.com/acme/gitops.git", repository),
        ("*/15 * * * *", "* * * * *"),
    ] {
        assert!(overlay.contains(shown), "the overlay no longer has {shown}: {overlay}");
        overlay = overlay.replace(shown, ours);
    }
    overlay
}

const MANIFEST: &str = "\
# Who pays the bills.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 1
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: web
          image: registry.example/web:1
          resources:
            limits:
              memory: 512Mi # enough, we thought
";

/// A forge with a repository that declares a Deployment of `namespace`, and the login that drift has there.
fn forge(gitea: &Gitea, namespace: &str) -> (Repository, User) {
    let (owner, bot) = (gitea.user("owner"), gitea.user("drift-bot"));
    let config = format!(
        "version: 1\ncluster: test\nforge: {{type: gitea, login: {}}}\nsources: [{{path: apps, namespace: {namespace}}}]\n",
        bot.name
    );
    let content = Repo::with(&[("drift.yaml", &config), ("apps/web.yaml", MANIFEST)]);
    let repository = gitea.repository_with(&owner, &content);
    gitea.add_collaborator(&repository, &bot, "write");
    (repository, bot)
}

/// The pull requests of a repository, whatever their state.
fn pulls(gitea: &Gitea, of: &Repository) -> Vec<Value> {
    let path = format!("/repos/{}/{}/pulls?state=all&limit=50", of.owner, of.name);
    gitea.must(200, "GET", &path, None).as_array().cloned().unwrap_or_default()
}

/// Branches of a repository with their commits, as JSON.
fn branches(gitea: &Gitea, of: &Repository) -> Vec<(String, String)> {
    let answer = gitea.must(200, "GET", &format!("/repos/{}/{}/branches", of.owner, of.name), None);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let branches = answer.as_array().expect("a list");
    branches.iter().map(|branch| (text(&branch["name"]), text(&branch["commit"]["id"]))).collect()
}

#[test]
fn the_cronjob_ends_a_manual_change_with_a_pull_request() {
    if !needs("cluster") || !needs("forge") {
        return;
    }
    let (plane, gitea) = (ControlPlane::with_controllers(), Gitea::shared());
    let namespace = plane.fresh_namespace("payments");
    let (repository, bot) = forge(gitea, &namespace);
    plane.apply("gitops", &namespace, MANIFEST, &["--server-side", "--field-manager=argocd-controller"]);

    let overlay = Overlay::new(&documented_overlay(&repository.clone_url));
    let path = overlay.folder.path().join("overlay").display().to_string();
    let _ = plane.kubectl("gitops", &["apply", "--kustomize", &path]).expect_status(0);
    let token = overlay.folder.path().join("token");
    std::fs::write(&token, format!("{}\n", bot.token)).expect("a new file");
    let from = format!("--from-file=token={}", token.display());
    let make = ["--namespace", "drift", "create", "secret", "generic", "drift-token", &from];
    let _ = plane.kubectl("admin", &make).expect_status(0);

    let patch = r#"{"spec": {"template": {"spec": {"containers": [{"name": "web", "resources": {"limits": {"memory": "1Gi"}}}]}}}}"#;
    let by_hand = ["--namespace", &namespace, "patch", "deployment", "web", "--patch", patch];
    let _ = plane.kubectl("alice", &by_hand).expect_status(0);

    let kubelet = Kubelet::new(plane, "drift");
    let job = eventually("the CronJob controller makes a Job", Duration::from_secs(120), || {
        kubelet
            .jobs()
            .into_iter()
            .find(|job| job.pointer("/metadata/ownerReferences/0/kind") == Some(&json!("CronJob")))
    });
    let suspend =
        ["--namespace", "drift", "patch", "cronjob", "drift", "--patch", r#"{"spec": {"suspend": true}}"#];
    let _ = plane.kubectl("admin", &suspend).expect_status(0);
    let pod = kubelet.pod_of(&job);
    let output = kubelet.run(&pod);
    assert_eq!(output.status, 0, "{}\n{}", output.stdout, output.stderr);
    assert!(!format!("{output:?}").contains(&bot.token), "the token is in the log");
    kubelet.end(&pod, output.status);
    kubelet.wait_for(&job, "Complete");

    let opened = pulls(gitea, &repository);
    assert_eq!(opened.len(), 1, "{}\n{}", output.stdout, output.stderr);
    let pull = &opened[0];
    assert_eq!((&pull["state"], &pull["base"]["ref"]), (&json!("open"), &json!("main")));
    assert_eq!(pull["user"]["login"], bot.name.as_str());
    let path = format!("/repos/{}/{}/pulls/{}.diff", repository.owner, repository.name, pull["number"]);
    let diff = gitea.must(200, "GET", &path, None);
    let lines = diff.as_str().expect("a diff").lines();
    let changed: Vec<_> = lines
        .filter(|line| line.starts_with(['+', '-']) && !line.starts_with("+++") && !line.starts_with("---"))
        .collect();
    assert_eq!(
        changed,
        [
            "-              memory: 512Mi # enough, we thought",
            "+              memory: 1Gi # enough, we thought"
        ]
    );

    let before = branches(gitea, &repository);
    let again = ["--namespace", "drift", "create", "job", "again", "--from=cronjob/drift"];
    let _ = plane.kubectl("admin", &again).expect_status(0);
    let job = plane.live("drift", "job/again");
    let pod = kubelet.pod_of(&job);
    let output = kubelet.run(&pod);
    assert_eq!(output.status, 0, "{}\n{}", output.stdout, output.stderr);
    kubelet.end(&pod, output.status);
    kubelet.wait_for(&job, "Complete");
    assert_eq!(pulls(gitea, &repository), opened, "the second run finds nothing to do");
    assert_eq!(branches(gitea, &repository), before);

    let ours: Vec<Value> = plane
        .audit()
        .into_iter()
        .filter(|entry| entry["user"]["username"] == "system:serviceaccount:drift:drift")
        .collect();
    assert!(ours.len() > 4, "{ours:?}");
    for entry in ours {
        assert!(matches!(entry["verb"].as_str(), Some("get" | "list")), "{entry}");
        assert_ne!(entry["objectRef"]["resource"], "secrets", "{entry}");
    }
}

#[test]
fn with_the_component_secrets_are_compared_and_their_values_stay_where_they_are() {
    if !needs("cluster") || !needs("forge") {
        return;
    }
    const DECLARED: &str =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {password: value-in-git}\n";
    let (plane, gitea) = (ControlPlane::with_controllers(), Gitea::shared());
    let namespace = plane.fresh_namespace("vault");
    let (owner, bot) = (gitea.user("owner"), gitea.user("drift-bot"));
    let config = format!(
        "version: 1\nforge: {{type: gitea, login: {}}}\nsources: [{{path: apps, namespace: {namespace}}}]\n",
        bot.name
    );
    let repository =
        gitea.repository_with(&owner, &Repo::with(&[("drift.yaml", &config), ("apps/keys.yaml", DECLARED)]));
    gitea.add_collaborator(&repository, &bot, "write");
    plane.apply("gitops", &namespace, DECLARED, &["--server-side", "--field-manager=argocd-controller"]);
    let by_hand = r#"{"stringData": {"password": "value-by-hand"}}"#;
    let _ = plane
        .kubectl("alice", &["--namespace", &namespace, "patch", "secret", "keys", "-p", by_hand])
        .expect_status(0);

    let overlay = Overlay::new(&format!(
        "resources: [../deploy/base]\ncomponents: [../deploy/components/read-secrets]\n\
         namespace: drift-secrets\nnameSuffix: -secrets\npatches:\n- patch: |-\n    apiVersion: v1\n    kind: ConfigMap\n    \
         metadata: {{name: drift-settings, namespace: drift}}\n    data: {{repository: '{}'}}\n",
        repository.clone_url
    ));
    plane.apply("gitops", "drift-secrets", &overlay.build(), &[]);
    let from = format!("--from-literal=token={}", bot.token);
    for arguments in [
        ["create", "secret", "generic", "drift-token", &from],
        ["create", "job", "once", "--from=cronjob/drift-secrets", "--output=name"],
    ] {
        let arguments = [&["--namespace=drift-secrets"][..], &arguments].concat();
        let _ = plane.kubectl("admin", &arguments).expect_status(0);
    }
    let kubelet = Kubelet::new(plane, "drift-secrets");
    let pod = kubelet.pod_of(&plane.live("drift-secrets", "job/once"));
    let output = eventually("the role is bound", Duration::from_secs(60), || {
        Some(kubelet.run(&pod)).filter(|output| output.status != 3)
    });
    assert_eq!(output.status, 0, "{}\n{}", output.stdout, output.stderr);
    assert!(
        output.stdout.contains("Secret/") && output.stdout.contains("secret: not shown"),
        "{}",
        output.stdout
    );

    let told = format!("/repos/{}/{}/issues?state=all&type=", repository.owner, repository.name);
    let proposals: Vec<Value> =
        ["issues", "pulls"].map(|kind| gitea.must(200, "GET", &format!("{told}{kind}"), None)).to_vec();
    assert!(
        proposals.iter().any(|list| list.as_array().is_some_and(|list| !list.is_empty())),
        "{proposals:?}"
    );
    let everything = format!("{output:?}{proposals:?}");
    for value in ["value-in-git", "value-by-hand", "dmFsdWUtaW4tZ2l0", "dmFsdWUtYnktaGFuZA"] {
        assert!(!everything.contains(value), "{value} left the process: {everything}");
    }
}

#[test]
fn a_configuration_error_fails_the_job_at_once_and_an_incomplete_run_is_tried_again() {
    if !needs("cluster") {
        return;
    }
    let plane = ControlPlane::with_controllers();
    let overlay =
        Overlay::new("resources: [../deploy/base]\nnamespace: drift-failing\nnameSuffix: -failing\n");
    plane.apply("gitops", "drift-failing", &overlay.build(), &[]);
    let kubelet = Kubelet::new(plane, "drift-failing");
    for (name, code, condition) in [("configuration", 2, "Failed"), ("incomplete", 3, "")] {
        let make = ["--namespace", "drift-failing", "create", "job", name, "--from=cronjob/drift-failing"];
        let _ = plane.kubectl("admin", &make).expect_status(0);
        let job = plane.live("drift-failing", &format!("job/{name}"));
        let pod = kubelet.pod_of(&job);
        kubelet.end(&pod, code);
        if condition.is_empty() {
            eventually("a second Pod", Duration::from_secs(60), || {
                (kubelet.pods_of(&job).len() == 2).then_some(())
            });
        } else {
            kubelet.wait_for(&job, condition);
            assert_eq!(kubelet.pods_of(&job).len(), 1, "another try would end the same way");
        }
    }
}

/// One request with the token of a service account.
fn request(plane: &ControlPlane, token: &str, method: &str, path: &str) -> u16 {
    let (url, authorization, ca) = (format!("{}{path}", plane.url()), format!("Bearer {token}"), plane.ca());
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a-test"}});
    let body = (method == "POST" || method == "PUT").then_some(&body);
    let call = Call { method, url: &url, authorization: Some(&authorization), body, ca: Some(&ca) };
    call.send().unwrap_or_else(|why| panic!("{why}")).0
}

#[test]
fn the_service_account_reads_and_does_nothing_else() {
    if !needs("cluster") {
        return;
    }
    let plane = ControlPlane::with_controllers();
    let overlay = |component: &str| {
        let name = "namespace: drift-rights\nnameSuffix: -rights\n";
        Overlay::new(&format!("resources: [../deploy/base]\n{component}{name}")).build()
    };
    plane.apply("gitops", "drift-rights", &overlay(""), &[]);
    let token = plane.kubectl("admin", &["--namespace=drift-rights", "create", "token", "drift-rights"]);
    let token = token.expect_status(0).stdout.trim().to_owned();
    let is = |status: u16, method: &str, path: &str| {
        eventually(&format!("{method} {path} is answered with {status}"), Duration::from_secs(30), || {
            (request(plane, &token, method, path) == status).then_some(())
        });
    };
    // The cluster gathers the rules a moment after the roles were made.
    is(200, "GET", "/apis/apps/v1/deployments");
    is(200, "GET", "/api/v1/namespaces/kube-system");
    is(200, "GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles?limit=1");
    is(200, "GET", "/openapi/v3");
    let now = |status: u16, method: &str, path: &str| {
        assert_eq!(request(plane, &token, method, path), status, "{method} {path}");
    };
    for (method, path) in [
        ("POST", "/api/v1/namespaces/default/configmaps"),
        ("PUT", "/api/v1/namespaces/default/configmaps/a-test"),
        ("PATCH", "/api/v1/namespaces/default/configmaps/kube-root-ca.crt"),
        ("DELETE", "/api/v1/namespaces/default/configmaps/kube-root-ca.crt"),
        ("DELETE", "/apis/apps/v1/namespaces/default/deployments"),
        ("GET", "/api/v1/secrets"),
        ("GET", "/api/v1/namespaces/drift-rights/secrets/drift-token"),
        ("GET", "/api/v1/configmaps?watch=true&timeoutSeconds=1"),
        ("GET", "/api/v1/namespaces/default/pods/a/log"),
        ("POST", "/api/v1/namespaces/default/pods/a/exec"),
        ("GET", "/apis/drift-rights.example/v1/widgets"),
    ] {
        now(403, method, path);
    }
    // The owner of a custom kind adds it.
    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\n\
                metadata: {name: widgets-for-drift, labels: {drift.dev/aggregate-to-reader: 'true'}}\n\
                rules: [{apiGroups: [drift-rights.example], resources: [widgets], verbs: [get, list]}]\n";
    plane.apply("admin", "default", role, &[]);
    is(404, "GET", "/apis/drift-rights.example/v1/widgets");

    plane.apply("gitops", "drift-rights", &overlay("components: [../deploy/components/read-secrets]\n"), &[]);
    is(200, "GET", "/api/v1/secrets");
    now(403, "DELETE", "/api/v1/namespaces/default/secrets");
}

/// Kinds of Kubernetes itself that are not read: Secrets, and what nobody declares in Git.
const NOT_READ: [&str; 8] = [
    "certificatesigningrequests.certificates.k8s.io",
    "componentstatuses",
    "csinodes.storage.k8s.io",
    "csistoragecapacities.storage.k8s.io",
    "nodes",
    "resourceslices.resource.k8s.io",
    "secrets",
    "volumeattachments.storage.k8s.io",
];

#[test]
fn every_kind_of_kubernetes_that_git_may_declare_is_read() {
    if !needs("cluster") {
        return;
    }
    let plane = ControlPlane::shared();
    let listed = plane.kubectl("admin", &["api-resources", "--verbs=list", "--output=name"]).expect_status(0);
    let base = documents(&Overlay::new("").build_path("deploy/base"));
    let mut read: Vec<String> = vec![];
    for rule in rules(&base) {
        let group = rule["apiGroups"][0].as_str().expect("a group");
        for name in rule["resources"].as_array().expect("a list").iter().filter_map(Value::as_str) {
            read.push(if group.is_empty() { name.to_owned() } else { format!("{name}.{group}") });
        }
    }
    // Other tests define kinds of their own meanwhile.
    let built_in = |name: &&str| !name.contains(".example");
    let missed: Vec<_> = listed
        .stdout
        .lines()
        .filter(built_in)
        .filter(|name| !read.iter().any(|known| known == name) && !NOT_READ.contains(name))
        .collect();
    assert!(missed.is_empty(), "neither read nor left out on purpose: {missed:#?}");
    let unknown: Vec<_> =
        read.iter().filter(|name| !listed.stdout.lines().any(|known| known == *name)).collect();
    assert!(unknown.is_empty(), "read, and not served by this Kubernetes: {unknown:#?}");
}
