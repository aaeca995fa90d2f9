//! Templates that read the clock: which, and how they read another one.
//!
//! A date renders the same until the day is over, so a second render does not show it; helm has no way to set the time.
//! In a private copy the calls themselves are rewritten.

/// What `now` becomes: a time of which no part, from the year to the second, is that of now. In back quotes, for a
/// template may stand in a text of a values file.
const ANOTHER_TIME: &str = "(dateModify `1h1m1s` ((now).AddDate 1 1 1))";
/// What `ago` becomes, with its argument: a text that it never gives.
const ANOTHER_AGE: &str = "printf `long before %v`";

/// A template that reads another clock; `None` where it reads none.
pub(super) fn replace_clock(template: &str) -> Option<String> {
    let mut written = String::with_capacity(template.len());
    let mut rest = template;
    let mut reads = false;
    while let Some(at) = rest.find("{{") {
        let (before, action) = rest.split_at(at + 2);
        written.push_str(before);
        rest = action;
        while let Some((token, after)) = next_token(rest) {
            let (word, fields) = token.split_once('.').unwrap_or((token, ""));
            let another = match word {
                "now" => Some(ANOTHER_TIME),
                "ago" => Some(ANOTHER_AGE),
                _ => None,
            };
            reads |= another.is_some();
            written.push_str(another.unwrap_or(word));
            if token.len() > word.len() {
                written.push('.');
                written.push_str(fields);
            }
            rest = after;
        }
    }
    written.push_str(rest);
    reads.then_some(written)
}

/// Whether a template reads the clock.
pub(super) fn reads_clock(template: &str) -> bool {
    (template.contains("now") || template.contains("ago")) && replace_clock(template).is_some()
}

/// A word, a quoted text, a comment or a single character of an action, and what follows; `None` at its end.
fn next_token(action: &str) -> Option<(&str, &str)> {
    let first = action.chars().next().filter(|_| !action.starts_with("}}"))?;
    let closed = |end: &str, from: usize| {
        let rest = action.get(from..).unwrap_or_default();
        rest.find(end).map_or(action.len(), |at| from + at + end.len())
    };
    let length = match first {
        '`' => closed("`", 1),
        '"' => closing_quote(action),
        '/' if action.starts_with("/*") => closed("*/", 2),
        _ if is_of_word(first) => action.find(|c: char| !is_of_word(c)).unwrap_or(action.len()),
        _ => first.len_utf8(),
    };
    Some(action.split_at(length))
}

/// Field names are of their word, so that `.Values.now` is none of ours.
fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '.' || c == '$'
}

/// The length of a text in double quotes, in which a backslash escapes.
fn closing_quote(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == '"' && !escaped {
            return at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::{ANOTHER_AGE, ANOTHER_TIME, replace_clock};

    #[test]
    fn clock_calls_rewritten_only_in_actions() {
        for (template, expected) in [
            ("at: {{ now | date \"2006\" }}", "at: {{ NOW | date \"2006\" }}"),
            ("{{- $x := (now) -}} now", "{{- $x := (NOW) -}} now"),
            ("{{ now.Unix }}{{(now).Year}}", "{{ NOW.Unix }}{{(NOW).Year}}"),
            ("{{ .Values.since | ago }} ago", "{{ .Values.since | AGO }} ago"),
            ("{{ ago .a }}{{ `now` }}", "{{ AGO .a }}{{ `now` }}"),
            ("{{ date \"now }} \\\" now\" now }}", "{{ date \"now }} \\\" now\" NOW }}"),
            ("{{/* now }} */}}{{ now }}", "{{/* now }} */}}{{ NOW }}"),
            ("{{ now", "{{ NOW"),
        ] {
            let expected = expected.replace("NOW", ANOTHER_TIME).replace("AGO", ANOTHER_AGE);
            assert_eq!(replace_clock(template).as_deref(), Some(expected.as_str()), "{template}");
        }
        for template in [
            "now: {{ .Values.now }}",
            "{{ .Values.nowhere }} now",
            "{{ $now }}{{ $now.ago }}",
            "{{ eq .x \"now\" }}",
            "{{ .x.now.y }}{{ knowing }}",
            "",
            "{{",
            "{{ \"now",
            "{{ `now",
            "{{/* now",
        ] {
            assert_eq!(replace_clock(template), None, "{template}");
        }
    }
}
