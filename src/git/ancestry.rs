//! The ancestry of a commit in memory: parents, and when each commit reached the branch.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};

use git2::Oid;

use super::{CommitId, GitError, Repository};

/// More commits are not read; the largest public repositories have as many.
const MOST_COMMITS: usize = 2_000_000;

/// A commit, as far as walks need it.
pub(super) struct AncestryNode {
    pub(super) id: Oid,
    pub(super) tree: Oid,
    /// Committer's time, seconds since 1970.
    pub(super) time: i64,
    /// Those that are read, by index, in the order of the commit.
    pub(super) parents: Box<[u32]>,
    /// A shallow clone ends here.
    pub(super) boundary: bool,
    /// How many of the commits here have it as a parent.
    pub(super) children: u32,
}

/// The commits before and with one.
pub struct Ancestry<'a> {
    pub(super) repository: &'a Repository,
    pub(super) nodes: Vec<AncestryNode>,
    pub(super) index: HashMap<Oid, u32>,
    /// Whether all of them were read.
    complete: bool,
    /// Of each, when it reached the branch.
    arrivals: Vec<i64>,
    /// For each commit that was asked about, those before and with it, a bit each.
    ancestors: RefCell<HashMap<u32, Box<[u64]>>>,
}

impl Repository {
    /// Reads the commits before and with `from`. In a shallow clone they end where it was cut off.
    ///
    /// # Errors
    /// A missing object, or what libgit2 says.
    pub fn read_ancestry(&self, from: &CommitId) -> Result<Ancestry<'_>, GitError> {
        self.read_ancestry_up_to(from, MOST_COMMITS)
    }

    pub(super) fn read_ancestry_up_to(&self, from: &CommitId, most: usize) -> Result<Ancestry<'_>, GitError> {
        let boundary = self.boundary();
        let mut past = Ancestry {
            repository: self,
            nodes: Vec::new(),
            index: HashMap::new(),
            complete: true,
            arrivals: Vec::new(),
            ancestors: RefCell::default(),
        };
        // Breadth first: where there are too many, the newest are read.
        let mut waiting = VecDeque::from([from.oid()]);
        let mut parents: Vec<Vec<Oid>> = Vec::new();
        while let Some(id) = waiting.pop_front() {
            if past.index.contains_key(&id) {
                continue;
            }
            if past.nodes.len() >= most {
                past.complete = false;
                break;
            }
            let commit = self.find_commit(id)?;
            let boundary = !boundary.is_empty() && boundary.contains(&id.to_string());
            let of_commit: Vec<Oid> = if boundary { Vec::new() } else { commit.parent_ids().collect() };
            let at = u32::try_from(past.nodes.len()).expect("fewer commits than MOST_COMMITS");
            past.index.insert(id, at);
            let (tree, time, none) = (commit.tree_id(), commit.time().seconds(), Box::default());
            past.nodes.push(AncestryNode { id, tree, time, parents: none, boundary, children: 0 });
            waiting.extend(&of_commit);
            parents.push(of_commit);
        }
        past.link_parents(&parents);
        past.compute_arrivals();
        Ok(past)
    }
}

impl Ancestry<'_> {
    fn link_parents(&mut self, parents: &[Vec<Oid>]) {
        for (at, parents) in parents.iter().enumerate() {
            let known: Vec<u32> = parents.iter().filter_map(|id| self.index.get(id).copied()).collect();
            known.iter().for_each(|parent| self.nodes[*parent as usize].children += 1);
            self.nodes[at].parents = known.into();
        }
    }

    /// The branch itself goes from first parent to first parent; a commit of a side branch reached it with the oldest
    /// commit of the branch that holds it.
    fn compute_arrivals(&mut self) {
        let mut line = vec![0_u32];
        while let Some(first) = line.last().and_then(|at| self.nodes[*at as usize].parents.first()) {
            line.push(*first);
        }
        let mut arrivals: Vec<Option<i64>> = vec![None; self.nodes.len()];
        for at in &line {
            arrivals[*at as usize] = Some(self.nodes[*at as usize].time);
        }
        for at in line.iter().rev() {
            let merged = &self.nodes[*at as usize];
            let mut waiting: Vec<u32> = merged.parents.iter().skip(1).copied().collect();
            while let Some(side) = waiting.pop() {
                if arrivals[side as usize].is_none() {
                    let side_commit = &self.nodes[side as usize];
                    arrivals[side as usize] = Some(merged.time.max(side_commit.time));
                    waiting.extend(side_commit.parents.iter());
                }
            }
        }
        self.arrivals = arrivals.into_iter().map(|at| at.unwrap_or(i64::MAX)).collect();
    }

    /// How many commits there are.
    #[must_use]
    pub fn commit_count(&self) -> usize {
        self.nodes.len()
    }

    /// Whether the whole history was read: a longer one than any known is cut off.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// When a commit reached the branch whose head this past is of, seconds since 1970: a commit of a side branch with
    /// the merge that brought it. `None` of a commit that is not among these.
    #[must_use]
    pub fn arrival_time(&self, commit: &CommitId) -> Option<i64> {
        self.index.get(&commit.oid()).map(|at| self.arrivals[*at as usize])
    }

    /// Whether a commit began the repository, or a part of it that was joined later.
    #[must_use]
    pub fn is_root(&self, commit: &CommitId) -> bool {
        let node = self.index.get(&commit.oid()).map(|at| &self.nodes[*at as usize]);
        node.is_some_and(|node| node.parents.is_empty() && !node.boundary)
    }

    /// Whether `ancestor` is `commit` or came before it, as [`Repository::is_ancestor`] says; asked again of the same
    /// `commit`, nothing is walked.
    ///
    /// # Errors
    /// What libgit2 says.
    pub fn contains_ancestor(&self, commit: &CommitId, ancestor: &CommitId) -> Result<bool, GitError> {
        let (Some(of), Some(sought)) = (self.index.get(&commit.oid()), self.index.get(&ancestor.oid()))
        else {
            return self.repository.is_ancestor(ancestor, commit);
        };
        if !self.complete {
            return self.repository.is_ancestor(ancestor, commit);
        }
        let mut known = self.ancestors.borrow_mut();
        let bits = known.entry(*of).or_insert_with(|| self.ancestors_of(*of));
        Ok(bits[*sought as usize / 64] >> (sought % 64) & 1 == 1)
    }

    fn ancestors_of(&self, of: u32) -> Box<[u64]> {
        let mut bits = vec![0_u64; self.nodes.len().div_ceil(64)];
        let mut waiting = vec![of];
        while let Some(at) = waiting.pop() {
            let (word, bit) = (at as usize / 64, 1_u64 << (at % 64));
            if bits[word] & bit == 0 {
                bits[word] |= bit;
                waiting.extend(self.nodes[at as usize].parents.iter());
            }
        }
        bits.into()
    }
}
