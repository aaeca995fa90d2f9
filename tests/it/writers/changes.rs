//! The kinds of change: each as edits that fit the live object and what Git declares alike, so that every writer makes it
//! by its own means.
//!
//! `@` is the name of the object, `%` its namespace, `UID` the uid of the ConfigMap `owner`, `PORT` a port of nodes that
//! nobody else has.

use serde_json::Value;

/// One kind of change.
pub(super) struct Change {
    pub(super) name: &'static str,
    /// What Git declares.
    pub(super) object: &'static str,
    pub(super) edits: &'static [(&'static str, Option<&'static str>)],
    /// The command of kubectl that is made for it.
    pub(super) command: Option<&'static str>,
    /// Whether no name may explain it: see `attribution/harm.rs`.
    pub(super) harmful: bool,
}

const fn change(
    name: &'static str,
    object: &'static str,
    edits: &'static [(&'static str, Option<&'static str>)],
) -> Change {
    Change { name, object, edits, command: None, harmful: false }
}

const fn harmful(
    name: &'static str,
    object: &'static str,
    edits: &'static [(&'static str, Option<&'static str>)],
) -> Change {
    Change { harmful: true, ..change(name, object, edits) }
}

impl Change {
    const fn by(self, command: &'static str) -> Self {
        Self { command: Some(command), ..self }
    }

    /// The object after the change; `None` where a place is not there.
    pub(super) fn of(&self, object: &Value, fill: &dyn Fn(&str) -> String) -> Option<Value> {
        self.edits.iter().try_fold(object.clone(), |object, (pointer, value)| {
            let value = value.map(|text| serde_json::from_str(&fill(text)).expect("a value of the table"));
            edited(object, pointer, value)
        })
    }
}

fn edited(mut object: Value, pointer: &str, value: Option<Value>) -> Option<Value> {
    let (parent, last) = pointer.rsplit_once('/')?;
    let last = last.replace("~1", "/").replace("~0", "~");
    match (object.pointer_mut(parent)?, value) {
        (Value::Object(map), Some(value)) => drop(map.insert(last, value)),
        (Value::Object(map), None) => drop(map.remove(&last)?),
        (Value::Array(items), Some(value)) if last == "-" => items.push(value),
        (Value::Array(items), Some(value)) => *items.get_mut(last.parse::<usize>().ok()?)? = value,
        (Value::Array(items), None) => drop(items.remove(last.parse().ok()?)),
        _ => return None,
    }
    Some(object)
}

/// Paused, so that no controller has anything to do with it.
const WORKLOAD: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: '@', namespace: '%', labels: {app: '@', team: red}, annotations: {note: one}}
spec:
  paused: true
  replicas: 2
  revisionHistoryLimit: 5
  selector: {matchLabels: {app: '@'}}
  strategy: {rollingUpdate: {maxSurge: 2}}
  template:
    metadata: {labels: {app: '@'}, annotations: {seen: 'yes', old: 'x'}}
    spec:
      nodeSelector: {disk: ssd}
      tolerations: [{key: k, operator: Exists}]
      terminationGracePeriodSeconds: 20
      containers:
      - name: web
        image: nginx:1.25
        imagePullPolicy: IfNotPresent
        args: [a, b]
        env: [{name: A, value: '1'}, {name: B, value: '2'}]
        ports: [{containerPort: 80}]
        resources: {limits: {memory: 256Mi, cpu: 500m}, requests: {cpu: 100m}}
        securityContext: {readOnlyRootFilesystem: true}
        livenessProbe: {httpGet: {port: 80}, periodSeconds: 7}
      - {name: helper, image: 'busybox:1.36'}
";

/// The server fills in what it leaves out.
const PLAIN: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: '@', namespace: '%'}
spec:
  paused: true
  selector: {matchLabels: {app: '@'}}
  template:
    metadata: {labels: {app: '@'}}
    spec: {containers: [{name: web, image: 'nginx:1.25'}]}
";

const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: '@', namespace: '%', labels: {app: '@'}}
spec: {type: NodePort, selector: {app: '@'}, ports: [{name: http, port: 80, targetPort: 8080}, {name: dns, port: 53, protocol: UDP}]}
";

const CONFIG_MAP: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: '@', namespace: '%'}
data: {a: '1', b: '2'}
";

