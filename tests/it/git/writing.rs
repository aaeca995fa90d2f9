//! New commits.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use drift::git::{CommitId, EntryKind, GitError, Repository};
use drift::text::with_hint;
use proptest::prelude::*;

use super::{id, open, set, who};
use crate::support::repo::Repo;

type Files = BTreeMap<String, (Vec<u8>, EntryKind, bool)>;

fn files(repository: &Repository, commit: &CommitId) -> Files {
    let entries = repository.list(commit, "").expect("readable");
    let with_content = |e: drift::git::TreeEntry| {
        let content = repository.read(commit, &e.path).expect("readable").unwrap_or_default();
        (e.path, (content, e.kind, e.executable))
    };
    entries.into_iter().map(with_content).collect()
}

fn sample() -> Repo {
    let repo = Repo::new();
    for path in ["a", "b/c", "b/d/e", "b/d/f", "run.sh"] {
        repo.write(path, format!("{path}\n"));
    }
    std::fs::set_permissions(repo.path().join("run.sh"), std::fs::Permissions::from_mode(0o755))
        .expect("our own file");
    symlink("a", repo.path().join("link")).expect("a new link");
    let commit = repo.commit("First");
    repo.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},sub")]);
    repo.git(&["commit", "--quiet", "-m", "Submodule"]);
    repo
}

#[test]
fn commit_writes_listed_files_keeps_rest() {
    let repo = sample();
    let (opened, parent) = (open(&repo), id(&repo.head()));
    let mut expected = files(&opened, &parent);
    let changes = [
        set("a", "changed"),
        set("run.sh", "changed"),
        set("new/deep/file", "new"),
        ("b/d/e".to_owned(), None),
        ("b/d/f".to_owned(), None),
        ("nothing/here".to_owned(), None),
        ("a/below-a-file".to_owned(), None),
    ];
    let made = opened
        .commit(Some(&parent), &changes[..6], "Change\n\nDrift-Incident: x\n\n", &who())
        .expect("written");
    expected.insert("a".to_owned(), (b"changed".to_vec(), EntryKind::File, false));
    expected.insert("run.sh".to_owned(), (b"changed".to_vec(), EntryKind::File, true));
    expected.insert("new/deep/file".to_owned(), (b"new".to_vec(), EntryKind::File, false));
    expected.remove("b/d/e");
    expected.remove("b/d/f");
    assert_eq!(files(&opened, &made), expected);
    assert_eq!(opened.tree_id(&made, "b/d").expect("readable"), None, "an empty folder is none");
    let shown = repo.git(&["show", "--no-patch", "--format=%P|%an|%ae|%at|%cn|%ce|%ct|%B", made.as_str()]);
    let head =
        format!("{parent}|drift|drift@example.com|1704067200|drift|drift@example.com|1704067200|Change\n");
    assert!(shown.starts_with(&head), "{shown}");
    assert!(repo.try_git(&["fsck", "--strict", "--no-dangling"], &[]).status == 0);
    let below = opened.commit(Some(&parent), &changes[6..], "Nothing", &who()).expect("nothing to remove");
    assert_eq!(files(&opened, &below), files(&opened, &parent));
}

#[test]
fn commit_leaves_work_tree_and_hooks_untouched() {
    let repo = sample();
    for hook in
        ["pre-commit", "post-commit", "commit-msg", "reference-transaction", "post-checkout", "pre-push"]
    {
        let path =
            repo.write(&format!(".git/hooks/{hook}"), "#!/bin/sh\ntouch \"$(dirname \"$0\")/ran\"\nexit 1\n");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("our own file");
    }
    let before = (
        repo.git(&["status", "--porcelain"]),
        std::fs::read(repo.path().join(".git/index")).expect("an index"),
    );
    let opened = open(&repo);
    let made =
        opened.commit(Some(&id(&repo.head())), &[set("a", "changed")], "Change", &who()).expect("written");
    let update = drift::git::RefUpdate { branch: "drift/x".to_owned(), new: Some(made), expected: None };
    opened.push(None, &[update]).expect("a new branch");
    let after = (
        repo.git(&["status", "--porcelain"]),
        std::fs::read(repo.path().join(".git/index")).expect("an index"),
    );
    assert_eq!(before, after);
    assert!(!repo.path().join(".git/hooks/ran").exists());
    assert_eq!(repo.read("a"), "a\n");
}

