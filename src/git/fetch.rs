//! What another repository has, and bringing it here.

use std::collections::BTreeMap;

use git2::Oid;

use super::program::{GitCommand, GitOutput, TRANSFER_LIMIT};
use super::shadow_repository;
use super::{CommitId, GitError, Remote, Repository};

/// Where fetched branches of other repositories are kept, so that nothing of the user's moves.
const FETCHED_REFS: &str = "refs/drift/remote/";

impl Repository {
    /// The branches of a remote and their heads.
    ///
    /// # Errors
    /// [`GitError::Remote`].
    pub fn list_remote(&self, remote: &Remote) -> Result<BTreeMap<String, CommitId>, GitError> {
        list_heads(self.command_for(remote)?, remote)
    }

    /// The remote's default branch, as last fetched where that is known (`refs/remotes/origin/HEAD`), else as the
    /// remote says; absent where it has none.
    ///
    /// # Errors
    /// [`GitError::Remote`].
    pub fn default_branch(&self, remote: &Remote) -> Result<Option<String>, GitError> {
        let fetched = remote.is_remote_name.then(|| self.fetched_head(&remote.location)).flatten();
        if fetched.is_some() {
            return Ok(fetched);
        }
        remote_default_branch(self.command_for(remote)?, remote)
    }

    /// The default branch of `origin`, else of the only remote, as last fetched; absent where that is not known here.
    ///
    /// # Errors
    /// What libgit2 says.
    pub fn fetched_default_branch(&self) -> Result<Option<String>, GitError> {
        Ok(self.remote_name()?.and_then(|remote| self.fetched_head(&remote)))
    }

    fn fetched_head(&self, remote: &str) -> Option<String> {
        let prefix = format!("refs/remotes/{remote}/");
        let head = self.inner.find_reference(&format!("{prefix}HEAD")).ok()?;
        let target = head.symbolic_target().ok().flatten()?;
        target.strip_prefix(&prefix).map(str::to_owned)
    }

    /// Brings branches of a remote, whole histories (a shallow clone stays shallow), and gives their heads;
    /// branches that it does not have are absent. Nothing of the user's moves: no local branch, no tag, no
    /// remote-tracking branch.
    ///
    /// # Errors
    /// [`GitError::Remote`], [`GitError::ReadOnly`].
    pub fn fetch(&self, remote: &Remote, branches: &[&str]) -> Result<BTreeMap<String, CommitId>, GitError> {
        let there = self.list_remote(remote)?;
        let wanted: BTreeMap<String, CommitId> =
            there.into_iter().filter(|(name, _)| branches.contains(&name.as_str())).collect();
        let mut missing = Vec::new();
        for (branch, id) in &wanted {
            let kept = fetched_ref(branch);
            if self.reference(&kept)?.as_ref() != Some(id) {
                missing.push(format!("+refs/heads/{branch}:{kept}"));
            }
        }
        if missing.is_empty() {
            return Ok(wanted);
        }
        let answer = self
            .command_for(remote)?
            .args(FETCH_ARGUMENTS)
            .args([NO_HOUSEKEEPING, "--refmap=", &remote.location])
            .args(&missing)
            .limit(TRANSFER_LIMIT)
            .run()?;
        self.check_answer(answer, "fetch from", remote)?;
        // A branch may have moved or gone between the two questions: what was brought counts.
        let mut brought = BTreeMap::new();
        for branch in wanted.into_keys() {
            if let Some(id) = self.reference(&fetched_ref(&branch))? {
                brought.insert(branch, id);
            }
        }
        Ok(brought)
    }

