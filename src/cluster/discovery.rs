//! What the server serves, by aggregated discovery, or group by group where the server is older than 1.26.
//!
//! Not `kube::Discovery`: it ends at the first group that fails, keeps no word of one that is stale, has neither
//! a time-out nor a limit of the body, and its types make every field optional, so that an answer without `items` would
//! be a server without kinds. Ours names what failed and reads the rest.

use std::collections::BTreeSet;

use http::StatusCode;
use kube::core::discovery::v2::ACCEPT_AGGREGATED_DISCOVERY_V2;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::{ReadErrorKind, one_line};
use super::request::{ApiCall, RequestError, Requests, status_text};
use crate::model::{ApiResource, ApiResources, Incomplete, join_api_version};

const JSON: &str = "application/json";

/// The API resources of a server, and the groups whose discovery failed.
#[derive(Debug, Default)]
pub(super) struct Discovery {
    pub(super) resources: ApiResources,
    /// Groups and versions whose discovery failed, such as an unavailable APIService.
    pub(super) failed: Vec<FailedDiscovery>,
}

/// A group and version whose discovery failed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FailedDiscovery {
    /// API group.
    pub group: String,
    /// Version, `v1beta1`.
    pub version: String,
    /// Why, and what to do.
    pub why: String,
}

impl From<FailedDiscovery> for Incomplete {
    fn from(of: FailedDiscovery) -> Self {
        Self { what: format!("kinds of {}", join_api_version(&of.group, &of.version)), why: of.why }
    }
}

/// Asks the server what it serves.
pub(super) async fn discover(requests: &Requests) -> Result<Discovery, RequestError> {
    let mut found = Discovery::default();
    found.resources.version = version(requests).await?;
    let mut order = Vec::new();
    for root in ["/api", "/apis"] {
        match get::<Root>(requests, root, ACCEPT_AGGREGATED_DISCOVERY_V2).await? {
            Root::Groups { items } => add_groups(items, &mut found, &mut order),
            Root::Core { versions } => {
                let versions = versions.into_iter().map(|version| (String::new(), version)).collect();
                ask_each(requests, versions, &mut found, &mut order).await;
            }
            Root::Named { groups } => {
                let versions = groups.into_iter().flat_map(NamedGroup::versions).collect();
                ask_each(requests, versions, &mut found, &mut order).await;
            }
        }
    }
    if found.resources.kinds.is_empty() && found.failed.is_empty() {
        let why = "it serves no API; is this the address of a Kubernetes API server?".to_owned();
        return Err(RequestError { why, kind: ReadErrorKind::Malformed });
    }
    sort(&mut found, &order);
    Ok(found)
}

async fn version(requests: &Requests) -> Result<String, RequestError> {
    let answer = requests.get("/version", JSON).await?;
    // Some servers hide their version; nothing depends on it.
    if matches!(answer.status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) {
        return Ok(String::new());
    }
    let version: Version = parse(answer.status, &answer.body)?;
    Ok(one_line(&version.git_version))
}

async fn get<T: DeserializeOwned>(requests: &Requests, path: &str, accept: &str) -> Result<T, RequestError> {
    let answer = requests.get(path, accept).await?;
    parse(answer.status, &answer.body)
}

fn parse<T: DeserializeOwned>(status: StatusCode, body: &[u8]) -> Result<T, RequestError> {
    match status {
        StatusCode::OK => serde_json::from_slice(body).map_err(|_| RequestError {
            why: "the answer is not that of a Kubernetes API server; is the address right?".to_owned(),
            kind: ReadErrorKind::Malformed,
        }),
        StatusCode::UNAUTHORIZED => Err(RequestError {
            why: format!("{}; the credentials are missing, wrong or expired", status_text(status, body)),
            kind: ReadErrorKind::Forbidden,
        }),
        StatusCode::FORBIDDEN => Err(RequestError {
            why: format!("{}; bind the role system:discovery to the user", status_text(status, body)),
            kind: ReadErrorKind::Forbidden,
        }),
        _ => Err(RequestError { why: status_text(status, body), kind: ReadErrorKind::Other }),
    }
}

/// `(group, version)` in the server's order of preference.
type Order = Vec<(String, String)>;