#[test]
fn same_input_gives_the_same_commit_id() {
    let one = Repo::with(&[("x", "y")]);
    let other = Repo::with(&[("z", "z")]);
    let changes = [set("incidents/1.yaml", "version: 1\n"), set("README", "ledger\n")];
    let mut reversed = changes.to_vec();
    reversed.reverse();
    let first = open(&one).commit(None, &changes, "Ledger", &who()).expect("written");
    let second = open(&other).commit(None, &reversed, "Ledger\n", &who()).expect("written");
    assert_eq!(first, second);
    assert_eq!(one.git(&["show", "--no-patch", "--format=%P", first.as_str()]), "");
    let empty = open(&one).commit(None, &[], "Nothing", &who()).expect("written");
    assert_eq!(open(&one).list(&empty, "").expect("readable"), []);
}

#[test]
fn commit_never_overwrites_non_regular_files() {
    let repo = sample();
    let (opened, parent) = (open(&repo), id(&repo.head()));
    let cases = [
        ("link", "symbolic link"),
        ("b", "folder"),
        ("b/d", "folder"),
        ("sub", "submodule"),
        ("link/x", "not a folder"),
        ("a/x", "not a folder"),
        ("sub/x", "not a folder"),
        ("", "not a path"),
        ("/etc/passwd", "not a path"),
        ("../x", "not a path"),
        ("b/../x", "not a path"),
        ("b//x", "not a path"),
        ("x/", "not a path"),
        (".git/config", "not a path"),
        ("b/.GIT/hooks/pre-commit", "not a path"),
        ("nul\0", "not a path"),
    ];
    for (path, why) in cases {
        let error = opened.commit(Some(&parent), &[set(path, "x")], "Change", &who()).expect_err(path);
        assert!(
            matches!(error, GitError::Path { .. }) && with_hint(&error, error.hint()).contains(why),
            "{path:?}: {error}"
        );
    }
    for both in [[set("n", "x"), set("n/m", "x")], [set("n/m", "x"), set("n", "x")]] {
        assert!(opened.commit(Some(&parent), &both, "Change", &who()).is_err());
    }
    let removed =
        opened.commit(Some(&parent), &[("link".to_owned(), None)], "Remove", &who()).expect("a link can go");
    assert_eq!(opened.read(&removed, "link").expect("readable"), None);
}

fn path() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        "[a-c]",
        Just("é".to_owned()),
        Just("a b".to_owned()),
        Just("a.yaml".to_owned()),
        Just("a-".to_owned())
    ];
    proptest::collection::vec(name, 1..4).prop_map(|names| names.join("/"))
}

/// Removals and files without a file among another's folders.
fn changes() -> impl Strategy<Value = Vec<(String, Option<Vec<u8>>)>> {
    let content = proptest::option::weighted(0.7, proptest::collection::vec(any::<u8>(), 0..8));
    proptest::collection::btree_map(path(), content, 0..12).prop_map(|map| map.into_iter().collect())
}

#[test]
fn commit_is_exactly_parent_and_changes() {
    let repo = Repo::with(&[("seed", "seed")]);
    let opened = open(&repo);
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let tried = std::cell::Cell::new(0);
    let run = |(first, second): (Vec<_>, Vec<_>)| {
        let Ok(parent) = opened.commit(None, &first, "Parent", &who()) else { return Ok(()) };
        let mut expected = files(&opened, &parent);
        let Ok(made) = opened.commit(Some(&parent), &second, "Change", &who()) else {
            // Refused only where a file would stand in the place of a folder, or the other way round.
            let inside = |a: &str, b: &str| b.strip_prefix(a).is_some_and(|rest| rest.starts_with('/'));
            let clash = second.iter().any(|(p, _)| {
                expected.keys().chain(second.iter().map(|(p, _)| p)).any(|q| inside(p, q) || inside(q, p))
            });
            prop_assert!(clash, "{first:?} {second:?}");
            return Ok(());
        };
        tried.set(tried.get() + 1);
        for (path, content) in &second {
            match content {
                Some(content) => {
                    expected.insert(path.clone(), (content.clone(), EntryKind::File, false));
                }
                None => {
                    expected.remove(path);
                }
            }
        }
        prop_assert_eq!(files(&opened, &made), expected);
        Ok(())
    };
    runner.run(&(changes(), changes()), run).unwrap_or_else(|e| panic!("{e}"));
    assert!(tried.get() > 50, "only {} of the cases were written", tried.get());
}
