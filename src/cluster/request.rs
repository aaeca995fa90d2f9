//! One request and its retries, within one deadline.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use kube::client::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::field::Empty;
use tracing::{Span, debug_span};

use super::error::{MalformedAnswer, ReadErrorKind, one_line};

/// A server that cannot be reached is given up after this long.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(9);
/// One that refuses connections may be starting: it is asked again for this long.
const REFUSED_LIMIT: Duration = Duration::from_secs(5);
/// Timeout for groups that failed before.
const SHORT_LIMIT: Duration = Duration::from_secs(5);
/// Largest body of one answer, unpacked.
const BODY_LIMIT: usize = 64 << 20;
/// Largest body of a page of a list: a longer one is asked for with fewer objects.
const PAGE_LIMIT: usize = 8 << 20;
/// A page of more bytes than this takes one of the few places for large pages.
const SMALL_PAGE: usize = 1 << 20;
/// Large pages in memory at the same time: what one tenant stores does not decide how much memory a check needs.
const LARGE_PAGES: usize = 4;
/// Waits before a retry: doubled from the first to the last.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LAST_WAIT: Duration = Duration::from_secs(5);
/// An internal error is rarely one that passes: a broken conversion webhook gives it for ever.
const RETRIES_OF_500: u32 = 5;

/// Sends requests, retries temporary errors, and counts both.
pub(super) struct Requests {
    client: kube::Client,
    timeout: Duration,
    large_pages: Arc<Semaphore>,
    sent: AtomicU64,
    received: AtomicU64,
}

/// What is asked: a GET, or a patch that the server only plays through. Both may be repeated.
pub(super) struct ApiCall<'a> {
    pub(super) method: Method,
    /// Path and query.
    pub(super) path: &'a str,
    pub(super) accept: &'a str,
    /// Content type and content.
    pub(super) body: Option<(&'static str, String)>,
    pub(super) kind: CallKind,
}

/// What a call asks for, which says how long the answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallKind {
    /// A page of a list of several objects.
    Page,
    /// A page of one object, which may be as long as any object.
    PageOfOne,
    /// Anything else.
    Other,
}

impl<'a> ApiCall<'a> {
    pub(super) fn get(path: &'a str, accept: &'a str) -> Self {
        Self { method: Method::GET, path, accept, body: None, kind: CallKind::Other }
    }

    /// The most bytes of an answer.
    fn limit(&self) -> usize {
        if self.kind == CallKind::Page { PAGE_LIMIT } else { BODY_LIMIT }
    }

    fn request(&self) -> Result<Request<Body>, http::Error> {
        let request = Request::builder().method(&self.method).uri(self.path).header(ACCEPT, self.accept);
        match &self.body {
            None => request.body(Body::empty()),
            Some((content, text)) => {
                request.header(CONTENT_TYPE, *content).body(Body::from(text.clone().into_bytes()))
            }
        }
    }
}

/// A whole answer with a status that a retry would not change.
pub(super) struct ApiAnswer {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
    /// The place that a large page takes as long as it is in memory.
    pub(super) permit: Option<OwnedSemaphorePermit>,
}

/// Why there is no such answer.
#[derive(Debug)]
pub(super) struct RequestError {
    pub(super) why: String,
    pub(super) kind: ReadErrorKind,
}

impl From<MalformedAnswer> for RequestError {
    fn from(malformed: MalformedAnswer) -> Self {
        Self { why: malformed.to_string(), kind: ReadErrorKind::Malformed }
    }
}

/// How one attempt ended that may be tried again.
struct FailedAttempt {
    failure: RequestError,
    /// The server's own wish.
    wait: Option<Duration>,
    limit: RetryLimit,
}

/// How long an attempt of this kind is repeated.
enum RetryLimit {
    Deadline,
    Connecting,
    Few,
    Never,
}

impl Requests {
    pub(super) fn new(client: kube::Client, timeout: Duration) -> Self {
        let large_pages = Arc::new(Semaphore::new(LARGE_PAGES));
        Self { client, timeout, large_pages, sent: AtomicU64::new(0), received: AtomicU64::new(0) }
    }

    /// Requests sent, retries among them.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Bytes of all bodies, unpacked.
    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// GETs a path (with its query) of the server.
    pub(super) async fn get(&self, path: &str, accept: &str) -> Result<ApiAnswer, RequestError> {
        self.send(&ApiCall::get(path, accept)).await
    }

