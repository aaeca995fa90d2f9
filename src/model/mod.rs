//! Plain vocabulary that two or more stages share: no I/O, no clock, no kube or git2 types.

mod api_resources;
mod argocd_kustomize;
mod argocd_options;
mod audit_report;
mod change;
mod chart_reference;
mod check_report;
mod desired;
mod explain_report;
mod finding;
mod fingerprint;
mod flux_options;
mod lazy;
#[cfg(test)]
pub(crate) mod mk;
mod nearest;
mod next_sync;
mod origin;
mod path;
mod resolution;
mod resource;
mod root_options;
mod root_report;
mod rule;
mod run_report;
mod secret;
mod source_map;
pub mod substitution;
mod unsynced_after;
mod verification;

pub use api_resources::{ApiResource, ApiResourceIndex, ApiResources};
pub use argocd_kustomize::{ArgoCdKustomize, EditError, LabelMode};
pub use argocd_options::{ArgoCdApplication, ArgoCdDirectory, ArgoCdOptions, ArgoCdTool};
pub use audit_report::{AuditReport, AuditedIncident, NotProvenReason, Outcome, Proof};
pub use change::{Actor, Cause, Change, ChangeKind, Confidence, Difference, Manager, ManagerClass, Verdict};
pub use chart_reference::{ChartDigest, ChartReference, ChartRepository};
pub use check_report::{CheckReport, CheckSummary, ClusterFacts, GitFacts, is_drift};
pub use desired::{AbsenceReason, Desired, Provenance};
pub use explain_report::{ExplainReport, ExplainedField, FieldOwner};
pub use finding::{Finding, Incomplete, State};
pub use fingerprint::{
    counts_as_drift, digest, finding_key, fingerprint, incident_fingerprint, is_restart, resource_key,
};
pub use flux_options::{FluxOptions, SubstituteData, SubstituteReference, SubstituteRefusal, Substitution};
pub use lazy::Lazy;
pub use nearest::nearest;
pub use next_sync::{
    Applier, Forecast, NextSync, ObjectForecast, ReadAt, SyncEvidence, SyncOutcome, SyncReason, SyncWay,
    ValueReader,
};
pub use origin::{Origin, SourceLocation};
pub use path::{FieldPath, PathElement, push_pointer};
pub use resolution::Resolution;
pub use resource::{MissingField, ObjectKey, ResourceId, join_api_version, split_api_version};
pub use root_options::{HelmReleaseOptions, RootOptions, SourceRoot};
pub use root_report::{
    ControllerState, FailingSync, RootDrift, RootPart, RootReport, SourcesReport, StopSwitch, StoppedSync,
    UncoveredRoot,
};
pub use rule::Rule;
pub use run_report::{Action, ActionKind, RunFailure, RunReport};
pub use secret::{contains_ciphertext, is_secret, is_secret_value, is_valid_secret_field};
pub use source_map::SourceMap;
pub use unsynced_after::UnsyncedAfter;
pub use verification::{
    Disagreement, ExplainedDifference, Fault, ObjectDisagreement, ObjectExplanation, ObjectNote, Verification,
};
