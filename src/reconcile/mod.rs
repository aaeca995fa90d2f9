//! `drift run`: check, incidents, ledger, pull requests and issues.
//!
//! Everything is read first, then decided; then one atomic push of the proposals' branches and the ledger; then the
//! forge. Whatever a kill leaves undone, the next run derives again by listing.

mod branch;
mod ending;
mod error;
mod examined;
mod mass_drift;
mod plan;
mod proposal_text;
mod publish;
mod remotes;

use crate::check::{Check, CheckInputs, CheckSettings, compare};
use crate::checkout::{Checkout, CheckoutError, refuse_foreign_branch};
use crate::cluster::Cluster;
use crate::forge::ExistingProposal;
use crate::incident::Ledger;
use crate::model::{Action, CheckReport, RunReport};
use crate::source::Prerendered;

pub use error::RunError;
pub use remotes::ForgeOptions;
pub(crate) use remotes::{branch_name, read_ledger};

use plan::{RunPlan, plan_run};
use remotes::{Heads, RunContext};

/// What `drift run` needs to know.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// Repository, cluster, time. The revision and the path are ignored: a run reads the base branch.
    pub check: CheckSettings,
    /// Forge options in addition to `drift.yaml`.
    pub forge: ForgeOptions,
    /// Shows what would be written, and writes nothing.
    pub dry_run: bool,
}

/// Most attempts of a run when somebody else pushes first.
const ATTEMPTS: u32 = 5;

/// The scheduled job.
///
/// # Errors
/// What keeps the run from beginning (no token, no known forge, nothing was read then), or from being written.
pub async fn run(settings: &RunSettings, progress: &dyn Fn(&str)) -> Result<RunReport, RunError> {
    progress("opening the repository");
    let has_token = settings.check.checkout.tokens.drift.is_some();
    let explain = |error: CheckoutError| error.explain_missing_token(has_token);
    let mut repository = settings.check.checkout.open_repository().map_err(explain)?;
    let site = RunContext::find(&repository, settings).await.map_err(|error| match error {
        RunError::Checkout(error) => RunError::Checkout(explain(error)),
        other => other,
    })?;
    progress("connecting to the cluster");
    let cluster = settings.check.connect().await?;
    let mut attempt = 1;
    loop {
        progress("fetching");
        let heads = site.fetch_heads(&repository)?;
        refuse_foreign_branch(&repository, &heads.base, heads.ledger.as_ref())?;
        let opened = Checkout::from_commit(repository, heads.base.clone(), None)?;
        let Check { report: checked, inputs } =
            compare(&settings.check, &opened, &cluster, Prerendered::default(), progress).await?;
        let round = RunAttempt {
            settings,
            context: &site,
            checkout: &opened,
            heads: &heads,
            checked: &checked,
            inputs: &inputs,
        };
        match round.write(progress, &cluster).await {
            Ok(WriteOutcome { actions, notes, held_back: held, failed }) => {
                let failed = failed.map(|error| error.to_string());
                return Ok(RunReport {
                    checked,
                    actions,
                    notes,
                    held_back: held,
                    dry_run: settings.dry_run,
                    failed,
                });
            }
            Err(RunError::Push(error)) if error.is_stale() && attempt < ATTEMPTS => attempt += 1,
            // The check is reported in any case.
            Err(error) => {
                let dry_run = settings.dry_run;
                return Ok(RunReport {
                    checked,
                    dry_run,
                    failed: Some(error.to_string()),
                    ..RunReport::default()
                });
            }
        }
        repository = opened.repository;
    }
}

/// One derivation from a fetched state.
struct RunAttempt<'a> {
    settings: &'a RunSettings,
    context: &'a RunContext,
    checkout: &'a Checkout,
    heads: &'a Heads,
    checked: &'a CheckReport,
    inputs: &'a CheckInputs,
}

/// What an attempt did.
#[derive(Default)]
struct WriteOutcome {
    actions: Vec<Action>,
    notes: Vec<String>,
    held_back: usize,
    /// The first refusal of the forge; what does not depend on it was done.
    failed: Option<RunError>,
}

impl RunAttempt<'_> {
    async fn write(&self, progress: &dyn Fn(&str), cluster: &Cluster) -> Result<WriteOutcome, RunError> {
        if !self.checked.cluster.identified {
            return Err(RunError::UnidentifiedCluster);
        }
        let mut ledger =
            remotes::read_ledger(&self.checkout.repository, &self.heads.base, self.heads.ledger.as_ref())?;
        progress("listing proposals");
        let listed = self.context.forge.list(&remotes::ended_incidents(&ledger)).await?;
        progress("deciding");
        let gone = examined::deleted_members(self, &ledger, cluster).await;
        let decision = plan_run(self, &mut ledger, &listed, &gone, cluster)?;
        self.publish(&ledger, &decision, &listed, progress).await
    }

    async fn publish(
        &self,
        ledger: &Ledger,
        decision: &RunPlan,
        listed: &[ExistingProposal],
        progress: &dyn Fn(&str),
    ) -> Result<WriteOutcome, RunError> {
        let mut notes = decision.notes.clone();
        if self.checkout.repository.root().is_some() && self.checkout.repository.is_dirty()? {
            notes.push("the work tree has uncommitted changes, which a run ignores".to_owned());
        }
        if self.settings.dry_run {
            let actions = publish::planned_actions(decision, listed);
            return Ok(WriteOutcome { actions, notes, held_back: decision.held_back, failed: None });
        }
        progress("pushing");
        let (updates, commits) = branch::build_updates(self, ledger, decision)?;
        let left = branch::push(self, updates, &mut notes)?;
        progress("writing to the forge");
        let pushed = publish::PushedBranches { commits: &commits, skipped: &left };
        let (actions, failed) = publish::publish(self, (decision, pushed), listed, &mut notes).await?;
        branch::delete_finished_branches(self, ledger, &mut notes)?;
        Ok(WriteOutcome { actions, notes, held_back: decision.held_back, failed })
    }
}
