//! `drift audit`: did every incident end with a commit? Proven from Git, not believed.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::JobError;
use super::run::{Ledgers, RunSettings};
use crate::git::{CommitId, Repository, trailers};
use crate::incident::{How, Incident, Ledger, RecordedFinding, Standing, agree};
use crate::model::{FieldPath, ResourceId, State};

/// What an audit found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Audited {
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
        how: How,
        /// The commit.
        commit: String,
        /// What proves it.
        proof: Proof,
    },
    /// The ledger says that it ended, and Git does not bear it out.
    NotProven {
        /// How, by the ledger.
        how: How,
        /// Why it is not believed.
        why: String,
    },
}

/// What proves that a commit ended an incident; each includes that it is on the base branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The commit declares just the live values that were recorded.
    Content,
    /// The commit names the incident in its message.
    Trailer,
    /// The commit is on the base branch, and no more can be told from its files.
    Ancestry,
}

impl Audited {
    /// 0 all ended with a commit (or no ledger yet), 1 some did not.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let ended = |incident: &AuditedIncident| matches!(incident.outcome, Outcome::Proven { .. });
        u8::from(!self.rewritten.is_empty() || !self.incidents.iter().all(ended))
    }
}

/// Commits of the ledger's branch that are looked at for rewritten bytes.
const LEDGER_COMMITS: usize = 1_000;

/// Reads the ledger and proves each incident's end. Neither the cluster nor the forge is asked.
///
/// # Errors
/// A ledger or repository that cannot be read.
pub fn audit(settings: &RunSettings) -> Result<Audited, JobError> {
    let repository = settings.check.open()?;
    let ledgers = Ledgers::find(&repository, settings)?;
    let (base, head) = (ledgers.base, ledgers.ledger);
    let mut audited = Audited {
        audited_at: settings.check.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        base: (base.0, base.1.as_str().to_owned()),
        ledger: (head.0, head.1.as_ref().map(|head| head.as_str().to_owned())),
        ..Audited::default()
    };
    let Some(head) = head.1 else { return Ok(audited) };
    let ledger = super::run::read_ledger(&repository, Some(&head))?;
    audited.rewritten = rewritten(&repository, &head)?;
    let auditor = Auditor { repository: &repository, base: &base.1, now: settings.check.now };
    audited.incidents = auditor.incidents(&ledger)?;
    Ok(audited)
}

struct Auditor<'a> {
    repository: &'a Repository,
    base: &'a CommitId,
    now: Timestamp,
}

