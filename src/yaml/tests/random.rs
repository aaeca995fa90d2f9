//! Random documents, laid out at random, and random edits of them.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Map, Value, json};

use super::super::{Document, Edit, Node, NodeKind, Operation, edit, read};
use crate::model::push_pointer;

/// Strings that some version of YAML takes for something else, or that are hard to write.
const NASTY: &[&str] = &[
    "",
    " ",
    "y",
    "N",
    "yes",
    "off",
    "null",
    "~",
    "true",
    "0644",
    "0o17",
    "0x1F",
    "1e3",
    "1_000",
    "12:30:45",
    "2001-12-14",
    "2001-12-14T21:59:43Z",
    ".5",
    "+1",
    "-",
    "--",
    "---",
    "...",
    "-x",
    "- x",
    "?",
    "? x",
    ":",
    "a:",
    "a: b",
    "a:b",
    ": a",
    "#",
    "# c",
    "a #b",
    "a#b",
    "&a",
    "*a",
    "!a",
    "|",
    ">",
    "%a",
    "@a",
    "`a",
    "'",
    "''",
    "\"",
    "a'b\"c",
    "\\",
    "\\n",
    "{",
    "}",
    "{}",
    "[]",
    "[a",
    "a, b",
    "<<",
    "=",
    " lead",
    "trail ",
    "tab\there",
    "\t",
    "a\nb",
    "a\nb\n",
    "a\n\nb\n\n",
    "\n",
    "\n\n",
    "\na",
    " a\nb\n",
    "\ta\nb",
    "a\n  b\n",
    "a \nb \n",
    "# c\nd\n",
    "---\na\n",
    "a\r\nb",
    "\u{85}",
    "\u{2028}",
    "a\u{2029}b",
    "\u{feff}a",
    "\u{0}",
    "\u{7f}",
    "\u{1f600} é",
    "１２",
    "5e123456",
    "1234e5",
    "1.25.3",
    "nginx:1.25",
    "a/b@sha256:0e12",
    "--flag=x",
    "${A}",
    "{{ .x }}",
    "key with spaces",
];

const WORDS: &[&str] =
    &["a", "name", "image", "app.kubernetes.io/name", "x y", "on", "0x10", "a~b/c", "", "8080", "日本"];

fn scalars() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => proptest::sample::select(NASTY).prop_map(Value::from),
        2 => "[a-z]{1,6}".prop_map(Value::from),
        1 => "\\PC{0,12}".prop_map(Value::from),
        1 => ".{0,8}".prop_map(Value::from),
        1 => any::<i32>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => Just(json!(0.5)),
        1 => Just(json!({})),
        1 => Just(json!([])),
    ]
}

fn keys() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => proptest::sample::select(WORDS).prop_map(str::to_owned),
        2 => "[a-z]{1,4}",
        1 => proptest::sample::select(NASTY).prop_map(str::to_owned),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    scalars().prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            vec((keys(), inner), 0..5).prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

fn roots() -> impl Strategy<Value = Value> {
    vec((keys(), values()), 1..6).prop_map(|entries| Value::Object(entries.into_iter().collect()))
}

/// Lays values out in one of the many ways in which people do, as `choices` say.
struct Writer<'a> {
    choices: std::iter::Cycle<std::slice::Iter<'a, u8>>,
    text: String,
    step: usize,
    dashes: usize,
    gap: usize,
    /// Whether comments and blank lines are strewn in.
    loose: bool,
}

