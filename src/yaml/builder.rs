//! Builders for the fast reader: nodes, plain values, or previews.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::node::{Key, Node, NodeForm, NodeKind, NodeStyle, Span};
use super::resolve;

/// Keys of a map up to which each is compared with all others.
const FEW_KEYS: usize = 16;

/// Where and how something is written.
#[derive(Clone, Copy)]
pub(super) struct NodePosition {
    pub(super) style: NodeStyle,
    pub(super) span: Span,
    /// The `-` or `:` before it.
    pub(super) lead: usize,
}

/// A scalar, as it is written.
pub(super) enum RawScalar<'t> {
    Nothing,
    /// Folded, where it is of several lines.
    Plain(Cow<'t, str>),
    /// With its escapes read.
    Quoted(Cow<'t, str>),
    /// The lines of a literal block.
    Literal(String),
}

impl RawScalar<'_> {
    /// `None` where JSON has no place for it.
    fn kind(self) -> Option<NodeKind> {
        match self {
            Self::Nothing => Some(NodeKind::Null),
            Self::Plain(text) => resolve::resolve_plain(&text).ok(),
            Self::Quoted(text) => Some(NodeKind::String(text.into_owned())),
            Self::Literal(text) => Some(NodeKind::String(text)),
        }
    }
}

/// Made of the parts of a document, from the inside out.
pub(super) trait NodeBuilder<'t>: Sized {
    /// The entries of a map that were read.
    type Entries: Default;

    /// `None` where JSON has no place for it.
    fn scalar(scalar: RawScalar<'t>, spot: NodePosition) -> Option<Self>;
    fn list(items: Vec<Self>, spot: NodePosition) -> Self;
    fn add(entries: &mut Self::Entries, key: (&'t str, Span), value: Self);
    /// `None` where two keys are equal.
    fn map(entries: Self::Entries, spot: NodePosition) -> Option<Self>;
    /// Where it ends, if that is known: only then do lists and maps around it know theirs.
    fn end(&self) -> usize {
        0
    }
}

impl NodeBuilder<'_> for Node {
    type Entries = Vec<(Key, Self)>;

    fn scalar(scalar: RawScalar<'_>, spot: NodePosition) -> Option<Self> {
        Some(node(scalar.kind()?, spot))
    }

    fn list(items: Vec<Self>, spot: NodePosition) -> Self {
        node(NodeKind::Sequence(items), spot)
    }

    fn add(entries: &mut Self::Entries, (name, span): (&str, Span), value: Self) {
        entries.push((Key { name: name.to_owned(), span, merged: false }, value));
    }

    fn map(entries: Self::Entries, spot: NodePosition) -> Option<Self> {
        let twins = has_duplicate_names(entries.iter().map(|(key, _)| key.name.as_str()));
        (!twins).then(|| node(NodeKind::Mapping(entries), spot))
    }

    fn end(&self) -> usize {
        self.span.end
    }
}

fn node(kind: NodeKind, spot: NodePosition) -> Node {
    let NodePosition { style, span, lead } = spot;
    let form = NodeForm { style, lead, outer: span.start, decorated: false, shared: false, hidden: 0 };
    Node { kind, span, form }
}

/// Whether two keys are equal.
fn has_duplicate_names<'k>(names: impl ExactSizeIterator<Item = &'k str> + Clone) -> bool {
    let count = names.len();
    if count <= FEW_KEYS {
        return names.clone().enumerate().any(|(at, name)| names.clone().take(at).any(|other| other == name));
    }
    names.collect::<std::collections::HashSet<_>>().len() < count
}

/// The entries of a value's map.
#[derive(Default)]
pub(super) struct ValueEntries {
    map: Map<String, Value>,
    has_duplicates: bool,
}

impl NodeBuilder<'_> for Value {
    type Entries = ValueEntries;

    fn scalar(scalar: RawScalar<'_>, _: NodePosition) -> Option<Self> {
        scalar.kind().map(NodeKind::into_json)
    }

    fn list(items: Vec<Self>, _: NodePosition) -> Self {
        Self::Array(items)
    }

    fn add(entries: &mut ValueEntries, (name, _): (&str, Span), value: Self) {
        entries.has_duplicates |= entries.map.insert(name.to_owned(), value).is_some();
    }

    fn map(entries: ValueEntries, _: NodePosition) -> Option<Self> {
        (!entries.has_duplicates).then_some(Self::Object(entries.map))
    }
}

/// A document of which little will be looked at.
pub(super) enum Preview<'t> {
    Scalar(RawScalar<'t>),
    /// Without its items.
    List,
    Map(Vec<(&'t str, Self)>),
}

impl<'t> NodeBuilder<'t> for Preview<'t> {
    type Entries = Vec<(&'t str, Self)>;

    fn scalar(scalar: RawScalar<'t>, _: NodePosition) -> Option<Self> {
        let fits = !matches!(&scalar, RawScalar::Plain(text) if !resolve::fits_json(text));
        fits.then_some(Self::Scalar(scalar))
    }

    fn list(_: Vec<Self>, _: NodePosition) -> Self {
        Self::List
    }

    fn add(entries: &mut Self::Entries, (name, _): (&'t str, Span), value: Self) {
        entries.push((name, value));
    }

    fn map(entries: Self::Entries, _: NodePosition) -> Option<Self> {
        (!has_duplicate_names(entries.iter().map(|(name, _)| *name))).then_some(Self::Map(entries))
    }
}

impl Preview<'_> {
    /// The value, of its maps only what stands at these paths; no items of lists.
    pub(super) fn value_at(self, paths: &[&[&str]]) -> Value {
        let Self::Map(entries) = self else { return self.into_value() };
        let kept = entries.into_iter().filter_map(|(name, value)| {
            let below = paths.iter().filter_map(|path| match path {
                [first, rest @ ..] if *first == name => Some(rest),
                _ => None,
            });
            let below: Vec<&[&str]> = below.collect();
            let value = match &below[..] {
                [] => return None,
                some if some.iter().any(|path| path.is_empty()) => value.into_value(),
                some => value.value_at(some),
            };
            Some((name.to_owned(), value))
        });
        Value::Object(kept.collect())
    }

    fn into_value(self) -> Value {
        match self {
            Self::Scalar(scalar) => scalar.kind().map_or(Value::Null, NodeKind::into_json),
            Self::List => Value::Array(Vec::new()),
            Self::Map(entries) => {
                let entries = entries.into_iter().map(|(name, value)| (name.to_owned(), value.into_value()));
                Value::Object(entries.collect())
            }
        }
    }
}
