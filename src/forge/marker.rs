//! The hidden line at the top of a proposal's body, by which it is found again.

/// Which incident a proposal is for, and what the incident looked like when it was last written.
///
/// `<!-- drift:v1 incident=<id> fingerprint=<hex> -->`, alone in line 1: forges cut bodies at their end, and values from a
/// cluster stand below it. ` commit=<id>` before the end names the commit that was proven: who changes its branch does not
/// change that. ` closed=us` says that drift closed the proposal; the same write that closes it sets it, so that no second
/// look is needed to tell our own closings from a person's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalMarker {
    /// The incident's id: letters, digits and single `-`, `_` and `.`, at most 64.
    pub incident: String,
    /// Lower-case hexadecimal, 8 to 128 digits.
    pub fingerprint: String,
    /// The commit that was proven, of a pull request.
    pub commit: Option<String>,
    /// Whether drift closed it.
    pub closed_by_us: bool,
}

const OPEN: &str = "<!-- drift:v1 incident=";
const COMMIT: &str = " commit=";
const CLOSED: &str = " closed=us";
const END: &str = " -->";
const COMMENT: &str = "<!-- drift:v1 closing incident=";

impl ProposalMarker {
    /// The line, without its line end; `None` where id or fingerprint could not be read back.
    pub fn to_line(&self) -> Option<String> {
        let closed = if self.closed_by_us { CLOSED } else { "" };
        let commit = self.commit.as_ref().map(|commit| format!("{COMMIT}{commit}")).unwrap_or_default();
        let readable = is_id(&self.incident)
            && is_fingerprint(&self.fingerprint)
            && self.commit.as_deref().is_none_or(is_commit);
        readable
            .then(|| format!("{OPEN}{} fingerprint={}{commit}{closed}{END}", self.incident, self.fingerprint))
    }

    /// The mark in line 1 of a body. Anything that is not exactly such a line is no mark.
    pub fn parse(body: &str) -> Option<Self> {
        let inside = first_line(body).strip_prefix(OPEN)?.strip_suffix(END)?;
        let (incident, rest) = inside.split_once(" fingerprint=")?;
        let (rest, closed_by_us) = match rest.strip_suffix(CLOSED) {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let (fingerprint, commit) = match rest.split_once(COMMIT) {
            Some((fingerprint, commit)) => (fingerprint, Some(commit)),
            None => (rest, None),
        };
        let readable = is_id(incident) && is_fingerprint(fingerprint) && commit.is_none_or(is_commit);
        readable.then(|| Self {
            incident: incident.to_owned(),
            fingerprint: fingerprint.to_owned(),
            commit: commit.map(str::to_owned),
            closed_by_us,
        })
    }
}

/// The hidden line at the top of the comment with which we close; `digest` tells one reason from another.
pub(super) fn closing_line(incident: &str, digest: &str) -> String {
    format!("{COMMENT}{incident} reason={digest}{END}")
}

/// Line 1. Forms of a web browser turn line ends into `\r\n`.
pub(super) fn first_line(body: &str) -> &str {
    let line = body.split('\n').next().unwrap_or_default();
    line.strip_suffix('\r').unwrap_or(line)
}

fn is_id(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    // `--` may end an HTML comment for lenient readers.
    (1..=64).contains(&text.len())
        && text.chars().all(plain)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !text.contains("--")
}

fn is_commit(text: &str) -> bool {
    text.len() == 40 && is_fingerprint(text)
}

fn is_fingerprint(text: &str) -> bool {
    (8..=128).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
