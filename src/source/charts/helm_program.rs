//! helm, run to fetch: the one program of `source` that may use the network and the caller's own logins. It runs no
//! plug-ins, writes into a folder of its own, and is bounded in time, memory and what it writes.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use url::Url;

use super::credentials::RepositoryEntry;
use super::error::{ChartFault, Unreachable};
use super::{DOWNLOAD_CAP, TIME_LIMIT};
use crate::process::{Output, ProcessError, Program};

/// The name of the one repository that helm is told of.
const REPOSITORY: &str = "drift";
/// What of Helm's own variables is the caller's to say: where the logins of registries are.
const KEPT: [&str; 2] = ["HELM_CONFIG_HOME", "HELM_REGISTRY_CONFIG"];

/// Which helm is run.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Helm<'a> {
    pub(in super::super) path: &'a Path,
    /// Its major version.
    pub(in super::super) major: u64,
}

/// helm with a folder of its own; removed when dropped.
pub(super) struct HelmProgram<'a> {
    helm: Helm<'a>,
    env: &'a [(OsString, OsString)],
    folder: tempfile::TempDir,
}

impl<'a> HelmProgram<'a> {
    /// `env` is the caller's environment: proxies, and where the logins are.
    pub(super) fn new(helm: Helm<'a>, env: &'a [(OsString, OsString)]) -> Result<Self, ChartFault> {
        let folder = tempfile::Builder::new().prefix("drift-chart-").tempdir().map_err(failed)?;
        for name in ["plugins", "cache", "out"] {
            fs::create_dir(folder.path().join(name)).map_err(failed)?;
        }
        Ok(Self { helm, env, folder })
    }

    /// The index of a repository, with the caller's login for it.
    pub(super) fn index(&self, repository: &Url) -> Result<Vec<u8>, ChartFault> {
        self.know(repository)?;
        // Helm 4 fails without being told.
        let strict: &[&str] = if self.helm.major == 3 { &["--fail-on-repo-update-fail"] } else { &[] };
        let output = self.run(&[&["repo", "update", REPOSITORY], strict].concat())?;
        if output.status != 0 {
            return Err(fault_of(&output));
        }
        fs::read(self.index_file()).map_err(failed)
    }

    /// Which version of an index fits; `None`: none of them.
    pub(super) fn matching_version(
        &self,
        repository: &Url,
        index: &str,
        version: &str,
    ) -> Result<Option<String>, ChartFault> {
        self.know(repository)?;
        fs::write(self.index_file(), index).map_err(failed)?;
        let range = if version.trim().is_empty() { "*" } else { version };
        let output = self.run(&["search", "repo", &format!("--version={range}"), "--output=json"])?;
        if output.status != 0 {
            return Err(fault_of(&output));
        }
        let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        Ok(found[0]["version"].as_str().map(str::to_owned))
    }

    /// The archive of the one version that an index has, with the caller's login for its repository.
    pub(super) fn pull_indexed(
        &self,
        repository: &Url,
        index: &str,
        (name, version): (&str, &str),
    ) -> Result<Vec<u8>, ChartFault> {
        self.know(repository)?;
        fs::write(self.index_file(), index).map_err(failed)?;
        self.pull(&[&format!("{REPOSITORY}/{name}"), &format!("--version={version}")])
    }

    /// The archive at an address of a registry, with what more is to be said to helm.
    pub(super) fn pull(&self, arguments: &[&str]) -> Result<Vec<u8>, ChartFault> {
        let out = self.folder.path().join("out");
        let to = format!("--destination={}", out.display());
        let output = self.run(&[&["pull", &to], arguments].concat())?;
        if output.status != 0 {
            return Err(fault_of(&output));
        }
        let file = fs::read_dir(&out).map_err(failed)?.next().transpose().map_err(failed)?;
        let file = file.ok_or_else(|| fault_of(&output))?;
        fs::read(file.path()).map_err(failed)
    }

    fn index_file(&self) -> PathBuf {
        self.folder.path().join("cache").join(format!("{REPOSITORY}-index.yaml"))
    }

    fn repositories_file(&self) -> PathBuf {
        self.folder.path().join("repositories.yaml")
    }

