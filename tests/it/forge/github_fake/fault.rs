//! What goes wrong on the way.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Method, Response};
use futures::StreamExt as _;

use super::{Answer, respond};

/// A request that fails, once.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    method: &'static str,
    /// End of the path.
    path: String,
    how: How,
}

/// How a request fails.
#[derive(Debug, Clone)]
pub(crate) enum How {
    /// It is done, and a proxy answers with this status.
    DoneThen(u16),
    /// It is done, and the answer ends in the middle.
    DoneThenCut,
    /// It is done, and a page comes instead of JSON.
    DoneThenHtml,
    /// It is done, and the answer does not come.
    DoneThenSilence,
    /// It is not done.
    Instead(u16, Vec<(&'static str, String)>, String),
}

impl Fault {
    pub(crate) fn new(method: &'static str, path: &str, how: How) -> Self {
        Self { method, path: path.to_owned(), how }
    }

    /// The answer where the request is not done.
    pub(super) fn before(&self) -> Option<Response<Body>> {
        let How::Instead(status, headers, body) = &self.how else { return None };
        let mut response = Response::builder().status(*status);
        for (name, value) in headers {
            response = response.header(*name, value);
        }
        Some(response.body(Body::from(body.clone())).expect("a valid answer"))
    }

    /// The answer where the request was done.
    pub(super) async fn after(self, answer: Answer) -> Response<Body> {
        let page = "<html><body>Bad gateway</body></html>";
        let built = match self.how {
            How::DoneThen(status) => Response::builder().status(status).body(Body::from(page)),
            How::DoneThenHtml => Response::builder().status(200).body(Body::from(page)),
            How::DoneThenSilence => {
                tokio::time::sleep(Duration::from_secs(600)).await;
                return respond(answer);
            }
            How::DoneThenCut => {
                let text = answer.body.to_string();
                let half = Bytes::from(text.as_bytes()[..text.len() / 2].to_vec());
                let cut = std::io::Error::other("cut");
                let pieces = futures::stream::iter([Ok(half), Err(cut)]).then(|piece| async {
                    // What was sent must be on its way before the connection ends.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    piece
                });
                let response = Response::builder().status(answer.status);
                response.header("content-length", text.len()).body(Body::from_stream(pieces))
            }
            How::Instead(..) => return respond(answer),
        };
        built.expect("a valid answer")
    }
}

/// The first fault for a request; it happens once.
pub(super) fn take(faults: &mut Vec<Fault>, method: &Method, path: &str) -> Option<Fault> {
    let at = faults.iter().position(|fault| method == fault.method && path.ends_with(&fault.path))?;
    Some(faults.remove(at))
}
