//! For a person at a terminal: the result in one line, then which object, which field, Git against live, who and when,
//! where in Git; what is not drift after what is; what next.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Paint};

use super::listing::{MOST_CHANGES, is_listed, is_waiting, listed_changes, not_listed};
use super::sides::only_one_side;
use super::style::ReportStyle;
use super::summary_lines::{
    headline, next_sync, not_checked_for_unmanaged, root_lines, uncovered_root_lines,
};
use super::{values, verification};
use crate::model::{Cause, Change, ChangeKind, CheckReport, Finding, Origin, State, is_drift};
use crate::text::{one_line, pluralize};
use crate::wording::{count_by_cause, describe_applier, describe_forecast, describe_verdict};

const BOLD: Paint = Paint::new().bold();
const DIM: Paint = Paint::new().dimmed();
const RED: Paint = AnsiColor::Red.on_default();
const GREEN: Paint = AnsiColor::Green.on_default();
const YELLOW: Paint = AnsiColor::Yellow.on_default();

pub(super) fn check(style: ReportStyle, checked: &CheckReport, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page { out, style };
    page.headline(checked)?;
    let listed = || checked.findings.iter().filter(|finding| is_listed(finding, style));
    for finding in listed().filter(|finding| is_drift(finding)) {
        page.finding(finding, checked, style)?;
    }
    let waits = |finding: &&Finding| is_waiting(&finding.verdict);
    let title = format!(
        "Not applied yet: Git is ahead of the cluster; this becomes drift after {}.",
        checked.unsynced_after
    );
    page.section(&title, listed().filter(waits), checked, style)?;
    let excused = listed().filter(|finding| !is_drift(finding) && !waits(finding));
    let title = "No drift: the server, a controller or the deployer set it, or an ignore rule covers it.";
    page.section(title, excused, checked, style)?;
    page.incomplete(checked)?;
    page.roots(checked)?;
    page.warnings(checked)?;
    page.verification(checked, style)?;
    page.summary(checked, style)?;
    page.next(checked)
}

struct Page<'a> {
    out: &'a mut dyn Write,
    style: ReportStyle,
}

