//! The project's own files, for tests that look at the project.

use std::path::{Path, PathBuf};

/// The root of the project.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder of the project, as paths from its root, sorted. No such folder: none.
pub(crate) fn files(folder: &str) -> Vec<String> {
    let mut found = vec![];
    collect(&root().join(folder), &mut found);
    let mut names: Vec<_> = found
        .iter()
        .map(|file| file.strip_prefix(root()).expect("below the root").to_str().expect("UTF-8").to_owned())
        .collect();
    names.sort();
    names
}

/// The Rust files below a folder of the project.
pub(crate) fn rust_files(folder: &str) -> Vec<String> {
    files(folder).into_iter().filter(|file| file.ends_with(".rs")).collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("a readable folder of the project").path();
        if path.is_dir() { collect(&path, found) } else { found.push(path) }
    }
}

/// A file's text without comments, and without its tests: files of tests are empty, and what follows
/// `#[cfg(test)] mod NAME {` is left out.
pub(crate) fn product_text(file: &Path) -> String {
    let is_test =
        file.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")));
    let below_source = file.strip_prefix(root().join("src")).is_ok();
    if below_source && is_test {
        return String::new();
    }
    let text = std::fs::read_to_string(file).expect("a file of the project");
    without_tests(&text)
}

fn without_tests(text: &str) -> String {
    let mut out = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let opens_tests = line == "#[cfg(test)]"
            && lines.peek().is_some_and(|next| next.contains("mod ") && next.trim_end().ends_with('{'));
        if opens_tests {
            // rustfmt closes a module of the top level with a brace at the margin.
            for skipped in lines.by_ref() {
                if skipped == "}" {
                    break;
                }
            }
        } else if !line.trim_start().starts_with("//") {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

#[test]
fn tests_and_comments_are_no_product_text() {
    let text =
        "//! crate::a\nuse crate::b;\n\n#[cfg(test)]\nmod tests {\n    use crate::c;\n}\n\nuse crate::d;\n";
    assert_eq!(without_tests(text), "use crate::b;\n\n\nuse crate::d;\n");
}
