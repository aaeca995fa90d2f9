//! How a proposal is opened, updated and closed on a forge over HTTP, so that running twice, being killed, or an answer
//! that got lost leaves one proposal and one comment.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::api_types::{ApiItem, Comment, same_login};
use super::body::{ProposalText, TextLimits, below_marker};
use super::error::ForgeError;
use super::http_forge::HttpForge;
use super::interface::{Forge, ForgeFuture};
use super::marker::{ProposalMarker, closing_line, first_line};
use super::proposal::{ExistingProposal, OpenOutcome, Preflight, Proposal, ProposalKind, ProposalRef};
use crate::text::{one_line, with_hint};

/// Most attempts to create something if answers get lost.
const ATTEMPTS: u32 = 3;

impl<F: HttpForge> Forge for F {
    fn limits(&self) -> TextLimits {
        F::LIMITS
    }

    fn preflight(&self) -> ForgeFuture<'_, Preflight> {
        Box::pin(self.site().preflight())
    }

    fn list<'a>(&'a self, settled: &'a BTreeSet<String>) -> ForgeFuture<'a, Vec<ExistingProposal>> {
        Box::pin(self.proposals(Some(settled)))
    }

    fn open<'a>(&'a self, proposal: &'a Proposal) -> ForgeFuture<'a, OpenOutcome> {
        Box::pin(open(self, proposal))
    }

    fn update<'a>(&'a self, existing: &'a ExistingProposal, proposal: &'a Proposal) -> ForgeFuture<'a, bool> {
        Box::pin(update(self, existing, proposal))
    }

    fn close<'a>(
        &'a self,
        existing: &'a ExistingProposal,
        reason: &'a str,
        completed: bool,
    ) -> ForgeFuture<'a, ()> {
        Box::pin(close(self, existing, reason, completed))
    }

    fn duplicate_reason(&self, stays: ProposalRef) -> String {
        format!("Opened twice at the same time: #{} is for this incident too, and stays.", stays.number)
    }
}

/// The outcome of creating a proposal.
enum CreateOutcome {
    New(ExistingProposal),
    /// Ours, made before.
    AlreadyOurs(ExistingProposal),
    /// Somebody else's pull request from our branch, with a note.
    SomeoneElses(ExistingProposal, String),
}

/// Opens the proposal, closes duplicates, then adds labels.
async fn open<F: HttpForge>(forge: &F, proposal: &Proposal) -> Result<OpenOutcome, ForgeError> {
    let (ours, created) = match create(forge, proposal).await? {
        CreateOutcome::New(ours) => (ours, true),
        CreateOutcome::AlreadyOurs(ours) => (ours, false),
        CreateOutcome::SomeoneElses(existing, note) => {
            return Ok(OpenOutcome { existing, created: false, notes: vec![note] });
        }
    };
    let mut open = forge.proposals(None).await?;
    if open.iter().all(|existing| existing.reference != ours.reference) {
        open.push(ours.clone());
    }
    forge.close_duplicates(&open).await?;
    let same = |existing: &&ExistingProposal| existing.is_for(&proposal.incident, proposal.kind);
    let lowest = open.iter().filter(same).min_by_key(|existing| existing.reference).unwrap_or(&ours);
    if lowest.reference != ours.reference {
        return Ok(OpenOutcome { existing: lowest.clone(), created: false, notes: Vec::new() });
    }
    let mut notes = Vec::new();
    if created
        && !proposal.labels.is_empty()
        && let Err(error) = forge.add_labels(ours.reference, &proposal.labels).await
    {
        let why = with_hint(&error, error.hint());
        notes.push(format!("{} has no label {}: {why}", ours.url, proposal.labels.join(", ")));
    }
    Ok(OpenOutcome { existing: ours, created, notes })
}

