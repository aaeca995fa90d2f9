//! Tables: a Git manifest, a live object with managedFields, older commits; out come causes as text.

use serde_json::{Value, json};

use super::{
    Autoscaler, Evidence, Managers, MissingEvidence, Mutator, OwnerClaim, Owners, PastVersion, ScalePath,
    Supersession, all_server_set, attribute, missing_verdict, unmanaged_candidate,
};
use crate::config::ManagerConfig;
use crate::model::mk::{mk_desired, mk_difference};
use crate::model::{Cause, Desired, FieldPath, ManagerClass, ResourceId};
use crate::schema::Schema;

fn desired(value: Value) -> Desired {
    mk_desired("x.yaml", value)
}

fn deployment(replicas: i64, image: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": "web", "image": image}]}}}})
}

fn entry(manager: &str, operation: &str, time: Option<&str>, fields: Value) -> Value {
    let mut entry =
        json!({"manager": manager, "operation": operation, "apiVersion": "apps/v1", "fieldsV1": fields});
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

const DAY: i64 = 86_400;
/// 2026-01-01, when the newer commit of the tables was made and reached the branch.
const NEWER: i64 = 1_767_225_600;

/// What is known beside the object.
#[derive(Default)]
struct Beside<'a> {
    /// Commits and what they declared, newest first, superseded at [`NEWER`]; null: nothing.
    older: &'a [(&'a str, Value)],
    newer_applied: Option<bool>,
    autoscalers: &'a [Autoscaler],
    mutators: &'a [Mutator],
    managers: &'a [ManagerConfig],
    common_marks: &'a [(&'a str, &'a str)],
    scale: Option<ScalePath<'a>>,
    /// Seconds after [`NEWER`].
    now: i64,
}

fn verdicts(git: &Desired, live: &Value, beside: &Beside<'_>) -> Vec<String> {
    let schema = Schema::built_in();
    let superseded =
        Supersession { committed_at: NEWER, superseded_at: NEWER, newer_applied: beside.newer_applied };
    let older: Vec<PastVersion> = beside
        .older
        .iter()
        .map(|(commit, value)| {
            let declared = (!value.is_null()).then(|| desired(value.clone()));
            PastVersion::new(commit, superseded, declared.as_ref(), live, schema)
        })
        .collect();
    let managers = Managers::new(beside.managers);
    let marks = beside.common_marks.iter().map(|(manager, path)| ((*manager).to_owned(), (*path).to_owned()));
    let evidence = Evidence {
        autoscalers: beside.autoscalers,
        older: &older,
        scale: beside.scale.unwrap_or(ScalePath::Unknown),
        mutators: beside.mutators,
        common_labels: &marks.collect(),
        now: NEWER + beside.now,
        unsynced_after: DAY / 4,
        ..Evidence::from_object(git, live, schema, &managers)
    };
    let differences = crate::diff::compare(git, live, schema);
    let show = |change: &crate::model::Change| {
        let verdict = &change.verdict;
        let manager = verdict.manager.as_ref().map_or("-", |manager| &manager.name);
        let claimed = verdict.claimed.map(|cause| format!(" claimed {cause:?}")).unwrap_or_default();
        let overdue = if verdict.overdue { " overdue" } else { "" };
        let path = &change.difference.path;
        format!("{path} {:?} {:?} {manager}{claimed}{overdue}", verdict.cause, verdict.confidence)
    };
    let owned = live["metadata"]["managedFields"].to_string();
    let is_left_out = all_server_set(&differences, &Owners::writers_only(live), &managers, &owned);
    let changes = attribute(differences, &evidence);
    let seen: Vec<String> =
        changes.iter().filter(|change| change.verdict.cause != Cause::Server).map(show).collect();
    assert!(!is_left_out || seen.is_empty(), "{seen:?}");
    changes.iter().map(show).collect()
}

fn plain(git: &Desired, live: &Value) -> Vec<String> {
    verdicts(git, live, &Beside::default())
}

const IMAGE: &str = ".spec.template.spec.containers[name=\"web\"].image";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// An entry of `kubectl apply`: it owns these fields and the annotation of the copy.
fn applied_by(manager: &str, time: Option<&str>, mut fields: Value) -> Value {
    fields["f:metadata"]["f:annotations"][format!("f:{LAST_APPLIED}")] = json!({});
    entry(manager, "Update", time, fields)
}

#[test]
fn owner_of_leaf_decides_cause() {
    let git = desired(deployment(1, "app:2"));
    for (entries, expected) in [
        (
            vec![entry("kubectl-set", "Update", Some("2026-01-01T00:00:00Z"), image_field())],
            "Manual High kubectl-set",
        ),
        (vec![entry("python-client", "Update", None, image_field())], "Manual None python-client"),
        // The command lines of deployers are a person's tools.
        (vec![entry("flux", "Update", None, image_field())], "Manual High flux"),
        (vec![entry("argocd", "Update", None, image_field())], "Manual High argocd"),
        (vec![entry("argocd-linux-amd64", "Update", None, image_field())], "Manual High argocd-linux-amd64"),
        (vec![entry("argocd-server", "Update", None, image_field())], "Manual High argocd-server"),
        // Applied by hand or by CI: as with kubectl, nobody can tell.
        (vec![entry("flux", "Apply", None, image_field())], "Manual None flux"),
        (vec![entry("kubectl", "Apply", None, image_field())], "Manual None kubectl"),
        (
            vec![entry("kustomize-controller", "Apply", None, image_field())],
            "Unknown High kustomize-controller",
        ),
        (vec![entry("kubelet", "Update", None, image_field())], "Unknown None kubelet claimed Controller"),
        (
            vec![entry("kube-controller-manager", "Update", None, image_field())],
            "Unknown None kube-controller-manager claimed Controller",
        ),
        (
            vec![
                entry("kubectl-edit", "Update", None, image_field()),
                entry("kustomize-controller", "Apply", None, image_field()),
            ],
            "Manual Medium kubectl-edit",
        ),
        (vec![], "Unknown None -"),
        // A person's write leaves an owner: this one wrote something else.
        (vec![entry("kubectl-label", "Update", None, json!({"f:metadata": {}}))], "Unknown None -"),
    ] {
        let live = live(deployment(1, "app:9"), &entries, None);
        assert_eq!(plain(&git, &live), [format!("{IMAGE} {expected}")], "{entries:?}");
    }
}

