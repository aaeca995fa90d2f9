//! What helm and kustomize say when they fail, made short: no noise, nothing of what they read, one line.

use super::words::Rendering;

/// The longest reason that is passed on, in characters.
const LONGEST: usize = 600;

/// The error in a renderer's standard error: what follows its last `Error:`, on one line. It quotes what was read, so it
/// is only looked into; what is shown of it is for [`shown`] to say.
pub(super) fn error_of(stderr: &str) -> String {
    let lines: Vec<_> = stderr.lines().collect();
    let Some(start) = lines.iter().rposition(|line| line.starts_with("Error:")) else {
        return panic_of(&lines);
    };
    let rest = lines[start..].iter().map(|line| line.trim());
    let rest = rest.take_while(|line| !line.is_empty() && !line.starts_with("Use --debug"));
    rest.collect::<Vec<_>>().join(" ").trim_start_matches("Error:").trim().to_owned()
}

/// What of such an error may be shown.
pub(super) fn shown(error: &str, rendering: &Rendering<'_>) -> String {
    if error == NO_MEMORY { error.to_owned() } else { bounded(&rendering.shown(error)) }
}

const NO_MEMORY: &str = "it needs more than the 4 GiB of memory that rendering may use";

/// The first line of a Go program's own end (`fatal error: runtime: out of memory`), or the last line.
fn panic_of(lines: &[&str]) -> String {
    let fatal = lines.iter().find(|line| line.starts_with("fatal error:") || line.starts_with("panic:"));
    if lines.iter().any(|line| line.contains("out of memory") || line.contains("cannot allocate memory")) {
        return NO_MEMORY.to_owned();
    }
    let last = lines.iter().rev().find(|line| !line.trim().is_empty());
    fatal.or(last).map_or_else(|| "it said nothing".to_owned(), |line| line.trim().to_owned())
}

fn bounded(text: &str) -> String {
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut short: String = printable.take(LONGEST).collect();
    if text.chars().count() > LONGEST {
        short.push('…');
    }
    short
}

/// The text that a template itself fails with, of a message that ends in it: a literal of `fail` or `required` in the
/// named line, and so no value.
pub(super) fn literal_in<'m>(message: &'m str, line: &str) -> Option<&'m str> {
    let (_, text) = message.split_once("execution error at (")?.1.split_once("): ")?;
    let words = ["fail", "required"]
        .iter()
        .flat_map(|word| line.match_indices(word).map(|(at, word)| &line[at + word.len()..]));
    let mut literals = words.map(|rest| rest.trim_start().trim_start_matches('(').trim_start());
    let is_literal = |quote: char, rest: &str| {
        rest.strip_prefix(quote)
            .and_then(|rest| rest.strip_prefix(text))
            .is_some_and(|rest| rest.starts_with(quote))
    };
    literals.any(|rest| is_literal('"', rest) || is_literal('`', rest)).then_some(text)
}

/// `(templates/x.yaml:5:8)` of a message that names `chart/templates/x.yaml:5:8`: the path in the chart, and the place
/// as text.
pub(super) fn template_place(message: &str, chart: &str) -> Option<(String, String)> {
    let prefix = format!("{chart}/");
    let mut names = message.match_indices(&prefix).map(|(at, name)| &message[at + name.len()..]);
    names.find_map(|rest| {
        let end = rest.find([':', ' ', ')', ',', '"', '\'']).unwrap_or(rest.len());
        let (file, place) = rest.split_at(end);
        let known = [".yaml", ".yml", ".tpl", ".txt", ".json"].iter().any(|ending| file.ends_with(ending));
        let digits = place.chars().take_while(|c| c.is_ascii_digit() || *c == ':').collect::<String>();
        let place = digits.trim_end_matches(':').to_owned();
        known.then(|| (file.to_owned(), if place.len() > 1 { place } else { String::new() }))
    })
}

#[cfg(test)]
mod tests {
    use super::{bounded, error_of, literal_in, template_place};

    #[test]
    fn errors_lose_noise() {
        for (stderr, expected) in [
            (
                "level=ERROR msg=\"x\"\nError: web/templates/x.yaml:1:13\n  executing \"web/templates/x.yaml\" at <.Values.a>:\n    can't evaluate field b\n\nUse --debug flag to render out invalid YAML\n",
                "web/templates/x.yaml:1:13 executing \"web/templates/x.yaml\" at <.Values.a>: can't evaluate field b",
            ),
            (
                "runtime: out of memory: x\nfatal error: out of memory\n\ngoroutine 1\n",
                "it needs more than the 4 GiB of memory that rendering may use",
            ),
            ("", "it said nothing"),
        ] {
            assert_eq!(error_of(stderr), expected);
        }
    }

    #[test]
    fn a_long_error_is_cut() {
        assert_eq!(bounded(&"x".repeat(5000)).chars().count(), 601);
    }

    #[test]
    fn a_text_is_the_templates_own_only_where_it_stands_there() {
        let message = |text: &str| {
            format!("web/templates/x.yaml execution error at (web/templates/x.yaml:5:8): {text}")
        };
        for line in
            ["{{ fail \"name it\" }}", "x: {{ required `name it` .Values.a }}", "{{- fail ( \"name it\" ) }}"]
        {
            assert_eq!(literal_in(&message("name it"), line), Some("name it"), "{line}");
            assert_eq!(literal_in(&message("hunter2"), line), None, "{line}");
        }
        for line in [
            "{{ fail .Values.a }}",
            "{{ fail (printf \"name it %s\" .Values.a) }}",
            "name it",
            "{{ fail \"name it not\" }}",
        ] {
            assert_eq!(literal_in(&message("name it"), line), None, "{line}");
        }
    }

    #[test]
    fn the_place_in_a_template_is_found() {
        for (message, expected) in [
            ("execution error at (web/templates/x.yaml:5:8): need it", Some(("templates/x.yaml", ":5:8"))),
            ("parse error at (web/templates/x.yaml:1): function", Some(("templates/x.yaml", ":1"))),
            (
                "YAML parse error on web/charts/d/templates/x.yaml: error",
                Some(("charts/d/templates/x.yaml", "")),
            ),
            ("found in Chart.yaml, but missing in charts/ directory: dep", None),
        ] {
            let expected = expected.map(|(file, place)| (file.to_owned(), place.to_owned()));
            assert_eq!(template_place(message, "web"), expected, "{message}");
        }
    }
}
