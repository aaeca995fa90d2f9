//! A private copy of what a renderer needs: regular files, folders, and links that stay in the repository.

use std::collections::{BTreeSet, VecDeque};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

use super::tree::SourceTree;
use crate::git;

/// The most bytes that are copied for one source.
const BYTES_CAP: u64 = 1024 * 1024 * 1024;
/// The most files and folders that are copied for one source.
const ENTRIES_CAP: usize = 200_000;

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyError {
    #[error("no temporary folder: {0}")]
    NoFolder(io::Error),
    #[error("it is larger than the {} MiB that are copied for rendering", BYTES_CAP / 1024 / 1024)]
    TooLarge,
    #[error("it has more than the {ENTRIES_CAP} files that are copied for rendering")]
    TooMany,
    #[error("{path} cannot be copied for rendering: {source}")]
    Io { path: String, source: io::Error },
}

/// What was left out of a copy.
#[derive(Debug, Default)]
pub(super) struct OmittedFiles {
    /// Links that lead out of the repository, from its root.
    pub(super) links: BTreeSet<PathBuf>,
    /// Pointers of Git LFS, whose content is not here.
    pub(super) pointers: BTreeSet<PathBuf>,
}

/// Copies paths of a tree, and whatever links in them lead to, to the same places in another folder. What is not to be
/// read (`.git`, what Git does not track) is left out, and so is what is neither file, folder nor link.
pub(super) fn copy(
    seen: SourceTree<'_>,
    wanted: impl IntoIterator<Item = PathBuf>,
    to: &Path,
) -> Result<OmittedFiles, CopyError> {
    let mut copy = TreeCopy {
        seen,
        to,
        queue: VecDeque::new(),
        done: BTreeSet::new(),
        bytes: 0,
        left_out: OmittedFiles::default(),
    };
    for path in wanted {
        copy.want(&path)?;
    }
    while let Some(path) = copy.queue.pop_front() {
        copy.entry(&path)?;
    }
    Ok(copy.left_out)
}

struct TreeCopy<'a> {
    seen: SourceTree<'a>,
    to: &'a Path,
    queue: VecDeque<PathBuf>,
    done: BTreeSet<PathBuf>,
    bytes: u64,
    left_out: OmittedFiles,
}

impl TreeCopy<'_> {
    /// Queues a path, and the links on the way to it.
    fn want(&mut self, path: &Path) -> Result<(), CopyError> {
        let mut walked = PathBuf::new();
        let mut parts = path.components();
        while let Some(part) = parts.next() {
            let Component::Normal(name) = part else { continue };
            walked.push(name);
            if fs::symlink_metadata(self.seen.root.join(&walked)).is_ok_and(|metadata| metadata.is_symlink())
            {
                let target = self.link(&walked)?;
                return target.map_or(Ok(()), |target| self.want(&target.join(parts.as_path())));
            }
        }
        self.queue.push_back(walked);
        Ok(())
    }

    fn entry(&mut self, path: &Path) -> Result<(), CopyError> {
        if self.done.contains(path) || !self.seen.reads(path) {
            return Ok(());
        }
        let metadata = match fs::symlink_metadata(self.seen.root.join(path)) {
            Ok(metadata) => metadata,
            // What is not there is the renderer's to miss.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(failed(path, source)),
        };
        if metadata.is_symlink() {
            if let Some(target) = self.link(path)? {
                self.want(&target)?;
            }
            return Ok(());
        }
        self.count(path)?;
        if metadata.is_dir() { self.folder(path) } else { self.file(path, &metadata) }
    }

    fn count(&mut self, path: &Path) -> Result<(), CopyError> {
        self.done.insert(path.to_path_buf());
        if self.done.len() > ENTRIES_CAP { Err(CopyError::TooMany) } else { Ok(()) }
    }

    fn folder(&mut self, path: &Path) -> Result<(), CopyError> {
        let fail = |source| failed(path, source);
        fs::create_dir_all(self.to.join(path)).map_err(fail)?;
        for entry in fs::read_dir(self.seen.root.join(path)).map_err(fail)? {
            self.queue.push_back(path.join(entry.map_err(fail)?.file_name()));
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, metadata: &Metadata) -> Result<(), CopyError> {
        if !metadata.is_file() {
            return Ok(());
        }
        self.bytes += metadata.len();
        if self.bytes > BYTES_CAP {
            return Err(CopyError::TooLarge);
        }
        if git::is_lfs_pointer_file(&self.seen.root.join(path)) {
            self.left_out.pointers.insert(path.to_path_buf());
            return Ok(());
        }
        let target = self.to.join(path);
        let folder = target.parent().map_or(Ok(()), fs::create_dir_all);
        folder
            .and_then(|()| fs::copy(self.seen.root.join(path), target))
            .map_err(|source| failed(path, source))?;
        Ok(())
    }

    /// Makes a link that leads to the same place in the copy; returns that place where it has not been seen.
    fn link(&mut self, path: &Path) -> Result<Option<PathBuf>, CopyError> {
        // A link that leads nowhere, or in a circle, holds nothing.
        let Ok(real) = self.seen.root.join(path).canonicalize() else { return Ok(None) };
        let Ok(target) = real.strip_prefix(self.seen.root).map(Path::to_path_buf) else {
            self.left_out.links.insert(path.to_path_buf());
            return Ok(None);
        };
        if !self.seen.reads(path) || !self.seen.reads(&target) {
            return Ok(None);
        }
        if !self.done.contains(path) {
            self.count(path)?;
            let place = self.to.join(path);
            let folder = place.parent().map_or(Ok(()), fs::create_dir_all);
            folder
                .and_then(|()| symlink(self.to.join(&target), place))
                .map_err(|source| failed(path, source))?;
        }
        Ok(Some(target))
    }
}

