//! A run as the CronJob's Pod within its own limits, while the tenant of one namespace does what he can against it.

use std::time::Duration;

use serde_json::{Value, json};

use super::kubelet::Kubelet;
use super::runs::{MANIFEST, by_hand, changed_lines, declared, deploy, give_token, job_now, overlay, pulls};
use crate::support::cluster::ControlPlane;
use crate::support::gitea::Gitea;
use crate::support::http::Request;
use crate::support::servers::eventually;

/// The tenant's own declared objects, of kinds of which he makes many more.
const OF_TENANT: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {color: blue}
---
apiVersion: tenant.example/v1
kind: Widget
metadata: {name: flat}
spec: {size: 1}
";

const WIDGETS: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.tenant.example}
spec:
  group: tenant.example
  names: {kind: Widget, plural: widgets, singular: widget, listKind: WidgetList}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: drift-reads-widgets
  labels: {drift.dev/aggregate-to-reader: 'true'}
rules:
- {apiGroups: [tenant.example], resources: [widgets], verbs: [get, list]}
";

#[test]
fn tenant_cannot_block_or_blind_the_cronjob() {
    let (plane, gitea) = (ControlPlane::with_controllers(), Gitea::shared());
    plane.apply("admin", "default", WIDGETS, &[]);
    let condition = ["wait", "--for=condition=Established", "crd/widgets.tenant.example"];
    let _ = plane.kubectl("admin", &condition).expect_status(0);
    let (shop, tenant) = (plane.fresh_namespace("shop"), plane.fresh_namespace("tenant"));
    let (repository, bot) = declared(gitea, &[("shop", &shop, MANIFEST), ("tenant", &tenant, OF_TENANT)]);
    deploy(plane, &shop, MANIFEST);
    deploy(plane, &tenant, OF_TENANT);
    let container = json!({"name": "web", "resources": {"limits": {"memory": "1Gi"}}});
    let patch = json!({"spec": {"template": {"spec": {"containers": [container]}}}});
    by_hand(plane, &shop, "deployment/web", &patch);
    attack(plane, &tenant);

    let overlay = overlay("hostile", "", &repository.clone_url);
    plane.apply("gitops", "drift-hostile", &overlay.build(), &[]);
    give_token(plane, "drift-hostile", &bot);
    let kubelet = Kubelet::new(plane, "drift-hostile");
    let pod = kubelet.pod_of(&job_now(plane, "drift-hostile", "drift-hostile", "once"));
    // The cluster gathers the rules of the role a moment later; until then Widgets cannot be listed.
    let output = eventually("a run reads Widgets", Duration::from_secs(300), || {
        Some(kubelet.run_within_its_memory(&pod))
            .filter(|output| !output.stdout.contains("403 Forbidden: widgets"))
    });
    // 1: the tenant's many objects are held back, for a person to look at.
    let output = output.expect_status(1);
    let opened = pulls(gitea, &repository);
    let of_shop = |pull: &&Value| {
        let lines = changed_lines(gitea, &repository, pull);
        lines.iter().any(|line| line == "+              memory: 1Gi # enough, we thought")
    };
    assert!(opened.iter().any(|pull| of_shop(&pull)), "{}\n{}", output.stdout, output.stderr);
    for said in [
        format!("modified Widget/{tenant}/flat"),
        "it is nested deeper than 127 levels".to_owned(),
        format!("ownership claims of objects in {tenant} (more than 1000 different claims"),
    ] {
        assert!(output.stdout.contains(&said), "{said}: {}", output.stdout);
    }
}

/// What a namespace's tenant may do: large objects, very many of them, deep ones, thousands of keys in a declared one, and
/// marks of releases and applications that do not exist, each of which is looked up.
fn attack(plane: &ControlPlane, namespace: &str) {
    let maps = format!("/api/v1/namespaces/{namespace}/configmaps");
    let widgets = format!("/apis/tenant.example/v1/namespaces/{namespace}/widgets");
    let client = plane.client("admin");
    let make = |path: &str, object: &Value| {
        let path = format!("{path}?fieldManager=tenant-app");
        let (status, answer) = client.json("POST", &path, Some(object));
        assert_eq!(status, 201, "{answer}");
    };
    let change = |path: &str, patch: &Value| {
        let path = format!("{path}?fieldManager=kubectl-edit");
        let media = "application/merge-patch+json";
        let request = Request { method: "PATCH", path: &path, media, agent: None, body: patch };
        let (status, answer) = client.send(&request);
        assert_eq!(status, 200, "{answer}");
    };
    let map = |name: String, data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data});
    for number in 0..100 {
        make(&maps, &map(format!("fat-{number}"), json!({"x": "y".repeat(1_000_000)})));
        let spec = json!({"x": "y".repeat(1_000_000)});
        make(&widgets, &widget(&format!("fat-{number}"), spec));
    }
    for number in 0..1_100 {
        let mut claiming = map(format!("claim-{number}"), json!({}));
        claiming["metadata"]["labels"] = json!({"kapp.k14s.io/app": format!("app-{number}"),
            "argocd.argoproj.io/instance": format!("app-{number}"),
            "kustomize.toolkit.fluxcd.io/name": format!("app-{number}")});
        claiming["metadata"]["annotations"] = json!({"meta.helm.sh/release-name": format!("app-{number}")});
        claiming["metadata"]["ownerReferences"] = json!([{"apiVersion": "tenant.example/v1", "kind": "Widget",
            "name": format!("owner-{number}"), "uid": format!("uid-{number}")}]);
        make(&maps, &claiming);
    }
    let deep = (0..130).fold(json!("x"), |inner, _| json!({"a": inner}));
    make(&widgets, &widget("deep", deep));
    let keys: serde_json::Map<String, Value> =
        (0..5_000).map(|number| (format!("key-{number}"), json!("value"))).collect();
    change(&format!("{maps}/settings"), &json!({"data": keys}));
    change(&format!("{widgets}/flat"), &json!({"spec": {"size": 2}}));
}

fn widget(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "tenant.example/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec})
}
