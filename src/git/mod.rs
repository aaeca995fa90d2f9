//! Repositories: opened or cloned, trees and files at a commit, history, new commits on branches, one atomic push.
//!
//! The only place that names `git2` or runs the `git` program. git2 (without network) reads and writes objects;
//! the program clones, fetches and pushes, with the user's own credentials, proxies and protocols, and brings the
//! objects that a partial clone lacks. What a repository contains is hostile: no hook, filter or submodule command
//! of it runs, and nothing of it is written outside the folder that was asked for.

mod address;
mod clone;
mod commit;
mod discovery;
mod error;
mod fetch;
mod folders;
mod history;
mod init;
mod materialise;
mod message;
mod past;
mod program;
mod publish;
mod push;
mod repository;
mod sign;
mod stand_in;
mod token;
mod touching;
mod tree;
mod turn;
mod types;
mod work_tree;

#[cfg(test)]
mod tests;

pub use address::{RemoteAddress, without_credentials};
pub use error::{GitError, PushError, RemoteFailure};
pub use materialise::{Materialised, Special};
pub use message::{subject, trailers};
pub use past::Past;
pub use repository::{Options, Repository};
pub use token::{Remote, Token};
pub use touching::{Further, Line, Touched};
pub use tree::Followed;
pub use types::{CommitId, CommitInfo, Entry, EntryKind, Person, Pushed, RefUpdate, Signature};
pub use work_tree::{FileError, Files, LFS, Status, holds_lfs_pointer, is_lfs_pointer, is_of_git, read_file};
