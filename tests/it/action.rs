//! `action.yml`, run by a real runner (`act`, jobs on this machine) in a repository that uses it.

#![expect(clippy::disallowed_methods, reason = "tests run programs")]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::command::{Output, code, hermetic};
use crate::support::parts;
use crate::support::repo::Repo;
use crate::support::snapshot::{SnapshotFile, written_by};
use crate::support::tree::{files, root};

const OUTPUTS: [&str; 4] = ["exit-code", "drift-count", "incomplete", "report"];

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// What a job left.
struct Job {
    /// Exit code of the runner: 0 where the job passed.
    status: i32,
    log: String,
    outputs: BTreeMap<&'static str, String>,
    /// The job's home; its workspace is below.
    home: TempDir,
}

impl Job {
    #[track_caller]
    fn expect(&self, passes: bool, exit_code: &str, drift_count: &str, incomplete: &str) {
        let outputs = ["exit-code", "drift-count", "incomplete"].map(|name| self.outputs[name].as_str());
        assert_eq!(outputs, [exit_code, drift_count, incomplete], "{}", self.log);
        assert_eq!(self.status == 0, passes, "{}", self.log);
    }

    fn report(&self) -> Value {
        let text =
            std::fs::read_to_string(&self.outputs["report"]).expect("the report is where the output says");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Every file that the job left, as paths.
    fn left(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.home.path().to_owned()];
        let mut found = vec![];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder of ours") {
                let path = entry.expect("readable").path();
                if path.is_dir() && !path.is_symlink() { folders.push(path) } else { found.push(path) }
            }
        }
        found
    }
}

/// A repository with the action in it, a manifest, and a workflow that uses it with these inputs.
fn repository(inputs: &Value, outputs: &Path) -> Repo {
    let repo = Repo::new();
    for file in files("deploy/action").iter().map(String::as_str).chain(["action.yml"]) {
        let copy = repo.write(file, read(file));
        if file != "action.yml" {
            std::fs::set_permissions(copy, std::fs::Permissions::from_mode(0o755)).expect("a file of ours");
        }
    }
    repo.write("apps/web.yaml", CONFIG);
    repo.write("drift.yaml", "version: 1\nsources: [{path: apps}]\n");
    let mut with = json!({"path": "apps", "binary": env!("CARGO_BIN_EXE_drift")});
    for (name, value) in inputs.as_object().expect("inputs") {
        with[name] = value.clone();
    }
    let environment: BTreeMap<_, _> = OUTPUTS
        .iter()
        .map(|name| (name.replace('-', "_"), format!("${{{{ steps.drift.outputs.{name} }}}}")))
        .collect();
    let script: String = OUTPUTS
        .iter()
        .map(|name| {
            format!("printf '%s\\n' \"${}\" >'{}/{name}'\n", name.replace('-', "_"), outputs.display())
        })
        .collect();
    let workflow = json!({"on": "pull_request", "jobs": {"drift": {"runs-on": "ubuntu-latest", "steps": [
        {"uses": "actions/checkout@v7"},
        {"id": "drift", "uses": "./", "with": with},
        {"if": "always()", "shell": "bash", "run": script, "env": environment},
    ]}}});
    // JSON is YAML.
    repo.write(".github/workflows/drift.yml", workflow.to_string());
    repo.commit("Use the action");
    repo
}

/// Runs the job of a workflow that uses the action with these inputs, as the runner would for a pull request.
fn job(inputs: &Value) -> Job {
    let home = tempfile::Builder::new().prefix("drift-runner-").tempdir().expect("a temporary folder");
    let folder = tempfile::Builder::new().prefix("drift-outputs-").tempdir().expect("a temporary folder");
    let repo = repository(inputs, folder.path());
    let event = json!({"action": "opened", "number": 7, "pull_request": {"number": 7,
        "head": {"ref": "change", "sha": repo.head()}, "base": {"ref": "main"}}});
    let event_file = folder.path().join("event.json");
    std::fs::write(&event_file, event.to_string()).expect("a new file");
    let mut command = Command::new(parts::program("act", "act"));
    command.env_clear();
    hermetic(&mut command, home.path());
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.args(["pull_request", "-P", "ubuntu-latest=-self-hosted", "--no-cache-server", "--eventpath"]);
    let output =
        command.arg(&event_file).current_dir(repo.path()).stdin(Stdio::null()).output().expect("act starts");
    let log = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let text = |name: &str| {
        std::fs::read_to_string(folder.path().join(name))
            .unwrap_or_else(|error| panic!("{name}: {error}\n{log}"))
    };
    let outputs = OUTPUTS.iter().map(|name| (*name, text(name).trim_end_matches('\n').to_owned())).collect();
    Job { status: code(output.status), log, outputs, home }
}

