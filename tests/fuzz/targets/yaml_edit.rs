//! An edit proves itself: the result says what was asked, and an error changes nothing. The first line is a pointer and a
//! JSON value (nothing: remove), the rest is the file.
#![no_main]

use drift::yaml::{Edit, Operation};
use serde_json::Value;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Some((first, file)) = text.split_once('\n') else { return };
    let (pointer, value) = first.split_once(' ').unwrap_or((first, ""));
    let operation = match serde_json::from_str::<Value>(value) {
        Ok(value) => Operation::Set(value),
        Err(_) => Operation::Remove,
    };
    let wanted = match &operation {
        Operation::Set(value) => Some(value.clone()),
        Operation::Remove | Operation::Rename(_) => None,
    };
    let first = |text: &str| {
        let document = drift::yaml::read(text.as_bytes()).into_iter().flatten().find(|one| one.index() == 0);
        document.map(|document| document.into_json()).unwrap_or_default()
    };
    let edit = Edit { document: 0, pointer: pointer.to_owned(), operation };
    let Ok(edited) = drift::yaml::edit(file, &[edit]) else { return };
    let value = first(&edited);
    match wanted {
        // What is appended stands elsewhere afterwards.
        Some(_) if pointer.split('/').any(|step| step == "-") => {}
        Some(Value::Null) => {}
        Some(wanted) => {
            let found = value.pointer(pointer);
            assert!(found.is_some_and(|found| same((found, &wanted))), "{found:?} {wanted:?} {edited:?}");
        }
        None => {
            let rest = without(first(file), pointer);
            assert!(same((&value, &rest)), "{value} {rest} {edited:?}");
        }
    }
});

/// What is left when the value at a pointer is taken out: a list closes up.
fn without(mut value: Value, pointer: &str) -> Value {
    let Some((parent, last)) = pointer.rsplit_once('/') else { return Value::Null };
    let last = last.replace("~1", "/").replace("~0", "~");
    match value.pointer_mut(parent) {
        Some(Value::Object(map)) => drop(map.remove(&last)),
        Some(Value::Array(items)) => {
            let at = last.parse().ok().filter(|at| *at < items.len());
            at.map(|at: usize| items.remove(at));
        }
        _ => {}
    }
    value
}

/// The same but for the sign of a zero, which no server keeps.
fn same((left, right): (&Value, &Value)) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left == right || left.as_f64() == right.as_f64(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(same)
        }
        (Value::Object(left), Value::Object(right)) => {
            let found = |(key, value)| right.get(key).is_some_and(|right| same((value, right)));
            left.len() == right.len() && left.iter().all(found)
        }
        _ => left == right,
    }
}
