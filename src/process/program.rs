//! A program to be run, and what came of it.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A program to run, and everything it may have.
///
/// ```no_run
/// use drift::process::Program;
///
/// let output = Program::new("/usr/bin/git").args(["--version"]).env("LC_ALL", "C").run()?;
/// assert_eq!(output.status, 0);
/// # Ok::<(), drift::process::ProcessError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Program {
    pub(super) path: PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) env: Vec<(OsString, OsString)>,
    pub(super) folder: Option<PathBuf>,
    pub(super) input: Vec<u8>,
    pub(super) timeout: Duration,
    pub(super) output_cap: usize,
    pub(super) error_cap: usize,
    pub(super) memory: Option<u64>,
    pub(super) file_size: Option<u64>,
    /// Whose name errors give, where another program starts it.
    pub(super) display_path: Option<PathBuf>,
    /// How many of the first arguments are for that other program.
    pub(super) launcher_args: usize,
}

/// How a program ended that was not stopped by us or by a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its exit code.
    pub status: i32,
    /// What it wrote to standard output, whole.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error, up to the cap; bytes that are not UTF-8 are replaced.
    pub stderr: String,
}

/// Why a program has no exit code. `program` is its file name, never its arguments or environment.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// No such file, or it may not be run.
    #[error("{program} cannot be run: {why}; install it or put it on the PATH")]
    NotFound {
        /// Its file name.
        program: String,
        /// What the system said.
        why: String,
    },
    /// It took longer than it may.
    #[error("{program} was stopped after {} s", .after.as_secs_f32())]
    TimedOut {
        /// Its file name.
        program: String,
        /// How long it was given.
        after: Duration,
    },
    /// It wrote more to standard output than it may.
    #[error("{program} was stopped: it wrote more than {cap} bytes")]
    TooMuchOutput {
        /// Its file name.
        program: String,
        /// How much it was given.
        cap: usize,
    },
    /// A signal ended it: another process, the kernel, or a limit.
    #[error("{program} was ended by signal {signal}")]
    Killed {
        /// Its file name.
        program: String,
        /// Number of the signal.
        signal: i32,
    },
    /// The system refused a folder, a pipe or a process.
    #[error("{program} could not be run: {source}")]
    Io {
        /// Its file name.
        program: String,
        /// What the system said.
        source: io::Error,
    },
}

pub(super) const MIB: usize = 1024 * 1024;

impl Program {
    /// The program at this path (not looked up on a `PATH`), with no arguments, an empty environment, no input,
    /// 30 s, 64 MiB of standard output, 1 MiB of standard error and 4 GiB of address space (Linux only).
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            args: Vec::new(),
            env: Vec::new(),
            folder: None,
            input: Vec::new(),
            timeout: Duration::from_secs(30),
            output_cap: 64 * MIB,
            error_cap: MIB,
            memory: Some(4 * 1024 * MIB as u64),
            file_size: None,
            display_path: None,
            launcher_args: 0,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Gives the program one variable; it has no others than those given.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Gives the program variables; the last value of a name counts.
    #[must_use]
    pub fn envs<N: AsRef<OsStr>, V: AsRef<OsStr>>(self, variables: impl IntoIterator<Item = (N, V)>) -> Self {
        variables.into_iter().fold(self, |program, (name, value)| program.env(name, value))
    }

    /// Runs it in this folder; without one it runs in ours.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// What it reads from standard input.
    #[must_use]
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// How long it may take.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many bytes it may write to standard output before it is stopped.
    #[must_use]
    pub fn output_cap(mut self, bytes: usize) -> Self {
        self.output_cap = bytes;
        self
    }

    /// How many bytes of standard error are kept; the rest is read and dropped.
    #[must_use]
    pub fn error_cap(mut self, bytes: usize) -> Self {
        self.error_cap = bytes;
        self
    }

    /// How many bytes of address space each of its processes may have, `None` for no limit. Less than 2 GiB breaks
    /// programs written in Go at random.
    #[must_use]
    pub fn memory(mut self, bytes: Option<u64>) -> Self {
        self.memory = bytes;
        self
    }

    /// How many bytes each file may grow to that it writes (Linux only); it is ended where one would be larger.
    #[must_use]
    pub fn file_size(mut self, bytes: u64) -> Self {
        self.file_size = Some(bytes);
        self
    }

    /// The subcommand and the names of options, for the log. Values stay out: they may be addresses with credentials, or
    /// text of a repository.
    pub(super) fn argument_names(&self) -> String {
        let own = self.args.iter().skip(self.launcher_args).map(|arg| arg.to_string_lossy()).enumerate();
        let names = own.filter(|(at, arg)| *at == 0 || arg.starts_with('-')).map(|(_, arg)| {
            arg.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect::<String>()
        });
        names.collect::<Vec<_>>().join(" ")
    }

    pub(super) fn name(&self) -> String {
        let path: &Path = self.display_path.as_ref().unwrap_or(&self.path);
        path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
    }
}
