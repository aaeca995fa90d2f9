//! Lists, page by page.

use std::collections::BTreeSet;

use futures::stream::{self, Stream};
use http::StatusCode;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::api::{Api, NOT_JSON, escape, good, path};
use super::error::{Unread, UnreadKind, name_of_list};
use super::request::{Failure, Status};
use crate::model::{ServedKind, join_api_version};

/// What of the objects is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Whole objects.
    Objects,
    /// `apiVersion`, `kind` and `metadata` only.
    Metadata,
}

impl What {
    fn accept(self) -> &'static str {
        match self {
            Self::Objects => "application/json",
            // An extension's server may know whole objects only: then we drop the rest ourselves.
            Self::Metadata => {
                "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
            }
        }
    }

    /// Objects a page: whole ones may be large, and a page is in memory at once.
    fn page(self) -> u32 {
        match self {
            Self::Objects => 250,
            Self::Metadata => 500,
        }
    }
}

/// How often a list is begun again because the server no longer knew how to continue it.
const RESTARTS: u32 = 3;
/// More pages than any cluster has: a server that always names another one does not end the run's time.
const PAGES: u32 = 100_000;

/// The list's pages; ends after the first error.
pub(super) fn pages<'a>(
    api: &'a Api,
    kind: &ServedKind,
    namespace: Option<&str>,
    what: What,
) -> impl Stream<Item = Result<Vec<Value>, Unread>> + Send + use<'a> {
    let list = List {
        api,
        kind: kind.clone(),
        namespace: namespace.map(str::to_owned),
        what,
        next: Some(String::new()),
        restarts: 0,
        pages: 0,
        delivered: BTreeSet::new(),
    };
    stream::try_unfold(list, |mut list| async move {
        let page = list.next_page().await.map_err(|failure| list.unread(failure))?;
        Ok(page.map(|page| (page, list)))
    })
}

struct List<'a> {
    api: &'a Api,
    kind: ServedKind,
    namespace: Option<String>,
    what: What,
    /// Token of the next page, empty for the first; `None` after the last.
    next: Option<String>,
    restarts: u32,
    pages: u32,
    /// Uids of what earlier pages held, so that a list that begins again gives no object twice.
    delivered: BTreeSet<String>,
}

impl List<'_> {
    fn unread(&self, failure: Failure) -> Unread {
        let what = name_of_list(&self.kind, self.namespace.as_deref());
        Unread { what, why: failure.why, kind: failure.kind }
    }

    async fn next_page(&mut self) -> Result<Option<Vec<Value>>, Failure> {
        let Some(token) = self.next.take() else { return Ok(None) };
        let answer = self.api.requests.get(&self.url(&token), self.what.accept()).await?;
        if answer.status == StatusCode::GONE && !token.is_empty() {
            return self.go_on_after_gone(&answer.body).map(Some);
        }
        let page = Page::parse(good(&answer, &self.kind, "list")?)?;
        drop(answer);
        page.check(&self.kind, self.what).map_err(malformed)?;
        let mut items = page.items;
        check_items(&mut items, &self.kind, self.namespace.as_deref(), self.what).map_err(malformed)?;
        self.next = page.metadata.and_then(|metadata| metadata.continuation).filter(|next| !next.is_empty());
        self.pages += 1;
        if self.next.as_ref() == Some(&token) || self.pages > PAGES {
            return Err(malformed("the server names another page again and again".to_owned()));
        }
        self.drop_delivered(&mut items, token.is_empty());
        Ok(Some(items))
    }

    /// The token expired. The server offers another that goes on at the same key in its present state; where it
    /// offers none, the list begins again.
    fn go_on_after_gone(&mut self, body: &[u8]) -> Result<Vec<Value>, Failure> {
        self.restarts += 1;
        if self.restarts > RESTARTS {
            let why = format!("410 Gone {} times: its pages expire faster than they are read", self.restarts);
            return Err(Failure { why, kind: UnreadKind::Other });
        }
        let offered = Status::of(body).and_then(|status| status.metadata?.continuation);
        self.next = Some(offered.unwrap_or_default());
        Ok(Vec::new())
    }

    fn drop_delivered(&mut self, items: &mut Vec<Value>, is_first: bool) {
        let is_only = is_first && self.next.is_none();
        if is_only && self.delivered.is_empty() {
            return;
        }
        items.retain(|item| match item.pointer("/metadata/uid").and_then(Value::as_str) {
            Some(uid) => self.delivered.insert(uid.to_owned()),
            None => true,
        });
    }

    fn url(&self, token: &str) -> String {
        let path = path(&self.kind, self.namespace.as_deref());
        let next = if token.is_empty() { String::new() } else { format!("&continue={}", escape(token)) };
        format!("{path}?limit={}{next}", self.what.page())
    }
}

