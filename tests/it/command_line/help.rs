//! `--help` as a terminal of 80 columns shows it.

use super::{commands, help_of};
use crate::support::command::Drift;

/// Compares with `testdata/help/NAME.snap`.
#[track_caller]
fn must_be_golden(name: &str, help: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../testdata/help");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, help));
}

#[test]
fn help_of_every_command_is_as_reviewed() {
    must_be_golden("drift", &help_of(None, "80"));
    for command in commands() {
        must_be_golden(&command, &help_of(Some(&command), "80"));
    }
}

/// A line of the texts after the options that does not fit would be broken anywhere.
#[test]
fn help_text_after_options_independent_of_width() {
    for command in [None].into_iter().chain(commands().into_iter().map(Some)) {
        let after = |columns| {
            let help = help_of(command.as_deref(), columns);
            let most = help.lines().map(|line| line.chars().count()).max().unwrap_or_default();
            assert!(most <= 100 && (columns == "200" || most <= 80), "{most} columns:\n{help}");
            assert!(help.lines().all(|line| line.trim_end() == line), "a blank at an end:\n{help}");
            help.split_once("Examples:\n").map(|(_, after)| after.to_owned())
        };
        let narrow = after("80");
        assert!(narrow.is_some(), "{command:?} has no example");
        assert_eq!(narrow, after("200"), "{command:?}");
    }
}

#[test]
fn version_is_that_of_the_crate() {
    let output = Drift::new().arg("--version").run().expect_status(0);
    assert_eq!(output.stdout, format!("drift {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn short_flag_and_help_command_agree() {
    let said = |arguments: &[&str]| Drift::new().env("COLUMNS", "80").args(arguments.iter().copied()).run();
    assert_eq!(said(&["-h"]).expect_status(0).stdout, help_of(None, "80"));
    assert_eq!(said(&["help"]).expect_status(0).stdout, help_of(None, "80"));
    for command in commands() {
        let help = help_of(Some(&command), "80");
        assert_eq!(said(&[&command, "-h"]).expect_status(0).stdout, help);
        assert_eq!(said(&["help", &command]).expect_status(0).stdout, help);
    }
}

#[test]
fn unknown_command_is_usage_error_with_suggestion() {
    for arguments in [["chekc", "apps"], ["help", "chekc"]] {
        let output = Drift::new().args(arguments).run().expect_status(2);
        assert!(output.stderr.contains("'check'"), "{}", output.stderr);
    }
}
