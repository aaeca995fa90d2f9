//! One derivation from a fetched state.

use std::collections::BTreeMap;

use super::settings::RunSettings;
use crate::check::CheckInputs;
use crate::checkout::Checkout;
use crate::cluster::Cluster;
use crate::forge::Forge;
use crate::git::{CommitId, Remote, Signature};
use crate::model::CheckReport;

/// One derivation from a fetched state.
pub(super) struct RunAttempt<'a> {
    pub(super) settings: &'a RunSettings,
    pub(super) context: &'a RunContext,
    pub(super) checkout: &'a Checkout,
    pub(super) heads: &'a Heads,
    pub(super) checked: &'a CheckReport,
    pub(super) inputs: &'a CheckInputs,
    pub(super) cluster: &'a Cluster,
}

pub(super) struct RunContext {
    pub(super) forge: Box<dyn Forge>,
    /// `None`: the repository itself.
    pub(super) remote: Option<Remote>,
    /// The branch that proposals are for.
    pub(super) base: String,
    /// The ledger's branch.
    pub(super) ledger: String,
    pub(super) who: Signature,
}

/// The branch heads at the start of an attempt.
pub(super) struct Heads {
    pub(super) base: CommitId,
    pub(super) ledger: Option<CommitId>,
    /// Proposals' branches on the remote.
    pub(super) branches: BTreeMap<String, CommitId>,
}
