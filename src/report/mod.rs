//! Output formats, one per file, into a given [`Write`]. No decisions: the format never changes what was found.

mod audit;
mod explain;
mod github;
mod json;
mod markdown;
mod run;
mod text;
mod values;
mod verification;

use crate::model::UncoveredRoot;
use std::io::{self, Write};

use crate::model::CheckReport;

pub use audit::{audit_json, audit_text};
pub use explain::{explain_json, explain_text};
pub use run::{action, run};

/// Changes of one object that are written for a person; the others are counted.
const MOST_CHANGES: usize = 200;

/// An output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// For a person at a terminal.
    Text,
    /// `drift/report/v1`.
    Json,
    /// A page, for job summaries and comments.
    Markdown,
    /// GitHub's workflow commands: annotations of files.
    Github,
}

/// Options of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReportStyle {
    /// Whether escape sequences for colour are written (text only).
    pub color: bool,
    /// Whether `controller` and `ignored` changes are listed, not only counted.
    pub all: bool,
}

impl ReportStyle {
    /// The text in a colour, where colour is written.
    #[must_use]
    pub fn paint(self, paint: anstyle::Style, text: &str) -> String {
        if self.color { format!("{paint}{text}{paint:#}") } else { text.to_owned() }
    }
}

/// Writes the result of a check.
///
/// # Errors
/// What the writer says.
pub fn check(
    format: Format,
    style: ReportStyle,
    checked: &CheckReport,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Text => text::check(style, checked, out),
        Format::Json => json::check(style, checked, out),
        Format::Markdown => markdown::check(style, checked, out),
        Format::Github => github::check(checked, out),
    }
}

/// The changes of a finding that a report lists.
fn listed_changes(
    finding: &crate::model::Finding,
    style: ReportStyle,
) -> impl Iterator<Item = &crate::model::Change> {
    finding.changes.iter().filter(move |change| is_shown(&change.verdict, style))
}

/// Whether a report lists this verdict. Values that the server fills into every object are never listed: only
/// `drift explain` shows them.
fn is_shown(verdict: &crate::model::Verdict, style: ReportStyle) -> bool {
    let hidden = verdict.cause.is_hidden();
    !hidden || (style.all && verdict.rule != crate::model::Rule::ServerPlace)
}

/// Whether a report lists the finding at all.
fn is_listed(finding: &crate::model::Finding, style: ReportStyle) -> bool {
    if finding.changes.is_empty() {
        is_shown(&finding.verdict, style)
    } else {
        listed_changes(finding, style).next().is_some()
    }
}

/// Whether it is not applied yet, and not for too long.
fn is_waiting(verdict: &crate::model::Verdict) -> bool {
    verdict.cause == crate::model::Cause::Unsynced && !verdict.overdue
}

/// The findings that a report for a person lists: drift first, then what is not applied yet, then what is excused.
fn ordered_findings(checked: &CheckReport, style: ReportStyle) -> Vec<&crate::model::Finding> {
    let mut found: Vec<_> = checked.findings.iter().filter(|finding| is_listed(finding, style)).collect();
    let waits = |finding: &crate::model::Finding| is_waiting(&finding.verdict);
    found.sort_by_key(|finding| (!crate::model::is_drift(finding), !waits(finding)));
    found
}

/// How one side of a change is shown: the value, or why there is none.
enum Side<'a> {
    /// The value.
    Value(&'a serde_json::Value),
    /// It is there, and secret.
    Secret,
    /// Git does not declare it; what the server puts there by itself, where that is known.
    NotDeclared(Option<&'a serde_json::Value>),
    /// Live lacks it.
    Absent,
}

/// Both sides of a change, Git's first.
fn sides(difference: &crate::model::Difference) -> (Side<'_>, Side<'_>) {
    use crate::model::ChangeKind;
    let side = |value, absent| match (value, difference.masked) {
        (_, true) => Side::Secret,
        (Some(value), false) => Side::Value(value),
        (None, false) => absent,
    };
    let not_declared = Side::NotDeclared(difference.default.as_ref());
    match difference.kind {
        ChangeKind::Added => (not_declared, side(difference.live.as_ref(), Side::Absent)),
        ChangeKind::Removed => (side(difference.desired.as_ref(), not_declared), Side::Absent),
        ChangeKind::Modified => {
            (side(difference.desired.as_ref(), not_declared), side(difference.live.as_ref(), Side::Absent))
        }
    }
}

/// Describes an object that only one side has.
fn only_one_side(finding: &crate::model::Finding) -> Option<&'static str> {
    use crate::model::{Cause, State};
    match finding.state {
        State::Missing if finding.verdict.cause == Cause::Unsynced => {
            Some("declared in Git by its newest commit, but not applied yet")
        }
        State::Missing => Some("declared in Git, but not in the cluster; nothing recorded who deleted it"),
        State::Unmanaged if finding.verdict.cause == Cause::Unsynced => {
            Some("in the cluster, but Git no longer declares it: it was not pruned")
        }
        State::Unmanaged => Some("in the cluster, but nothing in Git declares it"),
        State::Modified => None,
    }
}

