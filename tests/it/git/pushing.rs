//! One atomic push: to a remote, and to the repository itself.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use drift::git::{
    CommitId, GitError, PushError, PushReport, RefUpdate, Remote, RemoteFailure, Repository, Token,
};
use drift::text::with_hint;

use super::{id, open, set, who};
use crate::support::gitea::Gitea;
use crate::support::repo::Repo;

fn origin() -> Remote {
    Remote::from_name("origin").expect("a name")
}

fn update(branch: &str, new: Option<&CommitId>, expected: Option<&CommitId>) -> RefUpdate {
    RefUpdate { branch: branch.to_owned(), new: new.cloned(), expected: expected.cloned() }
}

fn change(repository: &Repository, parent: Option<&CommitId>, text: &str) -> CommitId {
    repository.commit(parent, &[set("a", text)], text, &who()).expect("written")
}

fn hook(repo: &Repo, name: &str, script: &str) {
    let path = repo.write(&format!("hooks/{name}"), format!("#!/bin/sh\n{script}\n"));
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("our own file");
}

/// The branches of a bare repository.
fn branches(repo: &Repo) -> BTreeMap<String, String> {
    let text = repo.git(&["for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads"]);
    text.lines().filter_map(|l| l.split_once(' ')).map(|(n, i)| (n.to_owned(), i.to_owned())).collect()
}

struct Place {
    repo: Repo,
    remote: Repo,
    git: Repository,
    base: CommitId,
}

fn place() -> Place {
    let repo = Repo::with(&[("a", "1")]);
    let remote = repo.with_remote();
    let git = open(&repo);
    let base = id(&repo.head());
    Place { repo, remote, git, base }
}

#[test]
fn one_push_creates_moves_and_deletes_branches() {
    let Place { repo, remote, git, base } = place();
    let (one, two) = (change(&git, Some(&base), "one"), change(&git, None, "two"));
    let made = [update("drift/one", Some(&one), None), update("drift/ledger", Some(&two), None)];
    let pushed = git.push(Some(&origin()), &made).expect("a folder");
    assert!(!pushed.up_to_date);
    assert_eq!(pushed.branches["drift/one"], Some(one.clone()));
    let next = change(&git, Some(&two), "three");
    let moved = [update("drift/one", None, Some(&one)), update("drift/ledger", Some(&next), Some(&two))];
    git.push(Some(&origin()), &moved).expect("a folder");
    let expected = BTreeMap::from([
        ("drift/ledger".to_owned(), next.to_string()),
        ("main".to_owned(), base.to_string()),
    ]);
    assert_eq!(branches(&remote), expected);
    assert_eq!(repo.git(&["branch", "--format=%(refname)"]), "refs/heads/main", "no branch of the user's");
    let again = git.push(Some(&origin()), &moved).expect("as it is meant already");
    assert!(again.up_to_date);
    let same = git.push(Some(&origin()), &[update("main", Some(&base), Some(&base))]).expect("nothing to do");
    assert!(same.up_to_date);
    let none = git.push(Some(&origin()), &[]).expect("nothing to do");
    assert_eq!(none, PushReport { branches: BTreeMap::new(), up_to_date: true });
}

#[test]
fn second_pusher_is_rejected_and_writes_nothing() {
    let Place { repo: _repo, remote, git, base } = place();
    let other = remote.clone_of();
    other.git(&["push", "--quiet", "origin", "main:drift/taken"]);
    let theirs = id(&other.commit("Theirs"));
    other.git(&["push", "--quiet", "origin", "main"]);
    let ours = change(&git, Some(&base), "ours");
    let before = branches(&remote);
    let cases = [
        ("moved", update("main", Some(&ours), Some(&base)), Some(theirs.to_string())),
        ("made", update("drift/taken", Some(&ours), None), Some(base.to_string())),
        ("gone", update("drift/gone", Some(&ours), Some(&base)), None),
        ("removed", update("main", None, Some(&base)), Some(theirs.to_string())),
    ];
    for (name, lost, now) in cases {
        let updates = [update("drift/fine", Some(&ours), None), lost.clone()];
        let error = git.push(Some(&origin()), &updates).expect_err(name);
        assert!(error.is_stale(), "{name}: {error:?}");
        let PushError::Stale { branch, found, .. } = error else { panic!("{name}") };
        assert_eq!((branch, found), (lost.branch, now), "{name}");
        assert_eq!(branches(&remote), before, "{name}: all or nothing");
    }
}