const CONFIG: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\ndata:\n  mode: fast\n";

fn live(name: &str, data: Value) -> Value {
    let fields: serde_json::Map<String, Value> =
        data.as_object().expect("data").keys().map(|key| (format!("f:{key}"), json!({}))).collect();
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}, "data": data});
    written_by("kubectl-edit", json!({"f:data": fields}), object)
}

fn with(cluster: &SnapshotFile, more: &Value) -> Value {
    let mut inputs = json!({"snapshot": cluster.path()});
    for (name, value) in more.as_object().expect("inputs") {
        inputs[name] = value.clone();
    }
    inputs
}

#[test]
fn job_fails_on_drift_with_place() {
    let cluster = SnapshotFile::with(&[live("web", json!({"mode": "slow"}))]);
    let failed = job(&with(&cluster, &json!({})));
    failed.expect(false, "1", "1", "false");
    assert!(failed.log.contains("::warning file=apps/web.yaml,line=5,"), "{}", failed.log);
    // The runner prints what it takes for the summary.
    assert!(failed.log.contains("Summary - ## drift: 1 object in drift\n"), "{}", failed.log);
    assert_eq!(failed.report()["findings"][0]["resource"]["name"], "web");

    let passed = job(&with(&cluster, &json!({"exit-zero": true, "annotations": false, "summary": false})));
    passed.expect(true, "0", "1", "false");
    assert!(!passed.log.contains("::warning"), "{}", passed.log);
    assert!(!passed.log.contains("Summary - "), "{}", passed.log);

    let folder = tempfile::tempdir().expect("a temporary folder");
    let inputs = json!({"report": folder.path().join("a report=.json")});
    let clean = job(&with(&SnapshotFile::with(&[live("web", json!({"mode": "fast"}))]), &inputs));
    clean.expect(true, "0", "0", "false");
    assert_eq!(clean.outputs["report"], inputs["report"]);
    assert_eq!(clean.report()["complete"], true);
}

#[test]
fn job_runs_other_commands_with_their_inputs() {
    let cluster = SnapshotFile::with(&[live("web", json!({"mode": "slow"}))]);
    let ran = job(&with(&cluster, &json!({"command": "run", "path": ""})));
    ran.expect(false, "1", "1", "false");
    assert!(ran.log.contains("::warning file=apps/web.yaml,line=5,"), "{}", ran.log);
    let audited = job(&json!({"command": "audit", "path": ""}));
    audited.expect(true, "0", "", "");
    assert!(audited.log.contains("Summary - ## drift audit"), "{}", audited.log);
    for (command, inputs) in
        [("audit", json!({"path": "", "exit-zero": true})), ("run", json!({"path": "apps"}))]
    {
        let mut inputs = inputs.clone();
        inputs["command"] = json!(command);
        let refused = job(&inputs);
        refused.expect(false, "2", "", "");
        assert!(refused.log.contains("has no use for the input"), "{}", refused.log);
    }
}

#[test]
fn job_fails_on_unread_despite_exit_zero() {
    let unread = SnapshotFile::lacking(&["ConfigMap"], &[]);
    let failed = job(&with(&unread, &json!({"exit-zero": true})));
    failed.expect(false, "3", "0", "true");
    assert!(failed.log.contains("::error::not examined: "), "{}", failed.log);

    let absent = job(&json!({"snapshot": "nowhere.jsonl"}));
    assert!(
        absent.status != 0 && matches!(absent.outputs["exit-code"].as_str(), "2" | "3"),
        "{}",
        absent.log
    );
    assert_eq!([&absent.outputs["drift-count"], &absent.outputs["report"]], ["", ""]);

    for (input, value) in [
        ("command", "check; touch pwned"),
        ("skip-secrets", "yes"),
        ("report", "a\nexit-code=0"),
        ("command", "::set-output name=report::x"),
    ] {
        let refused = job(&with(&unread, &json!({input: value})));
        refused.expect(false, "2", "", "");
        assert!(refused.log.contains("::error::drift: "), "{}", refused.log);
    }
}

