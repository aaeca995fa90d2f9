//! What really changed, from the server's own objects: live before against live after, and its managedFields.
//!
//! Nothing here asks `drift`, its schemas or its tables: lists are paired by what their items look like, and who wrote a
//! place and what the server tracks as one value is read from managedFields.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Map, Value};

/// A step of a path: a field, or an item of a list by its keys, value or index.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    Field(String),
    Keys(Vec<(String, Value)>),
    Other(String),
}

/// A place, from the root of the object.
pub(crate) type Path = Vec<Step>;

/// A place whose value differs.
#[derive(Debug)]
pub(crate) struct Leaf {
    pub(crate) path: Path,
    /// Where it is in the object after the change (RFC 6901), if it is there.
    pub(crate) after: Option<String>,
    /// Whether only the order of a list of keyed items differs.
    pub(crate) order: bool,
}

impl Leaf {
    fn new(path: &Path, after: Option<String>) -> Self {
        Self { path: path.clone(), after, order: false }
    }
}

/// Keys that tell the items of a list of maps apart, the most telling first.
const KEYS: &[&[&str]] = &[
    &["containerPort", "protocol"],
    &["port", "protocol"],
    &["topologyKey", "whenUnsatisfiable"],
    &["mountPath"],
    &["devicePath"],
    &["name"],
    &["ip"],
    &["id"],
];

/// The object without what the server writes about it.
pub(crate) fn stripped(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(map) = object.as_object_mut() {
        map.remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in ["managedFields", "resourceVersion", "generation", "uid", "creationTimestamp"] {
            metadata.remove(field);
        }
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
            // A counter that the server writes in the name of whoever wrote the object.
            annotations.remove("deprecated.daemonset.template.generation");
            if annotations.is_empty() {
                metadata.remove("annotations");
            }
        }
    }
    object
}

/// Every smallest place at which two objects differ.
pub(crate) fn changed(before: &Value, after: &Value) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    walk(&stripped(before), &stripped(after), &mut Vec::new(), "", &mut leaves);
    leaves
}

fn walk(before: &Value, after: &Value, path: &mut Path, pointer: &str, leaves: &mut Vec<Leaf>) {
    match (before, after) {
        (before, after) if before == after => {}
        (Value::Object(before), Value::Object(after)) => fields(before, after, path, pointer, leaves),
        (Value::Array(left), Value::Array(right)) => match paired(left, right) {
            Some(keys) => items(&keys, [left, right], path, pointer, leaves),
            None => leaves.push(Leaf::new(path, Some(pointer.to_owned()))),
        },
        _ => leaves.push(Leaf::new(path, Some(pointer.to_owned()))),
    }
}

fn fields(
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    path: &mut Path,
    pointer: &str,
    leaves: &mut Vec<Leaf>,
) {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        path.push(Step::Field(name.clone()));
        let here = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
        match (before.get(name), after.get(name)) {
            (Some(before), Some(after)) => walk(before, after, path, &here, leaves),
            // Null means "not set": the server keeps it where a field is nullable.
            (Some(Value::Null), None) | (None, Some(Value::Null)) => {}
            (_, after) => leaves.push(Leaf::new(path, after.map(|_| here))),
        }
        path.pop();
    }
}

fn items(
    keys: &[&str],
    [before, after]: [&Vec<Value>; 2],
    path: &mut Path,
    pointer: &str,
    leaves: &mut Vec<Leaf>,
) {
    let order: Vec<_> = after.iter().map(|item| identity(keys, item)).collect();
    for (index, item) in after.iter().enumerate() {
        path.push(Step::Keys(order[index].clone()));
        let here = format!("{pointer}/{index}");
        match before.iter().find(|other| identity(keys, other) == order[index]) {
            Some(other) => walk(other, item, path, &here, leaves),
            None => leaves.push(Leaf::new(path, Some(here))),
        }
        path.pop();
    }
    for item in before {
        let identity = identity(keys, item);
        if !order.contains(&identity) {
            path.push(Step::Keys(identity));
            leaves.push(Leaf::new(path, None));
            path.pop();
        }
    }
    let both = |list: &Vec<Value>, other: &Vec<Value>| -> Vec<_> {
        let others: Vec<_> = other.iter().map(|item| identity(keys, item)).collect();
        list.iter().map(|item| identity(keys, item)).filter(|item| others.contains(item)).collect()
    };
    if both(before, after) != both(after, before) {
        leaves.push(Leaf { order: true, ..Leaf::new(path, Some(pointer.to_owned())) });
    }
}

