//! `drift check`: compare and report.

use std::collections::{BTreeMap, BTreeSet};

use tracing::field::Empty;
use tracing::info_span;

use super::CheckError;
use super::autoscalers::read_autoscalers;
use super::comparison::{Comparison, ComparisonOutcome};
use super::duplicates::note_duplicates;
use super::evidence::ClusterEvidence;
use super::findings::{FindingBuilder, Past};
use super::inputs::{Check, CheckInputs};
use super::missing::explain_missing;
use super::other_versions::{add_changes, read_other_versions};
use super::outside_sources::take_declared_outside_sources;
use super::owner_index::OwnerIndex;
use super::ownership::OwnershipLookup;
use super::roots::{RootCoverage, find_uncovered_roots};
use super::schemas::LazySchemas;
use super::settings::{CheckSettings, ClusterTarget};
use super::unknown_fields::unknown_field_warnings;
use super::verify::Verifier;
use crate::attribution::{Managers, manager_warnings, split_expired, unknown_manager_notes};
use crate::checkout::Checkout;
use crate::cluster::Cluster;
use crate::config::SecretsMode;
use crate::model::{
    AbsenceReason, ApiResources, CheckReport, CheckSummary, ClusterFacts, Desired, Finding, GitFacts,
    Incomplete, ObjectKey, Rule, State, is_secret,
};
use crate::source::{self, Prerendered, RenderOutput, render_rest};
use crate::text::{pluralize, with_hint};

/// Compares the tree that the settings name with the cluster. `progress` receives each stage as it begins.
///
/// # Errors
/// If the comparison cannot start; later read errors are in the report as incomplete.
pub async fn check(settings: &CheckSettings, progress: &dyn Fn(&str)) -> Result<Check, CheckError> {
    let (opened, cluster, ahead) = open(settings, progress).await?;
    compare(settings, &opened, &cluster, ahead, progress).await
}

/// Opens the tree and connects to the cluster; meanwhile renders the sources that need no cluster.
pub(super) async fn open(
    settings: &CheckSettings,
    progress: &dyn Fn(&str),
) -> Result<(Checkout, Cluster, Prerendered), CheckError> {
    // Neither needs the other, and each waits: for the disk and the processor, for the network.
    let (of_cluster, of_tree) = (settings.clone(), settings.checkout.clone());
    let connecting = tokio::spawn(async move { of_cluster.connect().await });
    progress("opening the repository");
    let opening = tokio::task::spawn_blocking(move || {
        let opened = Checkout::open(&of_tree)?;
        let _stage = info_span!("render ahead", sources = opened.sources.len());
        let ahead = source::prerender(&opened.render_request(&of_tree.tools, &ApiResources::default()));
        Ok::<_, CheckError>((opened, ahead))
    });
    let (opened, ahead) = opening.await.expect("the work does not panic")?;
    progress("connecting to the cluster");
    let cluster = connecting.await.expect("the work does not panic")?;
    Ok((opened, cluster, ahead))
}

