//! Finds in Git, by content, the commit that ended an incident.

use std::collections::BTreeMap;

use serde_json::Value;

use super::RunError;
use super::attempt::RunAttempt;
use crate::attribution::IgnoreRules;
use crate::checkout::{read_config_at, render_source_at};
use crate::cluster::Cluster;
use crate::config::{CONFIG_FILE, Source};
use crate::git::CommitInfo;
use crate::incident::{DeclaredValues, Incident, find_resolution};
use crate::model::{Cause, Change, Desired, FieldPath, Finding, Resolution, finding_key, resource_key};

/// Most commits of a file that are examined.
const COMMITS: usize = 50;

/// What Git declares now, by key of the finding.
pub(super) struct CurrentState<'a> {
    desired: BTreeMap<String, &'a Desired>,
    findings: BTreeMap<String, &'a Finding>,
}

impl<'a> CurrentState<'a> {
    pub(super) fn new(attempt: &RunAttempt<'a>) -> Self {
        let cluster = &attempt.checked.cluster.name;
        let desired = attempt.inputs.desired.iter().map(|object| (resource_key(cluster, &object.id), object));
        let findings =
            attempt.checked.findings.iter().map(|finding| (finding_key(cluster, finding), finding));
        Self { desired: desired.collect(), findings: findings.collect() }
    }
}

impl CurrentState<'_> {
    /// Whether an object of the incident still differs, and a controller owns what differs.
    fn is_controlled(&self, incident: &Incident) -> bool {
        let controlled = |finding: &&Finding| {
            finding.changes.iter().any(|change| change.verdict.cause == Cause::Controller)
        };
        incident.members.iter().filter_map(|member| self.findings.get(&member.key)).any(controlled)
    }
}

impl DeclaredValues for CurrentState<'_> {
    fn value(&self, key: &str, path: &str) -> Option<Value> {
        value(self.desired.get(key)?, path)
    }

    fn is_declared(&self, key: &str) -> bool {
        self.desired.contains_key(key)
    }

    fn file(&self, key: &str) -> Option<String> {
        self.desired.get(key).map(|object| object.origin.file.clone())
    }
}

fn value(object: &Desired, path: &str) -> Option<Value> {
    let path = FieldPath::parse(path)?;
    // A null declares nothing, but where a field may be null: there it is the value.
    let null = || path.find(&object.value).filter(|value| value.is_null()).cloned();
    path.find(&crate::diff::normalise_declared(&object.value)).cloned().or_else(null)
}

/// How an incident ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) how: Resolution,
    /// The commit that did it.
    pub(super) commit: String,
    /// Why, in words.
    pub(super) reason: String,
}

/// How the incident ended, by which commit, and why.
pub(super) fn find_ending(
    attempt: &RunAttempt<'_>,
    incident: &Incident,
    now: &CurrentState<'_>,
    cluster: &Cluster,
) -> Result<Ending, RunError> {
    let ending = find_resolution(incident, &now.findings, now);
    let base = &attempt.heads.base;
    let short = |id: &str| id.get(..12).unwrap_or(id).to_owned();
    let search = Search { attempt, incident, current: now, cluster };
    let declared_by = |commit: Option<String>| commit.unwrap_or_else(|| base.as_str().to_owned());
    let (how, commit, reason) = match ending.resolution {
        Resolution::Accepted => {
            let id = declared_by(find_accepting_commit(attempt, incident, now)?);
            let reason = format!("an ignore rule in drift.yaml accepts it since commit {}", short(&id));
            (Resolution::Accepted, id, reason)
        }
        Resolution::Adopted => {
            let id = declared_by(search.commit(&ending.files)?);
            let reason = format!("commit {} made Git equal the live values", short(&id));
            (Resolution::Adopted, id, reason)
        }
        Resolution::Reverted if now.is_controlled(incident) => {
            let reason = format!("a controller accounts for it, as commit {} says", short(base.as_str()));
            (Resolution::Accepted, base.as_str().to_owned(), reason)
        }
        Resolution::Reverted => {
            let id = declared_by(if ending.moved { search.commit(&ending.files)? } else { None });
            let reason = format!("the cluster equals commit {} again", short(&id));
            (Resolution::Reverted, id, reason)
        }
    };
    Ok(Ending { how, commit, reason })
}

