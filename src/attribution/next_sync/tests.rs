//! Tables: a Git manifest, a live object with managedFields; out come paths, outcomes and reasons as text.

use serde_json::{Value, json};

use super::{SyncFacts, UsualApplier};
use crate::attribution::{Evidence, Managers, attribute};
use crate::model::mk::mk_desired;
use crate::model::{
    Cause, Confidence, Desired, Finding, Manager, Rule, State, SyncOutcome, SyncReason, SyncWay, Verdict,
};
use crate::schema::Schema;

fn entry(manager: &str, operation: &str, fields: Value) -> Value {
    json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": fields})
}

fn scale_entry() -> Value {
    let mut entry = entry("kubectl", "Update", json!({"f:spec": {"f:replicas": {}}}));
    entry["subresource"] = json!("scale");
    entry
}

fn object(kind: &str, body: Value) -> Value {
    let (api, kind) = kind.rsplit_once('/').unwrap_or(("v1", kind));
    let mut object =
        json!({"apiVersion": api, "kind": kind, "metadata": {"name": "web", "namespace": "shop"}});
    merge(&mut object, body);
    object
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            from.into_iter().for_each(|(key, value)| merge(into.entry(key).or_insert(Value::Null), value));
        }
        (into, from) => *into = from,
    }
}

fn with_entries(mut live: Value, entries: &[Value], applied: Option<&Value>) -> Value {
    live["metadata"]["managedFields"] = json!(entries);
    if let Some(applied) = applied {
        let copy = json!({"kubectl.kubernetes.io/last-applied-configuration": applied.to_string()});
        merge(&mut live["metadata"], json!({"annotations": copy}));
    }
    live
}

fn finding(desired: &Desired, live: &Value, managers: &Managers) -> Finding {
    let schema = Schema::built_in();
    let differences = crate::diff::compare(desired, live, schema);
    let changes = attribute(differences, &Evidence::from_object(desired, live, schema, managers));
    Finding {
        resource: desired.id.clone(),
        state: State::Modified,
        origin: None,
        verdict: Verdict::unknown(),
        changes,
        notes: Vec::new(),
    }
}

/// `way; PATH: outcome (reason)`, a line each, by path.
fn predicted(git: &Value, live: &Value, others: &[Value]) -> String {
    let managers = Managers::new(&[]);
    let desired = mk_desired("x.yaml", git.clone());
    let all: Vec<Desired> =
        others.iter().chain([git]).map(|object| mk_desired("x.yaml", object.clone())).collect();
    let facts = SyncFacts { all: &all, managers: &managers, usual: None };
    let found = finding(&desired, live, &managers);
    let forecast = facts.modified(&found, (&desired, live), Schema::built_in());
    let applier = forecast.applier.expect("a live object has one");
    let mut lines = vec![format!("{:?}", applier.way)];
    for change in &found.changes {
        let path = &change.difference.path;
        let forecast = &forecast.changes[path];
        let readers: Vec<String> = forecast
            .readers
            .iter()
            .map(|reader| format!(" {}@{:?}", reader.workload.name, reader.at))
            .collect();
        let why = format!("{:?}", forecast.reason);
        let why = why.split(['(', ' ']).next().unwrap_or_default().to_owned();
        lines.push(format!("{path}: {:?} {why}{}", forecast.outcome, readers.concat()));
    }
    lines.join("\n")
}

#[track_caller]
fn check(git: &Value, live: &Value, expected: &[&str]) {
    assert_eq!(predicted(git, live, &[]).lines().collect::<Vec<_>>(), expected);
}

fn config(data: Value) -> Value {
    object("ConfigMap", json!({"data": data}))
}

