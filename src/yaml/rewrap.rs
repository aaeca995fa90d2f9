//! A changed text on its old lines: where the breaks between them still are.

use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// What a line's break stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    /// A blank.
    Fold,
    /// Nothing (`\` at the end of a line).
    Escaped,
    /// As many line breaks, by as many empty lines.
    Breaks(usize),
    /// The last line has none.
    End,
}

impl Join {
    pub(super) fn text(self) -> String {
        match self {
            Self::Fold => " ".to_owned(),
            Self::Breaks(count) => "\n".repeat(count),
            Self::Escaped | Self::End => String::new(),
        }
    }
}

/// What stands on one line, and what its break stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) join: Join,
}

/// Old lines, if any, and the part of the new text that takes their place, with what its last break stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) lines: Range<usize>,
    pub(super) text: Range<usize>,
    pub(super) join: Join,
}

/// Bytes of both texts up to which they are compared by word; in longer ones only the begin and the end are.
const MOST_BYTES: usize = 64 << 10;

/// The old text.
pub(super) fn joined(pieces: &[Piece]) -> String {
    pieces.iter().map(|piece| piece.text.clone() + &piece.join.text()).collect()
}

/// Cuts the new text where the old one was cut, as far as these places are still there.
pub(super) fn chunks(pieces: &[Piece], new: &str) -> Vec<Chunk> {
    let old = joined(pieces);
    let equal = equal_runs(&old, new);
    let (mut chunks, mut end, mut cut) = (Vec::new(), 0, (0, 0));
    for (at, piece) in pieces.iter().enumerate() {
        end += piece.text.len() + piece.join.text().len();
        let to = match piece.join {
            Join::End => Some(new.len()),
            // The text begins on the next line.
            Join::Escaped if end == 0 => Some(0),
            join => places_of(&equal, end).into_iter().flatten().find(|to| is_break(new, *to, join)),
        };
        let Some(to) = to.filter(|to| *to > cut.1 || end == 0 || piece.join == Join::End) else { continue };
        let chunk = Chunk { lines: cut.0..at + 1, text: cut.1..to, join: piece.join };
        chunks.extend(beside_first(pieces, chunk, new));
        cut = (at + 1, to);
    }
    chunks
}

/// What came after the first line of a chunk stands on a line of its own, and that line stays.
fn beside_first(pieces: &[Piece], chunk: Chunk, new: &str) -> Vec<Chunk> {
    let first = &pieces[chunk.lines.start].text;
    let rest = new[chunk.text.clone()].strip_prefix(first.as_str()).and_then(|rest| rest.strip_prefix(' '));
    let at = chunk.text.start + first.len() + 1;
    let is_own = rest.is_some_and(|rest| !rest.trim().is_empty()) && is_break(new, at, Join::Fold);
    if !is_own || first.is_empty() || !matches!(chunk.join, Join::Fold | Join::End) {
        return vec![chunk];
    }
    let next = chunk.lines.start + 1;
    let kept = Chunk { lines: chunk.lines.start..next, text: chunk.text.start..at, join: Join::Fold };
    vec![kept, Chunk { lines: next..chunk.lines.end, text: at..chunk.text.end, join: chunk.join }]
}

/// Where in the new text the end of what stands before `at` is, and where what stands after it begins.
fn places_of(equal: &[(Range<usize>, usize)], at: usize) -> [Option<usize>; 2] {
    let before = equal.partition_point(|(old, _)| old.end < at);
    let after = equal.partition_point(|(old, _)| old.end <= at);
    let place = |index: usize, is_it: &dyn Fn(&Range<usize>) -> bool| {
        let (old, new) = equal.get(index).filter(|(old, _)| is_it(old))?;
        Some(new + (at - old.start))
    };
    [place(before, &|old| old.start < at), place(after, &|old| old.start <= at)]
}

/// Whether a line of the text may end at `at` with such a break.
fn is_break(text: &str, at: usize, join: Join) -> bool {
    let (before, after) = text.split_at(at);
    let Some(before) = before.strip_suffix(&join.text()) else { return false };
    let is_blank = |character: char| matches!(character, ' ' | '\t' | '\n');
    join == Join::Escaped || !before.is_empty() && !before.ends_with(is_blank) && !after.starts_with(is_blank)
}

