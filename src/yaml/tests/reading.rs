use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::{Document, YamlError, read};

/// Cases that are read otherwise than kubectl reads them, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("boolkeys.yaml", "four keys that are all `true`: refused, kubectl takes the last"),
    ("dupkeys.yaml", "a key written twice: refused, kubectl takes the last"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/yaml/reading")
}

fn expectations() -> Vec<Value> {
    let text = fs::read_to_string(folder().join("expected.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The documents that kubectl's stream has before its first error.
fn documents(expected: &Value) -> Vec<Value> {
    let all = expected["stream"].as_array().unwrap();
    all.iter().filter(|document| **document != json!("<EMPTY>")).cloned().collect()
}

fn equal(read: &[Result<Document, YamlError>], expected: &Value) -> bool {
    let good: Vec<Value> = read.iter().map_while(|one| one.as_ref().ok()).map(Document::to_json).collect();
    let failed = read.iter().any(Result::is_err);
    let expected_failure = expected.get("streamErr").is_some();
    let documents = documents(expected);
    let same = good.len() == documents.len()
        && good.iter().zip(&documents).all(|(good, expected)| match expected.as_str() {
            Some(size) if size.ends_with(" bytes>") => size == format!("<{} bytes>", compact_size(good)),
            _ => good == expected,
        });
    same && failed == expected_failure
}

/// Length of the compact JSON, as the expectations give it for big documents.
fn compact_size(value: &Value) -> usize {
    serde_json::to_string(value).unwrap().len()
}

#[test]
fn cases_read_like_kubectl() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for expected in expectations() {
        let file = expected["file"].as_str().unwrap();
        let read = read(&fs::read(folder().join(file)).unwrap());
        let different = DIFFERENT.iter().any(|(name, _)| *name == file);
        count += 1;
        if equal(&read, &expected) == different {
            wrong.push(
                format!("{file}: {read:?}\n  expected {expected}").chars().take(600).collect::<String>(),
            );
        }
        for error in read.iter().filter_map(|one| one.as_ref().err()) {
            assert!(error.location.is_some(), "{file}: {error} has no place");
        }
    }
    assert!(wrong.is_empty(), "{} of {count} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(count, 57);
}
