//! Which commits changed which of many paths, found in one walk.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};
use std::sync::Arc;

use git2::{ObjectType, Oid};

use super::ancestry::Ancestry;
use super::tree_cache::{ObjectAt, TreeEntries};
use super::{CommitId, GitError, Repository};

/// A commit that changed something at the paths of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TouchingCommit {
    /// The commit.
    pub id: CommitId,
    /// Committer's time, seconds since 1970.
    pub time: i64,
    /// When it reached the branch, seconds since 1970: see [`Ancestry::arrival_time`].
    pub arrived_at: i64,
    /// The clone ends here (shallow): what stands here may be older than this commit.
    pub boundary: bool,
}

/// What a walk found of one line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PathHistory {
    /// The commits, newest first.
    pub commits: Vec<TouchingCommit>,
    /// Whether there are more than were asked for.
    pub more: bool,
}

/// Further paths of a line: those that what it follows was made of at a commit.
pub type MorePaths<'f> = dyn FnMut(usize, &CommitId) -> Result<BTreeSet<String>, GitError> + 'f;

impl Ancestry<'_> {
    /// For each line of paths the commits that changed one of them, newest first, at most `limit`: what
    /// `git log -- path path` shows. A merge is left out where one of its parents has the same content, and only that
    /// parent's side is followed. Before a commit that changed something, a line follows the paths too that `further`
    /// names for its parents: what is made of files here was made of others there.
    ///
    /// All lines are walked at the same time: a commit costs the comparison of the folders that it changed and that
    /// lead to a path, however many lines there are.
    ///
    /// # Errors
    /// A missing object, what libgit2 says, and what `further` fails with.
    pub fn find_touching(
        &self,
        lines: &[BTreeSet<String>],
        limit: usize,
        further: &mut MorePaths<'_>,
    ) -> Result<Vec<PathHistory>, GitError> {
        let mut walk = TouchingWalk::new(self, lines.len(), limit);
        for (line, paths) in lines.iter().enumerate() {
            walk.paths.add(line, paths);
        }
        let all = (0..lines.len()).fold(LineSet::none(lines.len()), LineSet::with);
        walk.push(0, all);
        while let Some((at, active)) = walk.next() {
            walk.visit(at, active, further)?;
        }
        Ok(walk.found)
    }
}

/// A set of lines.
#[derive(Clone, PartialEq, Eq)]
struct LineSet(Box<[u64]>);

impl LineSet {
    fn none(lines: usize) -> Self {
        Self(vec![0; lines.div_ceil(64)].into())
    }

    fn with(mut self, line: usize) -> Self {
        self.add(line);
        self
    }

    fn add(&mut self, line: usize) {
        self.0[line / 64] |= 1 << (line % 64);
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    fn join(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word |= other);
    }

    fn intersection(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(word, other)| word & other).collect())
    }

    fn without(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(word, other)| word & !other).collect())
    }

    fn lines(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            let word = *word;
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| at * 64 + bit)
        })
    }
}

/// Paths of all lines, name by name.
struct PathTrie {
    lines: usize,
    nodes: Vec<TrieNode>,
}

struct TrieNode {
    inner: BTreeMap<Box<[u8]>, usize>,
    /// Lines that have a path which ends here.
    ends: LineSet,
    /// Lines that have a path here or below.
    below: LineSet,
}

impl PathTrie {
    fn new(lines: usize) -> Self {
        let mut paths = Self { lines, nodes: Vec::new() };
        paths.node();
        paths
    }

    fn node(&mut self) -> usize {
        let none = LineSet::none(self.lines);
        self.nodes.push(TrieNode { inner: BTreeMap::new(), ends: none.clone(), below: none });
        self.nodes.len() - 1
    }

    fn add(&mut self, line: usize, paths: &BTreeSet<String>) {
        for path in paths {
            let mut at = 0;
            self.nodes[at].below.add(line);
            for name in path.split('/').filter(|name| !name.is_empty() && *name != ".") {
                let known = self.nodes[at].inner.get(name.as_bytes()).copied();
                let inner = known.unwrap_or_else(|| self.node());
                self.nodes[at].inner.insert(name.as_bytes().into(), inner);
                self.nodes[inner].below.add(line);
                at = inner;
            }
            self.nodes[at].ends.add(line);
        }
    }
}

/// A commit that waits to be visited; the latest comes first, and of equal times the one found first.
type QueueEntry = (i64, Reverse<usize>, u32);

struct TouchingWalk<'a, 'p> {
    past: &'a Ancestry<'p>,
    repository: &'a Repository,
    paths: PathTrie,
    limit: usize,
    heap: BinaryHeap<QueueEntry>,
    pushed: usize,
    /// The lines that go on at each commit that waits.
    waiting: HashMap<u32, LineSet>,
    /// The lines that have come to a commit which more than one way leads to.
    seen: HashMap<u32, LineSet>,
    /// The lines that have as many commits as they asked for.
    done: LineSet,
    found: Vec<PathHistory>,
}

impl<'a, 'p> TouchingWalk<'a, 'p> {
    fn new(past: &'a Ancestry<'p>, lines: usize, limit: usize) -> Self {
        Self {
            past,
            repository: past.repository,
            paths: PathTrie::new(lines),
            limit,
            heap: BinaryHeap::new(),
            pushed: 0,
            waiting: HashMap::new(),
            seen: HashMap::new(),
            done: LineSet::none(lines),
            found: vec![PathHistory::default(); lines],
        }
    }

