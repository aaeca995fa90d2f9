//! `drift sources`.

use super::arguments::{AuditFormat, SourcesArguments};
use super::error::CommandError;
use super::exit_code::INCOMPLETE;
use super::{environment, message, output};
use crate::check::list_sources;
use crate::report::{ReportStyle, sources_json, sources_text};

/// Lists what is compared, prints, and says with which code to exit.
pub(super) async fn run(arguments: SourcesArguments) -> Result<u8, CommandError> {
    let SourcesArguments { path, revision, output: format, color, target: place } = arguments;
    let settings = environment::settings(&place, revision, path.as_deref())?;
    let progress = message::Progress::new();
    let report = list_sources(&settings, &|stage| progress.stage(stage)).await;
    progress.done();
    let report = report?;
    output::to_stdout(|out| match format {
        AuditFormat::Text => {
            let style = ReportStyle { color: output::use_color(color), all: true };
            sources_text(style, &report, out)
        }
        AuditFormat::Json => sources_json(&report, out),
    })?;
    Ok(if report.incomplete.is_empty() { 0 } else { INCOMPLETE })
}
