//! The cluster module on a real API server: what it serves, holds, refuses, and how it is reached.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use drift::cluster::{
    Cluster, ClusterError, ClusterSettings, ListScope, Projection, ReadError, ReadErrorKind, ServiceAccount,
    write_snapshot,
};
use drift::model::ApiResource;
use futures::StreamExt;
use serde_json::{Value, json};

use crate::support::cluster::ControlPlane;
use crate::support::servers::eventually;

fn settings(plane: &ControlPlane, user: &str) -> ClusterSettings {
    ClusterSettings {
        kubeconfig: Some(plane.kubeconfig(user)),
        timeout: Duration::from_secs(20),
        ..ClusterSettings::default()
    }
}

async fn connect(plane: &ControlPlane, user: &str) -> Cluster {
    Cluster::connect(&settings(plane, user)).await.expect("the control plane is up")
}

/// Connects with a kubeconfig of this cluster and user.
async fn connect_with(cluster: &Value, user: &Value) -> Result<Cluster, ClusterError> {
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "x",
        "clusters": [{"name": "x", "cluster": cluster}], "users": [{"name": "x", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
    });
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("kubeconfig");
    std::fs::write(&file, kubeconfig.to_string()).expect("the folder is ours");
    let settings = ClusterSettings {
        kubeconfig: Some(file),
        timeout: Duration::from_secs(20),
        ..ClusterSettings::default()
    };
    Cluster::connect(&settings).await
}

fn kind(cluster: &Cluster, group: &str, kind: &str) -> ApiResource {
    cluster
        .api_resources()
        .preferred_version(group, kind)
        .unwrap_or_else(|| panic!("{kind} is served"))
        .clone()
}

/// The pages of a list, and why it ended early.
async fn pages(
    cluster: &Cluster,
    kind: &ApiResource,
    namespace: Option<&str>,
    what: Projection,
) -> (Vec<Vec<Value>>, Option<ReadError>) {
    let (mut pages, mut unread) = (vec![], None);
    let mut list = cluster.list(kind, namespace, what);
    while let Some(next) = list.next().await {
        match next {
            Ok(page) => pages.push(page.iter().map(|item| item.parse().expect("it is JSON")).collect()),
            Err(cause) => unread = Some(cause),
        }
    }
    (pages, unread)
}

/// Makes ConfigMaps `c-0` to `c-(count - 1)`, many at a time.
async fn make_config_maps(plane: &ControlPlane, namespace: &str, count: usize) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let ca = std::fs::read(plane.ca()).expect("the control plane has a certificate");
    let certificates = reqwest::Certificate::from_pem_bundle(&ca).expect("certificates");
    let client =
        reqwest::Client::builder().no_proxy().tls_certs_only(certificates).build().expect("a client");
    let url = format!("{}/api/v1/namespaces/{namespace}/configmaps", plane.url());
    let made = futures::stream::iter(0..count).map(|number| {
        let body =
            json!({"metadata": {"name": format!("c-{number}")}, "data": {"number": number.to_string()}});
        let request = client.post(&url).bearer_auth(plane.token("admin")).json(&body);
        async move { request.send().await.expect("an answer").status().as_u16() }
    });
    let statuses: Vec<u16> = made.buffer_unordered(16).collect().await;
    assert!(statuses.iter().all(|status| *status == 201), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_many_pages_is_whole() {
    let plane = ControlPlane::shared();
    let namespace = plane.fresh_namespace("pages");
    make_config_maps(plane, &namespace, 1501).await;
    let cluster = connect(plane, "admin").await;
    let config_maps = kind(&cluster, "", "ConfigMap");
    for (what, expected) in [(Projection::Objects, 7), (Projection::Metadata, 4)] {
        let (pages, unread) = pages(&cluster, &config_maps, Some(&namespace), what).await;
        assert_eq!(unread, None);
        assert_eq!(pages.len(), expected, "{what:?}");
        let mut numbers: Vec<usize> = vec![];
        for object in pages.iter().flatten() {
            assert_eq!((&object["apiVersion"], &object["kind"]), (&json!("v1"), &json!("ConfigMap")));
            assert_eq!(object.get("data").is_some(), what == Projection::Objects);
            assert!(object["metadata"]["managedFields"].is_array(), "attribution needs them: {object}");
            let name = object["metadata"]["name"].as_str().expect("a name");
            numbers.push(name.strip_prefix("c-").expect("ours").parse().expect("a number"));
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (0..1501).collect::<Vec<_>>());
    }
}

const CRD: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.cluster-test.example}
spec:
  group: cluster-test.example
  scope: Namespaced
  names: {kind: Gadget, plural: gadgets, listKind: BagOfGadgets}
  versions:
  - {name: v1beta1, served: true, storage: false, schema: &s {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer, default: 3}}}}}}}
  - {name: v1, served: true, storage: true, schema: *s}
