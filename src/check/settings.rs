//! What says how a repository is compared with which cluster.

use std::path::PathBuf;

use tracing::field::Empty;
use tracing::info_span;

use super::CheckError;
use crate::checkout::CheckoutSettings;
use crate::cluster::{self, Cluster};
use crate::config::{Config, SecretsMode};

/// Where live objects come from.
#[derive(Debug, Clone)]
pub enum ClusterTarget {
    /// An API server.
    Api(cluster::ClusterSettings),
    /// A snapshot file.
    Snapshot(PathBuf),
    /// A snapshot in the program itself: its name and bytes.
    Embedded(&'static str, &'static [u8]),
}

/// What a check needs to know; read from arguments and the environment by `cli`.
#[derive(Debug, Clone)]
pub struct CheckSettings {
    /// The repository, and the time of the run.
    pub checkout: CheckoutSettings,
    /// The cluster.
    pub target: ClusterTarget,
    /// Leaves Secrets out, whatever `drift.yaml` says.
    pub skip_secrets: bool,
    /// Also asks the server, by dry-run patches, and reports disagreements.
    pub verify: bool,
    /// Keeps hidden changes, to list them with `--all`.
    pub keep_hidden: bool,
    /// Also predicts what the next sync does to each change.
    pub next_sync: bool,
}

impl CheckSettings {
    /// Whether Secrets are left out: by a flag, or by `drift.yaml`.
    pub(super) fn skips_secrets(&self, config: &Config) -> bool {
        self.skip_secrets || config.secrets == SecretsMode::Skip
    }

    /// Connects to the cluster, or opens the snapshot.
    pub(crate) async fn connect(&self) -> Result<Cluster, CheckError> {
        let stage = info_span!("connect", kinds = Empty, failed_groups = Empty, requests = Empty);
        let cluster = match &self.target {
            ClusterTarget::Api(settings) => Cluster::connect(settings).await?,
            ClusterTarget::Snapshot(path) => Cluster::open_snapshot(path)?,
            ClusterTarget::Embedded(name, bytes) => Cluster::from_snapshot_bytes(name, bytes)?,
        };
        stage.record("kinds", cluster.api_resources().kinds.len());
        stage.record("failed_groups", cluster.failed_discoveries().len());
        stage.record("requests", cluster.request_count());
        Ok(cluster)
    }
}
