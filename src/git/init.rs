//! A new repository.

use std::path::Path;

use super::{GitError, GitOptions, Repository};

impl Repository {
    /// Makes an empty bare repository in `folder`, with `branch` as its default branch.
    ///
    /// # Errors
    /// What libgit2 says of the folder.
    pub fn init_bare(folder: &Path, branch: &str, options: GitOptions) -> Result<Self, GitError> {
        let mut init = git2::RepositoryInitOptions::new();
        init.bare(true).external_template(false).initial_head(branch);
        git2::Repository::init_opts(folder, &init).map_err(|error| GitError::Failed {
            doing: "make a repository".to_owned(),
            path: folder.to_owned(),
            why: error.message().to_owned(),
        })?;
        Self::open(folder, GitOptions { bare: true, ..options })
    }
}
