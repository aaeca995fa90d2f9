//! How a file is laid out, and new values written the same way.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::lines::{column, line_start};
use super::node::{Node, NodeKind, NodeStyle};
use super::scalar::{ScalarContext, format_key, format_scalar, is_printable};

/// Habits of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Columns from a map's keys to those of a map under one of them.
    pub(super) step: usize,
    /// Columns from a map's keys to the dashes of a list under one of them.
    pub(super) dashes: usize,
    /// Blanks after a dash.
    pub(super) gap: usize,
    /// Line break.
    pub(super) eol: &'static str,
    /// Whether the document is JSON.
    pub(super) json: bool,
    /// Whether strings of several lines are written as literal block scalars.
    pub(super) literals: bool,
    /// How new texts are quoted: as all those beside them, or all of the document.
    pub(super) quotes: NodeStyle,
}

/// How often each habit is seen.
#[derive(Default)]
struct LayoutVotes {
    step: BTreeMap<usize, usize>,
    dashes: BTreeMap<usize, usize>,
    gap: BTreeMap<usize, usize>,
}

/// The habits of a whole document, counted once.
pub(super) struct DocumentLayout {
    all: LayoutVotes,
    quotes: NodeStyle,
    json: bool,
}

impl DocumentLayout {
    pub(super) fn detect(text: &str, root: &Node, json: bool) -> Self {
        let mut all = LayoutVotes::default();
        all.count(text, root, true);
        let mut styles = Vec::new();
        styles_of_texts(root, true, &mut styles);
        // Quotes around a few texts are for their own sake.
        let quotes = shared(&styles).filter(|_| styles.len() > 3).unwrap_or(NodeStyle::Plain);
        Self { all, quotes, json }
    }

    /// The habits of the nodes right under `near` where it has any, else of the document.
    pub(super) fn layout_near(&self, text: &str, near: &Node) -> Layout {
        let mut close = LayoutVotes::default();
        close.count(text, near, false);
        let all = &self.all;
        let step = most(&close.step).or(most(&all.step)).unwrap_or(2);
        Layout {
            step,
            dashes: most(&close.dashes).or(most(&all.dashes)).unwrap_or(step),
            gap: most(&close.gap).or(most(&all.gap)).unwrap_or(1),
            eol: line_break(text, near),
            json: self.json,
            literals: true,
            quotes: {
                let mut styles = Vec::new();
                styles_of_texts(near, false, &mut styles);
                if styles.is_empty() { self.quotes } else { shared(&styles).unwrap_or(NodeStyle::Plain) }
            },
        }
    }
}

impl Layout {
    /// What scalars and flow collections are written for, inside a flow collection or not.
    pub(super) fn context(&self, in_flow: bool) -> ScalarContext {
        match (self.json, in_flow) {
            (true, _) => ScalarContext::Json,
            (false, true) => ScalarContext::Flow,
            (false, false) => ScalarContext::Block,
        }
    }

    /// Lines of an entry of a block mapping whose keys stand in `column`; `like` are values of this key that stand beside
    /// it: where they are in flow style, it is.
    pub(super) fn format_entry(
        &self,
        name: &str,
        value: &Value,
        column: usize,
        like: &[&Node],
    ) -> Vec<String> {
        let head = format!("{}{}:", spaces(column), format_key(name, ScalarContext::Block));
        match value {
            Value::Object(_) | Value::Array(_) if !is_empty(value) && !are_flow(like) => {
                let inner = if value.is_array() { self.dashes } else { self.step };
                let mut lines = vec![head];
                lines.extend(self.format_lines(value, column + inner, like));
                lines
            }
            _ => self.format_leaf(&format!("{head} "), value, column, column + self.step),
        }
    }

    /// Lines of an item of a block sequence whose dashes stand in `column`, and beside which others stand.
    pub(super) fn format_item(&self, value: &Value, column: usize, like: &[&Node]) -> Vec<String> {
        let head = format!("{}-{}", spaces(column), spaces(self.gap));
        let inner = column + 1 + self.gap;
        if is_empty(value) || !(value.is_object() || value.is_array()) || are_flow(like) {
            return self.format_leaf(&head, value, column, inner);
        }
        let mut lines = self.format_lines(value, inner, like);
        if let Some(first) = lines.first_mut() {
            *first = format!("{head}{}", first.trim_start());
        }
        lines
    }

