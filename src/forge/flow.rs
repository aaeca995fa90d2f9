//! How a proposal is opened, updated and closed on a forge over HTTP, so that running twice, being killed, or an answer
//! that got lost leaves one proposal and one comment.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::body::{below_mark, compose, normal, title, with_mark};
use super::gitea::Gitea;
use super::github::GitHub;
use super::mark::{Mark, closing_line, first_line};
use super::proposal::{Existing, Kind, Opened, Proposal, ProposalState};
use super::site::{Paging, Site};
use super::wire::{Comment, Item, same_login};
use super::{ForgeError, duplicates};
use crate::text::one_line;

/// How often something is made where every attempt may have got lost.
const ATTEMPTS: u32 = 3;

/// A forge over HTTP.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hosted<'a> {
    Gitea(&'a Gitea),
    GitHub(&'a GitHub),
}

/// What making a proposal came to.
enum Made {
    New(Existing),
    /// Ours, made before.
    There(Existing),
    /// Somebody else's from our branch, and what a person should know of it.
    Others(Existing, String),
}

impl Hosted<'_> {
    pub(super) async fn list(self, settled: Option<&BTreeSet<String>>) -> Result<Vec<Existing>, ForgeError> {
        match self {
            Self::Gitea(gitea) => gitea.list(settled).await,
            Self::GitHub(github) => github.list(settled).await,
        }
    }

    /// Opens bare, looks again, decorates what remains.
    pub(super) async fn open(self, proposal: &Proposal) -> Result<Opened, ForgeError> {
        let (ours, created) = match self.create(proposal).await? {
            Made::New(ours) => (ours, true),
            Made::There(ours) => (ours, false),
            Made::Others(existing, note) => {
                return Ok(Opened { existing, created: false, notes: vec![note] });
            }
        };
        let mut open = self.list(None).await?;
        if open.iter().all(|existing| existing.number != ours.number) {
            open.push(ours.clone());
        }
        self.close_duplicates(&open).await?;
        let same = |existing: &&Existing| existing.is_for(&proposal.incident, proposal.kind);
        let lowest = open.iter().filter(same).min_by_key(|existing| existing.number).unwrap_or(&ours);
        if lowest.number != ours.number {
            return Ok(Opened { existing: lowest.clone(), created: false, notes: Vec::new() });
        }
        let mut notes = Vec::new();
        if created && !proposal.labels.is_empty() {
            let given = match self {
                Self::Gitea(gitea) => gitea.decorate(ours.number, &proposal.labels).await,
                Self::GitHub(github) => github.decorate(ours.number, &proposal.labels).await,
            };
            if let Err(error) = given {
                notes.push(format!("{} has no label {}: {error}", ours.url, proposal.labels.join(", ")));
            }
        }
        Ok(Opened { existing: ours, created, notes })
    }

    /// Makes the proposal, or takes the one that is there. After a failure that may have made it, what is there is listed
    /// before anything is sent again.
    async fn create(self, proposal: &Proposal) -> Result<Made, ForgeError> {
        let (title, body) = (title(&proposal.title), compose(proposal)?);
        let mut attempt = 1;
        loop {
            let error = match self.site().create(proposal, &title, &body).await {
                Ok(existing) => return Ok(Made::New(existing)),
                Err(error) => error,
            };
            if !error.may_have_written() && !error.may_exist() {
                return Err(error);
            }
            let listed = self.list(None).await?;
            let there =
                listed.into_iter().find(|existing| existing.is_for(&proposal.incident, proposal.kind));
            if let Some(there) = there {
                return Ok(if error.may_have_written() { Made::New(there) } else { Made::There(there) });
            }
            if error.may_exist() {
                return self.restore(proposal, &title, &body).await?.ok_or(error);
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
    async fn restore(self, proposal: &Proposal, title: &str, body: &str) -> Result<Option<Made>, ForgeError> {
        let (Kind::PullRequest, Some(branch), Some(mark)) =
            (proposal.kind, &proposal.branch, Mark::parse(body))
        else {
            return Ok(None);
        };
        let login = self.site().login().await?;
        let items: Vec<Item> = match self {
            Self::Gitea(gitea) => gitea.of_branch(branch).await?,
            Self::GitHub(github) => github.of_branch(branch).await?,
        };
        let first = items.into_iter().min_by_key(|item| (!item.is_by(login), item.number));
        let Some(item) = first else { return Ok(None) };
        let author = one_line(item.author(), 100);
        let is_ours = item.is_by(login);
        let mut existing = item.existing(mark, Kind::PullRequest, &self.site().pages);
        if !is_ours {
            let note =
                format!("{} by {author} is from branch {branch}: drift opens no second one", existing.url);
            return Ok(Some(Made::Others(existing, note)));
        }
        let content = json!({"title": title, "body": body});
        self.site().edit(Kind::PullRequest, existing.number, content).await?;
        (existing.title, existing.body, existing.version) = (title.to_owned(), body.to_owned(), None);
        Ok(Some(Made::There(existing)))
    }

    /// Writes title and body where they differ.
    pub(super) async fn update(self, existing: &Existing, proposal: &Proposal) -> Result<bool, ForgeError> {
        let (title, body) = (title(&proposal.title), compose(proposal)?);
        if !existing.state.is_open() || !existing.differs(&title, &body) {
            return Ok(false);
        }
        let mut content = json!({"title": title, "body": body});
        if let Some(version) = existing.version {
            content["content_version"] = Value::from(version);
        }
        let error = match self.site().edit(existing.kind, existing.number, content).await {
            Ok(()) => return Ok(true),
            Err(error) if error.status() == Some(409) => error,
            Err(error) => return Err(error),
        };
        // Stale: our own write whose answer got lost, or somebody else's.
        let now = self.site().item(existing.kind, existing.number).await?;
        let same = now.is_some_and(|item| !item.differs(&title, &body));
        if same { Ok(true) } else { Err(error) }
    }

    /// Comments once, then closes; the same write marks it as closed by us.
    pub(super) async fn close(
        self,
        existing: &Existing,
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

    async fn try_close(self, existing: &Existing, reason: &str, completed: bool) -> Result<(), ForgeError> {
        let Some(item) = self.site().item(existing.kind, existing.number).await? else { return Ok(()) };
        let text = item.text().to_owned();
        let now = item.existing(existing.mark.clone(), existing.kind, &self.site().pages);
        if !now.state.is_open() {
            return Ok(());
        }
        self.comment_once(existing, reason).await?;
        let mark = Mark { closed_by_us: true, ..existing.mark.clone() };
        // A body whose mark somebody removed keeps its text.
        let below = if Mark::parse(&text).is_some() { below_mark(&text) } else { text.as_str() };
        let body = with_mark(&mark, below)?;
        let content = match self {
            Self::Gitea(_) => Gitea::closing(&body),
            Self::GitHub(_) => GitHub::closing(existing.kind, &body, completed),
        };
        self.site().edit(existing.kind, existing.number, content).await
    }

    async fn comment_once(self, existing: &Existing, reason: &str) -> Result<(), ForgeError> {
        let login = self.site().login().await?;
        let digest: String =
            Sha256::digest(reason).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let line = closing_line(&existing.mark.incident, &digest);
        let text = format!("{line}\n{reason}");
        let mut attempt = 1;
        loop {
            let is_ours = |comment: &Comment| {
                let author = comment.user.as_ref().and_then(|user| user.login.as_deref()).unwrap_or_default();
                same_login(author, login) && first_line(comment.body.as_deref().unwrap_or_default()) == line
            };
            let said = self.site().has_comment(existing.number, self.paging(), is_ours).await?;
            if said {
                return Ok(());
            }
            match self.site().comment(existing.number, &text).await {
                Ok(()) => return Ok(()),
                Err(error) if error.may_have_written() && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
            tokio::time::sleep(Duration::from_secs(attempt.into())).await;
        }
    }

    /// Of open proposals of one kind for one incident the lowest number stays; the others are closed.
    pub(super) async fn close_duplicates(self, listed: &[Existing]) -> Result<Vec<u64>, ForgeError> {
        let mut closed = Vec::new();
        for (lowest, duplicate) in duplicates(listed) {
            let reason = format!(
                "Opened twice at the same time: #{} is for this incident too, and stays.",
                lowest.number
            );
            self.close(duplicate, &reason, false).await?;
            closed.push(duplicate.number);
        }
        Ok(closed)
    }

    pub(super) fn site(&self) -> &Site {
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

impl Existing {
    pub(super) fn is_for(&self, incident: &str, kind: Kind) -> bool {
        self.mark.incident == incident && self.kind == kind && self.state == ProposalState::Open
    }

    pub(super) fn differs(&self, title: &str, body: &str) -> bool {
        self.title.trim() != title || normal(&self.body) != normal(body)
    }
}
