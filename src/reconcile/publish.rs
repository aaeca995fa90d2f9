//! Applies the plan to the forge, or lists what a dry run would do.

use std::collections::BTreeSet;

use super::RunError;
use super::attempt::RunAttempt;
use super::branch::Commits;
use super::plan::{DesiredProposal, EndedIncident, RunPlan};
use super::proposal_text::closing_comment;
use super::remotes::branch_name;
use crate::forge::{ExistingProposal, Proposal, ProposalKind};
use crate::model::{Action, ActionKind};
use crate::text::with_hint;

/// What was pushed before the forge is written to.
#[derive(Clone, Copy)]
pub(super) struct PushedBranches<'a> {
    /// The commits that the branches of proposals have.
    pub(super) commits: &'a Commits,
    /// Branches that could not be pushed.
    pub(super) skipped: &'a BTreeSet<String>,
}

impl PushedBranches<'_> {
    fn is_skipped(&self, attempt: &RunAttempt<'_>, incident: &str) -> bool {
        let cluster = &attempt.checked.cluster.name;
        !self.skipped.is_empty() && self.skipped.contains(&branch_name(cluster, incident))
    }
}

/// Opens, updates and closes proposals; leaves up-to-date ones unchanged.
pub(super) async fn publish(
    attempt: &RunAttempt<'_>,
    (plan, pushed): (&RunPlan, PushedBranches<'_>),
    listed: &[ExistingProposal],
    notes: &mut Vec<String>,
) -> Result<(Vec<Action>, Option<RunError>), RunError> {
    let forge = &attempt.context.forge;
    for duplicate in forge.close_duplicates(listed).await? {
        notes.push(format!("proposal {} was a duplicate for its incident and was closed", duplicate.number));
    }
    forge.record_merged(listed)?;
    let mut publisher = Publisher { attempt, plan, pushed, listed, notes, actions: Vec::new(), failed: None };
    publisher.close_ended().await?;
    for (incident, by) in &plan.declined {
        publisher.actions.push(action(ActionKind::Declined, incident, &format!("declined by {by}")));
    }
    for wanted in &plan.wanted {
        publisher.publish_incident(wanted).await?;
        publisher.close_superseded(wanted).await?;
    }
    let Publisher { mut actions, failed, .. } = publisher;
    actions
        .extend(plan.deferred.iter().map(|(incident, title)| action(ActionKind::Deferred, incident, title)));
    Ok((actions, failed))
}

/// A forge that is written to.
struct Publisher<'a> {
    attempt: &'a RunAttempt<'a>,
    plan: &'a RunPlan,
    pushed: PushedBranches<'a>,
    listed: &'a [ExistingProposal],
    notes: &'a mut Vec<String>,
    actions: Vec<Action>,
    /// The first refusal.
    failed: Option<RunError>,
}

