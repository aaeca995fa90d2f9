//! Archives of charts, unpacked within bounds: regular files and folders below one folder, and nothing else.

use std::cell::Cell;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use tar::{Entry, EntryType};

use super::super::tree::CHART;

/// The most bytes of an archive, unpacked. Helm itself takes a hundred.
const BYTES_CAP: u64 = 256 * 1024 * 1024;
/// The most files and folders of an archive.
const ENTRIES_CAP: usize = 20_000;

/// Why an archive is not unpacked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// It is no gzipped tar, or it is cut off.
    #[error("what was fetched is not an archive of a chart, or it is damaged; fetch it again")]
    Damaged,
    /// It unpacks to more bytes than may be.
    #[error("its archive unpacks to more than {} MiB; use a chart that is smaller", BYTES_CAP / 1024 / 1024)]
    TooLarge,
    /// It has more files and folders than may be.
    #[error("its archive has more than {ENTRIES_CAP} files and folders; use a chart that is smaller")]
    TooMany,
    /// A path that leads out, or could.
    #[error("its archive has a path that leads out of it, {0}; do not use it")]
    Outside(String),
    /// A link, a device or a pipe.
    #[error("its archive has something that is neither file nor folder, {0}; package it with `helm package`")]
    Special(String),
    /// Two entries at one place.
    #[error("its archive has {0} twice; package it with `helm package`")]
    Twice(String),
    /// Files that are not below one folder.
    #[error("its archive is not one folder; package it with `helm package`")]
    NotOneFolder,
    /// No chart.
    #[error("its archive has no {CHART} in its folder; package it with `helm package`")]
    NoChart,
    /// The disk.
    #[error("it cannot be unpacked: {0}")]
    Io(String),
}

/// Unpacks a chart into an empty folder; returns the chart's own folder in there.
pub(super) fn unpack(archive: &[u8], to: &Path) -> Result<PathBuf, ArchiveError> {
    unpack_within(BYTES_CAP, archive, to)
}

fn unpack_within(cap: u64, archive: &[u8], to: &Path) -> Result<PathBuf, ArchiveError> {
    let is_full = Rc::new(Cell::new(false));
    let reader = Bounded { inner: MultiGzDecoder::new(archive), left: cap, is_full: Rc::clone(&is_full) };
    let mut unpacking = Unpacking { to, cap, top: None, known: HashSet::new() };
    let result = unpacking.all(&mut tar::Archive::new(reader));
    if is_full.get() {
        return Err(ArchiveError::TooLarge);
    }
    result?;
    let chart = to.join(unpacking.top.ok_or(ArchiveError::NoChart)?);
    if chart.join(CHART).is_file() { Ok(chart) } else { Err(ArchiveError::NoChart) }
}

/// A reader that fails when there is more than may be; what it says then comes through other readers.
struct Bounded<R> {
    inner: R,
    left: u64,
    is_full: Rc<Cell<bool>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => {
                self.left = left;
                Ok(read)
            }
            None => {
                self.is_full.set(true);
                Err(io::Error::other("too much"))
            }
        }
    }
}

struct Unpacking<'a> {
    to: &'a Path,
    /// The most bytes of one file.
    cap: u64,
    /// The one folder that holds everything.
    top: Option<String>,
    /// Folders and files that are there, from the archive's root.
    known: HashSet<PathBuf>,
}

impl Unpacking<'_> {
    fn all(&mut self, archive: &mut tar::Archive<impl Read>) -> Result<(), ArchiveError> {
        for entry in archive.entries().map_err(damaged)? {
            let mut entry = entry.map_err(damaged)?;
            // Remarks about all entries, as Git's archives have them.
            if entry.header().entry_type() != EntryType::XGlobalHeader {
                self.entry(&mut entry)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, entry: &mut Entry<'_, impl Read>) -> Result<(), ArchiveError> {
        let path = plain_path(&entry.path_bytes())?;
        let shown = || display(&path.to_string_lossy());
        let is_folder = match entry.header().entry_type() {
            EntryType::Directory => true,
            EntryType::Regular | EntryType::Continuous => false,
            _ => return Err(ArchiveError::Special(shown())),
        };
        if entry.size() > self.cap {
            return Err(ArchiveError::TooLarge);
        }
        let mut parts = path.iter();
        // The root itself: `./`.
        let Some(top) = parts.next().and_then(|top| top.to_str()) else {
            return if is_folder { Ok(()) } else { Err(ArchiveError::NotOneFolder) };
        };
        let is_elsewhere = self.top.as_deref().is_some_and(|known| known != top);
        if is_elsewhere || (!is_folder && parts.next().is_none()) {
            return Err(ArchiveError::NotOneFolder);
        }
        self.top.get_or_insert_with(|| top.to_owned());
        if is_folder {
            return self.folder(&path);
        }
        self.folder(path.parent().unwrap_or(&path))?;
        if !self.count(&path)? {
            return Err(ArchiveError::Twice(shown()));
        }
        self.file(&path, entry)
    }

    /// Whether something is new there; more than may be is an error.
    fn count(&mut self, path: &Path) -> Result<bool, ArchiveError> {
        let is_new = self.known.insert(path.to_path_buf());
        if self.known.len() > ENTRIES_CAP { Err(ArchiveError::TooMany) } else { Ok(is_new) }
    }

    /// Makes a folder and those on the way to it, each counted.
    fn folder(&mut self, path: &Path) -> Result<(), ArchiveError> {
        let ways: Vec<&Path> = path.ancestors().filter(|way| !way.as_os_str().is_empty()).collect();
        for way in ways.into_iter().rev() {
            let place = self.to.join(way);
            if self.count(way)? {
                fs::create_dir(place).map_err(|error| ArchiveError::Io(error.to_string()))?;
            } else if !place.is_dir() {
                return Err(ArchiveError::Twice(display(&way.to_string_lossy())));
            }
        }
        Ok(())
    }

    fn file(&self, path: &Path, content: &mut impl Read) -> Result<(), ArchiveError> {
        let disk = |error: io::Error| ArchiveError::Io(error.to_string());
        let place = self.to.join(path);
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(place).map_err(disk)?;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = content.read(&mut buffer).map_err(damaged)?;
            if read == 0 {
                return Ok(());
            }
            io::Write::write_all(&mut file, &buffer[..read]).map_err(disk)?;
        }
    }
}

fn damaged(_: io::Error) -> ArchiveError {
    ArchiveError::Damaged
}

/// A path of plain names, or why it is none. A backslash separates names for Helm.
fn plain_path(bytes: &[u8]) -> Result<PathBuf, ArchiveError> {
    let text = String::from_utf8_lossy(bytes);
    let outside = || ArchiveError::Outside(display(&text));
    let is_odd = |c: char| c.is_control() || c == '\\' || c == char::REPLACEMENT_CHARACTER;
    if text.starts_with('/') || text.contains(is_odd) {
        return Err(outside());
    }
    let names = text.split('/').filter(|name| !name.is_empty() && *name != ".");
    let path: PathBuf = names.collect();
    if path.iter().any(|name| name == "..") { Err(outside()) } else { Ok(path) }
}

fn display(path: &str) -> String {
    format!("{:?}", path.chars().take(200).collect::<String>())
}

#[cfg(test)]
mod tests;
