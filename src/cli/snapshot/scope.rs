//! `drift snapshot`: live objects to a file, secret values left out.

use std::collections::BTreeSet;
use std::io::Write;

use super::super::error::CommandError;
use crate::check::CheckSettings;
use crate::checkout::Checkout;
use crate::cluster::{Cluster, Scope, Summary, Unread, UnreadKind, write_snapshot};
use crate::model::{Desired, Incomplete, Served, ServedKind};
use crate::source::render;

/// What a snapshot takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// What a check of the sources reads.
    Declared,
    /// Everything that can be listed.
    Everything,
}

/// Kinds that say nothing about what somebody declared, and are many.
const NOISE: &[&str] =
    &["Event", "EndpointSlice", "Endpoints", "Lease", "PodMetrics", "NodeMetrics", "ControllerRevision"];
/// Kinds that a check looks at beside those that Git declares.
const BESIDE: &[(&str, &str)] =
    &[("autoscaling", "HorizontalPodAutoscaler"), ("apiextensions.k8s.io", "CustomResourceDefinition")];

/// Writes a snapshot of the cluster; what could not be read is in the summary, and in the file.
///
/// # Errors
/// What keeps it from being begun or written.
pub(super) async fn snapshot(
    settings: &CheckSettings,
    extent: Extent,
    into: &mut (dyn Write + Send),
) -> Result<Summary, CommandError> {
    let cluster = settings.connect().await?;
    let mut incomplete = Vec::new();
    let scopes = match extent {
        Extent::Everything => everything(cluster.served()),
        Extent::Declared => {
            let (scopes, unrendered) = declared(settings, &cluster)?;
            incomplete = unrendered;
            scopes
        }
    };
    let scopes: Vec<Scope> =
        scopes.into_iter().filter(|scope| !settings.skip_secrets || !is_secret(&scope.kind)).collect();
    let failed = |source| CommandError::Io { what: "writing the snapshot".to_owned(), source };
    let mut summary = write_snapshot(&cluster, &scopes, into).await.map_err(failed)?;
    // What could not be rendered may be of kinds that the snapshot now lacks.
    let unread = |Incomplete { what, why }| Unread { what, why, kind: UnreadKind::Other };
    summary.unread.extend(incomplete.into_iter().map(unread));
    Ok(summary)
}

fn is_secret(kind: &ServedKind) -> bool {
    kind.group.is_empty() && kind.kind == "Secret"
}

fn everything(served: &Served) -> Vec<Scope> {
    let mut seen = BTreeSet::new();
    let first = |kind: &&ServedKind| seen.insert((kind.group.clone(), kind.kind.clone()));
    let listable = served.kinds.iter().filter(|kind| kind.listable && !NOISE.contains(&kind.kind.as_str()));
    listable.filter(first).map(|kind| Scope { kind: kind.clone(), namespace: None }).collect()
}

/// The kinds that the sources declare, at their versions, wherever they are; and what a check looks at beside them.
fn declared(
    settings: &CheckSettings,
    cluster: &Cluster,
) -> Result<(Vec<Scope>, Vec<Incomplete>), CommandError> {
    let opened = Checkout::open(&settings.checkout)?;
    let rendered = render(&opened.request(&settings.checkout.tools, cluster.served()));
    let objects = rendered.objects;
    let kind_of = |object: &Desired| {
        cluster.served().kind(&object.id.group, &object.id.version, &object.id.kind).cloned()
    };
    let mut scopes: BTreeSet<(ServedKind, Option<String>)> =
        objects.iter().filter_map(|object| Some((kind_of(object)?, object.id.namespace.clone()))).collect();
    let namespaces: BTreeSet<&String> =
        objects.iter().filter_map(|object| object.id.namespace.as_ref()).collect();
    for (group, kind) in BESIDE {
        let Some(kind) = cluster.served().any_version(group, kind) else { continue };
        if kind.namespaced {
            scopes.extend(namespaces.iter().map(|namespace| (kind.clone(), Some((*namespace).clone()))));
        } else if objects.iter().any(|object| !object.id.is_built_in()) {
            scopes.insert((kind.clone(), None));
        }
    }
    let scopes = scopes.into_iter().map(|(kind, namespace)| Scope { kind, namespace }).collect();
    Ok((scopes, rendered.incomplete))
}
