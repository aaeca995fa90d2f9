//! Places in an object: field paths in the notation of structured-merge-diff, and RFC 6901 pointers.

use std::fmt;

use serde_json::Value;

/// One step of a [`FieldPath`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PathElement {
    /// A field of a map.
    Field(String),
    /// An item of a map list, by all its keys and their values, sorted by key: `[containerPort=80,protocol="TCP"]`.
    Key(Vec<(String, Value)>),
    /// An item of a set, by its value: `[="x"]`.
    Value(Value),
    /// An item of an atomic list, or one of several items with the same keys: `[0]`.
    Index(usize),
}

impl PathElement {
    /// A field of a map.
    pub fn field(name: impl Into<String>) -> Self {
        Self::Field(name.into())
    }
}

/// A place in an object; empty for the object itself. Ordered as its text is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct FieldPath(Vec<PathElement>);

impl FieldPath {
    /// The object itself.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// A path of map fields only.
    pub fn from_fields<'a>(fields: impl IntoIterator<Item = &'a str>) -> Self {
        Self(fields.into_iter().map(PathElement::field).collect())
    }

    /// The steps, outermost first.
    #[must_use]
    pub fn elements(&self) -> &[PathElement] {
        &self.0
    }

    /// This path and one more step.
    #[must_use]
    pub fn join(&self, step: PathElement) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// Adds a step in place.
    pub fn push(&mut self, step: PathElement) {
        self.0.push(step);
    }

    /// Takes the last step off.
    pub fn pop(&mut self) -> Option<PathElement> {
        self.0.pop()
    }

    /// Whether this is `other` or a place inside it.
    #[must_use]
    pub fn starts_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// Reads what [`fmt::Display`] wrote; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut steps = Vec::new();
        let mut rest = if text == "." { "" } else { text };
        while !rest.is_empty() {
            let (step, after) = parse_element(rest)?;
            steps.push(step);
            rest = after;
        }
        Some(Self(steps))
    }

    /// The value at this place. An item is found by the keys that it names itself: one that only a default gives it (the
    /// protocol of a port) may be absent.
    #[must_use]
    pub fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(value, |value, step| match step {
            PathElement::Field(name) => value.get(name),
            PathElement::Index(index) => value.get(*index),
            PathElement::Value(wanted) => value.as_array()?.iter().find(|item| *item == wanted),
            PathElement::Key(keys) => {
                let items = value.as_array()?;
                let exact = |item: &&Value| keys.iter().all(|(key, wanted)| item.get(key) == Some(wanted));
                let named = |item: &&Value| {
                    keys.iter().all(|(key, wanted)| item.get(key).is_none_or(|found| found == wanted))
                };
                items.iter().find(exact).or_else(|| items.iter().find(named))
            }
        })
    }

    /// The names of the leading map fields, `["spec", "template"]` of `.spec.template.spec.containers[name="web"]`
    /// up to the first step that is not a field.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map_while(|step| match step {
            PathElement::Field(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The innermost field, with or without items of lists inside it.
    #[must_use]
    pub fn last_field(&self) -> Option<&str> {
        self.0.iter().rev().find_map(|step| match step {
            PathElement::Field(name) => Some(name.as_str()),
            _ => None,
        })
    }
}

impl From<Vec<PathElement>> for FieldPath {
    fn from(steps: Vec<PathElement>) -> Self {
        Self(steps)
    }
}

impl PartialOrd for FieldPath {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for FieldPath {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.to_string().cmp(&other.to_string())
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(".");
        }
        self.0.iter().try_for_each(|step| write_element(f, step))
    }
}

fn write_element(f: &mut fmt::Formatter<'_>, step: &PathElement) -> fmt::Result {
    match step {
        PathElement::Field(name) if is_plain_word(name) => write!(f, ".{name}"),
        PathElement::Field(name) => write!(f, "[{}]", Value::from(name.as_str())),
        PathElement::Key(keys) => {
            f.write_str("[")?;
            for (at, (key, value)) in keys.iter().enumerate() {
                let comma = if at == 0 { "" } else { "," };
                write!(f, "{comma}{key}={value}")?;
            }
            f.write_str("]")
        }
        PathElement::Value(value) => write!(f, "[={value}]"),
        PathElement::Index(index) => write!(f, "[{index}]"),
    }
}

fn parse_element(text: &str) -> Option<(PathElement, &str)> {
    if let Some(rest) = text.strip_prefix('.') {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        return is_plain_word(name).then(|| (PathElement::field(name), after));
    }
    let inner = text.strip_prefix('[')?;
    if let Some(value) = inner.strip_prefix('=') {
        let (value, after) = parse_value(value)?;
        return Some((PathElement::Value(value), after.strip_prefix(']')?));
    }
    if inner.starts_with('"') {
        let (name, after) = parse_value(inner)?;
        return Some((PathElement::field(name.as_str()?), after.strip_prefix(']')?));
    }
    if let Some((digits, after)) = inner.split_once(']')
        && let Ok(index) = digits.parse()
    {
        return Some((PathElement::Index(index), after));
    }
    let mut keys = Vec::new();
    let mut rest = inner;
    loop {
        if let Some(after) = rest.strip_prefix(']') {
            return Some((PathElement::Key(keys), after));
        }
        let (key, after) = rest.split_once('=')?;
        let (value, after) = parse_value(after)?;
        keys.push((key.to_owned(), value));
        rest = after.strip_prefix(',').unwrap_or(after);
    }
}

/// The JSON value at the beginning of the text, and what follows it.
fn parse_value(text: &str) -> Option<(Value, &str)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let value = values.next()?.ok()?;
    Some((value, &text[values.byte_offset()..]))
}

fn is_plain_word(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_' || first == '$')
        && characters.all(|other| other.is_ascii_alphanumeric() || matches!(other, '_' | '-' | '$'))
}

/// Appends one reference token to an RFC 6901 pointer, escaped.
pub fn push_pointer(pointer: &mut String, token: &str) {
    pointer.push('/');
    for character in token.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{FieldPath, PathElement};

    #[test]
    fn paths_printed_like_structured_merge_diff() {
        let path = FieldPath::from(vec![
            PathElement::field("spec"),
            PathElement::Key(vec![
                ("containerPort".to_owned(), json!(80)),
                ("protocol".to_owned(), json!("TCP")),
            ]),
            PathElement::field("a.b/c"),
            PathElement::Value(json!("x]")),
            PathElement::Index(0),
        ]);
        let text = r#".spec[containerPort=80,protocol="TCP"]["a.b/c"][="x]"][0]"#;
        assert_eq!(path.to_string(), text);
        assert_eq!(FieldPath::parse(text), Some(path));
        for broken in ["spec", ".a b", "[", "[0", "[\"a\"", ".", "[a=]"] {
            let read = FieldPath::parse(broken);
            assert!(read.is_none() || broken == ".", "{broken} gave {read:?}");
        }
    }

    fn step() -> impl Strategy<Value = PathElement> {
        let value = prop_oneof![
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from)
        ];
        prop_oneof![
            any::<String>().prop_map(PathElement::Field),
            proptest::collection::vec(("[a-z]{1,5}", value.clone()), 1..3).prop_map(PathElement::Key),
            value.prop_map(PathElement::Value),
            any::<usize>().prop_map(PathElement::Index),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(steps in proptest::collection::vec(step(), 0..6)) {
            let path = FieldPath::from(steps);
            prop_assert_eq!(FieldPath::parse(&path.to_string()), Some(path));
        }

        #[test]
        fn reading_never_panics(text in any::<String>()) {
            let _ = FieldPath::parse(&text);
        }
    }
}
