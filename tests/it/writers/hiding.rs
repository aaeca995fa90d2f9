//! Nobody can hide: whatever name writes, a change that could do harm is drift.
//!
//! Every name of the table of managers makes the same harmful changes, in objects applied in one of five ways; one run of
//! `drift check` sees all. What changed is taken from the server's answers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::judge::{covers, is_derived, is_drift, shown};
use super::means::{APPLY, MERGE, STRATEGIC, send};
use super::{check, parsed};
use crate::matrix::in_parallel;
use crate::matrix::truth::{changed, parse};
use crate::support::cluster::ControlPlane;
use crate::support::http::Client;
use crate::support::repo::Repo;
use crate::support::report::findings;
use crate::support::tree::root;

/// How the objects were applied: manager, whether by the server, and whether a client keeps a copy of what it applied.
pub(super) const WAYS: [(&str, Kept); 5] = [
    ("kubectl-client-side-apply", Kept::Copy),
    ("kubectl", Kept::Fields),
    ("kustomize-controller", Kept::Fields),
    ("argocd-controller", Kept::Copy),
    ("helm", Kept::Nothing),
];

/// What an applier leaves that tells what it applied.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// An entry of server-side apply.
    Fields,
    /// An annotation with the manifest.
    Copy,
    /// Nothing: it makes and updates.
    Nothing,
}

/// A harmful change: what Git declares, the media type of a patch, and the patch.
struct Harm {
    collection: &'static str,
    object: &'static str,
    media: &'static str,
    patch: &'static str,
}

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/%/deployments";

/// `@` is the name of the object, `%` its namespace.
const HARM: &[Harm] = &[
    Harm {
        collection: DEPLOYMENTS,
        object: "
apiVersion: apps/v1
kind: Deployment
metadata: {name: '@-pod', namespace: '%'}
spec:
  paused: true
  selector: {matchLabels: {app: '@'}}
  template:
    metadata: {labels: {app: '@'}}
    spec:
      containers:
      - {name: web, image: 'nginx:1.25', command: [run], args: [a], env: [{name: A, value: '1'}], securityContext: {privileged: false}}
      volumes: [{name: data, emptyDir: {}}]
",
        media: STRATEGIC,
        patch: "
spec:
  template:
    spec:
      hostNetwork: true
      hostPID: true
      hostIPC: true
      serviceAccountName: robot
      automountServiceAccountToken: true
      runtimeClassName: other
      hostAliases: [{ip: 192.0.2.7, hostnames: [registry.example]}]
      imagePullSecrets: [{name: theirs}]
      securityContext: {runAsUser: 0}
      volumes: [{name: host, hostPath: {path: /}}]
      initContainers: [{name: early, image: 'evil:1'}]
      containers:
      - name: web
        image: evil:1
        command: [evil]
        args: [--all]
        env: [{name: A, value: '2'}, {name: LD_PRELOAD, value: /evil.so}]
        envFrom: [{secretRef: {name: theirs}}]
        securityContext: {privileged: true, allowPrivilegeEscalation: true, capabilities: {add: [SYS_ADMIN]}}
        volumeMounts: [{name: host, mountPath: /host}]
        lifecycle: {postStart: {exec: {command: [evil]}}}
      - {name: side, image: 'evil:1', securityContext: {privileged: true}}
",
    },
    // By server-side apply, under the applier's own name too.
    Harm {
        collection: DEPLOYMENTS,
        object: "
apiVersion: apps/v1
kind: Deployment
metadata: {name: '@-applied', namespace: '%'}
spec:
  paused: true
  selector: {matchLabels: {app: '@'}}
  template: {metadata: {labels: {app: '@'}}, spec: {containers: [{name: web, image: 'nginx:1.25'}]}}
",
        media: APPLY,
        patch: "
apiVersion: apps/v1
kind: Deployment
metadata: {name: '@-applied', namespace: '%'}
spec:
  paused: true
  selector: {matchLabels: {app: '@'}}
  template:
    metadata: {labels: {app: '@'}}
    spec: {hostPID: true, containers: [{name: web, image: 'evil:1'}, {name: side, image: 'evil:1'}]}
",
    },
    Harm {
        collection: "/api/v1/namespaces/%/configmaps",
        object: "
apiVersion: v1
kind: ConfigMap
metadata: {name: '@', namespace: '%'}
data: {mode: strict}
",
        media: MERGE,
        patch: "{data: {mode: open, more: 'yes'}}",
    },
    Harm {
        collection: "/api/v1/namespaces/%/secrets",
        object: "
apiVersion: v1
kind: Secret
metadata: {name: '@', namespace: '%'}
data: {password: b25l}
",
        media: MERGE,
        patch: "{data: {password: b3RoZXI=, more: bW9yZQ==}}",
    },
    Harm {
        collection: "/apis/rbac.authorization.k8s.io/v1/namespaces/%/roles",
        object: "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: '@', namespace: '%'}
rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]
",
        media: MERGE,
        patch: "{rules: [{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]}",
    },
    Harm {
        collection: "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        object: "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: '%-@'}
rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]
",
        media: MERGE,
        patch: "{rules: [{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]}",
    },
    Harm {
        collection: "/apis/rbac.authorization.k8s.io/v1/namespaces/%/rolebindings",
        object: "
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: '@', namespace: '%'}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: '@'}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: ann}]
",
        media: MERGE,
        patch: "{subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: 'system:authenticated'}]}",
    },
    Harm {
        collection: "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
        object: "
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: '%-@'}
webhooks:
- name: a.writers.example
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Fail
  clientConfig: {service: {name: none, namespace: none, path: /check}}
  namespaceSelector: {matchLabels: {a: b}}
  rules: [{apiGroups: [writers.example], apiVersions: [v9], operations: [CREATE], resources: [nothings]}]
",
        media: STRATEGIC,
        patch: "
webhooks:
- name: a.writers.example
  failurePolicy: Ignore
  namespaceSelector: {matchLabels: {a: c}}
  clientConfig: {service: null, url: 'https://evil.example/'}
  rules: [{apiGroups: [writers.example], apiVersions: ['*'], operations: ['*'], resources: ['*']}]
",
    },
    Harm {
        collection: "/api/v1/namespaces/%/services",
        object: "
apiVersion: v1
kind: Service
metadata: {name: '@', namespace: '%'}
spec: {selector: {app: '@'}, ports: [{port: 80}]}
",
        media: MERGE,
        patch: "{spec: {selector: {app: evil}, externalIPs: [192.0.2.7]}}",
    },
    Harm {
        collection: "/api/v1/namespaces/%/services",
        object: "
apiVersion: v1
kind: Service
metadata: {name: '@-name', namespace: '%'}
spec: {type: ExternalName, externalName: db.example}
",
        media: MERGE,
        patch: "{spec: {externalName: evil.example}}",
    },
    Harm {
        collection: "/apis/networking.k8s.io/v1/namespaces/%/networkpolicies",
        object: "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: '@', namespace: '%'}
spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress], ingress: [{ports: [{port: 80, protocol: TCP}]}]}
",
        media: MERGE,
        patch: "{spec: {podSelector: {matchLabels: {app: none}}, ingress: [{}]}}",
    },
    Harm {
        collection: "/apis/networking.k8s.io/v1/namespaces/%/ingresses",
        object: "
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: '@', namespace: '%'}
spec:
  rules: [{host: a.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
",
        media: MERGE,
        patch: "
spec:
  rules: [{host: a.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: evil, port: {number: 80}}}}]}}]
",
    },
];

/// Marks and owners with which an object claims to belong to somebody.
const MARKS: &[(&str, &str)] = &[
    ("plain", "{}"),
    ("helm", "{annotations: {meta.helm.sh/release-name: none, meta.helm.sh/release-namespace: default}}"),
    ("helm-label", "{labels: {app.kubernetes.io/managed-by: Helm, app.kubernetes.io/instance: none}}"),
    ("argo", "{annotations: {argocd.argoproj.io/tracking-id: 'none:/Pod:default/x'}}"),
    ("argo-label", "{labels: {argocd.argoproj.io/instance: none}}"),
    (
        "flux",
        "{labels: {kustomize.toolkit.fluxcd.io/name: none, kustomize.toolkit.fluxcd.io/namespace: default}}",
    ),
    ("flux-helm", "{labels: {helm.toolkit.fluxcd.io/name: none, helm.toolkit.fluxcd.io/namespace: default}}"),
    ("kapp", "{labels: {kapp.k14s.io/app: '1', kapp.k14s.io/association: v1.x}}"),
    ("owned", "{ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: owner, uid: UID}]}"),
    ("leader", "{annotations: {control-plane.alpha.kubernetes.io/leader: x}}"),
];

/// How many of the marks each name tries.
const MARKS_OF_A_NAME: usize = 4;

