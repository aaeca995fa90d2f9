//! Opening, resolving, reading, listing, materialising.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use drift::git::{EntryKind, ExportReport, Repository, SkippedEntry};
use drift::text::with_hint;

use super::{id, open, options};
use crate::support::repo::Repo;

const MOST: u64 = 1 << 20;

fn sample() -> Repo {
    let repo = Repo::new();
    repo.write("apps/web/deploy.yaml", "kind: Deployment\n");
    repo.write("apps/web/run.sh", "#!/bin/sh\n");
    repo.write("apps/db.yaml", "kind: StatefulSet\n");
    repo.write("README", "hello\n");
    std::fs::set_permissions(repo.path().join("apps/web/run.sh"), std::fs::Permissions::from_mode(0o755))
        .expect("our own file");
    symlink("web/deploy.yaml", repo.path().join("apps/link")).expect("a new link");
    repo.commit("First");
    repo
}

#[test]
fn repository_found_from_any_subfolder() {
    let repo = sample();
    for inside in [".", "apps", "apps/web", ".git"] {
        let opened =
            Repository::open(&repo.path().join(inside), options(&repo)).expect("inside the repository");
        assert_eq!(opened.head().expect("a head").as_str(), repo.head(), "{inside}");
        let root = opened.root().expect("a work tree").canonicalize().expect("exists");
        assert_eq!(root, repo.path().canonicalize().expect("exists"), "{inside}");
    }
}

#[test]
fn head_read_when_attached_and_detached() {
    let repo = sample();
    assert_eq!(open(&repo).head_branch().expect("readable").as_deref(), Some("main"));
    repo.git(&["checkout", "--quiet", "--detach"]);
    let detached = open(&repo);
    assert_eq!(detached.head_branch().expect("readable"), None);
    assert_eq!(detached.head().expect("a head").as_str(), repo.head());
}

#[test]
fn linked_work_tree_shares_history_not_head() {
    let repo = sample();
    let linked = repo.path().parent().expect("a folder").join("linked");
    repo.git(&["worktree", "add", "--quiet", "-b", "side", linked.to_str().expect("UTF-8")]);
    let opened = Repository::open(&linked, options(&repo)).expect("a linked work tree");
    assert_eq!(opened.head_branch().expect("readable").as_deref(), Some("side"));
    assert_eq!(opened.root().expect("a work tree").canonicalize().ok(), linked.canonicalize().ok());
    assert!(!opened.is_dirty().expect("readable"));
    assert_eq!(opened.read(&id(&repo.head()), "README").expect("readable").as_deref(), Some(&b"hello\n"[..]));
}

#[test]
fn bare_repository_is_never_dirty() {
    let repo = sample();
    let bare = repo.with_remote();
    let opened = open(&bare);
    assert_eq!(opened.root(), None);
    assert_eq!(opened.head().expect("a head").as_str(), repo.head());
    assert!(!opened.is_dirty().expect("readable"));
}

#[test]
fn revisions_resolve_or_are_absent() {
    let repo = sample();
    let first = repo.head();
    repo.git(&["tag", "--annotate", "v1", "-m", "v1"]);
    repo.git(&["branch", "feature/x"]);
    repo.write("README", "bye\n");
    let second = repo.commit("Second");
    let remote = repo.with_remote();
    remote.git(&["branch", "only-there", &first]);
    repo.git(&["fetch", "--quiet", "origin"]);
    let opened = open(&repo);
    let cases = [
        ("HEAD", Some(&second)),
        ("main", Some(&second)),
        ("HEAD~1", Some(&first)),
        ("v1", Some(&first)),
        ("feature/x", Some(&first)),
        ("refs/heads/main", Some(&second)),
        ("origin/main", Some(&second)),
        ("only-there", Some(&first)),
        (second.as_str(), Some(&second)),
        (&second[..10], Some(&second)),
        ("HEAD~7", None),
        ("nothing", None),
        ("0123456789012345678901234567890123456789", None),
        ("HEAD:README", None),
        ("HEAD^{tree}", None),
        ("-x", None),
        ("", None),
        ("a..b", None),
        ("\u{7f}\n", None),
    ];
    for (revision, expected) in cases {
        let found = opened.resolve(revision).unwrap_or_else(|e| panic!("{revision:?}: {e}"));
        assert_eq!(found.map(|f| f.to_string()).as_ref(), expected, "{revision:?}");
    }
    assert_eq!(opened.branch("only-there").expect("readable"), Some(id(&first)));
    assert_eq!(opened.branch("nothing").expect("readable"), None);
    assert_eq!(opened.branch("v1").expect("readable"), None);
}