    /// Brings objects that a partial clone left out.
    pub(super) fn fetch_objects(&self, name: &str, ids: &[Oid]) -> Result<(), GitError> {
        let remote = Remote::from_name(name)?;
        let wanted: String = ids.iter().map(|id| format!("{id}\n")).collect();
        let git = self.command_for(&remote)?.config_value("fetch.negotiationAlgorithm", "noop");
        let git = git
            .args(FETCH_ARGUMENTS)
            .args([NO_HOUSEKEEPING, "--filter=blob:none", "--stdin", name])
            .input(wanted.into_bytes());
        self.check_answer(git.limit(TRANSFER_LIMIT).run()?, "fetch missing objects from", &remote)
    }

    /// A run of the program that may reach the remote.
    pub(super) fn command_for(&self, remote: &Remote) -> Result<GitCommand<'_>, GitError> {
        // The user's own ssh command stays as it is.
        let git = self.git_command()?;
        let ssh = shadow_repository::has_user_value(&self.inner, "core.sshcommand");
        let git = if ssh { git } else { git.ssh_without_questions() };
        if !remote.is_remote_name {
            return Ok(git.credentials(&remote.location, remote));
        }
        match self.remote_url(&remote.location)? {
            Some(url) => Ok(git.credentials(&url, remote)),
            None => Err(GitError::Address {
                url: remote.location.clone(),
                why: "the repository has no remote of that name",
            }),
        }
    }

    pub(super) fn check_answer(
        &self,
        answer: GitOutput,
        doing: &'static str,
        remote: &Remote,
    ) -> Result<(), GitError> {
        if answer.success {
            return Ok(());
        }
        if is_read_only(&answer) {
            return Err(GitError::ReadOnly { path: self.path().to_owned(), why: answer.reason() });
        }
        Err(remote_error(&answer, doing, remote))
    }
}

/// Objects and the named branches only: no tags, no submodules, no `FETCH_HEAD`.
pub(super) const FETCH_ARGUMENTS: [&str; 5] =
    ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"];
/// Housekeeping in the user's repository is the user's; in a clone of ours it keeps the clone small.
const NO_HOUSEKEEPING: &str = "--no-auto-maintenance";

/// Flat, so that a branch `drift` that is gone does not stand in the way of `drift/ledger`.
fn fetched_ref(branch: &str) -> String {
    format!("{FETCHED_REFS}{}", branch.replace('%', "%25").replace('/', "%2F"))
}

/// Whether the repository on this machine could not be written.
pub(super) fn is_read_only(answer: &GitOutput) -> bool {
    ["Read-only file system", "insufficient permission"].iter().any(|words| answer.err.contains(words))
}

pub(super) fn remote_error(answer: &GitOutput, doing: &'static str, remote: &Remote) -> GitError {
    GitError::Remote { doing, remote: remote.display().to_owned(), why: answer.failure() }
}

/// `git ls-remote --heads`.
fn list_heads(git: GitCommand<'_>, remote: &Remote) -> Result<BTreeMap<String, CommitId>, GitError> {
    let answer = git.args(["ls-remote", "--quiet", "--heads", &remote.location]).run()?;
    if !answer.success {
        return Err(remote_error(&answer, "list the branches of", remote));
    }
    let line = |line: &str| {
        let (id, name) = line.split_once('\t')?;
        Some((name.strip_prefix("refs/heads/")?.to_owned(), id.to_owned()))
    };
    answer.out.lines().filter_map(line).map(|(name, id)| Ok((name, CommitId::parse(&id)?))).collect()
}

/// `git ls-remote --symref URL HEAD`.
pub(super) fn remote_default_branch(
    git: GitCommand<'_>,
    remote: &Remote,
) -> Result<Option<String>, GitError> {
    let answer = git.args(["ls-remote", "--quiet", "--symref", &remote.location, "HEAD"]).run()?;
    if !answer.success {
        return Err(remote_error(&answer, "read the default branch of", remote));
    }
    let target = answer.out.lines().find_map(|l| l.strip_prefix("ref: ")?.strip_suffix("\tHEAD"));
    Ok(target.and_then(|t| t.strip_prefix("refs/heads/")).map(str::to_owned))
}