impl Writer<'_> {
    fn choose(&mut self, ways: u8) -> u8 {
        self.choices.next().map_or(0, |choice| choice % ways)
    }

    fn indent(&mut self, column: usize) {
        self.text.push_str(&" ".repeat(column));
    }

    fn end_line(&mut self) {
        if self.loose && self.choose(4) == 0 {
            self.text.push_str("   # side");
        }
        self.text.push('\n');
        if self.loose {
            match self.choose(8) {
                0 => self.text.push('\n'),
                1 => self.text.push_str("# left\n"),
                2 => self.text.push_str("    # inside\n"),
                _ => {}
            }
        }
    }

    fn quoted(&mut self, text: &str) -> String {
        let plain = !text.is_empty()
            && text.chars().all(|character| character.is_ascii_lowercase() || character == '/')
            && !matches!(text, "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null");
        let single = text
            .chars()
            .all(|character| (' '..='~').contains(&character) || ('é'..='ž').contains(&character));
        match self.choose(3) {
            0 | 1 if plain => text.to_owned(),
            1 if single => format!("'{}'", text.replace('\'', "''")),
            // JSON's escapes are YAML's; what YAML cannot hold raw is escaped too.
            _ => {
                Value::from(text).to_string().chars().fold(String::new(), |quoted, character| match character
                {
                    '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                        format!("{quoted}\\u{:04x}", u32::from(character))
                    }
                    other => format!("{quoted}{other}"),
                })
            }
        }
    }

    fn flow(&mut self, value: &Value) -> String {
        match value {
            Value::Object(entries) => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|(key, value)| format!("{}: {}", self.quoted(key), self.flow(value)))
                    .collect();
                self.brackets('{', &entries, '}')
            }
            Value::Array(items) => {
                let items: Vec<_> = items.iter().map(|item| self.flow(item)).collect();
                self.brackets('[', &items, ']')
            }
            Value::String(text) => self.quoted(text),
            other => other.to_string(),
        }
    }

    fn brackets(&mut self, open: char, items: &[String], close: char) -> String {
        let comma = if self.choose(4) == 0 && !items.is_empty() { "," } else { "" };
        match self.choose(3) {
            0 if !items.is_empty() => {
                let side = if self.choose(2) == 0 { "  # flow" } else { "" };
                let glue = format!(",{side}\n            ");
                format!("{open}\n            {}{comma}\n          {close}", items.join(&glue))
            }
            1 => format!("{open} {}{comma} {close}", items.join(" , ")),
            _ => format!("{open}{}{comma}{close}", items.join(", ")),
        }
    }

    /// A value after a key (`parent` is its column) or a dash.
    fn after(&mut self, value: &Value, parent: usize, under_key: bool) {
        let empty = matches!(value, Value::Array(items) if items.is_empty())
            || matches!(value, Value::Object(entries) if entries.is_empty());
        let collection = (value.is_array() || value.is_object()) && !empty;
        if collection && self.choose(6) != 0 {
            if under_key || self.choose(6) == 0 {
                self.end_line();
                let deeper = if under_key && value.is_array() { self.dashes } else { self.step };
                self.block(value, parent + deeper, false);
            } else {
                self.indent(self.gap);
                self.block(value, parent + 1 + self.gap, true);
            }
            return;
        }
        if *value == Value::Null && self.choose(2) == 0 {
            return self.end_line();
        }
        self.indent(if under_key { 1 } else { self.gap });
        if let Value::String(text) = value
            && self.choose(2) == 0
            && self.literal(text, parent + self.step.max(1))
        {
            return;
        }
        let text = self.flow(value);
        self.text.push_str(&text);
        self.end_line();
    }

    fn literal(&mut self, text: &str, column: usize) -> bool {
        let good =
            |character: char| (' '..='~').contains(&character) || character == '\n' || character == 'é';
        let body = text.trim_end_matches('\n');
        if body.is_empty() || body.starts_with([' ', '\n']) || !text.chars().all(good) {
            return false;
        }
        let trailing = text.len() - body.len();
        self.text.push_str(["|-", "|", "|+"][trailing.min(2)]);
        if self.loose && self.choose(3) == 0 {
            self.text.push_str(" # head");
        }
        self.text.push('\n');
        for line in body.split('\n') {
            if !line.is_empty() {
                self.indent(column);
            }
            self.text.push_str(line);
            self.text.push('\n');
        }
        self.text.push_str(&"\n".repeat(trailing.saturating_sub(1)));
        true
    }

    fn block(&mut self, value: &Value, column: usize, first_is_placed: bool) {
        let mut placed = first_is_placed;
        match value {
            Value::Object(entries) => {
                for (key, value) in entries {
                    if !std::mem::take(&mut placed) {
                        self.indent(column);
                    }
                    let key = self.quoted(key);
                    self.text.push_str(&key);
                    self.text.push(':');
                    self.after(value, column, true);
                }
            }
            Value::Array(items) => {
                for item in items {
                    if !std::mem::take(&mut placed) {
                        self.indent(column);
                    }
                    self.text.push('-');
                    self.after(item, column, false);
                }
            }
            _ => {}
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Stream {
    documents: Vec<Value>,
    pub(super) text: String,
}

pub(super) fn streams() -> impl Strategy<Value = Stream> {
    let style = (1_usize..5, 0_usize..5, 1_usize..4, any::<bool>(), 0_u8..6);
    (vec(roots(), 1..3), vec(any::<u8>(), 64), style).prop_map(|(documents, choices, style)| {
        let (step, dashes, gap, loose, ends) = style;
        let choices = choices.iter().cycle();
        let dashes = dashes.min(step);
        let mut writer = Writer { choices, text: String::new(), step, dashes, gap, loose };
        for (index, document) in documents.iter().enumerate() {
            if index > 0 {
                writer.text.push_str(if loose { "--- # next\n" } else { "---\n" });
            }
            writer.block(document, 0, false);
        }
        Stream { text: with_ends(writer.text, ends), documents }
    })
}

/// With Windows' line ends, a byte order mark, or without a final line end.
fn with_ends(text: String, ends: u8) -> String {
    match ends {
        0 => text.replace('\n', "\r\n"),
        1 => format!("\u{feff}{text}"),
        2 if !text.ends_with("\n\n") => text.trim_end_matches('\n').to_owned(),
        _ => text,
    }
}

/// All pointers into a value.
fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    let child = |token: &str| {
        let mut pointer = at.to_owned();
        push_pointer(&mut pointer, token);
        pointer
    };
    match value {
        Value::Object(entries) => entries.iter().for_each(|(key, value)| pointers(value, &child(key), all)),
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| pointers(item, &child(&index.to_string()), all));
        }
        _ => {}
    }
}

