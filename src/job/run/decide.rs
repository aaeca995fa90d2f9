//! What a run makes of what it read: events for the ledger, proposals for the forge.

use std::collections::{BTreeMap, BTreeSet};

use super::ending::{self, Now};
use super::look::is_known;
use super::site::branch_name;
use super::{Round, words};
use crate::cluster::Cluster;
use crate::forge::{Closer, Existing, Kind, Proposal, ProposalState};
use crate::incident::{
    Event, How, Incident, Ledger, RecordedFinding, Standing, What, digest, fingerprint, group,
    incident_fingerprint, key, opens_something,
};
use crate::job::JobError;
use crate::model::{Cause, Desired, Finding, ObjectKey, ResourceId};
use crate::remedy::{Ground, Proven, plan, prove};

/// New proposals of one run.
const NEW_PROPOSALS: usize = 10;
/// More objects in drift than this, and than a quarter of all: the wrong context, most likely.
const MASS: usize = 20;

/// What a run will do.
#[derive(Default)]
pub(super) struct Decision {
    /// What should stand for each open incident.
    pub(super) wanted: Vec<Wanted>,
    /// Incidents that ended, with the words in which their proposals are closed.
    pub(super) ended: Vec<Ended>,
    /// Incidents that a person declined in the meantime.
    pub(super) declined: Vec<(String, String)>,
    /// Incidents that wait for the next run, with their titles.
    pub(super) waiting: Vec<(String, String)>,
    /// Proposals that say "mass drift" and no longer hold.
    pub(super) mass_over: Option<String>,
    pub(super) notes: Vec<String>,
}

/// What should stand for an open incident.
pub(super) struct Wanted {
    pub(super) incident: String,
    pub(super) fingerprint: String,
    pub(super) proven: Proven,
    /// A pull request, an issue, or both.
    pub(super) proposals: Vec<Proposal>,
    /// Kinds that are neither opened, nor updated, nor closed: a person closed that proposal, or committed to its branch.
    pub(super) kept: Vec<Kind>,
}

pub(super) struct Ended {
    pub(super) incident: String,
    /// Its objects, for a person.
    pub(super) shown: String,
    pub(super) how: How,
    pub(super) reason: String,
}

/// Decides, and records events in the ledger.
pub(super) fn decide(
    round: &Round<'_>,
    ledger: &mut Ledger,
    listed: &[Existing],
    gone: &BTreeSet<String>,
    cluster: &Cluster,
) -> Result<Decision, JobError> {
    let mut decider =
        Decider { round, listed, gone, cluster, decision: Decision::default(), drifting: drifting(round) };
    if decider.is_mass() {
        // The wrong cluster, most likely: what is known of the right one stays as it is.
        decider.ask_about_mass();
        return Ok(decider.decision);
    }
    let known: Vec<String> = ledger
        .incidents()
        .filter(|incident| is_unended(incident, round))
        .map(|incident| incident.id.clone())
        .collect();
    for id in known {
        decider.look_again(ledger, &id)?;
    }
    decider.open_new(ledger);
    decider.propose(ledger)?;
    Ok(decider.decision)
}

fn is_unended(incident: &Incident, round: &Round<'_>) -> bool {
    incident.cluster == round.checked.cluster.name && !matches!(incident.standing(), Standing::Ended(_))
}

/// The findings that open incidents, by key.
fn drifting<'a>(round: &Round<'a>) -> BTreeMap<String, &'a Finding> {
    let findings = round.checked.findings.iter().filter(|finding| opens_something(finding));
    findings.map(|finding| (key(&round.checked.cluster.name, finding), finding)).collect()
}

struct Decider<'a> {
    round: &'a Round<'a>,
    listed: &'a [Existing],
    /// Keys of members that were asked for by name and are not live.
    gone: &'a BTreeSet<String>,
    cluster: &'a Cluster,
    decision: Decision,
    drifting: BTreeMap<String, &'a Finding>,
}

impl<'a> Decider<'a> {
    fn event(&self, what: What) -> Event {
        Event {
            event: what,
            at: self.round.checked.checked_at.clone(),
            commit: self.round.heads.base.as_str().to_owned(),
            fingerprint: None,
            findings: Vec::new(),
            by: None,
            how: None,
            ended_by: None,
            reason: None,
        }
    }

    fn recorded(&self, what: What, findings: &[&Finding]) -> Event {
        let cluster = &self.round.checked.cluster.name;
        let records = findings.iter().map(|finding| RecordedFinding::of(cluster, finding)).collect();
        Event { fingerprint: Some(self.print(findings)), findings: records, ..self.event(what) }
    }

    fn print(&self, findings: &[&Finding]) -> String {
        let cluster = &self.round.checked.cluster.name;
        let prints: Vec<String> = findings.iter().map(|finding| fingerprint(cluster, finding)).collect();
        incident_fingerprint(prints.iter().map(String::as_str))
    }

