//! What says where to look, and what is written.

use crate::check::CheckSettings;
use crate::config::ForgeKind;

/// What says where to look; from arguments and the environment by `cli`.
#[derive(Debug, Clone)]
pub struct InitSettings {
    /// The repository and the cluster.
    pub check: CheckSettings,
    /// Whether the cluster was named: then it must answer.
    pub needs_cluster: bool,
    /// Which kind of forge the remote is, where the caller says so.
    pub forge: Option<ForgeKind>,
    /// What is written.
    pub parts: Vec<InitPart>,
    /// Folder of the CronJob's overlay, from the repository's root.
    pub cronjob_folder: String,
}

/// The parts of what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitPart {
    /// `drift.yaml`.
    Config,
    /// The workflow.
    Workflow,
    /// The overlay of the CronJob.
    CronJob,
}

impl InitPart {
    /// All parts.
    pub const ALL: [Self; 3] = [Self::Config, Self::Workflow, Self::CronJob];
}
