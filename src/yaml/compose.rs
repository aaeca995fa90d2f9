//! Parser events composed to nodes: aliases copied, merge keys applied, every node with its exact span.

use std::collections::{HashMap, HashSet};

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span as Raw, StructureStyle, options};

use super::entries::{
    AliasBudget, CollectionItems, DuplicateKeys, MappingEntries, OpenCollection, PendingKey,
};
use super::lines::{Base, LineIndex, line_start, skip_blank};
use super::node::{Node, NodeForm, NodeKind, NodeStyle, Span};
use super::tokens::{LastToken, after_marker};
use super::{YamlError, resolve};

/// Levels of lists and maps in one document; `serde_json` stops at 128, and so no live object has more.
const DEPTH: usize = 250;

/// Values and keys that any document may hold, and the bytes that each further one needs: a value costs
/// a hundred bytes of memory.
const FEW_VALUES: usize = 150_000;
const BYTES_OF_A_VALUE: usize = 8;
/// The longest key of YAML.
const USUAL_KEY: usize = 1024;

/// What differs where the text is JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    Yaml,
    Json,
}

/// Why a text could not be composed.
pub(super) struct ComposeError {
    pub(super) error: YamlError,
    /// Start of a line inside a flow collection that begins with a tab, where that is what failed.
    pub(super) tab_line: Option<usize>,
}

impl From<YamlError> for ComposeError {
    fn from(error: YamlError) -> Self {
        Self { error, tab_line: None }
    }
}

/// Reads the first document of `text`; `None` where there is none. Each event is used and dropped: they are many times as
/// large as the text.
pub(super) fn compose(
    text: &str,
    base: Base,
    syntax: Syntax,
    repeats: DuplicateKeys,
) -> Result<Option<Node>, ComposeError> {
    let mut composer = Composer::new(text, base, syntax, used_anchors(text, syntax));
    composer.repeats = repeats;
    let mut open = Vec::new();
    composer.begin();
    for event in parser(text, syntax) {
        match event {
            Ok((Event::DocumentEnd, _)) => break,
            Ok((Event::StreamStart | Event::StreamEnd | Event::DocumentStart(..), _)) => {}
            Ok((event, raw)) => {
                match &event {
                    Event::SequenceStart(style, ..) | Event::MappingStart(style, ..) => open.push(*style),
                    Event::SequenceEnd | Event::MappingEnd => drop(open.pop()),
                    _ => {}
                }
                composer.event(&event, &raw)?;
            }
            Err(error) => {
                let offset = error.marker().byte_offset().unwrap_or(0);
                let in_flow = open.last() == Some(&StructureStyle::Flow);
                let tab = *error.kind() == ErrorKind::TabInBlockIndentation && in_flow;
                let tab_line = tab.then(|| line_start(text, offset));
                let place = LineIndex::new(text, base).locate(offset);
                let error = YamlError { location: Some(place), why: error.info() };
                return Err(ComposeError { error, tab_line });
            }
        }
    }
    Ok(composer.end()?)
}

fn parser(text: &str, syntax: Syntax) -> impl Iterator<Item = Result<(Event<'_>, Raw), ScanError>> {
    let mut limits = options! { disallow_directives: true };
    limits.set_emit_comments(false);
    if syntax == Syntax::Json {
        // YAML ends a key of more than 1024 characters, JSON does not. Not more than is needed: the parser keeps every token
        // of a map that may still turn out to be a key.
        limits.simple_key_max_lookahead = longest_text(text).saturating_add(2).max(USUAL_KEY);
    }
    Parser::new_from_str_with_options(text, limits)
}

/// The longest text of JSON, in bytes with its escapes.
fn longest_text(json: &str) -> usize {
    let (mut longest, mut begun, mut escaped) = (0, None, false);
    for (at, byte) in json.bytes().enumerate() {
        match (begun, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(start), b'"') => {
                longest = longest.max(at - start);
                begun = None;
            }
            (None, b'"') => begun = Some(at),
            _ => {}
        }
    }
    longest
}

