//! A page of Markdown: the job summary of a workflow.

use std::io::{self, Write};

use super::listing::{MOST_CHANGES, listed_changes, not_listed, ordered_findings};
use super::sides::{Side, only_one_side, sides};
use super::style::ReportStyle;
use super::summary_lines::{
    headline, next_sync, not_checked_for_unmanaged, root_lines, uncovered_root_lines,
};
use super::verification;
use crate::model::{Change, CheckReport, Finding, ObjectForecast, State};
use crate::text::{markdown_code, one_line, pluralize};
use crate::wording::{describe_forecast, describe_verdict, format_value};

/// GitHub drops a summary above 1 MiB whole: we stop well before, between two findings, and say so.
const MOST: usize = 900 * 1024;

pub(super) fn check(style: ReportStyle, checked: &CheckReport, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## drift: {}\n", headline(checked))?;
    let roots = uncovered_root_lines(checked);
    if !roots.is_empty() {
        writeln!(out, "### Not compared: what these objects apply\n")?;
        roots.iter().try_for_each(|root| writeln!(out, "- {}", markdown_code(root)))?;
        writeln!(out)?;
    }
    writeln!(
        out,
        "{} in Git at {}, cluster {} ({}): {} in sync, {} modified, {} missing, {} unmanaged, {} skipped, {} not compared.\n",
        pluralize(checked.summary.desired, "object"),
        markdown_code(checked.git.revision.get(..12).unwrap_or(&checked.git.revision)),
        markdown_code(&checked.cluster.shown),
        markdown_code(&checked.cluster.version),
        checked.summary.in_sync,
        checked.summary.modified,
        checked.summary.missing,
        checked.summary.unmanaged,
        checked.summary.skipped,
        checked.summary.not_compared,
    )?;
    let hidden = not_listed(checked, style);
    if !hidden.is_empty() {
        writeln!(out, "Not listed: {hidden} (`--all` lists them).\n")?;
    }
    if let Some(line) = next_sync(checked) {
        writeln!(out, "{line}\n")?;
    }
    if let Some(line) = not_checked_for_unmanaged(checked) {
        writeln!(out, "{}\n", markdown_code(&line))?;
    }
    not_examined(checked, out)?;
    let said = root_lines(checked);
    if !said.is_empty() {
        writeln!(out, "### GitOps objects\n")?;
        said.iter().try_for_each(|line| writeln!(out, "- {}", markdown_code(line)))?;
        writeln!(out)?;
    }
    warnings(checked, out)?;
    write_verification(checked, style, out)?;
    let mut written = 0;
    let all = ordered_findings(checked, style);
    for (at, found) in all.iter().enumerate() {
        let text = finding(found, checked, style);
        if written + text.len() > MOST {
            writeln!(out, "_{} more: see the JSON report._\n", pluralize(all.len() - at, "finding"))?;
            break;
        }
        written += text.len();
        out.write_all(text.as_bytes())?;
    }
    Ok(())
}

/// Entries of one list that are shown.
const SHOWN: usize = 100;

fn warnings(checked: &CheckReport, out: &mut dyn Write) -> io::Result<()> {
    if checked.warnings.is_empty() {
        return Ok(());
    }
    writeln!(out, "### Warnings\n")?;
    for warning in checked.warnings.iter().take(SHOWN) {
        writeln!(out, "- {}", markdown_code(&one_line(warning, 600)))?;
    }
    if let Some(more) = checked.warnings.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        writeln!(out, "- _{more} more: see the JSON report_")?;
    }
    writeln!(out)
}

fn not_examined(checked: &CheckReport, out: &mut dyn Write) -> io::Result<()> {
    if checked.incomplete.is_empty() {
        return Ok(());
    }
    writeln!(out, "### Not examined\n")?;
    for incomplete in checked.incomplete.iter().take(SHOWN) {
        let (what, why) = (one_line(&incomplete.what, 300), one_line(&incomplete.why, 600));
        writeln!(out, "- {}: {}", markdown_code(&what), markdown_code(&why))?;
    }
    if let Some(more) = checked.incomplete.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        writeln!(out, "- _{more} more: see the JSON report_")?;
    }
    writeln!(out)
}

fn write_verification(checked: &CheckReport, style: ReportStyle, out: &mut dyn Write) -> io::Result<()> {
    let Some(found) = &checked.verification else { return Ok(()) };
    writeln!(out, "{}\n", verification::headline(found))?;
    let lines = verification::lines(found, style);
    for line in &lines {
        writeln!(out, "- {}", markdown_code(line))?;
    }
    if lines.is_empty() { Ok(()) } else { writeln!(out) }
}

fn finding(finding: &Finding, checked: &CheckReport, style: ReportStyle) -> String {
    let predicted = checked.forecast_of(finding);
    let state = match finding.state {
        State::Modified => "modified",
        State::Missing => "missing",
        State::Unmanaged => "unmanaged",
    };
    let mut text = format!("### {state} {}\n\n", markdown_code(&finding.resource.to_string()));
    if let Some(origin) = &finding.origin {
        let line = origin.location.map(|place| format!(":{}", place.line)).unwrap_or_default();
        text.push_str(&format!("declared in {}\n\n", markdown_code(&format!("{}{line}", origin.file))));
    }
    let changes: Vec<&Change> = listed_changes(finding, style).collect();
    if changes.is_empty() {
        let what = only_one_side(finding).unwrap_or_default();
        text.push_str(&format!("{what} ({})\n\n", markdown_code(&describe_verdict(&finding.verdict))));
        if let Some(forecast) = predicted.and_then(|found| found.object.as_ref()) {
            text.push_str(&format!("{}\n\n", markdown_code(&describe_forecast(forecast, None))));
        }
    } else {
        text.push_str(match predicted {
            Some(_) => "| field | Git | live | why | next sync |\n|---|---|---|---|---|\n",
            None => "| field | Git | live | why |\n|---|---|---|---|\n",
        });
        changes.iter().take(MOST_CHANGES).for_each(|change| text.push_str(&row(change, predicted)));
        text.push('\n');
        if let Some(more) = changes.len().checked_sub(MOST_CHANGES).filter(|more| *more > 0) {
            text.push_str(&format!("_{}: see the JSON report_\n\n", pluralize(more, "more change")));
        }
    }
    text
}

fn row(change: &Change, predicted: Option<&ObjectForecast>) -> String {
    let (git, live) = sides(&change.difference);
    let cell = |side: Side<'_>| match side {
        Side::Value(found) => table_code(&format_value(found, 300)),
        Side::Secret => "_secret_".to_owned(),
        Side::NotDeclared(_) => "_not declared_".to_owned(),
        Side::Absent => "_absent_".to_owned(),
    };
    let (path, why) = (change.difference.path.to_string(), describe_verdict(&change.verdict));
    let next = predicted.map(|found| match found.changes.get(&change.difference.path) {
        Some(forecast) => {
            let text = describe_forecast(forecast, Some(change.difference.kind));
            format!(" {} |", table_code(text.trim_start_matches("next sync ")))
        }
        None => " |".to_owned(),
    });
    let (git, live, next) = (cell(git), cell(live), next.unwrap_or_default());
    format!("| {} | {git} | {live} | {} |{next}\n", table_code(&path), table_code(&why))
}

/// Inline code inside a table, where a `|` ends the cell even in code.
fn table_code(text: &str) -> String {
    markdown_code(&one_line(text, 300)).replace('|', "\\|")
}
