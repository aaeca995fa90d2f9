//! Plain sources: the YAML and JSON files of a folder and its subfolders, or one file.

use std::collections::BTreeSet;
use std::fs::{self, FileType};
use std::path::{Path, PathBuf};

use super::exclude::Exclusions;
use super::flux_folder::FluxFiles;
use super::folders::{is_manifest, names_in, subfolders};
use super::manifest::{self, ManifestFile};
use super::output::{SourceKind, SourceOutput};
use super::resolved::ResolvedSource;
use super::tree::{SourceTree, with_forward_slashes};
use super::{argocd_directory, encrypted, nested_roots};
use crate::model::Incomplete;
use crate::threads::parallel_map;
use crate::{config, git};

/// The largest file that is read.
const FILE_CAP: u64 = 64 * 1024 * 1024;
/// The most files that one source may have.
const FILES_CAP: usize = 100_000;

pub(super) fn gather(located: &ResolvedSource<'_>) -> SourceOutput {
    let mut walk = FolderWalk {
        tree: located.tree,
        gathered: SourceOutput::new(SourceKind::Plain),
        files: Vec::new(),
        roots: Vec::new(),
        left_out: Exclusions::new(located.tree, &located.path, located.source),
        seen: BTreeSet::new(),
    };
    let start = located.on_disk();
    if start.is_file() {
        walk.files.push(located.path.clone());
    } else if let Some(options) = located.source.argo_cd() {
        walk.files = argocd_directory::files(located, options, &mut walk.gathered);
    } else if located.source.flux().is_some() {
        walk.flux(located);
    } else {
        walk.folder(&located.path);
    }
    let FolderWalk { mut gathered, files, roots, left_out, .. } = walk;
    nested_roots::report_nested_roots(located, &roots, &mut gathered);
    gathered.warnings.extend(left_out.warning());
    let parts = parallel_map(&files, |file| read(located, file));
    gathered.drafts.reserve_exact(parts.iter().map(|part| part.drafts.len()).sum());
    parts.into_iter().for_each(|part| gathered.append(part));
    if start.is_file() {
        // Somebody listed it, so it is meant to be one.
        let why = "not a manifest: it has no apiVersion and no kind";
        let others = std::mem::take(&mut gathered.foreign_documents);
        others.into_iter().for_each(|place| gathered.report_incomplete(place, why));
    }
    if files.is_empty() && gathered.incomplete.is_empty() {
        let shown = &located.source.path;
        gathered.warnings.push(format!("{shown} holds no .yaml, .yml or .json files"));
    }
    gathered
}

fn read(located: &ResolvedSource<'_>, file: &Path) -> SourceOutput {
    let mut gathered = SourceOutput::new(SourceKind::Plain);
    let name = with_forward_slashes(file);
    match git::read_file(located.tree.root, file, FILE_CAP) {
        Ok(bytes) if located.source.argo_cd().is_some() && argocd_directory::passes_over(&bytes) => {}
        Ok(bytes) => {
            if let Some(tool) = encrypted::detect_whole_file(&bytes) {
                gathered.report_incomplete(name, encrypted::whole_file_reason(tool));
                return gathered;
            }
            manifest::read(
                &ManifestFile { source: &located.source.path, name: &name },
                &bytes.into(),
                &mut gathered,
            );
        }
        Err(error) => gathered.report_incomplete(name, error.to_string()),
    }
    gathered
}

/// The files below a folder, links followed where they stay in the repository, each file once.
struct FolderWalk<'a> {
    tree: SourceTree<'a>,
    gathered: SourceOutput,
    files: Vec<PathBuf>,
    /// Kustomize roots and charts that are met.
    roots: Vec<PathBuf>,
    left_out: Exclusions<'a>,
    seen: BTreeSet<PathBuf>,
}

