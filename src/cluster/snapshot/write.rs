//! Writing a snapshot. Secret values never reach the file.

use std::io::{self, Write};

use futures::StreamExt;
use serde_json::Value;

use super::super::{Cluster, ReadError};
use super::fault::SCHEMA;
use super::{End, Header, ListedScope};
use crate::model::{ApiResource, ResourceId, is_secret};

/// One list that a snapshot takes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListScope {
    /// The kind, at the version it is taken at.
    pub kind: ApiResource,
    /// Its namespace; `None`: everywhere.
    pub namespace: Option<String>,
}

/// What a snapshot holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SnapshotSummary {
    /// Objects written.
    pub objects: u64,
    /// What was not read; the snapshot says so too.
    pub unread: Vec<ReadError>,
}

/// Writes what the cluster serves and the objects of the scopes, as JSON lines, sorted by kind and namespace, in the
/// server's order within. What cannot be read is noted in the file and returned; an error is one of writing.
pub async fn write_snapshot(
    cluster: &Cluster,
    scopes: &[ListScope],
    into: &mut (dyn Write + Send),
) -> io::Result<SnapshotSummary> {
    let mut summary = SnapshotSummary::default();
    let identity = cluster.identity().await.unwrap_or_else(|unread| {
        summary.unread.push(unread);
        None
    });
    write_line(
        into,
        &Header {
            schema: SCHEMA.to_owned(),
            cluster: identity,
            server: cluster.server().map(str::to_owned),
            served: cluster.api_resources().clone(),
            undiscovered: cluster.failed_discoveries().to_vec(),
        },
    )?;
    let mut listed = Vec::new();
    for scope in drop_covered(scopes) {
        listed.push(write_scope(cluster, scope, into, &mut summary).await?);
    }
    write_line(into, &End { end: SCHEMA.to_owned(), objects: summary.objects, scopes: listed })?;
    into.flush()?;
    Ok(summary)
}

/// The scopes, sorted, without those that another covers.
fn drop_covered(scopes: &[ListScope]) -> Vec<&ListScope> {
    let mut scopes: Vec<_> = scopes.iter().collect();
    scopes.sort();
    scopes.dedup();
    // `None` sorts first: everywhere covers what follows of the kind.
    scopes.dedup_by(|next, kept| kept.kind == next.kind && kept.namespace.is_none());
    scopes
}

async fn write_scope(
    cluster: &Cluster,
    scope: &ListScope,
    into: &mut (dyn Write + Send),
    summary: &mut SnapshotSummary,
) -> io::Result<ListedScope> {
    let mut unread = None;
    let mut pages = cluster.objects(&scope.kind, scope.namespace.as_deref());
    while let Some(page) = pages.next().await {
        match page {
            Ok(objects) => {
                for mut object in objects {
                    mask(&mut object);
                    write_line(into, &object)?;
                    summary.objects += 1;
                }
            }
            Err(cause) => {
                unread = Some(cause.why.clone());
                summary.unread.push(cause);
            }
        }
    }
    Ok(ListedScope {
        group: scope.kind.group.clone(),
        version: scope.kind.version.clone(),
        kind: scope.kind.kind.clone(),
        namespace: scope.namespace.clone(),
        unread,
    })
}

/// Takes the values out of a Secret: of `data`, `stringData` and every annotation (a tool's copy of the whole object
/// may be in any). The names of the keys stay, with `null`.
fn mask(object: &mut Value) {
    // What has no name cannot be told from a Secret by its id: then its kind decides.
    let secret = match ResourceId::from_object(object) {
        Ok(id) => is_secret(&id),
        Err(_) => object["kind"] == "Secret",
    };
    if !secret {
        return;
    }
    for pointer in ["/data", "/stringData", "/metadata/annotations"] {
        match object.pointer_mut(pointer) {
            Some(Value::Object(values)) => values.values_mut().for_each(|value| *value = Value::Null),
            Some(other) => *other = Value::Null,
            None => {}
        }
    }
}

fn write_line(into: &mut (dyn Write + Send), value: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *into, value)?;
    into.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::mask;

    fn secret(keys: &[String], value: &Value) -> Value {
        let data: Map<String, Value> = keys.iter().map(|key| (key.clone(), value.clone())).collect();
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "annotations": {"copy": value}},
            "data": data, "stringData": data, "type": "Opaque"})
    }

    proptest! {
        /// Two Secrets that differ in their values alone are one line.
        #[test]
        fn secret_values_do_not_affect_snapshot(
            keys in prop::collection::vec("[a-z]{1,5}", 0..4),
            one in "Q[A-Za-z0-9=]{9,40}",
            other in any::<String>(),
        ) {
            let (mut left, mut right) = (secret(&keys, &json!(one)), secret(&keys, &json!({"nested": [other]})));
            mask(&mut left);
            mask(&mut right);
            prop_assert!(!left.to_string().contains(&one));
            prop_assert_eq!(left.to_string(), right.to_string());
        }
    }
}
