//! The report of a check, as data.

use std::collections::BTreeMap;

use super::{
    Cause, Finding, Incomplete, NextSync, ObjectForecast, RootReport, Rule, UncoveredRoot, UnsyncedAfter,
    Verification,
};

/// The repository that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitFacts {
    /// Its address without credentials, or its folder's name where it has no remote.
    pub repository: String,
    /// The commit that was read, or the work tree's HEAD.
    pub revision: String,
    /// Whether the work tree was read and differs from that commit.
    pub dirty: bool,
}

/// The cluster that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterFacts {
    /// Its identity: as configured, else the uid of namespace kube-system.
    pub name: String,
    /// Display name: the configured name, else the context, else the identity.
    pub shown: String,
    /// Whether the identity is known; without it nothing may be recorded.
    pub identified: bool,
    /// The server's URL without credentials.
    pub server: Option<String>,
    /// The server's version.
    pub version: String,
}

/// Counts, for the last line of every report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckSummary {
    /// Objects that Git declares.
    pub desired: usize,
    /// Those in sync, apart from controller and ignored changes.
    pub in_sync: usize,
    /// Those that differ.
    pub modified: usize,
    /// Those that are not live.
    pub missing: usize,
    /// Objects that only live has.
    pub unmanaged: usize,
    /// Objects that were left out on purpose: Secrets where they are skipped or only their keys could be
    /// compared, missing objects that an ignore rule covers.
    pub skipped: usize,
    /// Of the desired objects, those that could not be compared.
    pub not_compared: usize,
    /// Changes by cause, without what the server fills in every object.
    pub changes: BTreeMap<Cause, usize>,
    /// How many differences each rule decided.
    pub rules: BTreeMap<Rule, usize>,
}

/// What a check found.
#[derive(Debug, Default)]
pub struct CheckReport {
    /// When, RFC 3339.
    pub checked_at: String,
    /// The repository.
    pub git: GitFacts,
    /// The cluster.
    pub cluster: ClusterFacts,
    /// What could not be read, sorted.
    pub incomplete: Vec<Incomplete>,
    /// Lists of kinds that Git does not declare and that could not be read: objects that nothing in Git declares
    /// may be there. The report is complete without them.
    pub not_examined: Vec<Incomplete>,
    /// Flux and Argo CD objects that apply something outside all sources.
    pub not_compared: Vec<UncoveredRoot>,
    /// The GitOps objects that were followed to what is compared.
    pub roots: Vec<RootReport>,
    /// Warnings.
    pub warnings: Vec<String>,
    /// How long a commit may stay unapplied before it counts as drift.
    pub unsynced_after: UnsyncedAfter,
    /// Counts.
    pub summary: CheckSummary,
    /// Every finding, sorted by resource id, changes of every cause.
    pub findings: Vec<Finding>,
    /// The verification with the server, if requested.
    pub verification: Option<Verification>,
    /// What the next sync does to the findings, if requested.
    pub next_sync: Option<NextSync>,
}

impl CheckReport {
    /// Whether everything was read.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.incomplete.is_empty()
    }

    /// What the next sync does to a finding, if that was requested and is known.
    #[must_use]
    pub fn forecast_of(&self, finding: &Finding) -> Option<&ObjectForecast> {
        self.next_sync.as_ref()?.objects.get(&finding.resource)
    }

    /// Whether there is drift: a change whose cause is drift, a missing or unmanaged object that is not excused.
    #[must_use]
    pub fn has_drift(&self) -> bool {
        self.findings.iter().any(is_drift)
    }

    /// 0 no drift, 1 drift, 3 incomplete (also if nothing was examined); 3 takes precedence over 1.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if !self.is_complete() { 3 } else { u8::from(self.has_drift()) }
    }
}

/// Whether a finding is drift.
#[must_use]
pub fn is_drift(finding: &Finding) -> bool {
    if finding.changes.is_empty() {
        finding.verdict.is_drift()
    } else {
        finding.changes.iter().any(|change| change.verdict.is_drift())
    }
}
