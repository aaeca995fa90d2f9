//! Where an edit goes.

use serde_json::Value;

use crate::model::substitution;
use crate::yaml::{Edit, Operation};

/// Where edits of one document go.
#[derive(Clone)]
pub(super) struct EditTarget {
    /// Index of the document in its file.
    pub(super) document: usize,
    /// Pointer of the object in the document: empty, or `/items/N` of a list.
    pub(super) prefix: String,
}

impl EditTarget {
    /// Sets a value; where the document has one, the edit touches only what differs.
    pub(super) fn set(&self, pointer: &str, value: Value) -> Edit {
        self.edit(pointer, Operation::Set(value))
    }

    /// Gives a key another name.
    pub(super) fn rename(&self, pointer: &str, name: String) -> Edit {
        self.edit(pointer, Operation::Rename(name))
    }

    pub(super) fn edit(&self, pointer: &str, operation: Operation) -> Edit {
        Edit { document: self.document, pointer: format!("{}{pointer}", self.prefix), operation }
    }
}

/// Whether a key or text in a value has a variable of a GitOps tool.
pub(super) fn has_variable(value: &Value) -> bool {
    match value {
        Value::String(text) => substitution::has_variable(text),
        Value::Array(items) => items.iter().any(has_variable),
        Value::Object(map) => {
            map.iter().any(|(key, inner)| substitution::has_variable(key) || has_variable(inner))
        }
        _ => false,
    }
}
