//! Proposals on forges: GitHub's stand-in, a real Gitea, and the repository itself.

mod gitea;
mod github;
pub(crate) mod github_fake;
mod github_faults;
mod local;

use std::collections::BTreeSet;

use drift::forge::{ExistingProposal, Forge, OpenOutcome, Proposal, ProposalKind};

const FINGERPRINT: &str = "0123456789abcdef";

/// An issue for an incident.
fn issue(incident: &str) -> Proposal {
    Proposal {
        incident: incident.to_owned(),
        fingerprint: FINGERPRINT.to_owned(),
        kind: ProposalKind::Issue,
        title: format!("drift: {incident}"),
        body: format!("Somebody changed `web`.\n\nDrift-Incident: {incident}"),
        branch: None,
        commit: None,
        base: "main".to_owned(),
        labels: vec!["drift".to_owned()],
    }
}

/// A pull request for an incident, from the branch `drift/<incident>`.
fn pull(incident: &str) -> Proposal {
    Proposal { kind: ProposalKind::PullRequest, branch: Some(format!("drift/{incident}")), ..issue(incident) }
}

async fn all(forge: &dyn Forge) -> Vec<ExistingProposal> {
    forge.list(&BTreeSet::new()).await.expect("the list can be read")
}

async fn opened(forge: &dyn Forge, proposal: &Proposal) -> OpenOutcome {
    forge.open(proposal).await.expect("the proposal can be opened")
}
