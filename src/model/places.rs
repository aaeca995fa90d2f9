//! The place of every value of one document.

use super::Place;

/// The place of every value of one document: of the *value*, by its RFC 6901 pointer.
///
/// All pointers are one text: every object that Git declares has its places, and those of few are ever asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldOrigins {
    /// The pointers, sorted, one after the other.
    pointers: Box<str>,
    /// Where each pointer ends, and the place.
    places: Box<[(usize, Place)]>,
}

impl FieldOrigins {
    /// The place of a value.
    #[must_use]
    pub fn get(&self, pointer: &str) -> Option<Place> {
        let at = self.first_not_before(pointer);
        (at < self.places.len() && self.pointer(at) == pointer).then(|| self.places[at].1)
    }

    /// Every pointer and its place, sorted by pointer.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Place)> {
        (0..self.places.len()).map(|at| (self.pointer(at), self.places[at].1))
    }

    /// The places of a value and of what is inside it, by pointers from there.
    #[must_use]
    pub fn inside(&self, pointer: &str) -> Self {
        let own = self.get(pointer).map(|place| (String::new(), place));
        let below = self.first_not_before(&format!("{pointer}/"));
        let below = (below..self.places.len()).map_while(|at| {
            let rest = self.pointer(at).strip_prefix(pointer).filter(|rest| rest.starts_with('/'))?;
            Some((rest.to_owned(), self.places[at].1))
        });
        own.into_iter().chain(below).collect()
    }

    fn pointer(&self, at: usize) -> &str {
        let start = at.checked_sub(1).map_or(0, |before| self.places[before].0);
        &self.pointers[start..self.places[at].0]
    }

    /// The first place whose pointer does not sort before this one.
    fn first_not_before(&self, pointer: &str) -> usize {
        let (mut low, mut high) = (0, self.places.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.pointer(middle) < pointer {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

impl FromIterator<(String, Place)> for FieldOrigins {
    /// Of several places of one pointer the last counts.
    fn from_iter<I: IntoIterator<Item = (String, Place)>>(all: I) -> Self {
        let mut all: Vec<(String, Place)> = all.into_iter().collect();
        all.reverse();
        all.sort_by(|left, right| left.0.cmp(&right.0));
        all.dedup_by(|next, kept| next.0 == kept.0);
        let mut pointers = String::new();
        let places = all.into_iter().map(|(pointer, place)| {
            pointers.push_str(&pointer);
            (pointers.len(), place)
        });
        let places = places.collect();
        Self { pointers: pointers.into(), places }
    }
}

#[cfg(test)]
mod tests {
    use super::{FieldOrigins, Place};

    #[test]
    fn a_place_is_found_by_its_pointer_and_of_two_the_last_counts() {
        let place = |line| Place { line, column: 1 };
        let all = [("", 1), ("/b", 2), ("/b/1", 3), ("/b/10", 4), ("/b/1/x", 5), ("/b/1-", 6), ("/b", 7)];
        let places: FieldOrigins = all.iter().map(|(at, line)| ((*at).to_owned(), place(*line))).collect();
        for (pointer, line) in [
            ("", Some(1)),
            ("/b", Some(7)),
            ("/b/1", Some(3)),
            ("/b/1/x", Some(5)),
            ("/a", None),
            ("/z", None),
        ] {
            assert_eq!(places.get(pointer), line.map(place), "{pointer}");
        }
        let inside = places.inside("/b/1");
        assert_eq!(inside.iter().collect::<Vec<_>>(), [("", place(3)), ("/x", place(5))]);
        assert_eq!(places.inside("/c"), FieldOrigins::default());
    }
}
