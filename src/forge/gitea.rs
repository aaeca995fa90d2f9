//! Gitea and Forgejo.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::api_types::{ApiItem, Label, User, closer};
use super::body::TextLimits;
use super::error::ForgeError;
use super::http::{ForgeAnswer, ForgeClient, ForgeRequest};
use super::http_forge::HttpForge;
use super::proposal::{Closer, ExistingProposal, ProposalKind, ProposalRef, ProposalState};
use super::repository_api::{Paging, RepositoryApi};
use super::settings::{AddressRules, ForgeSettings};
use crate::config::ForgeKind;

/// A repository on Gitea or Forgejo.
#[derive(Debug)]
pub(super) struct Gitea {
    site: RepositoryApi,
}

/// Where a Gitea is: its API has its own host.
pub(super) const ADDRESSES: AddressRules =
    AddressRules { kind: ForgeKind::Gitea, addresses, own_api: |_| None };

/// An entry of a proposal's timeline. There are about forty types; only one matters.
#[derive(Debug, Deserialize)]
struct TimelineEntry {
    r#type: Option<String>,
    user: Option<User>,
}

impl Gitea {
    pub(super) fn new(settings: &ForgeSettings) -> Result<Self, ForgeError> {
        let target = settings.target(&ADDRESSES)?;
        let client = ForgeClient::new_plain(&target, hint)?;
        Ok(Self { site: RepositoryApi::new(&target, client, "pulls") })
    }

    fn issues(&self, state: &str, login: &str) -> ForgeRequest {
        ForgeRequest::get(format!("{}/issues", self.site.root))
            .query("type", "issues")
            .query("state", state)
            .query("created_by", login)
            .query("limit", "50")
    }

    fn pulls(&self, state: &str, login: &str) -> ForgeRequest {
        ForgeRequest::get(format!("{}/pulls", self.site.root))
            .query("state", state)
            .query("poster", login)
            .query("limit", "50")
    }

    /// What lists do not tell: who merged, which single pull requests name, and who closed. Gitea has no `closed_by`: the
    /// last `close` of the timeline tells.
    async fn add_details(&self, existing: &mut ExistingProposal, login: &str) -> Result<(), ForgeError> {
        if let ProposalState::Merged { by: None, .. } = existing.state
            && let Some(item) = self.site.item(existing.reference).await?
        {
            let kind = existing.reference.kind;
            *existing = item.into_existing(existing.marker.clone(), kind, &self.site.web_urls);
        }
        let ProposalState::Closed { by: by @ Closer::Unknown, .. } = &mut existing.state else {
            return Ok(());
        };
        let path = format!("{}/timeline", self.site.issue_path(existing.reference));
        let request = ForgeRequest::get(path).query("limit", "50");
        let closes =
            |entry: TimelineEntry| entry.r#type.is_some_and(|kind| kind == "close").then_some(entry.user);
        let mut rows = self.site.rows(request, Paging::UntilEmpty, closes).await?;
        let last = rows.rows.pop().flatten().and_then(|user| user.login);
        *by = closer(last.as_deref(), login);
        Ok(())
    }
}

impl HttpForge for Gitea {
    /// A title is cut at 255 columns; a body may be of any length, and is as long as on GitHub.
    const LIMITS: TextLimits = TextLimits { title: 240, body: 58_000 };
    const PAGING: Paging = Paging::Counted;

    fn site(&self) -> &RepositoryApi {
        &self.site
    }

    /// Our proposals, filtered here too: Gitea ignores parameters that it does not know. Newest come first, so that what
    /// is opened meanwhile shifts the pages; what is seen twice counts once.
    async fn proposals(
        &self,
        settled: Option<&BTreeSet<String>>,
    ) -> Result<Vec<ExistingProposal>, ForgeError> {
        let login = self.site.login().await?;
        let state = if settled.is_some() { "all" } else { "open" };
        let mut found = BTreeMap::new();
        for kind in [ProposalKind::Issue, ProposalKind::PullRequest] {
            let ours = |item: ApiItem| {
                // A Gitea that does not know the parameter `type` lists pull requests among the issues.
                if kind == ProposalKind::Issue && item.pull_request.is_some() {
                    return None;
                }
                Some(item.marker_by(login)?).map(|mark| item.into_existing(mark, kind, &self.site.web_urls))
            };
            let list = |state: &str| match kind {
                ProposalKind::Issue => self.issues(state, login),
                ProposalKind::PullRequest => self.pulls(state, login),
            };
            for mut existing in self.site.proposals(list, (state, Paging::Counted), ours).await? {
                if settled.is_some_and(|settled| !settled.contains(&existing.marker.incident)) {
                    self.add_details(&mut existing, login).await?;
                }
                found.insert(existing.reference, existing);
            }
        }
        Ok(found.into_values().collect())
    }

    /// By the list of ours: `GET /pulls/{base}/{head}` would give the lowest number, even
    /// a closed one.
    async fn open_from_branch(&self, branch: &str) -> Result<Vec<ApiItem>, ForgeError> {
        let login = self.site.login().await?;
        let of_branch = |item: ApiItem| (item.branch() == Some(branch)).then_some(item);
        Ok(self.site.rows(self.pulls("open", login), Paging::Counted, of_branch).await?.rows)
    }

    /// Labels are looked for first, in the repository and its organisation: Gitea allows two of one name.
    async fn add_labels(&self, reference: ProposalRef, labels: &[String]) -> Result<(), ForgeError> {
        let of = |path: String| ForgeRequest::get(path).query("limit", "50");
        let own = of(format!("{}/labels", self.site.root));
        let mut known: Vec<Label> = self.site.labels(own, Paging::Counted, labels).await?;
        // An owner that is no organisation is not found; one that may not be read has labels of no use to us.
        let organisation = of(format!("/orgs/{}/labels", self.site.owner));
        match self.site.labels(organisation, Paging::Counted, labels).await {
            Ok(more) => known.extend(more),
            Err(error) if matches!(error.status(), Some(403 | 404)) => {}
            Err(error) => return Err(error),
        }
        for label in labels {
            self.site.make_label(label, &known, "#b60205").await?;
        }
        self.site.label(reference, labels).await
    }

    /// Gitea knows no reason.
    fn closing_fields(_kind: ProposalKind, body: &str, _completed: bool) -> Value {
        json!({"state": "closed", "body": body})
    }
}

fn addresses(base: &str) -> (String, String) {
    let web = base.strip_suffix("/api/v1").unwrap_or(base).to_owned();
    (format!("{web}/api/v1"), web)
}

/// What a refusal asks for.
fn hint(answer: &ForgeAnswer) -> &'static str {
    match answer.status {
        403 => {
            "the token needs the scopes write:repository and write:issue, and its user the right to write to the repository"
        }
        404 => {
            "does the repository exist, is the branch pushed, and may the token see it? (a token limited to public repositories sees no private one)"
        }
        412 => "does it depend on an issue that is still open?",
        423 => "the repository is archived",
        _ => "",
    }
}
