//! What the server refuses of an apply.

use serde_json::Value;

use crate::model::{Change, ChangeKind, Desired, FieldPath, Forecast, PathElement, SyncOutcome, SyncReason};
use crate::schema::{Field, immutable_part};

/// The fields of a type of which there may be one (`pkg/apis/core/validation/validation.go`). None named: all but `name`.
const ONE_OF: [(&str, &[&str]); 6] = [
    ("core.v1.Volume", &[]),
    ("core.v1.EnvVar", &["value", "valueFrom"]),
    ("core.v1.EnvVarSource", &[]),
    ("core.v1.Probe", &["exec", "grpc", "httpGet", "tcpSocket"]),
    ("core.v1.LifecycleHandler", &[]),
    ("networking.v1.IngressBackend", &[]),
];

/// An object that is applied, and what becomes of its changes so far.
pub(super) struct Applied<'a> {
    pub(super) desired: &'a Desired,
    pub(super) live: &'a Value,
    pub(super) root: Field<'a>,
    pub(super) changes: &'a [(&'a Change, Forecast)],
    /// Whether the apply takes away what stands at a place that Git does not declare.
    pub(super) takes_away: &'a dyn Fn(&FieldPath) -> bool,
}

impl Applied<'_> {
    /// The first reason for which the server refuses what the apply writes, with the change that it is about.
    pub(super) fn refusal(&self) -> Option<(FieldPath, SyncReason)> {
        let written = || self.changes.iter().filter(|(_, forecast)| is_written(forecast));
        written()
            .find_map(|(change, _)| self.immutable(change))
            .or_else(|| written().find_map(|(change, _)| self.exclusive(change)))
            .or_else(|| written().find_map(|(change, _)| self.twice(change)))
    }

    fn immutable(&self, change: &Change) -> Option<(FieldPath, SyncReason)> {
        let difference = &change.difference;
        let part =
            immutable_part((&self.desired.id, self.root), (&difference.path, difference.kind), self.live)?;
        Some((difference.path.clone(), SyncReason::Immutable(part)))
    }

    /// What Git declares comes back beside another of its kind that stays.
    fn exclusive(&self, change: &Change) -> Option<(FieldPath, SyncReason)> {
        let path = &change.difference.path;
        let (parent, member) = split(path)?;
        let PathElement::Field(member) = member else { return None };
        let name = self.root.descend(parent.elements()).built_in_name()?;
        if name == "apps.v1.DeploymentStrategy" {
            return self.rolling_under_recreate(path, &parent);
        }
        let (_, members) = ONE_OF.iter().find(|(of, _)| *of == name)?;
        let is_member =
            |other: &str| if members.is_empty() { other != "name" } else { members.contains(&other) };
        if change.difference.kind != ChangeKind::Removed || !is_member(&member) {
            return None;
        }
        let stays = self.changes.iter().filter(|(_, forecast)| forecast.outcome == SyncOutcome::Kept);
        let other = stays.map(|(other, _)| &other.difference.path).find(|other| {
            let of_parent = split(other).is_some_and(|(its_parent, _)| its_parent == parent);
            of_parent && other.last_field().is_some_and(is_member)
        })?;
        Some((path.clone(), SyncReason::Exclusive(path.clone(), other.clone())))
    }

    /// `rollingUpdate` may not stand beside `type: Recreate` (`ValidateDeploymentStrategy`).
    fn rolling_under_recreate(
        &self,
        path: &FieldPath,
        parent: &FieldPath,
    ) -> Option<(FieldPath, SyncReason)> {
        let git = path.find(&self.desired.value)?;
        let rolling = parent.join(PathElement::field("rollingUpdate"));
        let is_recreate = path.last_field() == Some("type") && git == "Recreate";
        let stays = rolling.find(self.live).is_some() && !(self.takes_away)(&rolling);
        (is_recreate && stays).then(|| (path.clone(), SyncReason::Exclusive(path.clone(), rolling)))
    }

    /// A port comes back beside one of another number that stays and has its name.
    fn twice(&self, change: &Change) -> Option<(FieldPath, SyncReason)> {
        let path = &change.difference.path;
        let (list, PathElement::Key(_)) = split(path)? else { return None };
        let needs_names = match self.root.descend(path.elements()).built_in_name()? {
            "core.v1.ServicePort" => true,
            "core.v1.ContainerPort" => false,
            _ => return None,
        };
        let git = path.find(&self.desired.value)?;
        let stays = self.changes.iter().filter(|(other, forecast)| {
            other.difference.kind == ChangeKind::Added && forecast.outcome == SyncOutcome::Kept
        });
        let other = stays.map(|(other, _)| &other.difference.path).find(|other| {
            let of_list = split(other).is_some_and(|(its_list, _)| its_list == list);
            let name = other.find(self.live).and_then(|item| item.get("name"));
            of_list && name == git.get("name") && (needs_names || name.is_some())
        })?;
        Some((path.clone(), SyncReason::Twice(path.clone(), other.clone())))
    }
}

/// Whether the apply writes the field.
pub(super) fn is_written(forecast: &Forecast) -> bool {
    matches!(forecast.outcome, SyncOutcome::Overwritten | SyncOutcome::Partly)
}

fn split(path: &FieldPath) -> Option<(FieldPath, PathElement)> {
    let mut parent = path.clone();
    let last = parent.pop()?;
    Some((parent, last))
}
