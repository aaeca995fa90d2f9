//! Why a proof failed.

use crate::model::{FieldPath, Incomplete, ObjectKey, ResourceId};
use crate::yaml::EditError;

/// Why an edit is not proven.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofFailure {
    /// A file cannot be read or written.
    #[error("{file}: {why}")]
    File {
        /// Its path from the root of the repository.
        file: String,
        /// The system's words.
        why: String,
    },
    /// The text cannot be edited.
    #[error("{file} cannot be edited safely: {why}")]
    Edit {
        /// Its path from the root of the repository.
        file: String,
        /// Why.
        why: EditError,
    },
    /// Something that was read before can no longer be read.
    #[error("rendered again with the values taken in, something can no longer be read: {}: {}", .0.what, .0.why)]
    Incomplete(Incomplete),
    /// Not the same objects.
    #[error("rendered again with the values taken in, another object appears or vanishes: {} {}", .0.kind, .0.name)]
    OtherObjects(ObjectKey),
    /// Another object would change.
    #[error("it would change {0} too")]
    ChangesObject(Box<ResourceId>),
    /// Another field would change.
    #[error("it would change {path} of {resource} too")]
    ChangesField {
        /// The object.
        resource: Box<ResourceId>,
        /// The field.
        path: FieldPath,
    },
    /// Another place declares the same object, and would go on declaring the old value.
    #[error("{resource} is also declared at {origin}: change both")]
    AlsoDeclared {
        /// The object.
        resource: Box<ResourceId>,
        /// The other place.
        origin: String,
    },
    /// The live object is gone.
    #[error("{0} is no longer there to compare with")]
    Gone(Box<ResourceId>),
    /// The edit does not end the difference.
    #[error("rendered again with the values taken in, {path} of {resource} still differs")]
    StillDiffers {
        /// The object.
        resource: Box<ResourceId>,
        /// The field.
        path: FieldPath,
    },
}
