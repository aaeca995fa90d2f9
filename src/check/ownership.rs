//! Verifies the ownership claims of unmanaged objects: a live owner, a Helm release, a GitOps application.

use std::collections::{BTreeMap, BTreeSet};

use super::comparison::ComparisonOutcome;
use super::owner_index::OwnerIndex;
use super::owner_records::{Lookup, ObjectName, OwnerRecords};
use crate::attribution::{OwnerClaim, UnmanagedCandidate};
use crate::cluster::Cluster;
use crate::model::{Incomplete, ResourceId};

/// Most claims looked up per namespace: anyone who can write there can make up any number.
const MOST_CLAIMS: usize = 1000;

/// Looks up claims, each one once.
pub(super) struct OwnershipLookup<'a> {
    records: OwnerRecords<'a>,
    lookups: BTreeMap<(String, OwnerClaim), Lookup>,
    /// Claims by the namespace of the objects that made them.
    claims: BTreeMap<String, usize>,
}

impl<'a> OwnershipLookup<'a> {
    pub(super) fn new(cluster: &'a Cluster, skip_secrets: bool) -> Self {
        let records = OwnerRecords::new(cluster, skip_secrets);
        Self { records, lookups: BTreeMap::new(), claims: BTreeMap::new() }
    }

    /// The objects without a valid owner. A claim that cannot be looked up is accepted for a deployer's objects, and reported.
    pub(super) async fn take_unowned(
        &mut self,
        compared: &mut ComparisonOutcome,
        present: &OwnerIndex,
    ) -> Vec<UnmanagedCandidate> {
        let mut candidates = std::mem::take(&mut compared.unmanaged);
        // Each look-up would be a request.
        candidates.retain(|candidate| !present.has_owner(candidate));
        candidates.sort_by(|left, right| left.resource.cmp(&right.resource));
        candidates.dedup_by(|left, right| left.resource.key() == right.resource.key());
        let mut unmanaged = Vec::new();
        let mut unread = BTreeSet::new();
        for candidate in candidates {
            match self.look_up_claims(&candidate).await {
                Some(None) => {}
                Some(Some(incomplete)) if candidate.by_deployer => drop(unread.insert(incomplete)),
                _ => unmanaged.push(candidate),
            }
        }
        compared.not_examined.extend(unread);
        // First: texts name only some.
        compared.not_examined.splice(0..0, self.too_many_claims());
        unmanaged
    }

    /// `Some(None)`: it has an owner; `Some(Some(..))`: the claimed owner could not be read.
    async fn look_up_claims(&mut self, candidate: &UnmanagedCandidate) -> Option<Option<Incomplete>> {
        let id = &candidate.resource;
        let namespace = id.namespace.clone().unwrap_or_default();
        let mut unread = None;
        for claim in &candidate.claims {
            let key = (namespace.clone(), claim.clone());
            if !self.lookups.contains_key(&key) {
                let claims = self.claims.entry(namespace.clone()).or_default();
                *claims += 1;
                if *claims > MOST_CLAIMS {
                    continue;
                }
                let found = self.records.look_up(&namespace, claim).await;
                self.lookups.insert(key.clone(), found);
            }
            match self.lookups.get(&key) {
                Some(Lookup::Found(None)) => return Some(None),
                Some(Lookup::Found(Some(objects))) if objects.contains(&name_of(id)) => return Some(None),
                Some(Lookup::Unread(incomplete)) => unread = Some(incomplete.clone()),
                _ => {}
            }
        }
        unread.map(Some)
    }

    /// Namespaces with more claims than are looked up; the rest is ignored.
    fn too_many_claims(&self) -> Vec<Incomplete> {
        let namespaces = self.claims.iter().filter(|(_, claims)| **claims > MOST_CLAIMS);
        let entry = |(namespace, _): (&String, &usize)| Incomplete {
            what: format!("ownership claims of objects in {namespace}"),
            why: format!("more than {MOST_CLAIMS} different claims: the rest was ignored"),
        };
        namespaces.map(entry).collect()
    }
}

fn name_of(id: &ResourceId) -> ObjectName {
    (id.group.clone(), id.kind.clone(), id.namespace.clone().unwrap_or_default(), id.name.clone())
}
