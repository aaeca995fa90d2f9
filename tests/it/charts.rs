//! Charts that are kept elsewhere: fetched from a real registry and from a web server by the real helm, of both majors in
//! use, only where that is allowed, verified, and kept for later.

#![allow(clippy::unwrap_used, reason = "a step of a test's own set-up that fails is the test's failure")]

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use drift::model::{ChartDigest, ChartReference, ChartRepository};
use drift::source::{
    AllowedHosts, ArchiveError, ChartError, ChartFault, ChartFetcher, FetchedChart, Tools, Unreachable,
};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::source::helms;
use crate::support::command::Drift;
use crate::support::file_server::{Content, FileServer};
use crate::support::registry::{LOGIN, Registry, Wants};
use crate::support::repo::Repo;
use crate::support::servers::free_ports;

const VERSIONS: [&str; 5] = ["1.2.3", "1.2.9", "1.3.0-rc.1", "2.0.0", "1.10.0"];

/// An archive as `helm package` makes it, and what else is in it.
pub(crate) fn package(name: &str, version: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let chart = format!("apiVersion: v2\nname: {name}\nversion: {version}\n");
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n";
    let mut files = vec![("web/Chart.yaml", chart.as_str()), ("web/templates/settings.yaml", template)];
    files.extend_from_slice(more);
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        // The crate itself writes no bad paths.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        builder.append(&header, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An index of these versions of `web`: version, address, digest.
fn index(entries: &[(&str, &str, &str)]) -> Content {
    let mut text = "apiVersion: v1\nentries:\n  web:\n".to_owned();
    for (version, address, digest) in entries {
        text.push_str(&format!("  - {{apiVersion: v2, name: web, version: '{version}', urls: ['{address}']"));
        text.push_str(&if digest.is_empty() { "}\n".to_owned() } else { format!(", digest: {digest}}}\n") });
    }
    Content::File(text.into_bytes())
}

/// A Helm repository of [`VERSIONS`], in the folder `charts`.
fn repository() -> FileServer {
    let server = FileServer::start();
    let archives = VERSIONS.map(|version| (version, package("web", version, &[])));
    let entries: Vec<_> = archives
        .iter()
        .map(|(version, archive)| (*version, format!("web-{version}.tgz"), sha256(archive)))
        .collect();
    let entries: Vec<_> =
        entries.iter().map(|(version, file, digest)| (*version, file.as_str(), digest.as_str())).collect();
    server.put("/charts/index.yaml", index(&entries));
    for (version, archive) in archives {
        server.put(&format!("/charts/web-{version}.tgz"), Content::File(archive));
    }
    server
}

fn of_server(server: &FileServer, version: &str) -> ChartReference {
    of_address(&format!("{}/charts", server.url()), version)
}

fn of_address(url: &str, version: &str) -> ChartReference {
    let repository = ChartRepository::Helm { url: url.to_owned() };
    ChartReference { repository, name: "web".to_owned(), version: version.to_owned(), digest: None }
}

fn of_registry(authority: &str, version: &str) -> ChartReference {
    let repository = ChartRepository::Oci { url: format!("oci://{authority}/charts"), plain_http: true };
    ChartReference { repository, name: "web".to_owned(), version: version.to_owned(), digest: None }
}

/// The person who runs drift: a home with the logins of helm and docker, and a cache.
struct Caller {
    folder: tempfile::TempDir,
    allowed: AllowedHosts,
    /// Another folder than docker's own that has its logins, from the home.
    docker: Option<&'static str>,
    /// Certificates that this system trusts, as Go's programs ask for them.
    trusted: Option<PathBuf>,
}

impl Caller {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in [".docker", "docker", "bin", ".config/helm/registry", "cache", "tmp"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        Self { folder, allowed: AllowedHosts::All, docker: None, trusted: None }
    }

    fn allowing(hosts: &[&str]) -> Self {
        Self { allowed: AllowedHosts::parse(hosts).unwrap(), ..Self::new() }
    }

    fn home(&self) -> &Path {
        self.folder.path()
    }

    /// Another run: what was fetched before is only in the cache.
    fn fetch(&self, tools: &Tools, reference: &ChartReference) -> Result<Arc<FetchedChart>, ChartError> {
        self.tools(tools).fetch_chart(reference)
    }

    /// The programs of a run.
    fn tools(&self, tools: &Tools) -> Tools {
        let here = |name: &str| self.home().join(name).into_os_string();
        let mut path = here("bin");
        path.push(":/usr/bin:/bin");
        let mut env = vec![("HOME", here("")), ("TMPDIR", here("tmp")), ("PATH", path)];
        env.extend(self.docker.map(|folder| ("DOCKER_CONFIG", here(folder))));
        env.extend(self.trusted.clone().map(|file| ("SSL_CERT_FILE", file.into_os_string())));
        let env = env.into_iter().map(|(name, value)| (OsString::from(name), value)).collect();
        let fetcher = ChartFetcher::new(self.allowed.clone(), env, Some(self.home().join("cache")));
        tools.clone().fetching(fetcher)
    }

    fn fault(&self, tools: &Tools, reference: &ChartReference) -> ChartFault {
        match self.fetch(tools, reference) {
            Ok(chart) => panic!("{reference:?} gave {chart:?}"),
            Err(error) => {
                let shown = error.to_string();
                assert!(!shown.contains(LOGIN.1), "{shown}");
                error.fault
            }
        }
    }

    /// As `helm repo add` writes it.
    fn log_in_to_repository(&self, url: &str, password: &str) {
        let text = format!(
            "apiVersion: ''\nrepositories:\n- {{name: own, url: '{url}', username: {}, password: {password}, \
             pass_credentials_all: true}}\n",
            LOGIN.0
        );
        fs::write(self.home().join(".config/helm/repositories.yaml"), text).unwrap();
    }

    /// As `docker login` (in `.docker/config.json`) and `helm registry login` (in `.config/helm/registry`) write it.
    fn log_in_to_registry(&self, file: &str, authority: &str) {
        let text = format!("{{\"auths\": {{\"{authority}\": {{\"auth\": \"{}\"}}}}}}", login());
        fs::write(self.home().join(file), text).unwrap();
    }

    /// A helper of docker's, which has the login.
    fn log_in_with_helper(&self, authority: &str) {
        let text = format!("{{\"credHelpers\": {{\"{authority}\": \"test\"}}}}");
        fs::write(self.home().join(".docker/config.json"), text).unwrap();
        let helper = self.home().join("bin/docker-credential-test");
        let answer = json!({"ServerURL": authority, "Username": LOGIN.0, "Secret": LOGIN.1});
        fs::write(&helper, format!("#!/bin/sh\necho '{answer}'\n")).unwrap();
        fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

fn login() -> String {
    base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", LOGIN.0, LOGIN.1))
}

#[test]
fn exact_version_and_range_fetched_from_repository_and_registry() {
    let server = repository();
    let registry = Registry::start(Wants::Nothing);
    let folder = tempfile::tempdir().unwrap();
    for version in VERSIONS {
        let file = folder.path().join("web.tgz");
        fs::write(&file, package("web", version, &[])).unwrap();
        registry.push(&file);
    }
    let caller = Caller::new();
    for (major, tools) in helms() {
        for (asked, expected) in [
            ("1.2.3", "1.2.3"),
            ("1.3.0-rc.1", "1.3.0-rc.1"),
            (">=1.2.0 <1.3.0", "1.2.9"),
            ("~1.2", "1.2.9"),
            ("1.x", "1.10.0"),
            ("", "2.0.0"),
        ] {
            for reference in [of_server(&server, asked), of_registry(&registry.authority(), asked)] {
                let fetched = caller.fetch(&tools, &reference);
                let chart = fetched.unwrap_or_else(|error| panic!("{major} {reference:?}: {error}"));
                assert_eq!(
                    (chart.name.as_str(), chart.version.as_str()),
                    ("web", expected),
                    "{major} {reference:?}"
                );
                assert_eq!(chart.digest, format!("sha256:{}", sha256(&package("web", expected, &[]))));
                assert!(chart.folder().join("templates/settings.yaml").is_file());
                let folder = chart.folder().to_owned();
                drop(chart);
                assert!(!folder.exists(), "it goes with its last user");
            }
        }
    }
    let left: Vec<_> = fs::read_dir(caller.home().join("tmp")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn known_digest_comes_from_the_cache_without_network() {
    let server = repository();
    let registry = Registry::start(Wants::Nothing);
    let folder = tempfile::tempdir().unwrap();
    let archive = package("web", "1.2.3", &[]);
    fs::write(folder.path().join("web.tgz"), &archive).unwrap();
    let manifest = registry.push(&folder.path().join("web.tgz"));
    let by_archive = ChartDigest::Archive(sha256(&archive));
    let mut pinned = vec![];
    for (reference, digest) in [
        (of_server(&server, "1.2.3"), by_archive.clone()),
        (of_registry(&registry.authority(), "1.2.3"), by_archive),
        (of_registry(&registry.authority(), "1.2.3"), ChartDigest::Manifest(manifest.clone())),
        // A tag that is no version: the controller knows which content it was.
        (of_registry(&registry.authority(), "latest"), ChartDigest::Manifest(manifest)),
    ] {
        pinned.push(ChartReference { digest: Some(digest), ..reference });
    }
    let callers = helms().map(|(_, tools)| (tools, Caller::new()));
    for (tools, caller) in &callers {
        for reference in &pinned {
            let fetched =
                caller.fetch(tools, reference).unwrap_or_else(|error| panic!("{reference:?}: {error}"));
            assert_eq!(fetched.version, "1.2.3");
        }
        // The index is asked each time; what it names is there already.
        server.asked();
        assert_eq!(caller.fetch(tools, &of_server(&server, "1.2.3")).unwrap().version, "1.2.3");
        let asked: Vec<_> = server.asked().into_iter().map(|asked| asked.path).collect();
        assert_eq!(asked, ["/charts/index.yaml"]);
    }
    server.stop();
    let authority = registry.authority();
    drop(registry);
    for (tools, caller) in &callers {
        for reference in &pinned {
            assert_eq!(caller.fetch(tools, reference).unwrap().version, "1.2.3", "{reference:?}");
        }
        for unpinned in
            [of_server(&server, "1.2.3"), of_server(&server, "1.x"), of_registry(&authority, "1.2.3")]
        {
            let fault = caller.fault(tools, &unpinned);
            assert!(
                matches!(fault, ChartFault::Unreachable(_) | ChartFault::Other { .. }),
                "{unpinned:?}: {fault:?}"
            );
        }
        // A torn file is no chart: it is fetched again, which here cannot be done.
        for file in fs::read_dir(caller.home().join("cache/charts")).unwrap() {
            fs::write(file.unwrap().path(), "drift-chart/1 torn").unwrap();
        }
        for reference in &pinned {
            caller.fault(tools, reference);
        }
    }
}

#[test]
fn content_that_differs_from_its_digest_is_refused() {
    let server = FileServer::start();
    let (real, replaced) =
        (package("web", "1.2.3", &[]), package("web", "1.2.3", &[("web/values.yaml", "a: 1\n")]));
    server.put("/charts/index.yaml", index(&[("1.2.3", "web-1.2.3.tgz", &sha256(&real))]));
    server.put("/charts/web-1.2.3.tgz", Content::File(replaced.clone()));
    server.put("/other/index.yaml", index(&[("1.2.3", "web-1.2.3.tgz", "")]));
    server.put("/other/web-1.2.3.tgz", Content::File(replaced.clone()));
    let registry = Registry::start(Wants::Nothing);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("web.tgz"), &replaced).unwrap();
    registry.push(&folder.path().join("web.tgz"));

    let pin = |reference| ChartReference { digest: Some(ChartDigest::Archive(sha256(&real))), ..reference };
    let differs = ChartFault::DigestDiffers { expected: sha256(&real), found: sha256(&replaced) };
    let caller = Caller::new();
    for (major, tools) in helms() {
        for reference in [
            of_server(&server, "1.2.3"),
            pin(of_server(&server, "1.2.3")),
            pin(of_address(&format!("{}/other", server.url()), "1.2.3")),
            pin(of_registry(&registry.authority(), "1.2.3")),
        ] {
            assert_eq!(caller.fault(&tools, &reference), differs, "{major} {reference:?}");
        }
        // The index itself has changed its mind.
        let other = ChartDigest::Archive(sha256(b"other"));
        let reference = ChartReference { digest: Some(other), ..of_server(&server, "1.2.3") };
        let expected = ChartFault::DigestDiffers { expected: sha256(b"other"), found: sha256(&real) };
        assert_eq!(caller.fault(&tools, &reference), expected);
        let gone = ChartDigest::Manifest(sha256(b"gone"));
        let reference = ChartReference { digest: Some(gone), ..of_registry(&registry.authority(), "1.2.3") };
        assert_eq!(caller.fault(&tools, &reference), ChartFault::NotFound, "{major}");
    }
    assert!(!caller.home().join("cache/charts").exists(), "nothing of it was kept");
}

#[test]
fn missing_version_chart_or_host_is_named() {
    let server = repository();
    let registry = Registry::start(Wants::Nothing);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("web.tgz"), package("web", "1.2.3", &[])).unwrap();
    registry.push(&folder.path().join("web.tgz"));
    server.put("/html/index.yaml", Content::File(b"<html>Welcome</html>".to_vec()));
    server.put("/failing/index.yaml", Content::Error(503));
    server.put("/limited/index.yaml", Content::Error(429));
    server.put("/torn/index.yaml", index(&[("1.2.3", "gone.tgz", ""), ("1.2.4", "s3://bucket/x.tgz", "")]));
    let [closed] = free_ports();
    let named = |reference, name: &str| ChartReference { name: name.to_owned(), ..reference };
    let at = |path: &str, version: &str| of_address(&format!("{}/{path}", server.url()), version);
    let in_registry = |version: &str| of_registry(&registry.authority(), version);
    let caller = Caller::new();
    for (major, tools) in helms() {
        for (reference, expected) in [
            (of_server(&server, "9.9.9"), ChartFault::NotFound),
            (of_server(&server, "9.x"), ChartFault::NotFound),
            (named(of_server(&server, "1.2.3"), "nothing"), ChartFault::NotFound),
            (at("nowhere", "1.2.3"), ChartFault::NotFound),
            (at("torn", "1.2.3"), ChartFault::NotFound),
            (at("torn", "1.2.4"), ChartFault::Index),
            (in_registry("9.9.9"), ChartFault::NotFound),
            (in_registry("9.x"), ChartFault::NotFound),
            (named(in_registry("1.2.3"), "nothing"), ChartFault::NotFound),
            (named(in_registry("1.x"), "nothing"), ChartFault::NotFound),
            (of_server(&server, "not<a>version"), ChartFault::Version),
            (in_registry("not<a>version"), ChartFault::Version),
            (at("html", "1.2.3"), ChartFault::Index),
            (at("failing", "1.2.3"), ChartFault::Unreachable(Unreachable::Failed)),
            (at("limited", "1.2.3"), ChartFault::Unreachable(Unreachable::TooOften)),
            (
                of_address(&format!("http://127.0.0.1:{closed}"), "1"),
                ChartFault::Unreachable(Unreachable::Refused),
            ),
            (of_registry(&format!("127.0.0.1:{closed}"), "1"), ChartFault::Unreachable(Unreachable::Refused)),
        ] {
            let error = caller.fetch(&tools, &reference).map(drop).expect_err("it is not there");
            assert_eq!(error.fault, expected, "{major} {reference:?}: {error}");
        }
    }
}

#[test]
fn registry_is_asked_with_tls_unless_it_is_insecure() {
    let registry = Registry::start(Wants::Tls);
    let plain = Registry::start(Wants::Nothing);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("web.tgz"), package("web", "1.2.3", &[])).unwrap();
    registry.push(&folder.path().join("web.tgz"));
    let of = |registry: &Registry| {
        let url = format!("oci://{}/charts", registry.authority());
        ChartReference {
            repository: ChartRepository::Oci { url, plain_http: false },
            ..of_registry("x", "1.2.3")
        }
    };
    for (major, tools) in helms() {
        let fault = Caller::new().fault(&tools, &of(&registry));
        assert_eq!(fault, ChartFault::Unreachable(Unreachable::Certificate), "{major}");
        if cfg!(target_os = "linux") {
            let caller = Caller { trusted: Some(registry.ca()), ..Caller::new() };
            let fetched = caller.fetch(&tools, &of(&registry));
            assert_eq!(fetched.unwrap_or_else(|error| panic!("{major}: {error}")).version, "1.2.3");
        }
        // Helm 3 asks once more without TLS, by itself.
        let without =
            if major == "v3." { ChartFault::NotFound } else { ChartFault::Unreachable(Unreachable::NoTls) };
        assert_eq!(Caller::new().fault(&tools, &of(&plain)), without, "{major}");
    }
}

#[test]
fn login_is_the_callers_and_goes_to_its_repository_only() {
    let server = repository();
    let other = FileServer::start();
    let archive = package("web", "1.2.3", &[]);
    other.put("/charts/web.tgz", Content::File(archive.clone()));
    server.want(&format!("Basic {}", login()));
    let elsewhere = format!("http://{}/charts/web.tgz", other.other_name());
    let on_another_port = format!("{}/charts/web.tgz", other.url());
    server.put("/charts/moved.tgz", Content::Redirect(elsewhere.clone()));
    server.put("/moved/index.yaml", index(&[("1.2.3", "../charts/moved.tgz", &sha256(&archive))]));
    server.put("/named/index.yaml", index(&[("1.2.3", &elsewhere, "")]));
    server.put("/port/index.yaml", index(&[("1.2.3", &on_another_port, "")]));
    for (major, tools) in helms() {
        let url = format!("{}/charts", server.url());
        let expected = ChartFault::Login { login: format!("`helm repo add NAME {url} --username USER`") };
        let caller = Caller::new();
        assert_eq!(caller.fault(&tools, &of_address(&url, "1.2.3")), expected, "{major}");
        caller.log_in_to_repository(&url, "wrong");
        assert_eq!(caller.fault(&tools, &of_address(&url, "1.2.3")), expected, "{major}");
        // The login of another repository of the same host is not this one's.
        caller.log_in_to_repository(&format!("{}/private", server.url()), LOGIN.1);
        assert_eq!(caller.fault(&tools, &of_address(&url, "1.2.3")), expected, "{major}");
        caller.log_in_to_repository(&url, LOGIN.1);
        assert_eq!(caller.fetch(&tools, &of_address(&url, "1.2.3")).unwrap().version, "1.2.3", "{major}");

        for folder in ["moved", "named", "port"] {
            let url = format!("{}/{folder}", server.url());
            caller.log_in_to_repository(&url, LOGIN.1);
            other.asked();
            let fetched = caller.fetch(&tools, &of_address(&url, "1.2.3"));
            assert_eq!(fetched.unwrap_or_else(|error| panic!("{major} {folder}: {error}")).version, "1.2.3");
            let asked: Vec<_> = other.asked().into_iter().map(|asked| asked.authorization).collect();
            assert_eq!(asked, [None], "{major} {folder}");
        }
    }
}

#[test]
fn login_of_a_registry_goes_to_it_only() {
    let registry = Registry::start(Wants::Login);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("web.tgz"), package("web", "1.2.3", &[])).unwrap();
    registry.push(&folder.path().join("web.tgz"));
    let other = FileServer::start();
    other.want("Basic x");
    for (major, tools) in helms() {
        let caller = Caller::new();
        let login = format!("`helm registry login {}`", registry.authority());
        for version in ["1.2.3", "1.x"] {
            let fault = caller.fault(&tools, &of_registry(&registry.authority(), version));
            assert_eq!(fault, ChartFault::Login { login: login.clone() }, "{major} {version}");
        }
        for (file, docker) in [
            (".docker/config.json", None),
            ("docker/config.json", Some("docker")),
            (".config/helm/registry/config.json", None),
        ] {
            let caller = Caller { docker, ..Caller::new() };
            caller.log_in_to_registry(file, &registry.authority());
            let fetched = caller.fetch(&tools, &of_registry(&registry.authority(), "1.2.3"));
            assert_eq!(fetched.unwrap_or_else(|error| panic!("{major} {file}: {error}")).version, "1.2.3");
        }
        caller.log_in_with_helper(&registry.authority());
        for version in ["1.2.3", "1.x"] {
            let fetched = caller.fetch(&tools, &of_registry(&registry.authority(), version));
            assert_eq!(fetched.unwrap_or_else(|error| panic!("{major}: {error}")).version, "1.2.3");
        }
        let fault = caller.fault(&tools, &of_registry(&other.authority(), "1.2.3"));
        assert!(matches!(fault, ChartFault::Login { .. }), "{major}: {fault:?}");
        let asked = other.asked();
        assert!(
            !asked.is_empty() && asked.iter().all(|asked| asked.authorization.is_none()),
            "{major}: {asked:?}"
        );
    }
}

#[test]
fn nothing_is_fetched_from_a_host_that_is_not_allowed() {
    let server = repository();
    let authority = server.authority();
    let refused = |caller: &Caller, reference: &ChartReference| {
        for (_, tools) in helms() {
            let error = caller.fetch(&tools, reference).map(drop).expect_err("it is not allowed");
            let shown = error.to_string();
            assert!(shown.contains("--fetch-charts="), "{shown}");
            assert!(!shown.contains(LOGIN.1), "{shown}");
        }
    };
    let none = Caller { allowed: AllowedHosts::None, ..Caller::new() };
    refused(&none, &of_server(&server, "1.2.3"));
    refused(&none, &of_registry(&authority, "1.2.3"));
    let others = Caller::allowing(&["charts.example.com", "127.0.0.1:1"]);
    refused(&others, &of_server(&server, "1.2.3"));
    let error = others.fetch(&helms()[0].1, &of_server(&server, "1.2.3")).map(drop).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "chart web 1.2.3 of http://{authority}/charts is not fetched, for that is not allowed: allow it with \
             --fetch-charts=charts.example.com,127.0.0.1:1,{authority}"
        )
    );
    assert_eq!(server.asked(), []);

    // Without encryption only this machine is asked, and what is named so.
    let url = "oci://registry.example.com:5000/charts".to_owned();
    let plain = ChartReference {
        repository: ChartRepository::Oci { url, plain_http: true },
        ..of_server(&server, "1")
    };
    for caller in [Caller::new(), Caller::allowing(&["registry.example.com"])] {
        let fault = caller.fault(&helms()[0].1, &plain);
        let ChartFault::PlainHttp { allow } = &fault else { panic!("{fault:?}") };
        assert!(allow.ends_with("http://registry.example.com:5000"), "{allow}");
    }

    // The host that a repository names for its archives is another one.
    let files = FileServer::start();
    server
        .put("/named/index.yaml", index(&[("1.2.3", &format!("http://{}/web.tgz", files.other_name()), "")]));
    let caller = Caller::allowing(&[&authority]);
    for (_, tools) in helms() {
        let fault = caller.fault(&tools, &of_address(&format!("{}/named", server.url()), "1.2.3"));
        let expected = format!("{authority},{}", files.other_name());
        assert_eq!(fault, ChartFault::ArchiveElsewhere { host: files.other_name(), allow: expected });
        assert_eq!(caller.fetch(&tools, &of_server(&server, "1.2.3")).unwrap().version, "1.2.3");
    }
    assert_eq!(files.asked(), []);
}

