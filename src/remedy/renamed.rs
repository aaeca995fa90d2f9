//! Whether one key is another one's new name: by a value that says something, or by the names.

use serde_json::Value;

/// Letters of a word from which one that differs a little may be the same.
const LONG: usize = 4;
/// Bytes of a text from which it may say something.
const TELLING: usize = 6;

/// Whether a value is one that two keys do not have by chance: a text of several words, and not `true`, `""`, `1` or
/// `enabled`.
pub(super) fn is_telling(value: &Value) -> bool {
    match value {
        Value::String(text) => text.len() >= TELLING && words(text).len() > 1 && text.parse::<f64>().is_err(),
        Value::Array(items) => items.iter().any(is_telling),
        Value::Object(map) => map.len() > 1 || map.values().any(is_telling),
        _ => false,
    }
}

/// Whether two names are the same words, written otherwise, with a slip of the pen, or with less than as much around them.
pub(super) fn are_alike(one: &str, other: &str) -> bool {
    let (one, other) = (words(one), words(other));
    let (few, many) = if one.len() < other.len() { (one, other) } else { (other, one) };
    let letters = |words: &[String]| words.iter().map(String::len).sum::<usize>();
    let (of_few, of_many) = (few.concat(), many.concat());
    if of_few == of_many {
        return !of_few.is_empty();
    }
    if few.len() == many.len() {
        return few.iter().zip(&many).all(|(one, other)| one == other || is_slip(one, other));
    }
    few.iter().all(|word| many.contains(word)) && letters(&few) * 2 >= letters(&many)
}

/// Whether one long word may be another with a slip: three quarters of it are the same at both ends.
fn is_slip(one: &str, other: &str) -> bool {
    let most = one.len().max(other.len());
    let shorter = one.len().min(other.len());
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let begin = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let ends = one.iter().rev().zip(other.iter().rev()).take(shorter - begin);
    let end = ends.take_while(|(one, other)| one == other).count();
    shorter >= LONG && (begin + end) * 4 >= most * 3
}

/// The words of a name, in lower case: `logLevel`, `log.level` and `LOG_LEVEL` have the same.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = ' ';
    for character in name.chars() {
        let goes_on = last.is_alphanumeric()
            && last.is_numeric() == character.is_numeric()
            && (last.is_uppercase() || !character.is_uppercase());
        if character.is_alphanumeric() {
            let lower = character.to_lowercase();
            match words.last_mut().filter(|_| goes_on) {
                Some(word) => word.extend(lower),
                None => words.push(lower.collect()),
            }
        }
        last = character;
    }
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{are_alike, is_telling};

    #[test]
    fn names_are_alike_by_their_words() {
        for (one, other, alike) in [
            ("log.level", "logLevel", true),
            ("LOG_LEVEL", "log-level", true),
            ("loglevel", "log-level", true),
            ("enviroment", "environment", true),
            ("old key", "key", true),
            ("example.com/team", "acme.com/team", false),
            ("cache-ttl", "caches-ttl", true),
            ("feature-a", "feature-d", false),
            ("port1", "port2", false),
            ("TRACE", "DEBUG", false),
            ("team-owned", "zone-owned", false),
            ("a", "b", false),
            ("", "", false),
            ("level", "the-level-of-the-log", false),
        ] {
            assert_eq!(are_alike(one, other), alike, "{one} {other}");
            assert_eq!(are_alike(other, one), alike, "{other} {one}");
        }
    }

    #[test]
    fn distinctive_values_identify_renamed_keys() {
        for value in [json!("nginx:1.27"), json!("https://a.b"), json!("one two"), json!({"a": "x-y-z-1"})] {
            assert!(is_telling(&value), "{value}");
        }
        for value in [
            json!("true"),
            json!(""),
            json!("1"),
            json!("enabled"),
            json!("-0.00025"),
            json!(true),
            json!({}),
        ] {
            assert!(!is_telling(&value), "{value}");
        }
    }
}
