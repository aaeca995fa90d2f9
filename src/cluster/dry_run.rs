//! The only request besides `get` and `list`: a dry-run patch, for `drift check
//! --verify-with-server`. It needs the verb `patch`, and the server writes nothing: every address made here says
//! `dryRun=All`, and only kinds whose OpenAPI document has that parameter are patched.

use std::collections::{BTreeMap, BTreeSet};

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::api::{ApiServer, escape, resource_path};
use super::error::{MalformedAnswer, ReadError, ReadErrorKind, resource_display_name};
use super::request::{ApiAnswer, ApiCall, ApiStatus, CallKind, RequestError, status_text};
use crate::model::ApiResource;

/// The field manager of the dry-run.
const MANAGER: &str = "drift-verify";

/// The outcome of a dry-run patch.
#[derive(Debug, Clone, PartialEq)]
pub enum DryRunOutcome {
    /// The object as it would be.
    Object(Value),
    /// The server would refuse the patch.
    Rejected(DryRunRejection),
    /// The object is gone, or is no longer the one that was read.
    Changed,
}

/// Why the server would refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DryRunRejection {
    /// The status, without the server's message: that may quote values.
    pub status: String,
    /// The status and the server's message.
    pub why: String,
    /// The fields that the server names (422 only), as it writes them: `spec.template`, `spec.ports[0].nodePort`.
    pub fields: Vec<String>,
}

/// How a dry-run that could not be read is named.
pub(super) fn dry_run_display_name(kind: &ApiResource, namespace: Option<&str>, name: &str) -> String {
    format!("dry-run of {name} of {}", resource_display_name(kind, namespace))
}

impl ApiServer {
    pub(super) async fn dry_run(
        &self,
        kind: &ApiResource,
        namespace: Option<&str>,
        name: &str,
        patch: &Value,
    ) -> Result<DryRunOutcome, ReadError> {
        let what = || dry_run_display_name(kind, namespace, name);
        let unread = |failure: RequestError| ReadError { what: what(), why: failure.why, kind: failure.kind };
        let target = format!(
            "{}/{}?dryRun=All&fieldManager={MANAGER}&fieldValidation=Ignore",
            resource_path(kind, namespace),
            escape(name)
        );
        let call = ApiCall {
            method: Method::PATCH,
            path: &target,
            accept: "application/json",
            body: Some(("application/json-patch+json", patch.to_string())),
            kind: CallKind::Other,
        };
        let answer = self.requests.send(&call).await.map_err(unread)?;
        parse_outcome(&answer, kind, name).map_err(unread)
    }
}

fn parse_outcome(answer: &ApiAnswer, kind: &ApiResource, name: &str) -> Result<DryRunOutcome, RequestError> {
    match answer.status {
        StatusCode::OK => {
            let object: Value = serde_json::from_slice(&answer.body).map_err(|_| MalformedAnswer::NotJson)?;
            let same = object["kind"] == kind.kind.as_str() && object["metadata"]["name"] == name;
            if same { Ok(DryRunOutcome::Object(object)) } else { Err(MalformedAnswer::OtherObject.into()) }
        }
        StatusCode::CONFLICT | StatusCode::NOT_FOUND => Ok(DryRunOutcome::Changed),
        StatusCode::UNAUTHORIZED => Err(forbidden(answer, "the credentials are missing, wrong or expired")),
        StatusCode::FORBIDDEN if is_verb_missing(&answer.body) => {
            let resource = resource_display_name(kind, None);
            Err(forbidden(answer, &format!("bind a role that allows `patch` on {resource}")))
        }
        status => Ok(DryRunOutcome::Rejected(DryRunRejection {
            status: status.to_string(),
            why: status_text(status, &answer.body),
            fields: fields(&answer.body),
        })),
    }
}

fn forbidden(answer: &ApiAnswer, way_out: &str) -> RequestError {
    let why = format!("{}; {way_out}", status_text(answer.status, &answer.body));
    RequestError { why, kind: ReadErrorKind::Forbidden }
}

/// Whether the caller may not patch at all. Admission answers with 403 too: a role that would grant more than the caller
/// has, a quota.
fn is_verb_missing(body: &[u8]) -> bool {
    let message = ApiStatus::parse(body).and_then(|status| status.message).unwrap_or_default();
    message.contains("cannot patch resource")
}

#[derive(Deserialize)]
struct Invalid {
    details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    causes: Vec<Cause>,
}

#[derive(Deserialize)]
struct Cause {
    field: Option<String>,
}

/// The fields that a 422 names, each once.
fn fields(body: &[u8]) -> Vec<String> {
    let invalid = serde_json::from_slice::<Invalid>(body).ok();
    let causes = invalid.and_then(|invalid| invalid.details).map(|details| details.causes);
    let mut fields: Vec<String> =
        causes.unwrap_or_default().into_iter().filter_map(|cause| cause.field).collect();
    fields.sort();
    fields.dedup();
    fields
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    paths: BTreeMap<String, Place>,
}

#[derive(Deserialize)]
struct Place {
    patch: Option<Operation>,
}

#[derive(Deserialize)]
struct Operation {
    #[serde(default)]
    parameters: Vec<Parameter>,
}

#[derive(Deserialize)]
struct Parameter {
    #[serde(default)]
    name: String,
}

impl Document {
    /// The resources of a document (their addresses) of which it says that a patch can be played through.
    fn dry_run_paths(document: &[u8]) -> BTreeSet<String> {
        let Ok(document) = serde_json::from_slice::<Self>(document) else { return BTreeSet::new() };
        let plays = |place: &Place| {
            let mut parameters = place.patch.iter().flat_map(|patch| &patch.parameters);
            parameters.any(|parameter| parameter.name == "dryRun")
        };
        document.paths.into_iter().filter(|(_, place)| plays(place)).map(|(path, _)| path).collect()
    }
}

/// The address of a kind's objects, as OpenAPI writes it.
fn template(kind: &ApiResource) -> String {
    let root = if kind.group.is_empty() { "/api".to_owned() } else { format!("/apis/{}", kind.group) };
    let namespace = if kind.namespaced { "/namespaces/{namespace}" } else { "" };
    format!("{root}/{}{namespace}/{}/{{name}}", kind.version, kind.plural)
}

impl ApiServer {
    /// Of these kinds, those of which the server says that it can play a patch through. One that does not know `dryRun`
    /// (an extension's, an old one) would take no notice of it, and write.
    pub(super) async fn supporting_dry_run<'k>(
        &self,
        kinds: &BTreeSet<&'k ApiResource>,
    ) -> BTreeSet<&'k ApiResource> {
        let versions: BTreeSet<(&str, &str)> =
            kinds.iter().map(|kind| (kind.group.as_str(), kind.version.as_str())).collect();
        let mut addresses = BTreeSet::new();
        for (group, version) in versions {
            let document = self.documents.document(&self.requests, group, version).await;
            addresses.extend(
                document.ok().flatten().map(|bytes| Document::dry_run_paths(&bytes)).unwrap_or_default(),
            );
        }
        kinds.iter().copied().filter(|kind| addresses.contains(&template(kind))).collect()
    }
}
