//! What the controllers of Flux and Argo CD say of their roots.

use serde_json::Value;

use crate::attribution::owners_of;
use crate::model::{ControllerState, FailingSync, FieldPath, Manager, ResourceId, StopSwitch, StoppedSync};

/// The state of a live root; `declared` is the root as Git declares it.
pub(super) fn controller_state(id: &ResourceId, live: &Value, declared: Option<&Value>) -> ControllerState {
    let stopped = stop_switch(&id.kind, live).map(|how| StoppedSync {
        how,
        manager: last_manager(live, how),
        is_declared: declared.is_some_and(|declared| stop_switch(&id.kind, declared) == Some(how)),
    });
    let state = if id.kind == "Application" { argo_cd(live) } else { flux(live) };
    ControllerState { stopped, ..state }
}

/// `api/v1/kustomization_types.go` of kustomize-controller, `api/v2/helmrelease_types.go` of helm-controller.
fn flux(live: &Value) -> ControllerState {
    let status = &live["status"];
    let ready = condition(status, "Ready");
    let is_ready = ready.is_some_and(|ready| ready["status"] == "True");
    // Of another generation it says nothing of what is there now.
    let is_current = status["observedGeneration"] == live["metadata"]["generation"];
    let reason = ready.and_then(|ready| ready["reason"].as_str()).unwrap_or("no reason given");
    let verdict = match ready {
        None => "no status yet".to_owned(),
        Some(_) if is_ready && is_current => "Ready".to_owned(),
        Some(_) if is_ready => "Ready, before its last change".to_owned(),
        Some(_) => format!("not Ready ({reason})"),
    };
    let chart = |status: &Value| status["history"][0]["chartVersion"].as_str().map(str::to_owned);
    ControllerState {
        verdict,
        claims_sync: is_ready && is_current,
        revision: status["lastAppliedRevision"].as_str().map(str::to_owned).or_else(|| chart(status)),
        stopped: None,
        failing: ready.filter(|ready| ready["status"] == "False").map(|ready| FailingSync {
            since: ready["lastTransitionTime"].as_str().map(str::to_owned),
            message: message(&ready["message"]),
        }),
    }
}

/// `pkg/apis/application/v1alpha1/types.go` of Argo CD.
fn argo_cd(live: &Value) -> ControllerState {
    let status = &live["status"];
    let text = |pointer: &str| status.pointer(pointer).and_then(Value::as_str);
    let sync = text("/sync/status");
    let said: Vec<&str> = [sync, text("/health/status")].into_iter().flatten().collect();
    let phase = text("/operationState/phase");
    let failed = phase.filter(|phase| matches!(*phase, "Failed" | "Error"));
    let problem = status["conditions"].as_array().into_iter().flatten();
    let mut problem =
        problem.filter(|condition| condition["type"].as_str().is_some_and(|kind| kind.ends_with("Error")));
    let failing = match (failed, problem.next()) {
        (Some(_), _) => Some(FailingSync {
            since: text("/operationState/finishedAt").map(str::to_owned),
            message: message(&status["operationState"]["message"]),
        }),
        (None, Some(condition)) => Some(FailingSync {
            since: condition["lastTransitionTime"].as_str().map(str::to_owned),
            message: message(&condition["message"]),
        }),
        (None, None) => None,
    };
    ControllerState {
        verdict: if said.is_empty() { "no status yet".to_owned() } else { said.join(", ") },
        claims_sync: sync == Some("Synced"),
        revision: text("/sync/revision").map(str::to_owned),
        stopped: None,
        failing,
    }
}

