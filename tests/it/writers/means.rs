//! Who writes, and by which means: kubectl's own commands, a program with a client library, the deployer.

#![expect(clippy::disallowed_methods, reason = "kubectl edit needs an environment of its own")]

use std::process::Command;

use serde_json::{Map, Value, json};

use super::changes::Change;
use crate::matrix::truth::{Path, Step, identity, owners, paired};
use crate::support::cluster::ControlPlane;
use crate::support::command::{code, hermetic};
use crate::support::http::{Client, Request};
use crate::support::parts::program;

pub(super) const MERGE: &str = "application/merge-patch+json";
pub(super) const STRATEGIC: &str = "application/strategic-merge-patch+json";
pub(super) const APPLY: &str = "application/apply-patch+yaml";

/// A kind of writer of changes that every writer can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Writer {
    /// `kubectl patch`
    Patch,
    /// `kubectl edit`
    Edit,
    /// `kubectl set`, `label`, `annotate`, `scale`
    Command,
    /// `kubectl replace` of a changed copy of the live object
    Replace,
    /// `kubectl apply` of a changed copy of what Git declares
    Apply,
    /// The same with `--server-side`
    ApplyServerSide,
    /// A program that sends a merge patch, under a name of its own
    ScriptPatch,
    /// A program that reads, changes and puts, named by its `User-Agent`
    ScriptPut,
    /// A program that applies the fields that it changes, under a name of its own
    ScriptApply,
    /// A program that applies a changed copy, under a name that many use
    ScriptCopy,
    /// Another deployer that applies a changed copy
    OtherDeployer,
    /// An operator of the kind: it writes the status too, and is in no table
    Operator,
    /// The deployer applies a newer commit
    Newer,
    /// The deployer applies an older commit again
    Older,
    /// The deployer has not applied the newest commit yet
    Pending,
}

/// What may be said of a writer's changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    /// A person or a script: drift, by exactly this manager.
    Drift,
    /// An operator: never a person's, and no drift where it does no harm.
    Controller,
    /// In sync.
    InSync,
    /// An older commit is back: drift, and nobody's manual change.
    Returned,
    /// Not applied yet.
    Unsynced,
    /// A person made it, by exactly this manager.
    Made,
    /// A person removed it.
    Removed,
    /// The garbage collector removed it.
    Collected,
}

impl Truth {
    /// Whether it is of an object that is there or not.
    pub(super) fn is_of_the_whole(self) -> bool {
        matches!(self, Self::Made | Self::Removed | Self::Collected)
    }
}

impl Writer {
    pub(super) const ALL: [Self; 15] = [
        Self::Patch,
        Self::Edit,
        Self::Command,
        Self::Replace,
        Self::Apply,
        Self::ApplyServerSide,
        Self::ScriptPatch,
        Self::ScriptPut,
        Self::ScriptApply,
        Self::ScriptCopy,
        Self::OtherDeployer,
        Self::Operator,
        Self::Newer,
        Self::Older,
        Self::Pending,
    ];

    pub(super) fn truth(self) -> Truth {
        match self {
            Self::Operator => Truth::Controller,
            Self::Newer => Truth::InSync,
            Self::Older => Truth::Returned,
            Self::Pending => Truth::Unsynced,
            _ => Truth::Drift,
        }
    }

    /// The beginning of the names of its objects, and the name of its file.
    pub(super) fn short(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// The manager that the server records.
    pub(super) fn manager(self, change: &Change) -> &'static str {
        match self {
            Self::Patch => "kubectl-patch",
            Self::Edit => "kubectl-edit",
            Self::Command => match change.command.unwrap_or_default().split(' ').next() {
                Some("set") => "kubectl-set",
                Some("label") => "kubectl-label",
                Some("annotate") => "kubectl-annotate",
                _ => "kubectl",
            },
            Self::Replace => "kubectl-replace",
            Self::Apply => "kubectl-client-side-apply",
            Self::ApplyServerSide => "kubectl",
            Self::ScriptPatch => "nightly-fix",
            Self::ScriptPut => "OpenAPI-Generator",
            Self::ScriptApply => "hotfix-script",
            Self::ScriptCopy => "application/apply-patch",
            Self::OtherDeployer => "Terraform",
            Self::Operator => "acme-operator",
            Self::Newer | Self::Older | Self::Pending => "",
        }
    }

    /// Whether it writes what Git declares, changed.
    pub(super) fn needs_a_copy(self) -> bool {
        use Writer::{Apply, ApplyServerSide, Newer, Older, OtherDeployer, Pending, ScriptCopy};
        matches!(self, Apply | ApplyServerSide | ScriptCopy | OtherDeployer | Newer | Older | Pending)
    }

