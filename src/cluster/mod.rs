//! The live side: objects, discovery and OpenAPI, from an API server or from a snapshot file.
//!
//! Only `get` and `list`: drift never writes to a cluster. The one exception is [`Cluster::dry_run`], a patch that the
//! server plays through and does not keep, for `drift check --verify-with-server` alone. A named object that is not
//! found is a value; whatever else cannot be read is [`ReadError`], never an empty list. The only module that names `kube`.

mod api;
mod connection;
mod discovery;
mod dry_run;
mod error;
mod item;
mod list;
mod openapi;
mod page;
mod request;
mod schema_cache;
mod settings;
mod snapshot;
#[cfg(test)]
mod tests;
mod transport;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use futures::stream::{BoxStream, StreamExt};
use serde_json::Value;

use crate::model::{ApiResource, ApiResources};
use crate::schema::Schema;

pub use api::ApiServer;
pub use discovery::FailedDiscovery;
pub use dry_run::{DryRunOutcome, DryRunRejection};
pub use error::{ClusterError, ReadError, ReadErrorKind, resource_display_name};
pub use item::Projection;
pub use item::{Item, ManagersSeed};
#[cfg(fuzzing)]
pub use page::read_page_names;
pub use settings::{ClusterSettings, ServiceAccount};
pub use snapshot::{ListScope, Snapshot, SnapshotFault, SnapshotSummary, write_snapshot};

/// Where live objects come from.
pub enum Cluster {
    /// An API server.
    Api(Arc<ApiServer>),
    /// A snapshot of one.
    Snapshot(Box<Snapshot>),
}

impl Cluster {
    /// Connects to the API server that the settings name and asks what it serves.
    ///
    /// `exec` plug-ins of the kubeconfig run here, once for each part of kube's client.
    pub async fn connect(settings: &ClusterSettings) -> Result<Self, ClusterError> {
        ApiServer::connect(settings).await.map(|api| Self::Api(Arc::new(api)))
    }

    /// Opens a snapshot file, and reads it once to its end.
    pub fn open_snapshot(path: &Path) -> Result<Self, ClusterError> {
        Snapshot::open(path).map(|snapshot| Self::Snapshot(Box::new(snapshot)))
    }

    /// A snapshot in memory; `name` names it in errors.
    pub fn from_snapshot_bytes(name: &str, bytes: &'static [u8]) -> Result<Self, ClusterError> {
        Snapshot::from_bytes(name, bytes).map(|snapshot| Self::Snapshot(Box::new(snapshot)))
    }

    /// Every kind that is served, at every version.
    #[must_use]
    pub fn api_resources(&self) -> &ApiResources {
        match self {
            Self::Api(api) => api.api_resources(),
            Self::Snapshot(snapshot) => snapshot.api_resources(),
        }
    }

    /// Groups and versions whose discovery failed: their kinds are incomplete, not absent.
    #[must_use]
    pub fn failed_discoveries(&self) -> &[FailedDiscovery] {
        match self {
            Self::Api(api) => api.failed_discoveries(),
            Self::Snapshot(snapshot) => snapshot.failed_discoveries(),
        }
    }

    /// The server's URL, without credentials; a snapshot has the one it was taken from.
    #[must_use]
    pub fn server(&self) -> Option<&str> {
        match self {
            Self::Api(api) => Some(api.server()),
            Self::Snapshot(snapshot) => snapshot.server(),
        }
    }

    /// The kubeconfig's context; `None` in a Pod and for a snapshot.
    #[must_use]
    pub fn context(&self) -> Option<&str> {
        match self {
            Self::Api(api) => api.context(),
            Self::Snapshot(_) => None,
        }
    }

    /// The cluster's identity: the uid of namespace kube-system; `None` where there is no such namespace.
    pub async fn identity(&self) -> Result<Option<String>, ReadError> {
        match self {
            Self::Api(api) => api.identity().await,
            Self::Snapshot(snapshot) => Ok(snapshot.identity().map(str::to_owned)),
        }
    }

    /// The schema of a group and version, from the server's OpenAPI v3; `None` where it has none (a snapshot never has).
    pub async fn schema(&self, group: &str, version: &str) -> Result<Option<Schema>, ReadError> {
        match self {
            Self::Api(api) => api.documents.schema(&api.requests, group, version).await,
            Self::Snapshot(_) => Ok(None),
        }
    }

    /// The objects of a kind, in one namespace or everywhere, page by page, each object once. The stream ends after its
    /// first error. A page may be empty.
    pub fn list<'a>(
        &'a self,
        kind: &ApiResource,
        namespace: Option<&str>,
        what: Projection,
    ) -> BoxStream<'a, Result<Vec<Item>, ReadError>> {
        match self {
            Self::Api(api) => list::pages(api, kind, namespace, what).boxed(),
            Self::Snapshot(snapshot) => snapshot.pages(kind, namespace, what).boxed(),
        }
    }

    /// As [`Cluster::list`], every object whole.
    pub fn objects<'a>(
        &'a self,
        kind: &ApiResource,
        namespace: Option<&str>,
    ) -> BoxStream<'a, Result<Vec<Value>, ReadError>> {
        let pages = self.list(kind, namespace, Projection::Objects);
        pages.map(|page| page?.iter().map(Item::parse).collect()).boxed()
    }

    /// One object by its name; `None` where there is none.
    pub async fn get(
        &self,
        kind: &ApiResource,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<Value>, ReadError> {
        match self {
            Self::Api(api) => api.get(kind, namespace, name).await,
            Self::Snapshot(snapshot) => snapshot.get(kind, namespace, name),
        }
    }

    /// Of these kinds, those of which the server says that it can play a patch through; none of a snapshot.
    pub async fn supporting_dry_run<'k>(
        &self,
        kinds: &BTreeSet<&'k ApiResource>,
    ) -> BTreeSet<&'k ApiResource> {
        match self {
            Self::Api(api) => api.supporting_dry_run(kinds).await,
            Self::Snapshot(_) => BTreeSet::new(),
        }
    }

    /// Asks what an object would be after this JSON patch (RFC 6902), by a server-side dry-run: nothing is written. Needs
    /// the verb `patch`, and a kind that is [`Self::supporting_dry_run`].
    ///
    /// # Errors
    /// The caller may not patch, or there was no good answer. A snapshot has nobody to ask.
    pub async fn dry_run(
        &self,
        kind: &ApiResource,
        namespace: Option<&str>,
        name: &str,
        patch: &Value,
    ) -> Result<DryRunOutcome, ReadError> {
        match self {
            Self::Api(api) => api.dry_run(kind, namespace, name, patch).await,
            Self::Snapshot(_) => Err(ReadError {
                what: dry_run::dry_run_display_name(kind, namespace, name),
                why: "a snapshot has no server to ask".to_owned(),
                kind: ReadErrorKind::Other,
            }),
        }
    }

    /// Requests sent so far, retries among them.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        match self {
            Self::Api(api) => api.requests.sent(),
            Self::Snapshot(_) => 0,
        }
    }

    /// Bytes of answers so far, unpacked.
    #[must_use]
    pub fn byte_count(&self) -> u64 {
        match self {
            Self::Api(api) => api.requests.received(),
            Self::Snapshot(_) => 0,
        }
    }
}
