//! The commits of a run: one for each proposal on its own branch, one for the ledger; deletes finished branches.

use std::collections::{BTreeMap, BTreeSet};

use super::RunError;
use super::attempt::RunAttempt;
use super::plan::{DesiredProposal, RunPlan, Tip};
use super::proposal_text::{self, FINGERPRINT, INCIDENT};
use super::remotes::{BRANCH_PREFIX, COMMITTER_EMAIL, branch_name};
use crate::forge::{ProposalKind, ProposalMarker};
use crate::git::{CommitId, GitError, Person, PushError, RefUpdate, trailers};
use crate::incident::{Incident, IncidentStatus, Ledger};
use crate::remedy::ProvenPlan;
use crate::text::with_hint;

/// Most commits of a proposal's branch that are examined: drift's own has one.
const MOST_COMMITS: usize = 20;

/// The commits of proposals, by incident.
pub(super) type Commits = BTreeMap<String, CommitId>;

/// Creates the commits and the ref updates: proposals first, the ledger last.
pub(super) fn build_updates(
    attempt: &RunAttempt<'_>,
    ledger: &Ledger,
    decision: &RunPlan,
) -> Result<(Vec<RefUpdate>, Commits), RunError> {
    let (mut updates, mut commits) = (Vec::new(), Commits::new());
    for wanted in &decision.wanted {
        let update = proposal_update(attempt, wanted)?;
        let commit = update.as_ref().and_then(|update| update.new.clone());
        let standing = || if let Tip::Proven(tip) = &wanted.tip { Some(tip.clone()) } else { None };
        commits.extend(commit.or_else(standing).map(|commit| (wanted.incident.clone(), commit)));
        updates.extend(update);
    }
    updates.extend(ledger_update(attempt, ledger)?);
    Ok((updates, commits))
}

fn ledger_update(attempt: &RunAttempt<'_>, ledger: &Ledger) -> Result<Option<RefUpdate>, RunError> {
    let changes = ledger.changes();
    if changes.is_empty() {
        return Ok(None);
    }
    let files: Vec<(String, Option<Vec<u8>>)> =
        changes.into_iter().map(|(path, text)| (path, Some(text.into_bytes()))).collect();
    ledger.verify()?;
    let message = format!("Record {}\n", crate::text::pluralize(files.len(), "incident"));
    let head = attempt.heads.ledger.as_ref();
    let commit = attempt.checkout.repository.commit(head, &files, &message, &attempt.context.who)?;
    Ok(Some(RefUpdate { branch: attempt.context.ledger.clone(), new: Some(commit), expected: head.cloned() }))
}

/// The update of a pull request's branch, unless it is up to date.
fn proposal_update(
    attempt: &RunAttempt<'_>,
    wanted: &DesiredProposal,
) -> Result<Option<RefUpdate>, RunError> {
    let Some(pull_request) =
        wanted.proposals.iter().find(|proposal| proposal.kind == ProposalKind::PullRequest)
    else {
        return Ok(None);
    };
    let expected = match &wanted.tip {
        Tip::Absent => None,
        Tip::Outdated(tip) => Some(tip.clone()),
        Tip::Proven(_) | Tip::Foreign(_) => return Ok(None),
    };
    let branch = branch_name(&attempt.checked.cluster.name, &wanted.incident);
    let files: Vec<(String, Option<Vec<u8>>)> = wanted
        .proven
        .files
        .iter()
        .map(|(path, text)| (path.clone(), Some(text.clone().into_bytes())))
        .collect();
    let message = proposal_text::commit_message(
        (&pull_request.incident, &pull_request.fingerprint),
        &wanted.proven.plan,
    );
    let commit = attempt.checkout.repository.commit(
        Some(&attempt.heads.base),
        &files,
        &message,
        &attempt.context.who,
    )?;
    Ok(Some(RefUpdate { branch, new: Some(commit), expected }))
}

/// What the branch of an incident has, held against what is proven now, and the commit that the open proposal's mark says
/// was proven. Names in commits are claims of whoever made them.
pub(super) fn examine_tip(
    attempt: &RunAttempt<'_>,
    incident: &Incident,
    proven: &ProvenPlan,
    mark: Option<&ProposalMarker>,
) -> Result<Tip, RunError> {
    let repository = &attempt.checkout.repository;
    let branch = branch_name(&attempt.checked.cluster.name, &incident.id);
    let Some(tip) = attempt.context.proposal_branch(repository, attempt.heads, &branch)? else {
        return Ok(Tip::Absent);
    };
    if repository.is_ancestor(&tip, &attempt.heads.base)? {
        return Ok(Tip::Outdated(tip));
    }
    let told = mark.and_then(|mark| mark.commit.as_deref());
    let recorded = told == Some(tip.as_str());
    let by_us = is_ours(attempt, &tip)?;
    let message = repository.message(&tip)?;
    let fingerprint = incident.fingerprint().unwrap_or_default();
    let expected = proposal_text::commit_message((&incident.id, fingerprint), &proven.plan);
    let same = by_us
        && has_trailers(&message, &incident.id, fingerprint)
        && is_exactly_proven(attempt, &tip, proven)?;
    if same && (recorded || message.trim_end() == expected.trim_end()) {
        return Ok(Tip::Proven(tip));
    }
    // A run that was killed between its push and the forge has left what no proposal names yet.
    let unsaid = mark.is_none_or(|mark| mark.commit.is_none() || is_newer(&message, mark, incident));
    Ok(if recorded || (by_us && unsaid) { Tip::Outdated(tip) } else { Tip::Foreign(tip) })
}