impl Page<'_> {
    fn headline(&mut self, checked: &CheckReport) -> io::Result<()> {
        let paint = match (checked.has_drift(), checked.is_complete()) {
            (false, true) if checked.not_compared.is_empty() => GREEN,
            (_, true) => YELLOW,
            (_, false) => RED,
        };
        writeln!(self.out, "{}\n", self.style.paint(paint.bold(), &format!("drift: {}", headline(checked))))?;
        let roots = uncovered_root_lines(checked);
        if roots.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "{}", self.style.paint(YELLOW, "Not compared: what these objects apply:"))?;
        for root in roots {
            writeln!(self.out, "  {root}")?;
        }
        writeln!(self.out)
    }

    fn section<'f>(
        &mut self,
        title: &str,
        findings: impl Iterator<Item = &'f Finding>,
        checked: &CheckReport,
        style: ReportStyle,
    ) -> io::Result<()> {
        let mut findings = findings.peekable();
        if findings.peek().is_some() {
            writeln!(self.out, "{}\n", self.style.paint(DIM, title))?;
        }
        findings.try_for_each(|finding| self.finding(finding, checked, style))
    }

    fn finding(&mut self, finding: &Finding, checked: &CheckReport, style: ReportStyle) -> io::Result<()> {
        let predicted = checked.forecast_of(finding);
        let (word, paint) = match finding.state {
            State::Modified => ("modified", YELLOW),
            State::Missing => ("missing", RED),
            State::Unmanaged => ("unmanaged", YELLOW),
        };
        let name = self.style.paint(BOLD, &one_line(&finding.resource.to_string(), 600));
        let at = finding.origin.as_ref().map(|origin| format!("  {}", place(origin, false)));
        let at = self.style.paint(DIM, &at.unwrap_or_default());
        writeln!(self.out, "{} {name}{at}", self.style.paint(paint, word))?;
        let changes: Vec<&Change> = listed_changes(finding, style).collect();
        for change in changes.iter().take(MOST_CHANGES) {
            self.change(change)?;
            let forecast = predicted.and_then(|found| found.changes.get(&change.difference.path));
            if let Some(forecast) = forecast {
                writeln!(self.out, "      {}", describe_forecast(forecast, Some(change.difference.kind)))?;
            }
        }
        if let Some(more) = changes.len().checked_sub(MOST_CHANGES).filter(|more| *more > 0) {
            writeln!(self.out, "  … {}: the JSON report has them all", pluralize(more, "more change"))?;
        }
        if let Some(what) = only_one_side(finding) {
            writeln!(self.out, "  {what}")?;
            let known = finding.verdict.manager.is_some() || finding.verdict.cause != Cause::Unknown;
            if known {
                writeln!(self.out, "  {}", self.style.paint(DIM, &describe_verdict(&finding.verdict)))?;
            }
        }
        if let Some(forecast) = predicted.and_then(|found| found.object.as_ref()) {
            writeln!(self.out, "  {}", describe_forecast(forecast, None))?;
        }
        if let Some(applier) = predicted.and_then(|found| found.applier.as_ref()) {
            writeln!(self.out, "  {}", self.style.paint(DIM, &describe_applier(applier)))?;
        }
        for note in &finding.notes {
            writeln!(self.out, "  note: {}", one_line(note, 400))?;
        }
        writeln!(self.out)
    }

    fn change(&mut self, change: &Change) -> io::Result<()> {
        let difference = &change.difference;
        let (sign, paint) = match difference.kind {
            ChangeKind::Added => ("+", GREEN),
            ChangeKind::Modified => ("~", YELLOW),
            ChangeKind::Removed => ("-", RED),
        };
        writeln!(
            self.out,
            "  {} {}",
            self.style.paint(paint, sign),
            one_line(&difference.path.to_string(), 600)
        )?;
        let declared = change.origin.as_ref().filter(|_| difference.kind != ChangeKind::Added);
        let at = declared.filter(|origin| origin.location.is_some()).map(|origin| place(origin, true));
        for line in values::lines(difference, at.as_deref()) {
            match line {
                values::DiffLine::Value { name, shown, at } => {
                    let at = at.map(|at| self.style.paint(DIM, &format!("  {at}"))).unwrap_or_default();
                    writeln!(self.out, "      {name:<4}  {shown}{at}")?;
                }
                values::DiffLine::Git(text) => {
                    writeln!(self.out, "      {}", self.style.paint(RED, &format!("- {text}")))?;
                }
                values::DiffLine::Live(text) => {
                    writeln!(self.out, "      {}", self.style.paint(GREEN, &format!("+ {text}")))?;
                }
                values::DiffLine::Both(text) => writeln!(self.out, "        {text}")?,
            }
        }
        writeln!(self.out, "      {}", self.style.paint(DIM, &describe_verdict(&change.verdict)))?;
        match &difference.note {
            Some(note) => writeln!(self.out, "      note: {}", one_line(note, 400)),
            None => Ok(()),
        }
    }

    fn incomplete(&mut self, checked: &CheckReport) -> io::Result<()> {
        if checked.incomplete.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "{}", self.style.paint(RED, "Not examined (neither clean nor drift):"))?;
        for incomplete in &checked.incomplete {
            writeln!(self.out, "  {}: {}", one_line(&incomplete.what, 300), one_line(&incomplete.why, 600))?;
        }
        writeln!(self.out)
    }

    /// What the controllers of GitOps objects do not say, or do not do.
    fn roots(&mut self, checked: &CheckReport) -> io::Result<()> {
        let lines = root_lines(checked);
        if lines.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "{}", self.style.paint(YELLOW, "GitOps objects:"))?;
        lines.iter().try_for_each(|line| writeln!(self.out, "  {line}"))?;
        writeln!(self.out)
    }

    fn warnings(&mut self, checked: &CheckReport) -> io::Result<()> {
        if checked.warnings.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "Warnings:")?;
        for warning in &checked.warnings {
            writeln!(self.out, "  {}", one_line(warning, 600))?;
        }
        writeln!(self.out)
    }

    fn verification(&mut self, checked: &CheckReport, style: ReportStyle) -> io::Result<()> {
        let Some(found) = &checked.verification else { return Ok(()) };
        writeln!(self.out, "{}", verification::headline(found))?;
        for line in verification::lines(found, style) {
            writeln!(self.out, "  {line}")?;
        }
        writeln!(self.out)
    }

    fn summary(&mut self, checked: &CheckReport, style: ReportStyle) -> io::Result<()> {
        let summary = &checked.summary;
        let mut parts = vec![format!("{} in sync", summary.in_sync)];
        for (number, word) in [
            (summary.modified, "modified"),
            (summary.missing, "missing"),
            (summary.skipped, "skipped"),
            (summary.not_compared, "not compared"),
        ] {
            if number > 0 {
                parts.push(format!("{number} {word}"));
            }
        }
        let unmanaged = match summary.unmanaged {
            0 => String::new(),
            number => format!("; {number} unmanaged"),
        };
        writeln!(
            self.out,
            "{} in Git: {}{unmanaged}",
            pluralize(summary.desired, "object"),
            parts.join(", ")
        )?;
        let changes: usize = summary.changes.values().sum();
        if changes > 0 {
            writeln!(self.out, "{}: {}", pluralize(changes, "change"), count_by_cause(&summary.changes))?;
        }
        if let Some(line) = next_sync(checked) {
            writeln!(self.out, "{line}")?;
        }
        let hidden = not_listed(checked, style);
        if !hidden.is_empty() {
            writeln!(self.out, "not listed: {hidden} (--all lists them)")?;
        }
        if let Some(line) = not_checked_for_unmanaged(checked) {
            writeln!(self.out, "{line}")?;
        }
        let git = &checked.git;
        let dirty = if git.dirty { " with uncommitted changes" } else { "" };
        let revision = git.revision.get(..12).unwrap_or(&git.revision);
        let repository = format!("{} at {revision}{dirty}", one_line(&git.repository, 200));
        let cluster = &checked.cluster;
        let cluster =
            format!("cluster {} ({})", one_line(&cluster.shown, 100), one_line(&cluster.version, 40));
        writeln!(self.out, "{}", self.style.paint(DIM, &format!("{repository}, {cluster}")))
    }

    /// What a user can do about drift.
    fn next(&mut self, checked: &CheckReport) -> io::Result<()> {
        if !checked.has_drift() {
            return Ok(());
        }
        writeln!(
            self.out,
            "\nTo keep a live value, commit it to Git: `drift run --dry-run` shows the commit."
        )?;
        writeln!(self.out, "To undo a change, apply Git again: `kubectl apply`, or your GitOps tool.")?;
        let stays = |finding: &Finding| {
            let added =
                |change: &Change| change.verdict.is_drift() && change.difference.kind == ChangeKind::Added;
            finding.state == State::Unmanaged || finding.changes.iter().any(added)
        };
        if checked.findings.iter().any(|finding| is_drift(finding) && stays(finding)) {
            writeln!(
                self.out,
                "Applying Git keeps what Git never declared (+, unmanaged): delete it by hand."
            )?;
        }
        Ok(())
    }
}

/// `apps/web/deploy.yaml:12:3`.
fn place(origin: &Origin, with_column: bool) -> String {
    let file = one_line(&origin.file, 200);
    match origin.location {
        Some(place) if with_column => format!("{file}:{}:{}", place.line, place.column),
        Some(place) => format!("{file}:{}", place.line),
        None => file,
    }
}
