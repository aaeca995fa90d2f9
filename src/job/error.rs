//! Why a command could not begin or finish.

use crate::cluster::ClusterError;
use crate::config::ConfigError;
use crate::forge::ForgeError;
use crate::git::{GitError, PushError};

/// Why a command could not begin or finish. What could not be read on the way is in the result, as incomplete.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// `drift.yaml` cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Something asked for does not exist or does not fit: a path, a revision, a source.
    #[error("{0}")]
    Usage(String),
    /// An object that neither Git nor the cluster knows.
    #[error("{0}")]
    NotFound(String),
    /// Git.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A push.
    #[error(transparent)]
    Push(#[from] PushError),
    /// The cluster.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The forge.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// The ledger cannot be read.
    #[error("{0}")]
    Ledger(String),
    /// The file system.
    #[error("{what}: {source}")]
    Io {
        /// What was done to which file.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl JobError {
    /// Whether nothing was read and the person must change something (exit code 2), in contrast to something that
    /// could not be read or done (exit code 3).
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::Config(_) | Self::Usage(_) => true,
            Self::Git(error) => !matches!(
                error,
                GitError::Remote { .. }
                    | GitError::MissingObject { .. }
                    | GitError::Io { .. }
                    | GitError::Signing { .. }
            ),
            Self::Cluster(error) => error.is_configuration(),
            Self::Forge(error) => error.is_configuration(),
            Self::Push(_) | Self::Ledger(_) | Self::NotFound(_) | Self::Io { .. } => false,
        }
    }
}
