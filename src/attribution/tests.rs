//! Tables: a Git manifest, a live object with managedFields, older commits; out come causes as text.

use serde_json::{Value, json};

use super::{Autoscaler, Evidence, Managers, Older, Owners, attribute, is_left_out, made_by_hand};
use crate::model::{Desired, Later, Origin, ResourceId};
use crate::schema::Schema;

fn desired(value: Value) -> Desired {
    Desired {
        id: ResourceId::of(&value).expect("the table's objects have kind and name"),
        value: value.into(),
        origin: Origin { source: ".".to_owned(), file: "x.yaml".to_owned(), place: None },
        fields: Later::default(),
        document: Some((0, None)),
        notes: Vec::new(),
        unstable: Vec::new(),
        optional: None,
    }
}

fn deployment(replicas: i64, image: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": "web", "image": image}]}}}})
}

fn entry(manager: &str, operation: &str, time: Option<&str>, fields: Value) -> Value {
    let mut entry = json!({"manager": manager, "operation": operation, "fieldsV1": fields});
    if let Some(time) = time {
        entry["time"] = json!(time);
    }
    entry
}

fn image_field() -> Value {
    json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {".": {}, "f:image": {}}}}}}})
}

/// A live Deployment with these managedFields and, if any, this last-applied copy.
fn live(mut object: Value, entries: &[Value], applied: Option<&Value>) -> Value {
    object["metadata"]["managedFields"] = json!(entries);
    if let Some(applied) = applied {
        object["metadata"]["annotations"] =
            json!({"kubectl.kubernetes.io/last-applied-configuration": applied.to_string()});
    }
    object
}

fn verdicts(
    git: &Desired,
    live: &Value,
    older: &[(&str, i64, Value)],
    autoscalers: &[Autoscaler],
) -> Vec<String> {
    let schema = Schema::built_in();
    let older: Vec<Older> = older
        .iter()
        .map(|(commit, at, value)| {
            Older::new(commit, *at, (!value.is_null()).then(|| desired(value.clone())).as_ref(), live, schema)
        })
        .collect();
    let managers = Managers::default();
    let evidence = Evidence { desired: git, live, schema, managers: &managers, autoscalers, older: &older };
    let differences = crate::diff::compare(git, live, schema);
    let show = |change: crate::model::Change| {
        let verdict = change.verdict;
        let manager = verdict.manager.map_or("-".to_owned(), |manager| manager.name);
        format!("{} {:?} {:?} {manager}", change.difference.path, verdict.cause, verdict.confidence)
    };
    let is_left_out = is_left_out(&differences, &Owners::writers(live), &managers);
    let changes: Vec<String> = attribute(differences, &evidence).into_iter().map(show).collect();
    assert!(!is_left_out || changes.is_empty(), "{changes:?}");
    changes
}

const IMAGE: &str = ".spec.template.spec.containers[name=\"web\"].image";

#[test]
fn the_owner_of_a_leaf_gives_the_cause() {
    let git = desired(deployment(1, "app:2"));
    for (entries, expected) in [
        (
            vec![entry("kubectl-set", "Update", Some("2026-01-01T00:00:00Z"), image_field())],
            "Manual High kubectl-set",
        ),
        (vec![entry("python-client", "Update", None, image_field())], "Manual None python-client"),
        (
            vec![entry("kustomize-controller", "Apply", None, image_field())],
            "Unknown High kustomize-controller",
        ),
        (vec![entry("kubelet", "Update", None, image_field())], "Controller High kubelet"),
        (
            vec![entry("kube-controller-manager", "Update", None, image_field())],
            "Unknown High kube-controller-manager",
        ),
        (
            vec![
                entry("kubectl-edit", "Update", None, image_field()),
                entry("kustomize-controller", "Apply", None, image_field()),
            ],
            "Manual Medium kubectl-edit",
        ),
        (vec![], "Unknown None -"),
        (vec![entry("kubectl-label", "Update", None, json!({"f:metadata": {}}))], "Manual Low kubectl-label"),
    ] {
        let live = live(deployment(1, "app:9"), &entries, None);
        assert_eq!(verdicts(&git, &live, &[], &[]), [format!("{IMAGE} {expected}")], "{entries:?}");
    }
}

#[test]
fn a_release_on_its_way_is_unsynced_and_a_persons_return_is_not() {
    let git = desired(deployment(1, "app:2"));
    let old = deployment(1, "app:1");
    let older = [("c1", 1_767_225_600, old.clone())];
    let flux = entry("kustomize-controller", "Apply", None, image_field());
    let apply = entry("kubectl-client-side-apply", "Update", None, image_field());
    let human = entry("kubectl-set", "Update", Some("2026-01-02T00:00:00Z"), image_field());
    let copy_old = deployment(1, "app:1");
    let copy_new = deployment(1, "app:2");
    for (name, entries, applied, expected) in [
        ("GitOps tool behind", vec![flux], None, "Unsynced High kustomize-controller"),
        (
            "last-applied behind",
            vec![apply.clone()],
            Some(&copy_old),
            "Unsynced High kubectl-client-side-apply",
        ),
        ("a person, nothing newer applied", vec![human.clone()], None, "Manual High kubectl-set"),
        ("a person after the newer one", vec![human, apply], Some(&copy_new), "Rollback Medium kubectl-set"),
    ] {
        let live = live(deployment(1, "app:1"), &entries, applied);
        assert_eq!(verdicts(&git, &live, &older, &[]), [format!("{IMAGE} {expected}")], "{name}");
    }
    let unexplained = live(deployment(1, "app:7"), &[entry("kubectl", "Apply", None, image_field())], None);
    assert_eq!(verdicts(&git, &unexplained, &older, &[]), [format!("{IMAGE} Manual None kubectl")]);
}

