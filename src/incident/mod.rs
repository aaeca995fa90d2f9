//! Findings become incidents; how an incident ends. Pure: the clock is a parameter, the ledger is text in, text out.

mod group;
mod ledger;
mod resolution;

#[cfg(test)]
mod tests;

pub use group::{group_findings, opens_incident, principal};
pub use ledger::{
    Event, EventKind, Incident, IncidentStatus, Ledger, LedgerError, LedgerFault, Member, RecordedChange,
    RecordedFinding, is_id,
};
pub use resolution::{DeclaredValues, ResolutionEvidence, find_resolution, matches_live};
