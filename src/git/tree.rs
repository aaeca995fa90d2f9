//! Trees and files at a commit.

use std::path::Path;

use git2::{ErrorCode, ObjectType, Oid};
use similar::TextDiff;

use super::{CommitId, Entry, EntryKind, GitError, Repository};

/// Mode bits of a tree entry, as Git stores them.
const LINK: i32 = 0o120_000;

/// One entry while walking: its path in bytes, since Git's paths need not be UTF-8.
pub(super) struct Found {
    pub(super) path: Vec<u8>,
    pub(super) id: Oid,
    pub(super) kind: EntryKind,
    pub(super) executable: bool,
}

impl Repository {
    /// The content of a file at a commit, without any filter; absent where there is no file or link of that path.
    ///
    /// # Errors
    /// A missing object, or what libgit2 says.
    pub fn read(&self, commit: &CommitId, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        match self.lookup(self.root_tree(commit)?, path)? {
            Some((id, Some(ObjectType::Blob))) => self.blob(id).map(Some),
            _ => Ok(None),
        }
    }

    /// Everything below `prefix` (a folder or a file; empty for all) at a commit, by path. Paths that are not
    /// UTF-8 are shown with replacement characters.
    ///
    /// # Errors
    /// A missing object, or what libgit2 says.
    pub fn list(&self, commit: &CommitId, prefix: &str) -> Result<Vec<Entry>, GitError> {
        let found = self.walk(commit, prefix)?;
        let entry = |f: Found| Entry {
            path: String::from_utf8_lossy(&f.path).into_owned(),
            kind: f.kind,
            executable: f.executable,
        };
        let mut entries: Vec<Entry> = found.into_iter().map(entry).collect();
        entries.sort();
        Ok(entries)
    }

    /// The id of the sub-tree or file at `path` (empty for the whole tree): the same content has the same id.
    ///
    /// # Errors
    /// A missing object, or what libgit2 says.
    pub fn tree_id(&self, commit: &CommitId, path: &str) -> Result<Option<String>, GitError> {
        let found = self.lookup(self.root_tree(commit)?, path)?;
        Ok(found.map(|(id, _)| id.to_string()))
    }

    /// What differs between two commits, as a unified diff, by path; binary files are named only.
    ///
    /// # Errors
    /// A missing object, or what libgit2 says.
    pub fn diff_text(&self, from: &CommitId, to: &CommitId) -> Result<String, GitError> {
        let old = self.walk(from, "")?;
        let new = self.walk(to, "")?;
        let mut paths: Vec<&[u8]> = old.iter().chain(&new).map(|f| f.path.as_slice()).collect();
        paths.sort_unstable();
        paths.dedup();
        let by_path = |list: &[Found], path: &[u8]| {
            list.binary_search_by(|f| f.path.as_slice().cmp(path)).ok().map(|at| (list[at].id, list[at].kind))
        };
        let mut text = String::new();
        for path in paths {
            let (before, after) = (by_path(&old, path), by_path(&new, path));
            if before != after {
                text.push_str(&self.diff_file(path, before, after)?);
            }
        }
        Ok(text)
    }

    fn diff_file(
        &self,
        path: &[u8],
        before: Option<(Oid, EntryKind)>,
        after: Option<(Oid, EntryKind)>,
    ) -> Result<String, GitError> {
        let name = String::from_utf8_lossy(path);
        let content = |side: Option<(Oid, EntryKind)>| match side {
            Some((id, EntryKind::Submodule)) => Ok(format!("Subproject commit {id}\n").into_bytes()),
            Some((id, _)) => self.blob(id),
            None => Ok(Vec::new()),
        };
        let (old, new) = (content(before)?, content(after)?);
        let (Ok(old), Ok(new)) = (String::from_utf8(old), String::from_utf8(new)) else {
            return Ok(format!("Binary files a/{name} and b/{name} differ\n"));
        };
        let header = |letter: &str, side: Option<_>| {
            side.map_or("/dev/null".to_owned(), |_| format!("{letter}/{name}"))
        };
        let diff = TextDiff::from_lines(&old, &new);
        Ok(diff
            .unified_diff()
            .context_radius(3)
            .header(&header("a", before), &header("b", after))
            .to_string())
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
        self.object(id, "read a file", || self.inner.find_blob(id)).map(|b| b.content().to_vec())
    }

    /// Reads an object; in a partial clone the program brings what is missing.
    fn object<T>(
        &self,
        id: Oid,
        doing: &str,
        read: impl Fn() -> Result<T, git2::Error>,
    ) -> Result<T, GitError> {
        match read() {
            Err(e) if e.code() == ErrorCode::NotFound => {
                if self.bring(&[id])? {
                    read().map_err(|e| self.failed(doing, &e))
                } else {
                    Err(GitError::MissingObject { id: id.to_string(), path: self.path().to_owned() })
                }
            }
            other => other.map_err(|e| self.failed(doing, &e)),
        }
    }

