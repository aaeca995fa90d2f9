//! Scalars as text that go-yaml v2, go-yaml v3 and YAML 1.2 read as the same typed value.

use serde_json::Value;

use super::node::NodeStyle;
use super::resolve::is_string_everywhere;
use crate::text::is_invisible;

/// Where a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScalarContext {
    Block,
    Flow,
    Json,
}

/// A scalar on one line; in the style of the one it replaces, where that can hold it.
pub(super) fn format_scalar(value: &Value, context: ScalarContext, like: NodeStyle) -> String {
    match value {
        Value::String(text) => format_string(text, context, like),
        other => other.to_string(),
    }
}

/// A key of a mapping.
pub(super) fn format_key(name: &str, context: ScalarContext) -> String {
    format_string(name, context, NodeStyle::Plain)
}

fn format_string(text: &str, context: ScalarContext, like: NodeStyle) -> String {
    if context == ScalarContext::Json {
        return crate::text::escape_json(&Value::from(text).to_string());
    }
    let single = can_be_single(text);
    match like {
        NodeStyle::Single if single => single_quoted(text),
        NodeStyle::Double => double_quoted(text),
        _ if can_be_plain(text, context) => text.to_owned(),
        _ if single && text.contains(['"', '\\']) => single_quoted(text),
        _ => double_quoted(text),
    }
}

/// Whether every character stands for itself, in any version of YAML, and for whoever reviews the file.
pub(super) fn is_printable(text: &str) -> bool {
    !text.chars().any(|character| {
        character.is_control() || is_invisible(character) || matches!(character, '\u{fffe}' | '\u{ffff}')
    })
}

fn can_be_single(text: &str) -> bool {
    is_printable(text)
}

/// Whether a text reads as itself without quotes.
pub(super) fn can_be_plain(text: &str, context: ScalarContext) -> bool {
    let mut characters = text.chars();
    let (Some(first), second) = (characters.next(), characters.next()) else { return false };
    let good_start = match first {
        '-' => second.is_some_and(|second| !second.is_whitespace()) && !text.starts_with("---"),
        '.' => !text.starts_with("..."),
        '?' | ':' | ',' | '[' | ']' | '{' | '}' | '#' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
        | '@' | '`' => false,
        other => !other.is_whitespace(),
    };
    let good_rest = !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with(|last: char| last == ':' || last.is_whitespace())
        && is_printable(text);
    let good_in_flow = context == ScalarContext::Block || !text.contains([',', '[', ']', '{', '}', ':', '?']);
    good_start && good_rest && good_in_flow && is_string_everywhere(text)
}

fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A text on one line, with escapes.
pub(super) fn double_quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            other if is_printable(other.encode_utf8(&mut [0; 4])) => quoted.push(other),
            other => match u32::from(other) {
                code @ 0..=0xff => quoted.push_str(&format!("\\x{code:02X}")),
                code @ 0..=0xffff => quoted.push_str(&format!("\\u{code:04X}")),
                code => quoted.push_str(&format!("\\U{code:08X}")),
            },
        }
    }
    quoted.push('"');
    quoted
}

/// What stands between double quotes on one line; `None` where an escape is not one.
pub(super) fn unescaped(raw: &str) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw.chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            text.push(character);
            continue;
        }
        let escape = rest.next()?;
        let mut code = |digits: usize| {
            let hex: String = rest.by_ref().take(digits).collect();
            u32::from_str_radix(&hex, 16).ok().filter(|_| hex.len() == digits).and_then(char::from_u32)
        };
        text.push(match escape {
            '0' => '\0',
            'a' => '\x07',
            'b' => '\x08',
            't' | '\t' => '\t',
            'n' => '\n',
            'v' => '\x0b',
            'f' => '\x0c',
            'r' => '\r',
            'e' => '\x1b',
            'N' => '\u{85}',
            '_' => '\u{a0}',
            'L' => '\u{2028}',
            'P' => '\u{2029}',
            'x' => code(2)?,
            'u' => code(4)?,
            'U' => code(8)?,
            other @ (' ' | '"' | '/' | '\\') => other,
            _ => return None,
        });
    }
    Some(text)
}
