//! Remotes: named, listed, fetched, cloned.

use std::fs;
use std::path::{Path, PathBuf};

use drift::git::{GitError, GitOptions, RefUpdate, Remote, RemoteFailure, Repository, Token};
use drift::text::with_hint;

use super::{environment, id, open, options};
use crate::support::gitea::Gitea;
use crate::support::repo::Repo;

fn origin() -> Remote {
    Remote::from_name("origin").expect("a name")
}

fn url(repo: &Repo) -> Remote {
    Remote::from_url(&repo.url()).expect("an address")
}

#[test]
fn default_remote_is_origin_or_only_one() {
    let repo = Repo::with(&[("a", "b")]);
    let remote = || open(&repo).remote().expect("readable");
    assert_eq!(remote(), None);
    repo.git(&["remote", "add", "upstream", "https://bot:s3cret@git.example.com/acme/gitops.git"]);
    let only = remote().expect("the only one");
    assert_eq!(only.name, "upstream");
    assert_eq!(only.url, "https://git.example.com/acme/gitops.git");
    assert_eq!(only.owner_repo.as_deref(), Some("acme/gitops"));
    repo.git(&["remote", "add", "fork", "/srv/fork"]);
    assert_eq!(remote(), None, "two, and none is origin");
    repo.git(&["remote", "add", "origin", "gh:acme/web"]);
    repo.git(&["config", "url.https://github.com/.insteadOf", "gh:"]);
    assert_eq!(remote().expect("origin").host.as_deref(), Some("github.com"));
}

#[test]
fn fetching_branches_moves_nothing_of_the_user() {
    let repo = Repo::with(&[("a", "b")]);
    let remote = repo.with_remote();
    let other = remote.clone_of();
    other.git(&["checkout", "--quiet", "-b", "drift/ledger"]);
    let new = other.commit("Ledger");
    other.git(&["push", "--quiet", "origin", "drift/ledger", "main"]);
    let references = || {
        repo.git(&[
            "for-each-ref",
            "--format=%(refname) %(objectname)",
            "refs/heads",
            "refs/remotes",
            "refs/tags",
        ])
    };
    let before = references();
    fs::remove_file(repo.path().join(".git/FETCH_HEAD")).expect("left by the fetch above");
    let opened = open(&repo);
    let listed = opened.list_remote(&origin()).expect("a folder");
    assert_eq!(listed.keys().collect::<Vec<_>>(), ["drift/ledger", "main"]);
    for remote in [origin(), url(&remote)] {
        let fetched = opened.fetch(&remote, &["drift/ledger", "nothing", "ma*"]).expect("a folder");
        assert_eq!(fetched.into_iter().collect::<Vec<_>>(), [("drift/ledger".to_owned(), id(&new))]);
    }
    assert_eq!(opened.message(&id(&new)).expect("fetched"), "Ledger\n");
    assert_eq!(references(), before);
    assert!(!repo.path().join(".git/FETCH_HEAD").exists());
    other.git(&["push", "--quiet", "--force", "origin", "main~0:refs/heads/drift/ledger"]);
    let moved = opened.fetch(&origin(), &["drift/ledger"]).expect("a folder");
    assert_eq!(moved["drift/ledger"].as_str(), other.revision("main"));
    assert!(opened.fetch(&origin(), &[]).expect("a folder").is_empty());
    other.git(&["push", "--quiet", "origin", ":drift/ledger"]);
    other.git(&["push", "--quiet", "origin", "main:drift"]);
    let named_as_the_folder = opened.fetch(&origin(), &["drift", "drift/ledger"]).expect("a folder");
    assert_eq!(named_as_the_folder.keys().collect::<Vec<_>>(), ["drift"]);
}

#[test]
fn the_default_branch_is_the_remotes() {
    let repo = Repo::with(&[("a", "b")]);
    let remote = repo.with_remote();
    remote.git(&["branch", "trunk"]);
    remote.git(&["symbolic-ref", "HEAD", "refs/heads/trunk"]);
    let opened = open(&repo);
    assert_eq!(opened.default_branch(&origin()).expect("a folder").as_deref(), Some("trunk"));
    repo.git(&["fetch", "--quiet"]);
    repo.git(&["remote", "set-head", "origin", "main"]);
    assert_eq!(opened.default_branch(&origin()).expect("known").as_deref(), Some("main"));
    assert_eq!(opened.default_branch(&url(&Repo::bare())).expect("a folder"), None);
}