#[test]
fn of_two_pushes_at_once_one_wins() {
    let Place { repo: _repo, remote, git, base } = place();
    let second = remote.clone_of();
    let contenders = [(git, "one"), (open(&second), "two")];
    let commits: Vec<CommitId> =
        contenders.iter().map(|(git, text)| change(git, Some(&base), text)).collect();
    let results: Vec<Result<PushReport, PushError>> = std::thread::scope(|scope| {
        let runs: Vec<_> = contenders
            .into_iter()
            .zip(&commits)
            .map(|((git, text), commit)| {
                let base = &base;
                scope.spawn(move || {
                    let mine = update(&format!("drift/{text}"), Some(commit), None);
                    git.push(Some(&origin()), &[mine, update("main", Some(commit), Some(base))])
                })
            })
            .collect();
        runs.into_iter().map(|r| r.join().expect("no panic")).collect()
    });
    let winner = results.iter().position(Result::is_ok).expect("one wins");
    let lost = results[1 - winner].as_ref().expect_err("only one wins");
    assert!(lost.is_stale(), "{lost:?}");
    let names = ["one", "two"];
    let expected = BTreeMap::from([
        (format!("drift/{}", names[winner]), commits[winner].to_string()),
        ("main".to_owned(), commits[winner].to_string()),
    ]);
    assert_eq!(branches(&remote), expected);
}

#[test]
fn protected_branch_is_named_and_nothing_written() {
    let Place { repo: _repo, remote, git, base } = place();
    hook(
        &remote,
        "update",
        "case $1 in refs/heads/main) echo \"main is protected\u{7}, $(id -un >/dev/null; echo ask the owners)\" >&2; exit 1;; esac",
    );
    let ours = change(&git, Some(&base), "ours");
    let updates = [update("drift/one", Some(&ours), None), update("main", Some(&ours), Some(&base))];
    let error = git.push(Some(&origin()), &updates).expect_err("protected");
    let PushError::Refused { branch, why } = &error else { panic!("{error:?}") };
    assert_eq!(branch, "main");
    assert!(why.contains("hook declined") && why.contains("main is protected, ask the owners"), "{why}");
    assert_eq!(branches(&remote).len(), 1);
    assert!(!error.is_stale());
}

/// In the words of GitHub (a protected branch, a ruleset), GitLab, Gitea and a hook that says nothing.
#[test]
fn server_requiring_signatures_recognized_with_hint() {
    let told = ", for it asks for signed commits: ";
    let silent = " and gives no reason, as where its rules ask for signed commits: ";
    let cases = [
        (
            "error: GH006: Protected branch update failed for refs/heads/drift/one.\nerror: Commits must have verified signatures.",
            told,
        ),
        (
            "error: GH013: Repository rule violations found for refs/heads/drift/one.\n\n- Commits must have verified signatures.\n  Found 1 violation:\n\n  0123",
            told,
        ),
        ("GitLab: Commit must be signed with a GPG key", told),
        ("Gitea: branch drift/one is protected from unverified commit 0123", told),
        ("Gitea: Internal Server Error (no message for end users)", silent),
        ("", silent),
        (
            "error: GH006: Protected branch update failed for refs/heads/drift/one.\nerror: Cannot create",
            ": ",
        ),
        ("all commits must be signed-off by their author", ": "),
    ];
    for (words, says) in cases {
        let Place { repo, remote, base, .. } = place();
        let script = words.lines().map(|line| format!("echo '{line}' >&2\n")).collect::<String>();
        hook(&remote, "pre-receive", &format!("{script}exit 1"));
        let git = open(&repo);
        let ours = change(&git, Some(&base), "ours");
        let error =
            git.push(Some(&origin()), &[update("drift/one", Some(&ours), None)]).expect_err("refused");
        let said = with_hint(&error, error.hint());
        assert!(said.starts_with(&format!("the server refuses to change branch drift/one{says}[")), "{said}");
        let helps = said.contains("`commit.gpgsign`") && said.contains("`user.email`");
        assert_eq!(helps, says != ": ", "{said}");
        let last = words.lines().last().unwrap_or_default();
        assert!(said.contains(last.trim()), "{said}");
        assert_eq!(branches(&remote).len(), 1, "nothing was written");
        // Nothing is signed of a branch that is removed.
        let removed = git.push(Some(&origin()), &[update("main", None, Some(&base))]).expect_err("refused");
        assert!(matches!(&removed, PushError::Refused { .. }), "{removed}");
    }
}

