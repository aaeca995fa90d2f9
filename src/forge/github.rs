//! GitHub, and GitHub Enterprise Server: REST, by GitHub's published OpenAPI description.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::api_types::{ApiItem, Label, closer};
use super::body::TextLimits;
use super::error::ForgeError;
use super::http::{ForgeAnswer, ForgeClient, ForgeRequest};
use super::http_forge::HttpForge;
use super::proposal::{Closer, ExistingProposal, ProposalKind, ProposalRef, ProposalState};
use super::repository_api::{Paging, RepositoryApi};
use super::settings::{AddressRules, ForgeSettings};
use crate::config::{ForgeKind, github_host};

/// A repository on GitHub.
#[derive(Debug)]
pub(super) struct GitHub {
    site: RepositoryApi,
}

/// Where GitHub is.
pub(super) const ADDRESSES: AddressRules = AddressRules {
    kind: ForgeKind::GitHub,
    addresses,
    own_api: |host| github_hosts(host).map(|(api, _)| api),
};

impl GitHub {
    pub(super) fn new(settings: &ForgeSettings) -> Result<Self, ForgeError> {
        let target = settings.target(&ADDRESSES)?;
        let client = ForgeClient::new_github(&target, hint)?;
        Ok(Self { site: RepositoryApi::new(&target, client, "pull") })
    }

    /// What lists do not tell: the branch and the merge of a pull request, and who closed it.
    async fn details(&self, listed: ExistingProposal, login: &str) -> Result<ExistingProposal, ForgeError> {
        let mut existing = listed;
        if existing.reference.kind == ProposalKind::PullRequest
            && let Some(item) = self.site.item(existing.reference).await?
        {
            existing = item.into_existing(existing.marker, ProposalKind::PullRequest, &self.site.web_urls);
        }
        if let ProposalState::Closed { by: by @ Closer::Unknown, .. } = &mut existing.state
            && let Some(item) =
                self.site.item(ProposalRef { kind: ProposalKind::Issue, ..existing.reference }).await?
        {
            *by = closer(item.closed_by.as_ref().and_then(|user| user.login.as_deref()), login);
        }
        Ok(existing)
    }
}

impl HttpForge for GitHub {
    /// A body is cut at 65,536 characters, a title of more than 256 refused.
    const LIMITS: TextLimits = TextLimits { title: 240, body: 58_000 };
    const PAGING: Paging = Paging::Link;

    fn site(&self) -> &RepositoryApi {
        &self.site
    }

    /// By the list of issues: the search index lags behind, and labels are people's to change.
    async fn proposals(
        &self,
        settled: Option<&BTreeSet<String>>,
    ) -> Result<Vec<ExistingProposal>, ForgeError> {
        let login = self.site.login().await?;
        let list = |state: &str| {
            ForgeRequest::get(format!("{}/issues", self.site.root))
                .query("state", state)
                .query("creator", login)
                .query("sort", "created")
                .query("direction", "desc")
                .query("per_page", "100")
        };
        let ours = |item: ApiItem| {
            let mark = item.marker_by(login)?;
            let kind =
                if item.pull_request.is_some() { ProposalKind::PullRequest } else { ProposalKind::Issue };
            Some(item.into_existing(mark, kind, &self.site.web_urls))
        };
        let state = if settled.is_some() { "all" } else { "open" };
        let mut found = BTreeMap::new();
        for mut existing in self.site.proposals(list, (state, Paging::Link), ours).await? {
            let told = settled.is_none_or(|settled| settled.contains(&existing.marker.incident));
            if !told || (settled.is_some() && existing.state.is_open()) {
                existing = self.details(existing, login).await?;
            }
            found.insert(existing.reference, existing);
        }
        Ok(found.into_values().collect())
    }

    async fn open_from_branch(&self, branch: &str) -> Result<Vec<ApiItem>, ForgeError> {
        let request = ForgeRequest::get(format!("{}/pulls", self.site.root))
            .query("state", "open")
            .query("head", format!("{}:{branch}", self.site.owner))
            .query("per_page", "100");
        Ok(self.site.rows(request, Paging::Link, Some).await?.rows)
    }

    async fn add_labels(&self, reference: ProposalRef, labels: &[String]) -> Result<(), ForgeError> {
        let request = ForgeRequest::get(format!("{}/labels", self.site.root)).query("per_page", "100");
        let known: Vec<Label> = self.site.labels(request, Paging::Link, labels).await?;
        for label in labels {
            self.site.make_label(label, &known, "b60205").await?;
        }
        self.site.label(reference, labels).await
    }

    fn closing_fields(kind: ProposalKind, body: &str, completed: bool) -> Value {
        match kind {
            ProposalKind::PullRequest => json!({"state": "closed", "body": body}),
            ProposalKind::Issue => {
                let reason = if completed { "completed" } else { "not_planned" };
                json!({"state": "closed", "state_reason": reason, "body": body})
            }
        }
    }
}

/// The addresses of the API and of the pages where GitHub itself runs the host.
fn github_hosts(host: &str) -> Option<(String, String)> {
    let own = github_host(host)?;
    Some((format!("https://api.{own}"), format!("https://{own}")))
}

/// GitHub's own addresses, or those of a GitHub Enterprise Server.
fn addresses(base: &str) -> (String, String) {
    let (scheme, host) = base.split_once("://").unwrap_or(("https", base));
    // An address in clear text is somebody else's, whatever its host.
    if let Some(own) = github_hosts(host).filter(|_| scheme == "https" || !host.starts_with("api.")) {
        return own;
    }
    let web = base.strip_suffix("/api/v3").unwrap_or(base).to_owned();
    (format!("{web}/api/v3"), web)
}

/// What a refusal asks for.
fn hint(answer: &ForgeAnswer) -> &'static str {
    match answer.status {
        403 => {
            "a fine-grained token or an App needs Contents, Issues and Pull requests: read and write; a classic token the scope repo; a workflow `permissions:` contents, issues and pull-requests: write, and leave to open pull requests in the repository's settings"
        }
        404 => "does the repository exist, and may the token see it?",
        422 => "is the branch pushed, and does it differ from the base?",
        410 => "are issues switched off in the repository?",
        _ => "",
    }
}
