//! Legitimate writes are no drift: each place of the table of managers, written by the program whose place it is.
//!
//! Kinds of Kubernetes itself are the real ones; for custom kinds a definition is made that takes anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::hiding::{WAYS, applied, encoded, plane};
use super::judge::{covers, is_drift};
use super::means::{MERGE, merge_patch};
use super::parsed;
use crate::matrix::in_parallel;
use crate::matrix::truth::{Step, changed, parse};
use crate::support::command::Drift;
use crate::support::http::{Client, Request};
use crate::support::repo::Repo;
use crate::support::report::findings;
use crate::support::servers::eventually;
use crate::support::tree::root;

/// What Git declares of each kind: `@` is the name, `%` the namespace.
const OBJECTS: &[(&str, &str)] = &[
    ("/apis/apps/v1/namespaces/%/deployments", DEPLOYMENT),
    ("/apis/apps/v1/namespaces/%/statefulsets", STATEFUL_SET),
    ("/apis/apps/v1/namespaces/%/daemonsets", DAEMON_SET),
    ("/apis/apps/v1/namespaces/%/replicasets", REPLICA_SET),
    ("/apis/batch/v1/namespaces/%/jobs", JOB),
    ("/apis/batch/v1/namespaces/%/cronjobs", CRON_JOB),
    ("/api/v1/namespaces/%/pods", POD),
    ("/api/v1/namespaces/%/services", SERVICE),
    ("/api/v1/namespaces/%/configmaps", "
apiVersion: v1
kind: ConfigMap
metadata: {name: '@', namespace: '%'}
data: {a: b}
"),
    ("/api/v1/namespaces/%/secrets", "
apiVersion: v1
kind: Secret
metadata: {name: '@', namespace: '%'}
data: {a: b25l}
"),
    ("/api/v1/namespaces/%/serviceaccounts", "
apiVersion: v1
kind: ServiceAccount
metadata: {name: '@', namespace: '%', labels: {a: b}}
"),
    ("/api/v1/namespaces/%/endpoints", "
apiVersion: v1
kind: Endpoints
metadata: {name: '@', namespace: '%'}
subsets: [{addresses: [{ip: 192.0.2.7}], ports: [{port: 80}]}]
"),
    ("/api/v1/namespaces/%/persistentvolumeclaims", "
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: '@', namespace: '%'}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
"),
    ("/api/v1/persistentvolumes", "
apiVersion: v1
kind: PersistentVolume
metadata: {name: '%-@'}
spec: {accessModes: [ReadWriteOnce], capacity: {storage: 1Gi}, hostPath: {path: /data}}
"),
    ("/api/v1/nodes", "
apiVersion: v1
kind: Node
metadata: {name: '%-@', labels: {a: b}}
"),
    ("/apis/networking.k8s.io/v1/namespaces/%/ingresses", "
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: '@', namespace: '%'}
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}
"),
    ("/apis/autoscaling/v2/namespaces/%/horizontalpodautoscalers", "
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: '@', namespace: '%'}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: none}, minReplicas: 3, maxReplicas: 5}
"),
    ("/apis/storage.k8s.io/v1/volumeattributesclasses", "
apiVersion: storage.k8s.io/v1
kind: VolumeAttributesClass
metadata: {name: '%-@'}
driverName: writers.example
parameters: {a: b}
"),
    ("/apis/networking.k8s.io/v1/servicecidrs", "
apiVersion: networking.k8s.io/v1
kind: ServiceCIDR
metadata: {name: '%-@'}
spec: {cidrs: [10.77.0.0/24]}
"),
    ("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", VALIDATING),
    ("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations", MUTATING),
    ("/apis/apiregistration.k8s.io/v1/apiservices", "
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: 'v1.@.%.example'}
spec: {group: '@.%.example', version: v1, groupPriorityMinimum: 1000, versionPriority: 15, insecureSkipTLSVerify: INSECURE, service: {name: none, namespace: '%'}}
"),
    ("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: 'things.@.%.example'}
spec:
  group: '@.%.example'
  scope: Namespaced
  names: {kind: Thing, plural: things}
  conversion: {strategy: Webhook, webhook: {conversionReviewVersions: [v1], clientConfig: {service: {name: none, namespace: '%'}}}}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
"),
];

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: '@', namespace: '%'}
spec:
  replicas: 2
  selector: {matchLabels: {app: '@'}}
  template: {metadata: {labels: {app: '@'}}, spec: {initContainers: [{name: first, image: 'busybox:1'}], containers: [{name: web, image: 'nginx:1.25', env: [{name: A, value: '1'}]}]}}
";

const STATEFUL_SET: &str = "
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: '@', namespace: '%'}
spec:
  replicas: 2
  serviceName: db
  selector: {matchLabels: {app: '@'}}
  template: {metadata: {labels: {app: '@'}}, spec: {initContainers: [{name: first, image: 'busybox:1'}], containers: [{name: web, image: 'nginx:1.25', env: [{name: A, value: '1'}]}]}}
";

const DAEMON_SET: &str = "
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: '@', namespace: '%'}
spec:
  selector: {matchLabels: {app: '@'}}
  template: {metadata: {labels: {app: '@'}}, spec: {nodeSelector: {disk: ssd}, initContainers: [{name: first, image: 'busybox:1'}], containers: [{name: web, image: 'nginx:1.25', env: [{name: A, value: '1'}]}]}}
";

const REPLICA_SET: &str = "
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: '@', namespace: '%'}
spec:
  replicas: 2
  selector: {matchLabels: {app: '@'}}
  template: {metadata: {labels: {app: '@'}}, spec: {containers: [{name: web, image: 'nginx:1.25'}]}}
";

const JOB: &str = "
apiVersion: batch/v1
kind: Job
metadata: {name: '@', namespace: '%'}
spec: {suspend: true, parallelism: 4, completions: 4, template: {spec: {restartPolicy: Never, containers: [{name: web, image: 'busybox:1'}]}}}
";

const CRON_JOB: &str = "
apiVersion: batch/v1
kind: CronJob
metadata: {name: '@', namespace: '%'}
spec: {schedule: 0 1 * * *, jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: web, image: 'busybox:1'}]}}}}}
";

