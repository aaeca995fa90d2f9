//! Opening a repository, and what it says about itself.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use git2::ErrorCode;

use super::discovery::discover;
use super::options::GitOptions;
use super::program::GitCommand;
use super::shadow_repository::{self, ShadowRepository};
use super::signing_settings::SigningSettings;
use super::tree_cache::TreeCache;
use super::{CommitId, GitError, RemoteAddress};

/// A repository on this machine. Values of this type may move between threads, but are used by one at a time.
pub struct Repository {
    pub(super) inner: git2::Repository,
    pub(super) options: GitOptions,
    root: Option<PathBuf>,
    /// A clone that drift made: its configuration is drift's.
    pub(super) is_own: bool,
    /// How commits are signed, once it was asked.
    pub(super) signing: OnceCell<Option<SigningSettings>>,
    /// Keeps a clone that no cache holds until the end of the run.
    pub(super) temporary: Option<tempfile::TempDir>,
    pub(super) tree_cache: TreeCache,
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repository").field("path", &self.path()).finish_non_exhaustive()
    }
}

impl Repository {
    /// Opens the repository that `path` lies in: any folder or file inside it, a linked work tree; a bare one where
    /// the options say that the path names it.
    ///
    /// # Errors
    /// [`GitError::NotARepository`], [`GitError::Embedded`], [`GitError::Unnamed`], [`GitError::Owner`], [`GitError::Format`], or what libgit2 says.
    pub fn open(path: &Path, options: GitOptions) -> Result<Self, GitError> {
        let path =
            std::path::absolute(path).map_err(|source| GitError::Io { path: path.to_owned(), source })?;
        let inner = discover(&path, &options)?;
        if inner.object_format() != git2::ObjectFormat::Sha1 {
            return Err(GitError::Format { path, what: "sha256 objects".to_owned() });
        }
        let root = inner.workdir().map(Path::to_owned);
        Ok(Self {
            inner,
            options,
            root,
            is_own: false,
            signing: OnceCell::new(),
            temporary: None,
            tree_cache: TreeCache::default(),
        })
    }

