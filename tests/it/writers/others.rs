//! Writers that have changes of their own: controllers in their places, admission, the server and Kubernetes' own
//! controllers, the garbage collector, and those who make and remove whole objects.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::judge::Judged;
use super::means::{APPLY, MERGE, STRATEGIC, Truth, send};
use super::{World, parsed};
use crate::matrix::{bases, in_parallel};
use crate::support::http::Client;
use crate::support::servers::eventually;

/// For how long controllers are waited for: an autoscaler looks every 15 seconds.
const PATIENCE: Duration = Duration::from_secs(90);

/// One object with a writer of its own.
struct Other {
    row: &'static str,
    truth: Truth,
    manager: &'static str,
    harmful: bool,
    /// `/api/v1/namespaces/x/configmaps/y`
    path: String,
    /// What Git declares; of an object that somebody makes, what is made.
    object: Value,
    before: Value,
    after: Value,
}

/// All of them in one way of applying.
pub(super) struct Others {
    namespace: String,
    /// The namespace in which a policy changes what is applied; `None` where the server has no such policies.
    admitted: Option<String>,
    objects: Vec<Other>,
}

/// What a known controller writes into an object that Git declares: media type, subresource and patch, in turn.
struct Controller {
    manager: &'static str,
    collection: &'static str,
    object: &'static str,
    writes: &'static [(&'static str, &'static str, &'static str)],
}

const WORKLOAD: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: '@', namespace: '%'}
spec:
  paused: true
  replicas: 1
  selector: {matchLabels: {app: '@'}}
  template: {metadata: {labels: {app: '@'}}, spec: {terminationGracePeriodSeconds: 20, containers: [{name: web, image: 'nginx:1.25', env: [{name: A, value: '1'}], resources: {requests: {cpu: 100m}}}]}}
";

const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: '@', namespace: '%'}
spec: {type: LoadBalancer, selector: {app: '@'}, ports: [{port: 80}]}
";

const CONFIG_MAP: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: '@', namespace: '%'}
data: {a: b}
";

const JOB: &str = "
apiVersion: batch/v1
kind: Job
metadata: {name: '@', namespace: '%'}
spec: {suspend: true, template: {spec: {restartPolicy: Never, containers: [{name: web, image: 'busybox:1'}]}}}
";

const HOOK: &str = "
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: '%-@'}
webhooks:
- name: a.writers.example
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Ignore
  clientConfig: {service: {name: none, namespace: none}}
  rules: [{apiGroups: [writers.example], apiVersions: [v9], operations: [CREATE], resources: [nothings]}]
";

const AUTOSCALER: &str = "
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: '@', namespace: '%'}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: TARGET}, minReplicas: 3, maxReplicas: 6}
";

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/%/deployments";
const SERVICES: &str = "/api/v1/namespaces/%/services";
const CONFIG_MAPS: &str = "/api/v1/namespaces/%/configmaps";
const HOOKS: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
const AUTOSCALERS: &str = "/apis/autoscaling/v2/namespaces/%/horizontalpodautoscalers";

