//! Why a field differs and who wrote it. Pure: managedFields, last-applied copies and Git's history are handed in.
//!
//! A field manager is evidence of a tool, never of a person; one time stands for a whole entry (an upper bound); a
//! removed field leaves no owner. What is claimed here is only what those records carry.

mod history;
mod ignore;
mod managers;
mod owners;
mod scaling;
mod unmanaged;
mod verdict;

#[cfg(test)]
mod tests;

pub use history::{Older, explained_by};
pub use ignore::IgnoreRules;
pub use managers::{Known, Managers};
pub use owners::{Entry, Owners};
pub use scaling::{Autoscaler, SCALERS};
pub use unmanaged::made_by_hand;
pub use verdict::{Evidence, attribute, is_left_out, is_restart, is_written_by_hand, missing, strongest};
