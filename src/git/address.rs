//! Addresses of repositories: taken apart, shown without credentials.

use percent_encoding::percent_decode_str;
use url::Url;

use super::GitError;
use crate::config::ForgeKind;

/// Where a remote is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteAddress {
    /// Name of the remote, `origin`.
    pub name: String,
    /// Its address, without credentials.
    pub url: String,
    /// Its host, without port; absent for paths.
    pub host: Option<String>,
    /// `https://host:port` where the remote is reached by HTTP.
    pub web: Option<String>,
    /// `owner/name` (on GitLab perhaps `group/sub/name`); absent for paths.
    pub owner_repo: Option<String>,
}

impl RemoteAddress {
    /// Takes apart the address of the remote `name`.
    #[must_use]
    pub fn new(name: &str, url: &str) -> Self {
        let (host, web, path) = split_address(url);
        let owner_repo = host.as_ref().and_then(|_| owner_repo(&path));
        Self { name: name.to_owned(), url: without_credentials(url), host, web, owner_repo }
    }

    /// Host and path of the repository in lower case, however it is reached; a path of this machine names none.
    #[must_use]
    pub fn repository_name(&self) -> Option<(&str, String)> {
        Some((self.host.as_deref()?, self.owner_repo.as_ref()?.to_lowercase()))
    }

    /// The kind of forge that the host names without doubt.
    #[must_use]
    pub fn forge_kind(&self) -> Option<ForgeKind> {
        ForgeKind::from_host(self.host.as_deref()?)
    }
}

fn split_address(url: &str) -> (Option<String>, Option<String>, String) {
    if let Ok(parsed) = Url::parse(url) {
        if parsed.cannot_be_a_base() || parsed.scheme() == "file" {
            return parse_scp(url).unwrap_or((None, None, url.to_owned()));
        }
        let host = parsed.host_str().map(|h| h.trim_start_matches('[').trim_end_matches(']').to_lowercase());
        let web = matches!(parsed.scheme(), "http" | "https").then(|| parsed.origin().ascii_serialization());
        return (host, web, parsed.path().to_owned());
    }
    parse_scp(url).unwrap_or((None, None, url.to_owned()))
}

/// `user@host:path`: a colon before any slash, as Git reads it.
fn parse_scp(url: &str) -> Option<(Option<String>, Option<String>, String)> {
    if url.contains("://") {
        return None;
    }
    let (before, path) = url.split_once(':')?;
    if before.contains('/') || before.is_empty() {
        return None;
    }
    let host = before.rsplit('@').next().unwrap_or(before);
    Some((Some(host.to_lowercase()), None, path.to_owned()))
}

fn owner_repo(path: &str) -> Option<String> {
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    (path.contains('/') && !path.split('/').any(str::is_empty)).then(|| path.to_owned())
}

/// The address without login and password (the login of an ssh address stays: it is no secret and is needed).
#[must_use]
pub fn without_credentials(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut parsed) if parsed.has_authority() => {
            let ssh = parsed.scheme().contains("ssh");
            let had = parsed.password().is_some() || (!ssh && !parsed.username().is_empty());
            if !had {
                return url.to_owned();
            }
            // Both fail only for addresses without a host, which have no credentials either.
            let _ = parsed.set_password(None);
            if !ssh {
                let _ = parsed.set_username("");
            }
            parsed.to_string()
        }
        _ => redact_credentials(url),
    }
}

/// Any text with the userinfo of every `scheme://userinfo@` in it replaced.
pub(super) fn redact_credentials(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end =
            after.find(|c: char| c.is_whitespace() || matches!(c, '/' | '\'' | '"')).unwrap_or(after.len());
        match after[..end].rfind('@') {
            Some(userinfo) if !before.ends_with("ssh://") || after[..userinfo].contains(':') => {
                out.push_str("***");
                rest = &after[userinfo..];
            }
            _ => rest = after,
        }
    }
    out.push_str(rest);
    out
}

/// An address and the credentials that stood in it.
pub(super) struct AddressParts {
    pub(super) url: String,
    pub(super) login: Option<String>,
    pub(super) password: Option<String>,
}

/// Checks an address and takes the credentials of HTTP addresses out of it.
pub(super) fn split_credentials(url: &str) -> Result<AddressParts, GitError> {
    let refuse = |why| Err(GitError::Address { url: without_credentials(url), why });
    if url.is_empty() || url.starts_with('-') {
        return refuse("it is empty or starts with `-`");
    }
    if url.chars().any(char::is_control) {
        return refuse("it holds control characters");
    }
    if names_remote_helper(url) {
        return refuse("remote helpers (`ext::`) would run commands");
    }
    let Some((scheme, _)) = url.split_once("://") else {
        return Ok(AddressParts { url: url.to_owned(), login: None, password: None });
    };
    if !matches!(scheme, "http" | "https" | "ssh" | "git+ssh" | "ssh+git" | "git" | "file") {
        return refuse("its protocol is not one of https, http, ssh, git, file");
    }
    let Ok(parsed) = Url::parse(url) else { return refuse("it cannot be read") };
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (login, password) = match scheme {
        "http" | "https" => {
            (Some(parsed.username()).filter(|u| !u.is_empty()).map(decode), parsed.password().map(decode))
        }
        _ => (None, None),
    };
    Ok(AddressParts { url: without_credentials(url), login, password })
}

/// `<helper>::<address>` makes Git run `git-remote-<helper>`.
fn names_remote_helper(url: &str) -> bool {
    url.split_once("::")
        .is_some_and(|(before, _)| before.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)))
}
