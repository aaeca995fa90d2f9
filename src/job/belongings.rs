//! Whether what nothing in Git declares belongs to what it says: to a live owner, a release, an application that has it.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::StreamExt;
use serde_json::Value;

use super::helm_release::newest_release;
use super::live::Compared;
use super::present::Present;
use crate::attribution::{Claim, UnmanagedCandidate};
use crate::cluster::{Cluster, Unread};
use crate::model::{Incomplete, ResourceId, ServedKind, split_api_version};
use crate::yaml;

/// What came of a claim.
enum Lookup {
    /// What is claimed exists and has these objects; `None`: whatever claims it.
    Has(Option<BTreeSet<ObjectName>>),
    /// It does not exist, or says nothing of what it has.
    HasNot,
    /// It could not be read.
    Unread(Incomplete),
}

/// Group, kind, namespace, name.
type ObjectName = (String, String, String, String);

/// Looks claims up, each once.
pub(super) struct Belongings<'a> {
    cluster: &'a Cluster,
    skip_secrets: bool,
    lookups: BTreeMap<(String, Claim), Lookup>,
}

impl<'a> Belongings<'a> {
    pub(super) fn new(cluster: &'a Cluster, skip_secrets: bool) -> Self {
        Self { cluster, skip_secrets, lookups: BTreeMap::new() }
    }

    /// The objects that belong to nothing. What could not be looked up is believed of a deployer's own objects, and said.
    pub(super) async fn unmanaged(
        &mut self,
        compared: &mut Compared,
        present: &Present,
    ) -> Vec<UnmanagedCandidate> {
        let mut candidates = std::mem::take(&mut compared.unmanaged);
        // Each look-up would be a request.
        candidates.retain(|candidate| !present.has_owner(candidate));
        candidates.sort_by(|left, right| left.resource.cmp(&right.resource));
        candidates.dedup_by(|left, right| left.resource.key() == right.resource.key());
        let mut unmanaged = Vec::new();
        let mut unread = BTreeSet::new();
        for candidate in candidates {
            match self.belongs(&candidate).await {
                Some(None) => {}
                Some(Some(incomplete)) if candidate.by_deployer => drop(unread.insert(incomplete)),
                _ => unmanaged.push(candidate),
            }
        }
        compared.not_examined.extend(unread);
        unmanaged
    }

    /// `Some(None)`: it belongs to something; `Some(Some(..))`: what it claims could not be read.
    async fn belongs(&mut self, candidate: &UnmanagedCandidate) -> Option<Option<Incomplete>> {
        let id = &candidate.resource;
        let namespace = id.namespace.clone().unwrap_or_default();
        let mut unread = None;
        for claim in &candidate.claims {
            let key = (namespace.clone(), claim.clone());
            if !self.lookups.contains_key(&key) {
                let found = self.look_up(&namespace, claim).await;
                self.lookups.insert(key.clone(), found);
            }
            match self.lookups.get(&key) {
                Some(Lookup::Has(None)) => return Some(None),
                Some(Lookup::Has(Some(objects))) if objects.contains(&name_of(id)) => return Some(None),
                Some(Lookup::Unread(incomplete)) => unread = Some(incomplete.clone()),
                _ => {}
            }
        }
        unread.map(Some)
    }

    async fn look_up(&self, namespace: &str, claim: &Claim) -> Lookup {
        let found = match claim {
            Claim::Owner { group, version, kind, name, uid } => {
                let served = self.cluster.served();
                let Some(kind) =
                    served.kind(group, version, kind).or_else(|| served.any_version(group, kind))
                else {
                    return Lookup::HasNot;
                };
                let owner = self.get(kind, namespace, name).await;
                let same = |live: &Value| {
                    uid.is_empty() || live.pointer("/metadata/uid").and_then(Value::as_str) == Some(uid)
                };
                owner.map(
                    |owner| if owner.as_ref().is_some_and(same) { Lookup::Has(None) } else { Lookup::HasNot },
                )
            }
            Claim::HelmRelease { namespace, name } => self.release(namespace, name).await,
            Claim::Application { namespace, name } => self.application(namespace.as_deref(), name).await,
            Claim::FluxObject { kind, namespace, name } => self.flux_object(kind, namespace, name).await,
            Claim::KappApp { label } => self.kapp_app(namespace, label).await,
        };
        found.unwrap_or_else(|unread| {
            let why = format!("{}: marks of its objects were believed", unread.why);
            Lookup::Unread(Incomplete { what: unread.what, why })
        })
    }

    async fn get(&self, kind: &ServedKind, namespace: &str, name: &str) -> Result<Option<Value>, Unread> {
        self.cluster.get(kind, kind.namespaced.then_some(namespace), name).await
    }