    /// The entry at `path` below a tree.
    pub(super) fn lookup(
        &self,
        tree: Oid,
        path: &str,
    ) -> Result<Option<(Oid, Option<ObjectType>)>, GitError> {
        let mut at = (tree, Some(ObjectType::Tree));
        for name in path.split('/').filter(|n| !n.is_empty() && *n != ".") {
            if at.1 != Some(ObjectType::Tree) {
                return Ok(None);
            }
            let tree = self.tree(at.0)?;
            let Some(entry) = tree.get_name(name) else { return Ok(None) };
            at = (entry.id(), entry.kind());
        }
        Ok(Some(at))
    }

    /// All files, links and submodules at or below `prefix`, sorted by path.
    pub(super) fn walk(&self, commit: &CommitId, prefix: &str) -> Result<Vec<Found>, GitError> {
        let prefix = prefix.split('/').filter(|n| !n.is_empty() && *n != ".").collect::<Vec<_>>().join("/");
        let root = self.root_tree(commit)?;
        let mut found = Vec::new();
        match self.lookup(root, &prefix)? {
            Some((id, Some(ObjectType::Tree))) => self.walk_tree(id, prefix.as_bytes(), 0, &mut found)?,
            Some(_) => {
                let (folder, name) = prefix.rsplit_once('/').unwrap_or(("", &prefix));
                if let Some((id, _)) = self.lookup(root, folder)?
                    && let Some(entry) = self.tree(id)?.get_name(name)
                {
                    found.extend(leaf(&entry, prefix.clone().into_bytes()));
                }
            }
            None => {}
        }
        found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    fn walk_tree(&self, id: Oid, path: &[u8], depth: usize, found: &mut Vec<Found>) -> Result<(), GitError> {
        if depth > DEEPEST {
            let path = String::from_utf8_lossy(&path[..path.len().min(200)]).into_owned();
            return Err(GitError::Path { path, why: format!("it is more than {DEEPEST} folders deep") });
        }
        let tree = self.tree(id)?;
        for entry in &tree {
            let mut inner = path.to_vec();
            if !inner.is_empty() {
                inner.push(b'/');
            }
            inner.extend_from_slice(entry.name_bytes());
            match entry.kind() {
                Some(ObjectType::Tree) => self.walk_tree(entry.id(), &inner, depth + 1, found)?,
                _ => found.extend(leaf(&entry, inner)),
            }
        }
        Ok(())
    }

    /// Asks the remote of a partial clone for objects; false where this is no partial clone.
    pub(super) fn bring(&self, ids: &[Oid]) -> Result<bool, GitError> {
        let Some(remote) = self.promisor()? else { return Ok(false) };
        self.fetch_objects(&remote, ids)?;
        Ok(true)
    }

    /// Brings those of the files that a partial clone lacks, in one go.
    pub(super) fn bring_missing(&self, files: &[Found]) -> Result<(), GitError> {
        if self.promisor()?.is_none() {
            return Ok(());
        }
        let odb = self.inner.odb().map_err(|e| self.failed("read objects", &e))?;
        let mut missing: Vec<Oid> = files
            .iter()
            .filter(|f| f.kind != EntryKind::Submodule && !odb.exists(f.id))
            .map(|f| f.id)
            .collect();
        missing.sort_unstable();
        missing.dedup();
        if missing.is_empty() { Ok(()) } else { self.bring(&missing).map(|_| ()) }
    }

    /// The remote that a partial clone gets the rest from.
    fn promisor(&self) -> Result<Option<String>, GitError> {
        let config = self.inner.config().map_err(|e| self.failed("read the configuration", &e))?;
        let names = self.inner.remotes().map_err(|e| self.failed("list the remotes", &e))?;
        let names = names.iter().filter_map(Result::ok).flatten();
        let promises = |name: &&str| config.get_bool(&format!("remote.{name}.promisor")).unwrap_or(false);
        Ok(names.into_iter().find(promises).map(str::to_owned))
    }
}

/// More than any repository has, and few enough for the stack.
const DEEPEST: usize = 512;

fn leaf(entry: &git2::TreeEntry<'_>, path: Vec<u8>) -> Option<Found> {
    let mode = entry.filemode_raw();
    let kind = match entry.kind() {
        Some(ObjectType::Commit) => EntryKind::Submodule,
        Some(ObjectType::Blob) if mode & 0o170_000 == LINK => EntryKind::Link,
        Some(ObjectType::Blob) => EntryKind::File,
        _ => return None,
    };
    Some(Found { path, id: entry.id(), kind, executable: kind == EntryKind::File && mode & 0o111 != 0 })
}

/// Bytes of Git's as a path of this system.
pub(super) fn os_path(bytes: &[u8]) -> &Path {
    use std::os::unix::ffi::OsStrExt;
    Path::new(std::ffi::OsStr::from_bytes(bytes))
}
