//! One atomic push to a remote.

use std::collections::BTreeMap;

use super::program::{GitOutput, TRANSFER_LIMIT};
use super::{CommitId, GitError, PushError, PushReport, RefUpdate, Remote, Repository};

/// What each branch had on the server after a failure.
type RemoteHeads = BTreeMap<String, CommitId>;

impl Repository {
    /// Pushes all updates or none, each only where the branch still has the commit that was expected.
    ///
    /// Without a remote the branches of this repository are set: all are locked, compared and then written. Nothing
    /// is written unless all are as expected; a kill between two writes leaves the first ones, which the next run
    /// finds done. Give first what others refer to. A branch that is checked out is refused.
    ///
    /// After a failure the remote is asked again: an answer that was cut after the write is a success, and so is
    /// a state that somebody else has already made as it is meant.
    ///
    /// # Errors
    /// [`PushError`]; nothing was written then.
    pub fn push(&self, remote: Option<&Remote>, updates: &[RefUpdate]) -> Result<PushReport, PushError> {
        for update in updates {
            if !git2::Branch::name_is_valid(&update.branch).unwrap_or(false) {
                return Err(GitError::BranchName { name: update.branch.clone() }.into());
            }
        }
        match remote {
            _ if updates.is_empty() => Ok(PushReport { branches: BTreeMap::new(), up_to_date: true }),
            Some(remote) => self.push_to(remote, updates),
            None => self.update_local_refs(updates),
        }
    }

    fn push_to(&self, remote: &Remote, updates: &[RefUpdate]) -> Result<PushReport, PushError> {
        let elsewhere = remote.is_remote_name.then(|| self.push_url(&remote.location)).flatten();
        let elsewhere = elsewhere.map(|url| Remote::from_url(&url)).transpose()?;
        let remote = &elsewhere.map_or_else(|| remote.clone(), |r| r.with_token(remote.token.clone()));
        // An empty value takes back those that the user's configuration adds.
        let git = self.command_for(remote)?.config_value("push.pushOption", "");
        let answer = git.args(PUSH_ARGUMENTS).args(leases(updates)).arg(&remote.location);
        let answer = answer.args(refspecs(updates)).limit(TRANSFER_LIMIT).run()?;
        if answer.success {
            let already = answer.out.lines().filter(|l| l.contains('\t')).all(|l| l.starts_with('='));
            return Ok(PushReport { branches: intended_refs(updates), up_to_date: already });
        }
        // The first failure tells more than that of the second question.
        let Ok(heads) = self.list_remote(remote) else {
            return Err(super::fetch::remote_error(&answer, "push to", remote).into());
        };
        match interpret_failure(&answer, &heads, updates, remote) {
            Err(PushError::Refused { branch, why }) if asks_for_signatures(&why) || is_silent(&why) => {
                Err(self.unsigned(updates, branch, why))
            }
            judged => judged,
        }
    }
}

impl Repository {
    /// What a refusal means that names signatures, or nothing.
    fn unsigned(&self, updates: &[RefUpdate], branch: String, why: String) -> PushError {
        let committer = |id: &CommitId| {
            let commit = self.find_commit(id.oid()).ok()?;
            commit.header_field_bytes("gpgsig").ok()?;
            Some(String::from_utf8_lossy(commit.committer().email_bytes()).into_owned())
        };
        let new =
            updates.iter().find(|update| update.branch == branch).and_then(|update| update.new.as_ref());
        // Nothing is signed of a branch that is removed.
        let Some(new) = new else { return PushError::Refused { branch, why } };
        let signed_by = committer(new);
        PushError::Unsigned { told: asks_for_signatures(&why), branch, why, signed_by }
    }
}

/// Whether a server's words are about signatures of commits, and not about who signed them off: GitHub's "Commits must have
/// verified signatures", Gitea's "is protected from unverified commit", GitLab's "Commit must be signed with a GPG key".
fn asks_for_signatures(words: &str) -> bool {
    let words = words.to_ascii_lowercase().replace("signed-off", "").replace("signed off", "");
    let about_commits = words.contains("commit");
    let telling = ["signature", "signed", "unverified commit", "gpg"];
    about_commits && telling.iter().any(|word| words.contains(word))
}

