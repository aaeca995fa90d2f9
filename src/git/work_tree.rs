//! Files of a tree on disk: regular ones inside of it, up to a size. What a link, a pipe or a device is, whoever may
//! commit decides.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::tree::os_path;
use super::{GitError, Repository};

/// Which files of a tree may be read: those that Git tracks, or all; never Git's own folder.
#[derive(Debug, Clone, Default)]
pub struct TrackedFiles {
    /// Paths of tracked files and of the folders that hold them, from the root; `None` where all count.
    tracked: Option<HashSet<PathBuf>>,
    /// Git's own folder, where it lies in the tree under another name than `.git`.
    own: Option<PathBuf>,
}

impl TrackedFiles {
    /// Whether a file or folder is read; the path is from the root.
    #[must_use]
    pub fn reads(&self, path: &Path) -> bool {
        let is_own = self.own.as_ref().is_some_and(|own| path.starts_with(own));
        !is_own && !is_git_path(path) && self.tracked.as_ref().is_none_or(|tracked| tracked.contains(path))
    }
}

/// Whether a path leads into a folder of Git's, however a file system without case names it.
#[must_use]
pub fn is_git_path(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str().eq_ignore_ascii_case(".git"))
}

/// How the work tree differs from the commit that it stands on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkTreeStatus {
    /// Whether a tracked file was changed or staged, or there are untracked files that are not ignored.
    pub dirty: bool,
    /// Those untracked ones, from the root; of a folder without tracked files only its name, with a `/`.
    pub untracked: Vec<String>,
    /// Whether folders are too deep to be compared: then it counts as dirty, and no untracked file is known.
    pub too_deep: bool,
}

impl Repository {
    /// How the work tree and the index differ from HEAD. A bare repository's is never dirty. Where its folders are too
    /// deep for libgit2, only what lies at or below the paths `of` is compared.
    ///
    /// # Errors
    /// What libgit2 says.
    pub fn status(&self, of: &[&str]) -> Result<WorkTreeStatus, GitError> {
        if self.root().is_none() {
            return Ok(WorkTreeStatus::default());
        }
        let compared = match self.compare(&[]) {
            Err(error) if is_too_deep(&error) && !of.is_empty() => self.compare(of),
            compared => compared,
        };
        match compared {
            Err(error) if is_too_deep(&error) => {
                Ok(WorkTreeStatus { dirty: true, untracked: Vec::new(), too_deep: true })
            }
            compared => compared.map_err(|e| self.wrap_error("compare the work tree", &e)),
        }
    }

    /// Compares everything, or what lies at or below the paths.
    fn compare(&self, paths: &[&str]) -> Result<WorkTreeStatus, git2::Error> {
        let mut options = git2::StatusOptions::new();
        options.include_untracked(true).include_ignored(false).exclude_submodules(true).update_index(false);
        options.disable_pathspec_match(true);
        for path in paths {
            options.pathspec(path);
        }
        let statuses = self.inner.statuses(Some(&mut options))?;
        let untracked = statuses.iter().filter(|entry| entry.status().is_wt_new());
        let untracked = untracked.map(|entry| String::from_utf8_lossy(entry.path_bytes()).into_owned());
        Ok(WorkTreeStatus { dirty: !statuses.is_empty(), untracked: untracked.collect(), too_deep: false })
    }

    /// Whether the work tree differs from HEAD: see [`WorkTreeStatus::dirty`].
    ///
    /// # Errors
    /// What libgit2 says.
    pub fn is_dirty(&self) -> Result<bool, GitError> {
        self.status(&[]).map(|status| status.dirty)
    }

    /// The files of the work tree that a revision could hold too: what the index names. With `all` untracked and
    /// ignored ones count as well.
    ///
    /// # Errors
    /// What libgit2 says of the index.
    pub fn files(&self, all: bool) -> Result<TrackedFiles, GitError> {
        let root = self.root().and_then(|root| root.canonicalize().ok());
        let git = self.inner.path().canonicalize().ok();
        let own = root.zip(git).and_then(|(root, git)| git.strip_prefix(&root).ok().map(Path::to_owned));
        if all || self.root().is_none() {
            return Ok(TrackedFiles { tracked: None, own });
        }
        let index = self.inner.index().map_err(|e| self.wrap_error("read the index", &e))?;
        let mut tracked = HashSet::from([PathBuf::new()]);
        for entry in index.iter().filter(|entry| entry.mode & TYPE != GITLINK) {
            let path = os_path(&entry.path);
            let mut above = path.parent();
            while let Some(folder) = above
                && !tracked.contains(folder)
            {
                tracked.insert(folder.to_owned());
                above = folder.parent();
            }
            tracked.insert(path.to_owned());
        }
        Ok(TrackedFiles { tracked: Some(tracked), own })
    }