#[test]
fn writer_decides_unsynced_or_rollback() {
    let git = desired(deployment(1, "app:2"));
    let older = [("c1", deployment(1, "app:1"))];
    let (before, soon, late) = ("2025-12-31T00:00:00Z", "2026-01-01T01:00:00Z", "2026-02-01T00:00:00Z");
    let flux = |time| entry("kustomize-controller", "Apply", Some(time), image_field());
    let apply = |time| applied_by("kubectl-client-side-apply", Some(time), image_field());
    let person = |time| entry("kubectl-set", "Update", Some(time), image_field());
    let other = json!({"f:spec": {"f:replicas": {}}});
    let flux_elsewhere = |time| entry("kustomize-controller", "Apply", Some(time), other.clone());
    let (old, new) = (deployment(1, "app:1"), deployment(1, "app:2"));
    let hour = 3600;
    for (name, entries, copy, now, expected) in [
        ("not written since", vec![flux(before)], None, hour, "Unsynced High kustomize-controller"),
        ("not written for long", vec![flux(before)], None, DAY, "Unsynced High kustomize-controller overdue"),
        ("a late pipeline", vec![flux(soon)], None, hour, "Unsynced High kustomize-controller"),
        (
            "a late pipeline, long ago",
            vec![flux(soon)],
            None,
            DAY,
            "Unsynced High kustomize-controller overdue",
        ),
        ("written long after", vec![flux(late)], None, 40 * DAY, "Rollback High kustomize-controller"),
        (
            "kubectl apply, late",
            vec![apply(soon)],
            Some(&old),
            hour,
            "Unsynced High kubectl-client-side-apply",
        ),
        (
            "kubectl apply over a deployer",
            vec![flux_elsewhere(before), apply(soon)],
            Some(&old),
            hour,
            "Rollback High kubectl-client-side-apply",
        ),
        ("a person, nothing newer applied", vec![person(soon)], None, hour, "Manual High kubectl-set"),
        (
            "a person, after the newer one by its copy",
            vec![person(late), applied_by("kubectl-client-side-apply", Some(soon), json!({}))],
            Some(&new),
            40 * DAY,
            "Rollback High kubectl-set",
        ),
        (
            "a person, after the deployer wrote",
            vec![person(late), flux_elsewhere(soon)],
            None,
            40 * DAY,
            "Rollback High kubectl-set",
        ),
    ] {
        let live = live(deployment(1, "app:1"), &entries, copy);
        let beside = Beside { older: &older, now, ..Beside::default() };
        assert_eq!(verdicts(&git, &live, &beside), [format!("{IMAGE} {expected}")], "{name}");
    }
    let unexplained = live(deployment(1, "app:7"), &[entry("kubectl", "Apply", None, image_field())], None);
    let beside = Beside { older: &older, ..Beside::default() };
    assert_eq!(verdicts(&git, &unexplained, &beside), [format!("{IMAGE} Manual None kubectl")]);
}

#[test]
fn applied_revision_decides_rollback_or_unsynced() {
    let git = desired(deployment(1, "app:2"));
    let older = [("c1", deployment(1, "app:1"))];
    for (applied, time, expected) in
        [(true, "2025-12-31T00:00:00Z", "Rollback"), (false, "2026-02-01T00:00:00Z", "Unsynced")]
    {
        let flux = entry("kustomize-controller", "Apply", Some(time), image_field());
        let live = live(deployment(1, "app:1"), &[flux], None);
        let beside = Beside { older: &older, newer_applied: Some(applied), ..Beside::default() };
        let expected = format!("{IMAGE} {expected} High kustomize-controller");
        assert_eq!(verdicts(&git, &live, &beside), [expected]);
    }
}

