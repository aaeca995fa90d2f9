//! Proposals on a real Gitea.

use std::collections::BTreeSet;
use std::time::Duration;

use drift::config::ForgeKind;
use drift::forge::{
    self, Closer, ExistingProposal, Forge, ForgeError, ForgeSettings, Preflight, Proposal, ProposalKind,
    ProposalState,
};
use drift::git::{RemoteAddress, Token};
use drift::text::with_hint;
use futures::future::join_all;
use serde_json::{Value, json};

use super::{FINGERPRINT, all, issue, opened, pull};
use crate::support::gitea::{Gitea, Repository, SCOPES, User};
use crate::support::repo::Repo;
use crate::support::servers::eventually;

/// A repository of somebody's that a bot with the least scopes may write to.
struct Place {
    gitea: &'static Gitea,
    owner: User,
    bot: User,
    remote: Repository,
    repo: Repo,
}

impl Place {
    fn new() -> Self {
        let gitea = Gitea::shared();
        let (owner, bot) = (gitea.user("owner"), gitea.user("bot"));
        let repo = Repo::with(&[("web.yaml", "replicas: 2\n")]);
        let remote = gitea.repository_with(&owner, &repo);
        gitea.add_collaborator(&remote, &bot, "write");
        Self { gitea, owner, bot, remote, repo }
    }

    fn settings(&self, token: &str) -> ForgeSettings {
        ForgeSettings {
            kind: Some(ForgeKind::Gitea),
            remote: Some(RemoteAddress::new("origin", &self.remote.clone_url)),
            login: Some(self.bot.name.clone()),
            token: Token::new(token),
            deadline: Duration::from_secs(30),
            ..ForgeSettings::default()
        }
    }

    fn forge(&self) -> Box<dyn Forge> {
        forge::connect(&self.settings(&self.bot.token)).expect("settings that name everything")
    }

    /// A call as the owner, path below the repository; must have this status.
    #[track_caller]
    fn owner(&self, status: u16, method: &str, path: &str, body: Option<&Value>) -> Value {
        let path = format!("/repos/{}/{}{path}", self.remote.owner, self.remote.name);
        let (got, answer) = self.gitea.api(&self.owner.token, method, &path, body);
        assert_eq!(got, status, "{method} {path}: {answer}");
        answer
    }

    /// Pushes the branch of a proposal for an incident.
    fn push(&self, incident: &str) {
        let branch = format!("drift/{incident}");
        self.repo.git(&["checkout", "--quiet", "-b", &branch, "main"]);
        self.repo.write(&format!("{incident}.yaml"), "replicas: 5\n");
        self.repo.commit(&format!("Adopt\n\nDrift-Incident: {incident}"));
        self.repo.git(&["checkout", "--quiet", "main"]);
        let pushed = self.repo.push_with_token(&self.remote.clone_url, &self.bot.token, &[&branch]);
        let _ = pushed.expect_status(0);
        // The API learns of a branch from a queue.
        eventually("Gitea knows the branch", Duration::from_secs(20), || {
            let path = format!("/repos/{}/{}/branches/{branch}", self.remote.owner, self.remote.name);
            (self.gitea.api(&self.owner.token, "GET", &path, None).0 == 200).then_some(())
        });
    }

    /// Merges as the owner, in one of the styles of Gitea.
    fn merge(&self, number: u64, style: &str) {
        let path = format!("/repos/{}/{}/pulls/{number}/merge", self.remote.owner, self.remote.name);
        let body = json!({"Do": style});
        // Whether it can be merged is found out in the background.
        eventually("the pull request can be merged", Duration::from_secs(20), || {
            (self.gitea.api(&self.owner.token, "POST", &path, Some(&body)).0 == 200).then_some(())
        });
    }
}

async fn only(forge: &dyn Forge) -> ExistingProposal {
    let listed = all(forge).await;
    assert_eq!(listed.len(), 1, "{listed:?}");
    listed.into_iter().next().expect("one")
}

