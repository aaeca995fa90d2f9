//! What an edit does.

use serde_json::Value;

/// One change of one document of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// Index of the document in the stream, from 0, as [`super::Document::index`] counts.
    pub document: usize,
    /// RFC 6901 pointer into the document's JSON.
    pub pointer: String,
    /// What to do there.
    pub operation: Operation,
}

/// What an [`Edit`] does.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// Replaces the value, or adds a key to its map. Parents that are missing are created as maps; `/-` appends to a
    /// list, or begins one.
    Set(Value),
    /// Removes a key of a map or an item of a list. Nothing there is an error.
    Remove,
    /// Gives a key of a map another name, which none of its keys has.
    Rename(String),
}
