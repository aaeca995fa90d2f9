//! A real control plane: etcd and kube-apiserver, on request kube-controller-manager. No nodes: pods stay pending.

#![expect(clippy::disallowed_methods, reason = "tests run programs")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine as _;
use ring::signature::KeyPair as _;
use serde_json::Value;

use super::command::{Drift, Output, code, hermetic};
use super::http::{Call, Client};
use super::parts;
use super::repo::Repo;
use super::servers::{Servers, eventually, free_ports};

/// Users that may do everything (group `system:masters`).
pub(crate) const MASTERS: [&str; 4] = ["admin", "alice", "bob", "gitops"];
/// Users that may do nothing until the test binds a role.
pub(crate) const PLAIN: [&str; 4] = ["auditor", "carol", "reader", "verifier"];

const START: Duration = Duration::from_secs(120);

/// Everything is in the audit log, without bodies; a request is logged once, when it has been answered.
const AUDIT_POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
- level: Metadata
";

/// A running control plane.
pub(crate) struct ControlPlane {
    servers: Servers,
    port: u16,
    tokens: Vec<(&'static str, String)>,
}

impl ControlPlane {
    /// The one of this test process, started on first use. Without controllers: only tests write.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Result<ControlPlane, String>> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(false)).as_ref().unwrap_or_else(|why| panic!("{why}"))
    }

