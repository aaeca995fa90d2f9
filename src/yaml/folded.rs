//! Folded block scalars with another text, and the headers of block scalars.

use std::collections::VecDeque;

use serde_json::Value;

use super::align::{Aligned, align};
use super::layout::{lines_are_printable, spaces};
use super::lines::{column, line_end};
use super::node::{Node, NodeKind, NodeStyle};
use super::rewrap::{Chunk, Join, Piece, chunks};
use super::splice::{EditSite, Splice};

/// Lines that are one line of the text: folded, or one that is indented and stands as it is.
struct Part<'t> {
    lines: Vec<&'t str>,
    /// Empty lines before it.
    blanks: usize,
}

impl Part<'_> {
    fn is_indented(&self) -> bool {
        self.lines.first().is_some_and(|line| is_indented(line))
    }
}

fn is_indented(line: &str) -> bool {
    line.starts_with([' ', '\t'])
}

impl EditSite<'_> {
    /// A folded block scalar with another text: of each of its lines the ones that stay are kept.
    pub(super) fn as_folded(&self, old: &str, text: &str) -> Option<Splice> {
        let span = self.node.span;
        let body = text.trim_end_matches('\n');
        if body.trim_matches('\n').is_empty() || !lines_are_printable(text) {
            return None;
        }
        let content = self.content_column()?;
        let parts = parts(&self.text[span.start..span.end], content);
        if unfolded(&parts) != old.trim_end_matches('\n') {
            return None;
        }
        let first = body.split('\n').find(|line| !line.is_empty())?;
        let trailing = text.len() - body.len();
        let header = self.header('>', trailing, (is_indented(first), content))?;
        let indent = |line: &str| if line.is_empty() { String::new() } else { spaces(content) + line };
        let mut lines = vec![header + &self.comment()];
        lines.extend(refolded(&parts, body).into_iter().map(|line| indent(&line)));
        lines.extend(std::iter::repeat_n(String::new(), trailing.saturating_sub(1)));
        let end = self.end_of_rest();
        let new = lines.join(self.layout.eol) + self.last_break(&Value::from(text), end);
        Some(Splice::new(span.start..end, new))
    }

    /// The header of this block scalar for a text with so many breaks at its end: the old one with another chomping. One
    /// that does not say how deep it stands says so where the first line begins with a blank.
    pub(super) fn header(
        &self,
        style: char,
        trailing: usize,
        (is_deeper, content): (bool, usize),
    ) -> Option<String> {
        let old = self.indicators();
        let chomping = match trailing {
            0 => "-",
            1 if !old.contains('+') => "",
            _ => "+",
        };
        let depth = match old.find(|character: char| character.is_ascii_digit()) {
            Some(at) => old[at..=at].to_owned(),
            None if is_deeper => {
                let step = content.checked_sub(self.parent_column()?)?;
                Some(step).filter(|step| (1..=9).contains(step))?.to_string()
            }
            None => String::new(),
        };
        let is_last = old.ends_with(|character: char| character.is_ascii_digit()) && old.len() > 1;
        let (one, other) = if is_last { (chomping, depth.as_str()) } else { (depth.as_str(), chomping) };
        Some(format!("{style}{one}{other}"))
    }

    /// What this block scalar's header says of its depth and its end; nothing for other nodes.
    fn indicators(&self) -> &str {
        let Node { span, form, .. } = self.node;
        if !matches!(form.style, NodeStyle::Literal | NodeStyle::Folded) {
            return "";
        }
        let header = &self.text[span.start..line_end(self.text, span.start)];
        header.get(1..).and_then(|rest| rest.split([' ', '\t', '#']).next()).unwrap_or_default()
    }

    /// Column of the keys or the dash beside it, which a block scalar is deeper than.
    pub(super) fn parent_column(&self) -> Option<usize> {
        let parent = self.parent?;
        Some(match &parent.kind {
            NodeKind::Mapping(_) => column(self.text, parent.span.start),
            _ => column(self.text, self.node.form.lead),
        })
    }

    /// Column of a block scalar's text.
    pub(super) fn content_column(&self) -> Option<usize> {
        let Node { span, form, .. } = self.node;
        if !matches!(form.style, NodeStyle::Literal | NodeStyle::Folded) {
            return None;
        }
        if let Some(digit) = self.indicators().chars().find_map(|character| character.to_digit(10)) {
            return Some(self.parent_column()? + usize::try_from(digit).ok()?);
        }
        let mut lines = self.text[span.start..span.end].lines().skip(1);
        let first = lines.find(|line| !line.trim_start_matches(' ').is_empty())?;
        Some(first.len() - first.trim_start_matches(' ').len())
    }
}

