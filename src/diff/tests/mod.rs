//! Tables: Git's YAML and the live YAML in, the differences as text out.

mod built_in;
mod cross_check;
mod custom;
mod duplicate_keys;
mod fast_equal;
mod lists;
mod nulls;
mod properties;
mod status;
mod untouched;
mod values;

use serde_json::Value;

use crate::model::mk::mk_desired;
use crate::model::{ChangeKind, Desired, Difference};
use crate::schema::Schema;
use cross_check::compare;

pub(super) fn object(text: &str) -> Value {
    serde_yaml::from_str(text).expect("the table's YAML is valid")
}

pub(crate) fn desired(text: &str) -> Desired {
    of(object(text))
}

pub(super) fn of(value: Value) -> Desired {
    mk_desired("x.yaml", value)
}

fn line(difference: &Difference) -> String {
    let show = |value: &Option<Value>| value.as_ref().map_or_else(|| "-".to_owned(), Value::to_string);
    let kind = match difference.kind {
        ChangeKind::Added => '+',
        ChangeKind::Modified => '~',
        ChangeKind::Removed => '-',
    };
    let mut line =
        format!("{kind} {} {} -> {}", difference.path, show(&difference.desired), show(&difference.live));
    if let Some(default) = &difference.default {
        line.push_str(&format!(" (default {default})"));
    }
    if difference.server_set {
        line.push_str(" server-set");
    }
    if difference.masked {
        line.push_str(" masked");
    }
    line
}

#[track_caller]
pub(super) fn check(git: &str, live: &str, expected: &[&str]) {
    let found: Vec<String> =
        compare(&desired(git), &object(live), Schema::built_in()).iter().map(line).collect();
    assert_eq!(found, expected, "\n--- Git\n{git}\n--- live\n{live}");
}

/// Git's and the live `spec` of a custom resource whose CRD gives its `spec` these properties.
#[track_caller]
fn check_custom(properties: &str, git: &str, live: &str, expected: &[&str]) {
    let crd = format!(
        "{{spec: {{group: example.com, names: {{kind: Widget}}, versions: [{{name: v1, schema: {{openAPIV3Schema: {{type: object, properties: {{spec: {{type: object, properties: {properties}}}}}}}}}}}]}}}}"
    );
    let widget = |spec: &str| {
        format!("{{apiVersion: example.com/v1, kind: Widget, metadata: {{name: w}}, spec: {spec}}}")
    };
    let schema = Schema::from_crd(&object(&crd));
    assert!(schema.has_kind("example.com", "v1", "Widget"), "the schema of the table is read");
    let found = compare(&desired(&widget(git)), &object(&widget(live)), &schema);
    let found: Vec<String> = found.iter().map(line).collect();
    assert_eq!(found, expected, "\n--- schema\n{properties}\n--- Git\n{git}\n--- live\n{live}");
}

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: nginx:1.25
        ports: [{containerPort: 80}]
        env: [{name: A, value: '1'}, {name: B, value: '2'}]
        resources: {limits: {memory: 0.5Gi, cpu: 1000m}}
";

/// The Deployment as the server returns it, after the edits `(from, to)` of its text.
fn live_deployment(edits: &[(&str, &str)]) -> String {
    let mut live = "
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  uid: 1-2
  resourceVersion: '7'
  generation: 2
  creationTimestamp: '2026-01-01T00:00:00Z'
  annotations: {deployment.kubernetes.io/revision: '1'}
  managedFields: [{manager: x}]
spec:
  progressDeadlineSeconds: 600
  replicas: 1
  revisionHistoryLimit: 10
  selector: {matchLabels: {app: web}}
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 25%, maxUnavailable: 25%}}
  template:
    metadata:
      creationTimestamp: null
      labels: {app: web}
    spec:
      containers:
      - env: [{name: A, value: '1'}, {name: B, value: '2'}]
        image: nginx:1.25
        imagePullPolicy: IfNotPresent
        name: web
        ports: [{containerPort: 80, protocol: TCP}]
        resources: {limits: {cpu: '1', memory: 512Mi}}
        terminationMessagePath: /dev/termination-log
        terminationMessagePolicy: File
      dnsPolicy: ClusterFirst
      restartPolicy: Always
      schedulerName: default-scheduler
      securityContext: {}
      terminationGracePeriodSeconds: 30
