//! What cannot be read says so, and what to do.

use std::os::unix::fs::PermissionsExt as _;

use drift::git::{GitError, GitOptions, Remote, Repository};
use drift::text::with_hint;

use super::{environment, id, open, options, set, who};
use crate::support::repo::Repo;

#[test]
fn outside_a_repository_the_path_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for path in [folder.path().to_owned(), folder.path().join("missing")] {
        let error = Repository::open(&path, GitOptions::default()).expect_err("no repository");
        assert!(matches!(error, GitError::NotARepository { .. }), "{error:?}");
        assert!(with_hint(&error, error.hint()).contains(&path.display().to_string()), "{error}");
    }
}

/// Files that a commit can hold and that make a folder a repository: its settings name programs.
fn embedded(repo: &Repo, at: &str, settings: &str) -> std::path::PathBuf {
    repo.write(&format!("{at}/HEAD"), "ref: refs/heads/main\n");
    repo.write(&format!("{at}/refs/keep"), "");
    repo.write(&format!("{at}/objects/keep"), "");
    repo.write(&format!("{at}/config"), settings);
    repo.path().join(at)
}

#[test]
fn nested_bare_repository_is_never_used() {
    let repo = Repo::with(&[("a", "b")]);
    let bare = "[core]\n\tbare = true\n";
    for (at, settings) in [
        ("evil", bare),
        ("deep/er/evil.git", bare),
        ("claims/a/work/tree", "[core]\n\tbare = false\n\tworktree = ../../../..\n"),
        ("says/nothing", ""),
    ] {
        let evil = embedded(&repo, at, settings);
        for inside in [evil.clone(), evil.join("objects"), evil.join("refs"), evil.join("config")] {
            for bare in [true, false] {
                let options = GitOptions { bare, ..options(&repo) };
                let error = Repository::open(&inside, options).expect_err("nobody's choice");
                assert!(matches!(error, GitError::Embedded { .. }), "{}: {error:?}", inside.display());
                assert!(with_hint(&error, error.hint()).contains("its settings are not used"), "{error}");
            }
        }
    }
    assert_eq!(open(&repo).head().expect("a head").as_str(), repo.head());
}

/// As `safe.bareRepository=explicit`: an archive that was unpacked has no `.git` around it.
#[test]
fn bare_repository_used_only_when_named() {
    let bare = Repo::bare();
    assert!(Repository::open(bare.path(), options(&bare)).is_ok());
    let looked_for = GitOptions { bare: false, ..options(&bare) };
    for inside in [bare.path().to_owned(), bare.path().join("objects")] {
        let error = Repository::open(&inside, looked_for.clone()).expect_err("not named");
        assert!(matches!(error, GitError::Unnamed { .. }), "{error:?}");
        assert!(with_hint(&error, error.hint()).contains("--repository"), "{error}");
    }
    let inside =
        Repository::open(&bare.path().join("objects"), options(&bare)).expect_err("only a part is named");
    assert!(matches!(inside, GitError::Unnamed { .. }), "{inside:?}");
}

#[test]
fn a_repository_without_commits_says_so() {
    for repo in [Repo::new(), Repo::bare()] {
        let opened = open(&repo);
        let error = opened.head().expect_err("no commits");
        assert!(matches!(error, GitError::NoCommits { .. }), "{error:?}");
        assert_eq!(opened.head_branch().expect("readable").as_deref(), Some("main"));
        assert_eq!(opened.resolve("HEAD").expect("readable"), None);
        assert!(!opened.is_dirty().expect("readable"));
    }
}

#[test]
fn formats_that_cannot_be_read_are_named() {
    let sha256 = Repo::new();
    std::fs::remove_dir_all(sha256.path().join(".git")).expect("our own folder");
    sha256.git(&["init", "--quiet", "--object-format=sha256", "."]);
    sha256.commit("First");
    let other = |key: &str, value: &str| {
        let repo = Repo::with(&[("a", "b")]);
        repo.git(&["config", "core.repositoryFormatVersion", "1"]);
        let file = repo.path().join(".git/config");
        let text = std::fs::read_to_string(&file).expect("a configuration");
        std::fs::write(&file, format!("{text}[extensions]\n\t{key} = {value}\n")).expect("our own file");
        repo
    };
    let cases = [
        (sha256, "sha256"),
        (other("refStorage", "reftable"), "reftable"),
        (other("somethingNew", "true"), "somethingnew"),
    ];
    for (repo, named) in cases {
        let error = Repository::open(repo.path(), options(&repo)).expect_err("an unknown format");
        assert!(matches!(error, GitError::Format { .. }), "{error:?}");
        assert!(with_hint(&error, error.hint()).contains(named), "{error}");
    }
}

