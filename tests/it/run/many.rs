//! What is on its way and opens nothing, too much at once, and what waits.

use super::place::{FILE, Place, WEB, events, incidents};
use crate::support::command::Drift;
use crate::support::repo::AUTHOR;

#[track_caller]
fn assert_opens_nothing(place: &Place) {
    let said = place.assert_settled(0);
    assert!(said.stdout.contains("Nothing to propose."), "{}", said.stdout);
    assert!(place.ledger().is_empty());
}

/// Commits later than everything that the cluster has was applied: else it would have come with that.
fn commit_after_apply(place: &Place, message: &str) {
    place.repo.commit_at(AUTHOR, 2_500_000_000, message);
}

#[test]
fn unapplied_commit_opens_nothing() {
    let newer = WEB.replace("\"512Mi\"", "\"768Mi\"").replace("level: \"info\"", "level: \"warn\"");
    assert_ne!(newer, WEB);

    let place = Place::new("late");
    place.repo.write(FILE, &newer);
    commit_after_apply(&place, "More memory");
    assert_opens_nothing(&place);

    let applier = ["--server-side", "--field-manager=kustomize-controller"];
    let place = Place::with("late-gitops", &[(FILE, WEB)], "");
    place.plane.apply("gitops", &place.namespace, WEB, &applier);
    place.repo.write(FILE, &newer);
    commit_after_apply(&place, "More memory");
    assert_opens_nothing(&place);
    // It arrives: still nothing.
    place.plane.apply("gitops", &place.namespace, &newer, &applier);
    assert_opens_nothing(&place);
}

#[test]
fn unapplied_new_file_opens_nothing() {
    let place = Place::new("new-file");
    place
        .repo
        .write("apps/extra.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\ndata: {a: b}\n");
    commit_after_apply(&place, "Something new");
    assert_opens_nothing(&place);
}

#[test]
fn new_file_counts_from_its_merge() {
    let place = Place::new("merged-file");
    let repo = &place.repo;
    repo.git(&["checkout", "--quiet", "-b", "side"]);
    repo.write("apps/extra.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\ndata: {a: b}\n");
    // Long before everything that the cluster has was applied.
    repo.commit("Something new, on a branch");
    repo.git(&["checkout", "--quiet", "main"]);
    let later = [("GIT_AUTHOR_DATE", "2500000000 +0000"), ("GIT_COMMITTER_DATE", "2500000000 +0000")];
    let _ =
        repo.try_git(&["merge", "--quiet", "--no-ff", "--message=Merge", "side"], &later).expect_status(0);
    assert_opens_nothing(&place);
}

/// ConfigMaps in one file.
fn config_maps(count: usize, value: &str) -> String {
    let one = |number| {
        format!(
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: cm-{number:02}}}\ndata:\n  a: {value}\n"
        )
    };
    (0..count).map(one).collect()
}