/// Renders of an opened tree what was not rendered ahead, and compares it with a cluster.
pub(crate) async fn compare(
    settings: &CheckSettings,
    opened: &Checkout,
    cluster: &Cluster,
    ahead: Prerendered,
    progress: &dyn Fn(&str),
) -> Result<Check, CheckError> {
    progress("rendering what Git declares");
    let stage = info_span!("render", sources = opened.sources.len(), objects = Empty, incomplete = Empty);
    let mut rendered =
        render_rest(&opened.render_request(&settings.checkout.tools, cluster.api_resources()), ahead);
    let unrendered = rendered.incomplete.len();
    stage.record("objects", rendered.objects.len()).record("incomplete", unrendered);
    drop(stage);
    rendered.incomplete.extend(opened.incomplete.iter().cloned());
    let skip = settings.skip_secrets || opened.config.secrets == SecretsMode::Skip;
    let skipped = if skip { take_secrets(&mut rendered) } else { BTreeSet::new() };
    let schemas = LazySchemas::new(cluster, &rendered.objects);
    let managers = managers(settings, opened);
    progress("comparing with the cluster");
    let objects = rendered.objects.len();
    let stage =
        info_span!("compare", objects, differing = Empty, missing = Empty, requests = Empty, bytes = Empty);
    let comparison = Comparison {
        cluster,
        desired: &rendered.objects,
        schemas: &schemas,
        managers: &managers,
        skipped: &skipped,
        hooks: &rendered.hooks,
        find_unmanaged: rendered.incomplete.is_empty()
            && !opened.is_partial()
            && rendered.left_out.is_empty(),
        owners: OwnerIndex::default(),
        skip_secrets: skip,
        secret_values: !matches!(settings.target, ClusterTarget::Snapshot(_) | ClusterTarget::Embedded(..)),
        keep_live: settings.verify,
        keep_hidden: settings.keep_hidden,
    };
    let mut compared = comparison.run().await;
    stage.record("differing", compared.differing.len()).record("missing", compared.missing.len());
    stage.record("requests", cluster.request_count()).record("bytes", cluster.byte_count());
    drop(stage);
    let present = comparison.owners;
    let hooks = rendered.hooks.count();
    let (schemas, warnings) = schemas.into_schemas().await;
    let duplicates = std::mem::take(&mut rendered.duplicates);
    rendered.incomplete.extend(note_duplicates(&mut rendered.objects, duplicates, &schemas));
    progress("looking into the history");
    let stage = info_span!("verdicts", findings = Empty, requests = Empty, bytes = Empty);
    let unmanaged = OwnershipLookup::new(cluster, skip).take_unowned(&mut compared, &present).await;
    let evidence = ClusterEvidence::read((cluster, skip), &rendered.objects, &schemas, &compared).await;
    let judge = FindingBuilder {
        settings,
        opened,
        cluster,
        desired: &rendered.objects,
        schemas: &schemas,
        managers: &managers,
        evidence: &evidence,
    };
    let history = judge.history();
    let past = judge.older_versions(&history, &compared);
    let past = past.and_then(|past| Ok((past, judge.leftovers(&history, unmanaged)?)));
    let not_looked_at = history.warnings();
    let (past, unmanaged) = past.unwrap_or_else(|error| {
        let what = "what older commits declared".to_owned();
        compared.incomplete.push(Incomplete { what, why: with_hint(&error, error.hint()) });
        (Past::new(), Vec::new())
    });
    explain_missing(cluster, &rendered.objects, &mut compared).await;
    let autoscalers = read_autoscalers(cluster, &rendered.objects, &mut compared).await;
    let seen_elsewhere = read_other_versions(cluster, &judge, &mut compared).await;
    let mut findings = judge.findings(&compared, &past, &autoscalers);
    findings.extend(judge.unmanaged(unmanaged));
    add_changes(&mut findings, seen_elsewhere, &judge);
    let declared_elsewhere = take_declared_outside_sources(cluster, &judge, &mut findings).await;
    findings.sort_by(|left, right| left.resource.cmp(&right.resource));
    stage.record("findings", findings.len());
    stage.record("requests", cluster.request_count()).record("bytes", cluster.byte_count());
    drop(stage);
    let undiscovered = failed_groups(cluster, &rendered);
    let verification = if settings.verify {
        progress("asking the server for its own answer");
        let verifier = Verifier {
            cluster,
            desired: &rendered.objects,
            live: &std::mem::take(&mut compared.live_objects),
            findings: &findings,
        };
        let (verification, incomplete) = verifier.run().await;
        compared.incomplete.extend(incomplete);
        Some(verification)
    } else {
        None
    };
    let mut checked = CheckReport {
        checked_at: settings.checkout.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        git: GitFacts {
            repository: opened.repository_name()?,
            revision: opened.commit.as_str().to_owned(),
            dirty: opened.dirty,
        },
        cluster: read_cluster_facts(opened, cluster, &mut compared.incomplete).await,
        warnings: [
            opened.warnings.clone(),
            rendered.warnings,
            declared_elsewhere,
            optional_absent_warnings(&rendered.objects, &compared),
            unknown_field_warnings(&rendered.objects, &schemas, &compared),
            warnings,
            name_last_authors(
                opened,
                [
                    judge.rules().warnings(&findings),
                    manager_warnings(&opened.config.managers, &settings.checkout.today()),
                ]
                .concat(),
            )?,
            unknown_manager_notes(&findings),
            not_looked_at,
            partial_warning(opened, &rendered.left_out).into_iter().collect(),
        ]
        .concat(),
        verification,
        unsynced_after: opened.config.unsynced_after,
        ..CheckReport::default()
    };
    let covered = RootCoverage { sources: &opened.sources, remote: opened.repository.remote()? };
    let (roots, unread) = find_uncovered_roots(cluster, &rendered.objects, &covered).await;
    checked.not_compared = roots;
    compared.not_examined.extend(unread);
    checked.summary = summarise(&rendered.objects, &compared, &findings, skipped.len());
    checked.incomplete =
        [rendered.incomplete, std::mem::take(&mut compared.incomplete), undiscovered].concat();
    if checked.incomplete.is_empty() && checked.summary.desired == skipped.len() {
        checked.incomplete.push(nothing_examined(opened, skipped.len(), hooks));
    }
    checked.incomplete.sort();
    checked.incomplete.dedup();
    checked.not_examined = std::mem::take(&mut compared.not_examined);
    checked.findings = findings;
    let listed = std::mem::take(&mut compared.listed);
    let live =
        compared.differing.into_iter().map(|(index, object)| (rendered.objects[index].id.key(), object.live));
    let inputs = CheckInputs {
        live: live.collect(),
        desired: rendered.objects,
        schemas,
        unrendered,
        skipped,
        listed,
        older_versions: past,
    };
    Ok(Check { report: checked, inputs })
}

