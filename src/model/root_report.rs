//! What GitOps objects apply, and what their controllers say of it.

use std::sync::Arc;

use super::{Incomplete, Manager, Origin, ResourceId};

/// A GitOps object of this repository, what of it is compared, and what its controller says.
#[derive(Debug, Clone, PartialEq)]
pub struct RootReport {
    /// The object.
    pub resource: ResourceId,
    /// Where Git declares it, and which root applies that; `None`: only the cluster has it.
    pub origin: Option<Origin>,
    /// The folders that it applies.
    pub parts: Vec<RootPart>,
    /// Why a part of what it applies, or all of it, is not rendered.
    pub refused: Vec<String>,
    /// What its controller says; `None`: the cluster does not have it.
    pub controller: Option<ControllerState>,
    /// What was changed outside Git of what it applies.
    pub drift: RootDrift,
}

/// A folder that is rendered.
#[derive(Debug, Clone, PartialEq)]
pub struct RootPart {
    /// Its path in the repository.
    pub path: String,
    /// What renders it: `plain`, `kustomize v5.8.1`.
    pub renderer: String,
    /// Namespace of its objects that name none, where that is set.
    pub namespace: Option<String>,
    /// How many objects it gives.
    pub objects: usize,
    /// What of it could not be rendered.
    pub incomplete: Vec<Incomplete>,
}

/// A source that is listed in `drift.yaml`, or a GitOps object: what is compared, in the order of rendering.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SourcesReport {
    /// The GitOps objects, by id.
    pub roots: Vec<RootReport>,
    /// Sources that are listed.
    pub listed: Vec<RootPart>,
    /// GitOps objects that apply nothing of what is compared.
    pub not_compared: Vec<UncoveredRoot>,
    /// What could not be read.
    pub incomplete: Vec<Incomplete>,
    /// Warnings.
    pub warnings: Vec<String>,
}

/// Drift of the objects of a root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RootDrift {
    /// Objects in drift.
    pub objects: usize,
    /// Fields that drifted; a whole object counts as one.
    pub changes: usize,
    /// The time of the oldest of them, as far as managers tell it, RFC 3339.
    pub oldest: Option<String>,
}

/// What the controller of a root says of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ControllerState {
    /// Its own words: `Ready`, `Synced, Healthy`.
    pub verdict: String,
    /// Whether that means that live is as Git declares it.
    pub claims_sync: bool,
    /// The revision that it applied last, as it writes it.
    pub revision: Option<String>,
    /// Why it applies nothing now.
    pub stopped: Option<StoppedSync>,
    /// Since when it fails, and its message.
    pub failing: Option<FailingSync>,
}

/// Why a controller does not apply a root.
#[derive(Debug, Clone, PartialEq)]
pub struct StoppedSync {
    /// The setting that stops it.
    pub how: StopSwitch,
    /// Who set it, and when, as far as the object's managers tell.
    pub manager: Option<Manager>,
    /// Whether Git declares it so.
    pub is_declared: bool,
}

/// A setting that stops a controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopSwitch {
    /// `spec.suspend` of Flux.
    Suspended,
    /// No `spec.syncPolicy.automated` of Argo CD.
    AutoSyncOff,
}

/// A controller that fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingSync {
    /// Since when, RFC 3339, where it says so.
    pub since: Option<String>,
    /// What it says, in one line; `None` where that may hold a value of a Secret.
    pub message: Option<String>,
}

impl RootReport {
    /// The root that applies this one.
    #[must_use]
    pub fn parent(&self) -> Option<&Arc<ResourceId>> {
        self.origin.as_ref()?.root.as_ref()
    }

    /// How many objects it applies.
    #[must_use]
    pub fn objects(&self) -> usize {
        self.parts.iter().map(|part| part.objects).sum()
    }

    /// Whether everything that it applies was rendered.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.refused.is_empty() && self.parts.iter().all(|part| part.incomplete.is_empty())
    }
}

/// A GitOps object whose applied objects were not compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UncoveredRoot {
    /// The object that applies others.
    pub resource: ResourceId,
    /// Where Git declares it.
    pub origin: Option<String>,
    /// Why what it applies was not compared.
    pub why: String,
}
