//! Lines about the verification with the server, shared by the text and Markdown reports.

use super::style::ReportStyle;
use crate::model::{Disagreement, Fault, ResourceId, Verification};
use crate::text::{one_line, pluralize};
use crate::wording::format_value;

/// Lines of each list; the JSON report has them all.
const MOST: usize = 100;

/// The word and the sentence for a fault.
pub(super) fn fault(fault: Fault) -> (&'static str, &'static str) {
    match fault {
        Fault::Missed => ("missed", "the server would change it, but drift does not report it"),
        Fault::False => ("false", "drift reports it, but the server would not change it"),
    }
}

/// `verified with the server: 128 of 131 objects agree`.
pub(super) fn headline(found: &Verification) -> String {
    let mut parts = vec![format!(
        "verified with the server: {} of {} agree",
        found.agreed,
        pluralize(found.asked, "object")
    )];
    let disagreements = pluralize(found.disagreements.len(), "disagreement");
    let explained = format!("{} explained", pluralize(found.explained.len(), "place"));
    for (number, what) in [
        (found.disagreements.len(), disagreements),
        (found.not_verified.len(), format!("{} not verified", found.not_verified.len())),
        (found.partly.len(), format!("{} verified in part", found.partly.len())),
        (found.explained.len(), explained),
    ] {
        if number > 0 {
            parts.push(what);
        }
    }
    parts.join(", ")
}

/// Every disagreement and everything that was not verified; with `--all` what is explained too.
pub(super) fn lines(found: &Verification, style: ReportStyle) -> Vec<String> {
    let named = |word: &str, resource: &ResourceId, rest: &str| {
        format!("{word} {}: {}", one_line(&resource.to_string(), 300), one_line(rest, 600))
    };
    let disagreements = found.disagreements.iter().map(|of| {
        let (word, why) = fault(of.found.fault);
        named(word, &of.resource, &format!("{}: {why}{}", of.found.path, values(&of.found)))
    });
    let not = found.not_verified.iter().map(|about| named("not verified", &about.resource, &about.why));
    let partly = found.partly.iter().map(|about| named("in part", &about.resource, &about.why));
    let explained = found
        .explained
        .iter()
        .map(|of| named("explained", &of.resource, &format!("{}: {}", of.explained.path, of.explained.why)));
    let mut lines = cut(disagreements.collect());
    lines.extend(cut(not.collect()));
    if style.all {
        lines.extend(cut(partly.collect()));
        lines.extend(cut(explained.collect()));
    }
    lines
}

fn cut(mut lines: Vec<String>) -> Vec<String> {
    if let Some(more) = lines.len().checked_sub(MOST).filter(|more| *more > 0) {
        lines.truncate(MOST);
        lines.push(format!("{more} more: see the JSON report"));
    }
    lines
}

fn values(found: &Disagreement) -> String {
    if found.masked {
        return " (secret values)".to_owned();
    }
    let shown = |side: &Option<serde_json::Value>| {
        side.as_ref().map_or_else(|| "absent".to_owned(), |found| format_value(found, 120))
    };
    format!(" (the server would have {}, live {})", shown(&found.server), shown(&found.live))
}
