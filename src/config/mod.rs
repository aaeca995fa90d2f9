//! Reads and validates `drift.yaml`.
//!
//! Its JSON Schema, `deploy/config-v1.schema.json`, is made from these types by their tests, so that the program carries
//! nothing of it: what [`parse`] refuses beyond types is told there by `cfg_attr(test, schemars(...))`.

mod helm;
mod imported_rule;
mod read;
#[cfg(test)]
mod tests;

use serde::Deserialize;

use crate::model::{
    ArgoCdOptions, ChartReference, FluxOptions, ManagerClass, ResourceId, RootOptions, SourceRoot,
    UnsyncedAfter,
};

pub use helm::{HelmLayers, HelmOptions, HelmParameter};
pub use imported_rule::{IgnoredPlace, IgnoredStep, ImportedRule};
pub use read::{ConfigError, parse};

/// The name of the configuration file at the root of the repository.
pub const CONFIG_FILE: &str = "drift.yaml";

/// A validated `drift.yaml`; [`Config::default`] is used if there is none.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(extend("required" = ["version"])))]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Version of the format: 1.
    #[serde(default)]
    #[cfg_attr(test, schemars(extend("const" = 1)))]
    pub version: u32,
    /// Identity of the cluster in keys and reports; default: the uid of namespace kube-system.
    #[serde(default)]
    pub cluster: Option<String>,
    /// Whether Secrets are compared.
    #[serde(default)]
    pub secrets: SecretsMode,
    /// What is rendered.
    #[serde(default)]
    pub sources: Vec<Source>,
    /// Which GitOps objects are followed to what they apply of the repository; default: all of them where no sources are
    /// listed, else none.
    #[serde(default)]
    pub discover: Option<Discover>,
    /// Where proposals go.
    #[serde(default)]
    pub forge: ForgeConfig,
    /// Where the ledger is.
    #[serde(default)]
    pub ledger: LedgerConfig,
    /// How long a commit may stay unapplied before it counts as drift; default six hours.
    #[serde(default, rename = "unsynced-after")]
    #[cfg_attr(test, schemars(with = "String", regex(pattern = "^[0-9]+[mhd]$"), extend("default" = "6h")))]
    pub unsynced_after: UnsyncedAfter,
    /// Managers in addition to the built-in ones.
    #[serde(default)]
    pub managers: Vec<ManagerConfig>,
    /// Differences that are not drift.
    #[serde(default)]
    pub ignore: Vec<IgnoreRule>,
}

/// Whether Secrets are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum SecretsMode {
    /// Read and compared; values never leave the process.
    #[default]
    Read,
    /// Left out, counted as skipped.
    Skip,
}

/// Which GitOps objects are followed to what they apply of the repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(extend("not" = {"required": ["flux", "argocd"],
    "properties": {"flux": {"const": false}, "argocd": {"const": false}}})))]
#[serde(deny_unknown_fields, default)]
pub struct Discover {
    /// Kustomizations and HelmReleases of Flux.
    pub flux: bool,
    /// Applications of Argo CD.
    pub argocd: bool,
    /// Where they are looked for.
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub from: Vec<DiscoverFrom>,
}

impl Default for Discover {
    fn default() -> Self {
        Self { flux: true, argocd: true, from: vec![DiscoverFrom::Git, DiscoverFrom::Cluster] }
    }
}

/// Where GitOps objects are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum DiscoverFrom {
    /// Among what the sources declare.
    Git,
    /// In the cluster.
    Cluster,
}

/// A path of the repository and how it is rendered.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Path from the root of the repository, `.` for the root; no leading `/`, no `..`.
    #[cfg_attr(test, schemars(regex(pattern = r"^(?!/)(?!(.*/)?\.\.(/|$)).+$")))]
    pub path: String,
    /// Namespace of namespaced objects that name none; default `default`.
    #[serde(default)]
    pub namespace: Option<String>,
    /// How Helm renders it.
    #[serde(default)]
    pub helm: Option<HelmOptions>,
    /// Files and folders of a plain source that are left out: patterns as in `.gitignore`, from the source's path.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// The GitOps object that applies it, and what that sets; not in `drift.yaml`.
    #[serde(skip)]
    pub root: Option<Box<SourceRoot>>,
}

impl Source {
    /// The chart that it is, where that is kept elsewhere.
    #[must_use]
    pub fn chart(&self) -> Option<&ChartReference> {
        self.helm.as_ref()?.layers.chart.as_deref()
    }

    /// The GitOps object that applies it.
    #[must_use]
    pub fn root_object(&self) -> Option<&ResourceId> {
        self.root.as_ref().map(|root| root.object.as_ref())
    }

    /// What the GitOps object that applies it sets.
    #[must_use]
    pub fn root_options(&self) -> Option<&RootOptions> {
        self.root.as_ref().map(|root| &root.options)
    }

    /// The GitOps object that applies it, for a part of it that none of the options are about.
    #[must_use]
    pub fn bare_root(&self) -> Option<Box<SourceRoot>> {
        let root = self.root.as_ref()?;
        let options = RootOptions::Part;
        Some(Box::new(SourceRoot { object: root.object.clone(), options }))
    }

    /// What the Flux Kustomization that applies it sets; `None` where no such one applies it.
    #[must_use]
    pub fn flux(&self) -> Option<&FluxOptions> {
        match self.root_options() {
            Some(RootOptions::Flux(options)) => Some(options),
            _ => None,
        }
    }