fn condition<'v>(status: &'v Value, kind: &str) -> Option<&'v Value> {
    status["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}

/// What a controller says, in one line. A message about a Secret may quote a part of it.
fn message(message: &Value) -> Option<String> {
    const LONGEST: usize = 300;
    let text = message.as_str().filter(|text| !text.is_empty())?;
    let is_safe = !text.to_lowercase().contains("secret") && !text.contains("base64");
    is_safe.then(|| crate::text::one_line(text, LONGEST))
}

fn stop_switch(kind: &str, root: &Value) -> Option<StopSwitch> {
    let spec = &root["spec"];
    if kind != "Application" {
        return (spec["suspend"] == true).then_some(StopSwitch::Suspended);
    }
    let automated = &spec["syncPolicy"]["automated"];
    let is_on = automated.is_object() && automated["enabled"] != false;
    (!is_on).then_some(StopSwitch::AutoSyncOff)
}

/// Who set the switch. Of a setting that was taken away nobody is the owner any more.
fn last_manager(live: &Value, how: StopSwitch) -> Option<Manager> {
    let path = match how {
        StopSwitch::Suspended => ".spec.suspend",
        StopSwitch::AutoSyncOff => ".spec.syncPolicy.automated.enabled",
    };
    let path = FieldPath::parse(path)?;
    let exact = owners_of(live, &path).into_iter().filter(|owner| owner.is_exact);
    exact.map(|owner| owner.manager).max_by(|left, right| left.time.cmp(&right.time))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::controller_state;
    use crate::model::ResourceId;

    /// The state of a live root in a line.
    fn said(kind: &str, spec: &Value, status: &Value) -> String {
        let live = json!({"apiVersion": "a/v1", "kind": kind, "spec": spec, "status": status,
            "metadata": {"name": "apps", "generation": 2, "managedFields": [
                {"manager": "kubectl-patch", "operation": "Update", "time": "2026-11-20T10:00:00Z",
                 "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:suspend": {}}}}]}});
        let id = ResourceId::from_object(&live).expect("an object");
        let state = controller_state(&id, &live, None);
        let stopped = state.stopped.map(|stopped| {
            let by = stopped.manager.map(|manager| format!(" by {}", manager.name));
            format!(" | {:?}{}", stopped.how, by.unwrap_or_default())
        });
        let failing = state.failing.map(|failing| {
            format!(
                " | failing {}: {}",
                failing.since.unwrap_or_default(),
                failing.message.unwrap_or("not shown".to_owned())
            )
        });
        let revision = state.revision.map(|revision| format!(" at {revision}"));
        format!(
            "{}{}{}{}{}",
            state.verdict,
            revision.unwrap_or_default(),
            if state.claims_sync { " (in sync)" } else { "" },
            stopped.unwrap_or_default(),
            failing.unwrap_or_default()
        )
    }

    #[test]
    fn flux_says_ready_suspended_or_failing() {
        let ready = |status: &str, generation: u8, message: &str| {
            json!({"observedGeneration": generation, "lastAppliedRevision": "main@sha1:abc", "conditions": [
                {"type": "Ready", "status": status, "reason": "BuildFailed", "message": message,
                 "lastTransitionTime": "2026-11-21T10:00:00Z"}]})
        };
        let said = |spec: &Value, status: &Value| said("Kustomization", spec, status);
        let on = json!({});
        let shown = [
            said(&on, &ready("True", 2, "Applied")),
            said(&on, &ready("True", 1, "Applied")),
            said(&json!({"suspend": true}), &ready("True", 2, "Applied")),
            said(&on, &ready("False", 2, "no such\nfile")),
            said(&on, &ready("False", 2, "Secret/x: illegal data hunter2")),
            said(&on, &json!({})),
        ];
        insta::assert_snapshot!(shown.join("\n"), @r"
        Ready at main@sha1:abc (in sync)
        Ready, before its last change at main@sha1:abc
        Ready at main@sha1:abc (in sync) | Suspended by kubectl-patch
        not Ready (BuildFailed) at main@sha1:abc | failing 2026-11-21T10:00:00Z: no such\nfile
        not Ready (BuildFailed) at main@sha1:abc | failing 2026-11-21T10:00:00Z: not shown
        no status yet
        ");
    }

    #[test]
    fn argo_cd_says_synced_or_failing() {
        let synced =
            json!({"sync": {"status": "Synced", "revision": "abc"}, "health": {"status": "Healthy"}});
        let failed = json!({"sync": {"status": "OutOfSync"}, "operationState":
            {"phase": "Failed", "message": "one or more objects failed to apply", "finishedAt": "2026-11-21T10:00:00Z"}});
        let broken = json!({"sync": {"status": "Unknown"}, "conditions": [
            {"type": "ComparisonError", "message": "no such path", "lastTransitionTime": "2026-11-21T11:00:00Z"}]});
        let automated = json!({"syncPolicy": {"automated": {}}});
        let disabled = json!({"syncPolicy": {"automated": {"enabled": false}}});
        let said = |spec: &Value, status: &Value| said("Application", spec, status);
        let shown = [
            said(&automated, &synced),
            said(&json!({}), &synced),
            said(&disabled, &failed),
            said(&automated, &broken),
        ];
        insta::assert_snapshot!(shown.join("\n"), @r"
        Synced, Healthy at abc (in sync)
        Synced, Healthy at abc (in sync) | AutoSyncOff
        OutOfSync | AutoSyncOff | failing 2026-11-21T10:00:00Z: one or more objects failed to apply
        Unknown | failing 2026-11-21T11:00:00Z: no such path
        ");
    }
}
