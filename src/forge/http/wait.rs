//! How long to wait before asking again.
//!
//! Not the crate `backon`: it would take over [`next_pause`] alone. What is ours stays: what a forge asks for, what may be
//! sent twice, one deadline for attempts and pauses together.

use std::time::Duration;

use jiff::fmt::rfc2822;

/// The first pause where the forge names none.
pub(super) const FIRST: Duration = Duration::from_millis(500);

/// The pause after `pause`.
pub(super) fn next_pause(pause: Duration) -> Duration {
    (pause * 2).min(Duration::from_secs(15))
}

/// What `Retry-After` (seconds or a date) or `x-ratelimit-reset` (seconds of the epoch) ask for. Times are compared with
/// the answer's own `Date`: the two clocks need not agree.
pub(super) fn requested_wait(
    after: Option<&str>,
    reset: Option<&str>,
    date: Option<&str>,
) -> Option<Duration> {
    if let Some(after) = after {
        if let Ok(seconds) = after.trim().parse::<u32>() {
            return Some(Duration::from_secs(seconds.into()));
        }
        return until(epoch(after)?, date);
    }
    until(reset?.trim().parse().ok()?, date)
}

fn until(second: i64, date: Option<&str>) -> Option<Duration> {
    let left = second.checked_sub(epoch(date?)?)?.max(0);
    u64::try_from(left).ok().map(Duration::from_secs)
}

fn epoch(date: &str) -> Option<i64> {
    rfc2822::parse(date.trim()).ok().map(|time| time.timestamp().as_second())
}
