//! For a person at a terminal: which object, which field, Git against live, who and when, where in Git, what next.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Paint};
use serde_json::Value;

use super::{Style, is_listed, listed};
use crate::job::Checked;
use crate::model::{Cause, Change, ChangeKind, Finding, Origin, State};
use crate::text::{changes_of_causes, count, one_line, plain, value, verdict};

/// Longest value shown on a line; the JSON report has it whole.
const VALUE: usize = 160;

const BOLD: Paint = Paint::new().bold();
const DIM: Paint = Paint::new().dimmed();
const RED: Paint = AnsiColor::Red.on_default();
const GREEN: Paint = AnsiColor::Green.on_default();
const YELLOW: Paint = AnsiColor::Yellow.on_default();

pub(super) fn check(style: Style, checked: &Checked, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page { out, color: style.color };
    for finding in checked.findings.iter().filter(|finding| is_listed(finding, style)) {
        page.finding(finding, style)?;
    }
    page.incomplete(checked)?;
    page.summary(checked)?;
    page.next(checked)
}

struct Page<'a> {
    out: &'a mut dyn Write,
    color: bool,
}

impl Page<'_> {
    fn paint(&self, paint: Paint, text: &str) -> String {
        if self.color { format!("{paint}{text}{paint:#}") } else { text.to_owned() }
    }

    fn finding(&mut self, finding: &Finding, style: Style) -> io::Result<()> {
        let (word, paint) = match finding.state {
            State::Modified => ("modified", YELLOW),
            State::Missing => ("missing", RED),
            State::Unmanaged => ("unmanaged", YELLOW),
        };
        let name = self.paint(BOLD, &plain(&finding.resource.to_string()));
        let place = finding.origin.as_ref().map(place).unwrap_or_default();
        let place = self.paint(DIM, &place);
        writeln!(self.out, "{} {name}  {place}", self.paint(paint, word))?;
        for change in listed(finding, style) {
            self.change(change)?;
        }
        if finding.changes.is_empty() {
            self.state(finding)?;
        }
        for note in &finding.notes {
            writeln!(self.out, "  note: {}", one_line(note, 400))?;
        }
        writeln!(self.out)
    }

    fn state(&mut self, finding: &Finding) -> io::Result<()> {
        let what = match finding.state {
            State::Missing if finding.verdict.cause == Cause::Unsynced => {
                "declared in Git and not applied yet"
            }
            State::Missing => "declared in Git, and not in the cluster; nothing recorded who removed it",
            State::Unmanaged => "in the cluster, and nothing in Git declares it",
            State::Modified => return Ok(()),
        };
        writeln!(self.out, "  {what}")?;
        writeln!(self.out, "  {}", self.paint(DIM, &verdict(&finding.verdict)))
    }

    fn change(&mut self, change: &Change) -> io::Result<()> {
        let difference = &change.difference;
        let (sign, paint) = match difference.kind {
            ChangeKind::Added => ("+", GREEN),
            ChangeKind::Modified => ("~", YELLOW),
            ChangeKind::Removed => ("-", RED),
        };
        writeln!(self.out, "  {} {}", self.paint(paint, sign), plain(&difference.path.to_string()))?;
        if difference.masked {
            writeln!(self.out, "      the value differs (secret: not shown)")?;
        } else {
            let absent = difference.default.as_ref().map_or_else(
                || "not declared".to_owned(),
                |default| format!("not declared (default {})", value(default, VALUE)),
            );
            let at = change.origin.as_ref().filter(|_| difference.desired.is_some());
            self.side("Git ", difference.desired.as_ref(), &absent, at)?;
            self.side("live", difference.live.as_ref(), "absent", None)?;
        }
        writeln!(self.out, "      {}", self.paint(DIM, &verdict(&change.verdict)))?;
        match &difference.note {
            Some(note) => writeln!(self.out, "      note: {}", one_line(note, 400)),
            None => Ok(()),
        }
    }

    fn side(
        &mut self,
        name: &str,
        side: Option<&Value>,
        absent: &str,
        origin: Option<&Origin>,
    ) -> io::Result<()> {
        let shown = side.map_or_else(|| absent.to_owned(), |side| value(side, VALUE));
        let place =
            origin.filter(|origin| origin.place.is_some()).map(|origin| format!("  {}", place(origin)));
        let place = self.paint(DIM, &place.unwrap_or_default());
        writeln!(self.out, "      {name}  {shown}{place}")
    }

    fn incomplete(&mut self, checked: &Checked) -> io::Result<()> {
        if checked.incomplete.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "{}", self.paint(RED, "not examined"))?;
        for incomplete in &checked.incomplete {
            writeln!(self.out, "  {}: {}", one_line(&incomplete.what, 300), one_line(&incomplete.why, 600))?;
        }
        writeln!(self.out)
    }

    fn summary(&mut self, checked: &Checked) -> io::Result<()> {
        let summary = &checked.summary;
        let mut parts = vec![format!("{} in sync", summary.in_sync)];
        for (number, word) in [
            (summary.modified, "modified"),
            (summary.missing, "missing"),
            (summary.unmanaged, "unmanaged"),
            (summary.skipped, "skipped"),
            (summary.not_compared, "not compared"),
        ] {
            if number > 0 {
                parts.push(format!("{number} {word}"));
            }
        }
        let changes: usize = summary.changes.values().sum();
        let causes = changes_of_causes(&summary.changes);
        let changes =
            if changes == 0 { String::new() } else { format!(" ({}: {causes})", count(changes, "change")) };
        writeln!(self.out, "{} in Git: {}{changes}", count(summary.desired, "object"), parts.join(", "))?;
        let git = &checked.git;
        let dirty = if git.dirty { " with uncommitted changes" } else { "" };
        let revision = git.revision.get(..12).unwrap_or(&git.revision);
        let facts = format!(
            "{} at {revision}{dirty}, cluster {} ({})",
            one_line(&git.repository, 200),
            one_line(&checked.cluster.shown, 100),
            one_line(&checked.cluster.version, 40)
        );
        writeln!(self.out, "{}", self.paint(DIM, &facts))
    }

    fn next(&mut self, checked: &Checked) -> io::Result<()> {
        if checked.summary.desired == 0 {
            return writeln!(self.out, "Nothing was examined: no object is declared in these sources.");
        }
        if checked.has_drift() {
            writeln!(
                self.out,
                "\nTo keep a live value, put it into Git: `drift run --dry-run` shows the commit, `drift run` proposes it."
            )?;
            writeln!(
                self.out,
                "To undo it, apply Git again: `kubectl apply -f FILE`, or let your GitOps tool do it."
            )?;
        } else if checked.is_complete() {
            writeln!(self.out, "{}", self.paint(GREEN, "No drift."))?;
        }
        Ok(())
    }
}

/// `apps/web/deploy.yaml:12:3`.
fn place(origin: &Origin) -> String {
    let file = one_line(&origin.file, 200);
    origin.place.map_or(file.clone(), |place| format!("{file}:{}:{}", place.line, place.column))
}
