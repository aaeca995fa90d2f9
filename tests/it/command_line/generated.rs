//! `drift completions` and `drift man`.

#![expect(clippy::disallowed_methods, reason = "tests run programs")]

use std::process::Command;

use super::{commands, help_of};
use crate::support::command::Drift;
use crate::support::parts::system_program;
use crate::support::repo::Repo;

/// What bash offers for the last of these words, with the script that drift prints.
fn completed(words: &[&str]) -> Vec<String> {
    let script = Drift::new().args(["completions", "bash"]).run().expect_status(0).stdout;
    let ask = r#"set -u; eval "$1"; shift
complete -p drift | grep -q -- '-F _drift' || exit 1
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
_drift drift "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
[ ${#COMPREPLY[@]} = 0 ] || printf '%s\n' "${COMPREPLY[@]}""#;
    let output = Command::new(system_program("bash"))
        .args(["--norc", "--noprofile", "-c", ask, "bash", &script])
        .args(words)
        .output()
        .expect("bash runs");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_flags_and_values() {
    let all = completed(&["drift", ""]);
    for command in commands() {
        assert!(all.contains(&command), "{command} is not in {all:?}");
    }
    for (words, expected) in [
        (&["drift", "che"][..], &["check"][..]),
        (&["drift", "check", "--output"], &["--output", "--output-file"]),
        (&["drift", "check", "-o", ""], &["text", "json", "markdown", "github"]),
        (&["drift", "audit", "-o", ""], &["text", "json"]),
        (&["drift", "run", "--load-restrictor", "LoadRestrictionsN"], &["LoadRestrictionsNone"]),
        (&["drift", "run", "--verify"], &[]),
    ] {
        assert_eq!(completed(words), expected, "{words:?}");
    }
}

#[test]
fn completion_scripts_have_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = Drift::new().args(["completions", shell]).run().expect_status(0).stdout;
        for command in commands() {
            assert!(script.contains(&command), "{shell}: no {command}");
        }
    }
    let _ = Drift::new().args(["completions", "tcsh"]).run().expect_status(2);
}

/// The headings of a page.
fn sections(page: &str) -> Vec<&str> {
    page.lines().filter_map(|line| line.strip_prefix(".SH ")).map(|name| name.trim_matches('"')).collect()
}

#[test]
fn manual_page_has_the_usual_sections() {
    let page = Drift::new().arg("man").run().expect_status(0).stdout;
    let expected = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "EXAMPLES", "EXIT CODES"];
    assert_eq!(sections(&page), expected);
    for command in commands() {
        assert!(page.contains(&format!("drift\\-{command}(1)")), "{command} is not in:\n{page}");
    }
}

#[test]
fn man_pages_cover_every_command_and_option() {
    let drift = Drift::new().args(["man", "new/man1"]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = drift.in_folder(folder.path()).run().expect_status(0);
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("", ""));
    let pages = folder.path().join("new/man1");
    let page = |name: &str| std::fs::read_to_string(pages.join(name)).expect("a page");
    assert_eq!(std::fs::read_dir(&pages).expect("a folder").count(), commands().len() + 1);
    assert!(page("drift.1").contains(".SH COMMANDS\n"));
    for command in commands() {
        let text = page(&format!("drift-{command}.1"));
        let help = help_of(Some(&command), "80");
        for flag in super::words::flags(&help) {
            assert!(text.contains(&flag.replace('-', "\\-")), "{command}: {flag} is not in:\n{text}");
        }
        let (_, examples) = help.split_once("Examples:\n").expect("examples");
        let example = examples.lines().find(|line| line.contains("drift ")).expect("a command").trim();
        assert!(text.contains(&example.replace('-', "\\-")), "{command}: {example} is not in:\n{text}");
        assert_eq!(text.contains(".SH \"EXIT CODES\"\n"), help.contains("Exit codes:"), "{command}");
    }
}

#[test]
fn man_page_symlink_is_not_overwritten() {
    let repo = Repo::with(&[("mine", "kept\n")]);
    std::fs::create_dir(repo.path().join("man")).expect("a new folder");
    std::os::unix::fs::symlink("../mine", repo.path().join("man/drift.1")).expect("a new link");
    let output = Drift::new().args(["man", "man"]).in_folder(repo.path()).run().expect_status(2);
    assert!(output.stderr.contains("drift.1 is a symbolic link"), "{}", output.stderr);
    assert_eq!(repo.read("mine"), "kept\n");
}

#[test]
fn what_cannot_be_written_is_said() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("file"), "").expect("a file");
    let drift = Drift::new().args(["man", "file"]);
    let output = drift.in_folder(folder.path()).run().expect_status(3);
    assert!(output.stderr.starts_with("drift: error: writing file: "), "{}", output.stderr);
}
