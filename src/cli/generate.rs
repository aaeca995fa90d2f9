//! `drift completions` and `drift man`: made from the definition of the command line, so that they cannot differ from it.

use std::io::{self, Write};
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::arguments::{Arguments, CompletionsArguments, ManArguments};
use super::error::CommandError;
use super::output;

/// Prints the completion script of a shell.
pub(super) fn completions(arguments: &CompletionsArguments) -> Result<u8, CommandError> {
    // Into memory first: clap_complete panics where it cannot write, and a reader may go (`| head`).
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "drift", &mut script);
    output::to_stdout(|out| out.write_all(&script))?;
    Ok(0)
}

/// Prints the page of `drift`, or writes the pages of all commands into a folder.
pub(super) fn man(arguments: &ManArguments) -> Result<u8, CommandError> {
    let mut drift = Arguments::command().subcommand_help_heading("COMMANDS");
    drift.build();
    let Some(folder) = &arguments.folder else {
        output::to_stdout(|out| page(drift, out))?;
        return Ok(0);
    };
    let written =
        |name: &Path, source| CommandError::Io { what: format!("writing {}", name.display()), source };
    std::fs::create_dir_all(folder).map_err(|source| written(folder, source))?;
    let commands = drift.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    for command in commands.chain([drift.clone()]) {
        let file = folder.join(Man::new(command.clone()).get_filename());
        output::refuse_link(&file)?;
        let mut text = Vec::new();
        page(command, &mut text)
            .and_then(|()| std::fs::write(&file, text))
            .map_err(|source| written(&file, source))?;
    }
    Ok(0)
}

/// One page. clap_mangen runs the lines of what follows the options together, under `EXTRA`: here its headings and its
/// lines stay.
fn page(command: Command, mut out: &mut dyn Write) -> io::Result<()> {
    let version = format!("drift {}", env!("CARGO_PKG_VERSION"));
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let has_commands = command.has_subcommands();
    let man = Man::new(command).source(version).manual("drift");
    man.render_title(out)?;
    man.render_name_section(out)?;
    man.render_synopsis_section(out)?;
    man.render_description_section(out)?;
    man.render_options_section(out)?;
    if has_commands {
        man.render_subcommands_section(out)?;
    }
    sections(&after).to_writer(&mut out)
}

/// `Heading:` begins a section; lines stay as they are.
fn sections(text: &str) -> Roff {
    let mut roff = Roff::new();
    for block in text.split("\n\n") {
        let (first, rest) = block.split_once('\n').unwrap_or((block, ""));
        let (heading, lines) = match first.strip_suffix(':') {
            Some(heading) if !heading.starts_with(' ') => (Some(heading.to_uppercase()), rest),
            _ => (None, block),
        };
        match heading {
            Some(heading) => roff.control("SH", [heading.as_str()]),
            None => roff.control("PP", []),
        };
        roff.control("nf", []);
        for line in lines.lines() {
            roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
        }
        roff.control("fi", []);
    }
    roff
}
