//! Many edits of a file at once.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Edit, Operation, edit, read};

fn set(document: usize, pointer: &str, value: Value) -> Edit {
    Edit { document, pointer: pointer.to_owned(), operation: Operation::Set(value) }
}

fn keys(document: usize, place: &str, count: usize) -> Vec<Edit> {
    (0..count).map(|at| set(document, &format!("{place}/k{at:05}"), json!(format!("v{at}")))).collect()
}

fn value(text: &str, document: usize) -> Value {
    let documents = read(text.as_bytes());
    let found = documents.into_iter().map(Result::unwrap).find(|found| found.index() == document);
    found.unwrap().to_json()
}

/// The edited text, held against edits that are made one by one.
#[track_caller]
fn as_one_by_one(text: &str, edits: &[Edit]) -> String {
    let mut slowly = text.to_owned();
    for one in edits {
        slowly = edit(&slowly, std::slice::from_ref(one)).unwrap();
    }
    let together = edit(text, edits).unwrap();
    for document in edits.iter().map(|edit| edit.document) {
        assert_eq!(value(&together, document), value(&slowly, document), "{together}");
    }
    together
}

#[test]
fn batch_inserts_keys_like_single_edits() {
    for (before, place) in [
        ("# top\ndata:\n  k: git # why\n# below\nkind: X\n", "/data"),
        ("data:\n    k: git", "/data"),
        ("data:\r\n  k: git\r\nkind: X\r\n", "/data"),
        ("data: {k: git}\nkind: X\n", "/data"),
        ("data: {}\nkind: X\n", "/data"),
        ("data:\nkind: X\n", "/data"),
        ("kind: X\n", "/data"),
        ("kind: X\nmetadata:\n  name: a\n", "/metadata/annotations"),
        ("{\n  \"kind\": \"X\",\n  \"data\": {\n    \"k\": \"git\"\n  }\n}\n", "/data"),
        ("data: {\n  k: git, # why\n}\nkind: X\n", "/data"),
    ] {
        let edits = keys(0, place, 40);
        let after = as_one_by_one(before, &edits);
        let kept =
            before.lines().filter(|line| line.contains('#')).all(|line| after.contains(line.trim_end()));
        assert!(kept, "{after}");
    }
}

#[test]
fn batch_edits_items_keys_and_documents() {
    let list: Vec<Value> = (0..60).map(|at| json!(format!("b{at}"))).collect();
    let block = "spec:\n  list:\n  - a # first\n  - b\nkind: X\n";
    let after = as_one_by_one(block, &[set(0, "/spec/list", Value::from(list.clone()))]);
    assert!(after.ends_with("  - b59\nkind: X\n"), "{after}");
    let appended: Vec<Edit> = list.iter().map(|item| set(0, "/spec/list/-", item.clone())).collect();
    let after = as_one_by_one(block, &appended);
    assert!(after.starts_with("spec:\n  list:\n  - a # first\n  - b\n  - b0\n"), "{after}");

    let many: String = (0..40).map(|at| format!("  k{at:05}: \"old\" # {at}\n")).collect();
    let text = format!("data:\n{many}---\ndata:\n{many}---\nkind: X\n");
    let mut edits = [keys(0, "/data", 40), keys(1, "/data", 20)].concat();
    let gone = (20..38).map(|at| (format!("/data/k{at:05}"), Operation::Remove));
    edits.extend(gone.map(|(pointer, operation)| Edit { document: 1, pointer, operation }));
    let after = as_one_by_one(&text, &edits);
    assert!(after.contains("k00039: \"v39\" # 39\n---\n") && after.ends_with("---\nkind: X\n"), "{after}");
    assert_eq!(after.lines().count(), text.lines().count() - 18);
}

#[test]
fn batch_with_forbidden_edit_is_refused() {
    let text = "base: &b {x: 1}\nuse: *b\ndata:\n  k: git\n";
    let mut edits = keys(0, "/data", 40);
    edits.push(set(0, "/use/x", json!(2)));
    let error = edit(text, &edits).unwrap_err();
    assert!(error.to_string().contains("alias"), "{error}");
}

#[test]
fn time_follows_the_number_of_edits() {
    let started = Instant::now();
    let object = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  k: git\n";
    let edits = keys(0, "/data", 10_000);
    assert_eq!(value(&edit(object, &edits).unwrap(), 0)["data"].as_object().unwrap().len(), 10_001);
    let items: Vec<Value> = (0..10_000).map(|at| json!(format!("b{at}"))).collect();
    let whole = [set(0, "/spec/list", Value::from(items))];
    assert!(edit("spec:\n  list:\n  - a\n", &whole).is_ok());
    let documents: String = (0..2_000).map(|at| format!("---\nname: n{at}\ndata: {{a: 1}}\n")).collect();
    let edits: Vec<Edit> = (0..2_000).map(|at| set(at, "/data/a", json!(2))).collect();
    let _ = edit(&documents, &edits);
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

proptest! {
    #[test]
    fn any_values_read_back_as_intended(
        values in prop::collection::btree_map("[a-z #:\u{202e}-]{1,6}", prop_oneof![
            any::<String>().prop_map(Value::from), any::<i32>().prop_map(Value::from), Just(json!({"a": ["b\n", 1]})),
        ], 17..40),
        flow in any::<bool>(),
    ) {
        let text = if flow { "a: 1\nmap: {old: 1}\n" } else { "a: 1\nmap:\n  old: 1\n# end\n" };
        let edits: Vec<Edit> = values.iter().map(|(key, value)| set(0, &format!("/map/{key}"), value.clone())).collect();
        let after = edit(text, &edits);
        prop_assert!(after.is_ok(), "{:?}", after);
        let after = after.unwrap();
        for (key, wanted) in &values {
            prop_assert_eq!(&value(&after, 0)["map"][key], wanted, "{}", after);
        }
        prop_assert!(!after.contains('\u{202e}'), "{}", after);
    }
}
