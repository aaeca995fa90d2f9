//! Applies a plan: the branches and the ledger in one push, then the forge, then branches that have served.

use tracing::field::Empty;
use tracing::info_span;

use super::attempt::RunAttempt;
use super::plan::RunPlan;
use super::{RunError, branch, publish};
use crate::forge::ExistingProposal;
use crate::incident::Ledger;
use crate::model::Action;

/// What an attempt did.
#[derive(Default)]
pub(super) struct WriteOutcome {
    pub(super) actions: Vec<Action>,
    pub(super) notes: Vec<String>,
    pub(super) held_back: usize,
    /// The first refusal of the forge; what does not depend on it was done.
    pub(super) failed: Option<RunError>,
}

/// Writes what was planned, or only says so where nothing is to be written.
pub(super) async fn apply(
    attempt: &RunAttempt<'_>,
    (ledger, plan): (&Ledger, &RunPlan),
    listed: &[ExistingProposal],
    progress: &dyn Fn(&str),
) -> Result<WriteOutcome, RunError> {
    let mut notes = plan.notes.clone();
    if attempt.checkout.repository.root().is_some() && attempt.checkout.repository.is_dirty()? {
        notes.push("the work tree has uncommitted changes, which a run ignores".to_owned());
    }
    if attempt.settings.dry_run {
        let actions = publish::planned_actions(plan, listed);
        return Ok(WriteOutcome { actions, notes, held_back: plan.held_back, failed: None });
    }
    progress("pushing");
    let stage = info_span!("push", branches = Empty);
    let (updates, commits) = branch::build_updates(attempt, ledger, plan)?;
    stage.record("branches", updates.len());
    let skipped = branch::push(attempt, updates, &mut notes)?;
    drop(stage);
    progress("writing to the forge");
    let stage = info_span!("forge", actions = Empty);
    let pushed = publish::PushedBranches { commits: &commits, skipped: &skipped };
    let (actions, failed) = publish::publish(attempt, (plan, pushed), listed, &mut notes).await?;
    stage.record("actions", actions.len());
    drop(stage);
    branch::delete_finished_branches(attempt, ledger, &mut notes)?;
    Ok(WriteOutcome { actions, notes, held_back: plan.held_back, failed })
}
