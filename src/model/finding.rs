//! One object with its state and changes, and what could not be read.

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

/// Something that could not be read: never clean, never drift.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
}
