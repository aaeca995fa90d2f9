//! `drift check --verify-with-server`: asks the server, by a dry-run, what it would
//! change if Git alone were in force.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt};
use serde_json::Value;

use super::unavailable_values::is_encrypted;
use crate::cluster::{Cluster, DryRunOutcome, DryRunRejection, ReadError, resource_display_name};
use crate::diff::verify::{DryRunComparison, DryRunPatch, compare_answer};
use crate::model::{
    ApiResource, Cause, Change, Desired, Finding, Incomplete, ObjectDisagreement, ObjectExplanation,
    ObjectKey, ObjectNote, Rule, Verification, is_secret,
};

/// Questions under way at the same time.
const PARALLEL: usize = 8;
/// Most retries with a smaller patch after a rejection.
const MAX_REJECTIONS: usize = 6;

/// What the server is asked about.
pub(super) struct Verifier<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) desired: &'a [Desired],
    /// The live objects that were compared, by index of the desired object.
    pub(super) live: &'a BTreeMap<usize, Value>,
    pub(super) findings: &'a [Finding],
}

/// The verification of one object.
struct Verified {
    judged: DryRunComparison,
    /// Why the server could be asked only about a part: it refuses the rest.
    partly: Option<String>,
}

/// Why an object was not verified.
enum NotVerified {
    /// The server cannot tell, or the object changed meanwhile.
    NotVerified(String),
    /// The server could not be asked.
    Unread(ReadError),
}

impl From<ReadError> for NotVerified {
    fn from(unread: ReadError) -> Self {
        Self::Unread(unread)
    }
}

/// The changes that the server's answer is compared with. What is taken for its own doing is for the answer to confirm.
fn changes_to_confirm(changes: &[Change]) -> Vec<Change> {
    let is_told =
        |change: &&Change| change.verdict.cause != Cause::Server || change.verdict.rule == Rule::Dropped;
    changes.iter().filter(is_told).cloned().collect()
}

