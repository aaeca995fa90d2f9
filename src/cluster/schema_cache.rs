//! Schema cache; a file with a wrong version, hash or length
//! is a miss.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::schema::Schema;

/// Largest file that is read: the largest group of Kubernetes itself needs a twentieth of it.
const LARGEST: u64 = 4 << 20;
/// More files than this are not kept: the oldest go.
const MOST: usize = 1024;

/// Where the schema of one group and version of one server is kept.
///
/// The name is of the server and the group and version: what comes later replaces what was there. The server's hash of
/// the content stands in the file, for one server's hash says nothing of another's document.
pub(super) struct CacheEntry {
    folder: PathBuf,
    file: PathBuf,
    content: String,
}

impl CacheEntry {
    /// `content` names what the server holds now: it changes when the schema does.
    pub(super) fn new(cache: &Path, server: &str, path: &str, content: &str) -> Self {
        let folder = cache.join("schemas");
        let file = folder.join(hex(&Sha256::digest(format!("{server}\n{path}"))));
        Self { folder, file, content: hex(&Sha256::digest(content)) }
    }

    /// The cached schema, if its content hash matches.
    pub(super) fn read(&self) -> Option<Schema> {
        // Not a pipe, which would be waited for.
        let size = fs::metadata(&self.file).ok().filter(fs::Metadata::is_file)?.len();
        let mut bytes = Vec::new();
        File::open(&self.file).ok()?.take(LARGEST).read_to_end(&mut bytes).ok()?;
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let (head, body) = (&bytes[..end], &bytes[end + 1..]);
        let whole = size == bytes.len() as u64 && head == self.head_of(body).as_bytes();
        whole.then(|| Schema::from_bytes(body).ok()).flatten()
    }

    /// Writes a schema; the caller may ignore the error.
    pub(super) fn write(&self, schema: &Schema) -> io::Result<()> {
        let body = schema.to_bytes();
        fs::create_dir_all(&self.folder)?;
        let mut written = tempfile::NamedTempFile::new_in(&self.folder)?;
        written.write_all(self.head_of(&body).as_bytes())?;
        written.write_all(b"\n")?;
        written.write_all(&body)?;
        written.persist(&self.file)?;
        remove_oldest(&self.folder)
    }

    fn head_of(&self, body: &[u8]) -> String {
        format!("{} {} {}", Schema::FORMAT, self.content, hex(&Sha256::digest(body)))
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