#[test]
fn git_only_field_is_unsynced_until_applied() {
    let mut new = deployment(1, "app:1");
    new["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({"limits": {"cpu": "1"}});
    let git = desired(new.clone());
    let older = [("c1", deployment(1, "app:1"))];
    let path = ".spec.template.spec.containers[name=\"web\"].resources";
    let human = |time| entry("kubectl-edit", "Update", Some(time), json!({"f:metadata": {}}));
    let argo = |time, fields| entry("argocd-controller", "Apply", Some(time), fields);
    let apply = |time| applied_by("kubectl-client-side-apply", Some(time), json!({}));
    let (before, soon) = ("2025-12-01T00:00:00Z", "2026-01-01T01:00:00Z");
    let later = "2026-01-01T02:00:00Z";
    let old = deployment(1, "app:1");
    let none = || json!({"f:spec": {}});
    for (name, entries, copy, now, expected) in [
        (
            "the copy lacks it",
            vec![apply(before)],
            Some(&old),
            0,
            "Unsynced Medium kubectl-client-side-apply",
        ),
        ("the copy has it", vec![apply(before)], Some(&new), 0, "Unknown None -"),
        (
            "the copy has it, and a person wrote",
            vec![apply(before), human(soon)],
            Some(&new),
            0,
            "Manual Low kubectl-edit",
        ),
        ("a person before", vec![human(before)], None, 0, "Unsynced Medium -"),
        ("a person since", vec![human(soon)], None, 0, "Manual Low kubectl-edit"),
        (
            "a copy that is older than the deployer's entry",
            vec![apply(before), argo(soon, none())],
            Some(&old),
            DAY,
            "Unknown None -",
        ),
        (
            "a deployer before",
            vec![argo(before, none())],
            None,
            DAY,
            "Unsynced Medium argocd-controller overdue",
        ),
        (
            "a deployer since, in time",
            vec![argo(soon, none())],
            None,
            3600,
            "Unsynced Medium argocd-controller",
        ),
        ("a deployer since", vec![argo(soon, none())], None, DAY, "Unknown None -"),
        (
            "a deployer before, and a person since",
            vec![argo(before, none()), human(soon)],
            None,
            0,
            "Unsynced Medium argocd-controller",
        ),
        (
            "a deployer since, and a person after it",
            vec![argo(soon, none()), human(later)],
            None,
            DAY,
            "Manual Low kubectl-edit",
        ),
        (
            "a person since, and a deployer after it",
            vec![human(soon), argo(later, none())],
            None,
            DAY,
            "Unknown None -",
        ),
        (
            "a person since, and a controller after it",
            vec![argo(soon, none()), human(soon), entry("some-operator", "Update", Some(later), none())],
            None,
            DAY,
            "Unknown None -",
        ),
    ] {
        let live = live(deployment(1, "app:1"), &entries, copy);
        let beside = Beside { older: &older, now, ..Beside::default() };
        assert_eq!(verdicts(&git, &live, &beside), [format!("{path} {expected}")], "{name}");
    }
}

/// A person's removal takes the path out of the applier's entry; the server's leaves it there.
#[test]
fn owned_field_that_live_lacks_was_dropped() {
    let mut declared = deployment(1, "app:1");
    declared["spec"]["progressDeadlineSeconds"] = json!(30);
    let git = desired(declared);
    let owned = json!({"f:spec": {"f:progressDeadlineSeconds": {}}});
    let live = live(deployment(1, "app:1"), &[entry("argocd-controller", "Apply", None, owned)], None);
    assert_eq!(plain(&git, &live), [".spec.progressDeadlineSeconds Server High argocd-controller"]);
}

#[test]
fn undeclared_applier_field_may_be_default() {
    let git = desired(deployment(1, "app:1"));
    let stored = |pointer: &str, value: Value| {
        let mut stored = deployment(1, "app:1");
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        stored
            .pointer_mut(parent)
            .expect("there")
            .as_object_mut()
            .expect("a map")
            .insert(key.to_owned(), value);
        stored
    };
    let pod = json!({"f:spec": {"f:template": {"f:spec": {"f:hostPID": {}, "f:containers": {"k:{\"name\":\"evil\"}": {".": {}, "f:name": {}}}}}}});
    let evil = json!([{"name": "web", "image": "app:1"}, {"name": "evil", "image": "evil:1"}]);
    let copy = deployment(1, "app:1");
    for (stored, fields, path, expected) in [
        (
            stored("/spec/minReadySeconds", json!(5)),
            json!({"f:spec": {"f:minReadySeconds": {}}}),
            ".spec.minReadySeconds",
            ("Manual None", "Manual High"),
        ),
        (
            stored("/metadata/labels", json!({"team": "x"})),
            json!({"f:metadata": {"f:labels": {"f:team": {}}}}),
            ".metadata.labels.team",
            ("Manual None", "Manual High"),
        ),
        (
            stored("/spec/template/spec/hostPID", json!(true)),
            pod.clone(),
            ".spec.template.spec.hostPID",
            ("Manual None", "Manual High"),
        ),
        (
            stored("/spec/template/spec/containers", evil),
            pod,
            ".spec.template.spec.containers[name=\"evil\"]",
            ("Manual None", "Manual High"),
        ),
    ] {
        let by_apply = applied_by("kubectl-client-side-apply", None, fields.clone());
        let found = plain(&git, &live(stored.clone(), &[by_apply], Some(&copy)));
        assert_eq!(found, [format!("{path} {} kubectl-client-side-apply", expected.0)]);
        let by_hand = entry("kubectl-edit", "Update", None, fields);
        let found = plain(&git, &live(stored, &[by_hand], Some(&copy)));
        assert_eq!(found, [format!("{path} {} kubectl-edit", expected.1)]);
    }
}

/// A definition of an earlier version may have had the default.
/// Under server-side apply `/scale` leaves no record: of custom resources the definition says where it writes.
#[test]
fn number_written_by_scale_is_no_default() {
    let thing = |spec: Value| json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t", "namespace": "shop"}, "spec": spec});
    let git = desired(thing(json!({"size": 1})));
    let entries = [entry("kubectl", "Apply", None, json!({"f:spec": {"f:size": {}}}))];
    let shards = || live(thing(json!({"size": 1, "shards": 3})), &entries, None);
    let mode = || live(thing(json!({"size": 1, "mode": "x"})), &entries, None);
    for (live, scale, expected) in [
        (shards(), None, ".spec.shards Unknown None -"),
        (shards(), Some(ScalePath::Known(Some(".spec.shards"))), ".spec.shards Unknown None -"),
        (shards(), Some(ScalePath::Known(Some(".spec.replicas"))), ".spec.shards Server Low -"),
        (shards(), Some(ScalePath::Known(None)), ".spec.shards Server Low -"),
        (mode(), None, ".spec.mode Server Low -"),
    ] {
        let beside = Beside { scale, ..Beside::default() };
        assert_eq!(verdicts(&git, &live, &beside), [expected], "{scale:?}");
    }
}

#[test]
fn default_of_former_definition_is_server() {
    let thing = |spec: Value| json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t", "namespace": "shop"}, "spec": spec});
    let git = desired(thing(json!({"size": 1})));
    for (field, value, expected) in
        [("mode", json!("x"), "Server Medium"), ("image", json!("x"), "Manual None")]
    {
        let mut spec = json!({"size": 1});
        spec[field] = value;
        let fields = json!({"f:spec": {format!("f:{field}"): {}}});
        let entries = [applied_by("kubectl-client-side-apply", None, fields)];
        let found = plain(&git, &live(thing(spec), &entries, Some(&thing(json!({"size": 1})))));
        assert_eq!(found, [format!(".spec.{field} {expected} kubectl-client-side-apply")]);
    }
}

/// `kubectl apply set-last-applied` writes the copy under a name of its own: it proves nothing of the applier.
#[test]
fn last_applied_by_another_writer_is_ignored() {
    let git = desired(deployment(1, "app:1"));
    let mut stored = deployment(1, "app:1");
    stored["metadata"]["labels"] = json!({"team": "x"});
    let fields = json!({"f:metadata": {"f:labels": {"f:team": {}}}});
    let entries =
        [entry("kubectl-client-side-apply", "Update", None, fields), applied_by("kubectl", None, json!({}))];
    let found = plain(&git, &live(stored, &entries, Some(&deployment(1, "app:1"))));
    assert_eq!(found, [".metadata.labels.team Manual None kubectl-client-side-apply"]);
}

#[test]
fn unowned_field_is_server_unless_harmful() {
    let git = desired(deployment(1, "app:1"));
    let some = || entry("argocd-controller", "Apply", Some("2026-01-01T00:00:00Z"), image_field());
    let mut other = entry("kubectl-edit", "Update", None, json!({"f:spec": {"f:oldName": {}}}));
    other["apiVersion"] = json!("apps/v1beta1");
    for (stored, entries, expected) in [
        (("minReadySeconds", json!(5)), vec![some()], ".spec.minReadySeconds Server Low -"),
        (("minReadySeconds", json!(5)), vec![], ".spec.minReadySeconds Unknown None -"),
        (("minReadySeconds", json!(5)), vec![other], ".spec.minReadySeconds Manual Low kubectl-edit"),
        (("replicas", json!(4)), vec![some()], ".spec.replicas Unknown None -"),
        (
            ("volumes", json!([{"name": "x", "hostPath": {"path": "/"}}])),
            vec![some()],
            ".spec.volumes Unknown None -",
        ),
    ] {
        let mut object = deployment(1, "app:1");
        object["spec"][stored.0] = stored.1;
        let git = if stored.0 == "replicas" {
            let mut git = deployment(1, "app:1");
            git["spec"].as_object_mut().expect("a map").remove("replicas");
            desired(git)
        } else {
            git.clone()
        };
        assert_eq!(plain(&git, &live(object, &entries, None)), [expected], "{entries:?}");
    }
}

#[test]
fn deployer_marks_excused_for_their_deployer_only() {
    let git = desired(deployment(1, "app:1"));
    let marked = |key: &str, manager: &str| {
        let mut object = deployment(1, "app:1");
        object["metadata"]["labels"] = json!({key: "x"});
        let fields = json!({"f:metadata": {"f:labels": {format!("f:{key}"): {}}}});
        live(object, &[entry(manager, "Apply", None, fields)], None)
    };
    for (key, manager, common, expected) in [
        ("argocd.argoproj.io/tracking-id", "argocd-controller", false, "Deployer High argocd-controller"),
        ("app.kubernetes.io/instance", "argocd-controller", false, "Deployer High argocd-controller"),
        ("app.kubernetes.io/instance", "kubectl-label", false, "Manual High kubectl-label"),
        ("argocd.argoproj.io/installation-id", "argocd-controller", false, "Deployer High argocd-controller"),
        ("kluctl.io/discriminator", "kluctl", false, "Deployer High kluctl"),
        ("kluctl.io/discriminator", "kubectl-label", false, "Manual High kubectl-label"),
        ("kluctl.io/discriminator", "my-script", false, "Manual None my-script"),
        ("team", "argocd-controller", false, "Unknown High argocd-controller"),
        ("team", "argocd-controller", true, "Deployer High argocd-controller"),
        ("team", "kubectl", true, "Manual None kubectl"),
    ] {
        let path = FieldPath::from_fields(["metadata", "labels", key]).to_string();
        let common_marks: &[(&str, &str)] = if common { &[(manager, &path)] } else { &[] };
        let beside = Beside { common_marks, ..Beside::default() };
        let found = verdicts(&git, &marked(key, manager), &beside);
        assert_eq!(found, [format!("{path} {expected}")], "{key} by {manager}");
    }
}

#[test]
fn variable_replaced_by_deployer_is_deployer() {
    let config = |level: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"level": level}});
    let git = desired(config("level-${LEVEL:=info}"));
    let fields = json!({"f:data": {"f:level": {}}});
    for (value, manager, expected) in [
        ("level-debug", "kustomize-controller", "Deployer High kustomize-controller"),
        ("other", "kustomize-controller", "Unknown High kustomize-controller"),
        ("level-debug", "kubectl-edit", "Manual High kubectl-edit"),
        ("level-debug", "kubectl", "Manual None kubectl"),
    ] {
        let live = live(config(value), &[entry(manager, "Apply", None, fields.clone())], None);
        assert_eq!(plain(&git, &live), [format!(".data.level {expected}")], "{value} by {manager}");
    }
}

