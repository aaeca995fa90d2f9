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
    /// What is wrong with the ledger itself: bytes that were changed after they had been written.
    pub rewritten: Vec<String>,
    /// Incidents that commits of the base branch name, and that the ledger does not have: by id, the newest such commit.
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
    /// Where it stands.
    pub outcome: Outcome,
}

/// How an incident stands, and how that was proven.
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
    /// The ledger says that it ended, and Git does not bear it out.
    NotProven {
        /// How, by the ledger.
        how: Resolution,
        /// Why it is not believed.
        why: String,
    },
}

/// What proves that a commit ended an incident; each includes that it is on the base branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The commit's files bear it out: they declare what was live (adopted), what was not (reverted), or the rule that
    /// covers it (accepted).
    Content,
    /// The commit names the incident in its message.
    Trailer,
    /// The commit is on the base branch, and no more can be told from its files.
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