/// Whether a commit is for values that the ledger recorded after those that the open proposal shows.
fn is_newer(message: &str, mark: &ProposalMarker, incident: &Incident) -> bool {
    let recorded: Vec<&str> =
        incident.events.iter().filter_map(|event| event.fingerprint.as_deref()).collect();
    let shown = recorded.iter().rposition(|fingerprint| *fingerprint == mark.fingerprint);
    let after = shown.map_or(0, |shown| shown + 1);
    recorded[after..].iter().any(|fingerprint| has_trailers(message, &incident.id, fingerprint))
}

fn has_trailers(message: &str, incident: &str, fingerprint: &str) -> bool {
    let found = trailers(message);
    let same = |name: &str, value: &str| found.iter().any(|(key, found)| key == name && found == value);
    same(INCIDENT, incident) && same(FINGERPRINT, fingerprint)
}

/// Whether a commit is one commit ahead of the base branch and changes exactly the proven files.
fn is_exactly_proven(
    attempt: &RunAttempt<'_>,
    tip: &CommitId,
    proven: &ProvenPlan,
) -> Result<bool, GitError> {
    let repository = &attempt.checkout.repository;
    let parents = repository.parents(tip)?;
    let [parent] = &parents[..] else { return Ok(false) };
    if !repository.is_ancestor(parent, &attempt.heads.base)? {
        return Ok(false);
    }
    let changed = repository.changed_files(parent, tip)?;
    if !changed.iter().all(|(path, same_kind)| *same_kind && proven.files.contains_key(path)) {
        return Ok(false);
    }
    for (path, text) in &proven.files {
        if repository.read(tip, path)?.as_deref() != Some(text.as_bytes()) {
            return Ok(false);
        }
    }
    Ok(!proven.files.is_empty())
}

/// True if all commits ahead of the base are drift's; otherwise leave the branch alone.
pub(super) fn is_ours(attempt: &RunAttempt<'_>, tip: &CommitId) -> Result<bool, GitError> {
    let repository = &attempt.checkout.repository;
    // Who signs commits by an address of their own has another name.
    let signer = repository.committer(&attempt.context.who)?;
    for commit in repository.commits_touching(tip, "", MOST_COMMITS)? {
        if repository.is_ancestor(&commit.id, &attempt.heads.base)? {
            return Ok(true);
        }
        let is_committer = |person: &Person| (&person.name, &person.email) == (&signer.name, &signer.email);
        if commit.author.email != COMMITTER_EMAIL
            || (commit.committer.email != COMMITTER_EMAIL && !is_committer(&commit.committer))
        {
            return Ok(false);
        }
    }
    Ok(false)
}

/// Pushes. A proposal's branch that somebody has checked out is left for the next run: those branches are given out, and
/// their pull requests have to stay as they are.
pub(super) fn push(
    attempt: &RunAttempt<'_>,
    mut updates: Vec<RefUpdate>,
    notes: &mut Vec<String>,
) -> Result<BTreeSet<String>, RunError> {
    let mut left = BTreeSet::new();
    while !updates.is_empty() {
        match attempt.checkout.repository.push(attempt.context.remote.as_ref(), &updates) {
            Ok(_) => break,
            Err(PushError::CheckedOut { branch, path }) if branch.starts_with(BRANCH_PREFIX) => {
                updates.retain(|update| update.branch != branch);
                notes.push(format!("branch {branch} is unchanged: it is checked out in {}", path.display()));
                left.insert(branch);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(left)
}

/// Removes the branches of incidents that ended or were declined, where nobody but drift has committed to them.
pub(super) fn delete_finished_branches(
    attempt: &RunAttempt<'_>,
    ledger: &Ledger,
    notes: &mut Vec<String>,
) -> Result<(), RunError> {
    let repository = &attempt.checkout.repository;
    let mut updates = Vec::new();
    for incident in ledger.incidents().filter(|incident| incident.status() != IncidentStatus::Open) {
        let branch = branch_name(&incident.cluster, &incident.id);
        let Some(tip) = attempt.context.proposal_branch(repository, attempt.heads, &branch)? else {
            continue;
        };
        if is_ours(attempt, &tip)? {
            updates.push(RefUpdate { branch, new: None, expected: Some(tip) });
        } else {
            notes.push(format!("branch {branch} is kept: it has commits by somebody else"));
        }
    }
    if updates.is_empty() {
        return Ok(());
    }
    match repository.push(attempt.context.remote.as_ref(), &updates) {
        Ok(_) => Ok(()),
        // Changed meanwhile, or not allowed: the next run tries again.
        Err(error @ (PushError::Stale { .. } | PushError::Refused { .. } | PushError::CheckedOut { .. })) => {
            let why = with_hint(&error, error.hint());
            notes.push(format!("finished branches were not deleted: {why}"));
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}