const CONTROLLERS: &[Controller] = &[
    Controller {
        manager: "glbc",
        collection: SERVICES,
        object: SERVICE,
        writes: &[
            (MERGE, "", "{metadata: {annotations: {cloud.google.com/neg-status: '{}'}}}"),
            (MERGE, "", "{metadata: {finalizers: [networking.gke.io/neg-finalizer]}}"),
        ],
    },
    Controller {
        manager: "cloud-controller-manager",
        collection: SERVICES,
        object: SERVICE,
        writes: &[
            (MERGE, "", "{metadata: {finalizers: [service.kubernetes.io/load-balancer-cleanup]}}"),
            (MERGE, "/status", "{status: {loadBalancer: {ingress: [{ip: 192.0.2.7}]}}}"),
        ],
    },
    Controller {
        manager: "rollouts-controller",
        collection: SERVICES,
        object: SERVICE,
        writes: &[(MERGE, "", "{spec: {selector: {rollouts-pod-template-hash: abc}}}")],
    },
    Controller {
        manager: "Reloader",
        collection: DEPLOYMENTS,
        object: WORKLOAD,
        writes: &[(
            STRATEGIC,
            "",
            "{spec: {template: {spec: {containers: [{name: web, env: [{name: STAKATER_C_CONFIGMAP, value: abc}]}]}}}}",
        )],
    },
    Controller {
        manager: "Reloader",
        collection: DEPLOYMENTS,
        object: WORKLOAD,
        writes: &[(
            STRATEGIC,
            "",
            "{spec: {template: {metadata: {annotations: {reloader.stakater.com/last-reloaded-from: '{}'}}}}}",
        )],
    },
    Controller {
        manager: "kube-green",
        collection: DEPLOYMENTS,
        object: WORKLOAD,
        writes: &[(MERGE, "", "{spec: {replicas: 0}}")],
    },
    Controller {
        manager: "gokubedownscaler",
        collection: DEPLOYMENTS,
        object: WORKLOAD,
        writes: &[(
            MERGE,
            "",
            "{spec: {replicas: 0}, metadata: {annotations: {downscaler/original-replicas: '1'}}}",
        )],
    },
    Controller {
        manager: "pod_nanny",
        collection: DEPLOYMENTS,
        object: WORKLOAD,
        writes: &[(
            STRATEGIC,
            "",
            "{spec: {template: {spec: {containers: [{name: web, resources: {requests: {cpu: 150m}}}]}}}}",
        )],
    },
    Controller {
        manager: "kueue",
        collection: "/apis/batch/v1/namespaces/%/jobs",
        object: JOB,
        writes: &[(MERGE, "", "{spec: {suspend: false}}")],
    },
    Controller {
        manager: "velero-server",
        collection: CONFIG_MAPS,
        object: CONFIG_MAP,
        writes: &[(MERGE, "", "{metadata: {labels: {velero.io/restore-name: x, velero.io/backup-name: y}}}")],
    },
    Controller {
        manager: "cert-manager-cainjector",
        collection: HOOKS,
        object: HOOK,
        writes: &[(STRATEGIC, "", "{webhooks: [{name: a.writers.example, clientConfig: {caBundle: Ynk=}}]}")],
    },
    Controller {
        manager: "pilot-discovery",
        collection: HOOKS,
        object: HOOK,
        writes: &[(STRATEGIC, "", "{webhooks: [{name: a.writers.example, clientConfig: {caBundle: Ynk=}}]}")],
    },
];

/// Labels, annotations, what only one kind has, and a value that Git declares otherwise.
const POLICIES: &str = "
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: '%-workloads'}
spec:
  reinvocationPolicy: Never
  failurePolicy: Fail
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: '%'}}
    resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}]
  mutations:
  - patchType: ApplyConfiguration
    applyConfiguration:
      expression: >-
        Object{metadata: Object.metadata{labels: {'policy': 'checked'}, annotations: {'policy.example/at': 'now'}},
        spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{
        priorityClassName: 'system-cluster-critical', terminationGracePeriodSeconds: 45}}}}
  - patchType: JSONPatch
    jsonPatch:
      expression: >-
        [JSONPatch{op: 'add', path: '/spec/template/spec/tolerations',
        value: [{'key': 'spot', 'operator': 'Exists'}]}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: '%-others'}
spec:
  reinvocationPolicy: Never
  failurePolicy: Fail
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: '%'}}
    resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps, services]}]
  mutations:
  - patchType: ApplyConfiguration
    applyConfiguration:
      expression: >-
        Object{metadata: Object.metadata{labels: {'policy': 'checked'}, annotations: {'policy.example/at': 'now'}}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: '%-workloads'}
spec: {policyName: '%-workloads'}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: '%-others'}
spec: {policyName: '%-others'}
";

/// Objects that a person or a script makes: manager, and where and what.
const MADE: &[(&str, &str, &str)] = &[
    ("kubectl-create", CONFIG_MAPS, CONFIG_MAP),
    ("kubectl-client-side-apply", CONFIG_MAPS, CONFIG_MAP),
    ("kubectl", DEPLOYMENTS, WORKLOAD),
    ("nightly-fix", CONFIG_MAPS, CONFIG_MAP),
    ("hotfix-script", SERVICES, SERVICE),
    (
        "kubectl-run",
        "/api/v1/namespaces/%/pods",
        "
apiVersion: v1
kind: Pod
metadata: {name: '@', namespace: '%'}
spec: {containers: [{name: web, image: 'nginx:1.25'}]}
",
    ),
];

/// Kinds that no controller leaves alone here, or of which nothing can be told: there are no nodes.
const LEFT_OUT: &[&str] = &["ResourceClaim"];

