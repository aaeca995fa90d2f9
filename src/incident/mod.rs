//! Findings become incidents; how an incident ends. Pure: the clock is a parameter, the ledger is text in, text out.

mod key;

pub use key::{fingerprint, key};
