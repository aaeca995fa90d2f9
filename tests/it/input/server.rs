//! A small API server of the tests' own, of plain bytes, so that it can also misbehave below HTTP.
//!
//! It serves the objects it is given and nothing else, without authentication; a test replaces single answers.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The token in the kubeconfig: no output may hold it.
pub(crate) const TOKEN: &str = "t0p-s3cret-bearer";

/// What is served: group, version, kind, plural, namespaced.
const KINDS: [(&str, &str, &str, &str, bool); 8] = [
    ("", "v1", "Namespace", "namespaces", false),
    ("", "v1", "ConfigMap", "configmaps", true),
    ("", "v1", "Secret", "secrets", true),
    ("", "v1", "Service", "services", true),
    ("apps", "v1", "Deployment", "deployments", true),
    ("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true),
    ("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", false),
    ("example.com", "v1", "Widget", "widgets", true),
];

/// What the server does with one request.
pub(crate) enum Reply {
    /// A JSON body.
    Json(u16, Value),
    /// Any body, with more header lines.
    Text(u16, &'static str, String),
    /// A body that ends before its announced length.
    Cut,
    /// The connection closes without an answer.
    Hangup,
    /// No answer, ever.
    Silent,
}

/// One request as the server saw it.
pub(crate) struct Seen {
    /// Path and query.
    pub(crate) url: String,
    /// How often this URL was asked for before.
    pub(crate) before: usize,
    metadata_only: bool,
}

impl Seen {
    /// Whether it asks for this list or object: a path without its query.
    pub(crate) fn is(&self, path: &str) -> bool {
        self.url.split('?').next() == Some(path)
    }
}

type Log = Arc<Mutex<Vec<(String, String)>>>;

/// The server; it lives as long as the test process.
pub(crate) struct Server {
    url: String,
    folder: TempDir,
    log: Log,
}

impl Server {
    /// Serves these objects, given as YAML documents.
    pub(crate) fn with(objects: &str) -> Self {
        Self::start(objects, |_| None)
    }

    /// Serves these objects.
    pub(crate) fn of(objects: Vec<Value>) -> Self {
        Self::serving(objects, |_| None)
    }

    /// As [`Self::with`], but where `reply` has an answer, that is the answer.
    pub(crate) fn start(
        objects: &str,
        reply: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        Self::serving(parse(objects), reply)
    }

    fn serving(objects: Vec<Value>, reply: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let (objects, reply) = (Arc::new(objects), Arc::new(reply));
        let log = Log::default();
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (objects, reply, log) = (Arc::clone(&objects), Arc::clone(&reply), Arc::clone(&kept));
                std::thread::spawn(move || serve(stream, &objects, &*reply, &log));
            }
        });
        let server = Self { url, folder: tempfile::tempdir().expect("a temporary folder"), log };
        let user = json!({"token": TOKEN});
        server.write_kubeconfig("kubeconfig", &user);
        server
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A kubeconfig with a token.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// A kubeconfig of another name with this user; gives its path.
    pub(crate) fn write_kubeconfig(&self, name: &str, user: &Value) -> PathBuf {
        let text = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "here",
            "clusters": [{"name": "c", "cluster": {"server": self.url}}],
            "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        });
        let file = self.folder.path().join(name);
        std::fs::write(&file, text.to_string()).expect("a file in a temporary folder");
        file
    }

    /// Method and URL of every request so far.
    pub(crate) fn requests(&self) -> Vec<(String, String)> {
        self.log.lock().expect("nobody panics with it").clone()
    }
}

/// YAML documents as values.
pub(crate) fn parse(documents: &str) -> Vec<Value> {
    use serde::Deserialize as _;
    let documents = serde_yaml::Deserializer::from_str(documents);
    let values = documents.map(|document| Value::deserialize(document).expect("YAML of the test's own"));
    values.filter(|value| !value.is_null()).collect()
}

fn serve(mut stream: TcpStream, objects: &[Value], reply: &dyn Fn(&Seen) -> Option<Reply>, log: &Log) {
    let head: Vec<String> =
        BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let mut first = head.first().map(String::as_str).unwrap_or_default().split(' ').map(str::to_owned);
    let (Some(method), Some(url)) = (first.next(), first.next()) else { return };
    let before = {
        let mut log = log.lock().expect("nobody panics with it");
        let before = log.iter().filter(|(_, seen)| *seen == url).count();
        log.push((method, url.clone()));
        before
    };
    let metadata_only = head.iter().any(|line| line.contains("PartialObjectMetadataList"));
    let seen = Seen { url, before, metadata_only };
    let (status, more, body) = match reply(&seen).unwrap_or_else(|| healthy(&seen, objects)) {
        Reply::Json(status, body) => (status, "content-type: application/json\r\n", body.to_string()),
        Reply::Text(status, more, body) => (status, more, body),
        Reply::Cut => {
            let begun = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"kind\":\"ConfigMapList\",";
            let _ = stream.write_all(begun);
            return;
        }
        Reply::Hangup => return,
        Reply::Silent => {
            let _ = stream.read(&mut [0]);
            return;
        }
    };
    let length = body.len();
    let head = format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {length}\r\n{more}\r\n");
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body.as_bytes());
}

