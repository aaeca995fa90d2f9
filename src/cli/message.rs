//! Standard error: messages, log lines and the progress line, each whole and one at a time.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::{Map, Value};

use super::arguments::LogFormat;
use super::environment::{now, variable};
use super::exit_code::USAGE;
use crate::text::{escape_json, escape_terminal, one_line};

/// Longest message, in characters.
const MESSAGE_LIMIT: usize = 4_000;

/// What standard error shows, and how. Messages come from any thread, and one process has one standard error.
static STDERR: Mutex<StderrState> =
    Mutex::new(StderrState { format: LogFormat::Text, quiet: false, progress: None });

struct StderrState {
    format: LogFormat,
    quiet: bool,
    /// The progress line that is shown now.
    progress: Option<String>,
}

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    Error,
    /// What to do about the error above it.
    Hint,
    Warning,
    /// A remark that is always shown.
    Note,
    /// Shown with `-v`.
    Info,
    /// Shown with `-vv`.
    Debug,
}

impl Severity {
    fn prefix(self) -> &'static str {
        match self {
            Self::Error => "error: ",
            Self::Hint => "hint: ",
            Self::Warning => "warning: ",
            Self::Note => "",
            Self::Info => "info: ",
            Self::Debug => "debug: ",
        }
    }

    fn level(self) -> &'static str {
        match self {
            Self::Error | Self::Hint => "error",
            Self::Warning => "warn",
            Self::Note | Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// One line of standard error.
pub(super) struct LogEntry<'a> {
    pub(super) severity: Severity,
    /// The module that a log line comes from.
    pub(super) target: Option<&'a str>,
    pub(super) message: &'a str,
    /// In the order of the text.
    pub(super) fields: &'a [(&'static str, Value)],
}

/// A line as JSON.
#[derive(Serialize)]
struct JsonEntry<'a> {
    timestamp: String,
    level: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    message: &'a str,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

impl LogEntry<'_> {
    /// `drift: warning: …`, and the fields as `name=value`. Text from a repository or a cluster cannot begin a line of
    /// its own, which a workflow's runner might take for a command.
    fn to_text(&self) -> String {
        let mut text = format!("drift: {}{}", self.severity.prefix(), one_line(self.message, MESSAGE_LIMIT));
        for (at, (name, value)) in self.fields.iter().enumerate() {
            text.push_str(if at == 0 { ": " } else { " " });
            text.push_str(&format!("{name}={}", text_value(value)));
        }
        text
    }

    fn to_json(&self) -> String {
        let message: String = self.message.chars().take(MESSAGE_LIMIT).collect();
        let entry = JsonEntry {
            timestamp: now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            level: self.severity.level(),
            target: self.target,
            message: &message,
            fields: self.fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        };
        escape_json(&serde_json::to_string(&entry).expect("its keys are text"))
    }

    /// Writes the line, whatever the report's format. A failed write is ignored.
    pub(super) fn write(&self) {
        let state = lock();
        if state.quiet && !matches!(self.severity, Severity::Error | Severity::Hint) {
            return;
        }
        let line = match state.format {
            LogFormat::Text => self.to_text(),
            LogFormat::Json => self.to_json(),
        };
        let mut out = io::stderr().lock();
        // The progress line makes room, and comes again below.
        let (clear, again) = match &state.progress {
            Some(progress) => (CLEAR, progress_line(progress)),
            None => ("", String::new()),
        };
        let _lost = write!(out, "{clear}{line}\n{again}");
    }
}

/// A value as it stands where that is one word, else quoted.
fn text_value(value: &Value) -> String {
    match value {
        Value::String(text) => {
            let line = one_line(text, MESSAGE_LIMIT);
            let is_word = !line.is_empty() && !line.contains([' ', '"', '=', '\\']);
            if is_word { line } else { format!("{line:?}") }
        }
        other => other.to_string(),
    }
}

fn lock() -> MutexGuard<'static, StderrState> {
    STDERR.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sets how lines are written from now on; `quiet` leaves only errors.
