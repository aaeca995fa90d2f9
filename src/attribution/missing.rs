//! Why an object is not live, or live and declared no more.

use super::history::PastVersion;
use crate::model::{Cause, Confidence, Rule, Verdict};

/// What is known of why an object is not live.
#[derive(Debug, Clone, Copy)]
pub struct MissingEvidence<'a> {
    /// What older commits declared, newest first.
    pub older: &'a [PastVersion],
    /// The latest time at which the source's applier wrote any object, seconds since 1970.
    pub applied_at: Option<i64>,
    /// When the check began, seconds since 1970.
    pub now: i64,
    /// For how long a commit may wait to be applied, in seconds.
    pub unsynced_after: i64,
}

/// Why an object that Git declares is not live. It is not applied yet where one of the last commits brought it and its
/// source's applier has written nothing since; else nobody recorded who removed it.
#[must_use]
pub fn missing_verdict(evidence: MissingEvidence<'_>) -> Verdict {
    let unknown = Verdict::new(Cause::Unknown, Confidence::None, Rule::Missing);
    let Some(before) = evidence.older.iter().find(|older| older.differs_at.is_none()) else { return unknown };
    let not_written = evidence.applied_at.is_none_or(|at| at < before.superseded_at);
    match before.newer_applied {
        Some(true) => unknown,
        Some(false) => unsynced_verdict(before, Rule::NotApplied, evidence.now, evidence.unsynced_after),
        None if not_written => {
            unsynced_verdict(before, Rule::NotApplied, evidence.now, evidence.unsynced_after)
        }
        None => unknown,
    }
}

/// Why an object is live that nothing declares any more: nobody pruned it.
#[must_use]
pub fn leftover_verdict(older: &PastVersion, now: i64, unsynced_after: i64) -> Verdict {
    unsynced_verdict(older, Rule::Leftover, now, unsynced_after)
}

/// Not applied yet, since the newer commit reached the branch; drift when that is too long ago.
pub(super) fn unsynced_verdict(older: &PastVersion, rule: Rule, now: i64, unsynced_after: i64) -> Verdict {
    let since = older.superseded_at;
    Verdict {
        unsynced_since: (since != i64::MAX).then_some(since),
        overdue: now.saturating_sub(since) > unsynced_after,
        ..Verdict::new(Cause::Unsynced, Confidence::Medium, rule)
    }
}
