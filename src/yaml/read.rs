//! Streams and documents.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Value;

use super::builder::{NodeBuilder, Preview};
use super::compose::{ComposeError, Syntax, compose};
use super::entries::DuplicateKeys;
use super::error::YamlError;
use super::fast_reader;
use super::lines::{Base, LineIndex, count_breaks, to_one_based};
use super::node::{Node, NodeKind, build_source_map};
use super::split::{DocumentRange, split, split_json};
use crate::model::{SourceLocation, SourceMap};

/// Attempts to read past tabs at the start of a flow collection's lines.
const TAB_LINES: usize = 2_000;
/// Bytes read again for them.
const TAB_BYTES: usize = 16 << 20;

/// One document of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    index: usize,
    range: Range<usize>,
    root: Node,
}

impl Document {
    /// Index in the stream, from 0, as [`super::edit()`] counts: empty and broken documents count too.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// The document's bytes in the file.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// The outermost value; never null.
    #[must_use]
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// The document as Kubernetes' JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.root.to_json()
    }

    /// As [`Self::to_json`], where the document is not needed any more.
    #[must_use]
    pub fn into_json(self) -> Value {
        self.root.kind.into_json()
    }

    /// Line and column in the file of every value, by its RFC 6901 pointer.
    #[must_use]
    pub fn source_map(&self) -> SourceMap {
        build_source_map(&self.root)
    }
}

/// Splits a stream as kubectl does, and reads each document. One entry for each document that holds anything, in order.
/// A broken one is `Err`, the others are still read.
///
/// Read as `sigs.k8s.io/yaml` (go-yaml v2) does: YAML 1.1 scalars, merge keys that override what stands before them. Two
/// equal keys written in one map are an error, and so is what would need unbounded memory, and line breaks (U+0085,
/// U+2028, U+2029) that YAML 1.1 and 1.2 read differently. JSON is read as JSON.
#[must_use]
pub fn read(bytes: &[u8]) -> Vec<Result<Document, YamlError>> {
    read_parts(bytes).into_iter().filter_map(Result::transpose).collect()
}

/// The first document of a stream as Kustomize reads its own files (`sigs.k8s.io/yaml`, not strict): what follows it does
/// not count, and of equal keys the last does. `None` where it is empty.
///
/// # Errors
/// [`YamlError`], as for [`read`].
pub fn read_first(bytes: &[u8]) -> Result<Option<Document>, YamlError> {
    let all = split_documents(bytes);
    // Comments and blank lines before a `---` are no document of go-yaml's; what follows it on its line is.
    let is_bare = |part: &DocumentRange| {
        let mut lines = bytes[part.range.clone()].split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        part.bad_separator.is_none() && lines.all(|line| line.is_empty() || line.starts_with(b"#"))
    };
    let Some((index, part)) = all.iter().enumerate().find(|(_, part)| !is_bare(part)) else {
        return Ok(None);
    };
    let base = Base::default().advance(bytes, part.range.start);
    let root = read_part(bytes, part, base, |text, base| match is_json(text) {
        true => json_of(text, base, DuplicateKeys::LastWins),
        false => {
            check_characters(text, base)?;
            read_yaml(text, base, DuplicateKeys::LastWins)
        }
    })?;
    let root = root.filter(|root| root.kind != NodeKind::Null);
    Ok(root.map(|root| Document { index, range: part.range.clone(), root }))
}

/// As [`read`], with an entry for empty documents too, so that the position of an entry is its index.
pub(super) fn read_parts(bytes: &[u8]) -> Vec<Result<Option<Document>, YamlError>> {
    each_part(bytes, |index, part, base| {
        let root = read_part(bytes, part, base, read_root)?.filter(|root| root.kind != NodeKind::Null);
        Ok(root.map(|root| Document { index, range: part.range.clone(), root }))
    })
}

/// Does something with every document of a stream: its index, its part of the bytes, and where that begins.
pub(super) fn each_part<T>(
    bytes: &[u8],
    mut read_one: impl FnMut(usize, &DocumentRange, Base) -> Result<T, YamlError>,
) -> Vec<Result<T, YamlError>> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        let why = "the file is UTF-16; Kubernetes reads UTF-8 only".to_owned();
        return vec![Err(YamlError { location: None, why })];
    }
    let mut base = Base::default();
    let parts = split_documents(bytes);
    let parts = parts.iter().enumerate().map(|(index, part)| {
        base = base.advance(bytes, part.range.start);
        read_one(index, part, base)
    });
    parts.collect()
}

/// The stream cut into documents; a byte order mark before the first belongs to none.
pub(super) fn split_documents(bytes: &[u8]) -> Vec<DocumentRange> {
    let bom = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut parts = split_json(&bytes[bom..]).unwrap_or_else(|| split(&bytes[bom..]));
    for part in &mut parts {
        part.range = part.range.start + bom..part.range.end + bom;
        part.bad_separator = part.bad_separator.map(|at| at + bom);
    }
    parts
}