#[test]
fn variable_in_a_list_is_the_deployers() {
    let role = |host: &str, verb: &str| {
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": [host], "verbs": [verb]}]})
    };
    let git = desired(role("${DOMAIN}-tls", "get"));
    for (live_role, expected) in [
        (role("shop-tls", "get"), "Deployer High kustomize-controller"),
        (role("shop", "get"), "Unknown High kustomize-controller"),
        (role("shop-tls", "*"), "Unknown High kustomize-controller"),
    ] {
        let live =
            live(live_role, &[entry("kustomize-controller", "Apply", None, json!({"f:rules": {}}))], None);
        assert_eq!(plain(&git, &live), [format!(".rules {expected}")], "{live}");
    }
    // A person who sent the same list beside the deployer changed nothing.
    let fields = || json!({"f:rules": {}});
    for (live_role, by_both, expected) in [
        (role("shop-tls", "get"), true, "Deployer High kustomize-controller"),
        (role("shop-tls", "*"), true, "Manual Medium kubectl-edit"),
        (role("shop-tls", "get"), false, "Manual Medium kubectl-edit"),
    ] {
        let mut entries = vec![entry("kubectl-edit", "Update", None, fields())];
        if by_both {
            entries.push(entry("kustomize-controller", "Apply", None, fields()));
        }
        let live = live(live_role, &entries, None);
        assert_eq!(plain(&git, &live), [format!(".rules {expected}")], "{live}");
    }
}

#[test]
fn controller_request_annotation_is_deployer() {
    let object = |group: &str, annotations: Value| json!({"apiVersion": format!("{group}/v1"), "kind": "X", "metadata": {"name": "x", "annotations": annotations}});
    for (group, key, expected) in [
        ("kustomize.toolkit.fluxcd.io", "reconcile.fluxcd.io/requestedAt", "Deployer High flux"),
        ("helm.toolkit.fluxcd.io", "reconcile.fluxcd.io/forceAt", "Deployer High flux"),
        ("argoproj.io", "argocd.argoproj.io/refresh", "Deployer High flux"),
        ("apps", "reconcile.fluxcd.io/requestedAt", "Manual High flux"),
        ("kustomize.toolkit.fluxcd.io", "reconcile.fluxcd.io/other", "Manual High flux"),
    ] {
        let fields = json!({"f:metadata": {"f:annotations": {".": {}, format!("f:{key}"): {}}}});
        let git = desired(object(group, json!({"a": "b"})));
        let live = live_with_annotation(object(group, json!({"a": "b", key: "now"})), &fields);
        let path = FieldPath::from_fields(["metadata", "annotations", key]);
        assert_eq!(plain(&git, &live), [format!("{path} {expected}")], "{group} {key}");
    }
}

