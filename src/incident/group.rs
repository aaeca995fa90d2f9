//! Groups findings into incidents.

use crate::model::counts_as_drift;
use std::collections::BTreeMap;

use super::ledger::{Incident, Ledger, Member};
use crate::model::{Finding, State, digest, finding_key, fingerprint};

/// Whether the finding opens an incident: drift, and not only a restart.
#[must_use]
pub fn opens_incident(finding: &Finding) -> bool {
    match finding.state {
        State::Missing | State::Unmanaged => finding.verdict.is_drift(),
        State::Modified => finding.changes.iter().any(counts_as_drift),
    }
}

/// Who made the finding: the actor where one is known, else the manager, else nobody (empty).
#[must_use]
pub fn principal(finding: &Finding) -> String {
    let verdict = &finding.verdict;
    let actor = verdict.actor.as_ref().map(|actor| actor.user.clone());
    actor.or_else(|| verdict.manager.as_ref().map(|manager| manager.name.clone())).unwrap_or_default()
}

/// Groups findings that no unended incident has into new incidents: by source and principal manager. Each is without
/// events, with its findings. Two runs that see the same give the same ids.
#[must_use]
pub fn group_findings<'a>(
    cluster: &str,
    findings: impl IntoIterator<Item = &'a Finding>,
    ledger: &Ledger,
) -> Vec<(Incident, Vec<&'a Finding>)> {
    let mut groups: BTreeMap<(String, String), Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        let source = finding.origin.as_ref().map(|origin| origin.source.clone()).unwrap_or_default();
        groups.entry((source, principal(finding))).or_default().push(finding);
    }
    let new = |((source, manager), findings): ((String, String), Vec<&'a Finding>)| {
        let members: Vec<Member> = findings
            .iter()
            .map(|finding| Member {
                key: finding_key(cluster, finding),
                resource: finding.resource.with_group(),
            })
            .collect();
        let keys: Vec<&str> = members.iter().map(|member| member.key.as_str()).collect();
        let previous: Vec<String> =
            ledger.ended_with(cluster, &keys).iter().map(|ended| ended.id.clone()).collect();
        let mut parts = vec!["id/v1".to_owned(), cluster.to_owned(), source.clone(), manager.clone()];
        parts.extend(previous.iter().cloned());
        parts.extend(findings.iter().map(|finding| fingerprint(cluster, finding)));
        let id = digest(&parts.iter().map(String::as_str).collect::<Vec<_>>());
        let mut incident = Incident::new(id, cluster, &source, &manager, members);
        incident.previous = previous;
        (incident, findings)
    };
    groups.into_iter().map(new).collect()
}