const POD: &str = "
apiVersion: v1
kind: Pod
metadata: {name: '@', namespace: '%'}
spec: {initContainers: [{name: first, image: 'busybox:1', restartPolicy: Always}], containers: [{name: web, image: 'nginx:1.25', resources: {requests: {cpu: 100m}}}]}
";

const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: '@', namespace: '%'}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}
";

const VALIDATING: &str = "
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: '%-@'}
webhooks:
- name: a.writers.example
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Ignore
  clientConfig: {service: {name: none, namespace: none}}
  rules: [{apiGroups: [writers.example], apiVersions: [v9], operations: [CREATE], resources: [nothings]}]
";

const MUTATING: &str = "
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

/// An object of a custom kind: `KIND` and `GROUP` are its kind's.
const CUSTOM: &str = "
apiVersion: GROUP/v1
kind: KIND
metadata: {name: '@', namespace: '%'}
spec:
  template: {metadata: {labels: {app: '@'}}, spec: {initContainers: [{name: first, image: 'busybox:1'}], containers: [{name: web, image: 'nginx:1.25', env: [{name: A, value: '1'}]}]}}
  subsets: [{name: stable, labels: {app: web}}, {name: canary, labels: {app: web}}]
  http: [{route: [{destination: {host: stable}, weight: 100}, {destination: {host: canary}, weight: 0}]}]
  tls: [{route: [{destination: {host: stable}, weight: 100}, {destination: {host: canary}, weight: 0}]}]
  tcp: [{route: [{destination: {host: stable}, weight: 100}, {destination: {host: canary}, weight: 0}]}]
";

/// A place of the table: who writes there, of which kind and where.
struct Place {
    manager: String,
    /// As the table writes it.
    text: String,
    kind: String,
    group: Option<String>,
    steps: Vec<Step>,
    pinned: Option<String>,
}

