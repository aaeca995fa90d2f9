//! Plans, edits and their proof: every folder of `testdata/remedy` is a case (`git.yaml` and `live.yaml` give
//! `after.yaml` and what is left; `by-kubectl-patch.txt` names the paths that another tool wrote than kubectl-edit), and what a folder cannot hold is here.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::edits::merge_wanted;
use super::target::EditTarget;
use super::{Plan, ProofContext, ProvenPlan, plan, prove};
use crate::config::Source;
use crate::model::{
    ApiResource, ApiResources, Cause, Change, Confidence, Desired, FieldPath, Finding, Manager, ObjectKey,
    Origin, State, Verdict,
};
use crate::schema::Schema;
use crate::source::{RenderRequest, Tools, render};
use crate::yaml::{Edit, Operation};

fn served() -> ApiResources {
    let kind = |group: &str, kind: &str| ApiResource {
        group: group.to_owned(),
        version: "v1".to_owned(),
        kind: kind.to_owned(),
        plural: format!("{}s", kind.to_lowercase()),
        namespaced: true,
        supports_list: true,
    };
    let kinds = vec![
        kind("", "ConfigMap"),
        kind("", "Secret"),
        kind("", "Service"),
        kind("apps", "Deployment"),
        kind("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
        kind("example.com", "Widget"),
    ];
    ApiResources { version: "v1.36.2".to_owned(), kinds }
}

/// A tree of files, what it renders to, and live objects.
struct Lab {
    tree: tempfile::TempDir,
    sources: Vec<Source>,
    served: ApiResources,
    tools: Tools,
    schema: Schema,
    desired: Vec<Desired>,
    live: BTreeMap<ObjectKey, Value>,
}

impl Lab {
    fn new(files: &[(&str, &str)], live: &str) -> Self {
        let tree = tempfile::tempdir().expect("a temporary folder");
        for (path, text) in files {
            let file = tree.path().join(path);
            fs::create_dir_all(file.parent().expect("a path below the tree")).expect("a new folder");
            fs::write(file, text).expect("a new file");
        }
        let source =
            Source { path: "apps".to_owned(), namespace: Some("shop".to_owned()), ..Source::default() };
        let mut lab = Self {
            tree,
            sources: vec![source],
            served: served(),
            tools: Tools::default(),
            schema: Schema::built_in().clone(),
            desired: Vec::new(),
            live: BTreeMap::new(),
        };
        let rendered = render(&lab.request());
        assert!(rendered.incomplete.is_empty(), "{:?}", rendered.incomplete);
        lab.desired = rendered.objects;
        for document in crate::yaml::read(live.as_bytes()) {
            let value = document.expect("live.yaml is YAML").to_json();
            let id = crate::model::ResourceId::from_object(&value).expect("a live object");
            lab.live.insert(id.key(), value);
        }
        lab
    }

    fn request(&self) -> RenderRequest<'_> {
        RenderRequest {
            tree: self.tree.path(),
            files: None,
            sources: &self.sources,
            served: &self.served,
            tools: &self.tools,
            default_namespace: "default",
        }
    }

    /// What differs, each change with this verdict.
    fn findings(&self, verdict: &Verdict) -> Vec<Finding> {
        let mut findings = Vec::new();
        for object in &self.desired {
            let Some(live) = self.live.get(&object.id.key()) else { continue };
            let differences = crate::diff::compare(object, live, &self.schema).into_iter();
            let by_hand = |path: &FieldPath| path.to_string().contains("example.com/hold");
            let changes: Vec<Change> = differences
                .filter(|difference| !difference.server_set || by_hand(&difference.path))
                .map(|difference| Change { difference, verdict: verdict.clone(), origin: None })
                .collect();
            if !changes.is_empty() {
                findings.push(finding(object, changes, verdict));
            }
        }
        findings
    }

    fn plan(&self, findings: &[&Finding]) -> Plan {
        let object = |key: &ObjectKey| self.desired.iter().find(|object| object.id.key() == *key);
        plan(findings, &object, &|key| self.live.get(key), &|_| &self.schema)
    }

    fn prove(&self, findings: &[Finding]) -> ProvenPlan {
        self.prove_with(findings, &|findings| self.plan(findings))
    }

    fn prove_with(&self, findings: &[Finding], make: &dyn Fn(&[&Finding]) -> Plan) -> ProvenPlan {
        let ground = ProofContext {
            request: self.request(),
            desired: &self.desired,
            incomplete: 0,
            skipped: &std::collections::BTreeSet::new(),
            live: &self.live,
            schema: &|_| &self.schema,
        };
        let findings: Vec<&Finding> = findings.iter().collect();
        prove(&findings, make, &ground)
    }
}

