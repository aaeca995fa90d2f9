//! The schemas that a check compares by: the cluster's own, else CRDs, else the built-in copy.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt};
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::cluster::Cluster;
use crate::model::{Desired, join_api_version};
use crate::schema::Schema;

/// The schemas of a check, by group and version.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    by_version: BTreeMap<(String, String), Schema>,
}

/// The schemas of a check, read while the first objects are listed.
pub(super) struct LazySchemas<'a> {
    cluster: &'a Cluster,
    desired: &'a [Desired],
    read: OnceCell<(Schemas, Vec<String>)>,
}

impl<'a> LazySchemas<'a> {
    /// None is read yet.
    pub(super) fn new(cluster: &'a Cluster, desired: &'a [Desired]) -> Self {
        Self { cluster, desired, read: OnceCell::new() }
    }

    /// Reads them once; concurrent callers wait.
    pub(super) async fn load(&self) -> &Schemas {
        &self.read.get_or_init(|| Schemas::read(self.cluster, self.desired)).await.0
    }

    /// The schemas; panics unless they are loaded.
    pub(super) fn get(&self) -> &Schemas {
        &self.read.get().expect("whoever compares waits until they are ready").0
    }

    /// The schemas and warnings.
    pub(super) async fn into_schemas(self) -> (Schemas, Vec<String>) {
        self.load().await;
        self.read.into_inner().unwrap_or_default()
    }
}

/// Documents fetched at the same time.
const PARALLEL: usize = 6;

impl Schemas {
    /// Reads the schemas of every group and version that Git declares; warnings name those that are not available.
    pub(crate) async fn read(cluster: &Cluster, desired: &[Desired]) -> (Self, Vec<String>) {
        let ids = desired.iter().map(|object| &object.id);
        let versions: BTreeSet<(&str, &str)> =
            ids.map(|id| (id.group.as_str(), id.version.as_str())).collect();
        let owned = |(group, version): (&str, &str)| (group.to_owned(), version.to_owned());
        let versions: Vec<(String, String)> = versions.into_iter().map(owned).collect();
        let fetched = stream::iter(versions).map(|(group, version)| async move {
            let schema = cluster.schema(&group, &version).await;
            ((group, version), schema)
        });
        let mut fetched: Vec<_> = fetched.buffer_unordered(PARALLEL).collect().await;
        fetched.sort_by(|left, right| left.0.cmp(&right.0));
        let (mut schemas, mut warnings) = (Self::default(), Vec::new());
        let mut unknown = Vec::new();
        for ((group, version), schema) in fetched {
            match schema {
                Ok(Some(schema)) => {
                    schemas.by_version.insert((group, version), schema);
                    continue;
                }
                Ok(None) => {}
                Err(unread) => warnings.push(format!(
                    "the schema of {} could not be read ({}): the built-in copy is used",
                    join_api_version(&group, &version),
                    unread.why
                )),
            }
            unknown.push((group, version));
        }
        schemas.add_crds(cluster, desired, &unknown, &mut warnings).await;
        schemas.add_other_versions(cluster, desired).await;
        (schemas, warnings)
    }

    /// For custom resources: the other versions of the kind, one of which the server stores. One that cannot be read is
    /// left out: at worst its default is reported.
    async fn add_other_versions(&mut self, cluster: &Cluster, desired: &[Desired]) {
        let custom = desired.iter().map(|object| &object.id).filter(|id| !id.is_built_in());
        let custom: BTreeSet<(&str, &str)> = custom.map(|id| (id.group.as_str(), id.kind.as_str())).collect();
        let served = cluster.api_resources().kinds.iter();
        let versions: BTreeSet<(String, String)> = served
            .filter(|served| custom.contains(&(served.group.as_str(), served.kind.as_str())))
            .map(|served| (served.group.clone(), served.version.clone()))
            .filter(|version| !self.by_version.contains_key(version))
            .collect();
        let fetched = stream::iter(versions).map(|(group, version)| async move {
            let schema = cluster.schema(&group, &version).await;
            ((group, version), schema.ok().flatten())
        });
        let fetched: BTreeMap<_, _> = fetched.buffer_unordered(PARALLEL).collect().await;
        let others = fetched.into_iter().filter_map(|(version, schema)| Some((version, schema?)));
        let groups: BTreeSet<&str> = custom.iter().map(|(group, _)| *group).collect();
        let declared = self.by_version.iter().filter(|((group, _), _)| groups.contains(group.as_str()));
        let declared: Vec<_> = declared.map(|(version, schema)| (version.clone(), schema.clone())).collect();
        for ((group, version), schema) in declared.into_iter().chain(others) {
            for ((of, at), known) in &mut self.by_version {
                if *of == group && *at != version {
                    known.extend(schema.clone());
                }
            }
        }
    }

    /// For custom resources whose schema the server did not give: the CRDs, as the cluster has them, else as Git does.
    async fn add_crds(
        &mut self,
        cluster: &Cluster,
        desired: &[Desired],
        unknown: &[(String, String)],
        warnings: &mut Vec<String>,
    ) {
        let unknown = unknown.iter().filter(|(group, version)| !is_built_in(group, version));
        let groups: BTreeSet<&str> = unknown.map(|(group, _)| group.as_str()).collect();
        if groups.is_empty() {
            return;
        }
        let declared = desired.iter().filter(|object| object.id.kind == "CustomResourceDefinition");
        let mut crds: Vec<Value> = declared.map(|object| object.value.compute()).collect();
        if let Some(kind) =
            cluster.api_resources().preferred_version("apiextensions.k8s.io", "CustomResourceDefinition")
        {
            let mut pages = cluster.objects(kind, None);
            while let Some(page) = pages.next().await {
                match page {
                    Ok(page) => crds.extend(page),
                    Err(unread) => {
                        warnings.push(format!("{unread}: custom resources are compared without a schema"));
                    }
                }
            }
        }
        for crd in crds {
            let group = crd.pointer("/spec/group").and_then(Value::as_str).unwrap_or_default();
            if groups.contains(group) {
                let schema = Schema::from_crd(&crd);
                for version in crd.pointer("/spec/versions").and_then(Value::as_array).into_iter().flatten() {
                    if let Some(version) = version.get("name").and_then(Value::as_str) {
                        let key = (group.to_owned(), version.to_owned());
                        self.by_version.entry(key).or_default().extend(schema.clone());
                    }
                }
            }
        }
    }

    /// The schema of a group and version.
    pub(crate) fn for_version(&self, group: &str, version: &str) -> &Schema {
        let found = self.by_version.get(&(group.to_owned(), version.to_owned()));
        found.unwrap_or_else(|| Schema::built_in())
    }
}

fn is_built_in(group: &str, version: &str) -> bool {
    Schema::built_in().has_version(group, version)
}
