//! Which findings and changes are listed, and in which order.

use super::style::ReportStyle;
use crate::model::CheckReport;

/// Changes of one object that are written for a person; the others are counted.
pub(super) const MOST_CHANGES: usize = 200;

/// The changes of a finding that a report lists.
pub(super) fn listed_changes(
    finding: &crate::model::Finding,
    style: ReportStyle,
) -> impl Iterator<Item = &crate::model::Change> {
    finding.changes.iter().filter(move |change| is_shown(&change.verdict, style))
}

/// Whether a report lists this verdict. Values that the server fills into every object are never listed: only
/// `drift explain` shows them.
pub(super) fn is_shown(verdict: &crate::model::Verdict, style: ReportStyle) -> bool {
    let hidden = verdict.cause.is_hidden();
    !hidden || (style.all && verdict.rule != crate::model::Rule::ServerPlace)
}

/// Whether a report lists the finding at all.
pub(super) fn is_listed(finding: &crate::model::Finding, style: ReportStyle) -> bool {
    if finding.changes.is_empty() {
        is_shown(&finding.verdict, style)
    } else {
        listed_changes(finding, style).next().is_some()
    }
}

/// Whether it is not applied yet, and not for too long.
pub(super) fn is_waiting(verdict: &crate::model::Verdict) -> bool {
    verdict.cause == crate::model::Cause::Unsynced && !verdict.overdue
}

/// The findings that a report for a person lists: drift first, then what is not applied yet, then what is excused.
pub(super) fn ordered_findings(checked: &CheckReport, style: ReportStyle) -> Vec<&crate::model::Finding> {
    let mut found: Vec<_> = checked.findings.iter().filter(|finding| is_listed(finding, style)).collect();
    let waits = |finding: &crate::model::Finding| is_waiting(&finding.verdict);
    found.sort_by_key(|finding| (!crate::model::is_drift(finding), !waits(finding)));
    found
}

/// `1 controller, 2 ignored`: changes that are counted and not listed; empty where there are none.
pub(super) fn not_listed(checked: &CheckReport, style: ReportStyle) -> String {
    let mut hidden = checked.summary.changes.clone();
    hidden.retain(|cause, _| !style.all && cause.is_hidden());
    crate::wording::count_by_cause(&hidden)
}
