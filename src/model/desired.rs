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
    /// Index of the document in `origin.file`, from 0, and the index of the item in it where the document is a
    /// `List`; `None` where a renderer made the object (Kustomize, Helm).
    pub document: Option<(usize, Option<usize>)>,
    /// What to say beside its findings: a deprecated version, a leaf that rendered differently twice, ...
    pub notes: Vec<String>,
    /// RFC 6901 pointers of leaves that render differently from time to time (Helm's random and date functions, the
    /// number of a release), not compared.
    pub nondeterministic: Vec<String>,
    /// Why it need not be live; `None` where its absence is drift.
    pub optional: Option<AbsenceReason>,
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
