//! Snapshots: what goes in comes out, secret values never go in, and a broken file is no empty cluster.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::mock::{Mock, Reply, all, config_maps, core, names, page};
use crate::cluster::{Cluster, ClusterError, ListScope, Projection, ReadErrorKind, write_snapshot};

fn everywhere(kind: crate::model::ApiResource) -> ListScope {
    ListScope { kind, namespace: None }
}

/// A cluster with a Secret, two ConfigMaps in two pages, no Pods, and Widgets that may not be listed.
fn server() -> Mock {
    Mock::start(|seen| {
        Some(match seen.url.as_str() {
            "/api/v1/namespaces/kube-system" => {
                Reply::Json(200, json!({"metadata": {"name": "kube-system", "uid": "cluster-1"}}))
            }
            "/api/v1/secrets?limit=250" => {
                let mut list = page("Secret", &["s"], "");
                list["items"][0]["data"] = json!({"password": "cGFzc3dvcmQ="});
                list["items"][0]["metadata"]["annotations"] =
                    json!({"last-applied": "{password: cGFzc3dvcmQ=}"});
                list["items"][0]["type"] = "Opaque".into();
                Reply::Json(200, list)
            }
            "/api/v1/configmaps?limit=250" => Reply::Json(200, page("ConfigMap", &["b"], "next")),
            "/api/v1/configmaps?limit=250&continue=next" => {
                let mut list = page("ConfigMap", &["a"], "");
                list["items"][0]["data"] = json!({"k": "v\n\u{1F600}", "n": ""});
                Reply::Json(200, list)
            }
            "/api/v1/pods?limit=250" => Reply::Json(200, page("Pod", &[], "")),
            url if url.contains("/widgets") => Reply::Json(403, json!({"kind": "Status", "message": "no"})),
            _ => return None,
        })
    })
}

async fn snapshot() -> Vec<u8> {
    let mock = server();
    let cluster = mock.cluster().await;
    let widgets = cluster.api_resources().kind("example.com", "v1", "Widget").expect("it is served").clone();
    let scopes = [widgets, config_maps(), core("Secret", "secrets"), core("Pod", "pods")].map(everywhere);
    let mut bytes = Vec::new();
    let summary = write_snapshot(&cluster, &scopes, &mut bytes).await.expect("memory can be written");
    assert_eq!(summary.objects, 3);
    assert_eq!(summary.unread.len(), 1);
    assert_eq!(summary.unread[0].what, "widgets.example.com");
    bytes
}

#[tokio::test]
async fn snapshot_round_trips_without_secret_values() {
    let bytes = snapshot().await;
    assert!(!String::from_utf8_lossy(&bytes).contains("cGFzc3dvcmQ="));
    let cluster = Cluster::from_snapshot_bytes("demo", bytes.leak()).expect("we wrote it");
    assert_eq!(cluster.identity().await, Ok(Some("cluster-1".to_owned())));
    assert!(cluster.server().is_some_and(|server| server.starts_with("http://127.0.0.1:")));
    assert_eq!(cluster.api_resources().version, "v1.36.2");
    assert!(cluster.api_resources().kind("apps", "v1", "Deployment").is_some());
    let (maps, unread) = all(&cluster, &config_maps(), Some("shop"), Projection::Objects).await;
    assert_eq!((names(&maps), unread), (vec!["b", "a"], None));
    assert_eq!(maps[1]["data"], json!({"k": "v\n\u{1F600}", "n": ""}));
    let (secrets, _) = all(&cluster, &core("Secret", "secrets"), None, Projection::Objects).await;
    assert_eq!(
        secrets,
        [json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {"password": null},
        "metadata": {"name": "s", "namespace": "shop", "uid": "uid-s", "annotations": {"last-applied": null}}})]
    );
    assert_eq!(all(&cluster, &core("Pod", "pods"), None, Projection::Objects).await, (vec![], None));
    assert_eq!(all(&cluster, &config_maps(), Some("other"), Projection::Metadata).await, (vec![], None));
    let found = cluster.get(&config_maps(), Some("shop"), "a").await.expect("it is held");
    assert_eq!(found.as_ref(), Some(&maps[1]));
    assert_eq!(cluster.get(&config_maps(), Some("shop"), "c").await, Ok(None));
    assert_eq!(cluster.schema("apps", "v1").await, Ok(None));
}