status: {replicas: 1}
"
    .to_owned();
    for (from, to) in edits {
        assert!(live.contains(from), "the live text has no {from:?}");
        live = live.replacen(from, to, 1);
    }
    live
}

#[test]
fn server_fields_and_equal_quantities_not_reported() {
    let revision = "+ .metadata.annotations[\"deployment.kubernetes.io/revision\"] - -> \"1\" server-set";
    check(DEPLOYMENT, &live_deployment(&[]), &[revision]);
}

/// Each edit of live is found at its path, and only that.
#[test]
fn each_deployment_edit_found_alone() {
    let revision = ("annotations: {deployment.kubernetes.io/revision: '1'}", "annotations: {}");
    let container = ".spec.template.spec.containers[name=\"web\"]";
    let cases: &[(&str, &str, &str)] = &[
        ("replicas: 1\n  rev", "replicas: 5\n  rev", "+ .spec.replicas - -> 5 (default 1)"),
        (
            "PeriodSeconds: 30",
            "PeriodSeconds: 45",
            "+ .spec.template.spec.terminationGracePeriodSeconds - -> 45 (default 30)",
        ),
        (
            "{name: B, value: '2'}]",
            "{name: B, value: '2'}, {name: C, value: x}]",
            "+ C.env[name=\"C\"] - -> {\"name\":\"C\",\"value\":\"x\"}",
        ),
        ("{name: B, value: '2'}]", "{name: B, value: '3'}]", "~ C.env[name=\"B\"].value \"2\" -> \"3\""),
        (", {name: B, value: '2'}]", "]", "- C.env[name=\"B\"] {\"name\":\"B\",\"value\":\"2\"} -> -"),
        ("nginx:1.25", "nginx:1.26", "~ C.image \"nginx:1.25\" -> \"nginx:1.26\""),
        ("memory: 512Mi", "memory: 1Gi", "~ C.resources.limits.memory \"0.5Gi\" -> \"1Gi\""),
        ("cpu: '1', ", "", "- C.resources.limits.cpu \"1000m\" -> -"),
        ("image: nginx:1.25", "args: [x]\n        image: nginx:1.25", "+ C.args - -> [\"x\"]"),
        (
            "labels: {app: web}",
            "annotations: {a/b: x}\n      labels: {app: web}",
            "+ .spec.template.metadata.annotations[\"a/b\"] - -> \"x\"",
        ),
        (
            "{matchLabels: {app: web}}",
            "{matchLabels: {app: w}}",
            "~ .spec.selector {\"matchLabels\":{\"app\":\"web\"}} -> {\"matchLabels\":{\"app\":\"w\"}}",
        ),
        (
            "securityContext: {}",
            "securityContext: {runAsUser: 1}",
            "+ .spec.template.spec.securityContext.runAsUser - -> 1",
        ),
        (
            "containerPort: 80, protocol: TCP",
            "containerPort: 80, protocol: TCP, name: http",
            "+ C.ports[containerPort=80,protocol=\"TCP\"].name - -> \"http\"",
        ),
        (
            "dnsPolicy: ClusterFirst",
            "tolerations: [{key: a}]\n      dnsPolicy: ClusterFirst",
            "+ .spec.template.spec.tolerations - -> [{\"key\":\"a\"}]",
        ),
        (
            "type: RollingUpdate, rollingUpdate: {maxSurge: 25%, maxUnavailable: 25%}",
            "type: Recreate",
            "+ .spec.strategy.type - -> \"Recreate\" (default \"RollingUpdate\")",
        ),
    ];
    for (from, to, expected) in cases {
        let expected = expected.replace(" C.", &format!(" {container}."));
        check(DEPLOYMENT, &live_deployment(&[revision, (from, to)]), &[&expected]);
    }
    let swapped =
        ("[{name: A, value: '1'}, {name: B, value: '2'}]", "[{name: B, value: '2'}, {name: A, value: '1'}]");
    check(DEPLOYMENT, &live_deployment(&[revision, swapped]), &[]);
}