/// One hand-edited and one hand-added key, by each applier.
#[test]
fn the_way_of_the_applier_decides_what_is_kept() {
    let git = config(json!({"a": "1"}));
    let edited = entry("kubectl-edit", "Update", json!({"f:data": {"f:a": {}, "f:b": {}}}));
    for (applier, applied, expected) in [
        (
            entry("kustomize-controller", "Apply", json!({"f:data": {}})),
            false,
            ["ServerSideForced", "Overwritten Declared", "Overwritten TakenOver"],
        ),
        (
            entry("argocd-controller", "Apply", json!({"f:data": {}})),
            false,
            ["ServerSideForced", "Overwritten Declared", "Kept NeverApplied"],
        ),
        (
            entry("argocd-controller", "Update", json!({"f:data": {}})),
            true,
            ["ClientSide", "Overwritten Declared", "Kept NeverApplied"],
        ),
        (
            entry("kubectl-client-side-apply", "Update", json!({"f:data": {}})),
            true,
            ["ClientSide", "Overwritten Declared", "Kept NeverApplied"],
        ),
        (
            entry("kubectl", "Apply", json!({"f:data": {}})),
            false,
            ["ServerSide", "Conflict OwnedBy", "Kept NeverApplied"],
        ),
        (
            entry("helm", "Apply", json!({"f:data": {}})),
            false,
            ["ServerSide", "Conflict OwnedBy", "Kept NeverApplied"],
        ),
        (
            entry("helm", "Update", json!({"f:data": {}})),
            false,
            ["Release", "Overwritten Declared", "Kept NeverApplied"],
        ),
        (
            entry("config-sync-of-our-own", "Apply", json!({"f:data": {}})),
            false,
            ["ServerSide", "Conflict OwnedBy", "Kept NeverApplied"],
        ),
        (
            entry("kubectl-create", "Update", json!({"f:kind": {}})),
            false,
            ["ClientSide", "Overwritten Declared", "Kept NeverApplied"],
        ),
    ] {
        let live = with_entries(
            config(json!({"a": "2", "b": "3"})),
            &[applier, edited.clone()],
            applied.then_some(&git),
        );
        let [way, of_declared, of_added] = expected;
        check(&git, &live, &[way, &format!(".data.a: {of_declared}"), &format!(".data.b: {of_added}")]);
    }
}

#[test]
fn options_of_flux_and_argo_cd_change_the_way() {
    for (manager, operation, key, value, expected) in [
        (
            "kustomize-controller",
            "Apply",
            "kustomize.toolkit.fluxcd.io/ssa",
            "Merge",
            ["ServerSideForced", "Overwritten Declared", "Kept NeverApplied"],
        ),
        (
            "kustomize-controller",
            "Apply",
            "kustomize.toolkit.fluxcd.io/ssa",
            "IfNotPresent",
            ["Skipped", "Kept Option", "Kept Option"],
        ),
        (
            "kustomize-controller",
            "Apply",
            "kustomize.toolkit.fluxcd.io/reconcile",
            "disabled",
            ["Skipped", "Kept Option", "Kept Option"],
        ),
        (
            "argocd-controller",
            "Update",
            "argocd.argoproj.io/sync-options",
            "Prune=false,Replace=true",
            ["Replace", "Overwritten Declared", "Overwritten Replaced"],
        ),
        (
            "argocd-controller",
            "Update",
            "argocd.argoproj.io/sync-options",
            "Replace=true, Force=true",
            ["Replace", "Recreated Replaced", "Recreated Replaced"],
        ),
        (
            "argocd-controller",
            "Update",
            "argocd.argoproj.io/sync-options",
            "ServerSideApply=true",
            ["ServerSideForced", "Overwritten Declared", "Kept NeverApplied"],
        ),
        // The option of another tool is none.
        (
            "kustomize-controller",
            "Apply",
            "argocd.argoproj.io/sync-options",
            "Replace=true",
            ["ServerSideForced", "Overwritten Declared", "Overwritten TakenOver"],
        ),
    ] {
        let options = json!({"metadata": {"annotations": {key: value}}});
        let with = |data: Value| {
            let mut object = config(data);
            merge(&mut object, options.clone());
            object
        };
        let entries = [
            entry(manager, operation, json!({"f:data": {}})),
            entry("kubectl-edit", "Update", json!({"f:data": {"f:a": {}, "f:b": {}}})),
        ];
        let live = with_entries(with(json!({"a": "2", "b": "3"})), &entries, None);
        let [way, of_declared, of_added] = expected;
        let expected = [way, &format!(".data.a: {of_declared}"), &format!(".data.b: {of_added}")];
        check(&with(json!({"a": "1"})), &live, &expected);
    }
}