/// The most values and keys of a document.
pub(super) fn max_values(text: &str) -> usize {
    FEW_VALUES + text.len() / BYTES_OF_A_VALUE
}

/// The anchors that some alias of the first document refers to; nearly no document has any.
fn used_anchors(text: &str, syntax: Syntax) -> HashSet<usize> {
    if syntax == Syntax::Json || !text.contains('*') {
        return HashSet::new();
    }
    let events = parser(text, syntax).map_while(Result::ok);
    let of_first = events.take_while(|(event, _)| !matches!(event, Event::DocumentEnd));
    let used = of_first.filter_map(|(event, _)| match event {
        Event::Alias(id) => Some(id),
        _ => None,
    });
    used.collect()
}

pub(super) struct Composer<'a> {
    pub(super) text: &'a str,
    pub(super) base: Base,
    pub(super) syntax: Syntax,
    repeats: DuplicateKeys,
    pub(super) places: LineIndex<'a>,
    /// End of the last token, and what it was.
    pub(super) cursor: usize,
    pub(super) last: LastToken,
    pub(super) stack: Vec<OpenCollection>,
    root: Option<Node>,
    /// Anchors that some alias refers to.
    used: HashSet<usize>,
    anchors: HashMap<usize, Node>,
    budget: AliasBudget,
    /// Values and keys so far.
    written: usize,
}

impl<'a> Composer<'a> {
    fn new(text: &'a str, base: Base, syntax: Syntax, used: HashSet<usize>) -> Self {
        Self {
            text,
            base,
            syntax,
            repeats: DuplicateKeys::Reject,
            places: LineIndex::new(text, base),
            cursor: 0,
            last: LastToken::LineStart,
            stack: Vec::new(),
            root: None,
            used,
            anchors: HashMap::new(),
            budget: AliasBudget::default(),
            written: 0,
        }
    }

    fn begin(&mut self) {
        self.cursor = after_marker(self.text);
        if self.cursor > 0 {
            self.last = LastToken::Other;
        }
    }

