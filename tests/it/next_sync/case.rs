//! The cases: a file each in `testdata/next-sync`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::support::tree::root;

/// What Git declares, what is done by hand, and what becomes of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// What the case shows, for who reads it.
    #[serde(rename = "says")]
    _says: String,
    /// The way of the applier (`appliers.rs`).
    pub(super) way: String,
    /// What Git declares, and is applied.
    pub(super) git: String,
    /// What Git declares when the sync comes; without it, the same.
    #[serde(default)]
    pub(super) later: Option<String>,
    /// What is done by hand.
    pub(super) change: Vec<Step>,
    /// The predictions: `KIND/NAME PATH` of a change, `KIND/NAME` of a whole object.
    pub(super) becomes: BTreeMap<String, String>,
}

/// One call of kubectl.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    pub(super) run: Vec<String>,
    #[serde(default)]
    pub(super) stdin: String,
}

/// Every case by its name; of one that does not read, the test fails.
pub(super) fn cases() -> Vec<(String, Case)> {
    let folder = root().join("testdata/next-sync");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .expect("the cases are there")
        .map(|entry| entry.expect("readable").path())
        .collect();
    files.sort();
    let read = |file: &std::path::PathBuf| {
        let name = file.file_stem().and_then(|name| name.to_str()).expect("a name in UTF-8").to_owned();
        let text = std::fs::read_to_string(file).expect("readable");
        let case = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, case)
    };
    files.iter().map(read).collect()
}

/// The documents of a manifest, as JSON.
pub(super) fn documents(text: &str) -> Vec<Value> {
    let read = |document| Value::deserialize(document).expect("a manifest of a case is YAML");
    serde_yaml::Deserializer::from_str(text).map(read).collect()
}