fn places() -> Vec<Place> {
    let text =
        std::fs::read_to_string(root().join("src/attribution/managers.yaml")).expect("the table of managers");
    let table: Vec<Value> = serde_yaml::from_str(&text).expect("the table is YAML");
    let mut places = Vec::new();
    for row in &table {
        for text in row["writes"].as_array().into_iter().flatten() {
            let text = text.as_str().expect("a place is a text");
            let (kind, rest) = text.split_once(' ').expect("a kind and a path");
            let (path, pinned) = match rest.split_once(" = ") {
                Some((path, pinned)) => (path, Some(pinned.to_owned())),
                None => (rest, None),
            };
            let (kind, group) = match kind.split_once('.') {
                Some((kind, group)) => (kind, Some(group.to_owned())),
                // Any kind: a custom one, and one of Kubernetes for metadata.
                None if kind == "*" && (path.starts_with(".spec") || path.contains("crossplane")) => {
                    ("Claim", Some("writers.example".to_owned()))
                }
                None if kind == "*" => ("ConfigMap", None),
                None => (kind, None),
            };
            places.push(Place {
                manager: row["name"].as_str().expect("a row has a name").replace('*', "x"),
                text: text.to_owned(),
                kind: kind.to_owned(),
                group,
                steps: parse(path),
                pinned,
            });
        }
    }
    places
}

impl Place {
    /// Where its objects are, and what Git declares.
    fn object(&self, name: &str, namespace: &str) -> Option<(String, Value)> {
        let fill = |text: &str| {
            let insecure = if self.pinned.as_deref() == Some("false") { "true" } else { "false" };
            text.replace('@', name).replace('%', namespace).replace("INSECURE", insecure)
        };
        if let Some(group) = &self.group {
            let text = fill(CUSTOM).replace("KIND", &self.kind).replace("GROUP", group);
            let collection = format!("/apis/{group}/v1/namespaces/{namespace}/{}", plural(&self.kind));
            return Some((collection, parsed(&text)));
        }
        let wanted = format!("\nkind: {}\n", self.kind);
        let (collection, text) = OBJECTS.iter().find(|(_, text)| text.contains(&wanted))?;
        Some((fill(collection), parsed(&fill(text))))
    }

    /// The live object with a value in this place.
    fn written(&self, live: &Value, namespace: &str) -> Value {
        let mut object = live.clone();
        let value = self.value(namespace);
        set(&mut object, &self.steps, &value);
        match self.steps.last() {
            // Both are set together.
            Some(Step::Field(name)) if name == "podCIDR" => object["spec"]["podCIDRs"] = json!([value]),
            Some(Step::Field(name)) if name == "podCIDRs" => object["spec"]["podCIDR"] = value[0].clone(),
            Some(Step::Field(name)) if name == "insecureSkipTLSVerify" => {
                object["spec"]["caBundle"] = json!(self.bundle());
            }
            _ => {}
        }
        object
    }

    fn value(&self, namespace: &str) -> Value {
        if let Some(pinned) = &self.pinned {
            return serde_json::from_str(pinned).unwrap_or_else(|_| json!(pinned));
        }
        match self.steps.last() {
            Some(Step::Field(name)) => match name.as_str() {
                "replicas" => json!(5),
                "minReplicas" => json!(1),
                "parallelism" => json!(2),
                "weight" => json!(50),
                "suspend" => json!(self.kind != "Job"),
                "paused" => json!(true),
                "resources" => json!({"requests": {"cpu": "150m"}}),
                "caBundle" => json!(self.bundle()),
                "secrets" | "imagePullSecrets" => json!([{"name": "token"}]),
                "claimRef" => {
                    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": "c", "namespace": namespace})
                }
                "resourceRef" | "compositionRef" | "compositionRevisionRef" => json!({"name": "x"}),
                "podCIDR" => json!("10.244.0.0/24"),
                "podCIDRs" => json!(["10.244.0.0/24"]),
                "finalizers" => json!(["kubernetes"]),
                _ => json!("x"),
            },
            Some(Step::Keys(keys)) => {
                let mut item: Map<String, Value> =
                    keys.iter().map(|(key, value)| (key.clone(), any(value))).collect();
                item.insert("value".to_owned(), json!("1"));
                Value::Object(item)
            }
            Some(Step::Other(text)) => {
                let value: Value =
                    serde_json::from_str(text.trim_start_matches('=')).expect("a value of a set");
                any(&value)
            }
            None => Value::Null,
        }
    }

    /// A bundle of certificates; where the server looks into it, a real one.
    fn bundle(&self) -> String {
        use base64::Engine as _;
        let pem = std::fs::read(plane().ca()).expect("the certificate of the plane");
        base64::engine::general_purpose::STANDARD.encode(pem)
    }

