//! Requests to a forge: bounded in time and size, repeated where that is safe, never redirected.

mod answer;
#[cfg(test)]
mod tests;
mod wait;

use std::time::Duration;

use http_body_util::BodyExt;
use reqwest::Method;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use tracing::field::Empty;
use tracing::{Span, debug_span};
use url::Url;

use super::error::ForgeError;
use super::settings::ForgeTarget;
use crate::git::Token;

pub(super) use answer::ForgeAnswer;

/// Longest answer that is read.
const BODY_LIMIT: usize = 10 * 1024 * 1024;
/// How long connecting may take, and how long a refused connection is tried again.
const CONNECT: Duration = Duration::from_secs(10);

/// Which words go with a refusal.
pub(super) type HintFn = fn(&ForgeAnswer) -> &'static str;

/// A client for one forge.
#[derive(Debug)]
pub(super) struct ForgeClient {
    transport: Transport,
    base: Url,
    deadline: Duration,
    hint: HintFn,
}

/// Who carries requests. Both stand on a [`reqwest::Client`] that follows no redirect.
#[derive(Debug)]
enum Transport {
    Plain { client: reqwest::Client, token: Token },
    GitHub(octocrab::Octocrab),
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct ForgeRequest {
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    body: Option<Value>,
    repeatable: bool,
}

impl ForgeRequest {
    /// Reads `path`, which begins with a slash and stands below the API's address.
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), query: Vec::new(), body: None, repeatable: true }
    }

    /// Sets what `body` names; done twice it is as if done once, so it may be repeated.
    pub(super) fn patch(path: impl Into<String>, body: Value) -> Self {
        Self { method: Method::PATCH, body: Some(body), ..Self::get(path) }
    }

    /// Makes something new: repeated only where the forge certainly did nothing.
    pub(super) fn post(path: impl Into<String>, body: Value) -> Self {
        Self { method: Method::POST, body: Some(body), repeatable: false, ..Self::get(path) }
    }

    /// Adds a parameter.
    pub(super) fn query(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    /// Replaces all parameters.
    pub(super) fn with_query(mut self, query: Vec<(String, String)>) -> Self {
        self.query = query;
        self
    }
}

/// What one attempt came to.
enum AttemptOutcome {
    Answered(ForgeAnswer),
    /// Nothing was sent.
    Refused(String),
    /// It was sent; whether it was done is not known.
    Lost(String),
    Unreadable(String),
}

impl AttemptOutcome {
    /// Notes how an attempt ended in the log, and ends its line.
    fn record_in(&self, span: Span) {
        match self {
            Self::Answered(answer) => {
                span.record("status", answer.status).record("bytes", answer.length());
            }
            Self::Refused(why) | Self::Lost(why) | Self::Unreadable(why) => {
                span.record("error", why.as_str());
            }
        }
    }
}

impl ForgeClient {
    /// A client on reqwest alone.
    pub(super) fn new_plain(target: &ForgeTarget, hint: HintFn) -> Result<Self, ForgeError> {
        let transport = Transport::Plain { client: reqwest_client()?, token: target.token.clone() };
        Ok(Self { transport, base: target.api.clone(), deadline: target.deadline, hint })
    }

    /// octocrab on our own client. Its retries are not compiled in: they repeat POST.
    pub(super) fn new_github(target: &ForgeTarget, hint: HintFn) -> Result<Self, ForgeError> {
        let crab = octocrab::Octocrab::builder()
            .base_uri(target.api.as_str().trim_end_matches('/'))
            .and_then(|builder| {
                builder.personal_token(target.token.expose().to_owned()).build_with_reqwest(
                    reqwest_client().map_err(|error| octocrab::Error::Other {
                        source: Box::new(error),
                        backtrace: std::backtrace::Backtrace::disabled(),
                    })?,
                )
            })
            .map_err(|error| ForgeError::configuration("the forge's client cannot be made", chain(&error)))?;
        Ok(Self {
            transport: Transport::GitHub(crab),
            base: target.api.clone(),
            deadline: target.deadline,
            hint,
        })
    }

