//! Findings from differences.

use std::collections::BTreeMap;

use super::CheckError;
use super::comparison::ComparisonOutcome;
use super::evidence::ClusterEvidence;
use super::history::{History, HistoryQuery};
use super::schemas::Schemas;
use super::settings::CheckSettings;
use crate::attribution::{
    Autoscaler, Evidence, IgnoreRules, Managers, MissingEvidence, UnmanagedCandidate, attribute,
    leftover_verdict, missing_verdict, needing_history, strongest_verdict,
};
use crate::checkout::Checkout;
use crate::cluster::Cluster;
use crate::model::{Change, Desired, Finding, ObjectKey, ResourceId, State, Verdict};
use crate::source;

/// Turns differences into findings.
pub(super) struct FindingBuilder<'a> {
    pub(super) settings: &'a CheckSettings,
    pub(super) opened: &'a Checkout,
    pub(super) cluster: &'a Cluster,
    pub(super) desired: &'a [Desired],
    pub(super) schemas: &'a Schemas,
    pub(super) managers: &'a Managers,
    pub(super) evidence: &'a ClusterEvidence,
}

pub(super) type Past = BTreeMap<ObjectKey, Vec<crate::attribution::PastVersion>>;

impl FindingBuilder<'_> {
    /// What older commits declared of the objects that differ or are missing, where a verdict depends on it.
    pub(super) fn older_versions(
        &self,
        history: &History<'_>,
        compared: &ComparisonOutcome,
    ) -> Result<Past, CheckError> {
        let evidence = self.evidence;
        let differing = compared.differing.iter().filter_map(|(index, object)| {
            let (desired, live) = (&self.desired[*index], &object.live);
            let told = needing_history(object.differences.clone(), &self.evidence_of(*index, live));
            let is_asked = history.thorough || !told.is_empty();
            let applied = evidence.applied.get(index).map(String::as_str);
            is_asked.then_some(HistoryQuery { desired, live: Some((live, told)), applied })
        });
        let missing = compared.missing.keys().map(|index| {
            let desired = &self.desired[*index];
            let applied = evidence.applied_of_source(self.desired, &desired.origin.source);
            HistoryQuery { desired, live: None, applied: applied.map(String::as_str) }
        });
        let asked: Vec<HistoryQuery<'_>> = differing.chain(missing).collect();
        let mut past = history.find_older_versions(&asked)?;
        for index in &evidence.rolled_back {
            // A version that Helm rolled back from had been applied.
            let older = past.get_mut(&self.desired[*index].id.key()).into_iter().flatten();
            older.for_each(|older| older.newer_applied = Some(true));
        }
        Ok(past)
    }

    /// What was rendered, of the same tree.
    pub(super) fn render_request(&self) -> source::RenderRequest<'_> {
        self.opened.render_request(&self.settings.checkout.tools, self.cluster.api_resources())
    }

    pub(super) fn history(&self) -> History<'_> {
        let with = (self.cluster.api_resources(), &self.settings.checkout.tools);
        let cache = self.settings.checkout.cache.as_deref();
        let mut history = History::new(self.opened, with, self.schemas, cache);
        // With `--all`, every commit that declared a value is reported.
        history.thorough = self.settings.keep_hidden;
        history
    }

    /// Findings for unmanaged objects, with a note if an older commit declared them.
    pub(super) fn leftovers(
        &self,
        history: &History<'_>,
        unmanaged: Vec<UnmanagedCandidate>,
    ) -> Result<Vec<(ResourceId, Verdict, Vec<String>)>, CheckError> {
        let applied = unmanaged.iter().filter(|candidate| candidate.by_deployer);
        let ids: Vec<ResourceId> = applied.map(|candidate| candidate.resource.clone()).collect();
        let leftovers = history.find_leftovers(&ids)?;
        let told = unmanaged.into_iter().map(|candidate| {
            let UnmanagedCandidate { resource: id, verdict, .. } = candidate;
            match leftovers.get(&id.key()) {
                Some(older) => {
                    let note = format!("declared until commit {}, but not pruned", older.commit);
                    let manager = verdict.manager.clone();
                    let verdict = leftover_verdict(older, self.now(), self.unsynced_after())
                        .with_manager(manager.as_ref());
                    (id, verdict, vec![note])
                }
                None => (id, verdict, Vec::new()),
            }
        });
        Ok(told.collect())
    }

    /// The finding of an object with these changes, by the ignore rules of the configuration.
    pub(super) fn modified(&self, desired: &Desired, changes: Vec<Change>) -> Option<Finding> {
        modified(desired, changes, &self.rules())
    }

    pub(super) fn now(&self) -> i64 {
        self.settings.checkout.now.as_second()
    }

    pub(super) fn unsynced_after(&self) -> i64 {
        self.opened.config.unsynced_after.seconds
    }

    pub(super) fn unmanaged(&self, unmanaged: Vec<(ResourceId, Verdict, Vec<String>)>) -> Vec<Finding> {
        let rules = self.rules();
        let finding = |(id, verdict, notes): (ResourceId, Verdict, Vec<String>)| Finding {
            verdict: if rules.find_rule(&id, None).is_some() { Verdict::ignored() } else { verdict },
            resource: id,
            state: State::Unmanaged,
            origin: None,
            changes: Vec::new(),
            notes,
        };
        unmanaged.into_iter().map(finding).collect()
    }

    pub(super) fn findings(
        &self,
        compared: &ComparisonOutcome,
        past: &Past,
        autoscalers: &BTreeMap<String, Vec<Autoscaler>>,
    ) -> Vec<Finding> {
        let rules = self.rules();
        let modified = compared.differing.iter().filter_map(|(index, object)| {
            let desired = &self.desired[*index];
            let scalers = desired.id.namespace.as_ref().and_then(|namespace| autoscalers.get(namespace));
            let older = past.get(&desired.id.key());
            let evidence = Evidence {
                autoscalers: scalers.map_or(&[], Vec::as_slice),
                older: older.map_or(&[], Vec::as_slice),
                ..self.evidence_of(*index, &object.live)
            };
            let changes = attribute(object.differences.clone(), &evidence);
            modified(desired, changes, &rules)
        });
        let missing = compared.missing.iter().map(|(index, note)| {
            let desired = &self.desired[*index];
            let verdict = missing_verdict(MissingEvidence {
                older: past.get(&desired.id.key()).map_or(&[][..], Vec::as_slice),
                applied_at: compared.applied_at.get(&desired.origin.source).copied(),
                now: self.now(),
                unsynced_after: self.unsynced_after(),
            });
            let is_ignored = rules.find_rule(&desired.id, None).is_some();
            let verdict = if is_ignored { Verdict::ignored() } else { verdict };
            let notes = [desired.notes.clone(), note.iter().cloned().collect()].concat();
            finding(desired, State::Missing, verdict, notes)
        });
        modified.chain(missing).collect()
    }

    /// The evidence about an object that differs, without its history.
    pub(super) fn evidence_of<'e>(&'e self, index: usize, live: &'e serde_json::Value) -> Evidence<'e> {
        let desired = &self.desired[index];
        let schema = self.schemas.for_version(&desired.id.group, &desired.id.version);
        Evidence {
            revisions: self.evidence.revisions.get(&index).map_or(&[], Vec::as_slice),
            mutators: self.evidence.mutators.get(&index).map_or(&[], Vec::as_slice),
            scale: self.evidence.scale_of(index),
            common_labels: &self.evidence.common_labels,
            now: self.now(),
            unsynced_after: self.unsynced_after(),
            ..Evidence::from_object(desired, live, schema, self.managers)
        }
    }

    pub(super) fn rules(&self) -> IgnoreRules {
        IgnoreRules::new(&self.opened.config.ignore, &self.settings.checkout.today())
    }
}

pub(super) fn modified(desired: &Desired, mut changes: Vec<Change>, rules: &IgnoreRules) -> Option<Finding> {
    for change in &mut changes {
        if rules.find_change_rule(desired, change).is_some() {
            let manager = change.verdict.manager.take();
            change.verdict = Verdict::ignored().with_manager(manager.as_ref());
        }
    }
    if changes.is_empty() {
        return None;
    }
    let mut finding = finding(desired, State::Modified, strongest_verdict(&changes), desired.notes.clone());
    finding.changes = changes;
    Some(finding)
}

pub(super) fn finding(desired: &Desired, state: State, verdict: Verdict, notes: Vec<String>) -> Finding {
    Finding {
        resource: desired.id.clone(),
        state,
        origin: Some(desired.origin.clone()),
        verdict,
        changes: Vec::new(),
        notes,
    }
}
