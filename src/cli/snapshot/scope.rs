//! `drift snapshot`: live objects to a file, secret values left out.

use std::collections::BTreeSet;
use std::io::Write;

use tracing::field::Empty;
use tracing::info_span;

use super::super::error::CommandError;
use crate::check::{CheckSettings, discover_sources};
use crate::checkout::Checkout;
use crate::cluster::{Cluster, ListScope, ReadError, ReadErrorKind, SnapshotSummary, write_snapshot};
use crate::model::{ApiResource, ApiResources, Desired, Incomplete};
use crate::source::{Prerendered, RootObject, render_rest};

/// What a snapshot takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SnapshotScope {
    /// What a check of the sources reads.
    Declared,
    /// Everything that can be listed.
    Everything,
}

/// Kinds that are frequent and never declared.
const EXCLUDED_KINDS: &[&str] =
    &["Event", "EndpointSlice", "Endpoints", "Lease", "PodMetrics", "NodeMetrics", "ControllerRevision"];
/// Kinds that a check reads in addition to the declared ones.
const AUXILIARY_KINDS: &[(&str, &str)] =
    &[("autoscaling", "HorizontalPodAutoscaler"), ("apiextensions.k8s.io", "CustomResourceDefinition")];

/// Writes a snapshot of the cluster; what could not be read is in the summary, and in the file.
///
/// # Errors
/// If it cannot be started or written.
pub(super) async fn snapshot(
    settings: &CheckSettings,
    extent: SnapshotScope,
    into: &mut (dyn Write + Send),
) -> Result<SnapshotSummary, CommandError> {
    let cluster = settings.connect().await?;
    let mut incomplete = Vec::new();
    let scopes = match extent {
        SnapshotScope::Everything => everything(cluster.api_resources()),
        SnapshotScope::Declared => {
            let (scopes, unrendered) = declared(settings, &cluster).await?;
            incomplete = unrendered;
            scopes
        }
    };
    let scopes: Vec<ListScope> =
        scopes.into_iter().filter(|scope| !settings.skip_secrets || !is_secret(&scope.kind)).collect();
    let failed = |source| CommandError::Io { what: "writing the snapshot".to_owned(), source };
    let stage = info_span!("snapshot", lists = scopes.len(), objects = Empty);
    let mut summary = write_snapshot(&cluster, &scopes, into).await.map_err(failed)?;
    stage.record("objects", summary.objects);
    // What could not be rendered may be of kinds that the snapshot now lacks.
    let unread = |Incomplete { what, why }| ReadError { what, why, kind: ReadErrorKind::Other };
    summary.unread.extend(incomplete.into_iter().map(unread));
    Ok(summary)
}

fn is_secret(kind: &ApiResource) -> bool {
    kind.group.is_empty() && kind.kind == "Secret"
}

fn everything(served: &ApiResources) -> Vec<ListScope> {
    let mut seen = BTreeSet::new();
    let first = |kind: &&ApiResource| seen.insert((kind.group.clone(), kind.kind.clone()));
    let listable = served
        .kinds
        .iter()
        .filter(|kind| kind.supports_list && !EXCLUDED_KINDS.contains(&kind.kind.as_str()));
    listable.filter(first).map(|kind| ListScope { kind: kind.clone(), namespace: None }).collect()
}

/// The kinds that the sources declare, at their versions, wherever they are; and what a check looks at beside them.
async fn declared(
    settings: &CheckSettings,
    cluster: &Cluster,
) -> Result<(Vec<ListScope>, Vec<Incomplete>), CommandError> {
    let mut opened = Checkout::open(&settings.checkout)?;
    let ahead = discover_sources(settings, &mut opened, cluster, Prerendered::default()).await?;
    let stage = info_span!("render", sources = opened.sources.len(), objects = Empty);
    let request = opened.render_request(&settings.checkout.tools, cluster.api_resources());
    let rendered = render_rest(&request, ahead);
    let objects = rendered.objects;
    stage.record("objects", objects.len());
    drop(stage);
    let kind_of = |object: &Desired| {
        cluster.api_resources().kind(&object.id.group, &object.id.version, &object.id.kind).cloned()
    };
    let mut scopes: BTreeSet<(ApiResource, Option<String>)> =
        objects.iter().filter_map(|object| Some((kind_of(object)?, object.id.namespace.clone()))).collect();
    let namespaces: BTreeSet<&String> =
        objects.iter().filter_map(|object| object.id.namespace.as_ref()).collect();
    for (group, kind) in AUXILIARY_KINDS {
        let Some(kind) = cluster.api_resources().preferred_version(group, kind) else { continue };
        if kind.namespaced {
            scopes.extend(namespaces.iter().map(|namespace| (kind.clone(), Some((*namespace).clone()))));
        } else if objects.iter().any(|object| !object.id.is_built_in()) {
            scopes.insert((kind.clone(), None));
        }
    }
    // From any namespace GitOps objects may apply something of the repository.
    for (group, kind) in opened.discover.iter().flat_map(RootObject::kinds) {
        let Some(kind) = cluster.api_resources().preferred_version(group, kind) else { continue };
        scopes.retain(|(other, _)| other != kind);
        scopes.insert((kind.clone(), None));
    }
    let scopes = scopes.into_iter().map(|(kind, namespace)| ListScope { kind, namespace }).collect();
    Ok((scopes, rendered.incomplete))
}
