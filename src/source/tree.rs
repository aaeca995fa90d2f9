//! The tree that sources lie in.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::output::SourceKind;
use crate::git::{TrackedFiles, is_git_path, read_file};
use crate::model::SourceMap;

/// The files of a tree that are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct SourceTree<'a> {
    /// The tree's root, without links.
    pub(super) root: &'a Path,
    pub(super) files: Option<&'a TrackedFiles>,
    /// A kustomization that is rendered in the place of what the tree has there.
    pub(super) written: Option<&'a WrittenKustomization>,
}

/// A kustomization that a GitOps tool writes before it renders.
#[derive(Debug)]
pub(super) struct WrittenKustomization {
    /// Where, from the root of the tree.
    pub(super) file: PathBuf,
    pub(super) value: Value,
    /// Places of what is from the tree's own file.
    pub(super) places: SourceMap,
    /// Whether the tree has no file there.
    pub(super) is_generated: bool,
}

impl<'a> SourceTree<'a> {
    pub(super) fn new(root: &'a Path, files: Option<&'a TrackedFiles>) -> Self {
        Self { root, files, written: None }
    }

    /// The kustomization that is rendered in the place of this file.
    pub(super) fn written_at(&self, file: &Path) -> Option<&'a WrittenKustomization> {
        self.written.filter(|written| written.file == file)
    }

    /// Whether a file or folder may be read, as far as its name tells.
    pub(super) fn reads(&self, path: &Path) -> bool {
        self.files.map_or_else(|| !is_git_path(path), |files| files.reads(path))
    }

    /// Whether it is a file, or a link to one, that may be read.
    pub(super) fn is_file(&self, path: &Path) -> bool {
        self.written_at(path).is_some() || (self.reads(path) && self.root.join(path).is_file())
    }

    /// A file that may be read, wherever links on the way lead; `None`: it may not, or cannot.
    pub(super) fn read(&self, path: &Path, cap: u64) -> Option<Vec<u8>> {
        let real = self.root.join(path).canonicalize().ok()?;
        let inside = real.strip_prefix(self.root).ok()?;
        if self.reads(inside) { read_file(self.root, inside, cap).ok() } else { None }
    }

    /// The kustomization of a folder.
    pub(super) fn kustomization(&self, folder: &Path) -> Option<PathBuf> {
        KUSTOMIZATIONS.iter().map(|name| folder.join(name)).find(|file| self.is_file(file))
    }

    /// Why what is there may not be read.
    pub(super) fn why_unreadable(&self, path: &Path) -> Option<&'static str> {
        match (is_git_path(path), self.reads(path)) {
            (_, true) => None,
            (true, _) => Some("it is Git's own folder, which is never rendered"),
            (false, _) => Some(UNTRACKED),
        }
    }

    /// What renders a folder, by its files; a file is plain.
    pub(super) fn kind(&self, folder: &Path) -> SourceKind {
        if self.kustomization(folder).is_some() {
            SourceKind::Kustomize
        } else if self.is_file(&folder.join(CHART)) {
            SourceKind::Helm
        } else {
            SourceKind::Plain
        }
    }
}

pub(super) const UNTRACKED: &str =
    "Git does not track it, so no revision has it: `git add` it, or allow it with --include-untracked";

/// A path with `/`, whatever the system writes; bytes that are not UTF-8 are replaced.
pub(super) fn with_forward_slashes(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

/// Why a source's path leads to nothing that may be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum LocateError {
    #[error("there is no such file or folder in the repository; correct the source's `path`")]
    NotFound,
    #[error("it cannot be read: {0}")]
    Unreadable(std::io::Error),
    #[error("it leads out of the repository")]
    Outside,
}

/// The path of a source without links, from the root; or why it has none.
pub(super) fn locate(root: &Path, path: &str) -> Result<PathBuf, LocateError> {
    let real = root.join(path).canonicalize().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => LocateError::NotFound,
        _ => LocateError::Unreadable(error),
    })?;
    let inside = real.strip_prefix(root).map_err(|_| LocateError::Outside)?;
    Ok(inside.to_path_buf())
}

/// The names that make a folder a Kustomize root.
pub(super) const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The name that makes a folder a chart.
pub(super) const CHART: &str = "Chart.yaml";
