//! Tables of what the API server makes of an object that nobody touched, and of the change beside it that was made.
//!
//! Each was seen on kube-apiserver 1.36 first (`tests/it/kinds` applies them all).

use super::check;

/// An object of one line with this body.
fn object(version: &str, kind: &str, body: &str) -> String {
    format!("{{apiVersion: {version}, kind: {kind}, metadata: {{name: x}}, {body}}}")
}

fn template(pod: &str) -> String {
    object("v1", "ReplicationController", &format!("spec: {{replicas: 1, template: {{spec: {{{pod}}}}}}}"))
}

fn service(spec: &str) -> String {
    object("v1", "Service", &format!("spec: {{{spec}}}"))
}

/// Go reads 0, false and "" as not set where the field is no pointer.
#[test]
fn an_empty_value_asks_for_the_default() {
    let containers =
        |container: &str| template(&format!("containers: [{{name: a, image: 'a:1', {container}}}]"));
    for (git, live) in [
        (
            template("dnsPolicy: '', restartPolicy: ''"),
            template("dnsPolicy: ClusterFirst, restartPolicy: Always"),
        ),
        (containers("imagePullPolicy: ''"), containers("imagePullPolicy: IfNotPresent")),
        (
            containers("livenessProbe: {timeoutSeconds: 0, httpGet: {path: ''}}"),
            containers("livenessProbe: {timeoutSeconds: 1, httpGet: {path: /}}"),
        ),
        (
            service("type: '', ports: [{port: 80, protocol: '', targetPort: 0, nodePort: 0, name: ''}]"),
            service("type: ClusterIP, ports: [{port: 80, protocol: TCP, targetPort: 80}]"),
        ),
        (
            object("networking.k8s.io/v1", "NetworkPolicy", "spec: {policyTypes: [], egress: [{to: []}]}"),
            object(
                "networking.k8s.io/v1",
                "NetworkPolicy",
                "spec: {policyTypes: [Ingress, Egress], egress: [{}]}",
            ),
        ),
        (
            object(
                "rbac.authorization.k8s.io/v1",
                "RoleBinding",
                "roleRef: {apiGroup: '', kind: Role, name: r}",
            ),
            object(
                "rbac.authorization.k8s.io/v1",
                "RoleBinding",
                "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}",
            ),
        ),
    ] {
        check(&git, &live, &[]);
    }
    let changed = "~ .spec.template.spec.dnsPolicy \"\" -> \"Default\"";
    check(&template("dnsPolicy: ''"), &template("dnsPolicy: Default"), &[changed]);
    let changed = "~ .spec.template.spec.hostNetwork false -> true";
    check(&template("hostNetwork: false"), &template("hostNetwork: true"), &[changed]);
}

#[test]
fn empty_declared_value_lets_server_choose() {
    let git = service("clusterIP: '', ports: [{port: 80, nodePort: 0}]");
    let live =
        service("clusterIP: 10.0.0.9, ports: [{port: 80, protocol: TCP, targetPort: 80, nodePort: 30001}]");
    check(
        &git,
        &live,
        &[
            "+ .spec.clusterIP - -> \"10.0.0.9\" server-set",
            "+ .spec.ports[port=80,protocol=\"TCP\"].nodePort - -> 30001 server-set",
        ],
    );
}

/// A field that is no pointer and has no `omitempty` is always there.
#[test]
fn unavoidable_zero_is_no_change() {
    let class = |body: &str| object("scheduling.k8s.io/v1", "PriorityClass", body);
    check(&class("description: a"), &class("description: a, value: 0"), &[]);
    check(&class("description: a"), &class("description: a, value: 7"), &["+ .value - -> 7"]);
    let set = |spec: &str| object("apps/v1", "StatefulSet", &format!("spec: {{{spec}}}"));
    check(&set("replicas: 1"), &set("replicas: 1, serviceName: ''"), &[]);
    // Where a pointer is there, somebody wrote it.
    let pod = "+ .spec.template.spec.automountServiceAccountToken - -> false";
    check(&template(""), &template("automountServiceAccountToken: false"), &[pod]);
}

