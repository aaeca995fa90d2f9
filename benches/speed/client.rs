//! Many requests at a time: to make the live objects, and to download lists as the floor of any comparison.

use std::path::Path;

use futures::stream::{self, StreamExt};
use serde_json::Value;

use super::manifests;
use super::support::cluster::ControlPlane;

/// Requests under way while objects are made.
const MAKING: usize = 32;

/// Bytes that the annotations of an object may have (`TotalAnnotationSizeLimitB` in apimachinery `pkg/api/validation`).
const MOST_ANNOTATED: usize = 256 << 10;

/// How to reach a server.
pub(crate) struct Target {
    url: String,
    token: String,
    client: reqwest::Client,
}

impl Target {
    pub(crate) fn new(url: &str, ca: &Path, token: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let bundle = std::fs::read(ca).expect("the server has a certificate");
        let trusted = reqwest::Certificate::from_pem_bundle(&bundle).expect("certificates");
        let client = reqwest::Client::builder().no_proxy().tls_certs_only(trusted).build().expect("a client");
        Self { url: url.to_owned(), token: token.to_owned(), client }
    }
}

/// Makes the objects as `kubectl apply` does: the annotation of what was last applied, its field manager.
pub(crate) fn apply(plane: &ControlPlane, objects: &[Value]) {
    let target = Target::new(&plane.url(), &plane.ca(), plane.token("gitops"));
    let (cluster, namespaced): (Vec<&Value>, Vec<&Value>) =
        objects.iter().partition(|object| object["metadata"]["namespace"].is_null());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for part in [cluster, namespaced] {
        let made = stream::iter(part).map(|object| make(&target, object)).buffer_unordered(MAKING);
        runtime.block_on(made.for_each(|()| async {}));
    }
}

/// Makes one object. A custom kind is served a moment after its definition: until then it is not found.
async fn make(target: &Target, object: &Value) {
    let url = format!("{}{}?fieldManager=kubectl-client-side-apply", target.url, manifests::path(object));
    let body = with_last_applied(object);
    for _ in 0..100 {
        let answer = target.client.post(&url).bearer_auth(&target.token).json(&body).send().await;
        let answer = answer.expect("the server is up");
        match answer.status().as_u16() {
            201 | 409 => return,
            404 | 429 => tokio::time::sleep(std::time::Duration::from_millis(200)).await,
            status => panic!("{status} for {url}: {}", answer.text().await.unwrap_or_default()),
        }
    }
    panic!("{url} is never served");
}

/// What is too large for the annotation is as `kubectl create` leaves it.
fn with_last_applied(object: &Value) -> Value {
    let mut copy = object.clone();
    copy["metadata"]["annotations"] = serde_json::json!({});
    let text = format!("{copy}\n");
    if text.len() > MOST_ANNOTATED {
        return object.clone();
    }
    copy["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = text.into();
    copy
}

/// One list of the floor: its first page, and how it is asked for.
pub(crate) struct List {
    pub(crate) path: String,
    pub(crate) accept: &'static str,
}

/// Downloads the lists to their ends, `connections` at a time, and gives the bytes of their bodies.
pub(crate) fn download(target: &Target, lists: &[List], connections: usize) -> usize {
    // As many threads as drift has.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build();
    let bodies = stream::iter(lists).map(|list| download_one(target, list)).buffer_unordered(connections);
    runtime.expect("a runtime").block_on(bodies.fold(0, |sum, bytes| async move { sum + bytes }))
}

async fn download_one(target: &Target, list: &List) -> usize {
    let (mut bytes, mut next) = (0, String::new());
    loop {
        let url = format!("{}{}{next}", target.url, list.path);
        let request = target.client.get(&url).bearer_auth(&target.token).header("accept", list.accept);
        let answer = request.send().await.expect("the server is up");
        assert_eq!(answer.status().as_u16(), 200, "{url}");
        let body = answer.bytes().await.expect("a whole body");
        bytes += body.len();
        match token(&body) {
            Some(token) => next = format!("&continue={token}"),
            None => return bytes,
        }
    }
}

/// The token of the next page: it stands in front of the items of a built-in kind, and behind those of a custom one.
fn token(body: &[u8]) -> Option<&str> {
    let head = &body[..body.len().min(1000)];
    let head = &head[..head.windows(7).position(|window| window == b"\"items\"").unwrap_or(head.len())];
    let tail = &body[body.len().saturating_sub(1000)..];
    let tail = &tail[tail.windows(8).rposition(|window| window == b"}],\"kind").unwrap_or(tail.len())..];
    [head, tail].into_iter().find_map(|part| {
        let (_, rest) = std::str::from_utf8(part).ok()?.split_once("\"continue\":\"")?;
        Some(&rest[..rest.find('"')?]).filter(|token| !token.is_empty())
    })
}
