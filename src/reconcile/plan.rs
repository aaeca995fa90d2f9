//! Plans a run: events for the ledger, proposals for the forge. Pure: what was read is handed in as data, and what must be
//! rendered or looked up in Git on the way is asked of [`Examine`].

use std::collections::{BTreeMap, BTreeSet};

use super::ending::Ending;
use super::examined::is_accounted_for;
use super::mass_drift::{self, MassDrift};
use super::remotes::branch_name;
use super::{RunError, proposal_text};
use crate::check::CheckInputs;
use crate::forge::{Closer, ExistingProposal, Proposal, ProposalKind, ProposalMarker, ProposalState};
use crate::git::CommitId;
use crate::incident::{
    Event, EventKind, Incident, IncidentStatus, Ledger, RecordedFinding, group_findings, opens_incident,
};
use crate::model::{
    Cause, CheckReport, Finding, Resolution, digest, finding_key, fingerprint, incident_fingerprint,
};
use crate::remedy::ProvenPlan;

/// New proposals of one run.
const NEW_PROPOSALS: usize = 10;

/// What a run will do.
#[derive(Default)]
pub(super) struct RunPlan {
    /// The desired proposals of each open incident.
    pub(super) wanted: Vec<DesiredProposal>,
    /// Incidents that ended, with the reason to close their proposals.
    pub(super) ended: Vec<EndedIncident>,
    /// Incidents that a person declined in the meantime.
    pub(super) declined: Vec<(String, String)>,
    /// Incidents deferred to the next run, with their titles.
    pub(super) deferred: Vec<(String, String)>,
    /// The mass-drift issue that no longer applies.
    pub(super) mass_over: Option<String>,
    /// Objects in drift that are held back because there are too many of them.
    pub(super) held_back: usize,
    pub(super) notes: Vec<String>,
}

/// The desired state of an open incident's proposals.
pub(super) struct DesiredProposal {
    pub(super) incident: String,
    pub(super) proven: ProvenPlan,
    /// A pull request, an issue, or both.
    pub(super) proposals: Vec<Proposal>,
    /// Kinds left to people, who closed that proposal or committed to its branch.
    pub(super) left_to_people: Vec<ProposalKind>,
    /// What the branch of its pull request has.
    pub(super) tip: Tip,
}

pub(super) struct EndedIncident {
    pub(super) incident: String,
    /// Its objects, for a person.
    pub(super) objects: String,
    pub(super) how: Resolution,
    pub(super) reason: String,
}

/// What a run read before it plans.
#[derive(Clone, Copy)]
pub(super) struct Observed<'a> {
    pub(super) report: &'a CheckReport,
    pub(super) inputs: &'a CheckInputs,
    /// The branch that proposals are for.
    pub(super) base: &'a str,
    /// Its commit.
    pub(super) base_commit: &'a str,
    /// The proposals that the forge has.
    pub(super) listed: &'a [ExistingProposal],
    /// Keys of members that were asked for by name and are not live.
    pub(super) deleted: &'a BTreeSet<String>,
}

/// What is found out for one incident at a time: it takes renderers or Git.
pub(super) trait Examine {
    /// How an incident ended of which nothing differs any more.
    fn ending(&self, incident: &Incident) -> Result<Ending, RunError>;
    /// What of the findings can be adopted, proven by rendering it again.
    fn prove(&self, findings: &[&Finding]) -> ProvenPlan;
    /// What the branch of the incident's pull request has.
    fn tip(
        &self,
        incident: &Incident,
        proven: &ProvenPlan,
        marker: Option<&ProposalMarker>,
    ) -> Result<Tip, RunError>;
}

/// Plans the run, and records events in the ledger.
pub(super) fn plan_run(
    observed: Observed<'_>,
    ledger: &mut Ledger,
    examine: &dyn Examine,
) -> Result<RunPlan, RunError> {
    let drifting = drifting(observed.report);
    let mass = MassDrift::from_findings(observed.inputs, drifting.values().copied());
    let mut planner = Planner { observed, examine, plan: RunPlan::default(), drifting, mass };
    planner.plan_mass_issue();
    let known: Vec<String> = ledger
        .incidents()
        .filter(|incident| {
            is_open(incident, &observed.report.cluster.name) && !planner.mass.blocks_incident(incident)
        })
        .map(|incident| incident.id.clone())
        .collect();
    for id in known {
        planner.update_incident(ledger, &id)?;
    }
    planner.open_new(ledger);
    planner.propose(ledger)?;
    Ok(planner.plan)
}

