//! The repository itself as forge: a proposal is its branch, and a text file on a branch of its own that says what it is
//! for. People take it in by merging the branch, and decline it by setting `state: closed` or removing the branch.

mod file;

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::body::TextLimits;
use super::error::ForgeError;
use super::interface::{Forge, ForgeFuture};
use super::marker::ProposalMarker;
use super::proposal::{
    Closer, ExistingProposal, OpenOutcome, Preflight, Proposal, ProposalRef, ProposalState,
};
use crate::git::{CommitId, CommitInfo, RefUpdate, Repository, Signature};
use file::{Closure, FileError, FileState, ProposalFile};

/// The branch that holds the proposals, one file each: `<number>.md`.
pub const PROPOSALS_BRANCH: &str = "drift/proposals";
/// Longest file that is read.
const FILE_LIMIT: usize = 1024 * 1024;
/// How far back the base branch is searched for a proposal that was squashed or rebased.
const HISTORY: usize = 2_000;
/// How often a write is derived again because another run was first.
const ATTEMPTS: u32 = 8;

/// A repository whose proposals are in it.
pub struct LocalForge {
    repository: Mutex<Repository>,
    who: Signature,
}

impl std::fmt::Debug for LocalForge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Local").field("who", &self.who.name).finish_non_exhaustive()
    }
}

impl Forge for LocalForge {
    /// A file may be of any length; a proposal reads as on the other forges.
    fn limits(&self) -> TextLimits {
        TextLimits { title: 240, body: 58_000 }
    }

    fn preflight(&self) -> ForgeFuture<'_, Preflight> {
        Box::pin(async move {
            let branch = self.lock_repository().repository.head_branch()?.ok_or_else(|| {
                ForgeError::configuration(
                    "no branch is checked out",
                    "check out the branch that proposals are for",
                )
            })?;
            Ok(Preflight { login: self.who.name.clone(), can_push: Some(true), default_branch: branch })
        })
    }

    fn list<'a>(&'a self, _settled: &'a BTreeSet<String>) -> ForgeFuture<'a, Vec<ExistingProposal>> {
        Box::pin(async move {
            let view = self.lock_repository();
            view.list(view.tip()?.as_ref())
        })
    }

    fn open<'a>(&'a self, proposal: &'a Proposal) -> ForgeFuture<'a, OpenOutcome> {
        Box::pin(async move { self.write_new(proposal) })
    }

    fn update<'a>(&'a self, existing: &'a ExistingProposal, proposal: &'a Proposal) -> ForgeFuture<'a, bool> {
        Box::pin(async move {
            let text = self.limits().fit(proposal)?;
            if !text.changes(existing) {
                return Ok(false);
            }
            self.change(existing.reference, "Update", |view, old| {
                let mut file = ProposalFile::new(proposal, &text, view.head_of(proposal)?);
                file.labels.clone_from(&old.labels);
                Ok(Some(file))
            })
        })
    }

    fn close<'a>(
        &'a self,
        existing: &'a ExistingProposal,
        reason: &'a str,
        completed: bool,
    ) -> ForgeFuture<'a, ()> {
        Box::pin(async move {
            let changed = self.change(existing.reference, "Close", |view, old| {
                let now = view.existing(existing.reference, old.clone(), None)?;
                if !now.state.is_open() {
                    return Ok(None);
                }
                let closed = Closure { by: file::US.to_owned(), reason: reason.to_owned(), completed };
                Ok(Some(ProposalFile { state: FileState::Closed, closed: Some(closed), ..old.clone() }))
            });
            changed.map(drop)
        })
    }

    fn duplicate_reason(&self, stays: ProposalRef) -> String {
        format!("Proposal {} is for this incident too, and stays.", stays.number)
    }

    /// Writes into the files of proposals that were merged that they were: people read them.
    fn record_merged(&self, listed: &[ExistingProposal]) -> Result<(), ForgeError> {
        let merged = |existing: &&ExistingProposal| matches!(existing.state, ProposalState::Merged { .. });
        for existing in listed.iter().filter(merged) {
            self.change(existing.reference, "Settle", |_, old| {
                let open = old.state == FileState::Open;
                Ok(open.then(|| ProposalFile { state: FileState::Merged, ..old.clone() }))
            })?;
        }
        Ok(())
    }
}

impl LocalForge {
    /// Proposals are text files on the branch [`PROPOSALS_BRANCH`], committed as `who`.
    #[must_use]
    pub fn new(repository: Repository, who: Signature) -> Self {
        Self { repository: Mutex::new(repository), who }
    }