#[test]
fn ignored_files_do_not_make_tree_dirty() {
    let repo = sample();
    repo.write(".gitignore", "*.log\n");
    repo.commit("Ignore logs");
    let dirty = || open(&repo).is_dirty().expect("readable");
    repo.write("a.log", "x");
    assert!(!dirty(), "ignored");
    repo.write("new.yaml", "x");
    assert!(dirty(), "untracked");
    repo.git(&["add", "new.yaml"]);
    assert!(dirty(), "staged");
    repo.git(&["rm", "--quiet", "--force", "new.yaml"]);
    assert!(!dirty(), "clean again");
    repo.write("README", "changed\n");
    assert!(dirty(), "changed");
}

#[test]
fn repository_filters_and_hooks_never_run() {
    let repo = sample();
    let mark = repo.path().parent().expect("a folder").join("mark");
    let touch = format!("touch {}; cat", mark.display());
    repo.write(".gitattributes", "* filter=evil\n");
    let head = repo.commit("Attributes");
    repo.git(&["config", "filter.evil.smudge", &touch]);
    repo.git(&["config", "filter.evil.clean", &touch]);
    repo.git(&["config", "core.fsmonitor", &touch]);
    repo.write("README", "another text of the same file\n");
    let opened = open(&repo);
    assert!(opened.is_dirty().expect("readable"));
    let into = tempfile::tempdir().expect("a temporary folder");
    opened.export_tree(&id(&head), "", into.path(), MOST).expect("small");
    assert!(!mark.exists());
}

#[test]
fn files_are_read_at_a_commit() {
    let repo = sample();
    let head = id(&repo.head());
    repo.write("README", "changed\n");
    let opened = open(&repo);
    let read = |path: &str| {
        opened.read(&head, path).expect("readable").map(|b| String::from_utf8_lossy(&b).into_owned())
    };
    assert_eq!(read("README").as_deref(), Some("hello\n"));
    assert_eq!(read("apps/web/deploy.yaml").as_deref(), Some("kind: Deployment\n"));
    assert_eq!(read("apps/link").as_deref(), Some("web/deploy.yaml"));
    for absent in ["apps", "nothing", "README/x", "../README", "", "apps/link/x"] {
        assert_eq!(read(absent), None, "{absent:?}");
    }
    let list = |prefix: &str| -> Vec<(String, EntryKind, bool)> {
        let entries = opened.list(&head, prefix).expect("readable");
        entries.into_iter().map(|e| (e.path, e.kind, e.executable)).collect()
    };
    let web = [
        ("apps/web/deploy.yaml".to_owned(), EntryKind::File, false),
        ("apps/web/run.sh".to_owned(), EntryKind::File, true),
    ];
    assert_eq!(list("apps/web"), web);
    assert_eq!(list("./apps/web/"), web);
    assert_eq!(list("apps/link"), [("apps/link".to_owned(), EntryKind::Link, false)]);
    assert_eq!(list("nothing"), []);
    assert_eq!(list("").len(), 5);
    assert_eq!(list("."), list(""));
}

#[test]
fn tree_id_changes_only_with_content() {
    let repo = sample();
    let first = id(&repo.head());
    repo.write("apps/db.yaml", "kind: Other\n");
    let second = id(&repo.commit("Second"));
    let opened = open(&repo);
    let same = |path: &str| {
        opened.tree_id(&first, path).expect("readable") == opened.tree_id(&second, path).expect("readable")
    };
    assert!(same("apps/web") && same("README") && same("nothing"));
    assert!(!same("apps") && !same("") && !same("apps/db.yaml"));
    assert_eq!(opened.tree_id(&first, "nothing").expect("readable"), None);
    let tree = repo.git(&["rev-parse", "HEAD:apps/web"]);
    assert_eq!(opened.tree_id(&second, "apps/web").expect("readable"), Some(tree));
}

#[test]
fn a_commit_is_materialised_as_stored() {
    let repo = sample();
    repo.write(".gitattributes", "*.yaml text eol=crlf\n");
    let head = id(&repo.commit("Attributes"));
    let into = tempfile::tempdir().expect("a temporary folder");
    let done = open(&repo).export_tree(&head, "", into.path(), MOST).expect("small");
    assert_eq!((done.files, done.skipped), (6, vec![]));
    let read = |path: &str| std::fs::read_to_string(into.path().join(path)).expect("written");
    assert_eq!(read("apps/web/deploy.yaml"), "kind: Deployment\n");
    assert_eq!(read("apps/link"), "kind: Deployment\n");
    let mode = std::fs::metadata(into.path().join("apps/web/run.sh")).expect("written").permissions().mode();
    assert_eq!(mode & 0o111, 0, "nothing of a repository is executable");
    assert!(!into.path().join(".git").exists());
}