pub(super) fn configure(format: LogFormat, quiet: bool) {
    let mut state = lock();
    state.format = format;
    state.quiet = quiet;
}

/// Prints an error with the program's name.
pub(super) fn error(text: &str) {
    print(Severity::Error, text);
}

/// Prints an error, and on a line of its own what to do.
pub(super) fn error_with_hint(text: &str, hint: Option<&str>) {
    let format = lock().format;
    match (hint, format) {
        (None, _) => error(text),
        (Some(hint), LogFormat::Text) => {
            error(text);
            print(Severity::Hint, hint);
        }
        (Some(hint), LogFormat::Json) => {
            let fields = &[("hint", hint.into())];
            LogEntry { severity: Severity::Error, target: None, message: text, fields }.write();
        }
    }
}

/// Prints a warning.
pub(super) fn warning(text: &str) {
    print(Severity::Warning, text);
}

/// Prints a remark.
pub(super) fn note(text: &str) {
    print(Severity::Note, text);
}

fn print(severity: Severity, message: &str) {
    LogEntry { severity, target: None, message, fields: &[] }.write();
}

/// To the start of the line, which is cleared.
const CLEAR: &str = "\r\u{1b}[K";

fn progress_line(stage: &str) -> String {
    format!("{CLEAR}drift: {}…", escape_terminal(stage))
}

/// A progress line that is overwritten, on a terminal only.
pub(super) struct Progress {
    shown: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        let state = lock();
        let wanted = state.format == LogFormat::Text && !state.quiet;
        Self { shown: wanted && io::stderr().is_terminal() && variable("CI").is_none() }
    }

    pub(super) fn stage(&self, stage: &str) {
        if self.shown {
            self.show(Some(stage));
        }
    }

    pub(super) fn done(&self) {
        if self.shown {
            self.show(None);
        }
    }

    fn show(&self, stage: Option<&str>) {
        let mut state = lock();
        state.progress = stage.map(str::to_owned);
        let line = stage.map_or_else(|| CLEAR.to_owned(), progress_line);
        let _lost = io::stderr().lock().write_all(line.as_bytes());
    }
}

/// Prints what clap has to say, an error of usage or a help; with the exit code.
pub(super) fn print_clap(said: &clap::Error) -> u8 {
    let _lost = said.print();
    if said.use_stderr() { USAGE } else { 0 }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{LogEntry, Severity};

    fn entry<'a>(message: &'a str, fields: &'a [(&'static str, Value)]) -> LogEntry<'a> {
        LogEntry { severity: Severity::Debug, target: Some("drift::cluster"), message, fields }
    }

    #[test]
    fn text_line_has_its_fields_as_words() {
        let fields =
            [("method", json!("GET")), ("path", json!("/a b")), ("status", json!(200)), ("error", json!(""))];
        assert_eq!(
            entry("request", &fields).to_text(),
            r#"drift: debug: request: method=GET path="/a b" status=200 error="""#
        );
    }

    #[test]
    fn hostile_text_escaped_on_one_line() {
        let hostile = "a\n::error::b\r\u{1b}[31m\u{202e}\" x=1";
        let fields = [("path", json!(hostile))];
        let text = entry(hostile, &fields).to_text();
        let json_line = entry(hostile, &fields).to_json();
        for line in [&text, &json_line] {
            let acts = |c: char| c.is_control() || crate::text::is_invisible(c);
            assert!(!line.contains(acts), "{line:?}");
        }
        let read: Value = serde_json::from_str(&json_line).expect("JSON");
        assert_eq!(read["message"], hostile);
        assert_eq!(read["path"], hostile);
        assert_eq!((&read["level"], &read["target"]), (&json!("debug"), &json!("drift::cluster")));
    }

    #[test]
    fn long_message_is_cut_in_both_formats() {
        let long = "x".repeat(10_000);
        assert!(entry(&long, &[]).to_text().len() < 4_100);
        assert!(entry(&long, &[]).to_json().len() < 4_200);
    }
}
