//! One blocking HTTP call, for tests that look at what a server holds.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value;

/// A call; what is `None` is not sent.
#[derive(Default)]
pub(crate) struct Call<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    /// The whole value of `Authorization`.
    pub(crate) authorization: Option<&'a str>,
    pub(crate) body: Option<&'a Value>,
    /// The one file of certificates that is trusted.
    pub(crate) ca: Option<&'a Path>,
}

static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime for the calls of the tests")
});

impl Call<'_> {
    /// Status and body, or why there was no answer. Proxies of the developer are not used.
    pub(crate) fn send(&self) -> Result<(u16, String), String> {
        self.send_as("application/json")
    }

    /// The same, with a body of this type: `application/apply-patch+yaml` takes JSON, too.
    pub(crate) fn send_as(&self, content_type: &str) -> Result<(u16, String), String> {
        // A thread of its own: the caller may be inside a runtime, where blocking is refused.
        std::thread::scope(|scope| {
            scope
                .spawn(|| RUNTIME.block_on(self.answer(content_type)))
                .join()
                .expect("the call does not panic")
        })
        .map_err(|error: reqwest::Error| format!("{} {}: {error:?}", self.method, self.url))
    }

    /// Status and body as JSON: an empty body is null, one that is not JSON a string.
    pub(crate) fn json(&self) -> Result<(u16, Value), String> {
        let (status, text) = self.send()?;
        Ok((status, json(text)))
    }

    async fn answer(&self, content_type: &str) -> Result<(u16, String), reqwest::Error> {
        self.answer_by(&client(self.ca)?, content_type).await
    }

    async fn answer_by(
        &self,
        client: &reqwest::Client,
        content_type: &str,
    ) -> Result<(u16, String), reqwest::Error> {
        let method = reqwest::Method::from_bytes(self.method.as_bytes()).expect("a method of HTTP");
        let mut request = client.request(method, self.url);
        if let Some(value) = self.authorization {
            request = request.header("authorization", value);
        }
        if let Some(body) = self.body {
            request = request.header("content-type", content_type).json(body);
        }
        let response = request.send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    }
}

fn client(ca: Option<&Path>) -> Result<reqwest::Client, reqwest::Error> {
    let mut client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(30));
    if let Some(file) = ca {
        let bundle = std::fs::read(file).unwrap_or_default();
        client = client.tls_certs_only(reqwest::Certificate::from_pem_bundle(&bundle)?);
    }
    client.build()
}

fn json(text: String) -> Value {
    if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}

/// One server and one user, over kept connections: for tests that make thousands of calls.
pub(crate) struct Client {
    client: reqwest::Client,
    url: String,
    authorization: String,
}

impl Client {
    /// A client of the server at `url` (without a path), with the whole value of `Authorization`.
    pub(crate) fn new(url: String, authorization: String, ca: &Path) -> Result<Self, String> {
        LazyLock::force(&RUNTIME);
        let client = client(Some(ca)).map_err(|error| format!("{url}: {error:?}"))?;
        Ok(Self { client, url, authorization })
    }

    /// Status and body as JSON of one call, by its path from `/`; it must be answered. Not from inside a runtime.
    #[track_caller]
    pub(crate) fn json(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let url = format!("{}{path}", self.url);
        let call = Call { method, url: &url, authorization: Some(&self.authorization), body, ca: None };
        match RUNTIME.block_on(call.answer_by(&self.client, "application/json")) {
            Ok((status, text)) => (status, json(text)),
            Err(error) => panic!("{method} {url}: {error:?}"),
        }
    }

    /// The same with a body of another media type, and under the name of another program.
    #[track_caller]
    pub(crate) fn send(&self, request: &Request<'_>) -> (u16, Value) {
        let url = format!("{}{}", self.url, request.path);
        let method = reqwest::Method::from_bytes(request.method.as_bytes()).expect("a method of HTTP");
        let mut builder = self.client.request(method, &url).header("authorization", &self.authorization);
        if let Some(agent) = request.agent {
            builder = builder.header("user-agent", agent);
        }
        let builder = builder.header("content-type", request.media).body(request.body.to_string());
        let answer = async {
            let response = builder.send().await?;
            Ok::<_, reqwest::Error>((response.status().as_u16(), response.text().await?))
        };
        match RUNTIME.block_on(answer) {
            Ok((status, text)) => (status, json(text)),
            Err(error) => panic!("{} {url}: {error:?}", request.method),
        }
    }
}

/// A call of a [`Client`] with a body.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    /// From `/`, with its query.
    pub(crate) path: &'a str,
    /// The media type of the body, `application/merge-patch+json`.
    pub(crate) media: &'a str,
    /// What `User-Agent` says: the API server takes the first word of it for the manager where none is named.
    pub(crate) agent: Option<&'a str>,
    pub(crate) body: &'a Value,
}
