//! The commands that the documents show. By what a line calls:
//!
//! - `drift` itself (also as `cargo run … --`) is run, in a repository whose cluster is a recorded one, and must not end
//!   with a usage error or incomplete; a line with a placeholder (`…`, a word in capitals) is not;
//! - what is the project's own (`cargo test`, `just`, `.ci/run`, `tests/parts/bring`) is not run, for it would run this test
//!   again or take minutes: targets, areas, steps, parts and variables that it names must exist;
//! - other programs (kubectl, git, docker, apt-get) change the machine or need more than it has: not run.

use std::collections::BTreeSet;

use crate::docs::read;
use crate::forgotten::documents;
use crate::layers::MAY_USE;
use crate::support::command::Drift;
use crate::support::repo::Repo;
use crate::support::tree::{files, root};

/// What a line of a document calls.
#[derive(Debug, PartialEq)]
enum Called {
    /// `drift`, with these arguments.
    Drift(Vec<String>),
    /// Something of the project.
    Own(Vec<String>),
    /// Another program, or a line that a person must fill in.
    Other,
}

fn called(line: &str) -> Called {
    let words = words(line);
    let is_variable = |word: &&String| word.split_once('=').is_some_and(|(name, _)| is_capitals(name));
    // Where a shell sends the output changes nothing of the command.
    let ours = words.iter().take_while(|word| *word != ">");
    let command: Vec<String> = ours.skip_while(is_variable).cloned().collect();
    let texts: Vec<&str> = command.iter().map(String::as_str).collect();
    let has_placeholder =
        command.iter().any(|word| word.contains(['…', '<']) || word.starts_with('~') || is_capitals(word));
    match texts.as_slice() {
        ["drift", arguments @ ..] if !has_placeholder => {
            Called::Drift(arguments.iter().map(|word| (*word).to_owned()).collect())
        }
        ["cargo", "run", rest @ ..] if !has_placeholder => {
            let arguments = rest.iter().skip_while(|word| **word != "--").skip(1);
            Called::Drift(arguments.map(|word| (*word).to_owned()).collect())
        }
        ["cargo", "test" | "bench", ..] | ["just", ..] => Called::Own(words),
        [program, ..] if root().join(program).is_file() => Called::Own(words),
        _ => Called::Other,
    }
}

fn is_capitals(word: &str) -> bool {
    word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// The words of a line as a shell sees them, without a comment. Nothing is expanded.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (vec![], None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, ' ') => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// The lines of the blocks of a document that are marked `sh`.
fn shell_lines(text: &str) -> Vec<String> {
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines).map(str::to_owned).filter(|line| !line.is_empty()).collect()
}

/// What stands between backticks in the prose.
fn quoted(text: &str) -> Vec<String> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|prose| prose.split('`').skip(1).step_by(2)).map(|code| code.replace('\n', " ")).collect()
}

/// A repository as the documents assume: the demo's objects in `clusters/prod`, in the namespace `payments`.
struct Assumed {
    repo: Repo,
    _remote: Repo,
    snapshot: tempfile::NamedTempFile,
}

impl Assumed {
    fn new() -> Self {
        let demo = |name: &str| read(&format!("src/cli/demo/{name}")).replace("shop", "payments");
        let config = "version: 1\ncluster: demo\nsources: [{path: clusters/prod}]\nforge: {type: local}\n";
        let repo = Repo::with(&[
            ("drift.yaml", config),
            ("clusters/prod/web.yaml", &demo("web.yaml")),
            ("clusters/prod/settings.yaml", &demo("settings.yaml")),
        ]);
        let remote = repo.with_remote();
        let snapshot = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(snapshot.path(), demo("cluster.jsonl")).expect("a file can be written");
        Self { repo, _remote: remote, snapshot }
    }

    fn run(&self, arguments: &[String]) -> crate::support::command::Output {
        let reads_cluster =
            matches!(arguments.first().map(String::as_str), Some("check" | "run" | "explain"));
        let drift = Drift::new().args(arguments).in_folder(self.repo.path());
        let drift = if reads_cluster { drift.arg("--snapshot").arg(self.snapshot.path()) } else { drift };
        drift.run()
    }
}

