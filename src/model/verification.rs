//! The server's own answer beside drift's.

use serde_json::Value;

use super::{FieldPath, ResourceId};

/// The server's own answer, by dry-run, held against drift's: how drift tests itself. Lists are sorted by resource id.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verification {
    /// Objects that the server was to be asked about: those that were compared.
    pub asked: usize,
    /// Of them, those about which drift and the server agree, places that are explained aside.
    pub agreed: usize,
    /// Places in which both differ, or see something that is no drift, for a known reason.
    pub explained: Vec<ObjectExplanation>,
    /// Objects about which the server refuses a part of the question, and why: there it was asked only about what
    /// it may change.
    pub partly: Vec<ObjectNote>,
    /// Objects about which the server cannot tell, and why.
    pub not_verified: Vec<ObjectNote>,
    /// Places in which drift and the server disagree: a fault of drift, or of its verification.
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

/// Which of the two is alone with it.
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