#[derive(Debug, Clone)]
struct Case {
    stream: Stream,
    edit: Edit,
    /// The documents as they should be.
    intended: Vec<Value>,
}

fn cases() -> impl Strategy<Value = Case> {
    let choice = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_u8..5, keys(), values());
    (streams(), choice).prop_filter_map("nothing to do", |(stream, (document, target, kind, key, value))| {
        let document = document.index(stream.documents.len());
        let mut all = Vec::new();
        pointers(&stream.documents[document], "", &mut all);
        let pointer = target.get(&all).clone();
        case(stream, document, pointer, kind, &key, value)
    })
}

fn case(
    stream: Stream,
    document: usize,
    mut pointer: String,
    kind: u8,
    key: &str,
    value: Value,
) -> Option<Case> {
    let mut intended = stream.documents.clone();
    let operation = match (kind, intended[document].pointer_mut(&pointer)?) {
        (0, _) if pointer.is_empty() => return None,
        (0, _) => {
            let (parent, name) = pointer.rsplit_once('/')?;
            let name = name.replace("~1", "/").replace("~0", "~");
            match intended[document].pointer_mut(parent)? {
                Value::Object(entries) => drop(entries.remove(&name)?),
                Value::Array(items) => drop(items.remove(name.parse().ok()?)),
                _ => return None,
            }
            Operation::Remove
        }
        (4, _) => {
            let (parent, name) = pointer.rsplit_once('/')?;
            let name = name.replace("~1", "/").replace("~0", "~");
            let Value::Object(entries) = intended[document].pointer_mut(parent)? else { return None };
            if entries.contains_key(key) {
                return None;
            }
            let value = entries.remove(&name)?;
            entries.insert(key.to_owned(), value);
            Operation::Rename(key.to_owned())
        }
        (1, Value::Object(entries)) => {
            entries.insert(key.to_owned(), value.clone());
            push_pointer(&mut pointer, key);
            Operation::Set(value)
        }
        (1, Value::Array(items)) => {
            items.push(value.clone());
            pointer.push_str("/-");
            Operation::Set(value)
        }
        (_, _) if pointer.is_empty() => return None,
        (2, Value::Object(entries)) => {
            let changed = entries.iter().skip(1).map(|(key, value)| (key.clone(), value.clone()));
            let changed: Map<String, Value> = changed.chain([(key.to_owned(), value)]).collect();
            *entries = changed.clone();
            Operation::Set(Value::Object(changed))
        }
        (2, Value::Array(items)) => {
            let middle = items.len() / 2;
            items.insert(middle, value);
            Operation::Set(Value::Array(items.clone()))
        }
        (_, old) => {
            *old = value.clone();
            Operation::Set(value)
        }
    };
    Some(Case { stream, edit: Edit { document, pointer, operation }, intended })
}

fn documents(text: &str) -> Vec<Value> {
    read(text.as_bytes()).into_iter().map(|document| document.unwrap().to_json()).collect()
}

fn node<'a>(root: &'a Node, pointer: &str) -> &'a Node {
    pointer.split('/').skip(1).fold(root, |node, token| {
        let token = token.replace("~1", "/").replace("~0", "~");
        match &node.kind {
            NodeKind::Sequence(items) => {
                token.parse::<usize>().ok().and_then(|index| items.get(index)).unwrap_or(node)
            }
            _ => node.get(&token).unwrap_or(node),
        }
    })
}