    /// Whether each change of it is a call or a process of its own.
    pub(super) fn is_alone(self) -> bool {
        use Writer::{Apply, ApplyServerSide, Newer, Older, Pending, Replace};
        !matches!(self, Apply | ApplyServerSide | Newer | Older | Pending | Replace)
    }

    /// Whether each change of it is a process of its own, of which a run makes fewer.
    pub(super) fn is_slow(self) -> bool {
        matches!(self, Self::Patch | Self::Edit)
    }
}

/// One change of one live object, to be made.
pub(super) struct Task<'a> {
    pub(super) change: &'a Change,
    pub(super) name: &'a str,
    pub(super) namespace: &'a str,
    /// `/apis/apps/v1/namespaces/NAMESPACE/deployments/NAME`
    pub(super) path: &'a str,
    /// What Git declares, changed.
    pub(super) copy: &'a Value,
    pub(super) before: &'a Value,
    /// The live object, changed.
    pub(super) changed: &'a dyn Fn(&Value) -> Value,
}

impl Task<'_> {
    fn after(&self) -> Value {
        (self.changed)(self.before)
    }

    /// The same of the object as it is now: controllers go on writing.
    fn fresh(&self, client: &Client) -> Value {
        let (status, mut live) = client.json("GET", self.path, None);
        assert_eq!(status, 200, "{}: {live}", self.path);
        live["metadata"]["managedFields"].take();
        (self.changed)(&live)
    }
}

/// How often a change is tried again that a controller's write came before.
const TRIES: usize = 5;

/// Makes a change by the writer's own means; those that kubectl makes of many objects at once are made elsewhere.
#[track_caller]
pub(super) fn write(writer: Writer, task: &Task<'_>, plane: &ControlPlane, client: &Client) {
    let named = |manager: &str| format!("{}?fieldManager={manager}", task.path);
    let forced = |manager: &str| format!("{}&force=true", named(&manager.replace('/', "%2F")));
    let manager = writer.manager(task.change);
    match writer {
        Writer::Patch => patch(task, plane),
        Writer::Edit => edit(task, plane, client),
        Writer::Command => command(task, plane),
        Writer::ScriptPatch => {
            let body = merge_patch(task.before, &task.after());
            send(client, "PATCH", &named(manager), MERGE, &body);
        }
        Writer::ScriptPut => {
            let (method, media) = ("PUT", "application/json");
            let agent = Some("OpenAPI-Generator/31.0.0/python");
            let put = || {
                let body = task.fresh(client);
                client.send(&Request { method, path: task.path, media, agent, body: &body })
            };
            let (status, answer) =
                (0..TRIES).map(|_| put()).find(|(status, _)| *status != 409).expect("a quiet moment");
            assert_eq!(status, 200, "{}: {answer}", task.path);
        }
        Writer::ScriptApply => {
            let body = parts(task.before, &task.after());
            send(client, "PATCH", &forced(manager), APPLY, &body);
        }
        Writer::ScriptCopy | Writer::OtherDeployer => {
            send(client, "PATCH", &forced(manager), APPLY, task.copy);
        }
        Writer::Operator => {
            let body = merge_patch(task.before, &task.after());
            send(client, "PATCH", &named(manager), MERGE, &body);
            let status = format!("{}/status?fieldManager={manager}", task.path);
            send(client, "PATCH", &status, MERGE, &condition());
        }
        _ => unreachable!("made of many objects at once"),
    }
}

/// A condition of the operator's own, of which every kind takes some.
fn condition() -> Value {
    json!({"status": {"conditions": [{
        "type": "Acme",
        "status": "True",
        "reason": "Seen",
        "message": "seen",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }]}})
}

#[track_caller]
pub(super) fn send(client: &Client, method: &str, path: &str, media: &str, body: &Value) -> Value {
    let (status, answer) = client.send(&Request { method, path, media, agent: None, body });
    assert!(status == 200 || status == 201, "{method} {path}: {answer}\n{body}");
    answer
}

/// `deployment/x`, as kubectl names it.
fn target(task: &Task<'_>) -> String {
    let kind = task.before["kind"].as_str().expect("a kind").to_lowercase();
    format!("{kind}/{}", task.before["metadata"]["name"].as_str().expect("a name"))
}

fn patch(task: &Task<'_>, plane: &ControlPlane) {
    let body = merge_patch(task.before, &task.after()).to_string();
    plane.by_hand(task.namespace, &["patch", &target(task), "--type=merge", "--patch", &body]);
}

fn command(task: &Task<'_>, plane: &ControlPlane) {
    let line = task.change.command.expect("only changes with a command").replace('@', task.name);
    plane.by_hand(task.namespace, &line.split(' ').collect::<Vec<_>>());
}

