//! A hunt for secrets: renderers fail at random in repositories that hold a known value, and no byte of it is in anything
//! that drift writes: standard output and error, reports in every format, proposals, issues, the ledger.
//!
//! `DRIFT_TEST_HUNT=500` fails so often, and `DRIFT_TEST_HUNT=500:17` begins at number 17; otherwise [`FEW`] do.

#![expect(clippy::disallowed_methods, reason = "tests read the developer's environment")]

mod dice;
mod secret;
mod tables;
mod world;

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::support::command::Drift;
use crate::support::repo::Repo;
use crate::support::snapshot::{SnapshotFile, written_by};
use dice::Dice;
use secret::Secret;
use world::World;

/// Failures of the gate.
const FEW: u64 = 40;
/// Failures at the same time.
const THREADS: usize = 3;

/// What came of one.
struct Told {
    has_failed: bool,
    /// Where a part of the secret is.
    leaks: Vec<String>,
}

#[test]
fn failing_renderer_leaks_no_secret() {
    let (count, first) = wanted();
    let next = AtomicU64::new(first);
    let all = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= first + count {
                        return;
                    }
                    let told = hunt(number);
                    all.lock().expect("no hunter panics while it tells").push((number, told));
                }
            });
        }
    });
    let mut all = all.into_inner().expect("no hunter panics while it tells");
    all.sort_by_key(|(number, _)| *number);
    assert_eq!(all.len() as u64, count);
    let mut leaks = String::new();
    for (number, (name, told)) in &all {
        for leak in &told.leaks {
            writeln!(leaks, "number {number}, {leak}: {name:?}").expect("a String takes all");
        }
    }
    let failed = all.iter().filter(|(_, (_, told))| told.has_failed).count();
    println!("{failed} of {count} failed");
    let passed: Vec<_> =
        all.iter().filter(|(_, (_, told))| !told.has_failed).map(|(_, (name, _))| name).collect();
    assert!(leaks.is_empty(), "{leaks}");
    assert!(failed * 10 >= all.len() * 8, "only {failed} of {count} failed; not {passed:#?}");
}

fn wanted() -> (u64, u64) {
    let Ok(text) = std::env::var("DRIFT_TEST_HUNT") else { return (FEW, 0) };
    let (count, first) = text.split_once(':').unwrap_or((&text, "0"));
    let number = |text: &str| {
        text.parse().unwrap_or_else(|_| panic!("DRIFT_TEST_HUNT is COUNT or COUNT:FIRST, not {text:?}"))
    };
    (number(count), number(first))
}

/// A ConfigMap that somebody changed, and the Secret with another value.
fn live(other: &Secret) -> SnapshotFile {
    let cfg = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cfg", "namespace": "shop"},
        "data": {"a": "by hand"}});
    let s = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "shop"},
        "type": "Opaque", "data": {"pw": base64(&other.text)}});
    let fields = json!({"f:data": {"f:a": {}, "f:pw": {}}});
    SnapshotFile::with(&[
        written_by("kubectl-edit", fields.clone(), cfg),
        written_by("kubectl-edit", fields, s),
    ])
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn hunt(number: u64) -> (String, Told) {
    let mut dice = Dice::new(number);
    let (secret, other) = (Secret::roll(&mut dice), Secret::roll(&mut dice));
    let world = World::roll(number, &mut dice, &secret);
    let repo = Repo::with(&[
        ("drift.yaml", "version: 1\ncluster: test\nforge: {type: local}\nsources:\n- path: c\n- path: m\n"),
        (
            "m/a.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cfg, namespace: shop}\ndata: {a: x}\n",
        ),
    ]);
    for (path, bytes) in &world.files {
        repo.write(path, bytes);
    }
    repo.commit("Break it");
    let live = live(&other);
    let snapshot = live.path();
    let drift = |arguments: &[&str]| {
        let drift = Drift::new().with_tools(world.tools).in_folder(repo.path());
        drift.args(arguments).arg("--snapshot").arg(&snapshot)
    };
    let mut written = Vec::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let report = |format: &str| format!("{format}={}", folder.path().join(format).display());
    let reports = ["text", "markdown", "github"].map(report);
    let check = drift(&["check", "-vv", "--log-format", "json", "-o", "json"]);
    let check = reports.iter().fold(check, |check, report| check.arg("--output-file").arg(report)).run();
    let has_failed =
        serde_json::from_str(&check.stdout).is_ok_and(|report: Value| report["complete"] == false);
    written.push(("check", check.stdout + &check.stderr));
    for format in ["text", "markdown", "github"] {
        let text = std::fs::read_to_string(folder.path().join(format)).expect("a report is written");
        written.push((format, text));
    }
    let run = drift(&["run", "-vv"]).run();
    written.push(("run", run.stdout + &run.stderr));
    // The ledger and the proposals, and not what was there before.
    written.push(("branches", repo.git(&["log", "-p", "--format=%B", "--all", "--not", "main"])));
    match number % 3 {
        0 => {
            let told = drift(&["explain", "ConfigMap/shop/cfg", "--all"]).run();
            written.push(("explain", told.stdout + &told.stderr));
        }
        1 => {
            let told = drift(&["check", "--base", "main~1"]).run();
            written.push(("check --base", told.stdout + &told.stderr));
        }
        _ => {
            let told = drift(&["run", "--dry-run"]).run();
            written.push(("run --dry-run", told.stdout + &told.stderr));
        }
    }
    let needles: Vec<String> = [&secret, &other].into_iter().flat_map(Secret::needles).collect();
    let shows = |text: &str| needles.iter().any(|needle| text.contains(needle.as_str()));
    let leaks = written.iter().filter(|(_, text)| shows(text));
    let leaks = leaks.map(|(place, text)| format!("in {place}: {}", masked(text, &needles))).collect();
    (world.name, Told { has_failed, leaks })
}

/// The line that shows a secret, without it.
fn masked(text: &str, needles: &[String]) -> String {
    let line = text
        .lines()
        .find(|line| needles.iter().any(|needle| line.contains(needle.as_str())))
        .unwrap_or_default();
    let masked = needles.iter().fold(line.to_owned(), |line, needle| line.replace(needle.as_str(), "######"));
    masked.chars().take(400).collect()
}
