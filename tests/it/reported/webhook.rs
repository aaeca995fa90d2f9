//! A webhook server on loopback: it patches what is admitted, and converts between versions.
//!
//! It serves with the certificate of the API server, which is one of 127.0.0.1.

use std::collections::BTreeMap;
use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};

use crate::support::cluster::ControlPlane;

/// By `/NAMESPACE/patch/NAME`, the JSON patch that is answered.
type Patches = Arc<Mutex<BTreeMap<String, Value>>>;

/// The server of this test process; it ends with it.
pub(super) struct WebhookServer {
    port: u16,
    certificate: Vec<u8>,
    patches: Patches,
}

impl WebhookServer {
    /// Starts on first use.
    pub(super) fn shared(plane: &ControlPlane) -> &'static Self {
        static SHARED: OnceLock<WebhookServer> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&plane.ca()))
    }

    fn start(certificate: &Path) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("a bound listener").port();
        let (config, patches) = (tls_config(certificate), Patches::default());
        let ours = Arc::clone(&patches);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, patches) = (Arc::clone(&config), Arc::clone(&ours));
                // A client that goes away is no concern of ours.
                std::thread::spawn(move || drop(answer(stream, config, &patches)));
            }
        });
        let certificate = std::fs::read(certificate).expect("the certificate of the API server");
        Self { port, certificate, patches }
    }

    /// The address for one namespace: below it are `/patch/NAME` and `/convert`.
    pub(super) fn url(&self, namespace: &str) -> String {
        format!("https://127.0.0.1:{}/{namespace}", self.port)
    }

    /// What `caBundle` needs.
    pub(super) fn ca(&self) -> String {
        BASE64.encode(&self.certificate)
    }

    /// Sets what `/patch/NAME` answers in a namespace.
    pub(super) fn register(&self, namespace: &str, patches: &BTreeMap<String, Value>) {
        let mut all = self.patches.lock().expect("nothing panics here");
        all.extend(patches.iter().map(|(name, patch)| (format!("/{namespace}/patch/{name}"), patch.clone())));
    }
}

fn tls_config(certificate: &Path) -> Arc<rustls::ServerConfig> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let chain = CertificateDer::pem_file_iter(certificate).expect("the certificate of the API server");
    let chain = chain.collect::<Result<Vec<_>, _>>().expect("certificates");
    let key = PrivateKeyDer::from_pem_file(certificate.with_extension("key")).expect("its key");
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
    Arc::new(config.expect("a certificate and its key"))
}

/// Answers the requests of one connection.
fn answer(stream: TcpStream, config: Arc<rustls::ServerConfig>, patches: &Patches) -> std::io::Result<()> {
    let connection = rustls::ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut reader = BufReader::new(rustls::StreamOwned::new(connection, stream));
    while let Some((path, body)) = read_request(&mut reader)? {
        let review: Value = serde_json::from_slice(&body)?;
        let response = respond(path.split('?').next().unwrap_or_default(), &review["request"], patches);
        let body = json!({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response});
        let body = body.to_string();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json";
        let out = reader.get_mut();
        write!(out, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
        out.flush()?;
    }
    Ok(())
}

/// Path and body of the next request; none where the connection ends.
fn read_request(reader: &mut impl std::io::BufRead) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let (mut path, mut length, mut line) = (None, 0, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let text = line.trim_end().to_ascii_lowercase();
        if path.is_none() {
            path = line.split(' ').nth(1).map(str::to_owned);
        } else if let Some(number) = text.strip_prefix("content-length:") {
            length = number.trim().parse().map_err(std::io::Error::other)?;
        } else if text.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(path.map(|path| (path, body)))
}

fn respond(path: &str, request: &Value, patches: &Patches) -> Value {
    if path.ends_with("/convert") {
        let version = request["desiredAPIVersion"].as_str().unwrap_or_default();
        let objects = super::row::items(&request["objects"]);
        let objects: Vec<Value> = objects.iter().map(|object| convert(object.clone(), version)).collect();
        return json!({"uid": request["uid"], "result": {"status": "Success"}, "convertedObjects": objects});
    }
    let patch = patches.lock().expect("nothing panics here").get(path).cloned();
    let Some(patch) = patch else { return json!({"uid": request["uid"], "allowed": true}) };
    let patch = BASE64.encode(patch.to_string());
    json!({"uid": request["uid"], "allowed": true, "patchType": "JSONPatch", "patch": patch})
}

/// `host` and `port` of version 1 are `hostPort` of version 2.
fn convert(mut object: Value, version: &str) -> Value {
    if object["apiVersion"] == version {
        return object;
    }
    object["apiVersion"] = json!(version);
    let Some(spec) = object["spec"].as_object_mut() else { return object };
    let mut take = |key: &str| {
        let value = spec.remove(key).unwrap_or_default();
        value.as_str().unwrap_or_default().to_owned()
    };
    if version.ends_with("/v2") {
        let joined = format!("{}:{}", take("host"), take("port"));
        spec.insert("hostPort".to_owned(), json!(joined));
    } else {
        let both = take("hostPort");
        let (host, port) = both.split_once(':').unwrap_or((&both, ""));
        spec.insert("host".to_owned(), json!(host));
        spec.insert("port".to_owned(), json!(port));
    }
    object
}