fn add_groups(groups: Vec<Group>, found: &mut Discovery, order: &mut Order) {
    for group in groups {
        let name = group.metadata.name.unwrap_or_default();
        for version in group.versions {
            order.push((name.clone(), version.version.clone()));
            if version.freshness.as_deref() == Some("Stale") {
                found.failed.push(FailedDiscovery {
                    group: name.clone(),
                    version: version.version.clone(),
                    why: "its APIService is not available".to_owned(),
                });
            }
            let kinds = version.resources.into_iter();
            found
                .resources
                .kinds
                .extend(kinds.filter_map(|resource| resource.into_kind(&name, &version.version)));
        }
    }
}

async fn ask_each(requests: &Requests, versions: Order, found: &mut Discovery, order: &mut Order) {
    for (group, version) in versions {
        let prefix = if group.is_empty() { "/api/".to_owned() } else { format!("/apis/{group}/") };
        let answer =
            requests.send_with_short_timeout(&ApiCall::get(&format!("{prefix}{version}"), JSON)).await;
        match answer.and_then(|answer| parse::<ResourceList>(answer.status, &answer.body)) {
            Ok(list) => {
                let kinds =
                    list.resources.into_iter().filter_map(|resource| resource.into_kind(&group, &version));
                found.resources.kinds.extend(kinds);
            }
            Err(RequestError { why, .. }) => {
                found.failed.push(FailedDiscovery { group: group.clone(), version: version.clone(), why });
            }
        }
        order.push((group, version));
    }
}

/// Groups by name, versions by preference, kinds by name; of two resources of one kind the one that can be listed.
fn sort(found: &mut Discovery, order: &Order) {
    let place = |kind: &ApiResource| {
        order.iter().position(|(group, version)| *group == kind.group && *version == kind.version)
    };
    let kinds = &mut found.resources.kinds;
    kinds.sort_by_cached_key(|kind| {
        (kind.group.clone(), place(kind), kind.kind.clone(), !kind.supports_list, kind.plural.clone())
    });
    let mut seen = BTreeSet::new();
    kinds.retain(|kind| seen.insert((kind.group.clone(), kind.version.clone(), kind.kind.clone())));
    found.failed.sort();
}

/// The answer to `/api` and `/apis`, in its newer and older forms.
#[derive(Deserialize)]
#[serde(untagged)]
enum Root {
    Groups { items: Vec<Group> },
    Core { versions: Vec<String> },
    Named { groups: Vec<NamedGroup> },
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    metadata: Name,
    #[serde(default)]
    versions: Vec<GroupVersion>,
}

#[derive(Deserialize, Default)]
struct Name {
    name: Option<String>,
}

#[derive(Deserialize)]
struct GroupVersion {
    version: String,
    freshness: Option<String>,
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    resource: String,
    response_kind: Option<Kind>,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    verbs: Vec<String>,
}

#[derive(Deserialize)]
struct Kind {
    kind: String,
}

impl Resource {
    fn into_kind(self, group: &str, version: &str) -> Option<ApiResource> {
        let kind = self.response_kind.map(|kind| kind.kind).filter(|kind| !kind.is_empty())?;
        Some(ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            kind,
            plural: self.resource,
            namespaced: self.scope == "Namespaced",
            supports_list: self.verbs.iter().any(|verb| verb == "list"),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NamedGroup {
    name: String,
    #[serde(default)]
    versions: Vec<NamedVersion>,
    preferred_version: Option<NamedVersion>,
}

#[derive(Deserialize)]
struct NamedVersion {
    version: String,
}

impl NamedGroup {
    /// Its versions, the preferred one first.
    fn versions(self) -> Vec<(String, String)> {
        let preferred = self.preferred_version.map(|preferred| preferred.version);
        let mut versions: Vec<_> = self.versions.into_iter().map(|version| version.version).collect();
        versions.sort_by_key(|version| Some(version) != preferred.as_ref());
        versions.into_iter().map(|version| (self.name.clone(), version)).collect()
    }
}

#[derive(Deserialize)]
struct ResourceList {
    resources: Vec<NamedResource>,
}

#[derive(Deserialize)]
struct NamedResource {
    name: String,
    kind: String,
    #[serde(default)]
    namespaced: bool,
    #[serde(default)]
    verbs: Vec<String>,
}

impl NamedResource {
    /// `None` for a subresource.
    fn into_kind(self, group: &str, version: &str) -> Option<ApiResource> {
        (!self.name.contains('/')).then(|| ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: self.kind,
            plural: self.name,
            namespaced: self.namespaced,
            supports_list: self.verbs.iter().any(|verb| verb == "list"),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    git_version: String,
}
