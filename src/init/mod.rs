//! `drift init`: from what a repository and a cluster hold to the files that a repository begins with, as text. Writes nothing.

mod config_text;
mod cronjob;
mod environments;
mod error;
mod folder_groups;
mod names;
mod plan;
mod proposal;
mod settings;
mod survey;
mod workflow;

pub use crate::config::ForgeKind;
pub use error::InitError;
pub use plan::{FilePlan, InitPlan, plan};
pub use settings::{InitPart, InitSettings};
