//! Who changed a path, compared with `git log`.

use std::collections::BTreeSet;

use drift::git::{CommitId, PathHistory, Repository};

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
fn commits_of_path_match_git_log() {
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

/// What one walk finds of many lines of paths; nothing else belongs to them.
fn touching(repository: &Repository, lines: &[&[&str]], limit: usize) -> Vec<PathHistory> {
    let lines: Vec<BTreeSet<String>> =
        lines.iter().map(|paths| paths.iter().map(|path| (*path).to_owned()).collect()).collect();
    let past = repository.read_ancestry(&repository.head().expect("a head")).expect("readable");
    past.find_touching(&lines, limit, &mut |_, _| Ok(BTreeSet::new())).expect("readable")
}

fn ids(line: &PathHistory) -> Vec<&str> {
    line.commits.iter().map(|commit| commit.id.as_str()).collect()
}

/// Commits of one to three parents, with times that are mostly those of their order; a commit takes over the files of
/// one of its parents, some of another, and changes some.
fn random(seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut below = move |most: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % most
    };
    const FILES: [&str; 7] = ["a", "app/a.yaml", "app/b/c", "app/b/d", "app-2/a", "base/x", "app.yaml"];
    let mut trees: Vec<std::collections::BTreeMap<&str, usize>> = Vec::new();
    let mut stream = String::new();
    for at in 0..6 + below(40) {
        let mut parents = BTreeSet::new();
        for _ in 0..if at == 0 { 0 } else { [1, 1, 1, 2, 2, 3][below(6)] } {
            parents.insert(at - 1 - below(at.min(6)));
        }
        let parents: Vec<usize> =
            if below(2) == 0 { parents.into_iter().rev().collect() } else { parents.into_iter().collect() };
        let mut tree = parents.first().map(|parent| trees[*parent].clone()).unwrap_or_default();
        for parent in parents.iter().skip(1) {
            for file in FILES.iter().filter(|_| below(2) == 0) {
                match trees[*parent].get(file) {
                    Some(content) => tree.insert(file, *content),
                    None => tree.remove(file),
                };
            }
        }
        for _ in 0..below(3) {
            let file = FILES[below(FILES.len())];
            if below(4) == 0 {
                tree.remove(file)
            } else {
                tree.insert(file, below(4))
            };
        }
        let skew = if below(8) == 0 { below(9000) } else { 0 };
        let time = 1_700_000_000 + at * 1000 + at - skew;
        stream += &format!(
            "commit refs/heads/main\nmark :{}\ncommitter A <a@example.com> {time} +0000\ndata 1\nx\n",
            at + 1
        );
        for (number, parent) in parents.iter().enumerate() {
            stream += &format!("{} :{}\n", if number == 0 { "from" } else { "merge" }, parent + 1);
        }
        stream += "deleteall\n";
        for (file, content) in &tree {
            stream += &format!("M 100644 inline {file}\ndata 1\n{content}\n");
        }
        trees.push(tree);
    }
    stream
}

