//! Why a check could not begin.

use crate::checkout::CheckoutError;
use crate::cluster::ClusterError;
use crate::git::GitError;

/// Why nothing could be compared. What could not be read on the way is in the report, as incomplete.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The repository.
    #[error(transparent)]
    Checkout(#[from] CheckoutError),
    /// The cluster.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// An object that neither Git nor the cluster knows.
    #[error("{resource} was not found: {why}")]
    UnknownResource {
        /// As it was asked for.
        resource: String,
        /// Where it was looked for.
        why: &'static str,
    },
}

impl From<GitError> for CheckError {
    fn from(error: GitError) -> Self {
        Self::Checkout(error.into())
    }
}

impl CheckError {
    /// What to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Checkout(error) => error.hint(),
            Self::Cluster(error) => error.hint().map(str::to_owned),
            Self::UnknownResource { .. } => None,
        }
    }

    /// Whether the person must change something and nothing was read, in contrast to something that could not be read.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::Checkout(error) => error.is_configuration(),
            Self::Cluster(error) => error.is_configuration(),
            Self::UnknownResource { .. } => false,
        }
    }
}