fn malformed(why: String) -> Failure {
    Failure { why, kind: UnreadKind::Malformed }
}

#[derive(Deserialize)]
struct Page {
    #[serde(rename = "apiVersion")]
    api_version: String,
    kind: String,
    metadata: Option<PageMetadata>,
    /// Never absent; `null` where Go has no items.
    #[serde(deserialize_with = "null_as_empty")]
    items: Vec<Value>,
}

#[derive(Deserialize)]
struct PageMetadata {
    #[serde(rename = "continue")]
    continuation: Option<String>,
}

fn null_as_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl Page {
    fn parse(body: &[u8]) -> Result<Self, Failure> {
        serde_json::from_slice(body).map_err(|cause| {
            let why = if cause.is_data() { "the answer is not a list" } else { NOT_JSON };
            malformed(why.to_owned())
        })
    }

    /// Whether this is the list that was asked for. A CRD may name its list kind freely.
    fn check(&self, kind: &ServedKind, what: What) -> Result<(), String> {
        let is_partial = what == What::Metadata && self.kind == "PartialObjectMetadataList";
        let same_version = self.api_version == join_api_version(&kind.group, &kind.version);
        let may_name_it = kind.group.contains('.') && !kind.group.ends_with(".k8s.io");
        let same_kind = self.kind.strip_suffix("List") == Some(&kind.kind) || may_name_it;
        if is_partial || (same_version && same_kind) {
            return Ok(());
        }
        Err(format!("the answer is a list of another kind: {:.80} {:.80}", self.api_version, self.kind))
    }
}

/// Whether these are objects of the kind, in the namespace; fills in `apiVersion` and `kind`, which items of
/// built-in kinds lack.
pub(super) fn check_items(
    items: &mut [Value],
    kind: &ServedKind,
    namespace: Option<&str>,
    what: What,
) -> Result<(), String> {
    let api_version = join_api_version(&kind.group, &kind.version);
    for item in items {
        let Some(object) = item.as_object_mut() else {
            return Err("the answer holds something that is no object".to_owned());
        };
        let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
        let partial = what == What::Metadata && text("kind") == "PartialObjectMetadata";
        let kind_differs = !matches!(text("kind"), "") && text("kind") != kind.kind;
        let version_differs = !matches!(text("apiVersion"), "") && text("apiVersion") != api_version;
        if !partial && (kind_differs || version_differs) {
            return Err(format!(
                "the answer holds another kind: {:.80} {:.80}",
                text("apiVersion"),
                text("kind")
            ));
        }
        let metadata =
            |name: &str| object.get("metadata").and_then(|of| of.get(name)).and_then(Value::as_str);
        if metadata("name").is_none_or(str::is_empty) {
            return Err("the answer holds an object without a name".to_owned());
        }
        if kind.namespaced && namespace.is_some() && metadata("namespace") != namespace {
            return Err("the answer holds an object of another namespace".to_owned());
        }
        if what == What::Metadata {
            object.retain(|name, _| name == "metadata");
        }
        object.insert("apiVersion".to_owned(), api_version.clone().into());
        object.insert("kind".to_owned(), kind.kind.clone().into());
    }
    Ok(())
}