    /// Writes the file of a proposal, unless one of its kind is open for the incident.
    fn write_new(&self, proposal: &Proposal) -> Result<OpenOutcome, ForgeError> {
        let view = self.lock_repository();
        let text = self.limits().fit(proposal)?;
        for _ in 0..ATTEMPTS {
            let tip = view.tip()?;
            let listed = view.list(tip.as_ref())?;
            let there = listed.iter().find(|existing| existing.is_for(&proposal.incident, proposal.kind));
            if let Some(there) = there {
                return Ok(OpenOutcome { existing: there.clone(), created: false, notes: Vec::new() });
            }
            let number = listed.last().map_or(1, |last| last.reference.number + 1);
            let reference = ProposalRef { number, kind: proposal.kind };
            let file = ProposalFile::new(proposal, &text, view.head_of(proposal)?);
            if view.write(
                tip.as_ref(),
                reference,
                &file,
                &format!("Open proposal {number}: {}", text.title),
                &self.who,
            )? {
                let existing = view.existing(reference, file, None)?;
                return Ok(OpenOutcome { existing, created: true, notes: Vec::new() });
            }
        }
        Err(busy())
    }

    /// Writes what `change` makes of a proposal's file, from the newest state; whether anything was written.
    fn change(
        &self,
        reference: ProposalRef,
        verb: &str,
        change: impl Fn(&LockedRepository<'_>, &ProposalFile) -> Result<Option<ProposalFile>, ForgeError>,
    ) -> Result<bool, ForgeError> {
        let view = self.lock_repository();
        for _ in 0..ATTEMPTS {
            let tip = view.tip()?;
            let Some(old) = view.file(tip.as_ref(), reference)? else { return Ok(false) };
            let Some(new) = change(&view, &old)?.filter(|new| *new != old) else { return Ok(false) };
            let message = format!("{verb} proposal {}: {}", reference.number, new.title);
            if view.write(tip.as_ref(), reference, &new, &message, &self.who)? {
                return Ok(true);
            }
        }
        Err(busy())
    }

    fn lock_repository(&self) -> LockedRepository<'_> {
        // Nothing is left half-done in it by a panic elsewhere.
        LockedRepository { repository: self.repository.lock().unwrap_or_else(PoisonError::into_inner) }
    }
}

fn busy() -> ForgeError {
    ForgeError::Repository(format!("branch {PROPOSALS_BRANCH} keeps changing; run again"))
}

/// The repository, while one call looks at it.
struct LockedRepository<'a> {
    repository: MutexGuard<'a, Repository>,
}

