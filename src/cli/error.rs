//! Errors of commands, and the exit codes that they mean.

use super::exit_code::{INCOMPLETE, USAGE};
use crate::audit::AuditError;
use crate::check::CheckError;
use crate::checkout::CheckoutError;
use crate::git::GitError;
use crate::init::InitError;
use crate::reconcile::RunError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    /// Something asked for does not exist or does not fit: a path, a file, a resource.
    #[error("{0}")]
    Usage(String),
    /// The file system.
    #[error("{what}: {source}")]
    Io {
        /// What was done to which file.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A repository.
    #[error(transparent)]
    Checkout(#[from] CheckoutError),
    /// `drift check`, `drift explain` or `drift snapshot`.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// `drift run`.
    #[error(transparent)]
    Run(#[from] RunError),
    /// `drift init`.
    #[error(transparent)]
    Init(#[from] InitError),
    /// `drift audit`.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

impl From<GitError> for CommandError {
    fn from(error: GitError) -> Self {
        Self::Checkout(error.into())
    }
}

impl CommandError {
    /// What to do.
    pub(super) fn hint(&self) -> Option<String> {
        match self {
            Self::Usage(_) | Self::Io { .. } => None,
            Self::Checkout(error) => error.hint(),
            Self::Check(error) => error.hint(),
            Self::Run(error) => error.hint(),
            Self::Init(error) => error.hint(),
            Self::Audit(error) => error.hint(),
        }
    }

    /// 2 where the person must change something and nothing was read, 3 where something could not be read or done.
    pub(super) fn exit_code(&self) -> u8 {
        let is_configuration = match self {
            Self::Usage(_) => true,
            Self::Io { .. } => false,
            Self::Checkout(error) => error.is_configuration(),
            Self::Check(error) => error.is_configuration(),
            Self::Run(error) => error.is_configuration(),
            Self::Init(error) => error.is_configuration(),
            Self::Audit(error) => error.is_configuration(),
        };
        if is_configuration { USAGE } else { INCOMPLETE }
    }
}
