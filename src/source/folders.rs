//! Folders and files of a tree that may be read.

use std::ffi::OsString;
use std::fs::{self, FileType};
use std::path::{Path, PathBuf};

use super::tree::SourceTree;

/// The folders in a folder of the tree, hidden ones and links left out; none where it cannot be read.
pub(super) fn subfolders(tree: SourceTree<'_>, folder: &Path) -> impl Iterator<Item = PathBuf> {
    let names = names_in(&tree.root.join(folder)).unwrap_or_default();
    let inner = names.into_iter().filter(|(_, kind)| kind.is_dir());
    let folder = folder.to_path_buf();
    inner.map(move |(name, _)| folder.join(name))
}

/// The most folders of a whole tree that are looked into.
pub(super) const MOST_FOLDERS: usize = 20_000;

/// The folders of a tree that may be read, its root first, hidden ones and links left out.
pub(super) fn folders(tree: SourceTree<'_>) -> impl Iterator<Item = PathBuf> {
    let mut left = vec![PathBuf::new()];
    let next = move || {
        let folder = left.pop()?;
        left.extend(subfolders(tree, &folder).filter(|folder| tree.reads(folder)));
        Some(folder)
    };
    std::iter::from_fn(next).take(MOST_FOLDERS)
}

/// Every file of a tree that a manifest may be in.
pub(super) fn manifests(tree: SourceTree<'_>) -> impl Iterator<Item = PathBuf> {
    folders(tree).flat_map(move |folder| {
        let names = names_in(&tree.root.join(&folder)).unwrap_or_default();
        let files = names.into_iter().filter(|(_, kind)| kind.is_file());
        files
            .map(move |(name, _)| folder.join(name))
            .filter(move |path| tree.reads(path) && is_manifest(path))
    })
}

/// The names in a folder and what each is, sorted, hidden ones left out.
pub(super) fn names_in(folder: &Path) -> std::io::Result<Vec<(OsString, FileType)>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if !name.as_encoded_bytes().starts_with(b".") {
            names.push((name, entry.file_type()?));
        }
    }
    names.sort_by(|left, right| left.0.cmp(&right.0));
    Ok(names)
}

pub(super) fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known))
}