fn live_with_annotation(mut object: Value, fields: &Value) -> Value {
    object["metadata"]["managedFields"] = json!([entry("flux", "Update", None, fields.clone())]);
    object
}

#[test]
fn autoscaler_behaviour_is_compared_with_its_defaults() {
    let scaler = |behavior: &str| {
        json!({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "x",
        "annotations": {"autoscaling.alpha.kubernetes.io/behavior": behavior}}, "spec": {"maxReplicas": 2, "scaleTargetRef": {"kind": "Deployment", "name": "x"}}})
    };
    let git = desired(scaler(r#"{"ScaleDown": {"StabilizationWindowSeconds": 60}}"#));
    let up = r#""ScaleUp":{"StabilizationWindowSeconds":0,"SelectPolicy":"Max","Policies":[{"Type":"Pods","Value":4,"PeriodSeconds":15},{"Type":"Percent","Value":100,"PeriodSeconds":15}]}"#;
    let down = |window: &str, policy: &str| {
        format!(
            r#"{{{up},"ScaleDown":{{"StabilizationWindowSeconds":{window},"SelectPolicy":"{policy}","Policies":[{{"Type":"Percent","Value":100,"PeriodSeconds":15}}],"Tolerance":null}}}}"#
        )
    };
    for (behavior, is_same) in [
        (down("60", "Max"), true),
        (down("61", "Max"), false),
        (down("60", "Disabled"), false),
        (down("60", "Max").replace("\"Value\":4", "\"Value\":40"), false),
    ] {
        let found = plain(&git, &live(scaler(&behavior), &[], None));
        assert_eq!(found.iter().all(|verdict| verdict.contains("Server")), is_same, "{behavior}: {found:?}");
    }
}

#[test]
fn matching_webhook_explains_otherwise_unowned_change() {
    let rule = json!({"apiGroups": ["apps"], "apiVersions": ["*"], "resources": ["deployments"], "operations": ["*"]});
    let webhook = json!({"kind": "MutatingWebhookConfiguration", "metadata": {"name": "m"}, "webhooks": [{"rules": [rule]}]});
    let mutators: Vec<Mutator> = Mutator::new(&webhook, &[]).into_iter().collect();
    let mut declared = deployment(1, "app:1");
    declared["spec"]["paused"] = json!(false);
    declared["metadata"]["labels"] = json!({"tier": "a"});
    let git = desired(declared.clone());
    let fields = json!({"f:metadata": {"f:labels": {"f:tier": {}}}});
    let mut rewritten = declared.clone();
    rewritten["metadata"]["labels"]["tier"] = json!("b");
    let mut sidecar = declared.clone();
    sidecar["spec"]["template"]["spec"]["hostPID"] = json!(true);
    let mut sent = declared.clone();
    sent["metadata"]["labels"]["tier"] = json!("b");
    let beside = Beside { mutators: &mutators, ..Beside::default() };
    let path = ".metadata.labels.tier";
    for (object, entries, copy, expected) in [
        (
            &rewritten,
            vec![entry("argocd-controller", "Apply", None, fields.clone())],
            None,
            format!("{path} Admission Low argocd-controller"),
        ),
        (
            &rewritten,
            vec![entry("kubectl", "Apply", None, fields.clone())],
            None,
            format!("{path} Unknown None kubectl claimed Admission"),
        ),
        (
            &rewritten,
            vec![applied_by("kubectl-client-side-apply", None, fields.clone())],
            Some(&declared),
            format!("{path} Admission Low kubectl-client-side-apply"),
        ),
        (
            &rewritten,
            vec![applied_by("kubectl-client-side-apply", None, fields.clone())],
            Some(&sent),
            format!("{path} Manual None kubectl-client-side-apply"),
        ),
        (
            &sidecar,
            vec![entry("argocd-controller", "Apply", None, fields.clone())],
            None,
            ".spec.template.spec.hostPID Admission Low -".to_owned(),
        ),
    ] {
        let live = live(object.clone(), &entries, copy);
        assert_eq!(verdicts(&git, &live, &beside), [expected]);
    }
}

#[test]
fn policy_setting_live_value_explains_change() {
    let rule = json!({"apiGroups": ["apps"], "apiVersions": ["*"], "resources": ["deployments"], "operations": ["*"]});
    let git = deployment(1, "app:1");
    let fields = json!({"f:spec": {"f:paused": {}, "f:template": {"f:spec": {"f:terminationGracePeriodSeconds": {}, "f:priorityClassName": {}, "f:hostPID": {}}}}});
    let pod = "/spec/template/spec";
    for (field, value, expression, expected) in [
        (
            "terminationGracePeriodSeconds",
            json!(45),
            "Spec{terminationGracePeriodSeconds: 45}",
            "Admission Low kubectl",
        ),
        (
            "terminationGracePeriodSeconds",
            json!(45),
            "Spec{terminationGracePeriodSeconds: 450}",
            "Unknown None kubectl claimed Admission",
        ),
        ("priorityClassName", json!("high"), "Spec{priorityClassName: 'high'}", "Admission Low kubectl"),
        (
            "priorityClassName",
            json!("high"),
            "Spec{priorityClassName: 'high-2'}",
            "Unknown None kubectl claimed Admission",
        ),
        ("priorityClassName", json!("high"), "Spec{other: 'high'}", "Manual None kubectl"),
        ("hostPID", json!(true), "Spec{hostPID: true}", "Unknown None kubectl claimed Admission"),
    ] {
        let policy = json!({"kind": "MutatingAdmissionPolicy", "metadata": {"name": "p"}, "spec": {
            "matchConstraints": {"resourceRules": [rule]},
            "mutations": [{"applyConfiguration": {"expression": expression}}]}});
        let mutators: Vec<Mutator> =
            Mutator::new(&policy, &[json!({"spec": {"policyName": "p"}})]).into_iter().collect();
        let (mut declared, mut rewritten) = (git.clone(), git.clone());
        let zero = if value.is_boolean() {
            json!(false)
        } else if value.is_string() {
            json!("low")
        } else {
            json!(20)
        };
        declared.pointer_mut(pod).expect("a pod")[field] = zero;
        rewritten.pointer_mut(pod).expect("a pod")[field] = value;
        let live = live(rewritten, &[entry("kubectl", "Apply", None, fields.clone())], None);
        let beside = Beside { mutators: &mutators, ..Beside::default() };
        assert_eq!(
            verdicts(&desired(declared), &live, &beside),
            [format!(".spec.template.spec.{field} {expected}")],
            "{expression}"
        );
    }
}

#[test]
fn configured_manager_trusted_in_its_fields() {
    let manager = |fields: &[&str]| ManagerConfig {
        name: "my-operator".to_owned(),
        class: ManagerClass::Platform,
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        reason: Some("it is ours".to_owned()),
        expires: None,
    };
    let git = desired(deployment(1, "app:1"));
    let operator = entry("my-operator", "Update", None, image_field());
    let changed = live(deployment(1, "app:2"), &[operator], None);
    for (managers, expected) in [
        (vec![], "Manual None my-operator"),
        (vec![manager(&[])], "Unknown None my-operator claimed Controller"),
        (vec![manager(&[".spec.replicas"])], "Unknown None my-operator claimed Controller"),
        (vec![manager(&[".spec.template.spec.containers[*].image"])], "Controller High my-operator"),
    ] {
        let beside = Beside { managers: &managers, ..Beside::default() };
        assert_eq!(verdicts(&git, &changed, &beside), [format!("{IMAGE} {expected}")], "{managers:?}");
    }
}

#[test]
fn replicas_in_autoscaler_range_are_controller() {
    let git = desired(deployment(1, "app:1"));
    let scaler = |max| Autoscaler {
        kind: "HorizontalPodAutoscaler",
        name: "web".to_owned(),
        target: ("Deployment".to_owned(), "web".to_owned()),
        min: 1,
        max,
    };
    let with = |live: &Value, autoscalers: &[Autoscaler]| {
        verdicts(&git, live, &Beside { autoscalers, ..Beside::default() })
    };
    let scaled = live(deployment(5, "app:1"), &[], None);
    assert_eq!(with(&scaled, &[scaler(9)]), [".spec.replicas Controller None -"]);
    assert_eq!(with(&scaled, &[scaler(3)]), [".spec.replicas Unknown None -"]);
    // KEDA scales to 0 what its own autoscaler keeps above.
    let keda = |spec: Value| {
        let object = json!({"kind": "ScaledObject", "metadata": {"name": "web",
            "annotations": {"autoscaling.keda.sh/paused-replicas": spec["paused"]}}, "spec": spec});
        Autoscaler::from_object(&object).expect("a ScaledObject with a target")
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
        assert_eq!(with(&asleep, &scalers), [format!(".spec.replicas {expected} None -")]);
    }
}

/// Without an autoscaler the name of the controller that scales explains nothing.
#[test]
fn replicas_are_not_explained_by_a_name() {
    let git = desired(deployment(1, "app:1"));
    let fields = json!({"f:spec": {"f:replicas": {}}});
    for name in ["kube-controller-manager", "keda"] {
        let mut scaler = entry(name, "Update", None, fields.clone());
        scaler["subresource"] = json!("scale");
        let found = plain(&git, &live(deployment(0, "app:1"), &[scaler], None));
        assert_eq!(found, [format!(".spec.replicas Unknown None {name} claimed Controller")]);
    }
}

#[test]
fn a_part_is_split_by_its_owners() {
    let git = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "t", "namespace": "shop"},
        "type": "kubernetes.io/service-account-token"});
    let mut filled = git.clone();
    filled["data"] = json!({"token": "eA==", "ca.crt": "eA==", "more": "eA=="});
    let entries = [
        entry(
            "kube-controller-manager",
            "Update",
            None,
            json!({"f:data": {".": {}, "f:token": {}, "f:ca.crt": {}}}),
        ),
        entry("kubectl-patch", "Update", None, json!({"f:data": {"f:more": {}}})),
    ];
    assert_eq!(
        plain(&desired(git), &live(filled, &entries, None)),
        [
            ".data.more Manual High kubectl-patch",
            ".data.token Server High kube-controller-manager",
            ".data[\"ca.crt\"] Server High kube-controller-manager"
        ]
        .map(str::to_owned)
    );
}

