//! Kustomize roots and charts below a plain source: they are not read with it, and what they declare is missed unless they
//! are sources of their own or another root has them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::kustomization::Kustomization;
use super::plain::folders;
use super::{Gathered, Located, Seen, SourceKind, locate, scan, slashed};

/// Names those of `roots` that nobody reads.
pub(super) fn name(located: &Located<'_>, roots: &[PathBuf], gathered: &mut Gathered) {
    let sources: BTreeSet<PathBuf> = located
        .request
        .sources
        .iter()
        .filter_map(|source| locate(located.seen.root, &source.path).ok())
        .collect();
    let unread: BTreeSet<&PathBuf> = roots.iter().filter(|root| !sources.contains(*root)).collect();
    if unread.is_empty() {
        return;
    }
    let reaching = reaching(located.seen);
    for root in &unread {
        let users = reaching.iter().filter(|(user, reached)| user != *root && reached.contains(*root));
        // Those that reach each other cannot be rendered at all.
        let renders = |(user, _): &&(PathBuf, _)| {
            sources.contains(user) || (unread.contains(user) && !reaches(&reaching, root, user))
        };
        let mut users = users.peekable();
        let by_other = users.peek().map(|(user, _)| slashed(user));
        if users.any(|user| renders(&user)) || is_component(located.seen, root) {
            continue;
        }
        let what = match (located.seen.kind(root), by_other) {
            (SourceKind::Helm, _) => "a Helm chart, and was not read: make it a source of its own".to_owned(),
            (_, Some(user)) => {
                format!("a Kustomize root that {user} has, and was not read: make {user} a source")
            }
            (_, None) => "a Kustomize root, and was not read: make it a source of its own".to_owned(),
        };
        gathered.lacks(slashed(root), format!("it is {what}, or leave it out with `exclude`"));
    }
}

/// Kustomize roots of the tree, with the folders and files that each reaches.
type Reaching = Vec<(PathBuf, BTreeSet<PathBuf>)>;

fn reaches(reaching: &Reaching, from: &Path, to: &Path) -> bool {
    reaching.iter().any(|(root, reached)| root == from && reached.contains(to))
}

fn reaching(seen: Seen<'_>) -> Reaching {
    let roots = folders(seen).filter(|folder| seen.kustomization(folder).is_some());
    let with_reach = |root: PathBuf| {
        let reached = scan::scan(seen, &root, true).reached;
        (root, reached)
    };
    let mut found: Reaching = roots.map(with_reach).collect();
    found.sort();
    found
}

fn is_component(seen: Seen<'_>, root: &Path) -> bool {
    let Some(file) = seen.kustomization(root) else { return false };
    let read = Kustomization::read(seen, &file).ok().flatten();
    read.is_some_and(|kustomization| kustomization.value["kind"] == "Component")
}
