//! Markdown and annotations, as a forge shows them, and what `--help` says.

use super::golden;
use super::world::{LIVE, check, repo};
use crate::input::server::Server;
use crate::support::command::Drift;

#[test]
fn a_page_and_annotations() {
    let (repo, server) = (repo(), Server::with(LIVE));
    repo.write("apps/broken.yaml", "kind: [\n");
    repo.git(&["add", "--all"]);
    for (format, name) in [("markdown", "page.md"), ("github", "annotations.txt")] {
        let output = check(&repo, &server, &["-o", format]).run().expect_status(3);
        golden(name, &output.stdout);
    }
}

/// Each command says what it does, what its options are and what its exit codes mean, on 100 columns.
#[test]
fn help_says_what_there_is() {
    let help = |arguments: &[&str]| {
        let output =
            Drift::new().env("COLUMNS", "200").args(arguments.iter().copied()).run().expect_status(0);
        assert_eq!(output.stderr, "");
        assert!(output.stdout.lines().all(|line| line.chars().count() <= 100), "{}", output.stdout);
        output.stdout
    };
    assert_eq!(help(&["--version"]), format!("drift {}\n", env!("CARGO_PKG_VERSION")));
    let all = help(&["--help"]);
    let (_, commands) = all.split_once("Commands:\n").expect("a list of commands");
    let (commands, _) = commands.split_once("\n\n").expect("options follow");
    let named = commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let named: Vec<&str> = named.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(named.contains(&"check") && named.contains(&"run"), "{named:?}");
    for command in named.into_iter().filter(|command| *command != "help") {
        let help = help(&[command, "--help"]);
        assert!(help.contains(&format!("Usage: drift {command}")), "{help}");
    }
    let check = help(&["check", "--help"]);
    for expected in
        ["Exit codes:", "0  no drift", "--revision <REV>", "--skip-secrets", "[PATH]", "--output-file"]
    {
        assert!(check.contains(expected), "{expected} is not in:\n{check}");
    }
}