/// The commit that brought the rule: the last one, going back, whose `drift.yaml` still covers the findings.
fn find_accepting_commit(
    attempt: &RunAttempt<'_>,
    incident: &Incident,
    now: &CurrentState<'_>,
) -> Result<Option<String>, RunError> {
    let repository = &attempt.checkout.repository;
    let of_incident = |finding: &&&Finding| {
        let key = finding_key(&attempt.checked.cluster.name, finding);
        incident.members.iter().any(|member| member.key == key)
    };
    let findings: Vec<&Finding> = now.findings.values().filter(of_incident).copied().collect();
    let mut found = None;
    for commit in repository.commits_touching(&attempt.heads.base, CONFIG_FILE, COMMITS)? {
        let config = read_config_at(repository, &commit.id).unwrap_or_default();
        // Whether a rule had expired then does not matter: it was there.
        let rules = IgnoreRules::new(&config.ignore, "");
        let covers = |finding: &&Finding| {
            let covered =
                |change: &Change| rules.find_rule(&finding.resource, Some(&change.difference.path)).is_some();
            rules.find_rule(&finding.resource, None).is_some() || finding.changes.iter().any(covered)
        };
        if !findings.iter().any(covers) {
            break;
        }
        found = Some(commit.id.as_str().to_owned());
    }
    Ok(found)
}

struct Search<'a> {
    attempt: &'a RunAttempt<'a>,
    incident: &'a Incident,
    current: &'a CurrentState<'a>,
    cluster: &'a Cluster,
}

impl Search<'_> {
    /// The newest of the commits that brought each file to what it declares now.
    fn commit(&self, files: &[String]) -> Result<Option<String>, RunError> {
        let mut newest: Option<CommitInfo> = None;
        for file in files {
            if let Some(found) = self.commit_of_file(file)?
                && newest.as_ref().is_none_or(|before| found.time >= before.time)
            {
                newest = Some(found);
            }
        }
        Ok(newest.map(|commit| commit.id.as_str().to_owned()))
    }

    /// Going back from the head: the last commit at which the recorded fields were still as they are now.
    fn commit_of_file(&self, file: &str) -> Result<Option<CommitInfo>, RunError> {
        let commits =
            self.attempt.checkout.repository.commits_touching(&self.attempt.heads.base, file, COMMITS)?;
        let mut found = None;
        for commit in commits {
            let same = self.is_unchanged_at(&commit, file)?;
            if !same {
                break;
            }
            found = Some(commit);
        }
        Ok(found)
    }

    fn is_unchanged_at(&self, commit: &CommitInfo, file: &str) -> Result<bool, RunError> {
        let name = &self.attempt.checked.cluster.name;
        let source = self.source(file);
        let with = (self.cluster.api_resources(), &self.attempt.settings.check.checkout.tools);
        let objects = render_source_at(&self.attempt.checkout.repository, &commit.id, &source, with)?;
        let then: BTreeMap<String, &Desired> =
            objects.iter().map(|object| (resource_key(name, &object.id), object)).collect();
        let mut recorded = self.incident.latest_record().iter();
        Ok(recorded.all(|record| {
            let (before, after) = (then.get(&record.key), self.current.desired.get(&record.key));
            match (before, after) {
                (Some(before), Some(after)) if before.origin.file != file && after.origin.file != file => {
                    true
                }
                (Some(before), Some(after)) => record
                    .changes
                    .iter()
                    .all(|change| value(before, &change.path) == value(after, &change.path)),
                (None, Some(after)) => after.origin.file != file,
                (Some(_), None) => false,
                (None, None) => true,
            }
        }))
    }

    /// The file as a source of its own, or the whole source where it is rendered by a tool.
    fn source(&self, file: &str) -> Source {
        let around =
            self.attempt.checkout.sources.iter().find(|source| crate::checkout::is_below(file, &source.path));
        let plain = self
            .current
            .desired
            .values()
            .any(|object| object.origin.file == file && object.provenance.is_document());
        match around {
            Some(source) if !plain => source.clone(),
            Some(source) => Source { path: file.to_owned(), ..source.clone() },
            None => Source { path: file.to_owned(), ..Source::default() },
        }
    }
}
