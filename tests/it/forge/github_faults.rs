//! GitHub: what goes wrong on the way, and that it leaves one proposal.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use drift::config::ForgeKind;
use drift::forge::{Forge, ForgeError, Kind, Settings};
use drift::git::Token;

use super::github::{connect, connect_as};
use super::github_fake::{BOT, Fake, Fault, How, REPOSITORY};
use super::{all, issue, opened, pull};

const LIMIT: &str = r#"{"message":"You have exceeded a secondary rate limit."}"#;

fn limited(status: u16, wait: &str) -> How {
    How::Instead(status, vec![("retry-after", wait.to_owned())], LIMIT.to_owned())
}

#[tokio::test]
async fn a_proposal_whose_answer_is_lost_is_looked_for_and_made_once() {
    let not_done = |status| How::Instead(status, Vec::new(), "<html></html>".to_owned());
    // What happens, how often the proposal is then sent, and whether it stands after the first time.
    let cases = [
        ("done, then 502", How::DoneThen(502), 1),
        ("done, then cut", How::DoneThenCut, 1),
        ("done, then a page", How::DoneThenHtml, 1),
        ("not done, 502", not_done(502), 2),
        ("not done, 200 with a page", not_done(200), 2),
        ("not done, told to wait by 403", limited(403, "1"), 2),
        ("not done, told to wait by 429", limited(429, "1"), 2),
    ];
    for kind in [Kind::Issue, Kind::PullRequest] {
        for (name, how, posts) in cases.clone() {
            let fake = Fake::start().await;
            fake.state().branches.insert("drift/lost".to_owned());
            let (proposal, end) =
                if kind == Kind::Issue { (issue("lost"), "/issues") } else { (pull("lost"), "/pulls") };
            fake.fail(Fault::new("POST", end, how));
            let forge = connect(&fake);
            let first = opened(&forge, &proposal).await;
            assert_eq!((first.created, first.existing.number), (true, 1), "{kind:?} {name}");
            assert_eq!(fake.count("POST", end), posts, "{kind:?} {name}");
            assert_eq!(fake.state().things.len(), 1, "{kind:?} {name}");
            assert_eq!(fake.state().thing(1).labels, ["drift"], "{kind:?} {name}");
            assert_eq!(all(&forge).await.len(), 1, "{kind:?} {name}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_never_comes_ends_with_the_deadline_and_the_proposal_is_found() {
    let fake = Fake::start().await;
    fake.fail(Fault::new("POST", "/issues", How::DoneThenSilence));
    let forge = connect_as(&fake, BOT, Duration::from_secs(1));
    let first = opened(&forge, &issue("silent")).await;
    assert_eq!((first.created, fake.state().things.len()), (true, 1));
}

#[tokio::test]
async fn a_comment_whose_answer_is_lost_is_written_once() {
    for how in [How::DoneThen(502), How::DoneThenCut, How::Instead(502, Vec::new(), String::new())] {
        let fake = Fake::start().await;
        let forge = connect(&fake);
        let existing = opened(&forge, &issue("ended")).await.existing;
        fake.fail(Fault::new("POST", "/comments", how.clone()));
        forge.close(&existing, "Ended.", true).await.expect("it can be closed");
        assert_eq!(fake.state().thing(1).comments.len(), 1, "{how:?}");
        assert!(!fake.state().thing(1).is_open(), "{how:?}");
    }
}

#[tokio::test]
async fn reading_is_tried_again_and_a_cut_list_is_never_a_short_one() {
    let page = "<html>login</html>".to_owned();
    let again = [
        How::DoneThen(502),
        How::DoneThenCut,
        limited(429, "0"),
        How::Instead(503, Vec::new(), page.clone()),
    ];
    for how in again {
        let fake = Fake::start().await;
        let forge = connect(&fake);
        opened(&forge, &issue("read")).await;
        fake.fail(Fault::new("GET", "/issues", how.clone()));
        assert_eq!(all(&forge).await.len(), 1, "{how:?}");
    }
    let long = format!("[\"{}\"]", "x".repeat(11 * 1024 * 1024));
    let never = [
        ("HTML in place of JSON", How::Instead(200, Vec::new(), page)),
        ("ends too early", How::Instead(200, Vec::new(), "[{\"number\": 1".to_owned())),
        ("longer than 10 MiB", How::Instead(200, Vec::new(), long)),
        ("missing field `state`", How::Instead(200, Vec::new(), "[{\"number\": 1}]".to_owned())),
    ];
    for (why, how) in never {
        let fake = Fake::start().await;
        fake.fail(Fault::new("GET", "/issues", how));
        let error = connect(&fake).list(&BTreeSet::new()).await.expect_err(why);
        assert!(matches!(error, ForgeError::Unreadable { .. }), "{error}");
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[tokio::test]
async fn a_wait_beyond_the_deadline_is_said_and_not_slept() {
    let reset = vec![
        ("x-ratelimit-remaining", "0".to_owned()),
        ("x-ratelimit-reset", "1700003600".to_owned()),
        ("date", "Tue, 14 Nov 2023 22:13:20 GMT".to_owned()),
    ];
    for how in [limited(403, "3600"), How::Instead(403, reset, LIMIT.to_owned())] {
        let fake = Fake::start().await;
        fake.fail(Fault::new("POST", "/issues", how));
        let start = Instant::now();
        let error = connect(&fake).open(&issue("patient")).await.expect_err("an hour is too long");
        assert!(matches!(error, ForgeError::Limited { wait, .. } if wait.as_secs() == 3600), "{error}");
        assert!(error.is_retryable() && start.elapsed() < Duration::from_secs(5), "{error}");
        assert_eq!(fake.count("POST", "/issues"), 1);
    }
}

#[tokio::test]
async fn a_refused_connection_fails_within_its_time() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    drop(listener);
    let settings = Settings {
        kind: Some(ForgeKind::GitHub),
        api: Some(address),
        repository: Some(REPOSITORY.to_owned()),
        token: Token::new("secret-token"),
        trusted_hosts: vec!["127.0.0.1".to_owned()],
        deadline: Duration::from_secs(2),
        ..Settings::default()
    };
    let forge = Forge::connect(&settings).expect("settings that name everything");
    let start = Instant::now();
    let error = forge.preflight().await.expect_err("nobody listens");
    assert!(matches!(error, ForgeError::Unreachable { .. }) && error.is_retryable(), "{error}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
