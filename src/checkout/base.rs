//! The base branch and the ledger's, before any forge is known.

use super::{CheckoutError, CheckoutSettings, RepositoryLocation, read_config_at};
use crate::config::{Config, ForgeKind};
use crate::git::{CommitId, Remote, RemoteAddress, Repository};
use crate::text::one_line;

/// The remote of a run, before the forge is known.
pub(crate) struct RemoteBase {
    pub(crate) address: Option<RemoteAddress>,
    pub(crate) remote: Option<Remote>,
}

impl RemoteBase {
    pub(crate) fn from_settings(
        repository: &Repository,
        settings: &CheckoutSettings,
    ) -> Result<Self, CheckoutError> {
        let tokens = &settings.tokens;
        Ok(match &settings.location {
            RepositoryLocation::Url(url) => {
                let address = RemoteAddress::new("origin", url);
                let token = tokens.token_for(address.forge_kind());
                Self { address: Some(address), remote: Some(Remote::from_url(url)?.with_token(token)) }
            }
            RepositoryLocation::Folder(_) => {
                let address = repository.remote()?;
                let kind = address
                    .as_ref()
                    .and_then(RemoteAddress::forge_kind)
                    .or_else(|| checked_out_kind(repository));
                let named = address.as_ref().map(|address| Remote::from_name(&address.name)).transpose()?;
                Self { address, remote: named.map(|remote| remote.with_token(tokens.token_for(kind))) }
            }
        })
    }

    /// The base branch and the configuration on it. The configuration of the default branch names the base.
    pub(crate) fn base(&self, repository: &Repository) -> Result<(String, Config), CheckoutError> {
        let default = match &self.remote {
            Some(remote) => repository.default_branch(remote)?,
            None => repository.head_branch()?,
        };
        let default = default.ok_or(CheckoutError::NoDefaultBranch)?;
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

    fn config(&self, repository: &Repository, branch: &str) -> Result<Config, CheckoutError> {
        let head = match &self.remote {
            Some(remote) => repository.fetch(remote, &[branch])?.remove(branch),
            None => repository.branch(branch)?,
        };
        let head = head.ok_or_else(|| CheckoutError::NoBranch(branch.to_owned()))?;
        read_config_at(repository, &head)
    }
}

/// The kind of forge that the checked-out commit names: which token may be needed to fetch the base branch.
fn checked_out_kind(repository: &Repository) -> Option<ForgeKind> {
    read_config_at(repository, &repository.head().ok()?).ok()?.forge.kind
}

/// Where the base branch and the ledger are: all that an audit needs.
pub(crate) struct LedgerLocation {
    /// Name and head of the base branch.
    pub(crate) base: (String, CommitId),
    /// Name of the ledger's branch, and its head where it exists.
    pub(crate) ledger: (String, Option<CommitId>),
}

impl LedgerLocation {
    /// Finds both, fetched where the repository has a remote.
    pub(crate) fn find(repository: &Repository, settings: &CheckoutSettings) -> Result<Self, CheckoutError> {
        let place = RemoteBase::from_settings(repository, settings)?;
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
        let head = head.ok_or_else(|| CheckoutError::NoBranch(base.clone()))?;
        Ok(Self { base: (base, head), ledger: (ledger, ledger_head) })
    }
}

/// Refuses a branch that is not drift's ledger: a ledger is an orphan branch with incidents only (and
/// perhaps a text that says so). Anything else is somebody's, and drift would commit to it.
///
/// # Errors
/// [`CheckoutError::ForeignLedger`] with what is there instead.
pub(crate) fn refuse_foreign_branch(
    repository: &Repository,
    base: &CommitId,
    head: Option<&CommitId>,
) -> Result<(), CheckoutError> {
    let Some(head) = head else { return Ok(()) };
    if repository.merge_base(head, base)?.is_some() {
        let why = "the ledger's branch shares its history with the base branch, so it is no ledger";
        return Err(CheckoutError::ForeignLedger { why: why.to_owned() });
    }
    let others = |path: &String| !path.starts_with("incidents/") && !path.starts_with("README");
    match repository.list(head, "")?.into_iter().map(|entry| entry.path).find(others) {
        Some(path) => {
            let path = one_line(&path, 200);
            Err(CheckoutError::ForeignLedger {
                why: format!("the ledger's branch holds {path}, so it is no ledger"),
            })
        }
        None => Ok(()),
    }
}

/// The files of the ledger's branch, by path; an absent branch has none.
///
/// # Errors
/// [`CheckoutError::ForeignLedger`] where the branch is somebody's.
pub(crate) fn read_ledger_files(
    repository: &Repository,
    base: &CommitId,
    head: Option<&CommitId>,
) -> Result<Vec<(String, Vec<u8>)>, CheckoutError> {
    refuse_foreign_branch(repository, base, head)?;
    let Some(head) = head else { return Ok(Vec::new()) };
    Ok(repository.read_all(head, "incidents")?.into_iter().collect())
}
