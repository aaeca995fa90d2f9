//! What differs from one forge over HTTP to the next. What they share, and all that makes writing safe to repeat, is in
//! `idempotent.rs`.

use std::collections::BTreeSet;
use std::fmt::Debug;

use serde_json::Value;

use super::api_types::ApiItem;
use super::body::TextLimits;
use super::error::ForgeError;
use super::proposal::{ExistingProposal, ProposalKind, ProposalRef};
use super::repository_api::{Paging, RepositoryApi};

/// A forge over HTTP. Whatever is one is a [`super::Forge`].
pub(super) trait HttpForge: Debug + Send + Sync {
    /// How long the texts of a proposal may be.
    const LIMITS: TextLimits;
    /// How lists of comments go on.
    const PAGING: Paging;

    /// The repository.
    fn site(&self) -> &RepositoryApi;

    /// Our proposals, found by listing what we made, by number. Closed ones of `settled` incidents are not asked about one
    /// by one; `None`: open ones only, and none is.
    async fn proposals(
        &self,
        settled: Option<&BTreeSet<String>>,
    ) -> Result<Vec<ExistingProposal>, ForgeError>;

    /// Open pull requests from `branch`, marked or not.
    async fn open_from_branch(&self, branch: &str) -> Result<Vec<ApiItem>, ForgeError>;

    /// Gives labels, which are made where there are none of these names.
    async fn add_labels(&self, reference: ProposalRef, labels: &[String]) -> Result<(), ForgeError>;

    /// The fields that close a proposal and write its body.
    fn closing_fields(kind: ProposalKind, body: &str, completed: bool) -> Value;
}