    /// The submodules that the index names: their files are in other repositories.
    ///
    /// # Errors
    /// What libgit2 says of the index.
    pub fn submodules(&self) -> Result<Vec<String>, GitError> {
        let index = self.inner.index().map_err(|e| self.wrap_error("read the index", &e))?;
        let links = index.iter().filter(|entry| entry.mode & TYPE == GITLINK);
        Ok(links.map(|entry| String::from_utf8_lossy(&entry.path).into_owned()).collect())
    }

    /// Tracked files that a sparse checkout leaves out of the work tree, from the root.
    ///
    /// # Errors
    /// What libgit2 says of the index.
    pub fn not_checked_out(&self) -> Result<Vec<String>, GitError> {
        let Some(root) = self.root() else { return Ok(Vec::new()) };
        let index = self.inner.index().map_err(|e| self.wrap_error("read the index", &e))?;
        let left_out = index.iter().filter(|entry| entry.flags_extended & SKIP_WORKTREE != 0);
        let absent = left_out.filter(|entry| root.join(os_path(&entry.path)).symlink_metadata().is_err());
        Ok(absent.map(|entry| String::from_utf8_lossy(&entry.path).into_owned()).collect())
    }
}

/// The bit of an index entry's extended flags by which a sparse checkout leaves it out (`gitformat-index`).
const SKIP_WORKTREE: u16 = 1 << 14;

/// Why a pointer of Git LFS is not read.
pub const LFS: &str = "is a Git LFS pointer: its content is not in the repository";

/// A pointer of Git LFS has fewer bytes.
const LFS_LENGTH: u64 = 1024;

/// Whether a file is a pointer of Git LFS (its specification: under 1024 bytes, and its version first).
#[must_use]
pub fn is_lfs_pointer(content: &[u8]) -> bool {
    (content.len() as u64) < LFS_LENGTH && content.starts_with(b"version https://git-lfs.github.com/spec/")
}

/// Whether there is a file that is one; of others no byte is read.
#[must_use]
pub fn is_lfs_pointer_file(file: &Path) -> bool {
    let is_small = fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.len() < LFS_LENGTH);
    is_small && fs::read(file).is_ok_and(|content| is_lfs_pointer(&content))
}

/// The bits of an index entry's mode that say what it is, and those of a submodule.
const TYPE: u32 = 0o170_000;
const GITLINK: u32 = 0o160_000;

/// Why a file of a tree is not read. No message holds what is in it.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A link that leads out of the tree, or nowhere.
    #[error("the link leads out of the repository")]
    Outside,
    /// A pointer of Git LFS stands for it.
    #[error("{LFS}")]
    Lfs,
    /// A folder, a pipe, a device, a socket.
    #[error("it is not a regular file")]
    NotRegular,
    /// More bytes than allowed.
    #[error("the file has {size} bytes; at most {cap} are read")]
    TooLarge {
        /// Its size.
        size: u64,
        /// The limit.
        cap: u64,
    },
    /// The file system.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// Reads a regular file of a tree; links are followed where they stay in it. `root` has no links in it itself.
///
/// # Errors
/// [`FileError`]; a file that is not there is [`io::ErrorKind::NotFound`].
pub fn read_file(root: &Path, path: &Path, cap: u64) -> Result<Vec<u8>, FileError> {
    let real = root.join(path).canonicalize()?;
    if !real.starts_with(root) {
        return Err(FileError::Outside);
    }
    let metadata = fs::symlink_metadata(&real)?;
    if !metadata.is_file() {
        return Err(FileError::NotRegular);
    }
    let file = open(&real)?;
    let size = file.metadata()?.len();
    if size > cap {
        return Err(FileError::TooLarge { size, cap });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    // It may grow while it is read.
    file.take(cap).read_to_end(&mut bytes)?;
    if is_lfs_pointer(&bytes) { Err(FileError::Lfs) } else { Ok(bytes) }
}

/// Opens what was a regular file a moment ago: a link in its place is not followed, a pipe is not waited for.
fn open(real: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(real)
}

/// libgit2 goes a hundred folders down, and has no code for what is deeper.
pub(super) fn is_too_deep(error: &git2::Error) -> bool {
    error.message().contains("nesting too deep")
}