/// The known managers, with those of `drift.yaml` that have not expired.
pub(super) fn managers(settings: &CheckSettings, opened: &Checkout) -> Managers {
    Managers::new(&split_expired(&opened.config.managers, &settings.checkout.today()).0)
}

/// Adds to each warning who last changed the rules.
fn name_last_authors(opened: &Checkout, warnings: Vec<String>) -> Result<Vec<String>, CheckError> {
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
fn partial_warning(opened: &Checkout, left_out: &[String]) -> Option<String> {
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
fn optional_absent_warnings(desired: &[Desired], compared: &ComparisonOutcome) -> Vec<String> {
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
fn nothing_examined(opened: &Checkout, skipped: usize, hooks: usize) -> Incomplete {
    let what: Vec<&str> = opened.sources.iter().map(|source| source.path.as_str()).collect();
    let what = what.join(", ");
    let why = match (skipped, hooks) {
        (0, 0) => "nothing was examined: the sources declare no objects; pass the folder of the manifests",
        (0, _) => "nothing was examined: the sources declare only hooks, which are not compared",
        _ => "nothing was examined: the sources declare only Secrets, which are skipped",
    };
    Incomplete { what, why: why.to_owned() }
}

/// Takes the Secrets out, and gives their keys.
fn take_secrets(rendered: &mut RenderOutput) -> BTreeSet<ObjectKey> {
    let (secrets, others): (Vec<Desired>, Vec<Desired>) =
        std::mem::take(&mut rendered.objects).into_iter().partition(|object| is_secret(&object.id));
    rendered.objects = others;
    secrets.into_iter().map(|object| object.id.key()).collect()
}

/// API groups with declared objects whose discovery failed. A group without declared objects
/// (a metrics server that is down) does not matter.
fn failed_groups(cluster: &Cluster, rendered: &RenderOutput) -> Vec<Incomplete> {
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

async fn read_cluster_facts(
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
fn is_excused(finding: &Finding) -> bool {
    finding.verdict.cause.is_hidden()
}

fn summarise(
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
