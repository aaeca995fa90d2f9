//! GitHub, and GitHub Enterprise Server: REST, by GitHub's published OpenAPI description.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::ForgeError;
use super::http::{Answer, Client, Request};
use super::proposal::{Closer, Existing, Kind, ProposalState};
use super::settings::Target;
use super::site::{Paging, Site};
use super::wire::{Item, Label, closer};

/// A repository on GitHub.
#[derive(Debug)]
pub struct GitHub {
    pub(super) site: Site,
}

impl GitHub {
    pub(super) fn new(target: &Target) -> Result<Self, ForgeError> {
        let client = Client::github(target, hint)?;
        Ok(Self { site: Site::new(target, client, "pull") })
    }

    /// Our proposals. Found by listing what we made: the search index lags behind, and labels are people's to change.
    /// Closed proposals of `settled` incidents are not asked about one by one; `None`: open ones only, and none is.
    pub(super) async fn list(&self, settled: Option<&BTreeSet<String>>) -> Result<Vec<Existing>, ForgeError> {
        let login = self.site.login().await?;
        let list = |state: &str| {
            Request::get(format!("{}/issues", self.site.root))
                .query("state", state)
                .query("creator", login)
                .query("sort", "created")
                .query("direction", "desc")
                .query("per_page", "100")
        };
        let ours = |item: Item| {
            let mark = item.mark_by(login)?;
            let kind = if item.pull_request.is_some() { Kind::PullRequest } else { Kind::Issue };
            Some(item.existing(mark, kind, &self.site.pages))
        };
        let state = if settled.is_some() { "all" } else { "open" };
        let mut found = BTreeMap::new();
        for mut existing in self.site.proposals(list, (state, Paging::Link), ours).await? {
            let told = settled.is_none_or(|settled| settled.contains(&existing.mark.incident));
            if !told || (settled.is_some() && existing.state.is_open()) {
                existing = self.details(existing, login).await?;
            }
            found.insert(existing.number, existing);
        }
        Ok(found.into_values().collect())
    }

    /// What lists do not tell: the branch and the merge of a pull request, and who closed it.
    async fn details(&self, listed: Existing, login: &str) -> Result<Existing, ForgeError> {
        let mut existing = listed;
        if existing.kind == Kind::PullRequest
            && let Some(item) = self.site.item(Kind::PullRequest, existing.number).await?
        {
            existing = item.existing(existing.mark, Kind::PullRequest, &self.site.pages);
        }
        if let ProposalState::Closed { by: by @ Closer::Unknown, .. } = &mut existing.state
            && let Some(item) = self.site.item(Kind::Issue, existing.number).await?
        {
            *by = closer(item.closed_by.as_ref().and_then(|user| user.login.as_deref()), login);
        }
        Ok(existing)
    }

    /// Our open pull request from `branch`, marked or not.
    pub(super) async fn of_branch(&self, branch: &str) -> Result<Vec<Item>, ForgeError> {
        let request = Request::get(format!("{}/pulls", self.site.root))
            .query("state", "open")
            .query("head", format!("{}:{branch}", self.site.owner))
            .query("per_page", "100");
        Ok(self.site.rows(request, Paging::Link, Some).await?.kept)
    }

    pub(super) async fn decorate(&self, number: u64, labels: &[String]) -> Result<(), ForgeError> {
        let request = Request::get(format!("{}/labels", self.site.root)).query("per_page", "100");
        let known: Vec<Label> = self.site.labels(request, Paging::Link, labels).await?;
        for label in labels {
            self.site.make_label(label, &known, "b60205").await?;
        }
        self.site.label(number, labels).await
    }

    /// What closes a proposal.
    pub(super) fn closing(kind: Kind, body: &str, completed: bool) -> Value {
        match kind {
            Kind::PullRequest => json!({"state": "closed", "body": body}),
            Kind::Issue => {
                let reason = if completed { "completed" } else { "not_planned" };
                json!({"state": "closed", "state_reason": reason, "body": body})
            }
        }
    }
}

/// What a refusal asks for.
fn hint(answer: &Answer) -> &'static str {
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
