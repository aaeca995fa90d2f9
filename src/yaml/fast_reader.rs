//! The way in which most manifests are written, read in one pass: block maps and lists by spaces, plain and quoted
//! scalars, small lists on one line, literal blocks.
//!
//! The same nodes as [`super::compose`] builds from the parser's events (tests compare the two), in a
//! fraction of the time; or their values alone. Whatever is written in another way, or is an error, is the parser's.

use std::borrow::Cow;

use super::builder::{NodeBuilder, NodePosition, RawScalar};
use super::compose::max_values;
use super::lines::{Base, to_one_based};
use super::node::{NodeStyle, Span};
use super::resolve;
use crate::model::SourceLocation;

/// Levels of lists and maps that are read here.
const DEPTH: usize = 60;
/// Longest key that is read here: YAML ends those of 1024 characters.
const KEY: usize = 256;

/// The text is not of the simple kind.
struct NotSimple;

type Simple<T> = Result<T, NotSimple>;

/// Reads a document that holds a list or a map, and where that begins; `None` where some of it is not simple. The
/// characters are those that YAML allows.
pub(super) fn read<'t, M: NodeBuilder<'t>>(text: &'t str, base: Base) -> Option<(M, SourceLocation)> {
    // A carriage return may end a line, and so begins a byte order mark.
    if base.column > 0 || memchr::memchr2(b'\r', 0xEF, text.as_bytes()).is_some() {
        return None;
    }
    // More than a line or an item of a small list for each value there is not: the parser counts them.
    if memchr::memchr2_iter(b'\n', b',', text.as_bytes()).count() > max_values(text) {
        return None;
    }
    let mut reader =
        FastReader { text, bytes: text.as_bytes(), base, next: 0, number: 0, line: None, depth: 0 };
    reader.document().ok()
}

/// A line that holds more than a comment.
#[derive(Clone, Copy)]
struct Line {
    /// From 0.
    number: usize,
    start: usize,
    /// Its first byte that is no space.
    at: usize,
    /// Its break, or the end of the text.
    end: usize,
}

impl Line {
    fn column(&self) -> usize {
        self.at - self.start
    }
}

/// Where a value hangs.
#[derive(Clone, Copy)]
struct Parent {
    /// The `-` or `:` before it.
    lead: usize,
    /// Column of the collection that holds it.
    column: usize,
    under_key: bool,
}

/// A scalar, how it is written, where it ends, and where its last line does.
type ScalarLines<'a> = (RawScalar<'a>, NodeStyle, usize, usize);

/// What became of a quoted scalar in one line.
enum QuotedPart {
    /// Behind the closing quote.
    Closed { end: usize },
    /// It goes on below, where `joined` without anything between.
    Open { joined: bool },
}

struct FastReader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    base: Base,
    /// Start of the first line that was not looked at, and its number.
    next: usize,
    number: usize,
    /// The line that is read.
    line: Option<Line>,
    depth: usize,
}

