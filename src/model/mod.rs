//! Plain vocabulary that two or more stages share: no I/O, no clock, no kube or git2 types.

mod audit_report;
mod change;
mod check_report;
mod desired;
mod explain_report;
mod finding;
mod fingerprint;
mod later;
mod nearest;
mod origin;
mod path;
mod places;
mod resolution;
mod resource;
mod rule;
mod run_report;
mod secret;
mod serving;
pub mod substitution;
mod unsynced_after;
mod verification;

pub use audit_report::{AuditReport, AuditedIncident, Outcome, Proof};
pub use change::{Actor, Cause, Change, ChangeKind, Class, Confidence, Difference, Manager, Verdict};
pub use check_report::{CheckReport, CheckSummary, ClusterFacts, GitFacts, NotCompared, is_drift};
pub use desired::{Desired, Optional};
pub use explain_report::{ExplainReport, ExplainedField, FieldOwner};
pub use finding::{Finding, Incomplete, State};
pub use fingerprint::{digest, enters, fingerprint, incident_fingerprint, is_restart, key, key_of};
pub use later::Later;
pub use nearest::nearest;
pub use origin::{Origin, Place};
pub use path::{FieldPath, Step, push_pointer};
pub use places::FieldOrigins;
pub use resolution::Resolution;
pub use resource::{ObjectKey, ResourceId, join_api_version, split_api_version};
pub use rule::Rule;
pub use run_report::{Action, ActionKind, RunReport};
pub use secret::{holds_cipher, is_of_secret, is_secret, is_secret_value};
pub use serving::{Served, ServedIndex, ServedKind};
pub use unsynced_after::UnsyncedAfter;
pub use verification::{
    Disagreement, Explained, Fault, ObjectDisagreement, ObjectExplanation, ObjectNote, Verification,
};
