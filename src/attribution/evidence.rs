//! The evidence about one object.

use std::collections::BTreeSet;

use serde_json::Value;

use super::admission::Mutator;
use super::history::{PastVersion, WorkloadRevision};
use super::managers::Managers;
use super::scaling::Autoscaler;
use crate::model::Desired;
use crate::schema::Schema;

/// The evidence about one object.
pub struct Evidence<'a> {
    /// The object as Git declares it.
    pub desired: &'a Desired,
    /// The live object, with managedFields and annotations.
    pub live: &'a Value,
    /// Its schema, for the last-applied copy.
    pub schema: &'a Schema,
    /// The known managers.
    pub managers: &'a Managers,
    /// Autoscalers of its namespace.
    pub autoscalers: &'a [Autoscaler],
    /// What older commits declared, newest first.
    pub older: &'a [PastVersion],
    /// Revisions that the cluster remembers of the object, without the one that is live.
    pub revisions: &'a [WorkloadRevision],
    /// The mutating webhooks and admission policies that match the object.
    pub mutators: &'a [Mutator],
    /// Where `/scale` writes into the object, if it is a custom resource.
    pub scale: ScalePath<'a>,
    /// Labels and annotations that a deployer put onto every object that it applied, as manager and key.
    pub common_labels: &'a BTreeSet<(String, String)>,
    /// When the check began, seconds since 1970.
    pub now: i64,
    /// For how long a commit may wait to be applied, in seconds.
    pub unsynced_after: i64,
}

/// Where `/scale` writes into a custom resource, as its definition says (`specReplicasPath`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalePath<'a> {
    /// It was not looked up: any number below `spec` may be it.
    Unknown,
    /// This field, such as `.spec.shards`; `None` where the kind has no `/scale`.
    Known(Option<&'a str>),
}

impl<'a> Evidence<'a> {
    /// What is known from the object itself.
    #[must_use]
    pub fn from_object(
        desired: &'a Desired,
        live: &'a Value,
        schema: &'a Schema,
        managers: &'a Managers,
    ) -> Self {
        static NONE: BTreeSet<(String, String)> = BTreeSet::new();
        Self {
            desired,
            live,
            schema,
            managers,
            autoscalers: &[],
            older: &[],
            revisions: &[],
            mutators: &[],
            scale: ScalePath::Unknown,
            common_labels: &NONE,
            now: 0,
            unsynced_after: i64::MAX,
        }
    }
}
