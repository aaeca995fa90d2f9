//! `drift sources`: what is compared, and the GitOps objects that apply it.

use super::CheckError;
use super::compare::open;
use super::root_reports::{parts, root_reports};
use super::settings::CheckSettings;
use crate::model::SourcesReport;
use crate::source::render_rest;

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
    let request = opened.render_request(&settings.checkout.tools, cluster.api_resources());
    let rendered = render_rest(&request, ahead);
    let listed = parts(&opened, &rendered).filter(|(root, _)| root.is_none()).map(|(_, part)| part);
    let listed = listed.collect();
    let mut incomplete = [rendered.incomplete.clone(), opened.incomplete.clone()].concat();
    incomplete.sort();
    incomplete.dedup();
    Ok(SourcesReport {
        listed,
        roots: root_reports(&opened, &rendered, &[]),
        not_compared: opened.discovery.as_ref().map(|found| found.uncovered.clone()).unwrap_or_default(),
        incomplete,
        warnings: [opened.warnings.clone(), rendered.warnings].concat(),
    })
}
