//! Proposals in the repository itself.

use drift::config::ForgeKind;
use drift::forge::{
    Closer, ExistingProposal, Forge, ForgeError, LocalForge, PROPOSALS_BRANCH, Proposal, ProposalKind,
    ProposalState,
};
use drift::git::{GitOptions, Repository, Signature};
use drift::text::with_hint;

use super::{all, issue, opened, pull};
use crate::support::repo::Repo;

fn forge(repo: &Repo) -> LocalForge {
    let repository = Repository::open(repo.path(), GitOptions::default()).expect("a repository");
    let (name, email) = ("drift".to_owned(), "drift@example.com".to_owned());
    LocalForge::new(repository, Signature { name, email, time: 1_704_100_000 })
}

/// A repository with the pushed branch of a proposal for `incident`, and back on `main`.
fn with_branch(incident: &str) -> Repo {
    let repo = Repo::with(&[("web.yaml", "replicas: 2\n")]);
    repo.git(&["checkout", "--quiet", "-b", &format!("drift/{incident}")]);
    repo.write("web.yaml", "replicas: 5\n");
    repo.commit(&format!("Adopt\n\nDrift-Incident: {incident}"));
    repo.git(&["checkout", "--quiet", "main"]);
    repo
}

/// Commits a change of proposal 1 as a person would.
fn edit(repo: &Repo, from: &str, to: &str) {
    repo.git(&["checkout", "--quiet", PROPOSALS_BRANCH]);
    let text = repo.read("1.md");
    assert!(text.contains(from), "{text}");
    repo.write("1.md", text.replacen(from, to, 1));
    repo.commit("Decide");
    repo.git(&["checkout", "--quiet", "main"]);
}

async fn only(forge: &dyn Forge) -> ExistingProposal {
    let listed = all(forge).await;
    assert_eq!(listed.len(), 1, "{listed:?}");
    listed.into_iter().next().expect("one")
}

#[tokio::test]
async fn local_proposals_are_files_on_branch() {
    let repo = with_branch("one");
    let forge = forge(&repo);
    assert_eq!(all(&forge).await, []);
    let told = forge.preflight().await.expect("a repository");
    assert_eq!(
        (told.login.as_str(), told.default_branch.as_str(), told.can_push),
        ("drift", "main", Some(true))
    );
    let first = opened(&forge, &pull("one")).await;
    assert!(first.created);
    let found = only(&forge).await;
    assert_eq!(found, first.existing);
    assert_eq!(
        (found.reference.number, found.reference.kind, &found.state),
        (1, ProposalKind::PullRequest, &ProposalState::Open)
    );
    assert_eq!(found.head.as_deref(), Some(repo.revision("drift/one").as_str()));
    let text = repo.git(&["show", &format!("{PROPOSALS_BRANCH}:1.md")]);
    let head = "---\nincident: one\nfingerprint: 0123456789abcdef\nkind: pull-request\nstate: open\n";
    assert!(text.starts_with(head) && text.ends_with("Drift-Incident: one"), "{text}");
    assert_eq!(repo.git(&["rev-list", "--count", PROPOSALS_BRANCH]), "1");
    assert_eq!(repo.git(&["log", "-1", "--format=%an", PROPOSALS_BRANCH]), "drift");
    // Nothing of the person's moves.
    assert_eq!(repo.git(&["status", "--porcelain", "--branch"]), "## main");
}

#[tokio::test]
async fn the_second_time_nothing_is_written() {
    let repo = with_branch("one");
    let forge = forge(&repo);
    opened(&forge, &pull("one")).await;
    let tip = repo.revision(PROPOSALS_BRANCH);
    let again = opened(&forge, &pull("one")).await;
    assert_eq!((again.created, again.existing.reference.number), (false, 1));
    let found = only(&forge).await;
    assert!(!forge.update(&found, &pull("one")).await.expect("nothing to write"));
    assert_eq!(repo.revision(PROPOSALS_BRANCH), tip);
    let changed = Proposal { fingerprint: "fedcba9876543210".to_owned(), ..pull("one") };
    assert!(forge.update(&found, &changed).await.expect("it can be written"));
    assert_eq!(only(&forge).await.marker.fingerprint, "fedcba9876543210");
    assert_eq!(repo.git(&["rev-parse", &format!("{PROPOSALS_BRANCH}^")]), tip, "without force");
}