";

#[tokio::test(flavor = "multi_thread")]
async fn custom_kind_discovered_listed_and_read() {
    let plane = ControlPlane::shared();
    let namespace = plane.fresh_namespace("gadgets");
    plane.apply("admin", &namespace, CRD, &[]);
    eventually("the CRD is served", Duration::from_secs(30), || {
        let (status, answer) = plane.api("admin", "GET", "/openapi/v3", None);
        let described = answer.pointer("/paths/apis~1cluster-test.example~1v1").is_some();
        (status == 200 && described).then_some(())
    });
    let gadget = "apiVersion: cluster-test.example/v1\nkind: Gadget\nmetadata: {name: one}\nspec: {}\n";
    plane.apply("admin", &namespace, gadget, &[]);
    let cluster = connect(plane, "admin").await;
    let gadgets = kind(&cluster, "cluster-test.example", "Gadget");
    assert_eq!((gadgets.version.as_str(), gadgets.namespaced, gadgets.supports_list), ("v1", true, true));
    let older = cluster
        .api_resources()
        .kind("cluster-test.example", "v1beta1", "Gadget")
        .expect("served too")
        .clone();
    for kind in [&gadgets, &older] {
        let (pages, unread) = pages(&cluster, kind, None, Projection::Objects).await;
        assert_eq!(unread, None);
        let listed: Vec<_> = pages.into_iter().flatten().collect();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0]["apiVersion"], format!("cluster-test.example/{}", kind.version));
        assert_eq!((&listed[0]["kind"], &listed[0]["spec"]["size"]), (&json!("Gadget"), &json!(3)));
        let read = cluster.get(kind, Some(&namespace), "one").await.expect("it is read");
        assert_eq!(read.as_ref(), Some(&listed[0]));
    }
    assert_eq!(cluster.get(&gadgets, Some(&namespace), "two").await, Ok(None));
    let schema =
        cluster.schema("cluster-test.example", "v1").await.expect("it is read").expect("it is there");
    assert!(schema.has_kind("cluster-test.example", "v1", "Gadget"));
}

