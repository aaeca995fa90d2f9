//! How a proposal is opened, updated and closed on a forge over HTTP, so that running twice, being killed, or an answer
//! that got lost leaves one proposal and one comment.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::api_types::{ApiItem, Comment, same_login};
use super::body::{below_marker, compose, normalise_body, normalise_title, with_marker};
use super::gitea::Gitea;
use super::github::GitHub;
use super::marker::{ProposalMarker, closing_line, first_line};
use super::proposal::{ExistingProposal, OpenOutcome, Proposal, ProposalKind, ProposalRef, ProposalState};
use super::repository_api::{Paging, RepositoryApi};
use super::{ForgeError, duplicates};
use crate::text::{one_line, with_hint};

/// Most attempts to create something if answers get lost.
const ATTEMPTS: u32 = 3;

/// A forge over HTTP.
#[derive(Debug, Clone, Copy)]
pub(super) enum HttpForge<'a> {
    Gitea(&'a Gitea),
    GitHub(&'a GitHub),
}

/// The outcome of creating a proposal.
enum CreateOutcome {
    New(ExistingProposal),
    /// Ours, made before.
    AlreadyOurs(ExistingProposal),
    /// Somebody else's pull request from our branch, with a note.
    SomeoneElses(ExistingProposal, String),
}

impl HttpForge<'_> {
    pub(super) async fn list(
        self,
        settled: Option<&BTreeSet<String>>,
    ) -> Result<Vec<ExistingProposal>, ForgeError> {
        match self {
            Self::Gitea(gitea) => gitea.list(settled).await,
            Self::GitHub(github) => github.list(settled).await,
        }
    }

    /// Opens the proposal, closes duplicates, then adds labels.
    pub(super) async fn open(self, proposal: &Proposal) -> Result<OpenOutcome, ForgeError> {
        let (ours, created) = match self.create(proposal).await? {
            CreateOutcome::New(ours) => (ours, true),
            CreateOutcome::AlreadyOurs(ours) => (ours, false),
            CreateOutcome::SomeoneElses(existing, note) => {
                return Ok(OpenOutcome { existing, created: false, notes: vec![note] });
            }
        };
        let mut open = self.list(None).await?;
        if open.iter().all(|existing| existing.reference != ours.reference) {
            open.push(ours.clone());
        }
        self.close_duplicates(&open).await?;
        let same = |existing: &&ExistingProposal| existing.is_for(&proposal.incident, proposal.kind);
        let lowest = open.iter().filter(same).min_by_key(|existing| existing.reference).unwrap_or(&ours);
        if lowest.reference != ours.reference {
            return Ok(OpenOutcome { existing: lowest.clone(), created: false, notes: Vec::new() });
        }
        let mut notes = Vec::new();
        if created && !proposal.labels.is_empty() {
            let given = match self {
                Self::Gitea(gitea) => gitea.add_labels(ours.reference, &proposal.labels).await,
                Self::GitHub(github) => github.add_labels(ours.reference, &proposal.labels).await,
            };
            if let Err(error) = given {
                let why = with_hint(&error, error.hint());
                notes.push(format!("{} has no label {}: {why}", ours.url, proposal.labels.join(", ")));
            }
        }
        Ok(OpenOutcome { existing: ours, created, notes })
    }

    /// Makes the proposal, or takes the one that is there. After a failure that may have made it, what is there is listed
    /// before anything is sent again.
    async fn create(self, proposal: &Proposal) -> Result<CreateOutcome, ForgeError> {
        let (title, body) = (normalise_title(&proposal.title), compose(proposal)?);
        let mut attempt = 1;
        loop {
            let error = match self.repository_api().create(proposal, &title, &body).await {
                Ok(existing) => return Ok(CreateOutcome::New(existing)),
                Err(error) => error,
            };
            if !error.may_have_written() && !error.may_exist() {
                return Err(error);
            }
            let listed = self.list(None).await?;
            let there =
                listed.into_iter().find(|existing| existing.is_for(&proposal.incident, proposal.kind));
            if let Some(there) = there {
                return Ok(if error.may_have_written() {
                    CreateOutcome::New(there)
                } else {
                    CreateOutcome::AlreadyOurs(there)
                });
            }
            if error.may_exist() {
                return self.adopt_existing_pr(proposal, &title, &body).await?.ok_or(error);
            }
            if attempt == ATTEMPTS {
                return Err(error);
            }
            tokio::time::sleep(Duration::from_secs(attempt.into())).await;
            attempt += 1;
        }
    }

    /// The open pull request from that very branch. Ours, whose mark somebody removed, gets it back; somebody else's stays as
    /// it is: forges take one for each branch, and it shows the same commit.
    async fn adopt_existing_pr(
        self,
        proposal: &Proposal,
        title: &str,
        body: &str,
    ) -> Result<Option<CreateOutcome>, ForgeError> {
        let (ProposalKind::PullRequest, Some(branch), Some(mark)) =
            (proposal.kind, &proposal.branch, ProposalMarker::parse(body))
        else {
            return Ok(None);
        };
        let login = self.repository_api().login().await?;
        let items: Vec<ApiItem> = match self {
            Self::Gitea(gitea) => gitea.open_from_branch(branch).await?,
            Self::GitHub(github) => github.open_from_branch(branch).await?,
        };
        let first = items.into_iter().min_by_key(|item| (!item.is_by(login), item.number));
        let Some(item) = first else { return Ok(None) };
        let author = one_line(item.author(), 100);
        let is_ours = item.is_by(login);
        let mut existing =
            item.into_existing(mark, ProposalKind::PullRequest, &self.repository_api().web_urls);
        if !is_ours {
            let note = format!(
                "{} by {author} is from branch {branch}: drift does not open a second one",
                existing.url
            );
            return Ok(Some(CreateOutcome::SomeoneElses(existing, note)));
        }
        let content = json!({"title": title, "body": body});
        self.repository_api().edit(existing.reference, content).await?;
        (existing.title, existing.body, existing.version) = (title.to_owned(), body.to_owned(), None);
        Ok(Some(CreateOutcome::AlreadyOurs(existing)))
    }

    /// Writes title and body where they differ.
    pub(super) async fn update(
        self,
        existing: &ExistingProposal,
        proposal: &Proposal,
    ) -> Result<bool, ForgeError> {
        let Some((title, body)) = existing.changed_text(proposal)? else { return Ok(false) };
        let mut content = json!({"title": title, "body": body});
        if let Some(version) = existing.version {
            content["content_version"] = Value::from(version);
        }
        let error = match self.repository_api().edit(existing.reference, content).await {
            Ok(()) => return Ok(true),
            Err(error) if error.status() == Some(409) => error,
            Err(error) => return Err(error),
        };
        // Stale: our own write whose answer got lost, or somebody else's.
        let now = self.repository_api().item(existing.reference).await?;
        let same = now.is_some_and(|item| !item.differs(&title, &body));
        if same { Ok(true) } else { Err(error) }
    }

    /// Comments once, then closes; the same write marks it as closed by us.
    pub(super) async fn close(
        self,
        existing: &ExistingProposal,
        reason: &str,
        completed: bool,
    ) -> Result<(), ForgeError> {
        let mut attempt = 1;
        loop {
            match self.try_close(existing, reason, completed).await {
                // Somebody wrote at that very moment, perhaps another run that closes it too: look again.
                Err(error) if error.status() == Some(409) && attempt < ATTEMPTS => attempt += 1,
                other => return other,
            }
        }
    }

    async fn try_close(
        self,
        existing: &ExistingProposal,
        reason: &str,
        completed: bool,
    ) -> Result<(), ForgeError> {
        let Some(item) = self.repository_api().item(existing.reference).await? else {
            return Ok(());
        };
        let text = item.text().to_owned();
        let now = item.into_existing(
            existing.marker.clone(),
            existing.reference.kind,
            &self.repository_api().web_urls,
        );
        if !now.state.is_open() {
            return Ok(());
        }
        self.comment_once(existing, reason).await?;
        let mark = ProposalMarker { closed_by_us: true, ..existing.marker.clone() };
        // A body whose mark somebody removed keeps its text.
        let below = if ProposalMarker::parse(&text).is_some() { below_marker(&text) } else { text.as_str() };
        let body = with_marker(&mark, below)?;
        let content = match self {
            Self::Gitea(_) => Gitea::closing_fields(&body),
            Self::GitHub(_) => GitHub::closing_fields(existing.reference.kind, &body, completed),
        };
        self.repository_api().edit(existing.reference, content).await
    }

    async fn comment_once(self, existing: &ExistingProposal, reason: &str) -> Result<(), ForgeError> {
        let login = self.repository_api().login().await?;
        let digest: String =
            Sha256::digest(reason).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let line = closing_line(&existing.marker.incident, &digest);
        let text = format!("{line}\n{reason}");
        let mut attempt = 1;
        loop {
            let is_ours = |comment: &Comment| {
                let author = comment.user.as_ref().and_then(|user| user.login.as_deref()).unwrap_or_default();
                same_login(author, login) && first_line(comment.body.as_deref().unwrap_or_default()) == line
            };
            let said = self.repository_api().has_comment(existing.reference, self.paging(), is_ours).await?;
            if said {
                return Ok(());
            }
            match self.repository_api().comment(existing.reference, &text).await {
                Ok(()) => return Ok(()),
                Err(error) if error.may_have_written() && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
            tokio::time::sleep(Duration::from_secs(attempt.into())).await;
        }
    }

    /// Of open proposals of one kind for one incident the lowest number stays; the others are closed.
    pub(super) async fn close_duplicates(
        self,
        listed: &[ExistingProposal],
    ) -> Result<Vec<ProposalRef>, ForgeError> {
        let mut closed = Vec::new();
        for (lowest, duplicate) in duplicates(listed) {
            let reason = format!(
                "Opened twice at the same time: #{} is for this incident too, and stays.",
                lowest.reference.number
            );
            self.close(duplicate, &reason, false).await?;
            closed.push(duplicate.reference);
        }
        Ok(closed)
    }

    pub(super) fn repository_api(&self) -> &RepositoryApi {
        match self {
            Self::Gitea(gitea) => &gitea.site,
            Self::GitHub(github) => &github.site,
        }
    }

    fn paging(self) -> Paging {
        match self {
            Self::Gitea(_) => Paging::Counted,
            Self::GitHub(_) => Paging::Link,
        }
    }
}

impl ExistingProposal {
    pub(super) fn is_for(&self, incident: &str, kind: ProposalKind) -> bool {
        self.marker.incident == incident && self.reference.kind == kind && self.state == ProposalState::Open
    }

    /// The title and body to write; `None` where it has them, or is not open.
    pub(super) fn changed_text(&self, proposal: &Proposal) -> Result<Option<(String, String)>, ForgeError> {
        let (title, body) = (normalise_title(&proposal.title), compose(proposal)?);
        let differs = self.title.trim() != title || normalise_body(&self.body) != normalise_body(&body);
        Ok((self.state.is_open() && differs).then_some((title, body)))
    }
}
