//! Proposals: desired, and existing on the forge.

use jiff::Timestamp;

use super::marker::ProposalMarker;

/// A pull request or an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProposalKind {
    /// A branch that asks to be merged.
    PullRequest,
    /// A text that asks for somebody's decision.
    Issue,
}

/// Which proposal of a forge. A number alone names none: some forges count pull requests and issues together, others apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProposalRef {
    /// Its number; first, so that references are in the order of their numbers.
    pub number: u64,
    /// A pull request or an issue.
    pub kind: ProposalKind,
}

/// The desired proposal for one incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The incident's id.
    pub incident: String,
    /// The incident's fingerprint, lower-case hexadecimal.
    pub fingerprint: String,
    /// A pull request or an issue.
    pub kind: ProposalKind,
    /// One line; cut to the forge's [`super::TextLimits`].
    pub title: String,
    /// Markdown, escaped already, without the mark: the forge puts it in line 1. Cut to the forge's
    /// [`super::TextLimits`], the trailers at its end kept.
    pub body: String,
    /// The branch to merge; pull requests have one, and it must be pushed before.
    pub branch: Option<String>,
    /// The commit of the branch that was proven; the mark keeps it.
    pub commit: Option<String>,
    /// The branch to merge into.
    pub base: String,
    /// Labels given when it is opened; people may change them afterwards.
    pub labels: Vec<String>,
}

/// One of drift's proposals on the forge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExistingProposal {
    /// Which one it is.
    pub reference: ProposalRef,
    /// The mark in line 1 of its body.
    pub marker: ProposalMarker,
    /// Its title.
    pub title: String,
    /// Its whole body as it stands, with the mark.
    pub body: String,
    /// Its branch, where it still has one.
    pub branch: Option<String>,
    /// The commit at the tip of its branch, as the forge tells it: where a branch was removed and made again, Gitea tells the
    /// new one's for old pull requests too.
    pub head: Option<String>,
    /// Open, merged, or closed.
    pub state: ProposalState,
    /// Its page, for people.
    pub url: String,
    /// How often the body was written, where the forge counts it (Gitea); sent with the next write, so that a stale one fails.
    pub version: Option<u64>,
}

/// The state of a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProposalState {
    /// Waiting.
    Open,
    /// Taken in. What the forge says about it: that the base branch holds it is for Git to prove.
    Merged {
        /// The commit on the base branch.
        commit: Option<String>,
        /// Who merged it.
        by: Option<String>,
        /// When.
        at: Option<Timestamp>,
    },
    /// Closed without being merged.
    Closed {
        /// Who closed it.
        by: Closer,
        /// When.
        at: Option<Timestamp>,
    },
}

impl ExistingProposal {
    /// Whether it is open, of that kind and for that incident.
    pub(super) fn is_for(&self, incident: &str, kind: ProposalKind) -> bool {
        self.marker.incident == incident && self.reference.kind == kind && self.state.is_open()
    }

    /// Without the text of what is not open any more, which is never written again: a list may be long.
    pub(super) fn without_text(mut self) -> Self {
        if !self.state.is_open() {
            let line = super::marker::first_line(&self.body).len();
            self.body.truncate(line);
            self.body.shrink_to_fit();
        }
        self
    }
}

impl ProposalState {
    /// Whether it waits.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }
}

/// Who closed a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closer {
    /// drift itself.
    Us,
    /// Somebody else, by login (the local forge: the name in the commit).
    Person(String),
    /// The forge does not say, or was not asked.
    Unknown,
}

/// What opening a proposal led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenOutcome {
    /// The proposal that stands now: the new one, or one that was there first.
    pub existing: ExistingProposal,
    /// Whether it is new.
    pub created: bool,
    /// Warnings, one sentence each: rejected labels.
    pub notes: Vec<String>,
}

/// What a forge says before anything is asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preflight {
    /// Our own login.
    pub login: String,
    /// Whether we may push branches, where the forge tells: of a token of a GitHub App (`GITHUB_TOKEN` of a workflow) it tells
    /// what no user may.
    pub can_push: Option<bool>,
    /// The repository's default branch.
    pub default_branch: String,
}