#[test]
fn hostile_archive_is_not_unpacked() {
    let server = FileServer::start();
    let mut zeros = GzEncoder::new(Vec::new(), Compression::fast());
    let mut header = tar::Header::new_gnu();
    header.set_size(10 * 1024 * 1024 * 1024);
    header.as_old_mut().name[..9].copy_from_slice(b"web/zeros");
    header.set_cksum();
    zeros.write_all(header.as_bytes()).unwrap();
    let zeros = zeros.finish().unwrap();
    let cases = [
        ("1.0.0", package("web", "1.0.0", &[("web/../../x", "x")]), "Outside"),
        ("1.0.1", package("web", "1.0.1", &[("/etc/x", "x")]), "Outside"),
        ("1.0.2", package("web", "1.0.2", &[("other/x", "x")]), "NotOneFolder"),
        ("1.0.3", zeros, "TooLarge"),
        ("1.0.4", b"<html>Sorry</html>".to_vec(), "Damaged"),
    ];
    let entries: Vec<_> = cases
        .iter()
        .map(|(version, archive, _)| (*version, format!("{version}.tgz"), sha256(archive)))
        .collect();
    let entries: Vec<_> =
        entries.iter().map(|(version, file, digest)| (*version, file.as_str(), digest.as_str())).collect();
    server.put("/charts/index.yaml", index(&entries));
    let caller = Caller::new();
    for (version, archive, expected) in cases {
        server.put(&format!("/charts/{version}.tgz"), Content::File(archive));
        for (major, tools) in helms() {
            let fault = caller.fault(&tools, &of_server(&server, version));
            let ChartFault::Archive(why) = &fault else { panic!("{major} {version}: {fault:?}") };
            let found = match why {
                ArchiveError::Outside(_) => "Outside",
                ArchiveError::NotOneFolder => "NotOneFolder",
                ArchiveError::TooLarge => "TooLarge",
                ArchiveError::Damaged => "Damaged",
                other => panic!("{major} {version}: {other:?}"),
            };
            assert_eq!(found, expected, "{major} {version}");
        }
    }
    let left: Vec<_> = fs::read_dir(caller.home().join("tmp")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// The kernel ends helm where it would write more; on other systems helm's memory and time are the bound.
#[cfg(target_os = "linux")]
#[test]
fn archive_and_index_that_are_too_large_are_not_written() {
    let server = FileServer::start();
    let large = vec![b' '; 65 * 1024 * 1024];
    server.put("/charts/index.yaml", index(&[("1.2.3", "large.tgz", "")]));
    server.put("/charts/large.tgz", Content::File(large.clone()));
    server.put("/index/index.yaml", Content::File([&b"apiVersion: v1\nentries: {}\n"[..], &large].concat()));
    let caller = Caller::new();
    for (major, tools) in helms() {
        for folder in ["charts", "index"] {
            let fault = caller.fault(&tools, &of_address(&format!("{}/{folder}", server.url()), "1.2.3"));
            assert_eq!(fault, ChartFault::TooLarge, "{major} {folder}");
        }
    }
}

/// What a repository's author, or a cluster, may write into a reference.
#[test]
fn texts_of_a_reference_become_no_flags() {
    let caller = Caller::new();
    let server = repository();
    let named = |name: &str| ChartReference { name: name.to_owned(), ..of_server(&server, "1.2.3") };
    for (_, tools) in helms() {
        for (reference, expected) in [
            (named("--post-renderer=/x"), ChartFault::Name),
            (named("../../etc"), ChartFault::Name),
            (of_address("--repository-config=/x", "1"), ChartFault::Address),
            (of_address("file:///etc", "1"), ChartFault::Address),
            (of_address("https://reader:hunter2@127.0.0.1/charts", "1"), ChartFault::Credentials),
            (of_server(&server, "--untar"), ChartFault::Version),
            (of_registry("127.0.0.1/x --untar", "1"), ChartFault::Address),
        ] {
            assert_eq!(caller.fault(&tools, &reference), expected, "{reference:?}");
        }
    }
}

/// Forty releases of one chart, and many of one repository, are common.
#[test]
fn chart_and_index_are_asked_for_once_a_run() {
    let server = repository();
    let caller = Caller::new();
    for (major, tools) in helms() {
        let tools = caller.tools(&tools);
        let versions = ["1.2.3", "1.x", "1.2.3", "9.9.9", "1.x", "9.9.9"];
        let fetched: Vec<_> = std::thread::scope(|scope| {
            let fetch = |version| tools.fetch_chart(&of_server(&server, version)).ok();
            let threads = versions.map(|version| scope.spawn(move || fetch(version)));
            threads.map(|thread| thread.join().unwrap()).to_vec()
        });
        let found: Vec<_> =
            fetched.iter().map(|chart| chart.as_ref().map(|chart| chart.version.as_str())).collect();
        assert_eq!(
            found,
            [Some("1.2.3"), Some("1.10.0"), Some("1.2.3"), None, Some("1.10.0"), None],
            "{major}"
        );
        let folders: Vec<_> = fetched.iter().flatten().map(|chart| chart.folder().to_owned()).collect();
        assert_eq!((&folders[0], &folders[1]), (&folders[2], &folders[3]));
        let mut asked: Vec<_> = server.asked().into_iter().map(|asked| asked.path).collect();
        asked.sort();
        // The second helm finds the archives in the cache.
        let archives: &[&str] =
            if major == "v4." { &["/charts/web-1.10.0.tgz", "/charts/web-1.2.3.tgz"] } else { &[] };
        assert_eq!(asked, [&["/charts/index.yaml"], archives].concat(), "{major}");
    }
}

#[test]
fn a_cache_that_cannot_be_written_is_no_hindrance() {
    let server = repository();
    let caller = Caller::new();
    fs::write(caller.home().join("cache/charts"), "a file").unwrap();
    for (_, tools) in helms() {
        assert_eq!(caller.fetch(&tools, &of_server(&server, "1.2.3")).unwrap().version, "1.2.3");
    }
}

#[test]
fn without_helm_it_is_said() {
    let server = repository();
    let fault = Caller::new().fault(&Tools::default(), &of_server(&server, "1.2.3"));
    assert!(matches!(&fault, ChartFault::Helm(why) if why.contains("helm 3.21")), "{fault:?}");
}

#[test]
fn hosts_are_read_from_flag_and_environment() {
    let repo = Repo::with(&[("apps/a.yaml", "kind: ConfigMap\n")]);
    for drift in [
        Drift::check(&repo).arg("--fetch-charts=charts.example.com,https://h.example/charts"),
        Drift::check(&repo).env("DRIFT_FETCH_CHARTS", "https://h.example/charts"),
    ] {
        let output = drift.run().expect_status(2);
        let expected =
            "--fetch-charts: `https://h.example/charts` is not a host to fetch charts from: write HOST";
        assert!(output.stderr.contains(expected), "{}", output.stderr);
    }
    for drift in [
        Drift::check(&repo).args(["--fetch-charts", "--snapshot", "none"]),
        Drift::check(&repo).args([
            "--fetch-charts=all,a.example:5000,http://b.example",
            "--snapshot",
            "none",
        ]),
        Drift::check(&repo).args(["--snapshot", "none"]).env("DRIFT_FETCH_CHARTS", ""),
    ] {
        let output = drift.run();
        assert!(!output.stderr.contains("--fetch-charts"), "{}", output.stderr);
    }
}