/// An object of kind ConfigMap that one manager made.
fn made(name: &str, manager: &str, extra: Value) -> Value {
    let mut object =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}});
    object["metadata"]["managedFields"] = json!([entry(manager, "Update", None, json!({"f:data": {}}))]);
    for (key, value) in extra.as_object().into_iter().flatten() {
        object["metadata"][key] = value.clone();
    }
    object
}

#[test]
fn person_made_object_unmanaged_for_any_client() {
    let of_kind = |kind: &str, mut object: Value| {
        object["kind"] = json!(kind);
        object
    };
    let status = json!({"managedFields": [
        entry("operator", "Update", None, json!({"f:data": {}})),
        {"manager": "operator", "operation": "Update", "subresource": "status", "fieldsV1": {}}]});
    for (object, expected) in [
        (made("x", "kubectl-create", json!({})), Some("Manual High kubectl-create")),
        (made("x", "kubectl-client-side-apply", json!({})), Some("Manual None kubectl-client-side-apply")),
        (made("x", "curl", json!({})), Some("Manual None curl")),
        (made("x", "kube-controller-manager", json!({})), None),
        // A copy that carries the entries of its original.
        (
            made(
                "x",
                "",
                json!({"creationTimestamp": "2026-01-02T00:00:00Z", "managedFields": [
                    entry("argocd-controller", "Update", Some("2026-01-01T00:00:00Z"), json!({"f:data": {}})),
                    entry("curl", "Update", Some("2026-01-02T00:00:00Z"), json!({"f:metadata": {}}))]}),
            ),
            Some("Manual None curl"),
        ),
        (of_kind("Pod", made("x", "kubelet", json!({}))), Some("Unknown None kubelet")),
        (of_kind("RoleBinding", made("x", "kube-apiserver", json!({}))), Some("Unknown None kube-apiserver")),
        (of_kind("RoleBinding", made("x", "kube-apiserver", json!({"namespace": "kube-system"}))), None),
        (
            of_kind("RoleBinding", made("x", "kubectl-create", json!({"namespace": "kube-system"}))),
            Some("Manual High kubectl-create"),
        ),
        (of_kind("Pod", made("x", "operator", status.clone())), Some("Manual None operator")),
        (of_kind("PersistentVolumeClaim", made("x", "operator", status)), None),
        (made("kube-root-ca.crt", "kubectl-create", json!({})), None),
        (made("x", "", json!({"managedFields": []})), Some("Unknown None -")),
        (of_kind("Pod", made("sh.helm.release.v1.x", "curl", json!({}))), Some("Manual None curl")),
        (
            of_kind("Secret", made("sh.helm.release.v1.x.v1", "helm", json!({"labels": {"owner": "helm"}}))),
            None,
        ),
        (
            of_kind(
                "Pod",
                made(
                    "x",
                    "kubectl-create",
                    json!({"annotations": {"control-plane.alpha.kubernetes.io/leader": "x"}}),
                ),
            ),
            Some("Manual High kubectl-create"),
        ),
    ] {
        let id = ResourceId::from_object(&object).expect("the table's objects have kind and name");
        let found = unmanaged_candidate(id, &object, &Managers::default()).map(|candidate| {
            let verdict = candidate.verdict;
            let manager = verdict.manager.map_or("-".to_owned(), |manager| manager.name);
            format!("{:?} {:?} {manager}", verdict.cause, verdict.confidence)
        });
        assert_eq!(found.as_deref(), expected, "{object}");
    }
}