/// The keys that tell the items of both lists apart; `None`: they are not lists of such maps.
pub(crate) fn paired(left: &[Value], right: &[Value]) -> Option<Vec<&'static str>> {
    let fits = |keys: &&&[&str]| {
        [left, right].iter().all(|list| {
            let identities: Vec<_> = list.iter().map(|item| identity(keys, item)).collect();
            let whole = identities.iter().all(|identity| identity.len() == keys.len());
            let unique = identities.iter().enumerate().all(|(at, one)| !identities[..at].contains(one));
            whole && unique
        })
    };
    KEYS.iter().find(fits).map(|keys| keys.to_vec())
}

pub(crate) fn identity(keys: &[&str], item: &Value) -> Vec<(String, Value)> {
    keys.iter().filter_map(|key| Some(((*key).to_owned(), item.get(*key)?.clone()))).collect()
}

/// Reads a path as the report prints it: `.a.b["c.d"][name="x",port=1].e[0][="v"]`.
pub(crate) fn parse(text: &str) -> Path {
    let mut path = Path::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(tail) = rest.strip_prefix('.') {
            let end = tail.find(['.', '[']).unwrap_or(tail.len());
            path.push(Step::Field(tail[..end].to_owned()));
            rest = &tail[end..];
            continue;
        }
        let tail = rest.strip_prefix('[').unwrap_or_else(|| panic!("a path: {text}"));
        let (inside, after) = bracket(tail);
        rest = after;
        path.push(match serde_json::from_str::<Value>(inside) {
            Ok(Value::String(name)) => Step::Field(name),
            Ok(_) => Step::Other(inside.to_owned()),
            Err(_) if inside.starts_with('=') => Step::Other(inside.to_owned()),
            Err(_) => Step::Keys(keys(inside)),
        });
    }
    path
}

/// What stands in brackets (quoted text may hold a bracket), and what follows.
fn bracket(tail: &str) -> (&str, &str) {
    let (mut quoted, mut escaped) = (false, false);
    for (at, character) in tail.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ']' if !quoted => return (&tail[..at], &tail[at + 1..]),
            _ => {}
        }
    }
    panic!("a path closes its brackets: {tail}")
}

fn keys(inside: &str) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let mut rest = inside;
    while let Some((key, tail)) = rest.split_once('=') {
        let mut values = serde_json::Deserializer::from_str(tail).into_iter::<Value>();
        let value = values.next().expect("a value of a key").expect("a value of a key is JSON");
        found.push((key.trim_start_matches(',').to_owned(), value));
        rest = &tail[values.byte_offset()..];
    }
    found
}

/// Whether one place is the other, or around it.
pub(crate) fn is_around(outer: &[Step], inner: &[Step]) -> bool {
    outer.len() <= inner.len() && outer.iter().zip(inner).all(|(left, right)| same(left, right))
}

fn same(left: &Step, right: &Step) -> bool {
    match (left, right) {
        // One side may know fewer keys.
        (Step::Keys(left), Step::Keys(right)) => {
            let within = |some: &Vec<(String, Value)>, all: &Vec<(String, Value)>| {
                some.iter().all(|key| all.contains(key))
            };
            within(left, right) || within(right, left)
        }
        (left, right) => left == right,
    }
}

/// What an object has at a path; `None` where a step does not lead on.
pub(crate) fn at<'v>(object: &'v Value, path: &[Step]) -> Option<&'v Value> {
    path.iter().try_fold(object, |value, step| match step {
        Step::Field(name) => value.get(name),
        Step::Keys(keys) => value
            .as_array()?
            .iter()
            .find(|item| keys.iter().all(|(key, wanted)| item.get(key).is_none_or(|found| found == wanted))),
        Step::Other(index) => value.get(index.parse::<usize>().ok()?),
    })
}

