//! What stands before a comment.

use super::lines::{line_start, skip_blank};

/// What decides whether a tab may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LastToken {
    /// Nothing, a `-` or a `?`: a key may come.
    LineStart,
    Plain,
    Other,
}

/// Offset after the `---` that may begin a document.
pub(super) fn after_marker(text: &str) -> usize {
    let at = skip_blank(text, 0);
    let marker = text[at..].starts_with("---")
        && (at == 0 || line_start(text, at) == at || text[..at].ends_with('\u{feff}'));
    if marker && matches!(text.as_bytes().get(at + 3), None | Some(b' ' | b'\t' | b'\r' | b'\n')) {
        at + 3
    } else {
        0
    }
}
