//! Desired against live: renders what Git declares, compares it with the cluster and explains each difference.

mod autoscalers;
mod compare;
mod comparison;
mod controllers;
mod declared;
mod discover;
mod duplicates;
mod error;
mod evidence;
mod explain;
mod findings;
mod helm_release;
mod history;
mod inputs;
mod list_sources;
mod live;
mod missing;
mod next_sync;
mod other_versions;
mod outside_sources;
mod owner_index;
mod owner_records;
mod ownership;
mod report;
mod root_reports;
mod roots;
mod schemas;
mod settings;
mod unavailable_values;
mod unknown_fields;
mod unmanaged;
mod unsynced_roots;
mod verify;

pub use compare::check;
pub(crate) use compare::compare;
pub(crate) use discover::discover_sources;
pub use error::CheckError;
pub use explain::{ResourceQuery, explain};
pub use inputs::Check;
pub(crate) use inputs::CheckInputs;

pub(crate) use list_sources::find_roots;
pub use list_sources::list_sources;
pub use settings::{CheckSettings, ClusterTarget};
