//! What a cluster serves: versions, kinds, scopes.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// One kind at one version, as discovery names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ApiResource {
    /// API group; empty for the core group.
    pub group: String,
    /// Version, `v1`.
    pub version: String,
    /// Kind, `Deployment`.
    pub kind: String,
    /// Resource name in URLs, `deployments`.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Whether the server offers the verb `list` for it.
    #[serde(rename = "listable")]
    pub supports_list: bool,
}

/// What a cluster serves. Kinds are sorted; of one group the preferred version comes first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiResources {
    /// `v1.36.2`, as the server reports it.
    pub version: String,
    /// Every kind at every version it is served at, without subresources.
    pub kinds: Vec<ApiResource>,
}

/// Kinds by group, version and kind.
pub struct ApiResourceIndex<'a>(HashMap<(&'a str, &'a str, &'a str), &'a ApiResource>);

impl<'a> ApiResourceIndex<'a> {
    /// As [`ApiResources::kind`].
    #[must_use]
    pub fn kind(&self, group: &str, version: &str, kind: &str) -> Option<&'a ApiResource> {
        self.0.get(&(group, version, kind)).copied()
    }
}

impl ApiResources {
    /// The kind at exactly this version.
    #[must_use]
    pub fn kind(&self, group: &str, version: &str, kind: &str) -> Option<&ApiResource> {
        self.kinds
            .iter()
            // Kinds differ most: that is told first.
            .find(|served| served.kind == kind && served.group == group && served.version == version)
    }

    /// The kinds for many questions.
    #[must_use]
    pub fn index(&self) -> ApiResourceIndex<'_> {
        // The first of equal ones stays.
        let kinds = self.kinds.iter().rev();
        let keys = kinds.map(|kind| (kind.group.as_str(), kind.version.as_str(), kind.kind.as_str()));
        ApiResourceIndex(keys.zip(self.kinds.iter().rev()).collect())
    }

    /// The kind at any version: the preferred one.
    #[must_use]
    pub fn preferred_version(&self, group: &str, kind: &str) -> Option<&ApiResource> {
        self.kinds.iter().find(|served| served.group == group && served.kind == kind)
    }

    /// Every `group/version`, sorted, each once.
    #[must_use]
    pub fn api_versions(&self) -> Vec<String> {
        let mut versions: Vec<_> =
            self.kinds.iter().map(|kind| super::join_api_version(&kind.group, &kind.version)).collect();
        versions.sort();
        versions.dedup();
        versions
    }
}
