//! Kustomize roots and charts below a plain source: they are not read with it, and what they declare is missed unless they
//! are sources of their own or another root has them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::folders::folders;
use super::kustomization::Kustomization;
use super::kustomize_inputs;
use super::output::{SourceKind, SourceOutput};
use super::resolved::ResolvedSource;
use super::tree::{SourceTree, locate, with_forward_slashes};

/// Names those of `roots` that nobody reads.
pub(super) fn report_nested_roots(
    located: &ResolvedSource<'_>,
    roots: &[PathBuf],
    gathered: &mut SourceOutput,
) {
    // Most sources have none, and where all of them are need not be known for each.
    if roots.is_empty() {
        return;
    }
    let sources: BTreeSet<PathBuf> = located
        .request
        .sources
        .iter()
        .filter_map(|source| locate(located.tree.root, &source.path).ok())
        .collect();
    let unread: BTreeSet<&PathBuf> = roots.iter().filter(|root| !sources.contains(*root)).collect();
    if unread.is_empty() {
        return;
    }
    let reaching = read_root_inputs(located.tree);
    for root in &unread {
        let users = reaching.iter().filter(|(user, reached)| user != *root && reached.contains(*root));
        // Those that reach each other cannot be rendered at all.
        let renders = |(user, _): &&(PathBuf, _)| {
            sources.contains(user) || (unread.contains(user) && !reaches(&reaching, root, user))
        };
        let mut users = users.peekable();
        let by_other = users.peek().map(|(user, _)| with_forward_slashes(user));
        if users.any(|user| renders(&user)) || is_component(located.tree, root) {
            continue;
        }
        let what = match (located.tree.kind(root), by_other) {
            (SourceKind::Helm, _) => "a Helm chart, and was not read: make it a source of its own".to_owned(),
            (_, Some(user)) => {
                format!("a Kustomize root that {user} has, and was not read: make {user} a source")
            }
            (_, None) => "a Kustomize root, and was not read: make it a source of its own".to_owned(),
        };
        gathered.report_incomplete(
            with_forward_slashes(root),
            format!("it is {what}, or leave it out with `exclude`"),
        );
    }
}

/// Kustomize roots of the tree, with the folders and files that each reaches.
type RootInputs = Vec<(PathBuf, BTreeSet<PathBuf>)>;

fn reaches(reaching: &RootInputs, from: &Path, to: &Path) -> bool {
    reaching.iter().any(|(root, reached)| root == from && reached.contains(to))
}

fn read_root_inputs(seen: SourceTree<'_>) -> RootInputs {
    let roots = folders(seen).filter(|folder| seen.kustomization(folder).is_some());
    let with_reach = |root: PathBuf| {
        let reached = kustomize_inputs::find_kustomize_inputs(seen, &root, true).reached;
        (root, reached)
    };
    let mut found: RootInputs = roots.map(with_reach).collect();
    found.sort();
    found
}

fn is_component(seen: SourceTree<'_>, root: &Path) -> bool {
    let Some(file) = seen.kustomization(root) else { return false };
    let read = Kustomization::read(seen, &file).ok().flatten();
    read.is_some_and(|kustomization| kustomization.value["kind"] == "Component")
}
