//! What is to be rendered, and what came of it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::hooks::Hooks;
use super::output::SourceKind;
use super::tools::Tools;
use crate::config::Source;
use crate::git::TrackedFiles;
use crate::model::{ApiResources, Desired, Incomplete, ResourceId};

/// The inputs of rendering.
#[derive(Debug, Clone, Copy)]
pub struct RenderRequest<'a> {
    /// Root of a tree on disk: the work tree, or a private copy of a commit. It is only read.
    pub tree: &'a Path,
    /// Which of its files are read; `None`: all but Git's own.
    pub files: Option<&'a TrackedFiles>,
    /// The sources, paths from the root.
    pub sources: &'a [Source],
    /// What the cluster serves: scopes and versions, and the capabilities that charts ask for.
    pub served: &'a ApiResources,
    /// Where helm and kustomize are.
    pub tools: &'a Tools,
    /// Namespace of namespaced objects that name none, in sources that configure none: `default`.
    pub default_namespace: &'a str,
}

/// The desired objects of a tree, and what could not be rendered.
#[derive(Debug, Clone, Default)]
pub struct RenderOutput {
    /// The objects, sorted by id, each once.
    pub objects: Vec<Desired>,
    /// Further declarations of them, in the order of the sources. Whether they are equivalent is decided by those who know the
    /// kinds' defaults.
    pub duplicates: Vec<Desired>,
    /// Hooks that are not compared.
    pub hooks: Hooks,
    /// What could not be rendered or read, in the order of the sources.
    pub incomplete: Vec<Incomplete>,
    /// API groups of declared objects whose kind the cluster does not serve; each object is in `incomplete`.
    pub unserved: BTreeSet<String>,
    /// What a person should know and nothing depends on.
    pub warnings: Vec<String>,
    /// Kustomize roots and charts that are left out by `exclude`: nobody knows what they declare.
    pub left_out: Vec<String>,
    /// One entry for each source, in their order.
    pub sources: Vec<RenderedSource>,
}

/// How one source came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedSource {
    /// Its path, as configured.
    pub path: String,
    /// What it is.
    pub kind: SourceKind,
    /// The GitOps object that applies it.
    pub root: Option<Arc<ResourceId>>,
    /// What of it could not be rendered or read.
    pub incomplete: Vec<Incomplete>,
    /// How many of [`RenderOutput::objects`] are from it.
    pub objects: usize,
    /// The program that rendered it and its version, `helm v4.3.1`.
    pub tool: Option<String>,
}

impl RenderedSource {
    /// Whether everything in it was rendered and read.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.incomplete.is_empty()
    }
}
