//! How an incident ended, from what was recorded and what is declared now.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ledger::{How, Incident, RecordedChange, RecordedFinding};
use crate::model::{Cause, Finding, State};

/// How an incident ended, before the commit is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// How.
    pub how: How,
    /// Files in which to look for the commit that did it.
    pub files: Vec<String>,
}

/// What is declared now of an object that an incident has.
pub trait Declared {
    /// The value that Git declares at a field path of the object, as text; `None` where it declares the object and
    /// not the field.
    fn value(&self, key: &str, path: &str) -> Option<Value>;
    /// Whether Git declares the object.
    fn is_declared(&self, key: &str) -> bool;
    /// The file that declares the object now.
    fn file(&self, key: &str) -> Option<String>;
}

/// How an incident of which no finding is drift any more ended. `findings` are the present ones, by key: an ignored one
/// tells that a rule accepts it. `declared` answers what Git declares now.
#[must_use]
pub fn how_it_ended(
    incident: &Incident,
    findings: &BTreeMap<String, &Finding>,
    declared: &dyn Declared,
) -> Ending {
    let recorded = incident.recorded();
    let accepted = recorded
        .iter()
        .any(|record| findings.get(&record.key).is_some_and(|finding| is_accepted(finding, record)));
    if accepted {
        return Ending { how: How::Accepted, files: vec![crate::config::FILE.to_owned()] };
    }
    let adopted = recorded.iter().any(|record| is_adopted(record, declared));
    let files =
        recorded.iter().filter_map(|record| declared.file(&record.key).or_else(|| record.file.clone()));
    let mut files: Vec<String> = files.collect();
    files.sort();
    files.dedup();
    Ending { how: if adopted { How::Adopted } else { How::Reverted }, files }
}

fn is_accepted(finding: &Finding, record: &RecordedFinding) -> bool {
    let ignored = |change: &RecordedChange| {
        finding
            .changes
            .iter()
            .any(|now| now.verdict.cause == Cause::Ignored && now.difference.path.to_string() == change.path)
    };
    finding.verdict.cause == Cause::Ignored || record.changes.iter().any(ignored)
}

/// Whether Git came to live and not live to Git.
fn is_adopted(record: &RecordedFinding, declared: &dyn Declared) -> bool {
    match record.state {
        State::Missing => !declared.is_declared(&record.key),
        State::Unmanaged => declared.is_declared(&record.key),
        State::Modified => {
            let moved = |change: &RecordedChange| {
                !change.masked && declared.value(&record.key, &change.path) != change.desired
            };
            !declared.is_declared(&record.key) || record.changes.iter().any(moved)
        }
    }
}
