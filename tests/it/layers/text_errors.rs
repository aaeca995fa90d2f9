//! No function gives a text as its error: what nobody can tell apart is soon told apart by its words.

use crate::support::tree::{product_text, root, rust_files};

/// Private readers whose words go straight into one error that has the place.
const LEAF_READERS: [(&str, &str); 5] = [
    ("src/attribution/managers.rs", "serde puts it into the error about the row"),
    ("src/model/unsynced_after.rs", "serde puts it into the error about the key"),
    ("src/yaml/compose.rs", "a scalar: `YamlError` has the place"),
    ("src/yaml/entries.rs", "the cost of an alias: `YamlError` has the place"),
    ("src/yaml/resolve.rs", "a scalar or key: `YamlError` has the place"),
];

#[test]
fn errors_are_enums_not_strings() {
    let mut wrong = vec![];
    let mut unused: Vec<&str> = LEAF_READERS.iter().map(|(file, _)| *file).collect();
    for file in rust_files("src") {
        let found = text_errors(&product_text(&root().join(&file)));
        if found.is_empty() {
            continue;
        }
        if LEAF_READERS.iter().any(|(leaf, _)| *leaf == file) {
            unused.retain(|leaf| *leaf != file);
        } else {
            wrong.extend(found.into_iter().map(|found| format!("{file}: {found}")));
        }
    }
    wrong.extend(unused.into_iter().map(|file| format!("{file} has no such error: strike it")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_forms_of_string_error_detected() {
    let cases: [(&str, &[&str]); 6] = [
        ("fn f() -> Result<(), String> {", &["Result<(), String>"]),
        ("fn f() -> Result<A, &'static str> {", &["Result<A, &'static str>"]),
        ("fn f() -> Result<\n    Vec<A>,\n    String,\n> {", &["Result<Vec<A>, String>"]),
        ("fn f() -> Result<Result<A, String>, E> {", &["Result<A, String>"]),
        ("fn f() -> Result<BTreeMap<String, String>, E> {", &[]),
        ("fn f() -> io::Result<String> {", &[]),
    ];
    for (text, expected) in cases {
        assert_eq!(text_errors(text), expected, "{text}");
    }
}

/// The types `Result<_, text>` of a source text.
fn text_errors(text: &str) -> Vec<String> {
    let results = text.match_indices("Result<").map(|(at, name)| &text[at + name.len()..]);
    let types = results.filter_map(|inside| {
        let arguments = arguments(inside);
        let is_text = matches!(arguments.get(1)?.as_str(), "String" | "&str" | "&'static str");
        is_text.then(|| format!("Result<{}>", arguments.join(", ")))
    });
    types.collect()
}

/// The arguments of a generic type, from behind its `<`, each on one line.
fn arguments(inside: &str) -> Vec<String> {
    let (mut arguments, mut argument, mut depth) = (vec![], String::new(), 0_usize);
    let mut before = ' ';
    for c in inside.chars() {
        match c {
            '>' if depth == 0 => break,
            ',' if depth == 0 => arguments.push(std::mem::take(&mut argument)),
            '<' | '(' | '[' => depth += 1,
            '>' if before == '-' => {}
            '>' | ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if c != ',' || depth > 0 {
            argument.push(c);
        }
        before = c;
    }
    arguments.push(argument);
    let on_one_line = |argument: String| argument.split_whitespace().collect::<Vec<_>>().join(" ");
    arguments.into_iter().map(on_one_line).filter(|argument| !argument.is_empty()).collect()
}