#[test]
fn secret_values_do_not_leave_the_comparison() {
    let git = "{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {a: old, b: same}}";
    let live = "{apiVersion: v1, kind: Secret, type: Opaque, metadata: {name: s, annotations: {x: leak}}, data: {a: bmV3, b: c2FtZQ==, c: YWRk}}";
    check(
        git,
        live,
        &["~ .data.a - -> - masked", "+ .data.c - -> - masked", "+ .metadata.annotations.x - -> - masked"],
    );
}

#[test]
fn empty_equals_absent_where_server_drops() {
    let service = "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {selector: {a: b}, loadBalancerSourceRanges: [], externalName: '', ports: [{port: 53, protocol: UDP}, {port: 53}]}}";
    let stored = "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {type: ClusterIP, sessionAffinity: None, internalTrafficPolicy: Cluster, clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1], selector: {a: b}, ports: [{port: 53, targetPort: 53, protocol: UDP}, {port: 53, protocol: TCP, targetPort: 53}]}}";
    check(
        service,
        stored,
        &[
            "+ .spec.clusterIP - -> \"10.0.0.1\" server-set",
            "+ .spec.clusterIPs - -> [\"10.0.0.1\"] server-set",
        ],
    );
    let config = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {empty: '', cpu: 1000m}}";
    check(
        config,
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {cpu: '1'}}",
        &["~ .data.cpu \"1000m\" -> \"1\"", "- .data.empty \"\" -> -"],
    );
}

#[test]
fn defaults_in_atomic_lists_filled_before_comparison() {
    let git = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: n}, spec: {podSelector: {}, ingress: [{ports: [{port: 80}]}]}}";
    let live = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: n}, spec: {podSelector: {}, policyTypes: [Ingress], ingress: [{ports: [{port: 80, protocol: TCP}]}]}}";
    check(git, live, &[]);
    let role = "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: r}, roleRef: {kind: Role, name: x}, subjects: [{kind: User, name: u}]}";
    let stored = "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: r}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: x}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: u}]}";
    check(role, stored, &[]);
}

#[test]
fn moved_init_container_is_order_change() {
    let pod = |order: [&str; 2]| {
        let list = order.map(|name| format!("{{name: {name}, image: 'a:1'}}")).join(", ");
        format!(
            "{{apiVersion: v1, kind: ReplicationController, metadata: {{name: p}}, spec: {{template: {{spec: {{initContainers: [{list}], containers: []}}}}}}}}"
        )
    };
    let found = compare(&desired(&pod(["a", "b"])), &object(&pod(["b", "a"])), Schema::built_in());
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].note.as_deref(), Some("the order differs"));
}

#[test]
fn custom_resource_compared_by_its_crd() {
    let crd = object("
spec:
  group: example.com
  names: {kind: Widget}
  versions:
  - name: v1
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              size: {type: integer, default: 3}
              on: {type: boolean}
              memory: {x-kubernetes-int-or-string: true, pattern: '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$'}
              parts:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [id]
                items: {type: object, properties: {id: {type: string}, count: {type: integer, default: 1}}}
");
    let schema = Schema::from_crd(&crd);
    let git = desired(
        "{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}, spec: {on: false, memory: 0.5Gi, parts: [{id: a}, {id: b}], free: [1, 2]}}",
    );
    let live = object(
        "{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}, spec: {size: 3, memory: 512Mi, parts: [{id: b, count: 2}, {id: a, count: 1}], free: [2, 1]}}",
    );
    let found: Vec<String> = compare(&git, &live, &schema).iter().map(line).collect();
    assert_eq!(
        found,
        [
            "~ .spec.free [1,2] -> [2,1]",
            "- .spec.on false -> -",
            "+ .spec.parts[id=\"b\"].count - -> 2 (default 1)",
        ]
    );
}

#[test]
fn built_in_schema_has_core_kinds() {
    let schema = Schema::built_in();
    assert!(schema.has_kind("apps", "v1", "Deployment") && schema.has_kind("", "v1", "Pod"));
}

const SERVICE: &str = "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: [{port: 80}]}}";

fn live_service(spec: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Service, metadata: {{name: s, namespace: shop}}, spec: {{sessionAffinity: None, internalTrafficPolicy: Cluster, ports: [{{port: 80, protocol: TCP, targetPort: 80}}], {spec}}}}}"
    )
}

