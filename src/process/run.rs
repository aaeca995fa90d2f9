//! Runs one child program.

use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tracing::debug_span;
use tracing::field::Empty;

use super::program::{Output, ProcessError, Program};

impl Program {
    /// Runs it and waits for its end. Blocks: call it from a thread that may.
    ///
    /// The program leads a process group of its own; when it ends, or is stopped, whatever else runs in the group is
    /// killed.
    pub fn run(self) -> Result<Output, ProcessError> {
        let span = debug_span!(
            "child program",
            program = self.name(),
            arguments = self.argument_names(),
            exit = Empty,
            error = Empty
        );
        let ran = run(&self);
        match &ran {
            Ok(output) => span.record("exit", output.status),
            Err(error) => span.record("error", error.to_string()),
        };
        ran
    }
}

/// How long the pipes of an ended child are read: only a process that left its group can still hold them.
const GRACE: Duration = Duration::from_secs(1);

pub(super) fn run(program: &Program) -> Result<Output, ProcessError> {
    let deadline = Instant::now() + program.timeout;
    let mut running = ChildGuard(start(program)?);
    running.limit(program);
    let streams = connect(&mut running.0, program);
    let collected = collect(&running, &streams, deadline, program)?;
    running.kill_group();
    let status = running.0.wait().map_err(|source| io_error(program, source))?;
    if let Some(signal) = status.signal() {
        return Err(ProcessError::Killed { program: program.name(), signal });
    }
    let stderr = String::from_utf8_lossy(&collected.stderr).into_owned();
    Ok(Output { status: status.code().unwrap_or(-1), stdout: collected.stdout, stderr })
}

fn io_error(program: &Program, source: io::Error) -> ProcessError {
    ProcessError::Io { program: program.name(), source }
}

fn start(program: &Program) -> Result<Child, ProcessError> {
    if let Some(folder) = &program.folder
        && !folder.is_dir()
    {
        let why = format!("working folder {} does not exist", folder.display());
        return Err(io_error(program, io::Error::new(io::ErrorKind::NotADirectory, why)));
    }
    #[expect(clippy::disallowed_methods, reason = "the one place that starts child programs")]
    let mut command = Command::new(&program.path);
    command.args(&program.args).env_clear().envs(program.env.iter().map(|(name, value)| (name, value)));
    if let Some(folder) = &program.folder {
        command.current_dir(folder);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    command.spawn().map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => {
            ProcessError::NotFound { program: program.name(), why: source.to_string() }
        }
        _ => io_error(program, source),
    })
}

/// A child and its group, killed when dropped.
struct ChildGuard(Child);

impl ChildGuard {
    fn pid(&self) -> Pid {
        Pid::from_child(&self.0)
    }

    /// Whether the child has ended. It is left unreaped, so that its id still names its group.
    fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(self.pid()), options).is_ok_and(|status| status.is_some())
    }

    /// The limits are set from outside, right after the start: programs reach them much later than that.
    #[cfg(target_os = "linux")]
    fn limit(&self, program: &Program) {
        use rustix::process::{Resource, Rlimit, prlimit};
        let limit = |bytes| Rlimit { current: Some(bytes), maximum: Some(bytes) };
        // A child that has already ended cannot be limited, and need not be. No core files: they would hold secrets.
        let _ended = prlimit(Some(self.pid()), Resource::Core, limit(0));
        if let Some(bytes) = program.memory {
            let _ended = prlimit(Some(self.pid()), Resource::As, limit(bytes));
        }
        if let Some(bytes) = program.file_size {
            let _ended = prlimit(Some(self.pid()), Resource::Fsize, limit(bytes));
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn limit(&self, _program: &Program) {}

    fn kill_group(&self) {
        // An error means that nobody is left in it.
        let _empty = kill_process_group(self.pid(), Signal::KILL);
    }
}

impl Drop for ChildGuard {
    fn drop(&mut self) {
        if self.0.try_wait().is_ok_and(|status| status.is_none()) {
            self.kill_group();
            let _ended = self.0.wait();
        }
    }
}

enum Event {
    Stdout(io::Result<Vec<u8>>),
    Stderr(io::Result<Vec<u8>>),
    TooMuch,
}

/// Threads that move the bytes: they end when the pipes do, and nobody waits for them longer than for the child.
fn connect(child: &mut Child, program: &Program) -> Receiver<Event> {
    let (sender, receiver) = channel();
    if let Some(mut stdin) = child.stdin.take() {
        let input = program.input.clone();
        // A program that does not read its input to the end may do so.
        thread::spawn(move || stdin.write_all(&input));
    }
    if let Some(stdout) = child.stdout.take() {
        let (sender, cap) = (sender.clone(), program.output_cap);
        thread::spawn(move || send(&sender, read_all(stdout, cap)));
    }
    if let Some(stderr) = child.stderr.take() {
        let cap = program.error_cap;
        thread::spawn(move || send(&sender, Event::Stderr(read_start(stderr, cap))));
    }
    receiver
}

fn send(sender: &Sender<Event>, event: Event) {
    // The receiver is gone when the child was given up.
    let _given_up = sender.send(event);
}

fn read_all(stream: impl Read, cap: usize) -> Event {
    let mut bytes = Vec::new();
    match stream.take(cap as u64 + 1).read_to_end(&mut bytes) {
        Ok(_) if bytes.len() > cap => Event::TooMuch,
        Ok(_) => Event::Stdout(Ok(bytes)),
        Err(error) => Event::Stdout(Err(error)),
    }
}

fn read_start(mut stream: impl Read, cap: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.by_ref().take(cap as u64).read_to_end(&mut bytes)?;
    io::copy(&mut stream, &mut io::sink())?;
    Ok(bytes)
}

#[derive(Default)]
struct CollectedOutput {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// Waits for both streams and the child, whichever comes last.
fn collect(
    running: &ChildGuard,
    events: &Receiver<Event>,
    deadline: Instant,
    program: &Program,
) -> Result<CollectedOutput, ProcessError> {
    let mut collected = CollectedOutput::default();
    let mut open = 2;
    let mut wait = Duration::from_millis(1);
    let mut ended: Option<Instant> = None;
    loop {
        let now = Instant::now();
        if now >= deadline {
            return Err(ProcessError::TimedOut { program: program.name(), after: program.timeout });
        }
        if ended.is_none() && running.has_ended() {
            ended = Some(now);
            // What the program left behind in its group would hold the pipes open.
            running.kill_group();
        }
        if ended.is_some() && open == 0 {
            return Ok(collected);
        }
        if ended.is_some_and(|at| now - at > GRACE) {
            let why = "a process that it left behind holds its output open";
            return Err(io_error(program, io::Error::other(why)));
        }
        match events.recv_timeout(wait.min(deadline - now)) {
            Ok(Event::Stdout(bytes)) => collected.stdout = bytes.map_err(|why| io_error(program, why))?,
            Ok(Event::Stderr(bytes)) => collected.stderr = bytes.map_err(|why| io_error(program, why))?,
            Ok(Event::TooMuch) => {
                return Err(ProcessError::TooMuchOutput { program: program.name(), cap: program.output_cap });
            }
            Err(RecvTimeoutError::Timeout) => {
                wait = (wait * 2).min(Duration::from_millis(20));
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => {
                thread::sleep(wait.min(deadline - now));
                continue;
            }
        }
        open -= 1;
    }
}
