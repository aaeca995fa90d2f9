//! GitHub, and GitHub Enterprise Server: REST, by GitHub's published OpenAPI description.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::ForgeError;
use super::api_types::{ApiItem, Label, closer};
use super::http::{ForgeAnswer, ForgeClient, ForgeRequest};
use super::proposal::{Closer, ExistingProposal, ProposalKind, ProposalRef, ProposalState};
use super::repository_api::{Paging, RepositoryApi};
use super::settings::ForgeTarget;

/// A repository on GitHub.
#[derive(Debug)]
pub struct GitHub {
    pub(super) site: RepositoryApi,
}

impl GitHub {
    pub(super) fn new(target: &ForgeTarget) -> Result<Self, ForgeError> {
        let client = ForgeClient::new_github(target, hint)?;
        Ok(Self { site: RepositoryApi::new(target, client, "pull") })
    }

    /// Our proposals. Found by listing what we made: the search index lags behind, and labels are people's to change.
    /// Closed proposals of `settled` incidents are not asked about one by one; `None`: open ones only, and none is.
    pub(super) async fn list(
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

    /// Our open pull request from `branch`, marked or not.
    pub(super) async fn open_from_branch(&self, branch: &str) -> Result<Vec<ApiItem>, ForgeError> {
        let request = ForgeRequest::get(format!("{}/pulls", self.site.root))
            .query("state", "open")
            .query("head", format!("{}:{branch}", self.site.owner))
            .query("per_page", "100");
        Ok(self.site.rows(request, Paging::Link, Some).await?.rows)
    }

    pub(super) async fn add_labels(
        &self,
        reference: ProposalRef,
        labels: &[String],
    ) -> Result<(), ForgeError> {
        let request = ForgeRequest::get(format!("{}/labels", self.site.root)).query("per_page", "100");
        let known: Vec<Label> = self.site.labels(request, Paging::Link, labels).await?;
        for label in labels {
            self.site.make_label(label, &known, "b60205").await?;
        }
        self.site.label(reference, labels).await
    }

    /// What closes a proposal.
    pub(super) fn closing_fields(kind: ProposalKind, body: &str, completed: bool) -> Value {
        match kind {
            ProposalKind::PullRequest => json!({"state": "closed", "body": body}),
            ProposalKind::Issue => {
                let reason = if completed { "completed" } else { "not_planned" };
                json!({"state": "closed", "state_reason": reason, "body": body})
            }
        }
    }
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
