//! What is read in one pass is what the parser reads.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::super::builder::Preview;
use super::super::fast_reader;
use super::super::lines::Base;
use super::super::node::Node;
use super::super::read::{compose_yaml, read, split_documents};
use super::random::{config, streams};

/// Holds every document of a stream against the parser; how many there are, and how many of them are simple.
fn held(bytes: &[u8]) -> Result<(usize, usize), TestCaseError> {
    let mut base = Base::default();
    let (mut all, mut simple) = (0, 0);
    for part in split_documents(bytes) {
        base = base.advance(bytes, part.range.start);
        let Ok(text) = std::str::from_utf8(&bytes[part.range]) else { continue };
        all += 1;
        if let Some((node, place)) = fast_reader::read::<Node>(text, base) {
            simple += 1;
            prop_assert_eq!(place, node.span.location);
            prop_assert_eq!(fast_reader::read(text, base), Some((node.to_json(), place)), "{}", text);
            let outline =
                fast_reader::read::<Preview<'_>>(text, base).map(|(outline, _)| outline.value_at(PATHS));
            prop_assert_eq!(outline, Some(kept(&node.to_json(), PATHS)), "{}", text);
            prop_assert_eq!(compose_yaml(text, base), Ok(Some(node)), "{}", text);
        } else {
            prop_assert_eq!(fast_reader::read::<Value>(text, base), None, "{}", text);
            prop_assert!(fast_reader::read::<Preview<'_>>(text, base).is_none(), "{}", text);
        }
    }
    Ok((all, simple))
}

const PATHS: &[&[&str]] = &[&["a"], &["b", "a"], &["b", "b", "a"], &["metadata", "name"], &["kind"]];

/// The value without what is in lists, and of its maps only what stands at these paths.
fn kept(value: &Value, paths: &[&[&str]]) -> Value {
    match value {
        Value::Array(_) => Value::Array(Vec::new()),
        Value::Object(map) => {
            let inside = |key: &String| -> Vec<&[&str]> {
                paths
                    .iter()
                    .filter(|path| path.first() == Some(&key.as_str()))
                    .map(|path| &path[1..])
                    .collect()
            };
            let entries = map.iter().filter(|(key, _)| paths.is_empty() || !inside(key).is_empty());
            let all: &[&[&str]] = &[];
            let below = |key: &String| {
                let below = inside(key);
                if below.iter().any(|path| path.is_empty()) { all.to_vec() } else { below }
            };
            Value::Object(entries.map(|(key, value)| (key.clone(), kept(value, &below(key)))).collect())
        }
        other => other.clone(),
    }
}

/// Pieces of lines, put together at random: right and wrong.
fn lines() -> impl Strategy<Value = String> {
    const HEADS: &[&str] =
        &["", "", "- ", "- ", "-", "a: ", "b: ", "k/é: ", "\"a\": ", "'c d': ", "y: ", "a:", "- a: ", "- b:"];
    const TAILS: &[&str] = &[
        "",
        "",
        "",
        "x",
        "x y",
        "1",
        "-1",
        "1.0",
        "0x1F",
        "1e3",
        ".5",
        "~",
        "null",
        "no",
        "'it''s'",
        "'a'",
        "\"b\"",
        "\"\\n\"",
        "'C\\: d'",
        "\"a\\: b\"",
        "'a\\: b",
        "\"\\:",
        "\"é\"",
        "|",
        "|-",
        "|+",
        ">",
        "[]",
        "{}",
        "[a, b]",
        "[ \"a\" , 'b', 1]",
        "[a,]",
        "[[a]]",
        "{a: b}",
        "# c",
        "x # c",
        "x #",
        "x#",
        "x: y",
        "x:",
        "x:y",
        ": x",
        "&a x",
        "*a",
        "!!str x",
        "---",
        "...",
        "-",
        "--x",
        "%x",
        "@x",
        "x\ty",
        "\t",
        "é ü",
        "é # c",
        "[é, b]",
        "'a' # c",
        "\"a\"x",
        "<<",
        "=",
        "?",
        "? x",
        "(x)",
        "$(X)",
        "*.x",
        "x, y]",
        "a  ",
        "x\r",
        "\u{feff}x",
        "\u{ff11}",
    ];
    let line = (0_usize..5, proptest::sample::select(HEADS), proptest::sample::select(TAILS));
    let text = vec(line, 1..7).prop_map(|lines| {
        lines
            .into_iter()
            .map(|(indent, head, tail)| format!("{}{head}{tail}\n", " ".repeat(indent)))
            .collect::<String>()
    });
    (text, any::<bool>())
        .prop_map(|(text, ended)| if ended { text } else { text.trim_end_matches('\n').to_owned() })
}

/// One scalar of several lines, of words and what may stand between them: right and wrong.
fn wrapped_scalars() -> impl Strategy<Value = String> {
    const HEADS: &[&str] = &["a: ", "- ", "- b: ", "a:\n  - ", "a:\n- ", "a:\n  b: "];
    const WORDS: &[&str] = &[
        "x",
        "y z",
        " ",
        "  ",
        "''",
        "'",
        "\"",
        "\\\"",
        "\\n",
        "\\t",
        "\\\\",
        "\\ ",
        "\\",
        "\\/",
        "\\x41",
        "#",
        " #",
        "- ",
        ":",
        ": ",
        ":x",
        "=",
        "é",
        "1",
        "[",
        "{",
        "\t",
        "---",
        "...",
        "\n",
        "\n ",
        "\n  ",
        "\n    ",
        "\n\n    ",
        "\n  \n   ",
        "\\\n    ",
    ];
    let words = vec(proptest::sample::select(WORDS), 1..9).prop_map(|words| words.concat());
    let quotes = proptest::sample::select(&["", "'", "\""][..]);
    (proptest::sample::select(HEADS), quotes, words, proptest::sample::select(&["", "c: d\n", "- e\n"][..]))
        .prop_map(|(head, quote, words, after)| format!("{head}{quote}{words}{quote}\n{after}"))
}

#[test]
fn fast_reader_agrees_on_random_documents() {
    let count = Cell::new((0, 0));
    let hold = |text: &str| {
        let (all, simple) = held(text.as_bytes())?;
        count.set((count.get().0 + all, count.get().1 + simple));
        Ok(())
    };
    TestRunner::new(config()).run(&streams(), |stream| hold(&stream.text)).unwrap();
    let cases = 20_000;
    TestRunner::new(ProptestConfig { cases, ..config() }).run(&lines(), |text| hold(&text)).unwrap();
    TestRunner::new(ProptestConfig { cases, ..config() })
        .run(&wrapped_scalars(), |text| hold(&text))
        .unwrap();
    let (all, simple) = count.get();
    assert!(simple > 1_000, "only {simple} of {all} were simple");
}

/// A backslash ends no quote, also where a colon follows it.
#[test]
fn backslash_before_colon_keeps_quoted_text() {
    for (text, expected) in [
        ("- 'C\\: drive'\n", json!(["C\\: drive"])),
        ("a:\n- '--header=X-Path\\: y'\n", json!({"a": ["--header=X-Path\\: y"]})),
        ("- - '\\:'\n", json!([["\\:"]])),
        ("- 'a\\: b': c\n", json!([{"a\\: b": "c"}])),
        ("'a\\': b\n", json!({"a\\": "b"})),
        ("- [ 'a\\: b', c ]\n", json!([["a\\: b", "c"]])),
        ("- \"a\\x3a: b\"\n", json!(["a:: b"])),
    ] {
        held(text.as_bytes()).unwrap();
        let read: Vec<Value> =
            read(text.as_bytes()).into_iter().map(|found| found.unwrap().to_json()).collect();
        assert_eq!(read, [expected], "{text}");
    }
    for text in
        ["- \"\\: n\n", "- '\\: n\n", "- \"a\\: n\n", "\"a\\: b\n", "- 'a\\: b' c\n", "- \"a\\: b\"\n"]
    {
        held(text.as_bytes()).unwrap();
        assert!(read(text.as_bytes()).into_iter().any(|found| found.is_err()), "{text} is read");
    }
}

/// Those of the tests, and of a folder that `DRIFT_TEST_MANIFESTS` names.
#[test]
#[expect(clippy::disallowed_methods, reason = "a developer names the folder")]
fn fast_reader_agrees_with_parser_on_manifests() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")];
    folders.extend(std::env::var_os("DRIFT_TEST_MANIFESTS").map(PathBuf::from));
    let (mut all, mut simple) = (0, 0);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                let (of_file, simple_ones) = held(&fs::read(&path).unwrap()).unwrap();
                (all, simple) = (all + of_file, simple + simple_ones);
            }
        }
    }
    println!("{simple} of {all} documents are simple");
    assert!(simple > 50, "only {simple} of {all} were simple");
}

/// As the generators of CustomResourceDefinitions write descriptions.
#[test]
fn escapes_and_wrapped_texts_need_no_parser() {
    let cases = [
        ("a: one\n  two\n\n  three\nb: c\n", json!({"a": "one two\nthree", "b": "c"})),
        ("a: 'it''s: one\n  two'\n", json!({"a": "it's: one two"})),
        ("- \"a\\n\\t\\\"b\\\" \\\n  \\ c\"\n", json!(["a\n\t\"b\"  c"])),
        ("a: =~\nb: :x\n", json!({"a": "=~", "b": ":x"})),
    ];
    for (text, expected) in cases {
        let read = fast_reader::read::<Value>(text, Base::default());
        assert_eq!(read.map(|(value, _)| value), Some(expected), "{text}");
        held(text.as_bytes()).expect("as the parser");
    }
}