impl<'a> FastReader<'a> {
    fn document<M: NodeBuilder<'a>>(&mut self) -> Simple<(M, SourceLocation)> {
        self.advance()?;
        let mut line = self.line.ok_or(NotSimple)?;
        let mut lead = 0;
        if self.bytes[line.at..line.end].starts_with(b"---") {
            lead = line.at + 3;
            if line.column() > 0 || self.text_after(lead, line.end)? != line.end {
                return Err(NotSimple);
            }
            self.advance()?;
            line = self.line.ok_or(NotSimple)?;
        }
        let root = self.block(line, lead)?;
        let place = self.span(line, line.at, line.at).location;
        if self.line.is_some() { Err(NotSimple) } else { Ok((root, place)) }
    }

    /// Goes on to the next line that holds something.
    fn advance(&mut self) -> Simple<()> {
        self.line = None;
        while self.next < self.bytes.len() {
            let (start, number) = (self.next, self.number);
            let end = self.end_of_line(start);
            self.next = end + 1;
            self.number += 1;
            let at = start + leading_spaces(&self.bytes[start..end]);
            match self.bytes[at..end].first() {
                None | Some(b'#') => {}
                Some(b'\t') => return Err(NotSimple),
                Some(_) => {
                    self.line = Some(Line { number, start, at, end });
                    break;
                }
            }
        }
        Ok(())
    }

    fn end_of_line(&self, start: usize) -> usize {
        memchr::memchr(b'\n', &self.bytes[start..]).map_or(self.bytes.len(), |found| start + found)
    }

    /// The list or map that begins at the line's first byte.
    fn block<M: NodeBuilder<'a>>(&mut self, line: Line, lead: usize) -> Simple<M> {
        if self.is_dash(line.at, line.end) {
            self.sequence(line, lead)
        } else {
            self.mapping(line, line.at, lead)
        }
    }

    fn is_dash(&self, at: usize, end: usize) -> bool {
        self.bytes[at] == b'-' && (at + 1 == end || self.bytes[at + 1] == b' ')
    }

    fn sequence<M: NodeBuilder<'a>>(&mut self, first: Line, lead: usize) -> Simple<M> {
        self.enter()?;
        let (column, mut line) = (first.column(), first);
        let mut items: Vec<M> = Vec::new();
        let end = loop {
            let parent = Parent { lead: line.at, column, under_key: false };
            let item: M = self.value(line, line.at + 1, parent)?;
            let end = item.end();
            items.push(item);
            match self.line {
                Some(next) if next.column() == column && self.is_dash(next.at, next.end) => line = next,
                // Under a key a list may stand in the key's own column: what follows is the map's.
                Some(next) if next.column() > column => return Err(NotSimple),
                _ => break self.end_of(end),
            }
        };
        self.leave();
        Ok(M::list(items, self.position(NodeStyle::Block, (first, first.at, end), lead)))
    }

    /// A map whose first key is at `start` in the line.
    fn mapping<M: NodeBuilder<'a>>(&mut self, first: Line, start: usize, lead: usize) -> Simple<M> {
        self.enter()?;
        let column = start - first.start;
        let mut entries = M::Entries::default();
        let (mut line, mut at) = (first, start);
        let end = loop {
            let (name, colon) = self.key(at, line.end).ok_or(NotSimple)?;
            let key = (name, self.span(line, at, colon));
            let parent = Parent { lead: colon, column, under_key: true };
            let value: M = self.value(line, colon + 1, parent)?;
            let end = value.end();
            M::add(&mut entries, key, value);
            match self.line {
                Some(next) if next.column() == column => (line, at) = (next, next.at),
                Some(next) if next.column() > column => return Err(NotSimple),
                _ => break self.end_of(end),
            }
        };
        self.leave();
        M::map(entries, self.position(NodeStyle::Block, (first, start, end), lead)).ok_or(NotSimple)
    }

    /// What stands after a `-` or `:`, on its line or below it; then goes on to the next line.
    fn value<M: NodeBuilder<'a>>(&mut self, line: Line, from: usize, parent: Parent) -> Simple<M> {
        let at = self.text_after(from, line.end)?;
        if at == line.end {
            return self.value_below(line, from, parent);
        }
        if !parent.under_key && !matches!(self.bytes[at], b'[' | b'{' | b'|') {
            if self.is_dash(at, line.end) {
                return Err(NotSimple);
            }
            if self.key(at, line.end).is_some() {
                return self.mapping(line, at, parent.lead);
            }
        }
        let (value, end, line_end) = match self.bytes[at] {
            b'|' => return self.literal(line, at, parent),
            b'[' | b'{' => {
                let (value, end) = self.flow(line, at, parent.lead)?;
                (value, end, line.end)
            }
            quote => {
                let is_quoted = matches!(quote, b'"' | b'\'');
                let read = if is_quoted {
                    self.quoted_lines(line, at, parent.column)
                } else {
                    self.plain_lines(line, at, parent.column)
                };
                let (scalar, style, end, line_end) = read?;
                (self.scalar(scalar, style, (line, at, end), parent.lead)?, end, line_end)
            }
        };
        if self.text_after(end, line_end)? != line_end {
            return Err(NotSimple);
        }
        self.advance()?;
        // It goes on in the next line, or that one is wrong.
        if self.line.is_some_and(|next| next.column() > parent.column) {
            return Err(NotSimple);
        }
        Ok(value)
    }

    fn value_below<M: NodeBuilder<'a>>(&mut self, line: Line, from: usize, parent: Parent) -> Simple<M> {
        self.advance()?;
        match self.line {
            Some(next) if next.column() > parent.column => self.block(next, parent.lead),
            Some(next)
                if next.column() == parent.column && parent.under_key && self.is_dash(next.at, next.end) =>
            {
                self.sequence(next, parent.lead)
            }
            _ => self.scalar(RawScalar::Nothing, NodeStyle::Empty, (line, from, from), parent.lead),
        }
    }

    /// Where the next text of the line begins; its end where only blanks or a comment follow.
    fn text_after(&self, from: usize, end: usize) -> Simple<usize> {
        let at = from + leading_spaces(&self.bytes[from..end]);
        match self.bytes[at..end].first() {
            Some(b'#') if at > from => Ok(end),
            Some(b'#' | b'\t') => Err(NotSimple),
            _ => Ok(at),
        }
    }

    /// The key at `at`, and where its `:` is.
    fn key(&self, at: usize, end: usize) -> Option<(&'a str, usize)> {
        let line = &self.bytes[at..end];
        let (name, length) = match line[0] {
            quote @ (b'"' | b'\'') => {
                let length = memchr::memchr2(quote, b'\\', &line[1..])?;
                // A backslash before the quote: what it means is the parser's to say.
                if line[1 + length] != quote {
                    return None;
                }
                (1..1 + length, length + 2)
            }
            first if first.is_ascii_alphabetic() || matches!(first, b'_' | b'/') => {
                let length = line.iter().position(|byte| !is_word(*byte))?;
                (0..length, length)
            }
            _ => return None,
        };
        let is_key = matches!(line[length..], [b':'] | [b':', b' ', ..]) && length <= KEY;
        let text = self.text.get(at + name.start..at + name.end).filter(|text| is_key && text.is_ascii())?;
        // No word of more letters is anything but text.
        let special = name.start == 0 && length <= "false".len();
        let is_text = !special || resolve::is_text(text);
        is_text.then_some((text, at + length))
    }

    /// A plain scalar and the lines below that it goes on in; where it ends, and where its last line does.
    fn plain_lines(&mut self, line: Line, at: usize, column: usize) -> Simple<ScalarLines<'a>> {
        let begins = match &self.bytes[at..line.end] {
            [b'-', b'-', b'-', ..] | [b'.', b'.', b'.', ..] | [b'-'] | [b'-', b' ', ..] => false,
            [b':', next, ..] => *next != b' ',
            [b'/' | b'.' | b'_' | b'(' | b'~' | b'+' | b'$' | b'^' | b'-' | b'=' | b'<', ..] => true,
            [first, ..] => first.is_ascii_alphanumeric(),
            [] => false,
        };
        if !begins {
            return Err(NotSimple);
        }
        let (text, mut end) = self.plain_line(at, line.end)?;
        let (mut text, mut line_end) = (Cow::Borrowed(text), line.end);
        // A comment ends it.
        while self.text_after_is_none(end, line_end) {
            let Some((blank, start, stop)) = self.peek_text() else { break };
            let first = start + leading_spaces(&self.bytes[start..stop]);
            if first - start <= column || self.bytes[first] == b'#' {
                break;
            }
            let (more, more_end) = self.plain_line(first, stop)?;
            fold(text.to_mut(), blank);
            text.to_mut().push_str(more);
            (end, line_end) = (more_end, stop);
            self.skip_lines(blank + 1, stop);
        }
        Ok((RawScalar::Plain(text), NodeStyle::Plain, end, line_end))
    }

    /// What a line has of a plain scalar from `at` on, and where that ends.
    fn plain_line(&self, at: usize, line_end: usize) -> Simple<(&'a str, usize)> {
        let line = &self.bytes[at..line_end];
        let mut length = 0;
        for (index, byte) in line.iter().enumerate() {
            match byte {
                b' ' => {}
                b'\t' => return Err(NotSimple),
                b':' if matches!(line.get(index + 1), None | Some(b' ')) => return Err(NotSimple),
                b'#' if line[index - 1] == b' ' => break,
                _ => length = index + 1,
            }
        }
        let end = at + length;
        Ok((self.text.get(at..end).ok_or(NotSimple)?, end))
    }

    fn text_after_is_none(&self, end: usize, line_end: usize) -> bool {
        self.bytes[end..line_end].iter().all(|byte| *byte == b' ')
    }

    /// The next line with more than spaces: how many blank ones are before it, where it begins and ends.
    fn peek_text(&self) -> Option<(usize, usize, usize)> {
        let (mut start, mut blank) = (self.next, 0);
        while start < self.bytes.len() {
            let stop = self.end_of_line(start);
            if self.bytes[start..stop].iter().any(|byte| *byte != b' ') {
                return Some((blank, start, stop));
            }
            (start, blank) = (stop + 1, blank + 1);
        }
        None
    }

    /// Goes past so many lines, of which the last one ends at `stop`.
    fn skip_lines(&mut self, lines: usize, stop: usize) {
        self.next = stop + 1;
        self.number += lines;
    }

    /// A quoted scalar on one line, without escapes.
    fn quoted(&self, at: usize, line_end: usize) -> Simple<(RawScalar<'a>, NodeStyle, usize)> {
        let quote = self.bytes[at];
        let inside = &self.bytes[at + 1..line_end];
        let length = memchr::memchr2(quote, b'\\', inside).ok_or(NotSimple)?;
        let end = at + 1 + length + 1;
        let text = self.text.get(at + 1..end - 1).ok_or(NotSimple)?;
        let again = quote == b'\'' && inside.get(length + 1) == Some(&quote);
        if inside[length] != quote || again || text.contains('\t') {
            return Err(NotSimple);
        }
        Ok((RawScalar::Quoted(Cow::Borrowed(text)), quoted_style(quote), end))
    }

    /// A quoted scalar with escapes and on several lines; where it ends, and where its last line does.
    fn quoted_lines(&mut self, line: Line, at: usize, column: usize) -> Simple<ScalarLines<'a>> {
        if let Ok((scalar, style, end)) = self.quoted(at, line.end) {
            return Ok((scalar, style, end, line.end));
        }
        let quote = self.bytes[at];
        let mut value = String::new();
        let (mut from, mut line_end) = (at + 1, line.end);
        loop {
            let joined = match self.quoted_part(quote, (from, line_end), &mut value)? {
                QuotedPart::Closed { end } => {
                    let scalar = RawScalar::Quoted(Cow::Owned(value));
                    return Ok((scalar, quoted_style(quote), end, line_end));
                }
                QuotedPart::Open { joined } => joined,
            };
            let (blank, start, stop) = self.peek_text().ok_or(NotSimple)?;
            from = start + leading_spaces(&self.bytes[start..stop]);
            if from - start <= column || (joined && blank > 0) {
                return Err(NotSimple);
            }
            if !joined {
                fold(&mut value, blank);
            }
            line_end = stop;
            self.skip_lines(blank + 1, stop);
        }
    }

    /// What one line has of a quoted scalar.
    fn quoted_part(
        &self,
        quote: u8,
        (mut from, line_end): (usize, usize),
        value: &mut String,
    ) -> Simple<QuotedPart> {
        let escape = if quote == b'"' { b'\\' } else { quote };
        loop {
            let rest = &self.bytes[from..line_end];
            let length = memchr::memchr2(quote, escape, rest).unwrap_or(rest.len());
            let text = self.text.get(from..from + length).ok_or(NotSimple)?;
            if text.contains('\t') {
                return Err(NotSimple);
            }
            let open = length == rest.len();
            value.push_str(if open { text.trim_end_matches(' ') } else { text });
            if open {
                return Ok(QuotedPart::Open { joined: false });
            }
            let next = rest.get(length + 1);
            value.push(match (rest[length], next) {
                (b'\\', None) => return Ok(QuotedPart::Open { joined: true }),
                (b'\\', Some(b'n')) => '\n',
                (b'\\', Some(b't')) => '\t',
                (b'\\', Some(same @ (b'"' | b'\\' | b'/' | b' '))) => char::from(*same),
                (b'\\', Some(_)) => return Err(NotSimple),
                (b'\'', Some(b'\'')) => '\'',
                _ => return Ok(QuotedPart::Closed { end: from + length + 1 }),
            });
            from += length + 2;
        }
    }

    /// `{}`, or a list of scalars.
    fn flow<M: NodeBuilder<'a>>(&self, line: Line, at: usize, lead: usize) -> Simple<(M, usize)> {
        let spot = |end: usize| self.position(NodeStyle::Flow, (line, at, end), lead);
        if self.bytes[at..line.end].starts_with(b"{}") {
            let map = M::map(M::Entries::default(), spot(at + 2)).ok_or(NotSimple)?;
            return Ok((map, at + 2));
        }
        let mut items = Vec::new();
        let (mut lead, mut from) = (at + 1, at + 1);
        loop {
            let start = from + leading_spaces(&self.bytes[from..line.end]);
            let rest = &self.bytes[start..line.end];
            let (scalar, style, end) = match rest.first().ok_or(NotSimple)? {
                b']' if items.is_empty() => return Ok((M::list(items, spot(start + 1)), start + 1)),
                b'"' | b'\'' => self.quoted(start, line.end)?,
                first if first.is_ascii_alphanumeric() || matches!(first, b'/' | b'_') => {
                    let length = rest.iter().position(|byte| !is_word(*byte)).ok_or(NotSimple)?;
                    let text = self.text.get(start..start + length).ok_or(NotSimple)?;
                    (RawScalar::Plain(Cow::Borrowed(text)), NodeStyle::Plain, start + length)
                }
                _ => return Err(NotSimple),
            };
            if !self.bytes[start..end].is_ascii() {
                return Err(NotSimple);
            }
            items.push(self.scalar(scalar, style, (line, start, end), lead)?);
            let stop = end + leading_spaces(&self.bytes[end..line.end]);
            match self.bytes[stop..line.end].first() {
                Some(b',') => (lead, from) = (stop, stop + 1),
                Some(b']') => return Ok((M::list(items, spot(stop + 1)), stop + 1)),
                _ => return Err(NotSimple),
            }
        }
    }

    /// `|` or `|-`, and lines that are indented as the first of them.
    fn literal<M: NodeBuilder<'a>>(&mut self, line: Line, at: usize, parent: Parent) -> Simple<M> {
        let clip = match &self.bytes[at..line.end] {
            b"|" => true,
            b"|-" => false,
            _ => return Err(NotSimple),
        };
        let mut value = String::new();
        let (mut indent, mut end, mut blank) = (None, line.end, 0);
        while self.next < self.bytes.len() {
            let start = self.next;
            let stop = self.end_of_line(start);
            let line = &self.bytes[start..stop];
            let spaces = leading_spaces(line);
            let empty = spaces == line.len();
            let indent = *indent.get_or_insert(spaces);
            if (empty && spaces > indent) || stop == self.bytes.len() {
                return Err(NotSimple);
            }
            if !empty && spaces < indent {
                // Less than the text and more than what holds it: a comment, or an error.
                if spaces > parent.column || line[spaces] == b'\t' {
                    return Err(NotSimple);
                }
                break;
            }
            if empty && value.is_empty() || indent <= parent.column || line.get(indent) == Some(&b'\t') {
                return Err(NotSimple);
            }
            self.next = stop + 1;
            self.number += 1;
            if empty {
                blank += 1;
                continue;
            }
            let breaks = blank + usize::from(!value.is_empty());
            value.extend(std::iter::repeat_n('\n', breaks));
            value.push_str(self.text.get(start + indent..stop).ok_or(NotSimple)?);
            (end, blank) = (stop, 0);
        }
        if value.is_empty() {
            return Err(NotSimple);
        }
        if clip {
            value.push('\n');
        }
        self.advance()?;
        if self.line.is_some_and(|next| next.column() > parent.column) {
            return Err(NotSimple);
        }
        self.scalar(RawScalar::Literal(value), NodeStyle::Literal, (line, at, end), parent.lead)
    }

    /// Where a collection ends in the text: with its last child.
    fn end_of(&self, last: usize) -> usize {
        last.saturating_sub(self.base.offset)
    }

    fn enter(&mut self) -> Simple<()> {
        self.depth += 1;
        if self.depth > DEPTH { Err(NotSimple) } else { Ok(()) }
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    fn scalar<M: NodeBuilder<'a>>(
        &self,
        scalar: RawScalar<'a>,
        style: NodeStyle,
        at: (Line, usize, usize),
        lead: usize,
    ) -> Simple<M> {
        M::scalar(scalar, self.position(style, at, lead)).ok_or(NotSimple)
    }

    fn position(
        &self,
        style: NodeStyle,
        (line, start, end): (Line, usize, usize),
        lead: usize,
    ) -> NodePosition {
        NodePosition { style, span: self.span(line, start, end), lead: self.base.offset + lead }
    }

    /// Before `start` the line has only ASCII.
    fn span(&self, line: Line, start: usize, end: usize) -> Span {
        let place = SourceLocation {
            line: to_one_based(self.base.line + line.number),
            column: to_one_based(start - line.start),
        };
        Span { start: self.base.offset + start, end: self.base.offset + end, location: place }
    }
}

fn quoted_style(quote: u8) -> NodeStyle {
    if quote == b'"' { NodeStyle::Double } else { NodeStyle::Single }
}

/// Puts what a line break and blank lines after it say.
fn fold(text: &mut String, blank: usize) {
    if blank == 0 {
        text.push(' ');
    } else {
        text.extend(std::iter::repeat_n('\n', blank));
    }
}

fn leading_spaces(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| **byte == b' ').count()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'-')
}