impl Others {
    /// What there is, before anything is applied.
    pub(super) fn new(world: &World, way: usize, namespace: &str) -> Self {
        let (status, _) =
            world.client.json("GET", "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies", None);
        let admitted =
            (status == 200).then(|| world.plane.fresh_namespace(&format!("writers-admitted-{way}")));
        let mut others = Self { namespace: namespace.to_owned(), admitted, objects: Vec::new() };
        others.controllers();
        others.whole_objects();
        if let Some(admitted) = others.admitted.clone() {
            for (number, (collection, text)) in
                [(DEPLOYMENTS, WORKLOAD), (CONFIG_MAPS, CONFIG_MAP), (SERVICES, SERVICE)]
                    .into_iter()
                    .enumerate()
            {
                others.push(
                    "admission",
                    Truth::Controller,
                    (collection, text),
                    &format!("admitted-{number}"),
                    &admitted,
                );
            }
        }
        for base in bases(&world.client) {
            let text = base.named(&base.name, namespace);
            let object = parsed(&text);
            if LEFT_OUT.iter().any(|kind| object["kind"] == *kind) {
                continue;
            }
            let path = base.path(&object, namespace);
            others.objects.push(Other::new("server", Truth::InSync, path, object));
        }
        others
    }

    fn controllers(&mut self) {
        let namespace = self.namespace.clone();
        for (number, controller) in CONTROLLERS.iter().enumerate() {
            let of_kind = (controller.collection, controller.object);
            self.push("controller", Truth::InSync, of_kind, &format!("controller-{number}"), &namespace);
        }
        // Kubernetes' own: an autoscaler that is below its range scales at once.
        self.push("controller", Truth::InSync, (DEPLOYMENTS, WORKLOAD), "scaled", &namespace);
        let text = AUTOSCALER.replace("TARGET", "scaled");
        self.push("controller", Truth::InSync, (AUTOSCALERS, &text), "scaler", &namespace);
    }

    fn whole_objects(&mut self) {
        let namespace = self.namespace.clone();
        for (name, truth) in [
            ("removed-by-kubectl", Truth::Removed),
            ("removed-by-script", Truth::Removed),
            ("keeper", Truth::Removed),
            ("collected", Truth::Collected),
        ] {
            let row = if truth == Truth::Collected { "collector" } else { "remover" };
            self.push(row, truth, (CONFIG_MAPS, CONFIG_MAP), name, &namespace);
        }
        for (number, (manager, collection, text)) in MADE.iter().enumerate() {
            self.push("maker", Truth::Made, (collection, text), &format!("made-{number}"), &namespace);
            self.objects.last_mut().expect("just pushed").manager = manager;
        }
    }

    fn push(
        &mut self,
        row: &'static str,
        truth: Truth,
        (collection, text): (&str, &str),
        name: &str,
        namespace: &str,
    ) {
        let object = parsed(&text.replace('@', name).replace('%', namespace));
        let live_name = object["metadata"]["name"].as_str().expect("a name");
        let path = format!("{}/{live_name}", collection.replace('%', namespace));
        self.objects.push(Other::new(row, truth, path, object));
    }