fn finding(object: &Desired, changes: Vec<Change>, verdict: &Verdict) -> Finding {
    Finding {
        resource: object.id.clone(),
        state: State::Modified,
        origin: Some(object.origin.clone()),
        verdict: verdict.clone(),
        changes,
        notes: Vec::new(),
    }
}

fn by_hand() -> Verdict {
    let manager = Manager {
        name: "kubectl-edit".to_owned(),
        operation: "Update".to_owned(),
        subresource: String::new(),
        api_version: "v1".to_owned(),
        time: None,
    };
    Verdict { cause: Cause::Manual, confidence: Confidence::High, ..Verdict::unknown() }
        .with_manager(Some(&manager))
}

/// What is left, one line each.
fn left(proven: &ProvenPlan) -> String {
    let mut text = String::new();
    for left in &proven.plan.unadopted {
        let path = left.path.as_ref().map(ToString::to_string).unwrap_or_default();
        writeln!(text, "{} {path}: {}", left.resource, left.why).expect("a String takes all");
    }
    text
}

#[test]
fn each_case_folder_gives_expected_edit() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/remedy");
    let mut cases: Vec<_> =
        fs::read_dir(&folder).expect("the cases").map(|entry| entry.expect("readable").path()).collect();
    cases.sort();
    assert!(cases.len() >= 13, "only {} cases", cases.len());
    for case in cases {
        let read = |name: &str| fs::read_to_string(case.join(name)).ok();
        let git = read("git.yaml").expect("git.yaml");
        let lab = Lab::new(&[("apps/all.yaml", &git)], &read("live.yaml").expect("live.yaml"));
        let mut findings = lab.findings(&by_hand());
        // What another tool did.
        for path in read("by-kubectl-patch.txt").unwrap_or_default().lines() {
            let mut changes = findings.iter_mut().flat_map(|finding| &mut finding.changes);
            let change = changes.find(|change| change.difference.path.to_string() == path);
            let change = change.unwrap_or_else(|| panic!("{}: {path} does not differ", case.display()));
            change.verdict.manager.as_mut().expect("by hand").name = "kubectl-patch".to_owned();
        }
        assert!(!findings.is_empty(), "{}: nothing differs", case.display());
        let proven = lab.prove(&findings);
        let after = proven.files.get("apps/all.yaml").cloned();
        assert_eq!(after, read("after.yaml"), "{}\nleft: {}", case.display(), left(&proven));
        assert_eq!(left(&proven), read("left.txt").unwrap_or_default(), "{}", case.display());
        let now = fs::read_to_string(lab.tree.path().join("apps/all.yaml")).expect("the file");
        assert_eq!(now, git, "{}: the tree is as it was before the proof", case.display());
    }
}

const GIT: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {level: info}\n";
const LIVE: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: shop}\ndata: {level: debug}\n";

#[test]
fn only_clearly_manual_changes_are_adopted() {
    use Cause::{Manual, Rollback, Unknown};
    use Confidence::{Certain, High, Low, Medium, None};
    let lab = Lab::new(&[("apps/all.yaml", GIT)], LIVE);
    let cases = [
        (Manual, Certain, ""),
        (Manual, High, ""),
        (Manual, Medium, ""),
        (Manual, Low, "nothing proves that a person changed it by hand"),
        (Manual, None, "nothing proves that a person changed it by hand"),
        (Rollback, High, "a person went back to an older value"),
        (Unknown, High, "nothing recorded who changed it or why"),
    ];
    for (cause, confidence, why) in cases {
        let findings = lab.findings(&Verdict { cause, confidence, ..Verdict::unknown() });
        let proven = lab.prove(&findings);
        assert_eq!(proven.plan.is_empty(), !why.is_empty(), "{cause:?} {confidence:?}");
        assert_eq!(proven.plan.unadopted.len(), usize::from(!why.is_empty()), "{cause:?} {confidence:?}");
        assert!(left(&proven).contains(why), "{cause:?} {confidence:?}: {}", left(&proven));
    }
    for cause in [Cause::Unsynced, Cause::Controller, Cause::Ignored] {
        let findings = lab.findings(&Verdict { cause, confidence: High, ..Verdict::unknown() });
        let proven = lab.prove(&findings);
        assert!(proven.plan.is_empty() && proven.plan.unadopted.is_empty(), "{cause:?}");
    }
}