    /// The work tree's folder; absent for a bare repository.
    #[must_use]
    pub fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// Where it is, for messages: the work tree, or the bare repository.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.root().unwrap_or_else(|| self.inner.path())
    }

    /// The commit that is checked out (of a bare repository: of its default branch).
    ///
    /// # Errors
    /// [`GitError::NoCommits`] where the branch has none yet.
    pub fn head(&self) -> Result<CommitId, GitError> {
        match self.inner.head() {
            Ok(head) => {
                head.peel_to_commit().map(|c| c.id().into()).map_err(|e| self.wrap_error("read HEAD", &e))
            }
            Err(e) if matches!(e.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => {
                Err(GitError::NoCommits { path: self.path().to_owned() })
            }
            Err(e) => Err(self.wrap_error("read HEAD", &e)),
        }
    }

    /// The branch that is checked out, also one without commits; absent where HEAD is detached.
    ///
    /// # Errors
    /// What libgit2 says.
    pub fn head_branch(&self) -> Result<Option<String>, GitError> {
        let head = self.inner.find_reference("HEAD").map_err(|e| self.wrap_error("read HEAD", &e))?;
        let target = head.symbolic_target_bytes().map(|t| String::from_utf8_lossy(t).into_owned());
        Ok(target.and_then(|t| t.strip_prefix("refs/heads/").map(str::to_owned)))
    }

    /// The commit that a branch, tag, id, abbreviation or expression (`HEAD~3`, `main@{upstream}`) names; absent
    /// when there is none. A name that only a remote has (`main` for `origin/main`) is found too.
    ///
    /// # Errors
    /// An ambiguous abbreviation, or what libgit2 says.
    pub fn resolve(&self, revision: &str) -> Result<Option<CommitId>, GitError> {
        if let Some(found) = self.parse_revision(revision)? {
            return Ok(Some(found));
        }
        if revision.starts_with('-') || !git2::Branch::name_is_valid(revision).unwrap_or(false) {
            return Ok(None);
        }
        self.remote_branch(revision)
    }

    fn parse_revision(&self, revision: &str) -> Result<Option<CommitId>, GitError> {
        let object = match self.inner.revparse_single(revision) {
            Ok(object) => object,
            Err(e)
                if matches!(
                    e.code(),
                    ErrorCode::NotFound | ErrorCode::InvalidSpec | ErrorCode::UnbornBranch
                ) =>
            {
                return Ok(None);
            }
            Err(e) => return Err(self.wrap_error(&format!("resolve `{}`", revision.escape_debug()), &e)),
        };
        match object.peel_to_commit() {
            Ok(commit) => Ok(Some(commit.id().into())),
            // A tree, or a tag of one.
            Err(e) if matches!(e.code(), ErrorCode::Peel | ErrorCode::InvalidSpec) => Ok(None),
            Err(e) => Err(self.wrap_error(&format!("resolve `{}`", revision.escape_debug()), &e)),
        }
    }

    /// The head of a branch: the local one, else `origin`'s (or the only remote's) as last fetched.
    ///
    /// # Errors
    /// What libgit2 says.
    pub fn branch(&self, name: &str) -> Result<Option<CommitId>, GitError> {
        match self.reference(&format!("refs/heads/{name}"))? {
            Some(id) => Ok(Some(id)),
            None => self.remote_branch(name),
        }
    }

    /// The head of a branch of `origin` (or the only remote) as last fetched.
    ///
    /// # Errors
    /// What libgit2 says.
    pub fn remote_branch(&self, name: &str) -> Result<Option<CommitId>, GitError> {
        match self.remote_name()? {
            Some(remote) => self.reference(&format!("refs/remotes/{remote}/{name}")),
            None => Ok(None),
        }
    }

    /// The commit that a full reference name points to.
    pub(super) fn reference(&self, name: &str) -> Result<Option<CommitId>, GitError> {
        let found = self.inner.find_reference(name).and_then(|r| r.peel_to_commit());
        match found {
            Ok(commit) => Ok(Some(commit.id().into())),
            Err(e)
                if matches!(e.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec)
                    && e.class() == git2::ErrorClass::Reference =>
            {
                Ok(None)
            }
            Err(e) => Err(self.wrap_error(&format!("read {name}"), &e)),
        }
    }

    /// `origin`, else the only remote.
    pub(super) fn remote_name(&self) -> Result<Option<String>, GitError> {
        let names = self.inner.remotes().map_err(|e| self.wrap_error("list the remotes", &e))?;
        let names: Vec<&str> = names.iter().filter_map(Result::ok).flatten().collect();
        Ok(match names[..] {
            [only] => Some(only.to_owned()),
            _ => names.iter().find(|n| **n == "origin").map(|n| (*n).to_owned()),
        })
    }

    /// Where `origin`, else the only remote, is; absent where there is none or several without an `origin`.
    ///
    /// # Errors
    /// What libgit2 says.
    pub fn remote(&self) -> Result<Option<RemoteAddress>, GitError> {
        let Some(name) = self.remote_name()? else { return Ok(None) };
        let url = self.remote_url(&name)?;
        Ok(url.map(|url| RemoteAddress::new(&name, &url)))
    }

    /// Where all remotes are.
    ///
    /// # Errors
    /// What libgit2 says.
    pub fn remotes(&self) -> Result<Vec<RemoteAddress>, GitError> {
        let names = self.inner.remotes().map_err(|e| self.wrap_error("read the remotes", &e))?;
        let mut found = Vec::new();
        for name in names.iter().flatten().flatten() {
            found.extend(self.remote_url(name)?.map(|url| RemoteAddress::new(name, &url)));
        }
        Ok(found)
    }

    /// The address of a remote as configured, `insteadOf` applied; may hold credentials.
    pub(super) fn remote_url(&self, name: &str) -> Result<Option<String>, GitError> {
        match self.inner.find_remote(name) {
            Ok(remote) => Ok(Some(String::from_utf8_lossy(remote.url_bytes()).into_owned())),
            Err(e) if matches!(e.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec) => Ok(None),
            Err(e) => Err(self.wrap_error("read the remotes", &e)),
        }
    }

    /// Whether history is cut off (a shallow clone): what is oldest here may not be the oldest there is.
    #[must_use]
    pub fn is_shallow(&self) -> bool {
        self.inner.is_shallow()
    }

    /// Where pushes to a remote go when that is not where fetches come from.
    pub(super) fn push_url(&self, name: &str) -> Option<String> {
        let remote = self.inner.find_remote(name).ok()?;
        remote.pushurl_bytes().map(|url| String::from_utf8_lossy(url).into_owned())
    }

    /// A run of the program in this repository; libgit2 has asked whose it is. In one that drift did not make it sees
    /// little of the configuration ([`ShadowRepository`]).
    pub(super) fn git_command(&self) -> Result<GitCommand<'_>, GitError> {
        let git = GitCommand::new(self.path(), &self.options.env);
        if self.is_own {
            return Ok(git.repository(self.inner.path()));
        }
        Ok(git.shadow_repository(
            ShadowRepository::create(&self.inner)?,
            shadow_repository::user_includes(&self.inner),
        ))
    }

    pub(super) fn wrap_error(&self, doing: &str, error: &git2::Error) -> GitError {
        let path = self.path().to_owned();
        let denied = error.class() == git2::ErrorClass::Os
            && ["Permission denied", "Read-only file system"].iter().any(|w| error.message().contains(w));
        if denied {
            return GitError::ReadOnly { path, why: error.message().to_owned() };
        }
        if error.class() == git2::ErrorClass::Odb && error.code() == ErrorCode::NotFound {
            let id = error.message().rsplit(['(', ' ']).next().unwrap_or_default().trim_end_matches(')');
            return GitError::MissingObject { id: id.to_owned(), path };
        }
        GitError::Failed { doing: doing.to_owned(), path, why: error.message().to_owned() }
    }
}