/// Runs of bytes that are the same in both, in their order: where in the old text, and where in the new one.
fn equal_runs(old: &str, new: &str) -> Vec<(Range<usize>, usize)> {
    if old.len() + new.len() > MOST_BYTES {
        return ends(old, new);
    }
    let (of_old, of_new) = (words(old), words(new));
    let (old_words, new_words): (Vec<&str>, Vec<&str>) =
        (of_old.iter().map(|(_, word)| *word).collect(), of_new.iter().map(|(_, word)| *word).collect());
    let operations = capture_diff_slices(Algorithm::Myers, &old_words, &new_words);
    let run = |operation: DiffOp| match operation {
        DiffOp::Equal { old_index, new_index, len } => {
            let (last, word) = of_old.get(old_index + len - 1)?;
            Some((of_old[old_index].0..last + word.len(), of_new.get(new_index)?.0))
        }
        _ => None,
    };
    operations.into_iter().filter_map(run).collect()
}

/// The begin and the end that both texts have.
fn ends(old: &str, new: &str) -> Vec<(Range<usize>, usize)> {
    let same = old.chars().zip(new.chars()).take_while(|(old, new)| old == new);
    let begin: usize = same.map(|(character, _)| character.len_utf8()).sum();
    let (old_rest, new_rest) = (&old[begin..], &new[begin..]);
    let same = old_rest.chars().rev().zip(new_rest.chars().rev()).take_while(|(old, new)| old == new);
    let end: usize = same.map(|(character, _)| character.len_utf8()).sum();
    vec![(0..begin, 0), (old.len() - end..old.len(), new.len() - end)]
}

/// Words, runs of blanks and single line breaks, each with where it begins.
fn words(text: &str) -> Vec<(usize, &str)> {
    let class = |character: char| match character {
        '\n' => 0,
        ' ' | '\t' => 1,
        _ => 2,
    };
    let (mut words, mut start, mut last) = (Vec::new(), 0, None);
    for (at, character) in text.char_indices() {
        let here = class(character);
        if last.is_some_and(|last| last != here || here == 0) {
            words.push((start, &text[start..at]));
            start = at;
        }
        last = Some(here);
    }
    if start < text.len() {
        words.push((start, &text[start..]));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::{Join, Piece, chunks, joined};

    #[test]
    fn text_split_at_surviving_breaks() {
        let pieces = ["one two", "three four", "five"].map(str::to_owned);
        let joins = [Join::Fold, Join::Breaks(2), Join::End];
        let pieces: Vec<Piece> =
            pieces.into_iter().zip(joins).map(|(text, join)| Piece { text, join }).collect();
        assert_eq!(joined(&pieces), "one two three four\n\nfive");
        for (new, expected) in [
            ("one two three four\n\nfive", "one two |three four\n\n|five"),
            ("one 2 three 4\n\nfive", "one 2 |three 4\n\n|five"),
            ("one two three four\nfive", "one two |three four\nfive"),
            ("one two three four\n\n\nfive", "one two |three four\n\n\nfive"),
            ("one three four\n\n5", "one |three four\n\n|5"),
            ("one two  three four\n\nfive", "one two  three four\n\n|five"),
            ("six", "six"),
            ("", ""),
        ] {
            let cut: Vec<&str> = chunks(&pieces, new).iter().map(|chunk| &new[chunk.text.clone()]).collect();
            assert_eq!(cut.join("|"), expected);
        }
    }

    #[test]
    fn long_text_keeps_breaks_at_both_ends() {
        let pieces: Vec<Piece> = (0..9000)
            .map(|at| Piece {
                text: format!("line {at}"),
                join: if at == 8999 { Join::End } else { Join::Fold },
            })
            .collect();
        let new = joined(&pieces).replace("line 4000 line", "line xxx").replace("line 5000", "line y");
        let found = chunks(&pieces, &new);
        assert_eq!(found.len(), 8000);
        assert_eq!(found[4000].lines, 4000..5001);
    }
}
