//! What may scale the workloads whose replicas differ.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::StreamExt;

use super::comparison::ComparisonOutcome;
use crate::attribution::{AUTOSCALER_KINDS, Autoscaler};
use crate::cluster::Cluster;
use crate::model::{Change, Desired};

/// The autoscalers of the namespaces in which replicas differ; one that may not be read is incomplete.
pub(super) async fn read_autoscalers(
    cluster: &Cluster,
    desired: &[Desired],
    compared: &mut ComparisonOutcome,
) -> BTreeMap<String, Vec<Autoscaler>> {
    let scaled = |change: &Change| change.difference.path.fields().eq(["spec", "replicas"]);
    let differing = compared.differing.iter().filter(|(_, object)| object.changes.iter().any(scaled));
    let namespaces: BTreeSet<&str> =
        differing.filter_map(|(index, _)| desired[*index].id.namespace.as_deref()).collect();
    let mut found: BTreeMap<String, Vec<Autoscaler>> = BTreeMap::new();
    for (group, kind) in AUTOSCALER_KINDS {
        let Some(kind) = cluster.api_resources().preferred_version(group, kind) else { continue };
        for namespace in &namespaces {
            let mut pages = cluster.objects(kind, Some(namespace));
            let scalers = found.entry((*namespace).to_owned()).or_default();
            while let Some(page) = pages.next().await {
                match page {
                    Ok(page) => scalers.extend(page.iter().filter_map(Autoscaler::from_object)),
                    Err(unread) => compared.incomplete.push(unread.into()),
                }
            }
        }
    }
    found
}
