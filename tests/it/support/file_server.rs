//! A web server of files in memory, on loopback: it may want a login, send elsewhere, or stop, and it remembers what it was
//! asked.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// What is at a path.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// A file.
    File(Vec<u8>),
    /// Another address.
    Redirect(String),
    /// An error of the server.
    Error(u16),
}

/// A request as the server saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Path and query.
    pub(crate) path: String,
    /// The whole value of `Authorization`.
    pub(crate) authorization: Option<String>,
}

#[derive(Default)]
struct State {
    contents: BTreeMap<String, Content>,
    /// The value of `Authorization` without which nothing is given.
    login: Option<String>,
    is_stopped: bool,
    asked: Vec<Asked>,
}

/// The server; its thread lives as long as the test process.
pub(crate) struct FileServer {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl FileServer {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let state = Arc::new(Mutex::new(State::default()));
        let kept = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&kept);
                // A client that is gone has no use for an answer.
                std::thread::spawn(move || serve(&stream, &state));
            }
        });
        Self { port, state }
    }

    /// `127.0.0.1:PORT`
    pub(crate) fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The same server under the name of another host.
    pub(crate) fn other_name(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// `http://127.0.0.1:PORT`
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.authority())
    }

    /// Puts something at a path, from `/`.
    pub(crate) fn put(&self, path: &str, content: Content) {
        self.state(|state| state.contents.insert(path.to_owned(), content));
    }

    /// Gives nothing without this value of `Authorization`.
    pub(crate) fn want(&self, authorization: &str) {
        self.state(|state| state.login = Some(authorization.to_owned()));
    }

    /// Answers nobody from now on.
    pub(crate) fn stop(&self) {
        self.state(|state| state.is_stopped = true);
    }

    /// What it was asked since the last time.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state(|state| std::mem::take(&mut state.asked))
    }

    fn state<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn serve(stream: &TcpStream, state: &Mutex<State>) -> Option<()> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let authorization = headers.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("authorization").then(|| value.trim().to_owned())
    });
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    if state.is_stopped {
        return None;
    }
    let is_known = state.login.is_none() || state.login == authorization;
    state.asked.push(Asked { path: path.clone(), authorization });
    let (head, body) = match state.contents.get(&path) {
        _ if !is_known => ("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"".to_owned(), vec![]),
        Some(Content::File(bytes)) => ("200 OK".to_owned(), bytes.clone()),
        Some(Content::Redirect(to)) => (format!("302 Found\r\nLocation: {to}"), vec![]),
        Some(Content::Error(status)) => (format!("{status} Error"), vec![]),
        None => ("404 Not Found".to_owned(), vec![]),
    };
    drop(state);
    let mut stream = stream;
    let length = body.len();
    write!(stream, "HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n").ok()?;
    stream.write_all(&body).ok()
}