    /// Lines of a collection that is not empty, all indented.
    pub(super) fn format_lines(&self, value: &Value, column: usize, like: &[&Node]) -> Vec<String> {
        match value {
            Value::Object(entries) => order_entries(entries)
                .into_iter()
                .flat_map(|(name, value)| self.format_entry(name, value, column, &entries_of(like, name)))
                .collect(),
            Value::Array(items) => {
                let like = items_of(like);
                items.iter().flat_map(|item| self.format_item(item, column, &like)).collect()
            }
            other => vec![format_scalar(other, ScalarContext::Block, self.quotes)],
        }
    }

    fn format_leaf(&self, head: &str, value: &Value, parent: usize, content: usize) -> Vec<String> {
        if self.literals
            && let Value::String(text) = value
            && let Some((header, lines)) = format_literal(text, parent, content)
        {
            return std::iter::once(format!("{head}{header}")).chain(lines).collect();
        }
        vec![format!("{head}{}", self.format_inline(value, false, self.quotes))]
    }

    /// A value on one line.
    pub(super) fn format_inline(&self, value: &Value, in_flow: bool, like: NodeStyle) -> String {
        match value {
            Value::Object(entries) => {
                let entries: Vec<_> = order_entries(entries)
                    .into_iter()
                    .map(|(name, value)| self.format_pair(name, value))
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }
            Value::Array(items) => {
                let items: Vec<_> =
                    items.iter().map(|item| self.format_inline(item, true, self.quotes)).collect();
                format!("[{}]", items.join(", "))
            }
            other => format_scalar(other, self.context(in_flow), like),
        }
    }

    /// An entry of a flow mapping.
    pub(super) fn format_pair(&self, name: &str, value: &Value) -> String {
        format!("{}: {}", format_key(name, self.context(true)), self.format_inline(value, true, self.quotes))
    }
}

/// A string of several lines as a literal block scalar: its header, and its lines indented to `content`. `None` where
/// that style cannot hold it.
pub(super) fn format_literal(text: &str, parent: usize, content: usize) -> Option<(String, Vec<String>)> {
    let body = text.trim_end_matches('\n');
    if !text.contains('\n') || body.trim_matches('\n').is_empty() || !lines_are_printable(text) {
        return None;
    }
    let first = body.split('\n').find(|line| !line.is_empty())?;
    let step = content.checked_sub(parent).filter(|step| (1..=9).contains(step));
    let indicator = if first.starts_with([' ', '\t']) { step?.to_string() } else { String::new() };
    let mut lines = indent_lines(body, content);
    let chomping = match text.len() - body.len() {
        0 => "-",
        1 => "",
        more => {
            lines.extend(std::iter::repeat_n(String::new(), more - 1));
            "+"
        }
    };
    Some((format!("|{indicator}{chomping}"), lines))
}

/// Whether a block scalar can hold the text.
pub(super) fn lines_are_printable(text: &str) -> bool {
    is_printable(&text.replace(['\n', '\t'], ""))
}

/// The lines of a block scalar's text.
pub(super) fn indent_lines(body: &str, content: usize) -> Vec<String> {
    let indent =
        |line: &str| if line.is_empty() { String::new() } else { format!("{}{line}", spaces(content)) };
    body.split('\n').map(indent).collect()
}

/// Entries in the order in which a person writes them.
pub(super) fn order_entries(entries: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let rank =
        |name: &str| ["apiVersion", "kind", "metadata", "name"].iter().position(|first| *first == name);
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_by_key(|(name, _)| rank(name).unwrap_or(usize::MAX));
    entries
}

/// Nodes that are looked at for how a new one is written.
const MOST_LIKE: usize = 8;

/// Whether all that are collections with something in them are in flow style.
fn are_flow(like: &[&Node]) -> bool {
    let is_filled = |node: &Node| match &node.kind {
        NodeKind::Sequence(items) => !items.is_empty(),
        NodeKind::Mapping(entries) => !entries.is_empty(),
        _ => false,
    };
    let mut filled = like.iter().filter(|node| is_filled(node)).peekable();
    filled.peek().is_some() && filled.all(|node| node.form.style == NodeStyle::Flow)
}

