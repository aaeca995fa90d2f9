//! The repository itself as forge.

use super::place::{FILE, Place, WEB, events, incidents, last};

const DIFF: &str = "\
diff --git a/apps/web.yaml b/apps/web.yaml
--- a/apps/web.yaml
+++ b/apps/web.yaml
@@ -17,7 +17,7 @@ spec:
         image: 'registry.example/web:1.4.2'   # pinned
         resources:
             limits:
-                memory: \"512Mi\" # measured in May
+                memory: \"1Gi\" # measured in May
         env:
         - {name: MODE, value: \"on\"}
 ---
";

#[test]
fn manual_change_proposed_merged_and_ended() {
    let place = Place::new("loop");
    let clean = place.run(0);
    assert!(clean.stdout.contains("Nothing to propose."), "{}", clean.stdout);
    assert!(place.ledger().is_empty() && place.proposals().is_empty() && place.branches().is_empty());

    place.set_memory("1Gi");
    let _ = place.run(1);
    let branch = place.branch();
    assert_eq!(place.diff(&branch), DIFF);
    let message = place.repo.git(&["log", "--format=%an <%ae>%n%B", "--max-count=1", &branch]);
    let incident = place.incident();
    let id = incident["id"].as_str().expect("an id").to_owned();
    insta::assert_snapshot!(place.as_read(&message), @r#"
    drift <drift@noreply.invalid>
    Take live values of Deployment/NAMESPACE/web into Git

    Deployment/NAMESPACE/web .spec.template.spec.containers[name="web"].resources.limits.memory

    Drift-Incident: INCIDENT
    Drift-Fingerprint: <id>
    "#);
    assert_eq!(events(&incident), ["opened"]);
    assert_eq!(incident["manager"], "kubectl-set");
    assert_eq!(incident["events"][0]["commit"], place.repo.head());
    let proposals = place.proposals();
    assert_eq!(proposals.len(), 1, "{proposals:?}");
    assert!(proposals[0].is_open());
    assert_eq!(proposals[0].head["branch"], branch);
    assert_eq!(proposals[0].head["kind"], "pull-request");
    insta::assert_snapshot!(place.as_read(&proposals[0].body), @r#"
    Cluster `test` runs values that Git does not declare: they were changed by hand. **Merging this takes them into Git**; the commit touches nothing else.

    **`Deployment/NAMESPACE/web`**, `apps/web.yaml`

    | field | Git now | live, taken in | who |
    |---|---|---|---|
    | `.spec.template.spec.containers[name="web"].resources.limits.memory` | `512Mi` | `1Gi` | `manual, by kubectl-set, at or before <time>` |

    Proven: rendered again with this commit and compared with the cluster, none of these differences is left, and nothing else that Git declares changes.

    **If the live values are not wanted**, close this and apply Git again; drift then records that the change was undone.

    Drift-Incident: INCIDENT
    Drift-Fingerprint: <id>
    "#);

    let again = place.assert_settled(1);
    assert!(again.stdout.contains("unchanged: "), "{}", again.stdout);

    place.repo.git(&["merge", "--quiet", "--no-ff", "--no-edit", &branch]);
    let ended = place.run(0);
    assert!(ended.stdout.contains("ended, adopted: "), "{}", ended.stdout);
    let incident = place.incident();
    assert_eq!(events(&incident), ["opened", "ended"]);
    assert_eq!(last(&incident)["how"], "adopted");
    let commit = last(&incident)["ended_by"].as_str().expect("a commit").to_owned();
    place.repo.git(&["merge-base", "--is-ancestor", &commit, "main"]);
    assert_eq!(place.repo.git(&["log", "--format=%ae", "--max-count=1", &commit]), "drift@noreply.invalid");
    assert!(place.branches().is_empty());
    assert_eq!(place.proposals()[0].head["state"], "merged");
    place.assert_ledger_only_grows();
    let _ = place.assert_settled(0);

    place.set_memory("2Gi");
    let _ = place.run(1);
    let all = incidents(&place.ledger());
    assert_eq!(all.len(), 2, "{all:?}");
    let new = all.iter().find(|incident| incident["id"] != id.as_str()).expect("a second one");
    assert_eq!(new["previous"], serde_json::json!([id]));
    assert_eq!(place.proposals().len(), 2);
    place.assert_ledger_only_grows();
}

#[test]
fn undone_change_ends_incident_as_reverted() {
    let place = Place::with_proposal("undone");
    place.apply_git();
    let head = place.repo.head();
    let _ = place.run(0);
    let incident = place.incident();
    assert_eq!(events(&incident), ["opened", "ended"]);
    assert_eq!(last(&incident)["how"], "reverted");
    assert_eq!(last(&incident)["ended_by"], head);
    let proposals = place.proposals();
    assert_eq!((proposals.len(), proposals[0].is_open()), (1, false), "{proposals:?}");
    assert!(proposals[0].head["closed"].contains("the cluster equals commit"), "{proposals:?}");
    assert!(place.branches().is_empty());
    let _ = place.assert_settled(0);
}

#[test]
fn ignore_rule_ends_an_incident_as_accepted() {
    let place = Place::with_proposal("accepted");
    let config = place.repo.read("drift.yaml")
        + "ignore:\n- resource: {kind: Deployment, name: web}\n  \
           field: .spec.template.spec.containers[name=\"web\"].resources.limits.memory\n  reason: tuned by hand\n";
    place.repo.write("drift.yaml", config);
    let commit = place.repo.commit("Let memory be tuned by hand");
    place.repo.write("README", "of no concern\n");
    place.repo.commit("Something else");
    let _ = place.run(0);
    let incident = place.incident();
    assert_eq!(last(&incident)["how"], "accepted");
    assert_eq!(last(&incident)["ended_by"], commit);
    assert!(!place.proposals()[0].is_open());
    assert!(place.branches().is_empty());
}

#[test]
fn declined_proposal_returns_only_with_new_values() {
    // Removing the branch, or saying so in the proposal's file; the file of the first is open again with its branch.
    for (way, proposals) in [("branch", 1), ("file", 2)] {
        let place = Place::with_proposal("declined");
        if way == "branch" {
            place.repo.git(&["branch", "--quiet", "-D", &place.branch()]);
        } else {
            place.close_by_hand(1);
        }
        let said = place.run(1);
        assert!(said.stdout.contains("declined: "), "{way}: {}", said.stdout);
        let incident = place.incident();
        assert_eq!(events(&incident), ["opened", "declined"], "{way}");
        assert_eq!(last(&incident)["by"], if way == "branch" { "somebody" } else { "Ada Author" });
        assert!(place.branches().is_empty(), "{way}");
        let _ = place.assert_settled(1);
        place.set_memory("2Gi");
        let _ = place.run(1);
        assert_eq!(events(&place.incident()), ["opened", "declined", "changed"], "{way}");
        assert!(
            place.diff(&place.branch()).contains("\n+                memory: \"2Gi\" # measured in May\n")
        );
        let standing = place.proposals();
        assert_eq!(standing.len(), proposals, "{way}");
        assert!(standing.last().is_some_and(super::place::LocalProposal::is_open), "{way}");
        place.assert_ledger_only_grows();
    }
}

#[test]
fn checked_out_proposal_does_not_block_others() {
    let place = Place::with_proposal("looked-at");
    let branch = place.branch();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tree = folder.path().join("tree");
    place.repo.git(&["worktree", "add", "--quiet", tree.to_str().expect("UTF-8"), &branch]);
    let tip = place.repo.revision(&branch);
    place.set_memory("3Gi");
    place.set_level("debug");
    let said = place.run(1);
    assert!(said.stderr.contains("it is checked out in"), "{}", said.stderr);
    assert_eq!(place.repo.revision(&branch), tip);
    assert_eq!(place.branches().len(), 2);
    place.repo.git(&["worktree", "remove", tree.to_str().expect("UTF-8")]);
    let _ = place.run(1);
    assert!(place.diff(&branch).contains("+                memory: \"3Gi\""));
    let _ = place.assert_settled(1);
}

#[test]
fn new_values_update_proposal_in_place() {
    let place = Place::with_proposal("again");
    let (branch, first) = (place.branch(), place.repo.revision(&place.branch()));
    place.set_memory("3Gi");
    let said = place.run(1);
    assert!(said.stdout.contains("updated: "), "{}", said.stdout);
    assert_eq!(place.branch(), branch);
    assert_ne!(place.repo.revision(&branch), first);
    assert_eq!(
        place.diff(&branch),
        DIFF.replace("+                memory: \"1Gi\"", "+                memory: \"3Gi\"")
    );
    assert_eq!(place.repo.git(&["rev-list", "--count", &format!("main..{branch}")]), "1");
    let proposals = place.proposals();
    assert_eq!(proposals.len(), 1);
    assert!(proposals[0].body.contains("3Gi") && !proposals[0].body.contains("1Gi"), "{}", proposals[0].body);
    assert_eq!(events(&place.incident()), ["opened", "changed"]);
    let _ = place.assert_settled(1);
}

#[test]
fn branch_with_foreign_commits_left_alone() {
    let place = Place::with_proposal("foreign");
    let branch = place.branch();
    place.repo.git(&["checkout", "--quiet", &branch]);
    place.repo.write("apps/extra.txt", "a note\n");
    place.repo.commit("Explain");
    // On top of it a commit that looks like drift's own: the one below is foreign all the same.
    place.repo.write("apps/extra.txt", "another note\n");
    place.repo.commit_as(("drift", "drift@noreply.invalid"), "Looks like ours");
    let tip = place.repo.head();
    place.repo.git(&["checkout", "--quiet", "main"]);
    place.set_memory("3Gi");
    let said = place.run(1);
    assert_eq!(place.repo.revision(&branch), tip);
    assert!(said.stderr.contains("it has commits by somebody else"), "{}", said.stderr);
    let _ = place.assert_settled(1);
    // It ends like any other, but the branch stays.
    place.apply_git();
    let _ = place.run(0);
    assert_eq!(last(&place.incident())["how"], "reverted");
    assert_eq!(place.repo.revision(&branch), tip);
}

/// Whatever name a commit carries: what is not the proven one is said to be something else, and left alone.
#[test]
fn branch_that_differs_from_proof_is_left_alone() {
    type Change = fn(&Place);
    let changes: [(&str, Change); 5] = [
        ("a file more", |place| drop(place.repo.write("apps/role.yaml", "kind: ClusterRoleBinding\n"))),
        ("another value", |place| {
            let text = place.repo.read(FILE).replace("replicas: 2", "replicas: 9");
            place.repo.write(FILE, text);
        }),
        ("a file less", |place| place.repo.remove("drift.yaml")),
        ("another mode", |place| drop(place.repo.git(&["update-index", "--chmod=+x", FILE]))),
        ("nothing but a message", |_| {}),
    ];
    let place = Place::with_proposal("tampered");
    let (branch, proven) = (place.branch(), place.repo.revision(&place.branch()));
    let text = place.proposals()[0].body.clone();
    assert!(text.contains("Proven:"), "{text}");
    let ours = [
        ("GIT_AUTHOR_NAME", "drift"),
        ("GIT_AUTHOR_EMAIL", "drift@noreply.invalid"),
        ("GIT_COMMITTER_NAME", "drift"),
        ("GIT_COMMITTER_EMAIL", "drift@noreply.invalid"),
    ];
    for (what, change) in changes {
        for amend in [true, false] {
            place.repo.git(&["checkout", "--quiet", "-B", "work", &proven]);
            change(&place);
            if what != "another mode" {
                place.repo.git(&["add", "--all"]);
            }
            let message = place.repo.git(&["log", "--format=%B", "--max-count=1", &proven]);
            let message = format!("--message=Closes #1\n\n{message}");
            let how: &[&str] = if amend { &["--amend"] } else { &["--allow-empty"] };
            let commit =
                [&["commit", "--quiet", "--reset-author", "--no-verify", &message][..], how].concat();
            let commit: Vec<&str> =
                commit.into_iter().filter(|word| amend || *word != "--reset-author").collect();
            let _ = place.repo.try_git(&commit, &ours).expect_status(0);
            let tip = place.repo.head();
            place.repo.git(&["checkout", "--quiet", "--force", "main"]);
            place.repo.git(&["update-ref", &format!("refs/heads/{branch}"), &tip]);
            let said = place.run(1);
            assert!(said.stderr.contains("it has commits by somebody else"), "{what}: {}", said.stderr);
            assert_eq!(place.repo.revision(&branch), tip, "{what}");
            let body = &place.proposals()[0].body;
            assert!(
                body.contains("**Changed since it was proven.**") && body.contains(&proven),
                "{what}: {body}"
            );
            assert!(!body.contains("Proven:") && !body.contains("touches nothing else"), "{what}: {body}");
            let _ = place.assert_settled(1);
        }
    }
    // What was proven is taken for that again.
    place.repo.git(&["update-ref", &format!("refs/heads/{branch}"), &proven]);
    let _ = place.run(1);
    assert_eq!(place.proposals()[0].body, text);
}

#[test]
fn a_branch_of_somebody_is_no_ledger() {
    let place = Place::new("ledger-branch");
    place.set_memory("1Gi");
    let configured = place.repo.read("drift.yaml");
    place.repo.git(&["branch", "release"]);
    place.repo.git(&["checkout", "--quiet", "--orphan", "pages"]);
    place.repo.write("index.html", "<p>hello</p>\n");
    place.repo.commit("A page");
    place.repo.git(&["checkout", "--quiet", "--force", "main"]);
    for (branch, status) in
        [("release", 3), ("pages", 3), ("main", 2), ("drift/proposals", 2), ("drift/incident/x", 2)]
    {
        place.repo.write("drift.yaml", format!("{configured}ledger: {{branch: {branch}}}\n"));
        place.repo.commit("Another ledger");
        let before = place.refs();
        let said = place.run(status);
        assert!(said.stderr.contains("ledger"), "{branch}: {}", said.stderr);
        assert_eq!(place.refs(), before, "{branch}");
    }
}

#[test]
fn dirty_work_tree_neither_read_nor_written() {
    let place = Place::new("dirty");
    place.set_memory("1Gi");
    place.repo.write(FILE, WEB.replace("replicas: 2", "replicas: 7"));
    place.repo.write("apps/untracked.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: new}\n");
    let status = place.repo.git(&["status", "--porcelain"]);
    let said = place.run(1);
    assert!(said.stderr.contains("uncommitted changes"), "{}", said.stderr);
    assert_eq!(place.repo.git(&["status", "--porcelain"]), status);
    assert_eq!(place.diff(&place.branch()), DIFF);
}

#[test]
fn dry_run_shows_plan_and_writes_nothing() {
    let mut place = Place::new("dry");
    place.set_memory("1Gi");
    let before = place.refs();
    place.drift = place.drift.arg("--dry-run");
    let said = place.run(1);
    insta::assert_snapshot!(place.as_read(&said.stdout), @r#"
    drift: 1 object in drift

    modified Deployment/NAMESPACE/web  apps/web.yaml:2
      ~ .spec.template.spec.containers[name="web"].resources.limits.memory
          Git   512Mi  apps/web.yaml:20:25
          live  1Gi
          manual, by kubectl-set, at or before <time>

    2 objects in Git: 1 in sync, 1 modified
    1 change: 1 manual
    repo at <id>, cluster test (<version>)

    To keep a live value, commit it to Git: `drift run --dry-run` shows the commit.
    To undo a change, apply Git again: `kubectl apply`, or your GitOps tool.

    Dry run, would be written:
      pull request: drift: Deployment/NAMESPACE/web, changed by kubectl-set [<id>]
          --- a/apps/web.yaml
          +++ b/apps/web.yaml
          @@ -17,7 +17,7 @@
                   image: 'registry.example/web:1.4.2'   # pinned
                   resources:
                       limits:
          -                memory: "512Mi" # measured in May
          +                memory: "1Gi" # measured in May
                   env:
                   - {name: MODE, value: "on"}
           ---
    "#);
    assert_eq!(place.refs(), before);
}

#[test]
fn squash_without_trailers_matched_by_content() {
    let place = Place::with_proposal("squash");
    place.repo.git(&["merge", "--quiet", "--squash", &place.branch()]);
    let squashed = place.repo.commit("More memory");
    place.repo.write("README", "of no concern\n");
    place.repo.commit("Something else");
    let _ = place.run(0);
    let incident = place.incident();
    assert_eq!(last(&incident)["how"], "adopted");
    assert_eq!(last(&incident)["ended_by"], squashed);
    assert!(place.branches().is_empty());
    assert!(!place.proposals()[0].is_open());
    let _ = place.assert_settled(0);
}

#[test]
fn repository_without_forge_holds_proposals() {
    let mut place = Place::with("bare", &[(FILE, WEB)], "forge: {type: local}\n");
    place.apply_git();
    place.set_memory("1Gi");
    let remote = place.repo.with_remote();
    let before = remote.git(&["for-each-ref"]);
    let _ = place.run(1);
    assert_eq!(place.diff(&place.branch()), DIFF);
    assert_eq!(remote.git(&["for-each-ref"]), before, "the remote is left alone");

    // Used where it is named only.
    place.drift = place.drift.in_folder(remote.path());
    let _ = place.run(2);
    place.drift = place.drift.arg("--repository").arg(remote.path());
    let _ = place.run(1);
    let branches = remote.git(&["for-each-ref", "--format=%(refname)", "refs/heads/drift/"]);
    assert_eq!(branches.lines().count(), 3, "{branches}");
    let settled = remote.git(&["for-each-ref"]);
    let _ = place.run(1);
    assert_eq!(remote.git(&["for-each-ref"]), settled);
}

#[test]
fn stale_lock_is_waited_for_then_removed() {
    let place = Place::new("locked");
    place.set_memory("1Gi");
    let lock = place.repo.path().join(".git/refs/heads/drift/ledger.lock");
    std::fs::create_dir_all(lock.parent().expect("a folder")).expect("a new folder");
    let file = std::fs::File::create(&lock).expect("a new file");
    let said = place.run(3);
    assert!(said.stderr.contains("drift/ledger.lock exists"), "{}", said.stderr);
    let made = file.metadata().and_then(|metadata| metadata.modified()).expect("a time");
    file.set_modified(made - std::time::Duration::from_secs(120)).expect("a time of our choice");
    let _ = place.run(1);
    assert!(!lock.exists());
    assert_eq!(events(&place.incident()), ["opened"]);
    assert_eq!(place.proposals().len(), 1);
}