impl Auditor<'_> {
    fn incidents(&self, ledger: &Ledger) -> Result<Vec<AuditedIncident>, JobError> {
        let mut incidents = Vec::new();
        for incident in ledger.incidents() {
            incidents.push(AuditedIncident {
                id: incident.id.clone(),
                cluster: incident.cluster.clone(),
                resources: incident.members.iter().map(|member| member.resource.clone()).collect(),
                opened_at: incident.opened_at().to_owned(),
                days: self.days(incident),
                outcome: self.outcome(incident)?,
            });
        }
        incidents.sort_by(|left, right| (&left.opened_at, &left.id).cmp(&(&right.opened_at, &right.id)));
        Ok(incidents)
    }

    fn days(&self, incident: &Incident) -> i64 {
        let time = |text: &str| text.parse::<Timestamp>().ok();
        let until = match incident.standing() {
            Standing::Ended(_) => {
                incident.events.last().and_then(|event| time(&event.at)).unwrap_or(self.now)
            }
            _ => self.now,
        };
        time(incident.opened_at()).map_or(0, |from| (until.as_second() - from.as_second()) / 86_400)
    }

    fn outcome(&self, incident: &Incident) -> Result<Outcome, JobError> {
        let how = match incident.standing() {
            Standing::Open => return Ok(Outcome::Open),
            Standing::Declined => return Ok(Outcome::Declined),
            Standing::Ended(how) => how,
        };
        let not_proven = |why: &str| Ok(Outcome::NotProven { how, why: why.to_owned() });
        let Some(commit) = incident.events.last().and_then(|event| event.ended_by.as_deref()) else {
            return not_proven("the ledger names no commit");
        };
        let Ok(id) = CommitId::parse(commit) else { return not_proven("what the ledger names is no commit") };
        if !self.repository.is_ancestor(&id, self.base)? {
            return not_proven("the commit that the ledger names is not on the base branch");
        }
        let proof = match how {
            How::Adopted => self.adopted(incident, &id)?,
            How::Reverted | How::Accepted => Some(Proof::Ancestry),
        };
        match proof {
            Some(proof) => Ok(Outcome::Proven { how, commit: commit.to_owned(), proof }),
            None => not_proven(
                "the commit that the ledger names does not declare the live values that were recorded",
            ),
        }
    }

    /// What proves an adoption; `None`: the commit declares something else.
    fn adopted(&self, incident: &Incident, commit: &CommitId) -> Result<Option<Proof>, JobError> {
        let named = trailers(&self.repository.message(commit)?);
        let trailer = named.iter().any(|(key, value)| key == "Drift-Incident" && *value == incident.id);
        let mut contents = Vec::new();
        for record in incident.recorded() {
            contents.push(self.declares(record, commit)?);
        }
        Ok(if !contents.is_empty() && contents.iter().all(|content| *content == Some(true)) {
            Some(Proof::Content)
        } else if trailer {
            Some(Proof::Trailer)
        } else if contents.contains(&Some(false)) {
            None
        } else {
            Some(Proof::Ancestry)
        })
    }

    /// Whether the commit's file declares the recorded live values; `None` where that cannot be told from the file.
    fn declares(&self, record: &RecordedFinding, commit: &CommitId) -> Result<Option<bool>, JobError> {
        let Some(file) = record.file.as_deref().filter(|_| record.state == State::Modified) else {
            return Ok(None);
        };
        let Some(bytes) = self.repository.read(commit, file)? else { return Ok(None) };
        let documents = crate::yaml::read(&bytes).into_iter().flatten().map(|document| document.to_json());
        let same =
            |value: &serde_json::Value| ResourceId::of(value).is_ok_and(|id| is_named(&id, &record.resource));
        let Some(object) = documents.into_iter().find(same) else { return Ok(None) };
        let holds = record.changes.iter().map(|change| {
            let path = FieldPath::parse(&change.path).filter(|_| !change.masked)?;
            let declared = path.find(&object).filter(|value| !value.is_null());
            Some(agree(declared, change.live.as_ref()))
        });
        // Of several changes one may have been taken into Git and another undone.
        Ok(holds.collect::<Option<Vec<bool>>>().map(|holds| holds.into_iter().any(|holds| holds)))
    }
}

/// Whether `resource` of the ledger is this object; a manifest may leave its namespace out.
fn is_named(id: &ResourceId, resource: &str) -> bool {
    let full = id.with_group();
    let kind = full.split('/').next().unwrap_or_default();
    full == resource
        || (id.namespace.is_none()
            && resource.starts_with(&format!("{kind}/"))
            && resource.ends_with(&format!("/{}", id.name)))
}

/// Files of the ledger whose earlier bytes were changed: what is only ever appended to must begin as it was.
fn rewritten(repository: &Repository, head: &CommitId) -> Result<Vec<String>, JobError> {
    let commits = repository.commits_touching(head, "incidents", LEDGER_COMMITS)?;
    let mut found = BTreeSet::new();
    for pair in commits.windows(2) {
        for entry in repository.list(&pair[1].id, "incidents")? {
            if repository.tree_id(&pair[1].id, &entry.path)?
                == repository.tree_id(&pair[0].id, &entry.path)?
            {
                continue;
            }
            let before = repository.read(&pair[1].id, &entry.path)?.unwrap_or_default();
            let after = repository.read(&pair[0].id, &entry.path)?;
            let kept = after.as_ref().is_some_and(|after| after.starts_with(&before));
            if !kept {
                found.insert(format!(
                    "{} was changed or removed by commit {} of the ledger",
                    entry.path,
                    pair[0].id.short()
                ));
            }
        }
    }
    if commits.len() == LEDGER_COMMITS {
        found.insert(format!("only the newest {LEDGER_COMMITS} commits of the ledger were looked at"));
    }
    Ok(found.into_iter().collect())
}
