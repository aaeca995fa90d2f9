//! An item that stands elsewhere in its list: its lines go there, with the comments above and beside it.

use std::ops::Range;

use serde_json::Value;

use super::align::{Aligned, align, is_moved};
use super::lines::{column, line_end, line_start, next_line, skip_blank};
use super::node::{NodeKind, NodeStyle};
use super::splice::{EditSite, Splice};

/// Items of lists up to which it is looked for those that moved.
const MOST_ITEMS: usize = 200;

/// An item that went and came elsewhere: where it is, and before which one it comes.
pub(super) fn moved(old: &[Value], new: &[Value]) -> Option<(usize, usize)> {
    if old.len().max(new.len()) > MOST_ITEMS {
        return None;
    }
    let mut before = 0;
    let aligned = align(old, new);
    let gone = |item: &Aligned| match *item {
        Aligned::Old(at) => Some(at),
        _ => None,
    };
    let gone: Vec<usize> = aligned.iter().filter_map(gone).collect();
    aligned.iter().find_map(|item| match *item {
        Aligned::Both(at, _) | Aligned::Old(at) => {
            before = at + 1;
            None
        }
        Aligned::New(to) => {
            let at = gone.iter().find(|at| is_moved((old, **at), (new, to)))?;
            // There it stands already.
            (*at != before && *at + 1 != before).then_some((*at, before))
        }
    })
}

/// A list in which one item stands elsewhere.
pub(super) fn with_moved(items: &[Value], (at, before): (usize, usize)) -> Vec<Value> {
    let mut items = items.to_vec();
    let item = items.remove(at);
    items.insert(if before > at { before - 1 } else { before }, item);
    items
}

impl EditSite<'_> {
    /// The way to move an item of this sequence before another, or to its end; none where they share lines.
    pub(super) fn move_item(&self, at: usize, before: usize) -> Option<Splice> {
        let own = self.lines_of(at)?;
        let to = match before.checked_sub(1) {
            Some(last) if before == self.length() => self.lines_of(last)?.end,
            _ => self.lines_of(before)?.start,
        };
        let block = self.text.get(own.clone())?;
        if !block.ends_with(['\n', '\r']) || own.contains(&to) {
            return None;
        }
        // Blank lines between the items stay between them.
        let after = self.blank_end(own.end);
        let blank = if after > own.end && after < self.text.len() { &self.text[own.end..after] } else { "" };
        let gone = own.start..own.end + blank.len();
        let block = match before == self.length() {
            true => format!("{blank}{block}"),
            false => format!("{block}{blank}"),
        };
        Some(if to < own.start {
            Splice::new(to..gone.end, block + &self.text[to..own.start])
        } else {
            Splice::new(gone.start..to, self.text.get(gone.end..to)?.to_owned() + &block)
        })
    }

    /// The lines that an item has for itself, with its comments.
    fn lines_of(&self, at: usize) -> Option<Range<usize>> {
        let NodeKind::Sequence(items) = &self.node.kind else { return None };
        let item = items.get(at)?;
        let is_flow = self.node.form.style == NodeStyle::Flow;
        let start = if is_flow { item.form.outer.min(item.span.start) } else { item.form.lead };
        let line = line_start(self.text, start);
        if !self.text[line..start].trim_matches(' ').is_empty() {
            return None;
        }
        let first = self.with_comments_above(at, line);
        if !is_flow {
            let after = next_line(self.text, item.span.end);
            return Some(first..self.after_comments(after, column(self.text, start)).0);
        }
        let comma = skip_blank(self.text, item.span.end);
        let has_comma = self.text.as_bytes().get(comma) == Some(&b',');
        let rest = self.text.get(comma + 1..line_end(self.text, comma)).unwrap_or_default().trim();
        let is_own = has_comma && (rest.is_empty() || rest.starts_with('#'));
        is_own.then(|| first..next_line(self.text, comma))
    }

    fn blank_end(&self, at: usize) -> usize {
        let mut end = at;
        while end < self.text.len() && self.text[end..line_end(self.text, end)].trim_ascii().is_empty() {
            end = next_line(self.text, end);
        }
        end
    }
}
