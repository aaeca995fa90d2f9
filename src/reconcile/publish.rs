//! Applies the plan to the forge, or lists what a dry run would do.

use std::collections::BTreeSet;

use super::RunError;
use super::attempt::RunAttempt;
use super::branch::Commits;
use super::plan::{DesiredProposal, EndedIncident, RunPlan};
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
    fn is_skipped(&self, round: &RunAttempt<'_>, incident: &str) -> bool {
        !self.skipped.is_empty() && self.skipped.contains(&branch_name(&round.checked.cluster.name, incident))
    }
}

/// Opens, updates and closes proposals; leaves up-to-date ones unchanged.
pub(super) async fn publish(
    round: &RunAttempt<'_>,
    (decision, pushed): (&RunPlan, PushedBranches<'_>),
    listed: &[ExistingProposal],
    notes: &mut Vec<String>,
) -> Result<(Vec<Action>, Option<RunError>), RunError> {
    let forge = &round.context.forge;
    let (mut actions, mut failed) = (Vec::new(), None);
    for duplicate in forge.close_duplicates(listed).await? {
        notes.push(format!("proposal {} was a duplicate for its incident and was closed", duplicate.number));
    }
    forge.record_merged(listed)?;
    for ended in &decision.ended {
        for existing in open_proposals(listed, &ended.incident) {
            forge.close(existing, &super::proposal_text::closing_comment(&ended.reason), true).await?;
        }
        actions.push(ended_action(ended));
    }
    // A run that was killed after the ledger and before the forge leaves proposals of ended incidents open.
    for (existing, reason) in round.context.open_after_end(listed, round)? {
        forge.close(existing, &super::proposal_text::closing_comment(&reason), true).await?;
    }
    if let Some(mass) = &decision.mass_over {
        for existing in open_proposals(listed, mass) {
            forge
                .close(
                    existing,
                    &super::proposal_text::closing_comment(
                        "the number of objects in drift is below the limit again",
                    ),
                    false,
                )
                .await?;
        }
    }
    for (incident, by) in &decision.declined {
        actions.push(action(ActionKind::Declined, incident, &format!("declined by {by}")));
    }
    for wanted in &decision.wanted {
        for proposal in &wanted.proposals {
            let mut proposal = proposal.clone();
            if proposal.kind == ProposalKind::PullRequest && pushed.is_skipped(round, &wanted.incident) {
                continue;
            }
            if proposal.kind == ProposalKind::PullRequest
                && let Some(commit) = pushed.commits.get(&wanted.incident)
            {
                proposal.commit = Some(commit.as_str().to_owned());
            }
            match publish_one(round, wanted, &proposal, listed, notes).await {
                Ok(action) => actions.push(action),
                // A rejected proposal does not stop the others.
                Err(RunError::Forge(error)) if !error.is_retryable() && !error.is_configuration() => {
                    notes.push(format!("{}: {}", proposal.title, with_hint(&error, error.hint())));
                    failed.get_or_insert(RunError::Forge(error));
                }
                Err(error) => return Err(error),
            }
        }
        // Closes a kind that is not needed any more: everything can be proven now, or nothing.
        for existing in open_proposals(listed, &wanted.incident) {
            let stays = wanted.left_to_people.contains(&existing.reference.kind)
                || wanted.proposals.iter().any(|proposal| proposal.kind == existing.reference.kind);
            if !stays {
                forge
                    .close(
                        existing,
                        &super::proposal_text::closing_comment(
                            "another proposal covers all of this incident",
                        ),
                        false,
                    )
                    .await?;
            }
        }
    }
    actions.extend(
        decision.deferred.iter().map(|(incident, title)| action(ActionKind::Deferred, incident, title)),
    );
    Ok((actions, failed))
}

async fn publish_one(
    round: &RunAttempt<'_>,
    wanted: &DesiredProposal,
    proposal: &Proposal,
    listed: &[ExistingProposal],
    notes: &mut Vec<String>,
) -> Result<Action, RunError> {
    let forge = &round.context.forge;
    let standing = find_listed(listed, proposal);
    let (did, url) = match standing {
        Some(existing) => {
            let written = forge.update(existing, proposal).await?;
            (if written { ActionKind::Updated } else { ActionKind::Unchanged }, existing.url.clone())
        }
        None => {
            let opened = forge.open(proposal).await?;
            notes.extend(opened.notes);
            let did = if opened.created { opened_kind(proposal.kind) } else { ActionKind::Unchanged };
            (did, opened.existing.url)
        }
    };
    let mut action = action(did, &proposal.incident, &proposal.title);
    action.url = Some(url).filter(|url| !url.is_empty());
    action.diff = diff(wanted, proposal, did);
    Ok(action)
}

/// What a run would do.
pub(super) fn planned_actions(decision: &RunPlan, listed: &[ExistingProposal]) -> Vec<Action> {
    let mut actions: Vec<Action> = Vec::new();
    actions.extend(decision.ended.iter().map(ended_action));
    let declined = decision.declined.iter();
    actions.extend(
        declined.map(|(incident, by)| action(ActionKind::Declined, incident, &format!("declined by {by}"))),
    );
    for wanted in &decision.wanted {
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
    actions.extend(
        decision.deferred.iter().map(|(incident, title)| action(ActionKind::Deferred, incident, title)),
    );
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
