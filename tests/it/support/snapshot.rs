//! Snapshot files of clusters that never were: the fastest live side a test can have.

use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

/// Kinds that the made-up cluster serves and lists: group, version, kind, plural, whether namespaced.
const KINDS: [(&str, &str, &str, &str, bool); 6] = [
    ("", "v1", "ConfigMap", "configmaps", true),
    ("", "v1", "Namespace", "namespaces", false),
    ("", "v1", "Secret", "secrets", true),
    ("apps", "v1", "Deployment", "deployments", true),
    ("argoproj.io", "v1alpha1", "Application", "applications", true),
    ("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", false),
];

/// A snapshot file; removed with the value.
pub(crate) struct SnapshotFile {
    folder: TempDir,
}

impl SnapshotFile {
    /// A cluster that holds these objects and no other.
    pub(crate) fn with(objects: &[Value]) -> Self {
        Self::lacking(&[], objects)
    }

    /// The same, in which these kinds could not be listed.
    pub(crate) fn lacking(unread: &[&str], objects: &[Value]) -> Self {
        let kinds = KINDS.map(|(group, version, kind, plural, namespaced)| {
            json!({"group": group, "version": version, "kind": kind, "plural": plural,
                   "namespaced": namespaced, "listable": true})
        });
        let scopes = KINDS.map(|(group, version, kind, ..)| {
            let why = unread.contains(&kind).then_some("403 forbidden");
            json!({"group": group, "version": version, "kind": kind, "namespace": null, "unread": why})
        });
        let header = json!({"schema": "drift/snapshot/v1", "cluster": "a-cluster-that-never-was",
            "server": null, "served": {"version": "v1.36.3", "kinds": kinds}, "undiscovered": []});
        // Its first key tells the last line from an object.
        let end = format!(
            r#"{{"end":"drift/snapshot/v1","objects":{},"scopes":{}}}"#,
            objects.len(),
            Value::from(scopes.to_vec())
        );
        let lines: Vec<String> = [header]
            .iter()
            .chain(objects)
            .map(Value::to_string)
            .chain([end])
            .map(|line| line + "\n")
            .collect();
        let folder = tempfile::Builder::new().prefix("drift-snapshot-").tempdir().expect("a folder");
        std::fs::write(folder.path().join("snapshot.jsonl"), lines.concat()).expect("a file can be written");
        Self { folder }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("snapshot.jsonl")
    }
}

/// A live object in which these fields (as `fieldsV1` names them) were written by this manager.
pub(crate) fn written_by(manager: &str, fields: Value, mut object: Value) -> Value {
    object["metadata"]["uid"] = json!("00000000-0000-0000-0000-000000000001");
    object["metadata"]["resourceVersion"] = json!("1");
    object["metadata"]["managedFields"] = json!([{
        "manager": manager, "operation": "Update", "apiVersion": object["apiVersion"],
        "time": "2026-11-22T10:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": fields,
    }]);
    object
}