    /// Sends, and again where that is safe, until there is a 2xx answer, a refusal that will not change, or no time left.
    pub(super) async fn send(&self, request: &ForgeRequest) -> Result<ForgeAnswer, ForgeError> {
        let start = Instant::now();
        let end = start + self.deadline;
        let mut pause = wait::FIRST;
        let mut retry = 0_u32;
        loop {
            let span = self.request_span(request, retry);
            let attempt = match timeout_at(end, self.attempt(request)).await {
                Ok(attempt) => attempt,
                Err(_) => AttemptOutcome::Lost(format!("no answer within {} s", self.deadline.as_secs())),
            };
            attempt.record_in(span);
            let (error, again, wait) = match attempt {
                AttemptOutcome::Answered(answer) if answer.is_success() => return Ok(answer),
                AttemptOutcome::Answered(answer) => self.classify_refusal(request, &answer),
                AttemptOutcome::Refused(why) => {
                    let again = start.elapsed() < CONNECT.min(self.deadline);
                    (self.unreachable(request, why), again, None)
                }
                AttemptOutcome::Lost(why) => (self.unreachable(request, why), request.repeatable, None),
                AttemptOutcome::Unreadable(why) => return Err(self.unreadable(request, why)),
            };
            // A forge that asks for no wait at all is still given one.
            let wait = wait.unwrap_or_default().max(pause);
            if !again {
                return Err(error);
            }
            if wait >= end.saturating_duration_since(Instant::now()) {
                return Err(match error {
                    ForgeError::Limited { method, url, .. } => ForgeError::Limited { method, url, wait },
                    other => other,
                });
            }
            tokio::time::sleep(wait).await;
            pause = wait::next_pause(pause);
            retry += 1;
        }
    }

    /// Sends, and takes "not found" as a value.
    pub(super) async fn find(&self, request: &ForgeRequest) -> Result<Option<ForgeAnswer>, ForgeError> {
        match self.send(request).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.status() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The answer as `T`.
    pub(super) async fn json<T: serde::de::DeserializeOwned>(
        &self,
        request: &ForgeRequest,
    ) -> Result<T, ForgeError> {
        let answer = self.send(request).await?;
        self.decode(request, &answer)
    }

    /// Gives the rows of a list one by one, each of them dropped before the next is read.
    pub(super) fn rows<T: serde::de::DeserializeOwned>(
        &self,
        request: &ForgeRequest,
        answer: &ForgeAnswer,
        each: impl FnMut(T),
    ) -> Result<(), ForgeError> {
        answer.rows(each).map_err(|why| self.unreadable(request, why.to_string()))
    }

    /// Reads an answer.
    pub(super) fn decode<T: serde::de::DeserializeOwned>(
        &self,
        request: &ForgeRequest,
        answer: &ForgeAnswer,
    ) -> Result<T, ForgeError> {
        answer.json().map_err(|why| self.unreadable(request, why.to_string()))
    }

    /// The error of a refusal, whether to ask again, and how long to wait first where the forge says it.
    fn classify_refusal(
        &self,
        request: &ForgeRequest,
        answer: &ForgeAnswer,
    ) -> (ForgeError, bool, Option<Duration>) {
        let (method, url) = self.display_request(request);
        if answer.is_limit() {
            // GitHub documents a minute where a secondary limit names no time.
            let wait = answer.wait().or((answer.status == 403).then_some(Duration::from_secs(60)));
            return (ForgeError::Limited { method, url, wait: wait.unwrap_or_default() }, true, wait);
        }
        let hint = match answer.status {
            301 | 302 | 307 | 308 => {
                "it points elsewhere, and that is not followed: was the repository renamed? Correct the remote, or `forge.api` and `forge.repository`"
            }
            401 => "the token is not accepted: is it revoked, expired, or another forge's?",
            _ => (self.hint)(answer),
        };
        let hint = (!hint.is_empty()).then(|| hint.to_string());
        let again = answer.status >= 500 && request.repeatable;
        let error =
            ForgeError::Refused { method, url, status: answer.status, said: answer.message_suffix(), hint };
        (error, again, answer.wait())
    }

    /// One attempt as the log shows it: without the query, headers and bodies.
    fn request_span(&self, request: &ForgeRequest, retry: u32) -> Span {
        let (method, path) = (request.method.as_str(), request.path.as_str());
        debug_span!("request", method, path, retry, status = Empty, bytes = Empty, error = Empty)
    }

    async fn attempt(&self, request: &ForgeRequest) -> AttemptOutcome {
        match &self.transport {
            Transport::Plain { client, token } => self.attempt_plain(client, token, request).await,
            Transport::GitHub(crab) => attempt_github(crab, &self.path_and_query(request), request).await,
        }
    }

    async fn attempt_plain(
        &self,
        client: &reqwest::Client,
        token: &Token,
        request: &ForgeRequest,
    ) -> AttemptOutcome {
        let url = format!("{}{}", self.base.as_str().trim_end_matches('/'), self.path_and_query(request));
        let mut builder = client
            .request(request.method.clone(), url)
            .bearer_auth(token.expose())
            .header(reqwest::header::ACCEPT, "application/json");
        if let Some(body) = &request.body {
            builder = builder.json(body);
        }
        let mut response = match builder.send().await {
            Ok(response) => response,
            Err(error) => return failed(&error),
        };
        let mut answer = ForgeAnswer::new(response.status().as_u16(), response.headers().clone());
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if answer.add(&chunk, BODY_LIMIT) => {}
                Ok(Some(_)) => return AttemptOutcome::Unreadable(too_long()),
                Ok(None) => return AttemptOutcome::Answered(answer),
                Err(error) => return failed(&error),
            }
        }
    }

    fn path_and_query(&self, request: &ForgeRequest) -> String {
        let mut text = request.path.clone();
        if !request.query.is_empty() {
            let query =
                url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&request.query).finish();
            text.push('?');
            text.push_str(&query);
        }
        text
    }

    fn display_request(&self, request: &ForgeRequest) -> (String, String) {
        (request.method.to_string(), format!("{}{}", self.base.as_str().trim_end_matches('/'), request.path))
    }

    fn unreachable(&self, request: &ForgeRequest, why: String) -> ForgeError {
        let (method, url) = self.display_request(request);
        ForgeError::Unreachable { method, url, why }
    }

    pub(super) fn unreadable(&self, request: &ForgeRequest, why: String) -> ForgeError {
        let (method, url) = self.display_request(request);
        ForgeError::Unreadable { method, url, why }
    }
}

