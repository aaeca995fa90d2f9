//! Texts of several lines, written as they were before: in quotes or plain over several lines, or with escaped breaks.

use serde_json::Value;

use super::node::{Node, NodeKind, NodeStyle};
use super::rewrap::{Chunk, Join, Piece, chunks, joined};
use super::scalar::{ScalarContext, can_be_plain, double_quoted, format_scalar, is_printable, unescaped};
use super::splice::{EditSite, Splice};

/// A line of a text in quotes, or of a plain one.
struct Line<'t> {
    /// The blanks before it.
    lead: &'t str,
    raw: &'t str,
}

impl EditSite<'_> {
    /// The text in the style of several lines that the old one has; none where that style cannot hold it, or the old one
    /// has no such style.
    pub(super) fn as_same_style(&self, text: &str) -> Vec<Splice> {
        let Node { form, kind, .. } = self.node;
        let NodeKind::String(old) = kind else { return Vec::new() };
        let found = match form.style {
            NodeStyle::Folded => vec![self.as_folded(old, text)],
            NodeStyle::Double | NodeStyle::Single if self.is_wrapped() => {
                vec![self.as_wrapped(text, form.style)]
            }
            // What cannot be plain can be in quotes.
            NodeStyle::Plain if self.is_wrapped() => {
                [NodeStyle::Plain, NodeStyle::Double].map(|style| self.as_wrapped(text, style)).into()
            }
            // Breaks were written as `\\n`, and are again.
            NodeStyle::Double if old.contains('\n') => vec![Some(self.as_escaped(text))],
            _ => Vec::new(),
        };
        found.into_iter().flatten().collect()
    }

    fn is_wrapped(&self) -> bool {
        let span = self.node.span;
        self.text[span.start..span.end].contains('\n')
    }

    fn as_escaped(&self, text: &str) -> Splice {
        let span = self.node.span;
        let context = self.layout.context(self.in_flow());
        Splice::new(span.start..span.end, format_scalar(&Value::from(text), context, NodeStyle::Double))
    }

    /// A text on several lines that YAML joins; lines that stay are kept. In another style if the old one has no quotes.
    fn as_wrapped(&self, text: &str, style: NodeStyle) -> Option<Splice> {
        let Node { span, form, kind } = self.node;
        let NodeKind::String(old) = kind else { return None };
        let written = &self.text[span.start..span.end];
        let written = match form.style {
            NodeStyle::Double => written.strip_prefix('"')?.strip_suffix('"')?,
            NodeStyle::Single => written.strip_prefix('\'')?.strip_suffix('\'')?,
            _ => written,
        };
        let (lines, pieces) = read_lines(written, form.style)?;
        if joined(&pieces) != *old || style == NodeStyle::Plain && !self.fits_plain(text) {
            return None;
        }
        let quote = match style {
            NodeStyle::Double => "\"",
            NodeStyle::Single => "'",
            _ => "",
        };
        let mut new = quote.to_owned();
        for chunk in chunks(&pieces, text) {
            let line = lines.get(chunk.lines.start).or(lines.last())?;
            new.push_str(if chunk.lines.start == 0 { "" } else { line.lead });
            new.push_str(&self.chunk((&lines, &pieces), &chunk, (text, style))?);
        }
        Some(Splice::new(span.start..span.end, new + quote))
    }

    fn fits_plain(&self, text: &str) -> bool {
        let context = if self.in_flow() { ScalarContext::Flow } else { ScalarContext::Block };
        can_be_plain(&text.replace('\n', " "), context) && !text.contains("\n#")
    }

    /// The lines of a part of a text, with the break after them: the old ones if it is the old part.
    fn chunk(
        &self,
        (lines, pieces): (&[Line<'_>], &[Piece]),
        chunk: &Chunk,
        (text, style): (&str, NodeStyle),
    ) -> Option<String> {
        let part = &text[chunk.text.clone()];
        let join = chunk.join;
        let body = part.strip_suffix(&join.text())?;
        let eol = self.layout.eol;
        let after = match join {
            Join::Fold => eol.to_owned(),
            Join::Escaped => format!("\\{eol}"),
            Join::Breaks(count) => eol.repeat(count + 1),
            Join::End => String::new(),
        };
        // Quotes may have come around what was plain.
        let is_kept = |raw: &str| style == self.node.form.style || !raw.contains(['"', '\\']);
        if let [piece] = &pieces[chunk.lines.clone()]
            && let raw = lines[chunk.lines.start].raw
            && body == piece.text
            && is_kept(raw)
        {
            return Some(format!("{raw}{after}"));
        }
        let lead = lines.get(chunk.lines.start.max(1)).map_or("", |line| line.lead);
        let is_first = chunk.lines.start == 0;
        let lines = match style {
            NodeStyle::Double => in_double(body, is_first, (join == Join::Escaped).then_some((eol, lead))),
            _ => over_lines(body, is_first, (eol, lead)).map(|body| match style {
                NodeStyle::Single => body.replace('\'', "''"),
                _ => body,
            }),
        };
        let is_line = is_first || !body.is_empty() || matches!(join, Join::Escaped | Join::End);
        lines.filter(|_| is_line).map(|lines| lines + &after)
    }
}

/// The lines of a text without its quotes.
fn read_lines(written: &str, style: NodeStyle) -> Option<(Vec<Line<'_>>, Vec<Piece>)> {
    let (mut lines, mut pieces) = (Vec::new(), Vec::<Piece>::new());
    let count = written.split('\n').count();
    for (at, line) in written.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let (is_first, is_last) = (at == 0, at + 1 == count);
        let body = if is_first { line } else { line.trim_start_matches([' ', '\t']) };
        let lead = &line[..line.len() - body.len()];
        if body.trim_ascii_end().is_empty() && !is_first && !is_last {
            let Piece { join, .. } = pieces.last_mut()?;
            *join = match *join {
                Join::Fold => Join::Breaks(1),
                Join::Breaks(count) => Join::Breaks(count + 1),
                Join::Escaped | Join::End => return None,
            };
            continue;
        }
        let backslashes = body.len() - body.trim_end_matches('\\').len();
        let (raw, join) = match body.strip_suffix('\\') {
            _ if is_last => (body, Join::End),
            Some(body) if style == NodeStyle::Double && backslashes % 2 == 1 => (body, Join::Escaped),
            _ => (body.trim_end_matches([' ', '\t']), Join::Fold),
        };
        let text = match style {
            NodeStyle::Double => unescaped(raw)?,
            NodeStyle::Single => raw.replace("''", "'"),
            _ => raw.to_owned(),
        };
        lines.push(Line { lead, raw });
        pieces.push(Piece { text, join });
    }
    Some((lines, pieces))
}