    /// Sends any request.
    pub(super) async fn send(&self, call: &ApiCall<'_>) -> Result<ApiAnswer, RequestError> {
        self.send_within(self.timeout, call).await
    }

    /// As [`Self::get`] for what is known to be in trouble: a whole time-out for each of its lists would be lost.
    pub(super) async fn send_with_short_timeout(
        &self,
        call: &ApiCall<'_>,
    ) -> Result<ApiAnswer, RequestError> {
        self.send_within(self.timeout.min(SHORT_LIMIT), call).await
    }

    /// Not the crate `backon`: it would double the wait (a line here), and be told the rest by closures: how long each
    /// kind of failure is repeated, the server's own wish, one deadline for attempts and waits together.
    async fn send_within(&self, limit: Duration, call: &ApiCall<'_>) -> Result<ApiAnswer, RequestError> {
        let start = Instant::now();
        let deadline = start + limit;
        let mut wait = FIRST_WAIT;
        for attempt in 1.. {
            let span = request_span(call, attempt - 1);
            let failed = match timeout_at(deadline, self.attempt(call, &span)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(failed)) => failed,
                Err(_) => {
                    span.record("error", "no answer");
                    return Err(no_answer(limit));
                }
            };
            drop(span);
            let last = match failed.limit {
                RetryLimit::Deadline => deadline,
                RetryLimit::Connecting => deadline.min(start + REFUSED_LIMIT),
                RetryLimit::Few if attempt <= RETRIES_OF_500 => deadline,
                RetryLimit::Few | RetryLimit::Never => start,
            };
            // A server that asks for no wait at all is still given one.
            let next = Instant::now() + failed.wait.unwrap_or_default().max(wait);
            if next >= last {
                return Err(with_attempts(failed, attempt));
            }
            sleep_until(next).await;
            wait = (wait * 2).min(LAST_WAIT);
        }
        Err(no_answer(limit))
    }

    async fn attempt(&self, call: &ApiCall<'_>, span: &Span) -> Result<ApiAnswer, FailedAttempt> {
        let request = call.request();
        let request = request
            .map_err(|cause| FailedAttempt::never(ReadErrorKind::Other, format!("not a request: {cause}")))?;
        self.sent.fetch_add(1, Ordering::Relaxed);
        let response = self.client.send(request).await.map_err(|cause| no_answer_began(&cause).told(span))?;
        let (head, mut body) = response.into_parts();
        span.record("status", head.status.as_u16());
        // Put together once: a buffer that grows is copied and touches new memory each time.
        let (mut frames, mut length, mut place) = (Vec::new(), 0, None);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|cause| cut_off(&cause).told(span))?;
            let Ok(data) = frame.into_data() else { continue };
            self.received.fetch_add(data.len() as u64, Ordering::Relaxed);
            length += data.len();
            if length > call.limit() {
                let why = format!("an answer of more than {} MiB", call.limit() >> 20);
                return Err(FailedAttempt::never(ReadErrorKind::TooLarge, why));
            }
            frames.push(data);
            if call.kind != CallKind::Other && length > SMALL_PAGE && place.is_none() {
                place = Arc::clone(&self.large_pages).acquire_owned().await.ok();
            }
        }
        span.record("bytes", length);
        let mut bytes = Vec::with_capacity(length);
        // Each is freed when it is taken over.
        frames.into_iter().for_each(|frame| bytes.extend_from_slice(&frame));
        if head.status == StatusCode::TOO_MANY_REQUESTS || head.status.is_server_error() {
            return Err(retry_later(head.status, &head.headers, &bytes));
        }
        Ok(ApiAnswer { status: head.status, body: bytes, permit: place })
    }
}

/// One attempt as the log shows it. Paths hold names, the size of a page and where it begins; bodies and headers stay
/// out.
fn request_span(call: &ApiCall<'_>, retry: u32) -> Span {
    let (method, path) = (call.method.as_str(), call.path);
    debug_span!("request", method, path, retry, status = Empty, bytes = Empty, error = Empty)
}

fn no_answer(limit: Duration) -> RequestError {
    let why = format!("no answer within {limit:?}; raise --timeout if the server is slow");
    RequestError { why, kind: ReadErrorKind::Timeout }
}

impl FailedAttempt {
    fn never(kind: ReadErrorKind, why: String) -> Self {
        Self { failure: RequestError { why, kind }, wait: None, limit: RetryLimit::Never }
    }

    /// Notes a broken connection in the log, where a later attempt may succeed. What a server said stays out.
    fn told(self, span: &Span) -> Self {
        span.record("error", self.failure.why.as_str());
        self
    }
}

