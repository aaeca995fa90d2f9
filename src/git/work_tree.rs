//! Files of a tree on disk: regular ones inside of it, up to a size. What a link, a pipe or a device is, whoever may
//! commit decides.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Why a file of a tree is not read. No message holds what is in it.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A link that leads out of the tree, or nowhere.
    #[error("the link leads out of the repository")]
    Outside,
    /// A folder, a pipe, a device, a socket.
    #[error("it is not a regular file")]
    NotRegular,
    /// More bytes than allowed.
    #[error("the file has {size} bytes; at most {cap} are read")]
    TooLarge {
        /// Its size.
        size: u64,
        /// The limit.
        cap: u64,
    },
    /// The file system.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// Reads a regular file of a tree; links are followed where they stay in it. `root` has no links in it itself.
///
/// # Errors
/// [`FileError`]; a file that is not there is [`io::ErrorKind::NotFound`].
pub fn read_file(root: &Path, path: &Path, cap: u64) -> Result<Vec<u8>, FileError> {
    let real = root.join(path).canonicalize()?;
    if !real.starts_with(root) {
        return Err(FileError::Outside);
    }
    let metadata = fs::symlink_metadata(&real)?;
    if !metadata.is_file() {
        return Err(FileError::NotRegular);
    }
    let file = open(&real)?;
    let size = file.metadata()?.len();
    if size > cap {
        return Err(FileError::TooLarge { size, cap });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    // It may grow while it is read.
    file.take(cap).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens what was a regular file a moment ago: a link in its place is not followed, a pipe is not waited for.
fn open(real: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(real)
}