    /// A second one in which kube-controller-manager runs: Deployments get ReplicaSets and Pods, owners are followed.
    pub(crate) fn with_controllers() -> &'static Self {
        static SHARED: OnceLock<Result<ControlPlane, String>> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(true)).as_ref().unwrap_or_else(|why| panic!("{why}"))
    }

    /// Starts one of the test's own: for tests that stop it, or that look at cluster-wide things.
    pub(crate) fn start(controllers: bool) -> Result<Self, String> {
        Self::start_with(controllers, &[])
    }

    /// The same, with more flags of kube-apiserver.
    pub(crate) fn start_with(controllers: bool, flags: &[&str]) -> Result<Self, String> {
        let mut why = String::new();
        // A port that was free may be taken by the time a server binds it.
        for _ in 0..3 {
            match Self::try_start(controllers, flags) {
                Ok(plane) => return Ok(plane),
                Err(error) => why = error,
            }
        }
        Err(format!("the control plane does not start: {why}"))
    }

    fn try_start(controllers: bool, flags: &[&str]) -> Result<Self, String> {
        let mut servers = Servers::new("cluster");
        let [etcd, peers, port] = free_ports();
        let tokens = write_files(servers.folder(), port);
        servers.start("etcd", &mut etcd_command(servers.folder(), etcd, peers))?;
        servers.start("kube-apiserver", apiserver_command(servers.folder(), etcd, port).args(flags))?;
        let mut plane = Self { servers, port, tokens };
        plane.wait_until_it_serves()?;
        if controllers {
            plane.start_controllers()?;
        }
        Ok(plane)
    }

    fn wait_until_it_serves(&mut self) -> Result<(), String> {
        let (url, ca, bearer) = (self.url(), self.ca(), format!("Bearer {}", self.token("admin")));
        let paths = [
            "/readyz",
            "/openapi/v2",
            "/openapi/v3",
            "/api/v1/namespaces/kube-system",
            "/api/v1/namespaces/default",
        ];
        for path in paths {
            let url = format!("{url}{path}");
            let call =
                Call { method: "GET", url: &url, authorization: Some(&bearer), ca: Some(&ca), body: None };
            let answers = || ca.is_file() && call.send().is_ok_and(|(status, _)| status == 200);
            self.servers.wait_until(&format!("the API server answers {path}"), START, answers)?;
        }
        Ok(())
    }

    fn start_controllers(&mut self) -> Result<(), String> {
        let [port] = free_ports();
        let folder = self.servers.folder().to_owned();
        let mut command = Command::new(parts::program(&control_plane(), "kube-controller-manager"));
        command.env_clear();
        command.args(["--leader-elect=false", "--bind-address=127.0.0.1", "--controllers=*"]);
        command.arg(format!("--secure-port={port}"));
        command.arg(format!("--cert-dir={}", folder.join("controllers").display()));
        command.arg(format!("--kubeconfig={}", self.kubeconfig("admin").display()));
        command.arg(format!("--service-account-private-key-file={}", folder.join("sa.key").display()));
        self.servers.start("kube-controller-manager", &mut command)?;
        let url = format!("{}/api/v1/namespaces/default/serviceaccounts/default", self.url());
        let (ca, bearer) = (self.ca(), format!("Bearer {}", self.token("admin")));
        let call = Call { method: "GET", url: &url, authorization: Some(&bearer), ca: Some(&ca), body: None };
        let answers = || call.send().is_ok_and(|(status, _)| status == 200);
        self.servers.wait_until("the controllers make the default service account", START, answers)
    }

    /// `https://127.0.0.1:PORT`
    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The certificate to trust.
    pub(crate) fn ca(&self) -> PathBuf {
        self.servers.folder().join("certs/apiserver.crt")
    }

    /// The bearer token of a user.
    pub(crate) fn token(&self, user: &str) -> &str {
        let known = self.tokens.iter().find(|(name, _)| *name == user);
        &known.unwrap_or_else(|| panic!("no user {user}: there are {MASTERS:?} and {PLAIN:?}")).1
    }

    /// A kubeconfig file of a user.
    pub(crate) fn kubeconfig(&self, user: &str) -> PathBuf {
        let _ = self.token(user);
        self.servers.folder().join(format!("{user}.kubeconfig"))
    }

    /// Runs `kubectl` as a user.
    pub(crate) fn kubectl(&self, user: &str, arguments: &[&str]) -> Output {
        self.kubectl_with(user, arguments, "")
    }

    /// Runs `kubectl` as a user with this text on standard input (`-f -`).
    pub(crate) fn kubectl_with(&self, user: &str, arguments: &[&str], stdin: &str) -> Output {
        let mut command = Command::new(parts::program("kubectl", "kubectl"));
        command.env_clear();
        hermetic(&mut command, &self.servers.folder().join("home"));
        command.env("KUBECONFIG", self.kubeconfig(user)).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("kubectl starts");
        let mut pipe = child.stdin.take().expect("piped");
        let text = stdin.to_owned();
        let writer = std::thread::spawn(move || drop(pipe.write_all(text.as_bytes())));
        let output = child.wait_with_output().expect("kubectl ends");
        writer.join().expect("the writer does not panic");
        Output {
            status: code(output.status),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// `kubectl apply -f -` as a user in a namespace, with more arguments (`--server-side`, `--field-manager=x`);
    /// it must succeed.
    #[track_caller]
    pub(crate) fn apply(&self, user: &str, namespace: &str, manifest: &str, more: &[&str]) {
        let arguments = [&["apply", "--namespace", namespace, "--filename", "-"][..], more].concat();
        let _ = self.kubectl_with(user, &arguments, manifest).expect_status(0);
    }

    /// Runs `kubectl` as the person `alice` in a namespace; it must succeed. Gives what it printed.
    #[track_caller]
    pub(crate) fn by_hand(&self, namespace: &str, arguments: &[&str]) -> String {
        let arguments = [&["--namespace", namespace], arguments].concat();
        self.kubectl("alice", &arguments).expect_status(0).stdout
    }

    /// What `drift check` reports of a repository, as JSON, with everything that it only counts otherwise and held against
    /// the server's own answer.
    pub(crate) fn check(&self, repo: &Repo) -> Output {
        let check = Drift::check(repo).kubeconfig(self.kubeconfig("admin")).format("json");
        check.args(["--all", "--verify-with-server"]).run()
    }

    /// A live object as the API server returns it, managedFields included.
    #[track_caller]
    pub(crate) fn live(&self, namespace: &str, resource: &str) -> Value {
        let arguments = ["get", resource, "--namespace", namespace, "--output=json", "--show-managed-fields"];
        self.kubectl("admin", &arguments).expect_status(0).json()
    }

    /// One call of the API: path from `/`, user, body.
    #[track_caller]
    pub(crate) fn api(&self, user: &str, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let (url, bearer) = (format!("{}{path}", self.url()), format!("Bearer {}", self.token(user)));
        let ca = self.ca();
        let call = Call { method, url: &url, authorization: Some(&bearer), body, ca: Some(&ca) };
        call.json().unwrap_or_else(|why| panic!("{why}"))
    }

    /// A client of the API for many calls as this user.
    #[track_caller]
    pub(crate) fn client(&self, user: &str) -> Client {
        Client::new(self.url(), format!("Bearer {}", self.token(user)), &self.ca())
            .unwrap_or_else(|why| panic!("{why}"))
    }

    /// Makes a namespace that no other test has.
    #[track_caller]
    pub(crate) fn fresh_namespace(&self, prefix: &str) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("{prefix}-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let body = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let (status, answer) = self.api("admin", "POST", "/api/v1/namespaces", Some(&body));
        assert_eq!(status, 201, "{answer}");
        name
    }

    /// A port of the nodes that no other test has, from the lower band of the range: the server itself hands those out
    /// only when all others are taken.
    pub(crate) fn fresh_node_port() -> String {
        static NEXT: AtomicU32 = AtomicU32::new(30_000);
        NEXT.fetch_add(1, Ordering::Relaxed).to_string()
    }

    /// The audit log: JSON lines, level Metadata.
    pub(crate) fn audit_file(&self) -> PathBuf {
        self.servers.folder().join("audit.log")
    }

    /// The entries of the audit log so far, oldest first.
    pub(crate) fn audit(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.audit_file()).expect("the API server keeps an audit log");
        // The last line may be half written.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole
            .lines()
            .map(|line| serde_json::from_str(line).expect("a line of the audit log is JSON"))
            .collect()
    }

    /// Waits for an audit entry.
    #[track_caller]
    pub(crate) fn audited(&self, what: &str, matches: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("an audit entry: {what}"), Duration::from_secs(10), || {
            self.audit().into_iter().find(|entry| matches(entry))
        })
    }

    /// The servers behind it.
    pub(crate) fn servers(&self) -> &Servers {
        &self.servers
    }
}

