//! `drift run`: check, incidents, ledger, pull requests and issues.
//!
//! Everything is read first, then decided; then one atomic push of the proposals' branches and the ledger; then the
//! forge. Whatever a kill leaves undone, the next run derives again by listing.

mod branch;
mod decide;
mod ending;
mod error;
mod held;
mod look;
mod publish;
mod site;
mod words;

use crate::check::{CheckSettings, Checked, compare};
use crate::checkout::{Checkout, CheckoutError, refuse_foreign_branch};
use crate::cluster::Cluster;
use crate::forge::Existing;
use crate::incident::{How, Ledger};
use crate::source::Ahead;

pub use error::RunError;
pub use site::ForgeOptions;
pub(crate) use site::{branch_name, read_ledger};

use decide::{Decision, decide};
use site::{Heads, Site};

/// What `drift run` needs to know.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// Repository, cluster, time. The revision and the path are not looked at: a run reads the base branch.
    pub check: CheckSettings,
    /// The forge, beside what `drift.yaml` says.
    pub forge: ForgeOptions,
    /// Shows what would be written, and writes nothing.
    pub dry_run: bool,
}

/// What a run found and did.
#[derive(Debug, Default)]
pub struct Ran {
    /// The check of the base branch.
    pub checked: Checked,
    /// What was done, or would be, in order.
    pub actions: Vec<Action>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Objects in drift for which no incident was opened, because there are too many of them at once.
    pub held: usize,
    /// Whether nothing was written on purpose.
    pub dry_run: bool,
    /// What kept the rest from being written, after the check was done.
    pub failed: Option<RunError>,
}

/// Something that a run did, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// What.
    pub did: Did,
    /// Id of the incident.
    pub incident: String,
    /// The proposal's title, or how the incident ended.
    pub what: String,
    /// Page of the proposal, where it has one.
    pub url: Option<String>,
    /// The proposed commit as a unified diff, of a pull request that is new or changed.
    pub diff: Option<String>,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    /// A pull request was opened.
    OpenedPullRequest,
    /// An issue was opened.
    OpenedIssue,
    /// A proposal was brought up to date.
    Updated,
    /// A proposal stands as it should.
    LeftAlone,
    /// The incident ended; what was open for it was closed.
    Ended(How),
    /// A person closed the proposal: it is not proposed again until its values change.
    Declined,
    /// The run's limit is reached: the next one proposes it.
    Waits,
}

/// How often a run is derived again because somebody else was first.
const ATTEMPTS: u32 = 5;

/// The scheduled job.
///
/// # Errors
/// What keeps the run from beginning (no token, no known forge, nothing was read then), or from being written.
pub async fn run(settings: &RunSettings, progress: &dyn Fn(&str)) -> Result<Ran, RunError> {
    progress("opening the repository");
    let has_token = settings.check.checkout.tokens.drift.is_some();
    let explain = |error: CheckoutError| error.explain_missing_token(has_token);
    let mut repository = settings.check.checkout.open_repository().map_err(explain)?;
    let site = Site::find(&repository, settings).await.map_err(|error| match error {
        RunError::Checkout(error) => RunError::Checkout(explain(error)),
        other => other,
    })?;
    progress("connecting to the cluster");
    let cluster = settings.check.connect().await?;
    let mut attempt = 1;
    loop {
        progress("fetching");
        let heads = site.heads(&repository)?;
        refuse_foreign_branch(&repository, &heads.base, heads.ledger.as_ref())?;
        let opened = Checkout::commit(repository, heads.base.clone(), None)?;
        let checked = compare(&settings.check, &opened, &cluster, Ahead::default(), progress).await?;
        let round = Round { settings, site: &site, opened: &opened, heads: &heads, checked: &checked };
        match round.write(progress, &cluster).await {
            Ok(Written { actions, notes, held, failed }) => {
                return Ok(Ran { checked, actions, notes, held, dry_run: settings.dry_run, failed });
            }
            Err(RunError::Push(error)) if error.is_stale() && attempt < ATTEMPTS => attempt += 1,
            // What was compared is shown all the same.
            Err(error) => {
                let dry_run = settings.dry_run;
                return Ok(Ran { checked, dry_run, failed: Some(error), ..Ran::default() });
            }
        }
        repository = opened.repository;
    }
}

/// One derivation from a fetched state.
struct Round<'a> {
    settings: &'a RunSettings,
    site: &'a Site,
    opened: &'a Checkout,
    heads: &'a Heads,
    checked: &'a Checked,
}

/// What an attempt did.
#[derive(Default)]
struct Written {
    actions: Vec<Action>,
    notes: Vec<String>,
    held: usize,
    /// The first refusal of the forge; what does not depend on it was done.
    failed: Option<RunError>,
}

impl Round<'_> {
    async fn write(&self, progress: &dyn Fn(&str), cluster: &Cluster) -> Result<Written, RunError> {
        if !self.checked.cluster.identified {
            return Err(RunError::UnidentifiedCluster);
        }
        let mut ledger =
            site::read_ledger(&self.opened.repository, &self.heads.base, self.heads.ledger.as_ref())?;
        progress("asking the forge");
        let listed = self.site.forge.list(&site::settled(&ledger)).await?;
        progress("deciding");
        let gone = look::gone(self, &ledger, cluster).await;
        let decision = decide(self, &mut ledger, &listed, &gone, cluster)?;
        self.publish(&ledger, &decision, &listed, progress).await
    }

    async fn publish(
        &self,
        ledger: &Ledger,
        decision: &Decision,
        listed: &[Existing],
        progress: &dyn Fn(&str),
    ) -> Result<Written, RunError> {
        let mut notes = decision.notes.clone();
        if self.opened.repository.root().is_some() && self.opened.repository.dirty()? {
            notes.push("the work tree has uncommitted changes, which a run does not look at".to_owned());
        }
        if self.settings.dry_run {
            let actions = publish::planned(decision, listed);
            return Ok(Written { actions, notes, held: decision.held, failed: None });
        }
        progress("pushing");
        let (updates, commits) = branch::updates(self, ledger, decision)?;
        let left = branch::push(self, updates, &mut notes)?;
        progress("writing to the forge");
        let pushed = publish::Pushed { commits: &commits, left: &left };
        let (actions, failed) = publish::publish(self, (decision, pushed), listed, &mut notes).await?;
        branch::clean(self, ledger, &mut notes)?;
        Ok(Written { actions, notes, held: decision.held, failed })
    }
}
