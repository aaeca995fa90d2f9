//! Changes of objects whose root was changed in Git and not applied yet: live is as the cluster's own root has it.

use std::collections::{BTreeMap, BTreeSet};

use super::comparison::ComparisonOutcome;
use super::findings::FindingBuilder;
use crate::config::Source;
use crate::model::{Cause, Desired, FieldPath, Finding, ObjectKey, State, Verdict};
use crate::source::{RenderRequest, render};

/// Takes drift of an object for not applied yet where its root is not, and live is what the cluster's root renders to: the
/// values of a HelmRelease, the patches of a Kustomization. What a person wrote stays what it is.
pub(super) fn settle_unsynced_roots(
    builder: &FindingBuilder<'_>,
    compared: &ComparisonOutcome,
    findings: &mut [Finding],
) {
    let Some(discovery) = &builder.opened.discovery else { return };
    let unsynced = unsynced_roots(findings, &discovery.live_sources);
    if unsynced.is_empty() {
        return;
    }
    let older = render_older(builder, unsynced.values().flat_map(|(sources, _)| sources.iter()));
    let live: BTreeMap<ObjectKey, usize> =
        compared.differing.keys().map(|index| (builder.desired[*index].id.key(), *index)).collect();
    for finding in findings {
        let Some((_, verdict)) = finding.root().and_then(|root| unsynced.get(&root.key())) else { continue };
        let before = older.get(&finding.resource.key());
        match (finding.state, before) {
            // The newer root declares it, and the older one does not.
            (State::Missing, None) if finding.verdict.cause == Cause::Unknown => {
                finding.verdict = verdict.clone();
            }
            (State::Modified, Some(before)) => {
                let Some(object) =
                    live.get(&finding.resource.key()).and_then(|at| compared.differing.get(at))
                else {
                    continue;
                };
                let schema = builder.schemas.for_version(&before.id.group, &before.id.version);
                let differs = crate::diff::compare(before, &object.live, schema);
                let differs: BTreeSet<FieldPath> = differs.into_iter().map(|found| found.path).collect();
                settle_changes(finding, &differs, verdict);
            }
            _ => {}
        }
    }
}

fn settle_changes(finding: &mut Finding, differs: &BTreeSet<FieldPath>, of_root: &Verdict) {
    for change in &mut finding.changes {
        if change.verdict.cause == Cause::Unknown && !differs.contains(&change.difference.path) {
            let manager = change.verdict.manager.take();
            change.verdict = Verdict { manager, ..of_root.clone() };
        }
    }
    finding.verdict = crate::attribution::strongest_verdict(&finding.changes);
}

/// The roots that Git has changed and that are not applied yet, with what the cluster's own render, and the verdict of the
/// root.
fn unsynced_roots<'s>(
    findings: &[Finding],
    live_sources: &'s BTreeMap<ObjectKey, Vec<Source>>,
) -> BTreeMap<ObjectKey, (&'s [Source], Verdict)> {
    let waits = findings.iter().filter(|finding| {
        let is_unsynced = |verdict: &Verdict| verdict.cause == Cause::Unsynced;
        let is_other = |verdict: &Verdict| verdict.is_drift() && !is_unsynced(verdict);
        is_unsynced(&finding.verdict) && !finding.changes.iter().any(|change| is_other(&change.verdict))
    });
    let root = |finding: &Finding| {
        let key = finding.resource.key();
        // A root that the cluster lacks renders nothing there; one that renders the same explains nothing.
        let sources: &[Source] = match live_sources.get(&key) {
            Some(sources) => sources,
            None if finding.state == State::Missing => &[],
            None => return None,
        };
        let verdict = Verdict { manager: None, actor: None, ..finding.verdict.clone() };
        Some((key, (sources, verdict)))
    };
    waits.filter_map(root).collect()
}

/// What sources render to in the same tree.
fn render_older<'s>(
    builder: &FindingBuilder<'_>,
    sources: impl Iterator<Item = &'s Source>,
) -> BTreeMap<ObjectKey, Desired> {
    let sources: Vec<Source> = sources.cloned().collect();
    let request = RenderRequest { sources: &sources, ..builder.render_request() };
    let rendered = render(&request);
    rendered.objects.into_iter().map(|object| (object.id.key(), object)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::unsynced_roots;
    use crate::config::Source;
    use crate::model::mk::mk_finding;
    use crate::model::{Cause, Confidence, Finding, Rule, State, Verdict};

    /// A finding that is not applied yet.
    fn waiting(name: &str, state: State) -> Finding {
        let verdict = Verdict::new(Cause::Unsynced, Confidence::High, Rule::NotApplied);
        let mut finding =
            Finding { state, verdict: verdict.clone(), ..mk_finding(name, "flux", "a", json!(1)) };
        finding.changes.iter_mut().for_each(|change| change.verdict = verdict.clone());
        finding
    }

    #[test]
    fn only_roots_that_render_otherwise_explain_their_objects() {
        let manual = mk_finding("manual", "kubectl", "a", json!(1));
        let findings = [
            waiting("new", State::Missing),
            waiting("changed", State::Modified),
            waiting("alike", State::Modified),
            manual,
        ];
        let changed = (findings[1].resource.key(), vec![Source::default()]);
        let by_hand = (findings[3].resource.key(), vec![Source::default()]);
        let live_sources = BTreeMap::from([changed, by_hand]);
        let names: Vec<String> =
            unsynced_roots(&findings, &live_sources).into_keys().map(|key| key.name).collect();
        assert_eq!(names, ["changed", "new"]);
    }
}
