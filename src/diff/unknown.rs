//! Fields that Git declares and their kind does not have.

use serde_json::Value;

use super::lists::pair;
use crate::model::{Desired, FieldPath, PathElement, nearest, push_pointer};
use crate::schema::{Field, ListType, Schema, Shape};

/// A field that the kind does not have at Git's version, so that the server leaves it out, or refuses the object where it
/// is asked to validate (`kubectl apply` asks).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownField {
    /// Where it stands.
    pub path: FieldPath,
    /// RFC 6901 pointer into the desired object.
    pub pointer: String,
    /// The name that was probably meant.
    pub suggestion: Option<String>,
}

/// Every such field of an object. None where the schema is not the server's own: another version may have
/// the field.
#[must_use]
pub fn unknown_fields(desired: &Desired, schema: &Schema) -> Vec<UnknownField> {
    let root = schema.kind(&desired.id.group, &desired.id.version, &desired.id.kind);
    let mut found = Vec::new();
    let Some(object) = desired.value.as_object() else { return found };
    let mut search = Search { found: &mut found, path: FieldPath::root(), pointer: String::new() };
    // What a manifest says of its status is left out, whatever it says; `sops` is its tool's own.
    for (key, value) in object.iter().filter(|(key, _)| !matches!(key.as_str(), "status" | "sops")) {
        search.field(root, key, value);
    }
    found
}

struct Search<'f> {
    found: &'f mut Vec<UnknownField>,
    path: FieldPath,
    pointer: String,
}

impl Search<'_> {
    fn field(&mut self, of: Field<'_>, key: &str, value: &Value) {
        let before = self.pointer.len();
        push_pointer(&mut self.pointer, key);
        self.path.push(PathElement::field(key));
        if of.prunes(key) {
            let meant = nearest(key, of.names().into_iter()).map(str::to_owned);
            self.found.push(UnknownField {
                path: self.path.clone(),
                pointer: self.pointer.clone(),
                suggestion: meant,
            });
        } else {
            self.inside(of.field(key), value);
        }
        self.path.pop();
        self.pointer.truncate(before);
    }

    fn inside(&mut self, field: Field<'_>, value: &Value) {
        match value {
            Value::Object(map) => map.iter().for_each(|(key, value)| self.field(field, key, value)),
            Value::Array(items) => self.items(field, items),
            _ => {}
        }
    }

    fn items(&mut self, list: Field<'_>, items: &[Value]) {
        let pairs = match list.shape() {
            Shape::List(ListType::Map(keys)) => pair(&keys, list.items(), [items, &[]], &|_, _| false),
            _ => None,
        };
        for (index, item) in items.iter().enumerate() {
            let named = pairs.as_ref().and_then(|p| p.pairs.iter().find(|pair| pair.desired == Some(index)));
            let before = self.pointer.len();
            push_pointer(&mut self.pointer, &index.to_string());
            self.path.push(named.map_or(PathElement::Index(index), |pair| pair.step.clone()));
            self.inside(list.items(), item);
            self.path.pop();
            self.pointer.truncate(before);
        }
    }
}
