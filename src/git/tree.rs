//! Trees and files at a commit.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use git2::{ErrorCode, ObjectType, Oid};

use super::tree_cache::{ObjectAt, TreeEntries};
use super::{CommitId, EntryKind, GitError, Repository, TreeEntry};

/// Mode bits of a tree entry, as Git stores them.
const LINK: i32 = 0o120_000;

/// One entry while walking: its path in bytes, since Git's paths need not be UTF-8.
pub(super) struct TreeFile {
    pub(super) path: Vec<u8>,
    pub(super) id: Oid,
    pub(super) kind: EntryKind,
    pub(super) executable: bool,
}

/// All that is found while walking.
#[derive(Default)]
pub(super) struct TreeWalk {
    /// By path.
    pub(super) found: Vec<TreeFile>,
    /// Where folders go on too deep to be walked: the beginnings of their paths.
    pub(super) deep: BTreeSet<Vec<u8>>,
    /// How many were walked, some more than once.
    folders: usize,
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedPath {
    /// The place itself, without links; empty for the root.
    pub path: String,
    /// Whether it is a folder; else it is a file.
    pub is_folder: bool,
    /// The links on the way.
    pub links: Vec<String>,
}

/// As the system allows on one way.
const MOST_LINKS: usize = 40;

impl Repository {
    /// The content of a file at a commit, without any filter; absent where there is no file or link of that path.
    ///
    /// # Errors
    /// A missing object, or what libgit2 says.
    pub fn read(&self, commit: &CommitId, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        match self.lookup(self.root_tree(commit)?, path)? {
            Some(at) if at.kind == Some(ObjectType::Blob) => self.blob(at.id).map(Some),
            _ => Ok(None),
        }
    }

    /// The files below `prefix` at a commit with their contents, as [`Self::read`] gives them, by path: each folder is
    /// read once, however many files it has.
    ///
    /// # Errors
    /// A missing object, or what libgit2 says.
    pub fn read_all(&self, commit: &CommitId, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, GitError> {
        let found = self.walk_all(commit, prefix)?;
        self.fetch_missing_files(&found)?;
        let files = found.into_iter().filter(|found| found.kind != EntryKind::Submodule);
        files
            .map(|found| Ok((String::from_utf8_lossy(&found.path).into_owned(), self.blob(found.id)?)))
            .collect()
    }

    /// Everything below `prefix` (a folder or a file; empty for all) at a commit, by path. Paths that are not
    /// UTF-8 are shown with replacement characters.
    ///
    /// # Errors
    /// A missing object, folders that are too deep, or what libgit2 says.
    pub fn list(&self, commit: &CommitId, prefix: &str) -> Result<Vec<TreeEntry>, GitError> {
        let found = self.walk_all(commit, prefix)?;
        let entry = |f: TreeFile| TreeEntry {
            path: String::from_utf8_lossy(&f.path).into_owned(),
            kind: f.kind,
            executable: f.executable,
        };
        let mut entries: Vec<TreeEntry> = found.into_iter().map(entry).collect();
        entries.sort();
        Ok(entries)
    }

    /// The id of the sub-tree or file at `path` (empty for the whole tree): the same content has the same id.
    ///
    /// # Errors
    /// A missing object, or what libgit2 says.
    pub fn tree_id(&self, commit: &CommitId, path: &str) -> Result<Option<String>, GitError> {
        let found = self.lookup(self.root_tree(commit)?, path)?;
        Ok(found.map(|at| at.id.to_string()))
    }

    /// The files that differ between two commits, by path, and whether each is the same kind of file in both.
    ///
    /// # Errors
    /// A missing object, or what libgit2 says.
    pub fn changed_files(&self, from: &CommitId, to: &CommitId) -> Result<Vec<(String, bool)>, GitError> {
        let old = self.tree(self.root_tree(from)?)?;
        let new = self.tree(self.root_tree(to)?)?;
        let fail = |e: git2::Error| self.wrap_error("compare two commits", &e);
        let diff = self.inner.diff_tree_to_tree(Some(&old), Some(&new), None).map_err(fail)?;
        let changed = diff.deltas().map(|delta| {
            let path = delta.new_file().path_bytes().or(delta.old_file().path_bytes()).unwrap_or_default();
            let same = delta.old_file().mode() == delta.new_file().mode();
            (String::from_utf8_lossy(path).into_owned(), same)
        });
        Ok(changed.collect())
    }

    /// The commits right before this one.
    ///
    /// # Errors
    /// A missing object, or what libgit2 says.
    pub fn parents(&self, commit: &CommitId) -> Result<Vec<CommitId>, GitError> {
        Ok(self.find_commit(commit.oid())?.parent_ids().map(Into::into).collect())
    }

    /// The tree of a commit.
    pub(super) fn root_tree(&self, commit: &CommitId) -> Result<Oid, GitError> {
        self.find_commit(commit.oid()).map(|c| c.tree_id())
    }

    pub(super) fn find_commit(&self, id: Oid) -> Result<git2::Commit<'_>, GitError> {
        self.object(id, "read a commit", || self.inner.find_commit(id))
    }

