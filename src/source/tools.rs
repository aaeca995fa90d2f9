//! The programs that render: where they are, and whether they are new enough.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::charts::{ChartError, ChartFault, ChartFetcher, FetchedChart, Helm};
use super::output::SourceKind;
use crate::model::ChartReference;
use crate::process::{Confinement, ProcessError, Program};

/// The programs that render, as found; versions are asked for when a source first needs them, and kept.
#[derive(Debug, Clone, Default)]
pub struct Tools {
    helm: Option<PathBuf>,
    kustomize: Option<PathBuf>,
    kubectl: Option<PathBuf>,
    /// drift's own binary, which confines what it starts.
    launcher: Option<PathBuf>,
    /// Whether kustomize may load files of other folders of the repository than the root's.
    is_unrestricted: bool,
    charts: Arc<ChartFetcher>,
    confinement: OnceLock<Option<Confinement>>,
    helm_checked: OnceLock<Result<Tool, ToolError>>,
    kustomize_checked: OnceLock<Result<Tool, ToolError>>,
}

/// A program that may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tool {
    pub(super) path: PathBuf,
    /// What stands before its own arguments: `kustomize` of kubectl, `build` of kustomize.
    pub(super) subcommand: &'static str,
    /// Its name and version, `helm v4.3.1`.
    pub(super) label: String,
    /// Major version.
    pub(super) major: u64,
}

/// Why a source cannot be rendered: its program is missing, too old, or does not say its version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToolError {
    /// None was found.
    #[error("{needed} is needed and was not found on the PATH")]
    Missing {
        /// What is needed, with the lowest version.
        needed: &'static str,
    },
    /// It is older than what was tried.
    #[error("{path} is {found}; {needed} is needed")]
    TooOld {
        /// Where it is.
        path: String,
        /// Its version.
        found: String,
        /// What is needed, with the lowest version.
        needed: &'static str,
    },
    /// It does not tell its version.
    #[error("{path} does not report its version ({why}); {needed} is needed")]
    Unknown {
        /// Where it is.
        path: String,
        /// What happened.
        why: String,
        /// What is needed, with the lowest version.
        needed: &'static str,
    },
}

const HELM: &str = "helm 3.21 or 4.3 or later";
const KUSTOMIZE: &str = "kustomize 5.8 or kubectl 1.36 or later";

impl Tools {
    /// Looks for `helm`, `kustomize` and `kubectl` in the folders of a `PATH`.
    #[must_use]
    pub fn find(path: &OsStr) -> Self {
        let find =
            |name| std::env::split_paths(path).map(|folder| folder.join(name)).find(|file| is_program(file));
        Self::from_paths(find("helm"), find("kustomize"), find("kubectl"))
    }

    /// Programs at known paths.
    #[must_use]
    pub fn from_paths(helm: Option<PathBuf>, kustomize: Option<PathBuf>, kubectl: Option<PathBuf>) -> Self {
        Self { helm, kustomize, kubectl, ..Self::default() }
    }

    /// Has the programs started by drift's own binary at this path, which confines them as far as the kernel allows.
    #[must_use]
    pub fn confined_by(self, launcher: PathBuf) -> Self {
        Self { launcher: Some(launcher), ..self }
    }

    /// Lets kustomize load files of the whole repository, as Flux does; nothing else is in the copy that it is given, and
    /// what leads out of it is refused before.
    #[must_use]
    pub fn without_load_restrictions(self) -> Self {
        Self { is_unrestricted: true, ..self }
    }

    /// Lets helm fetch charts as far as this one allows.
    #[must_use]
    pub fn fetching(self, charts: ChartFetcher) -> Self {
        Self { charts: Arc::new(charts), ..self }
    }

    /// A chart of a registry or a Helm repository, fetched if the caller allows that; each is fetched once.
    pub fn fetch_chart(&self, reference: &ChartReference) -> Result<Arc<FetchedChart>, ChartError> {
        let reference = self.charts.permit(reference)?;
        match self.helm() {
            Ok(helm) => self.charts.fetch(Helm { path: &helm.path, major: helm.major }, &reference),
            Err(error) => Err(reference.fail(ChartFault::Helm(error.to_string()))),
        }
    }