    /// What Git declares of them.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for other in self.objects.iter().filter(|other| other.truth != Truth::Made) {
            let _ = writeln!(text, "---\n{}", other.object);
        }
        text
    }

    /// Applies what Git declares; policies come into force meanwhile.
    pub(super) fn begin(&mut self, world: &World, how: &[&str]) {
        if let Some(admitted) = self.admitted.clone() {
            self.admit(world, &admitted);
        }
        let declared = self.objects.iter().filter(|other| other.truth != Truth::Made);
        super::apply(world.plane, "gitops", declared.map(|other| &other.object), how);
        for other in &mut self.objects {
            match other.row {
                "admission" => {}
                // What the server makes of what was applied is the change.
                "server" => other.before = other.object.clone(),
                _ if other.truth == Truth::Made => {}
                _ => other.before = other.live(&world.client),
            }
        }
    }

    /// Asks what the objects would be without policies, and waits until the policies work.
    fn admit(&mut self, world: &World, admitted: &str) {
        let client = &world.client;
        let dry = |other: &Other| {
            let (collection, _) = other.path.rsplit_once('/').expect("a path");
            let (status, answer) =
                client.json("POST", &format!("{collection}?dryRun=All"), Some(&other.object));
            assert_eq!(status, 201, "{answer}");
            answer
        };
        let of_admission = || self.objects.iter().filter(|other| other.row == "admission");
        let before: Vec<Value> = of_admission().map(dry).collect();
        world.plane.apply("admin", "default", &POLICIES.replace('%', admitted), &[]);
        for other in of_admission() {
            eventually("the policy works", PATIENCE, || {
                (dry(other)["metadata"]["labels"]["policy"] == "checked").then_some(())
            });
        }
        let mut before = before.into_iter();
        for other in self.objects.iter_mut().filter(|other| other.row == "admission") {
            other.before = before.next().expect("one of each");
        }
    }

    /// Controllers, makers and removers write.
    pub(super) fn write(&self, world: &World) {
        let (client, namespace) = (&world.client, &self.namespace);
        for (controller, other) in
            CONTROLLERS.iter().zip(self.objects.iter().filter(|other| other.row == "controller"))
        {
            for (media, subresource, patch) in controller.writes {
                let path = format!("{}{subresource}?fieldManager={}", other.path, controller.manager);
                send(client, "PATCH", &path, media, &parsed(patch));
            }
        }
        let config_map = |name: &str| format!("{}/{name}", CONFIG_MAPS.replace('%', namespace));
        let keeper = self.object("keeper").before["metadata"]["uid"].clone();
        let reference = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "keeper", "uid": keeper});
        let owned = json!({"metadata": {"ownerReferences": [reference]}});
        send(client, "PATCH", &format!("{}?fieldManager=manager", config_map("collected")), MERGE, &owned);
        for name in ["removed-by-kubectl", "keeper"] {
            let arguments = ["delete", "configmap", name, "--namespace", namespace, "--wait=false"];
            let _ = world.plane.kubectl("alice", &arguments).expect_status(0);
        }
        let (status, answer) = client.json("DELETE", &config_map("removed-by-script"), None);
        assert_eq!(status, 200, "{answer}");
        self.make(world);
    }

    fn make(&self, world: &World) {
        for other in self.objects.iter().filter(|other| other.truth == Truth::Made) {
            let text = other.object.to_string();
            let (collection, _) = other.path.rsplit_once('/').expect("a path");
            match other.manager {
                "kubectl-create" => {
                    let _ = world
                        .plane
                        .kubectl_with("alice", &["create", "--filename", "-"], &text)
                        .expect_status(0);
                }
                "kubectl-client-side-apply" => {
                    super::apply(world.plane, "alice", [&other.object].into_iter(), &[]);
                }
                "kubectl" => {
                    super::apply(world.plane, "alice", [&other.object].into_iter(), &["--server-side"]);
                }
                "kubectl-run" => {
                    let name = other.object["metadata"]["name"].as_str().expect("a name");
                    let run = ["run", name, "--image=nginx:1.25", "--namespace", &self.namespace];
                    let _ = world.plane.kubectl("alice", &run).expect_status(0);
                }
                "hotfix-script" => {
                    let path = format!("{}?fieldManager={}", other.path, other.manager);
                    send(&world.client, "PATCH", &path, APPLY, &other.object);
                }
                manager => {
                    let path = format!("{collection}?fieldManager={manager}");
                    send(&world.client, "POST", &path, "application/json", &other.object);
                }
            }
        }
    }

    fn object(&self, name: &str) -> &Other {
        let of_name = |other: &&Other| other.object["metadata"]["name"] == name;
        self.objects.iter().find(of_name).expect("an object of the table")
    }

    /// Waits for the controllers of Kubernetes, and reads what there is.
    pub(super) fn end(&mut self, world: &World) {
        let client = &world.client;
        let collected = &self.object("collected").path;
        eventually("the garbage collector follows", PATIENCE, || {
            (client.json("GET", collected, None).0 == 404).then_some(())
        });
        let scaled = self.object("scaled");
        eventually("the autoscaler scales", PATIENCE, || {
            (scaled.live(client)["spec"]["replicas"] == 3).then_some(())
        });
        let live = in_parallel(self.objects.len(), |at| {
            let other = &self.objects[at];
            let gone = matches!(other.truth, Truth::Removed | Truth::Collected);
            if gone { Value::Null } else { other.live(client) }
        });
        for (other, live) in self.objects.iter_mut().zip(live) {
            other.after = live;
        }
    }

    /// Everything to judge.
    pub(super) fn judged(&self) -> impl Iterator<Item = Judged<'_>> {
        self.objects.iter().map(|other| Judged {
            row: other.row.to_owned(),
            kind: other.object["kind"].as_str().expect("a kind"),
            name: other.object["metadata"]["name"].as_str().expect("a name"),
            truth: other.truth,
            manager: other.manager,
            harmful: other.harmful,
            before: Cow::Borrowed(&other.before),
            after: Cow::Borrowed(&other.after),
        })
    }
}

impl Other {
    fn new(row: &'static str, truth: Truth, path: String, object: Value) -> Self {
        let (before, after) = (Value::Null, Value::Null);
        Self { row, truth, manager: "", harmful: false, path, object, before, after }
    }

    fn live(&self, client: &Client) -> Value {
        let (status, live) = client.json("GET", &self.path, None);
        assert_eq!(status, 200, "{}: {live}", self.path);
        live
    }
}
