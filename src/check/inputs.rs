//! What a check leaves for remedies, beside its report.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::schemas::Schemas;
use crate::attribution::PastVersion;
use crate::model::{CheckReport, Desired, ObjectKey};

/// A report, and what remedies are made and proven from.
#[derive(Debug, Default)]
pub struct Check {
    /// What was found.
    pub report: CheckReport,
    /// What it was found by.
    pub(crate) inputs: CheckInputs,
}

/// The data that remedies are made and proven from.
#[derive(Debug, Default)]
pub(crate) struct CheckInputs {
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
    pub(crate) older_versions: BTreeMap<ObjectKey, Vec<PastVersion>>,
}
