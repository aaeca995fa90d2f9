//! How a repository is opened.

use std::ffi::OsString;

/// How a repository is opened and its remotes are reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitOptions {
    /// The environment of the `git` program: the user's own, for credentials, proxies, keys.
    pub env: Vec<(OsString, OsString)>,
    /// Read it even where another user owns it (containers). Its configuration is then trusted.
    pub any_owner: bool,
    /// The path names the repository itself, so it may be a bare one. Without it one is looked for from the path on,
    /// and a bare one is nobody's choice.
    pub bare: bool,
}