/// Servers differ in the defaults they know; what Git declares they all keep.
#[test]
fn default_live_lacks_is_no_change() {
    let set = |rolling: &str| {
        let strategy = format!("updateStrategy: {{type: RollingUpdate, rollingUpdate: {{{rolling}}}}}");
        object("apps/v1", "StatefulSet", &format!("spec: {{replicas: 1, {strategy}}}"))
    };
    let strategy = ".spec.updateStrategy.rollingUpdate.maxUnavailable";
    check(&set("partition: 0"), &set("partition: 0"), &[]);
    check(&set("partition: 0"), &set("partition: 0, maxUnavailable: 1"), &[]);
    check(
        &set("partition: 0"),
        &set("partition: 0, maxUnavailable: 2"),
        &[&format!("+ {strategy} - -> 2 (default 1)")],
    );
    check(&set("maxUnavailable: 1"), &set("partition: 0"), &[&format!("- {strategy} 1 -> -")]);
    // Inside a list that is one value, too.
    let policy = |port: &str| {
        object("networking.k8s.io/v1", "NetworkPolicy", &format!("spec: {{ingress: [{{ports: [{port}]}}]}}"))
    };
    check(&policy("{port: 80}"), &policy("{port: 80}"), &[]);
    let whole =
        "~ .spec.ingress [{\"ports\":[{\"port\":80}]}] -> [{\"ports\":[{\"port\":80,\"protocol\":\"UDP\"}]}]";
    check(&policy("{port: 80}"), &policy("{port: 80, protocol: UDP}"), &[whole]);
    let whole =
        "~ .spec.ingress [{\"ports\":[{\"port\":80,\"protocol\":\"UDP\"}]}] -> [{\"ports\":[{\"port\":80}]}]";
    check(&policy("{port: 80, protocol: UDP}"), &policy("{port: 80}"), &[whole]);
}

#[test]
fn device_claim_gets_mode_and_count() {
    let claim = |requests: &str| {
        object(
            "resource.k8s.io/v1",
            "ResourceClaim",
            &format!("spec: {{devices: {{requests: [{requests}]}}}}"),
        )
    };
    check(
        &claim(
            "{name: a, exactly: {deviceClassName: g, tolerations: [{key: k}]}}, {name: b, exactly: {deviceClassName: g, allocationMode: All}}",
        ),
        &claim(
            "{name: a, exactly: {deviceClassName: g, allocationMode: ExactCount, count: 1, tolerations: [{key: k, operator: Equal}]}}, {name: b, exactly: {deviceClassName: g, allocationMode: All}}",
        ),
        &[],
    );
    let one = "{name: a, exactly: {deviceClassName: g, allocationMode: ExactCount, count: 1}}";
    check(
        &claim("{name: a, firstAvailable: [{name: s, deviceClassName: g}]}"),
        &claim(
            "{name: a, firstAvailable: [{name: s, deviceClassName: g, allocationMode: ExactCount, count: 1}]}",
        ),
        &[],
    );
    check(&claim("{name: a, exactly: {deviceClassName: g}}"), &claim(one), &[]);
    let found = "~ .spec.devices.requests [{\"exactly\":{\"deviceClassName\":\"g\"},\"name\":\"a\"}] -> [{\"exactly\":{\"allocationMode\":\"ExactCount\",\"count\":2,\"deviceClassName\":\"g\"},\"name\":\"a\"}]";
    check(
        &claim("{name: a, exactly: {deviceClassName: g}}"),
        &claim(&one.replace("count: 1", "count: 2")),
        &[found],
    );
}

/// The time of a taint is the server's, also inside a list that is one value.
#[test]
fn taint_time_is_set_by_server() {
    let slice = |taint: &str| {
        let device = format!("{{name: a, taints: [{{key: k, effect: {taint}}}]}}");
        object("resource.k8s.io/v1", "ResourceSlice", &format!("spec: {{driver: d, devices: [{device}]}}"))
    };
    check(&slice("NoSchedule"), &slice("NoSchedule, timeAdded: '2026-01-01T00:00:00Z'"), &[]);
    let live = slice("NoExecute, timeAdded: '2026-01-01T00:00:00Z'");
    check(
        &slice("NoSchedule"),
        &live,
        &[
            "~ .spec.devices [{\"name\":\"a\",\"taints\":[{\"effect\":\"NoSchedule\",\"key\":\"k\"}]}] -> [{\"name\":\"a\",\"taints\":[{\"effect\":\"NoExecute\",\"key\":\"k\",\"timeAdded\":\"2026-01-01T00:00:00Z\"}]}]",
        ],
    );
}

