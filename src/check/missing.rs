//! Explains missing objects from their namespace and Events; only an audit log would record who deleted them.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::StreamExt;
use serde_json::Value;

use super::comparison::ComparisonOutcome;
use crate::cluster::Cluster;
use crate::model::Desired;

/// Most missing objects whose Events are read.
const MOST: usize = 50;

/// Describes since when an object is being deleted, and its finalizers.
pub(super) fn describe_deletion(live: &Value) -> String {
    let since = text(live, "/metadata/deletionTimestamp");
    let finalizers = live.pointer("/metadata/finalizers").and_then(Value::as_array);
    let held: Vec<&str> = finalizers.into_iter().flatten().filter_map(Value::as_str).collect();
    let held =
        if held.is_empty() { String::new() } else { format!(", blocked by finalizers {}", held.join(", ")) };
    format!("being deleted since {since}{held}")
}

/// Adds a note from its namespace and Events to each missing object. What cannot be read
/// is skipped.
pub(super) async fn explain_missing(
    cluster: &Cluster,
    desired: &[Desired],
    compared: &mut ComparisonOutcome,
) {
    let untold = compared.missing.iter_mut().filter(|(_, note)| note.is_none()).take(MOST);
    let mut by_namespace: BTreeMap<&str, Vec<(&Desired, &mut Option<String>)>> = BTreeMap::new();
    for (index, note) in untold {
        let object = &desired[*index];
        if let Some(namespace) = &object.id.namespace {
            by_namespace.entry(namespace).or_default().push((object, note));
        }
    }
    for (namespace, objects) in by_namespace {
        let of_namespace = namespace_note(cluster, namespace).await;
        let names =
            objects.iter().map(|(object, _)| (object.id.kind.as_str(), object.id.name.as_str())).collect();
        let events = last_events(cluster, namespace, &names).await;
        for (object, note) in objects {
            let event =
                events.get(&(object.id.kind.clone(), object.id.name.clone())).map(LastEvent::describe);
            *note = of_namespace.clone().or(event);
        }
    }
}

async fn namespace_note(cluster: &Cluster, namespace: &str) -> Option<String> {
    // A snapshot may lack the namespaces of its objects.
    if matches!(cluster, Cluster::Snapshot(_)) {
        return None;
    }
    let kind = cluster.api_resources().kind("", "v1", "Namespace")?;
    match cluster.get(kind, None, namespace).await {
        Ok(None) => Some(format!("namespace {namespace} does not exist")),
        Ok(Some(live)) if !text(&live, "/metadata/deletionTimestamp").is_empty() => {
            Some(format!("its namespace is {}", describe_deletion(&live)))
        }
        Ok(Some(_)) | Err(_) => None,
    }
}

/// The latest Event about an object.
struct LastEvent {
    at: String,
    reason: String,
    by: String,
}

impl LastEvent {
    fn describe(&self) -> String {
        let by = if self.by.is_empty() { String::new() } else { format!(" by {}", self.by) };
        format!("its last event: {}{by} at {}", self.reason, self.at)
    }
}

type Names<'a> = BTreeSet<(&'a str, &'a str)>;

/// The latest Event about each of these objects (kind and name): that it was still there then.
async fn last_events(
    cluster: &Cluster,
    namespace: &str,
    names: &Names<'_>,
) -> BTreeMap<(String, String), LastEvent> {
    let mut last: BTreeMap<(String, String), LastEvent> = BTreeMap::new();
    let Some(kind) = cluster.api_resources().kind("", "v1", "Event") else { return last };
    let mut pages = cluster.objects(kind, Some(namespace));
    while let Some(Ok(page)) = pages.next().await {
        for event in page {
            let of = (text(&event, "/involvedObject/kind"), text(&event, "/involvedObject/name"));
            if !names.contains(&of) {
                continue;
            }
            let found = LastEvent {
                at: first(
                    &event,
                    &["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/firstTimestamp"],
                ),
                reason: text(&event, "/reason").to_owned(),
                by: first(&event, &["/reportingComponent", "/source/component"]),
            };
            let key = (of.0.to_owned(), of.1.to_owned());
            if last.get(&key).is_none_or(|known| known.at < found.at) {
                last.insert(key, found);
            }
        }
    }
    last
}

fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn first(object: &Value, pointers: &[&str]) -> String {
    pointers
        .iter()
        .map(|pointer| text(object, pointer))
        .find(|text| !text.is_empty())
        .unwrap_or_default()
        .to_owned()
}
