//! The versions of what a line of paths holds that another has superseded.

use std::collections::{BTreeMap, BTreeSet};

use crate::git::{Ancestry, PathHistory, TouchingCommit};
use crate::model::{Desired, ObjectKey};

/// A version before the one that is checked.
pub(super) struct SourceVersion {
    /// The commit that brought it; `None`: before there was any.
    pub(super) commit: Option<TouchingCommit>,
    /// The commit that superseded it; `None`: the work tree.
    pub(super) newer: Option<TouchingCommit>,
    /// When that reached the branch, seconds since 1970.
    pub(super) superseded_at: i64,
}

/// The versions that another has superseded, newest first. Of a dirty work tree the newest commit is one of them. Where
/// the line began after the repository did, the last one is that there was nothing (`before` the first commit).
pub(super) fn superseded_versions(
    line: &PathHistory,
    dirty: bool,
    past: &Ancestry<'_>,
    before: bool,
) -> Vec<SourceVersion> {
    let commits = &line.commits;
    let newest = dirty.then(|| commits.first()).flatten();
    let of_work_tree = |commit| SourceVersion { commit, newer: None, superseded_at: i64::MAX };
    let mut versions: Vec<SourceVersion> =
        newest.map(|commit| of_work_tree(Some(commit.clone()))).into_iter().collect();
    versions.extend(commits.windows(2).map(|pair| SourceVersion {
        commit: Some(pair[1].clone()),
        newer: Some(pair[0].clone()),
        superseded_at: pair[0].arrived_at,
    }));
    if commits.is_empty() && dirty {
        // A file that no commit has: nobody can have applied it from one.
        versions.push(of_work_tree(None));
    }
    if let Some(first) = commits.last().filter(|_| before && !line.more && past.is_complete())
        && !first.boundary
        && !past.is_root(&first.id)
    {
        let superseded_at = first.arrived_at;
        versions.push(SourceVersion { commit: None, newer: Some(first.clone()), superseded_at });
    }
    versions
}

/// What a version declares.
#[derive(Default)]
pub(super) struct RenderedVersion {
    pub(super) objects: BTreeMap<ObjectKey, Desired>,
    /// Objects that it declares too, and whose content was not kept.
    pub(super) secret: BTreeSet<ObjectKey>,
}