#[tokio::test(flavor = "multi_thread")]
async fn server_kinds_version_and_identity_discovered() {
    let plane = ControlPlane::shared();
    let cluster = connect(plane, "admin").await;
    assert!(cluster.api_resources().version.starts_with("v1."), "{}", cluster.api_resources().version);
    let scales = cluster.api_resources().kinds.iter().filter(|of| of.group == "autoscaling");
    let versions: Vec<_> = scales.map(|of| format!("{} {}", of.version, of.kind)).collect();
    assert_eq!(versions, ["v2 HorizontalPodAutoscaler", "v1 HorizontalPodAutoscaler"]);
    assert!(
        !cluster
            .api_resources()
            .kind("authorization.k8s.io", "v1", "SelfSubjectAccessReview")
            .expect("served")
            .supports_list
    );
    let uid = plane.live("default", "namespace/kube-system")["metadata"]["uid"].clone();
    let identity = cluster.identity().await.expect("it is read").expect("it is there");
    assert_eq!(uid, identity.as_str());
    assert_eq!(cluster.server(), Some(plane.url().as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_limited_by_role_and_rest_unread() {
    let plane = ControlPlane::shared();
    let (open, closed) = (plane.fresh_namespace("open"), plane.fresh_namespace("closed"));
    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: reader}\n\
                rules: [{apiGroups: [''], resources: [configmaps], verbs: [get, list]}]\n---\n\
                apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: reader}\n\
                roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}\n\
                subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: auditor}]\n";
    plane.apply("admin", &open, role, &[]);
    let cluster = connect(plane, "auditor").await;
    let (config_maps, secrets) = (kind(&cluster, "", "ConfigMap"), kind(&cluster, "", "Secret"));
    let allowed = async || pages(&cluster, &config_maps, Some(&open), Projection::Objects).await.1.is_none();
    for _ in 0..50 {
        if allowed().await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await; // the authorizer's informer
    }
    assert!(allowed().await);
    for (kind, namespace, what, message) in [
        (
            &config_maps,
            Some(closed.as_str()),
            format!("configmaps in {closed}"),
            "allows `list` on configmaps",
        ),
        (&config_maps, None, "configmaps".to_owned(), "allows `list` on configmaps"),
        (&secrets, Some(open.as_str()), format!("secrets in {open}"), "`secrets: skip`"),
    ] {
        let (pages, unread) = pages(&cluster, kind, namespace, Projection::Objects).await;
        let unread = unread.expect("it is forbidden");
        assert!(pages.is_empty());
        assert_eq!((unread.kind, unread.what.as_str()), (ReadErrorKind::Forbidden, what.as_str()));
        assert!(
            unread.why.contains("403 Forbidden") && unread.why.contains("User \"auditor\" cannot list"),
            "{unread}"
        );
        assert!(unread.why.contains(message), "{unread}");
    }
    let unread = cluster.identity().await.expect_err("kube-system is not theirs");
    assert_eq!(unread.kind, ReadErrorKind::Forbidden);
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_errors_name_certificate_and_fault() {
    let plane = ControlPlane::shared();
    let user = json!({"token": plane.token("admin")});
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bundle = std::fs::read_to_string(plane.ca()).expect("the certificate");
    let (leaf, _) = bundle.split_once("-----END CERTIFICATE-----\n").expect("a certificate");
    let leaf_only: PathBuf = folder.path().join("leaf.crt");
    std::fs::write(&leaf_only, format!("{leaf}-----END CERTIFICATE-----\n")).expect("the folder is ours");
    let (url, ca) = (plane.url(), plane.ca());
    for (name, cluster, why) in [
        (
            "the server's own certificate as the authority",
            json!({"server": url, "certificate-authority": leaf_only}),
            "drift needs the one of the authority that signed it",
        ),
        ("no authority", json!({"server": url}), "TLS: "),
        (
            "another name",
            json!({"server": url, "certificate-authority": ca, "tls-server-name": "elsewhere.example"}),
            "reach the server by a name of its certificate",
        ),
    ] {
        let error = connect_with(&cluster, &user).await.err().expect(name);
        assert!(error.to_string().contains(why) && error.to_string().contains(&url), "{name}: {error}");
        assert!(!error.is_configuration(), "{name}");
    }
    let trusting = json!({"server": url, "insecure-skip-tls-verify": true});
    connect_with(&trusting, &user).await.expect("nothing is verified");
    let wrong = json!({"token": "wrong"});
    let error = connect_with(&trusting, &wrong).await.err().expect("the token is wrong");
    assert!(
        error.to_string().contains("401 Unauthorized") && error.to_string().contains("wrong or expired"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_from_plugin_or_service_account() {
    let plane = ControlPlane::shared();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let credential = json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                            "status": {"token": plane.token("admin")}});
    let plugin = folder.path().join("plugin");
    std::fs::write(&plugin, format!("#!/bin/sh\necho '{credential}'\n")).expect("the folder is ours");
    std::fs::set_permissions(&plugin, PermissionsExt::from_mode(0o755)).expect("the file is ours");
    let user = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": plugin,
                               "interactiveMode": "Never"}});
    let cluster = json!({"server": plane.url(), "certificate-authority": plane.ca()});
    let cluster = connect_with(&cluster, &user).await.expect("the plug-in gives the token");
    assert!(cluster.identity().await.expect("admin may read it").is_some());

    std::fs::copy(plane.ca(), folder.path().join("ca.crt")).expect("the folder is ours");
    std::fs::write(folder.path().join("token"), plane.token("admin")).expect("the folder is ours");
    let port = plane.url().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let account = ServiceAccount { host: "127.0.0.1".to_owned(), port, folder: folder.path().to_owned() };
    let settings = ClusterSettings { service_account: Some(account), ..ClusterSettings::default() };
    let cluster = Cluster::connect(&settings).await.expect("the service account is right");
    assert!(cluster.identity().await.expect("admin may read it").is_some());
    assert_eq!(cluster.context(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshot_of_cluster_has_no_secret_values() {
    let plane = ControlPlane::shared();
    let namespace = plane.fresh_namespace("snapshot");
    let secret =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {password: correct-horse}\n";
    plane.apply("admin", &namespace, secret, &[]);
    let cluster = connect(plane, "admin").await;
    let mut scopes = vec![];
    for (group, name) in [("", "Secret"), ("", "Namespace"), ("apps", "Deployment")] {
        let kind = kind(&cluster, group, name);
        let namespace = kind.namespaced.then(|| namespace.clone());
        scopes.push(ListScope { kind, namespace });
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("snapshot.jsonl");
    let mut into = std::fs::File::create(&file).expect("the folder is ours");
    let summary = write_snapshot(&cluster, &scopes, &mut into).await.expect("the disk has room");
    assert_eq!(summary.unread, []);
    let text = std::fs::read_to_string(&file).expect("it was written");
    for leaked in ["correct-horse", "Y29ycmVjdC1ob3JzZQ"] {
        assert!(!text.contains(leaked), "{leaked} is in the snapshot");
    }
    let snapshot = Cluster::open_snapshot(&file).expect("we wrote it");
    assert_eq!(snapshot.api_resources(), cluster.api_resources());
    assert_eq!(snapshot.identity().await, cluster.identity().await);
    let secrets = kind(&snapshot, "", "Secret");
    let (pages, unread) = pages(&snapshot, &secrets, Some(&namespace), Projection::Objects).await;
    assert_eq!(unread, None);
    assert_eq!(pages[0][0]["data"], json!({"password": null}));
    let namespaces = kind(&snapshot, "", "Namespace");
    let read = snapshot.get(&namespaces, None, &namespace).await.expect("it is held");
    let live = cluster.get(&namespaces, None, &namespace).await.expect("it is read");
    assert_eq!(read, live);
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_only_gets_and_lists() {
    let plane = ControlPlane::shared();
    let cluster = connect(plane, "carol").await;
    let _ = cluster.identity().await;
    let _ = pages(&cluster, &kind(&cluster, "", "Pod"), None, Projection::Metadata).await;
    let ours = |entry: &Value| entry["userAgent"].as_str().is_some_and(|agent| agent.starts_with("drift/"));
    plane.audited("carol lists Pods", |entry| {
        ours(entry) && entry["user"]["username"] == "carol" && entry["objectRef"]["resource"] == "pods"
    });
    for entry in plane.audit().iter().filter(|entry| ours(entry)) {
        assert!(entry["verb"] == "get" || entry["verb"] == "list", "{entry}");
    }
}
