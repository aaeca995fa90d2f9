//! One object with its state and changes, and what could not be read.

use std::cmp::Ordering;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Change, Origin, ResourceId, Verdict};

/// State of an object in a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Git and live both have it and differ.
    Modified,
    /// Only Git has it.
    Missing,
    /// Only live has it.
    Unmanaged,
}

/// One object with its state and changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Which object.
    pub resource: ResourceId,
    /// Its state.
    pub state: State,
    /// Where Git declares it; `None` for unmanaged objects.
    pub origin: Option<Origin>,
    /// Why the object is in this state: an unmanaged object's maker, a missing object's. For a modified one the
    /// strongest verdict of its changes.
    pub verdict: Verdict,
    /// Its changes, sorted by path; empty unless modified.
    pub changes: Vec<Change>,
    /// What a person should know beside it.
    pub notes: Vec<String>,
}

impl Finding {
    /// The GitOps object that applies it, where that is why it is compared.
    #[must_use]
    pub fn root(&self) -> Option<&Arc<ResourceId>> {
        self.origin.as_ref()?.root.as_ref()
    }
}

/// Something that could not be read: never clean, never drift. Places in one file are in the order of their numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incomplete {
    /// What was not read: `secrets in payments`, `apps/web/deploy.yaml:12:3`.
    pub what: String,
    /// Why, and what to do.
    pub why: String,
}

impl Incomplete {
    /// The most characters that are told of either: names and kinds are the repository's, and may be as long as a file.
    const LONGEST: usize = 1000;

    /// With either text cut where it is too long to be read.
    #[must_use]
    pub fn shortened(mut self) -> Self {
        for text in [&mut self.what, &mut self.why] {
            if let Some((end, _)) = text.char_indices().nth(Self::LONGEST) {
                text.truncate(end);
                text.push('…');
            }
        }
        self
    }

    /// `apps/web/deploy.yaml`, 12 and 3 of `apps/web/deploy.yaml:12:3`; a file alone comes before every place in it.
    fn place(&self) -> (&str, Option<u64>, Option<u64>) {
        let numbered = |text: &str| -> Option<(usize, u64)> {
            let (before, number) = text.rsplit_once(':')?;
            let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            Some((before.len(), number.parse().ok().filter(|_| is_number)?))
        };
        let Some((end, last)) = numbered(&self.what) else { return (&self.what, None, None) };
        let before = &self.what[..end];
        match numbered(before) {
            Some((end, line)) => (&before[..end], Some(line), Some(last)),
            None => (before, Some(last), None),
        }
    }
}

impl PartialOrd for Incomplete {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Incomplete {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place()).then_with(|| (&self.what, &self.why).cmp(&(&other.what, &other.why)))
    }
}

#[cfg(test)]
mod tests {
    use super::Incomplete;

    #[test]
    fn locations_sorted_by_line_and_column_number() {
        let expected = [
            "a.yaml",
            "a.yaml:2:3",
            "a.yaml:2:10",
            "a.yaml:10",
            "a.yaml:10:1",
            "a.yaml:99999999999999999999",
            "a10/b.yaml:1:1",
            "a2/b.yaml:2:1",
            "a2/b.yaml:11:1",
            "secrets in shop",
            "secrets in shop:",
        ];
        let mut found = expected.map(|what| Incomplete { what: what.to_owned(), why: String::new() });
        found.reverse();
        found.sort();
        assert_eq!(found.map(|incomplete| incomplete.what), expected);
        let reasons = ["a", "b"].map(|why| Incomplete { what: "x:1:1".to_owned(), why: why.to_owned() });
        assert!(reasons[0] < reasons[1] && reasons[0].cmp(&reasons[0]).is_eq());
    }
}
