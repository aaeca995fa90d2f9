//! An API server on loopback, of plain bytes, so that it can also misbehave below HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use serde_json::{Value, json};

use crate::cluster::{Cluster, ClusterSettings, Projection, ReadError};
use crate::model::ApiResource;

/// What the server does with one request.
pub(super) enum Reply {
    /// A JSON body.
    Json(u16, Value),
    /// Any body, with more headers.
    Text(u16, &'static str, String),
    /// A body that ends before its announced length.
    Cut,
    /// The connection closes without an answer.
    Hangup,
    /// No answer, ever.
    Silent,
}

/// One request as the server saw it.
pub(super) struct SeenRequest {
    /// Path and query.
    pub(super) url: String,
    /// Lines of the head.
    pub(super) head: Vec<String>,
    /// How often this URL was asked for before.
    pub(super) before: usize,
    /// What was sent with it.
    pub(super) body: String,
}

impl SeenRequest {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

type Log = Arc<Mutex<Vec<String>>>;

pub(super) struct Mock {
    pub(super) url: String,
    pub(super) folder: tempfile::TempDir,
    log: Log,
}

impl Mock {
    /// A server that answers with `reply`, and where that has none with what a small healthy cluster would say.
    pub(super) fn start(reply: impl Fn(&SeenRequest) -> Option<Reply> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let log = Log::default();
        let (reply, kept) = (Arc::new(reply), Arc::clone(&log));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (reply, log) = (Arc::clone(&reply), Arc::clone(&kept));
                std::thread::spawn(move || serve(stream, &*reply, &log));
            }
        });
        Self { url, folder: tempfile::tempdir().expect("a temporary folder"), log }
    }

    /// How often a URL that begins so was asked for.
    pub(super) fn request_count(&self, start: &str) -> usize {
        self.log.lock().expect("nobody panics with it").iter().filter(|url| url.starts_with(start)).count()
    }

    pub(super) fn settings(&self) -> ClusterSettings {
        let user = json!({"token": "t0ken"});
        self.settings_with(&json!({"server": self.url}), &user)
    }

    pub(super) fn settings_with(&self, cluster: &Value, user: &Value) -> ClusterSettings {
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "here",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        });
        let file: PathBuf = self.folder.path().join("kubeconfig");
        std::fs::write(&file, kubeconfig.to_string()).expect("the folder is ours");
        ClusterSettings {
            kubeconfig: Some(file),
            timeout: Duration::from_secs(20),
            ..ClusterSettings::default()
        }
    }

    pub(super) async fn cluster(&self) -> Cluster {
        Cluster::connect(&self.settings()).await.expect("the mock says what it serves")
    }

    /// For tests that wait for the time-out.
    pub(super) async fn impatient(&self) -> Cluster {
        Cluster::connect(&impatient(self.settings())).await.expect("the mock says what it serves")
    }
}

fn serve(mut stream: TcpStream, reply: &dyn Fn(&SeenRequest) -> Option<Reply>, log: &Log) {
    let mut reader = BufReader::new(&stream);
    let lines = reader.by_ref().lines().map_while(Result::ok);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let Some(url) = head.first().and_then(|first| first.split(' ').nth(1)).map(str::to_owned) else {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        return;
    };
    let before = {
        let mut log = log.lock().expect("nobody panics with it");
        let before = log.iter().filter(|seen| **seen == url).count();
        log.push(url.clone());
        before
    };
    let mut seen = SeenRequest { url, head, before, body: String::new() };
    let length = seen.header("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
    let _ = reader.take(length).read_to_string(&mut seen.body);
    let (status, more, body) = match reply(&seen).unwrap_or_else(|| healthy(&seen.url)) {
        Reply::Json(status, body) => (status, "content-type: application/json\r\n", body.to_string()),
        Reply::Text(status, more, body) => (status, more, body),
        Reply::Cut => {
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"kind\":\"ConfigMapList\",");
            return;
        }
        Reply::Hangup => return,
        Reply::Silent => {
            let _ = stream.read(&mut [0]);
            return;
        }
    };
    let head =
        format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {}\r\n{more}\r\n", body.len());
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body.as_bytes());
}

/// The same with a short time-out.
pub(super) fn impatient(settings: ClusterSettings) -> ClusterSettings {
    ClusterSettings { timeout: Duration::from_millis(1500), ..settings }
}

/// What a small healthy cluster says.
fn healthy(url: &str) -> Reply {
    let resource = |plural: &str, kind: &str, scope: &str| {
        json!({"resource": plural, "scope": scope, "verbs": ["get", "list"],
               "responseKind": {"group": "", "version": "", "kind": kind}})
    };
    let group = |name: &str, versions: Value| json!({"metadata": {"name": name}, "versions": versions});
    let body = match url {
        "/version" => json!({"gitVersion": "v1.36.2"}),
        "/api" => json!({"kind": "APIGroupDiscoveryList", "items": [group("", json!([
            {"version": "v1", "resources": [
                resource("secrets", "Secret", "Namespaced"), resource("configmaps", "ConfigMap", "Namespaced"),
                resource("namespaces", "Namespace", "Cluster"), resource("pods", "Pod", "Namespaced")]}]))]}),
        "/apis" => json!({"kind": "APIGroupDiscoveryList", "items": [
            group("example.com", json!([
                {"version": "v1", "resources": [resource("widgets", "Widget", "Namespaced")]},
                {"version": "v1beta1", "resources": [resource("widgets", "Widget", "Namespaced")]}])),
            group("apps", json!([{"version": "v1", "resources": [
                resource("deployments", "Deployment", "Namespaced")]}]))]}),
        _ => {
            return Reply::Json(
                404,
                json!({"kind": "Status", "status": "Failure", "reason": "NotFound",
                                            "message": "the server could not find the requested resource",
                                            "details": {}, "code": 404}),
            );
        }
    };
    Reply::Json(200, body)
}

/// A core/v1 kind of the mock.
pub(super) fn core(kind: &str, plural: &str) -> ApiResource {
    ApiResource {
        group: String::new(),
        version: "v1".to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        namespaced: kind != "Namespace",
        supports_list: true,
    }
}

pub(super) fn config_maps() -> ApiResource {
    core("ConfigMap", "configmaps")
}

/// A list's page as the API server writes it: items without `apiVersion` and `kind`.
pub(super) fn page(kind: &str, names: &[&str], next: &str) -> Value {
    let items: Vec<_> = names
        .iter()
        .map(|name| json!({"metadata": {"name": name, "namespace": "shop", "uid": format!("uid-{name}")}}))
        .collect();
    json!({"apiVersion": "v1", "kind": format!("{kind}List"), "metadata": {"continue": next}, "items": items})
}

/// Every object of a list, or why it ended early; and what came before that.
pub(super) async fn all(
    cluster: &Cluster,
    kind: &ApiResource,
    namespace: Option<&str>,
    what: Projection,
) -> (Vec<Value>, Option<ReadError>) {
    let (mut objects, mut unread) = (Vec::new(), None);
    let mut pages = cluster.list(kind, namespace, what);
    while let Some(next) = pages.next().await {
        assert!(unread.is_none(), "nothing follows an error");
        match next {
            Ok(page) => objects.extend(page.iter().map(|item| item.parse().expect("it is JSON"))),
            Err(cause) => unread = Some(cause),
        }
    }
    (objects, unread)
}

pub(super) fn names(objects: &[Value]) -> Vec<&str> {
    objects.iter().map(|object| object["metadata"]["name"].as_str().expect("objects have names")).collect()
}
