//! Live objects from an API server: single ones, and the identity of the cluster.

use http::StatusCode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use serde_json::Value;

use super::connection;
use super::discovery::{Discovery, FailedDiscovery, discover};
use super::error::{ClusterError, MalformedAnswer, ReadError, ReadErrorKind, resource_display_name};
use super::item::{Item, ListContext, Projection};
use super::openapi::OpenApiDocuments;
use super::request::{ApiAnswer, ApiCall, ApiStatus, RequestError, Requests, status_text};
use super::settings::ClusterSettings;
use crate::model::{ApiResource, ApiResources};

/// An API server after discovery.
pub struct ApiServer {
    pub(super) requests: Requests,
    pub(super) documents: OpenApiDocuments,
    discovered: Discovery,
    server: String,
    context: Option<String>,
}

impl ApiServer {
    pub(super) async fn connect(settings: &ClusterSettings) -> Result<Self, ClusterError> {
        let connection = connection::open(settings).await?;
        let requests = Requests::new(connection.client, settings.timeout);
        let server = connection.server;
        let discovered = discover(&requests)
            .await
            .map_err(|RequestError { why, .. }| ClusterError::Server { server: server.clone(), why })?;
        let documents = OpenApiDocuments::new(settings.cache.clone(), &server);
        Ok(Self { requests, documents, discovered, server, context: connection.context })
    }

    pub(super) fn api_resources(&self) -> &ApiResources {
        &self.discovered.resources
    }

    pub(super) fn failed_discoveries(&self) -> &[FailedDiscovery] {
        &self.discovered.failed
    }

    pub(super) fn server(&self) -> &str {
        &self.server
    }

    pub(super) fn context(&self) -> Option<&str> {
        self.context.as_deref()
    }

    /// GETs something of a kind; a group whose discovery failed gets a short timeout.
    pub(super) async fn send_for_kind(
        &self,
        kind: &ApiResource,
        call: &ApiCall<'_>,
    ) -> Result<ApiAnswer, RequestError> {
        let mut undiscovered = self.failed_discoveries().iter();
        if undiscovered.any(|of| of.group == kind.group && of.version == kind.version) {
            return self.requests.send_with_short_timeout(call).await;
        }
        self.requests.send(call).await
    }

    pub(super) async fn identity(&self) -> Result<Option<String>, ReadError> {
        let kind = ApiResource {
            group: String::new(),
            version: "v1".to_owned(),
            kind: "Namespace".to_owned(),
            plural: "namespaces".to_owned(),
            namespaced: false,
            supports_list: true,
        };
        let namespace = self.get(&kind, None, "kube-system").await?;
        Ok(namespace.and_then(|object| object.pointer("/metadata/uid")?.as_str().map(str::to_owned)))
    }

    pub(super) async fn get(
        &self,
        kind: &ApiResource,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<Value>, ReadError> {
        let what = format!("{name} of {}", resource_display_name(kind, namespace));
        let unread =
            |failure: RequestError| ReadError { what: what.clone(), why: failure.why, kind: failure.kind };
        if matches!(name, "" | "." | "..") {
            let why = "Kubernetes does not allow this name".to_owned();
            return Err(unread(RequestError { why, kind: ReadErrorKind::Other }));
        }
        let path = format!("{}/{}", resource_path(kind, namespace), escape(name));
        let answer =
            self.send_for_kind(kind, &ApiCall::get(&path, "application/json")).await.map_err(unread)?;
        if is_absent(&answer, name) {
            return Ok(None);
        }
        let body = body_or_failure(answer, kind, "get").map_err(unread)?;
        let text = String::from_utf8(body).map_err(|_| unread(MalformedAnswer::NotJson.into()))?;
        let item = Item::from_single(text, &ListContext::new(kind, Projection::Objects), namespace);
        let item = item.map_err(|why| unread(why.into()))?;
        if item.name() != name {
            return Err(unread(MalformedAnswer::OtherObject.into()));
        }
        item.parse().map(Some)
    }
}

/// Whether the server says that there is no such object, and not that there is no such kind.
fn is_absent(answer: &ApiAnswer, name: &str) -> bool {
    answer.status == StatusCode::NOT_FOUND
        && ApiStatus::parse(&answer.body).is_some_and(|status| {
            status.reason.as_deref() == Some("NotFound")
                && status.details.and_then(|details| details.name).as_deref() == Some(name)
        })
}

/// The body of a 200, or the error and a hint.
pub(super) fn body_or_failure(
    answer: ApiAnswer,
    kind: &ApiResource,
    verb: &str,
) -> Result<Vec<u8>, RequestError> {
    let said = || status_text(answer.status, &answer.body);
    let resource = resource_display_name(kind, None);
    let (why, kind) = match answer.status {
        StatusCode::OK => return Ok(answer.body),
        StatusCode::UNAUTHORIZED => {
            (format!("{}; the credentials are missing, wrong or expired", said()), ReadErrorKind::Forbidden)
        }
        StatusCode::FORBIDDEN if resource == "secrets" => {
            let ways = "bind the optional role that reads Secrets, or leave them out with `secrets: skip`";
            (format!("{}; {ways}", said()), ReadErrorKind::Forbidden)
        }
        StatusCode::FORBIDDEN => {
            (format!("{}; bind a role that allows `{verb}` on {resource}", said()), ReadErrorKind::Forbidden)
        }
        StatusCode::NOT_FOUND => (
            format!("{}; discovery lists it, but the server does not serve it", said()),
            ReadErrorKind::NotServed,
        ),
        _ => (said(), ReadErrorKind::Other),
    };
    Err(RequestError { why, kind })
}

/// `/apis/apps/v1/namespaces/payments/deployments`. Not by kube's `url_path` and `Request`, which put names into the
/// path as they are.
pub(super) fn resource_path(kind: &ApiResource, namespace: Option<&str>) -> String {
    let root =
        if kind.group.is_empty() { "/api".to_owned() } else { format!("/apis/{}", escape(&kind.group)) };
    let namespace = namespace.filter(|_| kind.namespaced);
    let namespace = namespace.map(|name| format!("/namespaces/{}", escape(name))).unwrap_or_default();
    format!("{root}/{}{namespace}/{}", escape(&kind.version), escape(&kind.plural))
}

/// All but the unreserved characters of RFC 3986.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One segment of a path or one value of a query, percent-encoded: names come from Git and from the server.
pub(super) fn escape(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, ESCAPED)
}