/// The server's own finalizer stays out of Git.
#[test]
fn only_persons_value_of_shared_set_adopted() {
    let live = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: shop, finalizers: [kubernetes.io/x, example.com/hold]}\ndata: {level: info}\n";
    for (git, after) in [
        (GIT.to_owned(), "metadata: {name: a, finalizers: [example.com/hold]}"),
        (
            GIT.replace("{name: a}", "{name: a, finalizers: []}"),
            "metadata: {name: a, finalizers: [example.com/hold]}",
        ),
        (
            GIT.replace("metadata: {name: a}", "metadata:\n  name: a"),
            "metadata:\n  name: a\n  finalizers:\n    - example.com/hold\n",
        ),
    ] {
        let lab = Lab::new(&[("apps/all.yaml", &git)], live);
        let proven = lab.prove(&lab.findings(&by_hand()));
        assert_eq!(left(&proven), "");
        assert!(proven.files["apps/all.yaml"].contains(after), "{}", proven.files["apps/all.yaml"]);
        assert!(!proven.files["apps/all.yaml"].contains("kubernetes.io"));
    }
}

/// Where the schema says `nullable`, null is a value. One in the cluster is left to a person, who knows how Git is applied.
#[test]
fn value_over_a_null_is_taken_in() {
    let crd = json!({"spec": {"group": "example.com", "names": {"kind": "Widget"}, "versions": [{"name": "v1", "schema":
        {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object", "properties": {
            "size": {"type": "integer", "nullable": true, "default": 3},
            "mode": {"type": "string", "nullable": true}}}}}}}]}});
    let widget = |spec: &str| {
        format!("apiVersion: example.com/v1\nkind: Widget\nmetadata: {{name: w}}\nspec: {spec}\n")
    };
    for (git, live, after) in [
        ("{mode: null}", "{mode: z, size: 3}", Some("spec: {mode: z}")),
        ("{mode: null, size: null}", "{mode: z, size: 4}", Some("spec: {mode: z, size: 4}")),
        // Half of an edit is none.
        ("{mode: x}", "{mode: z, size: null}", None),
        ("{mode: x, size: 5}", "{mode: x, size: null}", None),
        ("{mode: x}", "{mode: null, size: 3}", None),
    ] {
        let live_text = widget(live).replace("{name: w}", "{name: w, namespace: shop}");
        let mut lab = Lab::new(&[("apps/all.yaml", &widget(git))], &live_text);
        lab.schema.extend(Schema::from_crd(&crd));
        let proven = lab.prove(&lab.findings(&by_hand()));
        let text = proven.files.get("apps/all.yaml").map(String::as_str);
        assert_eq!(text.is_some(), after.is_some(), "{git}");
        assert!(text.unwrap_or_default().contains(after.unwrap_or_default()), "{text:?}");
        let is_left = left(&proven).contains("a null in Git is kept by server-side apply only");
        assert_eq!(is_left, live.contains("null"), "{git}: {}", left(&proven));
    }
}

/// Two objects in one file; `a` was changed in the cluster.
const TWO: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {level: info, mode: slow}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
data: {level: info}
";

#[test]
fn proof_refuses_any_other_change() {
    let live = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: shop}\ndata: {level: debug, mode: slow}\n";
    let set = |document: usize, pointer: &str, value: Value| Edit {
        document,
        pointer: pointer.to_owned(),
        operation: Operation::Set(value),
    };
    let cases = [
        (set(1, "/data/level", json!("warn")), "it would change ConfigMap/shop/b too"),
        (set(0, "/data/mode", json!("fast")), ".data.mode of ConfigMap/shop/a still differs"),
        (set(0, "/data/extra", json!("x")), ".data.extra of ConfigMap/shop/a still differs"),
        (set(1, "/metadata/name", json!("c")), "another object appears or vanishes: ConfigMap b"),
        (set(1, "/kind", json!("Unheard")), "something can no longer be read"),
        (set(7, "/data/level", json!("x")), "cannot be edited safely"),
    ];
    for (edit, why) in cases {
        let lab = Lab::new(&[("apps/all.yaml", TWO)], live);
        let findings = lab.findings(&by_hand());
        let make = |findings: &[&Finding]| {
            let mut plan = lab.plan(findings);
            plan.edits.entry("apps/all.yaml".to_owned()).or_default().push(edit.clone());
            plan
        };
        let proven = lab.prove_with(&findings, &make);
        assert!(proven.plan.is_empty() && proven.files.is_empty(), "{edit:?}");
        assert!(left(&proven).contains(why), "{edit:?}: {}", left(&proven));
        let now = fs::read_to_string(lab.tree.path().join("apps/all.yaml")).expect("the file");
        assert_eq!(now, TWO, "{edit:?}");
    }
    // An edit that leaves the difference as it was.
    let lab = Lab::new(&[("apps/all.yaml", TWO)], live);
    let make = |findings: &[&Finding]| {
        let mut plan = lab.plan(findings);
        plan.edits.values_mut().for_each(Vec::clear);
        plan
    };
    let proven = lab.prove_with(&lab.findings(&by_hand()), &make);
    assert!(left(&proven).contains(".data.level of ConfigMap/shop/a still differs"), "{}", left(&proven));
}