#[test]
fn derived_value_is_no_separate_change() {
    let node_port = "+ .spec.type - -> \"NodePort\" (default \"ClusterIP\")";
    let balanced = "+ .spec.type - -> \"LoadBalancer\" (default \"ClusterIP\")";
    let cases: &[(&str, &[&str])] = &[
        ("type: NodePort, externalTrafficPolicy: Cluster", &[node_port]),
        (
            "type: NodePort, externalTrafficPolicy: Local",
            &["+ .spec.externalTrafficPolicy - -> \"Local\"", node_port],
        ),
        (
            "type: LoadBalancer, externalTrafficPolicy: Cluster, allocateLoadBalancerNodePorts: true",
            &[balanced],
        ),
        (
            "type: LoadBalancer, externalTrafficPolicy: Cluster, allocateLoadBalancerNodePorts: false",
            &["+ .spec.allocateLoadBalancerNodePorts - -> false", balanced],
        ),
        // Not what a service of this type gets.
        (
            "type: ClusterIP, externalTrafficPolicy: Cluster",
            &["+ .spec.externalTrafficPolicy - -> \"Cluster\""],
        ),
    ];
    for (spec, expected) in cases {
        check(SERVICE, &live_service(spec), expected);
    }
    let set = |strategy: &str| {
        format!(
            "{{apiVersion: apps/v1, kind: DaemonSet, metadata: {{name: d}}, spec: {{revisionHistoryLimit: 10, updateStrategy: {strategy}}}}}"
        )
    };
    let git = set("{type: OnDelete}");
    let changed = "~ .spec.updateStrategy.type \"OnDelete\" -> \"RollingUpdate\"";
    check(&git, &set("{type: RollingUpdate, rollingUpdate: {maxUnavailable: 1, maxSurge: 0}}"), &[changed]);
    check(
        &git,
        &set("{type: RollingUpdate, rollingUpdate: {maxUnavailable: 3, maxSurge: 0}}"),
        &["+ .spec.updateStrategy.rollingUpdate - -> {\"maxSurge\":0,\"maxUnavailable\":3}", changed],
    );
}

#[test]
fn manifest_may_omit_namespace() {
    check(SERVICE, &live_service("type: ClusterIP"), &[]);
}

/// What Kubernetes holds as a pointer keeps its zero value, so one that is gone was taken out.
#[test]
fn removed_zero_found_where_server_keeps_zeros() {
    let template = |pod: &str| {
        format!(
            "{{apiVersion: v1, kind: ReplicationController, metadata: {{name: p}}, spec: {{template: {{spec: {{containers: [], {pod}}}}}}}}}"
        )
    };
    let at = ".spec.template.spec";
    let cases: &[(&str, &str, &[&str])] = &[
        ("automountServiceAccountToken: false", "", &["- T.automountServiceAccountToken false -> -"]),
        ("securityContext: {runAsUser: 0}", "securityContext: {}", &["- T.securityContext.runAsUser 0 -> -"]),
        (
            "securityContext: {runAsNonRoot: false}",
            "",
            &["- T.securityContext {\"runAsNonRoot\":false} -> -"],
        ),
        ("hostNetwork: false, hostPID: false, nodeName: ''", "", &[]),
        ("nodeSelector: {a: ''}", "", &["- T.nodeSelector {\"a\":\"\"} -> -"]),
        (
            "securityContext: {seLinuxOptions: {level: ''}}",
            "",
            &["- T.securityContext {\"seLinuxOptions\":{\"level\":\"\"}} -> -"],
        ),
    ];
    for (git, live, expected) in cases {
        let expected: Vec<String> =
            expected.iter().map(|line| line.replace(" T.", &format!(" {at}."))).collect();
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        check(&template(git), &template(live), &expected);
    }
}

