//! What of a renderer's message may be shown. Renderers quote what they read, and that may be a secret value: nothing of
//! the repository's text is passed on but names of its files, places in them, and paths of keys.

use std::collections::HashSet;
use std::path::{Component, Path};
use std::sync::LazyLock;

/// What stands for everything that may be a value.
const LEFT_OUT: &str = "…";

/// The words of helm's, kustomize's and Go's own messages, one line per letter.
static WORDS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("words.txt").split_whitespace().collect());

/// The tree that a renderer was given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rendering<'a> {
    /// Its root.
    pub(super) tree: &'a Path,
    /// The source, from the root.
    pub(super) folder: &'a Path,
    /// The chart's name, which helm writes in place of the folder; empty for kustomize.
    pub(super) chart: &'a str,
}

impl Rendering<'_> {
    /// The message with `…` for each word that is not the renderer's own.
    pub(super) fn shown(&self, message: &str) -> String {
        let mut shown = String::new();
        let mut rest = message;
        while let Some(first) = rest.chars().next() {
            let (part, kept) = match first {
                '"' | '\'' | '`' | '<' | '[' | '{' => self.enclosed(rest, first, &shown),
                c if is_of_word(c) => self.word(rest, &shown),
                c => (&rest[..c.len_utf8()], Some(rest[..c.len_utf8()].to_owned())),
            };
            rest = &rest[part.len()..];
            shown.push_str(kept.as_deref().unwrap_or(LEFT_OUT));
        }
        let mut words: Vec<&str> = shown.split_whitespace().collect();
        words.dedup_by(|one, before| *one == LEFT_OUT && *before == LEFT_OUT);
        words.join(" ").replace("……", LEFT_OUT)
    }

    /// A text in quotes or brackets, with them; one that never ends goes to the end of the message.
    fn enclosed<'t>(&self, rest: &'t str, first: char, before: &str) -> (&'t str, Option<String>) {
        let last = match first {
            '<' => '>',
            '[' => ']',
            '{' => '}',
            quote => quote,
        };
        let inside = &rest[first.len_utf8()..];
        let Some(end) = end_of(inside, last) else { return (rest, None) };
        let (part, text) = (&rest[..first.len_utf8() + end + 1], &inside[..end]);
        let is_key = before.trim_end().ends_with("at") && is_pointer(text)
            || before.trim_end().ends_with("unknown field") && is_name(text)
            || first == '<' && is_key_path(text);
        let may =
            is_key || text.is_empty() || self.is_place(text) || matches!(text, "noGrp" | "noNs" | "string");
        (part, Some(if may { part.to_owned() } else { format!("{first}{LEFT_OUT}{last}") }))
    }

    fn word<'t>(&self, rest: &'t str, before: &str) -> (&'t str, Option<String>) {
        let end = end_of_word(rest);
        // A dot or colon that ends a sentence is no part of a word.
        let word = rest[..end].trim_end_matches(['.', ':', ',', ';']);
        if word.is_empty() {
            return (&rest[..1], Some(rest[..1].to_owned()));
        }
        let may = WORDS.contains(word.to_ascii_lowercase().as_str())
            || is_line(word, before)
            || is_resource(word)
            || before.ends_with("[noGrp]") && word.strip_prefix('/').is_some_and(is_dns_name)
            || self.is_place(word);
        (word, may.then(|| word.to_owned()))
    }

    /// `templates/x.yaml`, `web/templates/x.yaml:5:8`: a file that is there, and digits.
    fn is_place(&self, text: &str) -> bool {
        let (file, place) = text.split_once(':').unwrap_or((text, ""));
        let inside = file.strip_prefix(self.chart).and_then(|rest| rest.strip_prefix('/'));
        let folder = self.tree.join(self.folder);
        let is_there = |root: &Path, file: &str| {
            !file.is_empty() && is_plain(Path::new(file)) && root.join(file).symlink_metadata().is_ok()
        };
        place.chars().all(|c| c.is_ascii_digit() || c == ':')
            && (is_there(self.tree, file)
                || is_there(&folder, file)
                || inside.is_some_and(|inside| is_there(&folder, inside)))
    }
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(
            c,
            '_' | '-'
                | '.'
                | '/'
                | '\\'
                | '@'
                | '+'
                | '='
                | '$'
                | '*'
                | '&'
                | '!'
                | '%'
                | ':'
                | '#'
                | '~'
                | '|'
                | '\u{2019}'
        )
        || !c.is_ascii()
}