#[test]
fn part_of_a_tree_is_materialised_once() {
    let repo = sample();
    let head = id(&repo.head());
    let into = tempfile::tempdir().expect("a temporary folder");
    let opened = open(&repo);
    let done = opened.export_tree(&head, "apps/web", into.path(), MOST).expect("small");
    assert_eq!((done.files, done.bytes), (2, 27));
    assert!(into.path().join("apps/web/deploy.yaml").is_file() && !into.path().join("README").exists());
    assert!(opened.export_tree(&head, "apps/web", into.path(), MOST).is_err());
    let error = opened.export_tree(&head, "", &into.path().join("x"), 10).expect_err("larger than ten bytes");
    assert!(with_hint(&error, error.hint()).contains("larger than 10 bytes"), "{error}");
}

#[test]
fn symlinks_leaving_tree_named_and_not_written() {
    let repo = Repo::new();
    repo.write("a/b/file", "x\n");
    repo.write("top", "x\n");
    let links = [
        ("absolute", "/etc/passwd"),
        ("parent", "../outside"),
        ("a/up", "../../outside"),
        ("a/b/root", "../.."),
        ("trick", "a/b/root/../outside"),
        ("fine", "a/b/file"),
        ("a/fine", "../top"),
        ("folder", "a/b"),
        ("through", "folder/../b/file"),
        ("dangling", "nothing/here"),
        ("loop", "loop"),
    ];
    for (link, target) in links {
        symlink(target, repo.path().join(link)).expect("a new link");
    }
    let head = id(&repo.commit("Links"));
    let into = tempfile::tempdir().expect("a temporary folder");
    let done = open(&repo).export_tree(&head, "", into.path(), MOST).expect("small");
    let refused: Vec<&str> = done.skipped.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(refused, ["a/up", "absolute", "loop", "parent", "trick"]);
    assert!(
        done.skipped.contains(&("absolute".to_owned(), SkippedEntry::LinkOutside("/etc/passwd".to_owned())))
    );
    for (link, _) in links {
        let written = into.path().join(link).symlink_metadata().is_ok();
        assert_eq!(written, !refused.contains(&link), "{link}");
        if let Ok(real) = into.path().join(link).canonicalize() {
            assert!(
                real.starts_with(into.path().canonicalize().expect("exists")),
                "{link} leads to {real:?}"
            );
        }
    }
    let through = std::fs::read_to_string(into.path().join("through")).expect("a link to a file");
    assert_eq!(through, "x\n");
}

#[test]
fn submodules_and_lfs_pointers_are_named() {
    let repo = Repo::new();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n";
    repo.write("big.yaml", pointer);
    let commit = repo.commit("Pointer");
    repo.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},vendor/sub")]);
    repo.git(&["commit", "--quiet", "-m", "Submodule"]);
    let head = id(&repo.head());
    let into = tempfile::tempdir().expect("a temporary folder");
    let done = open(&repo).export_tree(&head, "", into.path(), MOST).expect("small");
    let special =
        vec![("big.yaml".to_owned(), SkippedEntry::Lfs), ("vendor/sub".to_owned(), SkippedEntry::Submodule)];
    assert_eq!(done, ExportReport { files: 1, bytes: pointer.len() as u64, skipped: special });
    assert_eq!(
        std::fs::read_dir(into.path().join("vendor/sub")).expect("a folder").count(),
        0,
        "nothing of it"
    );
}

/// A tree that Git itself would not make: written as a raw object.
fn raw_tree(repo: &Repo, entries: &[(&str, &str, &str)]) -> String {
    let mut bytes = Vec::new();
    for (mode, name, hex) in entries {
        bytes.extend_from_slice(format!("{mode} {name}\0").as_bytes());
        bytes.extend((0..20).map(|n| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).expect("hex")));
    }
    let file = repo.path().parent().expect("a folder").join("raw");
    std::fs::write(&file, bytes).expect("a temporary file");
    repo.git(&["hash-object", "-t", "tree", "-w", "--literally", file.to_str().expect("UTF-8")])
}