    pub(super) fn tree(&self, id: Oid) -> Result<git2::Tree<'_>, GitError> {
        self.object(id, "read a folder", || self.inner.find_tree(id))
    }

    pub(super) fn blob(&self, id: Oid) -> Result<Vec<u8>, GitError> {
        let size = self.size(id)?;
        if size > LARGEST {
            return Err(GitError::Path {
                path: id.to_string(),
                why: format!("it is a file of {size} bytes"),
            });
        }
        self.object(id, "read a file", || self.inner.find_blob(id)).map(|b| b.content().to_vec())
    }

    /// The size of an object, without unpacking it.
    pub(super) fn size(&self, id: Oid) -> Result<usize, GitError> {
        let odb = self.inner.odb().map_err(|e| self.wrap_error("read objects", &e))?;
        self.object(id, "read a file", || odb.read_header(id)).map(|(size, _)| size)
    }

    /// Reads an object; in a partial clone the program brings what is missing.
    pub(super) fn object<T>(
        &self,
        id: Oid,
        doing: &str,
        read: impl Fn() -> Result<T, git2::Error>,
    ) -> Result<T, GitError> {
        match read() {
            Err(e) if e.code() == ErrorCode::NotFound => {
                if self.fetch_missing(&[id])? {
                    read().map_err(|e| self.wrap_error(doing, &e))
                } else {
                    Err(GitError::MissingObject { id: id.to_string(), path: self.path().to_owned() })
                }
            }
            other => other.map_err(|e| self.wrap_error(doing, &e)),
        }
    }

    /// The entry at `path` below a tree.
    pub(super) fn lookup(&self, tree: Oid, path: &str) -> Result<Option<ObjectAt>, GitError> {
        let mut at = ObjectAt { id: tree, kind: Some(ObjectType::Tree), mode: 0o040_000 };
        for name in path.split('/').filter(|n| !n.is_empty() && *n != ".") {
            if at.kind != Some(ObjectType::Tree) {
                return Ok(None);
            }
            let Some(inner) = self.read_tree(at.id)?.get(name.as_bytes()) else { return Ok(None) };
            at = inner;
        }
        Ok(Some(at))
    }

