//! Collections while they are composed: duplicate keys refused, merge keys applied, aliases bounded.

use std::collections::HashMap;

use super::ReadError;
use super::node::{Form, Key, Node, NodeKind, Span};

/// Text that aliases may add to one document.
const ALIAS_BYTES: usize = 32 << 20;

pub(super) struct Frame {
    pub(super) flow: bool,
    pub(super) anchor: usize,
    pub(super) span: Span,
    pub(super) form: Form,
    pub(super) items: Items,
}

pub(super) enum Items {
    Sequence(Vec<Node>),
    Mapping(Entries),
}

#[derive(Default)]
pub(super) struct Entries {
    pub(super) entries: Vec<(Key, Node)>,
    /// Name to index in `entries`, and whether a literal key of that name was seen.
    known: HashMap<String, (usize, bool)>,
    pub(super) pending: Option<Pending>,
    /// Whether the current key has a `?`.
    pub(super) explicit: bool,
    pub(super) hidden: usize,
}

/// A key whose value is still to come.
pub(super) enum Pending {
    Key(String, Span),
    Merge,
}

/// What aliases may cost: the rule of go-yaml against alias bombs, and a bound on bytes.
#[derive(Default)]
pub(super) struct Budget {
    pub(super) values: usize,
    copied: usize,
    bytes: usize,
}

impl Budget {
    pub(super) fn copy(&mut self, node: &Node) -> Result<(), String> {
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

impl Entries {
    pub(super) fn put(&mut self, name: String, span: Span, node: Node) -> Result<(), ReadError> {
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
    pub(super) fn merge(&mut self, node: Node) -> Result<(), ReadError> {
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
