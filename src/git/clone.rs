//! Clones: bare, in a cache folder that outlives the run, or in a temporary one.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::fetch::{FETCH, default_branch};
use super::program::{Git, TRANSFER};
use super::turn::open_locked;
use super::{GitError, Options, Remote, RemoteFailure, Repository};

impl Repository {
    /// Clones a repository, bare, with all branches, tags and history, so that `HEAD`, `main` and `v1` can be
    /// resolved in it. With a cache folder the clone is kept there under a hash of the address and only fetched the
    /// next time; a torn or foreign folder of that name is replaced. Without one, or where the cache cannot be
    /// written, it lives as long as the value. Credentials are not stored.
    ///
    /// # Errors
    /// [`GitError::Remote`], [`GitError::Io`] for the folder.
    pub fn clone(remote: &Remote, cache: Option<&Path>, options: Options) -> Result<Self, GitError> {
        let key = key(&remote.place);
        // One run at a time brings a cached clone up to date; the system lets go of the lock when a run is killed.
        let Some((cache, _lock)) = cache.and_then(|c| Some((c, lock(c, &key)?))) else {
            return temporary(remote, options);
        };
        let place = cache.join(format!("{key}.git"));
        match refresh(remote, &place, &options) {
            Ok(repository) => Ok(repository),
            Err(Unusable::Remote(error)) => Err(error),
            Err(Unusable::Clone) => replace(remote, cache, &place, options),
        }
    }
}

fn temporary(remote: &Remote, options: Options) -> Result<Repository, GitError> {
    let folder = tempfile::Builder::new().prefix("drift-clone-").tempdir();
    let folder = folder.map_err(|e| io(&std::env::temp_dir(), e))?;
    let mut repository = make(remote, folder.path(), options)?;
    repository.temporary = Some(folder);
    Ok(repository)
}

/// Locks the cached clone; `None` where the cache cannot be written.
fn lock(cache: &Path, key: &str) -> Option<fs::File> {
    fs::create_dir_all(cache).ok()?;
    open_locked(&cache.join(format!("{key}.lock"))).ok()
}

/// Why a cached clone is not used.
enum Unusable {
    /// The remote's fault: another clone would not help.
    Remote(GitError),
    /// Absent, torn or foreign.
    Clone,
}

/// Opens a cached clone and brings it up to date.
fn refresh(remote: &Remote, place: &Path, options: &Options) -> Result<Repository, Unusable> {
    // Bare and exactly there: what lies above the cache folder is not ours.
    if !place.join("HEAD").is_file() || !is_ours(remote, place) {
        return Err(Unusable::Clone);
    }
    let opened = open(place, options.clone()).map_err(|_| Unusable::Clone)?;
    if let Err(error) = update(&opened, remote) {
        let theirs = match &error {
            GitError::Remote { why, .. } => !matches!(why, RemoteFailure::Other(_)),
            GitError::NoProgram { .. } => true,
            _ => false,
        };
        return Err(if theirs { Unusable::Remote(error) } else { Unusable::Clone });
    }
    if tips_are_readable(&opened) { Ok(opened) } else { Err(Unusable::Clone) }
}

/// Opens a clone of ours, which is bare.
fn open(place: &Path, options: Options) -> Result<Repository, GitError> {
    let mut opened = Repository::open(place, Options { bare: true, ..options })?;
    opened.is_own = true;
    Ok(opened)
}

fn is_ours(remote: &Remote, place: &Path) -> bool {
    fs::read_to_string(place.join(MARK)).is_ok_and(|text| text.trim_end() == remote.place)
}

fn tips_are_readable(repository: &Repository) -> bool {
    let Ok(branches) = repository.inner.references_glob("refs/heads/*") else { return false };
    branches.into_iter().all(|r| r.and_then(|r| r.peel_to_tree()).is_ok())
}

/// Makes a clone beside its place and moves it there, so that a kill leaves no half of one.
fn replace(remote: &Remote, cache: &Path, place: &Path, options: Options) -> Result<Repository, GitError> {
    let fresh = tempfile::Builder::new().prefix(".clone-").tempdir_in(cache).map_err(|e| io(cache, e))?;
    drop(make(remote, fresh.path(), options.clone())?);
    let old = tempfile::Builder::new().prefix(".old-").tempdir_in(cache).map_err(|e| io(cache, e))?;
    // Absent is the usual case; what cannot be moved away fails the next line.
    let _ = fs::rename(place, old.path().join("clone"));
    fs::rename(fresh.path(), place).map_err(|e| io(place, e))?;
    open(place, options)
}

/// Name of the file that says whose clone this is.
const MARK: &str = "drift-clone";

fn make(remote: &Remote, place: &Path, options: Options) -> Result<Repository, GitError> {
    let init = Git::new(place, &options.env).args(["init", "--quiet", "--bare", "--template=", "."]).run()?;
    if !init.success {
        return Err(io(place, std::io::Error::other(init.reason())));
    }
    let mark = place.join(MARK);
    fs::write(&mark, format!("{}\n", remote.place)).map_err(|e| io(&mark, e))?;
    let repository = open(place, options)?;
    let fail = |e: git2::Error| repository.failed("configure the clone", &e);
    repository.inner.remote_with_fetch("origin", &remote.place, HEADS).map(|_| ()).map_err(fail)?;
    update(&repository, remote)?;
    Ok(repository)
}

const HEADS: &str = "+refs/heads/*:refs/heads/*";
const TAGS: &str = "+refs/tags/*:refs/tags/*";

/// Brings all branches and tags, drops those that are gone, and points HEAD where the remote's points.
fn update(repository: &Repository, remote: &Remote) -> Result<(), GitError> {
    let fetch = repository.reach(remote)?.args(FETCH).args(["--prune", &remote.place, HEADS, TAGS]);
    repository.expect(fetch.limit(TRANSFER).run()?, "clone", remote)?;
    if let Some(branch) = default_branch(repository.reach(remote)?, remote)? {
        let head = format!("refs/heads/{branch}");
        repository.inner.set_head(&head).map_err(|e| repository.failed("set HEAD", &e))?;
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
