//! Nodes of a document: values as Kubernetes reads them, and where and how they are written.

use serde_json::{Map, Number, Value};

use crate::model::{SourceLocation, SourceMap};

/// Where a node stands in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First byte, from the start of the file.
    pub start: usize,
    /// Byte after the last one. Of a block collection: the end of its last child.
    pub end: usize,
    /// Line and column of `start`.
    pub location: SourceLocation,
}

/// How a node is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NodeStyle {
    /// A scalar that is not written at all: `key:`.
    Empty,
    Plain,
    Single,
    Double,
    Literal,
    Folded,
    Block,
    Flow,
    /// `*name`: the children are written elsewhere.
    Alias,
}

/// What an edit must know of a node beside its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NodeForm {
    pub(super) style: NodeStyle,
    /// The `-` of a block sequence's item, the `:` of a mapping's value; else the start of the node.
    pub(super) lead: usize,
    /// Start of the anchor or tag before the node; else the start of the node.
    pub(super) outer: usize,
    /// Whether the node has an anchor or a tag.
    pub(super) decorated: bool,
    /// Whether an alias refers to the node.
    pub(super) shared: bool,
    /// Entries of a mapping that are written but not shown: merges, and keys that a later merge overrides.
    pub(super) hidden: usize,
}

/// One value of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The value.
    pub kind: NodeKind,
    /// Where it is written. For an alias: the `*name`; for what is below it: where the anchor's value is written.
    pub span: Span,
    pub(super) form: NodeForm,
}

/// A value, typed as Kubernetes reads it.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeKind {
    /// `null`, `~`, or nothing.
    Null,
    /// A boolean of YAML 1.1: `yes`, `on` and `y` too.
    Bool(bool),
    /// An integer or a finite float; `1.0` is `1`, as in Kubernetes' JSON.
    Number(Number),
    /// Any other scalar.
    String(String),
    /// A list.
    Sequence(Vec<Node>),
    /// A map, in the order written; merged entries in place of their merge key.
    Mapping(Vec<(Key, Node)>),
}

impl NodeKind {
    /// The value as JSON, as [`Node::to_json`] copies it.
    pub(super) fn into_json(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Number(value) => Value::Number(value),
            Self::String(value) => Value::String(value),
            Self::Sequence(items) => items.into_iter().map(|item| item.kind.into_json()).collect(),
            Self::Mapping(entries) => {
                let entries = entries.into_iter().map(|(key, value)| (key.name, value.kind.into_json()));
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }
}

/// Key of a mapping, as JSON has it: `on` is `true`, `0x10` is `16`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The key.
    pub name: String,
    /// Where it is written.
    pub span: Span,
    /// Whether it came through a merge key (`<<`).
    pub(super) merged: bool,
}

impl Node {
    /// The value as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match &self.kind {
            NodeKind::Null => Value::Null,
            NodeKind::Bool(value) => Value::Bool(*value),
            NodeKind::Number(value) => Value::Number(value.clone()),
            NodeKind::String(value) => Value::String(value.clone()),
            NodeKind::Sequence(items) => items.iter().map(Self::to_json).collect(),
            NodeKind::Mapping(entries) => {
                let entries = entries.iter().map(|(key, value)| (key.name.clone(), value.to_json()));
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }

    /// The value of a key of this mapping, if it is one and has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|(_, value)| value)
    }

    pub(super) fn entry(&self, key: &str) -> Option<&(Key, Self)> {
        match &self.kind {
            NodeKind::Mapping(entries) => entries.iter().find(|(other, _)| other.name == key),
            _ => None,
        }
    }

    /// Number of values in this one, itself included, and the bytes of their text: what a copy of it costs.
    pub(super) fn weight(&self) -> (usize, usize) {
        let add = |sum: (usize, usize), text: usize, other: (usize, usize)| {
            (sum.0 + other.0, sum.1 + text + other.1)
        };
        match &self.kind {
            NodeKind::String(text) => (1, text.len()),
            NodeKind::Sequence(items) => items.iter().fold((1, 0), |sum, item| add(sum, 0, item.weight())),
            NodeKind::Mapping(entries) => entries.iter().fold((1, 0), |sum, (key, value)| {
                let (values, text) = value.weight();
                add(sum, key.name.len(), (values + 1, text))
            }),
            _ => (1, 0),
        }
    }

    /// Levels of collections in this one, itself included.
    pub(super) fn height(&self) -> usize {
        match &self.kind {
            NodeKind::Sequence(items) => 1 + items.iter().map(Self::height).max().unwrap_or(0),
            NodeKind::Mapping(entries) => {
                1 + entries.iter().map(|(_, value)| value.height()).max().unwrap_or(0)
            }
            _ => 0,
        }
    }
}

/// The place of every node under `root`, by its pointer.
pub(super) fn build_source_map(root: &Node) -> SourceMap {
    let (values, keys) = size(root);
    let mut places = SourceMap::with_capacity(values, keys);
    add(root, "", &mut places);
    places
}

/// The values in this one, itself included, and the bytes of their keys; of the indexes of a list at least one each.
fn size(node: &Node) -> (usize, usize) {
    let sum = |sum: (usize, usize), (values, keys): (usize, usize)| (sum.0 + values, sum.1 + keys);
    match &node.kind {
        NodeKind::Sequence(items) => items.iter().map(size).fold((1, items.len()), sum),
        NodeKind::Mapping(entries) => entries.iter().fold((1, 0), |all, (key, value)| {
            let (values, keys) = size(value);
            sum(all, (values, keys + key.name.len()))
        }),
        _ => (1, 0),
    }
}

fn add(node: &Node, key: &str, places: &mut SourceMap) {
    places.add(key, node.span.location, |places| match &node.kind {
        NodeKind::Sequence(items) => {
            items.iter().enumerate().for_each(|(index, item)| add(item, &index.to_string(), places));
        }
        NodeKind::Mapping(entries) => entries.iter().for_each(|(key, value)| add(value, &key.name, places)),
        _ => {}
    });
}
