//! Ignore rules: differences that are not drift, each with a reason.

use crate::config::Ignore;
use crate::model::{FieldPath, ResourceId};

/// The ignore rules that hold on a day, and what was wrong with the others.
#[derive(Debug, Clone, Default)]
pub struct IgnoreRules {
    rules: Vec<Ignore>,
    expired: Vec<Ignore>,
}

impl IgnoreRules {
    /// Sorts out what has expired before `today` (`2026-11-22`).
    #[must_use]
    pub fn new(rules: &[Ignore], today: &str) -> Self {
        let holds = |rule: &&Ignore| rule.expires.as_deref().is_none_or(|last| last >= today);
        let (rules, expired): (Vec<&Ignore>, Vec<&Ignore>) = rules.iter().partition(holds);
        let owned = |rules: Vec<&Ignore>| rules.into_iter().cloned().collect();
        Self { rules: owned(rules), expired: owned(expired) }
    }

    /// The rule that covers this place of this object.
    #[must_use]
    pub fn covering(&self, id: &ResourceId, path: Option<&FieldPath>) -> Option<&Ignore> {
        self.rules.iter().find(|rule| covers_object(rule, id) && covers_path(rule, path))
    }

    /// Rules that no longer hold.
    #[must_use]
    pub fn expired(&self) -> &[Ignore] {
        &self.expired
    }

    /// Rules that hold.
    #[must_use]
    pub fn rules(&self) -> &[Ignore] {
        &self.rules
    }
}

fn covers_object(rule: &Ignore, id: &ResourceId) -> bool {
    let same = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
    let resource = &rule.resource;
    same(&resource.group, &id.group)
        && same(&resource.kind, &id.kind)
        && same(&resource.namespace, id.namespace.as_deref().unwrap_or_default())
        && same(&resource.name, &id.name)
}

/// A rule with a field never covers a whole object, one without covers everything.
fn covers_path(rule: &Ignore, path: Option<&FieldPath>) -> bool {
    match (&rule.field, path) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(field), Some(path)) => {
            let path = path.to_string();
            path.strip_prefix(field.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        }
    }
}