#[test]
fn secret_restart_whole_and_rendered_changes_not_adopted() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {password: zebra}\n";
    let live =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: shop}\ndata: {password: cXVhZ2dh}\n";
    let lab = Lab::new(&[("apps/all.yaml", secret)], live);
    let proven = lab.prove(&lab.findings(&by_hand()));
    assert!(proven.plan.is_empty() && left(&proven).contains("it is a secret value"), "{}", left(&proven));
    assert_eq!(proven.plan.unadopted[0].value, None);

    let lab = Lab::new(&[("apps/all.yaml", GIT)], LIVE);
    for (state, why) in
        [(State::Missing, "the cluster does not have it"), (State::Unmanaged, "nothing in Git declares it")]
    {
        let mut findings = lab.findings(&by_hand());
        (findings[0].state, findings[0].changes) = (state, Vec::new());
        let proven = lab.prove(&findings);
        assert!(proven.plan.is_empty() && left(&proven).contains(why), "{}", left(&proven));
    }

    let mut lab = Lab::new(&[("apps/all.yaml", GIT)], LIVE);
    lab.desired[0].provenance = crate::model::Provenance::Rendered;
    lab.desired[0].origin = Origin { source: "apps".to_owned(), ..lab.desired[0].origin.clone() };
    let findings = lab.findings(&by_hand());
    assert!(left(&lab.prove(&findings)).contains("is rendered from apps"), "{}", left(&lab.prove(&findings)));

    let restarted = LIVE.replace(
        "namespace: shop}",
        "namespace: shop, annotations: {kubectl.kubernetes.io/restartedAt: now}}",
    );
    let lab = Lab::new(&[("apps/all.yaml", GIT)], &restarted);
    let proven = lab.prove(&lab.findings(&by_hand()));
    assert!(left(&proven).is_empty() && proven.files["apps/all.yaml"].contains("debug"));
    assert!(!proven.files["apps/all.yaml"].contains("restartedAt"));
}

#[test]
fn diff_near_secret_shows_no_secret_lines() {
    let git = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData:\n  password: zebra\n---\ndata: {{level: info}}\n{}",
        GIT.replace("data: {level: info}\n", "")
    );
    let lab = Lab::new(&[("apps/all.yaml", &git)], LIVE);
    let proven = lab.prove(&lab.findings(&by_hand()));
    assert!(proven.diff().contains("+data: {level: debug}"), "{}", proven.diff());
    assert!(!proven.diff().contains("zebra"), "{}", proven.diff());
}

/// Any value of a manifest; no nulls, which declare nothing.
fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        (-5i64..500).prop_map(Value::from),
        prop_oneof!["v[a-z]{0,4}", Just(String::new()), Just("a: #b".to_owned()), Just("v\nw\n".to_owned())]
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-d]", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// A tree that has much in common with another.
fn near(one: &Value, other: &Value, coins: &mut dyn Iterator<Item = u8>) -> Value {
    let coin = coins.next().unwrap_or_default();
    match (one, other) {
        (Value::Object(one), Value::Object(other)) if !coin.is_multiple_of(8) => {
            let mut near_map: Map<String, Value> = Map::new();
            for (key, value) in one {
                match (coins.next().unwrap_or_default() % 4, other.get(key)) {
                    (0, None) => {}
                    (_, Some(other)) => drop(near_map.insert(key.clone(), near(value, other, coins))),
                    (_, None) => drop(near_map.insert(key.clone(), value.clone())),
                }
            }
            for (key, value) in other.iter().filter(|(key, _)| !one.contains_key(*key)) {
                near_map.insert(key.clone(), value.clone());
            }
            Value::Object(near_map)
        }
        (Value::Array(one), Value::Array(other)) if !coin.is_multiple_of(8) => {
            let items = one.iter().enumerate();
            let kept =
                items.filter(|_| !coin.is_multiple_of(3)).map(|(index, value)| match other.get(index) {
                    Some(other) => near(value, other, coins),
                    None => value.clone(),
                });
            let mut list: Vec<Value> = kept.collect();
            list.extend(other.iter().filter(|_| coin.is_multiple_of(5)).cloned());
            Value::Array(list)
        }
        _ if coin.is_multiple_of(2) => one.clone(),
        _ => other.clone(),
    }
}

