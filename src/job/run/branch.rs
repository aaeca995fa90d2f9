//! The commits of a run: one for each proposal on its own branch, one for the ledger; and branches that have served.

use super::Round;
use super::decide::{Decision, Wanted};
use super::site::{EMAIL, PREFIX, branch_name};
use super::words;
use crate::forge::Kind;
use crate::git::{CommitId, GitError, PushError, RefUpdate, trailers};
use crate::incident::{Ledger, Standing};
use crate::job::JobError;

/// Trailers of a proposal's commit (the design's Marks).
pub(super) const INCIDENT: &str = "Drift-Incident";
pub(super) const FINGERPRINT: &str = "Drift-Fingerprint";

/// Commits of a proposal's branch that are looked at: drift's own has one.
const MOST_COMMITS: usize = 20;

/// Makes the commits, and says what to push: proposals first, the ledger that names them last.
pub(super) fn updates(
    round: &Round<'_>,
    ledger: &Ledger,
    decision: &Decision,
) -> Result<Vec<RefUpdate>, JobError> {
    let mut updates = Vec::new();
    for wanted in &decision.wanted {
        updates.extend(proposal(round, wanted)?);
    }
    updates.extend(ledger_update(round, ledger)?);
    Ok(updates)
}

fn ledger_update(round: &Round<'_>, ledger: &Ledger) -> Result<Option<RefUpdate>, JobError> {
    let changes = ledger.changes();
    if changes.is_empty() {
        return Ok(None);
    }
    let files: Vec<(String, Option<Vec<u8>>)> =
        changes.into_iter().map(|(path, text)| (path, Some(text.into_bytes()))).collect();
    ledger.verify().map_err(|error| JobError::Ledger(error.to_string()))?;
    let message = format!("Record {}\n", crate::text::count(files.len(), "incident"));
    let head = round.heads.ledger.as_ref();
    let commit = round.opened.repository.commit(head, &files, &message, &round.site.who)?;
    Ok(Some(RefUpdate { branch: round.site.ledger.clone(), new: Some(commit), expected: head.cloned() }))
}

/// The branch of a pull request, unless it stands as it should.
fn proposal(round: &Round<'_>, wanted: &Wanted) -> Result<Option<RefUpdate>, JobError> {
    let Some(pull_request) = wanted.proposals.iter().find(|proposal| proposal.kind == Kind::PullRequest)
    else {
        return Ok(None);
    };
    let repository = &round.opened.repository;
    let branch = branch_name(&round.checked.cluster.name, &wanted.incident);
    let tip = round.site.branch(repository, round.heads, &branch)?;
    if let Some(tip) = &tip
        && stands(round, wanted, tip)?
    {
        return Ok(None);
    }
    let files: Vec<(String, Option<Vec<u8>>)> = wanted
        .proven
        .files
        .iter()
        .map(|(path, text)| (path.clone(), Some(text.clone().into_bytes())))
        .collect();
    let message = words::commit_message(pull_request, wanted);
    let commit = repository.commit(Some(&round.heads.base), &files, &message, &round.site.who)?;
    Ok(Some(RefUpdate { branch, new: Some(commit), expected: tip }))
}

/// Whether every commit of the branch beside the base is drift's own: hands off otherwise.
pub(super) fn is_ours(round: &Round<'_>, tip: &CommitId) -> Result<bool, GitError> {
    let repository = &round.opened.repository;
    for commit in repository.commits_touching(tip, "", MOST_COMMITS)? {
        if repository.is_ancestor(&commit.id, &round.heads.base)? {
            return Ok(true);
        }
        if commit.author.email != EMAIL || commit.committer.email != EMAIL {
            return Ok(false);
        }
    }
    Ok(false)
}

/// Whether the branch proposes just this already: same fingerprint, same content of the files.
fn stands(round: &Round<'_>, wanted: &Wanted, tip: &CommitId) -> Result<bool, GitError> {
    let repository = &round.opened.repository;
    if repository.is_ancestor(tip, &round.heads.base)? {
        return Ok(false);
    }
    let found = trailers(&repository.message(tip)?);
    let same = |name: &str, value: &str| found.iter().any(|(key, found)| key == name && found == value);
    if !same(INCIDENT, &wanted.incident) || !same(FINGERPRINT, &wanted.fingerprint) {
        return Ok(false);
    }
    for (path, text) in &wanted.proven.files {
        if repository.read(tip, path)?.as_deref() != Some(text.as_bytes()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Pushes. A proposal's branch that somebody has checked out is left for the next run.
pub(super) fn push(
    round: &Round<'_>,
    mut updates: Vec<RefUpdate>,
    notes: &mut Vec<String>,
) -> Result<(), JobError> {
    while !updates.is_empty() {
        match round.opened.repository.push(round.site.remote.as_ref(), &updates) {
            Ok(_) => return Ok(()),
            Err(PushError::CheckedOut { branch, path }) if branch.starts_with(PREFIX) => {
                updates.retain(|update| update.branch != branch);
                notes
                    .push(format!("branch {branch} is left as it is: {} has it checked out", path.display()));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Removes the branches of incidents that ended or were declined, where nobody but drift has committed to them.
pub(super) fn clean(round: &Round<'_>, ledger: &Ledger, notes: &mut Vec<String>) -> Result<(), JobError> {
    let repository = &round.opened.repository;
    let mut updates = Vec::new();
    for incident in ledger.incidents().filter(|incident| incident.standing() != Standing::Open) {
        let branch = branch_name(&incident.cluster, &incident.id);
        let Some(tip) = round.site.branch(repository, round.heads, &branch)? else { continue };
        if is_ours(round, &tip)? {
            updates.push(RefUpdate { branch, new: None, expected: Some(tip) });
        } else {
            notes.push(format!("branch {branch} is kept: somebody else has committed to it"));
        }
    }
    if updates.is_empty() {
        return Ok(());
    }
    match repository.push(round.site.remote.as_ref(), &updates) {
        Ok(_) => Ok(()),
        // Somebody was there meanwhile, or may not: the next run looks again.
        Err(error @ (PushError::Stale { .. } | PushError::Refused { .. } | PushError::CheckedOut { .. })) => {
            notes.push(format!("branches that have served are kept: {error}"));
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}