impl LockedRepository<'_> {
    /// A local branch; what a remote has of that name is not ours.
    fn branch(&self, name: &str) -> Result<Option<CommitId>, ForgeError> {
        Ok(self.repository.resolve(&format!("refs/heads/{name}"))?)
    }

    fn tip(&self) -> Result<Option<CommitId>, ForgeError> {
        self.branch(PROPOSALS_BRANCH)
    }

    /// The commit that was proven, else what the branch has.
    fn head_of(&self, proposal: &Proposal) -> Result<Option<String>, ForgeError> {
        if proposal.commit.is_some() {
            return Ok(proposal.commit.clone());
        }
        let tip = proposal.branch.as_deref().map(|branch| self.branch(branch)).transpose()?.flatten();
        Ok(tip.map(|tip| tip.as_str().to_owned()))
    }

    fn list(&self, tip: Option<&CommitId>) -> Result<Vec<ExistingProposal>, ForgeError> {
        let Some(tip) = tip else { return Ok(Vec::new()) };
        let mut listed = Vec::new();
        for (path, bytes) in self.repository.read_all(tip, "")? {
            if let Some(number) = path.strip_suffix(".md").and_then(|name| name.parse().ok()) {
                let file = parse(&path, bytes)?;
                let reference = ProposalRef { number, kind: file.kind.into() };
                listed.push(self.existing(reference, file, Some(tip))?);
            }
        }
        listed.sort_by_key(|existing| existing.reference);
        Ok(listed)
    }

    fn file(
        &self,
        tip: Option<&CommitId>,
        reference: ProposalRef,
    ) -> Result<Option<ProposalFile>, ForgeError> {
        let (Some(tip), path) = (tip, path(reference)) else { return Ok(None) };
        self.repository.read(tip, &path)?.map(|bytes| parse(&path, bytes)).transpose()
    }

    /// Commits a file; false where somebody else was first.
    fn write(
        &self,
        tip: Option<&CommitId>,
        reference: ProposalRef,
        file: &ProposalFile,
        message: &str,
        who: &Signature,
    ) -> Result<bool, ForgeError> {
        let content = file.to_text().map_err(|why| ForgeError::Repository(why.to_string()))?;
        let changes = [(path(reference), Some(content.into_bytes()))];
        let new = self.repository.commit(tip, &changes, message, who)?;
        let branch = PROPOSALS_BRANCH.to_owned();
        match self.repository.push(None, &[RefUpdate { branch, new: Some(new), expected: tip.cloned() }]) {
            Ok(_) => Ok(true),
            Err(error) if error.is_stale() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// How a proposal stands; `tip` tells who wrote its file last.
    fn existing(
        &self,
        reference: ProposalRef,
        file: ProposalFile,
        tip: Option<&CommitId>,
    ) -> Result<ExistingProposal, ForgeError> {
        let wrong =
            || ForgeError::Repository(format!("{}: its incident or fingerprint is damaged", path(reference)));
        let by_us = file.closed.as_ref().is_some_and(|closed| closed.by == file::US);
        let mark = ProposalMarker {
            incident: file.incident.clone(),
            fingerprint: file.fingerprint.clone(),
            commit: file.head.clone(),
            closed_by_us: file.state == FileState::Closed && by_us,
        };
        let line = mark.to_line().ok_or_else(wrong)?;
        let now = file.branch.as_deref().map(|branch| self.branch(branch)).transpose()?.flatten();
        let state = self.state(reference, &file, now.as_ref(), tip)?;
        Ok(ExistingProposal {
            reference,
            marker: mark,
            body: format!("{line}\n{}", file.body),
            branch: file.branch.filter(|_| now.is_some()),
            head: now.map(|now| now.as_str().to_owned()).or(file.head),
            title: file.title,
            state,
            url: format!("{PROPOSALS_BRANCH}:{}", path(reference)),
            version: None,
        })
    }

    fn state(
        &self,
        reference: ProposalRef,
        file: &ProposalFile,
        now: Option<&CommitId>,
        tip: Option<&CommitId>,
    ) -> Result<ProposalState, ForgeError> {
        let ours = file.state == FileState::Closed
            && file.closed.as_ref().is_some_and(|closed| closed.by == file::US);
        if file.kind == file::FileKind::PullRequest
            && !ours
            && let Some(merge) = self.find_merge(file, now)?
        {
            let at = Timestamp::from_second(merge.time).ok();
            return Ok(ProposalState::Merged { commit: Some(merge.id.as_str().to_owned()), by: None, at });
        }
        let declined = file.kind == file::FileKind::PullRequest && now.is_none();
        if file.state == FileState::Open && !declined {
            return Ok(ProposalState::Open);
        }
        let last = tip.map(|tip| self.repository.commits_touching(tip, &path(reference), 1)).transpose()?;
        let last = last.into_iter().flatten().next();
        let at = last.as_ref().and_then(|last| Timestamp::from_second(last.time).ok());
        let by = match file.state {
            FileState::Closed if ours => Closer::Us,
            FileState::Closed | FileState::Merged => {
                last.map_or(Closer::Unknown, |last| Closer::Person(last.author.name))
            }
            // Who removed a branch is nowhere.
            FileState::Open => return Ok(ProposalState::Closed { by: Closer::Unknown, at: None }),
        };
        Ok(ProposalState::Closed { by, at })
    }

    /// The commit of the base branch that took the proposal in: its tip, or one with the incident's trailer.
    fn find_merge(
        &self,
        file: &ProposalFile,
        now: Option<&CommitId>,
    ) -> Result<Option<CommitInfo>, ForgeError> {
        let Some(base) = self.branch(&file.base)? else { return Ok(None) };
        let recorded = file.head.as_deref().and_then(|head| CommitId::parse(head).ok());
        for tip in now.into_iter().chain(&recorded) {
            if self.repository.is_ancestor(tip, &base)? {
                return Ok(Some(self.repository.commit_info(tip, "")?));
            }
        }
        // Another proposal for the incident may have been merged after this one was declined.
        if file.state == FileState::Closed {
            return Ok(None);
        }
        let history = self.repository.commits_touching(&base, "", HISTORY)?;
        let carries = |commit: &CommitInfo| {
            commit.trailers.iter().any(|(key, value)| key == "Drift-Incident" && *value == file.incident)
        };
        Ok(history.into_iter().find(carries))
    }
}

/// The file of a proposal: pull requests and issues are counted together.
fn path(reference: ProposalRef) -> String {
    format!("{}.md", reference.number)
}

fn parse(path: &str, bytes: Vec<u8>) -> Result<ProposalFile, ForgeError> {
    let wrong =
        |why: FileError| ForgeError::Repository(format!("{path} on branch {PROPOSALS_BRANCH}: {why}"));
    if bytes.len() > FILE_LIMIT {
        return Err(wrong(FileError::TooLong(FILE_LIMIT)));
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong(FileError::NotText))?;
    ProposalFile::parse(&text).map_err(wrong)
}
