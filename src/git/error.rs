//! What can go wrong. No message holds a token or a password: addresses are shown without credentials.

use std::path::PathBuf;
use std::time::Duration;

/// Why a repository could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// No repository at or above the path.
    #[error("{} is not in a Git repository", path.display())]
    NotARepository {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// It belongs to another user, so Git does not trust its configuration.
    #[error("{} belongs to another user", path.display())]
    Owner {
        /// Root of the repository.
        path: PathBuf,
    },
    /// A bare repository among the files of another: a pull request can bring it, and its settings name programs.
    #[error("{} is a bare repository inside of {}: its settings are not used", path.display(), around.display())]
    Embedded {
        /// The bare repository.
        path: PathBuf,
        /// The work tree around it.
        around: PathBuf,
    },
    /// A bare repository that nobody named.
    #[error("{} is a bare repository, which is used only where it is named", path.display())]
    Unnamed {
        /// The bare repository.
        path: PathBuf,
    },
    /// A format that drift cannot read.
    #[error("{} uses {what}, which drift cannot read yet", path.display())]
    Format {
        /// The repository.
        path: PathBuf,
        /// What is not understood.
        what: String,
    },
    /// There is nothing to read: HEAD names a branch without commits.
    #[error("{} has no commits on its current branch", path.display())]
    NoCommits {
        /// The repository.
        path: PathBuf,
    },
    /// Not a whole commit id.
    #[error("`{text}` is not a commit id (40 hexadecimal digits)")]
    NotAnId {
        /// What was given.
        text: String,
    },
    /// A name that Git does not allow for a branch.
    #[error("`{name}` cannot be the name of a branch")]
    BranchName {
        /// What was given.
        name: String,
    },
    /// An object that should be there is not: a damaged or shallow clone.
    #[error("object {id} is missing in {}: the clone is damaged or too shallow", path.display())]
    MissingObject {
        /// The object.
        id: String,
        /// The repository.
        path: PathBuf,
    },
    /// libgit2 could not do it.
    #[error("cannot {doing} in {}: {why}", path.display())]
    Failed {
        /// What was being done.
        doing: String,
        /// The repository.
        path: PathBuf,
        /// libgit2's words.
        why: String,
    },
    /// The repository cannot be written.
    #[error("{} cannot be written: {why}", path.display())]
    ReadOnly {
        /// The repository.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A file or folder outside the repository could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// More bytes than allowed.
    #[error("the files of commit {commit} are larger than {limit} bytes")]
    TooLarge {
        /// The commit.
        commit: String,
        /// The limit.
        limit: u64,
    },
    /// Something in a tree that is not read, or not written into a commit.
    #[error("`{path}` cannot be read or written: {why}")]
    Path {
        /// The path in the repository.
        path: String,
        /// Why.
        why: String,
    },
    /// An address that is not accepted.
    #[error("`{url}` is not accepted as the address of a repository: {why}")]
    Address {
        /// The address, without credentials.
        url: String,
        /// Why.
        why: &'static str,
    },
    /// The `git` program could not be started.
    #[error("the `git` program could not be started ({why})")]
    NoProgram {
        /// Why.
        why: String,
    },
    /// Git is told to sign commits, and a commit could not be signed.
    #[error("commits are to be signed (`commit.gpgsign`), and signing failed: {why}")]
    Signing {
        /// In Git's words.
        why: String,
    },
    /// A setting that Git does not take.
    #[error("Git does not take its settings: {why}")]
    Setting {
        /// In Git's words.
        why: String,
    },
    /// The remote could not be asked or did not do it.
    #[error("cannot {doing} {remote}: {why}")]
    Remote {
        /// What was being done.
        doing: &'static str,
        /// Name or address of the remote, without credentials.
        remote: String,
        /// Why.
        why: RemoteFailure,
    },
}

/// Why a remote did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteFailure {
    /// Credentials are missing, wrong, or not enough.
    #[error("access denied ({0})")]
    Auth(String),
    /// There is no ssh.
    #[error("the `ssh` program could not be started ({0})")]
    NoSsh(String),
    /// ssh does not know the server's key, or knows another one.
    #[error("ssh does not trust the host's key ({0})")]
    HostKey(String),
    /// None of ssh's keys is one of an account that may.
    #[error("the host takes none of ssh's keys ({0})")]
    SshKey(String),
    /// The server's certificate is not trusted.
    #[error("the server's certificate is not trusted ({0})")]
    Certificate(String),
    /// No such repository, or one that these credentials may not see.
    #[error("no such repository, or no access to it ({0})")]
    NotFound(String),
    /// Not reached, cut, or failed on the server's side.
    #[error("not reached ({0})")]
    Network(String),
    /// Took too long.
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// Anything else, in the words of the program.
    #[error("{0}")]
    Other(String),
}

