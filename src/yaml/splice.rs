//! One change of one node as a replacement of bytes.

use std::ops::Range;

use serde_json::Value;

use super::align::has_flag;
use super::layout::{
    Layout, format_literal, indent_lines, is_empty, items_around, lines_are_printable, spaces,
};
use super::lines::{column, line_end, line_start, next_line, skip_blank};
use super::node::{Key, Node, NodeKind, NodeStyle};

/// Bytes to replace, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Splice {
    pub(super) range: Range<usize>,
    pub(super) text: String,
}

impl Splice {
    pub(super) fn new(range: Range<usize>, text: impl Into<String>) -> Self {
        Self { range, text: text.into() }
    }

    /// The text after it.
    pub(super) fn apply(&self, text: &str) -> Option<String> {
        let (before, after) = (text.get(..self.range.start)?, text.get(self.range.end..)?);
        Some([before, &self.text, after].concat())
    }
}

/// A node, and what is around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct EditSite<'a> {
    pub(super) text: &'a str,
    pub(super) node: &'a Node,
    /// `None` for the root.
    pub(super) parent: Option<&'a Node>,
    pub(super) layout: Layout,
}

/// What a new node is called: the key of a mapping, or nothing for a sequence's item.
type Name<'a> = Option<&'a str>;

impl EditSite<'_> {
    pub(super) fn in_flow(&self) -> bool {
        self.layout.json || self.parent.is_some_and(|parent| parent.form.style == NodeStyle::Flow)
    }

    /// Whole lines that hold the node and its indicator.
    pub(super) fn own_lines(&self) -> Range<usize> {
        let form = self.node.form;
        let start = form.lead.min(form.outer).min(self.node.span.start);
        line_start(self.text, start)..next_line(self.text, self.node.span.end)
    }

    /// Ways to replace the node by `value`, the best first.
    pub(super) fn replace(&self, value: &Value) -> Vec<Splice> {
        let mut ways = Vec::new();
        let collection = (value.is_object() || value.is_array()) && !is_empty(value);
        match value {
            // One that is replaced as a whole stays in its style.
            _ if collection && self.node.form.style == NodeStyle::Flow && self.length() > 0 => {}
            _ if collection && !self.in_flow() => ways.extend(self.as_block(value)),
            Value::String(text) if self.layout.literals && !self.layout.json => {
                ways.extend(self.as_same_style(text));
                ways.extend(if self.in_flow() { None } else { self.as_literal(text) });
            }
            _ => {}
        }
        ways.extend(self.as_inline(value));
        ways
    }

    /// The value on one line.
    fn as_inline(&self, value: &Value) -> Vec<Splice> {
        let Node { span, form, .. } = self.node;
        let inline = self.layout.format_inline(value, self.in_flow(), form.style);
        match form.style {
            NodeStyle::Block | NodeStyle::Literal | NodeStyle::Folded => {
                let start = if form.decorated { form.outer } else { span.start };
                let own_line = line_start(self.text, start) != line_start(self.text, form.lead);
                let end = self.end_of_rest();
                if !own_line || self.parent.is_none() {
                    let comment = if form.style == NodeStyle::Block { String::new() } else { self.comment() };
                    return vec![Splice::new(start..end, format!("{inline}{comment}"))];
                }
                let comment = self.rest_of_line(form.lead + 1);
                vec![Splice::new(form.lead + 1..end, format!(" {inline}{comment}"))]
            }
            NodeStyle::Empty => {
                let gap = match self.text.as_bytes().get(span.start.wrapping_sub(1)) {
                    Some(b':' | b'-') => " ",
                    Some(b' ') => "",
                    _ if form.lead < span.start => " ",
                    _ => ": ",
                };
                let mut ways = vec![Splice::new(span.start..span.end, format!("{gap}{inline}"))];
                // A tag may forbid the value.
                ways.extend(form.decorated.then(|| Splice::new(form.outer..span.end, inline)));
                ways
            }
            _ => {
                let kept = Splice::new(span.start..span.end, inline.clone());
                let bare = Splice::new(form.outer..span.end, inline);
                if form.decorated { vec![kept, bare] } else { vec![kept] }
            }
        }
    }

    /// A collection in block style, where now something else stands.
    fn as_block(&self, value: &Value) -> Option<Splice> {
        let form = self.node.form;
        let parent = self.parent?;
        let start = form.lead + 1;
        let end = self.end_of_rest();
        let comment = self.comment();
        let lines = match &parent.kind {
            NodeKind::Mapping(_) => {
                let inner = if value.is_array() { self.layout.dashes } else { self.layout.step };
                let lines = self.layout.format_lines(
                    value,
                    column(self.text, parent.span.start) + inner,
                    &[self.node],
                );
                std::iter::once(comment).chain(lines).collect::<Vec<_>>()
            }
            _ => {
                let dash = column(self.text, form.lead);
                let mut lines = self.layout.format_item(value, dash, &[]);
                let first = lines.first_mut()?;
                *first = format!("{}{comment}", first.get(dash + 1..)?);
                lines
            }
        };
        let text = lines.join(self.layout.eol) + self.last_break(value, end);
        Some(Splice::new(start..end, text))
    }

    /// A string as literal block scalar: one of several lines, or in place of one.
    fn as_literal(&self, text: &str) -> Option<Splice> {
        let Node { span, form, .. } = self.node;
        let block_scalar = matches!(form.style, NodeStyle::Literal | NodeStyle::Folded);
        if form.style == NodeStyle::Block {
            return None;
        }
        let parent = self.parent_column()?;
        let content = self.content_column().unwrap_or(match &self.parent?.kind {
            NodeKind::Mapping(_) => parent + self.layout.step,
            _ => parent + 1 + self.layout.gap,
        });
        let one_line = || {
            let fits = block_scalar
                && !text.is_empty()
                && !text.starts_with([' ', '\t'])
                && lines_are_printable(text);
            (fits && !text.contains('\n')).then(|| ("|-".to_owned(), indent_lines(text, content)))
        };
        let (mut header, lines) = format_literal(text, parent, content).or_else(one_line)?;
        if block_scalar {
            let body = text.trim_end_matches('\n');
            let is_deeper = body.trim_start_matches('\n').starts_with([' ', '\t']);
            header = self.header('|', text.len() - body.len(), (is_deeper, content))?;
        }
        let gap = if form.style == NodeStyle::Empty { " " } else { "" };
        let end = self.end_of_rest();
        let first = format!("{gap}{header}{}", self.comment());
        let lines: Vec<_> = std::iter::once(first).chain(lines).collect();
        let text = lines.join(self.layout.eol) + self.last_break(&Value::from(text), end);
        Some(Splice::new(span.start..end, text))
    }

    /// A break after a last line that is a block scalar's, at the end of a file that ends without one: go-yaml would
    /// take the line without its own.
    pub(super) fn last_break(&self, value: &Value, end: usize) -> &'static str {
        if end == self.text.len() && ends_with_break(value) { self.layout.eol } else { "" }
    }

    /// The comment of the node's last line (of a block scalar: of its header), with the blanks before it.
    pub(super) fn comment(&self) -> String {
        let Node { span, form, .. } = self.node;
        match form.style {
            NodeStyle::Literal | NodeStyle::Folded => {
                let header = &self.text[span.start..line_end(self.text, span.start)];
                header.find(" #").map(|at| &header[at..]).map_or_else(String::new, |rest| {
                    let blanks = header[..header.len() - rest.len()].len()
                        - header[..header.len() - rest.len()].trim_end().len();
                    format!("{}{rest}", spaces(blanks))
                })
            }
            _ => self.rest_of_line(span.end),
        }
    }

    /// The comment between `at` and the end of its line, with the blanks before it; nothing if other text is there.
    fn rest_of_line(&self, at: usize) -> String {
        let rest = &self.text[at..line_end(self.text, at)];
        let text = rest.trim_start_matches([' ', '\t']);
        if text.starts_with('#') && text.len() < rest.len() { rest.to_owned() } else { String::new() }
    }

    /// End of the node, and of what is blank or a comment on its last line.
    pub(super) fn end_of_rest(&self) -> usize {
        let end = self.node.span.end;
        let stop = line_end(self.text, end);
        let rest = self.text[end..stop].trim_start_matches([' ', '\t']);
        if rest.is_empty() || rest.starts_with('#') { stop } else { end }
    }

    /// Ways to add an entry to this mapping, after its last one.
    pub(super) fn add(&self, name: &str, value: &Value) -> Vec<Splice> {
        if self.node.form.style == NodeStyle::Flow {
            return self.insert_in_flow(self.length(), Some(name), value);
        }
        let keys = column(self.text, self.node.span.start);
        let lines = self.layout.format_entry(name, value, keys, &[]);
        self.after_child(self.node.span.end, keys, (&lines, value))
    }

    /// Ways to insert an item into this sequence.
    pub(super) fn insert(&self, at: usize, value: &Value) -> Vec<Splice> {
        let NodeKind::Sequence(items) = &self.node.kind else { return Vec::new() };
        if self.node.form.style == NodeStyle::Flow {
            return self.insert_in_flow(at, None, value);
        }
        let dash = column(self.text, self.node.span.start);
        let lines = self.layout.format_item(value, dash, &items_around(items, at));
        match at.checked_sub(1).and_then(|before| items.get(before)) {
            Some(before) => self.after_child(before.span.end, dash, (&lines, value)),
            // Comments above the first item stay with it where they speak of it.
            None if let (line, above) = self.first_line()
                && above < line =>
            {
                let text = format!("{}{}", lines.join(self.layout.eol), self.layout.eol);
                vec![Splice::new(above..above, text)]
            }
            None => {
                let first = lines.join(self.layout.eol);
                let text = format!("{}{}{}", first.trim_start(), self.layout.eol, spaces(dash));
                vec![Splice::new(self.node.span.start..self.node.span.start, text)]
            }
        }
    }

    /// The key at this position of the mapping under another name; none where it has a `?` or an anchor before it.
    pub(super) fn rename(&self, at: usize, name: &str) -> Option<Splice> {
        let NodeKind::Mapping(entries) = &self.node.kind else { return None };
        let (key, _) = entries.get(at).filter(|(key, _)| !key.merged)?;
        let text =
            super::scalar::format_key(name, self.layout.context(self.node.form.style == NodeStyle::Flow));
        Some(Splice::new(key.span.start..key.span.end, text))
    }

    /// New lines after a child that ends at `at`: after the comments below it that are deeper than `column`, which are its
    /// own, or right after it.
    fn after_child(&self, at: usize, column: usize, (lines, value): (&[String], &Value)) -> Vec<Splice> {
        let below = next_line(self.text, at);
        let (comments, _) = self.after_comments(below, column);
        let mut ways = Vec::new();
        if comments > below {
            ways.push(self.after_line(previous_line(self.text, comments), lines, value));
        }
        ways.push(self.after_line(at, lines, value));
        ways
    }

    /// New lines after the one that holds `at`.
    fn after_line(&self, at: usize, lines: &[String], value: &Value) -> Splice {
        let end = line_end(self.text, at);
        let text =
            format!("{0}{1}{2}", self.layout.eol, lines.join(self.layout.eol), self.last_break(value, end));
        Splice::new(end..end, text)
    }

    fn insert_in_flow(&self, at: usize, name: Name<'_>, value: &Value) -> Vec<Splice> {
        let new = match name {
            Some(name) => self.layout.format_pair(name, value),
            None => self.layout.format_inline(value, true, self.layout.quotes),
        };
        let Some(last) = at.checked_sub(1).and_then(|before| self.child_end(before)) else {
            return self.insert_first(name, value, &new);
        };
        let after = skip_blank(self.text, last);
        let comma = self.text.as_bytes().get(after) == Some(&b',');
        let is_last = at == self.length();
        let next = skip_blank(self.text, if comma { after + 1 } else { last });
        if line_start(self.text, next) == line_start(self.text, last) {
            let text = if comma && is_last { format!(" {new},") } else { format!(", {new}") };
            let place = if comma && is_last { after + 1 } else { last };
            return vec![Splice::new(place..place, text)];
        }
        // One entry a line: the comma goes before a comment, the new entry to a line of its own.
        let place = if comma { after + 1 } else { last };
        let stop = line_end(self.text, place);
        let first = self.child_start(at - 1).unwrap_or(last);
        let line = line_start(self.text, first);
        let indent = self.text[line..first].len() - self.text[line..first].trim_start().len();
        let aligned =
            if self.text[line..first].trim().is_empty() { indent } else { column(self.text, first) };
        let indent = if self.text[line..].starts_with('\t') && self.text[line..first].trim().is_empty() {
            self.text[line..first].to_owned()
        } else {
            spaces(aligned)
        };
        let rest = &self.text[place..stop];
        let (open, close) = if comma { ("", ",") } else { (",", "") };
        vec![Splice::new(place..stop, format!("{open}{rest}{}{indent}{new}{close}", self.layout.eol))]
    }

    /// The first entry of a flow collection: before the others, or into an empty one.
    fn insert_first(&self, name: Name<'_>, value: &Value, new: &str) -> Vec<Splice> {
        let start = self.node.span.start + 1;
        if self.length() + self.node.form.hidden > 0 {
            let start = skip_blank(self.text, start);
            return vec![Splice::new(start..start, format!("{new}, "))];
        }
        let mut ways = Vec::new();
        if !self.in_flow() && self.parent.is_some() {
            let whole = match name {
                Some(name) => Value::Object([(name.to_owned(), value.clone())].into_iter().collect()),
                None => Value::Array(vec![value.clone()]),
            };
            ways.extend(self.as_block(&whole));
        }
        ways.push(Splice::new(start..start, new));
        ways
    }

    pub(super) fn length(&self) -> usize {
        match &self.node.kind {
            NodeKind::Sequence(items) => items.len(),
            NodeKind::Mapping(entries) => entries.len(),
            _ => 0,
        }
    }

    fn child_start(&self, at: usize) -> Option<usize> {
        match &self.node.kind {
            NodeKind::Sequence(items) => items.get(at).map(|item| item.form.outer.min(item.span.start)),
            NodeKind::Mapping(entries) => entries.get(at).map(|(key, _)| key.span.start),
            _ => None,
        }
    }

    fn child_end(&self, at: usize) -> Option<usize> {
        match &self.node.kind {
            NodeKind::Sequence(items) => items.get(at).map(|item| item.span.end),
            NodeKind::Mapping(entries) => {
                entries.get(at).map(|(key, value)| value.span.end.max(key.span.end))
            }
            _ => None,
        }
    }

    /// Ways to remove a child of this collection; the last one leaves `{}` or `[]`.
    pub(super) fn remove(&self, at: usize) -> Vec<Splice> {
        let (Some(start), Some(end)) = (self.child_start(at), self.child_end(at)) else { return Vec::new() };
        if self.length() + self.node.form.hidden == 1 {
            let empty = if matches!(self.node.kind, NodeKind::Sequence(_)) {
                Value::Array(Vec::new())
            } else {
                empty_map()
            };
            return self.as_inline(&empty);
        }
        if self.node.form.style == NodeStyle::Flow {
            let own = self.remove_own_lines(at, start, end);
            return own.into_iter().chain([self.remove_from_flow(at, start, end)]).collect();
        }
        let start = match &self.node.kind {
            NodeKind::Sequence(items) => items[at].form.lead,
            _ => start,
        };
        let line = line_start(self.text, start);
        if !self.text[line..start].trim_start_matches('\u{feff}').trim().is_empty() {
            // It shares its first line with the dash of its parent, to which the next child moves up.
            let next = match &self.node.kind {
                NodeKind::Sequence(items) => items.get(at + 1).map(|item| item.form.lead),
                NodeKind::Mapping(entries) => next_key(entries, at),
                _ => None,
            };
            return next.map(|next| Splice::new(start..next, "")).into_iter().collect();
        }
        let (first, after) = (self.with_comments_above(at, line), next_line(self.text, end));
        // Comments below the child that are deeper than it are its own; blank lines stay, unless they would end up in a block
        // scalar before.
        let (comments, blanks) = self.after_comments(after, column(self.text, start));
        let mut ways: Vec<_> = [comments, after, blanks].map(|after| self.remove_lines(first, after)).into();
        ways.splice(0..0, self.with_blank_lines(first, comments));
        // The break before may belong to a block scalar.
        ways.push(Splice::new(first..after, ""));
        ways
    }

    /// End of the comment lines from `at` on that stand deeper than `column`, and of the blank ones after them.
    pub(super) fn after_comments(&self, at: usize, column: usize) -> (usize, usize) {
        let (mut comments, mut blanks) = (at, at);
        while blanks < self.text.len() {
            let line = &self.text[blanks..line_end(self.text, blanks)];
            let text = line.trim_start_matches(' ');
            let comment = text.starts_with('#') && line.len() - text.len() > column;
            if !comment && !text.is_empty() {
                break;
            }
            blanks = next_line(self.text, blanks);
            comments = if comment { blanks } else { comments };
        }
        (comments, blanks)
    }

    /// Whole lines that hold the node, and those that may go with its first or last child.
    pub(super) fn commented_lines(&self) -> Range<usize> {
        let Range { start, end } = self.own_lines();
        self.with_comments_above(0, start)..self.after_comments(end, 0).1
    }

    /// Removes lines that blank ones stand around, with those after them; at the end of the text with those before them.
    fn with_blank_lines(&self, start: usize, end: usize) -> Option<Splice> {
        let is_blank = |at: usize| self.text[at..line_end(self.text, at)].trim_ascii().is_empty();
        let above = |start: usize| line_start(self.text, previous_line(self.text, start));
        if start == 0 || !is_blank(above(start)) {
            return None;
        }
        let (mut start, mut end) = (start, end);
        if end == self.text.len() {
            while start > 0 && is_blank(above(start)) {
                start = above(start);
            }
            return Some(self.remove_lines(start, end));
        }
        while end < self.text.len() && is_blank(end) {
            end = next_line(self.text, end);
        }
        Some(self.remove_lines(start, end))
    }

    /// Removes whole lines; a file that ends without a line break still does.
    fn remove_lines(&self, start: usize, end: usize) -> Splice {
        let at_end = end == self.text.len() && !self.text.ends_with(['\n', '\r']) && start > 0;
        let start = if at_end { previous_line(self.text, start) } else { start };
        Splice::new(start..end, "")
    }

    /// Start of the comment lines right above a child, in its column. Those above the first one speak of it where the next
    /// has its own; else they may speak of the whole, and stay.
    pub(super) fn with_comments_above(&self, at: usize, line: usize) -> usize {
        let start = |at: usize| match &self.node.kind {
            NodeKind::Sequence(items) if self.node.form.style != NodeStyle::Flow => {
                items.get(at).map(|item| item.form.lead)
            }
            _ => self.child_start(at),
        };
        let Some(child) = start(at) else { return line };
        let limit = match at.checked_sub(1).and_then(|before| self.child_end(before)) {
            Some(before) => next_line(self.text, before),
            None => {
                let next = self.after_first();
                let own = start(next).map(|second| line_start(self.text, second));
                if own.is_none_or(|own| self.with_comments_above(next, own) == own) {
                    return line;
                }
                0
            }
        };
        self.comments_above(line, limit, column(self.text, child))
    }

    /// Where after the first child the next begins: a flag and its value are one.
    fn after_first(&self) -> usize {
        let of_flag = match &self.node.kind {
            NodeKind::Sequence(items) => match &items[..] {
                [flag, value, ..] => has_flag(&[flag.to_json(), value.to_json()], 1),
                _ => false,
            },
            _ => false,
        };
        if of_flag { 2 } else { 1 }
    }

    /// Start of the first item's line, and of the comment lines above that go with it.
    fn first_line(&self) -> (usize, usize) {
        let NodeKind::Sequence(items) = &self.node.kind else { return (0, 0) };
        let line = items.first().map_or(0, |first| line_start(self.text, first.form.lead));
        (line, self.with_comments_above(0, line))
    }

    /// Start of the comment lines above a line, in one column and not before `limit`.
    fn comments_above(&self, line: usize, limit: usize, column: usize) -> usize {
        let mut start = line;
        while start > limit {
            let above = line_start(self.text, previous_line(self.text, start));
            let text = &self.text[above..start];
            let is_comment = text.trim_start_matches(' ').starts_with('#')
                && text.len() - text.trim_start_matches(' ').len() == column;
            if !is_comment || above < limit {
                break;
            }
            start = above;
        }
        start
    }

    /// A child of a flow collection that has lines of its own, with the comments above and beside it. Not of JSON, and not
    /// of the last without a comma, for the one before would keep its own.
    fn remove_own_lines(&self, at: usize, start: usize, end: usize) -> Option<Splice> {
        let line = line_start(self.text, start);
        let after = skip_blank(self.text, end);
        let comma = self.text.as_bytes().get(after) == Some(&b',');
        let rest = if comma { after + 1 } else { end };
        let stop = line_end(self.text, rest);
        let behind = self.text[rest..stop].trim();
        let is_own =
            self.text[line..start].trim().is_empty() && (behind.is_empty() || behind.starts_with('#'));
        if self.layout.json || !comma || !is_own {
            return None;
        }
        let (first, after) = (self.with_comments_above(at, line), next_line(self.text, stop));
        self.with_blank_lines(first, after).or(Some(Splice::new(first..after, "")))
    }

    fn remove_from_flow(&self, at: usize, start: usize, end: usize) -> Splice {
        if let Some(next) = self.child_start(at + 1) {
            return Splice::new(start..next, "");
        }
        let before = at.checked_sub(1).and_then(|before| self.child_end(before)).unwrap_or(start);
        let between = &self.text[before..start];
        let kept = between.find('#').map_or(before, |_| before + between.trim_end().len());
        // Where a comment keeps its comma, one after the removed item would be the second.
        let after = skip_blank(self.text, end);
        let second_comma = kept > before && self.text.as_bytes().get(after) == Some(&b',');
        Splice::new(kept..if second_comma { after + 1 } else { end }, "")
    }
}

/// End of the line before the one that starts at `start`.
fn previous_line(text: &str, start: usize) -> usize {
    let bytes = &text.as_bytes()[..start];
    let breaks = if bytes.ends_with(b"\r\n") { 2 } else { 1 };
    start.saturating_sub(breaks)
}

/// The key written after the one at `at`.
fn next_key(entries: &[(Key, Node)], at: usize) -> Option<usize> {
    let own = entries[at].0.span.start;
    entries
        .iter()
        .filter(|(key, _)| !key.merged)
        .map(|(key, _)| key.span.start)
        .filter(|start| *start > own)
        .min()
}

fn empty_map() -> Value {
    Value::Object(serde_json::Map::new())
}

/// Whether the last line written for a value belongs to a string that ends with a break.
fn ends_with_break(value: &Value) -> bool {
    match value {
        Value::String(text) => text.ends_with('\n'),
        Value::Array(items) => items.last().is_some_and(ends_with_break),
        Value::Object(entries) => {
            super::layout::order_entries(entries).last().is_some_and(|(_, value)| ends_with_break(value))
        }
        _ => false,
    }
}
