//! Why a repository could not be checked out.

use std::path::PathBuf;

use crate::config::ConfigError;
use crate::git::GitError;

/// Why a repository, its configuration or its branches could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CheckoutError {
    /// `drift.yaml` cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Git.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A revision that the repository does not have.
    #[error("there is no revision {revision:?} in {}", .repository.display())]
    NoRevision {
        /// As it was asked for.
        revision: String,
        /// Where it was looked for.
        repository: PathBuf,
    },
    /// Neither a configuration nor a path says what to read.
    #[error("there is no drift.yaml with sources, and no PATH")]
    NoSources,
    /// A path outside of every configured source.
    #[error("{path} is in none of the sources of drift.yaml ({sources})")]
    OutsideSources {
        /// The path from the repository's root.
        path: String,
        /// The sources, joined by commas.
        sources: String,
    },
    /// Nothing says which branch proposals are for.
    #[error("the repository has no default branch")]
    NoDefaultBranch,
    /// A base branch that the repository does not have.
    #[error("there is no branch {0:?}")]
    NoBranch(String),
    /// A remote that asks for a token, and none was given.
    #[error("{0}; no token for the forge")]
    NoToken(GitError),
    /// The ledger's branch is somebody's: drift would commit to it.
    #[error("{why}")]
    ForeignLedger {
        /// What shows it.
        why: String,
    },
    /// The file system.
    #[error("{what}: {source}")]
    Io {
        /// What was done to which file.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl CheckoutError {
    /// What to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Git(error) => return error.hint(),
            Self::NoRevision { .. } => "name a branch, a tag or a commit (fetch it first)",
            Self::NoSources => {
                "name the folder that holds the manifests (`drift check PATH`), or list `sources:` in drift.yaml at the \
                 repository's root; what Flux or Argo CD apply of it to the cluster `drift check` finds by itself"
            }
            Self::NoDefaultBranch | Self::NoBranch(_) => "set `forge.base` in drift.yaml",
            Self::NoToken(_) => "set DRIFT_TOKEN, or DRIFT_TOKEN_FILE to the path of a file that holds it",
            Self::ForeignLedger { .. } => {
                "name a branch that is drift's alone (`ledger: {branch: drift/ledger}` in drift.yaml)"
            }
            Self::Config(_) | Self::OutsideSources { .. } | Self::Io { .. } => return None,
        };
        Some(hint.to_owned())
    }

    /// Whether the person must change something and nothing was read, in contrast to something that could not be read.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::Git(error) => !matches!(
                error,
                GitError::Remote { .. }
                    | GitError::MissingObject { .. }
                    | GitError::Io { .. }
                    | GitError::Signing { .. }
            ),
            Self::ForeignLedger { .. } | Self::Io { .. } => false,
            Self::Config(_)
            | Self::NoRevision { .. }
            | Self::NoSources
            | Self::OutsideSources { .. }
            | Self::NoDefaultBranch
            | Self::NoBranch(_)
            | Self::NoToken(_) => true,
        }
    }

    /// What a remote's refusal means where no token was given: it must be given, and nothing was read.
    #[must_use]
    pub(crate) fn explain_missing_token(self, has_token: bool) -> Self {
        match self {
            Self::Git(error) if !has_token && error.is_refused_by_remote() => Self::NoToken(error),
            other => other,
        }
    }
}
