//! Clones: bare, in a cache folder that outlives the run, or in a temporary one.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::fetch::{FETCH_ARGUMENTS, remote_default_branch};
use super::program::{GitCommand, TRANSFER_LIMIT};
use super::ref_lock::open_locked;
use super::{GitError, GitOptions, Remote, RemoteFailure, Repository};

impl Repository {
    /// Clones a repository, bare, with all branches, tags and history, so that `HEAD`, `main` and `v1` can be
    /// resolved in it. With a cache folder the clone is kept there under a hash of the address and only fetched the
    /// next time; a torn or foreign folder of that name is replaced. Without one, or where the cache cannot be
    /// written, it lives as long as the value. Credentials are not stored.
    ///
    /// # Errors
    /// [`GitError::Remote`], [`GitError::Io`] for the folder.
    pub fn clone(remote: &Remote, cache: Option<&Path>, options: GitOptions) -> Result<Self, GitError> {
        let key = key(&remote.location);
        // One run at a time brings a cached clone up to date; the system lets go of the lock when a run is killed.
        let Some((cache, _lock)) = cache.and_then(|c| Some((c, lock(c, &key)?))) else {
            return temporary(remote, options);
        };
        let place = cache.join(format!("{key}.git"));
        match refresh(remote, &place, &options) {
            Ok(repository) => Ok(repository),
            Err(CacheMiss::Remote(error)) => Err(error),
            Err(CacheMiss::Missing) => replace(remote, cache, &place, options),
        }
    }
}

fn temporary(remote: &Remote, options: GitOptions) -> Result<Repository, GitError> {
    let folder = tempfile::Builder::new().prefix("drift-clone-").tempdir();
    let folder = folder.map_err(|e| io(&std::env::temp_dir(), e))?;
    let mut repository = clone_into(remote, folder.path(), options)?;
    repository.temporary = Some(folder);
    Ok(repository)
}

/// Locks the cached clone; `None` where the cache cannot be written.
fn lock(cache: &Path, key: &str) -> Option<fs::File> {
    fs::create_dir_all(cache).ok()?;
    open_locked(&cache.join(format!("{key}.lock"))).ok()
}

/// Why a cached clone is not used.
enum CacheMiss {
    /// The remote's fault: another clone would not help.
    Remote(GitError),
    /// Absent, torn or foreign.
    Missing,
}

/// Opens a cached clone and brings it up to date.
fn refresh(remote: &Remote, place: &Path, options: &GitOptions) -> Result<Repository, CacheMiss> {
    // Bare and exactly there: what lies above the cache folder is not ours.
    if !place.join("HEAD").is_file() || !is_ours(remote, place) {
        return Err(CacheMiss::Missing);
    }
    let opened = open(place, options.clone()).map_err(|_| CacheMiss::Missing)?;
    if let Err(error) = update(&opened, remote) {
        let theirs = match &error {
            GitError::Remote { why, .. } => !matches!(why, RemoteFailure::Other(_)),
            GitError::NoProgram { .. } => true,
            _ => false,
        };
        return Err(if theirs { CacheMiss::Remote(error) } else { CacheMiss::Missing });
    }
    if tips_are_readable(&opened) { Ok(opened) } else { Err(CacheMiss::Missing) }
}

/// Opens a clone of ours, which is bare.
fn open(place: &Path, options: GitOptions) -> Result<Repository, GitError> {
    let mut opened = Repository::open(place, GitOptions { bare: true, ..options })?;
    opened.is_own = true;
    Ok(opened)
}

fn is_ours(remote: &Remote, place: &Path) -> bool {
    fs::read_to_string(place.join(ORIGIN_FILE)).is_ok_and(|text| text.trim_end() == remote.location)
}

fn tips_are_readable(repository: &Repository) -> bool {
    let Ok(branches) = repository.inner.references_glob("refs/heads/*") else { return false };
    branches.into_iter().all(|r| r.and_then(|r| r.peel_to_tree()).is_ok())
}

/// Makes a clone beside its place and moves it there, so that a kill leaves no half of one.
fn replace(remote: &Remote, cache: &Path, place: &Path, options: GitOptions) -> Result<Repository, GitError> {
    let fresh = tempfile::Builder::new().prefix(".clone-").tempdir_in(cache).map_err(|e| io(cache, e))?;
    drop(clone_into(remote, fresh.path(), options.clone())?);
    let old = tempfile::Builder::new().prefix(".old-").tempdir_in(cache).map_err(|e| io(cache, e))?;
    // Absent is the usual case; what cannot be moved away fails the next line.
    let _ = fs::rename(place, old.path().join("clone"));
    fs::rename(fresh.path(), place).map_err(|e| io(place, e))?;
    open(place, options)
}

/// Name of the file that says whose clone this is.
const ORIGIN_FILE: &str = "drift-clone";

fn clone_into(remote: &Remote, place: &Path, options: GitOptions) -> Result<Repository, GitError> {
    let init =
        GitCommand::new(place, &options.env).args(["init", "--quiet", "--bare", "--template=", "."]).run()?;
    if !init.success {
        return Err(io(place, std::io::Error::other(init.reason())));
    }
    let mark = place.join(ORIGIN_FILE);
    fs::write(&mark, format!("{}\n", remote.location)).map_err(|e| io(&mark, e))?;
    let repository = open(place, options)?;
    let fail = |e: git2::Error| repository.wrap_error("configure the clone", &e);
    repository.inner.remote_with_fetch("origin", &remote.location, HEADS).map(|_| ()).map_err(fail)?;
    update(&repository, remote)?;
    Ok(repository)
}

const HEADS: &str = "+refs/heads/*:refs/heads/*";
const TAGS: &str = "+refs/tags/*:refs/tags/*";

/// Brings all branches and tags, drops those that are gone, and points HEAD where the remote's points.
fn update(repository: &Repository, remote: &Remote) -> Result<(), GitError> {
    let fetch = repository.command_for(remote)?.args(FETCH_ARGUMENTS).args([
        "--prune",
        &remote.location,
        HEADS,
        TAGS,
    ]);
    repository.check_answer(fetch.limit(TRANSFER_LIMIT).run()?, "clone", remote)?;
    if let Some(branch) = remote_default_branch(repository.command_for(remote)?, remote)? {
        let head = format!("refs/heads/{branch}");
        repository.inner.set_head(&head).map_err(|e| repository.wrap_error("set HEAD", &e))?;
    }
    Ok(())
}

fn key(url: &str) -> String {
    let hash = Sha256::digest(url.as_bytes());
    hash.iter().take(16).map(|b| format!("{b:02x}")).collect()
}

fn io(path: &Path, source: std::io::Error) -> GitError {
    GitError::Io { path: PathBuf::from(path), source }
}
