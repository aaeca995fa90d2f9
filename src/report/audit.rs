//! Reports of an audit: text and JSON.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Paint};
use serde_json::json;

use super::style::ReportStyle;
use crate::model::{AuditReport, AuditedIncident, Outcome, Proof, Resolution};
use crate::text::{one_line, pluralize};

const GREEN: Paint = AnsiColor::Green.on_default();
const RED: Paint = AnsiColor::Red.on_default();
const BOLD: Paint = Paint::new().bold();

/// Text report: open incidents first, then ended ones with their commits.
///
/// # Errors
/// What the writer says.
pub fn audit_text(style: ReportStyle, audited: &AuditReport, out: &mut dyn Write) -> io::Result<()> {
    let (branch, head) = &audited.ledger;
    for (id, commit) in &audited.unrecorded {
        let commit = commit.get(..12).unwrap_or(commit);
        let text = format!("incident {id} is named by commit {commit}, but missing in the ledger");
        writeln!(out, "{} {text}", style.paint(RED, "lost"))?;
    }
    if head.is_none() && !audited.unrecorded.is_empty() {
        return writeln!(
            out,
            "The ledger (branch {}) is gone: restore the branch, or name the right one in drift.yaml.",
            one_line(branch, 200)
        );
    }
    if head.is_none() {
        return writeln!(
            out,
            "There is no ledger yet (branch {}): no incident was ever recorded.",
            one_line(branch, 200)
        );
    }
    let ended = |incident: &&AuditedIncident| matches!(incident.outcome, Outcome::Proven { .. });
    let (ended, waiting): (Vec<_>, Vec<_>) = audited.incidents.iter().partition(ended);
    for incident in waiting.iter().chain(&ended) {
        line(style, incident, out)?;
    }
    for text in &audited.rewritten {
        writeln!(out, "{} {}", style.paint(RED, "rewritten"), one_line(text, 300))?;
    }
    let all = pluralize(audited.incidents.len(), "incident");
    let base =
        format!("{} at {}", one_line(&audited.base.0, 200), audited.base.1.get(..12).unwrap_or_default());
    if audited.exit_code() == 0 {
        writeln!(out, "{}", style.paint(GREEN, &format!("{all}: every one ended with a commit on {base}.")))
    } else {
        writeln!(out, "{all}, {} not ended with a commit on {base}.", waiting.len())
    }
}

fn line(style: ReportStyle, incident: &AuditedIncident, out: &mut dyn Write) -> io::Result<()> {
    let first = incident.resources.first().map(String::as_str).unwrap_or_default();
    let more = incident.resources.len().saturating_sub(1);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let name = style.paint(BOLD, &one_line(first, 200));
    let days = pluralize(usize::try_from(incident.days).unwrap_or(0), "day");
    let (word, color, rest) = match &incident.outcome {
        Outcome::Open => ("open", RED, format!("for {days}")),
        Outcome::Declined => {
            ("declined", RED, format!("not ended, for {days}: a person closed its proposal"))
        }
        Outcome::NotProven { how, why } => {
            ("not proven", RED, format!("{}, says the ledger; {why}", how_word(*how)))
        }
        Outcome::Proven { how, commit, proof } => {
            let commit = commit.get(..12).unwrap_or(commit);
            (how_word(*how), GREEN, format!("by commit {commit}, after {days} ({})", proof_words(*proof)))
        }
    };
    writeln!(out, "{} {name}{more} [{}] {}", style.paint(color, word), incident.id, one_line(&rest, 300))
}

fn how_word(how: Resolution) -> &'static str {
    match how {
        Resolution::Adopted => "adopted",
        Resolution::Reverted => "reverted",
        Resolution::Accepted => "accepted",
    }
}

fn proof_words(proof: Proof) -> &'static str {
    match proof {
        Proof::Content => "proven by content",
        Proof::Trailer => "proven by its trailer",
        Proof::Ancestry => "on the base branch",
    }
}

/// `drift/audit/v1`.
///
/// # Errors
/// What the writer says.
pub fn audit_json(audited: &AuditReport, out: &mut dyn Write) -> io::Result<()> {
    let incidents: Vec<_> = audited.incidents.iter().map(incident_json).collect();
    let lost: Vec<_> =
        audited.unrecorded.iter().map(|(id, commit)| json!({"incident": id, "commit": commit})).collect();
    let report = json!({
        "schema": "drift/audit/v1",
        "auditedAt": audited.audited_at,
        "base": {"branch": audited.base.0, "commit": audited.base.1},
        "ledger": {"branch": audited.ledger.0, "commit": audited.ledger.1},
        "rewritten": audited.rewritten,
        "lost": lost,
        "incidents": incidents,
    });
    serde_json::to_writer_pretty(&mut *out, &report)?;
    writeln!(out)
}

fn incident_json(incident: &AuditedIncident) -> serde_json::Value {
    let (outcome, how, commit, proof, why) = match &incident.outcome {
        Outcome::Open => ("open", None, None, None, None),
        Outcome::Declined => ("declined", None, None, None, None),
        Outcome::NotProven { how, why } => ("notProven", Some(how_word(*how)), None, None, Some(why)),
        Outcome::Proven { how, commit, proof } => {
            let proof = match proof {
                Proof::Content => "content",
                Proof::Trailer => "trailer",
                Proof::Ancestry => "ancestry",
            };
            ("ended", Some(how_word(*how)), Some(commit), Some(proof), None)
        }
    };
    let mut value = json!({
        "id": incident.id, "cluster": incident.cluster, "resources": incident.resources,
        "openedAt": incident.opened_at, "days": incident.days, "outcome": outcome,
    });
    let facts = [
        ("how", how.map(str::to_owned)),
        ("commit", commit.cloned()),
        ("proof", proof.map(str::to_owned)),
        ("why", why.map(ToString::to_string)),
    ];
    for (key, fact) in facts {
        if let Some(fact) = fact {
            value[key] = json!(fact);
        }
    }
    value
}