/// Makes the proposal, or takes the one that is there. After a failure that may have made it, what is there is listed
/// before anything is sent again.
async fn create<F: HttpForge>(forge: &F, proposal: &Proposal) -> Result<CreateOutcome, ForgeError> {
    let text = forge.limits().fit(proposal)?;
    let mut attempt = 1;
    loop {
        let error = match forge.site().create(proposal, &text).await {
            Ok(existing) => return Ok(CreateOutcome::New(existing)),
            Err(error) => error,
        };
        if !error.may_have_written() && !error.may_exist() {
            return Err(error);
        }
        let listed = forge.proposals(None).await?;
        let there = listed.into_iter().find(|existing| existing.is_for(&proposal.incident, proposal.kind));
        if let Some(there) = there {
            return Ok(if error.may_have_written() {
                CreateOutcome::New(there)
            } else {
                CreateOutcome::AlreadyOurs(there)
            });
        }
        if error.may_exist() {
            return adopt_existing_pr(forge, proposal, text).await?.ok_or(error);
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
async fn adopt_existing_pr<F: HttpForge>(
    forge: &F,
    proposal: &Proposal,
    text: ProposalText,
) -> Result<Option<CreateOutcome>, ForgeError> {
    let (ProposalKind::PullRequest, Some(branch), Some(mark)) =
        (proposal.kind, &proposal.branch, ProposalMarker::parse(&text.body))
    else {
        return Ok(None);
    };
    let login = forge.site().login().await?;
    let items: Vec<ApiItem> = forge.open_from_branch(branch).await?;
    let first = items.into_iter().min_by_key(|item| (!item.is_by(login), item.number));
    let Some(item) = first else { return Ok(None) };
    let author = one_line(item.author(), 100);
    let is_ours = item.is_by(login);
    let mut existing = item.into_existing(mark, ProposalKind::PullRequest, &forge.site().web_urls);
    if !is_ours {
        let note =
            format!("{} by {author} is from branch {branch}: drift does not open a second one", existing.url);
        return Ok(Some(CreateOutcome::SomeoneElses(existing, note)));
    }
    forge.site().edit(existing.reference, json!({"title": text.title, "body": text.body})).await?;
    (existing.title, existing.body, existing.version) = (text.title, text.body, None);
    Ok(Some(CreateOutcome::AlreadyOurs(existing)))
}

/// Writes title and body where they differ.
async fn update<F: HttpForge>(
    forge: &F,
    existing: &ExistingProposal,
    proposal: &Proposal,
) -> Result<bool, ForgeError> {
    let text = forge.limits().fit(proposal)?;
    if !text.changes(existing) {
        return Ok(false);
    }
    let mut content = json!({"title": text.title, "body": text.body});
    if let Some(version) = existing.version {
        content["content_version"] = Value::from(version);
    }
    let error = match forge.site().edit(existing.reference, content).await {
        Ok(()) => return Ok(true),
        Err(error) if error.status() == Some(409) => error,
        Err(error) => return Err(error),
    };
    // Stale: our own write whose answer got lost, or somebody else's.
    let now = forge.site().item(existing.reference).await?;
    let same = now.is_some_and(|item| !item.differs(&text));
    if same { Ok(true) } else { Err(error) }
}

/// Comments once, then closes; the same write marks it as closed by us.
async fn close<F: HttpForge>(
    forge: &F,
    existing: &ExistingProposal,
    reason: &str,
    completed: bool,
) -> Result<(), ForgeError> {
    let mut attempt = 1;
    loop {
        match try_close(forge, existing, reason, completed).await {
            // Somebody wrote at that very moment, perhaps another run that closes it too: look again.
            Err(error) if error.status() == Some(409) && attempt < ATTEMPTS => attempt += 1,
            other => return other,
        }
    }
}

async fn try_close<F: HttpForge>(
    forge: &F,
    existing: &ExistingProposal,
    reason: &str,
    completed: bool,
) -> Result<(), ForgeError> {
    let Some(item) = forge.site().item(existing.reference).await? else {
        return Ok(());
    };
    let text = item.text().to_owned();
    let now = item.into_existing(existing.marker.clone(), existing.reference.kind, &forge.site().web_urls);
    if !now.state.is_open() {
        return Ok(());
    }
    comment_once(forge, existing, reason).await?;
    let mark = ProposalMarker { closed_by_us: true, ..existing.marker.clone() };
    // A body whose mark somebody removed keeps its text.
    let below = if ProposalMarker::parse(&text).is_some() { below_marker(&text) } else { text.as_str() };
    let body = forge.limits().with_marker(&mark, below)?;
    let content = F::closing_fields(existing.reference.kind, &body, completed);
    forge.site().edit(existing.reference, content).await
}

async fn comment_once<F: HttpForge>(
    forge: &F,
    existing: &ExistingProposal,
    reason: &str,
) -> Result<(), ForgeError> {
    let login = forge.site().login().await?;
    let digest: String = Sha256::digest(reason).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let line = closing_line(&existing.marker.incident, &digest);
    let text = format!("{line}\n{reason}");
    let mut attempt = 1;
    loop {
        let is_ours = |comment: &Comment| {
            let author = comment.user.as_ref().and_then(|user| user.login.as_deref()).unwrap_or_default();
            same_login(author, login) && first_line(comment.body.as_deref().unwrap_or_default()) == line
        };
        let said = forge.site().has_comment(existing.reference, F::PAGING, is_ours).await?;
        if said {
            return Ok(());
        }
        match forge.site().comment(existing.reference, &text).await {
            Ok(()) => return Ok(()),
            Err(error) if error.may_have_written() && attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(error),
        }
        tokio::time::sleep(Duration::from_secs(attempt.into())).await;
    }
}
