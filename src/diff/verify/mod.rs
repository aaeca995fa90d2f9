//! Compares the API server's dry-run answer with drift's changes of one object: a self-test.
//!
//! Independent of the comparison on purpose: both sides come from the server, so that nothing has to be known of
//! defaults, list keys or formats. Values of Secrets end here.

mod dry_run_patch;
mod leaves;
mod pairs;

#[cfg(test)]
mod tests;

use crate::model::Disagreement;
use crate::model::ExplainedDifference;
use crate::model::Fault;
use serde_json::Value;

use super::server_set::{is_older_default, is_server_set, is_system_list_item};
use crate::model::{Cause, Change, ChangeKind, Desired, FieldPath, PathElement, is_secret, is_secret_value};
pub use dry_run_patch::DryRunPatch;
use leaves::{Leaf, leaves};

/// The comparison of one object's changes with the server's answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DryRunComparison {
    /// What differs for a known reason.
    pub explained: Vec<ExplainedDifference>,
    /// What the server would change and drift does not say. Some of it may follow from what drift says: see
    /// [`DryRunComparison::drop_consequences`].
    pub disagreements: Vec<Disagreement>,
}

const FOLLOWS: &str = "follows from a reported change: the server would put it back with it";

impl DryRunComparison {
    /// Whether the server would change something that drift does not say.
    #[must_use]
    pub fn has_missed(&self) -> bool {
        self.disagreements.iter().any(|found| found.fault == Fault::Missed)
    }

    /// Takes away what follows from reported changes: where Git has them taken in, the server (`answer`) changes
    /// nothing of it.
    pub fn drop_consequences(&mut self, answer: &Value, live: &Value) {
        let still = leaves(answer, live);
        let stands = |path: &FieldPath| {
            still.iter().any(|leaf| leaf.path.starts_with(path) || path.starts_with(&leaf.path))
        };
        let (left, settled): (Vec<_>, Vec<_>) = std::mem::take(&mut self.disagreements)
            .into_iter()
            .partition(|found| found.fault == Fault::False || stands(&found.path));
        self.disagreements = left;
        self.explained
            .extend(settled.into_iter().map(|found| ExplainedDifference { path: found.path, why: FOLLOWS }));
    }
}

/// Compares drift's changes of an object with the server's answer to the dry-run patch.
#[must_use]
pub fn compare_answer(
    desired: &Desired,
    live: &Value,
    answer: &Value,
    question: &DryRunPatch<'_>,
    changes: &[Change],
) -> DryRunComparison {
    let judge = AnswerComparer { desired, live, answer, question };
    let found = leaves(answer, live);
    let reported: Vec<ReportedChange<'_>> = changes.iter().map(|change| judge.locate(change)).collect();
    let mut judged = DryRunComparison::default();
    for leaf in &found {
        if reported.iter().any(|change| change.covers(leaf)) {
            continue;
        }
        match judge.reason(leaf) {
            Some(why) => judged.explained.push(ExplainedDifference { path: leaf.path.clone(), why }),
            None => judged.disagreements.push(judge.missed_disagreement(leaf)),
        }
    }
    for change in &reported {
        judge.check_change(change, &found, &mut judged);
    }
    judged
}

struct AnswerComparer<'a> {
    desired: &'a Desired,
    live: &'a Value,
    answer: &'a Value,
    question: &'a DryRunPatch<'a>,
}

/// A change of drift's, and where it is on both sides.
struct ReportedChange<'a> {
    change: &'a Change,
    server: Vec<String>,
    live: Vec<String>,
}

impl ReportedChange<'_> {
    fn covers(&self, leaf: &Leaf) -> bool {
        let within = |places: &[String], leaf: &Option<String>| {
            leaf.as_ref().is_some_and(|leaf| places.iter().any(|place| is_within(leaf, place)))
        };
        within(&self.server, &leaf.server) || within(&self.live, &leaf.live)
    }
}

