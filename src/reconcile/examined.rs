//! Checks incident members that the check did not examine: not declared any more, and in no list.

use std::collections::BTreeSet;

use crate::check::CheckInputs;
use crate::cluster::Cluster;
use crate::incident::{Incident, IncidentStatus, Ledger};
use crate::model::ObjectKey;

/// The keys of members of the cluster's open incidents that are no longer live; gets each by its name. One that cannot be
/// read is assumed live: its incident stays open.
pub(super) async fn deleted_members(
    (name, inputs): (&str, &CheckInputs),
    ledger: &Ledger,
    cluster: &Cluster,
) -> BTreeSet<String> {
    let mut deleted = BTreeSet::new();
    let open = |incident: &&Incident| {
        incident.cluster == name && !matches!(incident.status(), IncidentStatus::Ended(_))
    };
    for member in ledger.incidents().filter(open).flat_map(|incident| &incident.members) {
        let Some(key) = ObjectKey::parse(&member.resource) else { continue };
        if is_examined(inputs, &key) || inputs.skipped.contains(&key) {
            continue;
        }
        let Some(kind) = cluster.api_resources().preferred_version(&key.group, &key.kind) else { continue };
        if let Ok(None) = cluster.get(kind, key.namespace.as_deref(), &key.name).await {
            deleted.insert(member.key.clone());
        }
    }
    deleted
}

/// Whether the check examined the object: Git declares it, or a complete list covers it.
fn is_examined(inputs: &CheckInputs, key: &ObjectKey) -> bool {
    let list = |namespace: Option<String>| (key.group.clone(), key.kind.clone(), namespace);
    let listed = inputs.listed.contains(&list(None)) || inputs.listed.contains(&list(key.namespace.clone()));
    listed || inputs.desired.iter().any(|object| object.id.key() == *key)
}

/// Whether a member was examined, or was not found.
pub(super) fn is_accounted_for(
    inputs: &CheckInputs,
    deleted: &BTreeSet<String>,
    resource: &str,
    key: &str,
) -> bool {
    let examined = ObjectKey::parse(resource)
        .is_some_and(|object| is_examined(inputs, &object) && !inputs.skipped.contains(&object));
    examined || deleted.contains(key)
}
