//! How a run is done.

use std::time::Duration;

use crate::check::CheckSettings;

/// What `drift run` needs to know.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// Repository, cluster, time. The revision and the path are ignored: a run reads the base branch.
    pub check: CheckSettings,
    /// Forge options in addition to `drift.yaml`.
    pub forge: ForgeOptions,
    /// Shows what would be written, and writes nothing.
    pub dry_run: bool,
}

/// Forge options from the environment and the command line; the rest is in `drift.yaml`.
#[derive(Debug, Clone)]
pub struct ForgeOptions {
    /// Additional hosts that the token may be sent to.
    pub trusted_hosts: Vec<String>,
    /// For one request and its retries.
    pub deadline: Duration,
}
