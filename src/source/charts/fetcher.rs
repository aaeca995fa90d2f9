//! Fetches charts: allowed, resolved, taken from the cache or from their repository, verified, unpacked; each once a run.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tracing::debug_span;
use url::Url;

use super::super::tree::CHART;
use super::archive::unpack;
use super::cache::{CachedArchive, sha256_hex};
use super::error::{ChartError, ChartFault};
use super::helm_program::{Helm, HelmProgram};
use super::index::{IndexEntry, RepositoryIndex, of_versions};
use super::policy::AllowedHosts;
use super::reference::{CheckedReference, RepositoryKind, authority};
use crate::git::read_file;
use crate::model::{ChartDigest, ChartReference};
use crate::yaml;

/// A chart on this machine, unpacked into a folder of drift's own that goes with it. It is not to be written to: others
/// read it, too.
#[derive(Debug)]
pub struct FetchedChart {
    _folder: tempfile::TempDir,
    chart: PathBuf,
    /// Its name, of its own `Chart.yaml`.
    pub name: String,
    /// Its version, of its own `Chart.yaml`.
    pub version: String,
    /// The SHA-256 of its archive, `sha256:` and 64 digits.
    pub digest: String,
}

impl FetchedChart {
    /// Its folder, which has the `Chart.yaml`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.chart
    }
}

type Once<T> = Arc<OnceLock<Result<Arc<T>, ChartError>>>;

/// Fetches charts where the caller allows it, each chart and each index once for as long as it lives.
#[derive(Default)]
pub struct ChartFetcher {
    allowed: AllowedHosts,
    env: Vec<(OsString, OsString)>,
    cache: Option<PathBuf>,
    charts: Mutex<BTreeMap<CheckedReference, Once<FetchedChart>>>,
    indexes: Mutex<BTreeMap<String, Once<RepositoryIndex>>>,
}

/// Nothing of the environment.
impl fmt::Debug for ChartFetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChartFetcher").field("allowed", &self.allowed).finish_non_exhaustive()
    }
}

impl ChartFetcher {
    /// `allowed` and `env` (proxies, and where the logins of Helm and Docker are) are of the person who runs drift, never
    /// of a repository. Archives are kept in `cache`; without one they are fetched each run.
    #[must_use]
    pub fn new(allowed: AllowedHosts, env: Vec<(OsString, OsString)>, cache: Option<PathBuf>) -> Self {
        Self { allowed, env, cache, ..Self::default() }
    }

    /// What of a reference may be asked for, if its host may be asked at all.
    pub(in super::super) fn permit(
        &self,
        reference: &ChartReference,
    ) -> Result<CheckedReference, ChartError> {
        let reference = CheckedReference::new(reference)?;
        self.permit_host(&reference)?;
        Ok(reference)
    }

    /// A chart that is permitted, fetched with this helm.
    pub(in super::super) fn fetch(
        &self,
        helm: Helm<'_>,
        reference: &CheckedReference,
    ) -> Result<Arc<FetchedChart>, ChartError> {
        let once = once_of(&self.charts, reference);
        let fetch = || {
            let _span = debug_span!("chart", host = reference.host()).entered();
            let fetched = self.fetch_now(helm, reference);
            fetched.map(Arc::new).map_err(|fault| reference.fail(complete(fault, reference)))
        };
        once.get_or_init(fetch).clone()
    }

    fn permit_host(&self, reference: &CheckedReference) -> Result<(), ChartError> {
        let (host, port) = (reference.host(), reference.port());
        let allow = |entry: String| self.allowed.with(&entry);
        if !self.allowed.allows(&host, port) {
            return Err(reference.fail(ChartFault::NotAllowed { allow: allow(reference.authority()) }));
        }
        let is_plain = reference.kind == RepositoryKind::Oci { plain_http: true };
        if is_plain && !self.allowed.allows_plain_http(&host, port) {
            let allow = allow(format!("http://{}", reference.authority()));
            return Err(reference.fail(ChartFault::PlainHttp { allow }));
        }
        Ok(())
    }

