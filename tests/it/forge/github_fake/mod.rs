//! A stand-in for GitHub: it keeps one repository's issues, pull requests, labels and comments, judges every request and
//! every answer of its own by GitHub's published description, and fails on demand.

mod fault;
mod judge;
mod state;

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, Response, Uri};
use serde_json::Value;
use url::form_urlencoded;

pub(crate) use fault::{Fault, How};
use judge::Operation;
use state::State;
pub(crate) use state::Thing;

/// Where the API is below the server's address, as on GitHub Enterprise Server.
const BASE: &str = "/api/v3";
/// The repository.
pub(crate) const REPOSITORY: &str = "acme/gitops";
/// Who the tests are: `token-of-<login>` belongs to `<login>`.
pub(crate) const BOT: &str = "drift-bot";

/// A running stand-in; when it goes, nothing that it saw may have been wrong.
pub(crate) struct Fake {
    shared: Arc<Shared>,
    pub(crate) address: String,
}

struct Shared {
    state: Mutex<State>,
    faults: Mutex<Vec<Fault>>,
    seen: Mutex<Vec<(String, String)>>,
    stall: Mutex<Stall>,
    violations: Mutex<Vec<String>>,
    address: String,
}

/// A request that gets no answer.
#[derive(Default)]
struct Stall {
    /// How many are answered before it.
    left: Option<usize>,
    /// Whether it is done all the same.
    is_done: bool,
    reached: bool,
}

/// What the stand-in answers.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Value,
}

impl Fake {
    /// Serves on a port of its own, as long as the test's runtime lives.
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("it is bound"));
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(REPOSITORY)),
            faults: Mutex::default(),
            seen: Mutex::default(),
            stall: Mutex::default(),
            violations: Mutex::default(),
            address: address.clone(),
        });
        let for_requests = Arc::clone(&shared);
        let router = axum::Router::new().fallback(move |request: Request<Body>| {
            let shared = Arc::clone(&for_requests);
            async move { Ok::<_, Infallible>(serve(&shared, request).await) }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { shared, address }
    }

    /// The repository's state, to look at and to act on as other people.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().expect("no test panics while it holds the state")
    }

    /// Lets a request fail.
    pub(crate) fn fail(&self, fault: Fault) {
        self.shared.faults.lock().expect("no test panics while it holds the faults").push(fault);
    }

    /// Lets the request after so many others wait for its answer for ever; whether it is done all the same.
    pub(crate) fn stall(&self, after: usize, is_done: bool) {
        *self.shared.stall.lock().expect("unpoisoned") = Stall { left: Some(after), is_done, reached: false };
    }

    /// Whether that request is here, and done where it should be.
    pub(crate) fn is_stalled(&self) -> bool {
        self.shared.stall.lock().expect("unpoisoned").reached
    }

    /// Methods and paths of all requests.
    pub(crate) fn requests(&self) -> Vec<(String, String)> {
        self.shared.seen.lock().expect("no test panics while it holds the log").clone()
    }

    /// How many requests of a method reached a path that ends so.
    pub(crate) fn count(&self, method: &str, end: &str) -> usize {
        let seen = self.shared.seen.lock().expect("no test panics while it holds the log");
        seen.iter().filter(|(one, path)| one == method && path.ends_with(end)).count()
    }

    /// How many requests could have changed something.
    pub(crate) fn writes(&self) -> usize {
        let seen = self.shared.seen.lock().expect("no test panics while it holds the log");
        seen.iter().filter(|(method, _)| method != "GET").count()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let violations = self.shared.violations.lock().map(|all| all.clone()).unwrap_or_default();
        assert!(
            violations.is_empty() || std::thread::panicking(),
            "against GitHub's description:\n{}",
            violations.join("\n")
        );
    }
}

async fn serve(shared: &Shared, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 24).await.unwrap_or_default();
    let path = parts.uri.path().strip_prefix(BASE).unwrap_or_default().to_owned();
    shared.seen.lock().expect("unpoisoned").push((parts.method.to_string(), path.clone()));
    let stalls = is_its_turn(shared);
    if stalls == Some(false) {
        return silence(shared).await;
    }
    let fault = fault::take(&mut shared.faults.lock().expect("unpoisoned"), &parts.method, &path);
    if let Some(answer) = fault.as_ref().and_then(Fault::before) {
        return answer;
    }
    let answer = answer(shared, &parts.method, &path, &parts.uri, &parts.headers, &bytes);
    if stalls == Some(true) {
        return silence(shared).await;
    }
    match fault {
        Some(fault) => fault.after(answer).await,
        None => respond(answer),
    }
}

/// Whether this request gets no answer, and is done all the same.
fn is_its_turn(shared: &Shared) -> Option<bool> {
    let mut stall = shared.stall.lock().expect("unpoisoned");
    let left = stall.left?;
    stall.left = left.checked_sub(1);
    (left == 0).then_some(stall.is_done)
}

async fn silence(shared: &Shared) -> Response<Body> {
    shared.stall.lock().expect("unpoisoned").reached = true;
    std::future::pending().await
}

fn answer(
    shared: &Shared,
    method: &Method,
    path: &str,
    uri: &Uri,
    headers: &HeaderMap,
    bytes: &Bytes,
) -> Answer {
    let wrong = |what: Vec<String>| {
        let mut violations = shared.violations.lock().expect("unpoisoned");
        violations.extend(what.into_iter().map(|what| format!("{method} {path}: {what}")));
    };
    let Some(operation) = Operation::find(method.as_str(), path) else {
        wrong(vec!["there is no such route".to_owned()]);
        return Answer { status: 404, headers: Vec::new(), body: state::message("Not Found") };
    };
    let query: Vec<(String, String)> =
        form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let body: Value = if bytes.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(bytes).unwrap_or_else(|_| {
            wrong(vec!["its body is no JSON".to_owned()]);
            Value::Null
        })
    };
    wrong(operation.judge_request(&query, &body));
    let mut state = shared.state.lock().expect("unpoisoned");
    let login = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer token-of-"))
        .filter(|login| state.knows(login))
        .map(str::to_owned);
    let Some(login) = login else {
        return Answer { status: 401, headers: Vec::new(), body: state::message("Bad credentials") };
    };
    let asked = state::Asked {
        login: &login,
        query: &query,
        body: &body,
        url: &format!("{}{BASE}{path}", shared.address),
    };
    let answer = state.answer(&operation, &asked);
    wrong(
        operation
            .judge_answer(answer.status, &answer.body)
            .into_iter()
            .map(|why| format!("answer: {why}"))
            .collect(),
    );
    answer
}

fn respond(answer: Answer) -> Response<Body> {
    let mut response = Response::builder().status(answer.status).header("content-type", "application/json");
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(answer.body.to_string())).expect("a valid answer")
}
