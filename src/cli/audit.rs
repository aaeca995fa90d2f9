//! `drift audit`.

use super::arguments::{AuditArguments, AuditFormat, TargetArgs};
use super::error::CommandError;
use super::{environment, output};
use crate::audit;
use crate::report::{self, ReportStyle};

/// Audits, prints, and says with which code to exit.
pub(super) fn run(arguments: AuditArguments) -> Result<u8, CommandError> {
    let AuditArguments { repository, output, cache_dir, color, log: _ } = arguments;
    let place = TargetArgs { repository, cache_dir, timeout: 60, ..TargetArgs::default() };
    let settings = environment::settings(&place, None, None)?;
    let audited = audit::audit(&settings.checkout)?;
    let style = ReportStyle { color: output::use_color(color), all: true };
    output::to_stdout(|out| match output {
        AuditFormat::Text => report::audit_text(style, &audited, out),
        AuditFormat::Json => report::audit_json(&audited, out),
    })?;
    Ok(audited.exit_code())
}
