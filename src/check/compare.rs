//! `drift check`: compare and report.

use std::collections::BTreeSet;

use tracing::field::Empty;
use tracing::info_span;

use super::CheckError;
use super::autoscalers::read_autoscalers;
use super::comparison::{Comparison, ComparisonOutcome};
use super::declared::{Declared, take_secrets};
use super::discover::discover_sources;
use super::evidence::ClusterEvidence;
use super::findings::{FindingBuilder, Past};
use super::inputs::{Check, CheckInputs};
use super::missing::explain_missing;
use super::next_sync::SyncInputs;
use super::other_versions::{add_changes, read_other_versions};
use super::outside_sources::take_declared_outside_sources;
use super::owner_index::OwnerIndex;
use super::ownership::OwnershipLookup;
use super::report::{CheckWarnings, ReportParts, optional_absent_warnings};
use super::schemas::{LazySchemas, Schemas};
use super::settings::{CheckSettings, ClusterTarget};
use super::unknown_fields::unknown_field_warnings;
use super::unsynced_roots::settle_unsynced_roots;
use super::verify::Verifier;
use crate::attribution::{Managers, split_expired};
use crate::checkout::{Checkout, CheckoutSettings};
use crate::cluster::Cluster;
use crate::model::{ApiResources, CheckReport, Finding, Incomplete, Verification};
use crate::source::{self, Prerendered, render_rest};
use crate::text::with_hint;

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
    let opening = tokio::task::spawn_blocking(move || open_tree(&of_tree));
    let (mut opened, ahead) = opening.await.expect("the work does not panic")?;
    progress("connecting to the cluster");
    let cluster = connecting.await.expect("the work does not panic")?;
    let ahead = discover_sources(settings, &mut opened, &cluster, ahead).await?;
    Ok((opened, cluster, ahead))
}

/// Opens the tree, and renders the sources that need no cluster.
fn open_tree(settings: &CheckoutSettings) -> Result<(Checkout, Prerendered), CheckError> {
    let opened = Checkout::open(settings)?;
    let _stage = info_span!("render ahead", sources = opened.sources.len());
    let ahead = source::prerender(&opened.render_request(&settings.tools, &ApiResources::default()));
    Ok((opened, ahead))
}

/// Renders of an opened tree what was not rendered ahead, and compares it with a cluster.
pub(crate) async fn compare(
    settings: &CheckSettings,
    opened: &Checkout,
    cluster: &Cluster,
    ahead: Prerendered,
    progress: &dyn Fn(&str),
) -> Result<Check, CheckError> {
    let skip_secrets = settings.skips_secrets(&opened.config);
    let managers = managers(settings, opened);
    let stages = CheckStages { settings, opened, cluster, managers: &managers, skip_secrets, progress };
    let mut declared = stages.render(ahead);
    let schemas = LazySchemas::new(cluster, &declared.rendered.objects);
    let (mut compared, present) = stages.compare_lists(&declared, &schemas).await;
    let (schemas, schema_warnings) = schemas.into_schemas().await;
    declared.note_duplicates(&schemas);
    let Verdicts { findings, past, mut warnings } =
        stages.decide(&declared, &schemas, &present, &mut compared).await;
    let verification = stages.verify(&declared, &findings, &mut compared).await;
    warnings.of_schemas = schema_warnings;
    warnings.of_objects = [
        optional_absent_warnings(&declared.rendered.objects, &compared),
        unknown_field_warnings(&declared.rendered.objects, &schemas, &compared),
    ]
    .concat();
    let next_sync = settings.next_sync.then(|| {
        let desired = &declared.rendered.objects;
        SyncInputs { desired, schemas: &schemas, managers: &managers, compared: &compared }
            .forecast(&findings)
    });
    let parts = ReportParts { settings, opened, cluster, declared: &declared };
    let report = parts.assemble(&mut compared, findings, warnings, verification).await?;
    let report = CheckReport { next_sync, ..report };
    let listed = std::mem::take(&mut compared.listed);
    let Declared { rendered, unrendered, skipped } = declared;
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
    Ok(Check { report, inputs })
}

/// What was decided about the objects.
struct Verdicts {
    findings: Vec<Finding>,
    past: Past,
    warnings: CheckWarnings,
}

/// The stages of a check, one after another.
struct CheckStages<'a> {
    settings: &'a CheckSettings,
    opened: &'a Checkout,
    cluster: &'a Cluster,
    managers: &'a Managers,
    skip_secrets: bool,
    progress: &'a dyn Fn(&str),
}

