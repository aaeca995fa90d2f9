//! Where a run reads and writes: base branch, ledger, proposals' branches, forge.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Round, RunSettings};
use crate::config::{Config, ForgeKind};
use crate::forge::{self, Existing, Forge};
use crate::git::{CommitId, GitError, Remote, RemoteAddress, RemoteFailure, Repository, Signature};
use crate::incident::{Ledger, Standing, What};
use crate::job::tree::config_at;
use crate::job::{JobError, Place};

/// What the environment and the command line say of the forge; `drift.yaml` says the rest.
#[derive(Debug, Clone)]
pub struct ForgeOptions {
    /// Hosts beside the remote's own to which the token may go.
    pub trusted_hosts: Vec<String>,
    /// For one request and its retries.
    pub deadline: Duration,
}

/// Prefix of the proposals' branches.
pub(super) const PREFIX: &str = "drift/incident/";
/// drift's own name in commits.
pub(in crate::job) const NAME: &str = "drift";
/// drift's own address in commits.
pub(in crate::job) const EMAIL: &str = "drift@noreply.invalid";

pub(super) struct Site {
    pub(super) forge: Forge,
    /// `None`: the repository itself.
    pub(super) remote: Option<Remote>,
    /// The branch that proposals are for.
    pub(super) base: String,
    /// The ledger's branch.
    pub(super) ledger: String,
    pub(super) who: Signature,
}

/// What the branches have at the beginning of an attempt.
pub(super) struct Heads {
    pub(super) base: CommitId,
    pub(super) ledger: Option<CommitId>,
    /// Proposals' branches on the remote.
    branches: BTreeMap<String, CommitId>,
}

impl Site {
    /// Finds forge and branches, and asks the forge who we are.
    pub(super) async fn find(repository: &Repository, settings: &RunSettings) -> Result<Self, JobError> {
        let place = RemotePlace::of(repository, settings)?;
        let (base, config) = place.base(repository)?;
        let address = place.address.clone().filter(|_| config.forge.kind != Some(ForgeKind::Local));
        let kind = config.forge.kind.or_else(|| address.as_ref().and_then(forge::kind_of_remote));
        let token = settings.check.tokens.of(kind);
        let remote = place.remote.filter(|_| config.forge.kind != Some(ForgeKind::Local));
        let remote = remote.map(|remote| remote.with_token(token.clone()));
        let who = Signature {
            name: NAME.to_owned(),
            email: EMAIL.to_owned(),
            time: settings.check.now.as_second(),
        };
        let wanted = forge::Settings {
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
        if ledger == base || ledger == forge::PROPOSALS_BRANCH || ledger.starts_with(PREFIX) {
            let why = format!("`ledger.branch` in drift.yaml is {ledger:?}, a branch with another purpose");
            return Err(JobError::Usage(why));
        }
        let forge = match wanted.kind()? {
            ForgeKind::Local => Forge::local(settings.check.open()?, who.clone()),
            _ => Forge::connect(&wanted)?,
        };
        forge.preflight().await?;
        Ok(Self { forge, remote, base, ledger, who })
    }

    /// Fetches what an attempt begins with.
    pub(super) fn heads(&self, repository: &Repository) -> Result<Heads, JobError> {
        let lost =
            || JobError::Usage(format!("there is no branch {:?}: set `forge.base` in drift.yaml", self.base));
        let Some(remote) = &self.remote else {
            let base = repository.branch(&self.base)?.ok_or_else(lost)?;
            return Ok(Heads { base, ledger: repository.branch(&self.ledger)?, branches: BTreeMap::new() });
        };
        let there = repository.list_remote(remote)?;
        let ours = |name: &&String| **name == self.base || **name == self.ledger || name.starts_with(PREFIX);
        let names: Vec<&str> = there.keys().filter(ours).map(String::as_str).collect();
        let mut branches = repository.fetch(remote, &names)?;
        let base = branches.remove(&self.base).ok_or_else(lost)?;
        Ok(Heads { base, ledger: branches.remove(&self.ledger), branches })
    }

    /// What a proposal's branch has.
    pub(super) fn branch(
        &self,
        repository: &Repository,
        heads: &Heads,
        name: &str,
    ) -> Result<Option<CommitId>, JobError> {
        Ok(match &self.remote {
            Some(_) => heads.branches.get(name).cloned(),
            None => repository.branch(name)?,
        })
    }
}

impl Site {
    /// Open proposals of incidents that the ledger on the remote says have ended, with the reason that it names: the run
    /// that closes a proposal may have been killed after its comment, and the comment is found again by its words.
    pub(super) fn left_open<'l>(
        &self,
        listed: &'l [Existing],
        round: &Round<'_>,
    ) -> Result<Vec<(&'l Existing, String)>, JobError> {
        let ledger = read_ledger(&round.opened.repository, &round.heads.base, round.heads.ledger.as_ref())?;
        let ended = |existing: &'l Existing| {
            let incident = ledger.incident(&existing.mark.incident)?;
            let last = incident.events.last().filter(|event| event.event == What::Ended)?;
            let reason = last.reason.clone().unwrap_or_else(|| "the incident has ended".to_owned());
            existing.state.is_open().then_some((existing, reason))
        };
        Ok(listed.iter().filter_map(ended).collect())
    }
}

