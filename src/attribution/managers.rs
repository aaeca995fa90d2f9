//! Which field managers are known, and what they are.

use std::sync::LazyLock;

use serde::Deserialize;

use super::owners::Entry;
use crate::config::KnownManager;
use crate::model::{Class, FieldPath};

/// What is known of a field manager.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    name: String,
    /// Its class.
    pub class: Class,
    #[serde(default)]
    operation: Option<String>,
    /// Whether it applies manifests, by hand or from CI.
    #[serde(default)]
    pub applier: bool,
    /// The only places where a platform manager may write; empty: anywhere.
    #[serde(default)]
    fields: Vec<String>,
}

static TABLE: LazyLock<Vec<Known>> = LazyLock::new(|| {
    serde_yaml::from_str(include_str!("managers.yaml")).expect("the embedded table is valid; a test reads it")
});

static STRANGER: Known =
    Known { name: String::new(), class: Class::Unknown, operation: None, applier: false, fields: Vec::new() };

/// Whoever writes a status is a controller of the kind: what else it wrote there (annotations of some kinds may be written
/// along with the status) is not a person's.
static STATUS_WRITER: LazyLock<Known> = LazyLock::new(|| Known {
    class: Class::Platform,
    fields: vec![".metadata".to_owned(), ".status".to_owned()],
    ..STRANGER.clone()
});

/// The known field managers: those of the configuration, then the built-in table.
#[derive(Debug, Clone, Default)]
pub struct Managers {
    configured: Vec<Known>,
}

impl Managers {
    /// The built-in table, and before it what `drift.yaml` adds.
    #[must_use]
    pub fn new(configured: &[KnownManager]) -> Self {
        let known = |manager: &KnownManager| Known {
            name: manager.name.clone(),
            class: manager.class,
            operation: None,
            applier: manager.class == Class::Gitops,
            fields: Vec::new(),
        };
        Self { configured: configured.iter().map(known).collect() }
    }

    /// What is known of the manager of an entry; a stranger is of class unknown, unless it wrote a status.
    #[must_use]
    pub fn of(&self, entry: &Entry) -> &Known {
        let matches = |known: &&Known| {
            let operation = known.operation.as_deref();
            known.matches(&entry.manager.name)
                && operation.is_none_or(|operation| operation == entry.manager.operation)
        };
        let stranger = if entry.manager.subresource == "status" { &*STATUS_WRITER } else { &STRANGER };
        self.configured.iter().find(matches).or_else(|| TABLE.iter().find(matches)).unwrap_or(stranger)
    }
}

impl Known {
    fn matches(&self, name: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => self.name == name,
        }
    }

    /// Whether a platform manager may write at `path`.
    #[must_use]
    pub fn may_own(&self, path: &FieldPath) -> bool {
        let path = path.to_string();
        let inside = |field: &String| {
            path.strip_prefix(field.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.fields.is_empty() || self.fields.iter().any(inside)
    }
}