#[test]
fn hostile_inputs_and_cluster_text_never_run() {
    for path in [
        "$(touch pwned)",
        "`touch pwned`",
        "apps; touch pwned",
        "apps' || touch pwned #",
        "--help",
        "-o=json",
    ] {
        let refused = job(&with(&SnapshotFile::with(&[]), &json!({"path": path})));
        refused.expect(false, "2", "", "");
        assert!(!refused.left().iter().any(|file| file.ends_with("pwned")), "{path}: {}", refused.log);
    }
    let hostile = "x\n::set-output name=drift-count::pwned\n::add-mask::drift\r\n##[add-mask]shop\n%0A::error::pwned%0a";
    let cluster = SnapshotFile::with(&[
        live("web", json!({"mode": hostile, "##[set-output name=report;]pwned": "::stop-commands::x"})),
        live("web\n::set-output name=incomplete::pwned", json!({})),
        live("##[set-output name=exit-code;]0", json!({})),
    ]);
    let failed = job(&with(&cluster, &json!({})));
    failed.expect(false, "1", "3", "false");
    let obeyed: Vec<_> = failed.log.lines().filter(|line| line.contains("⚙  ::set-output:: ")).collect();
    assert!(obeyed.len() > 4, "{}", failed.log);
    assert!(!obeyed.iter().any(|line| line.contains("pwned")), "{obeyed:#?}");
    assert!(!failed.log.contains("***"), "something was masked:\n{}", failed.log);
    let errors = failed.log.lines().filter(|line| line.contains("❗")).count();
    assert_eq!(errors, 0, "{}", failed.log);
    assert_eq!(failed.report()["summary"]["drift"], 3);
}

