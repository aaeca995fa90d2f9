//! Temporary folders that killed runs left behind.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use jiff::Timestamp;

/// How the names of drift's own temporary folders begin; six letters and digits follow.
const OURS: [&str; 6] =
    ["drift-chart-", "drift-clone-", "drift-demo-", "drift-git-", "drift-render-", "drift-tree-"];
const RANDOM: usize = 6;
/// Longer than any run, in seconds.
const OLD: i64 = 24 * 60 * 60;
/// One run does not clean up for ever.
const MOST: usize = 50;

/// Removes what killed runs of this user left in the folder more than a day ago. What cannot be removed is left
/// there.
pub(super) fn sweep(folder: &Path, now: Timestamp) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let ours = entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(is_our_name));
    // The metadata of the entry itself: a link is no folder.
    let left = ours.filter(|entry| entry.metadata().is_ok_and(|metadata| is_left(&metadata, now)));
    for entry in left.take(MOST) {
        let _stays = fs::remove_dir_all(entry.path());
    }
}

fn is_our_name(name: &str) -> bool {
    let random = OURS.iter().find_map(|prefix| name.strip_prefix(prefix));
    random.is_some_and(|random| random.len() == RANDOM && random.bytes().all(|b| b.is_ascii_alphanumeric()))
}

fn is_left(metadata: &Metadata, now: Timestamp) -> bool {
    let own = rustix::process::geteuid().as_raw();
    metadata.is_dir() && metadata.uid() == own && now.as_second() - metadata.mtime() > OLD
}