#[tokio::test]
async fn missing_snapshot_content_is_unread_not_empty() {
    let cluster = Cluster::from_snapshot_bytes("demo", snapshot().await.leak()).expect("we wrote it");
    let widgets = |version: &str| {
        cluster.api_resources().kind("example.com", version, "Widget").expect("served").clone()
    };
    for (kind, unread_kind, why) in [
        (widgets("v1"), ReadErrorKind::Other, "the snapshot is incomplete here: 403"),
        (widgets("v1beta1"), ReadErrorKind::NotServed, "holds it at v1, not at v1beta1"),
        (core("Namespace", "namespaces"), ReadErrorKind::NotServed, "does not have this kind"),
    ] {
        let (objects, unread) = all(&cluster, &kind, None, Projection::Objects).await;
        let unread = unread.unwrap_or_else(|| panic!("{why}: it was read"));
        assert!(objects.is_empty() && unread.why.contains(why) && unread.kind == unread_kind, "{unread}");
        assert!(cluster.get(&kind, None, "x").await.is_err());
    }
}

#[tokio::test]
async fn snapshot_of_some_namespaces_leaves_others_unread() {
    let mock = Mock::start(|seen| {
        seen.url
            .contains("/namespaces/shop/configmaps")
            .then(|| Reply::Json(200, page("ConfigMap", &["a"], "")))
    });
    let scopes = [ListScope { kind: config_maps(), namespace: Some("shop".to_owned()) }];
    let mut bytes = Vec::new();
    write_snapshot(&mock.cluster().await, &scopes, &mut bytes).await.expect("memory can be written");
    let cluster = Cluster::from_snapshot_bytes("demo", bytes.leak()).expect("we wrote it");
    let (objects, unread) = all(&cluster, &config_maps(), Some("shop"), Projection::Objects).await;
    assert_eq!((names(&objects), unread), (vec!["a"], None));
    for namespace in [None, Some("other")] {
        let (_, unread) = all(&cluster, &config_maps(), namespace, Projection::Objects).await;
        assert!(unread.is_some_and(|unread| unread.why.contains("other namespaces only")), "{namespace:?}");
    }
}

#[tokio::test]
async fn snapshot_bytes_do_not_depend_on_scope_order() {
    let mock = server();
    let cluster = mock.cluster().await;
    let mut scopes = vec![
        everywhere(core("Secret", "secrets")),
        everywhere(config_maps()),
        ListScope { kind: config_maps(), namespace: Some("shop".to_owned()) },
    ];
    let mut first = Vec::new();
    write_snapshot(&cluster, &scopes, &mut first).await.expect("memory can be written");
    scopes.reverse();
    let mut second = Vec::new();
    write_snapshot(&cluster, &scopes, &mut second).await.expect("memory can be written");
    assert_eq!(String::from_utf8_lossy(&first), String::from_utf8_lossy(&second));
}

#[tokio::test]
async fn truncated_snapshot_is_refused() {
    let whole = snapshot().await;
    let first_line = whole.iter().position(|byte| *byte == b'\n').expect("it has lines") + 1;
    for end in (0..whole.len()).filter(|end| *end < 4 || end % 37 == 0 || *end >= whole.len() - 4) {
        let error =
            Cluster::from_snapshot_bytes("cut", whole[..end].to_vec().leak()).err().expect("it is cut");
        assert_eq!(matches!(error, ClusterError::Snapshot { .. }), end >= first_line, "{end}: {error}");
    }
    for (changed, why) in [
        ([whole.as_slice(), b"{}\n"].concat(), "does not match"),
        (
            String::from_utf8_lossy(&whole).replacen("\"objects\":3", "\"objects\":2", 1).into_bytes(),
            "does not match",
        ),
        (String::from_utf8_lossy(&whole).replacen("{\"apiVersion", "x", 1).into_bytes(), "line 2: not JSON"),
        (
            String::from_utf8_lossy(&whole).replacen("\"name\":\"b\"", "\"b\":1", 1).into_bytes(),
            "not an object",
        ),
    ] {
        let error = Cluster::from_snapshot_bytes("changed", changed.leak()).err().expect(why);
        assert!(error.to_string().contains(why), "{error}");
        assert!(!error.is_configuration());
    }
}

