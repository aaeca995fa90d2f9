//! The notation of findings: one line each.
//!
//! ```text
//! ConfigMap/conf ~ .data.a "1" -> "2": manual high kubectl-patch
//! Secret/s ~ .data.a ***: manual
//! Service/web + .metadata.labels.team "red": manual kubectl-label
//! Role/admission * under .rules: manual kubectl-patch
//! Deployment/web - .spec.a or .spec.a.b with "512Mi" without "1Gi": drift kubectl-patch|-
//! Deployment/web-hot unmanaged: manual kubectl-create
//! ```
//!
//! A sign (`+` added, `-` removed, `~` modified, `*` any of them) with a path, or a state. Then values, where they
//! matter: one (of `+` and `*` the live, of `-` the desired one), or `DESIRED -> LIVE`; `_` is any, `***` a masked
//! one. After the colon the cause, the confidence and the manager: each may be several with `|`, or absent; `-` is
//! nobody. Causes are those of the report and `drift`, `no-drift`, `any`; `overdue` is `unsynced` that counts as drift,
//! `claimed` what only a manager's name explains.

use serde_json::Value;

use super::row::Row;

/// What one line asks for.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) text: String,
    object: String,
    states: Vec<String>,
    sign: Option<char>,
    places: Vec<Location>,
    desired: ValuePattern,
    live: ValuePattern,
    masked: bool,
    causes: Vec<String>,
    confidences: Vec<String>,
    managers: Vec<String>,
}

#[derive(Debug, Clone)]
struct Location {
    path: String,
    below: bool,
}

/// What is asked of a value; nothing where all is empty.
#[derive(Debug, Clone, Default)]
struct ValuePattern {
    exact: Option<Value>,
    with: Vec<String>,
    without: Vec<String>,
}

const CONFIDENCES: [&str; 5] = ["certain", "high", "medium", "low", "none"];
const CAUSES: [&str; 13] = [
    "manual",
    "rollback",
    "unknown",
    "unsynced",
    "controller",
    "server",
    "admission",
    "deployer",
    "drift",
    "no-drift",
    "any",
    "overdue",
    "claimed",
];

impl Line {
    /// The lines of a block; empty ones and `# comments` are none.
    pub(super) fn parse_all(block: &str) -> Result<Vec<Self>, String> {
        let lines = block.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(|line| Self::parse(line).map_err(|why| format!("{why}: {line}"))).collect()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let tokens = tokens(text);
        let colon = tokens.iter().position(|token| token.ends_with(':')).ok_or("no colon and no cause")?;
        let (head, verdict) = (&tokens[..=colon], &tokens[colon + 1..]);
        let mut head: Vec<&str> = head.iter().map(String::as_str).collect();
        head[colon] = &head[colon][..head[colon].len() - 1];
        let [object, what, rest @ ..] = head.as_slice() else { return Err("no object and no sign".into()) };
        if !object.contains('/') {
            return Err("an object is KIND/NAME".to_owned());
        }
        let mut line = Self::new(text, object);
        match *what {
            "+" | "-" | "~" | "*" => line.parse_place(what.chars().next(), rest)?,
            states if rest.is_empty() => {
                line.states = alternatives(states);
                let known = |state: &String| ["missing", "unmanaged", "modified"].contains(&state.as_str());
                if !line.states.iter().all(known) {
                    return Err(format!("no sign and no state: {states}"));
                }
            }
            _ => return Err("a state, or a sign and a path".to_owned()),
        }
        line.parse_verdict(verdict)?;
        Ok(line)
    }

    fn new(text: &str, object: &str) -> Self {
        Self {
            text: text.to_owned(),
            object: object.to_owned(),
            states: vec!["modified".to_owned()],
            sign: None,
            places: vec![],
            desired: ValuePattern::default(),
            live: ValuePattern::default(),
            masked: false,
            causes: vec![],
            confidences: vec![],
            managers: vec![],
        }
    }

    fn parse_place(&mut self, sign: Option<char>, tokens: &[&str]) -> Result<(), String> {
        self.sign = sign;
        let mut rest = tokens;
        loop {
            let below = rest.first() == Some(&"under");
            rest = &rest[usize::from(below)..];
            let [path, more @ ..] = rest else { return Err("a path is missing".to_owned()) };
            if !path.starts_with('.') {
                return Err(format!("no path: {path}"));
            }
            self.places.push(Location { path: (*path).to_owned(), below });
            rest = more;
            if rest.first() != Some(&"or") {
                break;
            }
            rest = &rest[1..];
        }
        if rest == ["***"] {
            self.masked = true;
        } else if let Some(arrow) = rest.iter().position(|token| *token == "->") {
            self.desired = ValuePattern::parse(&rest[..arrow])?;
            self.live = ValuePattern::parse(&rest[arrow + 1..])?;
        } else if sign == Some('-') {
            self.desired = ValuePattern::parse(rest)?;
        } else {
            self.live = ValuePattern::parse(rest)?;
        }
        Ok(())
    }

    fn parse_verdict(&mut self, tokens: &[String]) -> Result<(), String> {
        let [causes, rest @ ..] = tokens else { return Err("no cause".to_owned()) };
        self.causes = alternatives(causes);
        if let Some(cause) = self.causes.iter().find(|cause| !CAUSES.contains(&cause.as_str())) {
            return Err(format!("no cause: {cause}"));
        }
        for token in rest {
            let words = alternatives(token);
            let target = if words.iter().all(|word| CONFIDENCES.contains(&word.as_str())) {
                &mut self.confidences
            } else {
                &mut self.managers
            };
            if !target.is_empty() {
                return Err(format!("said twice: {token}"));
            }
            *target = words;
        }
        Ok(())
    }

