//! A stream cut into documents as kubectl does it: by text, before any parsing.

use std::ops::Range;

/// One document of a stream, as bytes of it.
#[derive(Debug, Clone)]
pub(super) struct DocumentRange {
    pub(super) range: Range<usize>,
    /// Offset of a separator line that kubectl refuses, if one ends the document: something but a comment follows `---`.
    pub(super) bad_separator: Option<usize>,
}

/// Cuts at lines that begin with `---` (`k8s.io/apimachinery`, `YAMLReader`). A separator belongs to no document, but for
/// those before anything else.
pub(super) fn split(bytes: &[u8]) -> Vec<DocumentRange> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while at < bytes.len() {
        let next = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |found| at + found + 1);
        if let Some(rest) = bytes[at..next].strip_prefix(b"---") {
            let bad = !matches!(rest.trim_ascii_start().first(), None | Some(b'#'));
            if bad || at > start {
                parts.push(DocumentRange { range: start..at, bad_separator: bad.then_some(at) });
                start = next;
            }
        }
        at = next;
    }
    if start < bytes.len() {
        parts.push(DocumentRange { range: start..bytes.len(), bad_separator: None });
    }
    parts
}

/// Cuts a stream of JSON objects, `{..}{..}`; `None` where it is not one.
pub(super) fn split_json(bytes: &[u8]) -> Option<Vec<DocumentRange>> {
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    let mut stream = serde_json::Deserializer::from_slice(bytes).into_iter::<serde::de::IgnoredAny>();
    let mut parts = Vec::new();
    let mut start = 0;
    while let Some(value) = stream.next() {
        value.ok()?;
        let end = stream.byte_offset();
        let blank = bytes[start..end].len() - bytes[start..end].trim_ascii_start().len();
        if bytes.get(start + blank) != Some(&b'{') {
            return None;
        }
        parts.push(DocumentRange { range: start + blank..end, bad_separator: None });
        start = end;
    }
    Some(parts)
}
