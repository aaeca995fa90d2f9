//! Texts of several lines, written as they were before: folded, in quotes, or plain over several lines.

use serde_json::Value;

use super::layout::{lines_are_printable, spaces};
use super::node::{Node, NodeKind, Style};
use super::scalar::{Context, scalar};
use super::splice::{Site, Splice};

impl Site<'_> {
    /// The text in the style of several lines that the old one has; none where that style cannot hold it, or the old one
    /// has no such style.
    pub(super) fn as_before(&self, text: &str) -> Vec<Splice> {
        let Node { form, kind, .. } = self.node;
        let NodeKind::String(old) = kind else { return Vec::new() };
        let found = match form.style {
            Style::Folded => self.as_folded(old, text),
            Style::Double | Style::Single | Style::Plain if self.is_wrapped() => self.as_wrapped(text),
            // Breaks were written as `\\n`, and are again.
            Style::Double if old.contains('\n') => self.as_escaped(text),
            _ => None,
        };
        found.into_iter().collect()
    }

    fn is_wrapped(&self) -> bool {
        let span = self.node.span;
        self.text[span.start..span.end].contains('\n')
    }

    fn as_escaped(&self, text: &str) -> Option<Splice> {
        let span = self.node.span;
        let context = if self.in_flow() { Context::Flow } else { Context::Block };
        Some(Splice::new(span.start..span.end, scalar(&Value::from(text), context, Style::Double)))
    }

    /// A text on several lines that YAML joins by blanks; lines that stay are kept.
    fn as_wrapped(&self, text: &str) -> Option<Splice> {
        let Node { span, form, .. } = self.node;
        let (open, close) = match form.style {
            Style::Double => ("\"", "\""),
            Style::Single => ("'", "'"),
            _ => ("", ""),
        };
        let written = self.text[span.start..span.end].strip_prefix(open)?.strip_suffix(close)?;
        let escaped = match form.style {
            Style::Single => text.replace('\'', "''"),
            _ => text.to_owned(),
        };
        // Escapes and breaks of its own would have to be told from those of the lines.
        let is_simple =
            is_one_paragraph(&escaped) && !(form.style == Style::Double && escaped.contains(['"', '\\']));
        if !is_simple || !lines_are_printable(text) {
            return None;
        }
        let old: Vec<&str> = written.lines().map(str::trim).collect();
        let second = written.lines().nth(1)?;
        let indent = &second[..second.len() - second.trim_start().len()];
        let lines = refold(&old, &escaped);
        let joined = lines.join(&format!("{}{indent}", self.layout.eol));
        Some(Splice::new(span.start..span.end, format!("{open}{joined}{close}")))
    }

    /// A folded block scalar with another text: of each paragraph the lines that stay are kept.
    fn as_folded(&self, old: &str, text: &str) -> Option<Splice> {
        let span = self.node.span;
        let (old, body) = (old.trim_end_matches('\n'), text.trim_end_matches('\n'));
        let is_simple = |text: &str| text.split('\n').all(|part| part.is_empty() || is_one_paragraph(part));
        let chomping = match text.len() - body.len() {
            0 => "-",
            1 => "",
            _ => return None,
        };
        if body.is_empty()
            || body.starts_with('\n')
            || !is_simple(old)
            || !is_simple(body)
            || !lines_are_printable(body)
        {
            return None;
        }
        let content = self.content_column()?;
        let block = &self.text[span.start..span.end];
        let old_lines: Vec<&str> = block.lines().skip(1).map(str::trim).collect();
        let old_parts: Vec<&[&str]> =
            old_lines.split(|line| line.is_empty()).filter(|part| !part.is_empty()).collect();
        let parts: Vec<&str> = body.split('\n').collect();
        let filled = parts.iter().filter(|part| !part.is_empty()).count();
        let mut lines = Vec::new();
        let mut at = 0;
        for (index, part) in parts.iter().enumerate() {
            // A break is an empty line between two lines.
            if index > 0 {
                lines.push(String::new());
            }
            if part.is_empty() {
                continue;
            }
            let old = old_part(&old_parts, (at, filled), part);
            lines.extend(refold(old, part).iter().map(|line| format!("{}{line}", spaces(content))));
            at += 1;
        }
        let header = format!(">{chomping}{}", self.comment());
        let end = self.end_of_rest();
        let new = format!("{header}{0}{1}", self.layout.eol, lines.join(self.layout.eol));
        Some(Splice::new(span.start..end, new + self.last_break(&Value::from(text), end)))
    }
}

/// The old lines of a paragraph: the one of the same text, else the one at its place from the start or, where another
/// number of them is left, from the end.
fn old_part<'o, 't>(old: &[&'o [&'t str]], (at, filled): (usize, usize), part: &str) -> &'o [&'t str] {
    let same = old.iter().find(|lines| lines.join(" ") == part);
    let from_end = (old.len() + at).checked_sub(filled).and_then(|at| old.get(at));
    let likely = [old.get(at), from_end].into_iter().flatten();
    let mut likely = likely.filter(|lines| refold(lines, part).len() > 1 || lines.len() == 1);
    same.or_else(|| likely.next()).copied().unwrap_or_default()
}

/// Words between single blanks.
fn is_one_paragraph(text: &str) -> bool {
    !text.contains(['\n', '\t', '\r']) && !text.contains("  ") && text.trim() == text && !text.is_empty()
}

/// The lines of a folded text, as many of the old ones as still fit.
fn refold<'a>(old: &[&'a str], new: &'a str) -> Vec<&'a str> {
    let mut rest = new;
    let mut lines = Vec::new();
    let mut tail = Vec::new();
    let mut old = old;
    while let [first, others @ ..] = old
        && let Some(after) = rest.strip_prefix(first).and_then(|after| after.strip_prefix(' '))
    {
        (rest, old) = (after, others);
        lines.push(*first);
    }
    while let [others @ .., last] = old
        && let Some(before) = rest.strip_suffix(last).and_then(|before| before.strip_suffix(' '))
    {
        (rest, old) = (before, others);
        tail.push(*last);
    }
    lines.push(rest);
    lines.extend(tail.into_iter().rev());
    lines
}