/// What a remote's refusal means where no token was given: it must be given, and nothing was read.
pub(super) fn without_token(error: JobError, settings: &RunSettings) -> JobError {
    match error {
        JobError::Git(GitError::Remote {
            why: RemoteFailure::Auth(_) | RemoteFailure::NotFound(_), ..
        }) if settings.check.tokens.drift.is_none() => JobError::Usage(format!(
            "{error}; there is no token for the forge: set DRIFT_TOKEN, or DRIFT_TOKEN_FILE to the path of a file that holds it"
        )),
        other => other,
    }
}

/// The branch of an incident's pull request.
pub(in crate::job) fn branch_name(cluster: &str, incident: &str) -> String {
    let slug = |character: char| {
        if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '-' }
    };
    let slug: String = cluster.chars().take(40).map(slug).collect();
    format!("{PREFIX}{}-{incident}", slug.trim_matches('-'))
}

/// The remote of a run, before the forge is known.
struct RemotePlace {
    address: Option<RemoteAddress>,
    remote: Option<Remote>,
}

impl RemotePlace {
    fn of(repository: &Repository, settings: &RunSettings) -> Result<Self, JobError> {
        let tokens = &settings.check.tokens;
        Ok(match &settings.check.place {
            Place::Url(url) => {
                let address = RemoteAddress::new("origin", url);
                let token = tokens.of(forge::kind_of_remote(&address));
                Self { address: Some(address), remote: Some(Remote::url(url)?.with_token(token)) }
            }
            Place::Folder(_) => {
                let address = repository.remote()?;
                let kind =
                    address.as_ref().and_then(forge::kind_of_remote).or_else(|| checked_out_kind(repository));
                let named = address.as_ref().map(|address| Remote::named(&address.name)).transpose()?;
                Self { address, remote: named.map(|remote| remote.with_token(tokens.of(kind))) }
            }
        })
    }

    /// The base branch and the configuration on it. The configuration of the default branch names the base.
    fn base(&self, repository: &Repository) -> Result<(String, Config), JobError> {
        let default = match &self.remote {
            Some(remote) => repository.default_branch(remote)?,
            None => repository.head_branch()?,
        };
        let none = "the repository has no default branch: set `forge.base` in drift.yaml";
        let default = default.ok_or_else(|| JobError::Usage(none.to_owned()))?;
        let config = self.config(repository, &default)?;
        let local = config.forge.kind == Some(ForgeKind::Local) && self.remote.is_some();
        let default = if local { repository.head_branch()?.unwrap_or(default) } else { default };
        match config.forge.base.clone() {
            Some(base) if base != default => {
                let config = self.config(repository, &base)?;
                Ok((base, config))
            }
            _ => Ok((default, config)),
        }
    }

