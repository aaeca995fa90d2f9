//! Who else may set the replicas of a workload: HorizontalPodAutoscalers, and the ScaledObjects of KEDA.

use serde_json::Value;

use crate::model::{Cause, Difference, ResourceId, Rule, Verdict};

/// The reach of a HorizontalPodAutoscaler or a ScaledObject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Autoscaler {
    /// `HorizontalPodAutoscaler` or `ScaledObject`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Kind and name of what it scales.
    pub target: (String, String),
    /// Fewest replicas.
    pub min: i64,
    /// Most replicas.
    pub max: i64,
}

/// The kinds that scale, by group and kind.
pub const AUTOSCALER_KINDS: &[(&str, &str)] =
    &[("autoscaling", "HorizontalPodAutoscaler"), ("keda.sh", "ScaledObject")];

impl Autoscaler {
    /// Reads a live HorizontalPodAutoscaler (v1 or v2; `autoscaling/v2` defaults.go: at least 1) or a ScaledObject
    /// (`keda.sh/v1alpha1`: from 0, or from where it idles, to 100; a pause holds the replicas that it names). `None`
    /// where it names no target.
    #[must_use]
    pub fn from_object(live: &Value) -> Option<Self> {
        let text = |pointer: &str| live.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let number = |pointer: &str| live.pointer(pointer).and_then(Value::as_i64);
        let name = text("/metadata/name")?;
        let (kind, target) = (text("/spec/scaleTargetRef/kind"), text("/spec/scaleTargetRef/name")?);
        if live.get("kind").and_then(Value::as_str) != Some("ScaledObject") {
            return Some(Self {
                kind: "HorizontalPodAutoscaler",
                name,
                target: (kind?, target),
                min: number("/spec/minReplicas").unwrap_or(1),
                max: number("/spec/maxReplicas")?,
            });
        }
        let paused = text("/metadata/annotations/autoscaling.keda.sh~1paused-replicas");
        let paused = paused.and_then(|text| text.parse::<i64>().ok());
        let min = number("/spec/minReplicaCount").unwrap_or(0);
        let idle = number("/spec/idleReplicaCount").unwrap_or(min);
        let max = number("/spec/maxReplicaCount").unwrap_or(100);
        Some(Self {
            kind: "ScaledObject",
            name,
            target: (kind.unwrap_or_else(|| "Deployment".to_owned()), target),
            min: min.min(idle).min(paused.unwrap_or(min)),
            max: max.max(paused.unwrap_or(max)),
        })
    }

    fn contains(&self, replicas: i64) -> bool {
        (self.min..=self.max).contains(&replicas)
    }
}

/// The verdict on a difference of replicas where autoscalers may set them: within the reach of one they are the
/// controller's (Fleet's range rule), outside a note says so. Any other difference keeps its verdict.
pub(super) fn apply_autoscaler(
    id: &ResourceId,
    difference: &mut Difference,
    autoscalers: &[Autoscaler],
    verdict: Verdict,
) -> Verdict {
    if !difference.path.fields().eq(["spec", "replicas"]) || difference.path.elements().len() != 2 {
        return verdict;
    }
    let of_this = |scaler: &&Autoscaler| scaler.target.0 == id.kind && scaler.target.1 == id.name;
    let scalers: Vec<&Autoscaler> = autoscalers.iter().filter(of_this).collect();
    let replicas = difference.live.as_ref().and_then(Value::as_i64);
    let reaching = replicas.and_then(|replicas| scalers.iter().find(|scaler| scaler.contains(replicas)));
    match (reaching, scalers.first()) {
        (Some(scaler), _) => {
            if difference.desired.is_some() {
                difference.note =
                    Some(format!("{} {} scales it: remove replicas from Git", scaler.kind, scaler.name));
            }
            Verdict {
                rule: Rule::Autoscaler,
                claimed: None,
                overdue: false,
                unsynced_since: None,
                cause: Cause::Controller,
                ..verdict
            }
        }
        (None, Some(scaler)) => {
            difference.note = Some(format!(
                "outside the range of {} {} ({} to {})",
                scaler.kind, scaler.name, scaler.min, scaler.max
            ));
            verdict
        }
        (None, None) => verdict,
    }
}
