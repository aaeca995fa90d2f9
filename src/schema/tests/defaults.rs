//! Zero defaults: written out where a field is a pointer, and left out anywhere else.

use serde_json::{Value, json};

use crate::schema::{Schema, fill};

/// Every zero default of a pointer in Kubernetes 1.34 to 1.37: `+default=` in k8s.io/api (OpenAPI names them, and
/// `zz_generated.defaults.go` puts them there) and `pkg/apis/*/*/defaults.go`.
#[test]
fn zero_default_of_pointer_is_filled() {
    let cases: &[(&str, Value, Value)] = &[
        // Which OpenAPI names.
        ("core.v1.FileKeySelector", json!({"key": "k"}), json!({"optional": false})),
        ("core.v1.GRPCAction", json!({"port": 1}), json!({"service": ""})),
        ("core.v1.AzureDiskVolumeSource", json!({"diskName": "d"}), json!({"readOnly": false})),
        // Of Go's functions.
        ("core.v1.HostPathVolumeSource", json!({"path": "/"}), json!({"type": ""})),
        (
            "apps.v1.DaemonSetUpdateStrategy",
            json!({"type": "RollingUpdate"}),
            json!({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}),
        ),
        (
            "apps.v1.StatefulSetUpdateStrategy",
            json!({"type": "RollingUpdate"}),
            json!({"rollingUpdate": {"partition": 0, "maxUnavailable": 1}}),
        ),
        (
            "autoscaling.v2.HorizontalPodAutoscalerSpec",
            json!({"behavior": {"scaleDown": {}, "scaleUp": {"policies": [], "selectPolicy": "Max"}}}),
            json!({"behavior": {"scaleUp": {"stabilizationWindowSeconds": 0, "policies": [], "selectPolicy": "Max"}, "scaleDown": {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}}}),
        ),
        (
            "batch.v1.Job",
            json!({"spec": {"completions": 1}}),
            json!({"spec": {"suspend": false, "manualSelector": false}}),
        ),
        ("batch.v1.CronJobSpec", json!({}), json!({"suspend": false})),
        ("discovery.v1.EndpointPort", json!({"port": 1}), json!({"name": ""})),
        (
            "flowcontrol.v1.ExemptPriorityLevelConfiguration",
            json!({}),
            json!({"nominalConcurrencyShares": 0, "lendablePercent": 0}),
        ),
        ("flowcontrol.v1.LimitedPriorityLevelConfiguration", json!({}), json!({"lendablePercent": 0})),
        (
            "storage.v1.CSIDriverSpec",
            json!({}),
            json!({"podInfoOnMount": false, "storageCapacity": false, "requiresRepublish": false, "seLinuxMount": false}),
        ),
    ];
    for (name, written, wanted) in cases {
        let mut filled = written.clone();
        fill(Schema::built_in().named_field(name), &mut filled);
        assert!(is_in(wanted, &filled), "{name}: {filled} lacks some of {wanted}");
    }
}

fn is_in(wanted: &Value, filled: &Value) -> bool {
    match (wanted, filled) {
        (Value::Object(wanted), Value::Object(filled)) => {
            wanted.iter().all(|(key, inner)| filled.get(key).is_some_and(|filled| is_in(inner, filled)))
        }
        _ => wanted == filled,
    }
}

/// The rule, held against every default that OpenAPI names: what is no zero is put there, and of the zeros those of
/// pointers only.
#[test]
fn openapi_defaults_apply_to_pointers_and_nonzero_values() {
    let schema = Schema::built_in();
    let zeros = [json!(null), json!(false), json!(0), json!(""), json!({}), json!([])];
    let mut written = Vec::new();
    for full in schema.type_names() {
        let Some(name) = schema.named_field(full).built_in_name() else { continue };
        let root = schema.named_field(name);
        for key in root.names() {
            let Some(default) = root.field(key).default() else { continue };
            let mut filled = json!({});
            fill(root, &mut filled);
            if zeros.contains(default) && filled.get(key) == Some(default) {
                written.push(format!("{name}.{key}"));
            } else if !zeros.contains(default) {
                assert_eq!(filled.get(key), Some(default), "{name}.{key}");
            }
        }
    }
    written.sort();
    let wanted = [
        "core.v1.AzureDiskVolumeSource.readOnly",
        "core.v1.FileKeySelector.optional",
        "core.v1.GRPCAction.service",
        // Not pointers, and always there.
        "core.v1.Container.resources",
    ];
    written.retain(|name| !wanted.contains(&name.as_str()));
    assert_eq!(written, [""; 0]);
}
