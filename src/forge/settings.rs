//! Which forge, which repository of it, and where the token may go.

use std::time::Duration;

use url::Url;

use super::error::ForgeError;
use crate::config::ForgeKind;
use crate::git::{RemoteAddress, Token};

/// What names a forge: from `drift.yaml`, the remote, the command line and the environment.
#[derive(Debug, Clone)]
pub struct ForgeSettings {
    /// The configured kind; `None`: by the remote's address.
    pub kind: Option<ForgeKind>,
    /// Where the repository's remote is.
    pub remote: Option<RemoteAddress>,
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

impl Default for ForgeSettings {
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

/// What only a kind of forge knows about its addresses.
#[derive(Debug)]
pub(super) struct AddressRules {
    pub(super) kind: ForgeKind,
    /// The addresses of the API and of the pages for people, of a forge at this address.
    pub(super) addresses: fn(&str) -> (String, String),
    /// The origin of the API for a remote on this host, where the forge's makers run it and its API has a host of its own.
    pub(super) own_api: fn(&str) -> Option<String>,
}

/// A forge over HTTP, resolved.
#[derive(Debug, Clone)]
pub(super) struct ForgeTarget {
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

impl ForgeSettings {
    /// The configured kind, or the one that the remote names; no remote is [`ForgeKind::Local`].
    ///
    /// # Errors
    /// A remote of which the kind is not known.
    pub fn kind(&self) -> Result<ForgeKind, ForgeError> {
        match (self.kind, &self.remote) {
            (Some(kind), _) => Ok(kind),
            (None, None) => Ok(ForgeKind::Local),
            (None, Some(remote)) => remote.forge_kind().ok_or_else(|| {
                ForgeError::configuration(
                    format!("unknown kind of forge at {}", remote.url),
                    "set `forge.type` in drift.yaml to github, gitea (Forgejo too) or local",
                )
            }),
        }
    }

    /// Where requests go.
    pub(super) fn target(&self, rules: &AddressRules) -> Result<ForgeTarget, ForgeError> {
        let (api, web) = self.addresses(rules)?;
        let repository = self.repository_name()?;
        let token = self.token.clone().ok_or_else(|| {
            let own = rules.kind.token_variable().map(|own| format!(" or {own}")).unwrap_or_default();
            ForgeError::configuration(
                "there is no token for the forge",
                format!("set DRIFT_TOKEN{own}, or DRIFT_TOKEN_FILE to the path of a file that holds it"),
            )
        })?;
        if !self.token_may_go(&api, rules) {
            return Err(ForgeError::configuration(
                format!(
                    "the token is not sent to {}, which is not the host of the repository's remote",
                    origin(&api)
                ),
                "name that host with --forge-host or DRIFT_FORGE_HOST, or correct `forge.api` in drift.yaml",
            ));
        }
        Ok(ForgeTarget { api, web, repository, login: self.login.clone(), token, deadline: self.deadline })
    }

    /// The API's address and the pages' address.
    fn addresses(&self, rules: &AddressRules) -> Result<(Url, String), ForgeError> {
        let configured = self.api.as_ref().map(|api| api.trim_end_matches('/').to_owned());
        let base = configured.or_else(|| base_of(self.remote.as_ref()?)).ok_or_else(|| {
            ForgeError::configuration(
                "unknown address of the forge",
                "set `forge.api` in drift.yaml, or give the repository a remote",
            )
        })?;
        let (api, web) = (rules.addresses)(&base);
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
    fn repository_name(&self) -> Result<String, ForgeError> {
        let configured = self.repository.as_ref().map(|name| name.trim_matches('/').to_owned());
        let name = configured.or_else(|| name_of(self.remote.as_ref()?));
        name.filter(|name| is_repository(name)).ok_or_else(|| {
            ForgeError::configuration(
                "the repository's name on the forge is not known",
                "set `forge.repository` in drift.yaml to owner/name",
            )
        })
    }

    /// Whether the token may go to `api`: the remote's own host, the API that its makers have for that host, or a host that a flag
    /// or the environment names. Never in clear text where the remote is encrypted.
    fn token_may_go(&self, api: &Url, rules: &AddressRules) -> bool {
        let host = api.host_str().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
        let port = api.port_or_known_default().unwrap_or_default();
        let named = |trusted: &String| {
            let trusted = trusted.to_ascii_lowercase();
            trusted == host || trusted == format!("{host}:{port}")
        };
        if self.trusted_hosts.iter().any(named) {
            return true;
        }
        let Some(RemoteAddress { host: Some(remote), web, .. }) = &self.remote else { return false };
        if (rules.own_api)(remote).is_some_and(|own| own == origin(api)) {
            return true;
        }
        match web {
            Some(web) => *web == origin(api),
            None => *remote == host && api.scheme() == "https",
        }
    }
}

/// The address of the forge itself: by HTTP a path before `owner/name` belongs to it; an SSH port says nothing about it.
fn base_of(remote: &RemoteAddress) -> Option<String> {
    let Some(web) = &remote.web else { return remote.host.as_ref().map(|host| format!("https://{host}")) };
    let path = remote.owner_repo.as_deref().unwrap_or_default();
    let name = name_of(remote).unwrap_or_default();
    let before = path.strip_suffix(&name).unwrap_or_default().trim_end_matches('/');
    Some(if before.is_empty() { web.clone() } else { format!("{web}/{before}") })
}

/// The last two segments of the remote's path.
fn name_of(remote: &RemoteAddress) -> Option<String> {
    let mut parts = remote.owner_repo.as_deref()?.rsplit('/');
    let (name, owner) = (parts.next()?, parts.next()?);
    Some(format!("{owner}/{name}"))
}

/// `owner/name` of plain characters: it becomes part of a path.
fn is_repository(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let part = |part: &str| !part.is_empty() && part != "." && part != ".." && part.chars().all(plain);
    name.split_once('/').is_some_and(|(owner, name)| part(owner) && part(name))
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}
