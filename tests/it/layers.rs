//! Which module may use which: the table of the house, enforced on the text of `src`.
//!
//! Tests inside `src` may use what they like: they show behaviour, they carry none.

mod circles;
mod text_errors;

use std::collections::BTreeSet;

use crate::support::tree::{product_text, root, rust_files};

/// Each module and what it may use, in the order data flows.
pub(crate) const MAY_USE: [(&str, &[&str]); 24] = [
    ("model", &[]),
    ("text", &[]),
    ("wording", &["model", "text"]),
    ("process", &[]),
    ("threads", &[]),
    ("yaml", &["model", "text"]),
    ("config", &["model"]),
    ("git", &["config", "process"]),
    ("source", &["model", "yaml", "config", "git", "process", "threads"]),
    ("schema", &["model"]),
    ("cluster", &["model", "schema"]),
    ("diff", &["model", "schema"]),
    ("attribution", &["model", "config", "schema", "diff"]),
    ("incident", &["model", "text", "config", "schema"]),
    ("remedy", &["model", "schema", "diff", "attribution", "yaml", "source"]),
    ("forge", &["text", "config", "git"]),
    ("checkout", &["model", "text", "config", "git", "source"]),
    (
        "check",
        &[
            "model",
            "text",
            "threads",
            "yaml",
            "config",
            "git",
            "source",
            "schema",
            "cluster",
            "diff",
            "attribution",
            "checkout",
        ],
    ),
    (
        "reconcile",
        &[
            "model",
            "text",
            "wording",
            "config",
            "git",
            "source",
            "cluster",
            "diff",
            "attribution",
            "incident",
            "remedy",
            "forge",
            "checkout",
            "check",
        ],
    ),
    ("init", &["model", "text", "config", "git", "source", "cluster", "checkout", "check"]),
    ("audit", &["model", "yaml", "config", "git", "attribution", "incident", "checkout"]),
    // The results of the stages, never their work: it decides nothing.
    ("report", &["model", "text", "wording"]),
    (
        "cli",
        &[
            "model",
            "text",
            "process",
            "git",
            "source",
            "cluster",
            "check",
            "checkout",
            "reconcile",
            "init",
            "audit",
            "report",
        ],
    ),
    // The binary: nothing but the call.
    ("main", &["cli"]),
];

/// What only one module may name.
const ONLY: [(&str, &str); 9] = [
    ("std::process", "process"),
    ("tokio::process", "process"),
    ("git2", "git"),
    ("kube", "cluster"),
    ("k8s_openapi", "cluster"),
    ("octocrab", "forge"),
    ("reqwest", "forge"),
    ("clap", "cli"),
    // Every room may name `tracing`; what becomes of it is decided once.
    ("tracing_subscriber", "cli"),
];

/// Of `std::process`: what says how a program ended or which it is, and starts none.
const HARMLESS: [&str; 3] = ["std::process::ExitCode", "std::process::ExitStatus", "std::process::id"];

