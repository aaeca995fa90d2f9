//! Why a run could not begin or finish.

use crate::check::CheckError;
use crate::checkout::CheckoutError;
use crate::cluster::ClusterError;
use crate::forge::ForgeError;
use crate::git::{GitError, PushError};
use crate::incident::LedgerError;

/// Why a run could not begin or finish.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The repository.
    #[error(transparent)]
    Checkout(#[from] CheckoutError),
    /// The check of the base branch.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// The forge.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// A push.
    #[error(transparent)]
    Push(#[from] PushError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The ledger's branch is one that drift uses for something else.
    #[error("`ledger.branch` in drift.yaml is {0:?}, which is a branch with another purpose")]
    LedgerBranchTaken(String),
    /// Pushes would be refused at the end of the run.
    #[error("{login} may not push to the repository")]
    ReadOnlyToken {
        /// The account that the token belongs to.
        login: String,
    },
    /// Nothing tells the cluster from another, so incidents of it would be mixed up with those of others.
    #[error("the cluster could not be identified, so nothing is recorded")]
    UnidentifiedCluster,
}

impl From<GitError> for RunError {
    fn from(error: GitError) -> Self {
        Self::Checkout(error.into())
    }
}

impl From<ClusterError> for RunError {
    fn from(error: ClusterError) -> Self {
        Self::Check(error.into())
    }
}

impl RunError {
    /// What to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Checkout(error) => error.hint(),
            Self::Check(error) => error.hint(),
            Self::Forge(error) => error.hint(),
            Self::Push(error) => error.hint(),
            Self::Ledger(error) => error.hint(),
            Self::LedgerBranchTaken(_) => None,
            Self::ReadOnlyToken { .. } => {
                Some("give that account write access, or drift another token".to_owned())
            }
            Self::UnidentifiedCluster => Some("name it in drift.yaml (`cluster: prod`)".to_owned()),
        }
    }

    /// Whether the person must change something and nothing was read, in contrast to something that could not be read or
    /// done.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::Checkout(error) => error.is_configuration(),
            Self::Check(error) => error.is_configuration(),
            Self::Forge(error) => error.is_configuration(),
            Self::LedgerBranchTaken(_) | Self::ReadOnlyToken { .. } => true,
            Self::Push(_) | Self::Ledger(_) | Self::UnidentifiedCluster => false,
        }
    }
}
