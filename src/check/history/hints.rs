//! Guesses from the text of its files whether an older version explains a difference. It only decides which
//! versions are examined first.

use memchr::memmem;
use serde_json::Value;

use super::query::HistoryQuery;
use crate::model::{ChangeKind, Difference};

/// What the files of a version that explains a difference have, as a rule.
pub(super) enum TextHint {
    /// All of these texts.
    Contains(Vec<String>),
    /// Not this text.
    NotContains(String),
}

/// Most texts of one hint.
const MOST: usize = 8;

/// The hints of an object: one for each difference that a version may explain.
pub(super) fn text_hints(asked: &HistoryQuery<'_>) -> Vec<TextHint> {
    match &asked.live {
        None => vec![TextHint::NotContains(asked.desired.id.name.clone())],
        Some((_, differences)) => differences.iter().map(hint_for).collect(),
    }
}

fn hint_for(difference: &Difference) -> TextHint {
    if difference.kind == ChangeKind::Removed {
        return TextHint::NotContains(difference.path.last_field().unwrap_or_default().to_owned());
    }
    let mut texts = Vec::new();
    scalars(difference.live.as_ref().unwrap_or(&Value::Null), &mut texts);
    TextHint::Contains(texts)
}

fn scalars(value: &Value, texts: &mut Vec<String>) {
    match value {
        _ if texts.len() >= MOST => {}
        Value::String(text) => texts.extend(text.lines().next().map(str::to_owned)),
        Value::Number(number) => texts.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| scalars(item, texts)),
        Value::Object(map) => map.values().for_each(|inner| scalars(inner, texts)),
        Value::Bool(_) | Value::Null => {}
    }
}

impl TextHint {
    /// Whether the files of a version are as the hint says.
    pub(super) fn matches<'f>(&self, files: impl Iterator<Item = &'f [u8]> + Clone) -> bool {
        let has = |text: &String| files.clone().any(|file| has_word(file, text.as_bytes()));
        match self {
            // An image stands apart from its tag, a port from its host.
            Self::Contains(texts) => {
                texts.iter().all(|text| text.split(['/', ':', '@']).all(|part| has(&part.to_owned())))
            }
            Self::NotContains(text) => !has(text),
        }
    }
}

/// Whether the file has this text as a whole word.
fn has_word(file: &[u8], text: &[u8]) -> bool {
    let in_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    text.is_empty()
        || memmem::find_iter(file, text).any(|at| {
            let before = at.checked_sub(1).and_then(|before| file.get(before));
            !in_word(before) && !in_word(file.get(at + text.len()))
        })
}

#[cfg(test)]
mod tests {
    use super::TextHint;

    #[test]
    fn words_are_looked_for_in_all_files() {
        let files = [&b"image: nginx\nnewTag: 1.27"[..], b"replicas: 13"];
        let has = |texts: &[&str]| {
            TextHint::Contains(texts.iter().map(|text| (*text).to_owned()).collect())
                .matches(files.iter().copied())
        };
        assert!(has(&["nginx:1.27"]) && has(&["13"]) && has(&[]) && has(&[""]));
        assert!(!has(&["3"]) && !has(&["nginx:1.26"]) && !has(&["13", "14"]));
        assert!(TextHint::NotContains("limits".to_owned()).matches(files.iter().copied()));
        assert!(!TextHint::NotContains("replicas".to_owned()).matches(files.iter().copied()));
    }
}