    /// Writes down the repository. The folder is ours alone, and goes with us.
    fn know(&self, repository: &Url) -> Result<(), ChartFault> {
        let entry = RepositoryEntry::of_caller(repository, REPOSITORY, self.env);
        fs::write(self.repositories_file(), entry.file()).map_err(failed)
    }

    fn run(&self, arguments: &[&str]) -> Result<Output, ChartFault> {
        let here = |name: &str| self.folder.path().join(name);
        let is_kept = |name: &OsStr| {
            let text = name.to_string_lossy();
            !text.starts_with("HELM_") || KEPT.contains(&text.as_ref())
        };
        let env = self.env.iter().filter(|(name, _)| is_kept(name));
        let program = Program::new(self.helm.path)
            .args(arguments)
            .envs(env.map(|(name, value)| (name, value)))
            .env("HELM_NO_PLUGINS", "1")
            .env("HELM_PLUGINS", here("plugins"))
            .env("HELM_REPOSITORY_CONFIG", self.repositories_file())
            .env("HELM_REPOSITORY_CACHE", here("cache"))
            .envs(
                ["HELM_CACHE_HOME", "HELM_DATA_HOME", "HELM_CONTENT_CACHE"].map(|name| (name, here("cache"))),
            )
            .env("KUBECONFIG", here("none"))
            .folder(self.folder.path())
            .timeout(TIME_LIMIT)
            .file_size(DOWNLOAD_CAP)
            .output_cap(1024 * 1024);
        program.run().map_err(|error| match error {
            ProcessError::TimedOut { .. } => ChartFault::TimedOut,
            // The kernel's word for a file that grows over its limit.
            ProcessError::Killed { signal, .. } if signal == SIGXFSZ => ChartFault::TooLarge,
            error => ChartFault::Helm(error.to_string()),
        })
    }
}

/// Of Linux and macOS.
const SIGXFSZ: i32 = 25;

fn failed(error: io::Error) -> ChartFault {
    ChartFault::Io(error.to_string())
}

/// What helm's own words come to. They quote addresses and what servers say, so none of them are passed on. `Other` has
/// no command yet.
fn fault_of(output: &Output) -> ChartFault {
    let said = format!("{}\n{}", String::from_utf8_lossy(&output.stdout), output.stderr).to_lowercase();
    let known = FAULTS.iter().find(|(words, _)| words.iter().any(|word| said.contains(word)));
    known.map_or(ChartFault::Other { command: String::new() }, |(_, fault)| fault.clone())
}

/// Words of helm, of oras and of Go's network, in lower case; those of a server's status first, with what stands before it
/// in a message: an address may have any number in it.
static FAULTS: [(&[&str], ChartFault); 12] = [
    (
        &[
            " : 401",
            " : 403",
            "status code 401",
            "status code 403",
            "basic credential not found",
            "unauthorized: ",
            "denied: ",
        ],
        ChartFault::Login { login: String::new() },
    ),
    (&[" : 429", "status code 429"], ChartFault::Unreachable(Unreachable::TooOften)),
    (&[" : 5", "status code 5"], ChartFault::Unreachable(Unreachable::Failed)),
    (
        &[
            " : 404",
            "status code 404",
            ": not found",
            "no chart version found",
            "no chart name found",
            "could not locate a version matching",
            "unable to locate any tags",
        ],
        ChartFault::NotFound,
    ),
    (&["improper constraint", "invalid semantic version", "invalid version/constraint"], ChartFault::Version),
    (
        &["no such host", "temporary failure in name resolution"],
        ChartFault::Unreachable(Unreachable::NoSuchHost),
    ),
    (
        &["connection refused", "no route to host", "network is unreachable"],
        ChartFault::Unreachable(Unreachable::Refused),
    ),
    (&["x509: ", "tls: failed to verify"], ChartFault::Unreachable(Unreachable::Certificate)),
    (&["server gave http response to https client"], ChartFault::Unreachable(Unreachable::NoTls)),
    (
        &["i/o timeout", "deadline exceeded", "client.timeout", "tls handshake timeout"],
        ChartFault::Unreachable(Unreachable::TimedOut),
    ),
    (
        &["out of memory", "cannot allocate memory", "file size limit exceeded", "file too large"],
        ChartFault::TooLarge,
    ),
    (
        &[
            "error converting yaml to json",
            "error unmarshaling json",
            "no api version specified",
            "empty index.yaml",
        ],
        ChartFault::Index,
    ),
];
