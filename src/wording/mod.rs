//! The sentences for findings, verdicts and incidents that reports and proposals share.

mod next_sync;
mod roots;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::{Cause, Confidence, Rule, Verdict};
use crate::text::one_line;

pub use next_sync::{
    count_by_outcome, describe_applier, describe_forecast, describe_reason, sync_evidence_name,
    sync_outcome_name, sync_way_name,
};
pub use roots::describe_root;

/// The word of a cause.
#[must_use]
pub fn cause_name(cause: Cause) -> &'static str {
    match cause {
        Cause::Manual => "manual",
        Cause::Rollback => "rollback",
        Cause::Unsynced => "unsynced",
        Cause::Controller => "controller",
        Cause::Unknown => "unknown",
        Cause::Ignored => "ignored",
        Cause::Server => "server",
        Cause::Admission => "admission",
        Cause::Deployer => "deployer",
    }
}

/// `3 manual, 1 unknown`, in a fixed order; empty where there are none.
#[must_use]
pub fn count_by_cause(changes: &BTreeMap<Cause, usize>) -> String {
    let parts = changes.iter().filter(|(_, number)| **number > 0);
    parts.map(|(word, number)| format!("{number} {}", cause_name(*word))).collect::<Vec<_>>().join(", ")
}

/// A value on one line, as YAML would show it where it can: strings bare where that cannot be misread, lists and maps
/// in brackets; at most `most` characters.
#[must_use]
pub fn format_value(value: &Value, most: usize) -> String {
    match value {
        Value::String(text) if is_bare(text) => one_line(text, most),
        Value::Array(_) | Value::Object(_) => {
            let mut text = String::new();
            write_flow(value, &mut text);
            one_line(&text, most)
        }
        other => one_line(&other.to_string(), most),
    }
}

/// `[{name: DEBUG, value: "true"}]`.
fn write_flow(value: &Value, text: &mut String) {
    let bare =
        |text: &str| is_bare(text) && !text.contains(['[', ']', '{', '}', ',', ':', '#', '&', '*', '!']);
    let scalar =
        |scalar: &str| if bare(scalar) { scalar.to_owned() } else { Value::from(scalar).to_string() };
    match value {
        Value::Array(items) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                text.push_str(if at == 0 { "" } else { ", " });
                write_flow(item, text);
            }
            text.push(']');
        }
        Value::Object(fields) => {
            text.push('{');
            for (at, (name, field)) in fields.iter().enumerate() {
                text.push_str(if at == 0 { "" } else { ", " });
                text.push_str(&scalar(name));
                text.push_str(": ");
                write_flow(field, text);
            }
            text.push('}');
        }
        Value::String(string) => text.push_str(&scalar(string)),
        other => text.push_str(&other.to_string()),
    }
}

/// Whether a string can stand without quotes and still be seen as that string.
fn is_bare(text: &str) -> bool {
    let number = text.parse::<f64>().is_ok();
    let word = matches!(text, "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "~" | "y" | "n");
    let begins_otherwise = text.starts_with(['[', '{', '\'', '(']);
    let quoted = text.contains(['\n', '\t', '"']) || text.trim() != text;
    !text.is_empty() && !number && !word && !quoted && !begins_otherwise
}

/// `manual, by kubectl-edit, at or before 2026-11-22 11:25:05 UTC`: cause, manager, actor, time and how sure.
#[must_use]
pub fn describe_verdict(verdict: &Verdict) -> String {
    let mut text = cause_name(verdict.cause).to_owned();
    let unsynced = verdict.cause == Cause::Unsynced;
    match verdict.unsynced_since.filter(|_| verdict.overdue).map(jiff::Timestamp::from_second) {
        Some(Ok(time)) => text.push_str(&format!(": not applied since {}", format_time(&time.to_string()))),
        _ if verdict.rule == Rule::Leftover => text.push_str(": not pruned yet"),
        _ if unsynced => text.push_str(": not applied yet"),
        _ => {}
    }
    if let Some(claimed) = verdict.claimed {
        text.push_str(&format!(", claimed: {} by name only", cause_name(claimed)));
    }
    if let Some(manager) = &verdict.manager {
        let by = match verdict.confidence {
            _ if unsynced => "last applied by",
            Confidence::Low => "perhaps by",
            _ => "by",
        };
        text.push_str(&format!(", {by} {}", one_line(&manager.name, 128)));
        if !manager.subresource.is_empty() {
            text.push_str(&format!(" ({})", one_line(&manager.subresource, 40)));
        }
    }
    if let Some(actor) = &verdict.actor {
        text.push_str(&format!(", user {}", one_line(&actor.user, 128)));
    }
    match (&verdict.actor, &verdict.manager) {
        (Some(actor), _) => text.push_str(&format!(", at {}", format_time(&actor.at))),
        (None, Some(manager)) => match &manager.time {
            Some(time) => text.push_str(&format!(", at or before {}", format_time(time))),
            None => text.push_str(", time unknown"),
        },
        (None, None) => {}
    }
    text
}

/// `2026-11-22 11:25:05 UTC` of an RFC 3339 time; another text as it stands.
#[must_use]
pub fn format_time(time: &str) -> String {
    let text = one_line(time, 40);
    match text.strip_suffix('Z').and_then(|text| text.split_once('T')) {
        Some((day, hour)) => format!("{day} {} UTC", hour.split('.').next().unwrap_or(hour)),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::format_value;

    #[test]
    fn shown_value_reveals_its_type() {
        for (shown, expected) in [
            (json!("nginx:1.25"), "nginx:1.25"),
            (json!("1.25"), "\"1.25\""),
            (json!("true"), "\"true\""),
            (json!(true), "true"),
            (json!(""), "\"\""),
            (json!(" a"), "\" a\""),
            (json!("(secret)"), "\"(secret)\""),
            (json!("[a]"), "\"[a]\""),
            (json!("a\nb"), "\"a\\nb\""),
            (json!(null), "null"),
            (json!([{"name": "DEBUG", "value": "true"}]), "[{name: DEBUG, value: \"true\"}]"),
            (json!(["a, b", "--x=1", "k: v", 3]), "[\"a, b\", --x=1, \"k: v\", 3]"),
            (json!({}), "{}"),
        ] {
            assert_eq!(format_value(&shown, 160), expected, "{shown}");
        }
        assert_eq!(format_value(&json!("abcdefgh"), 5), "abcd…");
    }
}