#[test]
fn sha256_remote_is_a_clear_error() {
    let sha256 = Repo::new();
    std::fs::remove_dir_all(sha256.path().join(".git")).expect("our own folder");
    sha256.git(&["init", "--quiet", "--object-format=sha256", "."]);
    sha256.commit("First");
    let remote = Remote::from_url(&sha256.url()).expect("an address");
    let error = Repository::clone(&remote, None, options(&sha256)).expect_err("sha256");
    assert!(with_hint(&error, error.hint()).contains("sha256"), "{error}");
}

#[test]
fn missing_object_is_not_an_absent_file() {
    let repo = Repo::with(&[("a/file", "x\n")]);
    let head = id(&repo.head());
    let blob = repo.git(&["rev-parse", "HEAD:a/file"]);
    let place = repo.path().join(".git/objects").join(&blob[..2]).join(&blob[2..]);
    std::fs::remove_file(place).expect("a loose object");
    let opened = open(&repo);
    let error = opened.read(&head, "a/file").expect_err("its content is gone");
    assert!(matches!(&error, GitError::MissingObject { id, .. } if *id == blob), "{error:?}");
    let into = tempfile::tempdir().expect("a temporary folder");
    assert!(opened.export_tree(&head, "", into.path(), 100).is_err());
    let unknown = id("0123456789012345678901234567890123456789");
    assert!(matches!(opened.read(&unknown, "a"), Err(GitError::MissingObject { .. })));
}

/// Root may write anywhere; what it cannot is a folder that is no folder.
#[test]
fn unwritable_repository_is_a_clear_error() {
    let repo = Repo::with(&[("a", "b")]);
    let head = id(&repo.head());
    let objects = repo.path().join(".git/objects");
    let mode = |mode| {
        std::fs::set_permissions(&objects, std::fs::Permissions::from_mode(mode)).expect("our own folder");
    };
    mode(0o555);
    let written = open(&repo).commit(Some(&head), &[set("a", "something new")], "Change", &who());
    let root = tempfile::tempfile_in(&objects).is_ok();
    mode(0o755);
    match written {
        Ok(_) => assert!(root, "written into a folder that is not writable"),
        Err(error) => {
            assert!(matches!(error, GitError::ReadOnly { .. }), "{error:?}");
            assert!(with_hint(&error, error.hint()).contains("cannot be written"), "{error}");
        }
    }
}

/// Only root can give a repository away; anybody else has nothing to try it on.
#[test]
fn foreign_owned_repository_opened_only_when_allowed() {
    let repo = Repo::with(&[("a", "b")]);
    let head = repo.head();
    let mut given = vec![repo.path().to_owned(), repo.path().join(".git")];
    given.retain(|path| std::os::unix::fs::chown(path, Some(54321), None).is_ok());
    if given.is_empty() {
        assert!(Repository::open(repo.path(), options(&repo)).is_ok());
        return;
    }
    let error = Repository::open(repo.path(), options(&repo)).expect_err("somebody else's");
    assert!(matches!(error, GitError::Owner { .. }), "{error:?}");
    assert!(with_hint(&error, error.hint()).contains("safe.directory"), "{error}");
    let allowed = GitOptions { any_owner: true, ..options(&repo) };
    let opened = Repository::open(&repo.path().join("."), allowed).expect("allowed");
    assert_eq!(opened.head().expect("a head").as_str(), head);
    assert_eq!(opened.root().map(|r| r.canonicalize().ok()), Some(repo.path().canonicalize().ok()));
    assert!(!opened.is_dirty().expect("readable"));
    let other = Repo::with(&[("a", "b")]);
    let listed = opened
        .list_remote(&Remote::from_url(&other.url()).expect("an address"))
        .expect("the program runs too");
    assert_eq!(listed["main"].as_str(), other.head());
    opened.commit(None, &[set("a", "b")], "Written", &who()).expect("root may write");
    repo.write("new", "x");
    assert!(opened.is_dirty().expect("readable"));
}

#[test]
fn without_git_program_only_fetching_fails() {
    let repo = Repo::with(&[("a", "b")]);
    let remote = repo.with_remote();
    let mut env = environment(remote.path());
    env.retain(|(name, _)| name != "PATH");
    let opened = Repository::open(repo.path(), GitOptions { env, any_owner: false, bare: true })
        .expect("a repository");
    assert_eq!(opened.read(&id(&repo.head()), "a").expect("readable").as_deref(), Some(&b"b"[..]));
    let origin = Remote::from_name("origin").expect("a name");
    let error = opened.list_remote(&origin).expect_err("no git");
    assert!(matches!(error, GitError::NoProgram { .. }), "{error:?}");
}
