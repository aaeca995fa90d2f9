//! The base branch, ledger, proposal branches and forge of a run.

use std::collections::{BTreeMap, BTreeSet};

use super::RunError;
use super::attempt::{Heads, RunAttempt, RunContext};
use super::settings::RunSettings;
use crate::checkout::{CheckoutError, RemoteBase, read_ledger_files};
use crate::config::ForgeKind;
use crate::forge::{self, ExistingProposal, LocalForge};
use crate::git::{CommitId, RemoteAddress, Repository, Signature};
use crate::incident::{EventKind, IncidentStatus, Ledger};

/// Prefix of the proposals' branches.
pub(super) const BRANCH_PREFIX: &str = "drift/incident/";
/// drift's own name in commits.
pub(super) const COMMITTER_NAME: &str = "drift";
/// drift's own address in commits.
pub(super) const COMMITTER_EMAIL: &str = "drift@noreply.invalid";

impl RunContext {
    /// Finds forge and branches, and asks the forge who we are.
    pub(super) async fn find(repository: &Repository, settings: &RunSettings) -> Result<Self, RunError> {
        let place = RemoteBase::from_settings(repository, &settings.check.checkout)?;
        let (base, config) = place.base(repository)?;
        let address = place.address.clone().filter(|_| config.forge.kind != Some(ForgeKind::Local));
        let kind = config.forge.kind.or_else(|| address.as_ref().and_then(RemoteAddress::forge_kind));
        let token = settings.check.checkout.tokens.token_for(kind);
        let remote = place.remote.filter(|_| config.forge.kind != Some(ForgeKind::Local));
        let remote = remote.map(|remote| remote.with_token(token.clone()));
        let who = Signature {
            name: COMMITTER_NAME.to_owned(),
            email: COMMITTER_EMAIL.to_owned(),
            time: settings.check.checkout.now.as_second(),
        };
        // By SSH it is a key that pushes.
        let pushes_by_token =
            token.is_some() && address.as_ref().is_some_and(|address| address.web.is_some());
        let wanted = forge::ForgeSettings {
            kind: config.forge.kind,
            remote: address,
            api: config.forge.api.clone(),
            repository: config.forge.repository.clone(),
            login: config.forge.login.clone(),
            token,
            trusted_hosts: settings.forge.trusted_hosts.clone(),
            deadline: settings.forge.deadline,
        };
        let ledger = config.ledger.branch;
        if ledger == base || ledger == forge::PROPOSALS_BRANCH || ledger.starts_with(BRANCH_PREFIX) {
            return Err(RunError::LedgerBranchTaken(ledger));
        }
        let forge = match wanted.kind()? {
            ForgeKind::Local => {
                Box::new(LocalForge::new(settings.check.checkout.open_repository()?, who.clone()))
            }
            _ => forge::connect(&wanted)?,
        };
        let preflight = forge.preflight().await?;
        if pushes_by_token && !settings.dry_run && preflight.can_push == Some(false) {
            return Err(RunError::ReadOnlyToken { login: preflight.login });
        }
        Ok(Self { forge, remote, base, ledger, who })
    }

    /// Fetches what an attempt begins with.
    pub(super) fn fetch_heads(&self, repository: &Repository) -> Result<Heads, RunError> {
        let lost = || CheckoutError::NoBranch(self.base.clone());
        let Some(remote) = &self.remote else {
            let base = repository.branch(&self.base)?.ok_or_else(lost)?;
            return Ok(Heads { base, ledger: repository.branch(&self.ledger)?, branches: BTreeMap::new() });
        };
        let there = repository.list_remote(remote)?;
        let ours =
            |name: &&String| **name == self.base || **name == self.ledger || name.starts_with(BRANCH_PREFIX);
        let names: Vec<&str> = there.keys().filter(ours).map(String::as_str).collect();
        let mut branches = repository.fetch(remote, &names)?;
        let base = branches.remove(&self.base).ok_or_else(lost)?;
        Ok(Heads { base, ledger: branches.remove(&self.ledger), branches })
    }

    /// What a proposal's branch has.
    pub(super) fn proposal_branch(
        &self,
        repository: &Repository,
        heads: &Heads,
        name: &str,
    ) -> Result<Option<CommitId>, RunError> {
        Ok(match &self.remote {
            Some(_) => heads.branches.get(name).cloned(),
            None => repository.branch(name)?,
        })
    }
}

impl RunContext {
    /// Open proposals of incidents that the ledger on the remote says have ended, with the reason that it names: the run
    /// that closes a proposal may have been killed after its comment, and the comment is found again by its words.
    pub(super) fn open_after_end<'l>(
        &self,
        listed: &'l [ExistingProposal],
        attempt: &RunAttempt<'_>,
    ) -> Result<Vec<(&'l ExistingProposal, String)>, RunError> {
        let ledger =
            read_ledger(&attempt.checkout.repository, &attempt.heads.base, attempt.heads.ledger.as_ref())?;
        let ended = |existing: &'l ExistingProposal| {
            let incident = ledger.incident(&existing.marker.incident)?;
            let last = incident.events.last().filter(|event| event.event == EventKind::Ended)?;
            let reason = last.reason.clone().unwrap_or_else(|| "the incident has ended".to_owned());
            existing.state.is_open().then_some((existing, reason))
        };
        Ok(listed.iter().filter_map(ended).collect())
    }
}

/// The branch of an incident's pull request.
pub(crate) fn branch_name(cluster: &str, incident: &str) -> String {
    let slug = |character: char| {
        if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '-' }
    };
    let slug: String = cluster.chars().take(40).map(slug).collect();
    format!("{BRANCH_PREFIX}{}-{incident}", slug.trim_matches('-'))
}

/// Incidents whose end is known: how their proposals were closed need not be asked.
pub(super) fn ended_incidents(ledger: &Ledger) -> BTreeSet<String> {
    let ended = ledger.incidents().filter(|incident| matches!(incident.status(), IncidentStatus::Ended(_)));
    ended.map(|incident| incident.id.clone()).collect()
}

/// The ledger as its branch has it; an absent branch is an empty ledger.
///
/// # Errors
/// A branch that is no ledger, and the file that cannot be read.
pub(crate) fn read_ledger(
    repository: &Repository,
    base: &CommitId,
    head: Option<&CommitId>,
) -> Result<Ledger, RunError> {
    Ok(Ledger::read(read_ledger_files(repository, base, head)?)?)
}