#[test]
fn alias_of_changed_field_reported_once() {
    let pod = |account: &str| {
        format!(
            "{{apiVersion: v1, kind: ReplicationController, metadata: {{name: p}}, spec: {{template: {{spec: {{containers: [], {account}}}}}}}}}"
        )
    };
    let both = "serviceAccount: robot, serviceAccountName: robot";
    check(&pod(""), &pod(both), &["+ .spec.template.spec.serviceAccountName - -> \"robot\""]);
    check(&pod("serviceAccountName: robot"), &pod(both), &[]);
}

/// The server keeps what it chose by the first image; only a person's own write is a change (the owner tells).
#[test]
fn pull_policy_of_older_image_is_server() {
    let live = live_deployment(&[
        ("annotations: {deployment.kubernetes.io/revision: '1'}", "annotations: {}"),
        ("imagePullPolicy: IfNotPresent", "imagePullPolicy: Always"),
    ]);
    let path = ".spec.template.spec.containers[name=\"web\"].imagePullPolicy";
    let line = format!("+ {path} - -> \"Always\" (default \"IfNotPresent\") server-set");
    check(DEPLOYMENT, &live, &[&line]);
    check(
        DEPLOYMENT,
        &live.replace("PullPolicy: Always", "PullPolicy: Never"),
        &[&line.replace("Always", "Never").replace(" server-set", "")],
    );
}

#[test]
fn an_added_port_is_one_change() {
    let live = "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {type: ClusterIP, ports: [{port: 80, protocol: TCP, targetPort: 80}, {port: 99, protocol: TCP, targetPort: 99}]}}";
    check(
        SERVICE,
        live,
        &[
            "+ .spec.ports[port=99,protocol=\"TCP\"] - -> {\"port\":99,\"protocol\":\"TCP\",\"targetPort\":99}",
        ],
    );
}

/// The ServiceAccount and LimitRanger plug-ins write into a bare Pod.
#[test]
fn admission_additions_to_pod_are_server() {
    let git =
        "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: a, image: 'a:1'}]}}";
    let live = "
apiVersion: v1
kind: Pod
metadata: {name: p, annotations: {kubernetes.io/limit-ranger: 'LimitRanger plugin set: cpu request for container a'}}
spec:
  containers:
  - name: a
    image: a:1
    resources: {requests: {cpu: 100m}}
    volumeMounts:
    - {mountPath: /var/run/secrets/kubernetes.io/serviceaccount, name: kube-api-access-abcde, readOnly: true}
    - {mountPath: /own, name: own}
  volumes: [{name: kube-api-access-abcde, projected: {sources: []}}, {name: own, emptyDir: {}}]
";
    check(
        git,
        live,
        &[
            "+ .metadata.annotations[\"kubernetes.io/limit-ranger\"] - -> \"LimitRanger plugin set: cpu request for container a\" server-set",
            "+ .spec.containers[name=\"a\"].resources.requests - -> {\"cpu\":\"100m\"} server-set",
            "+ .spec.containers[name=\"a\"].volumeMounts[mountPath=\"/own\"] - -> {\"mountPath\":\"/own\",\"name\":\"own\"}",
            "+ .spec.containers[name=\"a\"].volumeMounts[mountPath=\"/var/run/secrets/kubernetes.io/serviceaccount\"] - -> {\"mountPath\":\"/var/run/secrets/kubernetes.io/serviceaccount\",\"name\":\"kube-api-access-abcde\",\"readOnly\":true} server-set",
            "+ .spec.volumes[name=\"kube-api-access-abcde\"] - -> {\"name\":\"kube-api-access-abcde\",\"projected\":{\"sources\":[]}} server-set",
            "+ .spec.volumes[name=\"own\"] - -> {\"emptyDir\":{},\"name\":\"own\"}",
        ],
    );
}