/// `live` without some of what the server put into maps that both have: never what Git declares.
fn without_some(desired: &Value, live: &Value, coins: &mut dyn Iterator<Item = u8>) -> Value {
    match (desired, live) {
        (Value::Object(desired), Value::Object(live)) => {
            let mut kept = Map::new();
            for (key, value) in live {
                match desired.get(key) {
                    Some(before) => drop(kept.insert(key.clone(), without_some(before, value, coins))),
                    None if coins.next().unwrap_or_default().is_multiple_of(3) => {}
                    None => drop(kept.insert(key.clone(), value.clone())),
                }
            }
            Value::Object(kept)
        }
        _ => live.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn edits_turn_any_tree_into_wanted(
        one in tree(), other in tree(), flow in any::<bool>(), coins in prop::collection::vec(any::<u8>(), 60)
    ) {
        let mut coins = coins.into_iter().cycle();
        let desired = json!({"spec": one});
        let live = json!({"spec": near(&desired["spec"], &other, &mut coins)});
        let wanted = without_some(&desired, &live, &mut coins);
        let text = if flow { serde_json::to_string_pretty(&desired).ok() } else { serde_yaml::to_string(&desired).ok() };
        let text = format!("# a comment\n{}", text.expect("a tree can be written"));
        let target = EditTarget { document: 0, prefix: String::new() };
        let value = merge_wanted(&desired, &wanted, &live);
        prop_assert!(is_between(&value, &wanted, &live), "{value}\n{wanted}\n{live}");
        let edits = [target.set("", value.clone())];
        let edited = crate::yaml::edit(&text, &edits);
        prop_assert!(edited.is_ok(), "{:?}\n{}\n{:?}", edited, text, edits);
        let edited = edited.unwrap_or_default();
        let documents = crate::yaml::read(edited.as_bytes()).into_iter();
        let found: Result<Vec<Value>, _> = documents.map(|document| document.map(|document| document.to_json())).collect();
        prop_assert!(found.is_ok(), "{:?}\n{}", found, edited);
        let found = found.unwrap_or_default();
        prop_assert_eq!(&found, &vec![value], "\n{}\n{}\n{:?}", text, edited, edits);
        prop_assert!(edited.starts_with("# a comment\n"));
    }
}

/// Whether a value has all that is wanted, and nothing that is not live.
fn is_between(value: &Value, wanted: &Value, live: &Value) -> bool {
    match (value, wanted, live) {
        (Value::Object(value), Value::Object(wanted), Value::Object(live)) => {
            let is_live = |(key, inner): (&String, &Value)| {
                let (wanted, live) = (wanted.get(key), live.get(key));
                live.map_or(inner.is_null(), |live| is_between(inner, wanted.unwrap_or(live), live))
            };
            wanted.keys().all(|key| value.contains_key(key)) && value.iter().all(is_live)
        }
        (Value::Array(value), Value::Array(wanted), Value::Array(live)) => {
            let sides = wanted.iter().zip(live);
            value.len() == live.len()
                && value.iter().zip(sides).all(|(value, (wanted, live))| is_between(value, wanted, live))
        }
        _ => value == live || value == wanted,
    }
}

#[test]
fn adopted_value_keeps_defaults_git_declares() {
    for (desired, wanted, live, expected) in [
        (json!({"a": 1}), json!({"a": 2}), json!({"a": 2, "default": 0}), json!({"a": 2})),
        (
            json!({"a": 1, "default": 0}),
            json!({"a": 2}),
            json!({"a": 2, "default": 0}),
            json!({"a": 2, "default": 0}),
        ),
        (
            json!([{"n": 1, "d": 0}, {"n": 2, "d": 0}]),
            json!([{"n": 2}]),
            json!([{"n": 2, "d": 0}]),
            json!([{"n": 2, "d": 0}]),
        ),
        (json!({"a": null, "b": 1}), json!({}), json!({}), json!({"a": null})),
        (json!([1]), json!([1, 2]), json!([1, 2]), json!([1, 2])),
    ] {
        assert_eq!(merge_wanted(&desired, &wanted, &live), expected);
    }
    let target = EditTarget { document: 0, prefix: "/items/3".to_owned() };
    assert_eq!(target.set("/a", json!(2)).pointer, "/items/3/a");
}
