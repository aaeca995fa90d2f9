//! YAML that is written for people and for records, with nothing in it that deceives or acts.

use std::fmt::Write as _;

use serde::Serialize;
use serde_yaml::Value as Yaml;

use super::escape::is_invisible;
use super::forge_commands::command_offsets;

/// A value as YAML, for a person to put into a file. A string that holds characters which are not seen, or that would act
/// on a forge, stands in double quotes with those as escapes: it is the same string, and may be copied.
#[must_use]
pub fn format_yaml_value(value: &serde_json::Value) -> String {
    write(value, &command_offsets).unwrap_or_else(|_| value.to_string())
}

/// A string as a scalar of YAML that stands on one line in block style: as it is where that is the same string, else in
/// quotes, with characters that are not seen as escapes.
#[must_use]
pub fn format_yaml_line(text: &str) -> String {
    let written = format_yaml_record(&text).unwrap_or_default();
    let written = written.trim_end_matches('\n');
    let is_line = !text.contains('\n') && !written.is_empty() && !written.contains('\n');
    if is_line { written.to_owned() } else { quote_yaml(text) }
}

/// A string as a scalar of YAML in double quotes, which may stand anywhere; characters that are not seen as escapes.
#[must_use]
pub fn quote_yaml(text: &str) -> String {
    quoted(text, &[])
}

/// A record as YAML, with characters that are not seen as escapes in double quotes.
///
/// # Errors
/// Where YAML has no place for it.
pub fn format_yaml_record<T: Serialize>(record: &T) -> Result<String, serde_yaml::Error> {
    write(record, &|_| Vec::new())
}

/// What stands in for the strings that the library would write raw: plain in any place, and nowhere else in the text.
struct Placeholders<'a> {
    prefix: String,
    strings: Vec<String>,
    acting: &'a dyn Fn(&str) -> Vec<usize>,
}

fn write<T: Serialize>(value: &T, acting: &dyn Fn(&str) -> Vec<usize>) -> Result<String, serde_yaml::Error> {
    let text = serde_yaml::to_string(value)?;
    if !is_hidden(&text) && acting(&text).is_empty() {
        return Ok(text);
    }
    let mut prefix = "escaped".to_owned();
    while text.contains(&prefix) {
        prefix.push('x');
    }
    let mut stand = Placeholders { prefix, strings: Vec::new(), acting };
    let text = serde_yaml::to_string(&stand.replace(serde_yaml::to_value(value)?))?;
    Ok(stand.restore(&text))
}

impl Placeholders<'_> {
    fn replace(&mut self, value: Yaml) -> Yaml {
        match value {
            Yaml::String(text) if is_hidden(&text) || !(self.acting)(&text).is_empty() => {
                let name = format!("{}-{}-", self.prefix, self.strings.len());
                self.strings.push(quoted(&text, &(self.acting)(&text)));
                Yaml::String(name)
            }
            Yaml::Sequence(items) => {
                Yaml::Sequence(items.into_iter().map(|item| self.replace(item)).collect())
            }
            Yaml::Mapping(map) => {
                let entries = map.into_iter();
                Yaml::Mapping(entries.map(|(key, value)| (self.replace(key), self.replace(value))).collect())
            }
            other => other,
        }
    }

    fn restore(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut parts = text.split(&self.prefix);
        out.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let number = part.strip_prefix('-').and_then(|rest| rest.split_once('-'));
            let found = number
                .and_then(|(number, rest)| Some((self.strings.get(number.parse::<usize>().ok()?)?, rest)));
            if let Some((string, rest)) = found {
                out.push_str(string);
                out.push_str(rest);
            }
        }
        out
    }
}

/// Whether a text holds what is not seen. Line ends and tabs are layout.
fn is_hidden(text: &str) -> bool {
    text.chars().any(is_escaped)
}

fn is_escaped(character: char) -> bool {
    is_invisible(character) || (character.is_control() && !matches!(character, '\n' | '\t'))
}

/// A string in double quotes, with the characters at `acting` as escapes.
fn quoted(text: &str, acting: &[usize]) -> String {
    let mut quoted = String::from("\"");
    for (at, character) in text.char_indices() {
        let code = u32::from(character);
        let _ = match character {
            '"' => quoted.write_str("\\\""),
            '\\' => quoted.write_str("\\\\"),
            '\n' => quoted.write_str("\\n"),
            '\t' => quoted.write_str("\\t"),
            character if !is_escaped(character) && !acting.contains(&at) => quoted.write_char(character),
            _ if code <= 0xff => write!(quoted, "\\x{code:02X}"),
            _ if code <= 0xffff => write!(quoted, "\\u{code:04X}"),
            _ => write!(quoted, "\\U{code:08X}"),
        };
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::forge_commands::command_offsets;
    use super::{format_yaml_line, format_yaml_record, format_yaml_value, is_hidden, quote_yaml};

    #[test]
    fn hidden_or_command_text_escaped_in_yaml() {
        for (value, expected) in [
            (json!("x\u{202e}gnp.exe"), "\"x\\u202Egnp.exe\"\n"),
            (json!({"a\u{ad}": ["\u{e0141}", "b"]}), "\"a\\xAD\":\n- \"\\U000E0141\"\n- b\n"),
            (json!("line\u{85}end\u{1b}[31m"), "\"line\\Nend\\e[31m\"\n"),
            (json!("closes #1 \"now\""), "\"closes \\x231 \\\"now\\\"\"\n"),
            (json!(["@alice", "[skip ci]"]), "- \"\\x40alice\"\n- \"\\x5Bskip ci]\"\n"),
            (json!("nginx:1.25"), "nginx:1.25\n"),
        ] {
            assert_eq!(format_yaml_value(&value), expected);
        }
        assert_eq!(format_yaml_record(&json!("closes #1")).expect("a string"), "'closes #1'\n");
    }

    proptest! {
        #[test]
        fn written_yaml_round_trips_without_hidden_text(one in any::<String>(), other in "[a-z#@\u{202e}\u{ad}\n \"\\\\']{0,12}") {
            let value = json!({"a": one, &other: [other.clone(), {"b": one}]});
            for text in [format_yaml_value(&value), format_yaml_record(&value).expect("JSON")] {
                prop_assert!(!is_hidden(&text));
                prop_assert_eq!(&serde_yaml::from_str::<Value>(&text).expect("YAML"), &value);
            }
            for text in [&one, &other] {
                for line in [format_yaml_line(text), quote_yaml(text)] {
                    prop_assert!(!line.contains('\n') && !is_hidden(&line));
                    let read = serde_yaml::from_str::<Value>(&format!("a: {line}\n")).expect("YAML");
                    prop_assert_eq!(&read["a"], &json!(text));
                }
            }
            let lines = format_yaml_value(&json!([other]));
            prop_assert!(command_offsets(&lines).is_empty(), "{}", lines);
        }
    }
}