/// Whether a pointer is at a place or inside it.
fn is_within(pointer: &str, place: &str) -> bool {
    pointer.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl AnswerComparer<'_> {
    fn locate<'c>(&self, change: &'c Change) -> ReportedChange<'c> {
        let found = &change.difference;
        let is_there = |object: &Value, pointer: &String| object.pointer(pointer).is_some();
        let mut server: Vec<String> = pointer_of(&found.path, self.answer).into_iter().collect();
        if found.kind != ChangeKind::Added {
            // Of items with the same keys, the path names the first.
            server.extend(Some(found.desired_pointer.clone()).filter(|at| is_there(self.answer, at)));
        }
        let mut live: Vec<String> = pointer_of(&found.path, self.live).into_iter().collect();
        if found.kind != ChangeKind::Removed {
            live.extend(Some(found.pointer.clone()).filter(|at| is_there(self.live, at)));
        }
        ReportedChange { change, server, live }
    }

    /// Checks one change against everything that the server would change.
    fn check_change(&self, change: &ReportedChange<'_>, found: &[Leaf], judged: &mut DryRunComparison) {
        let difference = &change.change.difference;
        let explain = |why: &'static str| ExplainedDifference { path: difference.path.clone(), why };
        if found.iter().any(|leaf| change.covers(leaf)) {
            match change.change.verdict.cause {
                Cause::Controller => judged.explained.push(explain("a controller owns it")),
                Cause::Ignored => judged.explained.push(explain("an ignore rule covers it")),
                Cause::Admission => judged.explained.push(explain("an admission webhook or policy wrote it")),
                Cause::Deployer => judged.explained.push(explain("the deployer set it")),
                _ => {}
            }
            return;
        }
        match self.why_unanswerable(change) {
            Some(why) => judged.explained.push(explain(why)),
            None => judged.disagreements.push(Disagreement {
                path: difference.path.clone(),
                fault: Fault::False,
                server: self.visible_value(&difference.path, change.server.first(), self.answer),
                live: self.visible_value(&difference.path, change.live.first(), self.live),
                masked: self.is_masked(&difference.path),
            }),
        }
    }

    /// Why the server's answer cannot confirm a change.
    fn why_unanswerable(&self, change: &ReportedChange<'_>) -> Option<&'static str> {
        let difference = &change.change.difference;
        if difference.path.fields().next() == Some("status") {
            return Some("the server is not asked about the status");
        }
        let places = || change.live.iter().chain(&change.server).chain(Some(&difference.desired_pointer));
        let inside = |of: &std::collections::BTreeSet<String>| {
            of.iter().any(|place| places().any(|at| is_within(at, place)))
        };
        if inside(&self.question.unchanged) {
            return Some("the server refuses every change here");
        }
        if change.change.verdict.cause.is_hidden() {
            return Some("the server, the deployer or a controller keeps it");
        }
        if difference.kind == ChangeKind::Added && inside(&self.question.lenient) {
            return Some("the server refuses to remove it");
        }
        difference.server_set.then_some("the server keeps what it has here, whoever wrote it")
    }

    /// Why drift does not report what the server would change.
    fn reason(&self, leaf: &Leaf) -> Option<&'static str> {
        let path = &leaf.path;
        let unstable = leaf
            .server
            .as_ref()
            .is_some_and(|at| self.desired.nondeterministic.iter().any(|unstable| is_within(at, unstable)));
        if unstable {
            return Some("its rendering is not deterministic");
        }
        if leaf.order {
            return Some("only the order differs");
        }
        let rules = matches!(path.elements().first(), Some(PathElement::Field(name)) if name == "rules");
        if rules && self.desired.value.get("aggregationRule").is_some() {
            return Some("the rules are gathered by a controller");
        }
        // `clusterIP: ""` leaves the choice to the server.
        let is_left = |value: &Value| value.is_null() || value == "";
        let in_git = path.find(&self.desired.value);
        let declared = in_git.is_some_and(|value| !is_left(value));
        let live = leaf.live.as_ref().and_then(|at| self.live.pointer(at));
        // kubectl leaves a null out, and server-side apply stores it under a map key as Go decodes it.
        if in_git.is_some_and(Value::is_null) && live.is_some_and(|live| live == "") {
            return Some("Git writes null, which server-side apply stores as an empty text");
        }
        if (leaf.server.is_none() || leaf.live.is_none()) && self.is_in_null(path) {
            return Some("Git writes null, which client-side apply leaves out");
        }
        let by_itself = is_server_set(&self.desired.id, path) || is_older_default(path, live);
        let by_itself = by_itself || self.is_in_system_item(leaf);
        (by_itself && !declared).then_some("the server, a controller or a deployer keeps it there")
    }

    /// Whether Git writes null here or around, in a custom resource.
    fn is_in_null(&self, path: &FieldPath) -> bool {
        let steps = path.elements();
        let around = |count: usize| FieldPath::from(steps[..count].to_vec());
        let is_null = |path: FieldPath| path.find(&self.desired.value).is_some_and(Value::is_null);
        !self.desired.id.is_built_in() && (1..=steps.len()).any(|count| is_null(around(count)))
    }

    /// Whether the place is an item of a live list that the system keeps, or in one.
    fn is_in_system_item(&self, leaf: &Leaf) -> bool {
        let Some(pointer) = &leaf.live else { return false };
        let steps = leaf.path.elements();
        let ends = pointer.match_indices('/').skip(1).map(|(at, _)| at).chain([pointer.len()]);
        // Each step is one token of the pointer.
        ends.zip(1..=steps.len()).any(|(end, count)| {
            let item = self.live.pointer(&pointer[..end]);
            let path = FieldPath::from(steps[..count].to_vec());
            item.is_some_and(|item| is_system_list_item(&self.desired.id, &path, item))
        })
    }

    fn missed_disagreement(&self, leaf: &Leaf) -> Disagreement {
        Disagreement {
            path: leaf.path.clone(),
            fault: Fault::Missed,
            server: self.visible_value(&leaf.path, leaf.server.as_ref(), self.answer),
            live: self.visible_value(&leaf.path, leaf.live.as_ref(), self.live),
            masked: self.is_masked(&leaf.path),
        }
    }

    fn is_masked(&self, path: &FieldPath) -> bool {
        is_secret(&self.desired.id) && is_secret_value(path)
    }

    fn visible_value(&self, path: &FieldPath, at: Option<&String>, object: &Value) -> Option<Value> {
        at.and_then(|at| object.pointer(at)).filter(|_| !self.is_masked(path)).cloned()
    }
}

/// Where a path leads in an object that a server wrote.
fn pointer_of(path: &FieldPath, object: &Value) -> Option<String> {
    let mut pointer = String::new();
    let mut here = object;
    for step in path.elements() {
        let token = match step {
            PathElement::Field(name) => name.clone(),
            PathElement::Index(index) => index.to_string(),
            PathElement::Value(value) => position(here, |item| item == value)?.to_string(),
            PathElement::Key(keys) => {
                let is_it = |item: &Value| keys.iter().all(|(key, value)| item.get(key) == Some(value));
                position(here, is_it)?.to_string()
            }
        };
        here = match here {
            Value::Array(items) => items.get(token.parse::<usize>().ok()?)?,
            other => other.get(&token)?,
        };
        crate::model::push_pointer(&mut pointer, &token);
    }
    Some(pointer)
}

fn position(list: &Value, is_it: impl Fn(&Value) -> bool) -> Option<usize> {
    list.as_array()?.iter().position(is_it)
}