#[test]
fn module_uses_exactly_its_allowed_modules() {
    let mut wrong = vec![];
    let mut unused: BTreeSet<(String, &str)> = BTreeSet::new();
    for (module, may_use) in MAY_USE {
        unused.extend(may_use.iter().map(|used| (module.to_owned(), *used)));
    }
    for file in rust_files("src") {
        let (module, depth) = room(&file);
        let Some((_, may_use)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
            assert!(module == "lib", "{file} is in no module of the table");
            continue;
        };
        for used in used_modules(&product_text(&root().join(&file)), depth) {
            if used != module && !may_use.contains(&used.as_str()) {
                wrong.push(format!("{file}: {module} may not use {used}"));
            }
            unused.retain(|(row, allowed)| *row != module || *allowed != used);
        }
    }
    wrong.extend(unused.into_iter().map(|(module, used)| format!("{module} does not use {used}: strike it")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn outside_library_used_in_one_module_only() {
    let mut wrong = vec![];
    for file in rust_files("src") {
        let (module, _) = room(&file);
        let mut text = product_text(&root().join(&file));
        for harmless in HARMLESS {
            text = text.replace(harmless, "");
        }
        for (name, owner) in ONLY {
            if module != owner && names_crate(&text, name) {
                wrong.push(format!("{file}: only {owner} may name {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn table_and_library_have_the_same_modules() {
    let library = std::fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs");
    let declared: BTreeSet<&str> = library
        .lines()
        .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'))
        .collect();
    let listed: BTreeSet<&str> =
        MAY_USE.iter().map(|(name, _)| *name).filter(|name| *name != "main").collect();
    assert_eq!(declared, listed);
}

#[test]
fn rows_name_only_rows_above() {
    for (at, (module, may_use)) in MAY_USE.iter().enumerate() {
        for used in *may_use {
            let above = MAY_USE[..at].iter().any(|(name, _)| name == used);
            assert!(above, "{module} names {used}, which is no row above it");
        }
    }
}

#[test]
fn all_forms_of_module_use_detected() {
    let cases: [(&str, &str, usize, &[&str]); 8] = [
        ("a path", "fn f(x: crate::model::Change) {}", 1, &["model"]),
        ("a group", "use crate::{config::{self, Config}, git};", 1, &["config", "git"]),
        ("a group over lines", "use crate::{\n    diff::Finding,\n    model,\n};", 2, &["diff", "model"]),
        ("a visibility is not a use", "pub(crate) fn f() {}", 1, &[]),
        ("the parent of the top module", "use super::forge::Forge;", 1, &["forge"]),
        ("the parent's parent", "use super::super::check::Run;", 2, &["check"]),
        ("a sibling named like a module", "use super::text::Line;", 2, &[]),
        ("the library from the binary", "fn main() { drift::cli::main() }", 0, &["cli"]),
    ];
    for (name, text, depth, expected) in cases {
        let found: Vec<_> = used_modules(text, depth).into_iter().collect();
        assert_eq!(found, expected, "{name}");
    }
    assert!(names_crate("use kube::Client;", "kube") && names_crate("kube::{a, b}", "kube"));
    assert!(!names_crate("let kube = 1; my_kube::x()", "kube"));
    assert!(names_crate("use std::process::{Command, Stdio};", "std::process"));
}

/// The module a file belongs to, and how many `super` lead from it to the root of the crate.
fn room(file: &str) -> (String, usize) {
    let inner = file.strip_prefix("src/").and_then(|path| path.strip_suffix(".rs")).expect("a file of src");
    let mut segments: Vec<_> = inner.split('/').collect();
    if segments.last() == Some(&"mod") {
        segments.pop();
    }
    let depth = if matches!(inner, "main" | "lib") { 0 } else { segments.len() };
    (segments[0].to_owned(), depth)
}

/// The modules of the crate that a text names, through `crate::`, `drift::` or enough `super::`.
fn used_modules(text: &str, depth: usize) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let up = "super::".repeat(depth);
    for prefix in ["crate::", "drift::", &up] {
        if prefix.is_empty() {
            continue;
        }
        for (at, _) in text.match_indices(prefix) {
            let starts_word = !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
            if starts_word {
                found.extend(first_segments(&text[at + prefix.len()..]));
            }
        }
    }
    let known: BTreeSet<&str> = MAY_USE.iter().map(|(name, _)| *name).collect();
    found.retain(|name| known.contains(name.as_str()));
    found
}

/// The first segment of a path, or of each path of a group.
fn first_segments(text: &str) -> Vec<String> {
    let word =
        |text: &str| -> String { text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect() };
    let Some(group) = text.strip_prefix('{') else { return vec![word(text)] };
    let mut level = 0_usize;
    let mut segments = vec![];
    let mut item = String::new();
    for c in group.chars() {
        match c {
            '}' if level == 0 => break,
            ',' if level == 0 => segments.push(word(std::mem::take(&mut item).trim())),
            '{' => level += 1,
            '}' => level -= 1,
            _ => item.push(c),
        }
    }
    segments.push(word(item.trim()));
    segments
}

/// Whether a text uses a path that begins with this crate (or crate and module).
fn names_crate(text: &str, name: &str) -> bool {
    let path = format!("{name}::");
    text.match_indices(&path).any(|(at, _)| {
        !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '.')
    }) || text.contains(&format!("use {name};"))
        || text.contains(&format!("use {name} as"))
}
