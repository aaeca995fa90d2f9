//! The files of a commit, written into a private folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::tree::{TreeFile, TreeWalk, os_path};
use super::{CommitId, EntryKind, GitError, Repository, is_lfs_pointer};

/// What was written, and what was not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExportReport {
    /// Number of files and links written.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Skipped entries, by path.
    pub skipped: Vec<(String, SkippedEntry)>,
}

/// Why an entry of a tree was not written as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkippedEntry {
    /// A link that leads out of the tree: not written. Its target is hostile text.
    LinkOutside(String),
    /// A submodule: its files are in another repository; an empty folder.
    Submodule,
    /// A pointer of Git LFS: the pointer is written, the content is elsewhere.
    Lfs,
    /// A name that cannot be written safely (`..`, `.git`, longer than file systems take): not written.
    Name,
    /// Folders that are deeper than any tree of manifests: what is below was not written. The path is where they begin,
    /// as far as it was kept.
    Deep,
}

impl Repository {
    /// Writes the files of `commit` at or below `prefix` into the folder `into`, under their paths from the root
    /// of the repository. Contents are as stored: no filter runs. Links are written only where they stay in the
    /// tree; nothing is marked executable. `into` is made where it is missing, and must not hold these files yet.
    ///
    /// # Errors
    /// [`GitError::TooLarge`] beyond `most_bytes`; a missing object; what the file system says.
    pub fn export_tree(
        &self,
        commit: &CommitId,
        prefix: &str,
        into: &Path,
        most_bytes: u64,
    ) -> Result<ExportReport, GitError> {
        self.write_files(commit, self.walk(commit, prefix)?, into, most_bytes)
    }

    /// As [`Self::export_tree`], of the files at or below each of these paths.
    ///
    /// # Errors
    /// As [`Self::export_tree`].
    pub fn export_paths(
        &self,
        commit: &CommitId,
        paths: &BTreeSet<String>,
        into: &Path,
        most_bytes: u64,
    ) -> Result<ExportReport, GitError> {
        let mut all = TreeWalk::default();
        for path in paths {
            let walked = self.walk(commit, path)?;
            all.found.extend(walked.found);
            all.deep.extend(walked.deep);
        }
        // A path below another one is found twice.
        all.found.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        all.found.dedup_by(|one, other| one.path == other.path);
        self.write_files(commit, all, into, most_bytes)
    }

    fn write_files(
        &self,
        commit: &CommitId,
        TreeWalk { found, deep, .. }: TreeWalk,
        into: &Path,
        most_bytes: u64,
    ) -> Result<ExportReport, GitError> {
        self.fetch_missing_files(&found)?;
        self.check_size(commit, &found, most_bytes)?;
        let mut writer = Writer { into, folder: None, done: ExportReport::default() };
        fs::create_dir_all(into).map_err(|e| io(into, e))?;
        let mut links = BTreeMap::new();
        for entry in &found {
            if !is_safe(&entry.path) {
                writer.record_skipped(entry, SkippedEntry::Name);
                continue;
            }
            match entry.kind {
                EntryKind::Submodule => writer.submodule(entry)?,
                EntryKind::File => writer.file(entry, &self.blob(entry.id)?)?,
                EntryKind::Link => {
                    links.insert(entry.path.clone(), (entry, self.blob(entry.id)?));
                }
            }
        }
        // Links last: nothing is ever written through one.
        for (entry, target) in links.values() {
            if stays_inside(&entry.path, &links) {
                writer.link(entry, target)?;
            } else {
                writer.record_skipped(
                    entry,
                    SkippedEntry::LinkOutside(String::from_utf8_lossy(target).into_owned()),
                );
            }
        }
        let deep =
            deep.into_iter().map(|path| (String::from_utf8_lossy(&path).into_owned(), SkippedEntry::Deep));
        writer.done.skipped.extend(deep);
        writer.done.skipped.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(writer.done)
    }

    fn check_size(&self, commit: &CommitId, found: &[TreeFile], most: u64) -> Result<(), GitError> {
        let mut total = 0_u64;
        for entry in found.iter().filter(|f| f.kind != EntryKind::Submodule) {
            total = total.saturating_add(self.size(entry.id)? as u64);
            if total > most {
                return Err(GitError::TooLarge { commit: commit.to_string(), limit: most });
            }
        }
        Ok(())
    }
}

