//! Live objects from an API server: single ones, and the identity of the cluster.

use http::StatusCode;
use serde_json::Value;

use super::discovery::{Discovered, discover};
use super::error::{ClusterError, Unread, UnreadKind, name_of_list};
use super::item::{Item, Of};
use super::list::What;
use super::openapi::Documents;
use super::request::{Answer, Call, Failure, Requests, Status, status_text};
use super::settings::Settings;
use super::{connection, discovery::Undiscovered};
use crate::model::{Served, ServedKind};

/// An API server that has told what it serves.
pub struct Api {
    pub(super) requests: Requests,
    pub(super) documents: Documents,
    discovered: Discovered,
    server: String,
    context: Option<String>,
}

impl Api {
    pub(super) async fn connect(settings: &Settings) -> Result<Self, ClusterError> {
        let connection = connection::open(settings).await?;
        let requests = Requests::new(connection.client, settings.timeout);
        let server = connection.server;
        let discovered = discover(&requests)
            .await
            .map_err(|Failure { why, .. }| ClusterError::Server { server: server.clone(), why })?;
        let documents = Documents::new(settings.cache.clone(), &server);
        Ok(Self { requests, documents, discovered, server, context: connection.context })
    }

    pub(super) fn served(&self) -> &Served {
        &self.discovered.served
    }

    pub(super) fn undiscovered(&self) -> &[Undiscovered] {
        &self.discovered.undiscovered
    }

    pub(super) fn server(&self) -> &str {
        &self.server
    }

    pub(super) fn context(&self) -> Option<&str> {
        self.context.as_deref()
    }

    /// GETs something of a kind; of a group whose server did not say what it serves, little is expected.
    pub(super) async fn ask(&self, kind: &ServedKind, call: &Call<'_>) -> Result<Answer, Failure> {
        let mut undiscovered = self.undiscovered().iter();
        if undiscovered.any(|of| of.group == kind.group && of.version == kind.version) {
            return self.requests.send_doubtful(call).await;
        }
        self.requests.send(call).await
    }

    pub(super) async fn identity(&self) -> Result<Option<String>, Unread> {
        let kind = ServedKind {
            group: String::new(),
            version: "v1".to_owned(),
            kind: "Namespace".to_owned(),
            plural: "namespaces".to_owned(),
            namespaced: false,
            listable: true,
        };
        let namespace = self.get(&kind, None, "kube-system").await?;
        Ok(namespace.and_then(|object| object.pointer("/metadata/uid")?.as_str().map(str::to_owned)))
    }

    pub(super) async fn get(
        &self,
        kind: &ServedKind,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<Value>, Unread> {
        let what = format!("{name} of {}", name_of_list(kind, namespace));
        let unread = |failure: Failure| Unread { what: what.clone(), why: failure.why, kind: failure.kind };
        if matches!(name, "" | "." | "..") {
            let why = "Kubernetes knows no such name".to_owned();
            return Err(unread(Failure { why, kind: UnreadKind::Other }));
        }
        let path = format!("{}/{}", path(kind, namespace), escape(name));
        let answer = self.ask(kind, &Call::get(&path, "application/json")).await.map_err(unread)?;
        if is_absent(&answer, name) {
            return Ok(None);
        }
        let body = good(answer, kind, "get").map_err(unread)?;
        let malformed = |why: &str| Failure { why: why.to_owned(), kind: UnreadKind::Malformed };
        let text = String::from_utf8(body).map_err(|_| unread(malformed(NOT_JSON)))?;
        let item = Item::alone(text, &Of::new(kind, What::Objects), namespace);
        let item = item.map_err(|why| unread(malformed(&why)))?;
        if item.name() != name {
            return Err(unread(malformed("the answer is another object")));
        }
        item.whole().map(Some)
    }
}

/// What an answer that is no JSON is called.
pub(super) const NOT_JSON: &str = "the answer is not JSON (a proxy's page, or cut off)";

/// Whether the server says that there is no such object, and not that there is no such kind.
fn is_absent(answer: &Answer, name: &str) -> bool {
    answer.status == StatusCode::NOT_FOUND
        && Status::of(&answer.body).is_some_and(|status| {
            status.reason.as_deref() == Some("NotFound")
                && status.details.and_then(|details| details.name).as_deref() == Some(name)
        })
}

/// The body of a 200, or why it is none and what to do.
pub(super) fn good(answer: Answer, kind: &ServedKind, verb: &str) -> Result<Vec<u8>, Failure> {
    let said = || status_text(answer.status, &answer.body);
    let resource = name_of_list(kind, None);
    let (why, kind) = match answer.status {
        StatusCode::OK => return Ok(answer.body),
        StatusCode::UNAUTHORIZED => {
            (format!("{}; the credentials are missing, wrong or expired", said()), UnreadKind::Forbidden)
        }
        StatusCode::FORBIDDEN if resource == "secrets" => {
            let ways = "bind the optional role that reads Secrets, or leave them out with `secrets: skip`";
            (format!("{}; {ways}", said()), UnreadKind::Forbidden)
        }
        StatusCode::FORBIDDEN => {
            (format!("{}; bind a role that allows `{verb}` on {resource}", said()), UnreadKind::Forbidden)
        }
        StatusCode::NOT_FOUND => {
            (format!("{}; the server does not serve it, though it named it", said()), UnreadKind::NotServed)
        }
        _ => (said(), UnreadKind::Other),
    };
    Err(Failure { why, kind })
}

/// `/apis/apps/v1/namespaces/payments/deployments`.
pub(super) fn path(kind: &ServedKind, namespace: Option<&str>) -> String {
    let root =
        if kind.group.is_empty() { "/api".to_owned() } else { format!("/apis/{}", escape(&kind.group)) };
    let namespace = namespace.filter(|_| kind.namespaced);
    let namespace = namespace.map(|name| format!("/namespaces/{}", escape(name))).unwrap_or_default();
    format!("{root}/{}{namespace}/{}", escape(&kind.version), escape(&kind.plural))
}

/// One segment of a path or one value of a query, percent-encoded: names come from Git and from the server.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            other => escaped.push_str(&format!("%{other:02X}")),
        }
    }
    escaped
}