fn entries_of<'n>(like: &[&'n Node], name: &str) -> Vec<&'n Node> {
    let entries = like.iter().filter_map(|node| match &node.kind {
        NodeKind::Mapping(entries) => entries.iter().find(|(key, _)| key.name == name && !key.merged),
        _ => None,
    });
    entries.map(|(_, value)| value).collect()
}

fn items_of<'n>(like: &[&'n Node]) -> Vec<&'n Node> {
    let items = like.iter().flat_map(|node| match &node.kind {
        NodeKind::Sequence(items) => &items[..],
        _ => &[],
    });
    items.take(MOST_LIKE).collect()
}

/// The items around a position.
pub(super) fn items_around(items: &[Node], at: usize) -> Vec<&Node> {
    items.iter().skip(at.saturating_sub(MOST_LIKE / 2)).take(MOST_LIKE).collect()
}

pub(super) fn spaces(count: usize) -> String {
    " ".repeat(count)
}

pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(entries) => entries.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

impl LayoutVotes {
    fn count(&mut self, text: &str, node: &Node, deep: bool) {
        if node.form.style != NodeStyle::Block {
            return;
        }
        match &node.kind {
            NodeKind::Mapping(entries) => {
                for (key, value) in entries.iter().filter(|(key, _)| !key.merged) {
                    self.count_entry(text, key.span.start, value);
                    if deep {
                        self.count(text, value, deep);
                    }
                }
            }
            NodeKind::Sequence(items) => {
                for item in items {
                    if line_start(text, item.form.lead) == line_start(text, item.form.outer) {
                        let gap = item.form.outer.checked_sub(item.form.lead + 1);
                        vote(&mut self.gap, gap.filter(|gap| *gap > 0));
                    }
                    if deep {
                        self.count(text, item, deep);
                    }
                }
            }
            _ => {}
        }
    }

    fn count_entry(&mut self, text: &str, key: usize, value: &Node) {
        if value.form.style != NodeStyle::Block {
            return;
        }
        let deeper = column(text, value.span.start).checked_sub(column(text, key));
        match value.kind {
            NodeKind::Mapping(_) => vote(&mut self.step, deeper.filter(|deeper| *deeper > 0)),
            _ => vote(&mut self.dashes, deeper),
        }
    }
}

/// The styles of the texts in a collection, and of those below it if `deep`.
fn styles_of_texts(node: &Node, deep: bool, styles: &mut Vec<NodeStyle>) {
    let mut child = |child: &Node| match child.kind {
        NodeKind::String(_) => styles.push(child.form.style),
        _ if deep => styles_of_texts(child, deep, styles),
        _ => {}
    };
    match &node.kind {
        NodeKind::Mapping(entries) => {
            entries.iter().filter(|(key, _)| !key.merged).for_each(|(_, value)| child(value));
        }
        NodeKind::Sequence(items) => items.iter().for_each(child),
        _ => {}
    }
}

/// The quotes that all have.
fn shared(styles: &[NodeStyle]) -> Option<NodeStyle> {
    let first = *styles.first()?;
    (matches!(first, NodeStyle::Single | NodeStyle::Double) && styles.iter().all(|style| *style == first))
        .then_some(first)
}

/// The line break of the line on which a node ends, and where that is the last one, of the line before.
fn line_break(text: &str, near: &Node) -> &'static str {
    let end = near.span.end.min(text.len());
    let after = memchr::memchr(b'\n', &text.as_bytes()[end..]).map(|at| end + at);
    let found = after.or_else(|| memchr::memrchr(b'\n', &text.as_bytes()[..end]));
    let is_crlf = found.is_some_and(|at| text[..at].ends_with('\r'));
    if is_crlf { "\r\n" } else { "\n" }
}

fn vote(votes: &mut BTreeMap<usize, usize>, habit: Option<usize>) {
    if let Some(habit) = habit.filter(|habit| *habit <= 16) {
        *votes.entry(habit).or_default() += 1;
    }
}

/// The habit with the most votes; of several the smallest.
fn most(votes: &BTreeMap<usize, usize>) -> Option<usize> {
    votes.iter().max_by_key(|(habit, count)| (**count, std::cmp::Reverse(**habit))).map(|(habit, _)| *habit)
}
