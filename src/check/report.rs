//! The report of a check, put together.

use std::collections::BTreeMap;

use super::CheckError;
use super::comparison::ComparisonOutcome;
use super::declared::Declared;
use super::root_reports::{note_stopped_roots, root_reports};
use super::roots::{RootCoverage, find_uncovered_roots};
use super::settings::CheckSettings;
use crate::attribution::{manager_warnings, unknown_manager_notes};
use crate::checkout::Checkout;
use crate::cluster::Cluster;
use crate::model::{
    AbsenceReason, CheckReport, CheckSummary, ClusterFacts, Desired, Finding, GitFacts, Incomplete, Rule,
    State, Verification,
};
use crate::source::RenderOutput;
use crate::text::pluralize;

/// Warnings of a check, by where they come from, in the order in which they are given.
#[derive(Default)]
pub(super) struct CheckWarnings {
    pub(super) declared_elsewhere: Vec<String>,
    pub(super) of_objects: Vec<String>,
    pub(super) of_schemas: Vec<String>,
    pub(super) of_rules: Vec<String>,
    pub(super) of_history: Vec<String>,
}

/// What a report is put together from.
pub(super) struct ReportParts<'a> {
    pub(super) settings: &'a CheckSettings,
    pub(super) opened: &'a Checkout,
    pub(super) cluster: &'a Cluster,
    pub(super) declared: &'a Declared,
}

impl ReportParts<'_> {
    /// The report; takes from the comparison what it reports.
    pub(super) async fn assemble(
        &self,
        compared: &mut ComparisonOutcome,
        findings: Vec<Finding>,
        warnings: CheckWarnings,
        verification: Option<Verification>,
    ) -> Result<CheckReport, CheckError> {
        let Self { settings, opened, cluster, declared } = self;
        let Declared { rendered, skipped, .. } = declared;
        let undiscovered = failed_groups(cluster, rendered);
        let git = GitFacts {
            repository: opened.repository_name()?,
            revision: opened.commit.as_str().to_owned(),
            dirty: opened.dirty,
        };
        let mut report = CheckReport {
            checked_at: settings.checkout.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            git,
            cluster: read_cluster_facts(opened, cluster, &mut compared.incomplete).await,
            warnings: self.order_warnings(warnings, &findings)?,
            verification,
            unsynced_after: opened.config.unsynced_after,
            ..CheckReport::default()
        };
        let (roots, unread) = match &opened.discovery {
            Some(discovery) => (discovery.uncovered.clone(), Vec::new()),
            None => {
                let covered = RootCoverage { sources: &opened.sources, remote: opened.repository.remote()? };
                find_uncovered_roots(cluster, &rendered.objects, &covered).await
            }
        };
        report.not_compared = roots;
        compared.not_examined.extend(unread);
        report.roots = root_reports(opened, rendered, &findings);
        let mut findings = findings;
        note_stopped_roots(&report.roots, &mut findings);
        report.summary = summarise(&rendered.objects, compared, &findings, skipped.len());
        report.incomplete =
            [rendered.incomplete.clone(), std::mem::take(&mut compared.incomplete), undiscovered].concat();
        if report.incomplete.is_empty() && report.summary.desired == skipped.len() {
            report.incomplete.push(nothing_examined(opened, skipped.len(), rendered.hooks.count()));
        }
        report.incomplete.sort();
        report.incomplete.dedup();
        report.not_examined = std::mem::take(&mut compared.not_examined);
        report.findings = findings;
        Ok(report)
    }

    pub(super) fn order_warnings(
        &self,
        warnings: CheckWarnings,
        findings: &[Finding],
    ) -> Result<Vec<String>, CheckError> {
        let opened = self.opened;
        let of_managers = manager_warnings(&opened.config.managers, &self.settings.checkout.today());
        let of_settings = name_last_authors(opened, [warnings.of_rules, of_managers].concat())?;
        let rendered = &self.declared.rendered;
        let all = [
            opened.warnings.clone(),
            rendered.warnings.clone(),
            warnings.declared_elsewhere,
            warnings.of_objects,
            warnings.of_schemas,
            of_settings,
            unknown_manager_notes(findings),
            warnings.of_history,
            partial_warning(opened, &rendered.left_out).into_iter().collect(),
        ];
        Ok(all.concat())
    }
}

/// Adds to each warning who last changed the rules.
pub(super) fn name_last_authors(opened: &Checkout, warnings: Vec<String>) -> Result<Vec<String>, CheckError> {
    if warnings.is_empty() {
        return Ok(warnings);
    }
    let commits = opened.repository.commits_touching(&opened.commit, crate::config::CONFIG_FILE, 1)?;
    let Some(commit) = commits.first() else { return Ok(warnings) };
    let (file, author) = (crate::config::CONFIG_FILE, &commit.author.name);
    let by = format!("({file} last changed by {author} in {})", commit.id.short());
    Ok(warnings.into_iter().map(|warning| format!("{warning} {by}")).collect())
}

/// Warns that unmanaged objects were not searched for, because some sources are not read.
pub(super) fn partial_warning(opened: &Checkout, left_out: &[String]) -> Option<String> {
    let why = if opened.is_partial() {
        let what: Vec<&str> = opened.sources.iter().map(|source| source.path.as_str()).collect();
        format!("{} covers only some of the configured sources", what.join(", "))
    } else if left_out.is_empty() {
        return None;
    } else {
        format!("{} is excluded, so its objects are not known", left_out.join(", "))
    };
    Some(format!("skipped the search for unmanaged objects: {why}"))
}

