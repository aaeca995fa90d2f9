//! `drift sources`: what is compared, and the GitOps objects that apply it.

use super::CheckError;
use super::compare::open;
use super::discover::discover_sources;
use super::root_reports::{parts, root_reports};
use super::settings::CheckSettings;
use crate::checkout::{Checkout, CheckoutError};
use crate::cluster::Cluster;
use crate::model::SourcesReport;
use crate::source::{Prerendered, render_rest};

/// The sources of a repository and the GitOps objects that apply them, rendered and not compared.
///
/// # Errors
/// As for a check.
pub async fn list_sources(
    settings: &CheckSettings,
    progress: &dyn Fn(&str),
) -> Result<SourcesReport, CheckError> {
    let (opened, cluster, ahead) = open(settings, progress).await?;
    progress("rendering what Git declares");
    Ok(report(settings, &opened, &cluster, ahead))
}

/// The GitOps objects that apply an opened repository, whose own configuration is not asked.
///
/// # Errors
/// As for a check; none where no such object is found.
pub(crate) async fn find_roots(
    settings: &CheckSettings,
    opened: &mut Checkout,
    cluster: &Cluster,
) -> Result<SourcesReport, CheckError> {
    match discover_sources(settings, opened, cluster, Prerendered::default()).await {
        Err(CheckError::Checkout(CheckoutError::NoSources)) => Ok(SourcesReport::default()),
        found => found.map(|ahead| report(settings, opened, cluster, ahead)),
    }
}

fn report(
    settings: &CheckSettings,
    opened: &Checkout,
    cluster: &Cluster,
    ahead: Prerendered,
) -> SourcesReport {
    let request = opened.render_request(&settings.checkout.tools, cluster.api_resources());
    let rendered = render_rest(&request, ahead);
    let listed = parts(opened, &rendered).filter(|(root, _)| root.is_none()).map(|(_, part)| part);
    let listed = listed.collect();
    let mut incomplete = [rendered.incomplete.clone(), opened.incomplete.clone()].concat();
    incomplete.sort();
    incomplete.dedup();
    SourcesReport {
        listed,
        roots: root_reports(opened, &rendered, &[]),
        not_compared: opened.discovery.as_ref().map(|found| found.uncovered.clone()).unwrap_or_default(),
        incomplete,
        warnings: [opened.warnings.clone(), rendered.warnings].concat(),
    }
}
