//! ConfigMaps and Secrets that a root takes texts from.

use std::collections::BTreeMap;

use serde_json::Value;

/// A ConfigMap or Secret that a root names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TextReference {
    /// `ConfigMap` or `Secret`.
    pub kind: String,
    /// Its namespace, that of the root.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl std::fmt::Display for TextReference {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}/{}/{}", self.kind, self.namespace, self.name)
    }
}

/// What is known of a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReferencedTexts {
    /// A ConfigMap, with its texts.
    Texts(BTreeMap<String, String>),
    /// A Secret, with its keys: what is in them is nobody's to see.
    Keys(Vec<String>),
    /// Neither Git nor the cluster has it.
    Missing,
    /// Why it could not be read.
    Unread(String),
}

impl ReferencedTexts {
    /// The texts of a ConfigMap, or the keys of a Secret.
    #[must_use]
    pub fn from_object(kind: &str, object: &Value) -> Self {
        let maps = [&object["data"], &object["stringData"]];
        let entries = maps.into_iter().filter_map(Value::as_object).flatten();
        if kind == "Secret" {
            return Self::Keys(entries.map(|(key, _)| key.clone()).collect());
        }
        let texts = entries.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
        Self::Texts(texts.collect())
    }
}

/// What is known of all of them.
pub type KnownTexts = BTreeMap<TextReference, ReferencedTexts>;
