//! OpenAPI documents and their cache.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::mock::{Mock, Reply};
use crate::cluster::{Cluster, Settings, UnreadKind};

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
            url if url.starts_with(DOCUMENT) => Reply::Json(200, json!({"components": {}})),
            "/openapi/v3/apis/torn/v1?hash=B" => Reply::Text(200, "", "{\"comp".to_owned()),
            "/openapi/v3/apis/down/v1?hash=C" => Reply::Json(403, json!({})),
            _ => return None,
        })
    })
}

async fn connect(mock: &Mock, cache: Option<PathBuf>) -> Cluster {
    Cluster::connect(&Settings { cache, ..mock.settings() }).await.expect("the mock is healthy")
}

async fn document(cluster: &Cluster) -> Value {
    let bytes = cluster.openapi("apps", "v1").await.expect("it is read").expect("it is there");
    serde_json::from_slice(&bytes).expect("it is JSON")
}

#[tokio::test]
async fn a_document_is_asked_for_once_for_each_hash_where_there_is_a_cache() {
    let mock = server();
    let cache = mock.folder.path().join("cache");
    for _ in 0..2 {
        let cluster = connect(&mock, Some(cache.clone())).await;
        assert_eq!(document(&cluster).await, json!({"components": {}}));
    }
    assert_eq!(mock.asked(DOCUMENT), 1);
    document(&connect(&mock, None).await).await;
    assert_eq!(mock.asked(DOCUMENT), 2);
}

#[tokio::test]
async fn a_torn_or_foreign_cache_file_is_ignored_and_replaced() {
    let mock = server();
    let cache = mock.folder.path().join("cache");
    document(&connect(&mock, Some(cache.clone())).await).await;
    let files: Vec<_> = fs::read_dir(cache.join("openapi")).expect("it was written").collect();
    assert_eq!(files.len(), 1, "one document, and nothing left of writing it");
    let file = files[0].as_ref().expect("it can be listed").path();
    let whole = fs::read(&file).expect("it can be read");
    for (asked, broken) in
        [&whole[..whole.len() - 1], b"", b"\n{}", b"drift/openapi/v1 00\n{}"].iter().enumerate()
    {
        fs::write(&file, broken).expect("the folder is ours");
        document(&connect(&mock, Some(cache.clone())).await).await;
        assert_eq!(mock.asked(DOCUMENT), asked + 2);
        assert_eq!(fs::read(&file).expect("it can be read"), whole);
    }
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_is_done_without() {
    let mock = server();
    let not_a_folder = mock.folder.path().join("file");
    fs::write(&not_a_folder, "").expect("the folder is ours");
    document(&connect(&mock, Some(not_a_folder)).await).await;
}

#[tokio::test]
async fn what_the_server_has_no_document_of_is_none_and_no_other_address_is_followed() {
    let mock = server();
    let cluster = connect(&mock, None).await;
    for (group, version) in [("none", "v1"), ("evil", "v1"), ("evil", "v2")] {
        assert_eq!(cluster.openapi(group, version).await, Ok(None), "{group}/{version}");
    }
    assert_eq!(mock.asked("/api/v1/secrets"), 0);
    let torn = cluster.openapi("torn", "v1").await.expect_err("it is cut");
    assert_eq!((torn.kind, torn.what.as_str()), (UnreadKind::Malformed, "OpenAPI of apis/torn/v1"));
    let down = cluster.openapi("down", "v1").await.expect_err("it is forbidden");
    assert_eq!(down.kind, UnreadKind::Forbidden);
}

#[tokio::test]
async fn a_server_without_openapi_v3_has_no_documents() {
    let mock = Mock::start(|_| None);
    assert_eq!(connect(&mock, None).await.openapi("apps", "v1").await, Ok(None));
}
