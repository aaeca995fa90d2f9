//! Shows both sides of a change: short values one below the other, long ones as a line diff.

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::sides::{Side, sides};
use crate::model::Difference;
use crate::text::{format_yaml_value, one_line};
use crate::wording::format_value;

/// Longest value shown on one line; the JSON report has the full value.
const SHORT: usize = 160;
/// Longest line of a long value.
const WIDE: usize = 120;
/// Most lines of a long value.
const TALL: usize = 24;
/// Most lines of each side that are compared, from the first that differs.
const COMPARED: usize = 400;

/// One line under a field path.
pub(super) enum DiffLine {
    /// One side: `Git` or `live`, the value or what stands in its place, and where Git declares it.
    Value {
        /// `Git` or `live`.
        name: &'static str,
        /// The value, or why there is none.
        shown: String,
        /// File, line and column in Git.
        at: Option<String>,
    },
    /// A line that only Git has.
    Git(String),
    /// A line that only live has.
    Live(String),
    /// A line that both have, or a remark.
    Both(String),
}

/// The lines for one change.
pub(super) fn lines(difference: &Difference, at: Option<&str>) -> Vec<DiffLine> {
    let at = at.map(str::to_owned);
    let (git, live) = sides(difference);
    match (git, live) {
        (Side::Value(git), Side::Value(live)) if is_long(git) || is_long(live) => {
            let mut lines = vec![
                DiffLine::Value { name: "Git", shown: "(lines with -)".to_owned(), at },
                DiffLine::Value { name: "live", shown: "(lines with +)".to_owned(), at: None },
            ];
            lines.extend(by_line(&block(git), &block(live)));
            lines
        }
        (Side::Value(git), Side::Value(live)) => {
            let (git, live) = near_the_difference(git, live);
            vec![
                DiffLine::Value { name: "Git", shown: git, at },
                DiffLine::Value { name: "live", shown: live, at: None },
            ]
        }
        (git, live) => {
            let mut lines = one_side("Git", &git, at, DiffLine::Git);
            lines.extend(one_side("live", &live, None, DiffLine::Live));
            lines
        }
    }
}

fn one_side(
    name: &'static str,
    side: &Side<'_>,
    at: Option<String>,
    line: fn(String) -> DiffLine,
) -> Vec<DiffLine> {
    let shown = match side {
        Side::Value(found) if is_long(found) => {
            let mut lines = vec![DiffLine::Value { name, shown: String::new(), at }];
            lines.extend(cut(block(found).lines().map(|text| line(one_line(text, WIDE))).collect()));
            return lines;
        }
        Side::Value(found) => format_value(found, SHORT),
        Side::Secret => "(secret: not shown)".to_owned(),
        Side::NotDeclared(Some(default)) => {
            format!("not declared (default {})", format_value(default, SHORT))
        }
        Side::NotDeclared(None) => "not declared".to_owned(),
        Side::Absent => "absent".to_owned(),
    };
    vec![DiffLine::Value { name, shown, at }]
}

/// Whether a value is read better in several lines.
fn is_long(found: &Value) -> bool {
    match found {
        Value::String(text) => text.trim_end_matches('\n').contains('\n'),
        Value::Array(_) | Value::Object(_) => format_value(found, WIDE).chars().count() >= WIDE,
        _ => false,
    }
}

fn block(found: &Value) -> String {
    match found {
        Value::String(text) => text.clone(),
        other => format_yaml_value(other),
    }
}

/// The lines that differ, each with a line around it.
fn by_line(git: &str, live: &str) -> Vec<DiffLine> {
    let same = git.lines().zip(live.lines()).take_while(|(git, live)| git == live).count();
    let part = |text: &str| -> Vec<String> {
        let lines = text.lines().skip(same.saturating_sub(1)).take(COMPARED);
        lines.map(|line| one_line(line, WIDE)).collect()
    };
    let (git, live) = (part(git), part(live));
    let (git, live): (Vec<&str>, Vec<&str>) =
        (git.iter().map(String::as_str).collect(), live.iter().map(String::as_str).collect());
    let diff = TextDiff::configure().diff_slices(&git, &live);
    let mut lines = vec![];
    for (at, group) in diff.grouped_ops(1).iter().enumerate() {
        if at > 0 {
            lines.push(DiffLine::Both("…".to_owned()));
        }
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let text = change.value().to_owned();
            lines.push(match change.tag() {
                ChangeTag::Delete => DiffLine::Git(text),
                ChangeTag::Insert => DiffLine::Live(text),
                ChangeTag::Equal => DiffLine::Both(text),
            });
        }
    }
    if lines.is_empty() {
        lines.push(DiffLine::Both("the difference is beyond this excerpt: see the JSON report".to_owned()));
    }
    cut(lines)
}

fn cut(mut lines: Vec<DiffLine>) -> Vec<DiffLine> {
    if let Some(more) = lines.len().checked_sub(TALL).filter(|more| *more > 0) {
        lines.truncate(TALL);
        lines.push(DiffLine::Both(format!("… {more} more lines: see the JSON report")));
    }
    lines
}

/// Two values on a line each; where both begin alike for long, only from shortly before they differ.
fn near_the_difference(git: &Value, live: &Value) -> (String, String) {
    const BEFORE: usize = 30;
    if let (Value::String(left), Value::String(right)) = (git, live)
        && left.chars().count().max(right.chars().count()) > SHORT
    {
        let same = left.chars().zip(right.chars()).take_while(|(left, right)| left == right).count();
        if same > BEFORE {
            let from = |text: &str| {
                let tail: String = text.chars().skip(same - BEFORE).collect();
                format!("…{}", one_line(&tail, SHORT))
            };
            return (from(left), from(right));
        }
    }
    (format_value(git, SHORT), format_value(live, SHORT))
}
