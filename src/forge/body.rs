//! Titles and bodies as they are written: marked, cut, and compared.

use super::error::ForgeError;
use super::marker::ProposalMarker;
use super::proposal::{ExistingProposal, Proposal};

/// What the line that says "cut" takes at most.
const NOTE_ROOM: usize = 200;

/// How long the texts of a proposal may be on a forge, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextLimits {
    /// Of a title.
    pub title: usize,
    /// Of a body, with its mark.
    pub body: usize,
}

/// Title and body as they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProposalText {
    pub(super) title: String,
    pub(super) body: String,
}

impl TextLimits {
    /// What is written for a proposal: the mark in line 1 of the body, and both cut where they are too long.
    pub(super) fn fit(self, proposal: &Proposal) -> Result<ProposalText, ForgeError> {
        let mark = ProposalMarker {
            incident: proposal.incident.clone(),
            fingerprint: proposal.fingerprint.clone(),
            commit: proposal.commit.clone(),
            closed_by_us: false,
        };
        Ok(ProposalText {
            title: self.fit_title(&proposal.title),
            body: self.with_marker(&mark, &proposal.body)?,
        })
    }

    /// A body with this mark in line 1.
    pub(super) fn with_marker(self, mark: &ProposalMarker, text: &str) -> Result<String, ForgeError> {
        let line = mark.to_line().ok_or_else(|| {
            ForgeError::configuration(
                format!(
                    "incident {:?} with fingerprint {:?} cannot be marked",
                    mark.incident, mark.fingerprint
                ),
                "an id is up to 64 letters, digits, `-`, `_` and `.`, a fingerprint 8 to 128 hexadecimal digits",
            )
        })?;
        let text = normalise_body(text);
        let room = self.body.saturating_sub(line.chars().count() + 1);
        Ok(format!("{line}\n{}", cut(&text, room)))
    }

    /// A title as forges keep it: one line, trimmed, cut.
    fn fit_title(self, text: &str) -> String {
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.chars().count() <= self.title {
            return line;
        }
        line.chars().take(self.title.saturating_sub(1)).chain(['…']).collect()
    }
}

impl ProposalText {
    /// Whether it is to be written: the proposal is open, and has another text.
    pub(super) fn changes(&self, existing: &ExistingProposal) -> bool {
        let differs = existing.title.trim() != self.title
            || normalise_body(&existing.body) != normalise_body(&self.body);
        existing.state.is_open() && differs
    }
}

/// The body below its mark.
pub(super) fn below_marker(body: &str) -> &str {
    body.split_once('\n').map_or("", |(_, rest)| rest)
}

/// A body as it is compared: line ends of one kind, no white space at its end.
pub(super) fn normalise_body(text: &str) -> String {
    text.replace("\r\n", "\n").trim_end().to_owned()
}

/// At most `room` characters, ended at a line's end with a line that says so; the trailers at the end are kept, and what
/// was open (a fence, `<details>`) is closed, so that they are still read as trailers.
fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let lines: Vec<&str> = text.split('\n').collect();
    let end = trailers_start(&lines);
    let tail = lines[end..].join("\n");
    let budget = room.saturating_sub(tail.chars().count() + NOTE_ROOM);
    let (mut kept, mut used, mut open) = (Vec::new(), 0, OpenMarkdown::default());
    for line in &lines[..end] {
        let length = line.chars().count() + 1;
        let mut after = open.clone();
        after.see(line);
        if used + length + after.closing().chars().count() > budget {
            break;
        }
        used += length;
        open = after;
        kept.push(*line);
    }
    let dropped = end - kept.len();
    let mut shortened = kept.join("\n");
    shortened.push_str(&open.closing());
    shortened.push_str(&format!(
        "\n\n*Cut here: {dropped} more lines would not fit. `drift check` and `drift explain` show them all.*"
    ));
    if !tail.is_empty() {
        shortened.push_str("\n\n");
        shortened.push_str(&tail);
    }
    shortened
}

/// Where the block of trailers (`Drift-Incident: ...`) at the end begins; the number of lines where there is none.
fn trailers_start(lines: &[&str]) -> usize {
    let block = lines.iter().rev().take_while(|line| is_trailer(line)).count();
    if block > 16 { lines.len() } else { lines.len() - block }
}

fn is_trailer(line: &str) -> bool {
    line.chars().count() <= 300
        && line.split_once(": ").is_some_and(|(key, value)| {
            !value.trim().is_empty()
                && key.starts_with(|c: char| c.is_ascii_uppercase())
                && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        })
}

/// What Markdown has open at a line.
#[derive(Default, Clone)]
struct OpenMarkdown {
    fence: Option<String>,
    details: usize,
}

impl OpenMarkdown {
    fn see(&mut self, line: &str) {
        let start = line.trim_start();
        let first = start.chars().next().filter(|c| matches!(c, '`' | '~'));
        let run: String = start.chars().take_while(|c| Some(*c) == first).collect();
        match &self.fence {
            Some(fence) => {
                if run.starts_with(fence.as_str()) && start[run.len()..].trim().is_empty() {
                    self.fence = None;
                }
            }
            None if run.len() >= 3 => self.fence = Some(run),
            None => {
                let opened = line.matches("<details").count();
                self.details = (self.details + opened).saturating_sub(line.matches("</details>").count());
            }
        }
    }

    fn closing(&self) -> String {
        let fence = self.fence.as_ref().map(|fence| format!("\n{fence}")).unwrap_or_default();
        fence + &"\n\n</details>".repeat(self.details)
    }
}
