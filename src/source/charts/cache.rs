//! Archives that were fetched, kept for later runs by what they must be: repository, name, version and digest.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

/// More archives than this are not kept: the oldest go.
const MOST: usize = 500;
/// What such a file begins with; the digest of the rest and a line end follow.
const FORMAT: &str = "drift-chart/1 ";

/// Where one chart is kept. A file that is torn, or not of this chart, is as good as none.
pub(super) struct CachedArchive {
    folder: PathBuf,
    file: PathBuf,
}

impl CachedArchive {
    /// `what` names the chart so that another content has another name.
    pub(super) fn new(cache: &Path, what: &[&str]) -> Self {
        let folder = cache.join("charts");
        let file = folder.join(sha256_hex(what.join("\n").as_bytes()));
        Self { folder, file }
    }

    /// The archive, if all of it is there.
    pub(super) fn read(&self) -> Option<Vec<u8>> {
        // Not a pipe, which would be waited for.
        let size = fs::metadata(&self.file).ok().filter(fs::Metadata::is_file)?.len();
        let mut bytes = Vec::new();
        File::open(&self.file).ok()?.take(super::DOWNLOAD_CAP + 1024).read_to_end(&mut bytes).ok()?;
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let digest = std::str::from_utf8(&bytes[..end]).ok()?.strip_prefix(FORMAT)?.to_owned();
        let archive = bytes.split_off(end + 1);
        let is_whole = size == (end + 1 + archive.len()) as u64 && digest == sha256_hex(&archive);
        is_whole.then_some(archive)
    }

    /// Keeps an archive; the caller may ignore the error.
    pub(super) fn write(&self, archive: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut written = tempfile::NamedTempFile::new_in(&self.folder)?;
        written.write_all(format!("{FORMAT}{}\n", sha256_hex(archive)).as_bytes())?;
        written.write_all(archive)?;
        written.persist(&self.file)?;
        remove_oldest(&self.folder)
    }
}

/// Removes what is more than [`MOST`] files.
fn remove_oldest(folder: &Path) -> io::Result<()> {
    let mut files: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files.push((entry.metadata()?.modified()?, entry.path()));
    }
    files.sort();
    let surplus = files.len().saturating_sub(MOST);
    files.iter().take(surplus).try_for_each(|(_, file)| fs::remove_file(file))
}

/// The SHA-256 of bytes, in lower-case hexadecimal digits.
pub(in super::super) fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::CachedArchive;

    #[test]
    fn torn_or_foreign_file_is_a_miss() {
        let folder = tempfile::tempdir().unwrap();
        let kept = CachedArchive::new(folder.path(), &["https://h.example", "web", "1.2.3", "ab"]);
        assert_eq!(kept.read(), None);
        kept.write(b"an archive\nof two lines").unwrap();
        assert_eq!(kept.read().as_deref(), Some(&b"an archive\nof two lines"[..]));
        let other = CachedArchive::new(folder.path(), &["https://h.example", "web", "1.2.3", "cd"]);
        assert_eq!(other.read(), None);

        let whole = fs::read(&kept.file).unwrap();
        let altered = [&whole[..whole.len() - 1], b"!"].concat();
        for torn in
            [&whole[..whole.len() - 1], &[&whole[..], b"more"].concat(), &altered, b"", b"drift-chart/1"]
        {
            fs::write(&kept.file, torn).unwrap();
            assert_eq!(kept.read(), None, "{torn:?}");
        }
        fs::remove_file(&kept.file).unwrap();
        fs::create_dir(&kept.file).unwrap();
        assert_eq!(kept.read(), None);
        assert!(kept.write(b"x").is_err());
    }

    #[test]
    fn unwritable_folder_is_an_error_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let kept = CachedArchive::new(&file, &["x"]);
        assert!(kept.write(b"x").is_err());
        assert_eq!(kept.read(), None);
    }
}