    fn push(&mut self, at: u32, mut lines: LineSet) {
        let node = &self.past.nodes[at as usize];
        if node.children > 1 {
            let seen = self.seen.entry(at).or_insert_with(|| LineSet::none(self.paths.lines));
            lines = lines.without(seen);
            seen.join(&lines);
        }
        if lines.is_empty() {
            return;
        }
        if let Some(waiting) = self.waiting.get_mut(&at) {
            waiting.join(&lines);
            return;
        }
        self.waiting.insert(at, lines);
        self.heap.push((node.time, Reverse(self.pushed), at));
        self.pushed += 1;
    }

    fn next(&mut self) -> Option<(u32, LineSet)> {
        loop {
            let (_, _, at) = self.heap.pop()?;
            let lines = self.waiting.remove(&at).unwrap_or_else(|| LineSet::none(self.paths.lines));
            let lines = lines.without(&self.done);
            if !lines.is_empty() {
                return Some((at, lines));
            }
        }
    }

    /// Each line goes on to the first parent that has the same, or, where none has, to all of them.
    fn visit(&mut self, at: u32, active: LineSet, further: &mut MorePaths<'_>) -> Result<(), GitError> {
        let past = self.past;
        let node = &past.nodes[at as usize];
        let mut left = active;
        let mut ways: Vec<(u32, LineSet)> = Vec::new();
        for parent in &node.parents {
            let there = past.nodes[*parent as usize].tree;
            let mut changed = LineSet::none(self.paths.lines);
            self.compare((Some(node.tree), Some(there)), 0, &left, &mut changed)?;
            ways.push((*parent, left.without(&changed)));
            left = changed;
            if left.is_empty() {
                break;
            }
        }
        let touched = if node.parents.is_empty() { self.present(node.tree, &left)? } else { left.clone() };
        touched.lines().for_each(|line| self.record_touch(line, at));
        left = left.without(&self.done);
        let parents: Vec<CommitId> =
            node.parents.iter().map(|parent| past.nodes[*parent as usize].id.into()).collect();
        for line in left.lines() {
            for parent in &parents {
                let more = further(line, parent)?;
                self.paths.add(line, &more);
            }
        }
        for (parent, same) in &mut ways {
            same.join(&left);
            self.push(*parent, same.clone());
        }
        Ok(())
    }

    fn record_touch(&mut self, line: usize, at: u32) {
        let found = &mut self.found[line];
        if found.commits.len() == self.limit {
            found.more = true;
            self.done.add(line);
            return;
        }
        let node = &self.past.nodes[at as usize];
        let id = CommitId::from(node.id);
        let arrived = self.past.arrival_time(&id).unwrap_or(i64::MAX);
        found.commits.push(TouchingCommit {
            id,
            time: node.time,
            arrived_at: arrived,
            boundary: node.boundary,
        });
    }

    /// Marks the lines, of those that are active, whose paths at or below a name differ between two folders.
    fn compare(
        &self,
        (left, right): (Option<Oid>, Option<Oid>),
        at: usize,
        active: &LineSet,
        changed: &mut LineSet,
    ) -> Result<(), GitError> {
        let name = &self.paths.nodes[at];
        if left == right || name.below.intersection(active).without(changed).is_empty() {
            return Ok(());
        }
        changed.join(&name.ends.intersection(active));
        if name.inner.is_empty() {
            return Ok(());
        }
        let read =
            |id: Option<Oid>| id.map_or_else(|| Ok(Arc::default()), |id| self.repository.read_tree(id));
        let (left, right) = (read(left)?, read(right)?);
        for (inner, left, right) in find_differing(&name.inner, &left, &right) {
            let ends = &self.paths.nodes[inner].ends;
            changed.join(&ends.intersection(active));
            self.compare((folder_of(left), folder_of(right)), inner, active, changed)?;
        }
        Ok(())
    }

    /// Those of the lines of which a tree has a path. All are asked at once: where the history begins they may be all there
    /// are.
    fn present(&self, tree: Oid, lines: &LineSet) -> Result<LineSet, GitError> {
        let mut present = LineSet::none(self.paths.lines);
        self.compare((Some(tree), None), 0, lines, &mut present)?;
        Ok(present)
    }
}

fn folder_of(at: Option<ObjectAt>) -> Option<Oid> {
    at.filter(|at| at.kind == Some(ObjectType::Tree)).map(|at| at.id)
}

/// Which of the names stand for something else in one folder than in the other.
fn find_differing(
    names: &BTreeMap<Box<[u8]>, usize>,
    left: &TreeEntries,
    right: &TreeEntries,
) -> Vec<(usize, Option<ObjectAt>, Option<ObjectAt>)> {
    // Few names are looked up; of many, the two folders are gone through side by side.
    const FEW: usize = 8;
    if names.len() < (left.entries().len() + right.entries().len()) / FEW {
        let pairs = names.iter().map(|(name, inner)| (*inner, left.get(name), right.get(name)));
        return pairs.filter(|(_, left, right)| left != right).collect();
    }
    let (mut lefts, mut rights) = (left.entries().iter().peekable(), right.entries().iter().peekable());
    let mut found = Vec::new();
    loop {
        let order = match (lefts.peek(), rights.peek()) {
            (None, None) => return found,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(left), Some(right)) => left.0.cmp(&right.0),
        };
        let left = if order.is_le() { lefts.next() } else { None };
        let right = if order.is_ge() { rights.next() } else { None };
        let at = |entry: Option<&(Box<[u8]>, ObjectAt)>| entry.map(|(_, at)| *at);
        if at(left) != at(right)
            && let Some((name, _)) = left.or(right)
            && let Some(inner) = names.get(name)
        {
            found.push((*inner, at(left), at(right)));
        }
    }
}