impl CheckStages<'_> {
    fn render(&self, ahead: Prerendered) -> Declared {
        (self.progress)("rendering what Git declares");
        let opened = self.opened;
        let stage = info_span!("render", sources = opened.sources.len(), objects = Empty, incomplete = Empty);
        let request = opened.render_request(&self.settings.checkout.tools, self.cluster.api_resources());
        let mut rendered = render_rest(&request, ahead);
        let unrendered = rendered.incomplete.len();
        stage.record("objects", rendered.objects.len()).record("incomplete", unrendered);
        rendered.incomplete.extend(opened.incomplete.iter().cloned());
        let skipped = if self.skip_secrets { take_secrets(&mut rendered) } else { BTreeSet::new() };
        Declared { rendered, unrendered, skipped }
    }

    /// Reads the lists of the cluster and compares their objects; gives the objects that others may belong to.
    async fn compare_lists(
        &self,
        declared: &Declared,
        schemas: &LazySchemas<'_>,
    ) -> (ComparisonOutcome, OwnerIndex) {
        (self.progress)("comparing with the cluster");
        let Declared { rendered, skipped, .. } = declared;
        let objects = rendered.objects.len();
        let stage = info_span!(
            "compare",
            objects,
            differing = Empty,
            missing = Empty,
            requests = Empty,
            bytes = Empty
        );
        let target = &self.settings.target;
        let comparison = Comparison {
            cluster: self.cluster,
            desired: &rendered.objects,
            schemas,
            managers: self.managers,
            skipped,
            hooks: &rendered.hooks,
            find_unmanaged: rendered.incomplete.is_empty()
                && !self.opened.is_partial()
                && rendered.left_out.is_empty(),
            owners: OwnerIndex::default(),
            skip_secrets: self.skip_secrets,
            secret_values: !matches!(target, ClusterTarget::Snapshot(_) | ClusterTarget::Embedded(..)),
            keep_live: self.settings.verify,
            keep_hidden: self.settings.keep_hidden,
        };
        let compared = comparison.run().await;
        stage.record("differing", compared.differing.len()).record("missing", compared.missing.len());
        self.record_traffic(&stage);
        (compared, comparison.owners)
    }

    /// Reads the evidence about what differs, and decides.
    async fn decide(
        &self,
        declared: &Declared,
        schemas: &Schemas,
        present: &OwnerIndex,
        compared: &mut ComparisonOutcome,
    ) -> Verdicts {
        (self.progress)("looking into the history");
        let (cluster, objects) = (self.cluster, &declared.rendered.objects);
        let stage = info_span!("verdicts", findings = Empty, requests = Empty, bytes = Empty);
        let unmanaged =
            OwnershipLookup::new(cluster, self.skip_secrets).take_unowned(compared, present).await;
        let evidence = ClusterEvidence::read((cluster, self.skip_secrets), objects, schemas, compared).await;
        let builder = FindingBuilder {
            settings: self.settings,
            opened: self.opened,
            cluster,
            desired: objects,
            schemas,
            managers: self.managers,
            evidence: &evidence,
        };
        let history = builder.history();
        let past = builder.older_versions(&history, compared);
        let past = past.and_then(|past| Ok((past, builder.leftovers(&history, unmanaged)?)));
        let of_history = history.warnings();
        let (past, unmanaged) = past.unwrap_or_else(|error| {
            let what = "what older commits declared".to_owned();
            compared.incomplete.push(Incomplete { what, why: with_hint(&error, error.hint()) });
            (Past::new(), Vec::new())
        });
        explain_missing(cluster, objects, compared).await;
        let autoscalers = read_autoscalers(cluster, objects, compared).await;
        let seen_elsewhere = read_other_versions(cluster, &builder, compared).await;
        let mut findings = builder.findings(compared, &past, &autoscalers);
        findings.extend(builder.unmanaged(unmanaged));
        add_changes(&mut findings, seen_elsewhere, &builder);
        let declared_elsewhere = take_declared_outside_sources(cluster, &builder, &mut findings).await;
        settle_unsynced_roots(&builder, compared, &mut findings);
        findings.sort_by(|left, right| left.resource.cmp(&right.resource));
        stage.record("findings", findings.len());
        self.record_traffic(&stage);
        let of_rules = builder.rules().warnings(&findings);
        let warnings = CheckWarnings { declared_elsewhere, of_rules, of_history, ..CheckWarnings::default() };
        Verdicts { findings, past, warnings }
    }

    /// Asks the server for its own answer, where that is wanted.
    async fn verify(
        &self,
        declared: &Declared,
        findings: &[Finding],
        compared: &mut ComparisonOutcome,
    ) -> Option<Verification> {
        if !self.settings.verify {
            return None;
        }
        (self.progress)("asking the server for its own answer");
        let live = std::mem::take(&mut compared.live_objects);
        let desired = &declared.rendered.objects;
        let verifier = Verifier { cluster: self.cluster, desired, live: &live, findings };
        let (verification, incomplete) = verifier.run().await;
        compared.incomplete.extend(incomplete);
        Some(verification)
    }

    /// Notes how much was asked of the cluster until now.
    fn record_traffic(&self, stage: &tracing::Span) {
        stage.record("requests", self.cluster.request_count()).record("bytes", self.cluster.byte_count());
    }
}

/// The known managers, with those of `drift.yaml` that have not expired.
pub(super) fn managers(settings: &CheckSettings, opened: &Checkout) -> Managers {
    Managers::new(&split_expired(&opened.config.managers, &settings.checkout.today()).0)
}