/// The names of the table of managers, each once.
pub(super) fn names() -> Vec<String> {
    let text =
        std::fs::read_to_string(root().join("src/attribution/managers.yaml")).expect("the table of managers");
    let table: Vec<Value> = serde_yaml::from_str(&text).expect("the table is YAML");
    let names = table.iter().map(|row| row["name"].as_str().expect("a row has a name").replace('*', "x"));
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

/// A control plane of these tests: they serve many kinds, and leave much behind.
pub(super) fn plane() -> &'static ControlPlane {
    static PLANE: OnceLock<ControlPlane> = OnceLock::new();
    PLANE.get_or_init(|| ControlPlane::start(false).unwrap_or_else(|why| panic!("{why}")))
}

/// A name as it stands in a query.
pub(super) fn encoded(name: &str) -> String {
    name.replace('/', "%2F").replace('@', "%40")
}

/// An object before and after a name wrote.
struct Written {
    name: String,
    way: usize,
    before: Value,
    after: Value,
}

#[test]
fn harmful_changes_are_drift_for_any_manager() {
    let plane = plane();
    let client = plane.client("admin");
    let namespace = plane.fresh_namespace("writers-hiding");
    let names = names();
    let pairs: Vec<(usize, usize)> = pairs(&names);
    let declared: Vec<Vec<Value>> = pairs
        .iter()
        .map(|(name, way)| {
            HARM.iter().map(|harm| parsed(&filled(harm.object, *name, *way, &namespace))).collect()
        })
        .collect();
    let repo = declare(&declared);
    let written: Vec<Written> = in_parallel(pairs.len(), |at| {
        let (name, way) = pairs[at];
        let objects = HARM.iter().zip(&declared[at]);
        let written = objects.map(|(harm, object)| {
            let before = applied(&client, &harm.collection.replace('%', &namespace), object, way);
            let patch = filled(harm.patch, name, way, &namespace);
            let after = write(&client, (harm, object), &patch, &names[name]);
            Written { name: names[name].clone(), way, before, after }
        });
        written.collect::<Vec<_>>()
    })
    .into_iter()
    .flatten()
    .collect();
    let report = check(plane, &repo);
    judge(&written, &report);
}

/// Which name writes in which way: each in one, and those that apply in those that they are.
fn pairs(names: &[String]) -> Vec<(usize, usize)> {
    let all = super::is_whole();
    let mut pairs = Vec::new();
    for (at, name) in names.iter().enumerate() {
        for (way, (applier, _)) in WAYS.iter().enumerate() {
            if all || at % WAYS.len() == way || name == applier {
                pairs.push((at, way));
            }
        }
    }
    pairs
}

fn filled(text: &str, name: usize, way: usize, namespace: &str) -> String {
    text.replace('@', &format!("n{name}-{way}")).replace('%', namespace)
}

fn declare(objects: &[Vec<Value>]) -> Repo {
    let repo = Repo::with(&[("drift.yaml", "version: 1\ncluster: test\nsources: [{path: app}]\n")]);
    for (number, objects) in objects.chunks(20).enumerate() {
        let mut text = String::new();
        for object in objects.iter().flatten() {
            let _ = writeln!(text, "---\n{object}");
        }
        repo.write(&format!("app/{number}.yaml"), text);
    }
    repo.commit("Declare");
    repo
}

/// Makes an object as this applier does.
pub(super) fn applied(client: &Client, collection: &str, object: &Value, way: usize) -> Value {
    let (manager, kept) = WAYS[way];
    let name = object["metadata"]["name"].as_str().expect("a name");
    if kept == Kept::Fields {
        let path = format!("{collection}/{name}?fieldManager={manager}");
        return send(client, "PATCH", &path, APPLY, object);
    }
    let mut object = object.clone();
    if kept == Kept::Copy {
        let copy = format!("{object}\n");
        object["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/last-applied-configuration": copy});
    }
    send(client, "POST", &format!("{collection}?fieldManager={manager}"), "application/json", &object)
}

/// Writes under a name.
fn write(client: &Client, (harm, object): (&Harm, &Value), patch: &str, manager: &str) -> Value {
    let name = object["metadata"]["name"].as_str().expect("a name");
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
    let force = if harm.media == APPLY { "&force=true" } else { "" };
    let collection = harm.collection.replace('%', namespace);
    let path = format!("{collection}/{name}?fieldManager={}{force}", encoded(manager));
    send(client, "PATCH", &path, harm.media, &parsed(patch))
}

