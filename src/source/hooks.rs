//! Hooks: objects that a deployer makes at some moment of a deployment, and may delete afterwards.
//!
//! `helm.sh/hook` means something to Helm, and to Argo CD; `argocd.argoproj.io/hook` to Argo CD alone. For kubectl and
//! Flux either is an annotation like any other: they apply the object, and it stays.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::model::{ObjectKey, ResourceId};

const HELM: &str = "helm.sh/hook";
const ARGO_CD: &str = "argocd.argoproj.io/hook";

/// The moments that Helm knows. An object with any other is neither run nor applied by it (helm
/// `pkg/release/v1/util/manifest_sorter.go`), so it can only come from a chart's `crds/`, where nothing is a hook.
const EVENTS: [&str; 10] = [
    "pre-install",
    "post-install",
    "pre-delete",
    "post-delete",
    "pre-upgrade",
    "post-upgrade",
    "pre-rollback",
    "post-rollback",
    "test",
    "test-success",
];

/// For whom an object is a hook.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct HookOwners {
    pub(super) helm: bool,
    /// Or an object that Argo CD leaves out (`Skip`). It takes Helm's hooks for its own, but for `crd-install` (argo-cd
    /// `gitops-engine/pkg/sync/hook/helm/hook.go`), with which charts of Helm 2 marked what stays.
    pub(super) argo_cd: bool,
}

impl HookOwners {
    pub(super) fn from_object(object: &Value) -> Self {
        let annotation = |name| {
            let value = object.get("metadata")?.get("annotations")?.get(name)?;
            (!value.is_null()).then(|| value.as_str().unwrap_or_default())
        };
        let helm: Option<&str> = annotation(HELM);
        let is_event = |word: &str| EVENTS.contains(&word.trim().to_ascii_lowercase().as_str());
        Self {
            helm: helm.is_some_and(|events| events.split(',').all(is_event)),
            argo_cd: annotation(ARGO_CD).is_some() || helm.is_some_and(|events| events != "crd-install"),
        }
    }

    pub(super) fn is_hook(self) -> bool {
        self.helm || self.argo_cd
    }
}

/// Hooks that are declared and not compared.
#[derive(Debug, Clone, Default)]
pub struct Hooks {
    pub(super) named: BTreeSet<ObjectKey>,
    /// With the beginning of their names (`metadata.generateName`): each deployment makes another object.
    pub(super) generated: BTreeSet<ObjectKey>,
}

impl Hooks {
    /// How many they are, at least.
    #[must_use]
    pub fn count(&self) -> usize {
        self.named.len() + self.generated.len()
    }

    /// Whether a live object is one of them, or was made from one: whoever makes up the rest of a name, the API server
    /// or Argo CD, leaves its beginning in `generateName`; what a chart makes up is a hook by its annotation.
    #[must_use]
    pub fn matches_live(&self, id: &ResourceId, live: &Value) -> bool {
        if self.named.is_empty() && self.generated.is_empty() {
            return false;
        }
        let key = id.key();
        let beginning = live.pointer("/metadata/generateName").and_then(Value::as_str);
        let is_hook = HookOwners::from_object(live).is_hook();
        let is_made = |known: &ObjectKey| {
            let of_kind =
                (&known.group, &known.kind, &known.namespace) == (&key.group, &key.kind, &key.namespace);
            of_kind
                && (is_hook || beginning == Some(known.name.as_str()))
                && key.name.starts_with(generated_prefix(&known.name))
        };
        self.named.contains(&key) || self.generated.iter().any(is_made)
    }
}

/// As much of a `generateName` as a generated name surely begins with: the API server cuts what is longer than 58
/// characters (k8s.io/apiserver `pkg/storage/names/generate.go`).
fn generated_prefix(beginning: &str) -> &str {
    beginning.char_indices().nth(58).map_or(beginning, |(end, _)| &beginning[..end])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::{HookOwners, Hooks};
    use crate::model::ResourceId;

    #[test]
    fn hook_annotation_counts_per_deployer() {
        for (annotations, helm, argo_cd) in [
            (json!({}), false, false),
            (json!(null), false, false),
            (json!({"helm.sh/hook": "pre-install"}), true, true),
            (json!({"helm.sh/hook": "Pre-Install, post-upgrade"}), true, true),
            (json!({"helm.sh/hook": "crd-install"}), false, false),
            (json!({"helm.sh/hook": "crd-install,pre-install"}), false, true),
            (json!({"helm.sh/hook": "sometimes"}), false, true),
            (json!({"helm.sh/hook": null}), false, false),
            (json!({"argocd.argoproj.io/hook": "PreSync,Sync"}), false, true),
            (json!({"argocd.argoproj.io/hook": "Skip"}), false, true),
            (json!({"argocd.argoproj.io/hook": "PostSync", "helm.sh/hook": "test"}), true, true),
            (json!({"argocd.argoproj.io/hook-delete-policy": "HookSucceeded"}), false, false),
            (json!({"helm.sh/resource-policy": "keep"}), false, false),
        ] {
            let found = HookOwners::from_object(&json!({"metadata": {"annotations": annotations}}));
            assert_eq!((found.helm, found.argo_cd), (helm, argo_cd), "{annotations}");
        }
    }

    fn id(kind: &str, namespace: &str, name: &str) -> ResourceId {
        let object = json!({"apiVersion": "batch/v1", "kind": kind,
            "metadata": {"name": name, "namespace": namespace}});
        ResourceId::from_object(&object).expect("it has all that an id needs")
    }

    #[test]
    fn hook_object_matched_by_name_or_prefix() {
        let long = format!("{}-", "x".repeat(60));
        let hooks = Hooks {
            named: BTreeSet::from([id("Job", "shop", "migrate").key()]),
            generated: [id("Job", "shop", "seed-"), id("Job", "shop", &long)]
                .iter()
                .map(ResourceId::key)
                .collect(),
        };
        let generated = |beginning: &str| json!({"metadata": {"generateName": beginning}});
        let hook = json!({"metadata": {"annotations": {"helm.sh/hook": "test"}}});
        let cut = format!("{}bcdfg", "x".repeat(58));
        for (id, live, expected) in [
            (id("Job", "shop", "migrate"), json!({}), true),
            (id("Job", "shop", "migrate-2"), json!({}), false),
            (id("Job", "shop", "seed-x7k2p"), generated("seed-"), true),
            (id("Job", "shop", "seed-0badcaf-presync-1767225600"), generated("seed-"), true),
            (id("Job", "shop", &cut), generated(&long), true),
            (id("Job", "shop", "seed-7920-x"), hook.clone(), true),
            (id("Job", "shop", "other"), hook, false),
            (id("Job", "shop", "seed-by-hand"), json!({}), false),
            (id("Job", "shop", "other"), generated("seed-"), false),
            (id("Job", "other", "seed-x7k2p"), generated("seed-"), false),
            (id("CronJob", "shop", "seed-x7k2p"), generated("seed-"), false),
            (id("Job", "shop", "x"), Value::Null, false),
        ] {
            assert_eq!(hooks.matches_live(&id, &live), expected, "{id}");
        }
    }
}
