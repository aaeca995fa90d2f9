//! Places in an object: field paths in the notation of structured-merge-diff, and RFC 6901 pointers.

use std::fmt;

use serde_json::Value;

/// One step of a [`FieldPath`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// A field of a map.
    Field(String),
    /// An item of a map list, by all its keys and their values, sorted by key: `[containerPort=80,protocol="TCP"]`.
    Key(Vec<(String, Value)>),
    /// An item of a set, by its value: `[="x"]`.
    Value(Value),
    /// An item of an atomic list, or one of several items with the same keys: `[0]`.
    Index(usize),
}

impl Step {
    /// A field of a map.
    pub fn field(name: impl Into<String>) -> Self {
        Self::Field(name.into())
    }
}

/// A place in an object; empty for the object itself. Ordered as its text is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct FieldPath(Vec<Step>);

impl FieldPath {
    /// The object itself.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// A path of map fields only.
    pub fn of_fields<'a>(fields: impl IntoIterator<Item = &'a str>) -> Self {
        Self(fields.into_iter().map(Step::field).collect())
    }

    /// The steps, outermost first.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// This path and one more step.
    #[must_use]
    pub fn join(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// Adds a step in place.
    pub fn push(&mut self, step: Step) {
        self.0.push(step);
    }

    /// Takes the last step off.
    pub fn pop(&mut self) -> Option<Step> {
        self.0.pop()
    }

    /// Whether this is `other` or a place inside it.
    #[must_use]
    pub fn starts_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// The names of the leading map fields, `["spec", "template"]` of `.spec.template.spec.containers[name="web"]`
    /// up to the first step that is not a field.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map_while(|step| match step {
            Step::Field(name) => Some(name.as_str()),
            _ => None,
        })
    }
}

impl From<Vec<Step>> for FieldPath {
    fn from(steps: Vec<Step>) -> Self {
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
        self.0.iter().try_for_each(|step| write_step(f, step))
    }
}

fn write_step(f: &mut fmt::Formatter<'_>, step: &Step) -> fmt::Result {
    match step {
        Step::Field(name) if is_plain_word(name) => write!(f, ".{name}"),
        Step::Field(name) => write!(f, "[{}]", Value::from(name.as_str())),
        Step::Key(keys) => {
            f.write_str("[")?;
            for (at, (key, value)) in keys.iter().enumerate() {
                let comma = if at == 0 { "" } else { "," };
                write!(f, "{comma}{key}={value}")?;
            }
            f.write_str("]")
        }
        Step::Value(value) => write!(f, "[={value}]"),
        Step::Index(index) => write!(f, "[{index}]"),
    }
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