#[test]
fn data_source_equals_data_source_ref() {
    let claim = |spec: &str| {
        object("v1", "PersistentVolumeClaim", &format!("spec: {{volumeMode: Filesystem, {spec}}}"))
    };
    let (old, new) = (
        "dataSource: {apiGroup: null, kind: K, name: n}",
        "dataSourceRef: {apiGroup: null, kind: K, name: n}",
    );
    let both = claim(&format!("{old}, {new}"));
    check(&claim(old), &both, &[]);
    check(&claim(new), &both, &[]);
    check(
        &claim(""),
        &both,
        &["+ .spec.dataSourceRef - -> {\"apiGroup\":null,\"kind\":\"K\",\"name\":\"n\"}"],
    );
    let elsewhere = claim("dataSourceRef: {kind: K, name: n, namespace: m}");
    check(&elsewhere, &elsewhere, &[]);
}

#[test]
fn service_without_affinity_drops_its_settings() {
    let timeout = "sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}";
    check(&service(timeout), &service("sessionAffinity: None"), &[]);
    let client = |rest: &str| service(&format!("sessionAffinity: ClientIP, {rest}"));
    let default = "sessionAffinityConfig: {clientIP: {timeoutSeconds: 10800}}";
    check(&client("sessionAffinityConfig: {clientIP: {}}"), &client(default), &[]);
    let found = "~ .spec.sessionAffinityConfig.clientIP.timeoutSeconds 60 -> 10800";
    check(&client(timeout), &client(default), &[found]);
}

#[test]
fn a_list_of_resources_is_rounded_up() {
    let limits =
        |cpu: &str| template(&format!("containers: [{{name: a, resources: {{limits: {{cpu: {cpu}}}}}}}]"));
    check(&limits("0.0005"), &limits("1m"), &[]);
    let path = ".spec.template.spec.containers[name=\"a\"].resources.limits.cpu";
    check(&limits("0.0005"), &limits("2m"), &[&format!("~ {path} 0.0005 -> \"2m\"")]);
}

/// The status of a custom resource is a subresource of its own where its definition has an empty map for it.
#[test]
fn empty_map_with_meaning_is_value() {
    let crd = |version: &str| {
        object(
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            &format!("spec: {{versions: [{{name: v1, {version}}}]}}"),
        )
    };
    let with = crd("subresources: {status: {}}");
    check(&with, &with, &[]);
    check(
        &with,
        &crd(""),
        &["~ .spec.versions [{\"name\":\"v1\",\"subresources\":{\"status\":{}}}] -> [{\"name\":\"v1\"}]"],
    );
    check(
        &crd(""),
        &with,
        &["~ .spec.versions [{\"name\":\"v1\"}] -> [{\"name\":\"v1\",\"subresources\":{\"status\":{}}}]"],
    );
    let volume = |source: &str| {
        let spec = format!("spec: {{volumes: [{{name: v, {source}}}], containers: [{{name: a, image: b}}]}}");
        object("apps/v1", "Deployment", &format!("spec: {{template: {{{spec}}}}}"))
    };
    let path = ".spec.template.spec.volumes[name=\"v\"]";
    check(
        &volume("emptyDir: {}"),
        &volume("hostPath: {path: /a, type: \"\"}"),
        &[
            &format!("- {path}.emptyDir {{}} -> -"),
            &format!("+ {path}.hostPath - -> {{\"path\":\"/a\",\"type\":\"\"}}"),
        ],
    );
}

#[test]
fn zero_values_in_crd_schema_are_kept() {
    let crd = |property: &str| {
        let schema = format!("{{openAPIV3Schema: {{properties: {{a: {{items: {{{property}}}}}}}}}}}");
        object(
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            &format!("spec: {{versions: [{{name: v1, schema: {schema}}}]}}"),
        )
    };
    check(&crd("type: integer, nullable: false"), &crd("type: integer"), &[]);
    for kept in ["minimum: 0", "default: 0", "default: false", "default: ''", "maxLength: 0"] {
        for (git, live) in [(kept, "title: a"), ("title: a", kept)] {
            let (git, live) = (crd(&format!("title: a, {git}")), crd(&format!("title: a, {live}")));
            let found = super::cross_check::compare(
                &super::desired(&git.replace("title: a, title: a", "title: a")),
                &super::object(&live.replace("title: a, title: a", "title: a")),
                crate::schema::Schema::built_in(),
            );
            assert_eq!(found.len(), 1, "{git} against {live}: {found:?}");
        }
    }
}

