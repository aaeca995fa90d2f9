//! Pull requests and issues, found again and updated; one file per forge, the repository itself among them. What is in a
//! proposal is decided elsewhere: here it is written once, found by listing, and never written twice.

mod api_types;
mod body;
mod error;
mod gitea;
mod github;
mod http;
mod idempotent;
mod local;
mod marker;
mod proposal;
mod repository_api;
mod settings;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

pub use body::{BODY_LIMIT, TITLE_LIMIT};
pub use error::ForgeError;
pub use gitea::Gitea;
pub use github::GitHub;
pub use local::{LocalForge, PROPOSALS_BRANCH};
pub use marker::ProposalMarker;
pub use proposal::{
    Closer, ExistingProposal, OpenOutcome, Preflight, Proposal, ProposalKind, ProposalRef, ProposalState,
};
pub use settings::ForgeSettings;

use crate::config::ForgeKind;
use crate::git::{Repository, Signature};
use idempotent::HttpForge;

/// The forge that holds the proposals.
#[derive(Debug)]
pub enum Forge {
    /// The repository itself.
    Local(LocalForge),
    /// Gitea or Forgejo.
    Gitea(Gitea),
    /// GitHub or GitHub Enterprise Server.
    GitHub(GitHub),
}

impl Forge {
    /// The forge that the settings name. Nothing is asked of it yet. Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// Only [`ForgeError::Configuration`]: no known kind, no token, a token that may not go there, GitLab.
    pub fn connect(settings: &ForgeSettings) -> Result<Self, ForgeError> {
        match settings.kind()? {
            kind @ ForgeKind::GitHub => GitHub::new(&settings.target(kind)?).map(Self::GitHub),
            kind @ ForgeKind::Gitea => Gitea::new(&settings.target(kind)?).map(Self::Gitea),
            ForgeKind::GitLab => Err(ForgeError::configuration(
                "`forge.type: gitlab` is not supported yet",
                "use github, gitea (Forgejo too) or local",
            )),
            ForgeKind::Local => {
                Err(ForgeError::configuration("the local forge needs a repository", "open one first"))
            }
        }
    }

    /// The repository itself as forge: proposals are text files on the branch [`PROPOSALS_BRANCH`], committed as `who`.
    pub fn local(repository: Repository, who: Signature) -> Self {
        Self::Local(LocalForge::new(repository, who))
    }

    /// Checks the login and the permissions.
    ///
    /// # Errors
    /// A token that is refused or sees too little, with the scope that it needs; a repository that takes no proposals.
    pub async fn preflight(&self) -> Result<Preflight, ForgeError> {
        match self.access() {
            ForgeAccess::Local(local) => local.preflight(),
            ForgeAccess::Hosted(hosted) => hosted.repository_api().preflight().await,
        }
    }

    /// Every proposal of ours, open, merged and closed, by number. Found by listing, never by search; a mark is believed only
    /// where we are the author. Closed proposals of `settled` incidents (their end is known) are not asked about one by
    /// one: who closed or merged them may be unknown.
    ///
    /// # Errors
    /// Whatever keeps the list from being whole.
    pub async fn list(&self, settled: &BTreeSet<String>) -> Result<Vec<ExistingProposal>, ForgeError> {
        match self.access() {
            ForgeAccess::Local(local) => local.list(),
            ForgeAccess::Hosted(hosted) => hosted.list(Some(settled)).await,
        }
    }

    /// Opens a proposal, or returns the one of that kind that is open for the incident already.
    ///
    /// # Errors
    /// What the forge refuses. After a failure that may have made the proposal, it is looked for before it is made again.
    pub async fn open(&self, proposal: &Proposal) -> Result<OpenOutcome, ForgeError> {
        match self.access() {
            ForgeAccess::Local(local) => local.open(proposal),
            ForgeAccess::Hosted(hosted) => hosted.open(proposal).await,
        }
    }

    /// Writes title and body of an open proposal where they differ; whether anything was written.
    ///
    /// # Errors
    /// What the forge refuses; 409 where somebody changed the body meanwhile.
    pub async fn update(&self, existing: &ExistingProposal, proposal: &Proposal) -> Result<bool, ForgeError> {
        match self.access() {
            ForgeAccess::Local(local) => local.update(existing, proposal),
            ForgeAccess::Hosted(hosted) => hosted.update(existing, proposal).await,
        }
    }

    /// Closes with a comment (Markdown, escaped already); `completed`: the incident ended with a commit. A proposal that is
    /// closed or gone is left alone, and a comment that is there already is not written again.
    ///
    /// # Errors
    /// What the forge refuses.
    pub async fn close(
        &self,
        existing: &ExistingProposal,
        reason: &str,
        completed: bool,
    ) -> Result<(), ForgeError> {
        match self.access() {
            ForgeAccess::Local(local) => local.close(existing, reason, completed),
            ForgeAccess::Hosted(hosted) => hosted.close(existing, reason, completed).await,
        }
    }

    /// Closes, of open proposals of one kind for one incident, all but the lowest number; returns those closed.
    ///
    /// # Errors
    /// What the forge refuses.
    pub async fn close_duplicates(
        &self,
        listed: &[ExistingProposal],
    ) -> Result<Vec<ProposalRef>, ForgeError> {
        match self.access() {
            ForgeAccess::Local(local) => local.close_duplicates(listed),
            ForgeAccess::Hosted(hosted) => hosted.close_duplicates(listed).await,
        }
    }

    /// Writes down what became of proposals where the forge does not by itself: the repository's own files say that they
    /// were merged.
    ///
    /// # Errors
    /// What the repository refuses.
    pub fn record_merged(&self, listed: &[ExistingProposal]) -> Result<(), ForgeError> {
        match self.access() {
            ForgeAccess::Local(local) => local.record_merged(listed),
            ForgeAccess::Hosted(_) => Ok(()),
        }
    }

    fn access(&self) -> ForgeAccess<'_> {
        match self {
            Self::Local(local) => ForgeAccess::Local(local),
            Self::Gitea(gitea) => ForgeAccess::Hosted(HttpForge::Gitea(gitea)),
            Self::GitHub(github) => ForgeAccess::Hosted(HttpForge::GitHub(github)),
        }
    }
}

/// What asks nobody, and what asks over HTTP.
enum ForgeAccess<'a> {
    Local(&'a LocalForge),
    Hosted(HttpForge<'a>),
}

/// The open proposals that are one too many, each with the one of the lowest number.
fn duplicates(listed: &[ExistingProposal]) -> Vec<(&ExistingProposal, &ExistingProposal)> {
    let open: Vec<&ExistingProposal> = listed.iter().filter(|existing| existing.state.is_open()).collect();
    let lowest = |one: &ExistingProposal| {
        let same = open.iter().filter(|other| {
            other.marker.incident == one.marker.incident && other.reference.kind == one.reference.kind
        });
        same.min_by_key(|other| other.reference).copied()
    };
    let pairs = open.iter().filter_map(|one| lowest(one).map(|lowest| (lowest, *one)));
    pairs.filter(|(lowest, one)| lowest.reference != one.reference).collect()
}
