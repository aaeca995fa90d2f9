//! Looks up claimed owners: objects, Helm releases, GitOps applications. Each list is read once,
//! however many objects ask.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::StreamExt;
use serde_json::Value;

use super::helm_release::HelmReleases;
use crate::attribution::OwnerClaim;
use crate::cluster::{Cluster, ReadError};
use crate::model::{ApiResource, Incomplete, split_api_version};
use crate::yaml;

/// The result of looking up a claim.
pub(super) enum Lookup {
    /// The owner exists and has these objects; `None`: any object that claims it.
    Found(Option<BTreeSet<ObjectName>>),
    /// The owner does not exist, or does not list its objects.
    NotFound,
    /// It could not be read.
    Unread(Incomplete),
}

/// Group, kind, namespace, name.
pub(super) type ObjectName = (String, String, String, String);

/// The objects of each Argo CD Application by its name, all that are read together.
type Applications = BTreeMap<String, BTreeSet<ObjectName>>;

/// Reads the records.
pub(super) struct OwnerRecords<'a> {
    cluster: &'a Cluster,
    skip_secrets: bool,
    /// By the namespace that is listed; `None`: all of them.
    applications: BTreeMap<Option<String>, Result<Applications, ReadError>>,
    /// Labels of kapp's applications by namespace.
    kapp_apps: BTreeMap<String, Result<BTreeSet<String>, ReadError>>,
    releases: HelmReleases<'a>,
}

impl<'a> OwnerRecords<'a> {
    pub(super) fn new(cluster: &'a Cluster, skip_secrets: bool) -> Self {
        let (applications, kapp_apps) = (BTreeMap::new(), BTreeMap::new());
        let releases = HelmReleases::new(cluster);
        Self { cluster, skip_secrets, applications, kapp_apps, releases }
    }

    /// What there is of a claim of an object in `namespace`.
    pub(super) async fn look_up(&mut self, namespace: &str, claim: &OwnerClaim) -> Lookup {
        let found = match claim {
            OwnerClaim::Owner { group, version, kind, name, uid } => {
                let served = self.cluster.api_resources();
                let Some(kind) =
                    served.kind(group, version, kind).or_else(|| served.preferred_version(group, kind))
                else {
                    return Lookup::NotFound;
                };
                let owner = self.get(kind, namespace, name).await;
                let same = |live: &Value| {
                    uid.is_empty() || live.pointer("/metadata/uid").and_then(Value::as_str) == Some(uid)
                };
                owner.map(|owner| {
                    if owner.as_ref().is_some_and(same) { Lookup::Found(None) } else { Lookup::NotFound }
                })
            }
            OwnerClaim::HelmRelease { namespace, name } => self.release(namespace, name).await,
            OwnerClaim::Application { namespace, name } => self.application(namespace.as_deref(), name).await,
            OwnerClaim::FluxObject { kind, namespace, name } => self.flux_object(kind, namespace, name).await,
            OwnerClaim::KappApp { label } => self.kapp_app(namespace, label).await,
        };
        found.unwrap_or_else(|unread| {
            let why = format!("{}: marks of its objects were believed", unread.why);
            Lookup::Unread(Incomplete { what: unread.what, why })
        })
    }

    async fn get(&self, kind: &ApiResource, namespace: &str, name: &str) -> Result<Option<Value>, ReadError> {
        self.cluster.get(kind, kind.namespaced.then_some(namespace), name).await
    }

    /// What the newest revision of a release holds.
    async fn release(&mut self, namespace: &str, name: &str) -> Result<Lookup, ReadError> {
        if self.skip_secrets {
            let what = format!("release {name} in {namespace}");
            let why = "Secrets are left out: the labels of its objects were trusted".to_owned();
            return Ok(Lookup::Unread(Incomplete { what, why }));
        }
        let release = self.releases.read_newest(namespace, name).await?;
        Ok(release.map_or(Lookup::NotFound, |release| Lookup::Found(Some(objects_of(&release, namespace)))))
    }