fn failed(path: &Path, source: io::Error) -> CopyError {
    CopyError::Io { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};

    use super::super::tree::SourceTree;
    use super::{CopyError, OmittedFiles};

    fn copy<const N: usize>(root: &Path, wanted: [PathBuf; N], to: &Path) -> Result<OmittedFiles, CopyError> {
        super::copy(SourceTree::new(root, None), wanted, to)
    }

    fn folders() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["tree/a/.git", "tree/b/c", "tree/.git", "outside", "to"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        let (tree, to) = (root.join("tree"), root.join("to"));
        (folder, tree, to)
    }

    #[test]
    fn symlinks_lead_to_same_place_in_copy() {
        let (folder, tree, to) = folders();
        for file in
            ["tree/a/x", "tree/b/c/y", "tree/b/unwanted", "tree/.git/config", "tree/a/.git/z", "outside/o"]
        {
            fs::write(folder.path().join(file), file).unwrap();
        }
        let absolute = tree.join("b/c/y");
        for (target, link) in [
            ("../b/c", "a/folder"),
            (absolute.to_str().unwrap(), "a/absolute"),
            ("../../outside/o", "a/out"),
            ("nowhere", "a/nowhere"),
            ("..", "a/circle"),
            ("../.git/config", "a/git"),
            ("a", "way"),
        ] {
            symlink(target, tree.join(link)).unwrap();
        }
        let left_out = copy(&tree, [PathBuf::from("way/x")], &to).unwrap();
        assert!(left_out.links.is_empty());
        assert_eq!(fs::read_to_string(to.join("way/x")).unwrap(), "tree/a/x");
        assert!(!to.join("a/absolute").exists() && !to.join("b").exists());

        let left_out =
            copy(&tree, [PathBuf::from("b/c"), PathBuf::from("a/absolute")], &to.join("2")).unwrap();
        assert!(left_out.links.is_empty());
        let linked = fs::canonicalize(to.join("2/a/absolute")).unwrap();
        assert_eq!(linked, to.join("2/b/c/y"));

        let left_out = copy(&tree, [PathBuf::from("a")], &to.join("3")).unwrap();
        assert!(left_out.links.iter().eq([Path::new("a/out")]), "{left_out:?}");
        let copied = |name: &str| to.join("3").join(name).exists();
        assert!(
            copied("a/folder/y") && copied("a/absolute") && copied("b/unwanted"),
            "a/circle leads to the root"
        );
        for name in ["a/out", "a/nowhere", "a/git", "a/.git", ".git"] {
            assert!(!copied(name), "{name}");
        }
    }

    #[test]
    fn oversized_tree_is_not_copied() {
        let (_folder, tree, to) = folders();
        fs::File::create(tree.join("b/large")).unwrap().set_len(1024 * 1024 * 1024 + 1).unwrap();
        assert!(matches!(copy(&tree, [PathBuf::from("")], &to), Err(CopyError::TooLarge)));
        copy(&tree, [PathBuf::from("a")], &to).unwrap();
    }
}
