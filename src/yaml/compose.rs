//! Parser events composed to nodes: aliases copied, merge keys applied, every node with its exact span.

use std::collections::{HashMap, HashSet};

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, Span as Raw, StructureStyle, options};

use super::lines::{Base, Places, line_end, line_start, next_line, skip_blank};
use super::node::{Form, Key, Node, NodeKind, Span, Style};
use super::{ReadError, resolve};

/// Levels of lists and maps in one document; `serde_json` stops at 128, and so no live object has more.
const DEPTH: usize = 250;
/// Text that aliases may add to one document.
const ALIAS_BYTES: usize = 32 << 20;

/// What differs where the text is JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    Yaml,
    Json,
}

/// Why a text could not be composed.
pub(super) struct Failure {
    pub(super) error: ReadError,
    /// Start of a line inside a flow collection that begins with a tab, where that is what failed.
    pub(super) tab_line: Option<usize>,
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self { error, tab_line: None }
    }
}

/// Reads the first document of `text`; `None` where there is none.
pub(super) fn compose(text: &str, base: Base, syntax: Syntax) -> Result<Option<Node>, Failure> {
    let events = events(text, base, syntax)?;
    Ok(Composer::new(text, base, syntax, &events).run(&events)?)
}

type Located<'a> = (Event<'a>, Raw);

/// The events of the first document.
fn events(text: &str, base: Base, syntax: Syntax) -> Result<Vec<Located<'_>>, Failure> {
    let mut limits = options! { disallow_directives: true };
    limits.set_emit_comments(false);
    if syntax == Syntax::Json {
        limits.simple_key_max_lookahead = usize::MAX;
    }
    let mut events = Vec::new();
    for event in Parser::new_from_str_with_options(text, limits) {
        match event {
            Ok((Event::DocumentEnd, _)) => break,
            Ok((Event::StreamStart | Event::StreamEnd | Event::DocumentStart(..), _)) => {}
            Ok(event) => events.push(event),
            Err(error) => {
                let offset = error.marker().byte_offset().unwrap_or(0);
                let tab = *error.kind() == ErrorKind::TabInBlockIndentation && in_flow(&events);
                let tab_line = tab.then(|| line_start(text, offset));
                let place = Places::new(text, base).at(offset);
                let error = ReadError { place: Some(place), why: error.info() };
                return Err(Failure { error, tab_line });
            }
        }
    }
    Ok(events)
}

fn in_flow(events: &[Located<'_>]) -> bool {
    let mut open = Vec::new();
    for (event, _) in events {
        match event {
            Event::SequenceStart(style, ..) | Event::MappingStart(style, ..) => open.push(*style),
            Event::SequenceEnd | Event::MappingEnd => drop(open.pop()),
            _ => {}
        }
    }
    open.last() == Some(&StructureStyle::Flow)
}

struct Composer<'a> {
    text: &'a str,
    base: Base,
    syntax: Syntax,
    places: Places<'a>,
    /// End of the last token.
    cursor: usize,
    stack: Vec<Frame>,
    root: Option<Node>,
    /// Anchors that some alias refers to.
    used: HashSet<usize>,
    anchors: HashMap<usize, Node>,
    budget: Budget,
}

struct Frame {
    flow: bool,
    anchor: usize,
    span: Span,
    form: Form,
    items: Items,
}

enum Items {
    Sequence(Vec<Node>),
    Mapping(Entries),
}

#[derive(Default)]
struct Entries {
    entries: Vec<(Key, Node)>,
    /// Name to index in `entries`, and whether a literal key of that name was seen.
    known: HashMap<String, (usize, bool)>,
    pending: Option<Pending>,
    hidden: usize,
}

/// A key whose value is still to come.
enum Pending {
    Key(String, Span),
    Merge,
}

/// What aliases may cost: the rule of go-yaml against alias bombs, and a bound on bytes.
#[derive(Default)]
struct Budget {
    values: usize,
    copied: usize,
    bytes: usize,
}

impl Budget {
    fn copy(&mut self, node: &Node) -> Result<(), String> {
        let (values, bytes) = node.weight();
        self.values += values;
        self.copied += values;
        self.bytes += bytes;
        let excessive = self.copied > 100 && self.values > 1000 && self.ratio() > allowed_ratio(self.values);
        if excessive || self.bytes > ALIAS_BYTES {
            return Err("the document contains excessive aliasing".to_owned());
        }
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "a ratio")]
    fn ratio(&self) -> f64 {
        self.copied as f64 / self.values as f64
    }
}

