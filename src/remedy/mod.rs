//! What would end an incident: a plan as data, the edit of the source files, its proof, the files to commit.
//! Never pushes, never touches the cluster.

mod edits;
mod exchanged;
mod plan;
mod prove;
mod reasons;
mod renamed;
mod replaced;
mod whole;

#[cfg(test)]
mod tests;

pub use plan::{Adoption, Left, Plan, plan};
pub use prove::{Ground, Proven, prove};
