//! The course of each command, from settings to a result: stages in order, ledger and proposals written last.
//! No terminal, no environment, no clock: those are handed in.

mod audit;
mod autoscalers;
mod belongings;
mod check;
mod demo;
mod duplicates;
mod elsewhere;
mod error;
mod evidence;
mod explain;
mod helm_release;
mod history;
mod live;
mod missing;
mod mistaken;
mod other_versions;
mod present;
mod records;
mod result;
mod roots;
mod run;
mod schemas;
mod snapshot;
mod strangers;
mod tree;
mod veil;
mod verify;

pub use audit::{Audited, AuditedIncident, Outcome, Proof, audit};
pub use check::check;
pub use demo::{Scene, demo};
pub use error::JobError;
pub use explain::{ExplainReport, ExplainedField, ResourceQuery, explain};
pub use result::{
    AboutObject, Checked, ClusterFacts, Disagreeing, Explanation, GitFacts, Summary, Verification, is_drift,
};
pub use roots::NotCompared;
pub use run::{Action, Did, ForgeOptions, Ran, RunSettings, run};
pub use snapshot::{Extent, snapshot};
pub use tree::{Opened, Place, Settings, Target, Tokens};
