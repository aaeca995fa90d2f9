//! Snapshots: what a cluster served and held, in one file of JSON lines, without secret values.
//!
//! First a [`Header`], then one object a line, then an [`End`]: a file without it is torn.

mod fault;
mod open;
mod write;

use serde::{Deserialize, Serialize};

use super::discovery::FailedDiscovery;
use crate::model::ApiResources;

pub use fault::SnapshotFault;
pub use open::Snapshot;
pub use write::{ListScope, SnapshotSummary, write_snapshot};

/// First line: what the cluster is and serves.
#[derive(Serialize, Deserialize)]
struct Header {
    schema: String,
    /// uid of namespace kube-system.
    cluster: Option<String>,
    /// URL, without credentials.
    server: Option<String>,
    served: ApiResources,
    undiscovered: Vec<FailedDiscovery>,
}

/// Last line: what was listed, and how it went.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    /// The schema again, so that no object can be taken for this line.
    end: String,
    objects: u64,
    scopes: Vec<ListedScope>,
}

/// One list that was taken, whole or not.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct ListedScope {
    group: String,
    version: String,
    kind: String,
    /// `None`: everywhere.
    namespace: Option<String>,
    /// Why it is not whole.
    unread: Option<String>,
}
