//! Nothing is forgotten: no test that never runs, no case that nothing reads, no document that names what is not there,
//! no file that outgrew its room.

use std::path::Path;

use crate::support::tree::{files, product_text, root, rust_files};

/// Lines of a source file, its tests left out.
const BUDGET: usize = 600;

/// Folders with documents, beside the root.
const DOCUMENTS: [&str; 6] = ["docs", "deploy", "examples", ".github", "benches", "tests/parts"];

/// The documents: every Markdown file of the root and of the folders for documents, sorted.
pub(crate) fn documents() -> Vec<String> {
    let mut documents: Vec<String> = std::fs::read_dir(root())
        .expect("the root of the project")
        .filter_map(|entry| entry.expect("readable").file_name().into_string().ok())
        .collect();
    documents.extend(DOCUMENTS.iter().flat_map(|folder| files(folder)));
    documents.retain(|file| file.ends_with(".md"));
    documents.sort();
    documents
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[test]
fn every_rust_file_is_declared() {
    let mut lost = vec![];
    for folder in ["src", "tests/it"] {
        for file in rust_files(folder) {
            let name = file.strip_prefix(&format!("{folder}/")).expect("below the folder");
            if matches!(name, "lib.rs" | "main.rs") {
                continue;
            }
            let (parents, module) = parents_of(folder, name);
            let declared = parents.iter().filter(|parent| root().join(parent).is_file()).any(|parent| {
                let text = read(parent);
                text.lines().any(|line| line.trim_end().ends_with(&format!("mod {module};")))
            });
            if !declared {
                lost.push(format!("{file}: none of {parents:?} says `mod {module};`"));
            }
        }
    }
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

/// The files that may declare this one, and its module's name.
fn parents_of(folder: &str, name: &str) -> (Vec<String>, String) {
    let stem = name.strip_suffix(".rs").expect("a Rust file");
    let module_path = stem.strip_suffix("/mod").unwrap_or(stem);
    let (parent, module) = module_path.rsplit_once('/').unwrap_or(("", module_path));
    let parents = if parent.is_empty() {
        vec![format!("{folder}/lib.rs"), format!("{folder}/main.rs")]
    } else {
        vec![format!("{folder}/{parent}/mod.rs"), format!("{folder}/{parent}.rs")]
    };
    (parents, module.to_owned())
}

#[test]
fn unit_tests_are_modules_called_tests() {
    let mut odd = vec![];
    for file in rust_files("src") {
        let text = read(&file);
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let only_for_tests = lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]");
        let modules =
            only_for_tests.filter_map(|pair| pair[1].trim_end_matches([';', ' ', '{']).split_once("mod "));
        // `mk` makes values for the tests of several rooms.
        let others = modules.filter(|(_, name)| !["tests", "mk"].contains(name));
        odd.extend(others.map(|(_, name)| format!("{file}: mod {name}")));
    }
    assert!(odd.is_empty(), "{}", odd.join("\n"));
}

#[test]
fn every_case_folder_is_read() {
    let sources: Vec<_> = rust_files("src").into_iter().chain(rust_files("tests")).collect();
    let texts: Vec<_> = sources.iter().map(|file| read(file)).collect();
    let mut lost = vec![];
    let stages: std::collections::BTreeSet<String> =
        files("testdata").iter().map(|file| file.split('/').take(2).collect::<Vec<_>>().join("/")).collect();
    for stage in stages {
        if !texts.iter().any(|text| text.contains(&stage)) {
            lost.push(stage);
        }
    }
    assert!(lost.is_empty(), "no test names {lost:?}");
}

#[test]
fn every_path_that_the_documents_name_exists() {
    let mut lost = vec![];
    for document in documents() {
        for path in named_paths(&read(&document)) {
            let beside = Path::new(&document).parent().expect("a file has a parent").join(&path);
            if !root().join(&path).exists() && !root().join(beside).exists() {
                lost.push(format!("{document} names {path}"));
            }
        }
    }
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

/// The paths of the project that a Markdown text names: targets of relative links, and what stands between backticks
/// and begins with a folder of the project. Patterns and placeholders are none.
fn named_paths(text: &str) -> Vec<String> {
    const FOLDERS: [&str; 10] = [
        "src/",
        "tests/",
        "testdata/",
        "docs/",
        "deploy/",
        "benches/",
        "examples/",
        ".ci/",
        ".github/",
        ".cargo/",
    ];
    let mut paths = vec![];
    for part in text.split("](").skip(1) {
        let target = part.split([')', '#', ' ']).next().unwrap_or_default();
        if !target.is_empty() && !target.contains(':') {
            paths.push(target.to_owned());
        }
    }
    for line in text.lines() {
        for quoted in line.split('`').skip(1).step_by(2) {
            for word in quoted.split_whitespace() {
                let is_plain = !word.contains(['<', '*', '$', '{', '…', '(']) && !word.contains("...");
                if is_plain && FOLDERS.iter().any(|folder| word.starts_with(folder)) {
                    let word = word.trim_end_matches([',', '.', ';']);
                    paths.push(word.split(':').next().unwrap_or_default().to_owned());
                }
            }
        }
    }
    paths
}

#[test]
fn paths_found_in_links_and_backticks() {
    let text = "See [this](docs/a.md#part) and [that](https://example.com/x), `src/diff/mod.rs:12`, `tests/parts/bring PART`,\n\
                `testdata/<stage>/`, `src/**`, `deploy/x.yaml`. [Up](#top)";
    assert_eq!(named_paths(text), ["docs/a.md", "src/diff/mod.rs", "tests/parts/bring", "deploy/x.yaml"]);
}

#[test]
fn no_source_file_outgrows_its_room() {
    let mut long = vec![];
    for file in rust_files("src") {
        let lines = product_text(&root().join(&file)).lines().count();
        if lines > BUDGET {
            long.push(format!("{file}: {lines} lines without comments and tests"));
        }
    }
    assert!(long.is_empty(), "more than {BUDGET} lines, split by subject:\n{}", long.join("\n"));
}
