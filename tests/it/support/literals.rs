//! The string literals of Rust, for tests that look at the project.

/// The string literals of a Rust text without comments, as they are at run time.
pub(crate) fn literals(code: &str) -> Vec<String> {
    let mut found = vec![];
    let mut rest = code;
    while let Some(at) = rest.find(['"', '\'']) {
        let (before, from) = rest.split_at(at);
        let hashes = before.len() - before.trim_end_matches('#').len();
        rest = if let Some(inner) = from.strip_prefix('\'') {
            after_quote(inner)
        } else if before[..before.len() - hashes].ends_with('r') {
            let end = format!("\"{}", "#".repeat(hashes));
            let (raw, rest) = from[1..].split_once(&end).unwrap_or((&from[1..], ""));
            found.push(raw.to_owned());
            rest
        } else {
            let (literal, rest) = unescaped(&from[1..]);
            found.push(literal);
            rest
        };
    }
    found
}

/// What follows a character or a lifetime, of which the first quote is gone.
fn after_quote(inner: &str) -> &str {
    if let Some(escaped) = inner.strip_prefix('\\') {
        return escaped.get(1..).and_then(|tail| tail.split_once('\'')).map_or("", |(_, rest)| rest);
    }
    let mut characters = inner.chars();
    let _ = characters.next();
    characters.as_str().strip_prefix('\'').unwrap_or(inner)
}

/// A literal up to its closing quote, and the rest. A line that ends in `\` goes on without the blanks of the next one.
fn unescaped(text: &str) -> (String, &str) {
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\\']) {
        literal.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        if rest[at..].starts_with('"') {
            return (literal, tail);
        }
        let escaped = tail.chars().next().unwrap_or_default();
        rest = &tail[escaped.len_utf8().min(tail.len())..];
        match escaped {
            '\n' => rest = rest.trim_start(),
            'n' => literal.push('\n'),
            other => literal.push(other),
        }
    }
    (literal, "")
}

#[test]
fn literals_read_like_the_compiler() {
    let code = r###"f("a \"b\" \
        c\n", '"', '\'', 'x', r#"raw "x" \"#, &'a str, r"--d", "--e")"###;
    assert_eq!(literals(code), ["a \"b\" c\n", "raw \"x\" \\", "--d", "--e"]);
}
