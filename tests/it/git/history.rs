//! Who changed a path, compared with `git log`.

use drift::git::Repository;

use super::{id, open, options};
use crate::support::repo::Repo;

/// Straight commits, a side branch that was merged, a merge that took one side, a merge with a change of its own.
fn woven() -> Repo {
    let repo = Repo::with(&[("app/a.yaml", "1\n"), ("other", "1\n")]);
    let step = |path: &str, text: &str| {
        repo.write(path, text);
        repo.commit(&format!("{path} {text}"));
    };
    step("app/a.yaml", "2\n");
    step("other", "2\n");
    repo.git(&["checkout", "--quiet", "-b", "side"]);
    step("app/b.yaml", "1\n");
    step("other", "3\n");
    repo.git(&["checkout", "--quiet", "main"]);
    step("unrelated", "1\n");
    repo.git(&["merge", "--quiet", "--no-ff", "--no-edit", "side"]);
    repo.git(&["checkout", "--quiet", "-b", "other-side"]);
    step("app/a.yaml", "3\n");
    repo.git(&["checkout", "--quiet", "main"]);
    step("app/a.yaml", "4\n");
    repo.git(&["merge", "--quiet", "--no-ff", "--no-edit", "--strategy=ours", "other-side"]);
    repo.git(&["checkout", "--quiet", "-b", "third"]);
    step("app/c.yaml", "1\n");
    repo.git(&["checkout", "--quiet", "main"]);
    step("app/d.yaml", "1\n");
    repo.git(&["merge", "--quiet", "--no-ff", "--no-commit", "third"]);
    step("app/e.yaml", "merged with a change\n");
    repo.remove("app/b.yaml");
    repo.commit("Remove b");
    repo
}

#[test]
fn commits_that_touch_a_path_are_those_of_git_log() {
    let repo = woven();
    let opened = open(&repo);
    let head = id(&repo.head());
    for path in ["", "app", "app/a.yaml", "app/b.yaml", "app/e.yaml", "other", "unrelated", "nothing"] {
        let mut arguments = vec!["log", "--format=%H"];
        if !path.is_empty() {
            arguments.extend(["--", path]);
        }
        let expected = repo.git(&arguments);
        let expected: Vec<&str> = expected.lines().collect();
        let found = opened.commits_touching(&head, path, 1000).expect("readable");
        let ids: Vec<&str> = found.iter().map(|c| c.id.as_str()).collect();
        if path.is_empty() {
            // `git log` shows merges of the whole tree that only join two sides; so do we where both sides differ.
            assert!(ids.iter().all(|i| expected.contains(i)) && ids.len() >= 10, "{ids:?}");
        } else {
            assert_eq!(ids, expected, "{path}");
        }
        let limited = opened.commits_touching(&head, path, 2).expect("readable");
        assert_eq!(limited, found[..found.len().min(2)], "{path}");
    }
}

#[test]
fn a_commit_tells_its_content_authors_subject_and_trailers() {
    let repo = Repo::with(&[("a", "1\n")]);
    repo.write("a", "2\n");
    let message = "Raise it\n\nbecause\n\nDrift-Incident: x1\n";
    let second = repo.commit_as(("Bob", "bob@example.com"), message);
    repo.remove("a");
    let third = repo.commit("Remove it");
    let opened = open(&repo);
    let found = opened.commits_touching(&id(&third), "a", 10).expect("readable");
    assert_eq!(found.len(), 3);
    assert_eq!(found[0].tree_id, None);
    let info = &found[1];
    assert_eq!(info.tree_id, Some(repo.git(&["rev-parse", &format!("{second}:a")])));
    assert_eq!((info.author.name.as_str(), info.author.email.as_str()), ("Bob", "bob@example.com"));
    assert_eq!(info.subject, "Raise it");
    assert_eq!(info.trailers, [("Drift-Incident".to_owned(), "x1".to_owned())]);
    assert_eq!(info.time.to_string(), repo.git(&["log", "-1", "--format=%ct", &second]));
    assert!(!info.boundary);
    assert_eq!(opened.message(&id(&second)).expect("readable"), message);
    assert_eq!(&opened.commit_info(&id(&second), "a").expect("readable"), info);
}

#[test]
fn the_end_of_a_shallow_clone_is_marked() {
    let repo = Repo::with(&[("a", "1\n"), ("b", "1\n")]);
    for n in 2..6 {
        repo.write("b", format!("{n}\n"));
        repo.commit("Change b");
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = folder.path().join("shallow");
    repo.git(&["clone", "--quiet", "--depth=2", &repo.url(), place.to_str().expect("UTF-8")]);
    let mut shallow = Repository::open(&place, options(&repo)).expect("a clone");
    assert!(shallow.is_shallow() && !open(&repo).is_shallow());
    let head = shallow.head().expect("a head");
    let touching_a = shallow.commits_touching(&head, "a", 10).expect("readable");
    assert_eq!(touching_a.len(), 1, "the last commit that is here");
    assert!(touching_a[0].boundary);
    let origin = drift::git::Remote::named("origin").expect("a name");
    shallow.deepen(&origin, Some(1)).expect("the remote has more");
    assert_eq!(shallow.commits_touching(&head, "b", 10).expect("readable").len(), 3);
    shallow.deepen(&origin, None).expect("the remote has all");
    assert!(!shallow.is_shallow());
    let touching_a = shallow.commits_touching(&head, "a", 10).expect("readable");
    assert_eq!((touching_a.len(), touching_a[0].boundary), (1, false));
    shallow.deepen(&origin, None).expect("nothing to do");
}

#[test]
fn ancestry_and_merge_bases() {
    let repo = Repo::with(&[("a", "1\n")]);
    let first = id(&repo.head());
    let second = id(&repo.commit("Second"));
    repo.git(&["checkout", "--quiet", "-b", "side", first.as_str()]);
    let side = id(&repo.commit("Side"));
    repo.git(&["checkout", "--quiet", "--orphan", "alone"]);
    let alone = id(&repo.commit("Alone"));
    let unknown = id("0123456789012345678901234567890123456789");
    let opened = open(&repo);
    let cases = [
        (&first, &second, true),
        (&first, &first, true),
        (&second, &first, false),
        (&second, &side, false),
        (&alone, &second, false),
        (&unknown, &second, false),
    ];
    for (ancestor, commit, expected) in cases {
        assert_eq!(opened.is_ancestor(ancestor, commit).expect("readable"), expected, "{ancestor} {commit}");
    }
    assert_eq!(opened.merge_base(&second, &side).expect("readable"), Some(first));
    assert_eq!(opened.merge_base(&second, &alone).expect("readable"), None);
}
