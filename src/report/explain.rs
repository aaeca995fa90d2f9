//! Explains one object: as text, and as `drift/explain/v1`.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Paint};
use serde_json::{Map, Value, json};

use super::sides::{Side, only_one_side, sides};
use super::style::ReportStyle;
use crate::model::{
    ChangeKind, ExplainReport, ExplainedField, Manager, ManagerClass, Origin, State, Verdict,
};
use crate::text::one_line;
use crate::wording::{cause_name, describe_verdict, format_time, format_value};

const BOLD: Paint = Paint::new().bold();
const DIM: Paint = Paint::new().dimmed();
const YELLOW: Paint = AnsiColor::Yellow.on_default();

/// Writes it for a person.
///
/// # Errors
/// What the writer says.
pub fn explain_text(style: ReportStyle, report: &ExplainReport, out: &mut dyn Write) -> io::Result<()> {
    let name = style.paint(BOLD, &one_line(&report.resource.with_group(), 600));
    let at = report.origin.as_ref().map(|origin| format!("  {}", place(origin))).unwrap_or_default();
    writeln!(out, "{} {name}{}", style.paint(YELLOW, state(report)), style.paint(DIM, &at))?;
    if let Some(finding) = &report.finding {
        if let Some(what) = only_one_side(finding) {
            writeln!(out, "  {what}")?;
            write_verdict(&finding.verdict, out)?;
        }
        for note in &finding.notes {
            writeln!(out, "  note: {}", one_line(note, 400))?;
        }
    } else {
        writeln!(out, "  in sync with Git at {}", revision(report))?;
    }
    for field in &report.fields {
        writeln!(out)?;
        explain_field(style, report, field, out)?;
    }
    if !report.writers.is_empty() {
        writeln!(out, "\nWritten by:")?;
    }
    for (manager, class) in &report.writers {
        writeln!(out, "  {}", writer(manager, *class))?;
    }
    for incomplete in &report.incomplete {
        let (what, why) = (one_line(&incomplete.what, 300), one_line(&incomplete.why, 600));
        writeln!(out, "not examined: {what}: {why}")?;
    }
    Ok(())
}

fn explain_field(
    style: ReportStyle,
    report: &ExplainReport,
    field: &ExplainedField,
    out: &mut dyn Write,
) -> io::Result<()> {
    let difference = &field.change.difference;
    let sign = match difference.kind {
        ChangeKind::Added => "+",
        ChangeKind::Modified => "~",
        ChangeKind::Removed => "-",
    };
    writeln!(out, "  {} {}", style.paint(YELLOW, sign), one_line(&difference.path.to_string(), 600))?;
    let (git, live) = sides(difference);
    let at = field.change.origin.as_ref().filter(|origin| origin.location.is_some()).map(place);
    let at = at.map(|at| format!("  {at}")).unwrap_or_default();
    writeln!(out, "      Git       {}{}", display_side(git), style.paint(DIM, &at))?;
    writeln!(out, "      live      {}", display_side(live))?;
    for (commit, superseded_at) in field.declared_by.iter().take(3) {
        let until = jiff::Timestamp::from_second(*superseded_at).map(|time| format_time(&time.to_string()));
        let until = until.unwrap_or_else(|_| revision(report));
        writeln!(out, "                as commit {} declared it until {until}", one_line(commit, 40))?;
    }
    if field.owners.is_empty() {
        writeln!(out, "      owner     nobody")?;
    }
    for (owner, class) in &field.owners {
        let around = if owner.is_exact { "" } else { ", as owner of its parent" };
        writeln!(out, "      owner     {}{around}", writer(&owner.manager, *class))?;
    }
    write_verdict(&field.change.verdict, out)?;
    match &difference.note {
        Some(note) => writeln!(out, "      note      {}", one_line(note, 400)),
        None => Ok(()),
    }
}

/// The verdict, the rule that decided, why, and what would change it.
fn write_verdict(found: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    let drift = if found.is_drift() { "drift" } else { "no drift" };
    writeln!(
        out,
        "      verdict   {} ({drift}, confidence {:?})",
        describe_verdict(found),
        found.confidence
    )?;
    writeln!(out, "      rule      {}: {}", found.rule.name(), found.rule.reason())?;
    writeln!(out, "      changes   {}", found.rule.remedy())
}

fn display_side(side: Side<'_>) -> String {
    match side {
        Side::Value(found) => format_value(found, 300),
        Side::Secret => "(secret)".to_owned(),
        Side::NotDeclared(_) => "(not declared)".to_owned(),
        Side::Absent => "(absent)".to_owned(),
    }
}

