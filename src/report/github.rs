//! Workflow commands: an annotation at the line of Git that live differs from.

use std::io::{self, Write};

use super::sides::{Side, only_one_side, sides};
use crate::model::{Change, CheckReport, Finding, Origin};
use crate::text::{escape_workflow_data, escape_workflow_property, one_line, pluralize};
use crate::wording::{describe_verdict, format_value};

/// GitHub shows ten warnings and ten errors per step and silently drops the rest.
const MOST: usize = 10;

pub(super) fn check(checked: &CheckReport, out: &mut dyn Write) -> io::Result<()> {
    let drifting: Vec<&Finding> =
        checked.findings.iter().filter(|finding| crate::model::is_drift(finding)).collect();
    for finding in drifting.iter().take(MOST) {
        warning(finding, out)?;
    }
    if drifting.len() > MOST {
        let more =
            format!("{} more in drift: see the job summary", pluralize(drifting.len() - MOST, "object"));
        writeln!(out, "::notice::{}", escape_workflow_data(&more))?;
    }
    for incomplete in checked.incomplete.iter().take(MOST) {
        let text = format!("not examined: {}: {}", incomplete.what, incomplete.why);
        writeln!(out, "::error::{}", escape_workflow_data(&text))?;
    }
    Ok(())
}

fn warning(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let drifting: Vec<&Change> = finding.changes.iter().filter(|change| change.verdict.is_drift()).collect();
    let origin = drifting.first().and_then(|change| change.origin.as_ref()).or(finding.origin.as_ref());
    let title = format!("drift: {}", finding.resource);
    let lines: Vec<String> = drifting.iter().take(20).map(|change| line(change)).collect();
    let text = match only_one_side(finding) {
        Some(what) => format!("{what}\n{}", describe_verdict(&finding.verdict)),
        None => lines.join("\n"),
    };
    writeln!(
        out,
        "::warning {}title={}::{}",
        place(origin),
        escape_workflow_property(&title),
        escape_workflow_data(&text)
    )
}

fn line(change: &Change) -> String {
    let (git, live) = sides(&change.difference);
    let shown = |side: Side<'_>| match side {
        Side::Value(found) => format_value(found, 120),
        Side::Secret => "(secret)".to_owned(),
        Side::NotDeclared(_) => "not declared".to_owned(),
        Side::Absent => "absent".to_owned(),
    };
    let path = one_line(&change.difference.path.to_string(), 300);
    format!("{path}: Git {}, live {} ({})", shown(git), shown(live), describe_verdict(&change.verdict))
}

fn place(origin: Option<&Origin>) -> String {
    let Some(origin) = origin else { return String::new() };
    let place =
        origin.location.map(|place| format!("line={},col={},", place.line, place.column)).unwrap_or_default();
    format!("file={},{place}", escape_workflow_property(&origin.file))
}
