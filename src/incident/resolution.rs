//! Finds how an incident ended, from the recorded and the current values.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ledger::{Incident, RecordedChange, RecordedFinding, bound_value};
use crate::model::{Cause, Finding, Resolution, State};

/// How an incident ended, before the commit is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolutionEvidence {
    /// How.
    pub resolution: Resolution,
    /// Whether Git declares a third value now, and live with it: a commit did that, too.
    pub moved: bool,
    /// Files in which to look for the commit that did it.
    pub files: Vec<String>,
}

/// What is declared now of an object that an incident has.
pub trait DeclaredValues {
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
pub fn find_resolution(
    incident: &Incident,
    findings: &BTreeMap<String, &Finding>,
    declared: &dyn DeclaredValues,
) -> ResolutionEvidence {
    let recorded = incident.latest_record();
    let accepted = recorded
        .iter()
        .any(|record| findings.get(&record.key).is_some_and(|finding| is_accepted(finding, record)));
    if accepted {
        return ResolutionEvidence {
            resolution: Resolution::Accepted,
            moved: false,
            files: vec![crate::config::CONFIG_FILE.to_owned()],
        };
    }
    let came = |to: fn(&RecordedChange, Option<&Value>) -> bool| {
        recorded.iter().any(|record| any_recorded_change(record, declared, to))
    };
    let adopted = came(|change, now| matches_live(now, change.live.as_ref()))
        || recorded.iter().any(|record| is_adopted_whole(record, declared));
    // Git went on to a third value, and live followed it.
    let moved = !adopted && came(|change, now| !matches_live(now, change.desired.as_ref()));
    let files =
        recorded.iter().filter_map(|record| declared.file(&record.key).or_else(|| record.file.clone()));
    let mut files: Vec<String> = files.collect();
    files.sort();
    files.dedup();
    ResolutionEvidence {
        resolution: if adopted { Resolution::Adopted } else { Resolution::Reverted },
        moved,
        files,
    }
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

/// Whether some change of a modified object that Git still declares is as `to` says.
fn any_recorded_change(
    record: &RecordedFinding,
    declared: &dyn DeclaredValues,
    to: fn(&RecordedChange, Option<&Value>) -> bool,
) -> bool {
    record.state == State::Modified
        && declared.is_declared(&record.key)
        && record.changes.iter().filter(|change| !change.masked).any(|change| {
            let now = declared.value(&record.key, &change.path);
            to(change, now.as_ref())
        })
}

/// Whether Git came to live with a whole object: dropped one that was missing (or differed), declares one that was not.
fn is_adopted_whole(record: &RecordedFinding, declared: &dyn DeclaredValues) -> bool {
    let is_declared = declared.is_declared(&record.key);
    match record.state {
        State::Missing | State::Modified => !is_declared,
        State::Unmanaged => is_declared,
    }
}

/// Whether a declared value is a live one, or is so but for what the server fills in; quantities by value, and a value
/// that the ledger keeps by its hash by that.
#[must_use]
pub fn matches_live(declared: Option<&Value>, live: Option<&Value>) -> bool {
    match (declared, live) {
        // A null that the server does not keep declares nothing.
        (None | Some(Value::Null), None) => true,
        (Some(Value::Object(declared)), Some(Value::Object(live))) => declared.iter().all(|(key, value)| {
            value.is_null() || live.get(key).is_some_and(|live| matches_live(Some(value), Some(live)))
        }),
        (Some(Value::Array(declared)), Some(Value::Array(live))) => {
            declared.len() == live.len()
                && declared.iter().zip(live).all(|(declared, live)| matches_live(Some(declared), Some(live)))
        }
        (Some(declared), Some(live)) => {
            declared == live || bound_value(declared) == *live || crate::schema::same_quantity(declared, live)
        }
        _ => false,
    }
}
