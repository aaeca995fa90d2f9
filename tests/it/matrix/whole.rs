//! What a person did to an object is proposed whole or left with a reason, and the server takes what is merged: random
//! edits of one to four related changes, removals among them, of any kind, through `drift run`, merged and applied.
//!
//! `DRIFT_TEST_EDITS=200` makes that many; otherwise one round of them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::edits::{Edit, Types, candidates};
use super::judge::by_object;
use super::truth::stripped;
use super::{Matrix, PERSON, document, in_parallel, matrix, parsed};
use crate::support::cluster::ControlPlane;
use crate::support::command::Drift;
use crate::support::repo::Repo;

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    /// A number below `sides`.
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % sides.max(1) as u64).expect("below a usize")
    }
}

/// An object that somebody edited.
struct Edited {
    kind: String,
    name: String,
    file: String,
    edits: Vec<Edit>,
}

/// What became of the edits of one round.
#[derive(Default)]
struct Outcome {
    whole: usize,
    left: usize,
    without_meaning: usize,
    wrong: String,
}

#[test]
fn edit_proposed_completely_or_not_at_all() {
    let wanted = std::env::var("DRIFT_TEST_EDITS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let (mut total, mut made, mut round) = (Outcome::default(), 0, 0);
    while made < wanted {
        let (edits, outcome) = one_round(matrix(), round);
        made += edits;
        round += 1;
        total.whole += outcome.whole;
        total.left += outcome.left;
        total.without_meaning += outcome.without_meaning;
        total.wrong.push_str(&outcome.wrong);
    }
    println!(
        "{made} edits in {round} rounds: {} whole, {} left, {} without a meaning",
        total.whole, total.left, total.without_meaning
    );
    assert!(total.wrong.is_empty(), "{}", total.wrong);
    assert!(total.whole * 4 > made, "only {} of {made} edits were proposed", total.whole);
}

fn one_round(matrix: &Matrix, round: usize) -> (usize, Outcome) {
    let plane = &matrix.plane;
    let namespace = plane.fresh_namespace("whole");
    let texts: Vec<String> =
        matrix.bases.iter().map(|base| base.named(&format!("{}-w{round}", base.name), &namespace)).collect();
    let files: Vec<String> = matrix.bases.iter().map(|base| format!("app/{}.yaml", base.name)).collect();
    let config = "version: 1\ncluster: test\nforge: {type: local}\nsources: [{path: app}]\n";
    let declared = files.iter().map(String::as_str).zip(texts.iter().map(String::as_str));
    let repo = Repo::with(&[("drift.yaml", config)].into_iter().chain(declared).collect::<Vec<_>>());
    plane.apply("gitops", &namespace, &texts.join("\n---\n"), &["--validate=false"]);
    // More would be a mass of drift, which is asked about before anything is proposed.
    let mut dice = Dice(round as u64);
    let chosen: BTreeSet<usize> =
        (0..matrix.bases.len() / 4).map(|_| dice.roll(matrix.bases.len())).collect();
    let chosen: Vec<usize> = chosen.into_iter().collect();
    let edited = in_parallel(chosen.len(), |at| {
        let index = chosen[at];
        let object = parsed(&texts[index]);
        let path = matrix.bases[index].path(&object, &namespace);
        let mut dice = Dice((round * 10_000 + index) as u64);
        edit(matrix, &path, &mut dice).map(|edits| Edited {
            kind: object["kind"].as_str().unwrap_or_default().to_owned(),
            name: object["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
            file: files[index].clone(),
            edits,
        })
    });
    let edited: Vec<Edited> = edited.into_iter().flatten().collect();
    let outcome = judged(plane, &namespace, &repo, &edited);
    (edited.len(), outcome)
}

/// Makes one to four related changes in one write; `None` where the server takes none of those that were tried.
fn edit(matrix: &Matrix, path: &str, dice: &mut Dice) -> Option<Vec<Edit>> {
    let (status, live) = matrix.client.json("GET", path, None);
    assert_eq!(status, 200, "{path}: {live}");
    let version = live["apiVersion"].as_str().expect("an apiVersion").to_owned();
    let (group, number) = version.split_once('/').unwrap_or(("", &version));
    let types = Types::new(document(&matrix.client, &version));
    let kind = types.kind(group, number, live["kind"].as_str().expect("a kind"));
    let all: Vec<Edit> = candidates(&live, &types, kind).into_iter().flatten().collect();
    for _ in 0..60 {
        let edits = related(&all, dice);
        let made = edits.iter().try_fold(live.clone(), |object, edit| edit.of(&object));
        let Some(made) = made.filter(|made| stripped(made) != stripped(&live)) else { continue };
        let write = |dry: &str| {
            let path = format!("{path}?fieldManager={PERSON}{dry}");
            matrix.client.json("PUT", &path, Some(&made))
        };
        let (status, answer) = write("&dryRun=All");
        if status == 200 && stripped(&answer) != stripped(&live) {
            return (write("").0 == 200).then_some(edits);
        }
    }
    None
}

/// Edits near each other: of the same map or list, or below it. Those from the end of a list come first, so that the
/// places of the others stay.
fn related(all: &[Edit], dice: &mut Dice) -> Vec<Edit> {
    let place = |edit: &Edit| match edit {
        Edit::Set(pointer, _) | Edit::Remove(pointer) => pointer.clone(),
    };
    let first = place(&all[dice.roll(all.len())]);
    let mut around = first.as_str();
    for _ in 0..1 + dice.roll(2) {
        around = around.rsplit_once('/').map_or("", |(around, _)| around);
    }
    let near: Vec<&Edit> = all.iter().filter(|edit| place(edit).starts_with(around)).collect();
    let mut edits: Vec<Edit> = Vec::new();
    for _ in 0..=dice.roll(4) {
        let edit = near[dice.roll(near.len())];
        let is_apart = |other: &Edit| {
            let (one, other) = (place(edit), place(other));
            !one.starts_with(&other) && !other.starts_with(&one)
        };
        if edits.iter().all(is_apart) {
            edits.push(edit.clone());
        }
    }
    edits.sort_by_key(|edit| std::cmp::Reverse(place(edit)));
    edits
}

/// Runs, merges what is proposed, applies it, and looks at what is left.
fn judged(plane: &ControlPlane, namespace: &str, repo: &Repo, edited: &[Edited]) -> Outcome {
    let before: Vec<String> = edited.iter().map(|one| repo.read(&one.file)).collect();
    let drift = Drift::new().arg("run").in_folder(repo.path()).env("KUBECONFIG", plane.kubeconfig("admin"));
    let output = drift.run();
    assert!(matches!(output.status, 0 | 1), "{}\n{}", output.stdout, output.stderr);
    let branches = repo.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads/drift/incident/"]);
    for branch in branches.lines() {
        repo.git(&["merge", "--quiet", "--no-ff", "--no-edit", branch]);
    }
    let texts = repo.git(&["grep", "-h", "", drift::forge::PROPOSALS_BRANCH]);
    let mut outcome = Outcome::default();
    for (one, before) in edited.iter().zip(&before) {
        let text = repo.read(&one.file);
        if text == *before {
            continue;
        }
        let arguments = ["apply", "--namespace", namespace, "--filename", "-", "--validate=false"];
        let applied = plane.kubectl_with("gitops", &arguments, &text);
        if applied.status != 0 {
            let _ = writeln!(
                outcome.wrong,
                "{} {}: refused: {}\n{:?}",
                one.kind, one.name, applied.stderr, one.edits
            );
        }
    }
    let report = plane.check(repo).json();
    let findings = by_object(&report);
    for (one, before) in edited.iter().zip(&before) {
        let finding = findings.get(&(one.kind.clone(), one.name.clone()));
        match (repo.read(&one.file) != *before, finding) {
            (true, None) => outcome.whole += 1,
            // What is secret is never proposed, and stands by itself.
            (true, Some(found)) if is_secret(found) => outcome.whole += 1,
            (false, Some(_)) if texts.contains(&one.name) => outcome.left += 1,
            (false, None) => outcome.without_meaning += 1,
            (proposed, found) => {
                let _ = writeln!(
                    outcome.wrong,
                    "{} {}: {}\n{:?}\n{}",
                    one.kind,
                    one.name,
                    if proposed {
                        "half of it is proposed"
                    } else {
                        "neither proposed nor left with a reason"
                    },
                    one.edits,
                    found.map(|finding| finding["changes"].to_string()).unwrap_or_default()
                );
            }
        }
    }
    outcome
}

fn is_secret(finding: &Value) -> bool {
    let mut changes = finding["changes"].as_array().into_iter().flatten();
    changes.all(|change| change["masked"] == true)
}