#[test]
fn names_escaping_folder_are_not_written() {
    let repo = Repo::with(&[("file", "x\n")]);
    let blob = repo.git(&["rev-parse", "HEAD:file"]);
    let inner = raw_tree(&repo, &[("100644", "config", &blob)]);
    let up = raw_tree(&repo, &[("100644", "escaped", &blob)]);
    let slash = ("100644", "sub/../../../slash", blob.as_str());
    let tree =
        raw_tree(&repo, &[("40000", "..", &up), ("40000", ".GIT", &inner), ("100644", "good", &blob), slash]);
    let commit = repo.git(&["commit-tree", &tree, "-m", "Hostile"]);
    let outer = tempfile::tempdir().expect("a temporary folder");
    let into = outer.path().join("a/b/c");
    let done = open(&repo).export_tree(&id(&commit), "", &into, MOST).expect("small");
    let named: Vec<&str> = done.skipped.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(named, ["../escaped", ".GIT/config", "sub/../../../slash"]);
    assert_eq!(done.files, 1);
    let written: Vec<_> = std::fs::read_dir(&into).expect("made").flatten().map(|e| e.file_name()).collect();
    assert_eq!(written, ["good"]);
    let beside: Vec<_> = std::fs::read_dir(outer.path().join("a/b")).expect("made").flatten().collect();
    assert_eq!(beside.len(), 1);
    assert!(Path::new(&into).join("good").is_file());
}

#[test]
fn exponentially_unfolding_tree_is_refused() {
    let repo = Repo::with(&[("file", "x\n")]);
    let blob = repo.git(&["rev-parse", "HEAD:file"]);
    let names: Vec<String> = (0..100).map(|n| format!("n{n:02}")).collect();
    let mut tree =
        raw_tree(&repo, &names.iter().map(|n| ("100644", n.as_str(), blob.as_str())).collect::<Vec<_>>());
    for _ in 0..5 {
        tree =
            raw_tree(&repo, &names.iter().map(|n| ("40000", n.as_str(), tree.as_str())).collect::<Vec<_>>());
    }
    let commit = repo.git(&["commit-tree", &tree, "-m", "Bomb"]);
    let error = open(&repo).list(&id(&commit), "").expect_err("ten thousand million files");
    assert!(with_hint(&error, error.hint()).contains("more than 1000000 files"), "{error}");
}

/// Trees inside one another, as many as `depth`, around a file.
fn nested(repo: &Repo, depth: usize, name: &str) -> String {
    let blob = repo.git(&["hash-object", "-w", "apps/web/deploy.yaml"]);
    let mut tree = raw_tree(repo, &[("100644", "file", blob.trim())]);
    for _ in 0..depth {
        tree = raw_tree(repo, &[("40000", name, &tree)]);
    }
    tree
}

/// Too many folders, too long a path, too long a name: passed over and named, and the rest is there.
#[test]
fn too_deep_folders_skipped_and_rest_read() {
    let repo = sample();
    let (apps, blob) = (repo.git(&["rev-parse", "HEAD:apps"]), repo.git(&["rev-parse", "HEAD:README"]));
    let (deep, long) = (nested(&repo, 514, "d"), nested(&repo, 20, &"l".repeat(200)));
    let name = "n".repeat(300);
    let root = raw_tree(
        &repo,
        &[
            ("40000", "apps", apps.trim()),
            ("40000", "deep", &deep),
            ("40000", "long", &long),
            ("100644", &name, blob.trim()),
        ],
    );
    let head = id(repo.git(&["commit-tree", "-m", "Deep", &root]).trim());
    let into = tempfile::tempdir().expect("a temporary folder");
    let opened = open(&repo);
    let done = opened.export_tree(&head, "", into.path(), MOST).expect("passed over");
    let special: Vec<_> = done.skipped.iter().map(|(path, why)| (&path[..4], why.clone())).collect();
    assert_eq!(
        special,
        [("deep", SkippedEntry::Deep), ("long", SkippedEntry::Deep), ("nnnn", SkippedEntry::Name)]
    );
    assert!(done.skipped.iter().all(|(path, _)| path.len() <= 300));
    assert!(into.path().join("apps/web/deploy.yaml").is_file());
    let error = opened.list(&head, "").expect_err("a list is whole");
    assert!(with_hint(&error, error.hint()).contains("folders deep"), "{error}");
    assert_eq!(opened.list(&head, "apps").expect("not deep").len(), 4);
}

/// Without a file anywhere: two to the power of forty folders.
#[test]
fn exponentially_nested_tree_is_given_up() {
    let repo = sample();
    let mut tree = raw_tree(&repo, &[]);
    for _ in 0..40 {
        tree = raw_tree(&repo, &[("40000", "a", &tree), ("40000", "b", &tree)]);
    }
    let head = id(repo.git(&["commit-tree", "-m", "Bomb", &tree]).trim());
    let into = tempfile::tempdir().expect("a temporary folder");
    let error = open(&repo).export_tree(&head, "", into.path(), MOST).expect_err("without end");
    assert!(with_hint(&error, error.hint()).contains("more than 1000000"), "{error}");
}
