//! The GitOps object that applies a source, and what it sets beside the folder.

use std::sync::Arc;

use super::{ArgoCdOptions, FluxOptions, ResourceId};

/// The GitOps object that applies a source.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceRoot {
    /// The object: a Kustomization of Flux, an Application of Argo CD.
    pub object: Arc<ResourceId>,
    /// What it sets that changes what the folder renders to.
    pub options: RootOptions,
}

/// What a GitOps object sets that changes what its folder renders to, by the controller that reads it.
#[derive(Debug, Clone, PartialEq)]
pub enum RootOptions {
    /// Flux's kustomize-controller.
    Flux(FluxOptions),
    /// Argo CD's repository server.
    ArgoCd(Box<ArgoCdOptions>),
    /// Flux's helm-controller.
    HelmRelease(HelmReleaseOptions),
    /// None: it is a part of a folder that another source is about, and rendered as it is.
    Part,
}

/// What a HelmRelease of Flux does to what its chart renders to (`spec` in `api/v2/helmrelease_types.go` of
/// helm-controller).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HelmReleaseOptions {
    /// `patches` and `images` of kustomize for each of the post renderers, in their order.
    pub post_renderers: Vec<serde_json::Value>,
    /// Put on every rendered object, in the place of its own: `labels` and `annotations`.
    pub common_metadata: serde_json::Map<String, serde_json::Value>,
}