/// What the applier owns and Git declares no more goes; where another owns it too, it stays.
#[test]
fn fields_that_git_declares_no_longer_go_with_their_applier() {
    let git = config(json!({"a": "1"}));
    let own = entry("argocd-controller", "Apply", json!({"f:data": {"f:a": {}, "f:b": {}, "f:c": {}}}));
    let other = entry("some-program", "Update", json!({"f:data": {"f:c": {}}}));
    let live = with_entries(config(json!({"a": "1", "b": "2", "c": "3"})), &[own, other], None);
    let expected = ["ServerSideForced", ".data.b: Overwritten NoLongerDeclared", ".data.c: Kept SharedWith"];
    check(&git, &live, &expected);

    let own = entry("kubectl-client-side-apply", "Update", json!({"f:data": {"f:a": {}, "f:b": {}}}));
    let applied = config(json!({"a": "1", "b": "2"}));
    let live = with_entries(config(json!({"a": "1", "b": "9", "c": "3"})), &[own], Some(&applied));
    let expected = ["ClientSide", ".data.b: Overwritten NoLongerDeclared", ".data.c: Kept NeverApplied"];
    check(&git, &live, &expected);
}

/// Flux takes over what a person wrote of an item: the item goes where nobody else owns it as an item, else a part of it.
#[test]
fn an_item_of_two_writers_goes_with_who_owns_the_item() {
    let whole = |fields: Value| {
        let mut item = json!({".": {}, "f:name": {}});
        merge(&mut item, fields);
        item
    };
    let of = |manager: &str, item: Value| {
        let containers = json!({"f:containers": {"k:{\"name\":\"shell\"}": item}});
        entry(manager, "Update", json!({"f:spec": {"f:template": {"f:spec": containers}}}))
    };
    let git = deployment(json!({}));
    let mut live = git.clone();
    let shell = json!({"name": "shell", "image": "busybox", "workingDir": "/tmp"});
    live["spec"]["template"]["spec"]["containers"].as_array_mut().expect("a list").push(shell);
    let flux = entry("kustomize-controller", "Apply", json!({"f:spec": {"f:selector": {}}}));
    for (person, program, expected) in [
        (whole(json!({"f:image": {}})), json!({"f:workingDir": {}}), "Overwritten TakenOver"),
        (json!({"f:workingDir": {}}), whole(json!({"f:image": {}})), "Partly SharedWith"),
        (json!({"f:image": {}}), whole(json!({"f:image": {}, "f:workingDir": {}})), "Kept SharedWith"),
    ] {
        let entries = [flux.clone(), of("kubectl-edit", person), of("some-program", program)];
        let path = r#".spec.template.spec.containers[name="shell"]"#;
        check(
            &git,
            &with_entries(live.clone(), &entries, None),
            &["ServerSideForced", &format!("{path}: {expected}")],
        );
    }
}

