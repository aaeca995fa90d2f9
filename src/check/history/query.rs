//! A question to the history.

use serde_json::Value;

use crate::attribution::PastVersion;
use crate::model::{Desired, Difference};

/// A query for the older versions of one object.
pub(in crate::check) struct HistoryQuery<'a> {
    pub(in crate::check) desired: &'a Desired,
    /// The live object, and the differences that older versions may explain; `None` where it is missing.
    pub(in crate::check) live: Option<(&'a Value, Vec<Difference>)>,
    /// The commit that the object's root last applied, as its status says.
    pub(in crate::check) applied: Option<&'a str>,
}

impl HistoryQuery<'_> {
    /// Whether no further version can change the verdict: the newest one counts that explains a difference.
    pub(super) fn is_settled(&self, older: &[&PastVersion]) -> bool {
        match &self.live {
            None => older.iter().any(|older| older.differs_at.is_none()),
            Some((_, differences)) => {
                differences.iter().all(|difference| older.iter().any(|older| older.declares_live(difference)))
            }
        }
    }
}