/// The bytes of the lines that an edit may touch: those of the value; for a new one, and for one that goes away, those of
/// what holds it.
fn touchable(document: &Document, text: &str, edit: &Edit) -> (usize, usize) {
    let parent = edit.pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
    let span = match edit.operation {
        Operation::Set(_) | Operation::Rename(_) => node(document.root(), &edit.pointer).span,
        Operation::Remove => node(document.root(), parent).span,
    };
    let holder = node(document.root(), parent).span;
    // The key's own line: a value may begin or end a block there.
    let indicator = if edit.operation == Operation::Remove { parent } else { &edit.pointer };
    let start = key_start(document.root(), indicator).unwrap_or(holder.start).min(span.start);
    let line_start = text[..start].rfind('\n').map_or(0, |found| found + 1);
    let mut line_end = text[span.end..].find('\n').map_or(text.len(), |found| span.end + found + 1);
    // What goes away may take the comments inside it along, and blank lines; what is new comes below those comments.
    while line_end < text.len() {
        let line = text[line_end..].split_inclusive('\n').next().unwrap();
        let is_blank = edit.operation == Operation::Remove && line.trim().is_empty();
        if !(is_blank || line.starts_with("    # inside")) {
            break;
        }
        line_end += line.len();
    }
    (line_start, line_end)
}

/// Start of the key of the value at `pointer`, or of its parent's where it is an item.
fn key_start(root: &Node, pointer: &str) -> Option<usize> {
    let (parent, name) = pointer.rsplit_once('/')?;
    let name = name.replace("~1", "/").replace("~0", "~");
    match &node(root, parent).kind {
        NodeKind::Mapping(entries) => {
            entries.iter().find(|(key, _)| key.name == name).map(|(key, _)| key.span.start)
        }
        _ => key_start(root, parent),
    }
}

pub(super) fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 1_000,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_261_122),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_laid_out_is_read_back(stream in streams()) {
        prop_assert_eq!(documents(&stream.text), stream.documents, "{}", stream.text);
    }

    #[test]
    fn edit_changes_only_its_own_lines(case in cases()) {
        let before = &case.stream.text;
        prop_assert_eq!(&documents(before), &case.stream.documents, "{}", before);
        let after = edit(before, std::slice::from_ref(&case.edit));
        let after = after.map_err(|error| TestCaseError::fail(format!("{error}\n{before}")))?;
        prop_assert_eq!(&documents(&after), &case.intended, "{}\n=>\n{}", before, after);
        let read = read(before.as_bytes()).swap_remove(case.edit.document).unwrap();
        let (start, end) = touchable(&read, before, &case.edit);
        // At the end of a file without a final line end, the break before goes or comes.
        let start = before[..start].trim_end_matches(['\r', '\n']).len();
        prop_assert!(after.starts_with(&before[..start]), "{}\n=>\n{}", before, after);
        prop_assert!(after.ends_with(&before[end..]), "{}\n=>\n{}", before, after);
        if before.contains("\r\n") && matches!(case.edit.operation, Operation::Set(_)) {
            prop_assert_eq!(after.matches('\n').count(), after.matches("\r\n").count());
        }
    }

    #[test]
    fn setting_what_is_there_changes_no_byte(stream in streams(), target in any::<prop::sample::Index>()) {
        let mut all = Vec::new();
        pointers(&stream.documents[0], "", &mut all);
        let pointer = target.get(&all);
        let value = stream.documents[0].pointer(pointer).unwrap().clone();
        let set = Edit { document: 0, pointer: pointer.clone(), operation: Operation::Set(value) };
        prop_assert_eq!(edit(&stream.text, &[set]).unwrap(), stream.text);
    }

    #[test]
    fn no_bytes_break_the_reader(bytes in vec(any::<u8>(), 0..64), text in "[-a:{}\\[\\],&*!|>'\"%#?<~1 \t\r\n]{0,80}") {
        drop(read(&bytes));
        drop(read(text.as_bytes()));
    }

    #[test]
    fn no_text_breaks_the_editor(
        text in "[-a:{}\\[\\],&*!|>'\"%#?<~1 \t\r\n]{0,60}",
        index in 0_usize..2,
        pointer in "(/[a01-]){0,3}",
        value in values(),
        remove in any::<bool>(),
    ) {
        let operation = if remove { Operation::Remove } else { Operation::Set(value) };
        drop(edit(&text, &[Edit { document: index, pointer, operation }]));
    }
}
