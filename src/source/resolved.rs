//! One source, found on disk.

use std::path::PathBuf;

use super::request::RenderRequest;
use super::tree::{SourceTree, with_forward_slashes};
use crate::config::Source;

/// One source, found on disk.
pub(super) struct ResolvedSource<'a> {
    pub(super) request: &'a RenderRequest<'a>,
    pub(super) source: &'a Source,
    pub(super) tree: SourceTree<'a>,
    /// Path of the source from the root without links, `""` for the root itself.
    pub(super) path: PathBuf,
}

impl ResolvedSource<'_> {
    pub(super) fn on_disk(&self) -> PathBuf {
        self.tree.root.join(&self.path)
    }

    pub(super) fn namespace(&self) -> &str {
        namespace_of(self.request, self.source)
    }

    /// The source's own path and something in it, as the report shows it.
    pub(super) fn display_path(&self, inside: &str) -> String {
        with_forward_slashes(&self.path.join(inside))
    }
}

pub(super) fn namespace_of<'a>(request: &RenderRequest<'a>, source: &'a Source) -> &'a str {
    source.namespace.as_deref().unwrap_or(request.default_namespace)
}