/// An entry of managedFields that owns a place, as `MANAGER OPERATION/SUBRESOURCE`, and whether it tracks the place
/// as one value.
pub(crate) fn owners(object: &Value, path: &[Step]) -> Vec<(String, bool)> {
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    entries
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let whole = owned(entry.get("fieldsV1")?, path)?;
            let text = |key: &str| entry[key].as_str().unwrap_or_default();
            let mut name = text("manager").to_owned();
            let _ = write!(name, " {}/{}", text("operation"), text("subresource"));
            Some((name, whole))
        })
        .collect()
}

/// Whether these fields hold the path, and track it (or something around it) as one value.
fn owned(fields: &Value, path: &[Step]) -> Option<bool> {
    let map = fields.as_object()?;
    let Some((step, rest)) = path.split_first() else { return Some(map.is_empty()) };
    if map.is_empty() {
        return Some(true);
    }
    let next = match step {
        Step::Field(name) => map.get(&format!("f:{name}")),
        Step::Keys(keys) => map.iter().find_map(|(key, inner)| {
            let found: Value = serde_json::from_str(key.strip_prefix("k:")?).ok()?;
            keys.iter()
                .all(|(key, wanted)| found.get(key).is_none_or(|found| found == wanted))
                .then_some(inner)
        }),
        Step::Other(text) => map.iter().find_map(|(key, inner)| {
            let value = key.strip_prefix("v:").or_else(|| key.strip_prefix("i:"))?;
            (value == text.trim_start_matches('=')).then_some(inner)
        }),
    };
    owned(next?, rest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Step, changed, is_around, owners, parse};

    #[test]
    fn paths_are_read_as_they_are_printed() {
        let keys = |list: &[(&str, serde_json::Value)]| {
            Step::Keys(list.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
        };
        let field = |name: &str| Step::Field(name.to_owned());
        assert_eq!(
            parse(".a.b[\"c.d/e\"][name=\"x]\",port=1].f[0][=\"v\"]"),
            [
                field("a"),
                field("b"),
                field("c.d/e"),
                keys(&[("name", json!("x]")), ("port", json!(1))]),
                field("f"),
                Step::Other("0".to_owned()),
                Step::Other("=\"v\"".to_owned()),
            ]
        );
    }

    #[test]
    fn difference_found_at_deepest_path() {
        let before = json!({"a": {"b": 1, "c": 2}, "l": [{"name": "x", "v": 1}, {"name": "y"}], "s": [1, 2]});
        let after = json!({"a": {"b": 1, "d": 2}, "l": [{"name": "y"}, {"name": "x", "v": 2}], "s": [1]});
        let found: Vec<_> = changed(&before, &after).into_iter().map(|leaf| leaf.path).collect();
        let expected = [".a.c", ".a.d", ".l[name=\"x\"].v", ".l", ".s"].map(parse);
        assert_eq!(found, expected);
        assert!(is_around(&parse(".l"), &parse(".l[name=\"x\"].v")));
        assert!(!is_around(&parse(".l[name=\"x\"].v"), &parse(".l[name=\"y\"].v")));
    }

    #[test]
    fn owners_are_read_from_managed_fields() {
        let object = json!({"metadata": {"managedFields": [
            {"manager": "m", "operation": "Update", "fieldsV1": {"f:l": {"k:{\"name\":\"x\"}": {".": {}, "f:v": {}}}}},
            {"manager": "n", "operation": "Apply", "fieldsV1": {"f:l": {}}},
        ]}});
        let of = |path: &str| owners(&object, &parse(path));
        assert_eq!(of(".l[name=\"x\"].v"), [("m Update/".to_owned(), true), ("n Apply/".to_owned(), true)]);
        assert_eq!(of(".l[name=\"z\"].v"), [("n Apply/".to_owned(), true)]);
        assert_eq!(of(".l"), [("m Update/".to_owned(), false), ("n Apply/".to_owned(), true)]);
    }
}
