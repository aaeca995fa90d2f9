//! Objects that look unmanaged and that a manifest outside of every source declares, such as the root of an app of apps that
//! a person applied to begin with.

use std::collections::BTreeSet;

use super::findings::FindingBuilder;
use crate::cluster::Cluster;
use crate::model::{ChangeKind, Desired, Finding, ResourceId, State};
use crate::schema::Schema;
use crate::source::find_outside_manifests;

/// Removes findings of objects that equal a manifest outside all sources, and returns a warning for each.
pub(super) async fn take_declared_outside_sources(
    cluster: &Cluster,
    judge: &FindingBuilder<'_>,
    findings: &mut Vec<Finding>,
) -> Vec<String> {
    let unmanaged = findings.iter().filter(|finding| finding.state == State::Unmanaged);
    let ids: Vec<ResourceId> = unmanaged.map(|finding| finding.resource.clone()).collect();
    if ids.is_empty() {
        return Vec::new();
    }
    let (mut declared, mut warnings) = (BTreeSet::new(), Vec::new());
    for object in find_outside_manifests(&judge.render_request(), &ids) {
        if !is_as_declared(cluster, judge, &object).await {
            continue;
        }
        declared.insert(object.id.key());
        warnings.push(format!(
            "{} matches {}, which is in no source: add it to the sources, so that drift compares it",
            object.id, object.origin
        ));
    }
    findings
        .retain(|finding| finding.state != State::Unmanaged || !declared.contains(&finding.resource.key()));
    warnings
}

/// Whether live has everything that the manifest declares; additional fields are ignored.
async fn is_as_declared(cluster: &Cluster, judge: &FindingBuilder<'_>, object: &Desired) -> bool {
    let id = &object.id;
    let Some(kind) = cluster.api_resources().kind(&id.group, &id.version, &id.kind) else { return false };
    // What cannot be read stays what it was taken for.
    let Ok(Some(live)) = cluster.get(kind, id.namespace.as_deref(), &id.name).await else { return false };
    let of_server = cluster.schema(&id.group, &id.version).await.ok().flatten();
    let schema: &Schema =
        of_server.as_ref().unwrap_or_else(|| judge.schemas.for_version(&id.group, &id.version));
    let differences = crate::diff::compare(object, &live, schema);
    differences.iter().all(|difference| difference.kind == ChangeKind::Added)
}
