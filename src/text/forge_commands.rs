//! Finds commands to a forge or its CI in untrusted text, and escapes them.
//!
//! Forges read commands out of titles, bodies and commit messages: closing keywords, references, mentions, words that skip
//! CI. Some do so inside code too (a body becomes the message of a squashed commit), so nothing is left to Markdown: the
//! one character that a command cannot do without is written as its escape, `closes \u{23}1`, and the text stays legible.

use std::fmt::Write as _;

/// One line of text with all forge and CI commands escaped.
#[must_use]
pub fn neutralise(text: &str) -> String {
    let acting = command_offsets(text);
    if acting.is_empty() {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 5 * acting.len());
    let mut rest = acting.iter().peekable();
    for (at, character) in text.char_indices() {
        if rest.next_if(|next| **next == at).is_some() {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
        } else {
            out.push(character);
        }
    }
    out
}

/// Offsets of the ASCII characters that make a part of the text a command, in order.
pub(super) fn command_offsets(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    for (at, byte) in bytes.iter().enumerate() {
        let (before, after) = (&text.as_bytes()[..at], &bytes[at + 1..]);
        let acts = match byte {
            b'#' => after.first().is_some_and(|next| is_word(*next)),
            b'!' | b'&' | b'$' | b'%' => is_number_after(before, after),
            b'@' => is_mention(before, after),
            b'[' => skips(after),
            b'*' => starts(after, "**no_ci"),
            b':' => is_command_trailer(before) || leads_to_an_issue(after),
            b'-' => is_ticket(before, after),
            _ => false,
        };
        if acts {
            found.push(at);
        }
    }
    found
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// Whether a text goes on with these lower-case words.
fn starts(text: &[u8], words: &str) -> bool {
    text.get(..words.len()).is_some_and(|start| start.eq_ignore_ascii_case(words.as_bytes()))
}

/// The last `most` bytes.
fn tail(text: &[u8], most: usize) -> &[u8] {
    &text[text.len().saturating_sub(most)..]
}

/// `!1`, `group/project&1`, `$1`, `%1`: merge requests, epics, snippets and milestones of GitLab, pull requests of Gitea.
fn is_number_after(before: &[u8], after: &[u8]) -> bool {
    let digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let ends = after.get(digits).is_none_or(|next| !is_word(*next));
    // `a=1&2` of an address and `50%20` are no references: those follow a blank, a bracket or a path.
    let begins = before.last().is_none_or(|last| !matches!(last, b'=' | b'%') && !last.is_ascii_digit());
    digits > 0 && ends && begins
}

/// `@name` that does not go on from a word, as addresses and digests of images do.
fn is_mention(before: &[u8], after: &[u8]) -> bool {
    after.first().is_some_and(|next| is_word(*next)) && !before.last().is_some_and(u8::is_ascii_alphanumeric)
}

/// `[skip ci]`, `[ci skip]`, `[no ci]`, `[skip actions]`, `[azurepipelines skip]`: plain words in brackets, `skip` or `ci`
/// among them.
fn skips(after: &[u8]) -> bool {
    let Some(end) = after.iter().take(60).position(|byte| *byte == b']') else { return false };
    let inside = &after[..end];
    let plain = inside.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-' | b'_'));
    let mut words = inside.split(|byte| !byte.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    plain
        && words.any(|word| {
            ["skip", "skipci", "ci"].iter().any(|skip| word.eq_ignore_ascii_case(skip.as_bytes()))
        })
}

/// `skip-checks:` and `request-checks:`, which GitHub reads as trailers.
fn is_command_trailer(before: &[u8]) -> bool {
    let start = before.trim_ascii_end();
    [b"skip-checks".as_slice(), b"request-checks"]
        .iter()
        .any(|name| start.len() >= name.len() && start[start.len() - name.len()..].eq_ignore_ascii_case(name))
}

/// The rest of an address, from its colon on, that leads to an issue, a pull request or the like of a forge.
fn leads_to_an_issue(after: &[u8]) -> bool {
    const PLACES: [&str; 8] =
        ["issues", "pull", "pulls", "merge_requests", "work_items", "epics", "commit", "discussions"];
    if !after.starts_with(b"//") {
        return false;
    }
    let address = after.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
    address
        .split(|byte| *byte == b'/')
        .any(|part| PLACES.iter().any(|place| part.eq_ignore_ascii_case(place.as_bytes())))
}

/// `GH-1`, or `fixes ABC-1`: references by the dash.
fn is_ticket(before: &[u8], after: &[u8]) -> bool {
    if !after.first().is_some_and(u8::is_ascii_digit) {
        return false;
    }
    let name = before.iter().rev().take_while(|byte| is_word(**byte)).count();
    let (before, name) = before.split_at(before.len() - name);
    name.eq_ignore_ascii_case(b"gh") || (name.first().is_some_and(u8::is_ascii_alphabetic) && closes(before))
}

/// Whether a text ends with a closing keyword and what may stand between it and a reference.
fn closes(before: &[u8]) -> bool {
    const STEMS: [&str; 5] = ["clos", "fix", "resolv", "implement", "reopen"];
    const ENDS: [&str; 6] = ["", "e", "es", "ed", "ing", "s"];
    let gap = before.iter().rev().take_while(|byte| byte.is_ascii_whitespace() || **byte == b':').count();
    let start = tail(&before[..before.len() - gap], 16);
    let length = start.iter().rev().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = start[start.len() - length..].to_ascii_lowercase();
    let is_keyword = |stem: &&str| {
        word.strip_prefix(stem.as_bytes()).is_some_and(|end| ENDS.iter().any(|known| known.as_bytes() == end))
    };
    gap > 0 && STEMS.iter().any(is_keyword)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{command_offsets, neutralise};

    #[test]
    fn forge_commands_are_escaped() {
        for (text, expected) in [
            ("kubectl-x closes #1", "kubectl-x closes \\u{23}1"),
            ("resolves acme/gitops#2", "resolves acme/gitops\\u{23}2"),
            ("Fixes: GH-3, fixes ABC-4", "Fixes: GH\\u{2d}3, fixes ABC\\u{2d}4"),
            ("see !5 and group/project!6", "see \\u{21}5 and group/project\\u{21}6"),
            ("PROJ-1 #close #time 2h", "PROJ-1 \\u{23}close \\u{23}time 2h"),
            ("c @alice d @org/team", "c \\u{40}alice d \\u{40}org/team"),
            ("[skip ci] [CI Skip] [no-ci]", "\\u{5b}skip ci] \\u{5b}CI Skip] \\u{5b}no-ci]"),
            ("[skip azurepipelines] ***NO_CI***", "\\u{5b}skip azurepipelines] \\u{2a}**NO_CI***"),
            ("skip-checks: true", "skip-checks\\u{3a} true"),
            ("request-checks : true", "request-checks \\u{3a} true"),
            ("closed https://git.example/a/b/issues/2", "closed https\\u{3a}//git.example/a/b/issues/2"),
            ("http://x/a/b/-/merge_requests/1", "http\\u{3a}//x/a/b/-/merge_requests/1"),
        ] {
            assert_eq!(neutralise(text), expected);
        }
    }

    #[test]
    fn what_does_nothing_stays_as_it_is() {
        for text in [
            "nginx@sha256:0123",
            "eve@example.com",
            ".spec.containers[name=\"web\"].env[name=\"CI\"].value",
            "UTF-8, ISO-8859-1, web-1",
            "https://example.com/a?b=1&2",
            "a # comment, 50%, hello!",
            "--flag=a*b",
        ] {
            assert_eq!(neutralise(text), text);
        }
    }

    proptest! {
        #[test]
        fn nothing_is_left_that_acts(text in "[a-z#@!\\[\\]: */-]{0,12}(closes|fixes|skip ci|@al|gh)?[ :#!@\\]-]{0,3}[0-9a-z]{0,3}") {
            prop_assert_eq!(command_offsets(&neutralise(&text)), Vec::<usize>::new(), "{}", neutralise(&text));
        }
    }
}
