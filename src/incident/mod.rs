//! Findings become incidents; how an incident ends. Pure: the clock is a parameter, the ledger is text in, text out.

mod end;
mod group;
mod ledger;

#[cfg(test)]
mod tests;

pub use end::{Declared, Ending, agree, how_it_ended};
pub use group::{group, opens_something, principal};
pub use ledger::{
    Event, Incident, Ledger, LedgerError, Member, RecordedChange, RecordedFinding, Standing, What, is_id,
};