/// Counts absent optional objects by source: hooks, and objects that charts render only on install or upgrade.
pub(super) fn optional_absent_warnings(desired: &[Desired], compared: &ComparisonOutcome) -> Vec<String> {
    let mut counts: BTreeMap<(&str, Option<AbsenceReason>), usize> = BTreeMap::new();
    for object in compared.optional_absent.iter().map(|index| &desired[*index]) {
        *counts.entry((&object.origin.source, object.optional)).or_default() += 1;
    }
    let warning = |((source, optional), number): ((&str, Option<AbsenceReason>), usize)| {
        let (thing, why) = match optional {
            Some(AbsenceReason::Install) => ("object", "rendered by the chart on an install only"),
            Some(AbsenceReason::Upgrade) => ("object", "rendered by the chart on an upgrade only"),
            Some(AbsenceReason::Revision) => {
                ("object", "rendered by the chart at the release's first revision only")
            }
            Some(AbsenceReason::Hook) | None => ("hook", "hooks come and go"),
        };
        let are = if number == 1 { "is" } else { "are" };
        format!("{} {are} not live in {source} (not drift): {why}", pluralize(number, thing))
    };
    counts.into_iter().map(warning).collect()
}

/// The incomplete entry for a run that compared nothing.
pub(super) fn nothing_examined(opened: &Checkout, skipped: usize, hooks: usize) -> Incomplete {
    let what: Vec<&str> = opened.sources.iter().map(|source| source.path.as_str()).collect();
    let what = what.join(", ");
    let why = match (skipped, hooks) {
        (0, 0) => "nothing was examined: the sources declare no objects; pass the folder of the manifests",
        (0, _) => "nothing was examined: the sources declare only hooks, which are not compared",
        _ => "nothing was examined: the sources declare only Secrets, which are skipped",
    };
    Incomplete { what, why: why.to_owned() }
}

/// API groups with declared objects whose discovery failed. A group without declared objects
/// (a metrics server that is down) does not matter.
pub(super) fn failed_groups(cluster: &Cluster, rendered: &RenderOutput) -> Vec<Incomplete> {
    let declared = |group: &&crate::cluster::FailedDiscovery| {
        let of_group = |object: &Desired| object.id.group == group.group;
        rendered.objects.iter().any(of_group) || rendered.unserved.contains(&group.group)
    };
    let incomplete = |group: &crate::cluster::FailedDiscovery| Incomplete {
        what: crate::model::join_api_version(&group.group, &group.version),
        why: group.why.clone(),
    };
    cluster.failed_discoveries().iter().filter(declared).map(incomplete).collect()
}

pub(super) async fn read_cluster_facts(
    opened: &Checkout,
    cluster: &Cluster,
    incomplete: &mut Vec<Incomplete>,
) -> ClusterFacts {
    let configured = opened.config.cluster.clone();
    let identity = match &configured {
        Some(name) => Some(name.clone()),
        None => cluster.identity().await.unwrap_or_else(|unread| {
            let why = format!("{} (or name the cluster in drift.yaml: `cluster: prod`)", unread.why);
            incomplete.push(Incomplete { what: unread.what, why });
            None
        }),
    };
    let identified = identity.is_some();
    let name = identity.unwrap_or_else(|| "unknown".to_owned());
    let shown = configured.or_else(|| cluster.context().map(str::to_owned)).unwrap_or_else(|| name.clone());
    let server = cluster.server().map(str::to_owned);
    ClusterFacts { name, shown, identified, server, version: cluster.api_resources().version.clone() }
}

/// Whether a finding has only controller and ignored changes: they are counted,
/// and listed only with `--all`.
pub(super) fn is_excused(finding: &Finding) -> bool {
    finding.verdict.cause.is_hidden()
}

pub(super) fn summarise(
    desired: &[Desired],
    compared: &ComparisonOutcome,
    findings: &[Finding],
    skipped: usize,
) -> CheckSummary {
    let of_state = |state: State| {
        findings.iter().filter(|finding| finding.state == state && !is_excused(finding)).count()
    };
    let missing_and_ignored = compared.missing.len() - of_state(State::Missing);
    let mut changes = compared.hidden.clone();
    let mut rules = compared.rules.clone();
    for finding in findings {
        let of_finding = finding.changes.is_empty().then_some(&finding.verdict);
        for verdict in finding.changes.iter().map(|change| &change.verdict).chain(of_finding) {
            *rules.entry(verdict.rule).or_default() += 1;
            // Values that the server fills into every object are not counted.
            if verdict.rule != Rule::ServerPlace {
                *changes.entry(verdict.cause).or_default() += 1;
            }
        }
    }
    // A Secret whose values a snapshot leaves out is not known to be in sync.
    let keys_only = compared.keys_only.intersection(&compared.in_sync).count();
    let seen = compared.in_sync.len() + compared.differing.len() + compared.missing.len();
    CheckSummary {
        desired: desired.len() + skipped,
        in_sync: compared.in_sync.len() + compared.differing.len() - of_state(State::Modified) - keys_only,
        modified: of_state(State::Modified),
        missing: of_state(State::Missing),
        unmanaged: of_state(State::Unmanaged),
        skipped: skipped + missing_and_ignored + keys_only,
        not_compared: desired.len().saturating_sub(seen),
        changes,
        rules,
    }
}