#[test]
fn failing_remote_named_without_credentials() {
    let repo = Repo::with(&[("a", "b")]);
    repo.git(&["remote", "add", "gone", "https://bot:s3cret@127.0.0.1:1/x"]);
    let opened = open(&repo);
    let address = |text: &str| Remote::from_url(text).expect("an address");
    type Is = fn(&RemoteFailure) -> bool;
    let cases: [(Remote, Is); 4] = [
        (address("http://bot:s3cret@127.0.0.1:1/x.git"), |f| matches!(f, RemoteFailure::Network(_))),
        (Remote::from_name("gone").expect("a name"), |f| matches!(f, RemoteFailure::Network(_))),
        (address("/nowhere/at/all"), |f| matches!(f, RemoteFailure::NotFound(_))),
        (address("file:///nowhere/at/all"), |f| matches!(f, RemoteFailure::NotFound(_))),
    ];
    for (remote, expected) in cases {
        let error = opened.list_remote(&remote).expect_err("nobody is there");
        let GitError::Remote { why, .. } = &error else { panic!("{error:?}") };
        assert!(expected(why), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    }
    let unknown = opened.list_remote(&origin()).expect_err("no such name");
    assert!(matches!(unknown, GitError::Address { .. }), "{unknown:?}");
}

#[test]
fn configured_remote_command_never_runs() {
    let repo = Repo::with(&[("a", "b")]);
    let mark = repo.path().join("mark");
    repo.git(&["remote", "add", "origin", &format!("ext::sh -c 'touch {}'", mark.display())]);
    repo.git(&["config", "protocol.ext.allow", "always"]);
    let error = open(&repo).list_remote(&origin()).expect_err("not allowed");
    assert!(with_hint(&error, error.hint()).contains("not allowed"), "{error}");
    assert!(!mark.exists());
}

/// Whatever of `.git/config` names a program: listing, fetching and pushing run none of them.
#[test]
fn no_program_of_a_repositorys_configuration_runs() {
    let repo = Repo::with(&[("a", "b")]);
    let remote = repo.with_remote();
    let mark = repo.path().join("../mark");
    let touch = format!("touch '{}'; false", mark.display());
    for key in [
        "core.sshCommand",
        "core.gitProxy",
        "core.askPass",
        "core.fsmonitor",
        "core.alternateRefsCommand",
        "credential.helper",
        "credential.http://127.0.0.1:1.helper",
        "remote.origin.uploadpack",
        "remote.origin.receivepack",
        "filter.x.process",
        "gpg.program",
    ] {
        let value = if key.ends_with("helper") { format!("!{touch}") } else { touch.clone() };
        repo.git(&["config", key, &value]);
    }
    let hooks = repo.path().parent().expect("a folder").join("hooks");
    repo.git(&["config", "core.hooksPath", &hooks.display().to_string()]);
    repo.git(&["config", "protocol.ext.allow", "always"]);
    let more = repo.path().parent().expect("a folder").join("more");
    fs::write(&more, "[url \"/nowhere/\"]\n\tinsteadOf = /\n[http]\n\tproxy = http://127.0.0.1:1\n")
        .expect("ours");
    repo.git(&["config", "include.path", &more.display().to_string()]);
    let opened = open(&repo);
    assert_eq!(opened.list_remote(&url(&remote)).expect("a folder").len(), 1);
    assert_eq!(opened.list_remote(&origin()).expect("a folder").len(), 1);
    opened.fetch(&origin(), &["main"]).expect("a folder");
    let head = id(&repo.head());
    let update = RefUpdate { branch: "drift/new".to_owned(), new: Some(head), expected: None };
    opened.push(Some(&origin()), &[update]).expect("a folder");
    for place in ["ssh://127.0.0.1/x", "git://127.0.0.1/x", "http://127.0.0.1:1/x", "ext::sh -c true"] {
        repo.git(&["config", "remote.origin.url", place]);
        open(&repo).list_remote(&origin()).expect_err("nobody is there");
    }
    assert!(!mark.exists(), "a program of .git/config ran");
}

/// What may stay: other names for addresses, of the repository itself too.
#[test]
fn addresses_of_a_repositorys_configuration_stay() {
    let repo = Repo::with(&[("a", "b")]);
    let remote = repo.with_remote();
    repo.git(&["config", &format!("url.{}.insteadOf", remote.url()), "short:x"]);
    repo.git(&["config", "remote.origin.url", "short:x"]);
    assert_eq!(open(&repo).list_remote(&origin()).expect("a folder").len(), 1);
}

fn clone(repo: &Repo, cache: Option<&Path>) -> Result<Repository, GitError> {
    Repository::clone(&url(repo), cache, options(repo))
}

fn clones(cache: &Path) -> Vec<PathBuf> {
    let all = fs::read_dir(cache).expect("a cache").flatten().map(|e| e.path());
    let mut found: Vec<PathBuf> = all.filter(|p| p.extension().is_none_or(|e| e != "lock")).collect();
    found.sort();
    found
}

#[test]
fn clone_is_complete_and_removed_on_drop() {
    let repo = Repo::with(&[("a", "b")]);
    repo.git(&["tag", "v1"]);
    repo.git(&["checkout", "--quiet", "-b", "trunk"]);
    let head = repo.commit("Second");
    let cloned = clone(&repo, None).expect("a folder");
    assert_eq!(cloned.root(), None);
    assert_eq!(cloned.head().expect("a head").as_str(), head);
    assert_eq!(cloned.head_branch().expect("readable").as_deref(), Some("trunk"));
    for revision in ["main", "v1", "trunk~1"] {
        let found = cloned.resolve(revision).expect("readable").expect("exists");
        assert_eq!(found.as_str(), repo.revision("main"), "{revision}");
    }
    assert_eq!(cloned.remote().expect("readable").expect("origin").url, repo.url());
    let place = cloned.path().to_owned();
    assert!(place.exists());
    drop(cloned);
    assert!(!place.exists());
}

#[test]
fn empty_clone_has_no_commits() {
    let cloned = clone(&Repo::bare(), None).expect("a folder");
    assert!(matches!(cloned.head(), Err(GitError::NoCommits { .. })));
}

#[test]
fn a_cached_clone_is_fetched_again() {
    let repo = Repo::with(&[("a", "b")]);
    repo.git(&["branch", "gone"]);
    // A tag may name anything, here a file.
    repo.git(&["tag", "of-a-file", "main:a"]);
    let cache = tempfile::tempdir().expect("a temporary folder");
    let first = clone(&repo, Some(cache.path())).expect("a folder");
    let mark = first.path().join("was-here");
    fs::write(&mark, "").expect("our own folder");
    drop(first);
    repo.git(&["branch", "--delete", "--force", "gone"]);
    repo.git(&["checkout", "--quiet", "--orphan", "renamed"]);
    let head = repo.commit("Rewritten");
    repo.git(&["branch", "--delete", "--force", "main"]);
    let second = clone(&repo, Some(cache.path())).expect("a folder");
    assert!(mark.exists(), "the same clone");
    assert_eq!(second.head().expect("a head").as_str(), head);
    assert_eq!(second.branch("gone").expect("readable"), None);
    assert_eq!(clones(cache.path()).len(), 1);
    let other = Repo::with(&[("c", "d")]);
    clone(&other, Some(cache.path())).expect("a folder");
    assert_eq!(clones(cache.path()).len(), 2);
}

#[test]
fn a_torn_or_foreign_clone_is_replaced() {
    type Break = fn(&Path);
    let cases: [(&str, Break); 7] = [
        ("empty folder", |p| {
            fs::remove_dir_all(p).expect("ours");
            fs::create_dir(p).expect("ours");
        }),
        ("a file", |p| {
            fs::remove_dir_all(p).expect("ours");
            fs::write(p, "not a clone").expect("ours");
        }),
        ("no objects", |p| {
            fs::remove_dir_all(p.join("objects")).expect("ours");
            fs::create_dir(p.join("objects")).expect("ours");
        }),
        ("no configuration", |p| fs::write(p.join("config"), "[core\nbroken").expect("ours")),
        ("another repository's", |p| {
            fs::write(p.join("drift-clone"), "https://example.com/x\n").expect("ours");
        }),
        ("a lock left by a kill", |p| fs::write(p.join("refs/heads/main.lock"), "").expect("ours")),
        ("a torn branch", |p| fs::write(p.join("refs/heads/main"), "0123").expect("ours")),
    ];
    for (name, break_it) in cases {
        let repo = Repo::with(&[("a", "b")]);
        let cache = tempfile::tempdir().expect("a temporary folder");
        drop(clone(&repo, Some(cache.path())).expect("a folder"));
        let place = clones(cache.path()).remove(0);
        break_it(&place);
        repo.write("a", "c");
        let head = repo.commit("Second");
        let again = clone(&repo, Some(cache.path())).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(again.head().expect("a head").as_str(), head, "{name}");
        assert_eq!(again.read(&id(&head), "a").expect("readable").as_deref(), Some(&b"c"[..]), "{name}");
        assert_eq!(clones(cache.path()), [place], "{name}");
    }
}

#[test]
fn cached_clone_survives_unreachable_remote() {
    let repo = Repo::with(&[("a", "b")]);
    let cache = tempfile::tempdir().expect("a temporary folder");
    let head = clone(&repo, Some(cache.path())).expect("a folder").head().expect("a head");
    let aside = repo.path().with_extension("aside");
    fs::rename(repo.path(), &aside).expect("our own folder");
    let error = clone(&repo, Some(cache.path())).expect_err("nobody is there");
    assert!(matches!(error, GitError::Remote { why: RemoteFailure::NotFound(_), .. }), "{error:?}");
    fs::rename(&aside, repo.path()).expect("our own folder");
    assert_eq!(clones(cache.path()).len(), 1);
    assert_eq!(clone(&repo, Some(cache.path())).expect("a folder").head().expect("a head"), head);
}

#[test]
fn unusable_cache_gives_temporary_clone() {
    let repo = Repo::with(&[("a", "b")]);
    let no_folder = repo.path().join("a/cache");
    let cloned = clone(&repo, Some(&no_folder)).expect("a temporary clone");
    assert_eq!(cloned.head().expect("a head").as_str(), repo.head());
}

#[test]
fn concurrent_clones_share_one_cache() {
    let repo = Repo::with(&[("a", "b")]);
    let cache = tempfile::tempdir().expect("a temporary folder");
    std::thread::scope(|scope| {
        let run = || clone(&repo, Some(cache.path())).map(|c| c.head().expect("a head"));
        let both = [scope.spawn(run), scope.spawn(run)];
        for one in both {
            let head = one.join().expect("no panic").unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(head.as_str(), repo.head());
        }
    });
    assert_eq!(clones(cache.path()).len(), 1);
}

#[test]
fn a_partial_clone_gets_what_it_lacks() {
    let repo = Repo::with(&[("apps/a", "1\n"), ("apps/b", "2\n")]);
    repo.write("apps/a", "3\n");
    let head = id(&repo.commit("Second"));
    repo.git(&["config", "uploadpack.allowFilter", "true"]);
    repo.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
    for filter in ["blob:none", "tree:0"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = folder.path().join("partial");
        let place_str = place.to_str().expect("UTF-8");
        repo.git(&["clone", "--quiet", "--bare", &format!("--filter={filter}"), &repo.url(), place_str]);
        let partial = Repository::open(&place, options(&repo)).expect("a clone");
        let into = folder.path().join("into");
        let done = partial.export_tree(&head, "", &into, 100).expect("brought");
        assert_eq!(done.files, 2, "{filter}");
        let first = partial.resolve("HEAD~1").expect("readable").expect("exists");
        assert_eq!(
            partial.read(&first, "apps/a").expect("brought").as_deref(),
            Some(&b"1\n"[..]),
            "{filter}"
        );
        assert_eq!(partial.commits_touching(&head, "apps/b", 9).expect("brought").len(), 1, "{filter}");
    }
}

#[test]
fn private_clone_does_not_store_its_token() {
    let gitea = Gitea::shared();
    let user = gitea.user("cloner");
    let private = gitea.repository(&user);
    let repo = Repo::with(&[("a", "b")]);
    let pushed = repo.push_with_token(&private.clone_url, &user.token, &["main"]);
    let _ = pushed.expect_status(0);
    let remote = Remote::from_url(&private.clone_url).expect("an address");
    let cache = tempfile::tempdir().expect("a temporary folder");
    let home = tempfile::tempdir().expect("a temporary folder");
    let clone = |remote: &Remote| {
        let options = GitOptions { env: environment(home.path()), any_owner: false, bare: true };
        Repository::clone(remote, Some(cache.path()), options)
    };
    for token in [None, Token::new("0123456789abcdef0123456789abcdef01234567")] {
        let error = clone(&remote.clone().with_token(token)).expect_err("it is private");
        assert!(matches!(&error, GitError::Remote { why: RemoteFailure::Auth(_), .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("0123456789abcdef"), "{error}");
    }
    let with_token = remote.clone().with_token(Token::new(&user.token));
    let cloned = clone(&with_token).expect("the token opens it");
    assert_eq!(cloned.head().expect("a head").as_str(), repo.head());
    let in_address = private.clone_url.replace("://", &format!("://{}:{}@", user.name, user.token));
    assert!(clone(&Remote::from_url(&in_address).expect("an address")).is_ok());
    for file in fs::read_dir(cloned.path()).expect("a clone").flatten() {
        let text = fs::read(file.path()).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&text).contains(&user.token), "{:?}", file.path());
    }
    // What a checkout step left in the configuration does not get in the way.
    let opened_by_checkout = |value: &str| {
        let name = format!("http.{}/.extraHeader", gitea.url());
        let config = home.path().join(".gitconfig");
        let set = repo.try_git(&["config", "--file", config.to_str().expect("UTF-8"), &name, value], &[]);
        let _ = set.expect_status(0);
    };
    opened_by_checkout("Authorization: Basic d3Jvbmc6d3Jvbmc=");
    assert!(clone(&with_token).is_ok(), "the token's identity, not the other's");
}
