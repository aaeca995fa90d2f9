//! The objects of Flux and Argo CD that apply others, or that say where these are from.

use serde_json::Value;

use crate::config::Discover;
use crate::model::{Origin, ResourceId};

/// The group of Flux's repositories.
pub(super) const FLUX_SOURCES: &str = "source.toolkit.fluxcd.io";
/// The group of Argo CD's objects.
const ARGO_CD: &str = "argoproj.io";

/// Group and kind of the objects that apply others, or that say where these are from.
const KINDS: [(&str, &str); 8] = [
    (FLUX_SOURCES, "GitRepository"),
    (FLUX_SOURCES, "HelmRepository"),
    (FLUX_SOURCES, "HelmChart"),
    (FLUX_SOURCES, "OCIRepository"),
    ("kustomize.toolkit.fluxcd.io", "Kustomization"),
    ("helm.toolkit.fluxcd.io", "HelmRelease"),
    (ARGO_CD, "Application"),
    (ARGO_CD, "ApplicationSet"),
];

/// A GitOps object, as Git declares it or as the cluster has it.
#[derive(Debug, Clone, PartialEq)]
pub struct RootObject {
    /// The object.
    pub id: ResourceId,
    /// As it is read.
    pub value: Value,
    /// Where Git declares it; `None`: the cluster has it.
    pub origin: Option<Origin>,
}

impl RootObject {
    /// Group and kind of the objects that are read for this.
    pub fn kinds(discover: &Discover) -> impl Iterator<Item = (&'static str, &'static str)> {
        let (flux, argocd) = (discover.flux, discover.argocd);
        KINDS.into_iter().filter(move |(group, _)| if *group == ARGO_CD { argocd } else { flux })
    }

    /// Whether an object is one of those.
    #[must_use]
    pub fn is_kind(id: &ResourceId, discover: &Discover) -> bool {
        Self::kinds(discover).any(|kind| kind == (id.group.as_str(), id.kind.as_str()))
    }
}
