//! What `docs` says of the code is what the code says: the table of the rooms, the rules, the causes.
//! `DRIFT_RECORD=1 cargo test --test it docs` writes the parts that are the code's own words anew.

use std::collections::{BTreeMap, BTreeSet};

use drift::model::{Cause, Rule};
use serde::de::DeserializeOwned;

use crate::embedded::is_recording;
use crate::layers::MAY_USE;
use crate::support::tree::{root, rust_files};

const ARCHITECTURE: &str = "docs/architecture.md";
const VERDICTS: &str = "docs/verdicts.md";

/// A document.
pub(crate) fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Compares a document with what it should be, line by line, or writes it.
fn assert_current(file: &str, expected: &str) {
    if is_recording() {
        std::fs::write(root().join(file), expected).expect("a document can be written");
        return;
    }
    let text = read(file);
    let differing = text.lines().zip(expected.lines()).find(|(is, should)| is != should);
    assert!(
        text == expected,
        "{file} is not what the code says (first difference: {differing:?}); \
         `DRIFT_RECORD=1 cargo test --test it docs` writes it"
    );
}

/// All values of an enum that serde names: the variants as they stand in its file, in their order.
fn variants<T: DeserializeOwned>(file: &str, name: &str) -> Vec<T> {
    let text = read(file);
    let body = text.split(&format!("pub enum {name} {{\n")).nth(1).and_then(|rest| rest.split("\n}").next());
    let lines = body.unwrap_or_else(|| panic!("{file} has no enum {name}")).lines().map(str::trim);
    let named = lines.filter(|line| !line.starts_with("//") && !line.starts_with('#') && !line.is_empty());
    let values = named.map(|line| line.trim_end_matches(',')).map(|variant| {
        let spellings = [kebab(variant), variant.to_lowercase()].map(serde_json::Value::String);
        let read = spellings.into_iter().find_map(|spelling| serde_json::from_value(spelling).ok());
        read.unwrap_or_else(|| panic!("{name}::{variant} is not read by its name"))
    });
    values.collect()
}

fn kebab(variant: &str) -> String {
    let mut name = String::new();
    for c in variant.chars() {
        if c.is_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.extend(c.to_lowercase());
    }
    name
}

#[test]
fn documented_module_table_matches_enforced_one() {
    let text = read(ARCHITECTURE);
    let rooms: Vec<_> = MAY_USE.iter().filter(|(name, _)| *name != "main").collect();
    let mut told = vec![];
    let lines =
        text.lines().map(|line| match line.split('|').map(str::trim).collect::<Vec<_>>().as_slice() {
            ["", name, _, lives, ""] if name.starts_with('`') => {
                let name = name.trim_matches('`');
                told.push(name.to_owned());
                let (_, may_use) = rooms.iter().find(|(room, _)| *room == name).unwrap_or_else(|| {
                    panic!("{ARCHITECTURE} has a row `{name}`, and there is no such room")
                });
                let may_use: Vec<_> = may_use.iter().map(|room| format!("`{room}`")).collect();
                let may_use = if may_use.is_empty() { "nothing".to_owned() } else { may_use.join(", ") };
                format!("| `{name}` | {may_use} | {lives} |\n")
            }
            _ => format!("{line}\n"),
        });
    let expected: String = lines.collect();
    let names: Vec<&str> = rooms.iter().map(|(name, _)| *name).collect();
    assert_eq!(told, names, "the rows of the table in {ARCHITECTURE}, in the order of tests/it/layers.rs");
    assert_current(ARCHITECTURE, &expected);
}

#[test]
fn every_rule_documented_with_reason_and_remedy() {
    let text = read(VERDICTS);
    let rules: Vec<Rule> = variants("src/model/rule.rs", "Rule");
    let (_, reference) = text.split_once("\n## The rules\n").expect("a chapter of all rules");
    let told: Vec<&str> = reference.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let names: Vec<&str> = rules.iter().map(|rule| rule.name()).collect();
    assert_eq!(told, names, "the rules in {VERDICTS}, in the order of src/model/rule.rs");
    let mut rule = None;
    let lines = text.lines().map(|line| {
        if let Some(name) = line.strip_prefix("### ") {
            rule = rules.iter().find(|rule| rule.name() == name);
        }
        match rule {
            Some(rule) if line.starts_with("- Reason: ") => format!("- Reason: {}.\n", rule.reason()),
            Some(rule) if line.starts_with("- What would change it: ") => {
                format!("- What would change it: {}.\n", rule.remedy())
            }
            _ => format!("{line}\n"),
        }
    });
    let expected: String = lines.collect();
    for start in ["- Reason: ", "- Cause: ", "- What would change it: "] {
        let count = reference.lines().filter(|line| line.starts_with(start)).count();
        assert_eq!(count, rules.len(), "each rule in {VERDICTS} has one line `{start}`");
    }
    assert_current(VERDICTS, &expected);
}

#[test]
fn every_rule_reached_by_documented_questions() {
    let text = read(VERDICTS);
    let (questions, reference) = text.split_once("\n## The rules\n").expect("a chapter of all rules");
    let asked: BTreeSet<&str> =
        questions.split("](#").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    let told: BTreeSet<&str> = reference.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert_eq!(asked, told, "the rules that a question leads to, and the rules that are described");
}