#[test]
fn mass_drift_is_one_issue_without_incidents() {
    let place = Place::with("mass", &[("apps/many.yaml", &config_maps(24, "git"))], "");
    place.apply_git();
    let changed = ["--server-side", "--force-conflicts", "--field-manager=kubectl-edit"];
    place.plane.apply("alice", &place.namespace, &config_maps(21, "live"), &changed);
    let said = place.run(1);
    let from = said.stdout.find("24 objects in Git").expect("a summary");
    let end = format!("{}--- stderr\n{}", &said.stdout[from..], said.stderr);
    insta::assert_snapshot!(place.as_read(&end), @r#"
    24 objects in Git: 3 in sync, 21 modified
    21 changes: 21 manual
    repo at <id>, cluster test (<version>)

    To keep a live value, commit it to Git: `drift run --dry-run` shows the commit.
    To undo a change, apply Git again: `kubectl apply`, or your GitOps tool.

    Incidents:
      issue: drift: mass drift in test, wrong context?  drift/proposals:1.md
    --- stderr
    drift: 21 of 24 objects are in drift that source "apps" declares, in namespace "NAMESPACE": too much drift at once: opened one issue instead of incidents; other incidents go on
    "#);
    let proposals = place.proposals();
    assert_eq!(proposals.len(), 1, "{proposals:?}");
    let question = format!("{}\n\n{}", proposals[0].head["title"], proposals[0].body);
    insta::assert_snapshot!(place.as_read(&question), @"
    drift: mass drift in test, wrong context?

    In cluster `test` there is too much drift at once to open incidents:

    - 21 of 24 objects are in drift that source `apps` declares, in namespace `NAMESPACE`

    That is more than people change by hand: **is this the right cluster, context or revision?**

    These 21 objects are held back: drift opens no incident for them until fewer differ, and a run ends with exit code 1, even with `--exit-zero`. Incidents elsewhere go on. `drift check` lists everything. This issue closes itself when it is over.
    ");
    assert!(place.ledger().is_empty() && place.branches().is_empty());
    let _ = place.assert_settled(1);

    // A person who has closed it is not asked again.
    place.close_by_hand(1);
    let _ = place.assert_settled(1);

    // Twenty are what they are: incidents.
    place.plane.apply("alice", &place.namespace, &config_maps(1, "git"), &changed);
    let _ = place.run(1);
    assert_eq!(events(&place.incident()), ["opened"]);
    assert_eq!(place.incident()["members"].as_array().map(Vec::len), Some(20));
}

#[test]
fn mass_drift_issue_closed_when_over() {
    let place = Place::with("mass-over", &[("apps/many.yaml", &config_maps(22, "git"))], "");
    place.apply_git();
    let changed = ["--server-side", "--force-conflicts", "--field-manager=kubectl-edit"];
    place.plane.apply("alice", &place.namespace, &config_maps(22, "live"), &changed);
    let _ = place.run(1);
    assert!(place.proposals()[0].is_open());
    place.plane.apply("alice", &place.namespace, &config_maps(22, "git"), &changed);
    let _ = place.run(0);
    let proposals = place.proposals();
    assert_eq!((proposals.len(), proposals[0].is_open()), (1, false), "{proposals:?}");
    assert!(place.ledger().is_empty());
    // And asked again when it begins again.
    place.plane.apply("alice", &place.namespace, &config_maps(22, "live"), &changed);
    let _ = place.run(1);
    let open: Vec<bool> = place.proposals().iter().map(super::place::LocalProposal::is_open).collect();
    assert_eq!(open, [false, true]);
}

#[test]
fn proposals_over_ten_wait_for_next_run() {
    let place = Place::with("ten", &[("apps/many.yaml", &config_maps(12, "git"))], "");
    place.apply_git();
    // Every tool of its own: incidents of their own.
    let tools = "annotate argo-rollouts autoscale create edit expose label patch replace rollout run set";
    for (number, tool) in tools.split(' ').enumerate() {
        let name = format!("cm-{number:02}");
        let manager = format!("--field-manager=kubectl-{tool}");
        place.kubectl(&[
            "patch",
            "configmap",
            &name,
            "--type=merge",
            "--patch",
            r#"{"data":{"a":"live"}}"#,
            &manager,
        ]);
    }
    let said = place.run(1);
    assert!(said.stderr.contains("2 incidents deferred"), "{}", said.stderr);
    assert_eq!(said.stdout.matches("deferred: ").count(), 2, "{}", said.stdout);
    assert_eq!((place.proposals().len(), place.branches().len()), (10, 10));
    assert_eq!(incidents(&place.ledger()).len(), 12);
    let said = place.run(1);
    assert!(!said.stderr.contains("wait"), "{}", said.stderr);
    assert_eq!((place.proposals().len(), place.branches().len()), (12, 12));
    let _ = place.assert_settled(1);
}

/// Whoever may make objects in a namespace does not silence the rest: neither new incidents nor ends.
#[test]
fn unmanaged_objects_hold_back_only_themselves() {
    let place = Place::with_proposal("noise");
    let noise = config_maps(21, "noise");
    place.plane.apply("alice", &place.namespace, &noise, &["--server-side", "--field-manager=kubectl-edit"]);
    place.set_level("debug");
    let said = place.run(1);
    assert!(said.stderr.contains("21 objects that nothing in Git declares"), "{}", said.stderr);
    let all = incidents(&place.ledger());
    assert_eq!(all.len(), 2, "{all:?}");
    let question = place.proposals().into_iter().find(|one| one.body.contains("are held back"));
    let question = question.expect("an issue says what is held back");
    assert!(question.body.contains(&place.namespace) && question.body.contains("21 objects"), "{question:?}");
    let before = place.refs();
    let lenient = || {
        let drift = Drift::new().args(["run", "--exit-zero"]).in_folder(place.repo.path());
        drift.env("KUBECONFIG", place.plane.kubeconfig("admin")).run()
    };
    let _ = lenient().expect_status(1);
    assert_eq!(place.refs(), before);
    // What is undone ends all the same.
    place.apply_git();
    let _ = place.run(1);
    let ended = incidents(&place.ledger());
    assert!(ended.iter().all(|incident| events(incident).last() == Some(&"ended")), "{ended:?}");
    // Fewer are an incident like any other, and the question is closed.
    place.kubectl(&["delete", "configmap", "cm-00", "cm-01"]);
    let _ = place.run(1);
    assert_eq!(incidents(&place.ledger()).len(), 3);
    assert!(place.proposals().iter().any(|one| one.number == question.number && !one.is_open()));
    let _ = lenient().expect_status(0);
}
