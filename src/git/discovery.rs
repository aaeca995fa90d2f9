//! Which repository a path lies in, found as Git finds it with `safe.bareRepository=explicit`.
//!
//! A repository of which every file can be committed (`HEAD`, `objects`, `refs`, `config` in a folder that is not
//! named `.git`) can come with a pull request, and its `config` names programs. It is used only where the user named
//! that very folder, and never inside the work tree of another repository.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use git2::{ErrorCode, RepositoryOpenFlags};

use super::GitError;
use super::options::GitOptions;

const NO_CEILING: [&str; 0] = [];

/// Opens the repository that `path` (absolute) lies in.
pub(super) fn discover(path: &Path, options: &GitOptions) -> Result<git2::Repository, GitError> {
    let none = || GitError::NotARepository { path: path.to_owned() };
    let start = path.canonicalize().map_err(|_| none())?;
    let start = if start.is_dir() { start.as_path() } else { start.parent().ok_or_else(none)? };
    let device = |folder: &Path| folder.metadata().ok().map(|metadata| metadata.dev());
    // As Git does, another file system ends the search.
    let same = |folder: &&Path| device(folder) == device(start);
    for folder in start.ancestors().take_while(same) {
        if let Some(found) = open_at(folder, path, options.any_owner)? {
            return guarded(found, folder, start, options);
        }
    }
    Err(none())
}

/// Opens `folder/.git`, or the folder itself; `None` where neither is a repository.
fn open_at(folder: &Path, asked: &Path, any_owner: bool) -> Result<Option<git2::Repository>, GitError> {
    match git2::Repository::open_ext(folder, RepositoryOpenFlags::NO_SEARCH, NO_CEILING) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) if error.code() == ErrorCode::Owner && any_owner => open_foreign(folder).map(Some),
        Err(error) => Err(open_error(asked, &error)),
    }
}

/// Opens what another user owns. Opened as bare, libgit2 asks nobody; the work tree is set afterwards.
fn open_foreign(folder: &Path) -> Result<git2::Repository, GitError> {
    let found = git2::Repository::discover_path(folder, NO_CEILING).map_err(|e| open_error(folder, &e))?;
    let inner = git2::Repository::open_bare(&found).map_err(|e| open_error(folder, &e))?;
    if found.file_name().is_some_and(|name| name == ".git")
        && let Some(root) = found.parent()
    {
        inner.set_workdir(root, false).map_err(|e| open_error(folder, &e))?;
    }
    Ok(inner)
}

/// Lets a repository through that was found by its `.git`, or that the user named.
fn guarded(
    found: git2::Repository,
    folder: &Path,
    start: &Path,
    options: &GitOptions,
) -> Result<git2::Repository, GitError> {
    if !is_embeddable(&found, folder) {
        return Ok(found);
    }
    let path = folder.to_owned();
    if let Some(around) = work_tree_around(folder) {
        return Err(GitError::Embedded { path, around });
    }
    if options.bare && folder == start { Ok(found) } else { Err(GitError::Unnamed { path }) }
}

/// Whether the folder itself is the repository, under a name that a commit may hold: none named `.git`, nor below one.
fn is_embeddable(found: &git2::Repository, folder: &Path) -> bool {
    let itself = found.path().canonicalize().is_ok_and(|real| real == folder);
    itself && !folder.components().any(|part| part.as_os_str() == ".git")
}

/// The nearest folder above that has a `.git`.
fn work_tree_around(folder: &Path) -> Option<PathBuf> {
    let mut above = folder.ancestors().skip(1);
    above.find(|above| above.join(".git").symlink_metadata().is_ok()).map(Path::to_owned)
}

pub(super) fn open_error(path: &Path, error: &git2::Error) -> GitError {
    let path = path.to_owned();
    let message = error.message();
    let extension = message.split_once("unsupported extension name ").map(|(_, name)| name);
    match (error.code(), extension) {
        (ErrorCode::Owner, _) => GitError::Owner { path },
        (ErrorCode::NotFound, _) => GitError::NotARepository { path },
        (_, Some("extensions.refstorage")) => {
            GitError::Format { path, what: "reftable references".to_owned() }
        }
        (_, Some(name)) => GitError::Format { path, what: format!("the extension `{name}`") },
        _ if message.contains("object format") || message.contains("repository version") => {
            GitError::Format { path, what: message.to_owned() }
        }
        _ => GitError::Failed { doing: "open the repository".to_owned(), path, why: message.to_owned() },
    }
}