#[test]
fn every_cause_documented_as_drift_or_not() {
    let causes: Vec<Cause> = variants("src/model/change.rs", "Cause");
    for (document, heading) in [(VERDICTS, "## Causes"), ("README.md", "The cause of a change:")] {
        let text = read(document);
        let (_, rest) = text.split_once(heading).unwrap_or_else(|| panic!("{document}: {heading}"));
        let rows: Vec<Vec<&str>> = rest
            .lines()
            .skip_while(|line| !line.starts_with('|'))
            .take_while(|line| line.starts_with('|'))
            .skip(2)
            .map(|line| line.split('|').map(str::trim).collect())
            .collect();
        assert_eq!(rows.len(), causes.len(), "{document}: one row for each cause");
        for cause in &causes {
            let name = serde_json::to_value(cause).expect("a cause has a name");
            let name = format!("`{}`", name.as_str().expect("its name is a text"));
            let row = rows.iter().find(|row| row[1] == name);
            let drift = row.unwrap_or_else(|| panic!("{document} has no row for {name}"))[3];
            // What is unsynced is drift after a while.
            let expected =
                if *cause == Cause::Unsynced { drift } else { ["no", "yes"][usize::from(cause.is_drift())] };
            assert_eq!(drift, expected, "{document}: {name}");
        }
    }
}

#[test]
fn every_item_that_the_documents_name_exists() {
    let mut lost = vec![];
    for document in crate::forgotten::documents() {
        let text = read(&document);
        for (room, item) in text.split('`').skip(1).step_by(2).filter_map(named_item) {
            let declares = |text: &str| {
                ["fn", "struct", "enum", "trait", "const", "type"].iter().any(|kind| {
                    let declared = format!("{kind} {item}");
                    let mut ends = text.match_indices(&declared).map(|(at, _)| &text[at + declared.len()..]);
                    ends.any(|end| !end.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
                })
            };
            if !rust_files(&format!("src/{room}")).iter().any(|file| declares(&read(file))) {
                lost.push(format!("{document} names {room}::{item}"));
            }
        }
    }
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

/// The room and the item of a quoted text such as `diff::compare`.
fn named_item(quoted: &str) -> Option<(&str, &str)> {
    let (room, item) = quoted.split_once("::")?;
    let is_name = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_');
    let is_room = MAY_USE.iter().any(|(name, _)| *name == room);
    (is_room && is_name(item)).then_some((room, item))
}

/// The areas of the tests on real programs: the modules of `tests/it`.
pub(crate) fn areas() -> Vec<String> {
    let main = read("tests/it/main.rs");
    let modules = main.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    modules.filter(|module| *module != "support").map(str::to_owned).collect()
}

/// The table of the areas in CONTRIBUTING.md: each area with its row's cell of parts.
fn told_areas() -> BTreeMap<String, String> {
    let text = read("CONTRIBUTING.md");
    let (_, rest) = text.split_once("\n| area").expect("a table of the areas");
    let rows = rest.lines().skip(2).take_while(|line| line.starts_with('|'));
    let cells = rows.map(|row| row.split('|').collect::<Vec<_>>());
    cells
        .flat_map(|cells| {
            let areas = cells[1].split('`').skip(1).step_by(2);
            areas.map(|area| (area.to_owned(), cells[2].to_owned())).collect::<Vec<_>>()
        })
        .collect()
}

/// The areas with a file that uses this server of the harness.
fn areas_using(server: &str) -> BTreeSet<String> {
    let uses = |area: &String| {
        let own = |file: &String| {
            file.starts_with(&format!("tests/it/{area}/")) || *file == format!("tests/it/{area}.rs")
        };
        rust_files("tests/it").iter().filter(|file| own(file)).any(|file| {
            read(file).lines().any(|line| line.starts_with("use crate::support::") && line.contains(server))
        })
    };
    areas().into_iter().filter(uses).collect()
}

#[test]
fn every_test_area_documented_with_requirements() {
    let told = told_areas();
    assert_eq!(
        told.keys().cloned().collect::<BTreeSet<_>>(),
        areas().into_iter().collect(),
        "CONTRIBUTING.md"
    );
    for (part, server) in [("kubernetes", "ControlPlane"), ("gitea", "Gitea")] {
        let named = told.iter().filter(|(_, parts)| parts.contains(part) || parts.trim() == "all");
        let named: BTreeSet<_> = named.map(|(area, _)| area.clone()).collect();
        assert_eq!(named, areas_using(server), "the areas that need {part}");
    }
}

#[test]
fn serverless_test_commands_skip_dependent_areas() {
    let text = read("CONTRIBUTING.md");
    let areas_of = |part: &str| -> BTreeSet<String> {
        let line = text.lines().find(|line| line.ends_with(&format!("# without {part}")));
        let words = line.unwrap_or_else(|| panic!("no command without {part}")).split(' ');
        words.filter_map(|word| Some(word.split_once("::")?.0.to_owned())).collect()
    };
    assert_eq!(areas_of("gitea"), areas_using("Gitea"));
    let servers = ["kubernetes", "gitea", "act", "all"];
    let without = told_areas()
        .into_iter()
        .filter(|(_, parts)| parts.split(", ").all(|part| !servers.contains(&part.trim())));
    assert_eq!(areas_of("any of them"), without.map(|(area, _)| area).collect());
}

#[test]
fn names_of_items_and_rules_are_read() {
    assert_eq!(named_item("diff::compare"), Some(("diff", "compare")));
    assert_eq!(named_item("git::*"), None);
    assert_eq!(named_item("source::"), None);
    assert_eq!(named_item("matrix::whole"), None);
    assert_eq!(kebab("NoRecord"), "no-record");
    assert_eq!(kebab("Missing"), "missing");
    let rules: Vec<Rule> = variants("src/model/rule.rs", "Rule");
    assert!(rules.len() > 20 && rules[0] == Rule::NoRecord, "{rules:?}");
}
