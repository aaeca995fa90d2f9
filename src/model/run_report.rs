//! What a run found and did.

use super::{CheckReport, Resolution};

/// What a run found and did.
#[derive(Debug, Default)]
pub struct RunReport {
    /// The check of the base branch.
    pub checked: CheckReport,
    /// What was done, or would be, in order.
    pub actions: Vec<Action>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Objects in drift for which no incident was opened, because there are too many of them at once.
    pub held_back: usize,
    /// Whether it was a dry run.
    pub dry_run: bool,
    /// The error that stopped the run after the check.
    pub failed: Option<RunFailure>,
}

/// Something that a run did, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// What.
    pub kind: ActionKind,
    /// Id of the incident.
    pub incident: String,
    /// The proposal's title, or how the incident ended.
    pub what: String,
    /// Page of the proposal, where it has one.
    pub url: Option<String>,
    /// The proposed commit as a unified diff, of a pull request that is new or changed.
    pub diff: Option<String>,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionKind {
    /// A pull request was opened.
    OpenedPullRequest,
    /// An issue was opened.
    OpenedIssue,
    /// A proposal was updated.
    Updated,
    /// A proposal is up to date.
    Unchanged,
    /// The incident ended; what was open for it was closed.
    Ended(Resolution),
    /// A person closed the proposal: it is not proposed again until its values change.
    Declined,
    /// Deferred to the next run by the limit.
    Deferred,
}

/// Why a run did not do everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFailure {
    /// What failed, and why.
    pub what: String,
    /// What to do.
    pub hint: Option<String>,
}