    fn event(&mut self, event: &Event<'_>, raw: &Raw) -> Result<(), YamlError> {
        self.budget.values += 1;
        let is_end = matches!(event, Event::SequenceEnd | Event::MappingEnd);
        self.written += usize::from(!is_end);
        if self.written > max_values(self.text) {
            let place = self.places.locate(raw.byte_range().map_or(self.cursor, |range| range.start));
            let why = "the document holds more values than any object of its size".to_owned();
            return Err(YamlError { location: Some(place), why });
        }
        match event {
            Event::Scalar(value, style, anchor, tag) => {
                let tag = tag.as_ref().map(|tag| format!("{}{}", tag.handle(), tag.suffix()));
                self.scalar(value, *style, *anchor, tag.as_deref(), raw)
            }
            Event::Alias(id) => self.alias(*id, raw),
            Event::SequenceStart(style, anchor, tag) => {
                let items = CollectionItems::Sequence(Vec::new());
                self.open(items, *style, *anchor, tag.is_some(), raw)
            }
            Event::MappingStart(style, anchor, tag) => {
                let items = CollectionItems::Mapping(MappingEntries::default());
                self.open(items, *style, *anchor, tag.is_some(), raw)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(raw),
            _ => Ok(()),
        }
    }

    fn end(mut self) -> Result<Option<Node>, YamlError> {
        self.skip_trivia()?;
        Ok(self.root)
    }

    fn scalar(
        &mut self,
        value: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&str>,
        raw: &Raw,
    ) -> Result<(), YamlError> {
        let (lead, outer) = self.skip_to_node(anchor != 0 || tag.is_some())?;
        let (start, end) =
            raw.byte_range().map_or((self.cursor, self.cursor), |range| (range.start, range.end));
        // What is not written comes as `~`.
        let value = if style == ScalarStyle::Plain && start == end { "" } else { value };
        let (style, start, end) = match style {
            ScalarStyle::Plain if value.is_empty() => (NodeStyle::Empty, self.cursor, self.cursor),
            ScalarStyle::Plain => (NodeStyle::Plain, start, end),
            ScalarStyle::SingleQuoted => (NodeStyle::Single, start, end),
            ScalarStyle::DoubleQuoted => (NodeStyle::Double, start, end),
            ScalarStyle::Literal => self.block_scalar(NodeStyle::Literal, end),
            ScalarStyle::Folded => self.block_scalar(NodeStyle::Folded, end),
        };
        let span = self.span(start, end);
        self.cursor = self.cursor.max(end);
        if style != NodeStyle::Empty {
            self.last = if style == NodeStyle::Plain { LastToken::Plain } else { LastToken::Other };
        }
        let plain = matches!(style, NodeStyle::Plain | NodeStyle::Empty);
        if plain && self.syntax == Syntax::Yaml {
            self.check_plain(span)?;
        }
        if matches!(style, NodeStyle::Literal | NodeStyle::Folded) {
            self.check_block_scalar(span)?;
        }
        if plain && tag.is_none() && value == "<<" && self.expects_key() {
            return self.merge_key();
        }
        let is_merge = value == "<<" && tag.is_some() || tag.is_some_and(|tag| tag.ends_with(":merge"));
        if is_merge && self.expects_key() {
            let why = "a merge key (`<<`) with a tag is read in different ways: leave the tag out";
            return Err(YamlError { location: Some(span.location), why: why.to_owned() });
        }
        let kind = match tag {
            Some(tag) => resolve::resolve_tagged(tag, value),
            None if plain && self.syntax == Syntax::Json => json_scalar(value),
            None if plain => resolve::resolve_plain(value),
            None => Ok(NodeKind::String(value.to_owned())),
        };
        let kind = kind.map_err(|why| YamlError { location: Some(span.location), why })?;
        if self.expects_key() {
            return self.key(&kind, value, span);
        }
        let shared = self.used.contains(&anchor);
        let form = NodeForm {
            style,
            lead: self.base.offset + lead,
            outer: self.base.offset + outer.unwrap_or(start),
            decorated: anchor != 0 || tag.is_some(),
            shared,
            hidden: 0,
        };
        self.finish(Node { kind, span, form }, anchor)
    }

    fn alias(&mut self, id: usize, raw: &Raw) -> Result<(), YamlError> {
        let (lead, _) = self.skip_to_node(false)?;
        let (start, end) =
            raw.byte_range().map_or((self.cursor, self.cursor), |range| (range.start, range.end));
        let span = self.span(start, end);
        self.cursor = end;
        self.last = LastToken::Other;
        let failed = |why: &str| YamlError { location: Some(span.location), why: why.to_owned() };
        let target = self.anchors.get(&id).ok_or_else(|| failed("the anchor's value contains itself"))?;
        self.budget.copy(target).map_err(|why| failed(&why))?;
        if self.stack.len() + target.height() > DEPTH {
            return Err(failed(&too_deep()));
        }
        if self.expects_key() {
            let source =
                self.text.get(target.span.start - self.base.offset..target.span.end - self.base.offset);
            let (kind, source) = (target.kind.clone(), source.unwrap_or_default().to_owned());
            return self.key(&kind, &source, span);
        }
        let form = NodeForm {
            style: NodeStyle::Alias,
            lead: self.base.offset + lead,
            outer: span.start,
            decorated: false,
            shared: false,
            hidden: 0,
        };
        let node = Node { kind: target.kind.clone(), span, form };
        self.finish(node, 0)
    }

    fn open(
        &mut self,
        items: CollectionItems,
        style: StructureStyle,
        anchor: usize,
        tagged: bool,
        raw: &Raw,
    ) -> Result<(), YamlError> {
        let (lead, outer) = self.skip_to_node(anchor != 0 || tagged)?;
        let flow = style == StructureStyle::Flow;
        let start = skip_blank(self.text, self.cursor);
        if self.stack.len() >= DEPTH {
            let place = self.places.locate(raw.byte_range().map_or(start, |range| range.start));
            return Err(YamlError { location: Some(place), why: too_deep() });
        }
        if self.expects_key() {
            let place = self.places.locate(start);
            return Err(YamlError { location: Some(place), why: "a list or map cannot be a key".to_owned() });
        }
        let span = self.span(start, start);
        let opens = matches!(self.text.as_bytes().get(start), Some(b'{' | b'['));
        self.cursor = if flow && opens { start + 1 } else { start };
        if flow && opens {
            self.last = LastToken::Other;
        }
        let form = NodeForm {
            style: if flow { NodeStyle::Flow } else { NodeStyle::Block },
            lead: self.base.offset + lead,
            outer: self.base.offset + outer.unwrap_or(start),
            decorated: anchor != 0 || tagged,
            shared: self.used.contains(&anchor),
            hidden: 0,
        };
        self.stack.push(OpenCollection { flow, anchor, span, form, items });
        Ok(())
    }

    fn close(&mut self, raw: &Raw) -> Result<(), YamlError> {
        let Some(mut frame) = self.stack.pop() else { return Ok(()) };
        if frame.flow
            && let Some(range) = raw.byte_range()
        {
            self.cursor = self.cursor.max(range.end);
            self.last = LastToken::Other;
        }
        frame.span.end = self.base.offset + self.cursor;
        let kind = match frame.items {
            CollectionItems::Sequence(items) => NodeKind::Sequence(items),
            CollectionItems::Mapping(entries) => {
                frame.form.hidden = entries.hidden;
                NodeKind::Mapping(entries.entries)
            }
        };
        self.finish(Node { kind, span: frame.span, form: frame.form }, frame.anchor)
    }

    /// Puts a complete node where it belongs.
    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), YamlError> {
        if anchor != 0 && self.used.contains(&anchor) {
            let place = Some(node.span.location);
            self.budget.copy(&node).map_err(|why| YamlError { location: place, why })?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.stack.last_mut().map(|frame| &mut frame.items) {
            None => self.root = Some(node),
            Some(CollectionItems::Sequence(items)) => items.push(node),
            Some(CollectionItems::Mapping(entries)) => match entries.pending.take() {
                Some(PendingKey::Key(name, span)) => entries.put((name, span), node, self.repeats)?,
                Some(PendingKey::Merge) => entries.merge(node)?,
                None => {}
            },
        }
        Ok(())
    }

    fn expects_key(&self) -> bool {
        matches!(
            self.stack.last(),
            Some(OpenCollection {
                items: CollectionItems::Mapping(MappingEntries { pending: None, .. }),
                ..
            })
        )
    }

    fn key(&mut self, kind: &NodeKind, source: &str, span: Span) -> Result<(), YamlError> {
        let failed = |why| YamlError { location: Some(span.location), why };
        let name = resolve::key_name(kind, source).map_err(failed)?;
        if let Some(OpenCollection { items: CollectionItems::Mapping(entries), .. }) = self.stack.last_mut() {
            entries.pending = Some(PendingKey::Key(name, span));
        }
        Ok(())
    }

    fn merge_key(&mut self) -> Result<(), YamlError> {
        if let Some(OpenCollection { items: CollectionItems::Mapping(entries), .. }) = self.stack.last_mut() {
            entries.pending = Some(PendingKey::Merge);
        }
        Ok(())
    }

    fn span(&mut self, start: usize, end: usize) -> Span {
        let place = self.places.locate(start);
        Span { start: self.base.offset + start, end: self.base.offset + end.max(start), location: place }
    }
}

/// A plain scalar of a JSON text.
fn json_scalar(text: &str) -> Result<NodeKind, String> {
    match text {
        "true" => Ok(NodeKind::Bool(true)),
        "false" => Ok(NodeKind::Bool(false)),
        "null" => Ok(NodeKind::Null),
        _ => {
            let number: serde_json::Number = text.parse().map_err(|_| "the number is not JSON".to_owned())?;
            let float = if number.is_f64() { number.as_f64().and_then(resolve::json_number) } else { None };
            Ok(NodeKind::Number(float.unwrap_or(number)))
        }
    }
}

fn too_deep() -> String {
    format!("lists and maps are nested more than {DEPTH} levels deep")
}
