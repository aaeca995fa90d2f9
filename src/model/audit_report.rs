//! Whether every incident ended with a commit.

use std::collections::BTreeMap;

use super::Resolution;

/// What an audit found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// When, RFC 3339.
    pub audited_at: String,
    /// The base branch and its head.
    pub base: (String, String),
    /// The ledger's branch, and its head where it exists.
    pub ledger: (String, Option<String>),
    /// Every incident, the oldest first.
    pub incidents: Vec<AuditedIncident>,
    /// Ledger files whose earlier bytes were changed.
    pub rewritten: Vec<String>,
    /// Incidents named by commits of the base branch but missing in the ledger: by id, the newest such commit.
    pub unrecorded: BTreeMap<String, String>,
}

/// One incident, as the audit sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditedIncident {
    /// Its id.
    pub id: String,
    /// The cluster's identity.
    pub cluster: String,
    /// Its objects.
    pub resources: Vec<String>,
    /// When it was opened, RFC 3339.
    pub opened_at: String,
    /// Whole days since then, until it ended or until now.
    pub days: i64,
    /// Its outcome.
    pub outcome: Outcome,
}

/// The outcome of an incident, and its proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Not ended.
    Open,
    /// A person closed the proposal; not ended.
    Declined,
    /// Ended by a commit that the base branch holds.
    Proven {
        /// How.
        how: Resolution,
        /// The commit.
        commit: String,
        /// What proves it.
        proof: Proof,
    },
    /// The ledger says that it ended, but Git does not confirm it.
    NotProven {
        /// How, by the ledger.
        how: Resolution,
        /// Why it is not proven.
        why: NotProvenReason,
    },
}

/// Why Git does not confirm what the ledger says of an incident's end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotProvenReason {
    /// The end names no commit.
    #[error("the ledger names no commit")]
    NoCommit,
    /// The end names something else than a commit.
    #[error("the ledger names an invalid commit id")]
    InvalidCommit,
    /// The commit is elsewhere, or nowhere.
    #[error("the commit that the ledger names is not on the base branch")]
    NotOnBase,
    /// A time of an event cannot be read.
    #[error("the ledger has an invalid time")]
    InvalidTime,
    /// An event is older than the one before it.
    #[error("the ledger's events are out of order")]
    OutOfOrder,
    /// An event is newer than this audit.
    #[error("the ledger has an event in the future")]
    InFuture,
    /// The commit was there before the incident.
    #[error("the commit that the ledger names is older than the incident")]
    OlderThanIncident,
    /// Adopted, but none of the recorded live values is declared.
    #[error("the commit that the ledger names does not declare the live values that were recorded")]
    LiveNotDeclared,
    /// Adopted, but the source is as it was.
    #[error("the commit that the ledger names changes nothing of the incident's source")]
    SourceUnchanged,
    /// Reverted, but this object is not declared.
    #[error("the commit that the ledger names does not declare {0}")]
    ObjectNotDeclared(String),
    /// Reverted, but a recorded live value is declared.
    #[error("the commit that the ledger names declares live values that were recorded")]
    LiveDeclared,
    /// Reverted, but the source is not there.
    #[error("the commit that the ledger names does not have the incident's source")]
    NoSource,
    /// Accepted, but nothing in Git accepts it.
    #[error(
        "no ignore rule in drift.yaml covers it at the commit that the ledger names, and no autoscaler or manager in Git \
         accounts for it"
    )]
    NotCovered,
}

/// What proves that a commit ended an incident; each includes that it is on the base branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The commit's files confirm it: they declare what was live (adopted), what was not (reverted), or the rule that
    /// covers it (accepted).
    Content,
    /// The commit names the incident in its message.
    Trailer,
    /// The commit is on the base branch; its files prove nothing more.
    Ancestry,
}

impl AuditReport {
    /// 0 all ended with a commit (or no ledger yet), 1 some did not, 3 the ledger lacks incidents that commits name.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if !self.unrecorded.is_empty() {
            return 3;
        }
        let ended = |incident: &AuditedIncident| matches!(incident.outcome, Outcome::Proven { .. });
        u8::from(!self.rewritten.is_empty() || !self.incidents.iter().all(ended))
    }
}
