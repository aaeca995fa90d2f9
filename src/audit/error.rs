//! Why an audit could not be made.

use crate::checkout::CheckoutError;
use crate::git::GitError;
use crate::incident::LedgerError;

/// Why the ledger could not be audited.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The repository.
    #[error(transparent)]
    Checkout(#[from] CheckoutError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl From<GitError> for AuditError {
    fn from(error: GitError) -> Self {
        Self::Checkout(error.into())
    }
}

impl AuditError {
    /// What to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Checkout(error) => error.hint(),
            Self::Ledger(error) => error.hint(),
        }
    }

    /// Whether the person must change something and nothing was read, in contrast to something that could not be read.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::Checkout(error) => error.is_configuration(),
            Self::Ledger(_) => false,
        }
    }
}
