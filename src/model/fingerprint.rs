//! Which object a finding is about and what differs, as short texts: keys and fingerprints.

use sha2::{Digest, Sha256};

use super::{Change, FieldPath, Finding, PathElement, ResourceId, State};

/// The key of a finding's object: cluster, group and kind, namespace, name; 12 hexadecimal digits.
#[must_use]
pub fn finding_key(cluster: &str, finding: &Finding) -> String {
    resource_key(cluster, &finding.resource)
}

/// The key of an object's finding, whether it has one or not.
#[must_use]
pub fn resource_key(cluster: &str, id: &ResourceId) -> String {
    let namespace = id.namespace.as_deref().unwrap_or_default();
    digest(&["key/v1", cluster, &id.group, &id.kind, namespace, &id.name])
}

/// The fingerprint of a finding: its key, its state, and the paths and values of its changes (of secret values the
/// paths only); 12 hexadecimal digits. Changes that are not drift, and restarts, do not enter.
#[must_use]
pub fn fingerprint(cluster: &str, finding: &Finding) -> String {
    let state = match finding.state {
        State::Modified => "modified",
        State::Missing => "missing",
        State::Unmanaged => "unmanaged",
    };
    let mut parts = vec!["fingerprint/v1".to_owned(), finding_key(cluster, finding), state.to_owned()];
    for change in finding.changes.iter().filter(|change| counts_as_drift(change)) {
        let difference = &change.difference;
        parts.push(difference.path.to_string());
        for side in [&difference.desired, &difference.live] {
            parts.push(side.as_ref().map(ToString::to_string).unwrap_or_default());
        }
    }
    digest(&parts.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Whether a change belongs to an incident: drift, and not the mark of a restart, which nobody wants in Git.
#[must_use]
pub fn counts_as_drift(change: &Change) -> bool {
    change.verdict.is_drift() && !is_restart(&change.difference.path)
}

/// Whether the change is the mark of `kubectl rollout restart`: found, and never proposed for anything.
#[must_use]
pub fn is_restart(path: &FieldPath) -> bool {
    matches!(path.elements().last(), Some(PathElement::Field(name)) if name == "kubectl.kubernetes.io/restartedAt")
}

/// A hash of parts that no other parts give (each is preceded by its length); 12 hexadecimal digits.
#[must_use]
pub fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    let bytes = hash.finalize();
    bytes.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// The fingerprint of an incident: of its findings' fingerprints, whatever their order; 12 hexadecimal digits.
#[must_use]
pub fn incident_fingerprint<'a>(findings: impl IntoIterator<Item = &'a str>) -> String {
    let mut parts: Vec<&str> = findings.into_iter().collect();
    parts.sort_unstable();
    parts.insert(0, "incident/v1");
    digest(&parts)
}