    /// The subresource by which the program writes here.
    fn subresource(&self) -> &'static str {
        match (self.kind.as_str(), self.steps.last()) {
            ("Pod", Some(Step::Field(name))) if name == "resources" => "/resize",
            ("Pod", Some(Step::Field(name))) if name == "nodeName" => "/binding",
            ("Namespace", _) => "/finalize",
            _ => "",
        }
    }
}

fn plural(kind: &str) -> String {
    format!("{}s", kind.to_lowercase())
}

/// A name with any ending.
fn any(value: &Value) -> Value {
    value.as_str().map_or_else(|| value.clone(), |text| json!(named(text)))
}

fn named(text: &str) -> String {
    text.strip_suffix('*').map_or_else(|| text.to_owned(), |prefix| format!("{prefix}x"))
}

/// Puts a value at a place, in the first item of each list on the way.
fn set(object: &mut Value, steps: &[Step], value: &Value) {
    let Some((step, rest)) = steps.split_first() else {
        *object = value.clone();
        return;
    };
    match step {
        Step::Field(name) => {
            if object.is_null() {
                *object = json!({});
            }
            if rest.is_empty() && (value.is_object() || value.is_array()) && name == "resources" {
                object[name.as_str()] = value.clone();
                return;
            }
            set(&mut object[named(name).as_str()], rest, value);
        }
        Step::Keys(keys) if keys.is_empty() => {
            if let Some(first) = object.as_array_mut().and_then(|items| items.first_mut()) {
                set(first, rest, value);
            }
        }
        Step::Keys(_) | Step::Other(_) => match object.as_array_mut() {
            Some(items) => items.push(value.clone()),
            None => *object = json!([value]),
        },
    }
}

/// A place, and an object in which it was written.
struct Write {
    place: Place,
    way: usize,
    kind: String,
    name: String,
    before: Value,
    after: Result<Value, String>,
}

#[test]
fn controller_writes_in_their_places_no_drift() {
    let plane = plane();
    let client = plane.client("admin");
    let namespace = plane.fresh_namespace("writers-places");
    let places = places();
    define(&client, &places);
    let objects: Vec<(String, Value)> = places
        .iter()
        .enumerate()
        .map(|(at, place)| {
            let object = place.object(&format!("p{at}"), &namespace);
            object.unwrap_or_else(|| (String::new(), Value::Null))
        })
        .collect();
    let repo = declare(&objects);
    let writes = in_parallel(places.len(), |at| {
        let (collection, object) = &objects[at];
        (!collection.is_empty()).then(|| {
            let way = at % WAYS.len();
            let before = applied(&client, collection, object, way);
            (
                way,
                written(
                    &client,
                    &places[at],
                    &before,
                    &format!("{collection}/{}", object["metadata"]["name"].as_str().expect("a name")),
                    &namespace,
                ),
                before,
            )
        })
    });
    let skipped: BTreeSet<String> = places
        .iter()
        .zip(&writes)
        .filter(|(_, write)| write.is_none())
        .map(|(place, _)| place.kind.clone())
        .collect();
    let writes: Vec<Write> = places
        .into_iter()
        .zip(writes)
        .zip(&objects)
        .filter_map(|((place, write), (_, object))| {
            let (way, after, before) = write?;
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            Some(Write {
                place,
                way,
                kind: text(&object["kind"]),
                name: text(&object["metadata"]["name"]),
                before,
                after,
            })
        })
        .collect();
    let check = Drift::check(&repo).kubeconfig(plane.kubeconfig("admin")).format("json").arg("--all");
    let output = check.run();
    let report = output.json();
    assert_eq!(report["incomplete"], json!([]), "{}", output.stderr);
    judge(&writes, &skipped, &report);
}

