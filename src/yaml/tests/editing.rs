use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::super::{Edit, EditError, Operation, edit, read};
use crate::model::push_pointer;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/yaml/edits")
}

fn pointer(path: &Value, append: bool) -> String {
    let mut pointer = String::new();
    for token in path.as_array().unwrap() {
        push_pointer(&mut pointer, &token.as_str().map_or_else(|| token.to_string(), str::to_owned));
    }
    if append {
        pointer.push_str("/-");
    }
    pointer
}

fn edit_of(case: &Value) -> Edit {
    let operation = match case["op"].as_str().unwrap() {
        "delete" => Operation::Remove,
        _ => Operation::Set(case["value"].clone()),
    };
    let document = usize::try_from(case["doc"].as_u64().unwrap()).unwrap();
    Edit { document, pointer: pointer(&case["path"], case["op"] == "append"), operation }
}

/// Lines removed and added.
fn counts(before: &str, after: &str) -> [usize; 2] {
    let diff = TextDiff::from_lines(before, after);
    let count = |tag| diff.iter_all_changes().filter(|change| change.tag() == tag).count();
    [count(ChangeTag::Delete), count(ChangeTag::Insert)]
}

fn document(text: &str, index: usize) -> Value {
    let documents = read(text.as_bytes());
    let found = documents.into_iter().map(Result::unwrap).find(|document| document.index() == index);
    found.unwrap().to_json()
}

/// The value that the edit asks for, put into the JSON by serde_json's own pointers.
fn intended(mut value: Value, case: &Value) -> Value {
    let edit = edit_of(case);
    let (parent, name) = edit.pointer.rsplit_once('/').unwrap();
    let name = name.replace("~1", "/").replace("~0", "~");
    match (value.pointer_mut(parent).unwrap(), edit.operation) {
        (Value::Object(map), Operation::Set(new)) => drop(map.insert(name, new)),
        (Value::Object(map), Operation::Remove) => drop(map.remove(&name).unwrap()),
        (Value::Array(items), Operation::Set(new)) if name == "-" => items.push(new),
        (Value::Array(items), Operation::Set(new)) => items[name.parse::<usize>().unwrap()] = new,
        (Value::Array(items), Operation::Remove) => drop(items.remove(name.parse().unwrap())),
        (other, _) => panic!("{other} has no `{name}`"),
    }
    value
}

#[test]
fn each_edit_touches_fewest_lines() {
    let cases: Vec<Value> =
        serde_json::from_str(&fs::read_to_string(folder().join("ops.json")).unwrap()).unwrap();
    let (mut exact, mut other, mut refused) = (0, Vec::new(), Vec::new());
    for case in &cases {
        let name = format!("{} {} {}", case["f"], case["op"], case["path"]);
        let before = fs::read_to_string(folder().join(case["f"].as_str().unwrap())).unwrap();
        let edit_one = edit_of(case);
        let after = match edit(&before, std::slice::from_ref(&edit_one)) {
            Ok(after) => after,
            Err(EditError { why, .. }) => {
                refused.push(format!("{name}: {why}"));
                continue;
            }
        };
        assert_eq!(
            document(&after, edit_one.document),
            intended(document(&before, edit_one.document), case),
            "{name}\n{after}"
        );
        let ideal: Option<[usize; 2]> = serde_json::from_value(case["ideal"].clone()).unwrap();
        let counts = counts(&before, &after);
        if ideal.is_none_or(|ideal| ideal == counts) {
            exact += 1;
        } else {
            other.push(format!("{name}: {counts:?}, ideal {ideal:?}"));
        }
    }
    assert_eq!(refused.len(), 1, "only the anchored image: {refused:#?}");
    assert!(refused[0].contains("anchor"), "{refused:#?}");
    // The text without a final newline reads with one: to take it off, the header of the block scalar changes too.
    assert_eq!(other, [r#""10-noeol.yaml" "set" ["data","b"]: [2, 2], ideal Some([1, 1])"#]);
    assert_eq!((exact, cases.len()), (64, 66));
}
