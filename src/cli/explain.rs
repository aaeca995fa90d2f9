//! `drift explain`.

use super::arguments::{AuditFormat, ExplainArguments};
use super::error::CommandError;
use super::{environment, message, output};
use crate::check::{ResourceQuery, explain};
use crate::report::{ReportStyle, explain_json, explain_text};

/// Explains one object, prints, and says with which code to exit.
pub(super) async fn run(arguments: ExplainArguments) -> Result<u8, CommandError> {
    let ExplainArguments { resource, path, revision, output: format, color, target: place } = arguments;
    let query = ResourceQuery::parse(&resource).ok_or_else(|| {
        let why = "name an object as KIND[.GROUP]/NAMESPACE/NAME, such as Deployment/payments/web";
        CommandError::Usage(format!("{resource:?} is not an object: {why}"))
    })?;
    let settings = environment::settings(&place, revision, path.as_deref())?;
    let progress = message::Progress::new();
    let report = explain(&settings, &query, &|stage| progress.stage(stage)).await;
    progress.done();
    let report = report?;
    output::to_stdout(|out| match format {
        AuditFormat::Text => {
            let style = ReportStyle { color: output::use_color(color), all: true };
            explain_text(style, &report, out)
        }
        AuditFormat::Json => explain_json(&report, out),
    })?;
    Ok(0)
}
