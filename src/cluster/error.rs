//! Errors of connecting to a cluster and of reading from it.

use std::path::PathBuf;

use super::snapshot::SnapshotFault;
use crate::model::{ApiResource, Incomplete};

/// Why no cluster or snapshot could be opened.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Neither a kubeconfig nor a Pod's service account.
    #[error("no cluster to read: {looked}")]
    NoCluster {
        /// Where was looked.
        looked: String,
    },
    /// A kubeconfig that cannot be used.
    #[error("kubeconfig {file}: {why}")]
    Kubeconfig {
        /// The file, or the files that were merged.
        file: String,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// A kubeconfig that chooses no context.
    #[error("kubeconfig {file}: no current-context")]
    NoCurrentContext {
        /// The file, or the files that were merged.
        file: String,
    },
    /// A context that no kubeconfig has.
    #[error("no context {context:?} in {file}; it has: {known}")]
    UnknownContext {
        /// The context that was asked for.
        context: String,
        /// The file, or the files that were merged.
        file: String,
        /// The contexts there are.
        known: String,
    },
    /// The service account's files of a Pod cannot be used.
    #[error("service account in {}: {why}", folder.display())]
    ServiceAccount {
        /// The folder of the files.
        folder: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The credentials could not be obtained: an `exec` plug-in failed, or they are malformed.
    #[error("credentials for {server}: {why}")]
    Credentials {
        /// Server, without credentials.
        server: String,
        /// What failed.
        why: String,
    },
    /// The server could not be asked what it serves.
    #[error("cannot read what {server} serves: {why}")]
    Server {
        /// Server, without credentials.
        server: String,
        /// What failed, and what to do.
        why: String,
    },
    /// A file that is no snapshot that this drift can read.
    #[error("snapshot {file}: {why}")]
    NotASnapshot {
        /// The file.
        file: String,
        /// What it is instead.
        why: SnapshotFault,
    },
    /// A snapshot that cannot be read to its end.
    #[error("snapshot {file}: {why}")]
    Snapshot {
        /// The file.
        file: String,
        /// What is wrong.
        why: SnapshotFault,
    },
}

impl ClusterError {
    /// What to do.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoCluster { .. } => {
                Some("name a kubeconfig with --kubeconfig, or a snapshot with --snapshot")
            }
            Self::NoCurrentContext { .. } => Some("name one with --context"),
            Self::Kubeconfig { .. }
            | Self::UnknownContext { .. }
            | Self::ServiceAccount { .. }
            | Self::Credentials { .. }
            | Self::Server { .. }
            | Self::NotASnapshot { .. }
            | Self::Snapshot { .. } => None,
        }
    }

    /// Whether it is a usage or configuration error (exit code 2), not a read error (exit code 3).
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        !matches!(self, Self::Credentials { .. } | Self::Server { .. } | Self::Snapshot { .. })
    }
}

/// Kind of a read error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadErrorKind {
    /// 401 or 403.
    Forbidden,
    /// The server does not serve it, or the snapshot does not hold it.
    NotServed,
    /// No answer, or only errors, within the timeout.
    Timeout,
    /// An answer that is not what was asked for: HTML, a cut body, another kind.
    Malformed,
    /// An answer of more bytes than are allowed.
    TooLarge,
    /// Anything else.
    Other,
}

/// A read error: neither clean nor drift.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}")]
pub struct ReadError {
    /// What was not read: `secrets in payments`, `deployments.apps`.
    pub what: String,
    /// Why, and what to do.
    pub why: String,
    /// What kept it from being read.
    pub kind: ReadErrorKind,
}

impl From<ReadError> for Incomplete {
    fn from(unread: ReadError) -> Self {
        Self { what: unread.what, why: unread.why }
    }
}

/// Why an answer is not the list or the object that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum MalformedAnswer {
    #[error("the answer is not JSON (a proxy's page, or cut off)")]
    NotJson,
    #[error("the answer is not a list")]
    NotAList,
    #[error("the answer is a list of another kind: {api_version:.80} {kind:.80}")]
    OtherList { api_version: String, kind: String },
    #[error("the answer is another object")]
    OtherObject,
    #[error("a list item is not a JSON object")]
    ItemNotAnObject,
    #[error("a list item has another kind: {api_version:.80} {kind:.80}")]
    ItemOfOtherKind { api_version: String, kind: String },
    #[error("a list item has no name")]
    ItemWithoutName,
    #[error("a list item is in another namespace")]
    ItemOfOtherNamespace,
    #[error("it is nested deeper than 127 levels")]
    TooDeep,
    #[error("the server names another page again and again")]
    EndlessPages,
    #[error("reading the page was given up")]
    GivenUp,
}

impl From<serde_json::Error> for MalformedAnswer {
    fn from(cause: serde_json::Error) -> Self {
        // serde_json has no kind for it, only these words.
        let too_deep = cause.to_string().starts_with("recursion limit exceeded");
        if too_deep { Self::TooDeep } else { Self::NotJson }
    }
}

/// `secrets in payments`, `deployments.apps`: how a list is named to a person.
#[must_use]
pub fn resource_display_name(kind: &ApiResource, namespace: Option<&str>) -> String {
    let resource =
        if kind.group.is_empty() { kind.plural.clone() } else { format!("{}.{}", kind.plural, kind.group) };
    match namespace {
        Some(namespace) => format!("{resource} in {namespace}"),
        None => resource,
    }
}

/// Text of a server or a program, fit for one line of an error: no control characters, at most 300 characters.
pub(super) fn one_line(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .take(301)
        .collect();
    let plain = plain.trim();
    match plain.char_indices().nth(300) {
        Some((end, _)) => format!("{}...", &plain[..end]),
        None => plain.to_owned(),
    }
}
