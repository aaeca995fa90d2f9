//! What the one-pass reader makes: nodes, or values alone.

use serde_json::{Map, Value};

use super::node::{Form, Key, Node, NodeKind, Span, Style};

/// Keys of a map up to which each is compared with all others.
const FEW_KEYS: usize = 16;

/// Where and how something is written.
#[derive(Clone, Copy)]
pub(super) struct Spot {
    pub(super) style: Style,
    pub(super) span: Span,
    /// The `-` or `:` before it.
    pub(super) lead: usize,
}

/// Made of the parts of a document, from the inside out.
pub(super) trait Make: Sized {
    /// The entries of a map that were read.
    type Entries: Default;

    /// Of a kind that is neither a list nor a map.
    fn scalar(kind: NodeKind, spot: Spot) -> Self;
    fn list(items: Vec<Self>, spot: Spot) -> Self;
    fn add(entries: &mut Self::Entries, key: (&str, Span), value: Self);
    /// `None` where two keys are equal.
    fn map(entries: Self::Entries, spot: Spot) -> Option<Self>;
    /// Where it ends, if that is known: only then do lists and maps around it know theirs.
    fn end(&self) -> usize;
}

impl Make for Node {
    type Entries = Vec<(Key, Self)>;

    fn scalar(kind: NodeKind, spot: Spot) -> Self {
        let Spot { style, span, lead } = spot;
        let form = Form { style, lead, outer: span.start, decorated: false, shared: false, hidden: 0 };
        Self { kind, span, form }
    }

    fn list(items: Vec<Self>, spot: Spot) -> Self {
        Self::scalar(NodeKind::Sequence(items), spot)
    }

    fn add(entries: &mut Self::Entries, (name, span): (&str, Span), value: Self) {
        entries.push((Key { name: name.to_owned(), span, merged: false }, value));
    }

    fn map(entries: Self::Entries, spot: Spot) -> Option<Self> {
        (!has_twins(&entries)).then(|| Self::scalar(NodeKind::Mapping(entries), spot))
    }

    fn end(&self) -> usize {
        self.span.end
    }
}

/// Whether two keys are equal.
fn has_twins(entries: &[(Key, Node)]) -> bool {
    let names = || entries.iter().map(|(key, _)| key.name.as_str());
    if entries.len() <= FEW_KEYS {
        return names().enumerate().any(|(at, name)| names().take(at).any(|other| other == name));
    }
    names().collect::<std::collections::HashSet<_>>().len() < entries.len()
}

/// The entries of a value's map.
#[derive(Default)]
pub(super) struct Entries {
    map: Map<String, Value>,
    twins: bool,
}

impl Make for Value {
    type Entries = Entries;

    fn scalar(kind: NodeKind, _: Spot) -> Self {
        kind.into_json()
    }

    fn list(items: Vec<Self>, _: Spot) -> Self {
        Self::Array(items)
    }

    fn add(entries: &mut Entries, (name, _): (&str, Span), value: Self) {
        entries.twins |= entries.map.insert(name.to_owned(), value).is_some();
    }

    fn map(entries: Entries, _: Spot) -> Option<Self> {
        (!entries.twins).then_some(Self::Object(entries.map))
    }

    fn end(&self) -> usize {
        0
    }
}