fn writer(manager: &Manager, class: ManagerClass) -> String {
    let name = one_line(&manager.name, 128);
    let through = match manager.subresource.as_str() {
        "" => String::new(),
        other => format!(" of {}", one_line(other, 40)),
    };
    let at = manager
        .time
        .as_deref()
        .map_or_else(|| "time unknown".to_owned(), |time| format!("at or before {}", format_time(time)));
    let version = match manager.api_version.as_str() {
        "" => String::new(),
        version => format!(" at {}", one_line(version, 100)),
    };
    format!("{name} ({}; {}{through}{version}, {at})", class_word(class), one_line(&manager.operation, 20))
}

fn class_word(class: ManagerClass) -> &'static str {
    match class {
        ManagerClass::Human => "a person's tool",
        ManagerClass::Gitops => "deploys what Git declares",
        ManagerClass::Platform => "a controller",
        ManagerClass::Unknown => "not known: a person or a program",
    }
}

fn state(report: &ExplainReport) -> &'static str {
    match report.finding.as_ref().map(|finding| finding.state) {
        None => "in sync",
        Some(State::Modified) => "modified",
        Some(State::Missing) => "missing",
        Some(State::Unmanaged) => "unmanaged",
    }
}

fn place(origin: &Origin) -> String {
    let file = one_line(&origin.file, 200);
    origin.location.map_or_else(|| file.clone(), |place| format!("{file}:{}:{}", place.line, place.column))
}

fn revision(report: &ExplainReport) -> String {
    report.revision.get(..12).unwrap_or(&report.revision).to_owned()
}

/// Writes it as `drift/explain/v1`.
///
/// # Errors
/// What the writer says.
pub fn explain_json(report: &ExplainReport, out: &mut dyn Write) -> io::Result<()> {
    let of_whole = report.finding.as_ref().filter(|finding| finding.changes.is_empty());
    let document = json!({
        "schema": "drift/explain/v1",
        "resource": report.resource,
        "state": state(report).replace(' ', "-"),
        "revision": report.revision,
        "origin": report.origin.as_ref().map(place),
        "verdict": of_whole.map(|finding| why(&finding.verdict)),
        "notes": report.finding.as_ref().map(|finding| finding.notes.clone()).unwrap_or_default(),
        "fields": report.fields.iter().map(field).collect::<Vec<_>>(),
        "writers": report.writers.iter().map(|(manager, class)| entry(manager, *class)).collect::<Vec<_>>(),
        "incomplete": report.incomplete,
    });
    let document = serde_json::to_string_pretty(&document)?;
    writeln!(out, "{}", crate::text::escape_json(&document))
}

fn field(field: &ExplainedField) -> Value {
    let difference = &field.change.difference;
    let owners = field.owners.iter().map(|(owner, class)| {
        let mut owner_json = entry(&owner.manager, *class);
        owner_json["exact"] = json!(owner.is_exact);
        owner_json
    });
    let commits = field.declared_by.iter().map(|(commit, until)| {
        let until = jiff::Timestamp::from_second(*until).map(|time| time.to_string()).ok();
        json!({"commit": commit, "until": until})
    });
    let mut map = Map::new();
    map.insert("path".to_owned(), json!(difference.path.to_string()));
    map.insert("change".to_owned(), json!(difference.kind));
    for (key, side) in [("desired", &difference.desired), ("live", &difference.live)] {
        if let Some(side) = side {
            map.insert(key.to_owned(), side.clone());
        }
    }
    if difference.masked {
        map.insert("masked".to_owned(), json!(true));
    }
    map.insert("verdict".to_owned(), why(&field.change.verdict));
    map.insert("owners".to_owned(), owners.collect());
    map.insert("declaredBy".to_owned(), commits.collect());
    map.insert("origin".to_owned(), json!(field.change.origin.as_ref().map(place)));
    map.insert("note".to_owned(), json!(difference.note));
    Value::Object(map)
}

fn why(found: &Verdict) -> Value {
    json!({
        "cause": cause_name(found.cause),
        "drift": found.is_drift(),
        "confidence": found.confidence,
        "manager": found.manager,
        "claimed": found.claimed,
        "rule": found.rule.name(),
        "reason": found.rule.reason(),
        "wouldChange": found.rule.remedy(),
    })
}

fn entry(manager: &Manager, class: ManagerClass) -> Value {
    let mut entry = json!(manager);
    entry["class"] = json!(class);
    entry["apiVersion"] = json!(manager.api_version);
    entry
}
