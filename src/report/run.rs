//! What a run did, for a person.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Paint};

use super::Style;
use crate::incident::How;
use crate::job::{Action, Did, Ran};
use crate::text::{one_line, plain};

const BOLD: Paint = Paint::new().bold();
const RED: Paint = AnsiColor::Red.on_default();
const GREEN: Paint = AnsiColor::Green.on_default();

/// Writes what a run did, or would do.
///
/// # Errors
/// What the writer says.
pub fn run(style: Style, ran: &Ran, out: &mut dyn Write) -> io::Result<()> {
    if ran.actions.is_empty() {
        return writeln!(out, "\nNothing to propose.");
    }
    let title = if ran.dry_run { "Would be written (dry run, nothing was):" } else { "Incidents:" };
    writeln!(out, "\n{}", style.paint(BOLD, title))?;
    for one in &ran.actions {
        writeln!(out, "  {}", action(one))?;
        for line in one.diff.iter().flat_map(|diff| diff.lines()) {
            let line = plain(line);
            let color = match line.as_bytes().first() {
                Some(b'+') => GREEN,
                Some(b'-') => RED,
                _ => Paint::new(),
            };
            writeln!(out, "      {}", style.paint(color, &line))?;
        }
    }
    Ok(())
}

/// One action on one line.
#[must_use]
pub fn action(action: &Action) -> String {
    let did = match action.did {
        Did::OpenedPullRequest => "pull request",
        Did::OpenedIssue => "issue",
        Did::Updated => "updated",
        Did::LeftAlone => "stands",
        Did::Ended(How::Adopted) => "ended, adopted",
        Did::Ended(How::Reverted) => "ended, reverted",
        Did::Ended(How::Accepted) => "ended, accepted",
        Did::Declined => "declined",
        Did::Waits => "waits",
    };
    let url = action.url.as_ref().map(|url| format!("  {}", one_line(url, 300))).unwrap_or_default();
    format!("{did}: {}{url}", one_line(&action.what, 300))
}