fn closer(existing: &ExistingProposal) -> &Closer {
    match &existing.state {
        ProposalState::Closed { by, at: Some(_) } => by,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn preflight_reports_rights_of_minimal_token() {
    let place = Place::new();
    let wanted = |login: &User, can_push| Preflight {
        login: login.name.clone(),
        can_push: Some(can_push),
        default_branch: "main".to_owned(),
    };
    // Without `read:user` the configured login counts; where the forge tells it, the forge.
    let told = place.forge().preflight().await.expect("a token that works");
    assert_eq!(told, wanted(&place.bot, true));
    let knows = place.gitea.new_token(&place.owner.name, &["write:repository", "write:issue", "read:user"]);
    let told = forge::connect(&place.settings(&knows))
        .expect("complete")
        .preflight()
        .await
        .expect("a token that works");
    assert_eq!(told, wanted(&place.owner, true));
    let nobody = ForgeSettings { login: None, ..place.settings(&place.bot.token) };
    let error =
        forge::connect(&nobody).expect("complete").preflight().await.expect_err("nobody knows who we are");
    assert!(error.is_configuration() && with_hint(&error, error.hint()).contains("forge.login"), "{error}");
}

#[tokio::test]
async fn insufficient_token_error_names_needed_scope() {
    let place = Place::new();
    let short = place.gitea.new_token(&place.bot.name, &["write:repository"]);
    let foreign = place.gitea.user("stranger").token;
    let cases = [
        (short.as_str(), 403, "write:repository and write:issue"),
        (foreign.as_str(), 404, "may the token see it?"),
        ("0123456789012345678901234567890123456789", 401, "the token is not accepted"),
    ];
    for (token, status, wanted) in cases {
        let forge = forge::connect(&place.settings(token)).expect("complete");
        let error = forge.open(&issue("scope")).await.expect_err(wanted);
        assert!(matches!(error, ForgeError::Refused { status: got, .. } if got == status), "{error}");
        let text = with_hint(&error, error.hint());
        assert!(text.contains(wanted) && !text.contains(token), "{text}");
    }
}

#[tokio::test]
async fn existing_issue_found_and_not_rewritten() {
    let place = Place::new();
    let forge = place.forge();
    let hostile =
        Proposal { body: "`<img>` | **x** \u{202e} é\n\nDrift-Incident: one".to_owned(), ..issue("one") };
    let first = opened(&*forge, &hostile).await;
    assert!(first.created && first.notes.is_empty(), "{first:?}");
    let found = only(&*forge).await;
    assert_eq!(
        (found.reference.number, found.reference.kind, &found.state),
        (first.existing.reference.number, ProposalKind::Issue, &ProposalState::Open)
    );
    assert_eq!(
        found.body,
        format!("<!-- drift:v1 incident=one fingerprint={FINGERPRINT} -->\n{}", hostile.body)
    );
    let pages = format!("{}/{}/{}", place.gitea.url(), place.remote.owner, place.remote.name);
    assert_eq!(found.url, format!("{pages}/issues/{}", found.reference.number));
    let path = format!("/issues/{}", found.reference.number);
    let before = place.owner(200, "GET", &path, None);
    assert_eq!(before["labels"][0]["name"], "drift");
    assert!(!forge.update(&found, &hostile).await.expect("nothing to write"));
    assert_eq!(place.owner(200, "GET", &path, None)["updated_at"], before["updated_at"]);
    let changed =
        Proposal { fingerprint: "fedcba9876543210".to_owned(), title: "drift: now".to_owned(), ..hostile };
    assert!(forge.update(&found, &changed).await.expect("it can be written"));
    let now = only(&*forge).await;
    assert_eq!((now.marker.fingerprint.as_str(), now.title.as_str()), ("fedcba9876543210", "drift: now"));
    // A second proposal uses the label that is there: Gitea would allow two of one name.
    opened(&*forge, &issue("two")).await;
    assert_eq!(place.owner(200, "GET", "/labels", None).as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn stale_write_refused_own_lost_write_accepted() {
    let place = Place::new();
    let forge = place.forge();
    opened(&*forge, &issue("one")).await;
    let listed = only(&*forge).await;
    let changed = |text: &str| Proposal { body: text.to_owned(), ..issue("one") };
    assert!(forge.update(&listed, &changed("first")).await.expect("it can be written"));
    // As after an answer that got lost: the same write with the old version.
    assert!(forge.update(&listed, &changed("first")).await.expect("it is written"));
    let error = forge.update(&listed, &changed("second")).await.expect_err("somebody wrote meanwhile");
    assert!(matches!(error, ForgeError::Refused { status: 409, .. }), "{error}");
    assert!(forge.update(&only(&*forge).await, &changed("second")).await.expect("it can be written"));
}

#[tokio::test]
async fn a_merge_is_told_in_every_style() {
    let place = Place::new();
    let forge = place.forge();
    for style in ["merge", "squash", "rebase"] {
        place.push(style);
        let first = opened(&*forge, &pull(style)).await;
        assert_eq!(first.existing.branch, Some(format!("drift/{style}")));
        place.merge(first.existing.reference.number, style);
        let listed = all(&*forge).await;
        let found = listed.iter().find(|one| one.marker.incident == style).expect("it is listed");
        let ProposalState::Merged { commit: Some(commit), by, at: Some(_) } = &found.state else {
            panic!("{style}: {found:?}")
        };
        assert_eq!(by.as_deref(), Some(place.owner.name.as_str()), "{style}");
        let main = place.owner(200, "GET", "/branches/main", None);
        assert_eq!(main["commit"]["id"].as_str(), Some(commit.as_str()), "{style}");
    }
}

#[tokio::test]
async fn existing_pull_request_reused_and_marked_again() {
    let place = Place::new();
    let forge = place.forge();
    let error = forge.open(&pull("early")).await.expect_err("the branch is not pushed");
    assert!(with_hint(&error, error.hint()).contains("is the branch pushed"), "{error}");
    place.push("one");
    let first = opened(&*forge, &pull("one")).await.existing;
    let again = opened(&*forge, &pull("one")).await;
    assert_eq!((again.created, again.existing.reference.number), (false, first.reference.number));
    let path = format!("/pulls/{}", first.reference.number);
    place.owner(201, "PATCH", &path, Some(&json!({"body": "Somebody wrote over it."})));
    assert_eq!(all(&*forge).await, []);
    let again = opened(&*forge, &pull("one")).await;
    assert_eq!((again.created, again.existing.reference.number), (false, first.reference.number));
    assert_eq!(only(&*forge).await.marker.incident, "one");
}

#[tokio::test]
async fn who_closed_a_proposal_is_told() {
    let place = Place::new();
    let forge = place.forge();
    let by_alice = opened(&*forge, &issue("by-owner")).await.existing;
    let by_us = opened(&*forge, &issue("by-us")).await.existing;
    place.push("branch-removed");
    opened(&*forge, &pull("branch-removed")).await;
    // More than a page of the timeline before the closing.
    let path = format!("/issues/{}", by_alice.reference.number);
    for number in 0..55 {
        place.owner(
            201,
            "POST",
            &format!("{path}/comments"),
            Some(&json!({"body": format!("Comment {number}")})),
        );
    }
    place.owner(201, "PATCH", &path, Some(&json!({"state": "closed"})));
    place.owner(204, "DELETE", "/branches/drift%2Fbranch-removed", None);
    for _ in 0..2 {
        forge.close(&by_us, "Ended with commit `abc`.", true).await.expect("it can be closed");
    }
    let comments = place.owner(200, "GET", &format!("/issues/{}/comments", by_us.reference.number), None);
    assert_eq!(comments.as_array().map(Vec::len), Some(1), "{comments}");
    let mut listed = all(&*forge).await;
    for _ in 0..50 {
        if listed.iter().all(|one| !one.state.is_open()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        listed = all(&*forge).await;
    }
    let closers: Vec<&Closer> = listed.iter().map(closer).collect();
    let owner = Closer::Person(place.owner.name.clone());
    assert_eq!(closers, [&owner, &Closer::Us, &owner]);
    assert_eq!(listed[2].branch, None, "it is gone");
}

#[tokio::test]
async fn all_pages_read_and_foreign_marks_ignored() {
    let place = Place::new();
    let forge = place.forge();
    let path = format!("/repos/{}/{}/issues", place.remote.owner, place.remote.name);
    let body = |incident: &str| json!({"title": incident, "body": format!("<!-- drift:v1 incident={incident} fingerprint={FINGERPRINT} -->\n")});
    for number in 0..55 {
        let made = body(&format!("page-{number}"));
        assert_eq!(place.gitea.api(&place.bot.token, "POST", &path, Some(&made)).0, 201);
    }
    place.owner(201, "POST", "/issues", Some(&body("forged")));
    place.push("pull");
    opened(&*forge, &pull("pull")).await;
    let listed = all(&*forge).await;
    let incidents: BTreeSet<&str> = listed.iter().map(|one| one.marker.incident.as_str()).collect();
    assert_eq!((listed.len(), incidents.len()), (56, 56));
    assert!(!incidents.contains("forged") && incidents.contains("pull"));
}

#[tokio::test]
async fn several_at_once_leave_one_open() {
    let place = Place::new();
    place.push("pulls");
    for proposal in [issue("issues"), pull("pulls")] {
        let forges: Vec<Box<dyn Forge>> = (0..4).map(|_| place.forge()).collect();
        let opened = join_all(forges.iter().map(|forge| forge.open(&proposal))).await;
        for each in opened {
            each.expect("each finds one that is open");
        }
        let listed = all(&*forges[0]).await;
        let ours: Vec<&ExistingProposal> =
            listed.iter().filter(|one| one.marker.incident == proposal.incident).collect();
        let open: Vec<u64> =
            ours.iter().filter(|one| one.state.is_open()).map(|one| one.reference.number).collect();
        let lowest = ours.iter().map(|one| one.reference.number).min().expect("one was opened");
        assert_eq!(open, [lowest], "{listed:?}");
        for duplicate in ours.iter().filter(|one| one.reference.number != lowest) {
            assert_eq!(closer(duplicate), &Closer::Us);
        }
    }
}

#[tokio::test]
async fn a_renamed_or_archived_repository_is_said() {
    let place = Place::new();
    let forge = place.forge();
    let new = format!("{}-renamed", place.remote.name);
    place.owner(200, "PATCH", "", Some(&json!({"name": new})));
    let error = forge.open(&issue("moved")).await.expect_err("it points elsewhere");
    assert!(matches!(error, ForgeError::Refused { status: 301 | 307 | 308, .. }), "{error}");
    assert!(with_hint(&error, error.hint()).contains("renamed"), "{error}");
    let place = Place::new();
    place.owner(200, "PATCH", "", Some(&json!({"archived": true})));
    let error = place.forge().preflight().await.expect_err("nothing can be proposed");
    assert!(error.is_configuration() && with_hint(&error, error.hint()).contains("archived"), "{error}");
    let error = place.forge().open(&issue("archived")).await.expect_err("nothing can be proposed");
    assert!(
        with_hint(&error, error.hint()).contains("423")
            && with_hint(&error, error.hint()).contains("archived"),
        "{error}"
    );
    assert_eq!(SCOPES, ["write:repository", "write:issue"], "the hint names these");
}
