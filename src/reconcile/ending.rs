//! By which commit an incident ended: found in Git by content, not believed.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Round;
use super::RunError;
use crate::attribution::IgnoreRules;
use crate::checkout::{read_config_at, render_source_at};
use crate::cluster::Cluster;
use crate::config::{FILE, Source};
use crate::git::CommitInfo;
use crate::incident::{Declared, Incident, how_it_ended};
use crate::model::{Cause, Change, Desired, FieldPath, Finding, Resolution, key, key_of};

/// Commits of a file that are looked at.
const COMMITS: usize = 50;

/// What Git declares now, by key of the finding.
pub(super) struct Now<'a> {
    desired: BTreeMap<String, &'a Desired>,
    findings: BTreeMap<String, &'a Finding>,
}

impl<'a> Now<'a> {
    pub(super) fn new(round: &Round<'a>) -> Self {
        let cluster = &round.checked.cluster.name;
        let desired = round.inputs.desired.iter().map(|object| (key_of(cluster, &object.id), object));
        let findings = round.checked.findings.iter().map(|finding| (key(cluster, finding), finding));
        Self { desired: desired.collect(), findings: findings.collect() }
    }
}

impl Now<'_> {
    /// Whether an object of the incident still differs, and a controller owns what differs.
    fn is_controlled(&self, incident: &Incident) -> bool {
        let controlled = |finding: &&Finding| {
            finding.changes.iter().any(|change| change.verdict.cause == Cause::Controller)
        };
        incident.members.iter().filter_map(|member| self.findings.get(&member.key)).any(controlled)
    }
}

impl Declared for Now<'_> {
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
    path.find(&crate::diff::declared(&object.value)).cloned().or_else(null)
}

/// How the incident ended, the commit that did it, and why in words.
pub(super) fn find(
    round: &Round<'_>,
    incident: &Incident,
    now: &Now<'_>,
    cluster: &Cluster,
) -> Result<(Resolution, Option<String>, String), RunError> {
    let ending = how_it_ended(incident, &now.findings, now);
    let base = &round.heads.base;
    let short = |id: &str| id.get(..12).unwrap_or(id).to_owned();
    let search = Search { round, incident, now, cluster };
    let declared_by = |commit: Option<String>| commit.unwrap_or_else(|| base.as_str().to_owned());
    Ok(match ending.how {
        Resolution::Accepted => {
            let id = declared_by(accepting(round, incident, now)?);
            let reason = format!("an ignore rule in drift.yaml accepts it since commit {}", short(&id));
            (Resolution::Accepted, Some(id), reason)
        }
        Resolution::Adopted => {
            let id = declared_by(search.commit(&ending.files)?);
            let reason = format!("commit {} made Git equal the live values", short(&id));
            (Resolution::Adopted, Some(id), reason)
        }
        Resolution::Reverted if now.is_controlled(incident) => {
            let reason = format!("a controller accounts for it, as commit {} says", short(base.as_str()));
            (Resolution::Accepted, Some(base.as_str().to_owned()), reason)
        }
        Resolution::Reverted => {
            let id = declared_by(if ending.moved { search.commit(&ending.files)? } else { None });
            let reason = format!("the cluster equals Git again, as commit {} declares it", short(&id));
            (Resolution::Reverted, Some(id), reason)
        }
    })
}

/// The commit that brought the rule: the last one, going back, whose `drift.yaml` still covers the findings.
fn accepting(round: &Round<'_>, incident: &Incident, now: &Now<'_>) -> Result<Option<String>, RunError> {
    let repository = &round.opened.repository;
    let of_incident = |finding: &&&Finding| {
        let key = key(&round.checked.cluster.name, finding);
        incident.members.iter().any(|member| member.key == key)
    };
    let findings: Vec<&Finding> = now.findings.values().filter(of_incident).copied().collect();
    let mut found = None;
    for commit in repository.commits_touching(&round.heads.base, FILE, COMMITS)? {
        let config = read_config_at(repository, &commit.id).unwrap_or_default();
        // Whether a rule had expired then does not matter: it was there.
        let rules = IgnoreRules::new(&config.ignore, "");
        let covers = |finding: &&Finding| {
            let covered =
                |change: &Change| rules.covering(&finding.resource, Some(&change.difference.path)).is_some();
            rules.covering(&finding.resource, None).is_some() || finding.changes.iter().any(covered)
        };
        if !findings.iter().any(covers) {
            break;
        }
        found = Some(commit.id.as_str().to_owned());
    }
    Ok(found)
}

struct Search<'a> {
    round: &'a Round<'a>,
    incident: &'a Incident,
    now: &'a Now<'a>,
    cluster: &'a Cluster,
}

impl Search<'_> {
    /// The newest of the commits that brought each file to what it declares now.
    fn commit(&self, files: &[String]) -> Result<Option<String>, RunError> {
        let mut newest: Option<CommitInfo> = None;
        for file in files {
            if let Some(found) = self.of_file(file)?
                && newest.as_ref().is_none_or(|before| found.time >= before.time)
            {
                newest = Some(found);
            }
        }
        Ok(newest.map(|commit| commit.id.as_str().to_owned()))
    }

    /// Going back from the head: the last commit at which the recorded fields were still as they are now.
    fn of_file(&self, file: &str) -> Result<Option<CommitInfo>, RunError> {
        let commits = self.round.opened.repository.commits_touching(&self.round.heads.base, file, COMMITS)?;
        let mut found = None;
        for commit in commits {
            let same = self.is_as_now(&commit, file)?;
            if !same {
                break;
            }
            found = Some(commit);
        }
        Ok(found)
    }

    fn is_as_now(&self, commit: &CommitInfo, file: &str) -> Result<bool, RunError> {
        let name = &self.round.checked.cluster.name;
        let source = self.source(file);
        let with = (self.cluster.served(), &self.round.settings.check.checkout.tools);
        let objects = render_source_at(&self.round.opened.repository, &commit.id, &source, with)?;
        let then: BTreeMap<String, &Desired> =
            objects.iter().map(|object| (key_of(name, &object.id), object)).collect();
        let mut recorded = self.incident.recorded().iter();
        Ok(recorded.all(|record| {
            let (before, after) = (then.get(&record.key), self.now.desired.get(&record.key));
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
            self.round.opened.sources.iter().find(|source| crate::checkout::is_below(file, &source.path));
        let plain =
            self.now.desired.values().any(|object| object.origin.file == file && object.document.is_some());
        match around {
            Some(source) if !plain => source.clone(),
            Some(source) => Source { path: file.to_owned(), ..source.clone() },
            None => Source { path: file.to_owned(), ..Source::default() },
        }
    }
}
