//! What a run makes of what it read: events for the ledger, proposals for the forge.

use std::collections::{BTreeMap, BTreeSet};

use super::RunError;
use super::branch::Tip;
use super::ending::{self, Now};
use super::held::{self, Held};
use super::look::is_known;
use super::site::branch_name;
use super::{Round, words};
use crate::cluster::Cluster;
use crate::forge::{Closer, Existing, Kind, Mark, Proposal, ProposalState};
use crate::incident::{Event, Incident, Ledger, RecordedFinding, Standing, What, group, opens_something};
use crate::model::{
    Cause, Desired, Finding, ObjectKey, Resolution, ResourceId, digest, fingerprint, incident_fingerprint,
    key,
};
use crate::remedy::{Ground, Proven, plan, prove};

/// New proposals of one run.
const NEW_PROPOSALS: usize = 10;

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
    /// Objects in drift that are held back because there are too many of them.
    pub(super) held: usize,
    pub(super) notes: Vec<String>,
}

/// What should stand for an open incident.
pub(super) struct Wanted {
    pub(super) incident: String,
    pub(super) proven: Proven,
    /// A pull request, an issue, or both.
    pub(super) proposals: Vec<Proposal>,
    /// Kinds that are neither opened, nor updated, nor closed: a person closed that proposal, or committed to its branch.
    pub(super) kept: Vec<Kind>,
    /// What the branch of its pull request has.
    pub(super) tip: Tip,
}

pub(super) struct Ended {
    pub(super) incident: String,
    /// Its objects, for a person.
    pub(super) shown: String,
    pub(super) how: Resolution,
    pub(super) reason: String,
}