/// Data that the server does not look into is stored as it was written.
#[test]
fn zero_values_of_free_data_are_values() {
    let revision =
        |data: &str| object("apps/v1", "ControllerRevision", &format!("revision: 1, data: {{{data}}}"));
    check(&revision("a: 0"), &revision(""), &["- .data.a 0 -> -"]);
    check(&revision(""), &revision("a: ''"), &["+ .data.a - -> \"\""]);
}

#[test]
fn fields_completed_by_pod_strategy_are_server() {
    let pod = |metadata: &str, spec: &str| {
        format!("{{apiVersion: v1, kind: Pod, metadata: {{name: p, {metadata}}}, spec: {{{spec}}}}}")
    };
    let container = |context: &str| format!("containers: [{{name: a, image: 'a:1', {context}}}]");
    let annotated = "annotations: {container.apparmor.security.beta.kubernetes.io/a: localhost/p}";
    let profile = "securityContext: {appArmorProfile: {type: Localhost, localhostProfile: p}}";
    check(&pod(annotated, &container("")), &pod(annotated, &container(profile)), &[]);
    let labelled = "labels: {release: one}";
    let term = |more: &str| {
        let selector = format!("labelSelector: {{matchLabels: {{app: a}}{more}}}, matchLabelKeys: [release]");
        let spread = format!(
            "topologySpreadConstraints: [{{maxSkew: 1, topologyKey: z, whenUnsatisfiable: DoNotSchedule, {selector}}}]"
        );
        let affinity = format!(
            "affinity: {{podAffinity: {{preferredDuringSchedulingIgnoredDuringExecution: [{{weight: 1, podAffinityTerm: {{topologyKey: z, {selector}}}}}]}}}}"
        );
        pod(labelled, &format!("containers: [], {spread}, {affinity}"))
    };
    check(&term(""), &term(", matchExpressions: [{key: release, operator: In, values: [one]}]"), &[]);
    let spec = |rest: &str| pod("", &format!("containers: [], {rest}"));
    check(
        &spec("nodeSelector: {disk: ssd}, resources: {limits: {cpu: 1}}"),
        &spec(
            "nodeSelector: {disk: ssd, sandbox: 'yes'}, overhead: {cpu: 250m}, resources: {limits: {cpu: 1}, requests: {cpu: 1}}",
        ),
        &[
            "+ .spec.nodeSelector.sandbox - -> \"yes\" server-set",
            "+ .spec.overhead - -> {\"cpu\":\"250m\"} server-set",
            "+ .spec.resources.requests - -> {\"cpu\":1} server-set",
        ],
    );
}

/// Told as the server's, so that only a person's own write is a change (the owner tells).
#[test]
fn list_filled_by_admission_is_compared() {
    let pod = |effect: &str| {
        let item = |key: &str, effect: &str| {
            format!(
                "{{effect: {effect}, key: node.kubernetes.io/{key}, operator: Exists, tolerationSeconds: 300}}"
            )
        };
        let items = [item("not-ready", effect), item("unreachable", "NoExecute")].join(", ");
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {{containers: [], tolerations: [{items}]}}}}"
        )
    };
    let found = |effect: &str| {
        let git = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: []}}";
        let (git, live) = (super::desired(git), super::object(&pod(effect)));
        super::cross_check::compare(&git, &live, crate::schema::Schema::built_in()).len()
    };
    assert_eq!(found("NoExecute"), 0);
    assert_eq!(found("NoSchedule"), 1);
}

#[test]
fn node_condition_taints_are_no_change() {
    let node = |taints: &str| object("v1", "Node", &format!("spec: {{taints: [{taints}]}}"));
    let (own, system) =
        ("{key: a, effect: NoSchedule}", "{key: node.kubernetes.io/not-ready, effect: NoSchedule}");
    check(&node(own), &node(&format!("{system}, {own}")), &[]);
    check(&node(&format!("{own}, {system}")), &node(&format!("{own}, {system}")), &[]);
    check(
        &node(own),
        &node(&format!("{own}, {{key: b, effect: NoSchedule}}")),
        &[
            "~ .spec.taints [{\"effect\":\"NoSchedule\",\"key\":\"a\"}] -> [{\"effect\":\"NoSchedule\",\"key\":\"a\"},{\"effect\":\"NoSchedule\",\"key\":\"b\"}]",
        ],
    );
}

