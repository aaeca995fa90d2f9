//! `drift help`.

use clap::Parser;

use super::arguments::{Arguments, HelpArguments};

/// Prints the help of a command, as `--help` does, or of `drift`; with the exit code.
pub(super) fn run(arguments: HelpArguments) -> u8 {
    let words = std::iter::once("drift".to_owned()).chain(arguments.command).chain(["--help".to_owned()]);
    match Arguments::try_parse_from(words) {
        Ok(_) => 0,
        Err(help) => super::message::print_clap(&help),
    }
}
