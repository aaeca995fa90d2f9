//! Verdicts that people reported, and their like: each folder of `testdata/verdict` is a case, told in steps.
//!
//! `case.yaml` says what Git declares, how it is applied, what then happens in the cluster, and what `drift check` has to
//! say before and after: see [`case::Case`], [`step::Step`], [`deployer`] and [`line`]. `{NS}` is the namespace of the
//! run, `{DIR}` the folder of the case, `{REPO}` the repository, `{PORT}` a node port that nobody has, `{WEBHOOK}` and
//! `{CA}` a webhook server and its certificate. Each mode of a case is a run in a namespace of its own.
//!
//! `DRIFT_TEST_CASES=name,name` runs these cases only, and prints all that was said.

#![expect(clippy::disallowed_methods, reason = "tests run programs and have a clock")]

mod apply;
mod case;
mod deployer;
mod judge;
mod line;
mod row;
mod run;
mod step;
mod webhook;
mod write;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};

use crate::support::cluster::ControlPlane;
use case::{CaseFolder, Subject};
use run::Run;

/// Runs at the same time, in all tests of this file together.
const THREADS: usize = 4;

/// One test for each subject.
macro_rules! tests {
    ($($name:ident: $subject:ident,)*) => {
        $(#[test]
        fn $name() {
            judge_all(Subject::$subject);
        })*
    };
}

tests! {
    admission_change_is_no_drift: Admission,
    changed_default_is_no_drift: ChangedDefault,
    controller_change_is_not_manual: Controller,
    object_may_be_declared_twice: DeclaredTwice,
    deployer_mark_is_no_drift: DeployerMark,
    dropped_field_is_no_drift: DroppedField,
    release_compared_as_helm_rendered_it: Helm,
    hook_left_out_if_deployer_runs_it: Hook,
    hot_fix_reported_in_every_field: HotFix,
    list_item_distinguished_from_similar_ones: ListItem,
    unapplied_change_is_unsynced_then_drift: NotApplied,
    change_seen_through_another_version: OtherVersion,
    return_to_older_commit_is_rollback: Rollback,
    writers_of_shared_part_told_apart: SharedPart,
    stale_evidence_is_ignored: StaleEvidence,
    untouched_object_stays_in_sync: Steady,
    person_made_object_unmanaged_despite_marks: Unmanaged,
    unowned_change_is_not_manual: Unowned,
    value_compared_as_server_stores_it: Value,
    deployer_variable_is_known: Variable,
}

#[test]
fn every_case_can_be_read() {
    let faults: Vec<String> = CaseFolder::list()
        .iter()
        .filter_map(|folder| folder.validate(&example).err().map(|why| format!("{}: {why}", folder.name)))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Fills in what only a run knows.
fn example(text: &str) -> String {
    text.replace("{NS}", "ns").replace("{PORT}", "30000")
}

/// Runs every case of a subject in each of its modes.
#[track_caller]
fn judge_all(subject: Subject) {
    let chosen = std::env::var("DRIFT_TEST_CASES").unwrap_or_default();
    let chosen: BTreeSet<&str> = chosen.split(',').filter(|name| !name.is_empty()).collect();
    let (_, version) = ControlPlane::with_controllers().api("admin", "GET", "/version", None);
    let minor = version["minor"].as_str().and_then(|minor| minor.parse().ok()).expect("a minor version");
    let mut all = vec![];
    for folder in CaseFolder::list() {
        let case = folder.read(&example);
        let case = case.unwrap_or_else(|why| panic!("{}: {why}", folder.name));
        if case.about == subject
            && case.is_of(minor)
            && (chosen.is_empty() || chosen.contains(folder.name.as_str()))
        {
            all.extend(case.modes.iter().map(|mode| (folder.clone(), mode.clone())));
        }
    }
    let failed = run_all(&all, !chosen.is_empty());
    assert!(failed.is_empty(), "{} of {} runs failed\n{}", failed.len(), all.len(), failed.join("\n"));
}

/// The accounts of the runs that failed (of all of them, where everything is to be shown).
fn run_all(all: &[(CaseFolder, String)], show: bool) -> Vec<String> {
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(vec![]));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some((folder, mode)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let _turn = Turn::wait();
                    let (complaints, said) = run_one(folder, mode);
                    let mut text = format!("--- {} [{mode}]\n", folder.name);
                    for complaint in &complaints {
                        let _ = writeln!(text, "    {complaint}");
                    }
                    text.push_str(&said);
                    if show {
                        // Past the capture of libtest: it shows nothing of tests that pass.
                        let _ = writeln!(std::io::stderr(), "{text}");
                    }
                    if !complaints.is_empty() {
                        failed.lock().expect("no run panics here").push(text);
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().expect("no run panics here");
    failed.sort();
    failed
}

/// One run: the complaints, and everything that was said.
fn run_one(folder: &CaseFolder, mode: &str) -> (Vec<String>, String) {
    let mut said = String::new();
    let run = catch_unwind(AssertUnwindSafe(|| Run::new(folder, mode)?.go(&mut said)));
    let complaints = match run {
        Ok(Ok(complaints)) => complaints,
        Ok(Err(why)) => vec![format!("broken: {why}")],
        Err(panic) => vec![format!("broken: {}", panic_text(panic.as_ref()))],
    };
    (complaints, said)
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words")
}

/// The right to run one case: there are [`THREADS`] of them.
struct Turn;

static TURNS: (Mutex<usize>, Condvar) = (Mutex::new(THREADS), Condvar::new());

impl Turn {
    fn wait() -> Self {
        let left = TURNS.0.lock().expect("nothing panics here");
        let mut left = TURNS.1.wait_while(left, |left| *left == 0).expect("nothing panics here");
        *left -= 1;
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *TURNS.0.lock().expect("nothing panics here") += 1;
        TURNS.1.notify_one();
    }
}