    fn fetch_now(&self, helm: Helm<'_>, reference: &CheckedReference) -> Result<FetchedChart, ChartFault> {
        if let Some(known) = reference.digest.as_ref().and_then(|digest| self.cached(reference, digest)) {
            return chart_of(&known);
        }
        let program = HelmProgram::new(helm, &self.env)?;
        match reference.kind {
            RepositoryKind::Helm => self.fetch_indexed(&program, reference),
            RepositoryKind::Oci { plain_http } => {
                let arguments = registry_arguments(reference, plain_http);
                let archive = program.pull(&arguments.iter().map(String::as_str).collect::<Vec<_>>())?;
                self.verified(reference, reference.digest.as_ref(), &archive)
            }
        }
    }

    fn fetch_indexed(
        &self,
        helm: &HelmProgram<'_>,
        reference: &CheckedReference,
    ) -> Result<FetchedChart, ChartFault> {
        let entry = self.entry(helm, reference)?;
        let address = entry.address(&reference.url).ok_or(ChartFault::Index)?;
        self.permit_archive(&address)?;
        // What a registry has is known by its manifest there, which the registry's client verifies.
        let is_archive = address.scheme() != "oci";
        let listed = entry.digest().filter(|_| is_archive).map(ChartDigest::Archive);
        let expected = match (&reference.digest, listed) {
            (Some(ChartDigest::Archive(expected)), Some(ChartDigest::Archive(found)))
                if *expected != found =>
            {
                return Err(ChartFault::DigestDiffers { expected: expected.clone(), found });
            }
            (known, listed) => known.clone().or(listed),
        };
        if let Some(known) = expected.as_ref().and_then(|digest| self.cached(reference, digest)) {
            return chart_of(&known);
        }
        let index = of_versions(&reference.name, std::iter::once(&entry));
        let archive = helm.pull_indexed(&reference.url, &index, (&reference.name, &entry.version))?;
        self.verified(reference, expected.as_ref(), &archive)
    }

    /// The version that is meant: the one of this very text, else the newest that fits, as helm has it.
    fn entry(&self, helm: &HelmProgram<'_>, reference: &CheckedReference) -> Result<IndexEntry, ChartFault> {
        let once = once_of(&self.indexes, &reference.url.to_string());
        let index = once.get_or_init(|| {
            let index = helm.index(&reference.url).map_err(|fault| reference.fail(fault))?;
            let index = RepositoryIndex::read(&index).ok_or_else(|| reference.fail(ChartFault::Index))?;
            Ok(Arc::new(index))
        });
        let index = index.as_ref().map_err(|error| error.fault.clone())?;
        let of =
            |version: &str| index.versions(&reference.name).find(|entry| entry.version == version).cloned();
        if let Some(entry) = of(&reference.version) {
            return Ok(entry);
        }
        let all = of_versions(&reference.name, index.versions(&reference.name));
        let version = helm.matching_version(&reference.url, &all, &reference.version)?;
        version.and_then(|version| of(&version)).ok_or(ChartFault::NotFound)
    }

    /// Whether the host that an index names may be asked.
    fn permit_archive(&self, address: &Url) -> Result<(), ChartFault> {
        let host = address.host_str().unwrap_or_default().to_ascii_lowercase();
        if !matches!(address.scheme(), "http" | "https" | "oci") || host.is_empty() {
            return Err(ChartFault::Index);
        }
        if !address.username().is_empty() || address.password().is_some() {
            return Err(ChartFault::Credentials);
        }
        let port = address.port_or_known_default().unwrap_or(443);
        if self.allowed.allows(&host, port) {
            return Ok(());
        }
        let host = authority(address);
        Err(ChartFault::ArchiveElsewhere { allow: self.allowed.with(&host), host })
    }

    /// Unpacks an archive that is what it should be, and keeps it where it will be known again.
    fn verified(
        &self,
        reference: &CheckedReference,
        expected: Option<&ChartDigest>,
        archive: &[u8],
    ) -> Result<FetchedChart, ChartFault> {
        if let Some(ChartDigest::Archive(expected)) = expected {
            let found = sha256_hex(archive);
            if found != *expected {
                return Err(ChartFault::DigestDiffers { expected: expected.clone(), found });
            }
        }
        let chart = chart_of(archive)?;
        if let Some(kept) = expected.and_then(|digest| self.place(reference, digest)) {
            // A cache that cannot be written is as good as none.
            let _not_kept = kept.write(archive);
        }
        Ok(chart)
    }

