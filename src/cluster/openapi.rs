//! Schemas out of the server's OpenAPI v3 documents, kept between runs by the server's own hash.

use std::collections::BTreeMap;
use std::path::PathBuf;

use http::StatusCode;
use serde::Deserialize;
use tokio::sync::OnceCell;

use super::error::{MalformedAnswer, ReadError, ReadErrorKind, one_line};
use super::request::{RequestError, Requests, status_text};
use super::schema_cache::CacheEntry as Kept;
use crate::schema::Schema;

const JSON: &str = "application/json";

/// Where the documents of one server are.
pub(super) struct OpenApiDocuments {
    cache: Option<PathBuf>,
    server: String,
    index: OnceCell<BTreeMap<String, DocumentAddress>>,
}

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    paths: BTreeMap<String, DocumentAddress>,
}

#[derive(Deserialize)]
struct DocumentAddress {
    #[serde(rename = "serverRelativeURL")]
    url: String,
}

impl OpenApiDocuments {
    pub(super) fn new(cache: Option<PathBuf>, server: &str) -> Self {
        Self { cache, server: server.to_owned(), index: OnceCell::new() }
    }

    /// The schema of a group and version; `None` where the server has none.
    pub(super) async fn schema(
        &self,
        requests: &Requests,
        group: &str,
        version: &str,
    ) -> Result<Option<Schema>, ReadError> {
        let path = path_of(group, version);
        let Some(url) = self.address(requests, &path).await? else { return Ok(None) };
        // Without a hash the content may change behind its address.
        let cache = self.cache.as_deref().filter(|_| url.contains("hash="));
        let kept = cache.map(|cache| Kept::new(cache, &self.server, &path, url));
        if let Some(schema) = kept.as_ref().and_then(Kept::read) {
            return Ok(Some(schema));
        }
        let schema = read_schema(requests, url).await.map_err(|failure| unread(&path, failure))?;
        if let (Some(kept), Some(schema)) = (kept, &schema) {
            // A cache that cannot be written is no cache, and no reason to stop.
            let _ = kept.write(schema);
        }
        Ok(schema)
    }

    /// The document of a group and version as the server gives it; `None` where the server has none.
    pub(super) async fn document(
        &self,
        requests: &Requests,
        group: &str,
        version: &str,
    ) -> Result<Option<Vec<u8>>, ReadError> {
        let path = path_of(group, version);
        let Some(url) = self.address(requests, &path).await? else { return Ok(None) };
        read_document(requests, url).await.map_err(|failure| unread(&path, failure))
    }

    /// Where the document of a path of the index is; an address elsewhere would be none of OpenAPI's.
    async fn address(&self, requests: &Requests, path: &str) -> Result<Option<&str>, ReadError> {
        let index = self.index.get_or_try_init(|| read_index(requests)).await;
        let index = index.map_err(|failure| unread(path, failure))?;
        let url = index.get(path).map(|place| place.url.as_str());
        Ok(url.filter(|url| url.starts_with("/openapi/v3/")))
    }
}

/// The name of a group and version in the index.
fn path_of(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

fn unread(path: &str, failure: RequestError) -> ReadError {
    ReadError { what: format!("OpenAPI of {path}"), why: failure.why, kind: failure.kind }
}

async fn read_schema(requests: &Requests, url: &str) -> Result<Option<Schema>, RequestError> {
    let Some(document) = read_document(requests, url).await? else { return Ok(None) };
    let malformed = |why: String| RequestError { why, kind: ReadErrorKind::Malformed };
    Schema::from_openapi(&document).map(Some).map_err(|error| malformed(one_line(&error.to_string())))
}

async fn read_document(requests: &Requests, url: &str) -> Result<Option<Vec<u8>>, RequestError> {
    let answer = requests.get(url, JSON).await?;
    match answer.status {
        StatusCode::OK => Ok(Some(answer.body)),
        StatusCode::NOT_FOUND => Ok(None),
        status => Err(error_for_status(status, &answer.body)),
    }
}

async fn read_index(requests: &Requests) -> Result<BTreeMap<String, DocumentAddress>, RequestError> {
    let answer = requests.get("/openapi/v3", JSON).await?;
    match answer.status {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND => return Ok(BTreeMap::new()),
        status => return Err(error_for_status(status, &answer.body)),
    }
    let index: Index = serde_json::from_slice(&answer.body).map_err(|_| MalformedAnswer::NotJson)?;
    Ok(index.paths)
}

fn error_for_status(status: StatusCode, body: &[u8]) -> RequestError {
    let is_forbidden = matches!(status, StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED);
    let kind = if is_forbidden { ReadErrorKind::Forbidden } else { ReadErrorKind::Other };
    RequestError { why: status_text(status, body), kind }
}
