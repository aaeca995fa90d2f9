//! What can go wrong between drift and a forge.

use std::time::Duration;

use thiserror::Error;

use crate::git::{GitError, PushError};

/// Why a request to a forge failed. Addresses are shown without credentials and query; the forge's message is
/// escaped and cut.
#[derive(Debug, Error)]
pub enum ForgeError {
    /// The settings do not name a forge, a repository or a token that can be used: nothing was asked.
    #[error("{what}")]
    Configuration {
        /// What is wrong.
        what: String,
        /// What to do.
        hint: String,
    },
    /// The forge rejected the request.
    #[error("{method} {url}: the forge answered {status}{said}")]
    Refused {
        /// Method of the request.
        method: String,
        /// Address, without credentials and query.
        url: String,
        /// HTTP status.
        status: u16,
        /// What it said, with `: ` before it where it said anything.
        said: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The forge asks to wait longer than this request may take.
    #[error("{method} {url}: rate limited by the forge")]
    Limited {
        /// Method of the request.
        method: String,
        /// Address, without credentials and query.
        url: String,
        /// How long to wait.
        wait: Duration,
    },
    /// No answer, or one that was cut: what was asked may have been done.
    #[error("{method} {url}: {why}")]
    Unreachable {
        /// Method of the request.
        method: String,
        /// Address, without credentials and query.
        url: String,
        /// Why, and after how long.
        why: String,
    },
    /// An answer that is not what this forge's API gives: HTML, no JSON, too long. What was asked may have been done.
    #[error("{method} {url}: the answer cannot be read: {why}")]
    Unreadable {
        /// Method of the request.
        method: String,
        /// Address, without credentials and query.
        url: String,
        /// Why.
        why: String,
    },
    /// The repository that is a local forge cannot be read or written.
    #[error("proposals in the repository: {0}")]
    Repository(String),
    /// As [`ForgeError::Repository`]: Git's part of it.
    #[error("proposals in the repository: {0}")]
    Git(#[from] GitError),
    /// As [`ForgeError::Repository`]: their branch cannot be changed.
    #[error("proposals in the repository: {0}")]
    Push(#[from] PushError),
}

impl ForgeError {
    pub(super) fn configuration(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Configuration { what: what.into(), hint: hint.into() }
    }

    /// What to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Configuration { hint, .. } => Some(hint.clone()),
            Self::Refused { hint, .. } => hint.clone(),
            Self::Limited { wait, .. } => Some(format!("run again in {} s", wait.as_secs())),
            Self::Unreadable { .. } => Some("is this the address of the forge's API?".to_owned()),
            Self::Git(error) => error.hint(),
            Self::Push(error) => error.hint(),
            Self::Unreachable { .. } | Self::Repository(_) => None,
        }
    }

    /// Whether the settings are at fault, and nothing was asked of the forge.
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::Configuration { .. })
    }

    /// Whether the same request may succeed later, with nothing changed.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Configuration { .. }
            | Self::Unreadable { .. }
            | Self::Repository(_)
            | Self::Git(_)
            | Self::Push(_) => false,
            Self::Limited { .. } | Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => matches!(status, 408 | 429 | 500..),
        }
    }

    /// Whether what was asked may have been done although it failed: 5xx, cut, timed out, or unreadable.
    pub(super) fn may_have_written(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Unreadable { .. } => true,
            Self::Refused { status, .. } => *status >= 500,
            Self::Configuration { .. } | Self::Limited { .. } => false,
            Self::Repository(_) | Self::Git(_) | Self::Push(_) => false,
        }
    }

    /// Whether the forge says that there is one already: 409, or GitHub's 422.
    pub(super) fn may_exist(&self) -> bool {
        matches!(self, Self::Refused { status: 409 | 422, .. })
    }

    /// The HTTP status that refused.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }
}