/// Why a push was not done. Nothing was written, because pushes are atomic.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// Somebody else pushed first; fetch, plan and push again.
    #[error("branch {branch} was changed by somebody else meanwhile: {} expected, {} found",
        name(.expected), name(.found))]
    Stale {
        /// The branch.
        branch: String,
        /// What it should have had.
        expected: Option<String>,
        /// What it has.
        found: Option<String>,
    },
    /// The server refuses it: a protected branch, or a hook.
    #[error("the server refuses to change branch {branch}: {why}")]
    Refused {
        /// The branch, the first where all were refused.
        branch: String,
        /// The server's words (hostile).
        why: String,
    },
    /// The server accepts only signed commits, or rejects without a reason, as some servers do then.
    #[error("the server refuses to change branch {branch}{}: {why}", asked(*.told))]
    Unsigned {
        /// The branch, the first where all were refused.
        branch: String,
        /// The server's words (hostile).
        why: String,
        /// Whether the server's words are about signatures.
        told: bool,
        /// The committer's address, where the commits are signed.
        signed_by: Option<String>,
    },
    /// It is checked out, and a push would leave its work tree behind.
    #[error("branch {branch} is checked out in {}", path.display())]
    CheckedOut {
        /// The branch.
        branch: String,
        /// Where.
        path: PathBuf,
    },
    /// Credentials, network, repository.
    #[error(transparent)]
    Git(#[from] GitError),
}

fn asked(told: bool) -> &'static str {
    if told {
        ", for it asks for signed commits"
    } else {
        " and gives no reason, as where its rules ask for signed commits"
    }
}

fn how_to_sign(signed_by: Option<&str>) -> String {
    let account = "the account on the forge that the token belongs to";
    match signed_by {
        None => format!(
            "drift signs where Git is told to (`commit.gpgsign`, `gpg.format`, `user.signingkey`, and `user.email` with an address of \
             {account}), in its global settings or in GIT_CONFIG_*, and add the key to that account"
        ),
        Some(email) => format!(
            "the commits are signed, as committed by {email}: add the key to {account}, and set `user.email` to an address \
             that is verified there"
        ),
    }
}

fn name(id: &Option<String>) -> &str {
    id.as_deref().unwrap_or("nothing")
}

impl GitError {
    /// What to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotARepository { .. } => "run inside one, or name it with --repository",
            Self::Owner { path } => {
                let path = path.display();
                return Some(format!(
                    "trust it with `git config --global --add safe.directory {path}`, or run as its owner"
                ));
            }
            Self::Embedded { .. } => "start from the work tree around it, or move it out",
            Self::Unnamed { path } => return Some(format!("name it with --repository {}", path.display())),
            Self::Format { .. } => "clone it into the default format (sha1 objects, `files` references)",
            Self::NoCommits { .. } => "commit something first, or name a revision",
            Self::MissingObject { .. } => "fetch again with full history",
            Self::TooLarge { .. } => "narrow the sources, or raise the limit",
            Self::NoProgram { .. } => "install it, and make sure that it is on the PATH",
            Self::Signing { .. } => {
                "see that `user.signingkey` and `gpg.format` of Git's global settings or of GIT_CONFIG_* (those of \
                 .git/config do not count) name a key that can be used without a question, and that its program \
                 (ssh-keygen, gpg) is installed; `echo | git commit-tree -S HEAD^{tree}` tries it"
            }
            Self::Remote { why, .. } => why.hint()?,
            Self::NotAnId { .. }
            | Self::BranchName { .. }
            | Self::Failed { .. }
            | Self::ReadOnly { .. }
            | Self::Io { .. }
            | Self::Path { .. }
            | Self::Address { .. }
            | Self::Setting { .. } => return None,
        };
        Some(hint.to_owned())
    }

    /// Whether a remote refused access, or hides from strangers that it is there: a token may help.
    #[must_use]
    pub fn is_refused_by_remote(&self) -> bool {
        matches!(self, Self::Remote { why: RemoteFailure::Auth(_) | RemoteFailure::NotFound(_), .. })
    }
}

impl RemoteFailure {
    /// What to do.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Auth(_) => Some("check the token or the Git credentials and their rights"),
            Self::NoSsh(_) => Some("install it (openssh-client), or use an https address"),
            Self::HostKey(_) => Some(
                "compare it with what the host publishes, and put it into known_hosts (`ssh-keyscan HOST`); a CronJob \
                 mounts that file at /etc/ssh/ssh_known_hosts",
            ),
            Self::SshKey(_) => Some(
                "add one to an account there that has access, and give it to ssh by SSH_AUTH_SOCK, by ~/.ssh/config, or \
                 by GIT_SSH_COMMAND='ssh -i FILE'",
            ),
            Self::Certificate(_) => Some(
                "name the file of the authority that signed it (GIT_SSL_CAINFO, or `http.sslCAInfo` of Git's global \
                 settings), and see that the address is the one it was made for",
            ),
            Self::Network(_) => Some("check the address and the network, or try again"),
            Self::NotFound(_) | Self::TimedOut(_) | Self::Other(_) => None,
        }
    }
}

impl PushError {
    /// What to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unsigned { signed_by, .. } => Some(how_to_sign(signed_by.as_deref())),
            Self::CheckedOut { .. } => {
                Some("check out another branch, or push to a bare repository".to_owned())
            }
            Self::Git(error) => error.hint(),
            Self::Stale { .. } | Self::Refused { .. } => None,
        }
    }

    /// Whether a new attempt from a fresh fetch may succeed.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        matches!(self, Self::Stale { .. })
    }
}
