//! Pull requests and issues as GitHub and Gitea write them: what both name alike, and nothing that may be absent required.

use jiff::Timestamp;
use serde::Deserialize;

use super::body::{ProposalText, normalise_body};
use super::marker::ProposalMarker;
use super::proposal::{Closer, ExistingProposal, ProposalKind, ProposalRef, ProposalState};

/// A pull request or an issue, from a list or alone.
#[derive(Debug, Deserialize)]
pub(super) struct ApiItem {
    pub(super) number: u64,
    title: Option<String>,
    body: Option<String>,
    state: String,
    user: Option<User>,
    closed_at: Option<String>,
    /// GitHub, single issues only.
    pub(super) closed_by: Option<User>,
    /// Present in lists of issues for those that are pull requests.
    pub(super) pull_request: Option<PullRequestSummary>,
    merged: Option<bool>,
    merged_at: Option<String>,
    merge_commit_sha: Option<String>,
    merged_by: Option<User>,
    head: Option<BranchHead>,
    content_version: Option<u64>,
}

/// Where the pages for people are: forges echo whatever host they were asked by, so addresses are built here.
#[derive(Debug, Clone)]
pub(super) struct WebUrls {
    /// The repository's page.
    pub(super) repository: String,
    /// The word for pull requests in paths.
    pub(super) pull: &'static str,
}

impl WebUrls {
    fn item_url(&self, reference: ProposalRef) -> String {
        let word = if reference.kind == ProposalKind::PullRequest { self.pull } else { "issues" };
        format!("{}/{word}/{}", self.repository, reference.number)
    }
}

/// Somebody on a forge.
#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub(super) login: Option<String>,
}

/// What a list of issues says of a pull request.
#[derive(Debug, Deserialize)]
pub(super) struct PullRequestSummary {
    merged_at: Option<String>,
}

#[derive(Debug, Deserialize)]
struct BranchHead {
    r#ref: Option<String>,
    sha: Option<String>,
}

/// A comment.
#[derive(Debug, Deserialize)]
pub(super) struct Comment {
    pub(super) body: Option<String>,
    pub(super) user: Option<User>,
}

/// The repository itself.
#[derive(Debug, Deserialize)]
pub(super) struct RepositoryInfo {
    pub(super) default_branch: Option<String>,
    pub(super) archived: Option<bool>,
    /// Gitea: whether nothing was pushed yet, as far as its queue has come.
    pub(super) empty: Option<bool>,
    pub(super) has_issues: Option<bool>,
    pub(super) has_pull_requests: Option<bool>,
    pub(super) permissions: Option<Permissions>,
}

/// What we may do in the repository.
#[derive(Debug, Deserialize)]
pub(super) struct Permissions {
    pub(super) push: Option<bool>,
}

/// A label.
#[derive(Debug, Deserialize)]
pub(super) struct Label {
    pub(super) name: Option<String>,
}

impl Label {
    /// Whether it has this name.
    pub(super) fn has_name(&self, name: &str) -> bool {
        self.name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name))
    }

    /// Whether it has one of these names.
    pub(super) fn is_one_of(&self, names: &[String]) -> bool {
        names.iter().any(|name| self.has_name(name))
    }
}

impl ApiItem {
    /// The mark, where we wrote it. A mark in somebody else's body is no mark.
    pub(super) fn marker_by(&self, login: &str) -> Option<ProposalMarker> {
        if !self.is_by(login) {
            return None;
        }
        ProposalMarker::parse(self.body.as_deref().unwrap_or_default())
    }

    /// As [`ExistingProposal`]. Who closed it is what the mark tells.
    pub(super) fn into_existing(
        self,
        mark: ProposalMarker,
        kind: ProposalKind,
        pages: &WebUrls,
    ) -> ExistingProposal {
        let reference = ProposalRef { number: self.number, kind };
        let state = self.proposal_state(&mark);
        let (branch, head) = self.head.map_or((None, None), |head| (head.r#ref, head.sha));
        ExistingProposal {
            reference,
            marker: mark,
            title: self.title.unwrap_or_default(),
            body: self.body.unwrap_or_default(),
            // A pull request whose branch is gone is said to come from a ref of the forge's own.
            branch: branch.filter(|branch| !branch.starts_with("refs/")),
            head,
            state,
            url: pages.item_url(reference),
            version: self.content_version,
        }
    }

    /// The branch of a pull request.
    pub(super) fn branch(&self) -> Option<&str> {
        self.head.as_ref()?.r#ref.as_deref()
    }

    /// The whole body.
    pub(super) fn text(&self) -> &str {
        self.body.as_deref().unwrap_or_default()
    }

    /// Whether `login` is the author.
    pub(super) fn is_by(&self, login: &str) -> bool {
        !self.author().is_empty() && same_login(self.author(), login)
    }

    /// The author's login; empty where the forge does not tell it.
    pub(super) fn author(&self) -> &str {
        self.user.as_ref().and_then(|user| user.login.as_deref()).unwrap_or_default()
    }

    /// Whether title or body are others.
    pub(super) fn differs(&self, text: &ProposalText) -> bool {
        self.title.as_deref().unwrap_or_default().trim() != text.title
            || normalise_body(self.text()) != normalise_body(&text.body)
    }

    fn proposal_state(&self, mark: &ProposalMarker) -> ProposalState {
        let time = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<Timestamp>().ok());
        let nested = self.pull_request.as_ref().and_then(|pull| pull.merged_at.clone());
        let merged_at = self.merged_at.clone().or(nested);
        if self.merged == Some(true) || merged_at.is_some() {
            return ProposalState::Merged {
                commit: self.merge_commit_sha.clone(),
                by: self.merged_by.as_ref().and_then(|user| user.login.clone()),
                at: time(&merged_at),
            };
        }
        if self.state == "open" {
            return ProposalState::Open;
        }
        let by = if mark.closed_by_us { Closer::Us } else { Closer::Unknown };
        ProposalState::Closed { by, at: time(&self.closed_at) }
    }
}

/// Who closed it, seen from us.
pub(super) fn closer(login: Option<&str>, ours: &str) -> Closer {
    match login {
        Some(login) if same_login(login, ours) => Closer::Us,
        Some(login) => Closer::Person(login.to_owned()),
        None => Closer::Unknown,
    }
}

/// Logins are compared as forges do: without regard to case.
pub(super) fn same_login(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}
