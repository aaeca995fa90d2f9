//! Lock for writing branches: one run of drift at a time; removes stale locks of killed runs.

use std::fs;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{GitError, Repository};

/// In the repository's Git folder: locked while branches are written, and naming them until that is done.
const NOTE_FILE: &str = "drift-writes";

/// Removing a branch rewrites this one too.
const PACKED_REFS: &str = "packed-refs";

/// How long a lock that a killed run may have left must stay as it is: other programs need milliseconds.
const STALE_AFTER: Duration = Duration::from_secs(2);

/// While held, no other run of drift writes branches here. The system lets go of it when a run is killed; the
/// names of what it had locked stay behind, and tell the next run which `<name>.lock` are nobody's any more.
pub(super) struct RefLock {
    note: fs::File,
}

impl RefLock {
    /// Waits for other runs, clears what a killed one left, and notes what this one locks.
    pub(super) fn acquire(repository: &Repository, names: &[String]) -> Result<Self, GitError> {
        let folder = repository.inner.commondir();
        let path = folder.join(NOTE_FILE);
        let fail = |source| GitError::Io { path: path.clone(), source };
        let mut note = open_locked(&path).map_err(fail)?;
        let mut left = String::new();
        // A note that is no text is not ours: nothing is cleared.
        let _ = note.read_to_string(&mut left);
        remove_stale_locks(folder, &left);
        let mut turn = Self { note };
        turn.write(names).map_err(fail)?;
        Ok(turn)
    }

    fn write(&mut self, names: &[String]) -> std::io::Result<()> {
        self.note.set_len(0)?;
        self.note.rewind()?;
        let names = names.iter().map(String::as_str).chain([PACKED_REFS]);
        self.note.write_all(names.map(|name| format!("{name}\n")).collect::<String>().as_bytes())
    }
}

impl Drop for RefLock {
    fn drop(&mut self) {
        // Names that stay behind cost the next run a look at files that are not there.
        let _ = self.note.set_len(0);
    }
}

/// Opens a file that is made where it is not there, and waits for its lock: the system lets go of it with the program.
pub(super) fn open_locked(path: &Path) -> std::io::Result<fs::File> {
    let file = fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    file.lock()?;
    Ok(file)
}

/// Git's own lock on a branch (by its full name), in the Git folder.
pub(super) fn lock_file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.lock"))
}

fn remove_stale_locks(folder: &Path, left: &str) {
    let known = |name: &&str| *name == PACKED_REFS || git2::Reference::is_valid_name(name);
    let locks = left.lines().filter(known).map(|name| lock_file(folder, name));
    let held = locks.filter_map(|lock| LockFileState::read(&lock).map(|held| (lock, held)));
    let held: Vec<(PathBuf, LockFileState)> = held.collect();
    if held.is_empty() {
        return;
    }
    std::thread::sleep(STALE_AFTER);
    for (lock, before) in held {
        if LockFileState::read(&lock).is_some_and(|now| now == before) {
            // Gone already, or not ours to remove: locking tells.
            let _ = fs::remove_file(lock);
        }
    }
}

/// Tells a lock file from the next one of the same name.
#[derive(PartialEq)]
struct LockFileState {
    made: std::time::SystemTime,
    length: u64,
}

impl LockFileState {
    fn read(lock: &Path) -> Option<Self> {
        let metadata = fs::symlink_metadata(lock).ok()?;
        Some(Self { made: metadata.modified().ok()?, length: metadata.len() })
    }
}