/// A part in double quotes: on one line, or where breaks are escaped on as many as it has.
fn in_double(body: &str, is_first: bool, escaped: Option<(&str, &str)>) -> Option<String> {
    let line = |(at, line): (usize, &str)| {
        let quoted = double_quoted(line);
        let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
        // A blank at the begin of a line would be none of the text.
        let blank = (at > 0 || !is_first) && inner.starts_with(' ');
        Some(if blank { format!("\\{inner}") } else { inner.to_owned() })
    };
    match escaped {
        None => line((0, body)),
        Some((eol, lead)) => {
            let lines: Option<Vec<String>> = body.split_inclusive('\n').enumerate().map(line).collect();
            Some(lines?.join(&format!("\\{eol}{lead}")))
        }
    }
}

/// A part without escapes, its breaks as empty lines; `None` where it has blanks beside them, or more than they can say.
fn over_lines(body: &str, is_first: bool, (eol, lead): (&str, &str)) -> Option<String> {
    let is_blank = |character: char| matches!(character, ' ' | '\t' | '\n');
    if !is_first && body.starts_with(is_blank) || !is_printable(&body.replace('\n', "")) {
        return None;
    }
    let mut text = String::with_capacity(body.len());
    let mut rest = body;
    while let Some((line, after)) = rest.split_once('\n') {
        let next = after.trim_start_matches('\n');
        if line.is_empty() || line.ends_with(is_blank) || next.is_empty() || next.starts_with(is_blank) {
            return None;
        }
        text.push_str(line);
        text.push_str(&eol.repeat(after.len() - next.len() + 2));
        text.push_str(lead);
        rest = next;
    }
    Some(text + rest)
}
