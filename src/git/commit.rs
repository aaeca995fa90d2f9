//! New commits, without work tree or index.

use std::collections::BTreeMap;

use git2::{ObjectType, Oid};

use super::{CommitId, GitError, Repository, Signature};

/// A new content, or `None` to remove the file.
type FileChange<'a> = Option<&'a [u8]>;

/// What changes in one folder: by name, a file or a folder.
#[derive(Default)]
struct FolderChanges<'a> {
    files: BTreeMap<&'a str, FileChange<'a>>,
    folders: BTreeMap<&'a str, Self>,
}

impl Repository {
    /// Makes a commit from the parent's tree with some files replaced, added or (`None`) removed; without a parent
    /// an orphan. Modes are kept, new files are plain. No branch, work tree or index is touched, no hook runs.
    /// It is signed where Git is told to sign (`commit.gpgsign`), and then the committer is [`Self::committer`]. The same
    /// input gives the same tree, and without a signature the same id: most signatures differ each time, so whether a
    /// commit is what it should be is told by its content. Removing what is not there changes nothing.
    ///
    /// # Errors
    /// [`GitError::Path`] for a path that leads through a link, a submodule or a file, or names a folder;
    /// [`GitError::ReadOnly`]; [`GitError::Signing`], [`GitError::Setting`].
    pub fn commit(
        &self,
        parent: Option<&CommitId>,
        changes: &[(String, Option<Vec<u8>>)],
        message: &str,
        who: &Signature,
    ) -> Result<CommitId, GitError> {
        let mut root = FolderChanges::default();
        for (path, content) in changes {
            root.add(path, content.as_deref())?;
        }
        let base = parent.map(|p| self.root_tree(p)).transpose()?;
        let tree = match self.write_folder(base, &root, "")? {
            Some(tree) => tree,
            None => self.empty_tree()?,
        };
        self.write_commit(parent, tree, message, who)
    }

    fn write_commit(
        &self,
        parent: Option<&CommitId>,
        tree: Oid,
        message: &str,
        who: &Signature,
    ) -> Result<CommitId, GitError> {
        let fail = |e: git2::Error| self.wrap_error("write a commit", &e);
        let message = format!("{}\n", message.trim_end());
        if self.signing_settings()?.is_some() {
            return self.write_signed(parent, tree, &message, who);
        }
        let signature =
            git2::Signature::new(&who.name, &who.email, &git2::Time::new(who.time, 0)).map_err(fail)?;
        let parent = parent.map(|p| self.find_commit(p.oid())).transpose()?;
        let parents: Vec<&git2::Commit<'_>> = parent.iter().collect();
        let tree = self.tree(tree)?;
        self.inner
            .commit(None, &signature, &signature, &message, &tree, &parents)
            .map(Into::into)
            .map_err(fail)
    }

    fn empty_tree(&self) -> Result<Oid, GitError> {
        self.inner
            .treebuilder(None)
            .and_then(|b| b.write())
            .map_err(|e| self.wrap_error("write a folder", &e))
    }

    /// Writes a folder with its changes; `None` where nothing is left in it.
    fn write_folder(
        &self,
        base: Option<Oid>,
        changes: &FolderChanges<'_>,
        path: &str,
    ) -> Result<Option<Oid>, GitError> {
        let fail = |e: git2::Error| self.wrap_error("write a folder", &e);
        let base = base.map(|id| self.tree(id)).transpose()?;
        let mut builder = self.inner.treebuilder(base.as_ref()).map_err(fail)?;
        let old = |name: &str| base.as_ref().and_then(|t| t.get_name(name));
        for (name, inner) in &changes.folders {
            let path = join(path, name);
            let below = match old(name) {
                Some(entry) if entry.kind() == Some(ObjectType::Tree) => Some(entry.id()),
                // Nothing below a file can be removed; that it stays a file is what `write` would trip over.
                Some(_) if inner.only_removes() => continue,
                Some(_) => return Err(refuse(&path, "it is a file, a link or a submodule, not a folder")),
                None => None,
            };
            match self.write_folder(below, inner, &path)? {
                Some(tree) => builder.insert(*name, tree, 0o040_000).map(|_| ()).map_err(fail)?,
                None if below.is_some() => builder.remove(*name).map_err(fail)?,
                None => {}
            }
        }
        for (name, content) in &changes.files {
            let mode = mode(old(name).as_ref(), &join(path, name), content.is_some())?;
            match (content, mode) {
                (Some(content), mode) => {
                    let blob = self.inner.blob(content).map_err(|e| self.wrap_error("write a file", &e))?;
                    builder.insert(*name, blob, mode.unwrap_or(0o100_644)).map(|_| ()).map_err(fail)?;
                }
                (None, Some(_)) => builder.remove(*name).map_err(fail)?,
                (None, None) => {}
            }
        }
        if builder.is_empty() { Ok(None) } else { builder.write().map(Some).map_err(fail) }
    }
}

impl<'a> FolderChanges<'a> {
    fn add(&mut self, path: &'a str, change: FileChange<'a>) -> Result<(), GitError> {
        let mut at = self;
        let mut names = path.split('/').peekable();
        while let Some(name) = names.next() {
            if name.is_empty()
                || name == "."
                || name == ".."
                || name.eq_ignore_ascii_case(".git")
                || name.contains('\0')
            {
                return Err(refuse(path, "it is not a path from the root of the repository"));
            }
            if names.peek().is_some() {
                if at.files.get(name).is_some_and(Option::is_some) {
                    return Err(refuse(path, "another change makes a file of one of its folders"));
                }
                at = at.folders.entry(name).or_default();
            } else {
                if change.is_some() && at.folders.contains_key(name) {
                    return Err(refuse(path, "another change makes a folder of it"));
                }
                at.files.insert(name, change);
            }
        }
        Ok(())
    }

    fn only_removes(&self) -> bool {
        self.files.values().all(Option::is_none) && self.folders.values().all(Self::only_removes)
    }
}

/// The mode of the file that is there; what is no file is not written over.
fn mode(old: Option<&git2::TreeEntry<'_>>, path: &str, writes: bool) -> Result<Option<i32>, GitError> {
    let Some(old) = old else { return Ok(None) };
    let mode = old.filemode();
    match old.kind() {
        Some(ObjectType::Tree) => Err(refuse(path, "it is a folder")),
        Some(ObjectType::Blob) if mode & 0o170_000 == 0o100_000 => Ok(Some(mode)),
        Some(ObjectType::Blob) if !writes => Ok(Some(mode)),
        Some(ObjectType::Blob) => {
            Err(refuse(path, "it is a symbolic link: change the file that it leads to"))
        }
        _ => Err(refuse(path, "it is a submodule")),
    }
}

fn refuse(path: &str, why: &str) -> GitError {
    GitError::Path { path: path.to_owned(), why: why.to_owned() }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}