/// GitOps objects that a text names whose objects were not compared.
const MOST_ROOTS: usize = 10;

/// `4 objects in drift, 1 not applied yet`: the one line to read if only one is read.
fn headline(checked: &CheckReport) -> String {
    use crate::text::pluralize;
    let drifting = checked.findings.iter().filter(|finding| crate::model::is_drift(finding)).count();
    let waiting = checked.findings.iter().filter(|finding| is_waiting(&finding.verdict)).count();
    let summary = &checked.summary;
    let examined = summary.desired.saturating_sub(summary.skipped + summary.not_compared);
    let mut parts = vec![match (drifting, checked.is_complete()) {
        (0, true) => "no drift".to_owned(),
        (0, false) if examined == 0 => "nothing examined".to_owned(),
        (0, false) => "no drift in what was examined".to_owned(),
        (number, _) => format!("{} in drift", pluralize(number, "object")),
    }];
    if waiting > 0 {
        parts.push(format!("{waiting} not applied yet"));
    }
    if !checked.is_complete() {
        parts.push(format!("incomplete: {} not examined", checked.incomplete.len()));
    }
    if !checked.not_compared.is_empty() {
        let roots = pluralize(checked.not_compared.len(), "GitOps object");
        parts.push(format!(
            "and what {roots} {} was not compared",
            if checked.not_compared.len() == 1 { "applies" } else { "apply" }
        ));
    }
    parts.join(", ")
}

/// `Application/argocd/web  apps/web.yaml:1:1  deploy/web is in no source`, a line each, at most [`MOST_ROOTS`].
fn uncovered_root_lines(checked: &CheckReport) -> Vec<String> {
    use crate::text::one_line;
    let line = |root: &UncoveredRoot| {
        let origin = root.origin.as_ref().map(|origin| format!("  {}", one_line(origin, 200)));
        let (resource, why) = (one_line(&root.resource.to_string(), 200), one_line(&root.why, 200));
        format!("{resource}{}  {why}", origin.unwrap_or_default())
    };
    let roots = &checked.not_compared;
    let more = roots.len().saturating_sub(MOST_ROOTS);
    let more = (more > 0).then(|| format!("{more} more: see the JSON report"));
    roots.iter().take(MOST_ROOTS).map(line).chain(more).collect()
}

/// `not checked for unmanaged objects: secrets in shop (403 …)`, at most three of them by name.
fn not_checked_for_unmanaged(checked: &CheckReport) -> Option<String> {
    let lists = &checked.not_examined;
    let name = |list: &crate::model::Incomplete| {
        format!("{} ({})", crate::text::one_line(&list.what, 100), crate::text::one_line(&list.why, 120))
    };
    let named: Vec<String> = lists.iter().take(3).map(name).collect();
    let more = match lists.len().saturating_sub(3) {
        0 => String::new(),
        more => format!(" and {more} more (-o json names them)"),
    };
    (!lists.is_empty()).then(|| format!("not checked for unmanaged objects: {}{more}", named.join(", ")))
}

/// `1 controller, 2 ignored`: changes that are counted and not listed; empty where there are none.
fn not_listed(checked: &CheckReport, style: ReportStyle) -> String {
    let mut hidden = checked.summary.changes.clone();
    hidden.retain(|cause, _| !style.all && cause.is_hidden());
    crate::wording::count_by_cause(&hidden)
}
