//! Which forge, which repository of it, and where the token may go.

use std::time::Duration;

use url::Url;

use super::{ForgeError, Token};
use crate::config::ForgeKind;

/// What names a forge: from `drift.yaml`, the remote, the command line and the environment.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The configured kind; `None`: by the remote's address.
    pub kind: Option<ForgeKind>,
    /// The address of the repository's remote, as Git has it: `https://..`, `ssh://..`, `git@host:owner/name.git`.
    pub remote: Option<String>,
    /// The configured address of the API, or of the forge; default: by the remote's address.
    pub api: Option<String>,
    /// The configured `owner/name`; default: by the remote's address.
    pub repository: Option<String>,
    /// Our own login, used only where the forge does not tell it.
    pub login: Option<String>,
    /// The token.
    pub token: Option<Token>,
    /// Hosts (`host` or `host:port`) that the command line or the environment names: the token may go there although they
    /// are not the remote's.
    pub trusted_hosts: Vec<String>,
    /// For one request with its retries.
    pub deadline: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            kind: None,
            remote: None,
            api: None,
            repository: None,
            login: None,
            token: None,
            trusted_hosts: Vec::new(),
            deadline: Duration::from_secs(60),
        }
    }
}

/// The kind of forge that a remote's address names without doubt; anything else must be configured: a token is never sent
/// on a guess.
pub fn kind_of_remote(remote: &str) -> Option<ForgeKind> {
    match Remote::parse(remote)?.host.as_str() {
        "github.com" | "ssh.github.com" => Some(ForgeKind::GitHub),
        "gitlab.com" => Some(ForgeKind::GitLab),
        _ => None,
    }
}

/// A forge over HTTP, resolved.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// Where the API is, without a slash at its end.
    pub(super) api: Url,
    /// Where the pages for people are, without a slash at its end.
    pub(super) web: String,
    /// `owner/name`.
    pub(super) repository: String,
    pub(super) login: Option<String>,
    pub(super) token: Token,
    pub(super) deadline: Duration,
}

impl Settings {
    /// The configured kind, or the one that the remote names; no remote is [`ForgeKind::Local`].
    ///
    /// # Errors
    /// A remote of which the kind is not known.
    pub fn kind(&self) -> Result<ForgeKind, ForgeError> {
        match (self.kind, &self.remote) {
            (Some(kind), _) => Ok(kind),
            (None, None) => Ok(ForgeKind::Local),
            (None, Some(remote)) => kind_of_remote(remote).ok_or_else(|| {
                ForgeError::configuration(
                    format!(
                        "which kind of forge {} is cannot be told from its address",
                        shown_remote(remote)
                    ),
                    "set `forge.type` in drift.yaml to github, gitea (Forgejo too) or local",
                )
            }),
        }
    }

    /// Where requests go.
    pub(super) fn target(&self, kind: ForgeKind) -> Result<Target, ForgeError> {
        let remote = self.remote.as_deref().and_then(Remote::parse);
        let (api, web) = self.addresses(kind, remote.as_ref())?;
        let repository = self.repository_name(remote.as_ref())?;
        let token = self.token.clone().ok_or_else(|| {
            let own = if kind == ForgeKind::GitHub { "GITHUB_TOKEN" } else { "GITEA_TOKEN" };
            ForgeError::configuration(
                "there is no token for the forge",
                format!("set DRIFT_TOKEN or {own}, or DRIFT_TOKEN_FILE to the path of a file that holds it"),
            )
        })?;
        if !self.token_may_go(&api, remote.as_ref()) {
            return Err(ForgeError::configuration(
                format!(
                    "the token is not sent to {}, which is not the host of the repository's remote",
                    origin(&api)
                ),
                "name that host on the command line or in the environment, or correct `forge.api` in drift.yaml",
            ));
        }
        Ok(Target { api, web, repository, login: self.login.clone(), token, deadline: self.deadline })
    }