/// Where a word ends; an apostrophe between letters is of it.
fn end_of_word(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let is_letter = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphabetic);
    let goes_on = |at: usize, c: char| {
        is_of_word(c) || c == '\'' && is_letter(at.checked_sub(1)) && is_letter(Some(at + 1))
    };
    rest.char_indices().find(|(at, c)| !goes_on(*at, *c)).map_or(rest.len(), |(at, _)| at)
}

/// Where the closing sign is; a backslash keeps a quote from being one, and so does a letter on both sides (`can't`).
fn end_of(inside: &str, last: char) -> Option<usize> {
    let bytes = inside.as_bytes();
    let is_letter = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphabetic);
    let closes = |at: &usize| {
        let escaped = bytes[..*at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1;
        let apostrophe = last == '\'' && is_letter(at.checked_sub(1)) && is_letter(Some(at + 1));
        !escaped && !apostrophe
    };
    inside.match_indices(last).map(|(at, _)| at).find(closes)
}

fn is_plain(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// `/spec/replicas`: names of keys only.
fn is_pointer(text: &str) -> bool {
    text.is_empty()
        || text.starts_with('/') && text.chars().all(|c| c.is_ascii_alphanumeric() || "/_.~-".contains(c))
}

/// `.Values.image.tag`, `$.Release.Name`: what a template names, no literal in it.
fn is_key_path(text: &str) -> bool {
    let path = text.trim_start_matches('$');
    path.starts_with('.') && path.split('.').skip(1).all(is_name)
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// `7` after `line`.
fn is_line(word: &str, before: &str) -> bool {
    let named = ["line", "column", "col", "document", "offset", "byte"];
    let before = before.trim_end();
    word.chars().all(|c| c.is_ascii_digit()) && named.iter().any(|name| before.ends_with(name))
}

/// kustomize's way to name a resource, `Deployment.v1.apps/web.shop`, without what stands in brackets.
fn is_resource(word: &str) -> bool {
    let Some((kind, rest)) = word.split_once('.') else { return false };
    let is_kind =
        kind.starts_with(|c: char| c.is_ascii_uppercase()) && kind.chars().all(|c| c.is_ascii_alphanumeric());
    is_kind && rest.starts_with('v') && rest.split('/').all(|part| part.is_empty() || is_dns_name(part))
}

fn is_dns_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Rendering;

    #[test]
    fn only_the_renderers_own_words_files_places_and_keys_are_shown() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("m/templates")).unwrap();
        std::fs::write(folder.path().join("m/templates/s.yaml"), "").unwrap();
        let rendering = Rendering { tree: folder.path(), folder: Path::new("m"), chart: "web" };
        for (message, expected) in [
            (
                "web/templates/s.yaml:7:12 executing \"web/templates/s.yaml\" at <.Values.password>: range can't iterate over hunter2",
                "web/templates/s.yaml:7:12 executing \"web/templates/s.yaml\" at <.Values.password>: range can't iterate over …",
            ),
            (
                "error calling include: template: no template \"hunter2\" associated with template \"gotpl\"",
                "error calling include: template: no template \"…\" associated with template \"…\"",
            ),
            (
                "MalformedYAMLError: yaml: unknown anchor 'hunter2' referenced in File: templates/s.yaml",
                "MalformedYAMLError: yaml: unknown anchor '…' referenced in File: templates/s.yaml",
            ),
            ("error at <index .Values \"hunter2\" 3>: cannot index", "error at <…>: cannot index"),
            ("yaml: line 7: could not find expected ':' 4711", "yaml: line 7: could not find expected '…' …"),
            (
                "at '/port': got string, want number; at '/a': 'it's hunter2' is not valid",
                "at '/port': got string, want number; at '/a': '…' is not valid",
            ),
            ("unknown field \"resource\"", "unknown field \"resource\""),
            (
                "no matches for Id Secret.v1.[noGrp]/nope.[noNs]; failed",
                "no matches for Id Secret.v1.[noGrp]/nope.[noNs]; failed",
            ),
            ("parse \"http://[hunter2\": missing ']' in host", "parse \"…\": missing '…' in host"),
            ("an open quote \"hunter2 and more", "an open quote …"),
            ("invalid: pässwörd=hunter2 $HUNTER2 a+b/c==", "invalid: …"),
            ("map[password:hunter2 x:y]", "map[…]"),
            (
                "at <$.Values.a.b>: nil pointer evaluating interface {}.c",
                "at <$.Values.a.b>: nil pointer evaluating interface {}…",
            ),
        ] {
            assert_eq!(rendering.shown(message), expected);
        }
    }
}