impl Publisher<'_> {
    async fn close(
        &self,
        existing: &ExistingProposal,
        reason: &str,
        completed: bool,
    ) -> Result<(), RunError> {
        Ok(self.attempt.context.forge.close(existing, &closing_comment(reason), completed).await?)
    }

    /// Closes the proposals of incidents that have ended, and mass drift's when it is over.
    async fn close_ended(&mut self) -> Result<(), RunError> {
        for ended in &self.plan.ended {
            for existing in open_proposals(self.listed, &ended.incident) {
                self.close(existing, &ended.reason, true).await?;
            }
            self.actions.push(ended_action(ended));
        }
        // A run that was killed after the ledger and before the forge leaves proposals of ended incidents open.
        for (existing, reason) in self.attempt.context.open_after_end(self.listed, self.attempt)? {
            self.close(existing, &reason, true).await?;
        }
        for existing in self.plan.mass_over.iter().flat_map(|mass| open_proposals(self.listed, mass)) {
            let reason = "the number of objects in drift is below the limit again";
            self.close(existing, reason, false).await?;
        }
        Ok(())
    }

    /// Writes the proposals of an incident; one that the forge rejects does not stop the others.
    async fn publish_incident(&mut self, wanted: &DesiredProposal) -> Result<(), RunError> {
        for proposal in &wanted.proposals {
            let mut proposal = proposal.clone();
            if proposal.kind == ProposalKind::PullRequest {
                if self.pushed.is_skipped(self.attempt, &wanted.incident) {
                    continue;
                }
                if let Some(commit) = self.pushed.commits.get(&wanted.incident) {
                    proposal.commit = Some(commit.as_str().to_owned());
                }
            }
            match self.publish_one(wanted, &proposal).await {
                Ok(action) => self.actions.push(action),
                Err(RunError::Forge(error)) if !error.is_retryable() && !error.is_configuration() => {
                    self.notes.push(format!("{}: {}", proposal.title, with_hint(&error, error.hint())));
                    self.failed.get_or_insert(RunError::Forge(error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Closes a kind that is not needed any more: everything can be proven now, or nothing.
    async fn close_superseded(&self, wanted: &DesiredProposal) -> Result<(), RunError> {
        for existing in open_proposals(self.listed, &wanted.incident) {
            let stays = wanted.left_to_people.contains(&existing.reference.kind)
                || wanted.proposals.iter().any(|proposal| proposal.kind == existing.reference.kind);
            if !stays {
                self.close(existing, "another proposal covers all of this incident", false).await?;
            }
        }
        Ok(())
    }

    async fn publish_one(
        &mut self,
        wanted: &DesiredProposal,
        proposal: &Proposal,
    ) -> Result<Action, RunError> {
        let forge = &self.attempt.context.forge;
        let (did, url) = match find_listed(self.listed, proposal) {
            Some(existing) => {
                let written = forge.update(existing, proposal).await?;
                (if written { ActionKind::Updated } else { ActionKind::Unchanged }, existing.url.clone())
            }
            None => {
                let opened = forge.open(proposal).await?;
                self.notes.extend(opened.notes);
                let did = if opened.created { opened_kind(proposal.kind) } else { ActionKind::Unchanged };
                (did, opened.existing.url)
            }
        };
        let mut action = action(did, &proposal.incident, &proposal.title);
        action.url = Some(url).filter(|url| !url.is_empty());
        action.diff = diff(wanted, proposal, did);
        Ok(action)
    }
}

/// What a run would do.
pub(super) fn planned_actions(plan: &RunPlan, listed: &[ExistingProposal]) -> Vec<Action> {
    let mut actions: Vec<Action> = Vec::new();
    actions.extend(plan.ended.iter().map(ended_action));
    let declined = plan.declined.iter();
    actions.extend(
        declined.map(|(incident, by)| action(ActionKind::Declined, incident, &format!("declined by {by}"))),
    );
    for wanted in &plan.wanted {
        for proposal in &wanted.proposals {
            let did = match find_listed(listed, proposal) {
                Some(existing) if existing.marker.fingerprint == proposal.fingerprint => {
                    ActionKind::Unchanged
                }
                Some(_) => ActionKind::Updated,
                None => opened_kind(proposal.kind),
            };
            let mut action = action(did, &proposal.incident, &proposal.title);
            action.diff = diff(wanted, proposal, did);
            actions.push(action);
        }
    }
    actions
        .extend(plan.deferred.iter().map(|(incident, title)| action(ActionKind::Deferred, incident, title)));
    actions
}

fn ended_action(ended: &EndedIncident) -> Action {
    action(ActionKind::Ended(ended.how), &ended.incident, &format!("{}: {}", ended.objects, ended.reason))
}

fn action(did: ActionKind, incident: &str, what: &str) -> Action {
    Action { kind: did, incident: incident.to_owned(), what: what.to_owned(), url: None, diff: None }
}

fn opened_kind(kind: ProposalKind) -> ActionKind {
    match kind {
        ProposalKind::PullRequest => ActionKind::OpenedPullRequest,
        ProposalKind::Issue => ActionKind::OpenedIssue,
    }
}

fn diff(wanted: &DesiredProposal, proposal: &Proposal, did: ActionKind) -> Option<String> {
    let shown = proposal.kind == ProposalKind::PullRequest && did != ActionKind::Unchanged;
    shown.then(|| wanted.proven.diff())
}

fn find_listed<'a>(listed: &'a [ExistingProposal], proposal: &Proposal) -> Option<&'a ExistingProposal> {
    let same = |existing: &&ExistingProposal| existing.reference.kind == proposal.kind;
    open_proposals(listed, &proposal.incident).filter(same).min_by_key(|existing| existing.reference)
}

fn open_proposals<'a>(
    listed: &'a [ExistingProposal],
    incident: &str,
) -> impl Iterator<Item = &'a ExistingProposal> {
    listed.iter().filter(move |existing| existing.marker.incident == incident && existing.state.is_open())
}
