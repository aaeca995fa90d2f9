//! What a server serves, as it says it, and what it fails to say.

use std::time::{Duration, Instant};

use serde_json::json;

use super::mock::{Mock, Reply, all, impatient};
use crate::cluster::{Cluster, Projection};

type Case = (&'static str, fn() -> Reply, &'static str);

fn shown(cluster: &Cluster) -> Vec<String> {
    let kinds = &cluster.api_resources().kinds;
    kinds.iter().map(|kind| format!("{}/{} {}", kind.group, kind.version, kind.kind)).collect()
}

#[tokio::test]
async fn kinds_sorted_with_preferred_version_first() {
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
    assert_eq!(cluster.api_resources().version, "v1.36.2");
    assert!(cluster.failed_discoveries().is_empty());
    let namespace = cluster.api_resources().kind("", "v1", "Namespace").expect("it is served");
    assert!(!namespace.namespaced && namespace.supports_list);
}

#[tokio::test]
async fn group_that_is_down_is_undiscovered() {
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
    let undiscovered = cluster.failed_discoveries();
    assert_eq!(undiscovered.len(), 1);
    assert_eq!(
        (undiscovered[0].group.as_str(), undiscovered[0].version.as_str()),
        ("metrics.k8s.io", "v1beta1")
    );
    let incomplete = crate::model::Incomplete::from(undiscovered[0].clone());
    assert_eq!(incomplete.what, "kinds of metrics.k8s.io/v1beta1");
    let deployment = cluster.api_resources().kind("apps", "v1", "Deployment").expect("it is served");
    assert!(!deployment.supports_list);
}

#[tokio::test]
async fn list_in_unavailable_group_ends_early() {
    let mock = Mock::start(|seen| {
        let widgets = json!({"resource": "widgets", "responseKind": {"kind": "Widget"}, "verbs": ["list"]});
        match seen.url.as_str() {
            "/apis" => Some(Reply::Json(
                200,
                json!({"items": [{"metadata": {"name": "down.example.com"},
                "versions": [{"version": "v1", "freshness": "Stale", "resources": [widgets]}]}]}),
            )),
            url if url.contains("/widgets") => Some(Reply::Text(503, "", "service unavailable".to_owned())),
            _ => None,
        }
    });
    let cluster = mock.cluster().await;
    let widgets =
        cluster.api_resources().kind("down.example.com", "v1", "Widget").expect("it was served").clone();
    let start = Instant::now();
    let (_, unread) = all(&cluster, &widgets, None, Projection::Objects).await;
    assert!(unread.is_some_and(|unread| unread.why.contains("503")));
    assert!(start.elapsed() < Duration::from_secs(10), "of 20: {:?}", start.elapsed());
}

#[tokio::test]
async fn older_server_discovered_group_by_group() {
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
    assert_eq!(cluster.failed_discoveries()[0].group, "down.example.com");
    assert!(cluster.failed_discoveries()[0].why.contains("503"), "{:?}", cluster.failed_discoveries());
}

#[tokio::test]
async fn failed_discovery_is_no_empty_cluster() {
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
        ("serves nothing", || Reply::Json(200, json!({"items": []})), "it serves no API"),
        ("no answer", || Reply::Silent, "no answer within"),
    ];
    for (name, reply, why) in cases {
        let mock = Mock::start(move |seen| seen.url.starts_with("/api").then(reply));
        let error = Cluster::connect(&impatient(mock.settings())).await.err().expect(name);
        assert!(error.to_string().contains(why), "{name}: {error}");
        assert!(!error.is_configuration(), "{name}");
        assert!(error.to_string().contains(&mock.url), "{name}: {error}");
    }
}

#[tokio::test]
async fn forbidden_server_version_is_not_an_error() {
    let mock = Mock::start(|seen| (seen.url == "/version").then(|| Reply::Json(403, json!({}))));
    assert_eq!(mock.cluster().await.api_resources().version, "");
}
