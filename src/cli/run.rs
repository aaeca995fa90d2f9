//! `drift run`.

use std::time::Duration;

use super::arguments::{OutputFormat, RunArguments};
use super::error::CommandError;
use super::exit_code::INCOMPLETE;
use super::{environment, message, output};
use crate::reconcile::{self, ForgeOptions, RunSettings};
use crate::report::{self, ReportStyle};

/// Runs the job, prints what it found and did, and says with which code to exit.
pub(super) async fn run(arguments: RunArguments) -> Result<u8, CommandError> {
    let RunArguments { dry_run, forge_host, target: place, output: print } = arguments;
    output::validate_output_paths(&print)?;
    let check = environment::settings(&place, None, None)?;
    let forge = ForgeOptions { trusted_hosts: forge_host, deadline: Duration::from_secs(place.timeout) };
    let settings = RunSettings { check, forge, dry_run };
    let progress = message::Progress::new();
    let ran = reconcile::run(&settings, &|stage| progress.stage(stage)).await;
    progress.done();
    let ran = ran?;
    output::check(&print, &ran.checked)?;
    ran.notes.iter().for_each(|note| message::note(note));
    let style = ReportStyle { color: output::use_color(print.color), all: print.all };
    if print.output == OutputFormat::Text {
        output::to_stdout(|out| report::run(style, &ran, out))?;
    } else {
        ran.actions.iter().for_each(|action| message::note(&report::action(action)));
    }
    if let Some(failed) = ran.failed {
        // Something was read and compared: this is never a matter of usage.
        message::error_with_hint(&failed.what, failed.hint.as_deref());
        return Ok(INCOMPLETE);
    }
    let code = ran.checked.exit_code();
    // What is held back has no issue of its own: the exit code says so whatever was asked for.
    Ok(if code == 1 && print.exit_zero && ran.held_back == 0 { 0 } else { code })
}
