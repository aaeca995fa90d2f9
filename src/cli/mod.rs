//! Arguments, terminal, progress, error to hint and exit code. The only place for environment, clock and stdout.

mod arguments;
mod audit;
mod check;
mod demo;
mod environment;
mod error;
mod exit_code;
mod explain;
mod generate;
mod help;
mod help_command;
mod init;
mod log;
mod message;
mod output;
mod run;
mod snapshot;
mod sources;
mod sweep;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::Parser;

use error::CommandError;
use exit_code::INCOMPLETE;
use message::print_clap;

/// Stack size in bytes, whatever the caller's limit is.
const STACK: usize = 16 << 20;

/// Runs the program: arguments and environment in, exit code out.
#[must_use]
pub fn main() -> ExitCode {
    if let Some(code) = crate::process::exec_if_confined(std::env::args_os()) {
        return code;
    }
    if let Some(code) = crate::process::run_if_bounded(std::env::args_os(), std::env::vars_os()) {
        return code;
    }
    // The stack of the first thread is as small as the caller's limit says, and reaching its end is a signal.
    match std::thread::Builder::new().stack_size(STACK).spawn(command) {
        Ok(running) => running.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        Err(error) => {
            message::error(&format!("cannot start: {error}"));
            ExitCode::from(INCOMPLETE)
        }
    }
}

/// One command, on a thread of its own.
fn command() -> ExitCode {
    let arguments = match arguments::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return ExitCode::from(print_clap(&error)),
    };
    sweep::sweep(&std::env::temp_dir(), environment::now());
    // The whole tree of dependencies uses one provider; a second installation is refused, and harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            message::error(&format!("cannot start: {error}"));
            return ExitCode::from(INCOMPLETE);
        }
    };
    let code = runtime.block_on(dispatch(arguments));
    ExitCode::from(code.unwrap_or_else(|error| {
        message::error_with_hint(&error.to_string(), error.hint().as_deref());
        error.exit_code()
    }))
}

/// A write beyond the limit of a file's size fails with an error where somebody handles the signal that comes with it;
/// otherwise that ends the process. The handler stays when nobody listens.
fn survive_file_limit() {
    let exceeded = tokio::signal::unix::SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
    let _as_before = tokio::signal::unix::signal(exceeded);
}

async fn dispatch(arguments: arguments::Arguments) -> Result<u8, CommandError> {
    survive_file_limit();
    if let Some(log) = arguments.command.log() {
        log::start(log)?;
    }
    match arguments.command {
        arguments::Command::Init(arguments) => init::run(arguments).await,
        arguments::Command::Check(arguments) => check::run(arguments).await,
        arguments::Command::Explain(arguments) => explain::run(arguments).await,
        arguments::Command::Run(arguments) => run::run(arguments).await,
        arguments::Command::Sources(arguments) => sources::run(arguments).await,
        arguments::Command::Demo(arguments) => demo::run(arguments).await,
        arguments::Command::Audit(arguments) => audit::run(arguments),
        arguments::Command::Snapshot(arguments) => snapshot::run(arguments).await,
        arguments::Command::Completions(arguments) => generate::completions(&arguments),
        arguments::Command::Man(arguments) => generate::man(&arguments),
        arguments::Command::Help(arguments) => Ok(help_command::run(arguments)),
    }
}