#[test]
fn a_field_that_only_git_has_is_unsynced_until_it_was_applied() {
    let mut new = deployment(1, "app:1");
    new["spec"]["template"]["spec"]["containers"][0]["command"] = json!(["run"]);
    let git = desired(new.clone());
    let older = [("c1", 1_767_225_600, deployment(1, "app:1"))];
    let path = ".spec.template.spec.containers[name=\"web\"].command";
    let human = |time| entry("kubectl-edit", "Update", Some(time), json!({"f:metadata": {}}));
    for (entries, applied, expected) in [
        (vec![], Some(deployment(1, "app:1")), "Unsynced Medium -"),
        (vec![], Some(new.clone()), "Unknown None -"),
        (vec![human("2026-02-01T00:00:00Z")], Some(new.clone()), "Manual Low kubectl-edit"),
        (vec![human("2025-12-01T00:00:00Z")], None, "Unsynced Medium -"),
        (vec![human("2026-02-01T00:00:00Z")], None, "Manual Low kubectl-edit"),
    ] {
        let live = live(deployment(1, "app:1"), &entries, applied.as_ref());
        assert_eq!(
            verdicts(&git, &live, &older, &[]),
            [format!("{path} {expected}")],
            "{entries:?} {applied:?}"
        );
    }
}

#[test]
fn defaults_that_a_client_side_apply_owns_are_not_changes() {
    let git = desired(deployment(1, "app:1"));
    let mut stored = deployment(1, "app:1");
    stored["spec"]["someNewDefault"] = json!("x");
    let fields = json!({"f:spec": {"f:someNewDefault": {}}});
    let by_apply = entry("kubectl-client-side-apply", "Update", None, fields.clone());
    let copy = deployment(1, "app:1");
    assert_eq!(verdicts(&git, &live(stored.clone(), &[by_apply], Some(&copy)), &[], &[]), [] as [&str; 0]);
    let by_hand = entry("kubectl-edit", "Update", None, fields);
    assert_eq!(
        verdicts(&git, &live(stored, &[by_hand], Some(&copy)), &[], &[]),
        [".spec.someNewDefault Manual High kubectl-edit"]
    );
}

#[test]
fn replicas_within_the_range_of_an_autoscaler_are_the_controllers() {
    let git = desired(deployment(1, "app:1"));
    let scaler = |max| Autoscaler {
        kind: "HorizontalPodAutoscaler",
        name: "web".to_owned(),
        target: ("Deployment".to_owned(), "web".to_owned()),
        min: 1,
        max,
    };
    let scaled = live(deployment(5, "app:1"), &[], None);
    assert_eq!(verdicts(&git, &scaled, &[], &[scaler(9)]), [".spec.replicas Controller None -"]);
    assert_eq!(verdicts(&git, &scaled, &[], &[scaler(3)]), [".spec.replicas Unknown None -"]);
    // KEDA scales to 0 what its own autoscaler keeps above.
    let keda = |spec: Value| {
        let object = json!({"kind": "ScaledObject", "metadata": {"name": "web",
            "annotations": {"autoscaling.keda.sh/paused-replicas": spec["paused"]}}, "spec": spec});
        Autoscaler::of(&object).expect("a ScaledObject with a target")
    };
    let target = json!({"name": "web"});
    let asleep = live(deployment(0, "app:1"), &[], None);
    for (spec, expected) in [
        (json!({"scaleTargetRef": target}), "Controller"),
        (json!({"scaleTargetRef": target, "minReplicaCount": 1}), "Unknown"),
        (json!({"scaleTargetRef": target, "minReplicaCount": 1, "idleReplicaCount": 0}), "Controller"),
        (json!({"scaleTargetRef": target, "minReplicaCount": 1, "paused": "0"}), "Controller"),
        (json!({"scaleTargetRef": {"name": "web", "kind": "StatefulSet"}}), "Unknown"),
    ] {
        let scalers = [scaler(9), keda(spec)];
        assert_eq!(verdicts(&git, &asleep, &[], &scalers), [format!(".spec.replicas {expected} None -")]);
    }
}

