//! What one source gave.

use serde_json::Value;

use super::object_header::ObjectHeader;
use crate::model::{AbsenceReason, Incomplete, Lazy, Origin, Provenance, SourceMap};

/// What renders a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum SourceKind {
    /// YAML and JSON files as they are.
    #[default]
    Plain,
    /// A folder with a `kustomization.yaml`.
    Kustomize,
    /// A folder with a `Chart.yaml`.
    Helm,
}

impl SourceKind {
    /// The word for it in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Kustomize => "kustomize",
            Self::Helm => "helm",
        }
    }
}

/// An object as rendered, before it is known which one it is.
#[derive(Debug, Clone)]
pub(super) struct RenderedObject {
    pub(super) value: Lazy<Value>,
    pub(super) origin: Origin,
    pub(super) fields: Lazy<SourceMap>,
    pub(super) provenance: Provenance,
    pub(super) notes: Vec<String>,
    pub(super) nondeterministic: Vec<String>,
    pub(super) optional: Option<AbsenceReason>,
}

impl RenderedObject {
    /// `apps/web/deploy.yaml:12:3`, or the file alone.
    pub(super) fn place(&self) -> String {
        self.origin.to_string()
    }
}

/// What one source gave.
#[derive(Debug, Default)]
pub(super) struct SourceOutput {
    pub(super) kind: SourceKind,
    pub(super) tool: Option<String>,
    pub(super) drafts: Vec<(ObjectHeader, RenderedObject)>,
    pub(super) incomplete: Vec<Incomplete>,
    pub(super) warnings: Vec<String>,
    /// Documents of a plain source that are plainly no manifests, by place.
    pub(super) foreign_documents: Vec<String>,
    /// Documents without a name: manifests that lack one where the cluster serves their kind.
    pub(super) nameless: Vec<Nameless>,
    /// Kustomize roots and charts that `exclude` leaves out: what they declare is not known.
    pub(super) left_out: Vec<String>,
}

/// A document with `apiVersion` and `kind` and without a name.
#[derive(Debug)]
pub(super) struct Nameless {
    pub(super) group: String,
    pub(super) kind: String,
    pub(super) place: String,
    /// Why it cannot be compared, if it is a manifest.
    pub(super) why: String,
}

impl SourceOutput {
    pub(super) fn new(kind: SourceKind) -> Self {
        Self { kind, ..Self::default() }
    }

    /// Adds what a part of the same source gave.
    pub(super) fn append(&mut self, part: Self) {
        self.drafts.extend(part.drafts);
        self.incomplete.extend(part.incomplete);
        self.warnings.extend(part.warnings);
        self.foreign_documents.extend(part.foreign_documents);
        self.nameless.extend(part.nameless);
        self.left_out.extend(part.left_out);
    }

    pub(super) fn report_incomplete(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.incomplete.push(Incomplete { what: what.into(), why: why.into() });
    }
}
