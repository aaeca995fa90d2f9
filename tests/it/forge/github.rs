//! GitHub: what is written, found again, updated and closed.

use std::collections::BTreeSet;
use std::time::Duration;

use drift::config::ForgeKind;
use drift::forge::{
    self, Closer, Forge, ForgeError, ForgeSettings, Preflight, ProposalKind, ProposalRef, ProposalState,
};
use drift::git::Token;
use drift::text::with_hint;

use super::github_fake::{BOT, Fake, Fault, How, REPOSITORY};
use super::{FINGERPRINT, all, issue, opened, pull};

/// The forge as drift sees it, with somebody's token.
pub(super) fn connect_as(fake: &Fake, login: &str, deadline: Duration) -> Box<dyn Forge> {
    let settings = ForgeSettings {
        kind: Some(ForgeKind::GitHub),
        api: Some(fake.address.clone()),
        repository: Some(REPOSITORY.to_owned()),
        token: Token::new(&format!("token-of-{login}")),
        trusted_hosts: vec!["127.0.0.1".to_owned()],
        deadline,
        ..ForgeSettings::default()
    };
    forge::connect(&settings).expect("settings that name everything")
}

pub(super) fn connect(fake: &Fake) -> Box<dyn Forge> {
    connect_as(fake, BOT, Duration::from_secs(20))
}

#[tokio::test]
async fn preflight_reports_login_and_rights() {
    let fake = Fake::start().await;
    let told = connect(&fake).preflight().await.expect("a token that works");
    let wanted = Preflight { login: BOT.to_owned(), can_push: Some(true), default_branch: "main".to_owned() };
    assert_eq!(told, wanted);
    let reader = connect_as(&fake, "alice", Duration::from_secs(20));
    assert_eq!(reader.preflight().await.expect("a token that works").can_push, Some(false));
    fake.state().has_issues = false;
    let error = connect(&fake).preflight().await.expect_err("no issues");
    assert!(
        error.is_configuration() && with_hint(&error, error.hint()).contains("switch them on"),
        "{error}"
    );
}

