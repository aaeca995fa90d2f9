//! OpenAPI v3 documents as the server gives them, kept between runs by the server's own hash.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use http::StatusCode;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use super::error::{Unread, UnreadKind};
use super::request::{Failure, Requests, status_text};

const JSON: &str = "application/json";
/// First word of a cache file: another format gets another.
const FORMAT: &str = "drift/openapi/v1";

/// Where the documents of one server are.
pub(super) struct Documents {
    cache: Option<PathBuf>,
    server: String,
    index: OnceCell<BTreeMap<String, Place>>,
}

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    paths: BTreeMap<String, Place>,
}

#[derive(Deserialize)]
struct Place {
    #[serde(rename = "serverRelativeURL")]
    url: String,
}

impl Documents {
    pub(super) fn new(cache: Option<PathBuf>, server: &str) -> Self {
        Self { cache, server: server.to_owned(), index: OnceCell::new() }
    }

    /// The document of a group and version; `None` where the server has none.
    pub(super) async fn get(
        &self,
        requests: &Requests,
        group: &str,
        version: &str,
    ) -> Result<Option<Vec<u8>>, Unread> {
        let path =
            if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") };
        let unread = |failure: Failure| Unread {
            what: format!("OpenAPI of {path}"),
            why: failure.why,
            kind: failure.kind,
        };
        let index = self.index.get_or_try_init(|| read_index(requests)).await.map_err(unread)?;
        // An address elsewhere would be none of OpenAPI's.
        let Some(url) =
            index.get(&path).map(|place| &place.url).filter(|url| url.starts_with("/openapi/v3/"))
        else {
            return Ok(None);
        };
        let file =
            self.cache.as_deref().filter(|_| url.contains("hash=")).map(|folder| self.file(folder, url));
        if let Some(kept) = file.as_deref().and_then(read_kept) {
            return Ok(Some(kept));
        }
        let answer = requests.get(url, JSON).await.map_err(unread)?;
        match answer.status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            status => return Err(unread(refused(status, &answer.body))),
        }
        if serde_json::from_slice::<&serde_json::value::RawValue>(&answer.body).is_err() {
            let why = super::api::NOT_JSON.to_owned();
            return Err(unread(Failure { why, kind: UnreadKind::Malformed }));
        }
        if let Some(file) = file {
            // A cache that cannot be written is no cache, and no reason to stop.
            let _ = keep(&file, &answer.body);
        }
        Ok(Some(answer.body))
    }

    /// The server is part of the name: one server's hash says nothing of another's document.
    fn file(&self, folder: &Path, url: &str) -> PathBuf {
        let name = hex(&Sha256::digest(format!("{}\n{url}", self.server)));
        folder.join("openapi").join(name)
    }
}

async fn read_index(requests: &Requests) -> Result<BTreeMap<String, Place>, Failure> {
    let answer = requests.get("/openapi/v3", JSON).await?;
    match answer.status {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND => return Ok(BTreeMap::new()),
        status => return Err(refused(status, &answer.body)),
    }
    let index: Index = serde_json::from_slice(&answer.body)
        .map_err(|_| Failure { why: super::api::NOT_JSON.to_owned(), kind: UnreadKind::Malformed })?;
    Ok(index.paths)
}

fn refused(status: StatusCode, body: &[u8]) -> Failure {
    let is_forbidden = matches!(status, StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED);
    let kind = if is_forbidden { UnreadKind::Forbidden } else { UnreadKind::Other };
    Failure { why: status_text(status, body), kind }
}

/// A kept document, unless the file is torn or not ours.
fn read_kept(file: &Path) -> Option<Vec<u8>> {
    let bytes = fs::read(file).ok()?;
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (head, body) = (&bytes[..end], &bytes[end + 1..]);
    (head == head_of(body).as_bytes()).then(|| body.to_vec())
}

fn keep(file: &Path, body: &[u8]) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut written = tempfile::NamedTempFile::new_in(folder)?;
    written.write_all(head_of(body).as_bytes())?;
    written.write_all(b"\n")?;
    written.write_all(body)?;
    written.persist(file)?;
    Ok(())
}

fn head_of(body: &[u8]) -> String {
    format!("{FORMAT} {}", hex(&Sha256::digest(body)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