fn deployment(spec: Value) -> Value {
    let body = json!({"spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {
        "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}}});
    let mut object = object("apps/v1/Deployment", body);
    merge(&mut object, json!({"spec": spec}));
    object
}

/// What is refused of an object keeps all of it from being written.
#[test]
fn one_refused_field_stops_its_whole_object() {
    let git = deployment(json!({"replicas": 2}));
    let other = json!({"matchLabels": {"app": "other"}});
    let live = deployment(json!({"replicas": 3, "selector": other, "paused": true}));
    let flux = entry("kustomize-controller", "Apply", json!({"f:spec": {"f:selector": {}}}));
    let edit = entry("kubectl-edit", "Update", json!({"f:spec": {"f:paused": {}}}));
    let live = with_entries(live, &[flux, edit, scale_entry()], None);
    check(
        &git,
        &live,
        &[
            "ServerSideForced",
            ".spec.paused: Fails Blocked",
            ".spec.replicas: Fails Blocked",
            ".spec.selector: Fails Immutable",
        ],
    );

    let mut forced = git.clone();
    merge(
        &mut forced,
        json!({"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/force": "Enabled"}}}),
    );
    let mut of_forced = live;
    merge(
        &mut of_forced["metadata"],
        json!({"annotations": {"kustomize.toolkit.fluxcd.io/force": "Enabled"}}),
    );
    let found = predicted(&forced, &of_forced, &[]);
    assert_eq!(found.lines().filter(|line| line.contains("Recreated Immutable")).count(), 3, "{found}");

    let apply = entry("kubectl", "Apply", json!({"f:spec": {"f:selector": {}}}));
    let live = deployment(json!({"replicas": 3, "paused": true, "minReadySeconds": 5}));
    let git = deployment(json!({"replicas": 2, "minReadySeconds": 4}));
    check(
        &git,
        &with_entries(live, &[apply, scale_entry()], None),
        &[
            "ServerSide",
            ".spec.minReadySeconds: Conflict Blocked",
            ".spec.paused: Kept NeverApplied",
            ".spec.replicas: Conflict OwnedBy",
        ],
    );
}

#[test]
fn atomic_maps_are_merged_by_the_client() {
    let service = |selector: Value, ports: Value| {
        object("Service", json!({"spec": {"selector": selector, "ports": ports}}))
    };
    let git = service(json!({"app": "web"}), json!([{"port": 80}]));
    let by = entry("kubectl-client-side-apply", "Update", json!({"f:spec": {"f:selector": {}}}));
    let ports = json!([{"port": 80, "protocol": "TCP", "targetPort": 80}]);
    let live = |selector: Value| {
        with_entries(service(selector, ports.clone()), std::slice::from_ref(&by), Some(&git))
    };
    check(
        &git,
        &live(json!({"app": "web", "tier": "x"})),
        &["ClientSide", ".spec.selector: Kept NeverApplied"],
    );
    check(
        &git,
        &live(json!({"app": "other", "tier": "x"})),
        &["ClientSide", ".spec.selector: Partly Declared"],
    );
    check(&git, &live(json!({"app": "other"})), &["ClientSide", ".spec.selector: Overwritten Declared"]);
}

#[test]
fn lists_of_custom_resources_are_replaced_by_the_client() {
    let thing = |items: Value| object("example.com/v1/Thing", json!({"spec": {"items": items}}));
    let git = thing(json!(["a"]));
    let by = entry("kubectl-client-side-apply", "Update", json!({"f:spec": {}}));
    let live = with_entries(thing(json!(["a", "b"])), &[by], Some(&git));
    check(&git, &live, &["ClientSide", ".spec.items: Overwritten Declared"]);
    let by = entry("helm", "Update", json!({"f:spec": {}}));
    check(
        &git,
        &with_entries(thing(json!(["a", "b"])), &[by], None),
        &["Release", ".spec.items: Kept NotCompared"],
    );
}