/// Reads one document by its text.
pub(super) fn read_part<T>(
    bytes: &[u8],
    part: &DocumentRange,
    base: Base,
    read: impl FnOnce(&str, Base) -> Result<Option<T>, YamlError>,
) -> Result<Option<T>, YamlError> {
    let text = text_of(&bytes[part.range.clone()], base)?;
    if let Some(at) = part.bad_separator {
        let place = SourceLocation {
            line: to_one_based(base.line + count_breaks(&bytes[part.range.start..at])),
            column: 4,
        };
        let why = "only a comment may follow `---` on its line".to_owned();
        return Err(YamlError { location: Some(place), why });
    }
    read(text, base)
}

/// The outermost node of one document's text.
pub(super) fn read_root(text: &str, base: Base) -> Result<Option<Node>, YamlError> {
    read_with(text, base, |node, _| node, |node| node)
}

/// The value of one document's text, and where it begins.
pub(super) fn read_value(text: &str, base: Base) -> Result<Option<(Value, SourceLocation)>, YamlError> {
    read_with(text, base, |value, place| (value, place), value_and_place)
}

/// As [`read_value`]; of a document that is simple only what stands at these paths, and no items of lists.
pub(super) fn read_preview(
    text: &str,
    base: Base,
    paths: &[&[&str]],
) -> Result<Option<(Value, SourceLocation)>, YamlError> {
    read_with(text, base, |outline: Preview<'_>, place| (outline.value_at(paths), place), value_and_place)
}

fn value_and_place(node: Node) -> (Value, SourceLocation) {
    (node.kind.into_json(), node.span.location)
}

/// What is made of one document's text, where it is simple and where it is the parser's.
fn read_with<'t, M: NodeBuilder<'t>, T>(
    text: &'t str,
    base: Base,
    of_simple: impl FnOnce(M, SourceLocation) -> T,
    of_node: impl FnOnce(Node) -> T,
) -> Result<Option<T>, YamlError> {
    let composed = if is_json(text) {
        json_of(text, base, DuplicateKeys::Reject)?
    } else {
        check_characters(text, base)?;
        if let Some((made, place)) = fast_reader::read(text, base) {
            return Ok(Some(of_simple(made, place)));
        }
        compose_yaml(text, base)?
    };
    Ok(composed.map(of_node))
}

/// Whether a document's text is a JSON object: those are read, and written, as JSON.
pub(super) fn is_json(text: &str) -> bool {
    text.trim_ascii_start().starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn text_of(bytes: &[u8], base: Base) -> Result<&str, YamlError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = &bytes[..error.valid_up_to()];
        let place = std::str::from_utf8(valid).ok().map(|text| LineIndex::new(text, base).locate(text.len()));
        YamlError { location: place, why: "invalid UTF-8".to_owned() }
    })
}

/// Refuses what go-yaml refuses in any place, comments included, and what the two versions of YAML read differently.
fn check_characters(text: &str, base: Base) -> Result<(), YamlError> {
    // Nearly every text has no others.
    let usual = |byte: u8| matches!(byte, b' '..=b'~') | matches!(byte, b'\n' | b'\t' | b'\r');
    if text.bytes().fold(true, |all, byte| all & usual(byte)) {
        return Ok(());
    }
    let bad = text.char_indices().find(|(_, character)| match character {
        '\t' | '\n' | '\r' => false,
        '\u{85}' | '\u{2028}' | '\u{2029}' => true,
        other => other.is_control() || matches!(other, '\u{fffe}' | '\u{ffff}'),
    });
    let Some((at, character)) = bad else { return Ok(()) };
    let why = match character {
        '\u{85}' | '\u{2028}' | '\u{2029}' => {
            format!("U+{:04X} is a line break in YAML 1.1 only; write it as an escape", u32::from(character))
        }
        other => format!("the control character U+{:04X} is not allowed", u32::from(other)),
    };
    Err(YamlError { location: Some(LineIndex::new(text, base).locate(at)), why })
}

/// Composes a document. Tabs that start a line inside a flow collection are blanks to go-yaml and an error to our parser:
/// each such line is tried again with spaces, which change no value there.
pub(super) fn compose_yaml(text: &str, base: Base) -> Result<Option<Node>, YamlError> {
    read_yaml(text, base, DuplicateKeys::Reject)
}

fn json_of(text: &str, base: Base, repeats: DuplicateKeys) -> Result<Option<Node>, YamlError> {
    compose(&text.replace('\t', " "), base, Syntax::Json, repeats).map_err(|failure| failure.error)
}

fn read_yaml(text: &str, base: Base, repeats: DuplicateKeys) -> Result<Option<Node>, YamlError> {
    // kubectl ends every line, the last one too.
    let ended = text.is_empty() || text.ends_with('\n');
    let mut text = if ended { Cow::Borrowed(text) } else { Cow::Owned(format!("{text}\n")) };
    for _ in 0..TAB_LINES.min(TAB_BYTES / text.len().max(1)) {
        match compose(&text, base, Syntax::Yaml, repeats) {
            Err(ComposeError { tab_line: Some(line), .. }) => text = Cow::Owned(without_tabs(&text, line)),
            outcome => return outcome.map_err(|failure| failure.error),
        }
    }
    compose(&text, base, Syntax::Yaml, repeats).map_err(|failure| failure.error)
}

fn without_tabs(text: &str, line: usize) -> String {
    let blank = text[line..].len() - text[line..].trim_start_matches([' ', '\t']).len();
    let mut untabbed = text.to_owned();
    untabbed.replace_range(line..line + blank, &" ".repeat(blank));
    untabbed
}
