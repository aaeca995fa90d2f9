//! What the service account of `deploy/` may do, by the API server's own answers.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Overlay, documents, rules};
use crate::support::cluster::ControlPlane;
use crate::support::http::Call;
use crate::support::servers::eventually;

/// One request with the token of a service account.
fn request(plane: &ControlPlane, token: &str, method: &str, path: &str) -> u16 {
    let (url, authorization, ca) = (format!("{}{path}", plane.url()), format!("Bearer {token}"), plane.ca());
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a-test"}});
    let body = (method == "POST" || method == "PUT").then_some(&body);
    let call = Call { method, url: &url, authorization: Some(&authorization), body, ca: Some(&ca) };
    call.send().unwrap_or_else(|why| panic!("{why}")).0
}

#[test]
fn service_account_can_only_read() {
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
const NOT_READ: [&str; 7] = [
    "certificatesigningrequests.certificates.k8s.io",
    "componentstatuses",
    "csinodes.storage.k8s.io",
    "nodes",
    "resourceslices.resource.k8s.io",
    "secrets",
    "volumeattachments.storage.k8s.io",
];

/// Kinds of Flux and Argo CD, which this Kubernetes does not serve.
const GITOPS: [&str; 8] = [
    "applications.argoproj.io",
    "applicationsets.argoproj.io",
    "helmreleases.helm.toolkit.fluxcd.io",
    "kustomizations.kustomize.toolkit.fluxcd.io",
    "gitrepositories.source.toolkit.fluxcd.io",
    "helmcharts.source.toolkit.fluxcd.io",
    "helmrepositories.source.toolkit.fluxcd.io",
    "ocirepositories.source.toolkit.fluxcd.io",
];

#[test]
fn role_reads_every_declarable_kind() {
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
    let unknown: Vec<_> = read
        .iter()
        .filter(|name| !GITOPS.contains(&name.as_str()))
        .filter(|name| !listed.stdout.lines().any(|known| known == *name))
        .collect();
    assert!(unknown.is_empty(), "read, and not served by this Kubernetes: {unknown:#?}");
}
