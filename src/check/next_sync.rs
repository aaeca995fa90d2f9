//! Predicts what the next sync does to the findings: nothing is asked of the cluster for it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::comparison::ComparisonOutcome;
use super::schemas::Schemas;
use crate::attribution::{Managers, SyncFacts, UsualApplier};
use crate::model::{Desired, Finding, NextSync, ObjectForecast, ObjectKey, State};

/// What the findings are made of.
pub(super) struct SyncInputs<'a> {
    pub(super) desired: &'a [Desired],
    pub(super) schemas: &'a Schemas,
    pub(super) managers: &'a Managers,
    pub(super) compared: &'a ComparisonOutcome,
}

impl SyncInputs<'_> {
    /// What applied more than half of what Git declares.
    fn usual_applier(&self) -> Option<UsualApplier<'_>> {
        let appliers = self.compared.appliers.iter().flat_map(|(manager, [updates, applies])| {
            [(manager, false, *updates), (manager, true, *applies)]
        });
        let (manager, by_apply, objects) = appliers.max_by_key(|(.., objects)| *objects)?;
        let is_deployer = self.compared.deployed.contains_key(manager);
        (2 * objects > self.desired.len()).then_some(UsualApplier { manager, by_apply, is_deployer })
    }

    /// What the next sync does to each finding; one whose live object is not at hand has no prediction.
    pub(super) fn forecast(&self, findings: &[Finding]) -> NextSync {
        let differing = self.compared.differing.iter();
        let differing = differing
            .map(|(index, object)| (self.desired[*index].id.key(), (&self.desired[*index], &object.live)));
        let differing: BTreeMap<ObjectKey, (&Desired, &Value)> = differing.collect();
        let missing = self.compared.missing.keys();
        let missing: BTreeMap<ObjectKey, &Desired> =
            missing.map(|index| (self.desired[*index].id.key(), &self.desired[*index])).collect();
        let facts = SyncFacts { all: self.desired, managers: self.managers, usual: self.usual_applier() };
        let of = |finding: &Finding| -> Option<ObjectForecast> {
            let key = finding.resource.key();
            if finding.state != State::Modified {
                return Some(facts.one_sided(finding, missing.get(&key).copied()));
            }
            let (desired, live) = *differing.get(&key)?;
            let schema = self.schemas.for_version(&desired.id.group, &desired.id.version);
            Some(facts.modified(finding, (desired, live), schema))
        };
        let objects = findings.iter().filter_map(|finding| Some((finding.resource.clone(), of(finding)?)));
        NextSync { objects: objects.collect() }
    }
}
