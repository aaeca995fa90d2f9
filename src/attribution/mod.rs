//! Why a field differs and who wrote it. Pure: managedFields, last-applied copies and Git's history are handed in.
//!
//! A field manager is evidence of a tool, never of a person; one time stands for a whole entry (an upper bound); a
//! removed field leaves no owner. What is claimed here is only what those records carry.

mod admission;
mod applied;
mod configured;
mod decide;
mod harm;
mod history;
mod ignore;
mod managers;
mod owners;
mod place;
mod rewritten;
mod scaling;
mod split;
mod strangers;
mod unmanaged;
mod verdict;

#[cfg(test)]
mod tests;

pub use admission::{BINDING_KIND, MUTATOR_KINDS, MutatedObject, Mutator};
pub use configured::{held_managers, manager_warnings};
pub use history::{Older, Remembered, Superseded, explained_by};
pub use ignore::IgnoreRules;
pub use managers::{Known, Managers};
pub use owners::{Entry, Owners, owners_of};
pub use scaling::{Autoscaler, SCALERS};
pub use split::without_server_set;
pub use strangers::unknown_managers;
pub use unmanaged::{Claim, UnmanagedCandidate, unmanaged_candidate};
pub use verdict::{
    Evidence, MissingEvidence, ScalePath, attribute, is_left_out, leftover, missing, strongest,
    told_by_history,
};