/// A `Status` as the API server writes it.
pub(crate) fn status(code: u16, reason: &str, message: &str, name: &str) -> Reply {
    let body = json!({"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": reason,
                      "message": message, "details": {"name": name}, "code": code});
    Reply::Json(code, body)
}

fn healthy(seen: &Seen, objects: &[Value]) -> Reply {
    let path = seen.url.split('?').next().unwrap_or_default();
    match path {
        "/version" => return Reply::Json(200, json!({"gitVersion": "v1.36.2"})),
        "/api" => return Reply::Json(200, groups(|group| group.is_empty())),
        "/apis" => return Reply::Json(200, groups(|group| !group.is_empty())),
        _ => {}
    }
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (group, version, rest) = match parts.as_slice() {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return status(404, "NotFound", "the server could not find the requested resource", ""),
    };
    let (namespace, plural, name) = match rest {
        ["namespaces"] => (None, "namespaces", None),
        ["namespaces", name] => (None, "namespaces", Some(*name)),
        ["namespaces", namespace, plural] => (Some(*namespace), *plural, None),
        ["namespaces", namespace, plural, name] => (Some(*namespace), *plural, Some(*name)),
        [plural] => (None, *plural, None),
        [plural, name] => (None, *plural, Some(*name)),
        _ => return status(404, "NotFound", "the server could not find the requested resource", ""),
    };
    let known = KINDS.iter().find(|kind| (kind.0, kind.1, kind.3) == (group, version, plural));
    let Some((_, _, kind, _, _)) = known else {
        return status(404, "NotFound", "the server could not find the requested resource", "");
    };
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let matches = |object: &&Value| {
        let metadata = &object["metadata"];
        object["kind"] == *kind
            && object["apiVersion"] == api_version.as_str()
            && namespace.is_none_or(|namespace| metadata["namespace"] == namespace)
            && name.is_none_or(|name| metadata["name"] == name)
    };
    let mut found = objects.iter().filter(matches).cloned();
    // A namespace that holds something is there.
    if let (None, "namespaces", Some(name)) = (namespace, plural, name)
        && objects.iter().any(|object| object["metadata"]["namespace"] == name)
    {
        let metadata = json!({"name": name, "uid": format!("uid-{name}")});
        return Reply::Json(200, json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}));
    }
    if let Some(name) = name {
        let missing = || status(404, "NotFound", &format!("{plural} \"{name}\" not found"), name);
        return found.next().map_or_else(missing, |object| Reply::Json(200, object));
    }
    let mut items: Vec<Value> = found.collect();
    for item in &mut items {
        let item = item.as_object_mut().expect("objects");
        if seen.metadata_only {
            item.retain(|key, _| key == "metadata");
            item.insert("apiVersion".to_owned(), "meta.k8s.io/v1".into());
            item.insert("kind".to_owned(), "PartialObjectMetadata".into());
        } else {
            item.retain(|key, _| key != "apiVersion" && key != "kind");
        }
    }
    let (list_version, list_kind) = if seen.metadata_only {
        ("meta.k8s.io/v1".to_owned(), "PartialObjectMetadataList".to_owned())
    } else {
        (api_version, format!("{kind}List"))
    };
    Reply::Json(200, json!({"apiVersion": list_version, "kind": list_kind, "metadata": {}, "items": items}))
}

/// Aggregated discovery of some groups.
fn groups(wanted: impl Fn(&str) -> bool) -> Value {
    let mut groups: Vec<(&str, &str, Vec<Value>)> = vec![];
    for (group, version, kind, plural, namespaced) in KINDS.into_iter().filter(|kind| wanted(kind.0)) {
        let scope = if namespaced { "Namespaced" } else { "Cluster" };
        let resource = json!({"resource": plural, "scope": scope, "verbs": ["get", "list"],
                              "responseKind": {"group": "", "version": "", "kind": kind}});
        match groups.iter_mut().find(|(known, _, _)| *known == group) {
            Some((_, _, resources)) => resources.push(resource),
            None => groups.push((group, version, vec![resource])),
        }
    }
    let items: Vec<Value> = groups
        .into_iter()
        .map(|(group, version, resources)| {
            json!({"metadata": {"name": group}, "versions": [{"version": version, "resources": resources}]})
        })
        .collect();
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": items})
}