#[test]
fn workloads_that_read_a_value_are_named_with_when() {
    let pod = |spec: Value| json!({"spec": {"template": {"spec": spec}}});
    let named = |name: &str, spec: Value| {
        let mut object = object("apps/v1/Deployment", pod(spec));
        object["metadata"]["name"] = json!(name);
        object
    };
    let key = json!({"configMapKeyRef": {"name": "web", "key": "a"}});
    let volumes = json!([{"name": "v", "configMap": {"name": "web"}}]);
    let mounts = |mount: Value| json!([{"name": "c", "volumeMounts": [mount]}]);
    let mut elsewhere =
        named("elsewhere", json!({"containers": [{"envFrom": [{"configMapRef": {"name": "web"}}]}]}));
    elsewhere["metadata"]["namespace"] = json!("other");
    let others = [
        named("by-key", json!({"containers": [{"name": "c", "env": [{"name": "A", "valueFrom": key}]}]})),
        named(
            "by-all",
            json!({"containers": [], "initContainers": [{"envFrom": [{"configMapRef": {"name": "web"}}]}]}),
        ),
        named(
            "as-file",
            json!({"containers": mounts(json!({"name": "v", "mountPath": "/v"})), "volumes": volumes}),
        ),
        named(
            "as-part",
            json!({"volumes": volumes,
            "containers": mounts(json!({"name": "v", "mountPath": "/v/b", "subPath": "b"}))}),
        ),
        named("as-secret", json!({"containers": [{"envFrom": [{"secretRef": {"name": "web"}}]}]})),
        named(
            "one-item",
            json!({"containers": mounts(json!({"name": "v", "mountPath": "/v"})), "volumes": [
            {"name": "v", "projected": {"sources": [{"configMap": {"name": "web", "items": [{"key": "a", "path": "a"}]}}]}}]}),
        ),
        elsewhere,
    ];
    let git = config(json!({"a": "1", "b": "1"}));
    let live = with_entries(config(json!({"a": "2", "b": "2"})), &[], None);
    let found = predicted(&git, &live, &others);
    assert_eq!(
        found.lines().skip(1).collect::<Vec<_>>(),
        [
            ".data.a: Overwritten Declared by-key@Restart by-all@Restart as-file@Mounted as-part@Restart one-item@Mounted",
            ".data.b: Overwritten Declared by-all@Restart as-file@Mounted as-part@Restart",
        ]
    );
}

#[test]
fn objects_of_one_side_are_made_kept_or_pruned() {
    let managers = Managers::new(&[]);
    let facts = SyncFacts { all: &[], managers: &managers, usual: None };
    let git = mk_desired("x.yaml", config(json!({})));
    let ignored = object(
        "ConfigMap",
        json!({"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/ssa": "Ignore"}}}),
    );
    let ignored = mk_desired("x.yaml", ignored);
    let leftover = |manager: &str| {
        let manager = Manager {
            name: manager.to_owned(),
            operation: "Apply".to_owned(),
            subresource: String::new(),
            api_version: String::new(),
            time: None,
        };
        Verdict::new(Cause::Unsynced, Confidence::None, Rule::Leftover).with_manager(Some(&manager))
    };
    for (state, verdict, desired, expected) in [
        (State::Missing, Verdict::unknown(), Some(&git), SyncOutcome::Recreated),
        (State::Missing, Verdict::unknown(), Some(&ignored), SyncOutcome::Kept),
        (State::Unmanaged, Verdict::unknown(), None, SyncOutcome::Kept),
        (State::Unmanaged, leftover("kustomize-controller"), None, SyncOutcome::Pruned),
        (State::Unmanaged, leftover("argocd-controller"), None, SyncOutcome::Kept),
    ] {
        let found = Finding {
            resource: git.id.clone(),
            state,
            origin: None,
            verdict,
            changes: Vec::new(),
            notes: Vec::new(),
        };
        let forecast = facts.one_sided(&found, desired);
        assert_eq!(forecast.object.map(|found| found.outcome), Some(expected), "{state:?}");
    }
}