fn with_attempts(failed: FailedAttempt, attempts: u32) -> RequestError {
    let RequestError { mut why, kind } = failed.failure;
    if attempts > 1 {
        why = format!("{why} (tried {attempts} times)");
    }
    if let Some(wait) = failed.wait.filter(|wait| !wait.is_zero()) {
        why = format!("{why}; the server asks to wait {} s, more than is left of --timeout", wait.as_secs());
    }
    RequestError { why, kind }
}

/// 429 or 5xx.
fn retry_later(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> FailedAttempt {
    let wait = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let limit =
        if status == StatusCode::INTERNAL_SERVER_ERROR { RetryLimit::Few } else { RetryLimit::Deadline };
    let failure = RequestError { why: status_text(status, body), kind: ReadErrorKind::Other };
    FailedAttempt { failure, wait: wait.map(Duration::from_secs), limit }
}

/// `403 Forbidden: secrets is forbidden: User "x" cannot list ...`: the status and the server's own message.
pub(super) fn status_text(status: StatusCode, body: &[u8]) -> String {
    let message = ApiStatus::parse(body).and_then(|status| status.message).unwrap_or_default();
    match one_line(&message) {
        message if message.is_empty() => status.to_string(),
        message => format!("{status}: {message}"),
    }
}

/// The parts of a `Status` body that we read.
#[derive(serde::Deserialize)]
pub(super) struct ApiStatus {
    kind: String,
    pub(super) message: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) details: Option<StatusDetails>,
    pub(super) metadata: Option<StatusMetadata>,
}

#[derive(serde::Deserialize)]
pub(super) struct StatusDetails {
    pub(super) name: Option<String>,
}

#[derive(serde::Deserialize)]
pub(super) struct StatusMetadata {
    /// The token to go on with after a 410.
    #[serde(rename = "continue")]
    pub(super) continuation: Option<String>,
}

impl ApiStatus {
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Self>(body).ok().filter(|status| status.kind == "Status")
    }
}

/// The connection ended within the body.
fn cut_off(cause: &kube::Error) -> FailedAttempt {
    let why = format!("the answer was cut off: {}", innermost(cause));
    FailedAttempt {
        failure: RequestError { why, kind: ReadErrorKind::Malformed },
        wait: None,
        limit: RetryLimit::Deadline,
    }
}

/// No answer began.
fn no_answer_began(error: &kube::Error) -> FailedAttempt {
    let tls = causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>());
    if let Some(tls) = tls {
        return FailedAttempt::never(ReadErrorKind::Other, describe_tls_error(tls));
    }
    if let kube::Error::Auth(_) = error {
        return FailedAttempt::never(ReadErrorKind::Other, "the credentials could not be renewed".to_owned());
    }
    let connecting = causes(error).any(|cause| {
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        matches!(
            io,
            Some(
                io::ErrorKind::ConnectionRefused
                    | io::ErrorKind::TimedOut
                    | io::ErrorKind::HostUnreachable
                    | io::ErrorKind::NetworkUnreachable
            )
        ) || cause.to_string().contains("dns error")
    });
    let (why, limit) = if connecting {
        (
            format!("no connection: {}; is the address right, and the server up?", innermost(error)),
            RetryLimit::Connecting,
        )
    } else {
        (format!("the connection was cut: {}", innermost(error)), RetryLimit::Deadline)
    };
    FailedAttempt { failure: RequestError { why, kind: ReadErrorKind::Other }, wait: None, limit }
}

/// The error and what lies under it; an I/O error hides one, which `source` leaves out.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        let error: &'a (dyn Error + 'static) = *error;
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(hidden) => Some(hidden as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map(|cause| one_line(&cause.to_string())).unwrap_or_default()
}

fn describe_tls_error(error: &rustls::Error) -> String {
    let advice = match error {
        rustls::Error::InvalidCertificate(why) => match why {
            rustls::CertificateError::UnknownIssuer => {
                "; no certificate-authority of the kubeconfig signed the server's certificate. kubectl also accepts \
                 the server's own certificate there; drift needs the one of the authority that signed it"
            }
            rustls::CertificateError::NotValidForName
            | rustls::CertificateError::NotValidForNameContext { .. } => {
                "; reach the server by a name of its certificate, or set tls-server-name"
            }
            _ => "",
        },
        _ => "",
    };
    format!("TLS: {}{advice}", one_line(&error.to_string()))
}
