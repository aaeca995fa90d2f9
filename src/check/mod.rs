//! Desired against live: renders what Git declares, compares it with the cluster and explains each difference.

mod autoscalers;
mod belongings;
mod compare;
mod duplicates;
mod elsewhere;
mod error;
mod evidence;
mod explain;
mod helm_release;
mod history;
mod inputs;
mod live;
mod missing;
mod mistaken;
mod other_versions;
mod present;
mod records;
mod roots;
mod schemas;
mod settings;
mod strangers;
mod veil;
mod verify;

pub use compare::check;
pub(crate) use compare::compare;
pub use error::CheckError;
pub use explain::{ResourceQuery, explain};
pub use inputs::Check;
pub(crate) use inputs::CheckInputs;
pub use settings::{CheckSettings, ClusterTarget};
