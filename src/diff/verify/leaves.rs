//! Where two objects that one server wrote differ: a plain walk, without any schema.

use serde_json::{Map, Value};

use super::pairs::pair;
use crate::diff::normalise::SERVER_METADATA;
use crate::model::{FieldPath, PathElement, push_pointer};

/// The smallest place that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) path: FieldPath,
    /// RFC 6901 pointer into the server's answer; `None` where it has no such place.
    pub(super) server: Option<String>,
    /// The same into the live object.
    pub(super) live: Option<String>,
    /// Whether nothing but the order of a list's items differs.
    pub(super) order: bool,
}

/// Where the walk stands, in words and on both sides.
#[derive(Clone)]
struct At {
    path: FieldPath,
    server: String,
    live: String,
}

impl At {
    fn step(&self, step: PathElement, server: &str, live: &str) -> Self {
        let mut next = Self { path: self.path.join(step), ..self.clone() };
        push_pointer(&mut next.server, server);
        push_pointer(&mut next.live, live);
        next
    }

    fn field(&self, key: &str) -> Self {
        self.step(PathElement::field(key), key, key)
    }
}

/// Every place in which the server's answer differs from the live object, outside what every write changes.
pub(super) fn leaves(server: &Value, live: &Value) -> Vec<Leaf> {
    let mut out = Vec::new();
    let root = At { path: FieldPath::root(), server: String::new(), live: String::new() };
    if let (Some(server), Some(live)) = (server.as_object(), live.as_object()) {
        for key in union(server, live).filter(|key| !matches!(key.as_str(), "apiVersion" | "kind" | "status"))
        {
            if key == "metadata" {
                metadata(&root.field(key), server.get(key), live.get(key), &mut out);
            } else {
                sides(&root.field(key), server.get(key), live.get(key), &mut out);
            }
        }
    }
    out
}

fn metadata(at: &At, server: Option<&Value>, live: Option<&Value>, out: &mut Vec<Leaf>) {
    let map = |side: Option<&'_ Value>| side.and_then(Value::as_object).cloned().unwrap_or_default();
    let (server, live) = (&map(server), &map(live));
    for key in union(server, live).filter(|key| !SERVER_METADATA.contains(&key.as_str())) {
        sides(&at.field(key), server.get(key), live.get(key), out);
    }
}

/// A place that one side may lack; null is as good as absent.
fn sides(at: &At, server: Option<&Value>, live: Option<&Value>, out: &mut Vec<Leaf>) {
    let present = |side: Option<&'_ Value>| side.is_some_and(|value| !value.is_null());
    match (server, live) {
        (Some(server), Some(live)) if !server.is_null() && !live.is_null() => both(at, server, live, out),
        (Some(server), other) if present(Some(server)) && !present(other) => {
            one_side(at, server, out, &|at| Leaf {
                path: at.path.clone(),
                server: Some(at.server.clone()),
                live: None,
                order: false,
            });
        }
        (other, Some(live)) if present(Some(live)) && !present(other) => {
            one_side(at, live, out, &|at| Leaf {
                path: at.path.clone(),
                server: None,
                live: Some(at.live.clone()),
                order: false,
            });
        }
        _ => {}
    }
}

fn both(at: &At, server: &Value, live: &Value, out: &mut Vec<Leaf>) {
    match (server, live) {
        (Value::Object(server), Value::Object(live)) => {
            for key in union(server, live) {
                sides(&at.field(key), server.get(key), live.get(key), out);
            }
        }
        (Value::Array(server), Value::Array(live)) => list(at, server, live, out),
        _ if server == live => {}
        _ => out.push(leaf(at, false)),
    }
}

fn leaf(at: &At, order: bool) -> Leaf {
    Leaf { path: at.path.clone(), server: Some(at.server.clone()), live: Some(at.live.clone()), order }
}

fn list(at: &At, server: &[Value], live: &[Value], out: &mut Vec<Leaf>) {
    let pairs = pair(server, live);
    let mut last = None;
    let mut reordered = false;
    for (of_server, of_live) in &pairs {
        let item = of_server.and_then(|at| server.get(at)).or_else(|| of_live.and_then(|at| live.get(at)));
        let index = of_live.or(*of_server).unwrap_or_default();
        let token = |index: Option<usize>| index.map_or_else(|| "-".to_owned(), |index| index.to_string());
        let place = at.step(item_step(item, index), &token(*of_server), &token(*of_live));
        sides(&place, of_server.and_then(|at| server.get(at)), of_live.and_then(|at| live.get(at)), out);
        if let (Some(_), Some(of_live)) = (of_server, of_live) {
            reordered |= last.is_some_and(|last| last > *of_live);
            last = Some(*of_live);
        }
    }
    if reordered {
        out.push(leaf(at, true));
    }
}

/// How an item is named to a person.
fn item_step(item: Option<&Value>, index: usize) -> PathElement {
    let value = |key: &str| {
        let found = item?.get(key)?;
        (found.is_string() || found.is_number()).then(|| (key.to_owned(), found.clone()))
    };
    let keys: &[&[&str]] =
        &[&["containerPort", "protocol"], &["port", "protocol"], &["mountPath"], &["name"], &["id"]];
    let named = keys.iter().find_map(|keys| {
        value(keys[0])?;
        Some(keys.iter().filter_map(|key| value(key)).collect::<Vec<_>>())
    });
    named.map_or(PathElement::Index(index), PathElement::Key)
}

/// Every leaf of what only one side has; an empty map or list is a leaf.
fn one_side(at: &At, value: &Value, out: &mut Vec<Leaf>, leaf: &dyn Fn(&At) -> Leaf) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, inner) in map {
                one_side(&at.field(key), inner, out, leaf);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, inner) in items.iter().enumerate() {
                let token = index.to_string();
                one_side(&at.step(item_step(Some(inner), index), &token, &token), inner, out, leaf);
            }
        }
        Value::Null => {}
        _ => out.push(leaf(at)),
    }
}

fn union<'m>(
    left: &'m Map<String, Value>,
    right: &'m Map<String, Value>,
) -> impl Iterator<Item = &'m String> {
    left.keys().chain(right.keys().filter(|key| !left.contains_key(*key)))
}
