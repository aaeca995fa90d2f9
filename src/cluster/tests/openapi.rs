//! Schemas out of OpenAPI documents, and their cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::mock::{Mock, Reply};
use crate::cluster::{Cluster, ClusterSettings, ReadErrorKind};
use crate::schema::Schema;

const DOCUMENT: &str = "/openapi/v3/apis/apps/v1?hash=";

fn server() -> Mock {
    Mock::start(|seen| {
        Some(match seen.url.as_str() {
            "/openapi/v3" => Reply::Json(
                200,
                json!({"paths": {
                "apis/apps/v1": {"serverRelativeURL": format!("{DOCUMENT}A")},
                "apis/evil/v1": {"serverRelativeURL": "http://elsewhere/openapi/v3"},
                "apis/evil/v2": {"serverRelativeURL": "/api/v1/secrets"},
                "apis/torn/v1": {"serverRelativeURL": "/openapi/v3/apis/torn/v1?hash=B"},
                "apis/down/v1": {"serverRelativeURL": "/openapi/v3/apis/down/v1?hash=C"}}}),
            ),
            url if url.starts_with(DOCUMENT) => Reply::Json(200, document()),
            "/openapi/v3/apis/torn/v1?hash=B" => Reply::Text(200, "", "{\"comp".to_owned()),
            "/openapi/v3/apis/down/v1?hash=C" => Reply::Json(403, json!({})),
            _ => return None,
        })
    })
}

async fn connect(mock: &Mock, cache: Option<PathBuf>) -> Cluster {
    Cluster::connect(&ClusterSettings { cache, ..mock.settings() }).await.expect("the mock is healthy")
}

async fn schema(cluster: &Cluster) -> Schema {
    cluster.schema("apps", "v1").await.expect("it is read").expect("it is there")
}

fn document() -> Value {
    let kinds = json!([{"group": "apps", "version": "v1", "kind": "Deployment"}]);
    json!({"openapi": "3.0.0", "components": {"schemas": {
        "x.Deployment": {"type": "object", "x-kubernetes-group-version-kind": kinds}}}})
}

#[tokio::test]
async fn cached_document_is_fetched_once_per_hash() {
    let mock = server();
    let cache = mock.folder.path().join("cache");
    let expected = Schema::from_openapi(document().to_string().as_bytes()).expect("a document");
    for _ in 0..2 {
        let cluster = connect(&mock, Some(cache.clone())).await;
        assert_eq!(schema(&cluster).await, expected);
    }
    assert_eq!(mock.request_count(DOCUMENT), 1);
    schema(&connect(&mock, None).await).await;
    assert_eq!(mock.request_count(DOCUMENT), 2);
}

/// The only file of the cache.
fn only_file(cache: &Path) -> PathBuf {
    let files: Vec<_> = fs::read_dir(cache.join("schemas")).expect("it was written").collect();
    assert_eq!(files.len(), 1, "one schema, and nothing left of writing it");
    files[0].as_ref().expect("it can be listed").path()
}

#[tokio::test]
async fn another_hash_replaces_what_was_kept() {
    static HASH: AtomicUsize = AtomicUsize::new(0);
    let mock = Mock::start(|seen| {
        let hash = HASH.fetch_add(1, Ordering::SeqCst);
        let url = format!("{DOCUMENT}{hash}");
        Some(match seen.url.as_str() {
            "/openapi/v3" => Reply::Json(200, json!({"paths": {"apis/apps/v1": {"serverRelativeURL": url}}})),
            url if url.starts_with(DOCUMENT) => Reply::Json(200, document()),
            _ => return None,
        })
    });
    let cache = mock.folder.path().join("cache");
    for asked in 1..=2 {
        schema(&connect(&mock, Some(cache.clone())).await).await;
        assert_eq!(mock.request_count(DOCUMENT), asked);
        only_file(&cache);
    }
}

#[tokio::test]
async fn damaged_or_foreign_cache_file_is_replaced() {
    let mock = server();
    let cache = mock.folder.path().join("cache");
    schema(&connect(&mock, Some(cache.clone())).await).await;
    let file = only_file(&cache);
    let whole = fs::read(&file).expect("it can be read");
    let text = String::from_utf8(whole.clone()).expect("it is text");
    let other_body = text.replace("x.Deployment", "y.Deployment");
    let other_format = text.replace(Schema::FORMAT, "drift/schema/v0");
    let no_schema = b"{}\n";
    let broken: [&[u8]; 6] =
        [&whole[..whole.len() - 1], b"", b"\n{}", other_body.as_bytes(), other_format.as_bytes(), no_schema];
    for (asked, broken) in broken.iter().enumerate() {
        fs::write(&file, broken).expect("the folder is ours");
        schema(&connect(&mock, Some(cache.clone())).await).await;
        assert_eq!(mock.request_count(DOCUMENT), asked + 2);
        assert_eq!(fs::read(&file).expect("it can be read"), whole);
    }
}

#[tokio::test]
async fn cached_schema_of_another_server_not_used() {
    let (one, other) = (server(), server());
    let cache = one.folder.path().join("cache");
    schema(&connect(&one, Some(cache.clone())).await).await;
    schema(&connect(&other, Some(cache)).await).await;
    assert_eq!((one.request_count(DOCUMENT), other.request_count(DOCUMENT)), (1, 1));
}

#[tokio::test]
async fn cache_is_bounded_and_keeps_newest() {
    let mock = server();
    let cache = mock.folder.path().join("cache");
    let folder = cache.join("schemas");
    fs::create_dir_all(&folder).expect("the folder is ours");
    for number in 0..1100 {
        fs::write(folder.join(format!("{number:04}")), "").expect("the folder is ours");
    }
    schema(&connect(&mock, Some(cache.clone())).await).await;
    assert_eq!(fs::read_dir(&folder).expect("it is there").count(), 1024);
    schema(&connect(&mock, Some(cache)).await).await;
    assert_eq!(mock.request_count(DOCUMENT), 1);
}

#[tokio::test]
async fn unwritable_cache_is_not_an_error() {
    let mock = server();
    let not_a_folder = mock.folder.path().join("file");
    fs::write(&not_a_folder, "").expect("the folder is ours");
    schema(&connect(&mock, Some(not_a_folder)).await).await;
}

#[tokio::test]
async fn kind_without_a_document_is_none() {
    let mock = server();
    let cluster = connect(&mock, None).await;
    for (group, version) in [("none", "v1"), ("evil", "v1"), ("evil", "v2")] {
        assert_eq!(cluster.schema(group, version).await, Ok(None), "{group}/{version}");
    }
    assert_eq!(mock.request_count("/api/v1/secrets"), 0);
    let torn = cluster.schema("torn", "v1").await.expect_err("it is cut");
    assert_eq!((torn.kind, torn.what.as_str()), (ReadErrorKind::Malformed, "OpenAPI of apis/torn/v1"));
    let down = cluster.schema("down", "v1").await.expect_err("it is forbidden");
    assert_eq!(down.kind, ReadErrorKind::Forbidden);
}

#[tokio::test]
async fn server_without_openapi_v3_has_no_schema() {
    let mock = Mock::start(|_| None);
    assert_eq!(connect(&mock, None).await.schema("apps", "v1").await, Ok(None));
}