#[tokio::test]
async fn refused_token_is_told_and_never_shown() {
    let fake = Fake::start().await;
    let stranger = connect_as(&fake, "nobody", Duration::from_secs(20));
    let error = stranger.preflight().await.expect_err("an unknown token");
    let text = format!("{error} {error:?}");
    assert!(text.contains("401") && text.contains("Bad credentials"), "{text}");
    assert!(text.contains("the token is not accepted") && !text.contains("token-of"), "{text}");
    let forbidden = How::Instead(403, Vec::new(), r#"{"message":"Resource not accessible"}"#.to_owned());
    fake.fail(Fault::new("POST", "/issues", forbidden));
    let error = connect(&fake).open(&issue("scope")).await.expect_err("a token that may too little");
    assert!(with_hint(&error, error.hint()).contains("Issues and Pull requests: read and write"), "{error}");
}

#[tokio::test]
async fn token_without_user_access_needs_login() {
    let fake = Fake::start().await;
    fake.state().anonymous.insert(BOT.to_owned());
    let error = connect(&fake).list(&BTreeSet::new()).await.expect_err("nobody knows who we are");
    assert!(error.is_configuration() && with_hint(&error, error.hint()).contains("forge.login"), "{error}");
    let settings = ForgeSettings {
        kind: Some(ForgeKind::GitHub),
        api: Some(fake.address.clone()),
        repository: Some(REPOSITORY.to_owned()),
        login: Some(BOT.to_owned()),
        token: Token::new(&format!("token-of-{BOT}")),
        trusted_hosts: vec!["127.0.0.1".to_owned()],
        ..ForgeSettings::default()
    };
    let forge = forge::connect(&settings).expect("settings that name everything");
    assert!(opened(&*forge, &issue("workflow")).await.created);
    assert_eq!(all(&*forge).await.len(), 1);
}

#[tokio::test]
async fn existing_issue_found_and_not_rewritten() {
    let fake = Fake::start().await;
    let forge = connect(&fake);
    let first = opened(&*forge, &issue("one")).await;
    assert!(first.created && first.notes.is_empty(), "{first:?}");
    let listed = all(&*forge).await;
    assert_eq!(listed, std::slice::from_ref(&first.existing));
    let found = &listed[0];
    assert_eq!(
        (found.reference.number, found.reference.kind, &found.state),
        (1, ProposalKind::Issue, &ProposalState::Open)
    );
    assert_eq!((found.marker.incident.as_str(), found.marker.fingerprint.as_str()), ("one", FINGERPRINT));
    assert_eq!(found.url, format!("{}/{REPOSITORY}/issues/1", fake.address));
    {
        let mut state = fake.state();
        let line = format!("<!-- drift:v1 incident=one fingerprint={FINGERPRINT} -->\n");
        assert!(state.thing(1).body.starts_with(&line), "{}", state.thing(1).body);
        assert_eq!(state.thing(1).labels, ["drift"]);
        assert_eq!(state.labels, ["bug", "drift"]);
    }
    let writes = fake.writes();
    assert!(!forge.update(found, &issue("one")).await.expect("nothing to write"));
    assert_eq!(fake.writes(), writes, "nothing differs");
    let changed = drift::forge::Proposal { fingerprint: "fedcba9876543210".to_owned(), ..issue("one") };
    assert!(forge.update(found, &changed).await.expect("it can be written"));
    assert_eq!(fake.writes(), writes + 1);
    assert_eq!(all(&*forge).await[0].marker.fingerprint, "fedcba9876543210");
}

#[tokio::test]
async fn pull_request_has_branch_and_merge_commit() {
    let fake = Fake::start().await;
    let forge = connect(&fake);
    let error = forge.open(&pull("early")).await.expect_err("the branch is not pushed");
    assert!(with_hint(&error, error.hint()).contains("422") && !error.is_retryable(), "{error}");
    fake.state().branches.insert("drift/two".to_owned());
    let first = opened(&*forge, &pull("two")).await;
    assert_eq!(first.existing.branch.as_deref(), Some("drift/two"));
    let head = Some("a".repeat(40));
    assert_eq!(all(&*forge).await[0].head, head);
    fake.state().thing(first.existing.reference.number).merged = Some(("c".repeat(40), "alice".to_owned()));
    let state = all(&*forge).await.remove(0).state;
    let ProposalState::Merged { commit, by, at } = state else { panic!("{state:?}") };
    assert_eq!((commit, by.as_deref(), at.is_some()), (Some("c".repeat(40)), Some("alice"), true));
    let gets = fake.count("GET", "/pulls/1");
    let settled = BTreeSet::from(["two".to_owned()]);
    let known = forge.list(&settled).await.expect("the list can be read");
    assert!(matches!(known[0].state, ProposalState::Merged { .. }), "{known:?}");
    assert_eq!(fake.count("GET", "/pulls/1"), gets, "how it ended is known, nobody needs to ask");
}

#[tokio::test]
async fn all_pages_read_and_foreign_marks_ignored() {
    let fake = Fake::start().await;
    fake.state().most_rows = 2;
    // It is not the filter that keeps others out.
    fake.state().ignores_creator = true;
    let forge = connect(&fake);
    let forged = format!("<!-- drift:v1 incident=forged fingerprint={FINGERPRINT} -->\nbody");
    let quoted = format!("Look:\n<!-- drift:v1 incident=quoted fingerprint={FINGERPRINT} -->");
    fake.state().add_issue("alice", "mine", &forged);
    fake.state().add_issue(BOT, "not a proposal", &quoted);
    for number in 0..7 {
        opened(&*forge, &issue(&format!("page-{number}"))).await;
        fake.state().add_issue("alice", "between", "");
    }
    let incidents: Vec<String> = all(&*forge).await.into_iter().map(|one| one.marker.incident).collect();
    let wanted: Vec<String> = (0..7).map(|number| format!("page-{number}")).collect();
    assert_eq!(incidents, wanted);
}

#[tokio::test]
async fn who_closed_a_proposal_is_told() {
    let fake = Fake::start().await;
    let forge = connect(&fake);
    for incident in ["by-us", "by-alice", "by-the-bot-elsewhere"] {
        opened(&*forge, &issue(incident)).await;
    }
    let listed = all(&*forge).await;
    forge.close(&listed[0], "Ended with commit abc.", true).await.expect("it can be closed");
    fake.state().thing(2).closed_by = Some("alice".to_owned());
    fake.state().thing(3).closed_by = Some(BOT.to_owned());
    let closers: Vec<Closer> = all(&*forge)
        .await
        .into_iter()
        .map(|one| match one.state {
            ProposalState::Closed { by, .. } => by,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(closers, [Closer::Us, Closer::Person("alice".to_owned()), Closer::Us]);
    assert_eq!(fake.state().thing(1).state_reason.as_deref(), Some("completed"));
    // Ours is told by the list alone.
    assert_eq!((fake.count("GET", "/issues/1"), fake.count("GET", "/issues/2")), (1, 1));
}

#[tokio::test]
async fn closing_twice_comments_once_and_closes_once() {
    let fake = Fake::start().await;
    let forge = connect(&fake);
    let existing = opened(&*forge, &issue("ended")).await.existing;
    // Killed between the comment and the closing.
    let refused = How::Instead(403, Vec::new(), r#"{"message":"no"}"#.to_owned());
    fake.fail(Fault::new("PATCH", "/issues/1", refused));
    let reason = "Live equals Git again.";
    forge.close(&existing, reason, false).await.expect_err("the closing is refused");
    assert!(fake.state().thing(1).is_open());
    forge.close(&existing, reason, false).await.expect("it can be closed");
    let writes = fake.writes();
    forge.close(&existing, reason, false).await.expect("it is closed");
    assert_eq!(fake.writes(), writes, "it is closed already");
    let mut state = fake.state();
    let thing = state.thing(1);
    assert_eq!(thing.comments.len(), 1, "{:?}", thing.comments);
    assert!(thing.comments[0].1.ends_with("-->\nLive equals Git again."), "{:?}", thing.comments);
    assert!(!thing.is_open() && thing.state_reason.as_deref() == Some("not_planned"));
    assert!(thing.body.contains("Somebody changed"), "{}", thing.body);
}

#[tokio::test]
async fn two_at_once_leave_one_open() {
    let fake = Fake::start().await;
    let (one, other) = (connect(&fake), connect(&fake));
    let proposal = issue("twice");
    let both = futures::future::join(one.open(&proposal), other.open(&proposal)).await;
    let (first, second) = (both.0.expect("opened"), both.1.expect("opened"));
    assert_eq!(first.existing.reference.number, second.existing.reference.number);
    let state = fake.state();
    assert_eq!(state.open().len(), 1, "{:?}", state.things);
    assert_eq!(state.open()[0].number, 1);
    for closed in state.things.iter().filter(|thing| !thing.is_open()) {
        assert!(closed.comments[0].1.contains("#1 is for this incident too"), "{closed:?}");
    }
}

#[tokio::test]
async fn refused_labels_do_not_lose_proposal() {
    let fake = Fake::start().await;
    let forge = connect(&fake);
    let refused = How::Instead(403, Vec::new(), r#"{"message":"no \u001b[31mcolour"}"#.to_owned());
    fake.fail(Fault::new("POST", "/labels", refused));
    let first = opened(&*forge, &issue("bare")).await;
    assert!(first.created && first.notes.len() == 1, "{first:?}");
    assert!(first.notes[0].contains("403") && !first.notes[0].contains('\u{1b}'), "{first:?}");
}

#[tokio::test]
async fn lost_mark_is_put_back_by_branch() {
    let fake = Fake::start().await;
    let forge = connect(&fake);
    fake.state().branches.insert("drift/lost".to_owned());
    opened(&*forge, &pull("lost")).await;
    fake.state().thing(1).body = "Somebody wrote over it.".to_owned();
    assert_eq!(all(&*forge).await, []);
    let again = opened(&*forge, &pull("lost")).await;
    assert_eq!((again.created, again.existing.reference.number), (false, 1));
    assert_eq!(all(&*forge).await.len(), 1);
}

#[tokio::test]
async fn renamed_repository_reported_and_not_followed() {
    let fake = Fake::start().await;
    let elsewhere = Fake::start().await;
    let there = format!("{}/api/v3/repositories/1/issues", elsewhere.address);
    for method in ["GET", "POST"] {
        let moved = How::Instead(301, vec![("location", there.clone())], "{}".to_owned());
        fake.fail(Fault::new(method, "/issues", moved));
    }
    let forge = connect(&fake);
    let error = forge.open(&issue("moved")).await.expect_err("it points elsewhere");
    assert!(matches!(error, ForgeError::Refused { status: 301, .. }), "{error}");
    assert!(with_hint(&error, error.hint()).contains("renamed"), "{error}");
    forge.list(&BTreeSet::new()).await.expect_err("it points elsewhere");
    assert_eq!(elsewhere.count("GET", ""), 0);
    assert_eq!(elsewhere.count("POST", ""), 0);
}

#[tokio::test]
async fn duplicates_of_killed_run_closed_by_next() {
    let fake = Fake::start().await;
    let forge = connect(&fake);
    fake.state().branches.insert("drift/one".to_owned());
    let body = format!("<!-- drift:v1 incident=one fingerprint={FINGERPRINT} -->\ntext");
    for _ in 0..3 {
        fake.state().add_issue(BOT, "drift: one", &body);
    }
    fake.state().thing(1).closed_by = Some("alice".to_owned());
    // An issue and a pull request for one incident are not each other's duplicates.
    assert_eq!(opened(&*forge, &pull("one")).await.existing.reference.number, 4);
    assert!(fake.state().thing(4).is_open());
    let listed = all(&*forge).await;
    let open: Vec<u64> =
        listed.iter().filter(|one| one.state.is_open()).map(|one| one.reference.number).collect();
    assert_eq!(open, [2, 4], "opening looked for duplicates too");
    fake.state().thing(3).closed_by = None;
    let listed = all(&*forge).await;
    let third = ProposalRef { number: 3, kind: ProposalKind::Issue };
    assert_eq!(forge.close_duplicates(&listed).await.expect("they can be closed"), [third]);
    assert!(forge.close_duplicates(&all(&*forge).await).await.expect("nothing to close").is_empty());
    assert_eq!(fake.state().thing(3).comments.len(), 1, "the reason is the same, and said once");
}