impl FolderWalk<'_> {
    /// What Flux reads, which follows no links and passes over JSON.
    fn flux(&mut self, located: &ResolvedSource<'_>) {
        match FluxFiles::find(located.tree, &located.path, located.source) {
            Ok(mut found) => {
                self.gathered.warnings.extend(found.warning.take());
                (self.files, self.roots) = found.split(located.tree);
            }
            Err(Incomplete { what, why }) => self.gathered.report_incomplete(what, why),
        }
    }

    fn folder(&mut self, folder: &Path) {
        if !self.seen.insert(folder.to_path_buf()) {
            return;
        }
        self.left_out.enter(self.tree, folder);
        let names = match names_in(&self.tree.root.join(folder)) {
            Ok(names) => names,
            Err(error) => {
                self.gathered.report_incomplete(
                    with_forward_slashes(folder),
                    format!("the folder cannot be read: {error}"),
                );
                return;
            }
        };
        for (name, kind) in names {
            self.entry(folder.join(name), kind);
        }
    }

    fn entry(&mut self, path: PathBuf, kind: FileType) {
        if !self.tree.reads(&path) {
            return;
        }
        let is_out = match kind.is_dir() {
            true => self.left_out.excludes_all(&path),
            false => self.left_out.excludes(&path, false),
        };
        if is_out {
            return self.note_left_out(&path, kind);
        }
        let named_so = is_manifest(&path);
        let (real, kind) = if kind.is_symlink() {
            let Some(target) = self.target(&path) else { return };
            match fs::metadata(self.tree.root.join(&target)) {
                Ok(metadata) => (target, metadata.file_type()),
                Err(error) => {
                    return self.gathered.report_incomplete(
                        with_forward_slashes(&target),
                        format!("it cannot be read: {error}"),
                    );
                }
            }
        } else {
            (path, kind)
        };
        if kind.is_dir() {
            self.subfolder(&real);
        } else if named_so && real != Path::new(config::CONFIG_FILE) {
            self.file(real, kind);
        }
    }

    fn file(&mut self, real: PathBuf, kind: FileType) {
        if !kind.is_file() {
            self.gathered.report_incomplete(with_forward_slashes(&real), "it is not a regular file");
        } else if self.files.len() >= FILES_CAP {
            self.gathered.report_incomplete(
                with_forward_slashes(&real),
                format!("more than {FILES_CAP} files: it was not read"),
            );
        } else if self.seen.insert(real.clone()) {
            self.files.push(real);
        }
    }

    fn subfolder(&mut self, folder: &Path) {
        match self.tree.kind(folder) {
            SourceKind::Plain => self.folder(folder),
            SourceKind::Kustomize | SourceKind::Helm => self.roots.push(folder.to_path_buf()),
        }
    }

    /// What is left out is counted where it could hold manifests; and a root that is left out declares nobody knows what.
    fn note_left_out(&mut self, path: &Path, kind: FileType) {
        if kind.is_dir() || is_manifest(path) {
            self.left_out.record(path);
        }
        let mut folders = if kind.is_dir() { vec![path.to_path_buf()] } else { Vec::new() };
        while let Some(folder) = folders.pop() {
            if self.tree.kind(&folder) != SourceKind::Plain {
                self.gathered.left_out.push(with_forward_slashes(&folder));
                continue;
            }
            folders.extend(subfolders(self.tree, &folder));
        }
    }

    /// Where a link leads, from the root, where that is in the repository. Only a link that could hold manifests is
    /// missed where it does not.
    fn target(&mut self, link: &Path) -> Option<PathBuf> {
        let full = self.tree.root.join(link);
        let why = match full.canonicalize() {
            Ok(real) => match real.strip_prefix(self.tree.root) {
                Ok(inside) => match self.tree.why_unreadable(inside) {
                    None => return Some(inside.to_path_buf()),
                    Some(why) if is_manifest(link) => why,
                    Some(_) => return None,
                },
                Err(_) if real.is_dir() || is_manifest(link) => "the link leads out of the repository",
                Err(_) => return None,
            },
            Err(_) if is_manifest(link) => "the link leads nowhere",
            Err(_) => return None,
        };
        self.gathered.report_incomplete(with_forward_slashes(link), why);
        None
    }
}
