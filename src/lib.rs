//! `drift` finds changes that were made to a Kubernetes cluster outside Git, and sees to it that each ends with a commit.
//!
//! How one object travels: Git tree, rendered YAML, desired object with origins, (with the live object and the
//! schema) changes, causes, finding, incident, remedy, pull request, and a line in the ledger. No stage reaches back.
//! `docs/architecture.md` has the modules and what each may use; `tests/it/layers.rs` enforces it.

pub mod attribution;
pub mod audit;
pub mod check;
pub mod checkout;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod diff;
pub mod forge;
pub mod git;
pub mod incident;
pub mod init;
pub mod model;
pub mod process;
pub mod reconcile;
pub mod remedy;
pub mod report;
pub mod schema;
pub mod source;
pub mod text;
pub mod threads;
pub mod wording;
pub mod yaml;
