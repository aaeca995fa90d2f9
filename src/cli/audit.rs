//! `drift audit`.

use std::time::Duration;

use super::arguments::{AuditArguments, AuditFormat, Where};
use super::{environment, output};
use crate::job::{self, ForgeOptions, JobError, RunSettings};
use crate::report::{self, Style};

/// Audits, prints, and says with which code to exit.
pub(super) fn run(arguments: AuditArguments) -> Result<u8, JobError> {
    let AuditArguments { repository, output, cache_dir, color } = arguments;
    let place = Where { repository, cache_dir, timeout: 60, ..Where::default() };
    let check = environment::settings(&place, None, None)?;
    let forge = ForgeOptions { trusted_hosts: Vec::new(), deadline: Duration::from_secs(place.timeout) };
    let audited = job::audit(&RunSettings { check, forge, dry_run: true })?;
    let style = Style { color: output::colored(color), all: true };
    output::to_stdout(|out| match output {
        AuditFormat::Text => report::audit_text(style, &audited, out),
        AuditFormat::Json => report::audit_json(&audited, out),
    })?;
    Ok(audited.exit_code())
}
