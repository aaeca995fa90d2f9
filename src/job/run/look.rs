//! Members of incidents that a check did not look at: Git no longer declares them, and no list covered them.

use std::collections::BTreeSet;

use super::Round;
use crate::cluster::Cluster;
use crate::incident::{Incident, Ledger, Standing};
use crate::model::ObjectKey;

/// The keys of members that are not live any more, by asking for each by its name. One that could not be asked for is
/// taken to be there: its incident stays open.
pub(super) async fn gone(round: &Round<'_>, ledger: &Ledger, cluster: &Cluster) -> BTreeSet<String> {
    let mut gone = BTreeSet::new();
    let name = &round.checked.cluster.name;
    let unended = |incident: &&Incident| {
        incident.cluster == *name && !matches!(incident.standing(), Standing::Ended(_))
    };
    for member in ledger.incidents().filter(unended).flat_map(|incident| &incident.members) {
        let Some(key) = object_key(&member.resource) else { continue };
        if is_examined(round, &key) || round.checked.material.skipped.contains(&key) {
            continue;
        }
        let Some(kind) = cluster.served().any_version(&key.group, &key.kind) else { continue };
        if let Ok(None) = cluster.get(kind, key.namespace.as_deref(), &key.name).await {
            gone.insert(member.key.clone());
        }
    }
    gone
}

/// Whether the check looked at the object: Git declares it, or a list that was read whole would have shown it.
pub(super) fn is_examined(round: &Round<'_>, key: &ObjectKey) -> bool {
    let material = &round.checked.material;
    let place = |namespace: Option<String>| (key.group.clone(), key.kind.clone(), namespace);
    let listed =
        material.listed.contains(&place(None)) || material.listed.contains(&place(key.namespace.clone()));
    listed || material.desired.iter().any(|object| object.id.key() == *key)
}

/// Whether a member was looked at, or asked for and not found.
pub(super) fn is_known(round: &Round<'_>, gone: &BTreeSet<String>, resource: &str, key: &str) -> bool {
    let examined = object_key(resource).is_some_and(|object| {
        is_examined(round, &object) && !round.checked.material.skipped.contains(&object)
    });
    examined || gone.contains(key)
}

/// The object of `Deployment.apps/payments/web` or `ClusterRole.rbac.authorization.k8s.io/view`, as the ledger writes it.
pub(in crate::job) fn object_key(resource: &str) -> Option<ObjectKey> {
    let (kind, rest) = resource.split_once('/')?;
    let (kind, group) = kind.split_once('.').unwrap_or((kind, ""));
    let (namespace, name) = match rest.split_once('/') {
        Some((namespace, name)) => (Some(namespace.to_owned()), name),
        None => (None, rest),
    };
    Some(ObjectKey { group: group.to_owned(), kind: kind.to_owned(), namespace, name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::object_key;
    use crate::model::ResourceId;

    #[test]
    fn the_ledgers_words_name_one_object() {
        for (group, kind, namespace) in [
            ("apps", "Deployment", Some("shop")),
            ("", "ConfigMap", Some("shop")),
            ("rbac.authorization.k8s.io", "ClusterRole", None),
            ("", "Namespace", None),
        ] {
            let id = ResourceId {
                group: group.to_owned(),
                version: "v1".to_owned(),
                kind: kind.to_owned(),
                namespace: namespace.map(str::to_owned),
                name: "a.b-c".to_owned(),
            };
            assert_eq!(object_key(&id.with_group()), Some(id.key()));
        }
        assert_eq!(object_key("Deployment"), None);
    }
}