/// A person made the object anew: its own records name no deployer.
#[test]
fn the_usual_deployer_applies_what_lost_its_record() {
    let git = config(json!({"a": "1"}));
    let by_hand = entry("kubectl-create", "Update", json!({"f:data": {".": {}, "f:a": {}, "f:b": {}}}));
    let live = with_entries(config(json!({"a": "2", "b": "3"})), &[by_hand], None);
    let managers = Managers::new(&[]);
    let desired = mk_desired("x.yaml", git);
    let found = finding(&desired, &live, &managers);
    let usual = |manager, by_apply, is_deployer| Some(UsualApplier { manager, by_apply, is_deployer });
    for (usual, way, of_added) in [
        (usual("kustomize-controller", true, true), SyncWay::ServerSideForced, SyncOutcome::Overwritten),
        (usual("argocd-controller", true, true), SyncWay::ServerSideForced, SyncOutcome::Kept),
        (usual("argocd-controller", false, true), SyncWay::ClientSide, SyncOutcome::Kept),
        (usual("kubectl", true, false), SyncWay::ServerSide, SyncOutcome::Kept),
        (None, SyncWay::ClientSide, SyncOutcome::Kept),
    ] {
        let facts = SyncFacts { all: &[], managers: &managers, usual };
        let forecast = facts.modified(&found, (&desired, &live), Schema::built_in());
        let applier = forecast.applier.expect("a live object has one");
        assert_eq!((applier.way, applier.manager.as_deref()), (way, usual.map(|usual| usual.manager)));
        let added = found.changes.iter().find(|change| change.difference.path.to_string() == ".data.b");
        let added = &forecast.changes[&added.expect("it was added").difference.path];
        assert_eq!(added.outcome, of_added, "{usual:?}");
    }
}

/// Ports of another number, volumes and variables of another kind, a strategy that goes back.
#[test]
fn what_cannot_stand_beside_what_is_kept_is_refused() {
    let pod = |container: Value, volumes: Value| {
        let mut container = container;
        merge(&mut container, json!({"name": "web", "image": "web:1"}));
        let spec = json!({"containers": [container], "volumes": volumes});
        deployment(json!({"template": {"spec": spec}}))
    };
    let argo = entry("argocd-controller", "Apply", json!({"f:spec": {"f:selector": {}}}));
    let none = json!([]);
    let reason = |git: &Value, live: &Value| {
        let managers = Managers::new(&[]);
        let live = with_entries(live.clone(), std::slice::from_ref(&argo), None);
        let desired = mk_desired("x.yaml", git.clone());
        let facts = SyncFacts { all: &[], managers: &managers, usual: None };
        let found = finding(&desired, &live, &managers);
        let forecast = facts.modified(&found, (&desired, &live), Schema::built_in());
        assert_eq!(forecast.applier.map(|applier| applier.way), Some(SyncWay::ServerSideForced));
        let refused = forecast.changes.values().find_map(|found| match &found.reason {
            SyncReason::Exclusive(one, other) | SyncReason::Twice(one, other) => Some((one, other)),
            _ => None,
        });
        refused
            .map(|(one, other)| (one.last_field().map(str::to_owned), other.last_field().map(str::to_owned)))
    };
    let names = |one: &str, other: &str| Some((Some(one.to_owned()), Some(other.to_owned())));

    let port = |number: u16| {
        pod(json!({"ports": [{"name": "http", "containerPort": number, "protocol": "TCP"}]}), none.clone())
    };
    assert_eq!(reason(&port(80), &port(8080)), names("ports", "ports"));
    let unnamed =
        |number: u16| pod(json!({"ports": [{"containerPort": number, "protocol": "TCP"}]}), none.clone());
    assert_eq!(reason(&unnamed(80), &unnamed(8080)), None);

    let variable = |source: Value| {
        let mut variable = json!({"name": "A"});
        merge(&mut variable, source);
        pod(json!({"env": [variable]}), none.clone())
    };
    let from = json!({"valueFrom": {"configMapKeyRef": {"name": "a", "key": "b"}}});
    assert_eq!(reason(&variable(json!({"value": "x"})), &variable(from)), names("value", "valueFrom"));

    let volume = |source: Value| {
        let mut volume = json!({"name": "v"});
        merge(&mut volume, source);
        pod(json!({}), json!([volume]))
    };
    let live = volume(json!({"configMap": {"name": "c", "defaultMode": 420}}));
    assert_eq!(reason(&volume(json!({"emptyDir": {}})), &live), names("emptyDir", "configMap"));

    let git = deployment(json!({"strategy": {"type": "Recreate"}}));
    let rolling =
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}});
    assert_eq!(reason(&git, &deployment(json!({"strategy": rolling}))), names("type", "rollingUpdate"));
}
