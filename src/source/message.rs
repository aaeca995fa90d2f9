//! What helm and kustomize say when they fail, made short: no noise, no rendered values, one line.

/// The longest reason that is passed on, in characters.
const LONGEST: usize = 600;

/// The error in a renderer's standard error: what follows its last `Error:`, on one line.
pub(super) fn error_of(stderr: &str) -> String {
    let lines: Vec<_> = stderr.lines().collect();
    let start = lines.iter().rposition(|line| line.starts_with("Error:"));
    let told = match start {
        Some(start) => {
            let rest = lines[start..].iter().map(|line| line.trim());
            let rest = rest.take_while(|line| !line.is_empty() && !line.starts_with("Use --debug"));
            let joined = rest.map(without_value).collect::<Vec<_>>().join(" ");
            without_rest(joined.trim_start_matches("Error:").trim())
        }
        None => panic_of(&lines),
    };
    bounded(&told)
}

/// The first line of a Go program's own end (`fatal error: runtime: out of memory`), or the last line.
fn panic_of(lines: &[&str]) -> String {
    let fatal = lines.iter().find(|line| line.starts_with("fatal error:") || line.starts_with("panic:"));
    if lines.iter().any(|line| line.contains("out of memory") || line.contains("cannot allocate memory")) {
        return "it needs more than the 4 GiB of memory that rendering may use".to_owned();
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

/// What stands before text that comes from the repository's values, and what to say in its place.
const QUOTING: [(&str, &str); 5] = [
    ("literal sources [", "a literal is not of the form key=value"),
    ("JSON patch from [", "a patch is neither a strategic merge patch nor a JSON patch"),
    ("parsing \"", "a value cannot be converted"),
    ("invalid duration \"", "a value is no duration"),
    ("must be valid utf8", "a file is not UTF-8"),
];

/// A message up to where it quotes a value.
fn without_rest(message: &str) -> String {
    let first = QUOTING.iter().filter_map(|(said, instead)| Some((message.find(said)?, instead))).min();
    match first {
        Some((at, instead)) => {
            let told = message[..at].trim_end_matches(|c: char| c != ':').trim_end_matches(':');
            format!("{told}: {instead}")
        }
        None => message.to_owned(),
    }
}

/// A line of schema errors without the value that it quotes.
fn without_value(line: &str) -> String {
    for said in [" does not match pattern ", " is not valid "] {
        if let Some(at) = line.find(said) {
            let place = line.find("': ").filter(|end| *end < at).map_or("", |end| &line[..end + 3]);
            return format!("{place}value{}", &line[at..].split(": ").next().unwrap_or_default());
        }
    }
    line.to_owned()
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
    use super::{error_of, template_place};

    #[test]
    fn errors_lose_noise_and_values() {
        for (stderr, expected) in [
            (
                "level=ERROR msg=\"x\"\nError: web/templates/x.yaml:1:13\n  executing \"web/templates/x.yaml\" at <.Values.a>:\n    can't evaluate field b\n\nUse --debug flag to render out invalid YAML\n",
                "web/templates/x.yaml:1:13 executing \"web/templates/x.yaml\" at <.Values.a>: can't evaluate field b",
            ),
            (
                "Error: values don't meet the specifications of the schema(s) in the following chart(s):\nweb:\n- at '/a': 'hunter2' does not match pattern '^x'\n- at '/b': got number, want string\n",
                "values don't meet the specifications of the schema(s) in the following chart(s): web: - at '/a': value does not match pattern '^x' - at '/b': got number, want string",
            ),
            (
                "Error: loading KV pairs: literal sources [hunter2 x\n y]: invalid literal source hunter2\n",
                "loading KV pairs: a literal is not of the form key=value",
            ),
            (
                "Error: error calling atoi: strconv.Atoi: parsing \"hunter2\": invalid syntax\n",
                "error calling atoi: strconv.Atoi: a value cannot be converted",
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
        assert_eq!(error_of(&format!("Error: {}", "x".repeat(5000))).chars().count(), 601);
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
