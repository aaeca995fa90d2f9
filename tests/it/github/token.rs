//! Where the token goes, and where it does not.

use std::path::Path;

use super::hub::{Hub, Merge, TOKEN};
use crate::forge::github_fake::{Fault, How};
use crate::support::parts::system_program;

#[test]
fn refused_token_reported_and_nothing_written() {
    let mut hub = Hub::new();
    let refs = hub.refs();
    hub.drift = hub.drift.env("DRIFT_TOKEN", "token-of-nobody");
    let said = hub.run(3);
    assert!(
        said.stderr.contains("401") && said.stderr.contains("the token is not accepted"),
        "{}",
        said.stderr
    );
    assert!(!format!("{said:?}").contains("token-of"), "{said:?}");
    assert_eq!((hub.refs(), hub.fake.writes()), (refs, 0));
}

#[test]
fn without_a_token_nothing_is_asked() {
    let mut hub = Hub::new();
    hub.drift = hub.drift.env("DRIFT_TOKEN", "");
    let said = hub.run(2);
    assert!(said.stderr.contains("DRIFT_TOKEN"), "{}", said.stderr);
    assert!(hub.fake.requests().is_empty());
}

#[test]
fn unnamed_host_gets_no_request() {
    // Nothing is named; another host; another port of the same host; a host of which it is the beginning.
    for named in ["", "git.example.com", "127.0.0.1:1", "127.0.0.10"] {
        let mut hub = Hub::new();
        let refs = hub.refs();
        hub.drift = hub.drift.env("DRIFT_FORGE_HOST", named);
        let said = hub.run(2);
        assert!(
            said.stderr.contains("the token is not sent to http://127.0.0.1:"),
            "{named}: {}",
            said.stderr
        );
        assert!(hub.fake.requests().is_empty(), "{named}: {:?}", hub.fake.requests());
        assert_eq!(hub.refs(), refs, "{named}");
    }
}

#[test]
fn a_redirect_takes_the_token_nowhere() {
    let (hub, elsewhere) = (Hub::new(), Hub::new());
    let there = format!("{}/api/v3/user", elsewhere.fake.address);
    hub.fake.fail(Fault::new("GET", "/user", How::Instead(302, vec![("location", there)], String::new())));
    let _ = hub.run(3);
    assert!(elsewhere.fake.requests().is_empty());
}

#[test]
fn token_not_in_output_arguments_or_files() {
    let mut hub = Hub::new();
    let log = hub.drift.home().join("commands");
    let git = system_program("git").display().to_string();
    // A remote that is a folder needs no token: git's environment has none either.
    let script = format!("{{ echo \"$@\"; export -p; }} >>{}\nexec {git} \"$@\"\n", log.display());
    hub.drift = hub.drift.with_script("git", &script);
    let mut said = vec![hub.run(1)];
    hub.fake.fail(Fault::new("GET", "/issues", How::Instead(200, vec![], "<html>".to_owned())));
    said.push(hub.run(3));
    hub.merge(Merge::Commit);
    said.push(hub.run(1));
    for output in &said {
        assert!(!output.stdout.contains(TOKEN) && !output.stderr.contains(TOKEN), "{output:?}");
    }
    let logged = std::fs::read_to_string(&log).expect("git was run");
    assert!(logged.contains("push") && !logged.contains(TOKEN), "{logged}");
    for folder in [hub.work.path(), hub.remote.path(), hub.drift.home()] {
        assert_token_nowhere_below(folder);
    }
    // Git's objects are compressed: every one of them is looked at.
    let objects = hub.remote.git(&["cat-file", "--batch-all-objects", "--batch"]);
    assert!(objects.contains("Drift-Incident: ") && !objects.contains(TOKEN));
    assert!(hub.things().iter().all(|thing| !format!("{thing:?}").contains(TOKEN)));
}

#[track_caller]
fn assert_token_nowhere_below(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let kind = std::fs::symlink_metadata(&path).expect("it is there").file_type();
        if kind.is_dir() {
            assert_token_nowhere_below(&path);
        } else if kind.is_file() {
            let bytes = std::fs::read(&path).expect("it can be read");
            let found = bytes.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes());
            assert!(!found, "{}", path.display());
        }
    }
}
