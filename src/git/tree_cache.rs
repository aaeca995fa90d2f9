//! Folders of Git's, read once: a look-up by path in a large folder would unpack and hash it each time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use git2::{ObjectType, Oid};

/// Entries that are kept at the same time, of all folders together: some 30 MB.
const MOST_ENTRIES: usize = 300_000;

/// One folder: names and what stands there, by name.
#[derive(Default)]
pub(super) struct TreeEntries(Vec<(Box<[u8]>, ObjectAt)>);

impl TreeEntries {
    /// Reads a tree object: `mode name NUL id`, again and again. What is cut off or no such thing is `None`.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        const ID: usize = 20;
        let mut entries = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let space = memchr::memchr(b' ', rest)?;
            let mode = i32::from_str_radix(std::str::from_utf8(&rest[..space]).ok()?, 8).ok()?;
            let end = space + memchr::memchr(0, &rest[space..])?;
            let id = rest.get(end + 1..end + 1 + ID)?;
            let id = Oid::from_bytes(id).ok()?;
            let kind = kind_of(mode);
            entries.push((
                rest[space + 1..end].into(),
                ObjectAt { id, kind: Some(kind), mode: normalise_mode(mode) },
            ));
            rest = &rest[end + 1 + ID..];
        }
        // Git sorts folders as if their names ended with a slash.
        entries.sort_unstable_by(|left: &(Box<[u8]>, ObjectAt), right| left.0.cmp(&right.0));
        Some(Self(entries))
    }

    /// What stands at a name.
    pub(super) fn get(&self, name: &[u8]) -> Option<ObjectAt> {
        let at = self.0.binary_search_by(|(known, _)| known.as_ref().cmp(name)).ok()?;
        Some(self.0[at].1)
    }

    /// The names, sorted, and what stands there.
    pub(super) fn entries(&self) -> &[(Box<[u8]>, ObjectAt)] {
        &self.0
    }
}

fn kind_of(mode: i32) -> ObjectType {
    match mode & 0o170_000 {
        0o040_000 => ObjectType::Tree,
        0o160_000 => ObjectType::Commit,
        _ => ObjectType::Blob,
    }
}

/// As Git compares modes: of the rights of a file only whether its owner may run it.
fn normalise_mode(mode: i32) -> i32 {
    match mode & 0o170_000 {
        0o100_000 if mode & 0o100 != 0 => 0o100_755,
        0o100_000 => 0o100_644,
        kind => kind,
    }
}

/// The folders that were read last.
#[derive(Default)]
pub(super) struct TreeCache(Mutex<CachedTrees>);

#[derive(Default)]
struct CachedTrees {
    entries: usize,
    folders: HashMap<Oid, Arc<TreeEntries>>,
}

impl TreeCache {
    pub(super) fn get(&self, id: Oid) -> Option<Arc<TreeEntries>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).folders.get(&id).cloned()
    }

    pub(super) fn insert(&self, id: Oid, folder: &Arc<TreeEntries>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.entries > MOST_ENTRIES {
            *kept = CachedTrees::default();
        }
        kept.entries += folder.0.len() + 1;
        kept.folders.insert(id, Arc::clone(folder));
    }
}

/// What stands at a path.
#[derive(PartialEq, Eq, Clone, Copy)]
pub(super) struct ObjectAt {
    pub(super) id: Oid,
    pub(super) kind: Option<ObjectType>,
    pub(super) mode: i32,
}

#[cfg(test)]
mod tests {
    use super::TreeEntries;

    #[test]
    fn truncated_tree_object_is_none() {
        let mut bytes = Vec::new();
        for (mode, name) in [("100644", "a.yaml"), ("40000", "a"), ("120000", "b")] {
            bytes.extend([mode.as_bytes(), b" ", name.as_bytes(), &[0], &[7; 20]].concat());
        }
        let folder = TreeEntries::parse(&bytes).unwrap();
        let names: Vec<_> = folder.entries().iter().map(|(name, _)| name.as_ref()).collect();
        assert_eq!(names, [&b"a"[..], b"a.yaml", b"b"]);
        assert!(folder.get(b"a").is_some_and(|at| at.kind == Some(git2::ObjectType::Tree)));
        assert!(folder.get(b"c").is_none());
        let whole = ["100644 a.yaml\0".len() + 20, "100644 a.yaml\x0040000 a\0".len() + 40];
        for end in 1..bytes.len() {
            assert_eq!(TreeEntries::parse(&bytes[..end]).is_some(), whole.contains(&end), "{end}");
        }
        assert!(TreeEntries::parse(b"9 a\0").is_none());
    }
}