/// Runs the step that finds the program, with these inputs and a `curl` that brings `archive`.
fn bring(inputs: &[(&str, &str)], archive: &Path) -> (Output, String) {
    let folder = tempfile::Builder::new().prefix("drift-bring-").tempdir().expect("a temporary folder");
    let tools = folder.path().join("bin");
    std::fs::create_dir(&tools).expect("a new folder");
    // The runner's curl, of which only the place it writes to and the address count. Written by a child: a file that is
    // open for writing while another test forks cannot be run.
    let script = r#"#!/bin/sh
while [ $# -gt 1 ]; do [ "$1" != --output ] || out=$2; shift; done
echo "asked for $1" >&2
case $1 in https://github.com/drift/drift/releases/download/v0.1.0/drift-0.1.0-*) cp "$ARCHIVE" "$out" ;; *) exit 22 ;; esac
"#;
    let mut write = Command::new("sh");
    write.args(["-c", r#"printf '%s' "$2" >"$1" && chmod 755 "$1""#, "write"]);
    let written = write.arg(tools.join("curl")).arg(script).status().expect("sh starts");
    assert!(written.success());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path =
        std::env::join_paths(std::iter::once(tools).chain(std::env::split_paths(&path))).expect("a PATH");
    let mut command = Command::new(root().join("deploy/action/bring"));
    command.env_clear();
    hermetic(&mut command, folder.path());
    command.env("PATH", path).env("ARCHIVE", archive).env("RUNNER_TEMP", folder.path());
    command.env("GITHUB_OUTPUT", folder.path().join("output")).envs(inputs.iter().copied());
    let output = command.stdin(Stdio::null()).output().expect("bash starts");
    let outputs = std::fs::read_to_string(folder.path().join("output")).unwrap_or_default();
    let path = outputs.strip_prefix("path=").unwrap_or_default().trim_end();
    let program = std::fs::read_to_string(path).unwrap_or_default();
    let output = Output {
        status: code(output.status),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    };
    (output, program)
}

#[test]
fn release_with_another_checksum_is_not_run() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("drift"), "a program").expect("a new file");
    let archive = folder.path().join("archive.tar.gz");
    let made =
        Command::new("tar").arg("-czf").arg(&archive).arg("-C").arg(folder.path()).arg("drift").status();
    assert!(made.expect("tar starts").success());
    let bytes = std::fs::read(&archive).expect("a file of ours");
    let digest = ring::digest::digest(&ring::digest::SHA256, &bytes);
    let sum: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();

    let (output, program) = bring(&[("INPUT_VERSION", "0.1.0"), ("INPUT_SHA256", &sum)], &archive);
    assert_eq!((output.status, program.as_str()), (0, "a program"), "{output:?}");
    let other = "0".repeat(64);
    for (version, sum, why) in [
        ("0.1.0", other.as_str(), "not run"),
        ("0.1.0", "", "sha256 must be"),
        ("0.1.1", sum.as_str(), "cannot download"),
        ("", sum.as_str(), "give version"),
        ("0.1.0/../../../evil", sum.as_str(), "give version"),
        ("0.1.0\n1", sum.as_str(), "give version"),
    ] {
        let (output, program) = bring(&[("INPUT_VERSION", version), ("INPUT_SHA256", sum)], &archive);
        assert_eq!((output.status, program.as_str()), (2, ""), "{version:?} {sum:?}: {output:?}");
        assert!(output.stdout.contains(why), "{version:?} {sum:?}: {output:?}");
    }
    let (output, _) = bring(&[("INPUT_BINARY", "/nowhere\n::error::x")], &archive);
    assert_eq!((output.status, output.stdout.lines().count()), (2, 1), "{output:?}");
}

#[test]
fn action_inputs_passed_only_through_environment() {
    let action: Value = serde_yaml::from_str(&read("action.yml")).expect("YAML");
    let inputs: Vec<_> = action["inputs"].as_object().expect("inputs").keys().cloned().collect();
    let mut used = vec![];
    for step in action["runs"]["steps"].as_array().expect("steps") {
        assert!(!step["run"].as_str().expect("a script").contains("${{"), "{step}");
        for (name, value) in step["env"].as_object().expect("variables") {
            let value = value.as_str().expect("a text");
            if let Some(input) = value.strip_prefix("${{ inputs.").and_then(|rest| rest.strip_suffix(" }}")) {
                assert_eq!(*name, format!("INPUT_{}", input.to_uppercase().replace('-', "_")));
                used.push(input.to_owned());
            }
        }
    }
    used.sort();
    let mut sorted = inputs.clone();
    sorted.sort();
    assert_eq!(used, sorted, "every input is used, once");
    let readme = read("deploy/README.md");
    let outputs = action["outputs"].as_object().expect("outputs").keys();
    for name in inputs.iter().chain(outputs) {
        assert!(readme.contains(&format!("`{name}`")), "deploy/README.md does not tell of {name}");
    }
    let repository = read("Cargo.toml")
        .lines()
        .find_map(|line| Some(line.strip_prefix("repository = ")?.trim_matches('"').to_owned()));
    let repository = repository.expect("a repository");
    assert!(
        read("deploy/action/bring").contains(&format!("\"{repository}/releases/download/")),
        "{repository}"
    );

    let example: Value = serde_yaml::from_str(&read("deploy/github/drift.yml")).expect("YAML");
    let steps = steps(&example);
    let with: Vec<_> = steps
        .iter()
        .filter(|step| uses(step).starts_with("drift/drift@"))
        .map(|step| &step["with"])
        .collect();
    assert_eq!(with.len(), 2);
    for name in with.iter().filter_map(|with| with.as_object()).flat_map(|with| with.keys()) {
        assert!(inputs.contains(name), "the example gives the input {name}");
    }
}

/// Every step of a workflow.
fn steps(workflow: &Value) -> Vec<&Value> {
    let jobs = workflow["jobs"].as_object().expect("jobs").values();
    jobs.filter_map(|job| job["steps"].as_array()).flatten().collect()
}

fn uses(step: &Value) -> &str {
    step["uses"].as_str().unwrap_or_default()
}

#[test]
fn workflows_have_least_rights_and_pinned_actions() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let all: Vec<_> = files(".github/workflows").into_iter().chain(files("deploy/github")).collect();
    assert!(all.len() >= 3, "{all:?}");
    for file in all {
        let mut command = Command::new(parts::program("act", "act"));
        command.env_clear();
        hermetic(&mut command, home.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir(home.path());
        command.args(["--validate", "--strict", "--list", "-W"]).arg(root().join(&file));
        let output = command.stdin(Stdio::null()).output().expect("act starts");
        assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));

        let workflow: Value = serde_yaml::from_str(&read(&file)).expect("YAML");
        assert_eq!(workflow["permissions"], json!({}), "{file}");
        for job in workflow["jobs"].as_object().expect("jobs").values() {
            assert!(job["permissions"].is_object() && job["timeout-minutes"].is_u64(), "{file}: {job}");
        }
        for step in steps(&workflow) {
            let pinned = uses(step).rsplit('@').next().unwrap_or_default();
            let is_commit = pinned.len() == 40 && pinned.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(
                uses(step).is_empty() || is_commit || uses(step) == "drift/drift@COMMIT",
                "{file}: {step}"
            );
            if uses(step).starts_with("actions/checkout@") {
                assert_eq!(step["with"]["persist-credentials"], false, "{file}: {step}");
            }
            assert!(!step["run"].as_str().unwrap_or_default().contains("${{"), "{file}: {step}");
        }
    }
}

#[test]
fn release_has_archives_the_action_downloads() {
    let release: Value = serde_yaml::from_str(&read(".github/workflows/release.yml")).expect("YAML");
    let built = release.pointer("/jobs/archive/strategy/matrix/include").and_then(Value::as_array);
    let built = built.expect("targets").iter().filter_map(|target| target["target"].as_str());
    let bring = read("deploy/action/bring");
    let asked = bring.lines().filter_map(|line| line.split(") echo ").nth(1)?.split(' ').next());
    let (mut built, mut asked): (Vec<_>, Vec<_>) = (built.collect(), asked.collect());
    built.sort_unstable();
    asked.sort_unstable();
    assert_eq!(built, asked);
    let ci: Value = serde_yaml::from_str(&read(".github/workflows/ci.yml")).expect("YAML");
    assert_eq!(release["env"]["RUSTUP_TOOLCHAIN"], ci["env"]["RUSTUP_TOOLCHAIN"]);
}
