//! `drift run`: check, incidents, ledger, pull requests and issues.
//!
//! Everything is read first, then decided; then one atomic push of the proposals' branches and the ledger; then the
//! forge. Whatever a kill leaves undone, the next run derives again by listing.

mod apply;
mod attempt;
mod branch;
mod ending;
mod error;
mod examined;
mod mass_drift;
mod observe;
mod plan;
mod proposal_text;
mod publish;
mod remotes;
mod settings;
#[cfg(test)]
mod tests;

use tracing::field::Empty;
use tracing::info_span;

use crate::check::{Check, compare, discover_sources};
use crate::checkout::{Checkout, CheckoutError, refuse_foreign_branch};
use crate::model::{CheckReport, RunFailure, RunReport};
use crate::source::Prerendered;
use apply::{WriteOutcome, apply};
use attempt::{RunAttempt, RunContext};
use observe::observe;
use plan::{Observed, plan_run};

pub use error::RunError;
pub(crate) use remotes::{branch_name, read_ledger};
pub use settings::ForgeOptions;
pub use settings::RunSettings;

/// Most attempts of a run when somebody else pushes first.
const ATTEMPTS: u32 = 5;

/// The scheduled job.
///
/// # Errors
/// What keeps the run from beginning (no token, no known forge, nothing was read then), or from being written.
pub async fn run(settings: &RunSettings, progress: &dyn Fn(&str)) -> Result<RunReport, RunError> {
    progress("opening the repository");
    let has_token = settings.check.checkout.tokens.has_own();
    let explain = |error: CheckoutError| error.explain_missing_token(has_token);
    let mut repository = settings.check.checkout.open_repository().map_err(explain)?;
    let context = RunContext::find(&repository, settings).await.map_err(|error| match error {
        RunError::Checkout(error) => RunError::Checkout(explain(error)),
        other => other,
    })?;
    progress("connecting to the cluster");
    let cluster = settings.check.connect().await?;
    let mut number = 1;
    loop {
        progress("fetching");
        let stage = info_span!("fetch", attempt = number, proposal_branches = Empty);
        let heads = context.fetch_heads(&repository)?;
        stage.record("proposal_branches", heads.branches.len());
        drop(stage);
        refuse_foreign_branch(&repository, &heads.base, heads.ledger.as_ref())?;
        let mut checkout = Checkout::from_commit(repository, heads.base.clone(), None)?;
        checkout.branch = Some(context.base.clone());
        let ahead =
            discover_sources(&settings.check, &mut checkout, &cluster, Prerendered::default()).await?;
        let Check { report: checked, inputs } =
            compare(&settings.check, &checkout, &cluster, ahead, progress).await?;
        let attempt = RunAttempt {
            settings,
            context: &context,
            checkout: &checkout,
            heads: &heads,
            checked: &checked,
            inputs: &inputs,
            cluster: &cluster,
        };
        match attempt_run(&attempt, progress).await {
            Err(RunError::Push(error)) if error.is_stale() && number < ATTEMPTS => number += 1,
            outcome => return Ok(report(settings, checked, outcome)),
        }
        repository = checkout.repository;
    }
}

/// What is told of a run. The check is reported in any case.
fn report(
    settings: &RunSettings,
    checked: CheckReport,
    outcome: Result<WriteOutcome, RunError>,
) -> RunReport {
    let dry_run = settings.dry_run;
    match outcome {
        Ok(WriteOutcome { actions, notes, held_back, failed }) => {
            RunReport { checked, actions, notes, held_back, dry_run, failed: failed.as_ref().map(failure) }
        }
        Err(error) => RunReport { checked, dry_run, failed: Some(failure(&error)), ..RunReport::default() },
    }
}

fn failure(error: &RunError) -> RunFailure {
    RunFailure { what: error.to_string(), hint: error.hint() }
}

/// One attempt: observe, plan, apply.
async fn attempt_run(attempt: &RunAttempt<'_>, progress: &dyn Fn(&str)) -> Result<WriteOutcome, RunError> {
    if !attempt.checked.cluster.identified {
        return Err(RunError::UnidentifiedCluster);
    }
    progress("listing proposals");
    let (mut ledger, listed, deleted) = observe(attempt).await?;
    progress("deciding");
    let observed = Observed {
        report: attempt.checked,
        inputs: attempt.inputs,
        base: &attempt.context.base,
        base_commit: attempt.heads.base.as_str(),
        listed: &listed,
        deleted: &deleted,
    };
    let stage = info_span!("plan", proposals = Empty, ended = Empty, deferred = Empty, held_back = Empty);
    let plan = plan_run(observed, &mut ledger, attempt)?;
    stage.record("proposals", plan.wanted.iter().map(|wanted| wanted.proposals.len()).sum::<usize>());
    stage.record("ended", plan.ended.len()).record("deferred", plan.deferred.len());
    stage.record("held_back", plan.held_back);
    drop(stage);
    apply(attempt, (&ledger, &plan), &listed, progress).await
}