    /// The archive of this digest, where an earlier run kept it.
    fn cached(&self, reference: &CheckedReference, digest: &ChartDigest) -> Option<Vec<u8>> {
        let archive = self.place(reference, digest)?.read()?;
        let is_it = match digest {
            ChartDigest::Archive(expected) => sha256_hex(&archive) == *expected,
            ChartDigest::Manifest(_) => true,
        };
        is_it.then_some(archive)
    }

    fn place(&self, reference: &CheckedReference, digest: &ChartDigest) -> Option<CachedArchive> {
        let (kind, digits) = match digest {
            ChartDigest::Manifest(digits) => ("manifest", digits),
            ChartDigest::Archive(digits) => ("archive", digits),
        };
        let what = [reference.url.as_str(), &reference.name, &reference.version, kind, digits];
        Some(CachedArchive::new(self.cache.as_deref()?, &what))
    }
}

/// What is asked of a registry: the manifest of this digest, else the version.
fn registry_arguments(reference: &CheckedReference, plain_http: bool) -> Vec<String> {
    let address = reference.oci_address();
    let mut arguments = match &reference.digest {
        Some(ChartDigest::Manifest(digits)) => vec![format!("{address}@sha256:{digits}")],
        _ if reference.version.trim().is_empty() => vec![address],
        _ => vec![address, format!("--version={}", reference.version)],
    };
    arguments.extend(plain_http.then(|| "--plain-http".to_owned()));
    arguments
}

fn once_of<K: Ord + Clone, T>(all: &Mutex<BTreeMap<K, Once<T>>>, key: &K) -> Once<T> {
    Arc::clone(all.lock().unwrap_or_else(PoisonError::into_inner).entry(key.clone()).or_default())
}

/// Adds what the person can do to a fault that does not know whose it is.
fn complete(fault: ChartFault, reference: &CheckedReference) -> ChartFault {
    let repository = reference.fail(ChartFault::Name).repository;
    match (fault, reference.kind) {
        (ChartFault::Login { .. }, RepositoryKind::Helm) => {
            ChartFault::Login { login: format!("`helm repo add NAME {repository} --username USER`") }
        }
        (ChartFault::Login { .. }, RepositoryKind::Oci { .. }) => {
            ChartFault::Login { login: format!("`helm registry login {}`", reference.authority()) }
        }
        // A version has no quotes in it.
        (ChartFault::Other { .. }, RepositoryKind::Helm) => {
            let (name, version) = (&reference.name, &reference.version);
            ChartFault::Other {
                command: format!("`helm pull {name} --repo {repository} --version '{version}'`"),
            }
        }
        (ChartFault::Other { .. }, RepositoryKind::Oci { .. }) => {
            let (address, version) = (reference.oci_address(), &reference.version);
            ChartFault::Other { command: format!("`helm pull {address} --version '{version}'`") }
        }
        (fault, _) => fault,
    }
}

/// The largest `Chart.yaml` that is read.
const FILE_CAP: u64 = 1024 * 1024;

fn chart_of(archive: &[u8]) -> Result<FetchedChart, ChartFault> {
    let folder = tempfile::Builder::new().prefix("drift-chart-").tempdir();
    let folder = folder.map_err(|error| ChartFault::Io(error.to_string()))?;
    let chart = unpack(archive, folder.path()).map_err(ChartFault::Archive)?;
    let about = read_file(&chart, Path::new(CHART), FILE_CAP).unwrap_or_default();
    let about = yaml::read(&about).into_iter().next().and_then(Result::ok);
    let about = about.map(|document| document.to_json()).unwrap_or_default();
    let text = |key: &str| about[key].as_str().unwrap_or_default().to_owned();
    Ok(FetchedChart {
        chart,
        name: text("name"),
        version: text("version"),
        digest: format!("sha256:{}", sha256_hex(archive)),
        _folder: folder,
    })
}
