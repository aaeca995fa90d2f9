//! `drift audit`.

use super::arguments::{AuditArguments, AuditFormat, Where};
use super::error::CommandError;
use super::{environment, output};
use crate::audit;
use crate::report::{self, Style};

/// Audits, prints, and says with which code to exit.
pub(super) fn run(arguments: AuditArguments) -> Result<u8, CommandError> {
    let AuditArguments { repository, output, cache_dir, color } = arguments;
    let place = Where { repository, cache_dir, timeout: 60, ..Where::default() };
    let settings = environment::settings(&place, None, None)?;
    let audited = audit::audit(&settings.checkout)?;
    let style = Style { color: output::colored(color), all: true };
    output::to_stdout(|out| match output {
        AuditFormat::Text => report::audit_text(style, &audited, out),
        AuditFormat::Json => report::audit_json(&audited, out),
    })?;
    Ok(audited.exit_code())
}
