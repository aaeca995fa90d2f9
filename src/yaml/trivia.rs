//! Skips text between tokens: indicators, anchors, tags, comments; refuses what go-yaml refuses.

use super::YamlError;
use super::compose::{Composer, Syntax};
use super::entries::{CollectionItems, MappingEntries, OpenCollection, PendingKey};
use super::lines::{column, line_end, next_line, skip_blank};
use super::node::{NodeStyle, Span};
use super::tokens::LastToken;

impl Composer<'_> {
    /// Moves the cursor over what stands before a node's own text: the indicator of its parent and, if `decorated`,
    /// its anchor and tag. Returns where the indicator and where the decoration begin.
    pub(super) fn skip_to_node(&mut self, decorated: bool) -> Result<(usize, Option<usize>), YamlError> {
        let indicators: &[u8] = match self.stack.last() {
            None => b"",
            Some(OpenCollection {
                flow: true,
                items: CollectionItems::Mapping(MappingEntries { pending: Some(_), .. }),
                ..
            }) => b":",
            Some(OpenCollection { flow: true, .. }) => b",?",
            Some(OpenCollection { items: CollectionItems::Sequence(_), .. }) => b"-",
            Some(OpenCollection {
                items: CollectionItems::Mapping(MappingEntries { pending: None, .. }),
                ..
            }) => b"?",
            Some(_) => b":",
        };
        let mut lead = None;
        for indicator in indicators {
            let at = self.skip_trivia()?;
            if self.text.as_bytes().get(at) == Some(indicator) {
                lead = Some(at);
                self.pass_indicator(at, *indicator)?;
            }
        }
        let mut outer = None;
        loop {
            let at = self.skip_trivia()?;
            if !decorated || !matches!(self.text.as_bytes().get(at), Some(b'&' | b'!')) {
                break;
            }
            outer = outer.or(Some(at));
            self.cursor = end_of_decoration(self.text, at);
            self.last = LastToken::Other;
        }
        Ok((lead.unwrap_or(self.cursor), outer))
    }

    /// Takes an indicator. The `:` of a key must stand on the key's line, unless a `?` stands before it.
    fn pass_indicator(&mut self, at: usize, indicator: u8) -> Result<(), YamlError> {
        self.cursor = at + 1;
        self.last = if matches!(indicator, b'-' | b'?') { LastToken::LineStart } else { LastToken::Other };
        let Some(OpenCollection { items: CollectionItems::Mapping(entries), .. }) = self.stack.last_mut()
        else {
            return Ok(());
        };
        match &entries.pending {
            None => entries.explicit = indicator == b'?',
            Some(PendingKey::Key(_, span)) if indicator == b':' && !entries.explicit => {
                let key = self.text.get(span.start - self.base.offset..at).unwrap_or_default();
                if key.contains(['\n', '\r']) {
                    let why = "a key and its `:` must stand on one line".to_owned();
                    return Err(YamlError { location: Some(span.location), why });
                }
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// The next token after the cursor. Refuses tabs where go-yaml does: before the first token of a line of a block
    /// collection, and in the indentation of what might continue a plain scalar.
    pub(super) fn skip_trivia(&mut self) -> Result<usize, YamlError> {
        let end = skip_blank(self.text, self.cursor);
        let flow = self.stack.last().is_some_and(|frame| frame.flow);
        let bytes = self.text.as_bytes();
        let mut line_start = (!flow && self.last == LastToken::LineStart).then_some(self.cursor);
        let mut plain = self.last == LastToken::Plain;
        let mut at = self.cursor;
        while at < end {
            match bytes[at] {
                b'\n' | b'\r' => line_start = Some(at + 1),
                b'#' => {
                    plain = false;
                    at = line_end(self.text, at) - 1;
                }
                b'\t' if self.syntax == Syntax::Yaml => {
                    let refused = line_start
                        .is_some_and(|start| if plain { at - start < self.indent() } else { !flow });
                    if refused {
                        let why = "a tab stands where only spaces may indent".to_owned();
                        return Err(YamlError { location: Some(self.places.locate(at)), why });
                    }
                }
                _ => {}
            }
            at += 1;
        }
        Ok(end)
    }

    /// Columns that a continuation of a plain scalar is indented by at least.
    fn indent(&self) -> usize {
        let block = self.stack.iter().rev().find(|frame| !frame.flow);
        block.map_or(1, |frame| column(self.text, frame.span.start - self.base.offset) + 1)
    }

    /// Span of a block scalar: from its `|` or `>` to the end of its last line, without the break; for `+` with the
    /// blank lines after it.
    pub(super) fn block_scalar(&self, style: NodeStyle, end: usize) -> (NodeStyle, usize, usize) {
        let start = skip_blank(self.text, self.cursor);
        let header_end = line_end(self.text, start);
        let keep = self.text.get(start..header_end).is_some_and(|header| {
            header.split('#').next().is_some_and(|indicators| indicators.contains('+'))
        });
        let mut last = header_end;
        let mut at = next_line(self.text, start);
        // The parser stops in or before the first line that is not the scalar's.
        while at < end && line_end(self.text, at) <= end {
            let stop = line_end(self.text, at);
            let blank = self.text[at..stop].trim_start_matches(' ').is_empty();
            if keep || !blank {
                last = stop;
            }
            let next = next_line(self.text, at);
            if next == at {
                break;
            }
            at = next;
        }
        (style, start, last)
    }

    /// Refuses what go-yaml reads otherwise or not at all: to it a `?` ends a plain scalar of a flow collection, a `:`
    /// begins none there, and a `:` right before an indicator does not end one.
    pub(super) fn check_plain(&mut self, span: Span) -> Result<(), YamlError> {
        let (start, end) = (span.start - self.base.offset, span.end - self.base.offset);
        let text = self.text.get(start..end).unwrap_or_default();
        let mut at = start;
        for line in text.split_inclusive('\n') {
            let blank = line.trim_start_matches(' ');
            let indent = line.len() - blank.len();
            if at > start && blank.starts_with('\t') && indent < self.indent() {
                let why = "a tab stands where only spaces may indent".to_owned();
                return Err(YamlError { location: Some(self.places.locate(at + indent)), why });
            }
            at += line.len();
        }
        let colon =
            matches!(self.text.as_bytes().get(end..), Some([b':', b',' | b'[' | b']' | b'{' | b'}', ..]));
        let flow = self.stack.last().is_some_and(|frame| frame.flow);
        if flow && (colon || text.starts_with(':') || text.contains('?')) {
            let why = "Kubernetes reads this plain scalar otherwise inside `[]` or `{}`; quote it".to_owned();
            return Err(YamlError { location: Some(span.location), why });
        }
        Ok(())
    }

    /// Refuses block scalars that go-yaml does not read as we do: one with a tab as indentation, and a whole document.
    pub(super) fn check_block_scalar(&self, span: Span) -> Result<(), YamlError> {
        let text =
            self.text.get(span.start - self.base.offset..span.end - self.base.offset).unwrap_or_default();
        let (header, body) = text.split_once('\n').unwrap_or((text, ""));
        let indicators = header.split('#').next().unwrap_or_default();
        let first = body
            .lines()
            .map(|line| line.trim_start_matches(' '))
            .find(|line| !line.trim_end().is_empty() || line.starts_with('\t'));
        let tab = !indicators.contains(|digit: char| digit.is_ascii_digit())
            && first.is_some_and(|line| line.starts_with('\t'));
        let why = match (self.stack.is_empty(), tab) {
            (true, _) => "a block scalar is no document",
            (_, true) => "a tab stands where only spaces may indent",
            _ => return Ok(()),
        };
        Err(YamlError { location: Some(span.location), why: why.to_owned() })
    }
}

fn end_of_decoration(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    if rest.starts_with("!<") {
        return rest.find('>').map_or(text.len(), |end| at + end + 1);
    }
    let stop = rest.find(|character: char| character.is_ascii_whitespace() || ",[]{}".contains(character));
    at + stop.unwrap_or(rest.len()).max(1)
}
