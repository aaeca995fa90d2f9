//! Detects mass drift: opens no incidents for it until a person has looked.
//!
//! One namespace must not block the others: declared objects are counted by source and
//! namespace, objects that nothing declares by namespace, and only what is counted too high is held back.

use crate::check::CheckInputs;
use crate::model::ObjectKey;
use std::collections::BTreeMap;

use crate::incident::Incident;
use crate::model::{Finding, State, digest};

/// More declared objects of one source and namespace in drift than this, and than a quarter of them: the wrong context,
/// most likely. More objects of one namespace that nothing declares than this: more than a person made by hand.
const MASS_THRESHOLD: usize = 20;

/// Objects that are counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum DriftGroup {
    /// What a source declares in a namespace (empty: cluster-scoped).
    Declared { source: String, namespace: String },
    /// What nothing declares in a namespace.
    Unmanaged { namespace: String },
}

/// How many objects of a group are in drift, and how many there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct DriftCount {
    pub(super) drifting: usize,
    /// Declared objects; none where nothing declares them.
    pub(super) all: usize,
}

/// The groups that are held back.
#[derive(Debug, Default)]
pub(super) struct MassDrift {
    pub(super) groups: BTreeMap<DriftGroup, DriftCount>,
}

impl DriftGroup {
    fn from_finding(finding: &Finding) -> Self {
        let namespace = finding.resource.namespace.clone().unwrap_or_default();
        let source = finding.origin.as_ref().map(|origin| origin.source.clone());
        match finding.state {
            State::Unmanaged => Self::Unmanaged { namespace },
            _ => Self::Declared { source: source.unwrap_or_default(), namespace },
        }
    }

    fn is_declared(&self) -> bool {
        matches!(self, Self::Declared { .. })
    }
}

impl MassDrift {
    /// Counts what is in drift.
    pub(super) fn from_findings<'f>(
        inputs: &CheckInputs,
        drifting: impl Iterator<Item = &'f Finding>,
    ) -> Self {
        let mut counts: BTreeMap<DriftGroup, DriftCount> = BTreeMap::new();
        for object in &inputs.desired {
            let namespace = object.id.namespace.clone().unwrap_or_default();
            let group = DriftGroup::Declared { source: object.origin.source.clone(), namespace };
            counts.entry(group).or_default().all += 1;
        }
        for finding in drifting {
            counts.entry(DriftGroup::from_finding(finding)).or_default().drifting += 1;
        }
        if is_everywhere(&counts) {
            counts.retain(|_, count| count.drifting > 0);
        } else {
            counts.retain(|group, count| is_mass(group, *count));
        }
        Self { groups: counts }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Whether a new incident with this finding is held back.
    pub(super) fn includes(&self, finding: &Finding) -> bool {
        self.groups.contains_key(&DriftGroup::from_finding(finding))
    }

    /// Whether what is known of an incident stays as it is: so much of what surrounds it differs that it may be seen in
    /// the wrong cluster. Objects that nothing declares say nothing about that.
    pub(super) fn blocks_incident(&self, incident: &Incident) -> bool {
        incident.members.iter().filter_map(|member| ObjectKey::parse(&member.resource)).any(|key| {
            let namespace = key.namespace.unwrap_or_default();
            self.groups.contains_key(&DriftGroup::Declared { source: incident.source.clone(), namespace })
        })
    }

    /// How many objects are held back.
    pub(super) fn object_count(&self) -> usize {
        self.groups.values().map(|count| count.drifting).sum()
    }

    /// The same as long as the same groups are held back: a person who closed the question has seen it.
    pub(super) fn fingerprint(&self) -> String {
        let names: Vec<String> = self.groups.keys().map(|group| format!("{group:?}")).collect();
        let mut parts = vec!["held/v1"];
        parts.extend(names.iter().map(String::as_str));
        digest(&parts)
    }

    /// Whether declared objects are among them.
    pub(super) fn has_declared(&self) -> bool {
        self.groups.keys().any(DriftGroup::is_declared)
    }
}

fn is_mass(group: &DriftGroup, count: DriftCount) -> bool {
    let quarter = if group.is_declared() { count.all / 4 } else { 0 };
    count.drifting > MASS_THRESHOLD.max(quarter)
}

/// Whether declared objects differ in most of several groups, and too many in all: the wrong cluster altogether.
fn is_everywhere(counts: &BTreeMap<DriftGroup, DriftCount>) -> bool {
    let declared: Vec<&DriftCount> =
        counts.iter().filter(|(group, _)| group.is_declared()).map(|(_, count)| count).collect();
    let (drifting, all) =
        declared.iter().fold((0, 0), |(drifting, all), count| (drifting + count.drifting, all + count.all));
    let spoiled = declared.iter().filter(|count| count.drifting > count.all / 4).count();
    drifting > MASS_THRESHOLD.max(all / 4) && declared.len() > 2 && spoiled * 2 > declared.len()
}

/// A line for each group, for the issue and for notes.
pub(super) fn describe_groups(held: &MassDrift, name: impl Fn(&str) -> String) -> Vec<String> {
    let place = |namespace: &str| match namespace {
        "" => "cluster-scoped".to_owned(),
        namespace => format!("in namespace {}", name(namespace)),
    };
    let line = |(group, count): (&DriftGroup, &DriftCount)| match group {
        DriftGroup::Declared { source, namespace } => format!(
            "{} of {} objects are in drift that source {} declares, {}",
            count.drifting,
            count.all,
            name(source),
            place(namespace)
        ),
        DriftGroup::Unmanaged { namespace } => {
            format!("{} objects that nothing in Git declares, {}", count.drifting, place(namespace))
        }
    };
    held.groups.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{DriftCount, DriftGroup, is_everywhere, is_mass};

    fn declared(source: &str, namespace: &str) -> DriftGroup {
        DriftGroup::Declared { source: source.to_owned(), namespace: namespace.to_owned() }
    }

    #[test]
    fn group_held_back_over_twenty_and_quarter() {
        let unmanaged = DriftGroup::Unmanaged { namespace: "shop".to_owned() };
        for (group, drifting, all, expected) in [
            (declared("apps", "shop"), 20, 24, false),
            (declared("apps", "shop"), 21, 24, true),
            (declared("apps", "shop"), 25, 100, false),
            (declared("apps", "shop"), 26, 100, true),
            (unmanaged.clone(), 20, 0, false),
            (unmanaged, 21, 0, true),
        ] {
            assert_eq!(
                is_mass(&group, DriftCount { drifting, all }),
                expected,
                "{group:?} {drifting} of {all}"
            );
        }
    }

    #[test]
    fn drift_in_most_namespaces_suggests_another_cluster() {
        let counts = |spoiled: usize, groups: usize| -> BTreeMap<DriftGroup, DriftCount> {
            let count = |at| DriftCount { drifting: if at < spoiled { 9 } else { 0 }, all: 10 };
            (0..groups).map(|at| (declared("apps", &format!("ns-{at}")), count(at))).collect()
        };
        assert!(is_everywhere(&counts(3, 4)));
        assert!(!is_everywhere(&counts(2, 4)), "half of them");
        assert!(!is_everywhere(&counts(1, 1)) && !is_everywhere(&counts(2, 2)), "one is not most of several");
        let mut noisy = counts(0, 3);
        noisy.insert(declared("apps", "noise"), DriftCount { drifting: 500, all: 500 });
        noisy.insert(
            DriftGroup::Unmanaged { namespace: "noise".to_owned() },
            DriftCount { drifting: 500, all: 0 },
        );
        assert!(!is_everywhere(&noisy), "one namespace does not silence the others");
    }
}
