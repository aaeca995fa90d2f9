//! Repositories: opened or cloned, trees and files at a commit, history, new commits on branches, one atomic push.
//!
//! The only place that names `git2` or runs the `git` program. git2 (without network) reads and writes objects;
//! the program clones, fetches and pushes, with the user's own credentials, proxies and protocols, and brings the
//! objects that a partial clone lacks. What a repository contains is hostile: no hook, filter or submodule command
//! of it runs, and nothing of it is written outside the folder that was asked for.

mod address;
mod ancestry;
mod clone;
mod commit;
mod discovery;
mod error;
mod export;
mod fetch;
mod history;
mod init;
mod local_refs;
mod message;
mod options;
mod program;
mod push;
mod ref_lock;
mod repository;
mod shadow_repository;
mod sign;
mod signing_settings;
mod token;
mod touching;
mod tree;
mod tree_cache;
mod types;
mod work_tree;

#[cfg(test)]
mod tests;

pub use address::{RemoteAddress, without_credentials};
pub use ancestry::Ancestry;
pub use error::{GitError, PushError, RemoteFailure};
pub use export::{ExportReport, SkippedEntry};
pub use message::{subject, trailers};
pub use options::GitOptions;
pub use repository::Repository;
pub use token::{Remote, Token};
pub use touching::{MorePaths, PathHistory, TouchingCommit};
pub use tree::ResolvedPath;
pub use types::{CommitId, CommitInfo, EntryKind, Person, PushReport, RefUpdate, Signature, TreeEntry};
pub use work_tree::{
    FileError, LFS, TrackedFiles, WorkTreeStatus, is_git_path, is_lfs_pointer, is_lfs_pointer_file, read_file,
};
