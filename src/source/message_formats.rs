//! The messages that renderers print, as formats with holes: read from `formats.txt`, and fitted to a text.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::placeholders::{self, Placeholder};

/// All formats.
static FORMATS: LazyLock<Formats> = LazyLock::new(|| {
    let lines = include_str!("formats.txt").lines();
    let formats = lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(MessageFormat::parse);
    let mut all = Formats::default();
    for format in formats {
        let first = match format.pieces.first() {
            Some(FormatPiece::Text(own)) => own.bytes().next(),
            _ => None,
        };
        all.0.entry(first).or_default().push(format);
    }
    all
});

/// Formats by the first byte of their own; by none where something else stands first.
#[derive(Debug, Default)]
struct Formats(BTreeMap<Option<u8>, Vec<MessageFormat>>);

impl Formats {
    /// Those that may begin a text.
    fn candidates(&self, text: &str) -> impl Iterator<Item = &MessageFormat> {
        [text.bytes().next(), None].into_iter().filter_map(|first| self.0.get(&first)).flatten()
    }
}

/// One message of a renderer.
#[derive(Debug)]
pub(super) struct MessageFormat {
    pieces: Vec<FormatPiece>,
    /// Bytes of its own text.
    weight: usize,
    /// Words of its own text that stand side by side, at most.
    words: usize,
}

#[derive(Debug)]
pub(super) enum FormatPiece {
    Text(&'static str),
    Hole(Placeholder),
}

/// What a format makes of a text that it fits.
#[derive(Debug)]
pub(super) struct FormatMatch {
    /// How much of the text it covers.
    pub(super) length: usize,
    /// What may be shown of that.
    pub(super) shown: String,
    /// Files and folders that are shown, with line and column.
    pub(super) places: Vec<(String, String)>,
    /// Whether what follows may be a value, for something stood in it whose end nobody can tell.
    pub(super) is_tainted: bool,
    /// Whether nothing that follows may be shown.
    pub(super) is_end: bool,
    weight: usize,
}

impl MessageFormat {
    fn parse(line: &'static str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = line;
        while let Some(at) = rest.find(['…', '⟨']) {
            let (text, hole) = rest.split_at(at);
            if !text.is_empty() {
                pieces.push(FormatPiece::Text(text));
            }
            let length = if hole.starts_with('…') {
                '…'.len_utf8()
            } else {
                hole.find('⟩').map_or(hole.len(), |end| end + '⟩'.len_utf8())
            };
            pieces.push(FormatPiece::Hole(Placeholder::from_name(&hole[..length])));
            rest = &hole[length..];
        }
        if !rest.is_empty() {
            pieces.push(FormatPiece::Text(rest));
        }
        let own = pieces.iter().filter_map(|piece| match piece {
            FormatPiece::Text(text) => Some(*text),
            FormatPiece::Hole(_) => None,
        });
        let words = own.clone().map(|text| text.split_whitespace().count()).max().unwrap_or_default();
        Self { weight: own.map(str::len).sum(), words, pieces }
    }

    /// Whether it may be looked for where a value may stand: begun by several words that no value has by chance.
    fn is_telling(&self) -> bool {
        self.words >= 3 && matches!(self.pieces.first(), Some(FormatPiece::Text(_)))
    }

    fn match_text(
        &self,
        text: &str,
        is_tainted: bool,
        is_there: &dyn Fn(&str) -> bool,
    ) -> Option<FormatMatch> {
        let mut fit = FormatMatch {
            length: 0,
            shown: String::new(),
            places: Vec::new(),
            is_tainted,
            is_end: false,
            weight: self.weight,
        };
        for (index, piece) in self.pieces.iter().enumerate() {
            let rest = &text[fit.length..];
            match piece {
                FormatPiece::Text(own) => {
                    rest.starts_with(own).then_some(())?;
                    fit.shown.push_str(own);
                    fit.length += own.len();
                }
                FormatPiece::Hole(hole) => {
                    let next = self.pieces.get(index + 1).and_then(|next| match next {
                        FormatPiece::Text(own) => Some(*own),
                        FormatPiece::Hole(_) => None,
                    });
                    let filled = hole.match_text(rest, next, fit.is_tainted, is_there)?;
                    // What may be anything tells nothing of where a message begins.
                    (fit.length > 0 || !filled.taints).then_some(())?;
                    fit.length += filled.length;
                    fit.shown.push_str(filled.shown.unwrap_or(placeholders::LEFT_OUT));
                    fit.places.extend(filled.place);
                    fit.is_tainted |= filled.taints;
                    fit.is_end |= *hole == Placeholder::End;
                }
            }
        }
        Some(fit)
    }
}

/// What the format that knows most of the beginning of a text makes of it. `is_tainted`: whether the text may be a value;
/// `is_there`: whether there is such a file or folder.
pub(super) fn match_format(
    text: &str,
    is_tainted: bool,
    is_there: &dyn Fn(&str) -> bool,
) -> Option<FormatMatch> {
    let able = FORMATS.candidates(text).filter(|format| !is_tainted || format.is_telling());
    let fits = able.filter_map(|format| format.match_text(text, is_tainted, is_there));
    // The first of those that know as much.
    fits.reduce(|best, other| if other.weight > best.weight { other } else { best })
}

/// For tests: every format, as its pieces.
#[cfg(test)]
pub(super) fn all_formats() -> impl Iterator<Item = &'static [FormatPiece]> {
    FORMATS.0.values().flatten().map(|format| format.pieces.as_slice())
}
