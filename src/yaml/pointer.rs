//! RFC 6901 pointers, and what an edit makes of a JSON value.
//!
//! Not the crate `json-patch`: RFC 6902 makes no parents that are missing, and its `move` overwrites a key that is there
//! already. An edit does the one and refuses the other.

use serde_json::{Map, Value};

use super::edit_refusal::EditRefusal;
use super::operation::Operation;
use super::resolve::json_number;

/// The reference tokens of a pointer.
pub(super) fn parse_tokens(pointer: &str) -> Result<Vec<String>, EditRefusal> {
    let Some(rest) = pointer.strip_prefix('/') else {
        return if pointer.is_empty() { Ok(Vec::new()) } else { Err(EditRefusal::Pointer) };
    };
    Ok(rest.split('/').map(|token| token.replace("~1", "/").replace("~0", "~")).collect())
}

/// Index of a list's item, as RFC 6901 writes it.
pub(super) fn parse_index(token: &str, length: usize) -> Result<usize, EditRefusal> {
    let canonical = token == "0" || !token.starts_with(['0', '+']);
    let index = token.parse::<usize>().ok().filter(|index| canonical && *index < length);
    index.ok_or_else(|| EditRefusal::NoItem { length, token: token.to_owned() })
}

/// `value` with every float that is an integer as one: as Kubernetes' JSON has it.
pub(super) fn normalise_numbers(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            number.as_f64().and_then(json_number).map_or_else(|| value.clone(), Value::Number)
        }
        Value::Array(items) => items.iter().map(normalise_numbers).collect(),
        Value::Object(entries) => Value::Object(
            entries.iter().map(|(key, value)| (key.clone(), normalise_numbers(value))).collect(),
        ),
        other => other.clone(),
    }
}

/// What missing parents around `value` look like: maps, and a list for `-`.
pub(super) fn wrap_in_parents(tokens: &[String], value: Value) -> Value {
    tokens.iter().rev().fold(value, |inner, token| match token.as_str() {
        "-" => Value::Array(vec![inner]),
        _ => Value::Object(Map::from_iter([(token.clone(), inner)])),
    })
}

/// The value that `value` becomes.
pub(super) fn apply_operation(
    value: Value,
    tokens: &[String],
    operation: &Operation,
) -> Result<Value, EditRefusal> {
    let Some((token, rest)) = tokens.split_first() else {
        return match operation {
            Operation::Set(new) => Ok(new.clone()),
            Operation::Remove => Err(EditRefusal::WholeDocument),
            Operation::Rename(_) => Err(EditRefusal::NoName),
        };
    };
    match value {
        Value::Object(entries) => apply_to_map(entries, token, rest, operation),
        Value::Array(items) => apply_to_list(items, token, rest, operation),
        Value::Null => match operation {
            Operation::Set(new) => Ok(wrap_in_parents(tokens, new.clone())),
            _ => Err(EditRefusal::NoKey(token.to_owned())),
        },
        _ => Err(EditRefusal::InsideScalar(token.clone())),
    }
}

fn apply_to_map(
    mut entries: Map<String, Value>,
    token: &str,
    rest: &[String],
    operation: &Operation,
) -> Result<Value, EditRefusal> {
    if let (Operation::Rename(name), []) = (operation, rest) {
        let value = entries.remove(token).ok_or_else(|| EditRefusal::NoKey(token.to_owned()))?;
        return match entries.insert(name.clone(), value) {
            None => Ok(Value::Object(entries)),
            Some(_) => Err(EditRefusal::KeyExists(name.clone())),
        };
    }
    let new = match (entries.get_mut(token).map(Value::take), operation) {
        (Some(_), Operation::Remove) if rest.is_empty() => None,
        (Some(old), _) => Some(apply_operation(old, rest, operation)?),
        (None, Operation::Set(new)) => Some(wrap_in_parents(rest, new.clone())),
        (None, _) => return Err(EditRefusal::NoKey(token.to_owned())),
    };
    match new {
        Some(new) => entries.insert(token.to_owned(), new),
        None => entries.remove(token),
    };
    Ok(Value::Object(entries))
}

fn apply_to_list(
    mut items: Vec<Value>,
    token: &str,
    rest: &[String],
    operation: &Operation,
) -> Result<Value, EditRefusal> {
    match operation {
        Operation::Set(new) if token == "-" => items.push(wrap_in_parents(rest, new.clone())),
        _ => {
            let index = parse_index(token, items.len())?;
            if rest.is_empty() && *operation == Operation::Remove {
                items.remove(index);
            } else {
                items[index] = apply_operation(items[index].take(), rest, operation)?;
            }
        }
    }
    Ok(Value::Array(items))
}
