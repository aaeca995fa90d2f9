//! The command line itself: its help, what is made from its definition, and whether texts name what it has.

mod generated;
mod help;
mod mentions;
mod words;

use crate::support::command::Drift;

/// The help of `drift` (no command) or of a command, on so many columns.
#[track_caller]
fn help_of(command: Option<&str>, columns: &str) -> String {
    let output = Drift::new().env("COLUMNS", columns).args(command).arg("--help").run().expect_status(0);
    assert_eq!(output.stderr, "");
    output.stdout
}

/// The commands that the help lists.
fn commands() -> Vec<String> {
    let help = help_of(None, "80");
    let (_, list) = help.split_once("Commands:\n").expect("a list of commands");
    let lines = list.lines().take_while(|line| !line.is_empty());
    lines.filter(|line| !line.starts_with("   ")).filter_map(first_word).collect()
}

fn first_word(line: &str) -> Option<String> {
    line.split_whitespace().next().map(str::to_owned)
}
