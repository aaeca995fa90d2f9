//! A folder without a kustomization, as Flux makes one of it: all manifests below, and the Kustomize roots below as they are
//! (`scanManifests` in `pkg/kustomize/kustomize_generator.go`).

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::exclude::Exclusions;
use super::folders::MOST_FOLDERS;
use super::resolved::ResolvedSource;
use super::tree::{SourceTree, with_forward_slashes};
use crate::config::Source;
use crate::model::Incomplete;

/// The most files and folders that one kustomization names.
const MOST: usize = 100_000;

/// What a folder has for its kustomization.
pub(super) struct FluxFolder {
    /// The kustomization.
    pub(super) kustomization: Value,
    /// What was left out of it.
    pub(super) warning: Option<String>,
}

/// What Flux reads of a folder.
pub(super) struct FluxFiles {
    /// Files and outermost Kustomize roots, in the order of their names, folder by folder.
    found: Vec<PathBuf>,
    /// What was left out.
    pub(super) warning: Option<String>,
}

impl FluxFiles {
    /// What Flux reads of the folder of a source that is there.
    pub(super) fn find(tree: SourceTree<'_>, folder: &Path, source: &Source) -> Result<Self, Incomplete> {
        let left_out = Exclusions::of_archive(tree, folder, source);
        let mut walk = FluxWalk { tree, left_out, found: Vec::new(), folders: 0 };
        walk.folder(folder)?;
        Ok(Self { warning: walk.left_out.warning(), found: walk.found })
    }

    /// The files, and the folders that are Kustomize roots.
    pub(super) fn split(self, tree: SourceTree<'_>) -> (Vec<PathBuf>, Vec<PathBuf>) {
        self.found.into_iter().partition(|path| !tree.root.join(path).is_dir())
    }
}

/// The kustomization that Flux makes for the folder of a source.
pub(super) fn generate(located: &ResolvedSource<'_>) -> Result<FluxFolder, Incomplete> {
    let FluxFiles { found, warning } = FluxFiles::find(located.tree, &located.path, located.source)?;
    let resources = found.iter().map(|path| relative(&located.path, path)).collect::<Result<Vec<_>, _>>()?;
    let kustomization = match resources.is_empty() {
        // Kustomize refuses one that says nothing.
        true => json!({"namespace": "_placeholder"}),
        false => json!({"resources": resources}),
    };
    Ok(FluxFolder { kustomization, warning })
}

fn relative(folder: &Path, path: &Path) -> Result<String, Incomplete> {
    let inside = path.strip_prefix(folder).ok().and_then(Path::to_str);
    let why = || Incomplete {
        what: with_forward_slashes(path),
        why: "its name is not UTF-8, and Flux would have it in a kustomization".to_owned(),
    };
    inside.map(|inside| format!("./{inside}")).ok_or_else(why)
}

struct FluxWalk<'a> {
    tree: SourceTree<'a>,
    left_out: Exclusions<'a>,
    found: Vec<PathBuf>,
    folders: usize,
}

impl FluxWalk<'_> {
    fn folder(&mut self, folder: &Path) -> Result<(), Incomplete> {
        self.folders += 1;
        if self.folders > MOST_FOLDERS || self.found.len() > MOST {
            return Err(Incomplete {
                what: with_forward_slashes(folder),
                why: format!("more than {MOST_FOLDERS} folders, or {MOST} files: it is not rendered"),
            });
        }
        self.left_out.enter(self.tree, folder);
        let unreadable = |error: std::io::Error| Incomplete {
            what: with_forward_slashes(folder),
            why: format!("the folder cannot be read: {error}"),
        };
        let mut names = Vec::new();
        for entry in fs::read_dir(self.tree.root.join(folder)).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            names.push((entry.file_name(), entry.file_type().map_err(unreadable)?));
        }
        names.sort_by(|left, right| left.0.cmp(&right.0));
        for (name, kind) in names {
            let path = folder.join(name);
            // No link is in what source-controller archives.
            if !self.tree.reads(&path) || kind.is_symlink() {
                continue;
            }
            let is_out = match kind.is_dir() {
                true => self.left_out.excludes_all(&path),
                false => self.left_out.excludes(&path, false),
            };
            if is_out {
                if kind.is_dir() || is_read(&path) {
                    self.left_out.record(&path);
                }
            } else if kind.is_dir() {
                self.subfolder(path)?;
            } else if is_read(&path) {
                self.found.push(path);
            }
        }
        Ok(())
    }

    fn subfolder(&mut self, folder: PathBuf) -> Result<(), Incomplete> {
        let file = self.tree.kustomization(&folder);
        if file.is_none_or(|file| self.left_out.excludes(&file, false)) {
            return self.folder(&folder);
        }
        self.found.push(folder);
        Ok(())
    }
}

/// Whether Flux takes a file for a manifest: no JSON.
fn is_read(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.ends_with(b".yaml") || name.ends_with(b".yml")
}
