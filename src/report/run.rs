//! What a run did, for a person.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Paint};

use super::style::ReportStyle;
use crate::model::{Action, ActionKind, Resolution, RunReport};
use crate::text::{escape_terminal, one_line, pluralize};

/// Lines of a diff that are shown, and characters of a line: whoever wants all of it reads the proposal.
const MOST_LINES: usize = 200;
const MOST_CHARACTERS: usize = 400;

const BOLD: Paint = Paint::new().bold();
const RED: Paint = AnsiColor::Red.on_default();
const GREEN: Paint = AnsiColor::Green.on_default();

/// Writes what a run did, or would do.
///
/// # Errors
/// What the writer says.
pub fn run(style: ReportStyle, ran: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    if ran.actions.is_empty() {
        return writeln!(out, "\nNothing to propose.");
    }
    let title = if ran.dry_run { "Dry run, would be written:" } else { "Incidents:" };
    writeln!(out, "\n{}", style.paint(BOLD, title))?;
    for one in &ran.actions {
        writeln!(out, "  {}", action(one))?;
        let mut lines = one.diff.iter().flat_map(|diff| diff.lines());
        for line in lines.by_ref().take(MOST_LINES) {
            let line = cut(&escape_terminal(line));
            let color = match line.as_bytes().first() {
                Some(b'+') => GREEN,
                Some(b'-') => RED,
                _ => Paint::new(),
            };
            writeln!(out, "      {}", style.paint(color, &line))?;
        }
        let more = lines.count();
        if more > 0 {
            writeln!(out, "      … {} not shown", pluralize(more, "more line"))?;
        }
    }
    Ok(())
}

/// A line of a diff as far as it is shown: one of a file that is a single line may be as long as the file.
fn cut(line: &str) -> String {
    match line.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}… ({} characters)", &line[..end], line.chars().count()),
        None => line.to_owned(),
    }
}

/// One action on one line.
#[must_use]
pub fn action(action: &Action) -> String {
    let did = match action.kind {
        ActionKind::OpenedPullRequest => "pull request",
        ActionKind::OpenedIssue => "issue",
        ActionKind::Updated => "updated",
        ActionKind::Unchanged => "unchanged",
        ActionKind::Ended(Resolution::Adopted) => "ended, adopted",
        ActionKind::Ended(Resolution::Reverted) => "ended, reverted",
        ActionKind::Ended(Resolution::Accepted) => "ended, accepted",
        ActionKind::Declined => "declined",
        ActionKind::Deferred => "deferred",
    };
    let url = action.url.as_ref().map(|url| format!("  {}", one_line(url, 300))).unwrap_or_default();
    format!("{did}: {}{url}", one_line(&action.what, 300))
}

#[cfg(test)]
mod tests {
    use super::{MOST_CHARACTERS, cut};

    #[test]
    fn long_line_cut_with_its_length() {
        assert_eq!(cut("+data: {a: b}"), "+data: {a: b}");
        let whole = "ä".repeat(MOST_CHARACTERS);
        assert_eq!(cut(&whole), whole);
        assert_eq!(cut(&format!("{whole}ä")), format!("{whole}… (401 characters)"));
    }
}