#[test]
fn what_a_person_made_is_unmanaged_and_what_the_platform_made_is_not() {
    let managers = Managers::default();
    let object = |name: &str, manager: &str, extra: Value| {
        let mut object =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}});
        object["metadata"]["managedFields"] = json!([entry(manager, "Update", None, json!({"f:data": {}}))]);
        for (key, value) in extra.as_object().into_iter().flatten() {
            object["metadata"][key] = value.clone();
        }
        object
    };
    let of_kind = |kind: &str, mut object: Value| {
        object["kind"] = json!(kind);
        object
    };
    let token = json!({"managedFields": [], "annotations": {"kubernetes.io/service-account.uid": "1"}});
    for (object, expected) in [
        (object("x", "kubectl-create", json!({})), true),
        (object("x", "kubectl-client-side-apply", json!({})), true),
        (object("x", "kube-controller-manager", json!({})), false),
        (object("x", "some-operator", json!({})), false),
        (object("kube-root-ca.crt", "kubectl-create", json!({})), false),
        (object("x", "kubectl-create", json!({"ownerReferences": [{"uid": "1"}]})), false),
        (object("x", "kubectl-create", json!({"labels": {"app.kubernetes.io/managed-by": "Helm"}})), false),
        (object("x", "kubectl-edit", json!({"annotations": {"argocd.argoproj.io/tracking-id": "a"}})), false),
        (of_kind("Endpoints", object("x", "kubectl-create", json!({}))), true),
        (of_kind("Endpoints", object("x", "kubectl-client-side-apply", json!({}))), false),
        (of_kind("Endpoints", object("x", "kube-controller-manager", json!({}))), false),
        (of_kind("Endpoints", object("x", "", json!({"managedFields": []}))), false),
        (object("x", "", json!({"managedFields": []})), true),
        // As a metadata-only list has it.
        (of_kind("Secret", object("t", "", token.clone())), false),
        (
            of_kind("Secret", object("t", "kubectl-create", json!({"annotations": token["annotations"]}))),
            true,
        ),
        (of_kind("Pod", object("debug", "kubectl-run", json!({}))), true),
    ] {
        let id = ResourceId::of(&object).expect("the table's objects have kind and name");
        assert_eq!(made_by_hand(&id, &object, &managers).is_some(), expected, "{object}");
    }
}

/// The API server's own appliers and controllers, as seen on a real server.
#[test]
fn what_a_controller_of_kubernetes_wrote_is_the_controllers() {
    let rules = |verb: &str| json!([{"apiGroups": [""], "resources": ["pods"], "verbs": [verb]}]);
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}, "rules": rules("get")});
    let mut filled = role.clone();
    filled["rules"] = rules("list");
    let entries = [entry("clusterrole-aggregation-controller", "Apply", None, json!({"f:rules": {}}))];
    assert_eq!(
        verdicts(&desired(role), &live(filled, &entries, None), &[], &[]),
        [".rules Controller High clusterrole-aggregation-controller"]
    );
    let token = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "t"},
        "type": "kubernetes.io/service-account-token"});
    let mut filled = token.clone();
    filled["data"] = json!({"token": "eA=="});
    let entries =
        [entry("kube-controller-manager", "Update", None, json!({"f:data": {".": {}, "f:token": {}}}))];
    assert_eq!(
        verdicts(&desired(token), &live(filled, &entries, None), &[], &[]),
        [".data Controller High kube-controller-manager"]
    );
}

#[test]
fn what_a_person_put_where_a_controller_writes_is_the_persons() {
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}, "rules": []});
    let mut filled = role.clone();
    filled["rules"] = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]);
    for (manager, expected) in [
        ("kubectl-edit", &[".rules Manual High kubectl-edit"][..]),
        ("kube-controller-manager", &[]),
        ("", &[]),
    ] {
        let live = live(filled.clone(), &[entry(manager, "Update", None, json!({"f:rules": {}}))], None);
        assert_eq!(verdicts(&desired(role.clone()), &live, &[], &[]), expected);
    }
}

/// Whoever writes null (a Role without rules) owns the null.
#[test]
fn a_field_that_was_made_null_has_an_owner() {
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]});
    let mut emptied = role.clone();
    emptied["rules"] = Value::Null;
    let live = live(emptied, &[entry("kubectl-edit", "Update", None, json!({"f:rules": {}}))], None);
    assert_eq!(verdicts(&desired(role), &live, &[], &[]), [".rules Manual High kubectl-edit"]);
}

#[test]
fn a_writer_of_a_status_is_a_controller() {
    let git = desired(deployment(1, "app:1"));
    let mut noted = deployment(1, "app:1");
    noted["metadata"]["annotations"] = json!({"note": "x"});
    let fields = json!({"f:metadata": {"f:annotations": {"f:note": {}}}});
    for (subresource, expected) in [("status", "Controller High operator"), ("", "Manual None operator")] {
        let mut writer = entry("operator", "Update", None, fields.clone());
        writer["subresource"] = json!(subresource);
        // `annotations` itself: live alone has the map.
        let found = verdicts(&git, &live(noted.clone(), &[writer], None), &[], &[]);
        assert_eq!(found, [format!(".metadata.annotations.note {expected}")]);
    }
}