impl Verifier<'_> {
    /// Asks about every object that was compared. What could not be asked is incomplete, and so is a verification that
    /// disagrees: neither may be taken for clean.
    pub(super) async fn run(&self) -> (Verification, Vec<Incomplete>) {
        let kinds: BTreeSet<&ApiResource> =
            self.live.keys().filter_map(|index| self.kind(&self.desired[*index])).collect();
        let playable = self.cluster.supporting_dry_run(&kinds).await;
        let changes: BTreeMap<ObjectKey, Vec<Change>> = self
            .findings
            .iter()
            .map(|finding| (finding.resource.key(), changes_to_confirm(&finding.changes)))
            .collect();
        let asked = stream::iter(self.live).map(|(index, live)| {
            let desired = &self.desired[*index];
            let changes = changes.get(&desired.id.key()).map(Vec::as_slice).unwrap_or_default();
            let playable = &playable;
            async move { (*index, self.object(desired, live, changes, playable).await) }
        });
        let mut asked: Vec<_> = asked.buffer_unordered(PARALLEL).collect().await;
        asked.sort_by(|left, right| self.desired[left.0].id.cmp(&self.desired[right.0].id));
        self.gather(asked)
    }

    fn kind(&self, desired: &Desired) -> Option<&ApiResource> {
        let id = &desired.id;
        self.cluster.api_resources().kind(&id.group, &id.version, &id.kind)
    }

    async fn object(
        &self,
        desired: &Desired,
        live: &Value,
        changes: &[Change],
        playable: &BTreeSet<&ApiResource>,
    ) -> Result<Verified, NotVerified> {
        let not_verified = |why: &str| NotVerified::NotVerified(why.to_owned());
        if is_encrypted(&desired.value) {
            return Err(not_verified("its values are encrypted in Git (SOPS)"));
        }
        let kind = self.kind(desired).filter(|kind| playable.contains(kind));
        let kind = kind.ok_or_else(|| {
            not_verified("the server's OpenAPI document does not say that this kind can be dry-run")
        })?;
        let mut question = DryRunPatch::new(&desired.value, live);
        let (answer, partly) = self.ask(kind, desired, &mut question).await?;
        let mut judged = compare_answer(desired, live, &answer, &question, changes);
        if judged.has_missed() && !changes.is_empty() {
            let mut second = question.with_changes(&desired.value, changes);
            let (answer, _) = self.ask(kind, desired, &mut second).await?;
            judged.drop_consequences(&answer, live);
        }
        Ok(Verified { judged, partly })
    }

    /// Asks, and asks again with less where the server refuses: the answer, and why not everything could be asked.
    async fn ask(
        &self,
        kind: &ApiResource,
        desired: &Desired,
        question: &mut DryRunPatch<'_>,
    ) -> Result<(Value, Option<String>), NotVerified> {
        let id = &desired.id;
        let mut partly = None;
        for _ in 0..=MAX_REJECTIONS {
            let played = self
                .cluster
                .dry_run(kind, id.namespace.as_deref(), &id.name, &question.to_json_patch())
                .await?;
            match played {
                DryRunOutcome::Object(answer) => return Ok((answer, partly)),
                DryRunOutcome::Changed => {
                    return Err(NotVerified::NotVerified("it changed during the check".to_owned()));
                }
                DryRunOutcome::Rejected(refusal) => {
                    let why = rejection_message(desired, &refusal);
                    if !question.relax(&refusal.fields) {
                        return Err(NotVerified::NotVerified(why));
                    }
                    partly.get_or_insert(why);
                }
            }
        }
        Err(NotVerified::NotVerified(partly.unwrap_or_default()))
    }

    fn gather(&self, asked: Vec<(usize, Result<Verified, NotVerified>)>) -> (Verification, Vec<Incomplete>) {
        let mut found = Verification { asked: asked.len(), ..Verification::default() };
        let mut unread: BTreeMap<String, Incomplete> = BTreeMap::new();
        for (index, asked) in asked {
            let resource = &self.desired[index].id;
            let about = |why: String| ObjectNote { resource: resource.clone(), why };
            match asked {
                Ok(Verified { judged, partly }) => {
                    found.agreed += usize::from(judged.disagreements.is_empty());
                    found.partly.extend(partly.map(about));
                    let explained = judged.explained.into_iter();
                    found.explained.extend(
                        explained
                            .map(|explained| ObjectExplanation { resource: resource.clone(), explained }),
                    );
                    let disagreements = judged.disagreements.into_iter();
                    found.disagreements.extend(
                        disagreements.map(|found| ObjectDisagreement { resource: resource.clone(), found }),
                    );
                }
                Err(NotVerified::NotVerified(why)) => found.not_verified.push(about(why)),
                Err(NotVerified::Unread(failure)) => {
                    found.not_verified.push(about(failure.why.clone()));
                    let list = self.kind(&self.desired[index]).map(|kind| resource_display_name(kind, None));
                    let list = list.unwrap_or_else(|| failure.what.clone());
                    let what = format!("verification of {list}");
                    unread.entry(what.clone()).or_insert(Incomplete { what, why: failure.why });
                }
            }
        }
        let mut incomplete: Vec<Incomplete> = unread.into_values().collect();
        incomplete.extend(as_incomplete(&found));
        (found, incomplete)
    }
}

/// What the server said; of a Secret, and of what SOPS keeps, only the status, for the message may quote a value.
fn rejection_message(desired: &Desired, refusal: &DryRunRejection) -> String {
    if is_secret(&desired.id) || desired.value.get("sops").is_some() {
        return format!("{} (its message is left out: it may quote values)", refusal.status);
    }
    refusal.why.clone()
}

/// A disagreement makes the report incomplete: either side may be wrong.
fn as_incomplete(found: &Verification) -> Option<Incomplete> {
    let number = found.disagreements.len();
    let why = || {
        format!(
            "drift and the server disagree on {}: please report this bug with the report's `verification`",
            crate::text::pluralize(number, "place")
        )
    };
    (number > 0).then(|| Incomplete { what: "verification with the server".to_owned(), why: why() })
}