#[test]
fn refusing_server_is_not_a_push_race() {
    let Place { repo: _repo, remote, git, base } = place();
    hook(&remote, "pre-receive", "echo closed for today >&2; exit 1");
    let ours = change(&git, Some(&base), "ours");
    let error = git.push(Some(&origin()), &[update("drift/one", Some(&ours), None)]).expect_err("closed");
    assert!(
        matches!(&error, PushError::Refused { why, .. } if why.contains("closed for today")),
        "{error:?}"
    );
}

/// A `git` that fails pushes after, or instead of, doing them.
fn with_failing_push(repo: &Repo, script: &str) -> Repository {
    let bin = repo.path().parent().expect("a folder").join("bin");
    std::fs::create_dir(&bin).expect("a new folder");
    let real = crate::support::parts::system_program("git");
    let text = format!(
        "#!/bin/sh\nreal() {{ {} \"$@\"; }}\ncase $1 in push) {script};; *) real \"$@\";; esac\n",
        real.display()
    );
    std::fs::write(bin.join("git"), text).expect("a new file");
    std::fs::set_permissions(bin.join("git"), std::fs::Permissions::from_mode(0o755)).expect("our own file");
    let mut options = super::options(repo);
    options.env.retain(|(name, _)| name != "PATH");
    options.env.push(("PATH".into(), format!("{}:/usr/bin:/bin", bin.display()).into()));
    Repository::open(repo.path(), options).expect("a repository")
}

#[test]
fn push_with_lost_answer_succeeds() {
    let Place { repo, remote, base, .. } = place();
    let git = with_failing_push(
        &repo,
        "real \"$@\" >/dev/null; echo 'fatal: the remote end hung up unexpectedly' >&2; exit 128",
    );
    let ours = change(&git, Some(&base), "ours");
    let updates = [update("drift/one", Some(&ours), None), update("main", Some(&ours), Some(&base))];
    let pushed = git.push(Some(&origin()), &updates).expect("it was written");
    assert!(pushed.up_to_date);
    assert_eq!(branches(&remote)["main"], ours.to_string());
}

#[test]
fn push_cut_before_write_is_network_error() {
    let Place { repo, remote, base, .. } = place();
    let git = with_failing_push(&repo, "echo 'error: RPC failed; curl 18 transfer closed' >&2; exit 1");
    let ours = change(&git, Some(&base), "ours");
    let error =
        git.push(Some(&origin()), &[update("drift/one", Some(&ours), None)]).expect_err("not written");
    let PushError::Git(GitError::Remote { why: RemoteFailure::Network(_), .. }) = error else {
        panic!("{error:?}")
    };
    assert_eq!(branches(&remote).len(), 1);
}

#[test]
fn branch_locked_by_other_push_is_retryable() {
    let Place { repo: _repo, remote, git, base } = place();
    let lock = remote.write("refs/heads/main.lock", "");
    let ours = change(&git, Some(&base), "ours");
    let updates = [update("drift/one", Some(&ours), None), update("main", Some(&ours), Some(&base))];
    let error = git.push(Some(&origin()), &updates).expect_err("locked");
    assert!(error.is_stale(), "{error:?}");
    assert_eq!(branches(&remote).len(), 1);
    std::fs::remove_file(lock).expect("our own file");
    git.push(Some(&origin()), &updates).expect("free again");
}

