//! What a forge answered.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserializer as _;
use serde::de::{DeserializeOwned, SeqAccess, Visitor};
use serde_json::Value;

use super::wait;

/// Most characters of what a forge said that are shown.
const SHOWN: usize = 400;

/// Longest answer in which a message is looked for.
const MESSAGE_LIMIT: usize = 64 * 1024;

/// A body that is not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("status {status} with {what}")]
pub(in crate::forge) struct UnreadableBody {
    status: u16,
    what: BodyFault,
}

/// What a body is instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum BodyFault {
    #[error("HTML in place of JSON")]
    Html,
    #[error("JSON that ends too early")]
    CutOff,
    /// In serde_json's words, escaped and cut.
    #[error("{0}")]
    Other(String),
}

/// A status, headers and a whole body.
#[derive(Debug)]
pub(in crate::forge) struct ForgeAnswer {
    pub(in crate::forge) status: u16,
    pub(in crate::forge) headers: HeaderMap,
    body: Vec<u8>,
}

impl ForgeAnswer {
    pub(super) fn new(status: u16, headers: HeaderMap) -> Self {
        Self { status, headers, body: Vec::new() }
    }

    /// Adds a piece of the body; whether it is within the limit.
    pub(super) fn add(&mut self, piece: &[u8], limit: usize) -> bool {
        self.body.extend_from_slice(piece);
        self.body.len() <= limit
    }

    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as `T`; the error says what it is instead.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, UnreadableBody> {
        serde_json::from_slice(&self.body).map_err(|error| self.unreadable(&error))
    }

    /// The rows of a list, one by one. Gitea writes an empty list as null.
    pub(super) fn rows<T: DeserializeOwned>(&self, each: impl FnMut(T)) -> Result<(), UnreadableBody> {
        let mut reader = serde_json::Deserializer::from_slice(&self.body);
        let read = reader.deserialize_any(RowVisitor { each, row: PhantomData }).and_then(|()| reader.end());
        read.map_err(|error| self.unreadable(&error))
    }

    /// Bytes of the body.
    pub(in crate::forge) fn length(&self) -> usize {
        self.body.len()
    }

    fn unreadable(&self, error: &serde_json::Error) -> UnreadableBody {
        let start = String::from_utf8_lossy(&self.body[..self.body.len().min(200)]).trim_start().to_owned();
        let what = if start.starts_with('<') {
            BodyFault::Html
        } else if error.is_eof() {
            BodyFault::CutOff
        } else {
            BodyFault::Other(escape_message(&error.to_string()))
        };
        UnreadableBody { status: self.status, what }
    }

    /// A header as text.
    pub(in crate::forge) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether it asks to come back later: 429, or GitHub's 403 for its primary and secondary limits. Nothing was done.
    pub(super) fn is_limit(&self) -> bool {
        let used_up = self.header("x-ratelimit-remaining") == Some("0");
        let secondary = || self.message().to_ascii_lowercase().contains("rate limit");
        self.status == 429
            || (self.status == 403 && (used_up || self.headers.contains_key(RETRY_AFTER) || secondary()))
    }

    /// How long the forge asks to wait.
    pub(super) fn wait(&self) -> Option<Duration> {
        let after = self.header("retry-after");
        let reset =
            self.header("x-ratelimit-reset").filter(|_| self.header("x-ratelimit-remaining") == Some("0"));
        wait::requested_wait(after, reset, self.header("date"))
    }

    /// What it said, escaped and cut, with `: ` before it; empty where it said nothing.
    pub(super) fn message_suffix(&self) -> String {
        let said = escape_message(self.message().trim());
        if said.is_empty() { said } else { format!(": {said}") }
    }

    /// The `message` of a JSON answer with its `errors`, else the text; nothing of an HTML page.
    pub(in crate::forge) fn message(&self) -> String {
        // A tree of what a forge sends may be many times as large.
        let body = &self.body[..self.body.len().min(MESSAGE_LIMIT)];
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            let text = String::from_utf8_lossy(body);
            return if text.trim_start().starts_with('<') { String::new() } else { text.into_owned() };
        };
        let mut texts: Vec<String> = value["message"].as_str().map(str::to_owned).into_iter().collect();
        for error in value["errors"].as_array().into_iter().flatten() {
            let text = error.as_str().or(error["message"].as_str()).or(error["code"].as_str());
            texts.extend(text.map(str::to_owned));
        }
        texts.join(": ")
    }
}

/// Reads a list row by row.
struct RowVisitor<T, F> {
    each: F,
    row: PhantomData<T>,
}

impl<'de, T: DeserializeOwned, F: FnMut(T)> Visitor<'de> for RowVisitor<T, F> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut rows: A) -> Result<(), A::Error> {
        while let Some(row) = rows.next_element()? {
            (self.each)(row);
        }
        Ok(())
    }
}

/// Text of a stranger for one line of a terminal, escaped and cut.
pub(super) fn escape_message(text: &str) -> String {
    crate::text::one_line(text, SHOWN)
}
