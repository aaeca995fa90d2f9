//! GitOps objects in `drift/report/v1` and `drift/sources/v1`.

use serde::Serialize;

use crate::model::{
    ControllerState, Incomplete, Manager, ResourceId, RootPart, RootReport, StopSwitch, UncoveredRoot,
};

/// An object whose objects are not compared.
#[derive(Serialize)]
pub(super) struct UncoveredOut<'a> {
    resource: &'a ResourceId,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'a str>,
    why: &'a str,
}

/// An object that was followed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RootOut<'a> {
    resource: &'a ResourceId,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<&'a ResourceId>,
    complete: bool,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    not_rendered: &'a [String],
    sources: Vec<PartOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    controller: Option<ControllerOut<'a>>,
    drift: DriftOut<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PartOut<'a> {
    path: &'a str,
    renderer: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    objects: usize,
    complete: bool,
    #[serde(skip_serializing_if = "<[Incomplete]>::is_empty")]
    incomplete: &'a [Incomplete],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ControllerOut<'a> {
    verdict: &'a str,
    claims_sync: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<StoppedOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failing: Option<FailingOut<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StoppedOut<'a> {
    how: &'static str,
    declared: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    manager: Option<&'a Manager>,
}

#[derive(Serialize)]
struct FailingOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

#[derive(Serialize)]
struct DriftOut<'a> {
    objects: usize,
    changes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest: Option<&'a str>,
}

impl<'a> From<&'a UncoveredRoot> for UncoveredOut<'a> {
    fn from(root: &'a UncoveredRoot) -> Self {
        Self { resource: &root.resource, origin: root.origin.as_deref(), why: &root.why }
    }
}

impl<'a> From<&'a RootPart> for PartOut<'a> {
    fn from(part: &'a RootPart) -> Self {
        Self {
            path: &part.path,
            renderer: &part.renderer,
            namespace: part.namespace.as_deref(),
            objects: part.objects,
            complete: part.incomplete.is_empty(),
            incomplete: &part.incomplete,
        }
    }
}

impl<'a> From<&'a RootReport> for RootOut<'a> {
    fn from(root: &'a RootReport) -> Self {
        Self {
            resource: &root.resource,
            origin: root.origin.as_ref().map(ToString::to_string),
            parent: root.parent().map(AsRef::as_ref),
            complete: root.is_complete(),
            not_rendered: &root.refused,
            sources: root.parts.iter().map(PartOut::from).collect(),
            controller: root.controller.as_ref().map(ControllerOut::from),
            drift: DriftOut {
                objects: root.drift.objects,
                changes: root.drift.changes,
                oldest: root.drift.oldest.as_deref(),
            },
        }
    }
}

impl<'a> From<&'a ControllerState> for ControllerOut<'a> {
    fn from(state: &'a ControllerState) -> Self {
        let stopped = state.stopped.as_ref().map(|stopped| StoppedOut {
            how: match stopped.how {
                StopSwitch::Suspended => "suspended",
                StopSwitch::AutoSyncOff => "autoSyncOff",
            },
            declared: stopped.is_declared,
            manager: stopped.manager.as_ref(),
        });
        let failing = state.failing.as_ref().map(|failing| FailingOut {
            since: failing.since.as_deref(),
            message: failing.message.as_deref(),
        });
        Self {
            verdict: &state.verdict,
            claims_sync: state.claims_sync,
            revision: state.revision.as_deref(),
            stopped,
            failing,
        }
    }
}
