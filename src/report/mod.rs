//! Output formats, one per file, into a given [`Write`]. No decisions: the format never changes what was found.

mod audit;
mod explain;
mod github;
mod json;
mod json_roots;
mod listing;
mod markdown;
mod run;
mod sides;
mod sources;
mod style;
mod summary_lines;
mod text;
mod values;
mod verification;

use std::io::{self, Write};

use crate::model::CheckReport;

pub use style::ReportStyle;

pub use audit::{audit_json, audit_text};
pub use explain::{explain_json, explain_text};
pub use run::{action, run};
pub use sources::{sources_json, sources_text};

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

/// Writes the result of a check.
///
/// # Errors
/// What the writer says.
pub fn check(
    format: Format,
    style: ReportStyle,
    checked: &CheckReport,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Text => text::check(style, checked, out),
        Format::Json => json::check(style, checked, out),
        Format::Markdown => markdown::check(style, checked, out),
        Format::Github => github::check(checked, out),
    }
}
