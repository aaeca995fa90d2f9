//! Pull requests and issues, found again and updated; one file per forge, the repository itself among them. What is in a
//! proposal is decided elsewhere: here it is written once, found by listing, and never written twice.

mod api_types;
mod body;
mod connect;
mod error;
mod gitea;
mod github;
mod http;
mod http_forge;
mod idempotent;
mod interface;
mod local;
mod marker;
mod proposal;
mod repository_api;
mod settings;

#[cfg(test)]
mod tests;

pub use body::TextLimits;
pub use connect::connect;
pub use error::ForgeError;
pub use interface::{Forge, ForgeFuture};
pub use local::{LocalForge, PROPOSALS_BRANCH};
pub use marker::ProposalMarker;
pub use proposal::{
    Closer, ExistingProposal, OpenOutcome, Preflight, Proposal, ProposalKind, ProposalRef, ProposalState,
};
pub use settings::ForgeSettings;
