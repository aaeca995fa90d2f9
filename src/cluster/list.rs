//! Lists, page by page.

use std::collections::HashSet;
use std::sync::Arc;

use futures::stream::{self, Stream};
use http::StatusCode;
use tokio::task::JoinHandle;

use super::api::{Api, NOT_JSON, escape, good, path};
use super::error::{Unread, UnreadKind, name_of_list};
use super::item::{Item, Of, PageText};
use super::page::Page;
use super::request::{Call, CallOf, Failure, Status};
use crate::model::ServedKind;

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

    /// Objects a page at most: whole ones may be large, and a page is in memory at once.
    fn page(self) -> u32 {
        match self {
            Self::Objects => 250,
            Self::Metadata => 500,
        }
    }
}

/// A page of fewer bytes lets the next one have more objects, after one of too many bytes.
const GROWING_PAGE: usize = 1 << 20;
/// How often a list is begun again because the server no longer knew how to continue it.
const RESTARTS: u32 = 3;
/// More pages than any cluster has: a server that always names another one does not end the run's time.
const PAGES: u32 = 100_000;

/// The list's pages; ends after the first error. The next page is under way while one is looked at.
pub(super) fn pages(
    api: &Arc<Api>,
    kind: &ServedKind,
    namespace: Option<&str>,
    what: What,
) -> impl Stream<Item = Result<Vec<Item>, Unread>> + Send + use<> {
    let place = Place {
        api: Arc::clone(api),
        kind: kind.clone(),
        namespace: namespace.map(str::to_owned),
        what,
        of: Of::new(kind, what),
    };
    let begin = Next::Token(String::new());
    let list = List {
        size: place.what.page(),
        place: Arc::new(place),
        next: begin,
        restarts: 0,
        pages: 0,
        delivered: HashSet::new(),
    };
    stream::try_unfold(list, |mut list| async move {
        let page = list.next_page().await.map_err(|failure| list.place.unread(failure))?;
        Ok(page.map(|page| (page, list)))
    })
}

/// Which list, and where.
struct Place {
    api: Arc<Api>,
    kind: ServedKind,
    namespace: Option<String>,
    what: What,
    of: Arc<Of>,
}

struct List {
    place: Arc<Place>,
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
    Asked(Asked),
    /// There is none.
    End,
}

/// A page that is being read; given up with the list.
struct Asked {
    token: String,
    /// Objects that were asked for.
    size: u32,
    reading: JoinHandle<Result<Answered, Failure>>,
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// What the server gave for a token.
enum Answered {
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

impl Place {
    fn unread(&self, failure: Failure) -> Unread {
        let what = name_of_list(&self.kind, self.namespace.as_deref());
        Unread { what, why: failure.why, kind: failure.kind }
    }

    fn url(&self, token: &str, size: u32) -> String {
        let path = path(&self.kind, self.namespace.as_deref());
        let next = if token.is_empty() { String::new() } else { format!("&continue={}", escape(token)) };
        format!("{path}?limit={size}{next}")
    }

    /// Begins to read a page, on another thread where there is one.
    fn ask(self: &Arc<Self>, token: String, size: u32) -> Asked {
        let (place, of_page) = (Arc::clone(self), token.clone());
        Asked { token, size, reading: tokio::spawn(async move { place.read(&of_page, size).await }) }
    }

    async fn read(&self, token: &str, size: u32) -> Result<Answered, Failure> {
        let (url, of) = (self.url(token, size), if size > 1 { CallOf::Page } else { CallOf::PageOfOne });
        let call = Call { of, ..Call::get(&url, self.what.accept()) };
        let mut answer = match self.api.ask(&self.kind, &call).await {
            Err(Failure { kind: UnreadKind::TooLarge, .. }) if size > 1 => return Ok(Answered::TooLarge),
            answer => answer?,
        };
        let taken = answer.place.take();
        if answer.status == StatusCode::GONE && !token.is_empty() {
            let offered = Status::of(&answer.body).and_then(|status| status.metadata?.continuation);
            return Ok(Answered::Gone { offered });
        }
        let text = String::from_utf8(good(answer, &self.kind, "list")?);
        let text = PageText::new(text.map_err(|_| malformed(NOT_JSON.to_owned()))?, taken);
        let namespace = self.namespace.as_deref();
        let page =
            Page::read(&text, |head, at| Item::new(head, (Arc::clone(&text), at), &self.of, namespace));
        let (items, next) =
            page.map_err(str::to_owned).and_then(|page| page.of(&self.kind, self.what)).map_err(malformed)?;
        Ok(Answered::Page { items, next, bytes: text.len() })
    }
}

impl List {
    async fn next_page(&mut self) -> Result<Option<Vec<Item>>, Failure> {
        let mut asked = match std::mem::replace(&mut self.next, Next::End) {
            Next::Token(token) => self.place.ask(token, self.size),
            Next::Asked(asked) => asked,
            Next::End => return Ok(None),
        };
        let token = std::mem::take(&mut asked.token);
        let ended = |_| malformed("reading the page was given up".to_owned());
        let (mut items, next) = match (&mut asked.reading).await.map_err(ended)?? {
            Answered::Page { items, next, bytes } => {
                self.grow(asked.size, bytes);
                (items, next)
            }
            Answered::TooLarge => {
                self.size = (asked.size / 8).max(1);
                self.next = Next::Token(token);
                return Ok(Some(Vec::new()));
            }
            Answered::Gone { offered } => return self.go_on_after_gone(offered).map(Some),
        };
        self.pages += 1;
        if next.as_ref() == Some(&token) || self.pages > PAGES {
            return Err(malformed("the server names another page again and again".to_owned()));
        }
        let is_only = token.is_empty() && next.is_none();
        self.next = next.map_or(Next::End, |token| Next::Asked(self.place.ask(token, self.size)));
        self.drop_delivered(&mut items, is_only);
        Ok(Some(items))
    }

    /// After few bytes for its number of objects, the next page may have twice as many.
    fn grow(&mut self, size: u32, bytes: usize) {
        if bytes < GROWING_PAGE {
            self.size = (size * 2).min(self.place.what.page());
        }
    }

    /// The token expired. The server offers another that goes on at the same key in its present state; where it
    /// offers none, the list begins again.
    fn go_on_after_gone(&mut self, offered: Option<String>) -> Result<Vec<Item>, Failure> {
        self.restarts += 1;
        if self.restarts > RESTARTS {
            let why = format!("410 Gone {} times: its pages expire faster than they are read", self.restarts);
            return Err(Failure { why, kind: UnreadKind::Other });
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

fn malformed(why: String) -> Failure {
    Failure { why, kind: UnreadKind::Malformed }
}