const SECRET: &str = "
apiVersion: v1
kind: Secret
metadata: {name: '@', namespace: '%'}
data: {a: b25l, b: dHdv}
";

const ROLE: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: '@', namespace: '%'}
rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]
";

const BINDING: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: '@', namespace: '%'}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: none}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: ann}]
";

const POLICY: &str = "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: '@', namespace: '%'}
spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress], ingress: [{ports: [{port: 80, protocol: TCP}]}]}
";

const INGRESS: &str = "
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: '@', namespace: '%'}
spec:
  ingressClassName: nginx
  rules: [{host: a.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
";

const BUDGET: &str = "
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: '@', namespace: '%'}
spec: {minAvailable: 2, selector: {matchLabels: {app: none}}}
";

const ACCOUNT: &str = "
apiVersion: v1
kind: ServiceAccount
metadata: {name: '@', namespace: '%'}
automountServiceAccountToken: false
";

const HOOK: &str = "
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: '%-@'}
webhooks:
- name: a.writers.example
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Fail
  clientConfig: {service: {name: none, namespace: none}}
  rules: [{apiGroups: [writers.example], apiVersions: [v9], operations: [CREATE], resources: [nothings]}]
";

const PANEL: &str = "
apiVersion: writers.example/v1
kind: Panel
metadata: {name: '@', namespace: '%'}
spec:
  color: red
  size: 3
  enabled: false
  options: {a: '1', b: '2'}
  whole: {a: '1'}
  list: [one, two]
  tags: [red, blue]
  parts: [{id: a}, {id: b, count: 2}]
  free: {deep: {list: [1, 2]}}
";

/// The custom kind.
pub(super) const DEFINITION: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: panels.writers.example}
spec:
  group: writers.example
  scope: Namespaced
  names: {kind: Panel, plural: panels}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
          spec:
            type: object
            properties:
              color: {type: string}
              size: {type: integer}
              enabled: {type: boolean}
              level: {type: integer, default: 1}
              options: {type: object, additionalProperties: {type: string}}
              whole: {type: object, x-kubernetes-map-type: atomic, additionalProperties: {type: string}}
              list: {type: array, items: {type: string}}
              tags: {type: array, items: {type: string}, x-kubernetes-list-type: set}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true}
              parts:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [id]
                items: {type: object, required: [id], properties: {id: {type: string}, count: {type: integer, default: 1}}}
";

/// What owner references name. It stands in Git like everything else.
pub(super) const OWNER: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: owner, namespace: '%'}
";

