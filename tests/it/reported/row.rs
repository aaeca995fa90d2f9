//! What `drift check` said, one row for each change and for each object that is missing or unmanaged.

use std::fmt;

use serde_json::Value;

/// A change, or an object without changes.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// `KIND/NAME`
    pub(super) object: String,
    pub(super) state: String,
    pub(super) path: Option<String>,
    pub(super) sign: Option<char>,
    pub(super) desired: Value,
    pub(super) live: Value,
    pub(super) masked: bool,
    cause: String,
    overdue: bool,
    claimed: bool,
    pub(super) confidence: String,
    manager: Option<String>,
    subresource: String,
    /// Notes of the change and of its finding.
    pub(super) notes: Vec<String>,
}

impl Row {
    /// The rows of a report.
    pub(super) fn list(report: &Value) -> Vec<Self> {
        let mut rows = vec![];
        for finding in items(&report["findings"]) {
            match items(&finding["changes"]) {
                [] => rows.push(Self::new(finding, finding)),
                changes => rows.extend(changes.iter().map(|change| Self::new(finding, change))),
            }
        }
        rows
    }

    fn new(finding: &Value, change: &Value) -> Self {
        let sign = change["change"].as_str().map(|change| match change {
            "added" => '+',
            "removed" => '-',
            _ => '~',
        });
        let notes = [&change["notes"], &finding["notes"]].into_iter().flat_map(items);
        let notes = notes.chain([&change["note"]]).filter_map(Value::as_str).map(str::to_owned).collect();
        Self {
            object: format!("{}/{}", text(&finding["resource"]["kind"]), text(&finding["resource"]["name"])),
            state: text(&finding["state"]),
            path: change["path"].as_str().map(str::to_owned),
            sign,
            desired: change["desired"].clone(),
            live: change["live"].clone(),
            masked: change["masked"] == true,
            cause: text(&change["cause"]),
            overdue: change["overdue"] == true,
            claimed: !change["claimed"].is_null(),
            confidence: text(&change["confidence"]),
            manager: change["manager"]["name"].as_str().map(str::to_owned),
            subresource: text(&change["manager"]["subresource"]),
            notes,
        }
    }

    /// Whether it counts as drift.
    pub(super) fn is_drift(&self) -> bool {
        self.overdue || matches!(self.cause.as_str(), "manual" | "rollback" | "unknown")
    }

    /// Whether its cause is what a word of a line means.
    pub(super) fn has_cause(&self, word: &str) -> bool {
        match word {
            "any" => true,
            "drift" => self.is_drift(),
            "no-drift" => !self.is_drift(),
            "overdue" => self.overdue,
            "claimed" => self.claimed,
            "unsynced" => self.cause == word && !self.overdue,
            _ => self.cause == word,
        }
    }

    /// Whether nobody can tell whose it is.
    pub(super) fn is_unknown(&self) -> bool {
        self.cause == "unknown"
    }

    /// The manager's name; `-` for nobody.
    pub(super) fn manager(&self) -> &str {
        self.manager.as_deref().unwrap_or("-")
    }

    /// Whether it shows a value of a Secret.
    pub(super) fn shows_secret(&self) -> bool {
        let path = self.path.as_deref().unwrap_or_default();
        let is_value = path.starts_with(".data") || path.starts_with(".stringData");
        self.object.starts_with("Secret/") && is_value && !self.masked
    }
}

impl fmt::Display for Row {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.object)?;
        match (&self.path, self.sign) {
            (Some(path), Some(sign)) => write!(out, " {sign} {path}")?,
            _ => write!(out, " {}", self.state)?,
        }
        match (self.masked, self.sign) {
            (true, _) => write!(out, " ***")?,
            (false, Some('+')) => write!(out, " {}", short(&self.live))?,
            (false, Some('-')) => write!(out, " {}", short(&self.desired))?,
            (false, Some(_)) => write!(out, " {} -> {}", short(&self.desired), short(&self.live))?,
            (false, None) => {}
        }
        write!(out, ": {} {} {}", self.cause, self.confidence, self.manager())?;
        let besides = [(self.overdue, "overdue"), (self.claimed, "claimed")];
        for (_, word) in besides.iter().filter(|(is, _)| *is) {
            write!(out, " ({word})")?;
        }
        if self.subresource.is_empty() { Ok(()) } else { write!(out, " (/{})", self.subresource) }
    }
}

/// The beginning of a value.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(240) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// The items of a list; none of anything else.
pub(super) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
