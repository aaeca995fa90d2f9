//! What is secret reaches no report and no ledger: two worlds that differ in the bytes of a Secret alone, and not in
//! which of them are equal, give the same text byte by byte.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::attribution::{Evidence, Managers, PastVersion, Supersession, attribute, strongest_verdict};
use crate::incident::RecordedFinding;
use crate::model::mk::mk_desired;
use crate::model::{Change, CheckReport, Desired, Difference, Finding, State, fingerprint};
use crate::report::{Format, ReportStyle, check};
use crate::schema::Schema;

/// One key of the Secret: which of three values each side holds, if any. Equal numbers are equal values.
#[derive(Debug, Clone)]
struct Key {
    name: String,
    data: Option<usize>,
    string: Option<usize>,
    live: Option<usize>,
    applied: Option<usize>,
    older: Option<usize>,
}

fn key() -> impl Strategy<Value = Key> {
    let side = || prop::option::of(0..3_usize);
    ("[a-z][a-z0-9._-]{0,8}", side(), side(), side(), side(), side()).prop_map(
        |(name, data, string, live, applied, older)| Key { name, data, string, live, applied, older },
    )
}

/// Three values that differ, long enough to be told from other text.
fn values() -> impl Strategy<Value = [String; 3]> {
    ["Qx[A-Za-z0-9 :\"<]{12,40}", "Qy[A-Za-z0-9\n|]{12,20}", "Qz[A-Za-z0-9${}]{12,60}"]
        .prop_map(|texts| texts)
}

fn secret(
    keys: &[Key],
    field: &str,
    encoded: bool,
    texts: &[String; 3],
    which: impl Fn(&Key) -> Option<usize>,
) -> Value {
    let held = |key: &Key| {
        which(key).map(|at| {
            (
                key.name.clone(),
                Value::from(if encoded { STANDARD.encode(&texts[at]) } else { texts[at].clone() }),
            )
        })
    };
    let data: Map<String, Value> = keys.iter().filter_map(held).collect();
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "shop"}, "type": "Opaque", field: data})
}

fn desired(value: Value) -> Desired {
    mk_desired("secret.yaml", value)
}

/// What the whole way from two objects to a report and the ledger writes, and what it holds on the way.
fn everything(keys: &[Key], texts: &[String; 3], encrypted: bool) -> String {
    let schema = Schema::built_in();
    let mut git = secret(keys, "data", true, texts, |key| key.data);
    git["stringData"] = secret(keys, "stringData", false, texts, |key| key.string)["stringData"].clone();
    if encrypted {
        git["sops"] = json!({"mac": texts[0]});
    }
    let applied = secret(keys, "data", true, texts, |key| key.applied);
    let mut live = secret(keys, "data", true, texts, |key| key.live);
    live["metadata"]["annotations"] = json!({
        "kubectl.kubernetes.io/last-applied-configuration": applied.to_string(),
        "kapp.k14s.io/original": applied.to_string(),
        "own": texts[1],
    });
    let owned: Map<String, Value> = keys.iter().map(|key| (format!("f:{}", key.name), json!({}))).collect();
    live["metadata"]["managedFields"] = json!([
        {"manager": "kubectl-edit", "operation": "Update", "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:data": owned}},
        {"manager": "kustomize-controller", "operation": "Apply", "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:data": owned}},
    ]);
    let git = desired(git);
    let older = PastVersion::new(
        "1a2b",
        Supersession { committed_at: 1, superseded_at: 1, newer_applied: None },
        Some(&desired(secret(keys, "data", true, texts, |key| key.older))),
        &live,
        schema,
    );
    let differences: Vec<Difference> = crate::diff::compare(&git, &live, schema);
    let managers = Managers::default();
    let evidence = Evidence { older: &[older], ..Evidence::from_object(&git, &live, schema, &managers) };
    let mut told = format!("{differences:?}\n");
    let changes: Vec<Change> = attribute(differences, &evidence);
    let finding = Finding {
        resource: git.id.clone(),
        state: State::Modified,
        origin: Some(git.origin.clone()),
        verdict: strongest_verdict(&changes),
        changes,
        notes: Vec::new(),
    };
    let (recorded, print) = (RecordedFinding::from_finding("c", &finding), fingerprint("c", &finding));
    write!(told, "{finding:?}\n{recorded:?}\n{print}\n").expect("a String takes all");
    let checked = CheckReport { findings: vec![finding], ..CheckReport::default() };
    let mut out = Vec::new();
    for format in [Format::Text, Format::Json, Format::Markdown, Format::Github] {
        check(format, ReportStyle { color: false, all: true }, &checked, &mut out)
            .expect("memory can be written");
    }
    told + &String::from_utf8(out).expect("reports are text")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn secret_bytes_do_not_affect_output(
        keys in prop::collection::vec(key(), 1..5),
        texts in values(),
        others in values(),
        encrypted in any::<bool>(),
    ) {
        let told = everything(&keys, &texts, encrypted);
        for text in &texts {
            let encoded = STANDARD.encode(text);
            // Base64 of a value inside other text starts at any of three places; its middle is the same.
            for part in [text.as_str(), text.get(2..10).unwrap_or_default(), &encoded, encoded.get(4..14).unwrap_or_default()] {
                prop_assert!(!told.contains(part), "{part}\n{told}");
            }
        }
        prop_assert_eq!(&told, &everything(&keys, &others, encrypted));
    }
}
