//! Lists, page by page.

use std::collections::HashSet;
use std::sync::Arc;

use futures::stream::{self, Stream};
use http::StatusCode;
use tokio::task::JoinHandle;

use super::api::{ApiServer, body_or_failure, escape, resource_path};
use super::error::{MalformedAnswer, ReadError, ReadErrorKind, resource_display_name};
use super::item::{Item, ListContext, PageText, Projection};
use super::page::ListPage;
use super::request::{ApiCall, ApiStatus, CallKind, RequestError};
use crate::model::ApiResource;

/// A page of fewer bytes lets the next one have more objects, after one of too many bytes.
const GROWING_PAGE: usize = 1 << 20;
/// Most restarts of a list whose continue token expired.
const RESTARTS: u32 = 3;
/// More pages than any cluster has: a server that always names another one does not end the run's time.
const PAGES: u32 = 100_000;

/// The list's pages; ends after the first error. The next page is prefetched.
pub(super) fn pages(
    api: &Arc<ApiServer>,
    kind: &ApiResource,
    namespace: Option<&str>,
    what: Projection,
) -> impl Stream<Item = Result<Vec<Item>, ReadError>> + Send + use<> {
    let place = ListTarget {
        api: Arc::clone(api),
        kind: kind.clone(),
        namespace: namespace.map(str::to_owned),
        what,
        of: ListContext::new(kind, what),
    };
    let begin = Next::Token(String::new());
    let list = List {
        size: place.what.page_size(),
        target: Arc::new(place),
        next: begin,
        restarts: 0,
        pages: 0,
        delivered: HashSet::new(),
    };
    stream::try_unfold(list, |mut list| async move {
        let page = list.next_page().await.map_err(|failure| list.target.unread(failure))?;
        Ok(page.map(|page| (page, list)))
    })
}

/// Which list, and where.
struct ListTarget {
    api: Arc<ApiServer>,
    kind: ApiResource,
    namespace: Option<String>,
    what: Projection,
    of: Arc<ListContext>,
}

struct List {
    target: Arc<ListTarget>,
    next: Next,
    restarts: u32,
    pages: u32,
    /// Objects of the next page.
    size: u32,
    /// Uids of what earlier pages held, so that a list that begins again gives no object twice.
    delivered: HashSet<String>,
}

/// The next page.
enum Next {
    /// By its token, empty for the first.
    Token(String),
    /// Under way.
    Pending(PendingPage),
    /// There is none.
    End,
}

/// A page that is being read; given up with the list.
struct PendingPage {
    token: String,
    /// Objects that were asked for.
    size: u32,
    reading: JoinHandle<Result<PageOutcome, RequestError>>,
}

impl Drop for PendingPage {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// What the server gave for a token.
enum PageOutcome {
    Page {
        items: Vec<Item>,
        next: Option<String>,
        bytes: usize,
    },
    /// So many objects are too many bytes.
    TooLarge,
    /// The token expired; the server may offer another.
    Gone {
        offered: Option<String>,
    },
}

impl ListTarget {
    fn unread(&self, failure: RequestError) -> ReadError {
        let what = resource_display_name(&self.kind, self.namespace.as_deref());
        ReadError { what, why: failure.why, kind: failure.kind }
    }

    fn url(&self, token: &str, size: u32) -> String {
        let path = resource_path(&self.kind, self.namespace.as_deref());
        let next = if token.is_empty() { String::new() } else { format!("&continue={}", escape(token)) };
        format!("{path}?limit={size}{next}")
    }

    /// Begins to read a page, on another thread where there is one.
    fn ask(self: &Arc<Self>, token: String, size: u32) -> PendingPage {
        let (place, of_page) = (Arc::clone(self), token.clone());
        PendingPage { token, size, reading: tokio::spawn(async move { place.read(&of_page, size).await }) }
    }

    async fn read(&self, token: &str, size: u32) -> Result<PageOutcome, RequestError> {
        let (url, of) = (self.url(token, size), if size > 1 { CallKind::Page } else { CallKind::PageOfOne });
        let call = ApiCall { kind: of, ..ApiCall::get(&url, self.what.accept()) };
        let mut answer = match self.api.send_for_kind(&self.kind, &call).await {
            Err(RequestError { kind: ReadErrorKind::TooLarge, .. }) if size > 1 => {
                return Ok(PageOutcome::TooLarge);
            }
            answer => answer?,
        };
        let taken = answer.permit.take();
        if answer.status == StatusCode::GONE && !token.is_empty() {
            let offered = ApiStatus::parse(&answer.body).and_then(|status| status.metadata?.continuation);
            return Ok(PageOutcome::Gone { offered });
        }
        let text = String::from_utf8(body_or_failure(answer, &self.kind, "list")?);
        let text = PageText::new(text.map_err(|_| MalformedAnswer::NotJson)?, taken);
        let namespace = self.namespace.as_deref();
        let page =
            ListPage::read(&text, |head, at| Item::new(head, (Arc::clone(&text), at), &self.of, namespace));
        let (items, next) = page?.into_items(&self.kind, self.what)?;
        Ok(PageOutcome::Page { items, next, bytes: text.len() })
    }
}

impl List {
    async fn next_page(&mut self) -> Result<Option<Vec<Item>>, RequestError> {
        let mut asked = match std::mem::replace(&mut self.next, Next::End) {
            Next::Token(token) => self.target.ask(token, self.size),
            Next::Pending(asked) => asked,
            Next::End => return Ok(None),
        };
        let token = std::mem::take(&mut asked.token);
        let ended = |_| MalformedAnswer::GivenUp;
        let (mut items, next) = match (&mut asked.reading).await.map_err(ended)?? {
            PageOutcome::Page { items, next, bytes } => {
                self.grow(asked.size, bytes);
                (items, next)
            }
            PageOutcome::TooLarge => {
                self.size = (asked.size / 8).max(1);
                self.next = Next::Token(token);
                return Ok(Some(Vec::new()));
            }
            PageOutcome::Gone { offered } => return self.go_on_after_gone(offered).map(Some),
        };
        self.pages += 1;
        if next.as_ref() == Some(&token) || self.pages > PAGES {
            return Err(MalformedAnswer::EndlessPages.into());
        }
        let is_only = token.is_empty() && next.is_none();
        self.next = next.map_or(Next::End, |token| Next::Pending(self.target.ask(token, self.size)));
        self.drop_delivered(&mut items, is_only);
        Ok(Some(items))
    }

    /// After few bytes for its number of objects, the next page may have twice as many.
    fn grow(&mut self, size: u32, bytes: usize) {
        if bytes < GROWING_PAGE {
            self.size = (size * 2).min(self.target.what.page_size());
        }
    }

    /// The token expired. The server offers another that goes on at the same key in its present state; where it
    /// offers none, the list begins again.
    fn go_on_after_gone(&mut self, offered: Option<String>) -> Result<Vec<Item>, RequestError> {
        self.restarts += 1;
        if self.restarts > RESTARTS {
            let why = format!("410 Gone {} times: its pages expire faster than they are read", self.restarts);
            return Err(RequestError { why, kind: ReadErrorKind::Other });
        }
        self.next = Next::Token(offered.unwrap_or_default());
        Ok(Vec::new())
    }

    fn drop_delivered(&mut self, items: &mut Vec<Item>, is_only: bool) {
        if is_only && self.delivered.is_empty() {
            return;
        }
        items.retain(|item| item.uid().is_none_or(|uid| self.delivered.insert(uid.to_owned())));
    }
}
