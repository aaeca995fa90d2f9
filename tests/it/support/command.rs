//! The `drift` binary, run with nothing of the developer's environment.

#![expect(clippy::disallowed_methods, reason = "tests run programs and have a clock")]

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::parts;
use super::repo::Repo;
use super::snapshot::SnapshotFile;

/// No command of a test takes this long; what does hangs.
const LIMIT: Duration = Duration::from_secs(180);

/// A `drift` command line with a home of its own. It can be run several times: caches in its home stay.
pub(crate) struct Drift {
    home: TempDir,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    folder: Option<PathBuf>,
    stdin: Vec<u8>,
    limit: Option<String>,
}

impl Default for Drift {
    fn default() -> Self {
        Self::new()
    }
}

impl Drift {
    /// `drift` without arguments, with `git` as the only program on its `PATH`.
    pub(crate) fn new() -> Self {
        let home = tempfile::Builder::new().prefix("drift-home-").tempdir().expect("a temporary folder");
        for folder in ["bin", "tmp", "cwd"] {
            std::fs::create_dir(home.path().join(folder)).expect("a new folder in a temporary folder");
        }
        let drift =
            Self { home, arguments: vec![], environment: vec![], folder: None, stdin: vec![], limit: None };
        drift.with_tools(&["git"])
    }

    /// `drift check` in a repository.
    pub(crate) fn check(repo: &Repo) -> Self {
        Self::new().arg("check").in_folder(repo.path())
    }

    /// Reads the cluster that this kubeconfig file names.
    pub(crate) fn kubeconfig(self, file: impl AsRef<OsStr>) -> Self {
        self.arg("--kubeconfig").arg(file)
    }

    /// Reads this snapshot instead of a cluster.
    pub(crate) fn snapshot(self, file: &SnapshotFile) -> Self {
        self.arg("--snapshot").arg(file.path())
    }

    /// Prints the report in this format.
    pub(crate) fn format(self, format: &str) -> Self {
        self.args(["--output", format])
    }

    /// Adds an argument.
    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub(crate) fn args<T: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets a variable; an earlier value is replaced.
    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.retain(|(known, _)| known != name.as_ref());
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Runs in this folder; without it in an empty one.
    pub(crate) fn in_folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.folder = Some(folder.as_ref().to_owned());
        self
    }

    /// What standard input holds; empty without it.
    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Runs under this limit, as `ulimit` of the shell takes it: `-f 0`.
    pub(crate) fn limited(mut self, limit: &str) -> Self {
        self.limit = Some(limit.to_owned());
        self
    }

    /// Puts programs on the `PATH`: `helm`, `helm3`, `kustomize`, `kubectl` are the pinned parts (`helm3` is put
    /// there as `helm`), `ssh-keygen` and `gpg` are of the part `signing`, any other name is the system's.
    pub(crate) fn with_tools(self, tools: &[&str]) -> Self {
        for tool in tools {
            let (name, target) = match *tool {
                "helm" | "kustomize" | "kubectl" => (*tool, parts::part(tool).join(tool)),
                "ssh-keygen" | "gpg" => (*tool, parts::program("signing", tool)),
                "helm3" => ("helm", parts::part("helm3").join("helm")),
                other => (other, parts::system_program(other)),
            };
            let link = self.home.path().join("bin").join(name);
            let _ = std::fs::remove_file(&link);
            std::os::unix::fs::symlink(&target, &link).expect("a new link in a temporary folder");
        }
        self
    }

    /// Puts a shell script on the `PATH`: a program that misbehaves as the test wants.
    pub(crate) fn with_script(self, name: &str, script: &str) -> Self {
        let file = self.home.path().join("bin").join(name);
        let _ = std::fs::remove_file(&file);
        // Written by a child: were the file open for writing here while another test forks, it could not be run.
        let mut child = Command::new("sh")
            .args(["-c", r#"{ echo '#!/bin/sh'; cat; } >"$1" && chmod 755 "$1""#, "write"])
            .arg(&file)
            .stdin(Stdio::piped())
            .spawn()
            .expect("sh is on the PATH");
        child.stdin.take().expect("piped").write_all(script.as_bytes()).expect("sh reads the script");
        assert!(child.wait().expect("our own child").success(), "{} was not written", file.display());
        self
    }

    /// Takes a program off the `PATH`.
    pub(crate) fn without_tool(self, name: &str) -> Self {
        std::fs::remove_file(self.home.path().join("bin").join(name)).expect("a tool that was on the PATH");
        self
    }

    /// The home folder of the command (`HOME`; `XDG_*` and `TMPDIR` are below it).
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs to the end. A command that hangs fails the test.
    pub(crate) fn run(&self) -> Output {
        self.spawn().wait()
    }

    fn command(&self) -> Command {
        let drift = env!("CARGO_BIN_EXE_drift");
        let Some(limit) = &self.limit else { return Command::new(drift) };
        let mut shell = Command::new(parts::system_program("sh"));
        shell.arg("-c").arg(format!("ulimit {limit} && exec \"$0\" \"$@\"")).arg(drift);
        shell
    }

    /// Starts it and comes back at once.
    pub(crate) fn spawn(&self) -> Running {
        let home = self.home.path();
        let mut command = self.command();
        command.args(&self.arguments).env_clear();
        command.current_dir(self.folder.clone().unwrap_or_else(|| home.join("cwd")));
        hermetic(&mut command, home);
        command.env("PATH", home.join("bin")).env("TMPDIR", home.join("tmp"));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary that cargo built starts");
        let mut stdin = child.stdin.take().expect("piped");
        let bytes = self.stdin.clone();
        // A child that reads nothing closes its end: not our affair.
        std::thread::spawn(move || drop(stdin.write_all(&bytes)));
        let stdout = drain(child.stdout.take().expect("piped"));
        let stderr = drain(child.stderr.take().expect("piped"));
        Running { child, stdout, stderr, started: Instant::now() }
    }
}

/// Sets what makes a program the same on every machine: home, locale, time zone, no Git configuration of others.
///
/// The user's Git configuration is that of the home folder. `GIT_CONFIG_GLOBAL=/dev/null` would do for readers; a
/// program that writes it (Gitea does) would put a file in the place of `/dev/null`.
pub(crate) fn hermetic(command: &mut Command, home: &Path) {
    command
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home.join(".config"))
        .env("XDG_CACHE_HOME", home.join(".cache"))
        .env("XDG_DATA_HOME", home.join(".local/share"))
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0");
}