    async fn application(&mut self, namespace: Option<&str>, name: &str) -> Result<Lookup, ReadError> {
        let key = namespace.map(str::to_owned);
        if !self.applications.contains_key(&key) {
            let read = self.read_applications(namespace).await;
            self.applications.insert(key.clone(), read);
        }
        let applications = self.applications[&key].as_ref().map_err(Clone::clone)?;
        Ok(applications.get(name).map_or(Lookup::NotFound, |objects| Lookup::Found(Some(objects.clone()))))
    }

    async fn read_applications(&self, namespace: Option<&str>) -> Result<Applications, ReadError> {
        let mut applications = Applications::new();
        let Some(kind) = self.cluster.api_resources().preferred_version("argoproj.io", "Application") else {
            return Ok(applications);
        };
        let mut pages = self.cluster.objects(kind, namespace);
        while let Some(page) = pages.next().await {
            for app in &page? {
                let Some(name) = app.pointer("/metadata/name").and_then(Value::as_str) else { continue };
                let objects = applications.entry(name.to_owned()).or_default();
                let resources = app.pointer("/status/resources").and_then(Value::as_array);
                objects.extend(resources.into_iter().flatten().map(|resource| {
                    let text =
                        |key: &str| resource.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                    (text("group"), text("kind"), text("namespace"), text("name"))
                }));
            }
        }
        Ok(applications)
    }

    async fn flux_object(&mut self, kind: &str, namespace: &str, name: &str) -> Result<Lookup, ReadError> {
        let group =
            if kind == "HelmRelease" { "helm.toolkit.fluxcd.io" } else { "kustomize.toolkit.fluxcd.io" };
        let Some(served) = self.cluster.api_resources().preferred_version(group, kind) else {
            return Ok(Lookup::NotFound);
        };
        let Some(root) = self.cluster.get(served, Some(namespace), name).await? else {
            return Ok(Lookup::NotFound);
        };
        let entries = root.pointer("/status/inventory/entries").and_then(Value::as_array);
        if let Some(entries) = entries {
            let ids = entries.iter().filter_map(|entry| entry.get("id")?.as_str());
            return Ok(Lookup::Found(Some(ids.filter_map(inventory_name).collect())));
        }
        let text = |pointer: &str| root.pointer(pointer).and_then(Value::as_str);
        match (kind, text("/status/history/0/name"), text("/status/history/0/namespace")) {
            ("HelmRelease", Some(name), Some(namespace)) => self.release(namespace, name).await,
            _ => Ok(Lookup::NotFound),
        }
    }

    async fn kapp_app(&mut self, namespace: &str, label: &str) -> Result<Lookup, ReadError> {
        if !self.kapp_apps.contains_key(namespace) {
            let read = self.read_kapp_apps(namespace).await;
            self.kapp_apps.insert(namespace.to_owned(), read);
        }
        let apps = self.kapp_apps[namespace].as_ref().map_err(Clone::clone)?;
        Ok(if apps.contains(label) { Lookup::Found(None) } else { Lookup::NotFound })
    }

    /// kapp keeps an application in a ConfigMap that names the kinds it has, not the objects.
    async fn read_kapp_apps(&self, namespace: &str) -> Result<BTreeSet<String>, ReadError> {
        let mut apps = BTreeSet::new();
        let Some(kind) = self.cluster.api_resources().kind("", "v1", "ConfigMap") else { return Ok(apps) };
        let mut pages = self.cluster.objects(kind, Some(namespace));
        while let Some(page) = pages.next().await {
            apps.extend(page?.iter().filter_map(kapp_label));
        }
        Ok(apps)
    }
}

/// The label of the application that a ConfigMap keeps.
fn kapp_label(config_map: &Value) -> Option<String> {
    config_map.pointer("/metadata/labels/kapp.k14s.io~1is-app")?;
    let spec = config_map.pointer("/data/spec")?.as_str()?;
    let spec: Value = serde_json::from_str(spec).ok()?;
    spec.get("labelValue")?.as_str().map(str::to_owned)
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