    /// Flags of kustomize beside the folder.
    pub(super) fn kustomize_flags(&self) -> &'static [&'static str] {
        if self.is_unrestricted { Self::unrestricted_flags() } else { &[] }
    }

    /// Flags by which kustomize loads files from anywhere below the root of the repository.
    pub(super) fn unrestricted_flags() -> &'static [&'static str] {
        &["--load-restrictor", "LoadRestrictionsNone"]
    }

    /// How the programs are confined; `None` where the kernel does not help.
    #[must_use]
    pub fn confinement(&self) -> Option<&Confinement> {
        let probe = || self.launcher.as_deref().and_then(Confinement::probe);
        self.confinement.get_or_init(probe).as_ref()
    }

    /// Whether the kernel keeps the programs from the network.
    pub(super) fn has_no_network(&self) -> bool {
        self.confinement().is_some_and(Confinement::has_no_network)
    }

    /// What of the programs a rendering depends on: name and version, flags, and what they may reach.
    #[must_use]
    pub fn describe(&self, kind: SourceKind) -> String {
        let tool = match kind {
            SourceKind::Plain => return String::new(),
            SourceKind::Kustomize => self.kustomize(),
            SourceKind::Helm => self.helm(),
        };
        let tool = tool.map_or_else(|error| error.to_string(), |tool| tool.label.clone());
        format!("{tool} {:?} {}", self.kustomize_flags(), self.has_no_network())
    }

    /// Helm, where it is new enough.
    pub(super) fn helm(&self) -> Result<&Tool, ToolError> {
        let checked = self.helm_checked.get_or_init(|| {
            let path = self.helm.as_ref().ok_or(ToolError::Missing { needed: HELM })?;
            check_helm(path)
        });
        checked.as_ref().map_err(Clone::clone)
    }

    /// Kustomize, or a kubectl that holds it, whichever is new enough first.
    pub(super) fn kustomize(&self) -> Result<&Tool, ToolError> {
        let checked = self.kustomize_checked.get_or_init(|| {
            let own = self.kustomize.as_ref().map(|path| check_kustomize(path));
            match (own, &self.kubectl) {
                (Some(Ok(tool)), _) => Ok(tool),
                (Some(Err(error)), Some(kubectl)) => check_kubectl(kubectl).map_err(|_| error),
                (Some(Err(error)), None) => Err(error),
                (None, Some(kubectl)) => check_kubectl(kubectl),
                (None, None) => Err(ToolError::Missing { needed: KUSTOMIZE }),
            }
        });
        checked.as_ref().map_err(Clone::clone)
    }
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

fn check_helm(path: &Path) -> Result<Tool, ToolError> {
    let version = ask(path, &["version", "--template", "{{.Version}}"], HELM)?;
    let enough = |(major, minor)| match major {
        3 => minor >= 21,
        4 => minor >= 3,
        other => other > 4,
    };
    check_version(path, ("helm", "template"), &version, HELM, enough)
}

fn check_kustomize(path: &Path) -> Result<Tool, ToolError> {
    let version = ask(path, &["version"], KUSTOMIZE)?;
    check_version(path, ("kustomize", "build"), &version, KUSTOMIZE, |found| found >= (5, 8))
}

fn check_kubectl(path: &Path) -> Result<Tool, ToolError> {
    let answer = ask(path, &["version", "--client", "-o", "json"], KUSTOMIZE)?;
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap_or_default();
    let version = answer["clientVersion"]["gitVersion"].as_str().unwrap_or_default();
    check_version(path, ("kubectl", "kustomize"), version, KUSTOMIZE, |found| found >= (1, 36))
}

fn ask(path: &Path, args: &[&str], needed: &'static str) -> Result<String, ToolError> {
    let shown = path.display().to_string();
    let unknown = |why: String| ToolError::Unknown { path: shown.clone(), why, needed };
    let program =
        Program::new(path).args(args).envs([("HOME", "/nonexistent"), ("LC_ALL", "C"), ("PATH", "")]);
    let output = program.timeout(Duration::from_secs(15)).output_cap(64 * 1024).run();
    let output = output.map_err(|error: ProcessError| unknown(error.to_string()))?;
    if output.status != 0 {
        return Err(unknown(format!("it ended with code {}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn check_version(
    path: &Path,
    (program, subcommand): (&str, &'static str),
    version: &str,
    needed: &'static str,
    enough: impl Fn((u64, u64)) -> bool,
) -> Result<Tool, ToolError> {
    let place = path.display().to_string();
    let Some(numbers) = major_minor(version) else {
        let first: String = version.chars().filter(|c| !c.is_control()).take(40).collect();
        return Err(ToolError::Unknown { path: place, why: format!("it says {first:?}"), needed });
    };
    if !enough(numbers) {
        return Err(ToolError::TooOld { path: place, found: version.to_owned(), needed });
    }
    let label = format!("{program} {version}");
    Ok(Tool { path: path.to_path_buf(), subcommand, label, major: numbers.0 })
}

/// `(4, 3)` of `v4.3.1`, `v4.3` or `4.3.1+g1`.
fn major_minor(version: &str) -> Option<(u64, u64)> {
    let mut numbers = version.trim_start_matches('v').split(['.', '+', '-']);
    let major = numbers.next()?.parse().ok()?;
    Some((major, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::major_minor;

    #[test]
    fn tool_versions_are_parsed() {
        for (text, expected) in [
            ("v4.3", Some((4, 3))),
            ("v3.21.4", Some((3, 21))),
            ("v3.21.4+g1234", Some((3, 21))),
            ("v5.8.1", Some((5, 8))),
            ("v1.36.2-gke.100", Some((1, 36))),
            ("(devel)", None),
            ("", None),
        ] {
            assert_eq!(major_minor(text), expected, "{text}");
        }
    }
}