async fn attempt_github(crab: &octocrab::Octocrab, path: &str, request: &ForgeRequest) -> AttemptOutcome {
    let builder = http::Request::builder().method(request.method.clone()).uri(path);
    let built = match crab.build_request(builder, request.body.as_ref()) {
        Ok(built) => built,
        Err(error) => return AttemptOutcome::Refused(chain(&error)),
    };
    let response = match crab.execute(built).await {
        Ok(response) => response,
        Err(error) => return failed(&error),
    };
    let (parts, mut body) = response.into_parts();
    let mut answer = ForgeAnswer::new(parts.status.as_u16(), parts.headers);
    while let Some(frame) = body.frame().await {
        match frame.map(|frame| frame.into_data()) {
            Ok(Ok(data)) if answer.add(&data, BODY_LIMIT) => {}
            Ok(Ok(_)) => return AttemptOutcome::Unreadable(too_long()),
            Ok(Err(_trailers)) => {}
            Err(error) => return failed(&error),
        }
    }
    AttemptOutcome::Answered(answer)
}

/// A client that follows nothing, and sends what it is given to where it is told.
fn reqwest_client() -> Result<reqwest::Client, ForgeError> {
    // Whoever came first installed the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .user_agent(concat!("drift/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| ForgeError::configuration("the forge's client cannot be made", chain(&error)))
}

fn too_long() -> String {
    format!("it is longer than {} MiB", BODY_LIMIT / 1024 / 1024)
}

/// Whether anything was sent is told by the error's kind.
fn failed(error: &(dyn std::error::Error + 'static)) -> AttemptOutcome {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if current.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_connect) {
            return AttemptOutcome::Refused(chain(error));
        }
        cause = current.source();
    }
    AttemptOutcome::Lost(chain(error))
}

/// The innermost causes of an error. Outer texts repeat the address with its query.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut texts = Vec::new();
    let mut cause = error.source();
    while let Some(current) = cause {
        texts.push(current.to_string());
        cause = current.source();
    }
    texts.dedup();
    let last = texts.split_off(texts.len().saturating_sub(2));
    if last.is_empty() {
        answer::escape_message(&error.to_string())
    } else {
        answer::escape_message(&last.join(": "))
    }
}