/// DefaultTolerationSeconds gives a Pod two tolerations; what is not just these was changed.
#[test]
fn incomplete_default_tolerations_are_a_change() {
    let git =
        "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: a, image: 'a:1'}]}}";
    let of = |first: &str| {
        let [first, second] =
            [("not-ready", first), ("unreachable", ", tolerationSeconds: 300")].map(|(key, seconds)| {
                format!("{{key: node.kubernetes.io/{key}, operator: Exists, effect: NoExecute{seconds}}}")
            });
        git.replace("spec: {", &format!("spec: {{tolerations: [{first}, {second}], "))
    };
    check(git, &of(", tolerationSeconds: 300"), &[]);
    let found = compare(&desired(git), &object(&of("")), Schema::built_in());
    let paths: Vec<String> = found.iter().map(|difference| difference.path.to_string()).collect();
    assert_eq!(paths, [".spec.tolerations"]);
}

#[test]
fn empty_list_item_is_an_item() {
    let pod = |secrets: &str| {
        format!(
            "{{apiVersion: v1, kind: PodTemplate, metadata: {{name: p}}, template: {{spec: {{imagePullSecrets: {secrets}}}}}}}"
        )
    };
    check(
        &pod("[{name: a}]"),
        &pod("[{name: a}, {}]"),
        &["+ .template.spec.imagePullSecrets[name=\"\"] - -> {}"],
    );
}

/// Older token controllers and OpenShift add tokens to an account; a person's entry is none of them.
#[test]
fn tokens_of_an_account_are_the_platforms() {
    let git =
        "{apiVersion: v1, kind: ServiceAccount, metadata: {name: robot}, imagePullSecrets: [{name: pull}]}";
    let live = "
apiVersion: v1
kind: ServiceAccount
metadata: {name: robot}
imagePullSecrets: [{name: pull}, {name: robot-dockercfg-x2k4f}]
secrets: [{name: robot-dockercfg-x2k4f}]
";
    check(git, live, &["+ .secrets - -> [{\"name\":\"robot-dockercfg-x2k4f\"}] server-set"]);
    check(
        git,
        &live.replace("robot-dockercfg-x2k4f", "mine"),
        &[
            "~ .imagePullSecrets [{\"name\":\"pull\"}] -> [{\"name\":\"pull\"},{\"name\":\"mine\"}]",
            "+ .secrets - -> [{\"name\":\"mine\"}]",
        ],
    );
}

/// What the server drops of a built-in kind it keeps of a custom one (pruning and defaulting apart).
#[test]
fn empty_value_without_schema_is_value() {
    let of = |spec: &str| {
        format!("{{apiVersion: example.com/v1, kind: Loose, metadata: {{name: l}}, spec: {spec}}}")
    };
    check(
        &of("{list: [], map: {}, text: '', none: null}"),
        &of("{}"),
        &["- .spec.list [] -> -", "- .spec.map {} -> -", "- .spec.text \"\" -> -"],
    );
    check(&of("{}"), &of("{list: [], none: null}"), &["+ .spec.list - -> []"]);
    let labelled = of("{}").replace("name: l", "name: l, labels: {}");
    check(&labelled, &of("{}"), &[]);
}

/// `kubectl apply` takes a key with null out, and server-side apply decodes it: both were seen on kube-apiserver v1.36.
#[test]
fn null_map_value_equals_absent_or_empty() {
    let map =
        |data: &str| format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: m}}, data: {{{data}}}}}");
    let git = map("a: null, b: x");
    check(&git, &map("b: x"), &[]);
    check(&git, &map("a: '', b: x"), &[]);
    check(&git, &map("a: set, b: x"), &["+ .data.a - -> \"set\""]);
    check(&map("b: x"), &map("a: '', b: x"), &["+ .data.a - -> \"\""]);
    let secret = |field: &str| format!("{{apiVersion: v1, kind: Secret, metadata: {{name: s}}, {field}}}");
    check(&secret("stringData: {a: null}"), &secret("type: Opaque, data: {a: ''}"), &[]);
}

#[test]
fn claim_template_with_empty_status_is_equal() {
    let set = |claim: &str| {
        format!(
            "{{apiVersion: apps/v1, kind: StatefulSet, metadata: {{name: s}}, spec: {{volumeClaimTemplates: [{claim}]}}}}"
        )
    };
    let git = set(
        "{metadata: {name: d, creationTimestamp: null}, spec: {resources: {requests: {storage: 0.5Gi}}}, status: {}}",
    );
    let live = set(
        "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: d}, spec: {volumeMode: Filesystem, resources: {requests: {storage: 512Mi}}}, status: {phase: Pending}}",
    );
    check(&git, &live, &[]);
}

