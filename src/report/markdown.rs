//! A page of Markdown: the job summary of a workflow.

use std::io::{self, Write};

use super::{Style, is_listed, listed};
use crate::job::Checked;
use crate::model::{Change, Finding, State};
use crate::text::{code, count, verdict, yaml_value};

/// GitHub drops a summary above 1 MiB whole: we stop well before, between two findings, and say so.
const MOST: usize = 900 * 1024;

pub(super) fn check(style: Style, checked: &Checked, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## drift: {}\n", headline(checked))?;
    writeln!(
        out,
        "{} in Git at {}, cluster {} ({}): {} in sync, {} modified, {} missing, {} unmanaged, {} skipped, {} not compared.\n",
        count(checked.summary.desired, "object"),
        code(checked.git.revision.get(..12).unwrap_or(&checked.git.revision)),
        code(&checked.cluster.shown),
        code(&checked.cluster.version),
        checked.summary.in_sync,
        checked.summary.modified,
        checked.summary.missing,
        checked.summary.unmanaged,
        checked.summary.skipped,
        checked.summary.not_compared,
    )?;
    let mut written = 0;
    let all: Vec<&Finding> = checked.findings.iter().filter(|finding| is_listed(finding, style)).collect();
    for (at, found) in all.iter().enumerate() {
        let text = finding(found, style);
        if written + text.len() > MOST {
            writeln!(out, "_{} more: see the JSON report._\n", count(all.len() - at, "finding"))?;
            break;
        }
        written += text.len();
        out.write_all(text.as_bytes())?;
    }
    if !checked.incomplete.is_empty() {
        writeln!(out, "### Not examined\n")?;
        for incomplete in checked.incomplete.iter().take(200) {
            writeln!(out, "- {}: {}", code(&incomplete.what), code(&incomplete.why))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn headline(checked: &Checked) -> String {
    let drifting = checked.findings.iter().filter(|finding| crate::job::is_drift(finding)).count();
    match (drifting, checked.is_complete()) {
        (0, true) => "no drift".to_owned(),
        (0, false) => "incomplete".to_owned(),
        (number, true) => format!("{} in drift", count(number, "object")),
        (number, false) => format!("{} in drift, and incomplete", count(number, "object")),
    }
}

fn finding(finding: &Finding, style: Style) -> String {
    let state = match finding.state {
        State::Modified => "modified",
        State::Missing => "missing",
        State::Unmanaged => "unmanaged",
    };
    let mut text = format!("### {state} {}\n\n", code(&finding.resource.to_string()));
    if let Some(origin) = &finding.origin {
        let line = origin.place.map(|place| format!(":{}", place.line)).unwrap_or_default();
        text.push_str(&format!("declared in {}\n\n", code(&format!("{}{line}", origin.file))));
    }
    let changes: Vec<&Change> = listed(finding, style).collect();
    if changes.is_empty() {
        text.push_str(&format!("{}\n\n", code(&verdict(&finding.verdict))));
    } else {
        text.push_str("| field | Git | live | why |\n|---|---|---|---|\n");
        changes.iter().for_each(|change| text.push_str(&row(change)));
        text.push('\n');
    }
    text
}

fn row(change: &Change) -> String {
    let difference = &change.difference;
    let cell = |side: &Option<serde_json::Value>, absent: &str| match side {
        _ if difference.masked => "_secret_".to_owned(),
        Some(value) => table_code(yaml_value(value).trim_end()),
        None => absent.to_owned(),
    };
    format!(
        "| {} | {} | {} | {} |\n",
        table_code(&difference.path.to_string()),
        cell(&difference.desired, "_not declared_"),
        cell(&difference.live, "_absent_"),
        table_code(&verdict(&change.verdict))
    )
}

/// Inline code inside a table, where a `|` ends the cell even in code.
fn table_code(text: &str) -> String {
    code(&crate::text::one_line(text, 300)).replace('|', "\\|")
}