    /// What the newest revision of a release holds.
    async fn release(&self, namespace: &str, name: &str) -> Result<Lookup, Unread> {
        if self.skip_secrets {
            let what = format!("release {name} in {namespace}");
            let why = "Secrets are left out: marks of its objects were believed".to_owned();
            return Ok(Lookup::Unread(Incomplete { what, why }));
        }
        let release = newest_release(self.cluster, namespace, name).await?;
        Ok(release.map_or(Lookup::HasNot, |release| Lookup::Has(Some(objects_of(&release, namespace)))))
    }

    async fn application(&self, namespace: Option<&str>, name: &str) -> Result<Lookup, Unread> {
        let Some(kind) = self.cluster.served().any_version("argoproj.io", "Application") else {
            return Ok(Lookup::HasNot);
        };
        let mut objects = BTreeSet::new();
        let mut exists = false;
        let mut pages = self.cluster.objects(kind, namespace);
        while let Some(page) = pages.next().await {
            let of_name = |app: &&Value| app.pointer("/metadata/name").and_then(Value::as_str) == Some(name);
            for app in page?.iter().filter(of_name) {
                exists = true;
                let resources = app.pointer("/status/resources").and_then(Value::as_array);
                objects.extend(resources.into_iter().flatten().map(|resource| {
                    let text =
                        |key: &str| resource.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                    (text("group"), text("kind"), text("namespace"), text("name"))
                }));
            }
        }
        Ok(if exists { Lookup::Has(Some(objects)) } else { Lookup::HasNot })
    }

    async fn flux_object(&self, kind: &str, namespace: &str, name: &str) -> Result<Lookup, Unread> {
        let group =
            if kind == "HelmRelease" { "helm.toolkit.fluxcd.io" } else { "kustomize.toolkit.fluxcd.io" };
        let Some(served) = self.cluster.served().any_version(group, kind) else { return Ok(Lookup::HasNot) };
        let Some(root) = self.cluster.get(served, Some(namespace), name).await? else {
            return Ok(Lookup::HasNot);
        };
        let entries = root.pointer("/status/inventory/entries").and_then(Value::as_array);
        if let Some(entries) = entries {
            let ids = entries.iter().filter_map(|entry| entry.get("id")?.as_str());
            return Ok(Lookup::Has(Some(ids.filter_map(inventory_name).collect())));
        }
        let text = |pointer: &str| root.pointer(pointer).and_then(Value::as_str);
        match (kind, text("/status/history/0/name"), text("/status/history/0/namespace")) {
            ("HelmRelease", Some(name), Some(namespace)) => self.release(namespace, name).await,
            _ => Ok(Lookup::HasNot),
        }
    }

    /// kapp keeps an application in a ConfigMap that names the kinds it has, not the objects.
    async fn kapp_app(&self, namespace: &str, label: &str) -> Result<Lookup, Unread> {
        let Some(kind) = self.cluster.served().kind("", "v1", "ConfigMap") else { return Ok(Lookup::HasNot) };
        let mut pages = self.cluster.objects(kind, Some(namespace));
        while let Some(page) = pages.next().await {
            let is_app = |app: &Value| {
                let spec = app.pointer("/data/spec").and_then(Value::as_str)?;
                let spec: Value = serde_json::from_str(spec).ok()?;
                (app.pointer("/metadata/labels/kapp.k14s.io~1is-app").is_some()
                    && spec.get("labelValue").and_then(Value::as_str) == Some(label))
                .then_some(())
            };
            if page?.iter().any(|app| is_app(app).is_some()) {
                return Ok(Lookup::Has(None));
            }
        }
        Ok(Lookup::HasNot)
    }
}

fn name_of(id: &ResourceId) -> ObjectName {
    (id.group.clone(), id.kind.clone(), id.namespace.clone().unwrap_or_default(), id.name.clone())
}

/// `NAMESPACE_NAME_GROUP_KIND`, as Flux's inventory writes an object; a `:` in a name is `__`.
fn inventory_name(id: &str) -> Option<ObjectName> {
    let (rest, kind) = id.rsplit_once('_')?;
    let (rest, group) = rest.rsplit_once('_')?;
    let (namespace, name) = rest.split_once('_')?;
    Some((group.to_owned(), kind.to_owned(), namespace.to_owned(), name.replace("__", ":")))
}

/// The objects of a release: of its manifest and its hooks. One that names no namespace is in the release's.
fn objects_of(release: &Value, namespace: &str) -> BTreeSet<ObjectName> {
    let hooks = release.get("hooks").and_then(Value::as_array).into_iter().flatten();
    let texts = std::iter::once(release).chain(hooks).filter_map(|part| part.get("manifest")?.as_str());
    let documents = texts.flat_map(|text| yaml::read(text.as_bytes())).filter_map(Result::ok);
    let name = |object: Value| {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        let (group, _) = split_api_version(text("/apiVersion")?);
        let namespace = text("/metadata/namespace").unwrap_or(namespace);
        let (kind, name) = (text("/kind")?, text("/metadata/name")?);
        Some((group.to_owned(), kind.to_owned(), namespace.to_owned(), name.to_owned()))
    };
    documents.filter_map(|document| name(document.to_json())).collect()
}