/// Defaults that a real server was seen to set (kube-apiserver v1.36, each object applied server-side).
#[test]
fn defaults_derived_from_other_fields_are_known() {
    let job = "{apiVersion: batch/v1, kind: Job, metadata: {name: j}, spec: {completions: 3, completionMode: Indexed, backoffLimitPerIndex: 1";
    let by_index = "parallelism: 1, suspend: false, manualSelector: false, podReplacementPolicy: TerminatingOrFailed, backoffLimit: 2147483647";
    check(&format!("{job}}}}}"), &format!("{job}, {by_index}}}}}"), &[]);
    let scaler = "{apiVersion: autoscaling/v1, kind: HorizontalPodAutoscaler, metadata: {name: h}, spec: {maxReplicas: 3";
    check(
        &format!("{scaler}}}}}"),
        &format!("{scaler}, minReplicas: 1, targetCPUUtilizationPercentage: 80}}}}"),
        &[],
    );
    let pod = |tolerations: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {{containers: [], tolerations: [{tolerations}]}}}}"
        )
    };
    let by_admission = |key: &str| {
        format!(
            "{{key: node.kubernetes.io/{key}, operator: Exists, effect: NoExecute, tolerationSeconds: 300}}"
        )
    };
    let (not_ready, unreachable) = (by_admission("not-ready"), by_admission("unreachable"));
    let own = "{key: a, operator: Exists}";
    check(&pod(own), &pod(&format!("{own}, {not_ready}, {unreachable}")), &[]);
    check(&pod("{operator: Exists}"), &pod("{operator: Exists}"), &[]);
    let ready = "{key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute}";
    check(&pod(ready), &pod(&format!("{ready}, {unreachable}")), &[]);
}

/// The volume controller completes a claim that a manifest names.
#[test]
fn completed_claim_ref_distinguished_from_another() {
    let volume = |claim: &str| {
        format!(
            "{{apiVersion: v1, kind: PersistentVolume, metadata: {{name: v}}, spec: {{persistentVolumeReclaimPolicy: Retain, volumeMode: Filesystem, claimRef: {{{claim}}}}}}}"
        )
    };
    let git = volume("namespace: shop, name: data");
    let by_server = "+ .spec.claimRef.uid - -> \"1\" server-set";
    check(&git, &volume("namespace: shop, name: data, uid: '1'"), &[by_server]);
    check(
        &git,
        &volume("namespace: shop, name: other, uid: '1'"),
        &["~ .spec.claimRef.name \"data\" -> \"other\"", by_server],
    );
}

/// An empty selector selects everything, an absent one nothing: the difference opens a policy to the whole cluster.
#[test]
fn empty_selector_differs_from_absent() {
    let policy = |peer: &str| {
        format!(
            "{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: n}}, spec: {{podSelector: {{}}, policyTypes: [Ingress], ingress: [{{from: [{peer}]}}]}}}}"
        )
    };
    for (git, live) in [
        ("{podSelector: {}}", "{namespaceSelector: {}}"),
        (
            "{podSelector: {matchLabels: {app: a}}}",
            "{podSelector: {matchLabels: {app: a}}, namespaceSelector: {}}",
        ),
        (
            "{podSelector: {matchLabels: {app: a}}, namespaceSelector: {}}",
            "{podSelector: {matchLabels: {app: a}}}",
        ),
    ] {
        let found = compare(&desired(&policy(git)), &object(&policy(live)), Schema::built_in());
        assert_eq!(found.len(), 1, "{git} against {live}: {found:?}");
    }
    check(&policy("{podSelector: {}}"), &policy("{podSelector: {}}"), &[]);
    let without =
        "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: n}, spec: {ingress: [{}]}}";
    let stored = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: n}, spec: {podSelector: {}, policyTypes: [Ingress], ingress: [{}]}}";
    check(without, stored, &[]);
}