/// Every kind of change.
pub(super) const CHANGES: &[Change] = &[
    // Scalars.
    change("text", PANEL, &[("/spec/color", Some("\"blue\""))]),
    change("number", WORKLOAD, &[("/spec/revisionHistoryLimit", Some("9"))]),
    change(
        "number-in-template",
        WORKLOAD,
        &[("/spec/template/spec/terminationGracePeriodSeconds", Some("90"))],
    ),
    change("percentage", BUDGET, &[("/spec/minAvailable", Some("\"50%\""))]),
    change("bool", PANEL, &[("/spec/enabled", Some("true"))]),
    harmful(
        "bool-of-rights",
        WORKLOAD,
        &[("/spec/template/spec/containers/0/securityContext/readOnlyRootFilesystem", Some("false"))],
    ),
    harmful("bool-of-account", ACCOUNT, &[("/automountServiceAccountToken", Some("true"))]),
    // Maps.
    change("map-key-added", PANEL, &[("/spec/options/c", Some("\"3\""))]),
    change("map-key-modified", PANEL, &[("/spec/options/a", Some("\"9\""))]),
    change("map-key-removed", PANEL, &[("/spec/options/b", None)]),
    change(
        "template-annotation-added",
        WORKLOAD,
        &[("/spec/template/metadata/annotations/by.hand~1x", Some("\"y\""))],
    ),
    change(
        "template-annotation-modified",
        WORKLOAD,
        &[("/spec/template/metadata/annotations/seen", Some("\"no\""))],
    ),
    change("template-annotation-removed", WORKLOAD, &[("/spec/template/metadata/annotations/old", None)]),
    change("label-added", WORKLOAD, &[("/metadata/labels/tier", Some("\"front\""))])
        .by("label deployment/@ tier=front"),
    change("label-modified", WORKLOAD, &[("/metadata/labels/team", Some("\"blue\""))])
        .by("label --overwrite deployment/@ team=blue"),
    change("label-removed", WORKLOAD, &[("/metadata/labels/team", None)]).by("label deployment/@ team-"),
    change("first-label", CONFIG_MAP, &[("/metadata/labels", Some("{\"tier\": \"front\"}"))])
        .by("label configmap/@ tier=front"),
    change("annotation-added", WORKLOAD, &[("/metadata/annotations/more", Some("\"two\""))])
        .by("annotate deployment/@ more=two"),
    change("annotation-modified", WORKLOAD, &[("/metadata/annotations/note", Some("\"two\""))])
        .by("annotate --overwrite deployment/@ note=two"),
    change("atomic-map", WORKLOAD, &[("/spec/template/spec/nodeSelector/disk", Some("\"hdd\""))]),
    change("atomic-map-key-added", PANEL, &[("/spec/whole/b", Some("\"2\""))]),
    harmful("selector", SERVICE, &[("/spec/selector/app", Some("\"other\""))])
        .by("set selector service @ app=other"),
    // Lists.
    harmful(
        "item-added",
        WORKLOAD,
        &[("/spec/template/spec/containers/-", Some("{\"name\": \"side\", \"image\": \"side:1\"}"))],
    ),
    change("item-modified", WORKLOAD, &[("/spec/template/spec/containers/1/workingDir", Some("\"/w\""))]),
    harmful("item-removed", WORKLOAD, &[("/spec/template/spec/containers/1", None)]),
    change("part-added", PANEL, &[("/spec/parts/-", Some("{\"id\": \"c\", \"count\": 5}"))]),
    change("part-modified", PANEL, &[("/spec/parts/1/count", Some("7"))]),
    change("part-removed", PANEL, &[("/spec/parts/1", None)]),
    change("finalizer-added", CONFIG_MAP, &[("/metadata/finalizers", Some("[\"by.hand/keep\"]"))]),
    change("set-item-added", PANEL, &[("/spec/tags/-", Some("\"green\""))]),
    change("set-item-removed", PANEL, &[("/spec/tags/0", None)]),
    change("atomic-list", PANEL, &[("/spec/list", Some("[\"three\"]"))]),
    harmful("arguments", WORKLOAD, &[("/spec/template/spec/containers/0/args", Some("[\"--all\"]"))]),
    change(
        "tolerations",
        WORKLOAD,
        &[("/spec/template/spec/tolerations/-", Some("{\"key\": \"other\", \"operator\": \"Exists\"}"))],
    ),
    change("free-list", PANEL, &[("/spec/free/deep/list", Some("[3]"))]),
    // Whole parts.
    change("part-of-free", PANEL, &[("/spec/free/more", Some("{\"a\": {\"b\": [1]}}"))]),
    change(
        "subtree-added",
        WORKLOAD,
        &[(
            "/spec/template/spec/containers/0/readinessProbe",
            Some("{\"httpGet\": {\"port\": 80, \"path\": \"/ready\"}}"),
        )],
    ),
    change("subtree-removed", WORKLOAD, &[("/spec/template/spec/containers/0/livenessProbe", None)]),
    harmful(
        "affinity-added",
        WORKLOAD,
        &[(
            "/spec/template/spec/affinity",
            Some(
                "{\"podAntiAffinity\": {\"requiredDuringSchedulingIgnoredDuringExecution\": [{\"topologyKey\": \"host\", \
                 \"labelSelector\": {\"matchLabels\": {\"app\": \"x\"}}}]}}",
            ),
        )],
    ),
    // Workloads.
    harmful("image", WORKLOAD, &[("/spec/template/spec/containers/0/image", Some("\"nginx:1.26\""))])
        .by("set image deployment/@ web=nginx:1.26"),
    harmful(
        "env-added",
        WORKLOAD,
        &[("/spec/template/spec/containers/0/env/-", Some("{\"name\": \"C\", \"value\": \"3\"}"))],
    )
    .by("set env deployment/@ -c web C=3"),
    harmful("env-modified", WORKLOAD, &[("/spec/template/spec/containers/0/env/0/value", Some("\"9\""))])
        .by("set env deployment/@ -c web A=9"),
    harmful("env-removed", WORKLOAD, &[("/spec/template/spec/containers/0/env/1", None)])
        .by("set env deployment/@ -c web B-"),
    change(
        "limit-modified",
        WORKLOAD,
        &[("/spec/template/spec/containers/0/resources/limits/memory", Some("\"1Gi\""))],
    )
    .by("set resources deployment/@ -c web --limits=memory=1Gi"),
    change("limit-removed", WORKLOAD, &[("/spec/template/spec/containers/0/resources/limits/cpu", None)]),
    change(
        "container-port-added",
        WORKLOAD,
        &[(
            "/spec/template/spec/containers/0/ports/-",
            Some("{\"containerPort\": 81, \"protocol\": \"TCP\"}"),
        )],
    ),
    change("replicas", WORKLOAD, &[("/spec/replicas", Some("5"))]).by("scale deployment/@ --replicas=5"),
    change("replicas-undeclared", PLAIN, &[("/spec/replicas", Some("5"))])
        .by("scale deployment/@ --replicas=5"),
    harmful("account", WORKLOAD, &[("/spec/template/spec/serviceAccountName", Some("\"robot\""))])
        .by("set serviceaccount deployment/@ robot"),
    harmful("host-network", WORKLOAD, &[("/spec/template/spec/hostNetwork", Some("true"))]),
    change("strategy", WORKLOAD, &[("/spec/strategy/rollingUpdate/maxSurge", Some("\"50%\""))]),
    change("deadline", WORKLOAD, &[("/spec/progressDeadlineSeconds", Some("77"))]),
    // Fields that the server may fill.
    change("pull-policy", PLAIN, &[("/spec/template/spec/containers/0/imagePullPolicy", Some("\"Always\""))]),
    change(
        "pull-policy-declared",
        WORKLOAD,
        &[("/spec/template/spec/containers/0/imagePullPolicy", Some("\"Always\""))],
    ),
    change("node-port", SERVICE, &[("/spec/ports/0/nodePort", Some("PORT"))]),
    change("traffic-policy", SERVICE, &[("/spec/externalTrafficPolicy", Some("\"Local\""))]),
    change("default-of-kind", PANEL, &[("/spec/level", Some("4"))]),
    change("bundle", HOOK, &[("/webhooks/0/clientConfig/caBundle", Some("\"Ynk=\""))]),
    harmful("failure-policy", HOOK, &[("/webhooks/0/failurePolicy", Some("\"Ignore\""))]),
    change(
        "owner",
        CONFIG_MAP,
        &[(
            "/metadata/ownerReferences",
            Some(
                "[{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"name\": \"owner\", \"uid\": \"UID\"}]",
            ),
        )],
    ),
    // Other kinds.
    change(
        "service-port-added",
        SERVICE,
        &[(
            "/spec/ports/-",
            Some("{\"name\": \"alt\", \"port\": 81, \"protocol\": \"TCP\", \"targetPort\": 81}"),
        )],
    ),
    change("service-port-modified", SERVICE, &[("/spec/ports/0/targetPort", Some("9090"))]),
    harmful("external-ips", SERVICE, &[("/spec/externalIPs", Some("[\"192.0.2.7\"]"))]),
    harmful("data-added", CONFIG_MAP, &[("/data/c", Some("\"3\""))]),
    harmful("data-modified", CONFIG_MAP, &[("/data/a", Some("\"9\""))]),
    harmful("data-removed", CONFIG_MAP, &[("/data/b", None)]),
    harmful("secret-added", SECRET, &[("/data/c", Some("\"bW9yZQ==\""))]),
    harmful("secret-modified", SECRET, &[("/data/a", Some("\"b3RoZXI=\""))]),
    harmful("secret-removed", SECRET, &[("/data/b", None)]),
    harmful("rules", ROLE, &[("/rules/0/verbs", Some("[\"*\"]"))]),
    harmful(
        "subjects",
        BINDING,
        &[(
            "/subjects/-",
            Some("{\"apiGroup\": \"rbac.authorization.k8s.io\", \"kind\": \"User\", \"name\": \"bob\"}"),
        )],
    )
    .by("set subject rolebinding @ --user=bob"),
    harmful("policy-ingress", POLICY, &[("/spec/ingress", Some("[{}]"))]),
    harmful("backend", INGRESS, &[("/spec/rules/0/http/paths/0/backend/service/name", Some("\"other\""))]),
    change("ingress-class", INGRESS, &[("/spec/ingressClassName", Some("\"other\""))]),
];
