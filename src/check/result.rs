//! What a check found, for reports, proposals and exit codes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::roots::NotCompared;
use super::schemas::Schemas;
use crate::attribution::Older;
use crate::config::UnsyncedAfter;
use crate::diff::verify::{Disagreement, Explained};
use crate::model::{Cause, Desired, Finding, Incomplete, ObjectKey, ResourceId, Rule};

/// The repository that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitFacts {
    /// Its address without credentials, or its folder's name where it has no remote.
    pub repository: String,
    /// The commit that was read, or that the work tree stands on.
    pub revision: String,
    /// Whether the work tree was read and differs from that commit.
    pub dirty: bool,
}

/// The cluster that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterFacts {
    /// Its identity: as configured, else the uid of namespace kube-system.
    pub name: String,
    /// What a person calls it: the configured name, else the context, else the identity.
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
pub struct Summary {
    /// Objects that Git declares.
    pub desired: usize,
    /// Of them, those that live equals, but for what controllers may own and ignore rules cover.
    pub in_sync: usize,
    /// Of them, those that differ.
    pub modified: usize,
    /// Of them, those that are not live.
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
pub struct Checked {
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
    /// Objects of Flux and Argo CD that apply what is in no source: only they were compared.
    pub not_compared: Vec<NotCompared>,
    /// What a person should know and nothing depends on.
    pub warnings: Vec<String>,
    /// For how long a commit may wait to be applied before that is drift.
    pub unsynced_after: UnsyncedAfter,
    /// Counts.
    pub summary: Summary,
    /// Every finding, sorted by resource id, changes of every cause.
    pub findings: Vec<Finding>,
    /// The server's own answer held against the findings, where it was asked for.
    pub verification: Option<Verification>,
    /// What remedies are made and proven from.
    pub(crate) material: Material,
}

/// The server's own answer, by dry-run, held against drift's: how drift tests itself. Lists are sorted by resource id.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verification {
    /// Objects that the server was to be asked about: those that were compared.
    pub asked: usize,
    /// Of them, those about which drift and the server agree, places that are explained aside.
    pub agreed: usize,
    /// Places in which both differ, or see something that is no drift, for a known reason.
    pub explained: Vec<Explanation>,
    /// Objects about which the server refuses a part of the question, and why: there it was asked only about what
    /// it may change.
    pub partly: Vec<AboutObject>,
    /// Objects about which the server cannot tell, and why.
    pub not_verified: Vec<AboutObject>,
    /// Places in which drift and the server disagree: a fault of drift, or of its verification.
    pub disagreements: Vec<Disagreeing>,
}

/// Something about one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AboutObject {
    /// Which object.
    pub resource: ResourceId,
    /// What there is to say.
    pub why: String,
}

/// A place of an object that is explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Which object.
    pub resource: ResourceId,
    /// The place and the reason.
    pub explained: Explained,
}

/// A place of an object in which drift and the server disagree.
#[derive(Debug, Clone, PartialEq)]
pub struct Disagreeing {
    /// Which object.
    pub resource: ResourceId,
    /// The place and who says what.
    pub found: Disagreement,
}

impl Verification {
    /// A disagreement keeps the report from being complete: one of the two is wrong, and nobody knows which.
    pub(super) fn as_incomplete(&self) -> Option<Incomplete> {
        let number = self.disagreements.len();
        let why = || {
            format!(
                "drift and the server disagree in {}: please report it, with the report's `verification`",
                crate::text::count(number, "place")
            )
        };
        (number > 0).then(|| Incomplete { what: "verification with the server".to_owned(), why: why() })
    }
}

/// What remedies are made and proven from.
#[derive(Debug, Default)]
pub(crate) struct Material {
    /// Every desired object.
    pub(crate) desired: Vec<Desired>,
    /// The live objects of the findings.
    pub(crate) live: BTreeMap<ObjectKey, Value>,
    /// The schemas that they were compared by.
    pub(crate) schemas: Schemas,
    /// How much of the sources could not be rendered.
    pub(crate) unrendered: usize,
    /// Objects that were left out on purpose.
    pub(crate) skipped: BTreeSet<ObjectKey>,
    /// Lists that were read whole: group, kind, and the namespace (`None`: all of them).
    pub(crate) listed: BTreeSet<(String, String, Option<String>)>,
    /// What older commits declared of the objects that differ or are missing, newest first.
    pub(crate) past: BTreeMap<ObjectKey, Vec<Older>>,
}

impl Checked {
    /// Whether everything was read.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.incomplete.is_empty()
    }

    /// Whether there is drift: a change whose cause is drift, a missing or unmanaged object that is not excused.
    #[must_use]
    pub fn has_drift(&self) -> bool {
        self.findings.iter().any(is_drift)
    }

    /// 0 no drift, 1 drift, 3 incomplete (also where nothing was examined); 3 beats 1.
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