#[test]
fn commands_of_drift_in_the_documents_run() {
    let assumed = Assumed::new();
    let (mut ran, mut failed) = (0, vec![]);
    for document in documents() {
        for line in shell_lines(&read(&document)) {
            let Called::Drift(arguments) = called(&line) else { continue };
            let output = assumed.run(&arguments);
            ran += 1;
            if !matches!(output.status, 0 | 1) {
                failed.push(format!("{document}: {line}: exit code {}\n{}", output.status, output.stderr));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(ran >= 7, "only {ran} lines were run: the rule finds too few");
}

#[test]
fn documented_project_commands_exist() {
    let (mut seen, mut wrong) = (0, vec![]);
    for document in documents() {
        let text = read(&document);
        for line in shell_lines(&text).into_iter().chain(quoted(&text)) {
            let Called::Own(words) = called(&line) else { continue };
            seen += 1;
            wrong.extend(missing(&words).into_iter().map(|why| format!("{document}: {line}: {why}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen >= 10, "only {seen} lines were looked at: the rule finds too few");
}

/// What a command of the project names and the project does not have.
fn missing(words: &[String]) -> Vec<String> {
    let variables = words.iter().take_while(|word| word.contains('=') && !word.starts_with('-'));
    let names = variables.clone().filter_map(|word| word.split_once('=').map(|(name, _)| name));
    let mut wrong: Vec<String> =
        names.filter(|name| !is_read(name)).map(|name| format!("nothing reads {name}")).collect();
    let command: Vec<&str> = words[variables.count()..].iter().map(String::as_str).collect();
    let has = |file: &str, what: &str| read(file).contains(what);
    match command.as_slice() {
        ["cargo", "test", rest @ ..] => wrong.extend(missing_areas(rest)),
        [".ci/run", steps @ ..] => {
            let lost = steps.iter().filter(|step| !has(".ci/run", &format!("run_{step}()")));
            wrong.extend(lost.map(|step| format!("no step {step}")));
        }
        ["tests/parts/bring", parts @ ..] => {
            let lost = parts.iter().filter(|part| {
                **part != "all" && !is_capitals(part) && !has("tests/parts/bring", &format!("build_{part}()"))
            });
            wrong.extend(lost.map(|part| format!("no part {part}")));
        }
        ["just", recipe, ..] if !recipe.starts_with('-') && !recipes().contains_key(*recipe) => {
            wrong.push(format!("no recipe {recipe}"));
        }
        _ => {}
    }
    wrong
}

/// Whether a file of the project reads a variable; insta's own are in its documentation.
fn is_read(variable: &str) -> bool {
    let sources = ["src", "tests/it", "tests/parts", "tests/projects", "benches"].map(files).concat();
    variable.starts_with("INSTA_")
        || sources
            .iter()
            .filter(|file| !file.ends_with(".md") && !file.contains("commands.rs"))
            .filter_map(|file| std::fs::read_to_string(root().join(file)).ok())
            .any(|text| text.contains(variable))
}

/// The test targets and areas that `cargo test` is asked for and that do not exist.
fn missing_areas(arguments: &[&str]) -> Vec<String> {
    let is_integration = arguments.windows(2).any(|pair| pair == ["--test", "it"]);
    let is_unit = arguments.contains(&"--lib");
    let mut known: BTreeSet<String> = BTreeSet::new();
    if !is_unit {
        known.extend(crate::docs::areas());
    }
    if !is_integration {
        known.extend(MAY_USE.iter().map(|(room, _)| (*room).to_owned()));
    }
    let values = arguments.iter().enumerate().filter(|(at, word)| {
        let is_value = *at > 0 && arguments[at - 1] == "--test";
        !word.starts_with('-') && !is_value && !is_capitals(word)
    });
    let areas = values.map(|(_, word)| word.split("::").next().unwrap_or_default());
    areas.filter(|area| !known.contains(*area)).map(|area| format!("no area {area}")).collect()
}

/// The recipes of the justfile: the command of each, without what is filled in.
fn recipes() -> std::collections::BTreeMap<String, String> {
    let text = read("justfile");
    let mut recipes = std::collections::BTreeMap::new();
    let mut name = None;
    for line in text.lines() {
        match line.strip_prefix("    ") {
            Some(command) => {
                let command = command.split("{{").next().unwrap_or_default().trim().to_owned();
                recipes.insert(name.take().expect("a recipe has a name and one command"), command);
            }
            None if line.starts_with('#') || line.is_empty() => {}
            None => name = line.split([' ', ':']).next().map(str::to_owned),
        }
    }
    recipes
}

#[test]
fn justfile_recipes_match_documented_commands() {
    let told: BTreeSet<String> = ["CONTRIBUTING.md", "README.md"]
        .into_iter()
        .flat_map(|document| shell_lines(&read(document)))
        .map(|line| words(&line).join(" "))
        .collect();
    let recipes = recipes();
    let names: Vec<&str> = recipes.keys().map(String::as_str).collect();
    assert_eq!(names, ["check", "demo", "gate", "test", "test-lib"]);
    for (name, command) in recipes {
        assert!(told.contains(&command), "`just {name}` runs `{command}`, which no document shows");
    }
}

#[test]
fn commands_and_flags_in_prose_exist() {
    let mut wrong = vec![];
    let mut helps = std::collections::BTreeMap::new();
    for document in documents() {
        let text = read(&document);
        for code in quoted(&text).into_iter().chain(shell_lines(&text)) {
            let words = words(&code);
            let ["drift", command, rest @ ..] = &words.iter().map(String::as_str).collect::<Vec<_>>()[..]
            else {
                continue;
            };
            if !command.starts_with(|c: char| c.is_ascii_lowercase()) {
                continue;
            }
            let (status, help) = helps.entry((*command).to_owned()).or_insert_with(|| {
                let output = Drift::new().args([*command, "--help"]).run();
                (output.status, output.stdout)
            });
            if *status != 0 {
                wrong.push(format!("{document}: {code}: there is no such command"));
            }
            let flags =
                rest.iter().filter(|word| word.starts_with("--")).filter_map(|word| word.split('=').next());
            let lost =
                flags.filter(|flag| !help.split([' ', '\n']).any(|word| word.trim_end_matches(',') == *flag));
            wrong.extend(lost.map(|flag| format!("{document}: {code}: no flag {flag}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn configurations_in_the_documents_are_accepted() {
    let mut read_ones = 0;
    for document in documents() {
        let text = read(&document);
        let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
        for block in
            blocks.filter(|block| block.lines().find(|line| !line.starts_with('#')) == Some("version: 1"))
        {
            read_ones += 1;
            let parsed = drift::config::parse("drift.yaml", block);
            assert!(parsed.is_ok(), "{document}: {}", parsed.expect_err("it is not accepted"));
        }
    }
    assert!(read_ones >= 2, "only {read_ones} configurations were found");
}

#[test]
fn shell_lines_classified_by_called_program() {
    let drift = |arguments: &[&str]| Called::Drift(arguments.iter().map(|word| (*word).to_owned()).collect());
    for line in ["cargo run -- demo", "cargo run --release -- demo"] {
        assert_eq!(called(line), drift(&["demo"]), "{line}");
    }
    assert_eq!(called("drift check apps   # compares"), drift(&["check", "apps"]));
    assert_eq!(called("drift check --snapshot FILE"), Called::Other);
    assert_eq!(called("drift man ~/man"), Called::Other);
    assert_eq!(called("drift completions bash > drift"), drift(&["completions", "bash"]));
    assert_eq!(called("export DRIFT_TOKEN=…  # a token"), Called::Other);
    assert_eq!(called("kubectl apply -k ."), Called::Other);
    assert!(matches!(called("DRIFT_RECORD=1 cargo test embedded"), Called::Own(_)));
    let lost = |line: &str| missing(&words(line));
    assert_eq!(
        lost("NOBODY_READS=1 cargo test --test it -- nowhere:: layers::"),
        ["nothing reads NOBODY_READS".to_owned(), "no area nowhere".to_owned()]
    );
    assert_eq!(lost(".ci/run fmt polish"), ["no step polish"]);
    assert_eq!(lost("tests/parts/bring etcd wheel"), ["no part wheel"]);
    assert_eq!(words("a 'b  c' \"d\" # e"), ["a", "b  c", "d"]);
}