/// go-yaml's `allowedAliasRatio`.
#[expect(clippy::cast_precision_loss, reason = "a ratio")]
fn allowed_ratio(values: usize) -> f64 {
    match values {
        0..=400_000 => 0.99,
        4_000_000.. => 0.10,
        _ => 0.99 - 0.89 * ((values - 400_000) as f64 / 3_600_000.0),
    }
}

impl<'a> Composer<'a> {
    fn new(text: &'a str, base: Base, syntax: Syntax, events: &[Located<'_>]) -> Self {
        let used = events.iter().filter_map(|(event, _)| match event {
            Event::Alias(id) => Some(*id),
            _ => None,
        });
        Self {
            text,
            base,
            syntax,
            places: Places::new(text, base),
            cursor: 0,
            stack: Vec::new(),
            root: None,
            used: used.collect(),
            anchors: HashMap::new(),
            budget: Budget::default(),
        }
    }

    fn run(mut self, events: &[Located<'_>]) -> Result<Option<Node>, ReadError> {
        self.cursor = after_marker(self.text);
        for (event, raw) in events {
            self.budget.values += 1;
            match event {
                Event::Scalar(value, style, anchor, tag) => {
                    let tag = tag.as_ref().map(|tag| format!("{}{}", tag.handle(), tag.suffix()));
                    self.scalar(value, *style, *anchor, tag.as_deref(), raw)?;
                }
                Event::Alias(id) => self.alias(*id, raw)?,
                Event::SequenceStart(style, anchor, tag) => {
                    let items = Items::Sequence(Vec::new());
                    self.open(items, *style, *anchor, tag.is_some(), raw)?;
                }
                Event::MappingStart(style, anchor, tag) => {
                    let items = Items::Mapping(Entries::default());
                    self.open(items, *style, *anchor, tag.is_some(), raw)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.close(raw)?,
                _ => {}
            }
        }
        Ok(self.root)
    }

    fn scalar(
        &mut self,
        value: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&str>,
        raw: &Raw,
    ) -> Result<(), ReadError> {
        let (lead, outer) = self.before(anchor != 0 || tag.is_some());
        let (start, end) =
            raw.byte_range().map_or((self.cursor, self.cursor), |range| (range.start, range.end));
        // What is not written comes as `~`.
        let value = if style == ScalarStyle::Plain && start == end { "" } else { value };
        let (style, start, end) = match style {
            ScalarStyle::Plain if value.is_empty() => (Style::Empty, self.cursor, self.cursor),
            ScalarStyle::Plain => (Style::Plain, start, end),
            ScalarStyle::SingleQuoted => (Style::Single, start, end),
            ScalarStyle::DoubleQuoted => (Style::Double, start, end),
            ScalarStyle::Literal => self.block_scalar(Style::Literal, end),
            ScalarStyle::Folded => self.block_scalar(Style::Folded, end),
        };
        let span = self.span(start, end);
        self.cursor = self.cursor.max(end);
        let plain = matches!(style, Style::Plain | Style::Empty);
        if plain && self.syntax == Syntax::Yaml {
            self.check_plain_in_flow(span)?;
        }
        if plain && tag.is_none() && value == "<<" && self.expects_key() {
            return self.merge_key();
        }
        let kind = match tag {
            Some(tag) => resolve::tagged(tag, value),
            None if plain && self.syntax == Syntax::Json => json_scalar(value),
            None if plain => resolve::plain(value),
            None => Ok(NodeKind::String(value.to_owned())),
        };
        let kind = kind.map_err(|why| ReadError { place: Some(span.place), why })?;
        if self.expects_key() {
            return self.key(&kind, value, span);
        }
        let shared = self.used.contains(&anchor);
        let form = Form {
            style,
            lead: self.base.offset + lead,
            outer: self.base.offset + outer.unwrap_or(start),
            decorated: anchor != 0 || tag.is_some(),
            shared,
            hidden: 0,
        };
        self.finish(Node { kind, span, form }, anchor)
    }

    /// Refuses what go-yaml reads otherwise: to it a `?` ends a plain scalar of a flow collection, and a `:` right before
    /// an indicator does not.
    fn check_plain_in_flow(&self, span: Span) -> Result<(), ReadError> {
        if !self.stack.last().is_some_and(|frame| frame.flow) {
            return Ok(());
        }
        let (start, end) = (span.start - self.base.offset, span.end - self.base.offset);
        let colon =
            matches!(self.text.as_bytes().get(end..), Some([b':', b',' | b'[' | b']' | b'{' | b'}', ..]));
        if colon || self.text.get(start..end).is_some_and(|text| text.contains('?')) {
            let why = "Kubernetes reads this plain scalar otherwise inside `[]` or `{}`; quote it".to_owned();
            return Err(ReadError { place: Some(span.place), why });
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, raw: &Raw) -> Result<(), ReadError> {
        let (lead, _) = self.before(false);
        let (start, end) =
            raw.byte_range().map_or((self.cursor, self.cursor), |range| (range.start, range.end));
        let span = self.span(start, end);
        self.cursor = end;
        let failed = |why: &str| ReadError { place: Some(span.place), why: why.to_owned() };
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
        let form = Form {
            style: Style::Alias,
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
        items: Items,
        style: StructureStyle,
        anchor: usize,
        tagged: bool,
        raw: &Raw,
    ) -> Result<(), ReadError> {
        let (lead, outer) = self.before(anchor != 0 || tagged);
        let flow = style == StructureStyle::Flow;
        let start = skip_blank(self.text, self.cursor);
        if self.stack.len() >= DEPTH {
            let place = self.places.at(raw.byte_range().map_or(start, |range| range.start));
            return Err(ReadError { place: Some(place), why: too_deep() });
        }
        if self.expects_key() {
            let place = self.places.at(start);
            return Err(ReadError { place: Some(place), why: "a list or map cannot be a key".to_owned() });
        }
        let span = self.span(start, start);
        let opens = matches!(self.text.as_bytes().get(start), Some(b'{' | b'['));
        self.cursor = if flow && opens { start + 1 } else { start };
        let form = Form {
            style: if flow { Style::Flow } else { Style::Block },
            lead: self.base.offset + lead,
            outer: self.base.offset + outer.unwrap_or(start),
            decorated: anchor != 0 || tagged,
            shared: self.used.contains(&anchor),
            hidden: 0,
        };
        self.stack.push(Frame { flow, anchor, span, form, items });
        Ok(())
    }

    fn close(&mut self, raw: &Raw) -> Result<(), ReadError> {
        let Some(mut frame) = self.stack.pop() else { return Ok(()) };
        if frame.flow
            && let Some(range) = raw.byte_range()
        {
            self.cursor = self.cursor.max(range.end);
        }
        frame.span.end = self.base.offset + self.cursor;
        let kind = match frame.items {
            Items::Sequence(items) => NodeKind::Sequence(items),
            Items::Mapping(entries) => {
                frame.form.hidden = entries.hidden;
                NodeKind::Mapping(entries.entries)
            }
        };
        self.finish(Node { kind, span: frame.span, form: frame.form }, frame.anchor)
    }

    /// Puts a complete node where it belongs.
    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), ReadError> {
        if anchor != 0 && self.used.contains(&anchor) {
            let place = Some(node.span.place);
            self.budget.copy(&node).map_err(|why| ReadError { place, why })?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.stack.last_mut().map(|frame| &mut frame.items) {
            None => self.root = Some(node),
            Some(Items::Sequence(items)) => items.push(node),
            Some(Items::Mapping(entries)) => match entries.pending.take() {
                Some(Pending::Key(name, span)) => entries.put(name, span, node)?,
                Some(Pending::Merge) => entries.merge(node)?,
                None => {}
            },
        }
        Ok(())
    }

    fn expects_key(&self) -> bool {
        matches!(self.stack.last(), Some(Frame { items: Items::Mapping(Entries { pending: None, .. }), .. }))
    }

    fn key(&mut self, kind: &NodeKind, source: &str, span: Span) -> Result<(), ReadError> {
        let failed = |why| ReadError { place: Some(span.place), why };
        let name = resolve::key_name(kind, source).map_err(failed)?;
        if let Some(Frame { items: Items::Mapping(entries), .. }) = self.stack.last_mut() {
            entries.pending = Some(Pending::Key(name, span));
        }
        Ok(())
    }

    fn merge_key(&mut self) -> Result<(), ReadError> {
        if let Some(Frame { items: Items::Mapping(entries), .. }) = self.stack.last_mut() {
            entries.pending = Some(Pending::Merge);
        }
        Ok(())
    }

    /// Moves the cursor over what stands before a node's own text: the indicator of its parent and, if `decorated`,
    /// its anchor and tag. Returns where the indicator and where the decoration begin.
    fn before(&mut self, decorated: bool) -> (usize, Option<usize>) {
        let indicators: &[u8] = match self.stack.last() {
            None => b"",
            Some(Frame { flow: true, items: Items::Mapping(Entries { pending: Some(_), .. }), .. }) => b":",
            Some(Frame { flow: true, .. }) => b",?",
            Some(Frame { items: Items::Sequence(_), .. }) => b"-",
            Some(Frame { items: Items::Mapping(Entries { pending: None, .. }), .. }) => b"?",
            Some(_) => b":",
        };
        let mut lead = None;
        for indicator in indicators {
            let at = skip_blank(self.text, self.cursor);
            if self.text.as_bytes().get(at) == Some(indicator) {
                lead = Some(at);
                self.cursor = at + 1;
            }
        }
        let mut outer = None;
        while decorated {
            let at = skip_blank(self.text, self.cursor);
            if !matches!(self.text.as_bytes().get(at), Some(b'&' | b'!')) {
                break;
            }
            outer = outer.or(Some(at));
            self.cursor = end_of_decoration(self.text, at);
        }
        (lead.unwrap_or(self.cursor), outer)
    }

    /// Span of a block scalar: from its `|` or `>` to the end of its last line, without the break; for `+` with the
    /// blank lines after it.
    fn block_scalar(&self, style: Style, end: usize) -> (Style, usize, usize) {
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

    fn span(&mut self, start: usize, end: usize) -> Span {
        let place = self.places.at(start);
        Span { start: self.base.offset + start, end: self.base.offset + end.max(start), place }
    }
}

impl Entries {
    fn put(&mut self, name: String, span: Span, node: Node) -> Result<(), ReadError> {
        let key = Key { name, span, merged: false };
        match self.known.get_mut(&key.name) {
            Some((_, true)) => {
                let why = format!("the key \"{}\" is already set in this map", key.name.escape_debug());
                return Err(ReadError { place: Some(key.span.place), why });
            }
            Some((index, literal)) => {
                *literal = true;
                self.entries[*index] = (key, node);
            }
            None => {
                self.known.insert(key.name.clone(), (self.entries.len(), true));
                self.entries.push((key, node));
            }
        }
        Ok(())
    }

    /// Merges as go-yaml v2 does: a merge key overrides what stands before it, the first of a list wins.
    fn merge(&mut self, node: Node) -> Result<(), ReadError> {
        self.hidden += 1;
        let place = Some(node.span.place);
        let wrong = || ReadError { place, why: "a merge (`<<`) needs a map or a list of maps".to_owned() };
        match node.kind {
            NodeKind::Mapping(entries) => self.merge_entries(entries),
            NodeKind::Sequence(items) => {
                for item in items.into_iter().rev() {
                    let NodeKind::Mapping(entries) = item.kind else { return Err(wrong()) };
                    self.merge_entries(entries);
                }
            }
            _ => return Err(wrong()),
        }
        Ok(())
    }

    fn merge_entries(&mut self, entries: Vec<(Key, Node)>) {
        for (mut key, node) in entries {
            key.merged = true;
            if let Some((index, _)) = self.known.get(&key.name) {
                if !self.entries[*index].0.merged {
                    self.hidden += 1;
                }
                self.entries[*index] = (key, node);
            } else {
                self.known.insert(key.name.clone(), (self.entries.len(), false));
                self.entries.push((key, node));
            }
        }
    }
}

/// A plain scalar of a JSON text.
fn json_scalar(text: &str) -> Result<NodeKind, String> {
    match text {
        "true" => Ok(NodeKind::Bool(true)),
        "false" => Ok(NodeKind::Bool(false)),
        "null" => Ok(NodeKind::Null),
        _ => {
            let number: serde_json::Number = text.parse().map_err(|_| format!("`{text}` is not JSON"))?;
            let float = if number.is_f64() { number.as_f64().and_then(resolve::json_number) } else { None };
            Ok(NodeKind::Number(float.unwrap_or(number)))
        }
    }
}

/// Offset after the `---` that may begin a document.
fn after_marker(text: &str) -> usize {
    let at = skip_blank(text, 0);
    let marker = text[at..].starts_with("---")
        && (at == 0 || line_start(text, at) == at || text[..at].ends_with('\u{feff}'));
    if marker && matches!(text.as_bytes().get(at + 3), None | Some(b' ' | b'\t' | b'\r' | b'\n')) {
        at + 3
    } else {
        0
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

fn too_deep() -> String {
    format!("lists and maps are nested more than {DEPTH} levels deep")
}
