//! What a server serves, as it says it, and what it fails to say.

use serde_json::json;

use super::mock::{Mock, Reply};
use crate::cluster::Cluster;

type Case = (&'static str, fn() -> Reply, &'static str);

fn shown(cluster: &Cluster) -> Vec<String> {
    let kinds = &cluster.served().kinds;
    kinds.iter().map(|kind| format!("{}/{} {}", kind.group, kind.version, kind.kind)).collect()
}

#[tokio::test]
async fn kinds_are_sorted_with_the_preferred_version_first() {
    let mock = Mock::start(|_| None);
    let cluster = mock.cluster().await;
    let expected = [
        "/v1 ConfigMap",
        "/v1 Namespace",
        "/v1 Pod",
        "/v1 Secret",
        "apps/v1 Deployment",
        "example.com/v1 Widget",
        "example.com/v1beta1 Widget",
    ];
    assert_eq!(shown(&cluster), expected);
    assert_eq!(cluster.served().version, "v1.36.2");
    assert!(cluster.undiscovered().is_empty());
    let namespace = cluster.served().kind("", "v1", "Namespace").expect("it is served");
    assert!(!namespace.namespaced && namespace.listable);
}

#[tokio::test]
async fn a_group_whose_server_is_down_is_undiscovered_and_the_rest_is_read() {
    let mock = Mock::start(|seen| {
        (seen.url == "/apis").then(|| {
            Reply::Json(200, json!({"items": [
                {"metadata": {"name": "metrics.k8s.io"}, "versions": [{"version": "v1beta1", "freshness": "Stale"}]},
                {"metadata": {"name": "apps"}, "versions": [{"version": "v1", "freshness": "Current", "resources": [
                    {"resource": "deployments", "responseKind": {"kind": "Deployment"}, "scope": "Namespaced",
                     "verbs": ["create"]},
                    {"resource": "nothing", "scope": "Namespaced", "verbs": ["create"]}]}]}]}))
        })
    });
    let cluster = mock.cluster().await;
    let undiscovered = cluster.undiscovered();
    assert_eq!(undiscovered.len(), 1);
    assert_eq!(
        (undiscovered[0].group.as_str(), undiscovered[0].version.as_str()),
        ("metrics.k8s.io", "v1beta1")
    );
    let incomplete = crate::model::Incomplete::from(undiscovered[0].clone());
    assert_eq!(incomplete.what, "kinds of metrics.k8s.io/v1beta1");
    let deployment = cluster.served().kind("apps", "v1", "Deployment").expect("it is served");
    assert!(!deployment.listable);
}

#[tokio::test]
async fn an_older_server_is_asked_group_by_group() {
    let mock = Mock::start(|seen| {
        Some(Reply::Json(
            200,
            match seen.url.as_str() {
                "/api" => json!({"kind": "APIVersions", "versions": ["v1"]}),
                "/apis" => json!({"kind": "APIGroupList", "groups": [
                {"name": "batch", "versions": [{"version": "v1beta1"}, {"version": "v1"}],
                 "preferredVersion": {"version": "v1"}},
                {"name": "down.example.com", "versions": [{"version": "v1"}]}]}),
                "/api/v1" => json!({"resources": [
                {"name": "pods", "kind": "Pod", "namespaced": true, "verbs": ["list"]},
                {"name": "pods/log", "kind": "Pod", "namespaced": true, "verbs": ["get"]}]}),
                "/apis/batch/v1" | "/apis/batch/v1beta1" => json!({"resources": [
                {"name": "cronjobs", "kind": "CronJob", "namespaced": true, "verbs": ["list"]}]}),
                "/apis/down.example.com/v1" => return Some(Reply::Text(503, "", "down".to_owned())),
                _ => return None,
            },
        ))
    });
    let cluster = mock.cluster().await;
    assert_eq!(shown(&cluster), ["/v1 Pod", "batch/v1 CronJob", "batch/v1beta1 CronJob"]);
    assert_eq!(cluster.undiscovered()[0].group, "down.example.com");
    assert!(cluster.undiscovered()[0].why.contains("503"), "{:?}", cluster.undiscovered());
}

#[tokio::test]
async fn a_server_that_does_not_say_what_it_serves_is_no_empty_cluster() {
    let cases: [Case; 7] = [
        (
            "401",
            || Reply::Json(401, json!({"kind": "Status", "message": "Unauthorized"})),
            "wrong or expired",
        ),
        (
            "403",
            || Reply::Json(403, json!({"kind": "Status", "message": "no"})),
            "bind the role system:discovery",
        ),
        ("404", || Reply::Text(404, "", "not found".to_owned()), "404"),
        ("HTML", || Reply::Text(200, "", "<html>".to_owned()), "not that of a Kubernetes API server"),
        ("other JSON", || Reply::Json(200, json!({"hello": 1})), "not that of a Kubernetes API server"),
        ("serves nothing", || Reply::Json(200, json!({"items": []})), "it serves nothing"),
        ("no answer", || Reply::Silent, "no answer within"),
    ];
    for (name, reply, why) in cases {
        let mock = Mock::start(move |seen| seen.url.starts_with("/api").then(reply));
        let error = Cluster::connect(&mock.settings()).await.err().expect(name);
        assert!(error.to_string().contains(why), "{name}: {error}");
        assert!(!error.is_configuration(), "{name}");
        assert!(error.to_string().contains(&mock.url), "{name}: {error}");
    }
}

#[tokio::test]
async fn a_server_may_keep_its_version_to_itself() {
    let mock = Mock::start(|seen| (seen.url == "/version").then(|| Reply::Json(403, json!({}))));
    assert_eq!(mock.cluster().await.served().version, "");
}
