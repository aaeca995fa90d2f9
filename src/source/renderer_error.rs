//! What helm and kustomize say when they fail, made short: no noise, nothing of what they read, one line.

use super::message_redaction::{RedactedMessage, RendererTree};
use super::tools::Tool;

/// The longest reason that is passed on, in characters.
const LONGEST: usize = 600;

/// Why a renderer failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RendererError {
    /// Its memory was used up.
    OutOfMemory,
    /// In its own words.
    Said(String),
}

impl RendererError {
    /// Its own words, where there are any.
    pub(super) fn said(&self) -> &str {
        match self {
            Self::OutOfMemory => "",
            Self::Said(error) => error,
        }
    }
}

/// The error in a renderer's standard error: what follows its first `Error:` (`error:` of kubectl), on one line. It quotes
/// what was read, so it is only looked into; what is shown of it is for [`redact_error`] to say.
pub(super) fn extract_error(stderr: &str) -> RendererError {
    let lines: Vec<_> = stderr.lines().collect();
    let begins = |line: &&str| line.starts_with("Error:") || line.starts_with("error:");
    let Some(start) = lines.iter().position(begins) else {
        return panic_of(&lines);
    };
    let rest = lines[start..].iter().map(|line| line.trim());
    let rest = rest.take_while(|line| !line.is_empty() && !line.starts_with("Use --debug"));
    let error = rest.collect::<Vec<_>>().join(" ");
    RendererError::Said(error["Error:".len()..].trim().to_owned())
}

/// What of such an error may be shown, and the first file that it names. `by_hand`: how a person sees all of it.
pub(super) fn redact_error(
    error: &RendererError,
    rendering: &RendererTree<'_>,
    by_hand: &str,
) -> RedactedMessage {
    let RendererError::Said(error) = error else {
        return RedactedMessage { text: NO_MEMORY.to_owned(), place: None };
    };
    let shown = rendering.redact(error);
    let text = if shown.text.is_empty() {
        format!("message hidden, because it may contain secret values: run `{by_hand}` to see it")
    } else if shown.text.starts_with("execution error") {
        format!("{} (what the template itself says with `fail` or `required` stands there)", shown.text)
    } else {
        shown.text
    };
    RedactedMessage { text: bounded(&text), place: shown.place }
}

/// The command that renders a source outside drift.
pub(super) fn manual_command(tool: &Tool, path: &str) -> String {
    let program = tool.path.file_name().map(|name| name.to_string_lossy().into_owned());
    format!("{} {} {path}", program.unwrap_or_default(), tool.subcommand)
}

const NO_MEMORY: &str = "it needs more than the 4 GiB of memory that rendering may use";

/// The first line of a Go program's own end (`fatal error: runtime: out of memory`), or the last line.
fn panic_of(lines: &[&str]) -> RendererError {
    let fatal = lines.iter().find(|line| line.starts_with("fatal error:") || line.starts_with("panic:"));
    if lines.iter().any(|line| line.contains("out of memory") || line.contains("cannot allocate memory")) {
        return RendererError::OutOfMemory;
    }
    let last = lines.iter().rev().find(|line| !line.trim().is_empty());
    let said = fatal.or(last).map_or("it failed without a message", |line| line.trim());
    RendererError::Said(said.to_owned())
}

fn bounded(text: &str) -> String {
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut short: String = printable.take(LONGEST).collect();
    if text.chars().count() > LONGEST {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::{RendererError, bounded, extract_error};

    #[test]
    fn errors_lose_noise() {
        for (stderr, expected) in [
            (
                "level=ERROR msg=\"x\"\nError: web/templates/x.yaml:1:13\n  executing \"web/templates/x.yaml\" at <.Values.a>:\n    can't evaluate field b\n\nUse --debug flag to render out invalid YAML\n",
                "web/templates/x.yaml:1:13 executing \"web/templates/x.yaml\" at <.Values.a>: can't evaluate field b",
            ),
            ("", "it failed without a message"),
        ] {
            assert_eq!(extract_error(stderr).said(), expected);
        }
        let stderr = "runtime: out of memory: x\nfatal error: out of memory\n\ngoroutine 1\n";
        assert_eq!(extract_error(stderr), RendererError::OutOfMemory);
    }

    #[test]
    fn a_long_error_is_cut() {
        assert_eq!(bounded(&"x".repeat(5000)).chars().count(), 601);
    }
}
