//! What would end an incident: a plan as data, the edit of the source files, its proof, the files to commit.
//! Never pushes, never touches the cluster.

mod coupled_changes;
mod edits;
mod exchanged;
mod plan;
mod proof_failure;
mod prove;
mod reasons;
mod renamed;
mod replacements;

mod target;
#[cfg(test)]
mod tests;

pub use plan::{AdoptedObject, Plan, Unadopted, plan};
pub use proof_failure::ProofFailure;
pub use prove::{ProofContext, ProvenPlan, prove};
pub use reasons::UnadoptedReason;