struct Writer<'a> {
    into: &'a Path,
    /// The folder made last: files come sorted, so most need none.
    folder: Option<PathBuf>,
    done: ExportReport,
}

impl Writer<'_> {
    fn record_skipped(&mut self, entry: &TreeFile, special: SkippedEntry) {
        self.done.skipped.push((String::from_utf8_lossy(&entry.path).into_owned(), special));
    }

    fn file(&mut self, entry: &TreeFile, content: &[u8]) -> Result<(), GitError> {
        let path = self.target_path(entry)?;
        let mut file =
            OpenOptions::new().write(true).create_new(true).open(&path).map_err(|e| io(&path, e))?;
        file.write_all(content).map_err(|e| io(&path, e))?;
        if is_lfs_pointer(content) {
            self.record_skipped(entry, SkippedEntry::Lfs);
        }
        self.done.files += 1;
        self.done.bytes += content.len() as u64;
        Ok(())
    }

    /// An empty folder, as `git checkout` makes it.
    fn submodule(&mut self, entry: &TreeFile) -> Result<(), GitError> {
        let path = self.target_path(entry)?;
        fs::create_dir_all(&path).map_err(|e| io(&path, e))?;
        self.record_skipped(entry, SkippedEntry::Submodule);
        Ok(())
    }

    fn link(&mut self, entry: &TreeFile, target: &[u8]) -> Result<(), GitError> {
        let path = self.target_path(entry)?;
        std::os::unix::fs::symlink(os_path(target), &path).map_err(|e| io(&path, e))?;
        self.done.files += 1;
        self.done.bytes += target.len() as u64;
        Ok(())
    }

    /// Where an entry goes; its folder is made.
    fn target_path(&mut self, entry: &TreeFile) -> Result<PathBuf, GitError> {
        let path = self.into.join(os_path(&entry.path));
        let folder = path.parent().unwrap_or(self.into);
        if self.folder.as_deref() != Some(folder) {
            fs::create_dir_all(folder).map_err(|e| io(folder, e))?;
            self.folder = Some(folder.to_owned());
        }
        Ok(path)
    }
}

fn io(path: &Path, source: std::io::Error) -> GitError {
    GitError::Io { path: path.to_owned(), source }
}

/// As file systems have it.
const LONGEST_NAME: usize = 255;

/// Git refuses such names, a hand-made tree may have them.
fn is_safe(path: &[u8]) -> bool {
    path.split(|b| *b == b'/').all(|name| {
        !name.is_empty()
            && name != b"."
            && name != b".."
            && !name.contains(&0)
            && name.len() <= LONGEST_NAME
            && !name.eq_ignore_ascii_case(b".git")
    })
}

type Links<'a> = BTreeMap<Vec<u8>, (&'a TreeFile, Vec<u8>)>;

/// As the system allows on one way.
const MOST_LINKS: usize = 40;

/// Follows a link through the links of the tree, as the system would: it may not leave the tree on its way.
fn stays_inside(link: &[u8], links: &Links<'_>) -> bool {
    let mut at: Vec<Vec<u8>> = Vec::new();
    let mut ahead: Vec<Vec<u8>> = names(link).rev().collect();
    let mut followed = 0;
    while let Some(name) = ahead.pop() {
        if name == b".." {
            if at.pop().is_none() {
                return false;
            }
            continue;
        }
        at.push(name);
        let Some((_, target)) = links.get(&at.join(&b'/')) else { continue };
        followed += 1;
        if followed > MOST_LINKS || target.starts_with(b"/") || target.contains(&0) || target.is_empty() {
            return false;
        }
        at.pop();
        ahead.extend(names(target).rev());
    }
    true
}

fn names(path: &[u8]) -> impl DoubleEndedIterator<Item = Vec<u8>> + '_ {
    path.split(|b| *b == b'/').filter(|n| !n.is_empty() && *n != b".").map(<[u8]>::to_vec)
}