#[tokio::test]
async fn merge_of_any_kind_is_detected() {
    let merge: [(&str, &[&[&str]]); 4] = [
        ("merged", &[&["merge", "--quiet", "--no-ff", "-m", "Merge", "drift/one"]]),
        ("fast-forward", &[&["merge", "--quiet", "--ff-only", "drift/one"]]),
        (
            "merged, branch removed",
            &[&["merge", "--quiet", "--no-ff", "-m", "Merge", "drift/one"], &["branch", "-D", "drift/one"]],
        ),
        (
            "squashed, branch removed",
            &[
                &["merge", "--quiet", "--squash", "drift/one"],
                &["commit", "--quiet", "-m", "Squash\n\nDrift-Incident: one\n\nmore"],
                &["branch", "-D", "drift/one"],
            ],
        ),
    ];
    for (name, commands) in merge {
        let repo = with_branch("one");
        let forge = forge(&repo);
        opened(&forge, &pull("one")).await;
        // The base has moved on, so that a squash is no fast-forward.
        if name.starts_with("squash") {
            repo.write("other.yaml", "a: 1\n");
            repo.commit("Other");
        }
        for command in commands {
            repo.git(command);
        }
        let state = only(&forge).await.state;
        let ProposalState::Merged { commit: Some(commit), .. } = state else { panic!("{name}: {state:?}") };
        repo.git(&["merge-base", "--is-ancestor", &commit, "main"]);
        let text = repo.git(&["log", "-1", "--format=%B", &commit]);
        assert!(text.contains("Drift-Incident: one"), "{name}: {text}");
    }
}

#[tokio::test]
async fn proposal_declined_by_state_or_removed_branch() {
    let repo = with_branch("one");
    let local = forge(&repo);
    opened(&local, &pull("one")).await;
    edit(&repo, "state: open", "state: closed");
    let state = only(&local).await.state;
    let ProposalState::Closed { by, at: Some(_) } = state else { panic!("{state:?}") };
    assert_eq!(by, Closer::Person("Ada Author".to_owned()));
    // Declined is declined: it is not opened under the same number, and not closed again.
    local.close(&only(&local).await, "Ended.", true).await.expect("it is closed");
    assert!(matches!(only(&local).await.state, ProposalState::Closed { by: Closer::Person(_), .. }));

    let repo = with_branch("one");
    let local = forge(&repo);
    opened(&local, &pull("one")).await;
    repo.git(&["branch", "-D", "drift/one"]);
    let found = only(&local).await;
    assert_eq!((found.state, found.branch), (ProposalState::Closed { by: Closer::Unknown, at: None }, None));
}

#[tokio::test]
async fn own_closing_recognized_and_done_once() {
    let repo = with_branch("one");
    let forge = forge(&repo);
    let existing = opened(&forge, &issue("one")).await.existing;
    forge.close(&existing, "Live equals Git again.", false).await.expect("it can be closed");
    let tip = repo.revision(PROPOSALS_BRANCH);
    forge.close(&existing, "Live equals Git again.", false).await.expect("it is closed");
    assert_eq!(repo.revision(PROPOSALS_BRANCH), tip);
    let found = only(&forge).await;
    assert!(matches!(found.state, ProposalState::Closed { by: Closer::Us, .. }), "{found:?}");
    assert!(found.marker.closed_by_us);
    let text = repo.git(&["show", &format!("{PROPOSALS_BRANCH}:1.md")]);
    assert!(text.contains("reason: Live equals Git again.") && text.contains("by: drift"), "{text}");
    edit(&repo, "state: closed", "state: open");
    assert_eq!(only(&forge).await.state, ProposalState::Open, "a person opened it again");
}

#[tokio::test]
async fn two_at_once_leave_one_open() {
    let repo = Repo::with(&[("web.yaml", "replicas: 2\n")]);
    let forges = [forge(&repo), forge(&repo), forge(&repo)];
    let numbers: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = forges
            .iter()
            .map(|forge| {
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
                    runtime.block_on(async { opened(forge, &issue("one")).await.existing.reference.number })
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(numbers, [1, 1, 1]);
    assert!(only(&forges[0]).await.state.is_open());
}

#[tokio::test]
async fn damaged_proposal_file_is_an_error() {
    let cases = [
        ("state: open", "state: perhaps", "1.md on branch drift/proposals"),
        ("---\n", "", "it does not begin with YAML"),
        ("incident: one", "incident: 'a --> b'", "its incident or fingerprint is damaged"),
    ];
    for (from, to, wanted) in cases {
        let repo = with_branch("one");
        let forge = forge(&repo);
        opened(&forge, &issue("one")).await;
        edit(&repo, from, to);
        let error = forge.list(&std::collections::BTreeSet::new()).await.expect_err(to);
        assert!(
            matches!(error, ForgeError::Repository(_)) && with_hint(&error, error.hint()).contains(wanted),
            "{error}"
        );
    }
}

#[test]
fn local_forge_is_default_without_remote() {
    let settings = drift::forge::ForgeSettings::default();
    assert_eq!(settings.kind().expect("no remote"), ForgeKind::Local);
}
