//! Why there is nothing to begin with.

use crate::check::CheckError;

/// Why no files can be proposed.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The repository, or the cluster that was named.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// A bare repository.
    #[error("the repository has no work tree to write into")]
    NoWorkTree,
    /// Nothing there declares objects.
    #[error("nothing to compare was found in {0}: no manifests, no Kustomize root, no chart")]
    Nothing(String),
}

impl InitError {
    /// What to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Check(error) => error.hint(),
            Self::NoWorkTree => Some("run it in a clone of the repository".to_owned()),
            Self::Nothing(_) => Some(
                "`git add` the manifests first, or read untracked files too with --include-untracked"
                    .to_owned(),
            ),
        }
    }

    /// Whether the person must change something and nothing was read, in contrast to something that could not be read.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::Check(error) => error.is_configuration(),
            Self::NoWorkTree | Self::Nothing(_) => true,
        }
    }
}