fn drain(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = vec![];
        from.read_to_end(&mut bytes).expect("a pipe of our own child is readable");
        String::from_utf8(bytes).expect("drift writes UTF-8")
    })
}

/// A `drift` that runs.
pub(crate) struct Running {
    child: Child,
    stdout: JoinHandle<String>,
    stderr: JoinHandle<String>,
    started: Instant,
}

impl Running {
    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it as `kill -9` does, and waits.
    pub(crate) fn kill(mut self) -> Output {
        self.child.kill().expect("a child that has not been waited for can be killed");
        self.wait()
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_some()
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Output {
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                break status;
            }
            if self.started.elapsed() > LIMIT {
                self.child.kill().expect("our own child");
                let (stdout, stderr) = (self.stdout.join(), self.stderr.join());
                panic!("drift still ran after {LIMIT:?}; stdout {stdout:?}, stderr {stderr:?}");
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Output {
            status: code(status),
            stdout: self.stdout.join().expect("stdout is read"),
            stderr: self.stderr.join().expect("stderr is read"),
        }
    }
}

/// The exit code, or 128 + the signal as a shell says it.
pub(crate) fn code(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

/// What a program left: its exit code (128 + the signal if one ended it) and what it wrote.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    /// Fails the test, showing everything, unless the exit code is this one.
    #[track_caller]
    pub(crate) fn expect_status(self, status: i32) -> Self {
        assert!(
            self.status == status,
            "exit code {} instead of {status}\n--- stdout\n{}\n--- stderr\n{}",
            self.status,
            self.stdout,
            self.stderr
        );
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("not JSON: {error}\n{}\n--- stderr\n{}", self.stdout, self.stderr))
    }
}

/// Replaces what differs from run to run: the given strings first (longest first), then commit ids by `<sha>`,
/// RFC 3339 times by `<time>` and loopback addresses by `<address>`.
pub(crate) fn redact(text: &str, known: &[(&str, &str)]) -> String {
    let mut known: Vec<_> = known.to_vec();
    known.sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
    let mut text = text.to_owned();
    for (from, to) in known {
        text = text.replace(from, to);
    }
    replaced(&text, volatile)
}

/// As [`redact`], and what only texts for people have: short ids of commits and incidents by `<id>`, times by `<time>`, the version of
/// the API server by `<version>`. For inline snapshots of what a person reads.
pub(crate) fn as_read(text: &str, known: &[(&str, &str)]) -> String {
    replaced(&redact(text, known), volatile_for_people)
}

/// Replaces what `volatile` finds at the beginning of a word.
fn replaced(text: &str, volatile: impl Fn(&str) -> Option<(usize, &'static str)>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut inside_word = false;
    while let Some(first) = rest.chars().next() {
        let found = if inside_word { None } else { volatile(rest) };
        if let Some((length, name)) = found {
            out.push_str(name);
            rest = &rest[length..];
            inside_word = true;
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            inside_word = first.is_ascii_alphanumeric();
        }
    }
    out
}

/// Length and name of what a text for people starts with and the next run writes differently.
fn volatile_for_people(text: &str) -> Option<(usize, &'static str)> {
    let starts = |shape: &str| {
        text.len() >= shape.len()
            && text.bytes().zip(shape.bytes()).all(|(byte, want)| match want {
                b'0' => byte.is_ascii_digit(),
                b'a' => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
                _ => byte == want,
            })
            && !text[shape.len()..].starts_with(|next: char| next.is_ascii_alphanumeric())
    };
    [
        ("0000-00-00 00:00:00 UTC", "<time>"),
        ("aaaaaaaaaaaa", "<id>"),
        ("v0.00.0", "<version>"),
        ("v0.00.00", "<version>"),
    ]
    .into_iter()
    .find_map(|(shape, name)| starts(shape).then_some((shape.len(), name)))
}

/// Length and name of the volatile thing that the text starts with.
fn volatile(text: &str) -> Option<(usize, &'static str)> {
    let hex = text.bytes().take_while(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).count();
    if hex == 40 && !text[40..].starts_with(|next: char| next.is_ascii_alphanumeric()) {
        return Some((40, "<sha>"));
    }
    if let Some(port) = text.strip_prefix("127.0.0.1:") {
        let digits = port.bytes().take_while(u8::is_ascii_digit).count();
        return (digits > 0).then_some(("127.0.0.1:".len() + digits, "<address>"));
    }
    let shape = "0000-00-00T00:00:00";
    let matches = text.len() > shape.len()
        && text.bytes().zip(shape.bytes()).all(|(byte, want)| match want {
            b'0' => byte.is_ascii_digit(),
            _ => byte == want,
        });
    if !matches {
        return None;
    }
    let tail = &text[shape.len()..];
    let fraction = tail.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let zone = &tail[fraction..];
    let zone_length = match zone.bytes().next() {
        Some(b'Z') => 1,
        Some(b'+' | b'-') if zone.len() >= 6 => 6,
        _ => return None,
    };
    Some((shape.len() + fraction + zone_length, "<time>"))
}