    /// What the Application of Argo CD that applies it sets.
    #[must_use]
    pub fn argo_cd(&self) -> Option<&ArgoCdOptions> {
        match self.root_options() {
            Some(RootOptions::ArgoCd(options)) => Some(options.as_ref()),
            _ => None,
        }
    }
}

/// Where proposals go.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ForgeConfig {
    /// Which kind of forge; default: by the remote's address.
    #[serde(default, rename = "type")]
    pub kind: Option<ForgeKind>,
    /// Address of its API; default: by the remote's address.
    #[serde(default)]
    pub api: Option<String>,
    /// `owner/name`; default: by the remote's address.
    #[serde(default)]
    pub repository: Option<String>,
    /// The branch that proposals are for; default: the remote's default branch.
    #[serde(default)]
    pub base: Option<String>,
    /// drift's own login, if the forge does not report it.
    #[serde(default)]
    pub login: Option<String>,
}

/// A kind of forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ForgeKind {
    /// github.com or GitHub Enterprise Server.
    GitHub,
    /// Gitea or Forgejo.
    Gitea,
    /// GitLab.
    GitLab,
    /// The repository itself.
    Local,
}

impl ForgeKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::GitHub, Self::Gitea, Self::GitLab, Self::Local];

    /// The environment variable that by custom holds a token for a forge of this kind; the repository itself needs none.
    #[must_use]
    pub const fn token_variable(self) -> Option<&'static str> {
        match self {
            Self::GitHub => Some("GITHUB_TOKEN"),
            Self::Gitea => Some("GITEA_TOKEN"),
            Self::GitLab => Some("GITLAB_TOKEN"),
            Self::Local => None,
        }
    }

    /// The kind that a host names without doubt; anything else must be configured: a token is never sent on a guess.
    #[must_use]
    pub fn from_host(host: &str) -> Option<Self> {
        match host {
            host if github_host(host).is_some() => Some(Self::GitHub),
            "gitlab.com" => Some(Self::GitLab),
            _ => None,
        }
    }
}

/// The host of the pages where GitHub itself runs `host`: github.com, or the subdomain of ghe.com that an enterprise with
/// data residency has (<https://docs.github.com/en/enterprise-cloud@latest/rest>). A host of their APIs names the same.
#[must_use]
pub fn github_host(host: &str) -> Option<&str> {
    match host {
        "github.com" | "ssh.github.com" | "api.github.com" => Some("github.com"),
        host => {
            let host = host.strip_prefix("api.").unwrap_or(host);
            let name = host.strip_suffix(".ghe.com")?;
            let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
            (!name.is_empty() && name != "api" && name.chars().all(is_plain)).then_some(host)
        }
    }
}

/// Where the ledger is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LedgerConfig {
    /// Its branch.
    #[serde(default = "LedgerConfig::default_branch")]
    #[cfg_attr(test, schemars(regex(pattern = r"^(?!-)(?!.*\.\.)[^ ~^:]+$")))]
    pub branch: String,
}

impl LedgerConfig {
    fn default_branch() -> String {
        "drift/ledger".to_owned()
    }
}

impl Default for LedgerConfig {
    fn default() -> Self {
        Self { branch: Self::default_branch() }
    }
}

/// A field manager and its class.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(transform = tests::needs_reason_with_fields))]
#[serde(deny_unknown_fields)]
pub struct ManagerConfig {
    /// The manager string; a trailing `*` matches any ending.
    #[cfg_attr(test, schemars(regex(pattern = r"[^*\s]")))]
    pub name: String,
    /// Its class.
    pub class: ManagerClass,
    /// For a platform manager: the fields (and everything below) in which it is trusted; empty: every field that is not
    /// sensitive (images, commands, rules, data, ...).
    #[serde(default)]
    #[cfg_attr(test, schemars(inner(regex(pattern = r"^[.\[]"))))]
    pub fields: Vec<String>,
    /// Why it is trusted there.
    #[serde(default)]
    pub reason: Option<String>,
    /// Last day on which it applies, `2027-03-31`.
    #[serde(default)]
    #[cfg_attr(test, schemars(regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$")))]
    pub expires: Option<String>,
}

/// A difference that is not drift, and why.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(transform = tests::names_field_or_resource))]
#[serde(deny_unknown_fields)]
pub struct IgnoreRule {
    /// Which objects; an absent part matches any.
    #[serde(default)]
    pub resource: ResourceFilter,
    /// The field path; everything inside it is covered. Absent: the whole object.
    #[serde(default)]
    pub field: Option<String>,
    /// Why.
    #[cfg_attr(test, schemars(regex(pattern = r"\S")))]
    pub reason: String,
    /// Last day on which it holds, `2027-03-31`.
    #[serde(default)]
    #[cfg_attr(test, schemars(regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$")))]
    pub expires: Option<String>,
    /// Where a GitOps object brought it: which places it covers, in the place of `field`; not in `drift.yaml`.
    #[serde(skip)]
    pub imported: Option<ImportedRule>,
}

/// Which objects an ignore rule covers; an absent part matches any.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ResourceFilter {
    /// API group.
    #[serde(default)]
    pub group: Option<String>,
    /// Kind.
    #[serde(default)]
    pub kind: Option<String>,
    /// Namespace.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Name.
    #[serde(default)]
    pub name: Option<String>,
}
