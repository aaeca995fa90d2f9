//! What every forge can do.

use std::collections::BTreeSet;
use std::fmt::Debug;

use futures::future::LocalBoxFuture;

use super::body::TextLimits;
use super::error::ForgeError;
use super::proposal::{ExistingProposal, OpenOutcome, Preflight, Proposal, ProposalRef};

/// What a forge is asked for, while it is waited for.
pub type ForgeFuture<'a, T> = LocalBoxFuture<'a, Result<T, ForgeError>>;

/// The forge that holds the proposals.
pub trait Forge: Debug + Send + Sync {
    /// How long the texts of a proposal may be; longer ones are cut when they are written.
    fn limits(&self) -> TextLimits;

    /// Checks the login and the permissions.
    ///
    /// # Errors
    /// A token that is refused or sees too little, with the scope that it needs; a repository that takes no proposals.
    fn preflight(&self) -> ForgeFuture<'_, Preflight>;

    /// Every proposal of ours, open, merged and closed, by number. Found by listing, never by search; a mark is believed only
    /// where we are the author. Closed proposals of `settled` incidents (their end is known) are not asked about one by
    /// one: who closed or merged them may be unknown.
    ///
    /// # Errors
    /// Whatever keeps the list from being whole.
    fn list<'a>(&'a self, settled: &'a BTreeSet<String>) -> ForgeFuture<'a, Vec<ExistingProposal>>;

    /// Opens a proposal, or returns the one of that kind that is open for the incident already.
    ///
    /// # Errors
    /// What the forge refuses. After a failure that may have made the proposal, it is looked for before it is made again.
    fn open<'a>(&'a self, proposal: &'a Proposal) -> ForgeFuture<'a, OpenOutcome>;

    /// Writes title and body of an open proposal where they differ; whether anything was written.
    ///
    /// # Errors
    /// What the forge refuses; 409 where somebody changed the body meanwhile.
    fn update<'a>(&'a self, existing: &'a ExistingProposal, proposal: &'a Proposal) -> ForgeFuture<'a, bool>;

    /// Closes with a comment (Markdown, escaped already); `completed`: the incident ended with a commit. A proposal that is
    /// closed or gone is left alone, and a comment that is there already is not written again.
    ///
    /// # Errors
    /// What the forge refuses.
    fn close<'a>(
        &'a self,
        existing: &'a ExistingProposal,
        reason: &'a str,
        completed: bool,
    ) -> ForgeFuture<'a, ()>;

    /// Why a proposal is closed whose incident has `stays` too, as [`Forge::close`] takes it.
    fn duplicate_reason(&self, stays: ProposalRef) -> String;

    /// Closes, of open proposals of one kind for one incident, all but the lowest number; returns those closed.
    ///
    /// # Errors
    /// What the forge refuses.
    fn close_duplicates<'a>(&'a self, listed: &'a [ExistingProposal]) -> ForgeFuture<'a, Vec<ProposalRef>> {
        Box::pin(async move {
            let mut closed = Vec::new();
            for (lowest, duplicate) in duplicates(listed) {
                self.close(duplicate, &self.duplicate_reason(lowest.reference), false).await?;
                closed.push(duplicate.reference);
            }
            Ok(closed)
        })
    }

    /// Writes down what became of proposals where the forge does not by itself: the repository's own files say that they
    /// were merged.
    ///
    /// # Errors
    /// What the repository refuses.
    fn record_merged(&self, _listed: &[ExistingProposal]) -> Result<(), ForgeError> {
        Ok(())
    }
}

/// The open proposals that are one too many, each with the one of the lowest number.
fn duplicates(listed: &[ExistingProposal]) -> Vec<(&ExistingProposal, &ExistingProposal)> {
    let open: Vec<&ExistingProposal> = listed.iter().filter(|existing| existing.state.is_open()).collect();
    let lowest = |one: &ExistingProposal| {
        let same = open.iter().filter(|other| other.is_for(&one.marker.incident, one.reference.kind));
        same.min_by_key(|other| other.reference).copied()
    };
    let pairs = open.iter().filter_map(|one| lowest(one).map(|lowest| (lowest, *one)));
    pairs.filter(|(lowest, one)| lowest.reference != one.reference).collect()
}

#[cfg(test)]
mod tests {
    use super::super::marker::ProposalMarker;
    use super::super::proposal::{Closer, ProposalKind, ProposalState};
    use super::*;

    fn existing(
        incident: &str,
        (kind, number): (ProposalKind, u64),
        state: ProposalState,
    ) -> ExistingProposal {
        let marker = ProposalMarker {
            incident: incident.to_owned(),
            fingerprint: "0123456789abcdef".to_owned(),
            commit: None,
            closed_by_us: false,
        };
        ExistingProposal {
            reference: ProposalRef { number, kind },
            marker,
            title: String::new(),
            body: String::new(),
            branch: None,
            head: None,
            state,
            url: String::new(),
            version: None,
        }
    }

    #[test]
    fn issue_and_pull_with_same_number_distinct() {
        use ProposalKind::{Issue, PullRequest};
        let closed = || ProposalState::Closed { by: Closer::Unknown, at: None };
        let open = || ProposalState::Open;
        let listed = [
            existing("one", (Issue, 1), closed()),
            existing("one", (Issue, 7), open()),
            existing("one", (PullRequest, 7), open()),
            existing("two", (PullRequest, 4), open()),
            existing("one", (PullRequest, 9), open()),
            existing("one", (PullRequest, 8), open()),
        ];
        let found: Vec<_> =
            duplicates(&listed).into_iter().map(|(stays, goes)| (stays.reference, goes.reference)).collect();
        let pull = |number| ProposalRef { number, kind: PullRequest };
        assert_eq!(found, [(pull(7), pull(9)), (pull(7), pull(8))]);
    }
}