/// Whether an incident is of this cluster and has not ended.
fn is_open(incident: &Incident, cluster: &str) -> bool {
    incident.cluster == cluster && !matches!(incident.status(), IncidentStatus::Ended(_))
}

/// The findings that open incidents, by key.
fn drifting(report: &CheckReport) -> BTreeMap<String, &Finding> {
    let findings = report.findings.iter().filter(|finding| opens_incident(finding));
    findings.map(|finding| (finding_key(&report.cluster.name, finding), finding)).collect()
}

struct Planner<'a> {
    observed: Observed<'a>,
    examine: &'a dyn Examine,
    plan: RunPlan,
    drifting: BTreeMap<String, &'a Finding>,
    /// The groups with too much drift.
    mass: MassDrift,
}

impl<'a> Planner<'a> {
    fn event(&self, what: EventKind) -> Event {
        Event {
            event: what,
            at: self.observed.report.checked_at.clone(),
            commit: self.observed.base_commit.to_owned(),
            fingerprint: None,
            findings: Vec::new(),
            by: None,
            how: None,
            ended_by: None,
            reason: None,
        }
    }

    fn recorded(&self, what: EventKind, findings: &[&Finding]) -> Event {
        let cluster = &self.observed.report.cluster.name;
        let records =
            findings.iter().map(|finding| RecordedFinding::from_finding(cluster, finding)).collect();
        Event { fingerprint: Some(self.fingerprint(findings)), findings: records, ..self.event(what) }
    }

    fn fingerprint(&self, findings: &[&Finding]) -> String {
        let cluster = &self.observed.report.cluster.name;
        let prints: Vec<String> = findings.iter().map(|finding| fingerprint(cluster, finding)).collect();
        incident_fingerprint(prints.iter().map(String::as_str))
    }