fn judge(written: &[Written], report: &Value) {
    let findings = findings(report);
    let key = |object: &Value, name: &str| (object["kind"].to_string(), object[name].to_string());
    let found: BTreeMap<_, _> =
        findings.iter().map(|finding| (key(&finding["resource"], "name"), finding)).collect();
    let mut fields: BTreeMap<&str, BTreeMap<usize, usize>> = BTreeMap::new();
    let mut wrong = String::new();
    let mut total = 0;
    for one in written {
        let finding = found.get(&(one.after["kind"].to_string(), one.after["metadata"]["name"].to_string()));
        let changes =
            finding.and_then(|finding| finding["changes"].as_array()).map_or(&[][..], Vec::as_slice);
        let leaves = changed(&one.before, &one.after);
        *fields.entry(&one.name).or_default().entry(one.way).or_default() += leaves.len();
        total += leaves.len();
        for leaf in leaves {
            if is_derived(&leaf) {
                continue;
            }
            let path = |change: &Value| parse(change["path"].as_str().unwrap_or_default());
            let mut said = changes.iter().filter(|change| covers(&path(change), &leaf.path)).peekable();
            let none = said.peek().is_none();
            for hidden in said.filter(|change| !is_drift(change)) {
                let _ = writeln!(
                    wrong,
                    "{} ({}): {} {} is {} ({})",
                    one.name,
                    WAYS[one.way].0,
                    one.after["kind"],
                    shown(&leaf.path),
                    hidden["cause"],
                    hidden["rule"]
                );
            }
            if none {
                let _ = writeln!(
                    wrong,
                    "{} ({}): {} {} is not found",
                    one.name,
                    WAYS[one.way].0,
                    one.after["kind"],
                    shown(&leaf.path)
                );
            }
        }
    }
    let fewest = fields.values().flat_map(BTreeMap::values).min().copied().unwrap_or_default();
    println!(
        "hiding: {} names, {} objects, {total} harmful changes, at least {fewest} of each name",
        fields.len(),
        written.len()
    );
    assert!(fewest >= 25, "only {fewest} changes of a name");
    assert!(wrong.is_empty(), "{} hidden\n{wrong}", wrong.lines().count());
}

#[test]
fn privileged_pods_are_unmanaged_whatever_they_claim() {
    let plane = plane();
    let client = plane.client("admin");
    let namespace = plane.fresh_namespace("writers-claims");
    let owner = super::OWNER.replace('%', &namespace);
    let repo = Repo::with(&[
        ("drift.yaml", "version: 1\ncluster: test\nsources: [{path: app}]\n"),
        ("app/owner.yaml", &owner),
    ]);
    plane.apply("gitops", &namespace, &owner, &[]);
    let owner = plane.live(&namespace, "configmap/owner");
    let uid = owner["metadata"]["uid"].as_str().expect("a uid");
    let names = names();
    let every = if super::is_whole() { MARKS.len() } else { MARKS_OF_A_NAME };
    let made: Vec<(String, String)> = in_parallel(names.len() * every, |at| {
        let (name, mark) = (at / every, (at / every + at % every * 3) % MARKS.len());
        let pod = format!("n{name}-{}", MARKS[mark].0);
        let mut body = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": parsed(&MARKS[mark].1.replace("UID", uid)),
            "spec": {"containers": [{
                "name": "a", "image": "evil:1", "securityContext": {"privileged": true},
            }]},
        });
        body["metadata"]["name"] = json!(pod);
        let path = format!("/api/v1/namespaces/{namespace}/pods?fieldManager={}", encoded(&names[name]));
        send(&client, "POST", &path, "application/json", &body);
        (pod, format!("{} with {}", names[name], MARKS[mark].0))
    });
    let report = check(plane, &repo);
    let findings = findings(&report);
    let reported: BTreeSet<&str> = findings
        .iter()
        .filter(|finding| finding["state"] == "unmanaged" && is_drift(finding))
        .filter_map(|finding| finding["resource"]["name"].as_str())
        .collect();
    println!("hiding: {} privileged Pods by {} names", made.len(), names.len());
    let hidden: Vec<&String> =
        made.iter().filter(|(pod, _)| !reported.contains(pod.as_str())).map(|(_, what)| what).collect();
    assert!(hidden.is_empty(), "{} hidden: {hidden:#?}", hidden.len());
}