    /// Where a path leads at a commit: links on the way and at its end are followed, as far as they stay in the tree.
    /// Absent where nothing is there.
    ///
    /// # Errors
    /// A missing object, or what libgit2 says.
    pub fn resolve_path(&self, commit: &CommitId, path: &str) -> Result<Option<ResolvedPath>, GitError> {
        let mut at: Vec<(String, Oid)> = Vec::new();
        let root = self.root_tree(commit)?;
        let mut ahead: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
        let mut links = Vec::new();
        while let Some(name) = ahead.pop() {
            match name.as_str() {
                "" | "." => continue,
                ".." if at.pop().is_none() => return Ok(None),
                ".." => continue,
                _ => {}
            }
            let folder = at.last().map_or(root, |(_, id)| *id);
            let Some(found) = self.read_tree(folder)?.get(name.as_bytes()) else { return Ok(None) };
            let path = || at.iter().map(|(name, _)| name.as_str()).chain([name.as_str()]).collect::<Vec<_>>();
            if found.mode == LINK {
                links.push(path().join("/"));
                let target = String::from_utf8(self.blob(found.id)?).unwrap_or_default();
                if links.len() > MOST_LINKS || target.is_empty() || target.starts_with('/') {
                    return Ok(None);
                }
                ahead.extend(target.split('/').rev().map(str::to_owned));
            } else if found.kind == Some(ObjectType::Tree) {
                at.push((name, found.id));
            } else if ahead.iter().all(|name| name.is_empty() || name == ".") {
                let is_file = found.kind == Some(ObjectType::Blob);
                return Ok(is_file.then(|| ResolvedPath { path: path().join("/"), is_folder: false, links }));
            } else {
                return Ok(None);
            }
        }
        let path = at.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join("/");
        Ok(Some(ResolvedPath { path, is_folder: true, links }))
    }

    /// What stands at each of these paths of a commit, as mode and id; absent where nothing does. Two commits that say
    /// the same have the same files at and below these paths.
    ///
    /// # Errors
    /// A missing object, or what libgit2 says.
    pub fn content_ids(
        &self,
        commit: &CommitId,
        paths: &BTreeSet<String>,
    ) -> Result<Vec<Option<String>>, GitError> {
        let root = self.root_tree(commit)?;
        let shown = |at: ObjectAt| format!("{:o} {}", at.mode, at.id);
        paths.iter().map(|path| Ok(self.lookup(root, path)?.map(shown))).collect()
    }

    /// As [`Self::walk`]; what is too deep is an error.
    fn walk_all(&self, commit: &CommitId, prefix: &str) -> Result<Vec<TreeFile>, GitError> {
        let TreeWalk { found, deep, .. } = self.walk(commit, prefix)?;
        if let Some(path) = deep.first() {
            let path = String::from_utf8_lossy(&path[..path.len().min(200)]).into_owned();
            return Err(GitError::Path { path, why: format!("it is more than {DEEPEST} folders deep") });
        }
        Ok(found)
    }

    /// All files, links and submodules at or below `prefix`; what is too deep is passed over.
    pub(super) fn walk(&self, commit: &CommitId, prefix: &str) -> Result<TreeWalk, GitError> {
        let prefix = prefix.split('/').filter(|n| !n.is_empty() && *n != ".").collect::<Vec<_>>().join("/");
        let root = self.root_tree(commit)?;
        let mut walked = TreeWalk::default();
        match self.lookup(root, &prefix)? {
            Some(at) if at.kind == Some(ObjectType::Tree) => {
                self.walk_tree(at.id, prefix.as_bytes(), 0, &mut walked)?;
            }
            Some(_) => {
                let (folder, name) = prefix.rsplit_once('/').unwrap_or(("", &prefix));
                if let Some(above) = self.lookup(root, folder)?
                    && let Some(entry) = self.tree(above.id)?.get_name(name)
                {
                    walked.found.extend(leaf(&entry, prefix.clone().into_bytes()));
                }
            }
            None => {}
        }
        walked.found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(walked)
    }

    fn walk_tree(&self, id: Oid, path: &[u8], depth: usize, walked: &mut TreeWalk) -> Result<(), GitError> {
        if depth > DEEPEST || path.len() > LONGEST {
            walked.deep.insert(path[..path.len().min(NAMED)].to_vec());
            return Ok(());
        }
        walked.folders += 1;
        let tree = self.tree(id)?;
        for entry in &tree {
            let mut inner = path.to_vec();
            if !inner.is_empty() {
                inner.push(b'/');
            }
            inner.extend_from_slice(entry.name_bytes());
            match entry.kind() {
                Some(ObjectType::Tree) => self.walk_tree(entry.id(), &inner, depth + 1, walked)?,
                _ => walked.found.extend(leaf(&entry, inner)),
            }
            if walked.found.len().max(walked.folders) > MOST_FILES {
                let path = String::from_utf8_lossy(path).into_owned();
                return Err(GitError::Path {
                    path,
                    why: format!("it holds more than {MOST_FILES} files or folders"),
                });
            }
        }
        Ok(())
    }