    fn members(&self, incident: &Incident) -> Vec<&'a Finding> {
        incident.members.iter().filter_map(|member| self.drifting.get(&member.key).copied()).collect()
    }

    /// Updates an open incident: ended, changed, or declined.
    fn update_incident(&mut self, ledger: &mut Ledger, id: &str) -> Result<(), RunError> {
        let Some(incident) = ledger.incident(id) else { return Ok(()) };
        let present = self.members(incident);
        let complete = self.observed.report.is_complete();
        if present.is_empty() {
            if complete && self.is_settled(incident) {
                let (event, ended) = self.end_incident(incident)?;
                self.plan.ended.push(ended);
                ledger.append(id, event);
            }
            return Ok(());
        }
        let (standing, recorded) = (incident.status(), incident.fingerprint().map(str::to_owned));
        let sure = complete || present.len() == incident.latest_record().len();
        // An incident with an open proposal is not declined: a person reopened it.
        let reopened = standing == IncidentStatus::Declined && self.has_open_proposal(id, None);
        if sure && (reopened || recorded.as_deref() != Some(self.fingerprint(&present).as_str())) {
            let event = self.recorded(EventKind::Changed, &present);
            ledger.append(id, event);
        } else if standing == IncidentStatus::Open
            && let Some(by) = self.declined_by(id, recorded.as_deref())
        {
            ledger.append(id, Event { by: Some(by.clone()), ..self.event(EventKind::Declined) });
            self.plan.declined.push((id.to_owned(), by));
        }
        Ok(())
    }

    /// Whether every member was looked at, and Git and live agree about it, or a rule or a controller accounts for what
    /// differs.
    fn is_settled(&self, incident: &Incident) -> bool {
        let cluster = &self.observed.report.cluster.name;
        let waiting = |finding: &&Finding| {
            let unsynced = finding.verdict.cause == Cause::Unsynced
                || finding.changes.iter().any(|change| change.verdict.cause == Cause::Unsynced);
            unsynced && incident.members.iter().any(|member| member.key == finding_key(cluster, finding))
        };
        let known = |member: &crate::incident::Member| {
            is_accounted_for(self.observed.inputs, self.observed.deleted, &member.resource, &member.key)
        };
        incident.members.iter().all(known)
            && !self.observed.report.findings.iter().any(|finding| waiting(&finding))
    }

    fn end_incident(&self, incident: &Incident) -> Result<(Event, EndedIncident), RunError> {
        let Ending { how, commit, reason } = self.examine.ending(incident)?;
        let event = Event {
            how: Some(how),
            ended_by: Some(commit),
            reason: Some(reason.clone()),
            ..self.event(EventKind::Ended)
        };
        let first = incident.members.first().map(|member| member.resource.as_str()).unwrap_or_default();
        let more = if incident.members.len() > 1 { " and more" } else { "" };
        let shown = format!("{first}{more} [{}]", incident.id);
        Ok((event, EndedIncident { incident: incident.id.clone(), objects: shown, how, reason }))
    }

    /// Who closed the incident's proposal, if a person did and nothing else is open for it.
    fn declined_by(&self, id: &str, recorded: Option<&str>) -> Option<String> {
        let recorded = recorded?;
        if self.has_open_proposal(id, None) {
            return None;
        }
        [ProposalKind::PullRequest, ProposalKind::Issue]
            .into_iter()
            .find_map(|kind| self.closed_by(id, kind, recorded))
    }

    /// Whether a proposal is open for the incident, of any kind or of this one.
    fn has_open_proposal(&self, id: &str, kind: Option<ProposalKind>) -> bool {
        let same = |existing: &&ExistingProposal| kind.is_none_or(|kind| existing.reference.kind == kind);
        let open = self.observed.listed.iter().filter(same);
        open.filter(|existing| existing.state.is_open()).any(|existing| existing.marker.incident == id)
    }

    /// The person who closed a proposal of this kind that showed the incident as it is recorded.
    fn closed_by(&self, id: &str, kind: ProposalKind, recorded: &str) -> Option<String> {
        let same = |existing: &&ExistingProposal| {
            existing.reference.kind == kind
                && existing.marker.incident == id
                && existing.marker.fingerprint == recorded
        };
        self.observed.listed.iter().filter(same).find_map(|existing| match &existing.state {
            ProposalState::Closed { by: Closer::Person(login), .. } => Some(login.clone()),
            ProposalState::Closed { by: Closer::Unknown, .. } => Some("somebody".to_owned()),
            _ => None,
        })
    }

    /// Plans one issue for too much drift at once; other incidents go on.
    fn plan_mass_issue(&mut self) {
        let (report, mass) = (self.observed.report, &self.mass);
        let id = mass_id(&report.cluster.name);
        if mass.is_empty() {
            self.plan.mass_over = report.is_complete().then_some(id);
            return;
        }
        let proposal = proposal_text::mass_issue(&id, mass, &report.cluster, self.observed.base);
        let lines = mass_drift::describe_groups(mass, |name| format!("{name:?}"));
        self.plan.notes.push(format!(
            "{}: too much drift at once: opened one issue instead of incidents; other incidents go on",
            lines.join("; ")
        ));
        self.plan.held_back = mass.object_count();
        // A person who closed it has seen it.
        let seen = self.closed_by(&id, ProposalKind::Issue, &proposal.fingerprint).is_some();
        if self.has_open_proposal(&id, None) || !seen {
            let (incident, proposals) = (proposal.incident.clone(), vec![proposal]);
            let (proven, kept, tip) = (ProvenPlan::default(), Vec::new(), Tip::Absent);
            self.plan.wanted.push(DesiredProposal { incident, proven, proposals, left_to_people: kept, tip });
        }
    }

    /// Findings that no unended incident has become incidents.
    fn open_new(&mut self, ledger: &mut Ledger) {
        let cluster = &self.observed.report.cluster.name;
        let new = self
            .drifting
            .iter()
            .filter(|(key, finding)| ledger.open_for(cluster, key).is_none() && !self.mass.includes(finding));
        let new: Vec<&Finding> = new.map(|(_, finding)| *finding).collect();
        for (incident, findings) in group_findings(cluster, new, ledger) {
            let event = self.recorded(EventKind::Opened, &findings);
            ledger.open(incident, event);
        }
    }

    /// Plans the proposals of every open incident.
    fn propose(&mut self, ledger: &Ledger) -> Result<(), RunError> {
        let mut opened = 0;
        let report = self.observed.report;
        for incident in ledger.incidents().filter(|incident| is_open(incident, &report.cluster.name)) {
            let present = self.members(incident);
            // Where not everything was read, a member that does not show may be there all the same.
            let whole = self.observed.report.is_complete() || present.len() == incident.latest_record().len();
            let waits = present.is_empty() || !whole || self.mass.blocks_incident(incident);
            if incident.status() != IncidentStatus::Open || waits {
                continue;
            }
            let stands = self.has_open_proposal(&incident.id, None);
            let waits = |new: usize| !stands && opened + new > NEW_PROPOSALS;
            let wanted = if waits(1) { None } else { Some(self.plan_proposal(incident, &present)?) };
            let new = wanted.as_ref().map_or(0, |wanted| {
                let kinds = wanted.proposals.iter().map(|proposal| proposal.kind);
                kinds.filter(|kind| !self.has_open_proposal(&incident.id, Some(*kind))).count()
            });
            match wanted.filter(|_| !waits(new)) {
                Some(wanted) => {
                    opened += new;
                    self.plan.wanted.push(wanted);
                }
                None => {
                    self.plan.deferred.push((incident.id.clone(), proposal_text::title(incident, &present)));
                }
            }
        }
        let waiting = self.plan.deferred.len();
        if waiting > 0 {
            self.plan.notes.push(format!(
                "{} deferred: one run opens at most {NEW_PROPOSALS} proposals",
                crate::text::pluralize(waiting, "incident")
            ));
        }
        Ok(())
    }

    /// Kinds of proposals that are left to people.
    fn kinds_left_to_people(&self, incident: &Incident) -> Vec<ProposalKind> {
        let recorded = incident.fingerprint().unwrap_or_default();
        let mut kept = vec![ProposalKind::PullRequest, ProposalKind::Issue];
        kept.retain(|kind| {
            !self.has_open_proposal(&incident.id, Some(*kind))
                && self.closed_by(&incident.id, *kind, recorded).is_some()
        });
        kept
    }

    /// The mark of the incident's open pull request.
    fn open_pull_request_marker(&self, incident: &str) -> Option<&'a ProposalMarker> {
        let open = self.observed.listed.iter().filter(|existing| {
            existing.reference.kind == ProposalKind::PullRequest
                && existing.state.is_open()
                && existing.marker.incident == incident
        });
        open.min_by_key(|existing| existing.reference).map(|existing| &existing.marker)
    }

    fn plan_proposal(
        &mut self,
        incident: &Incident,
        present: &[&Finding],
    ) -> Result<DesiredProposal, RunError> {
        let branch = branch_name(&self.observed.report.cluster.name, &incident.id);
        let mut kept = self.kinds_left_to_people(incident);
        let report = self.observed.report;
        let proven = self.examine.prove(present);
        let mark = self.open_pull_request_marker(&incident.id);
        let tip = self.examine.tip(incident, &proven, mark)?;
        let changed = matches!(tip, Tip::Foreign(_));
        if changed {
            self.plan.notes.push(format!(
                "branch {branch} is unchanged: it has commits by somebody else; its pull request says so"
            ));
        }
        if changed && mark.is_none() {
            kept.push(ProposalKind::PullRequest);
        }
        let mut proposals = Vec::new();
        if !proven.plan.is_empty() {
            let told = mark.filter(|_| changed).map(|mark| mark.commit.clone());
            let page = proposal_text::PullRequestContext {
                checked: report,
                base: self.observed.base,
                branch: &branch,
                changed: told,
            };
            proposals.push(proposal_text::pull_request(incident, present, &proven, &page));
        } else if changed && mark.is_some() {
            kept.push(ProposalKind::PullRequest);
        }
        if !proven.plan.unadopted.is_empty() {
            proposals.push(proposal_text::issue(incident, present, &proven, report, self.observed.base));
        }
        proposals.retain(|proposal: &Proposal| !kept.contains(&proposal.kind));
        Ok(DesiredProposal { incident: incident.id.clone(), proven, proposals, left_to_people: kept, tip })
    }
}

/// The id of the issue "wrong context?" for a cluster.
fn mass_id(cluster: &str) -> String {
    digest(&["mass/v1", cluster])
}

/// What the branch of an incident's pull request has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Tip {
    /// Nothing.
    #[default]
    Absent,
    /// Exactly the proven commit.
    Proven(CommitId),
    /// An outdated commit of drift's own: it is replaced.
    Outdated(CommitId),
    /// Commits by somebody else: the branch is left alone.
    Foreign(CommitId),
}