/// Decides, and records events in the ledger.
pub(super) fn decide(
    round: &Round<'_>,
    ledger: &mut Ledger,
    listed: &[Existing],
    gone: &BTreeSet<String>,
    cluster: &Cluster,
) -> Result<Decision, RunError> {
    let drifting = drifting(round);
    let held = Held::of(round.inputs, drifting.values().copied());
    let decision = Decision::default();
    let mut decider = Decider { round, listed, gone, cluster, decision, drifting, held };
    decider.ask_about_mass();
    let known: Vec<String> = ledger
        .incidents()
        .filter(|incident| is_unended(incident, round) && !decider.held.freezes(incident))
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
    /// What there is too much of.
    held: Held,
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
    fn look_again(&mut self, ledger: &mut Ledger, id: &str) -> Result<(), RunError> {
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

    fn end(&self, incident: &Incident) -> Result<(Event, Ended), RunError> {
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

    /// Too much at once to be true becomes one question; what is elsewhere goes on.
    fn ask_about_mass(&mut self) {
        let (checked, held) = (self.round.checked, &self.held);
        let id = mass_id(&checked.cluster.name);
        if held.is_empty() {
            self.decision.mass_over = checked.is_complete().then_some(id);
            return;
        }
        let proposal = words::mass(&id, held, &checked.cluster, &self.round.site.base);
        let lines = held::lines(held, |name| format!("{name:?}"));
        self.decision.notes.push(format!(
            "{}: too much at once, so one issue asks about it, and no incident of these is opened; incidents elsewhere go on",
            lines.join("; ")
        ));
        self.decision.held = held.objects();
        // A person who closed it has seen it.
        let seen = self.closed_by(&id, Kind::Issue, &proposal.fingerprint).is_some();
        if self.stands(&id, None) || !seen {
            let (incident, proposals) = (proposal.incident.clone(), vec![proposal]);
            let (proven, kept, tip) = (Proven::default(), Vec::new(), Tip::Absent);
            self.decision.wanted.push(Wanted { incident, proven, proposals, kept, tip });
        }
    }

    /// Findings that no unended incident has become incidents.
    fn open_new(&mut self, ledger: &mut Ledger) {
        let cluster = &self.round.checked.cluster.name;
        let new = self
            .drifting
            .iter()
            .filter(|(key, finding)| ledger.unended(cluster, key).is_none() && !self.held.holds(finding));
        let new: Vec<&Finding> = new.map(|(_, finding)| *finding).collect();
        for (incident, findings) in group(cluster, new, ledger) {
            let event = self.recorded(What::Opened, &findings);
            ledger.open(incident, event);
        }
    }

    /// What should stand on the forge for every open incident.
    fn propose(&mut self, ledger: &Ledger) -> Result<(), RunError> {
        let mut opened = 0;
        for incident in ledger.incidents().filter(|incident| is_unended(incident, self.round)) {
            let present = self.members(incident);
            // Where not everything was read, a member that does not show may be there all the same.
            let whole = self.round.checked.is_complete() || present.len() == incident.recorded().len();
            let waits = present.is_empty() || !whole || self.held.freezes(incident);
            if incident.standing() != Standing::Open || waits {
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
    fn kept(&self, incident: &Incident) -> Vec<Kind> {
        let recorded = incident.fingerprint().unwrap_or_default();
        let mut kept = vec![Kind::PullRequest, Kind::Issue];
        kept.retain(|kind| {
            !self.stands(&incident.id, Some(*kind)) && self.closed_by(&incident.id, *kind, recorded).is_some()
        });
        kept
    }

    /// The mark of the incident's open pull request.
    fn pull_request(&self, incident: &str) -> Option<&'a Mark> {
        let open = self.listed.iter().filter(|existing| {
            existing.kind == Kind::PullRequest
                && existing.state.is_open()
                && existing.mark.incident == incident
        });
        open.min_by_key(|existing| existing.number).map(|existing| &existing.mark)
    }

    fn wanted(&mut self, incident: &Incident, present: &[&Finding]) -> Result<Wanted, RunError> {
        let branch = branch_name(&self.round.checked.cluster.name, &incident.id);
        let mut kept = self.kept(incident);
        let checked = self.round.checked;
        let material = self.round.inputs;
        let objects: BTreeMap<ObjectKey, &Desired> =
            material.desired.iter().map(|object| (object.id.key(), object)).collect();
        let object = |key: &ObjectKey| objects.get(key).copied();
        let live = |key: &ObjectKey| material.live.get(key);
        let schema = |id: &ResourceId| material.schemas.of(&id.group, &id.version);
        let ground = Ground {
            request: self
                .round
                .opened
                .request(&self.round.settings.check.checkout.tools, self.cluster.served()),
            desired: &material.desired,
            incomplete: material.unrendered,
            skipped: &material.skipped,
            live: &material.live,
            schema: &schema,
        };
        let proven = prove(present, &|findings| plan(findings, &object, &live, &schema), &ground);
        let mark = self.pull_request(&incident.id);
        let tip = super::branch::tip(self.round, incident, &proven, mark)?;
        let changed = matches!(tip, Tip::Others(_));
        if changed {
            self.decision.notes.push(format!(
                "branch {branch} is left as it is: somebody else has committed to it, and its pull request says so"
            ));
        }
        if changed && mark.is_none() {
            kept.push(Kind::PullRequest);
        }
        let mut proposals = Vec::new();
        if !proven.plan.is_empty() {
            let told = mark.filter(|_| changed).map(|mark| mark.commit.clone());
            let page = words::Page { checked, base: &self.round.site.base, branch: &branch, changed: told };
            proposals.push(words::pull_request(incident, present, &proven, &page));
        } else if changed && mark.is_some() {
            kept.push(Kind::PullRequest);
        }
        if !proven.plan.left.is_empty() {
            proposals.push(words::issue(incident, present, &proven, checked, &self.round.site.base));
        }
        proposals.retain(|proposal: &Proposal| !kept.contains(&proposal.kind));
        Ok(Wanted { incident: incident.id.clone(), proven, proposals, kept, tip })
    }
}

/// The id under which the question "wrong context?" stands for a cluster.
fn mass_id(cluster: &str) -> String {
    digest(&["mass/v1", cluster])
}