#[test]
fn marks_and_owner_references_are_verified() {
    let owner = |kind: &str| json!({"ownerReferences": [{"apiVersion": "v1", "kind": kind, "name": "o", "uid": "1"}]});
    let of_kind = |kind: &str, mut object: Value| {
        object["kind"] = json!(kind);
        object
    };
    let helm =
        json!({"annotations": {"meta.helm.sh/release-name": "r", "meta.helm.sh/release-namespace": "n"}});
    let argo = json!({"annotations": {"argocd.argoproj.io/tracking-id": "team_app:/ConfigMap:shop/x"}});
    let flux = json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "k", "kustomize.toolkit.fluxcd.io/namespace": "n"}});
    let text = |text: &str| text.to_owned();
    let owned = |kind: &str| OwnerClaim::Owner {
        group: String::new(),
        version: text("v1"),
        kind: text(kind),
        name: text("o"),
        uid: text("1"),
    };
    for (object, expected) in [
        (made("x", "helm", helm), vec![OwnerClaim::HelmRelease { namespace: text("n"), name: text("r") }]),
        (
            made("x", "curl", argo),
            vec![OwnerClaim::Application { namespace: Some(text("team")), name: text("app") }],
        ),
        (
            made("x", "curl", flux),
            vec![OwnerClaim::FluxObject { kind: "Kustomization", namespace: text("n"), name: text("k") }],
        ),
        (made("x", "curl", json!({"labels": {"app.kubernetes.io/managed-by": "Helm"}})), vec![]),
        (made("x", "my-operator", owner("Service")), vec![owned("Service")]),
        // A ConfigMap makes no Pods, a ReplicaSet does.
        (of_kind("Pod", made("x", "curl", owner("ConfigMap"))), vec![]),
        (
            of_kind("Pod", made("x", "kube-controller-manager", owner("ReplicationController"))),
            vec![owned("ReplicationController")],
        ),
        // A person's copy has the owner references of its original.
        (made("x", "kubectl-create", owner("Service")), vec![]),
    ] {
        let id = ResourceId::from_object(&object).expect("the table's objects have kind and name");
        let found = unmanaged_candidate(id, &object, &Managers::default());
        assert_eq!(found.map(|candidate| candidate.claims), Some(expected), "{object}");
    }
}

#[test]
fn missing_object_is_unsynced_until_applied_or_overdue() {
    let superseded =
        |newer_applied| Supersession { committed_at: NEWER, superseded_at: NEWER, newer_applied };
    let schema = Schema::built_in();
    for (older, applied_at, now, expected) in [
        (Some(None), None, 0, "Unsynced"),
        (Some(None), Some(-1), 0, "Unsynced"),
        (Some(None), Some(-1), DAY, "Unsynced overdue"),
        (Some(None), Some(60), 3600, "Unknown"),
        (Some(Some(true)), Some(-1), 0, "Unknown"),
        (Some(Some(false)), Some(60), 0, "Unsynced"),
        (None, None, 0, "Unknown"),
    ] {
        let older: Vec<PastVersion> = older
            .into_iter()
            .map(|applied| PastVersion::new("c1", superseded(applied), None, &Value::Null, schema))
            .collect();
        let verdict = missing_verdict(MissingEvidence {
            older: &older,
            applied_at: applied_at.map(|at: i64| NEWER + at),
            now: NEWER + now,
            unsynced_after: DAY / 4,
        });
        let overdue = if verdict.overdue { " overdue" } else { "" };
        assert_eq!(format!("{:?}{overdue}", verdict.cause), expected);
    }
}

/// The API server's own appliers and controllers, as seen on a real server.
#[test]
fn field_requested_from_platform_is_server() {
    let rules = |verb: &str| json!([{"apiGroups": [""], "resources": ["pods"], "verbs": [verb]}]);
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}, "rules": rules("get")});
    let mut filled = role.clone();
    filled["rules"] = rules("list");
    for (manager, expected) in [
        ("clusterrole-aggregation-controller", "Server High clusterrole-aggregation-controller"),
        ("kubectl-edit", "Manual Medium kubectl-edit"),
        ("my-script", "Manual None my-script"),
    ] {
        let entries = [entry(manager, "Apply", None, json!({"f:rules": {}}))];
        let found = plain(&desired(role.clone()), &live(filled.clone(), &entries, None));
        assert_eq!(found, [format!(".rules {expected}")]);
    }
    // Without an aggregation rule nothing asks for them.
    let mut bare = role;
    bare.as_object_mut().expect("a map").remove("aggregationRule");
    let mut other = bare.clone();
    other["rules"] = rules("*");
    let entries = [entry("clusterrole-aggregation-controller", "Apply", None, json!({"f:rules": {}}))];
    let expected = ".rules Unknown None clusterrole-aggregation-controller claimed Controller";
    assert_eq!(plain(&desired(bare), &live(other, &entries, None)), [expected]);
}