/// The editor puts the changed object in the place of what it is given.
fn edit(task: &Task<'_>, plane: &ControlPlane, client: &Client) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("edited.json");
    let edited = || {
        std::fs::write(&file, task.fresh(client).to_string()).expect("a temporary file");
        let mut command = Command::new(program("kubectl", "kubectl"));
        command.env_clear();
        hermetic(&mut command, &plane.servers().folder().join("home"));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("TMPDIR", folder.path());
        command.env("KUBE_EDITOR", format!("cp {}", file.display()));
        command.env("KUBECONFIG", plane.kubeconfig("alice"));
        command.args(["edit", "--namespace", task.namespace, &target(task)]);
        let output = command.output().expect("kubectl starts");
        if code(output.status) == 0 {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    };
    let tried: Vec<String> = (0..TRIES).map_while(|_| edited().err()).collect();
    assert!(tried.len() < TRIES, "{}: {tried:?}", task.path);
}

/// The object without what the server writes about it: kubectl reads the version that it replaces.
pub(super) fn settled(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(map) = object.as_object_mut() {
        map.remove("status");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
        metadata.remove("resourceVersion");
    }
    object
}

/// The merge patch (RFC 7386) that makes one object of another.
pub(super) fn merge_patch(before: &Value, after: &Value) -> Value {
    let (Some(left), Some(right)) = (before.as_object(), after.as_object()) else { return after.clone() };
    let mut patch = Map::new();
    for (key, value) in right {
        match left.get(key) {
            Some(old) if old == value => {}
            Some(old) if old.is_object() => drop(patch.insert(key.clone(), merge_patch(old, value))),
            _ => drop(patch.insert(key.clone(), value.clone())),
        }
    }
    for key in left.keys().filter(|key| !right.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    Value::Object(patch)
}

/// What a program applies that owns nothing yet: the fields that it changes, with the keys of the items around them.
fn parts(before: &Value, after: &Value) -> Value {
    let mut changed = part(before, before, after, &mut Vec::new()).unwrap_or_else(|| json!({}));
    changed["apiVersion"] = before["apiVersion"].clone();
    changed["kind"] = before["kind"].clone();
    changed["metadata"]["name"] = before["metadata"]["name"].clone();
    changed
}

fn part(object: &Value, before: &Value, after: &Value, path: &mut Path) -> Option<Value> {
    if before == after {
        return None;
    }
    let whole = owners(object, path).iter().any(|(_, whole)| *whole);
    match (before, after) {
        (Value::Object(left), Value::Object(right)) if !whole => {
            let mut fields = Map::new();
            for (name, value) in right {
                path.push(Step::Field(name.clone()));
                let changed = match left.get(name) {
                    Some(old) => part(object, old, value, path),
                    None => Some(value.clone()),
                };
                path.pop();
                fields.extend(changed.map(|changed| (name.clone(), changed)));
            }
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        (Value::Array(left), Value::Array(right)) if !whole => {
            let Some(keys) = paired(left, right) else {
                return Some(right.iter().filter(|item| !left.contains(item)).cloned().collect());
            };
            let mut items = Vec::new();
            for item in right {
                let of_item = identity(&keys, item);
                let Some(old) = left.iter().find(|old| identity(&keys, old) == of_item) else {
                    items.push(item.clone());
                    continue;
                };
                path.push(Step::Keys(of_item.clone()));
                if let Some(mut changed) = part(object, old, item, path) {
                    for (key, value) in of_item {
                        changed[key] = value;
                    }
                    items.push(changed);
                }
                path.pop();
            }
            (!items.is_empty()).then_some(Value::Array(items))
        }
        _ => Some(after.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{merge_patch, parts};

    #[test]
    fn merge_patch_nulls_removed_keys() {
        let before = json!({"a": {"b": 1, "c": 2}, "l": [1]});
        let after = json!({"a": {"b": 1, "d": 3}, "l": [2]});
        assert_eq!(merge_patch(&before, &after), json!({"a": {"c": null, "d": 3}, "l": [2]}));
    }

    #[test]
    fn applied_part_keeps_keys_and_atomics() {
        let fields = json!({"f:l": {"k:{\"name\":\"x\"}": {"f:v": {}}}, "f:w": {}});
        let metadata = json!({"name": "n", "managedFields": [{"manager": "m", "fieldsV1": fields}]});
        let before =
            json!({"metadata": metadata, "l": [{"name": "x", "v": 1, "o": 1}, {"name": "y"}], "w": ["a"]});
        let mut after = before.clone();
        after["l"][0]["v"] = json!(2);
        after["w"] = json!(["a", "b"]);
        let expected = json!({
            "apiVersion": null, "kind": null, "metadata": {"name": "n"},
            "l": [{"name": "x", "v": 2}], "w": ["a", "b"],
        });
        assert_eq!(parts(&before, &after), expected);
    }
}
