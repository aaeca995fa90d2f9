//! Arguments, terminal, progress, error to hint and exit code. The only place for environment, clock and stdout.

mod arguments;
mod audit;
mod check;
mod demo;
mod environment;
mod explain;
mod output;
mod run;
#[cfg(test)]
mod secrecy;
mod snapshot;
mod sweep;

use std::process::ExitCode;

use clap::Parser;

use crate::job::JobError;

/// 2: usage or configuration, nothing was read.
const USAGE: u8 = 2;
/// 3: something could not be read or done.
const INCOMPLETE: u8 = 3;

/// Runs the program: arguments and environment in, exit code out.
#[must_use]
pub fn main() -> ExitCode {
    if let Some(code) = crate::process::confined(std::env::args_os()) {
        return code;
    }
    let arguments = match arguments::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    sweep::sweep(&std::env::temp_dir(), environment::now());
    // The whole tree of dependencies uses one provider; a second installation is refused, and harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::error(&format!("cannot start: {error}"));
            return ExitCode::from(INCOMPLETE);
        }
    };
    let code = runtime.block_on(dispatch(arguments));
    ExitCode::from(code.unwrap_or_else(|error| {
        output::error(&error.to_string());
        if error.is_configuration() { USAGE } else { INCOMPLETE }
    }))
}

async fn dispatch(arguments: arguments::Arguments) -> Result<u8, JobError> {
    match arguments.command {
        arguments::Command::Check(arguments) => check::run(arguments).await,
        arguments::Command::Explain(arguments) => explain::run(arguments).await,
        arguments::Command::Run(arguments) => run::run(arguments).await,
        arguments::Command::Demo(arguments) => demo::run(arguments).await,
        arguments::Command::Audit(arguments) => audit::run(arguments),
        arguments::Command::Snapshot(arguments) => snapshot::run(arguments).await,
    }
}