#[test]
fn repository_hooks_and_push_settings_ignored() {
    let Place { repo, remote, git, base } = place();
    let mark = repo.path().join("mark");
    repo.git(&["tag", "--annotate", "-m", "x", "v1"]);
    for (key, value) in [
        ("push.followTags", "true"),
        ("push.gpgSign", "true"),
        ("push.recurseSubmodules", "check"),
        ("push.pushOption", "x"),
    ] {
        repo.git(&["config", key, value]);
    }
    for name in ["pre-push", "reference-transaction"] {
        let path = repo
            .write(&format!(".git/hooks/{name}"), format!("#!/bin/sh\ntouch {}\nexit 1\n", mark.display()));
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("our own file");
    }
    let ours = change(&git, Some(&base), "ours");
    let pushed = open(&repo).push(Some(&origin()), &[update("drift/one", Some(&ours), None)]);
    pushed.unwrap_or_else(|e| panic!("{e}"));
    assert!(!mark.exists());
    assert_eq!(remote.git(&["tag"]), "");
}

#[test]
fn invalid_branch_names_refused_before_push() {
    let Place { repo: _repo, remote: _remote, git, base } = place();
    for name in ["", "-x", "a..b", "a b", "HEAD", "x:y", "a\nb", "x.lock", "/x"] {
        for remote in [None, Some(origin())] {
            let refused = git.push(remote.as_ref(), &[update(name, Some(&base), None)]);
            assert!(refused.is_err(), "{name:?}");
        }
    }
}

#[test]
fn push_without_remote_sets_local_branches() {
    let Place { repo, remote: _remote, git, base } = place();
    let (one, two) = (change(&git, Some(&base), "one"), change(&git, None, "two"));
    let made = [update("drift/one", Some(&one), None), update("drift/ledger", Some(&two), None)];
    assert!(!git.push(None, &made).expect("written").up_to_date);
    assert_eq!(git.branch("drift/ledger").expect("readable"), Some(two.clone()));
    assert!(git.push(None, &made).expect("as it is meant").up_to_date);
    let next = change(&git, Some(&two), "next");
    let stale = [update("drift/one", None, Some(&one)), update("drift/ledger", Some(&next), Some(&one))];
    let error = git.push(None, &stale).expect_err("not what was expected");
    assert!(error.is_stale(), "{error:?}");
    assert_eq!(repo.revision("drift/one"), one.to_string(), "all or nothing");
    // What a kill between two writes leaves: the first is done, the second is not.
    repo.git(&["branch", "--delete", "--force", "drift/one"]);
    let rest = [update("drift/one", None, Some(&one)), update("drift/ledger", Some(&next), Some(&two))];
    assert!(!git.push(None, &rest).expect("the rest is done").up_to_date);
    assert_eq!(repo.revision("drift/ledger"), next.to_string());
    assert_eq!(git.branch("drift/one").expect("readable"), None);
}

#[test]
fn checked_out_branch_is_not_moved() {
    let Place { repo, remote, git, base } = place();
    let linked = repo.path().parent().expect("a folder").join("linked");
    let linked = linked.to_str().expect("UTF-8");
    repo.git(&["worktree", "add", "--quiet", "-b", "side", linked]);
    let ours = change(&git, Some(&base), "ours");
    let from_linked =
        Repository::open(std::path::Path::new(linked), super::options(&repo)).expect("a work tree");
    for (opened, branch) in [(&git, "main"), (&git, "side"), (&from_linked, "main"), (&from_linked, "side")] {
        let error = opened.push(None, &[update(branch, Some(&ours), Some(&base))]).expect_err(branch);
        assert!(matches!(error, PushError::CheckedOut { .. }), "{error:?}");
    }
    assert_eq!(repo.git(&["status", "--porcelain"]), "");
    let bare = open(&remote);
    let theirs = change(&bare, Some(&base), "ours");
    bare.push(None, &[update("main", Some(&theirs), Some(&base))])
        .expect("a bare repository has no work tree");
}

