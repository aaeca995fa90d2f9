//! A proposal's file: YAML between two lines `---`, then the text.

use serde::{Deserialize, Serialize};

use crate::forge::body::{ProposalText, below_marker};
use crate::forge::proposal::{Proposal, ProposalKind};

/// Who closed a proposal, where it was drift.
pub(super) const US: &str = "drift";

/// What a file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProposalFile {
    pub(super) incident: String,
    pub(super) fingerprint: String,
    pub(super) kind: FileKind,
    /// That it was merged is found in the history, and written down afterwards.
    pub(super) state: FileState,
    pub(super) title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) branch: Option<String>,
    pub(super) base: String,
    /// The commit of the branch that was proven: it may be gone when the proposal was merged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) head: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) labels: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) closed: Option<Closure>,
    /// Below the second `---`.
    #[serde(skip)]
    pub(super) body: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FileKind {
    PullRequest,
    Issue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum FileState {
    Open,
    /// A word that people may write too.
    #[serde(alias = "declined")]
    Closed,
    /// Believed where the history says so; else as `closed`.
    Merged,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Closure {
    pub(super) by: String,
    #[serde(default)]
    pub(super) reason: String,
    #[serde(default)]
    pub(super) completed: bool,
}

/// Why a text is no proposal's file, or a proposal cannot be written as one.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("longer than {0} bytes")]
    TooLong(usize),
    #[error("it is not UTF-8")]
    NotText,
    #[error("it does not begin with YAML between two lines `---`")]
    NoHead,
    #[error(transparent)]
    Head(#[from] serde_yaml::Error),
}

impl ProposalFile {
    /// The file of an open proposal; the head of the file replaces the mark of the body.
    pub(super) fn new(proposal: &Proposal, text: &ProposalText, head: Option<String>) -> Self {
        Self {
            incident: proposal.incident.clone(),
            fingerprint: proposal.fingerprint.clone(),
            kind: proposal.kind.into(),
            state: FileState::Open,
            title: text.title.clone(),
            branch: proposal.branch.clone(),
            base: proposal.base.clone(),
            head,
            labels: proposal.labels.clone(),
            closed: None,
            body: below_marker(&text.body).to_owned(),
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, FileError> {
        let text = text.replace("\r\n", "\n");
        let inside = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n"));
        let (head, body) = inside.ok_or(FileError::NoHead)?;
        let mut file: Self = serde_yaml::from_str(head)?;
        body.trim_end().clone_into(&mut file.body);
        Ok(file)
    }

    pub(super) fn to_text(&self) -> Result<String, FileError> {
        let head = crate::text::format_yaml_record(self)?;
        Ok(format!("---\n{head}---\n{}\n", self.body.trim_end()))
    }
}

impl From<ProposalKind> for FileKind {
    fn from(kind: ProposalKind) -> Self {
        match kind {
            ProposalKind::PullRequest => Self::PullRequest,
            ProposalKind::Issue => Self::Issue,
        }
    }
}

impl From<FileKind> for ProposalKind {
    fn from(kind: FileKind) -> Self {
        match kind {
            FileKind::PullRequest => Self::PullRequest,
            FileKind::Issue => Self::Issue,
        }
    }
}