    /// Asks the remote of a partial clone for objects; false where this is no partial clone.
    pub(super) fn fetch_missing(&self, ids: &[Oid]) -> Result<bool, GitError> {
        let Some(remote) = self.promisor_remote()? else { return Ok(false) };
        self.fetch_objects(&remote, ids)?;
        Ok(true)
    }

    /// Brings those of the files that a partial clone lacks, in one go.
    pub(super) fn fetch_missing_files(&self, files: &[TreeFile]) -> Result<(), GitError> {
        if self.promisor_remote()?.is_none() {
            return Ok(());
        }
        let odb = self.inner.odb().map_err(|e| self.wrap_error("read objects", &e))?;
        let mut missing: Vec<Oid> = files
            .iter()
            .filter(|f| f.kind != EntryKind::Submodule && !odb.exists(f.id))
            .map(|f| f.id)
            .collect();
        missing.sort_unstable();
        missing.dedup();
        if missing.is_empty() { Ok(()) } else { self.fetch_missing(&missing).map(|_| ()) }
    }

    /// The remote that a partial clone gets the rest from.
    fn promisor_remote(&self) -> Result<Option<String>, GitError> {
        let config = self.inner.config().map_err(|e| self.wrap_error("read the configuration", &e))?;
        let names = self.inner.remotes().map_err(|e| self.wrap_error("list the remotes", &e))?;
        let names = names.iter().filter_map(Result::ok).flatten();
        let promises = |name: &&str| config.get_bool(&format!("remote.{name}.promisor")).unwrap_or(false);
        Ok(names.into_iter().find(promises).map(str::to_owned))
    }

    /// The entries of a tree object.
    pub(super) fn read_tree(&self, id: Oid) -> Result<Arc<TreeEntries>, GitError> {
        if let Some(folder) = self.tree_cache.get(id) {
            return Ok(folder);
        }
        let odb = self.inner.odb().map_err(|e| self.wrap_error("read objects", &e))?;
        let object = self.object(id, "read a folder", || odb.read(id))?;
        let is_tree = object.kind() == ObjectType::Tree;
        let folder = Some(object.data()).filter(|_| is_tree).and_then(TreeEntries::parse);
        let Some(folder) = folder else {
            return Err(self.wrap_error("read a folder", &git2::Error::from_str("it is damaged")));
        };
        let folder = Arc::new(folder);
        self.tree_cache.insert(id, &folder);
        Ok(folder)
    }
}

/// More than any repository has, and few enough for the stack.
const DEEPEST: usize = 512;
/// Bytes of a folder's path: a file in it still has one that the system takes.
const LONGEST: usize = 3000;
/// Bytes that are kept of a path that is too deep.
const NAMED: usize = 200;
/// Of files, and of folders: a tree of a few bytes can name another a billion times.
const MOST_FILES: usize = 1_000_000;
/// No manifest is as large; a blob of a few bytes can unpack to more.
const LARGEST: usize = 256 << 20;

fn leaf(entry: &git2::TreeEntry<'_>, path: Vec<u8>) -> Option<TreeFile> {
    let mode = entry.filemode_raw();
    let kind = match entry.kind() {
        Some(ObjectType::Commit) => EntryKind::Submodule,
        Some(ObjectType::Blob) if mode & 0o170_000 == LINK => EntryKind::Link,
        Some(ObjectType::Blob) => EntryKind::File,
        _ => return None,
    };
    Some(TreeFile { path, id: entry.id(), kind, executable: kind == EntryKind::File && mode & 0o111 != 0 })
}

/// Bytes of Git's as a path of this system.
pub(super) fn os_path(bytes: &[u8]) -> &Path {
    use std::os::unix::ffi::OsStrExt;
    Path::new(std::ffi::OsStr::from_bytes(bytes))
}
