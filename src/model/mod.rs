//! Plain vocabulary that two or more stages share: no I/O, no clock, no kube or git2 types.

mod change;
mod desired;
mod finding;
mod later;
mod nearest;
mod origin;
mod path;
mod places;
mod resource;
mod rule;
mod secret;
mod serving;
pub mod substitution;

pub use change::{Actor, Cause, Change, ChangeKind, Class, Confidence, Difference, Manager, Verdict};
pub use desired::{Desired, Optional};
pub use finding::{Finding, Incomplete, State};
pub use later::Later;
pub use nearest::nearest;
pub use origin::{Origin, Place};
pub use path::{FieldPath, Step, push_pointer};
pub use places::FieldOrigins;
pub use resource::{ObjectKey, ResourceId, join_api_version, split_api_version};
pub use rule::Rule;
pub use secret::{holds_cipher, is_of_secret, is_secret, is_secret_value};
pub use serving::{Served, ServedIndex, ServedKind};