#[test]
fn foreign_or_newer_snapshot_is_configuration_error() {
    for (text, why) in [
        ("", "not a snapshot"),
        ("apiVersion: v1\nkind: List\n", "not a snapshot"),
        ("{\"kind\":\"List\",\"items\":[]}\n", "not a snapshot"),
        ("{\"schema\":\"drift/report/v1\"}\n", "not a snapshot"),
        (
            "{\"schema\":\"drift/snapshot/v2\",\"x\":1}\n",
            "written as drift/snapshot/v2; expected drift/snapshot/v1",
        ),
        ("{\"schema\":\"drift/snapshot/v1\"}\n", "its first line is broken"),
    ] {
        let error = Cluster::from_snapshot_bytes("file.jsonl", text.as_bytes()).err().expect(text);
        assert!(error.to_string().contains(why) && error.to_string().contains("file.jsonl"), "{error}");
        assert!(error.is_configuration(), "{error}");
    }
    let error = Cluster::open_snapshot("/nowhere/file".as_ref()).err().expect("it is not there");
    assert!(error.is_configuration() && error.to_string().contains("/nowhere/file"), "{error}");
}

#[tokio::test]
async fn snapshot_changed_during_reading_is_unread() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("snapshot");
    std::fs::write(&file, snapshot().await).expect("the folder is ours");
    let cluster = Cluster::open_snapshot(&file).expect("we wrote it");
    assert_eq!(all(&cluster, &config_maps(), None, Projection::Objects).await.0.len(), 2);
    std::fs::write(&file, "{}\n").expect("the folder is ours");
    let (_, unread) = all(&cluster, &config_maps(), None, Projection::Objects).await;
    assert!(unread.is_some_and(|unread| unread.why.contains("changed while it was read")));
}

/// A snapshot with one Secret as the API server would give it: what `write_snapshot` reads in the property below.
fn with_secret(secret: &Value) -> Vec<u8> {
    let header = json!({"schema": "drift/snapshot/v1", "cluster": null, "server": null, "undiscovered": [],
                        "served": {"version": "v1", "kinds": [core("Secret", "secrets")]}});
    let end = json!([{"group": "", "version": "v1", "kind": "Secret", "namespace": null, "unread": null}]);
    format!("{header}\n{secret}\n{{\"end\":\"drift/snapshot/v1\",\"objects\":1,\"scopes\":{end}}}\n")
        .into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_time: Duration::from_secs(5).as_millis() as u32,
                                        ..ProptestConfig::default() })]
    #[test]
    fn secret_values_never_reach_the_file(
        keys in proptest::collection::btree_set("[a-z][a-z.-]{0,8}", 1..4),
        value in "[A-Za-z0-9+/\"\\\\\n]{12,40}",
        shape in 0..4,
    ) {
        let value = format!("VALUE{value}");
        let nested = match shape {
            0 => Value::from(value.as_str()),
            1 => json!([value]),
            2 => json!({"inner": {"deep": value}}),
            _ => Value::from(format!("copy of {value} in a longer text")),
        };
        let map: serde_json::Map<_, _> = keys.iter().map(|key| (key.clone(), nested.clone())).collect();
        let mut secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": map,
            "stringData": map, "metadata": {"name": "s", "namespace": "shop", "annotations": map}});
        if shape == 3 {
            secret["data"] = nested;
        }
        let cluster = Cluster::from_snapshot_bytes("in", with_secret(&secret).leak()).expect("it is a snapshot");
        let mut bytes = Vec::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let scopes = [everywhere(core("Secret", "secrets"))];
        let summary = runtime.block_on(write_snapshot(&cluster, &scopes, &mut bytes)).expect("memory can be written");
        prop_assert_eq!(summary.objects, 1);
        let text = String::from_utf8(bytes).expect("JSON is UTF-8");
        prop_assert!(!text.contains("VALUE"), "{}", text);
        for key in keys {
            let kept = format!("\"{key}\":null");
            prop_assert!(text.contains(&kept), "{} lacks {}", text, kept);
        }
    }
}