    /// Whether this row is what the line asks for.
    pub(super) fn matches(&self, row: &Row) -> bool {
        self.object == row.object
            && self.states.contains(&row.state)
            && self.sign.is_none_or(|sign| sign == '*' && row.path.is_some() || row.sign == Some(sign))
            && (self.places.is_empty() || self.is_place(row))
            && (!self.masked || row.masked)
            && self.desired.matches(&row.desired)
            && self.live.matches(&row.live)
            && self.causes.iter().any(|cause| row.has_cause(cause))
            && (self.confidences.is_empty() || self.confidences.contains(&row.confidence))
            && (self.managers.is_empty() || self.managers.iter().any(|name| name == row.manager()))
    }

    /// Whether a row tells of this place, of one around it or of one in it: what was said instead of it.
    pub(super) fn is_near(&self, row: &Row) -> bool {
        let near =
            |path: &str| self.places.iter().any(|place| is_in(path, &place.path) || is_in(&place.path, path));
        self.object == row.object && (self.places.is_empty() || row.path.as_deref().is_none_or(near))
    }

    fn is_place(&self, row: &Row) -> bool {
        let Some(path) = row.path.as_deref() else { return false };
        self.places.iter().any(|place| path == place.path || place.below && is_in(path, &place.path))
    }
}

impl ValuePattern {
    fn parse(tokens: &[&str]) -> Result<Self, String> {
        let mut pattern = Self::default();
        let mut rest = tokens;
        loop {
            rest = match rest {
                [] | ["_"] => return Ok(pattern),
                ["with", text, more @ ..] => {
                    pattern.with.push(parse_text(text)?);
                    more
                }
                ["without", text, more @ ..] => {
                    pattern.without.push(parse_text(text)?);
                    more
                }
                [value] => {
                    let value = serde_json::from_str(value).map_err(|why| format!("{why}: {value}"))?;
                    pattern.exact = Some(value);
                    return Ok(pattern);
                }
                _ => return Err(format!("no value: {}", rest.join(" "))),
            };
        }
    }

    fn matches(&self, value: &Value) -> bool {
        let text = value.to_string();
        self.exact.as_ref().is_none_or(|exact| exact == value)
            && self.with.iter().all(|part| text.contains(part))
            && !self.without.iter().any(|part| text.contains(part))
    }
}

fn parse_text(token: &str) -> Result<String, String> {
    serde_json::from_str(token).map_err(|_| format!("a text in double quotes, not {token}"))
}

fn is_in(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn alternatives(token: &str) -> Vec<String> {
    token.split('|').map(str::to_owned).collect()
}

/// Splits at blanks outside of quotes and brackets.
fn tokens(text: &str) -> Vec<String> {
    let (mut tokens, mut token, mut depth, mut quoted, mut escaped) =
        (vec![], String::new(), 0, false, false);
    for letter in text.chars() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '[' | '{' if !quoted => depth += 1,
            ']' | '}' if !quoted => depth -= 1,
            _ => {}
        }
        if letter.is_whitespace() && depth == 0 && !quoted {
            tokens.extend(Some(std::mem::take(&mut token)).filter(|token| !token.is_empty()));
        } else {
            token.push(letter);
        }
    }
    tokens.extend(Some(token).filter(|token| !token.is_empty()));
    tokens
}

#[test]
fn expectation_line_matches_or_is_refused() {
    let row = serde_json::json!({"findings": [{
        "resource": {"kind": "ConfigMap", "name": "conf"}, "state": "modified",
        "changes": [{"path": ".data[\"a b: c\"]", "change": "modified", "desired": "1", "live": "2",
            "cause": "unsynced", "overdue": true, "confidence": "high", "manager": {"name": "kubectl-patch"}}]}]});
    let row = &Row::list(&row)[0];
    let matches = |line: &str| Line::parse(line).unwrap_or_else(|why| panic!("{why}")).matches(row);
    for line in [
        "ConfigMap/conf ~ .data[\"a b: c\"] \"1\" -> \"2\": drift high kubectl-patch",
        "ConfigMap/conf * under .data with \"2\" without \"1\": overdue none|high",
        "ConfigMap/conf ~ .x or .data[\"a b: c\"] _ -> \"2\": manual|any -|kubectl-patch",
        "ConfigMap/conf missing|modified: drift",
    ] {
        assert!(matches(line), "{line}");
    }
    for line in [
        "ConfigMap/conf ~ .data[\"a b: c\"] \"1\" -> \"3\": drift",
        "ConfigMap/conf + .data[\"a b: c\"]: drift",
        "ConfigMap/conf ~ .data: drift",
        "ConfigMap/conf ~ under .data: unsynced",
        "ConfigMap/conf ~ under .data: drift low",
        "ConfigMap/conf ~ under .data: drift -",
        "ConfigMap/conf ~ under .data ***: drift",
        "ConfigMap/other modified: drift",
        "ConfigMap/conf missing: drift",
    ] {
        assert!(!matches(line), "{line}");
    }
    for line in [
        "ConfigMap/conf ~ .data.a",
        "ConfigMap/conf ~ .data.a:",
        "ConfigMap/conf ~ .data.a: guilty",
        "ConfigMap/conf ~ data.a: drift",
        "ConfigMap/conf ~: drift",
        "ConfigMap/conf gone: drift",
        "conf ~ .data.a: drift",
        "ConfigMap/conf ~ .data.a one: drift",
        "ConfigMap/conf ~ .data.a: drift high low",
    ] {
        assert!(Line::parse(line).is_err(), "{line}");
    }
}