/// Makes a definition for every custom kind of the table.
fn define(client: &Client, places: &[Place]) {
    let kinds: BTreeSet<(&String, &String)> =
        places.iter().filter_map(|place| Some((place.group.as_ref()?, &place.kind))).collect();
    let kinds: Vec<(&String, &String)> = kinds.into_iter().collect();
    in_parallel(kinds.len(), |at| {
        let (group, kind) = kinds[at];
        let name = format!("{}.{group}", plural(kind));
        let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": name, "annotations": {"api-approved.kubernetes.io": "unapproved"}},
            "spec": {
                "group": group,
                "scope": "Namespaced",
                "names": {"kind": kind, "plural": plural(kind)},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
            },
        });
        let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        let (status, answer) = client.json("POST", path, Some(&definition));
        assert_eq!(status, 201, "{answer}");
        eventually(&format!("{name} is served"), Duration::from_secs(60), || {
            let (status, _) = client.json("GET", &format!("/apis/{group}/v1/{}", plural(kind)), None);
            (status == 200).then_some(())
        });
    });
}

fn declare(objects: &[(String, Value)]) -> Repo {
    let repo = Repo::with(&[("drift.yaml", "version: 1\ncluster: test\nsources: [{path: app}]\n")]);
    let mut text = String::new();
    for (_, object) in objects.iter().filter(|(collection, _)| !collection.is_empty()) {
        let _ = writeln!(text, "---\n{object}");
    }
    repo.write("app/all.yaml", text);
    repo.commit("Declare");
    repo
}

/// Writes in the place as the program does; why the server refused it.
fn written(
    client: &Client,
    place: &Place,
    live: &Value,
    path: &str,
    namespace: &str,
) -> Result<Value, String> {
    let written = place.written(live, namespace);
    let mut body = merge_patch(live, &written);
    let subresource = place.subresource();
    let (mut method, mut media) = ("PATCH", MERGE);
    if subresource == "/binding" {
        (method, media) = ("POST", "application/json");
        body = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": live["metadata"]["name"]},
            "target": {"apiVersion": "v1", "kind": "Node", "name": "x"}});
    }
    let query = format!("{path}{subresource}?fieldManager={}", encoded(&place.manager));
    let (status, answer) = client.send(&Request { method, path: &query, media, agent: None, body: &body });
    if status >= 300 {
        return Err(answer["message"].as_str().unwrap_or_default().to_owned());
    }
    let (status, after) = client.json("GET", path, None);
    assert_eq!(status, 200, "{after}");
    Ok(after)
}

fn judge(writes: &[Write], skipped: &BTreeSet<String>, report: &Value) {
    let found: BTreeMap<(&str, &str), &Value> = findings(report)
        .iter()
        .filter_map(|finding| {
            let resource = &finding["resource"];
            Some(((resource["kind"].as_str()?, resource["name"].as_str()?), finding))
        })
        .collect();
    let mut wrong = String::new();
    let mut refused = String::new();
    let (mut rows, mut fields) = (BTreeSet::new(), 0);
    for write in writes {
        let place = &write.place;
        let after = match &write.after {
            Ok(after) => after,
            Err(why) => {
                let _ = writeln!(refused, "  {} in {}: {why}", place.manager, place.text);
                continue;
            }
        };
        let leaves = changed(&write.before, after);
        if leaves.is_empty() {
            let _ = writeln!(refused, "  {} in {}: it changed nothing", place.manager, place.text);
            continue;
        }
        rows.insert(&place.manager);
        fields += leaves.len();
        let finding = found.get(&(write.kind.as_str(), write.name.as_str()));
        let changes =
            finding.and_then(|finding| finding["changes"].as_array()).map_or(&[][..], Vec::as_slice);
        for change in changes.iter().filter(|change| is_drift(change)) {
            let path = change["path"].as_str().unwrap_or_default();
            let of_write = leaves.iter().any(|leaf| covers(&parse(path), &leaf.path));
            let what = if of_write { "" } else { ", which it did not write" };
            let _ = writeln!(
                wrong,
                "{} in {} ({}): {path} is {} ({}){what}",
                place.manager, place.text, WAYS[write.way].0, change["cause"], change["rule"]
            );
        }
    }
    println!(
        "places: {fields} fields in {} places of {} rows; no object of {skipped:?}",
        writes.len(),
        rows.len()
    );
    print!("{}", if refused.is_empty() { String::new() } else { format!("refused:\n{refused}") });
    let of_managers: BTreeSet<&String> = writes.iter().map(|write| &write.place.manager).collect();
    let untried: Vec<_> = of_managers.difference(&rows).collect();
    assert!(untried.is_empty(), "no place of these could be written: {untried:?}");
    assert!(wrong.is_empty(), "{} drift\n{wrong}", wrong.lines().count());
}