    fn config(&self, repository: &Repository, branch: &str) -> Result<Config, JobError> {
        let head = match &self.remote {
            Some(remote) => repository.fetch(remote, &[branch])?.remove(branch),
            None => repository.branch(branch)?,
        };
        let lost =
            || JobError::Usage(format!("there is no branch {branch:?}: set `forge.base` in drift.yaml"));
        let head = head.ok_or_else(lost)?;
        config_at(repository, &head)
    }
}

/// The kind of forge that the checked-out commit names: which token may be needed to fetch the base branch.
fn checked_out_kind(repository: &Repository) -> Option<ForgeKind> {
    config_at(repository, &repository.head().ok()?).ok()?.forge.kind
}

/// Where the base branch and the ledger are: all that an audit needs.
pub(in crate::job) struct Ledgers {
    /// Name and head of the base branch.
    pub(in crate::job) base: (String, CommitId),
    /// Name of the ledger's branch, and its head where it exists.
    pub(in crate::job) ledger: (String, Option<CommitId>),
}

impl Ledgers {
    /// Finds both, fetched where the repository has a remote.
    pub(in crate::job) fn find(repository: &Repository, settings: &RunSettings) -> Result<Self, JobError> {
        let place = RemotePlace::of(repository, settings)?;
        let (base, config) = place.base(repository)?;
        let remote = place.remote.filter(|_| config.forge.kind != Some(ForgeKind::Local));
        let ledger = config.ledger.branch;
        let (head, ledger_head) = match &remote {
            Some(remote) => {
                let mut heads = repository.fetch(remote, &[&base, &ledger])?;
                (heads.remove(&base), heads.remove(&ledger))
            }
            None => (repository.branch(&base)?, repository.branch(&ledger)?),
        };
        let head = head.ok_or_else(|| JobError::Usage(format!("there is no branch {base:?}")))?;
        Ok(Self { base: (base, head), ledger: (ledger, ledger_head) })
    }
}

/// Incidents whose end is known: how their proposals were closed need not be asked.
pub(super) fn settled(ledger: &Ledger) -> BTreeSet<String> {
    let ended = ledger.incidents().filter(|incident| matches!(incident.standing(), Standing::Ended(_)));
    ended.map(|incident| incident.id.clone()).collect()
}

/// Refuses a branch that is not a ledger of drift's own making: such a one begins on its own, and has incidents only (and
/// perhaps a text that says so). Anything else is somebody's, and drift would commit to it.
///
/// # Errors
/// [`JobError::Ledger`] with what is there instead.
pub(super) fn refuse_others(
    repository: &Repository,
    base: &CommitId,
    head: Option<&CommitId>,
) -> Result<(), JobError> {
    let Some(head) = head else { return Ok(()) };
    let hint = "name a branch that is drift's alone (`ledger: {branch: drift/ledger}` in drift.yaml)";
    if repository.merge_base(head, base)?.is_some() {
        let why = "the ledger's branch shares its history with the base branch, so it is no ledger";
        return Err(JobError::Ledger(format!("{why}: {hint}")));
    }
    let others = |path: &String| !path.starts_with("incidents/") && !path.starts_with("README");
    let other = repository.list(head, "")?.into_iter().map(|entry| entry.path).find(others);
    match other {
        Some(path) => {
            let path = crate::text::one_line(&path, 200);
            Err(JobError::Ledger(format!("the ledger's branch holds {path}, so it is no ledger: {hint}")))
        }
        None => Ok(()),
    }
}

/// The ledger as its branch has it; an absent branch is an empty ledger.
///
/// # Errors
/// [`JobError::Ledger`] with the file that cannot be read.
pub(in crate::job) fn read_ledger(
    repository: &Repository,
    base: &CommitId,
    head: Option<&CommitId>,
) -> Result<Ledger, JobError> {
    refuse_others(repository, base, head)?;
    let Some(head) = head else { return Ok(Ledger::default()) };
    let files = repository.read_all(head, "incidents")?;
    let ledger = Ledger::read(files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())));
    ledger.map_err(|error| JobError::Ledger(error.to_string()))
}