    fn members(&self, incident: &Incident) -> Vec<&'a Finding> {
        incident.members.iter().filter_map(|member| self.drifting.get(&member.key).copied()).collect()
    }

    /// An incident that is not ended: has it ended, changed, or been declined?
    fn look_again(&mut self, ledger: &mut Ledger, id: &str) -> Result<(), JobError> {
        let Some(incident) = ledger.incident(id) else { return Ok(()) };
        let present = self.members(incident);
        let complete = self.round.checked.is_complete();
        if present.is_empty() {
            if complete && self.is_settled(incident) {
                let (event, ended) = self.end(incident)?;
                self.decision.ended.push(ended);
                ledger.append(id, event);
            }
            return Ok(());
        }
        let (standing, recorded) = (incident.standing(), incident.fingerprint().map(str::to_owned));
        let sure = complete || present.len() == incident.recorded().len();
        // Declined is only what nothing stands for: a person has opened it again.
        let reopened = standing == Standing::Declined && self.stands(id, None);
        if sure && (reopened || recorded.as_deref() != Some(self.print(&present).as_str())) {
            let event = self.recorded(What::Changed, &present);
            ledger.append(id, event);
        } else if standing == Standing::Open
            && let Some(by) = self.declined(id, recorded.as_deref())
        {
            ledger.append(id, Event { by: Some(by.clone()), ..self.event(What::Declined) });
            self.decision.declined.push((id.to_owned(), by));
        }
        Ok(())
    }

    /// Whether every member was looked at, and Git and live agree about it, or a rule or a controller accounts for what
    /// differs.
    fn is_settled(&self, incident: &Incident) -> bool {
        let cluster = &self.round.checked.cluster.name;
        let waiting = |finding: &&Finding| {
            let unsynced = finding.verdict.cause == Cause::Unsynced
                || finding.changes.iter().any(|change| change.verdict.cause == Cause::Unsynced);
            unsynced && incident.members.iter().any(|member| member.key == key(cluster, finding))
        };
        let known =
            |member: &crate::incident::Member| is_known(self.round, self.gone, &member.resource, &member.key);
        incident.members.iter().all(known)
            && !self.round.checked.findings.iter().any(|finding| waiting(&finding))
    }

    fn end(&self, incident: &Incident) -> Result<(Event, Ended), JobError> {
        let now = Now::new(self.round);
        let (how, commit, reason) = ending::find(self.round, incident, &now, self.cluster)?;
        let event = Event {
            how: Some(how),
            ended_by: commit,
            reason: Some(reason.clone()),
            ..self.event(What::Ended)
        };
        let first = incident.members.first().map(|member| member.resource.as_str()).unwrap_or_default();
        let more = if incident.members.len() > 1 { " and more" } else { "" };
        let shown = format!("{first}{more} [{}]", incident.id);
        Ok((event, Ended { incident: incident.id.clone(), shown, how, reason }))
    }

    /// Who closed the incident's proposal, if a person did and nothing else is open for it.
    fn declined(&self, id: &str, recorded: Option<&str>) -> Option<String> {
        let recorded = recorded?;
        if self.stands(id, None) {
            return None;
        }
        [Kind::PullRequest, Kind::Issue].into_iter().find_map(|kind| self.closed_by(id, kind, recorded))
    }

    /// Whether a proposal is open for the incident, of any kind or of this one.
    fn stands(&self, id: &str, kind: Option<Kind>) -> bool {
        let same = |existing: &&Existing| kind.is_none_or(|kind| existing.kind == kind);
        let open = self.listed.iter().filter(same);
        open.filter(|existing| existing.state.is_open()).any(|existing| existing.mark.incident == id)
    }

    /// The person who closed a proposal of this kind that showed the incident as it is recorded.
    fn closed_by(&self, id: &str, kind: Kind, recorded: &str) -> Option<String> {
        let same = |existing: &&Existing| {
            existing.kind == kind && existing.mark.incident == id && existing.mark.fingerprint == recorded
        };
        self.listed.iter().filter(same).find_map(|existing| match &existing.state {
            ProposalState::Closed { by: Closer::Person(login), .. } => Some(login.clone()),
            ProposalState::Closed { by: Closer::Unknown, .. } => Some("somebody".to_owned()),
            _ => None,
        })
    }

    fn is_mass(&self) -> bool {
        self.drifting.len() > MASS.max(self.round.checked.summary.desired / 4)
    }

    /// Too much at once to be true becomes one question.
    fn ask_about_mass(&mut self) {
        let checked = self.round.checked;
        let (drifting, desired) = (self.drifting.len(), checked.summary.desired);
        let id = mass_id(&checked.cluster.name);
        let proposal = words::mass(&id, desired, &checked.cluster, &self.round.site.base);
        self.decision.notes.push(format!(
            "{drifting} of {desired} objects are in drift: one issue asks whether this is the right cluster, and no incident is opened or changed"
        ));
        let fingerprint = proposal.fingerprint.clone();
        let (incident, proven) = (proposal.incident.clone(), Proven::default());
        // A person who closed it has seen it.
        if self.stands(&incident, None) || self.closed_by(&incident, Kind::Issue, &fingerprint).is_none() {
            let (proposals, kept) = (vec![proposal], Vec::new());
            self.decision.wanted.push(Wanted { incident, fingerprint, proven, proposals, kept });
        }
    }

    /// Findings that no unended incident has become incidents.
    fn open_new(&mut self, ledger: &mut Ledger) {
        let cluster = &self.round.checked.cluster.name;
        if self.round.checked.is_complete() {
            self.decision.mass_over = Some(mass_id(cluster));
        }
        let new = self.drifting.iter().filter(|(key, _)| ledger.unended(cluster, key).is_none());
        let new: Vec<&Finding> = new.map(|(_, finding)| *finding).collect();
        for (incident, findings) in group(cluster, new, ledger) {
            let event = self.recorded(What::Opened, &findings);
            ledger.open(incident, event);
        }
    }

    /// What should stand on the forge for every open incident.
    fn propose(&mut self, ledger: &Ledger) -> Result<(), JobError> {
        let mut opened = 0;
        for incident in ledger.incidents().filter(|incident| is_unended(incident, self.round)) {
            let present = self.members(incident);
            // Where not everything was read, a member that does not show may be there all the same.
            let whole = self.round.checked.is_complete() || present.len() == incident.recorded().len();
            if incident.standing() != Standing::Open || present.is_empty() || !whole {
                continue;
            }
            let stands = self.stands(&incident.id, None);
            let waits = |new: usize| !stands && opened + new > NEW_PROPOSALS;
            let wanted = if waits(1) { None } else { Some(self.wanted(incident, &present)?) };
            let new = wanted.as_ref().map_or(0, |wanted| {
                let kinds = wanted.proposals.iter().map(|proposal| proposal.kind);
                kinds.filter(|kind| !self.stands(&incident.id, Some(*kind))).count()
            });
            match wanted.filter(|_| !waits(new)) {
                Some(wanted) => {
                    opened += new;
                    self.decision.wanted.push(wanted);
                }
                None => {
                    self.decision.waiting.push((incident.id.clone(), words::title(incident, &present)));
                }
            }
        }
        let waiting = self.decision.waiting.len();
        if waiting > 0 {
            self.decision.notes.push(format!(
                "{} wait for the next run: one run opens at most {NEW_PROPOSALS} proposals",
                crate::text::count(waiting, "incident")
            ));
        }
        Ok(())
    }

    /// Kinds of proposals for the incident that are a person's now.
    fn kept(&mut self, incident: &Incident, branch: &str) -> Result<Vec<Kind>, JobError> {
        let recorded = incident.fingerprint().unwrap_or_default();
        let mut kept = vec![Kind::PullRequest, Kind::Issue];
        kept.retain(|kind| {
            !self.stands(&incident.id, Some(*kind)) && self.closed_by(&incident.id, *kind, recorded).is_some()
        });
        let repository = &self.round.opened.repository;
        let tip = self.round.site.branch(repository, self.round.heads, branch)?;
        if let Some(tip) = tip
            && !super::branch::is_ours(self.round, &tip)?
        {
            kept.push(Kind::PullRequest);
            self.decision.notes.push(format!(
                "branch {branch} and its pull request are left as they are: somebody else has committed to it"
            ));
        }
        Ok(kept)
    }

    fn wanted(&mut self, incident: &Incident, present: &[&Finding]) -> Result<Wanted, JobError> {
        let branch = branch_name(&self.round.checked.cluster.name, &incident.id);
        let kept = self.kept(incident, &branch)?;
        let checked = self.round.checked;
        let material = &checked.material;
        let objects: BTreeMap<ObjectKey, &Desired> =
            material.desired.iter().map(|object| (object.id.key(), object)).collect();
        let object = |key: &ObjectKey| objects.get(key).copied();
        let schema = |id: &ResourceId| material.schemas.of(&id.group, &id.version);
        let ground = Ground {
            request: self.round.opened.request(&self.round.settings.check.tools, self.cluster.served()),
            desired: &material.desired,
            incomplete: material.unrendered,
            skipped: &material.skipped,
            live: &material.live,
            schema: &schema,
        };
        let proven = prove(present, &|findings| plan(findings, &object, &schema), &ground);
        let fingerprint = incident.fingerprint().unwrap_or_default().to_owned();
        let mut proposals = Vec::new();
        if !proven.plan.is_empty() {
            proposals.push(words::pull_request(
                incident,
                present,
                &proven,
                checked,
                &self.round.site.base,
                &branch,
            ));
        }
        if !proven.plan.left.is_empty() {
            proposals.push(words::issue(incident, present, &proven, checked, &self.round.site.base));
        }
        proposals.retain(|proposal: &Proposal| !kept.contains(&proposal.kind));
        Ok(Wanted { incident: incident.id.clone(), fingerprint, proven, proposals, kept })
    }
}

/// The id under which the question "wrong context?" stands for a cluster.
fn mass_id(cluster: &str) -> String {
    digest(&["mass/v1", cluster])
}
