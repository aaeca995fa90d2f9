//! Generated objects: what a cluster of ordinary applications declares.

use serde_json::{Value, json};

/// Kinds of one application; each has one object of each.
pub(crate) const KINDS: usize = 13;

/// The objects of a cluster: a CRD, namespaces, and applications, `count` in all.
pub(crate) fn objects(prefix: &str, count: usize) -> Vec<Value> {
    let namespaces = (count / 26).clamp(1, 20);
    let names: Vec<String> = (0..namespaces).map(|number| format!("{prefix}-{number}")).collect();
    let namespace =
        |name: &String| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let shared = std::iter::once(definition()).chain(names.iter().map(namespace));
    let apps = (0..).flat_map(|number: usize| app(&names[number % names.len()], number));
    shared.chain(apps).take(count).collect()
}

/// The file of the repository that an object is in: one for each application.
pub(crate) fn file(object: &Value) -> String {
    let metadata = &object["metadata"];
    match (metadata["namespace"].as_str(), metadata["labels"]["app"].as_str()) {
        (Some(namespace), Some(app)) => format!("apps/{namespace}/{app}.yaml"),
        _ => "apps/cluster.yaml".to_owned(),
    }
}

/// The path of the list that an object is in.
pub(crate) fn path(object: &Value) -> String {
    let (version, kind) =
        (object["apiVersion"].as_str().unwrap_or_default(), object["kind"].as_str().unwrap_or_default());
    let root = if version == "v1" { "/api/v1".to_owned() } else { format!("/apis/{version}") };
    let plural = match kind {
        "Ingress" => "ingresses".to_owned(),
        "NetworkPolicy" => "networkpolicies".to_owned(),
        kind => format!("{}s", kind.to_lowercase()),
    };
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{root}/namespaces/{namespace}/{plural}"),
        None => format!("{root}/{plural}"),
    }
}

fn definition() -> Value {
    let properties = json!({"spec": {"type": "object", "properties": {
        "size": {"type": "integer", "default": 3}, "color": {"type": "string"},
        "parts": {"type": "array", "items": {"type": "string"}}}}});
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
           "metadata": {"name": "widgets.speed.example"},
           "spec": {"group": "speed.example", "scope": "Namespaced",
                    "names": {"kind": "Widget", "plural": "widgets"},
                    "versions": [{"name": "v1", "served": true, "storage": true,
                                  "schema": {"openAPIV3Schema": {"type": "object", "properties": properties}}}]}})
}

fn app(namespace: &str, number: usize) -> [Value; KINDS] {
    let name = format!("app-{number}");
    let object = |api: &str, kind: &str, rest: Value| {
        let labels = json!({"app": name, "app.kubernetes.io/part-of": "speed", "team": format!("team-{}", number % 7)});
        let mut object = json!({"apiVersion": api, "kind": kind,
                                "metadata": {"name": name, "namespace": namespace, "labels": labels}});
        if let (Some(object), Value::Object(rest)) = (object.as_object_mut(), rest) {
            object.extend(rest);
        }
        object
    };
    let spec = |api: &str, kind: &str, spec: Value| object(api, kind, json!({"spec": spec}));
    let rbac = "rbac.authorization.k8s.io/v1";
    let text: String = (0..40).map(|line| format!("key.{line} = value {number} of line {line}\n")).collect();
    [
        spec("apps/v1", "Deployment", deployment(&name, number)),
        spec(
            "v1",
            "Service",
            json!({"selector": {"app": name},
            "ports": [{"name": "http", "port": 80, "targetPort": "http"}, {"name": "metrics", "port": 9090}]}),
        ),
        object("v1", "ConfigMap", json!({"data": {"app.properties": text, "LOG_LEVEL": "info"}})),
        object(
            "v1",
            "Secret",
            json!({"type": "Opaque", "data": {"password": "c2VjcmV0LXZhbHVl", "token": "dG9rZW4="}}),
        ),
        object("v1", "ServiceAccount", json!({"automountServiceAccountToken": false})),
        object(
            rbac,
            "Role",
            json!({"rules": [
            {"apiGroups": [""], "resources": ["configmaps", "secrets"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}]}),
        ),
        object(
            rbac,
            "RoleBinding",
            json!({"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}]}),
        ),
        spec(
            "networking.k8s.io/v1",
            "Ingress",
            json!({"rules": [{"host": format!("{name}.example.com"),
            "http": {"paths": [{"path": "/", "pathType": "Prefix",
                                "backend": {"service": {"name": name, "port": {"name": "http"}}}}]}}]}),
        ),
        spec(
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            json!({"minReplicas": 2, "maxReplicas": 10,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "metrics": [{"type": "Resource", "resource": {"name": "cpu",
                         "target": {"type": "Utilization", "averageUtilization": 70}}}]}),
        ),
        spec(
            "policy/v1",
            "PodDisruptionBudget",
            json!({"minAvailable": 1, "selector": {"matchLabels": {"app": name}}}),
        ),
        spec(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            json!({"podSelector": {"matchLabels": {"app": name}},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"podSelector": {"matchLabels": {"team": "front"}}}], "ports": [{"port": 8080}]}]}),
        ),
        spec(
            "batch/v1",
            "CronJob",
            json!({"schedule": "*/15 * * * *", "jobTemplate": {"spec": {"template": {"spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "job", "image": "registry.example.com/job:1.2", "args": ["--once"]}]}}}}}),
        ),
        spec("speed.example/v1", "Widget", json!({"color": "blue", "parts": ["one", "two", name]})),
    ]
}

fn deployment(name: &str, number: usize) -> Value {
    let env: Vec<Value> = (0..8)
        .map(|at| json!({"name": format!("SETTING_{at}"), "value": format!("{number}-{at}")}))
        .collect();
    let resources =
        json!({"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}});
    let probe = json!({"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 5});
    let web = json!({"name": "web", "image": format!("registry.example.com/web:1.{number}"), "env": env,
        "ports": [{"name": "http", "containerPort": 8080}, {"name": "metrics", "containerPort": 9090}],
        "readinessProbe": probe, "livenessProbe": probe, "resources": resources,
        "envFrom": [{"configMapRef": {"name": name}}],
        "volumeMounts": [{"name": "config", "mountPath": "/etc/app"}, {"name": "tmp", "mountPath": "/tmp"}],
        "securityContext": {"allowPrivilegeEscalation": false, "runAsNonRoot": true}});
    let side = json!({"name": "proxy", "image": "registry.example.com/proxy:2.0", "resources": resources});
    json!({"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": {
        "metadata": {"labels": {"app": name}},
        "spec": {"serviceAccountName": name, "containers": [web, side],
                 "volumes": [{"name": "config", "configMap": {"name": name}}, {"name": "tmp", "emptyDir": {}}]}}})
}
