//! Time and output limits for programs that another library starts.
//!
//! A credential plug-in of a kubeconfig is started by kube, which waits for it for ever and keeps all that it prints.
//! So drift's own binary is started in its place: it runs the program with a limit of time and of output, hands on what
//! it printed, and ends its whole group.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use super::program::{MIB, Program};

/// First argument of a start in another program's place.
const BOUNDED_FLAG: &str = "__drift-bounded__";
/// Not to be confused with a code of the program's.
const FAILED: u8 = 126;
/// What is kept of standard error.
const ERROR_CAP: usize = 64 * 1024;

/// The arguments of drift's own binary that go before a program and its arguments.
#[must_use]
pub fn bounded_arguments(limit: Duration) -> [String; 2] {
    [BOUNDED_FLAG.to_owned(), limit.as_millis().to_string()]
}

/// Runs another program, within limits and with these variables, where the arguments of this process ask for it;
/// `None` where they do not.
#[must_use]
pub fn run_if_bounded(
    mut args: impl Iterator<Item = OsString>,
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Option<ExitCode> {
    let _own_name = args.next();
    if args.next()? != BOUNDED_FLAG {
        return None;
    }
    let limit = args.next()?.to_str()?.parse().ok()?;
    // Ctrl-C ends drift, and not this: a program that hangs would then have nobody who ends it.
    let _led_already = rustix::process::setpgid(None, None);
    let program = Program::new(args.next()?)
        .args(args)
        .envs(variables)
        .timeout(Duration::from_millis(limit))
        .output_cap(MIB)
        .error_cap(ERROR_CAP)
        .memory(None);
    Some(forward_output(program))
}

fn forward_output(program: Program) -> ExitCode {
    let (status, out, said) = match program.run() {
        Ok(output) => (u8::try_from(output.status).unwrap_or(FAILED), output.stdout, output.stderr),
        Err(error) => (FAILED, Vec::new(), format!("{error}\n")),
    };
    let told = io::stderr().write_all(said.as_bytes()).and_then(|()| io::stdout().write_all(&out));
    if told.and_then(|()| io::stdout().flush()).is_ok() { status.into() } else { FAILED.into() }
}
