//! A message or a page that names a command or a flag names one that exists.

use std::collections::BTreeMap;

use super::words::{flags, mentioned};
use super::{commands, help_of};
use crate::support::literals::literals;
use crate::support::tree::{files, product_text, root, rust_files};

/// Programs whose flags are their own.
const OTHERS: [&str; 8] = ["git", "helm", "kubectl", "kustomize", "cargo", "docker", "gh", "man"];

/// What others say, which drift reads.
const THEIRS: [&str; 1] = ["Use --debug"];

/// The commands with the flags of each.
struct CommandLine(BTreeMap<String, Vec<String>>);

impl CommandLine {
    fn read() -> Self {
        let with_flags = |command: String| {
            let flags = flags(&help_of(Some(&command), "80"));
            (command, flags)
        };
        Self(commands().into_iter().map(with_flags).collect())
    }

    /// What code (`drift run --dry-run`, `--all`) names and the command line lacks.
    fn faults_of_code(&self, code: &str) -> Vec<String> {
        let mut words = code.split_whitespace();
        match (words.next(), words.next()) {
            (Some(program), _) if OTHERS.contains(&program) => vec![],
            (Some("drift"), Some(command)) if !command.starts_with(['-', '<', '{', '…']) => {
                let Some(known) = self.0.get(command) else {
                    return vec![format!("there is no command {command}: {code}")];
                };
                let unknown = mentioned(code).into_iter().filter(|flag| !known.contains(flag));
                unknown.map(|flag| format!("{command} has no {flag}: {code}")).collect()
            }
            _ => self.faults_of_prose(code),
        }
    }

    /// As [`Self::faults_of_code`], of flags alone: "drift reads" is no command.
    fn faults_of_prose(&self, prose: &str) -> Vec<String> {
        let exists = |flag: &String| {
            ["--version"].contains(&flag.as_str()) || self.0.values().any(|flags| flags.contains(flag))
        };
        let unknown = mentioned(prose).into_iter().filter(|flag| !exists(flag));
        unknown.map(|flag| format!("no command has {flag}: {prose}")).collect()
    }

    /// A message: code is in backticks, on an indented line, or the whole of it.
    fn faults_of_message(&self, message: &str) -> Vec<String> {
        let is_argument = !message.contains(char::is_whitespace);
        if is_argument || THEIRS.contains(&message) {
            return vec![];
        }
        let mut faults = vec![];
        for (at, part) in message.split('`').enumerate() {
            for line in part.lines() {
                let is_whole = message.starts_with("drift ") && message.split(' ').count() == 2;
                let is_code = at % 2 == 1 || line.starts_with("  ") || is_whole;
                let read = if is_code { Self::faults_of_code } else { Self::faults_of_prose };
                faults.extend(read(self, line));
            }
        }
        faults
    }

    /// A page of Markdown: code is in backticks, or a line of a block.
    fn faults_of_page(&self, page: &str) -> Vec<String> {
        let mut faults = vec![];
        for (at, block) in page.split("```").enumerate() {
            let code: Vec<&str> = if at % 2 == 1 {
                let lines = block.lines().map(|line| line.split(" #").next().unwrap_or_default());
                lines.filter(|line| line.starts_with("drift ")).collect()
            } else {
                block.split('`').skip(1).step_by(2).filter(|code| code.contains("drift ")).collect()
            };
            faults.extend(code.into_iter().flat_map(|code| self.faults_of_code(code)));
        }
        faults
    }
}

#[test]
fn messages_name_commands_and_flags_that_exist() {
    let known = CommandLine::read();
    let mut faults = vec![];
    for file in rust_files("src") {
        let found = literals(&product_text(&root().join(&file)));
        let found = found.iter().flat_map(|message| known.faults_of_message(message));
        faults.extend(found.map(|fault| format!("{file}: {fault}")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn pages_name_commands_and_flags_that_exist() {
    let known = CommandLine::read();
    let mut faults = vec![];
    let pages = files("docs")
        .into_iter()
        .chain(files("deploy"))
        .chain(["README.md", "SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md"].map(str::to_owned));
    for page in pages.filter(|page| page.ends_with(".md") && root().join(page).is_file()) {
        let text = std::fs::read_to_string(root().join(&page)).expect("a page");
        faults.extend(known.faults_of_page(&text).into_iter().map(|fault| format!("{page}: {fault}")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn missing_commands_and_flags_are_faults() {
    let known = CommandLine::read();
    for (message, faults) in [
        ("not supported; expected `version: 1`; --all lists them", 0),
        ("`drift check` and `drift explain` show them all", 0),
        ("trust it with `git config --global --add safe.directory x`", 0),
        ("  drift check PATH          compares", 0),
        ("--upload-pack=x", 0),
        ("drift audit", 0),
        ("see `drift expain`", 1),
        ("name it with --forge-hosts", 1),
        ("`drift check --dry-run` shows it", 1),
        ("drift adit", 1),
        ("  drift adit PATH", 1),
    ] {
        assert_eq!(known.faults_of_message(message).len(), faults, "{message}");
    }
    let page = "`drift chek`, `--x`, `drift.yaml`\n```sh\ndrift run --dry-run # --x\ndrift run --x\nother --y\n```\n";
    assert_eq!(known.faults_of_page(page).len(), 2);
}
