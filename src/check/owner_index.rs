//! Index of live objects, to verify owner references.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::attribution::{OwnerClaim, UnmanagedCandidate};
use crate::cluster::Item;

/// Objects that may own others, as hashes of what an owner reference, or a convention of names, says of an owner: a
/// cluster has many.
#[derive(Default)]
pub(super) struct OwnerIndex {
    hasher: RandomState,
    seen: Mutex<HashSet<u64>>,
}

/// What tells objects of one kind and name apart.
#[derive(Hash)]
enum Which<'a> {
    Uid(&'a str),
    Namespace(&'a str),
}

impl OwnerIndex {
    /// Notes objects that have been read.
    pub(super) fn record<'a>(&self, items: impl Iterator<Item = &'a Item>) {
        let names = items.flat_map(|item| {
            let which = [item.uid().map(Which::Uid), item.namespace().map(Which::Namespace)];
            which.into_iter().flatten().map(|which| self.hash(item.kind(), item.name(), &which))
        });
        let names: Vec<u64> = names.collect();
        self.seen().extend(names);
    }

    /// Whether an object that a candidate names as its owner has been read.
    pub(super) fn has_owner(&self, candidate: &UnmanagedCandidate) -> bool {
        let namespace = candidate.resource.namespace.as_deref().unwrap_or_default();
        candidate.claims.iter().any(|claim| match claim {
            OwnerClaim::Owner { group, kind, name, uid, .. } => {
                let which = if uid.is_empty() { Which::Namespace(namespace) } else { Which::Uid(uid) };
                self.seen().contains(&self.hash((group, kind), name, &which))
            }
            _ => false,
        })
    }

    fn hash(&self, kind: (&str, &str), name: &str, which: &Which<'_>) -> u64 {
        self.hasher.hash_one((kind, name, which))
    }

    fn seen(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
