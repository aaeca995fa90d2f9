//! Plain values that the module takes and gives.

use std::collections::BTreeMap;
use std::fmt;

use super::GitError;

/// The id of a commit: 40 hexadecimal digits, lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId(String);

impl CommitId {
    /// Reads a whole id; abbreviations are for [`super::Repository::resolve`].
    ///
    /// # Errors
    /// When it is not 40 hexadecimal digits.
    pub fn parse(hex: &str) -> Result<Self, GitError> {
        if hex.len() == 40 && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(Self(hex.to_ascii_lowercase()))
        } else {
            Err(GitError::NotAnId { text: hex.chars().take(80).collect() })
        }
    }

    /// The whole id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve digits, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..12]
    }

    pub(super) fn oid(&self) -> git2::Oid {
        git2::Oid::from_str(&self.0).expect("a commit id is 40 hexadecimal digits")
    }
}

impl From<git2::Oid> for CommitId {
    fn from(oid: git2::Oid) -> Self {
        Self(oid.to_string())
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a tree holds at a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TreeEntry {
    /// Path from the root of the repository.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Whether the file is marked executable.
    pub executable: bool,
}

/// What an entry of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// A file.
    File,
    /// A symbolic link; its content is the target.
    Link,
    /// A submodule; its content is elsewhere.
    Submodule,
}

/// Who wrote something, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Name, as the commit has it (hostile).
    pub name: String,
    /// Address, as the commit has it (hostile).
    pub email: String,
    /// Seconds since 1970.
    pub time: i64,
}

/// The author and committer of a commit that drift makes.
pub type Signature = Person;

/// A commit that touched a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// Its id.
    pub id: CommitId,
    /// Id of the tree or file at the path in this commit; absent when the commit removed it.
    pub tree_id: Option<String>,
    /// Who wrote it.
    pub author: Person,
    /// Who committed it.
    pub committer: Person,
    /// Committer's time, seconds since 1970.
    pub time: i64,
    /// First line of the message.
    pub subject: String,
    /// Lines `Key: value` of the message, wherever they stand.
    pub trailers: Vec<(String, String)>,
    /// The clone ends here (shallow): what stands here may be older than this commit.
    pub boundary: bool,
}

/// The intended update of one branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefUpdate {
    /// Name of the branch, without `refs/heads/`.
    pub branch: String,
    /// The commit it shall have; `None` removes the branch.
    pub new: Option<CommitId>,
    /// The commit it must have before; `None`: it must not exist.
    pub expected: Option<CommitId>,
}

/// What a push did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushReport {
    /// What each branch has now; `None` where it was removed.
    pub branches: BTreeMap<String, Option<CommitId>>,
    /// Everything was already up to date: nothing was written, or an earlier attempt succeeded.
    pub up_to_date: bool,
}
