//! The place of every value of one document.

use super::{SourceLocation, push_pointer};

/// The place of every value of one document: of the *value*, by its RFC 6901 pointer.
///
/// Every object that Git declares has its places, and those of few are ever asked for: they are cheap to keep, and a
/// question looks through them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceMap {
    /// The keys and indexes of the values, one after the other.
    keys: String,
    /// The values, each before those inside it.
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    /// Where its key ends.
    key_end: u32,
    /// The entry after all that is inside it.
    end: u32,
    location: SourceLocation,
}

/// Every object has many of these, and no file is as large as four gigabytes.
///
/// # Panics
/// Where one is: a document of more than 64 MiB is not read.
fn small(number: usize) -> u32 {
    u32::try_from(number).expect("a document has less than 2^32 bytes")
}

impl SourceMap {
    /// Room for so many values with so many bytes of keys.
    #[must_use]
    pub fn with_capacity(values: usize, keys: usize) -> Self {
        Self { keys: String::with_capacity(keys), entries: Vec::with_capacity(values) }
    }

    /// Adds a value under its key or index (empty for the root), and then, by `inside`, the values that it holds.
    pub fn add(&mut self, key: &str, place: SourceLocation, inside: impl FnOnce(&mut Self)) {
        let at = self.entries.len();
        self.keys.push_str(key);
        self.entries.push(Entry { key_end: small(self.keys.len()), end: 0, location: place });
        inside(self);
        self.entries[at].end = small(self.entries.len());
    }

    /// The place of a value.
    #[must_use]
    pub fn get(&self, pointer: &str) -> Option<SourceLocation> {
        Some(self.entries[self.find(pointer)?].location)
    }

    /// Every pointer and its place, in the order of the document.
    pub fn iter(&self) -> impl Iterator<Item = (String, SourceLocation)> {
        let mut around: Vec<(usize, String)> = Vec::new();
        (0..self.entries.len()).map(move |at| {
            around.retain(|(end, _)| at < *end);
            let outer = around.last().map(|(_, pointer)| pointer.clone());
            let pointer = outer.map_or_else(String::new, |mut pointer| {
                push_pointer(&mut pointer, self.key(at));
                pointer
            });
            around.push((self.entries[at].end as usize, pointer.clone()));
            (pointer, self.entries[at].location)
        })
    }

    /// The places of a value and of what is inside it, by pointers from there.
    #[must_use]
    pub fn subtree(&self, pointer: &str) -> Self {
        self.find(pointer).map_or_else(Self::default, |start| self.entry_subtree(start))
    }

    /// The places inside each item of a list, in one pass through all of them.
    #[must_use]
    pub fn item_subtrees(&self, pointer: &str) -> Vec<Self> {
        let Some(list) = self.find(pointer) else { return Vec::new() };
        let end = self.entries[list].end as usize;
        let next = |at: &usize| self.entries.get(*at).map(|entry| entry.end as usize);
        let items = std::iter::successors(Some(list + 1), next).take_while(|at| *at < end);
        items.map(|at| self.entry_subtree(at)).collect()
    }

    fn entry_subtree(&self, start: usize) -> Self {
        let mut inside = Self::default();
        for at in start..self.entries[start].end as usize {
            inside.keys.push_str(if at == start { "" } else { self.key(at) });
            let Entry { end, location: place, .. } = self.entries[at];
            let (key_end, end) = (small(inside.keys.len()), end - small(start));
            inside.entries.push(Entry { key_end, end, location: place });
        }
        inside
    }

    /// The entry of a value.
    fn find(&self, pointer: &str) -> Option<usize> {
        let mut tokens = pointer.split('/');
        if self.entries.is_empty() || tokens.next() != Some("") {
            return None;
        }
        tokens.try_fold(0, |outer, token| {
            let token = token.replace("~1", "/").replace("~0", "~");
            let end = self.entries[outer].end as usize;
            let next = |at: &usize| self.entries.get(*at).map(|entry| entry.end as usize);
            let mut inside = std::iter::successors(Some(outer + 1), next).take_while(|at| *at < end);
            inside.find(|at| self.key(*at) == token)
        })
    }

    fn key(&self, at: usize) -> &str {
        let start = at.checked_sub(1).map_or(0, |before| self.entries[before].key_end as usize);
        &self.keys[start..self.entries[at].key_end as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::{SourceLocation, SourceMap};

    fn place(line: u32) -> SourceLocation {
        SourceLocation { line, column: 1 }
    }

    /// `items: [{kind}, {kind}]`, a key to be escaped, an empty one, and one after what is nested.
    fn places() -> SourceMap {
        let mut places = SourceMap::default();
        places.add("", place(1), |places| {
            places.add("items", place(2), |places| {
                places.add("0", place(3), |places| places.add("kind", place(4), |_| {}));
                places.add("1", place(5), |places| places.add("kind", place(6), |_| {}));
            });
            places.add("a/~", place(7), |places| places.add("", place(8), |_| {}));
            places.add("x", place(9), |_| {});
        });
        places
    }

    #[test]
    fn a_place_is_found_by_its_pointer() {
        let places = places();
        let all: Vec<(String, SourceLocation)> = places.iter().collect();
        let pointers: Vec<&str> = all.iter().map(|(pointer, _)| pointer.as_str()).collect();
        let expected = [
            "",
            "/items",
            "/items/0",
            "/items/0/kind",
            "/items/1",
            "/items/1/kind",
            "/a~1~0",
            "/a~1~0/",
            "/x",
        ];
        assert_eq!(pointers, expected);
        for (line, (pointer, found)) in (1..).zip(&all) {
            assert_eq!((*found, places.get(pointer)), (place(line), Some(*found)), "{pointer}");
        }
        for pointer in ["/a", "/items/x", "/items/2", "/kind", "/0", "/", "x", "/x/", "/x/y"] {
            assert_eq!(places.get(pointer), None, "{pointer}");
        }
        assert_eq!(SourceMap::default().get(""), None);
    }

    #[test]
    fn subtree_has_pointers_relative_to_value() {
        let inside: Vec<(String, SourceLocation)> = places().subtree("/items/1").iter().collect();
        assert_eq!(inside, [(String::new(), place(5)), ("/kind".to_owned(), place(6))]);
        assert_eq!(places().subtree("/other"), SourceMap::default());
        assert_eq!(places().subtree(""), places());
    }
}