    /// The API's address and the pages' address.
    fn addresses(&self, kind: ForgeKind, remote: Option<&Remote>) -> Result<(Url, String), ForgeError> {
        let base = match (&self.api, remote) {
            (Some(api), _) => api.trim_end_matches('/').to_owned(),
            (None, Some(remote)) => remote.base(),
            (None, None) => {
                return Err(ForgeError::configuration(
                    "the forge's address is not known",
                    "set `forge.api` in drift.yaml, or give the repository a remote",
                ));
            }
        };
        let (api, web) = match kind {
            ForgeKind::GitHub => github_addresses(&base),
            _ => {
                let web = base.strip_suffix("/api/v1").unwrap_or(&base).to_owned();
                (format!("{web}/api/v1"), web)
            }
        };
        let url = Url::parse(&api).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.host_str().is_some()
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        });
        let url = url.ok_or_else(|| {
            ForgeError::configuration(
                "`forge.api` is not an address that can be used",
                "write it as https://host or https://host/path, without user name, query and fragment",
            )
        })?;
        Ok((url, web))
    }

    /// `owner/name`, configured or from the remote.
    fn repository_name(&self, remote: Option<&Remote>) -> Result<String, ForgeError> {
        let name = match (&self.repository, remote) {
            (Some(name), _) => Some(name.trim_matches('/').to_owned()),
            (None, Some(remote)) => remote.repository(),
            (None, None) => None,
        };
        name.filter(|name| is_repository(name)).ok_or_else(|| {
            ForgeError::configuration(
                "the repository's name on the forge is not known",
                "set `forge.repository` in drift.yaml to owner/name",
            )
        })
    }

    /// Whether the token may go to `api`: the remote's own host, GitHub's API for github.com, or a host that a flag or the
    /// environment names. Never in clear text where the remote is encrypted.
    fn token_may_go(&self, api: &Url, remote: Option<&Remote>) -> bool {
        let host = api.host_str().unwrap_or_default().to_ascii_lowercase();
        let port = api.port_or_known_default();
        let named = |trusted: &String| {
            let trusted = trusted.to_ascii_lowercase();
            trusted == host || port.is_some_and(|port| trusted == format!("{host}:{port}"))
        };
        if self.trusted_hosts.iter().any(named) {
            return true;
        }
        let Some(remote) = remote else { return false };
        let encrypted = api.scheme() == "https";
        let github = matches!(remote.host.as_str(), "github.com" | "ssh.github.com");
        if github && host == "api.github.com" {
            return encrypted && port == Some(443);
        }
        match remote.http {
            Some(remote_encrypted) => {
                remote.host == host && remote.port == port && remote_encrypted == encrypted
            }
            None => remote.host == host && encrypted,
        }
    }
}

/// GitHub's own addresses, or those of a GitHub Enterprise Server.
fn github_addresses(base: &str) -> (String, String) {
    let host = base.split_once("://").map_or(base, |(_, rest)| rest);
    if matches!(host, "github.com" | "ssh.github.com" | "api.github.com") {
        return ("https://api.github.com".to_owned(), "https://github.com".to_owned());
    }
    let web = base.strip_suffix("/api/v3").unwrap_or(base).to_owned();
    (format!("{web}/api/v3"), web)
}

/// The parts of a remote's address that matter here.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Remote {
    /// `Some(encrypted)` for HTTP, `None` for SSH and Git's own protocol.
    http: Option<bool>,
    /// In lower case.
    host: String,
    /// Only for HTTP: an SSH port says nothing about the API.
    port: Option<u16>,
    /// The path's segments, `.git` dropped.
    path: Vec<String>,
}

impl Remote {
    /// Reads what Git accepts as an address of another host; `None` for paths and `file:`.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (http, host, port, path) = if text.contains("://") {
            let url = Url::parse(text).ok()?;
            let http = match url.scheme() {
                "https" => Some(true),
                "http" => Some(false),
                "ssh" | "git+ssh" | "git" => None,
                _ => return None,
            };
            let port = http.and_then(|_| url.port_or_known_default());
            (http, url.host_str()?.to_owned(), port, url.path().to_owned())
        } else {
            // `[user@]host:path`; a path of this machine has a slash before the first colon, or no colon.
            let (before, path) = text.split_once(':')?;
            if before.contains('/') || before.is_empty() {
                return None;
            }
            let host = before.rsplit_once('@').map_or(before, |(_, host)| host);
            (None, host.to_owned(), None, path.to_owned())
        };
        let path = path.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        let path = path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        Some(Self { http, host: host.to_ascii_lowercase(), port, path })
    }

    /// The address of the forge itself; a path before `owner/name` belongs to it (HTTP only).
    fn base(&self) -> String {
        let scheme = if self.http == Some(false) { "http" } else { "https" };
        let default = if scheme == "http" { 80 } else { 443 };
        let port =
            self.port.filter(|port| *port != default).map(|port| format!(":{port}")).unwrap_or_default();
        let mut base = format!("{scheme}://{}{port}", self.host);
        if self.http.is_some() {
            for part in self.path.iter().take(self.path.len().saturating_sub(2)) {
                base.push('/');
                base.push_str(part);
            }
        }
        base
    }

    fn repository(&self) -> Option<String> {
        let at = self.path.len().checked_sub(2)?;
        Some(self.path[at..].join("/"))
    }
}

/// `owner/name` of plain characters: it becomes part of a path.
fn is_repository(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let part = |part: &str| !part.is_empty() && part != "." && part != ".." && part.chars().all(plain);
    name.split_once('/').is_some_and(|(owner, name)| part(owner) && part(name))
}

/// A remote without what may be a credential.
fn shown_remote(remote: &str) -> String {
    match Remote::parse(remote) {
        Some(parsed) => format!("{}/{}", parsed.host, parsed.path.join("/")),
        None => "the remote (a path)".to_owned(),
    }
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}
