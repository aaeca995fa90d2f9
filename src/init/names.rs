//! Names from outside, as comments show them.

use crate::text::{one_line, pluralize};

/// The longest name that a comment shows, in characters.
const LONGEST: usize = 200;

/// A name on one line, with nothing in it that acts.
pub(super) fn shown(name: &str) -> String {
    one_line(name, LONGEST)
}

/// Names joined by commas, at most some of them.
pub(super) fn listed(names: &[String]) -> String {
    const MOST: usize = 5;
    let more = names.len().saturating_sub(MOST);
    let named: Vec<String> = names.iter().take(MOST).map(|name| shown(name)).collect();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", named.join(", "))
}

/// `2 folders (a, b)`.
pub(super) fn counted(names: &[String], thing: &str) -> String {
    format!("{} ({})", pluralize(names.len(), thing), listed(names))
}
