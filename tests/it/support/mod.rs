//! The hermetic harness: real programs, nothing of the developer's own configuration, nothing left behind.
//!
//! | module | gives |
//! |---|---|
//! | [`parts`] | the real programs, built once by `tests/parts/bring` |
//! | [`command`] | the `drift` binary in an empty environment |
//! | [`repo`] | temporary Git repositories with fixed authors and times |
//! | [`report`] | what a report of `drift check` says |
//! | [`cluster`] | a real control plane: etcd, kube-apiserver, on request kube-controller-manager |
//! | [`gitea`] | a real Gitea |
//! | [`servers`] | what runs in the background, and that it ends with the tests, however they end |
//! | [`registry`] | a real registry of OCI artifacts |
//! | [`file_server`] | a web server of files in memory, with a login or redirects, that remembers what it was asked |
//! | [`http`] | one blocking HTTP call |
//! | [`keys`] | keys to sign with: ssh's and GnuPG's |
//! | [`literals`] | the string literals of Rust |
//! | [`snapshot`] | snapshot files of clusters that never were |
//! | [`tree`] | the project's own files, for tests that look at the project |

#![allow(
    dead_code,
    unused_imports,
    reason = "the harness serves every area; an area under work may not use all of it yet"
)]

pub(crate) mod cluster;
pub(crate) mod command;
pub(crate) mod file_server;
pub(crate) mod flux;
pub(crate) mod gitea;
pub(crate) mod http;
pub(crate) mod keys;
pub(crate) mod literals;
pub(crate) mod parts;
pub(crate) mod registry;
pub(crate) mod repo;
pub(crate) mod report;
pub(crate) mod servers;
pub(crate) mod snapshot;
pub(crate) mod tree;
