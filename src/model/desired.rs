//! An object as Git declares it.

use serde_json::Value;

use super::{Lazy, Origin, ResourceId, SourceMap};

/// An object as Git declares it, rendered.
#[derive(Debug, Clone)]
pub struct Desired {
    /// Which object. The namespace is resolved: `None` only for cluster-scoped kinds.
    pub id: ResourceId,
    /// The object as rendered, JSON as Kubernetes reads the YAML. That of a file is read again when it is looked at.
    pub value: Lazy<Value>,
    /// Where the object is declared; the place is that of its document's first node.
    pub origin: Origin,
    /// Places of its fields in `origin.file`; empty for Kustomize and Helm.
    pub fields: Lazy<SourceMap>,
    /// What it was read from.
    pub provenance: Provenance,
    /// What to say beside its findings: a deprecated version, a leaf that rendered differently twice, ...
    pub notes: Vec<String>,
    /// RFC 6901 pointers of leaves that render differently from time to time (Helm's random and date functions, the
    /// number of a release), not compared.
    pub nondeterministic: Vec<String>,
    /// Why it need not be live; `None` where its absence is drift.
    pub optional: Option<AbsenceReason>,
}

/// What an object was read from: what an edit of it is an edit of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provenance {
    /// A document of `origin.file`.
    Document {
        /// Index of the document in the file, from 0.
        index: usize,
        /// Index of the item, where the document is a `List`.
        item: Option<usize>,
    },
    /// What a renderer made (Kustomize, Helm), or an item that no editor knows the way to (of a list in a list).
    Rendered,
}

impl Provenance {
    /// Whether it is a document of a file, or an item of one.
    #[must_use]
    pub fn is_document(self) -> bool {
        matches!(self, Self::Document { .. })
    }
}

/// Why an object that Git declares need not be live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AbsenceReason {
    /// An annotation makes it a hook of a deployer that may be the one of its source: that makes it at some moment of a
    /// deployment, and may delete it afterwards.
    Hook,
    /// A chart renders it on the install of a release only.
    Install,
    /// A chart renders it on an upgrade of a release only.
    Upgrade,
    /// A chart renders it at the first revision of a release only: its name has the number in it, as a rule.
    Revision,
}
