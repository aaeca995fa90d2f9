//! Arguments and `drift.yaml` that do not fit: exit 2, what and where, nothing read.

use super::server::Server;
use super::{LIVE, check, is_orderly, says, shop};
use crate::support::command::Drift;

#[test]
fn invalid_arguments_refused_with_valid_choices() {
    let repo = shop();
    let server = Server::with(LIVE);
    let cases: [(&[&str], &[&str]); 9] = [
        (&["-o", "xml"], &["xml", "text", "json", "markdown", "github"]),
        (&["--output-file", "report.json"], &["report.json", "FORMAT=PATH"]),
        (&["--output-file", "xml=report"], &["xml"]),
        (&["--output-file", "json="], &["the path is empty"]),
        (&["--timeout", "0"], &["0 is not in 1..=3600"]),
        (&["--timeout", "soon"], &["soon"]),
        (&["--color", "blue"], &["blue", "auto", "always", "never"]),
        (&["--snapshot", "x", "--context", "y"], &["cannot be used with"]),
        (&["--revison", "main"], &["--revison", "--revision"]),
    ];
    for (arguments, expected) in cases {
        let output = check(&repo, &server, arguments).run().expect_status(2);
        is_orderly(&output);
        says(&output.stderr, expected);
        assert_eq!(output.stdout, "", "{arguments:?}");
    }
    let output = Drift::new().run().expect_status(2);
    says(&output.stderr, &["Usage: drift <COMMAND>"]);
    let output = Drift::new().args(["chekc"]).run().expect_status(2);
    says(&output.stderr, &["chekc", "check"]);
    assert_eq!(server.requests(), []);
}

#[test]
fn invalid_configuration_refused_with_place() {
    let server = Server::with(LIVE);
    let cases = [
        ("version: 1\nsource:\n- path: apps\n", "drift.yaml:2:1: ", "did you mean `sources`?"),
        (
            "version: 1\nsources:\n- path: apps\n  namspace: x\n",
            "drift.yaml:4:3: ",
            "did you mean `namespace`?",
        ),
        ("version: 1\nsources: apps\n", "drift.yaml:2:10: ", "sequence"),
        ("version: 1\nsources:\n- path: [apps]\n", "drift.yaml:3:9: ", "string"),
        ("version: one\n", "drift.yaml:1:10: ", "version"),
        ("version: 2\n", "drift.yaml:1:1: ", "not supported; expected `version: 1`"),
        ("sources: []\n", "drift.yaml: ", "version: 1"),
        ("version: 1\nsecrets: skipp\n", "drift.yaml:2:10: ", "did you mean `skip`?"),
        ("version: 1\nforge: {token: abc}\n", "drift.yaml:2:9: ", "token"),
        ("version: 1\nsources:\n- path: ../x\n", "drift.yaml:3:3: ", "must lie inside the repository"),
        ("version: 1\nignore:\n- field: .spec\n", "drift.yaml:3:3: ", "reason"),
        ("version: 1\nversion: 1\n", "drift.yaml:1:1: ", "duplicate field `version`"),
        ("version: [\n", "drift.yaml:", ""),
        ("", "drift.yaml", "version: 1"),
    ];
    for (text, place, why) in cases {
        for at_revision in [false, true] {
            let repo = shop();
            repo.write("drift.yaml", text);
            repo.commit("Configure");
            let more: &[&str] = if at_revision { &["--revision", "main"] } else { &[] };
            let output = check(&repo, &server, more).run().expect_status(2);
            is_orderly(&output);
            says(&output.stderr, &[&format!("drift: error: {place}"), why]);
            assert_eq!(output.stdout, "", "{text:?}");
        }
    }
    assert_eq!(server.requests(), [], "nothing was read");
}
