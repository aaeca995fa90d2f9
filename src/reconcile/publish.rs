//! Writing to the forge what was decided, and what a dry run would write.

use crate::model::{Action, ActionKind};
use std::collections::BTreeSet;

use super::Round;
use super::RunError;
use super::branch::Commits;
use super::decide::{Decision, Ended, Wanted};
use super::site::branch_name;
use crate::forge::{Existing, Kind, Proposal};

/// What was pushed before the forge is written to.
#[derive(Clone, Copy)]
pub(super) struct Pushed<'a> {
    /// The commits that the branches of proposals have.
    pub(super) commits: &'a Commits,
    /// Branches that could not be pushed.
    pub(super) left: &'a BTreeSet<String>,
}

impl Pushed<'_> {
    fn is_left(&self, round: &Round<'_>, incident: &str) -> bool {
        !self.left.is_empty() && self.left.contains(&branch_name(&round.checked.cluster.name, incident))
    }
}

/// Opens, updates and closes; what stands is left alone.
pub(super) async fn publish(
    round: &Round<'_>,
    (decision, pushed): (&Decision, Pushed<'_>),
    listed: &[Existing],
    notes: &mut Vec<String>,
) -> Result<(Vec<Action>, Option<RunError>), RunError> {
    let forge = &round.site.forge;
    let (mut actions, mut failed) = (Vec::new(), None);
    for number in forge.close_duplicates(listed).await? {
        notes.push(format!("proposal {number} was a second one for its incident, and is closed"));
    }
    forge.settle(listed)?;
    for ended in &decision.ended {
        for existing in open_of(listed, &ended.incident) {
            forge.close(existing, &super::words::closing(&ended.reason), true).await?;
        }
        actions.push(end(ended));
    }
    // A run that was killed after the ledger and before the forge leaves proposals of ended incidents open.
    for (existing, reason) in round.site.left_open(listed, round)? {
        forge.close(existing, &super::words::closing(&reason), true).await?;
    }
    if let Some(mass) = &decision.mass_over {
        for existing in open_of(listed, mass) {
            forge
                .close(existing, &super::words::closing("no longer so many objects are in drift"), false)
                .await?;
        }
    }
    for (incident, by) in &decision.declined {
        actions.push(action(ActionKind::Declined, incident, &format!("declined by {by}")));
    }
    for wanted in &decision.wanted {
        for proposal in &wanted.proposals {
            let mut proposal = proposal.clone();
            if proposal.kind == Kind::PullRequest && pushed.is_left(round, &wanted.incident) {
                continue;
            }
            if proposal.kind == Kind::PullRequest
                && let Some(commit) = pushed.commits.get(&wanted.incident)
            {
                proposal.commit = Some(commit.as_str().to_owned());
            }
            match one(round, wanted, &proposal, listed, notes).await {
                Ok(action) => actions.push(action),
                // One proposal that is refused does not keep the others from people.
                Err(RunError::Forge(error)) if !error.is_retryable() && !error.is_configuration() => {
                    notes.push(format!("{}: {error}", proposal.title));
                    failed.get_or_insert(RunError::Forge(error));
                }
                Err(error) => return Err(error),
            }
        }
        // What a kind no longer has to say is closed: everything could be proven after all, or nothing can be now.
        for existing in open_of(listed, &wanted.incident) {
            let stays = wanted.kept.contains(&existing.kind)
                || wanted.proposals.iter().any(|proposal| proposal.kind == existing.kind);
            if !stays {
                forge
                    .close(
                        existing,
                        &super::words::closing("another proposal of this incident says it all"),
                        false,
                    )
                    .await?;
            }
        }
    }
    actions
        .extend(decision.waiting.iter().map(|(incident, title)| action(ActionKind::Waits, incident, title)));
    Ok((actions, failed))
}

async fn one(
    round: &Round<'_>,
    wanted: &Wanted,
    proposal: &Proposal,
    listed: &[Existing],
    notes: &mut Vec<String>,
) -> Result<Action, RunError> {
    let forge = &round.site.forge;
    let standing = standing(listed, proposal);
    let (did, url) = match standing {
        Some(existing) => {
            let written = forge.update(existing, proposal).await?;
            (if written { ActionKind::Updated } else { ActionKind::LeftAlone }, existing.url.clone())
        }
        None => {
            let opened = forge.open(proposal).await?;
            notes.extend(opened.notes);
            let did = if opened.created { opened_did(proposal.kind) } else { ActionKind::LeftAlone };
            (did, opened.existing.url)
        }
    };
    let mut action = action(did, &proposal.incident, &proposal.title);
    action.url = Some(url).filter(|url| !url.is_empty());
    action.diff = diff(wanted, proposal, did);
    Ok(action)
}

/// What a run would do.
pub(super) fn planned(decision: &Decision, listed: &[Existing]) -> Vec<Action> {
    let mut actions: Vec<Action> = Vec::new();
    actions.extend(decision.ended.iter().map(end));
    let declined = decision.declined.iter();
    actions.extend(
        declined.map(|(incident, by)| action(ActionKind::Declined, incident, &format!("declined by {by}"))),
    );
    for wanted in &decision.wanted {
        for proposal in &wanted.proposals {
            let did = match standing(listed, proposal) {
                Some(existing) if existing.mark.fingerprint == proposal.fingerprint => ActionKind::LeftAlone,
                Some(_) => ActionKind::Updated,
                None => opened_did(proposal.kind),
            };
            let mut action = action(did, &proposal.incident, &proposal.title);
            action.diff = diff(wanted, proposal, did);
            actions.push(action);
        }
    }
    actions
        .extend(decision.waiting.iter().map(|(incident, title)| action(ActionKind::Waits, incident, title)));
    actions
}

fn end(ended: &Ended) -> Action {
    action(ActionKind::Ended(ended.how), &ended.incident, &format!("{}: {}", ended.shown, ended.reason))
}

fn action(did: ActionKind, incident: &str, what: &str) -> Action {
    Action { did, incident: incident.to_owned(), what: what.to_owned(), url: None, diff: None }
}

fn opened_did(kind: Kind) -> ActionKind {
    match kind {
        Kind::PullRequest => ActionKind::OpenedPullRequest,
        Kind::Issue => ActionKind::OpenedIssue,
    }
}

fn diff(wanted: &Wanted, proposal: &Proposal, did: ActionKind) -> Option<String> {
    let shown = proposal.kind == Kind::PullRequest && did != ActionKind::LeftAlone;
    shown.then(|| wanted.proven.diff())
}

fn standing<'a>(listed: &'a [Existing], proposal: &Proposal) -> Option<&'a Existing> {
    let same = |existing: &&Existing| existing.kind == proposal.kind;
    open_of(listed, &proposal.incident).filter(same).min_by_key(|existing| existing.number)
}

fn open_of<'a>(listed: &'a [Existing], incident: &str) -> impl Iterator<Item = &'a Existing> {
    listed.iter().filter(move |existing| existing.mark.incident == incident && existing.state.is_open())
}