/// The part that the control plane is of: `DRIFT_TEST_KUBERNETES=1.34` is `kubernetes-1.34`, by default the newest that
/// the gate runs. A version that `tests/parts/bring` does not know fails there.
fn control_plane() -> String {
    match std::env::var("DRIFT_TEST_KUBERNETES") {
        Ok(version) if !version.is_empty() && version != "1.36" => format!("kubernetes-{version}"),
        _ => "kubernetes".to_owned(),
    }
}

fn etcd_command(folder: &Path, port: u16, peers: u16) -> Command {
    let mut command = Command::new(parts::program("etcd", "etcd"));
    let (clients, peers) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peers}"));
    command.env_clear().args(["--unsafe-no-fsync", "--log-level=warn", "--name=default"]);
    command.arg(format!("--data-dir={}", folder.join("etcd").display()));
    command.arg(format!("--listen-client-urls={clients}")).arg(format!("--advertise-client-urls={clients}"));
    command.arg(format!("--listen-peer-urls={peers}")).arg(format!("--initial-advertise-peer-urls={peers}"));
    command.arg(format!("--initial-cluster=default={peers}"));
    command
}

fn apiserver_command(folder: &Path, etcd: u16, port: u16) -> Command {
    let mut command = Command::new(parts::program(&control_plane(), "kube-apiserver"));
    command.env_clear().args([
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        // The endpoints of the service `kubernetes` may not be loopback addresses.
        "--endpoint-reconciler-type=none",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-cluster-ip-range=10.0.0.0/16",
        "--authorization-mode=RBAC",
        "--disable-admission-plugins=ServiceAccount",
        "--allow-privileged=true",
    ]);
    command.arg(format!("--etcd-servers=http://127.0.0.1:{etcd}")).arg(format!("--secure-port={port}"));
    for (flag, file) in [
        ("cert-dir", "certs"),
        ("service-account-key-file", "sa.pub"),
        ("service-account-signing-key-file", "sa.key"),
        ("token-auth-file", "tokens.csv"),
        ("audit-policy-file", "audit-policy.yaml"),
        ("audit-log-path", "audit.log"),
    ] {
        command.arg(format!("--{flag}={}", folder.join(file).display()));
    }
    command
}

/// Writes keys, users, policy and kubeconfigs; gives the tokens of the users.
fn write_files(folder: &Path, port: u16) -> Vec<(&'static str, String)> {
    let write = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).expect("a file of the control plane can be written");
    };
    let (private, public) = signing_key();
    write("sa.key", &private);
    write("sa.pub", &public);
    write("audit-policy.yaml", AUDIT_POLICY);
    let mut users = String::new();
    let mut tokens = vec![];
    for user in MASTERS.into_iter().chain(PLAIN) {
        let token = random_token();
        let group = if MASTERS.contains(&user) { "system:masters" } else { "people" };
        writeln!(users, "{token},{user},uid-{user},\"{group}\"").expect("a String takes all");
        write(&format!("{user}.kubeconfig"), &kubeconfig(folder, port, user, &token));
        tokens.push((user, token));
    }
    write("tokens.csv", &users);
    tokens
}

fn kubeconfig(folder: &Path, port: u16, user: &str, token: &str) -> String {
    let ca = folder.join("certs/apiserver.crt");
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: drift-test\n\
         clusters:\n- name: drift-test\n  cluster: {{server: 'https://127.0.0.1:{port}', certificate-authority: '{}'}}\n\
         users:\n- name: {user}\n  user: {{token: {token}}}\n\
         contexts:\n- name: drift-test\n  context: {{cluster: drift-test, user: {user}}}\n",
        ca.display()
    )
}

pub(crate) fn random_token() -> String {
    let mut bytes = [0; 20];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes)
        .expect("the system has randomness");
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// A key that signs the tokens of service accounts: private and public in PEM.
fn signing_key() -> (String, String) {
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    let random = ring::rand::SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let private = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key can be made");
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, private.as_ref(), &random).expect("the key just made");
    // SubjectPublicKeyInfo of a point on P-256 (RFC 5480): this head, then the point.
    let head = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
        0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    let public = [&head[..], pair.public_key().as_ref()].concat();
    (pem("PRIVATE KEY", private.as_ref()), pem("PUBLIC KEY", &public))
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
