//! One field that differs, and what is known of why.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{FieldPath, Origin, Rule};

/// How a field differs, read from desired to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// Only live has it.
    Added,
    /// Both have it, with other values.
    Modified,
    /// Only Git has it.
    Removed,
}

/// One field that differs: before attribution.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The smallest thing that differs: a leaf, a whole atomic value, or an item or subtree that only one side has.
    pub path: FieldPath,
    /// RFC 6901 pointer into the live object, or into the desired one where live has nothing.
    pub pointer: String,
    /// RFC 6901 pointer into the desired object; where Git has nothing, the place it would have (`/-` for a list item).
    pub desired_pointer: String,
    /// How it differs.
    pub kind: ChangeKind,
    /// Git's value; `None` where Git has none, and for secret values.
    pub desired: Option<Value>,
    /// The live value; `None` where live has none, and for secret values.
    pub live: Option<Value>,
    /// Whether the values are secret and left out.
    pub masked: bool,
    /// What the server would have put there by itself, where that is known.
    pub default: Option<Value>,
    /// Whether both have the same items, in another order.
    pub reordered: bool,
    /// A note for the user. Nothing is decided by it.
    pub note: Option<String>,
    /// Whether the server or the platform puts something here by itself (an allocated address, a deployer's
    /// bookkeeping): a change only when a person's tool owns it.
    pub server_set: bool,
}

/// Why a change is there (the design's Verdicts).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// Written outside Git by a person's tool, or by one we do not know.
    Manual,
    /// Live equals an older commit although a newer one had been applied.
    Rollback,
    /// Live equals what an older commit declared, and the applier still holds that value.
    Unsynced,
    /// Owned by a known controller that may own it.
    Controller,
    /// Differs, and nothing says who or why.
    Unknown,
    /// An ignore rule covers it.
    Ignored,
    /// Dropped, defaulted or kept by the API server.
    Server,
    /// Written by an admission webhook or policy.
    Admission,
    /// Set by the GitOps tool's own options or marks.
    Deployer,
}

impl Cause {
    /// Whether a change of this cause is drift (exit code 1). An overdue one is drift too: [`Verdict::is_drift`].
    #[must_use]
    pub fn is_drift(self) -> bool {
        matches!(self, Self::Manual | Self::Rollback | Self::Unknown)
    }

    /// Whether changes of this cause are counted only, and listed on request.
    #[must_use]
    pub fn is_hidden(self) -> bool {
        matches!(self, Self::Controller | Self::Ignored | Self::Server | Self::Admission | Self::Deployer)
    }
}

/// How sure an attribution is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Nothing is known.
    None,
    /// The field was removed, so nobody owns it: the latest human entry.
    Low,
    /// The manager owns the parent or the whole atomic value.
    Medium,
    /// One manager owns this very leaf.
    High,
    /// An audit entry matches.
    Certain,
}

/// What kind of writer a field manager is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ManagerClass {
    /// A person's tool.
    Human,
    /// Applies Git to the cluster.
    Gitops,
    /// A controller of the platform.
    Platform,
    /// A writer we do not know.
    Unknown,
}

/// A field manager, as managedFields records it: evidence of a tool, never of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manager {
    /// The manager string, verbatim.
    pub name: String,
    /// `Apply` or `Update`.
    pub operation: String,
    /// Subresource it wrote through; empty for the object itself.
    #[serde(default)]
    pub subresource: String,
    /// The version it wrote at, `apps/v1`; empty where it is not recorded.
    #[serde(skip)]
    pub api_version: String,
    /// When it last wrote any field, RFC 3339: an upper bound for one field. Scale entries have none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub time: Option<String>,
}

/// A user, from the audit log only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Actor {
    /// User name as authenticated.
    pub user: String,
    /// When the request was answered, RFC 3339.
    pub at: String,
    /// Audit id of the request.
    pub audit_id: String,
}

/// Why a change is there, and who made it, as far as known.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Why.
    pub cause: Cause,
    /// How sure.
    pub confidence: Confidence,
    /// The field manager that the verdict rests on.
    pub manager: Option<Manager>,
    /// The user, where an audit entry matches.
    pub actor: Option<Actor>,
    /// The rule that decided.
    pub rule: Rule,
    /// The cause that only the manager's name claims. It is not believed: the change is drift.
    pub claimed: Option<Cause>,
    /// Since when Git declares what is not applied yet, seconds since 1970; of `unsynced` only.
    pub unsynced_since: Option<i64>,
    /// Whether it is unsynced for longer than the grace period, and so drift.
    pub overdue: bool,
}

impl Verdict {
    /// Differs, without evidence of who changed it or why.
    #[must_use]
    pub fn unknown() -> Self {
        Self::new(Cause::Unknown, Confidence::None, Rule::NoRecord)
    }

    /// A verdict without a manager.
    #[must_use]
    pub fn new(cause: Cause, confidence: Confidence, rule: Rule) -> Self {
        Self {
            cause,
            confidence,
            manager: None,
            actor: None,
            rule,
            claimed: None,
            unsynced_since: None,
            overdue: false,
        }
    }

    /// An ignore rule covers it.
    #[must_use]
    pub fn ignored() -> Self {
        Self::new(Cause::Ignored, Confidence::None, Rule::Ignored)
    }

    /// This verdict, resting on a manager.
    #[must_use]
    pub fn with_manager(self, manager: Option<&Manager>) -> Self {
        Self { manager: manager.cloned(), ..self }
    }

    /// Whether it is drift (exit code 1).
    #[must_use]
    pub fn is_drift(&self) -> bool {
        self.cause.is_drift() || self.overdue
    }
}

/// One field that differs, with its verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What differs.
    pub difference: Difference,
    /// Why, and who.
    pub verdict: Verdict,
    /// Where Git declares the value; for an added field, its nearest declared parent.
    pub origin: Option<Origin>,
}