#[test]
fn an_object_without_a_spec_gets_one() {
    let policy = |body: &str| object("networking.k8s.io/v1", "NetworkPolicy", body);
    check(&policy(""), &policy("spec: {podSelector: {}, policyTypes: [Ingress]}"), &[]);
    let driver = |body: &str| object("storage.k8s.io/v1", "CSIDriver", body);
    let stored = "attachRequired: true, fsGroupPolicy: ReadWriteOnceWithFSType, podInfoOnMount: false, requiresRepublish: false, seLinuxMount: false, storageCapacity: false, volumeLifecycleModes: [Persistent]";
    check(&driver(""), &driver(&format!("spec: {{{stored}}}")), &[]);
    check(&driver(""), &driver(&format!("spec: {{{stored}, preventPodSchedulingIfMissing: false}}")), &[]);
    check(
        &driver(""),
        &driver(&format!("spec: {{{stored}, preventPodSchedulingIfMissing: true}}")),
        &["+ .spec.preventPodSchedulingIfMissing - -> true (default false)"],
    );
    check(&driver("spec: {volumeLifecycleModes: []}"), &driver(&format!("spec: {{{stored}}}")), &[]);
}

/// DefaultIngressClass, Priority, and the pull policy of an image that a volume had before.
#[test]
fn what_admission_chooses_is_the_servers() {
    let ingress = |spec: &str| object("networking.k8s.io/v1", "Ingress", &format!("spec: {{{spec}}}"));
    let class = "+ .spec.ingressClassName - -> \"nginx\" server-set";
    check(&ingress(""), &ingress("ingressClassName: nginx"), &[class]);
    check(
        &ingress("ingressClassName: a"),
        &ingress("ingressClassName: b"),
        &["~ .spec.ingressClassName \"a\" -> \"b\""],
    );
    let pod = |spec: &str| object("v1", "Pod", &format!("spec: {{containers: [], {spec}}}"));
    let priority = "+ .spec.priorityClassName - -> \"low\" server-set";
    check(&pod(""), &pod("priorityClassName: low"), &[priority]);
    let volume =
        |policy: &str| template(&format!("volumes: [{{name: v, image: {{reference: 'a:1', {policy}}}}}]"));
    let path = ".spec.template.spec.volumes[name=\"v\"].image.pullPolicy";
    let older = format!("+ {path} - -> \"Always\" (default \"IfNotPresent\") server-set");
    check(&volume(""), &volume("pullPolicy: Always"), &[&older]);
    let never = format!("+ {path} - -> \"Never\" (default \"IfNotPresent\")");
    check(&volume(""), &volume("pullPolicy: Never"), &[&never]);
}

/// The labels of the template became those of a ReplicaSet in API groups of the past only.
#[test]
fn replica_set_labels_not_taken_from_template() {
    let set = |labels: &str| {
        let template = "template: {metadata: {labels: {app: a}}}";
        format!(
            "{{apiVersion: apps/v1, kind: ReplicaSet, metadata: {{name: x, labels: {{{labels}}}}}, spec: {{replicas: 1, {template}}}}}"
        )
    };
    check(&set(""), &set("app: a"), &["+ .metadata.labels.app - -> \"a\""]);
}

/// A class that became the default of the cluster was made so by somebody.
#[test]
fn a_global_default_is_never_the_servers() {
    let class = |body: &str| object("scheduling.k8s.io/v1", "PriorityClass", body);
    check(&class("value: 1"), &class("value: 1, globalDefault: true"), &["+ .globalDefault - -> true"]);
}

#[test]
fn bound_pod_labels_follow_node() {
    let object = |kind: &str, label: &str| {
        format!("{{apiVersion: v1, kind: {kind}, metadata: {{name: x, labels: {{{label}}}}}}}")
    };
    let zone = "topology.kubernetes.io/zone: a";
    let line = "+ .metadata.labels[\"topology.kubernetes.io/zone\"] - -> \"a\"";
    check(&object("Pod", ""), &object("Pod", zone), &[&format!("{line} server-set")]);
    check(&object("Service", ""), &object("Service", zone), &[line]);
}
