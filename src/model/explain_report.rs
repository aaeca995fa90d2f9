//! All that is known of one object.

use super::{Change, Finding, Incomplete, Manager, ManagerClass, Origin, ResourceId};

/// All that is known of one object.
#[derive(Debug)]
pub struct ExplainReport {
    /// Which object.
    pub resource: ResourceId,
    /// Where Git declares it.
    pub origin: Option<Origin>,
    /// Its finding (missing, unmanaged or modified); `None` if it is in sync.
    pub finding: Option<Finding>,
    /// The commit that was read.
    pub revision: String,
    /// Its differences, those that are no drift too.
    pub fields: Vec<ExplainedField>,
    /// Who wrote the live object, with the class of each.
    pub writers: Vec<(Manager, ManagerClass)>,
    /// What could not be read and concerns the run.
    pub incomplete: Vec<Incomplete>,
}

/// One difference, and the evidence for its verdict.
#[derive(Debug)]
pub struct ExplainedField {
    /// The difference and its verdict.
    pub change: Change,
    /// Who owns the place, with the class of each.
    pub owners: Vec<(FieldOwner, ManagerClass)>,
    /// Commits that declared what is live, newest first, with the time at which each was superseded, seconds since 1970.
    pub declared_by: Vec<(String, i64)>,
}

/// Who owns a place of a live object.
#[derive(Debug, Clone)]
pub struct FieldOwner {
    /// The entry of managedFields.
    pub manager: Manager,
    /// Whether it owns this very place, or something in it; else it owns what is around it.
    pub is_exact: bool,
}
