//! Escaping, one function for each place that text goes to.

use std::fmt::Write as _;

use super::forge_commands::neutralise;

/// For a terminal or a log: control characters (escape sequences among them), and the invisible characters that turn
/// text around, are written out; newlines and tabs stay.
#[must_use]
pub fn escape_terminal(text: &str) -> String {
    escape(text, |character| matches!(character, '\n' | '\t'))
}

/// As [`escape_terminal`], on one line and at most `most` characters, with `…` where it was cut.
#[must_use]
pub fn one_line(text: &str, most: usize) -> String {
    let mut line: String = escape(text, |_| false);
    if let Some((cut, _)) = line.char_indices().nth(most) {
        let end = line.char_indices().nth(most.saturating_sub(1)).map_or(cut, |(at, _)| at);
        line.truncate(end);
        line.push('…');
    }
    line
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            character if keep(character) => out.push(character),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            character if character.is_control() || is_invisible(character) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
            }
            character => out.push(character),
        }
    }
    out
}

/// Whether a character is not seen, or changes how the text around it is shown: what Unicode calls ignorable by default
/// (zero widths, joiners, fillers, variation selectors, tags), bidirectional controls, separators of lines, marks of
/// annotations, and the blank of Braille.
#[must_use]
pub fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// A JSON document as it stands, but for the characters that would act on a terminal, as `\\u` escapes. In a document
/// that a serializer wrote these are inside strings only.
#[must_use]
pub fn escape_json(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    for character in document.chars() {
        if (character.is_control() && character != '\n') || is_invisible(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(character);
        }
    }
    out
}

/// Text as inline code of Markdown, on one line: a fence longer than any run of backticks in it. Nothing inside code
/// is a link or HTML; what would act on a forge where code does not protect is written out ([`neutralise`]).
#[must_use]
pub fn markdown_code(text: &str) -> String {
    let line = neutralise(&one_line(text, 2_000));
    let fence = "`".repeat(longest_run(&line) + 1);
    let pad = if line.starts_with('`') || line.ends_with('`') || line.is_empty() { " " } else { "" };
    format!("{fence}{pad}{line}{pad}{fence}")
}

/// Text as a code block of Markdown; `language` is ours, never from outside.
#[must_use]
pub fn markdown_code_block(language: &str, text: &str) -> String {
    let text = escape_terminal(text);
    let fence = "`".repeat(longest_run(&text).max(2) + 1);
    let end = if text.ends_with('\n') { "" } else { "\n" };
    format!("{fence}{language}\n{text}{end}{fence}\n")
}

fn longest_run(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or(0)
}

/// The message of a workflow command (`::warning::MESSAGE`).
#[must_use]
pub fn escape_workflow_data(text: &str) -> String {
    escape_terminal(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a workflow command (`::warning file=PROPERTY::`).
#[must_use]
pub fn escape_workflow_property(text: &str) -> String {
    escape_workflow_data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        escape_json, escape_terminal, escape_workflow_data, escape_workflow_property, markdown_code,
        markdown_code_block, one_line,
    };

    #[test]
    fn invisible_characters_are_escaped() {
        let hidden = "\u{ad}\u{61c}\u{115f}\u{180e}\u{200b}\u{2028}\u{202e}\u{2066}\u{2069}\u{2800}\u{3164}\u{fe0f}\u{feff}\u{ffa0}\u{e0141}";
        let shown = escape_terminal(hidden);
        assert!(shown.is_ascii() && shown.starts_with("\\u{ad}\\u{61c}"), "{shown}");
        let letters = "über 日本語 рус שלום";
        assert_eq!(escape_terminal(letters), letters);
    }

    #[test]
    fn escape_sequences_and_bidi_text_are_escaped() {
        assert_eq!(escape_terminal("a\u{1b}[31mred\u{7}\r\nb\tc"), "a\\u{1b}[31mred\\u{7}\\r\nb\tc");
        assert_eq!(one_line("a\nb\u{202e}c", 80), "a\\nb\\u{202e}c");
        assert_eq!(one_line("abcdef", 4), "abc…");
    }

    #[test]
    fn code_holds_whatever_it_is_given() {
        assert_eq!(markdown_code("a`b``c"), "```a`b``c```");
        assert_eq!(markdown_code("`x"), "`` `x ``");
        assert_eq!(markdown_code_block("yaml", "a: ```\n"), "````yaml\na: ```\n````\n");
        assert_eq!(escape_workflow_property("a:b,c%\n"), "a%3Ab%2Cc%25%0A");
    }

    proptest! {
        #[test]
        fn json_stays_what_it_was(text in any::<String>()) {
            let value = serde_json::Value::from(text);
            let escaped = escape_json(&value.to_string());
            prop_assert!(!escaped.chars().any(char::is_control));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).expect("still JSON"), value);
        }

        #[test]
        fn nothing_breaks_out(text in any::<String>()) {
            let inline = markdown_code(&text);
            let fence: String = inline.chars().take_while(|c| *c == '`').collect();
            let inner = &inline[fence.len()..inline.len() - fence.len()];
            prop_assert!(!inner.contains(&fence) && !inline.contains('\n'));
            prop_assert!(!escape_terminal(&text).chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
            prop_assert!(!escape_workflow_data(&text).contains(['\n', '\r']));
            let property = escape_workflow_property(&text);
            prop_assert!(!property.contains([':', ',', '\n']));
        }
    }
}
