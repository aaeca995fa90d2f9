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
    ArgoCd(ArgoCdOptions),
}
