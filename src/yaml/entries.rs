//! Collections while they are composed: duplicate keys refused, merge keys applied, aliases bounded.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::YamlError;
use super::node::{Key, Node, NodeForm, NodeKind, Span};

/// Text that aliases may add to one document.
const ALIAS_BYTES: usize = 32 << 20;

pub(super) struct OpenCollection {
    pub(super) flow: bool,
    pub(super) anchor: usize,
    pub(super) span: Span,
    pub(super) form: NodeForm,
    pub(super) items: CollectionItems,
}

pub(super) enum CollectionItems {
    Sequence(Vec<Node>),
    Mapping(MappingEntries),
}

#[derive(Default)]
pub(super) struct MappingEntries {
    pub(super) entries: Vec<(Key, Node)>,
    /// The indexes of `entries` by name, and whether a literal key of that name was seen.
    known: HashTable<(u32, bool)>,
    hasher: RandomState,
    pub(super) pending: Option<PendingKey>,
    /// Whether the current key has a `?`.
    pub(super) explicit: bool,
    pub(super) hidden: usize,
}

/// What becomes of a key that is written twice in one map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DuplicateKeys {
    Reject,
    LastWins,
}

/// A key whose value is still to come.
pub(super) enum PendingKey {
    Key(String, Span),
    Merge,
}

/// What aliases may cost: the rule of go-yaml against alias bombs, and a bound on bytes.
#[derive(Default)]
pub(super) struct AliasBudget {
    pub(super) values: usize,
    copied: usize,
    bytes: usize,
}

impl AliasBudget {
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

impl MappingEntries {
    /// Sets a key that is written in the map. Of equal keys the last counts where they are allowed.
    pub(super) fn put(
        &mut self,
        (name, span): (String, Span),
        node: Node,
        repeats: DuplicateKeys,
    ) -> Result<(), YamlError> {
        let key = Key { name, span, merged: false };
        let entries = &self.entries;
        let is_it = |(index, _): &(u32, bool)| entries[*index as usize].0.name == key.name;
        match self.known.find_mut(self.hasher.hash_one(&key.name), is_it) {
            Some((index, true)) if repeats == DuplicateKeys::Reject => {
                // Its name is left out: where text stands in the wrong column, a part of a value is a key.
                let line = self.entries[*index as usize].0.span.location.line;
                let why = format!("this key is already set in this map, in line {line}");
                return Err(YamlError { location: Some(key.span.location), why });
            }
            Some((index, literal)) => {
                *literal = true;
                self.entries[*index as usize] = (key, node);
            }
            None => self.push((key, node), true)?,
        }
        Ok(())
    }

    fn push(&mut self, entry: (Key, Node), literal: bool) -> Result<(), YamlError> {
        let place = Some(entry.0.span.location);
        let index = u32::try_from(self.entries.len());
        let index = index.map_err(|_| YamlError { location: place, why: "too many keys".to_owned() })?;
        let hash = self.hasher.hash_one(&entry.0.name);
        self.entries.push(entry);
        let (entries, hasher) = (&self.entries, &self.hasher);
        let again = |(index, _): &(u32, bool)| hasher.hash_one(&entries[*index as usize].0.name);
        self.known.insert_unique(hash, (index, literal), again);
        Ok(())
    }

    /// Merges as go-yaml v2 does: a merge key overrides what stands before it, the first of a list wins.
    pub(super) fn merge(&mut self, node: Node) -> Result<(), YamlError> {
        self.hidden += 1;
        let place = Some(node.span.location);
        let wrong =
            || YamlError { location: place, why: "a merge (`<<`) needs a map or a list of maps".to_owned() };
        match node.kind {
            NodeKind::Mapping(entries) => self.merge_entries(entries)?,
            NodeKind::Sequence(items) => {
                for item in items.into_iter().rev() {
                    let NodeKind::Mapping(entries) = item.kind else { return Err(wrong()) };
                    self.merge_entries(entries)?;
                }
            }
            _ => return Err(wrong()),
        }
        Ok(())
    }

    fn merge_entries(&mut self, merged: Vec<(Key, Node)>) -> Result<(), YamlError> {
        for (mut key, node) in merged {
            key.merged = true;
            let entries = &self.entries;
            let is_it = |(index, _): &(u32, bool)| entries[*index as usize].0.name == key.name;
            if let Some(&(index, _)) = self.known.find(self.hasher.hash_one(&key.name), is_it) {
                let entry = &mut self.entries[index as usize];
                self.hidden += usize::from(!entry.0.merged);
                *entry = (key, node);
            } else {
                self.push((key, node), false)?;
            }
        }
        Ok(())
    }
}
