//! Lines of a text: offsets to places, and the whitespace and comments between tokens.

use crate::model::SourceLocation;

/// Where a piece of text begins in its file.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Base {
    pub(super) offset: usize,
    /// Line breaks before it.
    pub(super) line: usize,
    /// Characters before it in its line.
    pub(super) column: usize,
}

impl Base {
    /// The base of the text from `to` on.
    pub(super) fn advance(self, bytes: &[u8], to: usize) -> Self {
        let between = &bytes[self.offset..to];
        let line_start = between.iter().rposition(|byte| matches!(byte, b'\n' | b'\r'));
        let rest = &between[line_start.map_or(0, |found| found + 1)..];
        let rest = rest.strip_prefix(b"\xef\xbb\xbf").unwrap_or(rest);
        // Every byte but those that continue a character.
        let characters = rest.iter().filter(|byte| **byte & 0xC0 != 0x80).count();
        let column = if line_start.is_some() { characters } else { self.column + characters };
        Self { offset: to, line: self.line + count_breaks(between), column }
    }
}

/// Number of line breaks in `bytes`: `\n`, `\r\n`, and `\r` alone.
pub(super) fn count_breaks(bytes: &[u8]) -> usize {
    let alone = |at: &usize| bytes.get(at + 1) != Some(&b'\n');
    memchr::memchr_iter(b'\n', bytes).count() + memchr::memchr_iter(b'\r', bytes).filter(alone).count()
}

/// Start of the line that holds `at`.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text.as_bytes()[..at].iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).map_or(0, |found| found + 1)
}

/// End of the line that holds `at`, before its break.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    text.as_bytes()[at..]
        .iter()
        .position(|byte| matches!(byte, b'\n' | b'\r'))
        .map_or(text.len(), |found| at + found)
}

/// Start of the line after the one that holds `at`, or the end of the text.
pub(super) fn next_line(text: &str, at: usize) -> usize {
    let end = line_end(text, at);
    match &text.as_bytes()[end..] {
        [b'\r', b'\n', ..] => end + 2,
        [] => end,
        _ => end + 1,
    }
}

/// Columns of `at` in its line, in bytes.
pub(super) fn column(text: &str, at: usize) -> usize {
    let start = line_start(text, at);
    let bom = if start == 0 && text.starts_with('\u{feff}') { 3 } else { 0 };
    (at - start).saturating_sub(bom)
}

/// First byte at or after `at` that is neither whitespace, nor a line break, nor in a comment.
pub(super) fn skip_blank(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = at.min(bytes.len());
    while let Some(byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => at += 1,
            b'#' if at == 0 || matches!(bytes[at - 1], b' ' | b'\t' | b'\n' | b'\r') => {
                at = line_end(text, at);
            }
            // A byte order mark may stand before the first token.
            0xEF if text[at..].starts_with('\u{feff}') => at += 3,
            _ => break,
        }
    }
    at
}

/// Counts lines and columns of offsets that mostly rise.
pub(super) struct LineIndex<'a> {
    text: &'a str,
    base: Base,
    line: usize,
    line_start: usize,
    /// Start of the next line; beyond the text for the last one.
    next: usize,
    /// Last offset asked for, and its column.
    last: (usize, usize),
}

impl<'a> LineIndex<'a> {
    pub(super) fn new(text: &'a str, base: Base) -> Self {
        let mut places = Self { text, base, line: 0, line_start: 0, next: 0, last: (0, 0) };
        places.start_line(0);
        places
    }

    /// The place of an offset of the text, in the file.
    pub(super) fn locate(&mut self, offset: usize) -> SourceLocation {
        let offset = offset.min(self.text.len());
        if offset < self.line_start {
            let start = line_start(self.text, offset);
            self.line = count_breaks(&self.text.as_bytes()[..start]);
            self.start_line(start);
        }
        while offset >= self.next {
            self.line += 1;
            self.start_line(self.next);
        }
        if offset < self.last.0 {
            self.last = (self.line_start, 0);
        }
        let between = self.text.get(self.last.0..offset).unwrap_or_default();
        let column = self.last.1 + between.chars().filter(|character| *character != '\u{feff}').count();
        self.last = (offset, column);
        let before = if self.line == 0 { self.base.column } else { 0 };
        SourceLocation {
            line: to_one_based(self.base.line + self.line),
            column: to_one_based(before + column),
        }
    }

    fn start_line(&mut self, start: usize) {
        let next = next_line(self.text, start);
        let broken = matches!(self.text.as_bytes()[start..next].last(), Some(b'\n' | b'\r'));
        self.next = if broken { next } else { usize::MAX };
        self.line_start = start;
        self.last = (start, 0);
    }
}

/// Counted from 1.
pub(super) fn to_one_based(from_zero: usize) -> u32 {
    u32::try_from(from_zero).unwrap_or(u32::MAX - 1).saturating_add(1)
}
