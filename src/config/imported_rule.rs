//! Which places an ignore rule covers that a GitOps object brought, in that object's own terms.

use serde_json::Value;

/// What of a rule only a GitOps object can say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedRule {
    /// Paths of the sources whose objects it covers.
    pub sources: Vec<String>,
    /// Which places of them.
    pub place: IgnoredPlace,
}

/// Places of an object, each with everything inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IgnoredPlace {
    /// What an RFC 6901 pointer leads to.
    Pointer(String),
    /// What these steps lead to.
    Steps(Vec<IgnoredStep>),
    /// Whatever this field manager has.
    Manager(String),
}

/// One step to a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IgnoredStep {
    /// A field of a map.
    Field(String),
    /// Each item of a list, and each field of a map.
    Any,
    /// The item of a list at this index.
    Index(usize),
    /// The items of a list with this value of a field.
    Item(String, Value),
}
