//! GitHub: what goes wrong on the way, and that it leaves one proposal.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use drift::config::ForgeKind;
use drift::forge::{self, ForgeError, ForgeSettings, ProposalKind};
use drift::git::Token;
use drift::text::with_hint;

use super::github::{connect, connect_as};
use super::github_fake::{BOT, Fake, Fault, How, REPOSITORY};
use super::{all, issue, opened, pull};

const LIMIT: &str = r#"{"message":"You have exceeded a secondary rate limit."}"#;

fn limited(status: u16, wait: &str) -> How {
    How::Instead(status, vec![("retry-after", wait.to_owned())], LIMIT.to_owned())
}

#[tokio::test]
async fn proposal_with_lost_answer_made_once() {
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
    for kind in [ProposalKind::Issue, ProposalKind::PullRequest] {
        for (name, how, posts) in cases.clone() {
            let fake = Fake::start().await;
            fake.state().branches.insert("drift/lost".to_owned());
            let (proposal, end) = if kind == ProposalKind::Issue {
                (issue("lost"), "/issues")
            } else {
                (pull("lost"), "/pulls")
            };
            fake.fail(Fault::new("POST", end, how));
            let forge = connect(&fake);
            let first = opened(&*forge, &proposal).await;
            assert_eq!((first.created, first.existing.reference.number), (true, 1), "{kind:?} {name}");
            assert_eq!(fake.count("POST", end), posts, "{kind:?} {name}");
            assert_eq!(fake.state().things.len(), 1, "{kind:?} {name}");
            assert_eq!(fake.state().thing(1).labels, ["drift"], "{kind:?} {name}");
            assert_eq!(all(&*forge).await.len(), 1, "{kind:?} {name}");
        }
    }
}

#[tokio::test]
async fn proposal_found_after_silence_until_deadline() {
    let fake = Fake::start().await;
    fake.fail(Fault::new("POST", "/issues", How::DoneThenSilence));
    let forge = connect_as(&fake, BOT, Duration::from_secs(1));
    let first = opened(&*forge, &issue("silent")).await;
    assert_eq!((first.created, fake.state().things.len()), (true, 1));
}

#[tokio::test]
async fn comment_with_lost_answer_written_once() {
    for how in [How::DoneThen(502), How::DoneThenCut, How::Instead(502, Vec::new(), String::new())] {
        let fake = Fake::start().await;
        let forge = connect(&fake);
        let existing = opened(&*forge, &issue("ended")).await.existing;
        fake.fail(Fault::new("POST", "/comments", how.clone()));
        forge.close(&existing, "Ended.", true).await.expect("it can be closed");
        assert_eq!(fake.state().thing(1).comments.len(), 1, "{how:?}");
        assert!(!fake.state().thing(1).is_open(), "{how:?}");
    }
}

#[tokio::test]
async fn reads_retried_and_cut_list_fails() {
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
        opened(&*forge, &issue("read")).await;
        fake.fail(Fault::new("GET", "/issues", how.clone()));
        assert_eq!(all(&*forge).await.len(), 1, "{how:?}");
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
        assert!(with_hint(&error, error.hint()).contains(why), "{error}");
    }
}

#[tokio::test]
async fn wait_beyond_deadline_is_immediate_error() {
    let reset = |second: &str| {
        let headers = vec![
            ("x-ratelimit-remaining", "0".to_owned()),
            ("x-ratelimit-reset", second.to_owned()),
            ("date", "Tue, 14 Nov 2023 22:13:20 GMT".to_owned()),
        ];
        How::Instead(403, headers, LIMIT.to_owned())
    };
    let cases = [
        (limited(403, "3600"), 3600),
        (reset("1700003600"), 3600),
        // GitHub documents a minute where a secondary limit names no time.
        (How::Instead(403, Vec::new(), LIMIT.to_owned()), 60),
        (reset("9223372036854775807"), 9_223_372_035_154_775_807),
    ];
    for (how, seconds) in cases {
        let fake = Fake::start().await;
        fake.fail(Fault::new("POST", "/issues", how));
        let start = Instant::now();
        let error = connect(&fake).open(&issue("patient")).await.expect_err("an hour is too long");
        assert!(matches!(error, ForgeError::Limited { wait, .. } if wait.as_secs() == seconds), "{error}");
        assert!(error.is_retryable() && start.elapsed() < Duration::from_secs(5), "{error}");
        assert_eq!(fake.count("POST", "/issues"), 1);
    }
}

#[tokio::test]
async fn a_refused_connection_fails_within_its_time() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    drop(listener);
    let settings = ForgeSettings {
        kind: Some(ForgeKind::GitHub),
        api: Some(address),
        repository: Some(REPOSITORY.to_owned()),
        token: Token::new("secret-token"),
        trusted_hosts: vec!["127.0.0.1".to_owned()],
        deadline: Duration::from_secs(2),
        ..ForgeSettings::default()
    };
    let forge = forge::connect(&settings).expect("settings that name everything");
    let start = Instant::now();
    let error = forge.preflight().await.expect_err("nobody listens");
    assert!(matches!(error, ForgeError::Unreachable { .. }) && error.is_retryable(), "{error}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

/// "At once" would be a thousand requests a second.
#[tokio::test]
async fn rate_limit_without_wait_backs_off() {
    for status in [403, 429] {
        let fake = Fake::start().await;
        for _ in 0..100 {
            fake.fail(Fault::new("GET", "/issues", limited(status, "0")));
        }
        let forge = connect_as(&fake, BOT, Duration::from_secs(3));
        let error = forge.list(&BTreeSet::new()).await.expect_err("it never answers");
        assert!(matches!(error, ForgeError::Limited { .. }) && error.is_retryable(), "{error}");
        assert!(fake.count("GET", "/issues") <= 4, "{} requests", fake.count("GET", "/issues"));
    }
}

/// Whoever may open issues decides how many there are: ours are found behind any number of closed ones, and a list of open
/// ones without an end is an error, not a reason to propose everything again.
#[tokio::test]
async fn endless_list_fails_and_hides_nothing_open() {
    let fake = Fake::start().await;
    fake.state().most_rows = 1;
    fake.state().ignores_creator = true;
    let forge = connect(&fake);
    opened(&*forge, &issue("ours")).await;
    let others: Vec<u64> = (0..120).map(|_| fake.state().add_issue("alice", "not ours", "")).collect();
    for number in &others {
        fake.state().thing(*number).closed_by = Some("alice".to_owned());
    }
    let incidents: Vec<String> = all(&*forge).await.into_iter().map(|one| one.marker.incident).collect();
    assert_eq!(incidents, ["ours"]);
    for number in others {
        fake.state().thing(number).closed_by = None;
    }
    let error = forge.list(&BTreeSet::new()).await.expect_err("more than is read");
    assert!(with_hint(&error, error.hint()).contains("has not ended after 100 pages"), "{error}");
}

#[tokio::test]
async fn forge_answer_shown_on_one_escaped_line() {
    let fake = Fake::start().await;
    let message = format!("no\\u001b[2J\\u202e and\\n::error::{}", "long ".repeat(500));
    let body = format!("{{\"message\":\"{message}\"}}");
    fake.fail(Fault::new("POST", "/issues", How::Instead(422, Vec::new(), body)));
    let error = connect(&fake).open(&issue("told")).await.expect_err("it is refused");
    let error = with_hint(&error, error.hint());
    assert!(!error.contains(['\u{1b}', '\u{202e}', '\n']), "{error:?}");
    assert!(error.len() < 1200, "{} bytes", error.len());
}
