//! What a scalar means: the resolver of go-yaml v2 as `sigs.k8s.io/yaml` uses it, and that of YAML 1.2.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Number;

use super::node::NodeKind;

/// The type and value of a plain scalar without a tag. `Err` says what JSON cannot hold.
pub(super) fn resolve_plain(text: &str) -> Result<NodeKind, String> {
    match word(text) {
        Some(Word::Bool(value)) => Ok(NodeKind::Bool(value)),
        Some(Word::Null) => Ok(NodeKind::Null),
        Some(Word::NoJson) => Err(format!("{text} has no place in JSON")),
        None => Ok(number(text).map_or_else(|| NodeKind::String(text.to_owned()), NodeKind::Number)),
    }
}

/// Whether a plain scalar that does not begin as a number is text.
pub(super) fn is_text(text: &str) -> bool {
    word(text).is_none()
}

/// Whether JSON can hold a plain scalar.
pub(super) fn fits_json(text: &str) -> bool {
    !matches!(word(text), Some(Word::NoJson))
}

/// A word that is no text.
enum Word {
    Null,
    Bool(bool),
    NoJson,
}

fn word(text: &str) -> Option<Word> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Some(Word::Bool(true))
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Some(Word::Bool(false))
        }
        "" | "~" | "null" | "Null" | "NULL" => Some(Word::Null),
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf"
        | "-.Inf" | "-.INF" => Some(Word::NoJson),
        _ => None,
    }
}

/// The value of a scalar with a tag (its long form), whatever its style.
pub(super) fn resolve_tagged(tag: &str, text: &str) -> Result<NodeKind, String> {
    let Some(tag) = tag.strip_prefix("tag:yaml.org,2002:") else {
        return Ok(NodeKind::String(text.to_owned()));
    };
    let mismatch = || Err(format!("the text is not a value of !!{tag}"));
    match (tag, tag_value(tag, text)?) {
        ("float", NodeKind::Number(value)) => Ok(NodeKind::Number(value)),
        ("int", NodeKind::Number(value)) if !is_float(text) => Ok(NodeKind::Number(value)),
        ("bool", value @ NodeKind::Bool(_)) | ("null", value @ NodeKind::Null) => Ok(value),
        ("bool" | "null" | "int" | "float", _) => mismatch(),
        (_, value) => Ok(value),
    }
}

fn tag_value(tag: &str, text: &str) -> Result<NodeKind, String> {
    match tag {
        "bool" | "null" | "int" | "float" => resolve_plain(text),
        "binary" => {
            let packed: String = text.chars().filter(|character| !matches!(character, '\r' | '\n')).collect();
            let bytes = STANDARD.decode(packed).map_err(|_| "!!binary value is not base64".to_owned())?;
            Ok(NodeKind::String(String::from_utf8_lossy(&bytes).into_owned()))
        }
        _ => Ok(NodeKind::String(text.to_owned())),
    }
}

/// The key that JSON gets of a plain scalar used as one, or why it cannot be a key.
pub(super) fn key_name(kind: &NodeKind, source: &str) -> Result<String, String> {
    match kind {
        NodeKind::String(text) => Ok(text.clone()),
        NodeKind::Bool(value) => Ok(value.to_string()),
        NodeKind::Number(value) if is_float(source) => Ok(float_key(value.as_f64().unwrap_or_default())),
        NodeKind::Number(value) if value.is_i64() => Ok(value.to_string()),
        NodeKind::Number(_) => Err("a number of this size cannot be a key".to_owned()),
        NodeKind::Null => Err("null cannot be a key".to_owned()),
        NodeKind::Sequence(_) | NodeKind::Mapping(_) => Err("a list or map cannot be a key".to_owned()),
    }
}

/// Whether a plain scalar is a string for go-yaml v2, go-yaml v3 (Kustomize) and YAML 1.2 alike.
pub(super) fn is_string_everywhere(text: &str) -> bool {
    let go_v2 = matches!(resolve_plain(text), Ok(NodeKind::String(_)));
    let first = text.bytes().next().unwrap_or(b' ');
    // Dates become timestamps in v3, base 60 is a number in YAML 1.1, and whoever reads the file takes the rest of
    // what begins with a digit and holds nothing else for a number as well.
    let looks_numeric = (first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.'))
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"+-._:eExXoObBTtZz ".contains(&byte))
        && text.bytes().any(|byte| byte.is_ascii_digit());
    go_v2 && !matches!(text, "<<" | "=") && (!looks_numeric || is_version(text))
}

/// `1.25.3`: digits and at least two dots are a number in no version of YAML.
fn is_version(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && text.bytes().filter(|byte| *byte == b'.').count() > 1
}

fn number(text: &str) -> Option<Number> {
    let first = *text.as_bytes().first()?;
    if first == b'.' {
        return float(&without_separators(text)?);
    }
    if !(first.is_ascii_digit() || matches!(first, b'+' | b'-')) {
        return None;
    }
    let digits = text.replace('_', "");
    integer(&digits).or_else(|| float(&digits))
}

/// As Go's `ParseFloat` reads underscores: only between digits.
fn without_separators(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let good = |at: usize| bytes[at] != b'_' || at > 0 && digit(at - 1) && digit(at + 1);
    (0..bytes.len()).all(good).then(|| text.replace('_', ""))
}

/// Go's `ParseInt` and `ParseUint` with base 0.
fn integer(text: &str) -> Option<Number> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match rest.get(..2).unwrap_or_default() {
        "0x" | "0X" => (16, &rest[2..]),
        "0b" | "0B" => (2, &rest[2..]),
        "0o" | "0O" => (8, &rest[2..]),
        _ if rest.len() > 1 && rest.starts_with('0') => (8, &rest[1..]),
        _ => (10, rest),
    };
    if !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if !negative {
        // Go reads an unsigned number above the signed range only without a sign.
        let signed = i64::try_from(magnitude).is_ok();
        return (signed || !text.starts_with('+')).then(|| Number::from(magnitude));
    }
    0_i64.checked_sub_unsigned(magnitude).map(Number::from)
}

fn float(text: &str) -> Option<Number> {
    if !is_float_syntax(text) {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    json_number(value)
}

/// A float as it comes out of Kubernetes' JSON: an integer where its digits are one that fits.
pub(super) fn json_number(value: f64) -> Option<Number> {
    if value.abs() < 1e21
        && value.fract() == 0.0
        && let Ok(integer) = value.to_string().parse::<i64>()
    {
        return Some(Number::from(integer));
    }
    Number::from_f64(value)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float_syntax(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_ok = match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty())
        }
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let exponent_ok = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    mantissa_ok && exponent_ok
}

/// Whether a scalar that is a number is a float to go-yaml.
fn is_float(text: &str) -> bool {
    text.starts_with('.') || integer(&text.replace('_', "")).is_none()
}

/// Go's `FormatFloat(value, 'g', -1, 32)`.
#[expect(clippy::cast_possible_truncation, reason = "go-yaml formats float keys with 32 bits")]
fn float_key(value: f64) -> String {
    let text = format!("{:e}", value as f32);
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let Ok(power) = exponent.parse::<i32>() else { return text };
    if (-4..6).contains(&power) {
        return (value as f32).to_string();
    }
    let sign = if power < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", power.abs())
}