/// The parts of a folded block scalar.
fn parts(block: &str, content: usize) -> Vec<Part<'_>> {
    let (mut parts, mut blanks) = (Vec::<Part<'_>>::new(), 0);
    for line in block.lines().skip(1) {
        let blank = line.len() - line.trim_start_matches(' ').len();
        let line = line.get(blank.min(content)..).unwrap_or_default();
        match parts.last_mut() {
            _ if line.is_empty() => {
                blanks += 1;
                continue;
            }
            Some(last) if blanks == 0 && !last.is_indented() && !is_indented(line) => last.lines.push(line),
            _ => parts.push(Part { lines: vec![line], blanks }),
        }
        blanks = 0;
    }
    parts
}

/// The text of the parts, without the breaks at its end.
fn unfolded(parts: &[Part<'_>]) -> String {
    let mut text = String::new();
    for (at, part) in parts.iter().enumerate() {
        let stands_alone = at > 0 && (part.is_indented() || parts[at - 1].is_indented());
        text.push_str(&"\n".repeat(part.blanks + usize::from(stands_alone)));
        text.push_str(&part.lines.join(" "));
    }
    text
}

/// The lines of a folded text, as many of the old ones as still fit.
fn refolded(parts: &[Part<'_>], body: &str) -> Vec<String> {
    let texts = |lines: Vec<String>| lines.into_iter().map(Value::from).collect::<Vec<Value>>();
    let old = texts(parts.iter().map(|part| part.lines.join(" ")).collect());
    let new: Vec<&str> = body.split('\n').filter(|line| !line.is_empty()).collect();
    let aligned = align(&old, &texts(new.iter().map(|line| (*line).to_owned()).collect()));
    let mut before = vec![None; new.len()];
    // Of those that are not like any, the first is the first.
    let mut left = VecDeque::new();
    for item in by_old_first(aligned) {
        match item {
            Aligned::Both(at, to) => {
                left.clear();
                before[to] = parts.get(at);
            }
            Aligned::Old(at) => left.extend(parts.get(at).filter(|part| !part.is_indented())),
            Aligned::New(to) => before[to] = left.pop_front(),
        }
    }
    let (mut lines, mut breaks, mut last) = (Vec::new(), 0, None);
    let mut before = before.into_iter();
    for line in body.split('\n') {
        if line.is_empty() {
            breaks += 1;
            continue;
        }
        // A break between two lines that would be folded is an empty line.
        let folded = last.is_some_and(|last: &str| !is_indented(last) && !is_indented(line));
        lines.extend(std::iter::repeat_n(String::new(), breaks + usize::from(folded)));
        let part = before.next().flatten().filter(|part| !part.is_indented() && !is_indented(line));
        match part {
            Some(part) => lines.extend(refold(&part.lines, line)),
            None => lines.push(line.to_owned()),
        }
        (breaks, last) = (0, Some(line));
    }
    lines
}

/// Between two pairs first what only the old list has.
fn by_old_first(mut aligned: Vec<Aligned>) -> Vec<Aligned> {
    let is_both = |item: &Aligned| matches!(item, Aligned::Both(..));
    for run in aligned.chunk_by_mut(|one, next| !is_both(one) && !is_both(next)) {
        run.sort_by_key(|item| matches!(item, Aligned::New(_)));
    }
    aligned
}

fn refold(old: &[&str], new: &str) -> Vec<String> {
    let last = old.len().saturating_sub(1);
    let join = |at: usize| if at == last { Join::End } else { Join::Fold };
    let pieces = old.iter().enumerate().map(|(at, line)| Piece { text: (*line).to_owned(), join: join(at) });
    let pieces: Vec<Piece> = pieces.collect();
    let cut = chunks(&pieces, new);
    let line = |chunk: &Chunk| {
        let line = &new[chunk.text.clone()];
        line.strip_suffix(&chunk.join.text()).unwrap_or(line).to_owned()
    };
    cut.iter().map(line).collect()
}
