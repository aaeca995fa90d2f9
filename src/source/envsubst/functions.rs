//! What is done with the value of a variable, as in `funcs.go` of fluxcd/pkg `envsubst`.

use super::error::EnvsubstError;
use super::pattern;

/// A longer value is not matched with patterns: that takes time by the square of it.
const LONGEST_MATCHED: usize = 4096;

/// The value of an operator with its arguments.
pub(super) fn apply(operator: &str, value: &str, arguments: &[String]) -> Result<String, EnvsubstError> {
    let first = arguments.first().map(String::as_str);
    let second = arguments.get(1).map(String::as_str);
    match (operator, first) {
        (",", _) => Ok(first_by(value, lower)),
        (",,", _) => Ok(value.chars().map(lower).collect()),
        ("^", _) => Ok(first_by(value, upper)),
        ("^^", _) => Ok(value.chars().map(upper).collect()),
        ("#", None) => Ok(value.len().to_string()),
        (":", Some(position)) => substring(value, position, second),
        ("#" | "##" | "%" | "%%", Some(pattern)) => trim(operator, value, pattern),
        ("/", Some(from)) => Ok(value.replacen(from, second.unwrap_or_default(), 1)),
        ("//", Some(from)) => Ok(value.replace(from, second.unwrap_or_default())),
        ("/#", Some(from)) => Ok(match (value.strip_prefix(from), second) {
            (Some(rest), Some(to)) => format!("{to}{rest}"),
            _ => value.to_owned(),
        }),
        ("/%", Some(from)) => Ok(match (value.strip_suffix(from), second) {
            (Some(rest), Some(to)) => format!("{rest}{to}"),
            _ => value.to_owned(),
        }),
        _ if value.is_empty() => Ok(arguments.concat()),
        _ => Ok(value.to_owned()),
    }
}

/// Whether an operator gives the value of a variable as it is, where it has one.
pub(super) fn is_default(operator: &str) -> bool {
    ["-", "+", "=", "?", ":-", ":+", ":=", ":?"].contains(&operator)
}

fn first_by(value: &str, change: fn(char) -> char) -> String {
    let mut chars = value.chars();
    chars.next().map(change).into_iter().chain(chars).collect()
}

/// As Go: character by character, so that none becomes several.
fn lower(c: char) -> char {
    let mut lower = c.to_lowercase();
    lower.next().filter(|_| lower.next().is_none()).unwrap_or(c)
}

fn upper(c: char) -> char {
    let mut upper = c.to_uppercase();
    upper.next().filter(|_| upper.next().is_none()).unwrap_or(c)
}

/// Positions and lengths are bytes; what is no number changes nothing.
fn substring(value: &str, position: &str, length: Option<&str>) -> Result<String, EnvsubstError> {
    let size = i64::try_from(value.len()).unwrap_or(i64::MAX);
    let Ok(position) = position.parse::<i64>() else { return Ok(value.to_owned()) };
    let start = if position < 0 { size.saturating_add(position).max(0) } else { position };
    let end = match length.map(str::parse::<i64>) {
        None => size,
        Some(Err(_)) => return Ok(value.to_owned()),
        Some(Ok(length)) if length < 0 => size.saturating_add(length),
        Some(Ok(length)) => start.saturating_add(length).min(size),
    };
    if start >= end {
        return Ok(String::new());
    }
    let place = |at: i64| usize::try_from(at).unwrap_or(usize::MAX);
    value.get(place(start)..place(end)).map(str::to_owned).ok_or(EnvsubstError::CutCharacter)
}

fn trim(operator: &str, value: &str, pattern: &str) -> Result<String, EnvsubstError> {
    if value.len().max(pattern.len()) > LONGEST_MATCHED {
        return Err(EnvsubstError::TooLong);
    }
    let longest = operator.len() == 2;
    if operator.starts_with('#') {
        return text(trimmed(value.as_bytes(), pattern.as_bytes(), longest));
    }
    let (backwards, pattern) = (reversed(value), reversed(pattern));
    Ok(reversed(&text(trimmed(backwards.as_bytes(), pattern.as_bytes(), longest))?))
}

fn text(bytes: &[u8]) -> Result<String, EnvsubstError> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| EnvsubstError::CutCharacter)
}

/// A value without the longest or shortest beginning that matches; a pattern that is none changes nothing.
fn trimmed<'v>(value: &'v [u8], pattern: &[u8], longest: bool) -> &'v [u8] {
    let mut found = 0;
    for end in (1..=value.len()).rev() {
        match pattern::matches(pattern, &value[..end]) {
            Err(_) => return value,
            Ok(true) if longest => return &value[end..],
            Ok(true) => found = end,
            Ok(false) => {}
        }
    }
    &value[found..]
}

fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}
