//! What is said of the roots of a repository: what of them is compared, what drifted, what their controllers say.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::controllers::controller_state;
use crate::checkout::Checkout;
use crate::model::{
    Change, Finding, ObjectKey, Origin, ResourceId, RootDrift, RootPart, RootReport, StopSwitch, is_drift,
};
use crate::source::{RefusedRoot, RenderOutput, RootObject};

/// The roots that were found, by id, with the drift of what they apply.
pub(super) fn root_reports(
    opened: &Checkout,
    rendered: &RenderOutput,
    findings: &[Finding],
) -> Vec<RootReport> {
    let Some(discovery) = &opened.discovery else { return Vec::new() };
    let mut of_roots: BTreeMap<ObjectKey, Vec<RootPart>> = BTreeMap::new();
    for (root, part) in parts(opened, rendered) {
        if let Some(root) = root {
            of_roots.entry(root.key()).or_default().push(part);
        }
    }
    let (live, declared) = (by_key(&discovery.live), by_key(&discovery.declared));
    let mut drift: BTreeMap<ObjectKey, RootDrift> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| is_drift(finding)) {
        if let Some(root) = finding.root() {
            count_drift(finding, drift.entry(root.key()).or_default());
        }
    }
    let report = |id: &ResourceId, origin: Option<&Origin>| RootReport {
        resource: id.clone(),
        origin: origin.cloned(),
        parts: of_roots.get(&id.key()).cloned().unwrap_or_default(),
        refused: Vec::new(),
        controller: live
            .get(&id.key())
            .map(|live| controller_state(id, live, declared.get(&id.key()).copied())),
        drift: drift.get(&id.key()).cloned().unwrap_or_default(),
    };
    let mut reports: BTreeMap<ObjectKey, RootReport> = BTreeMap::new();
    for root in &discovery.roots {
        reports.insert(root.id.key(), report(&root.id, root.origin.as_ref()));
    }
    for RefusedRoot { id, origin, why } in &discovery.refused {
        let known = reports.entry(id.key()).or_insert_with(|| report(id, origin.as_ref()));
        known.refused.push(why.to_string());
    }
    let mut reports: Vec<RootReport> = reports.into_values().collect();
    reports.sort_by(|left, right| left.resource.cmp(&right.resource));
    reports
}

/// Notes at each finding that nobody undoes it, for the root of its object is stopped: a hot-fix under a broken glass.
pub(super) fn note_stopped_roots(roots: &[RootReport], findings: &mut [Finding]) {
    let stopped = roots.iter().filter_map(|root| {
        let stopped = root.controller.as_ref()?.stopped.as_ref()?;
        let since = stopped.manager.as_ref().and_then(|manager| manager.time.as_deref());
        let since = since.map(|time| format!(" since {time} at the latest")).unwrap_or_default();
        let how = match stopped.how {
            StopSwitch::Suspended => "is suspended",
            StopSwitch::AutoSyncOff => "does not sync by itself",
        };
        Some((root.resource.key(), format!("break-glass: {} {how}{since}", root.resource)))
    });
    let stopped: BTreeMap<ObjectKey, String> = stopped.collect();
    for finding in findings.iter_mut().filter(|finding| is_drift(finding)) {
        let note = finding.root().and_then(|root| stopped.get(&root.key()));
        finding.notes.extend(note.cloned());
    }
}

fn by_key(objects: &[RootObject]) -> BTreeMap<ObjectKey, &Value> {
    objects.iter().map(|object| (object.id.key(), &object.value)).collect()
}

fn count_drift(finding: &Finding, drift: &mut RootDrift) {
    let time = |change: &Change| change.verdict.manager.as_ref()?.time.clone();
    drift.objects += 1;
    if finding.changes.is_empty() {
        drift.changes += 1;
    }
    for change in finding.changes.iter().filter(|change| change.verdict.is_drift()) {
        drift.changes += 1;
        // Times are written alike, so that the older one comes first.
        drift.oldest = match (drift.oldest.take(), time(change)) {
            (Some(oldest), Some(time)) => Some(oldest.min(time)),
            (oldest, time) => oldest.or(time),
        };
    }
}

/// The sources with what they gave.
pub(super) fn parts<'r>(
    opened: &'r Checkout,
    rendered: &'r RenderOutput,
) -> impl Iterator<Item = (&'r Option<Arc<ResourceId>>, RootPart)> {
    opened.sources.iter().zip(&rendered.sources).map(|(configured, source)| {
        let part = RootPart {
            path: source.path.clone(),
            renderer: source.tool.clone().unwrap_or_else(|| source.kind.name().to_owned()),
            namespace: configured.namespace.clone(),
            objects: source.objects,
            incomplete: source.incomplete.clone(),
        };
        (&source.root, part)
    })
}
