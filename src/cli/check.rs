//! `drift check`.

use super::arguments::CheckArguments;
use super::error::CommandError;
use super::{environment, message, output};
use crate::check::{self, CheckSettings};

/// Checks, prints, and says with which code to exit.
pub(super) async fn run(arguments: CheckArguments) -> Result<u8, CommandError> {
    let CheckArguments { path, revision, verify_with_server, next_sync, target: place, output: print } =
        arguments;
    output::validate_output_paths(&print)?;
    let settings = environment::settings(&place, revision, path.as_deref())?;
    let settings =
        CheckSettings { verify: verify_with_server, keep_hidden: print.all, next_sync, ..settings };
    let progress = message::Progress::new();
    let checked = check::check(&settings, &|stage| progress.stage(stage)).await;
    progress.done();
    let checked = checked?;
    output::check(&print, &checked.report)?;
    let code = checked.report.exit_code();
    // The process ends: to take thousands of trees apart before that would only take time.
    std::mem::forget(checked);
    Ok(if code == 1 && print.exit_zero { 0 } else { code })
}
