//! Why a field differs and who wrote it. Pure: managedFields, last-applied copies and Git's history are handed in.
//!
//! A field manager is evidence of a tool, never of a person; one time stands for a whole entry (an upper bound); a
//! removed field leaves no owner. What is claimed here is only what those records carry.

mod admission;
mod decide;
mod evidence;
mod harm;
mod history;
mod ignore;
mod ignored_place;
mod last_applied;
mod manager_config;
mod managers;
mod missing;
mod next_sync;
mod owners;
mod rewritten;
mod scaling;
mod split;
mod unknown_writers;
mod unmanaged;
mod verdict;
mod write_place;

#[cfg(test)]
mod tests;

pub use admission::{BINDING_KIND, MUTATOR_KINDS, MutatedObject, Mutator};
pub use evidence::{Evidence, ScalePath};
pub use history::{PastVersion, Supersession, WorkloadRevision, declared_by};
pub use ignore::IgnoreRules;
pub use manager_config::{manager_warnings, split_expired};
pub use managers::{KnownManager, Managers};
pub use missing::{MissingEvidence, leftover_verdict, missing_verdict};
pub use next_sync::{SyncFacts, UsualApplier};
pub use owners::{ManagedFieldsEntry, Owners, owners_of};
pub use scaling::{AUTOSCALER_KINDS, Autoscaler};
pub use split::without_server_set;
pub use unknown_writers::unknown_manager_notes;
pub use unmanaged::{OwnerClaim, UnmanagedCandidate, unmanaged_candidate};
pub use verdict::{all_server_set, attribute, needing_history, strongest_verdict};
