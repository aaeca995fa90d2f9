//! Checks incident members that the check did not examine: not declared any more, and in no list.

use std::collections::BTreeSet;

use super::RunAttempt;
use crate::cluster::Cluster;
use crate::incident::{Incident, IncidentStatus, Ledger};
use crate::model::ObjectKey;

/// The keys of members that are no longer live; gets each by its name. One that cannot be read is
/// assumed live: its incident stays open.
pub(super) async fn deleted_members(
    round: &RunAttempt<'_>,
    ledger: &Ledger,
    cluster: &Cluster,
) -> BTreeSet<String> {
    let mut gone = BTreeSet::new();
    let name = &round.checked.cluster.name;
    let unended = |incident: &&Incident| {
        incident.cluster == *name && !matches!(incident.status(), IncidentStatus::Ended(_))
    };
    for member in ledger.incidents().filter(unended).flat_map(|incident| &incident.members) {
        let Some(key) = ObjectKey::parse(&member.resource) else { continue };
        if is_examined(round, &key) || round.inputs.skipped.contains(&key) {
            continue;
        }
        let Some(kind) = cluster.api_resources().preferred_version(&key.group, &key.kind) else { continue };
        if let Ok(None) = cluster.get(kind, key.namespace.as_deref(), &key.name).await {
            gone.insert(member.key.clone());
        }
    }
    gone
}

/// Whether the check examined the object: Git declares it, or a complete list covers it.
pub(super) fn is_examined(round: &RunAttempt<'_>, key: &ObjectKey) -> bool {
    let material = &round.inputs;
    let place = |namespace: Option<String>| (key.group.clone(), key.kind.clone(), namespace);
    let listed =
        material.listed.contains(&place(None)) || material.listed.contains(&place(key.namespace.clone()));
    listed || material.desired.iter().any(|object| object.id.key() == *key)
}

/// Whether a member was examined, or was not found.
pub(super) fn is_accounted_for(
    round: &RunAttempt<'_>,
    gone: &BTreeSet<String>,
    resource: &str,
    key: &str,
) -> bool {
    let examined = ObjectKey::parse(resource)
        .is_some_and(|object| is_examined(round, &object) && !round.inputs.skipped.contains(&object));
    examined || gone.contains(key)
}
