//! What is wrong with a snapshot's file.

use std::io;

/// The format that this drift reads and writes.
pub(super) const SCHEMA: &str = "drift/snapshot/v1";
/// What every version of the format begins with.
pub(super) const SCHEMA_STEM: &str = "drift/snapshot/";

/// What is wrong with a snapshot's file, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotFault {
    /// It cannot be opened or read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Something else than a snapshot.
    #[error("not a snapshot; `drift snapshot` writes one")]
    Foreign,
    /// Another version of the format.
    #[error("written as {SCHEMA_STEM}{0}; expected {SCHEMA}")]
    OtherVersion(String),
    /// A first line of this version that cannot be read.
    #[error("its first line is broken: {0}")]
    Header(serde_json::Error),
    /// No last line.
    #[error("ends early, after line {0}; take it again")]
    EndsEarly(u64),
    /// A last line that does not belong to what stands above it.
    #[error("its end does not match its objects; take it again")]
    OtherEnd,
    /// A line in the middle; without its text.
    #[error("line {number}: {}; take it again", if *is_json { "not an object of a cluster" } else { "not JSON" })]
    Line {
        /// Number of the line, from 1.
        number: u64,
        /// Whether it is at least JSON.
        is_json: bool,
    },
}
