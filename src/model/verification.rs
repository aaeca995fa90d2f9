//! The server's own answer beside drift's.

use serde_json::Value;

use super::{FieldPath, ResourceId};

/// Compares drift's findings with the server's dry-run answer. Lists are sorted by resource id.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verification {
    /// Objects to verify: those that were compared.
    pub asked: usize,
    /// Those on which drift and the server agree, apart from explained differences.
    pub agreed: usize,
    /// Places in which both differ, or see something that is no drift, for a known reason.
    pub explained: Vec<ObjectExplanation>,
    /// Objects for which the server rejects a part of the patch, and why: only the rest was
    /// verified.
    pub partly: Vec<ObjectNote>,
    /// Objects that could not be verified, and why.
    pub not_verified: Vec<ObjectNote>,
    /// Fields on which drift and the server disagree: a bug in drift or in its verification.
    pub disagreements: Vec<ObjectDisagreement>,
}

/// Something about one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectNote {
    /// Which object.
    pub resource: ResourceId,
    /// What there is to say.
    pub why: String,
}

/// A place of an object that is explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectExplanation {
    /// Which object.
    pub resource: ResourceId,
    /// The place and the reason.
    pub explained: ExplainedDifference,
}

/// A place of an object in which drift and the server disagree.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectDisagreement {
    /// Which object.
    pub resource: ResourceId,
    /// The place and who says what.
    pub found: Disagreement,
}

/// Which side reports the difference alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The server would change it, and drift says nothing.
    Missed,
    /// drift reports it, and the server would change nothing there.
    False,
}

/// A place in which drift and the server differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Disagreement {
    /// The place.
    pub path: FieldPath,
    /// Who says what.
    pub fault: Fault,
    /// What the server would make of it; `None` where it would have none, and for secret values.
    pub server: Option<Value>,
    /// The live value; `None` where live has none, and for secret values.
    pub live: Option<Value>,
    /// Whether the values are secret and left out.
    pub masked: bool,
}

/// A place in which drift and the server differ, or both see something that is no drift, for a known reason.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExplainedDifference {
    /// The place.
    pub path: FieldPath,
    /// The reason.
    pub why: &'static str,
}