#[test]
fn persons_write_in_controller_field_is_manual() {
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}, "rules": []});
    let mut filled = role.clone();
    filled["rules"] = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]);
    for (manager, expected) in [
        ("kubectl-edit", ".rules Manual High kubectl-edit"),
        ("kube-controller-manager", ".rules Server High kube-controller-manager"),
        ("", ".rules Server Medium -"),
    ] {
        let live = live(filled.clone(), &[entry(manager, "Update", None, json!({"f:rules": {}}))], None);
        assert_eq!(plain(&desired(role.clone()), &live), [expected]);
    }
}

/// Whoever writes null (a Role without rules) owns the null.
#[test]
fn nulled_field_keeps_its_owner() {
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]});
    let mut emptied = role.clone();
    emptied["rules"] = Value::Null;
    let live = live(emptied, &[entry("kubectl-edit", "Update", None, json!({"f:rules": {}}))], None);
    assert_eq!(plain(&desired(role), &live), [".rules Manual High kubectl-edit"]);
}

#[test]
fn status_writer_is_a_controller_unless_harmful() {
    let git = desired(deployment(1, "app:1"));
    let mut noted = deployment(1, "app:1");
    noted["metadata"]["annotations"] = json!({"note": "x"});
    let fields = json!({"f:metadata": {"f:annotations": {"f:note": {}}}});
    let mut status = entry("operator", "Update", None, json!({"f:status": {}}));
    status["subresource"] = json!("status");
    let path = ".metadata.annotations.note";
    let main = entry("operator", "Update", None, fields);
    for (entries, expected) in [
        (vec![main.clone(), status.clone()], "Controller High operator"),
        (vec![main], "Manual None operator"),
    ] {
        let found = plain(&git, &live(noted.clone(), &entries, None));
        assert_eq!(found, [format!("{path} {expected}")]);
    }
    let entries = [entry("operator", "Update", None, image_field()), status];
    let found = plain(&git, &live(deployment(1, "evil:1"), &entries, None));
    assert_eq!(found, [format!("{IMAGE} Unknown None operator claimed Controller")]);
}

#[test]
fn finalizers_of_unknown_writers_are_a_controllers() {
    let git = desired(deployment(1, "app:1"));
    let mut held = deployment(1, "app:1");
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    let fields = json!({"f:metadata": {"f:finalizers": {".": {}, "v:\"example.com/hold\"": {}}}});
    for (manager, operation, expected) in [
        ("operator", "Update", "Controller"),
        ("kubectl-patch", "Update", "Manual"),
        ("kubectl", "Apply", "Manual"),
        ("argocd-controller", "Apply", "Unknown"),
    ] {
        let found =
            plain(&git, &live(held.clone(), &[entry(manager, operation, None, fields.clone())], None));
        assert!(found.len() == 1 && found[0].contains(&format!(" {expected} ")), "{manager}: {found:?}");
    }
}

/// No name of the table hides any of these changes, whoever claims it.
#[test]
fn no_name_hides_a_harmful_change() {
    let difference = |path: &str, live: Value| {
        let path = FieldPath::parse(path).expect("a path of the table");
        mk_difference(path, Some(json!("before")), Some(live))
    };
    let container = ".spec.template.spec.containers[name=\"web\"]";
    let places = [
        ("apps/v1", "Deployment", format!("{container}.image")),
        ("apps/v1", "Deployment", format!("{container}.command")),
        ("apps/v1", "Deployment", format!("{container}.args")),
        ("apps/v1", "Deployment", format!("{container}.env[name=\"PASSWORD\"].value")),
        ("apps/v1", "Deployment", format!("{container}.securityContext.privileged")),
        ("apps/v1", "StatefulSet", format!("{container}.securityContext")),
        ("apps/v1", "DaemonSet", ".spec.template.spec.hostNetwork".to_owned()),
        ("apps/v1", "DaemonSet", ".spec.template.spec.hostPID".to_owned()),
        ("apps/v1", "Deployment", ".spec.template.spec.serviceAccountName".to_owned()),
        ("apps/v1", "Deployment", ".spec.template.spec.volumes[name=\"a\"].hostPath.path".to_owned()),
        ("apps/v1", "Deployment", ".spec.template.spec.containers[name=\"evil\"]".to_owned()),
        ("batch/v1", "CronJob", ".spec.jobTemplate.spec.template.spec.hostIPC".to_owned()),
        ("rbac.authorization.k8s.io/v1", "Role", ".rules".to_owned()),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", ".rules".to_owned()),
        ("rbac.authorization.k8s.io/v1", "RoleBinding", ".subjects".to_owned()),
        (
            "admissionregistration.k8s.io/v1",
            "ValidatingWebhookConfiguration",
            ".webhooks[name=\"a\"].rules".to_owned(),
        ),
        (
            "admissionregistration.k8s.io/v1",
            "ValidatingWebhookConfiguration",
            ".webhooks[name=\"a\"].clientConfig.url".to_owned(),
        ),
        (
            "admissionregistration.k8s.io/v1",
            "MutatingWebhookConfiguration",
            ".webhooks[name=\"a\"].clientConfig.service.name".to_owned(),
        ),
        ("v1", "ConfigMap", ".data.mode".to_owned()),
        ("v1", "Secret", ".data.password".to_owned()),
        ("v1", "Service", ".spec.selector.app".to_owned()),
        ("v1", "Service", ".spec.externalIPs".to_owned()),
        ("v1", "Service", ".spec.externalName".to_owned()),
        ("networking.k8s.io/v1", "NetworkPolicy", ".spec.ingress".to_owned()),
        ("networking.k8s.io/v1", "Ingress", ".spec.rules".to_owned()),
    ];
    assert!(places.len() >= 25);
    let mut names = 0;
    for (name, known) in Managers::built_in() {
        let name = name.replace('*', "x");
        names += 1;
        for (version, kind, path) in &places {
            let object =
                json!({"apiVersion": version, "kind": kind, "metadata": {"name": "x", "namespace": "shop"}});
            let git = desired(object.clone());
            let difference = difference(path, json!("evil"));
            assert!(!known.writes(&git.id, &difference), "{name} may write {kind} {path}");
        }
    }
    assert!(names > 100, "{names} rows");
}
