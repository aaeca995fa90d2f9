//! How commits are signed.

/// How commits are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SigningSettings {
    /// The address that the keys belong to, where Git is told one.
    pub(super) email: Option<String>,
    /// No key is named: gpg looks for one by the committer, as a person's name and address have it. drift's name is not
    /// in the key, so it is looked for by the address.
    pub(super) by_address: bool,
}
