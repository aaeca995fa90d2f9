//! A remote and the token for it.

use std::fmt;

use super::GitError;
use super::address;

/// A secret for a remote; shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Takes a token; space around it (a file's last newline) is dropped. `None` when nothing is left or when it
    /// holds a character that cannot stand in a header.
    #[must_use]
    pub fn new(secret: &str) -> Option<Self> {
        let secret = secret.trim();
        let plain = secret.bytes().all(|b| (0x21..=0x7e).contains(&b));
        (plain && !secret.is_empty()).then(|| Self(secret.to_owned()))
    }

    /// The secret, for a header or a child's environment.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

/// Another repository: a remote's name, or an address, with a token for HTTP where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    pub(super) location: String,
    pub(super) is_remote_name: bool,
    pub(super) login: Option<String>,
    pub(super) token: Option<Token>,
}

/// What forges accept beside a token: GitHub documents it, Gitea and GitLab take any name.
pub(super) const LOGIN: &str = "x-access-token";

impl Remote {
    /// A remote that the repository's configuration names, `origin`.
    ///
    /// # Errors
    /// When it cannot be a name.
    pub fn from_name(name: &str) -> Result<Self, GitError> {
        if name.starts_with('-') || name.contains(':') || !git2::Remote::is_valid_name(name) {
            return Err(GitError::Address { url: name.to_owned(), why: "not the name of a remote" });
        }
        Ok(Self { location: name.to_owned(), is_remote_name: true, login: None, token: None })
    }

    /// An address: `https:`, `ssh:`, `git:`, `file:`, `user@host:path` or a path. A password in it becomes the
    /// token, and is not passed on in the address.
    ///
    /// # Errors
    /// When it starts with `-`, names a remote helper (`ext::`), or cannot be read.
    pub fn from_url(url: &str) -> Result<Self, GitError> {
        let parts = address::split_credentials(url)?;
        Ok(Self {
            location: parts.url,
            is_remote_name: false,
            login: parts.login,
            token: parts.password.as_deref().and_then(Token::new),
        })
    }

    /// The same remote with a token, which goes only to the remote's own host, over HTTP.
    #[must_use]
    pub fn with_token(mut self, token: Option<Token>) -> Self {
        self.token = token.or(self.token);
        self
    }

    /// Name or address, without credentials.
    #[must_use]
    pub fn display(&self) -> &str {
        &self.location
    }
}