#[test]
fn one_walk_over_paths_matches_git_log() {
    const LINES: [&[&str]; 9] = [
        &["a"],
        &["app"],
        &["app/a.yaml"],
        &["app/b"],
        &["app/b/c", "base"],
        &["app-2", "app.yaml", "a"],
        &["base/x/none", "base/x"],
        &["nothing"],
        &["app/b/d", "app"],
    ];
    for seed in 0..60 {
        let repo = Repo::new();
        repo.import(&random(seed));
        let opened = open(&repo);
        let found = touching(&opened, &LINES, 1000);
        for (paths, line) in LINES.iter().zip(&found) {
            let log = repo.git(&[&["log", "--format=%H", "main", "--"][..], paths].concat());
            assert_eq!(ids(line), log.lines().collect::<Vec<_>>(), "seed {seed}: {paths:?}");
            assert!(!line.more);
        }
        for (line, limited) in found.iter().zip(touching(&opened, &LINES, 3)) {
            assert_eq!(ids(&limited), ids(line)[..line.commits.len().min(3)], "seed {seed}");
            assert_eq!(limited.more, line.commits.len() > 3, "seed {seed}");
        }
        let head = id(&repo.head());
        let past = opened.read_ancestry(&head).expect("readable");
        let first_parents = repo.git(&["rev-list", "--first-parent", "main"]);
        let time = |id: &str| opened.commit_info(&self::id(id), "").expect("readable").time;
        for commit in repo.git(&["rev-list", "main"]).lines() {
            // The oldest commit of the branch that holds it.
            let holds =
                |first: &&str| repo.try_git(&["merge-base", "--is-ancestor", commit, first], &[]).status == 0;
            let oldest = if seed % 6 == 0 { first_parents.lines().filter(holds).last() } else { continue };
            let arrived = oldest
                .map(|oldest| if oldest == commit { time(oldest) } else { time(oldest).max(time(commit)) });
            assert_eq!(past.arrival_time(&id(commit)), arrived, "seed {seed}: {commit}");
            let is_before = |of: &CommitId| opened.is_ancestor(&id(commit), of).expect("readable");
            for of in first_parents.lines().map(id) {
                assert_eq!(
                    past.contains_ancestor(&of, &id(commit)).expect("readable"),
                    is_before(&of),
                    "seed {seed}"
                );
            }
        }
    }
}

#[test]
fn line_history_follows_former_files() {
    let repo = Repo::with(&[("old/base", "1\n"), ("app", "old\n")]);
    let step = |path: &str, text: &str| {
        repo.write(path, text);
        repo.commit(&format!("{path} {text}"))
    };
    let of_old_base = step("old/base", "2\n");
    step("elsewhere", "1\n");
    step("new/base", "2\n");
    let moved = step("app", "new\n");
    step("old/base", "3\n");
    let of_new_base = step("new/base", "3\n");
    let opened = open(&repo);
    let start = [BTreeSet::from(["app".to_owned(), "new/base".to_owned()])];
    let past = opened.read_ancestry(&id(&repo.head())).expect("readable");
    let mut asked = 0;
    let mut further = |line: usize, commit: &CommitId| {
        assert_eq!(line, 0);
        asked += 1;
        let base = opened.read(commit, "app")?.map(|text| String::from_utf8_lossy(&text).trim().to_owned());
        Ok(base.into_iter().map(|base| format!("{base}/base")).collect())
    };
    let found = past.find_touching(&start, 10, &mut further).expect("readable");
    let first = repo.git(&["rev-list", "--max-parents=0", "HEAD"]);
    let added = repo.git(&["log", "-1", "--format=%H", "--diff-filter=A", "--", "new/base"]);
    assert_eq!(ids(&found[0]), [&of_new_base, &moved, &added, &of_old_base, &first]);
    assert_eq!(asked, 4, "once for each commit that changed something and has one before");
    assert_eq!(past.commit_count(), 7);
}

#[test]
fn commit_has_content_author_subject_and_trailers() {
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
fn end_of_shallow_clone_is_marked() {
    let repo = Repo::with(&[("a", "1\n"), ("b", "1\n")]);
    for n in 2..6 {
        repo.write("b", format!("{n}\n"));
        repo.commit("Change b");
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = folder.path().join("shallow");
    repo.git(&["clone", "--quiet", "--depth=2", &repo.url(), place.to_str().expect("UTF-8")]);
    let shallow = Repository::open(&place, options(&repo)).expect("a clone");
    assert!(shallow.is_shallow() && !open(&repo).is_shallow());
    let head = shallow.head().expect("a head");
    let touching_a = shallow.commits_touching(&head, "a", 10).expect("readable");
    assert_eq!(touching_a.len(), 1, "the last commit that is here");
    assert!(touching_a[0].boundary);
    repo.git(&["-C", place.to_str().expect("UTF-8"), "fetch", "--quiet", "--unshallow"]);
    let whole = Repository::open(&place, options(&repo)).expect("a clone");
    assert!(!whole.is_shallow());
    let touching_a = whole.commits_touching(&head, "a", 10).expect("readable");
    assert_eq!((touching_a.len(), touching_a[0].boundary), (1, false));
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
