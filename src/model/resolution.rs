//! How incidents end.

use serde::{Deserialize, Serialize};

/// How an incident ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resolution {
    /// A commit made Git equal live.
    Adopted,
    /// Live equals Git again.
    Reverted,
    /// An ignore rule with a reason covers it.
    Accepted,
}
