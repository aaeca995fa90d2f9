//! `drift audit`: verifies from Git that every incident ended with a commit.

mod error;
mod proof;

use crate::model::AuditReport;
use crate::model::{AuditedIncident, NotProvenReason, Outcome};
use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use tracing::field::Empty;
use tracing::info_span;

use crate::checkout::{CheckoutSettings, LedgerLocation, read_ledger_files};
use crate::git::{CommitId, Repository};
use crate::incident::{Event, Incident, IncidentStatus, Ledger};
pub use error::AuditError;
use proof::CommitClaim;

/// Most commits of the ledger's branch that are checked for rewritten bytes.
const LEDGER_COMMITS: usize = 1_000;

/// Reads the ledger and verifies each incident's end, without the cluster or the forge.
///
/// # Errors
/// A ledger or repository that cannot be read.
pub fn audit(settings: &CheckoutSettings) -> Result<AuditReport, AuditError> {
    let stage = info_span!("audit", incidents = Empty);
    let repository = settings.open_repository()?;
    let ledgers = LedgerLocation::find(&repository, settings)?;
    let (base, head) = (ledgers.base, ledgers.ledger);
    let mut audited = AuditReport {
        audited_at: settings.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        base: (base.0, base.1.as_str().to_owned()),
        ledger: (head.0, head.1.as_ref().map(|head| head.as_str().to_owned())),
        ..AuditReport::default()
    };
    let ledger = Ledger::read(read_ledger_files(&repository, &base.1, head.1.as_ref())?)?;
    audited.unrecorded = find_unrecorded(&repository, &base.1, &ledger)?;
    let Some(head) = head.1 else { return Ok(audited) };
    audited.rewritten = find_rewritten(&repository, &head)?;
    let auditor = Auditor { repository: &repository, base: &base.1, now: settings.now };
    audited.incidents = auditor.incidents(&ledger)?;
    stage.record("incidents", audited.incidents.len());
    Ok(audited)
}

struct Auditor<'a> {
    repository: &'a Repository,
    base: &'a CommitId,
    now: Timestamp,
}

impl Auditor<'_> {
    fn incidents(&self, ledger: &Ledger) -> Result<Vec<AuditedIncident>, AuditError> {
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
        let until = match incident.status() {
            IncidentStatus::Ended(_) => {
                incident.events.last().and_then(|event| time(&event.at)).unwrap_or(self.now)
            }
            _ => self.now,
        };
        time(incident.opened_at()).map_or(0, |from| (until.as_second() - from.as_second()) / 86_400)
    }

    fn outcome(&self, incident: &Incident) -> Result<Outcome, AuditError> {
        let how = match incident.status() {
            IncidentStatus::Open => return Ok(Outcome::Open),
            IncidentStatus::Declined => return Ok(Outcome::Declined),
            IncidentStatus::Ended(how) => how,
        };
        let not_proven = |why| Ok(Outcome::NotProven { how, why });
        let end = incident.events.last();
        let Some(commit) = end.and_then(|event| event.ended_by.as_deref()) else {
            return not_proven(NotProvenReason::NoCommit);
        };
        let Ok(id) = CommitId::parse(commit) else {
            return not_proven(NotProvenReason::InvalidCommit);
        };
        if !self.repository.is_ancestor(&id, self.base)? {
            return not_proven(NotProvenReason::NotOnBase);
        }
        if let Some(why) = wrong_time(&incident.events, self.now) {
            return not_proven(why);
        }
        let claim = CommitClaim { repository: self.repository, incident, commit: &id };
        Ok(match claim.prove(how)? {
            Ok(proof) => Outcome::Proven { how, commit: commit.to_owned(), proof },
            Err(why) => Outcome::NotProven { how, why },
        })
    }
}

/// Allowed clock difference between two runs.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(10);

/// What is wrong with the times of an incident's events: they must be in order and not in the future.
fn wrong_time(events: &[Event], now: Timestamp) -> Option<NotProvenReason> {
    let mut before: Option<Timestamp> = None;
    for event in events {
        let Ok(at) = event.at.parse::<Timestamp>() else {
            return Some(NotProvenReason::InvalidTime);
        };
        if before.is_some_and(|before| at.saturating_add(CLOCK_SKEW).is_ok_and(|at| at < before)) {
            return Some(NotProvenReason::OutOfOrder);
        }
        before = Some(at);
    }
    let future = before.is_some_and(|last| now.saturating_add(CLOCK_SKEW).is_ok_and(|now| now < last));
    future.then_some(NotProvenReason::InFuture)
}

/// Most commits of the base branch that are searched for incident trailers.
const BASE_COMMITS: usize = 100_000;

/// The incidents that commits of the base branch name and that the ledger does not have: it is gone, was replaced, or is
/// another branch than before.
fn find_unrecorded(
    repository: &Repository,
    base: &CommitId,
    ledger: &Ledger,
) -> Result<BTreeMap<String, String>, AuditError> {
    let mut lost = BTreeMap::new();
    for (commit, id) in repository.trailers_before(base, "Drift-Incident", BASE_COMMITS)? {
        if crate::incident::is_id(&id) && ledger.incident(&id).is_none() {
            lost.entry(id).or_insert_with(|| commit.as_str().to_owned());
        }
    }
    Ok(lost)
}

/// Files of the ledger whose earlier bytes were changed: what is only ever appended to must begin as it was.
fn find_rewritten(repository: &Repository, head: &CommitId) -> Result<Vec<String>, AuditError> {
    let commits = repository.commits_touching(head, "incidents", LEDGER_COMMITS)?;
    let mut found = BTreeSet::new();
    for pair in commits.windows(2) {
        let changed = repository.changed_files(&pair[1].id, &pair[0].id)?.into_iter();
        for (path, _) in changed.filter(|(path, _)| path.starts_with("incidents/")) {
            let Some(before) = repository.read(&pair[1].id, &path)? else { continue };
            let after = repository.read(&pair[0].id, &path)?;
            let is_append = after.is_some_and(|after| after.starts_with(&before));
            if !is_append {
                let commit = pair[0].id.short();
                found.insert(format!("{path} was changed or removed by commit {commit} of the ledger"));
            }
        }
    }
    if commits.len() == LEDGER_COMMITS {
        found.insert(format!("only the newest {LEDGER_COMMITS} commits of the ledger were checked"));
    }
    Ok(found.into_iter().collect())
}
