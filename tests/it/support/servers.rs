//! What runs in the background of the tests, and that it ends with them.
//!
//! Statics are never dropped, and a test process may be killed: so nothing here relies on the test process to clean up.
//! Each group of servers is one process group. A *holder* opens the group and a *keeper* stands outside it; both read
//! a pipe whose other end only the test process has. When that process is gone, however it went, the pipes end: the
//! holder ends by itself, the keeper kills the group and removes its folder.

#![expect(clippy::disallowed_methods, reason = "tests run programs")]

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::command::{Output, code, hermetic};

const KEEPER: &str = r#"
trap '' INT TERM HUP
cat >/dev/null
round=0
while kill -s KILL -- "-$1" 2>/dev/null && [ "$round" -lt 100 ]; do round=$((round + 1)); sleep 0.05; done
rm -rf -- "$2"
"#;

/// A group of servers with a folder of its own. When it is dropped, or the process ends, all of them are killed.
pub(crate) struct Servers {
    folder: PathBuf,
    holder: Child,
    keeper: Child,
    started: Vec<(String, Child)>,
}

impl Servers {
    /// A group without a server.
    pub(crate) fn new(name: &str) -> Self {
        let folder = tempfile::Builder::new()
            .prefix(&format!("drift-{name}-"))
            .tempdir()
            .expect("a temporary folder")
            .keep();
        let holder = background(&mut Command::new("cat"));
        let keeper = background(
            Command::new("sh").args(["-c", KEEPER, "keeper", &holder.id().to_string()]).arg(&folder),
        );
        Self { folder, holder, keeper, started: vec![] }
    }

    /// The folder of the group; removed with it.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The process group, and the process that watches over it.
    pub(crate) fn ids(&self) -> (u32, u32) {
        (self.holder.id(), self.keeper.id())
    }

    /// Starts a server; what it writes goes to `NAME.log` in the folder.
    pub(crate) fn start(&mut self, name: &str, command: &mut Command) -> Result<(), String> {
        let log = File::create(self.log(name)).map_err(|error| format!("the log of {name}: {error}"))?;
        let copy = log.try_clone().map_err(|error| format!("the log of {name}: {error}"))?;
        self.prepare(command);
        let child = command
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(copy)
            .spawn()
            .map_err(|error| format!("{name} does not start: {error}"))?;
        self.started.push((name.to_owned(), child));
        Ok(())
    }

    /// Runs a program of the group to its end.
    pub(crate) fn run(&self, command: &mut Command) -> Result<Output, String> {
        self.prepare(command);
        let output =
            command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
        Ok(Output {
            status: code(output.status),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Waits until the condition holds; an error, with the end of the logs, when a server ended or time is up.
    pub(crate) fn wait_until(
        &mut self,
        what: &str,
        limit: Duration,
        mut holds: impl FnMut() -> bool,
    ) -> Result<(), String> {
        let start = Instant::now();
        loop {
            let ended = self.started.iter_mut().find_map(|(name, child)| {
                let status = child.try_wait().ok().flatten()?;
                Some(format!("{name} ended with {status} before {what}"))
            });
            if let Some(why) = ended {
                return Err(format!("{why}\n{}", self.logs()));
            }
            if holds() {
                return Ok(());
            }
            if start.elapsed() > limit {
                return Err(format!("not within {limit:?}: {what}\n{}", self.logs()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn prepare(&self, command: &mut Command) {
        let group = i32::try_from(self.holder.id()).expect("a process id is a positive i32");
        hermetic(command, &self.folder);
        command.process_group(group).current_dir(&self.folder);
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    /// The last lines of each server's log.
    pub(crate) fn logs(&self) -> String {
        let mut out = String::new();
        for (name, _) in &self.started {
            let text = std::fs::read_to_string(self.log(name)).unwrap_or_default();
            let lines: Vec<_> = text.lines().collect();
            let tail = lines[lines.len().saturating_sub(15)..].join("\n");
            out.push_str(&format!("--- {name}.log\n{tail}\n"));
        }
        out
    }
}

/// Starts a process in a group of its own that reads a pipe from us; the `Child` keeps the pipe open.
fn background(command: &mut Command) -> Child {
    command
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sh and cat are on the PATH")
}

/// Ports of the loopback interface that were free a moment ago; all different.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [TcpListener; N] = std::array::from_fn(|_| {
        TcpListener::bind(("127.0.0.1", 0)).expect("the loopback interface has a free port")
    });
    listeners.map(|listener| listener.local_addr().expect("a bound listener has an address").port())
}

/// Asks until there is an answer; panics with `what` after the limit.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
