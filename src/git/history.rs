//! What came before a commit.

use std::collections::{BTreeSet, BinaryHeap};

use git2::{ErrorCode, Oid};

use super::tree_cache::ObjectAt;
use super::{CommitId, CommitInfo, GitError, Person, Repository, message};

impl Repository {
    /// The commits before and with `from` that changed the file or folder at `path`, newest first, at most `limit`:
    /// what `git log -- path` shows. A merge is left out where one of its parents has the same content, and only
    /// that parent's side is followed. In a shallow clone the oldest commit may be a [`CommitInfo::boundary`].
    ///
    /// # Errors
    /// A missing object, or what libgit2 says.
    pub fn commits_touching(
        &self,
        from: &CommitId,
        path: &str,
        limit: usize,
    ) -> Result<Vec<CommitInfo>, GitError> {
        let mut walk = HistoryWalk::new(self, path);
        walk.push(from.oid())?;
        let mut touching = Vec::new();
        while touching.len() < limit
            && let Some(step) = walk.next()
        {
            if let Some(info) = walk.visit(&step)? {
                touching.push(info);
            }
        }
        Ok(touching)
    }

    /// What the commits before and with `from` say in a trailer, newest first; at most `limit` commits are read.
    ///
    /// # Errors
    /// A missing object, or what libgit2 says.
    pub fn trailers_before(
        &self,
        from: &CommitId,
        key: &str,
        limit: usize,
    ) -> Result<Vec<(CommitId, String)>, GitError> {
        let fail = |e: git2::Error| self.wrap_error("walk the history", &e);
        let mut walk = self.inner.revwalk().map_err(fail)?;
        walk.push(from.oid()).map_err(fail)?;
        let mut found = Vec::new();
        for id in walk.take(limit) {
            let id = id.map_err(fail)?;
            let commit = self.find_commit(id)?;
            let bytes = commit.message_bytes();
            if bytes.windows(key.len()).any(|part| part == key.as_bytes()) {
                let named = message::trailers(&text(bytes)).into_iter().filter(|(name, _)| name == key);
                found.extend(named.map(|(_, value)| (id.into(), value)));
            }
        }
        Ok(found)
    }

    /// Whether `ancestor` is `commit` or came before it. An id that is not here is no ancestor.
    ///
    /// # Errors
    /// What libgit2 says.
    pub fn is_ancestor(&self, ancestor: &CommitId, commit: &CommitId) -> Result<bool, GitError> {
        let (ancestor, commit) = (ancestor.oid(), commit.oid());
        if ancestor == commit {
            return Ok(true);
        }
        let odb = self.inner.odb().map_err(|e| self.wrap_error("read objects", &e))?;
        if !odb.exists(ancestor) {
            return Ok(false);
        }
        self.inner.graph_descendant_of(commit, ancestor).map_err(|e| self.wrap_error("compare histories", &e))
    }

    /// The best common ancestor; absent where two histories have none.
    ///
    /// # Errors
    /// What libgit2 says.
    pub fn merge_base(&self, one: &CommitId, other: &CommitId) -> Result<Option<CommitId>, GitError> {
        match self.inner.merge_base(one.oid(), other.oid()) {
            Ok(base) => Ok(Some(base.into())),
            Err(e) if e.code() == ErrorCode::NotFound => Ok(None),
            Err(e) => Err(self.wrap_error("compare histories", &e)),
        }
    }

    /// A commit as [`Repository::commits_touching`] tells it, for the content at `path`.
    ///
    /// # Errors
    /// A missing object, or what libgit2 says.
    pub fn commit_info(&self, commit: &CommitId, path: &str) -> Result<CommitInfo, GitError> {
        let tree_id = self.tree_id(commit, path)?;
        Ok(describe(&self.find_commit(commit.oid())?, tree_id, &self.boundary()))
    }

    /// The whole message of a commit (hostile).
    ///
    /// # Errors
    /// A missing object, or what libgit2 says.
    pub fn message(&self, commit: &CommitId) -> Result<String, GitError> {
        self.find_commit(commit.oid()).map(|c| text(c.message_bytes()))
    }

    /// The ids at which a shallow clone was cut off.
    pub(super) fn boundary(&self) -> BTreeSet<String> {
        let file = self.inner.commondir().join("shallow");
        let text =
            if self.is_shallow() { std::fs::read_to_string(file).unwrap_or_default() } else { String::new() };
        text.lines().map(|l| l.trim().to_owned()).collect()
    }
}

/// A commit that waits to be visited; the latest comes first, and of equal times the one found first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct QueuedCommit {
    time: i64,
    order: std::cmp::Reverse<usize>,
    id: Oid,
}

struct HistoryWalk<'a> {
    repository: &'a Repository,
    path: &'a str,
    heap: BinaryHeap<QueuedCommit>,
    seen: BTreeSet<Oid>,
    boundary: BTreeSet<String>,
}

impl<'a> HistoryWalk<'a> {
    fn new(repository: &'a Repository, path: &'a str) -> Self {
        Self {
            repository,
            path,
            heap: BinaryHeap::new(),
            seen: BTreeSet::new(),
            boundary: repository.boundary(),
        }
    }

    fn push(&mut self, id: Oid) -> Result<(), GitError> {
        if self.seen.insert(id) {
            let time = self.repository.find_commit(id)?.time().seconds();
            self.heap.push(QueuedCommit { time, order: std::cmp::Reverse(self.seen.len()), id });
        }
        Ok(())
    }

    fn next(&mut self) -> Option<Oid> {
        self.heap.pop().map(|w| w.id)
    }

    /// Goes on to the parents; gives the commit where it changed the path.
    fn visit(&mut self, id: &Oid) -> Result<Option<CommitInfo>, GitError> {
        let commit = self.repository.find_commit(*id)?;
        let here = self.content(&commit)?;
        let cut = self.boundary.contains(&id.to_string());
        let parents: Vec<Oid> = if cut { Vec::new() } else { commit.parent_ids().collect() };
        for parent in &parents {
            if self.content(&self.repository.find_commit(*parent)?)? == here {
                self.push(*parent)?;
                return Ok(None);
            }
        }
        for parent in &parents {
            self.push(*parent)?;
        }
        if parents.is_empty() && here.is_none() {
            return Ok(None);
        }
        Ok(Some(describe(&commit, here.map(|at| at.id.to_string()), &self.boundary)))
    }

    /// Id and mode at the path: a changed mode is a change too.
    fn content(&self, commit: &git2::Commit<'_>) -> Result<Option<ObjectAt>, GitError> {
        self.repository.lookup(commit.tree_id(), self.path)
    }
}

fn describe(commit: &git2::Commit<'_>, tree_id: Option<String>, boundary: &BTreeSet<String>) -> CommitInfo {
    let message = text(commit.message_bytes());
    let id = CommitId::from(commit.id());
    CommitInfo {
        tree_id,
        author: to_person(&commit.author()),
        committer: to_person(&commit.committer()),
        time: commit.time().seconds(),
        subject: message::subject(&message).to_owned(),
        trailers: message::trailers(&message),
        boundary: boundary.contains(id.as_str()),
        id,
    }
}

fn to_person(signature: &git2::Signature<'_>) -> Person {
    Person {
        name: text(signature.name_bytes()),
        email: text(signature.email_bytes()),
        time: signature.when().seconds(),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