/// A hook that refuses and tells nothing; Gitea's (1.26.4) answers so to commits whose signature it cannot verify.
fn is_silent(why: &str) -> bool {
    why.ends_with("hook declined)") || why.contains("Internal Server Error (no message for end users)")
}

/// Plain source:destination with leases: `+` and `--force` would defeat the leases.
const PUSH_ARGUMENTS: [&str; 7] = [
    "push",
    "--porcelain",
    "--atomic",
    "--no-verify",
    "--no-follow-tags",
    "--no-signed",
    "--recurse-submodules=no",
];

fn leases(updates: &[RefUpdate]) -> Vec<String> {
    let lease = |u: &RefUpdate| {
        let expected = u.expected.as_ref().map_or("", CommitId::as_str);
        format!("--force-with-lease=refs/heads/{}:{expected}", u.branch)
    };
    updates.iter().map(lease).collect()
}

fn refspecs(updates: &[RefUpdate]) -> Vec<String> {
    let spec = |u: &RefUpdate| {
        let new = u.new.as_ref().map_or("", CommitId::as_str);
        format!("{new}:refs/heads/{}", u.branch)
    };
    updates.iter().map(spec).collect()
}

pub(super) fn intended_refs(updates: &[RefUpdate]) -> BTreeMap<String, Option<CommitId>> {
    updates.iter().map(|u| (u.branch.clone(), u.new.clone())).collect()
}

/// Tells what a failed push means, from what the remote has now.
fn interpret_failure(
    answer: &GitOutput,
    heads: &RemoteHeads,
    updates: &[RefUpdate],
    remote: &Remote,
) -> Result<PushReport, PushError> {
    if updates.iter().all(|u| heads.get(&u.branch) == u.new.as_ref()) {
        return Ok(PushReport { branches: intended_refs(updates), up_to_date: true });
    }
    if let Some(moved) = updates.iter().find(|u| heads.get(&u.branch) != u.expected.as_ref()) {
        return Err(stale_error(moved, heads.get(&moved.branch)));
    }
    let Some((branch, why)) = rejection(&answer.out) else {
        return Err(super::fetch::remote_error(answer, "push to", remote).into());
    };
    let words = answer.server_message();
    // Another push holds the locks at this moment: the same as having been first.
    if LOST_RACE.iter().any(|w| why.contains(w) || words.contains(w)) {
        let lost = updates.iter().find(|u| u.branch == branch).unwrap_or(&updates[0]);
        return Err(stale_error(lost, heads.get(&branch)));
    }
    let why = if words.is_empty() { why } else { format!("{why}: {words}") };
    Err(PushError::Refused { branch, why })
}

const LOST_RACE: [&str; 3] = ["atomic transaction failed", "cannot lock ref", "failed to update ref"];

pub(super) fn stale_error(update: &RefUpdate, found: Option<&CommitId>) -> PushError {
    PushError::Stale {
        branch: update.branch.clone(),
        expected: update.expected.as_ref().map(ToString::to_string),
        found: found.map(ToString::to_string),
    }
}

/// The first branch that the server itself rejected, else the first rejected one: `!<TAB>from:to<TAB>[why] (..)`.
fn rejection(porcelain: &str) -> Option<(String, String)> {
    let lines: Vec<(String, String)> = porcelain.lines().filter_map(parse_rejection).collect();
    let own = lines.iter().find(|(_, why)| !why.contains("atomic push fail"));
    own.or(lines.first()).cloned()
}

fn parse_rejection(line: &str) -> Option<(String, String)> {
    let (refs, why) = line.strip_prefix("!\t")?.split_once('\t')?;
    let (_, to) = refs.split_once(':')?;
    let why: String = why.chars().filter(|c| !c.is_control()).take(300).collect();
    Some((to.strip_prefix("refs/heads/")?.to_owned(), why))
}
