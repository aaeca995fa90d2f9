//! What standard error shows of a run: `-v`, `-vv`, `-q`, `DRIFT_LOG`, `--log-format`.

use serde_json::Value;

use crate::input::server::Server;
use crate::input::{LIVE, check, is_orderly, says, shop};
use crate::support::command::{Drift, Output};

/// Each line, as JSON.
#[track_caller]
pub(crate) fn entries(stderr: &str) -> Vec<Value> {
    let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    stderr.lines().map(read).collect()
}

/// `drift check` of the shop with these arguments and `DRIFT_LOG`.
fn shop_with(more: &[&str], log: Option<&str>) -> Output {
    let (repo, server) = (shop(), Server::with(LIVE));
    let drift = check(&repo, &server, more);
    let drift = if let Some(log) = log { drift.env("DRIFT_LOG", log) } else { drift };
    let output = drift.run().expect_status(1);
    is_orderly(&output);
    output
}

/// The first word after the level of each log line.
fn names(stderr: &str, level: &str) -> Vec<String> {
    let prefix = format!("drift: {level}: ");
    let lines = stderr.lines().filter_map(|line| line.strip_prefix(prefix.as_str()));
    lines.map(|line| line.split([':', ' ']).next().unwrap_or_default().to_owned()).collect()
}

const STAGES: [&str; 6] = ["open", "connect", "render", "compare", "history", "verdicts"];

#[test]
fn verbose_logs_stages_with_times_and_counts() {
    let output = shop_with(&["-v"], None);
    let found = names(&output.stderr, "info");
    assert!(STAGES.iter().all(|stage| found.iter().any(|name| name == stage)), "{}", output.stderr);
    says(&output.stderr, &["info: compare: objects=2 differing=1 missing=0 requests=", " elapsed_ms="]);
    assert!(names(&output.stderr, "debug").is_empty(), "{}", output.stderr);
    let findings = |more: &[&str]| shop_with(more, None).json()["findings"].take();
    assert_eq!(findings(&["-o", "json"]), findings(&["-o", "json", "-vv"]));
}

#[test]
fn very_verbose_logs_requests_and_child_programs() {
    let text = shop_with(&["-vv"], None).stderr;
    says(&text, &["debug: request: method=GET path=/version retry=0 status=200 bytes="]);
    says(&text, &["path=\"/api/v1/namespaces/shop/secrets?limit="]);
    let json = entries(&shop_with(&["-vv", "--log-format", "json"], None).stderr);
    let request = json.iter().find(|entry| entry["path"] == "/version").expect("a request");
    assert_eq!((&request["message"], &request["level"]), (&"request".into(), &"debug".into()));
    assert_eq!((&request["method"], &request["status"]), (&"GET".into(), &200.into()));
    for number in ["bytes", "elapsed_ms", "retry"] {
        assert!(request[number].is_u64(), "{number}: {request}");
    }
    assert!(json.iter().any(|entry| entry["message"] == "child program"), "{json:#?}");
    for entry in &json {
        let time = entry["timestamp"].as_str().expect("a time");
        assert!(time.ends_with('Z') && time.contains('T'), "{entry}");
    }
}

#[test]
fn log_variable_filters_modules_and_flags_win() {
    assert_eq!(shop_with(&[], None).stderr.matches("info: ").count(), 0);
    let stages = shop_with(&[], Some("info")).stderr;
    assert!(names(&stages, "info").contains(&"compare".to_owned()), "{stages}");
    let cluster = shop_with(&[], Some("drift::cluster=debug")).stderr;
    assert!(names(&cluster, "info").is_empty(), "{cluster}");
    assert!(names(&cluster, "debug").iter().all(|name| name == "request"), "{cluster}");
    assert!(names(&shop_with(&["-v"], Some("debug")).stderr, "debug").is_empty());
    // No library is asked, whatever the variable says.
    let all = entries(&shop_with(&["--log-format=json"], Some("trace")).stderr);
    let is_ours = |entry: &Value| entry["target"].as_str().is_none_or(|target| target.starts_with("drift::"));
    assert!(!all.is_empty() && all.iter().all(is_ours), "{all:#?}");
    let refused = Drift::new().arg("audit").env("DRIFT_LOG", "hyper=trace").run().expect_status(2);
    says(&refused.stderr, &["drift: error: DRIFT_LOG=", "drift::MODULE=LEVEL"]);
}

#[test]
fn quiet_leaves_only_errors() {
    // A report that is no text for a terminal has its warnings on standard error too.
    let loud = shop_with(&["--skip-secrets", "-o", "json"], Some("info")).stderr;
    assert!(!loud.is_empty());
    assert_eq!(shop_with(&["--skip-secrets", "-o", "json", "-q"], Some("info")).stderr, "");
    let failed = Drift::new().args(["audit", "-q", "--repository", "nowhere"]).run().expect_status(2);
    assert!(failed.stderr.starts_with("drift: error: "), "{}", failed.stderr);
    let _ = Drift::new().args(["audit", "-q", "-v"]).run().expect_status(2);
}

#[test]
fn messages_are_json_where_the_log_is() {
    let failed = Drift::new().args(["audit", "--log-format=json", "--repository", "nowhere"]);
    let said = entries(&failed.run().expect_status(2).stderr);
    assert_eq!(said.len(), 1, "{said:#?}");
    assert_eq!(said[0]["level"], "error");
    assert!(said[0]["message"].as_str().is_some_and(|text| text.contains("nowhere")), "{said:#?}");
}