#[test]
fn stale_lock_error_names_file() {
    let Place { repo, remote: _remote, git, base } = place();
    let lock = repo.write(".git/refs/heads/drift/one.lock", "");
    let error = git.push(None, &[update("drift/one", Some(&base), None)]).expect_err("locked");
    assert!(
        with_hint(&error, error.hint()).contains("drift/one.lock")
            && with_hint(&error, error.hint()).contains("remove it"),
        "{error}"
    );
    std::fs::remove_file(lock).expect("our own file");
    git.push(None, &[update("drift/one", Some(&base), None)]).expect("free again");
    let unknown = id("0123456789012345678901234567890123456789");
    assert!(
        git.push(None, &[update("drift/two", Some(&unknown), None)]).is_err(),
        "a commit that is not here"
    );
}

#[test]
fn locks_of_killed_run_cleared_by_next() {
    let Place { repo, remote: _remote, git, base } = place();
    let push = |git: &Repository| git.push(None, &[update("drift/one", Some(&base), None)]);
    for _ in 0..2 {
        // A kill leaves the note of what was being written; nothing else of a run lives on.
        repo.write(".git/drift-writes", "refs/heads/drift/one\n../outside\npacked-refs\n");
        let outside = repo.write("outside.lock", "");
        let others = repo.write(".git/refs/heads/drift/other.lock", "");
        repo.write(".git/refs/heads/drift/one.lock", "");
        repo.write(".git/packed-refs.lock", "");
        push(&git).expect("the locks of the killed run are gone");
        git.push(None, &[update("drift/one", None, Some(&base))]).expect("no lock on the packed ones");
        assert!(outside.exists() && others.exists(), "what no run of drift had locked stays");
        std::fs::remove_file(others).expect("our own file");
    }
    // A run that ended by itself leaves nothing to clear: this lock is another program's.
    repo.write(".git/refs/heads/drift/one.lock", "");
    let error = push(&git).expect_err("locked");
    assert!(with_hint(&error, error.hint()).contains("drift/one.lock exists"), "{error}");
}

#[test]
fn push_with_token_obeys_forge_rules() {
    let gitea = Gitea::shared();
    let user = gitea.user("pusher");
    let private = gitea.repository(&user);
    let repo = Repo::with(&[("a", "1")]);
    let _ = repo.push_with_token(&private.clone_url, &user.token, &["main"]).expect_status(0);
    let git = open(&repo);
    let base = id(&repo.head());
    let remote =
        Remote::from_url(&private.clone_url).expect("an address").with_token(Token::new(&user.token));
    let ours = change(&git, Some(&base), "ours");
    let two = [update("drift/one", Some(&ours), None), update("drift/ledger", Some(&base), None)];
    git.push(Some(&remote), &two).expect("the token may push");
    assert!(git.push(Some(&remote), &two).expect("as it is meant").up_to_date);
    let stale = git.push(Some(&remote), &[update("drift/one", Some(&base), None)]).expect_err("it exists");
    assert!(stale.is_stale(), "{stale:?}");
    let stranger = gitea.user("stranger");
    let denied =
        Remote::from_url(&private.clone_url).expect("an address").with_token(Token::new(&stranger.token));
    let error = git.push(Some(&denied), &[update("drift/two", Some(&ours), None)]).expect_err("not theirs");
    assert!(!error.is_stale() && !format!("{error} {error:?}").contains(&stranger.token), "{error:?}");
    let rule = serde_json::json!({"rule_name": "main", "enable_push": false});
    let path = format!("/repos/{}/{}/branch_protections", private.owner, private.name);
    gitea.must(201, "POST", &path, Some(&rule));
    let both = [update("drift/three", Some(&ours), None), update("main", Some(&ours), Some(&base))];
    let error = git.push(Some(&remote), &both).expect_err("protected");
    assert!(
        matches!(&error, PushError::Refused { why, .. } if why.contains("protected branch main")),
        "{error:?}"
    );
    assert!(!git.list_remote(&remote).expect("readable").contains_key("drift/three"), "all or nothing");
}
