//! Output formats, one per file, into a given [`Write`]. No decisions: the format never changes what was found.

mod audit;
mod github;
mod json;
mod markdown;
mod run;
mod text;

use std::io::{self, Write};

use crate::job::Checked;

pub use audit::{audit_json, audit_text};
pub use run::{action, run};

/// An output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// For a person at a terminal.
    Text,
    /// `drift/report/v1`.
    Json,
    /// A page, for job summaries and comments.
    Markdown,
    /// GitHub's workflow commands: annotations of files.
    Github,
}

/// What a format may need to know beside the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// Whether escape sequences for colour are written (text only).
    pub color: bool,
    /// Whether `controller` and `ignored` changes are listed, not only counted.
    pub all: bool,
}

/// Writes the result of a check.
///
/// # Errors
/// What the writer says.
pub fn check(format: Format, style: Style, checked: &Checked, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => text::check(style, checked, out),
        Format::Json => json::check(style, checked, out),
        Format::Markdown => markdown::check(style, checked, out),
        Format::Github => github::check(checked, out),
    }
}

/// The changes of a finding that a report lists.
fn listed(finding: &crate::model::Finding, style: Style) -> impl Iterator<Item = &crate::model::Change> {
    use crate::model::Cause;
    let hidden = |cause: Cause| matches!(cause, Cause::Controller | Cause::Ignored);
    finding.changes.iter().filter(move |change| style.all || !hidden(change.verdict.cause))
}

/// Whether a report lists the finding at all.
fn is_listed(finding: &crate::model::Finding, style: Style) -> bool {
    use crate::model::Cause;
    let hidden = matches!(finding.verdict.cause, Cause::Controller | Cause::Ignored);
    style.all || if finding.changes.is_empty() { !hidden } else { listed(finding, style).next().is_some() }
}
