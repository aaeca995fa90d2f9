//! Ignore rules: differences that are not drift, each with a reason.

use super::ignored_place;
use crate::config::{IgnoreRule, ResourceFilter};
use crate::model::{Change, Desired, FieldPath, Finding, ResourceId};

/// The ignore rules that are valid on a day, and the expired ones.
#[derive(Debug, Clone, Default)]
pub struct IgnoreRules {
    rules: Vec<IgnoreRule>,
    expired: Vec<IgnoreRule>,
}

impl IgnoreRules {
    /// Sorts out what has expired before `today` (`2026-11-22`).
    #[must_use]
    pub fn new(rules: &[IgnoreRule], today: &str) -> Self {
        let holds = |rule: &&IgnoreRule| rule.expires.as_deref().is_none_or(|last| last >= today);
        let (rules, expired): (Vec<&IgnoreRule>, Vec<&IgnoreRule>) = rules.iter().partition(holds);
        let owned = |rules: Vec<&IgnoreRule>| rules.into_iter().cloned().collect();
        Self { rules: owned(rules), expired: owned(expired) }
    }

    /// The rule that covers this place of this object.
    #[must_use]
    pub fn find_rule(&self, id: &ResourceId, path: Option<&FieldPath>) -> Option<&IgnoreRule> {
        self.rules.iter().find(|rule| covers_object(rule, id) && covers_path(rule, path))
    }

    /// The rule that covers this change of this object, those that GitOps objects brought among them.
    #[must_use]
    pub fn find_change_rule(&self, desired: &Desired, change: &Change) -> Option<&IgnoreRule> {
        let id = &desired.id;
        let is_imported = |rule: &&IgnoreRule| {
            rule.imported.as_ref().is_some_and(|imported| {
                imported.sources.contains(&desired.origin.source)
                    && covers_object(rule, id)
                    && ignored_place::covers(&imported.place, change)
            })
        };
        let own = self.find_rule(id, Some(&change.difference.path));
        own.or_else(|| self.rules.iter().find(is_imported))
    }

    /// Warnings about rules: expired, unused for these findings,
    /// or overly broad.
    #[must_use]
    pub fn warnings(&self, findings: &[Finding]) -> Vec<String> {
        let expired = self.expired.iter().map(|rule| {
            let day = rule.expires.as_deref().unwrap_or_default();
            format!("an ignore rule expired on {day}: {}", rule.reason)
        });
        let own = || self.rules.iter().filter(|rule| rule.imported.is_none());
        let unused = own().filter(|rule| count_covered(rule, findings) == 0);
        let unused = unused.map(|rule| format!("an ignore rule is unused: {}", rule.reason));
        let broad = own().filter(|rule| is_broad(rule)).map(|rule| {
            let count = count_covered(rule, findings);
            let objects = if count == 1 { "object" } else { "objects" };
            format!(
                "an ignore rule hides any change of objects that it does not name ({count} {objects} now): \
                 name the object, or a field below `.spec`: {}",
                rule.reason
            )
        });
        let everywhere = |rule: &&IgnoreRule| rule.resource == ResourceFilter::default() && !is_broad(rule);
        let everywhere = own().filter(everywhere).map(|rule| {
            let field = rule.field.as_deref().unwrap_or_default();
            format!(
                "an ignore rule is too broad: it covers {field} of every object; name a `resource`: {}",
                rule.reason
            )
        });
        expired.chain(unused).chain(broad).chain(everywhere).collect()
    }
}

/// How many findings a rule covers, whole or in part.
fn count_covered(rule: &IgnoreRule, findings: &[Finding]) -> usize {
    let covers = |finding: &&Finding| {
        let paths = finding.changes.iter().map(|change| Some(&change.difference.path));
        covers_object(rule, &finding.resource)
            && std::iter::once(None).chain(paths).any(|path| covers_path(rule, path))
    };
    findings.iter().filter(covers).count()
}

/// Whether a rule hides whatever changes in objects that it does not name: whole objects of a kind or a namespace, or a
/// field such as `.spec`.
fn is_broad(rule: &IgnoreRule) -> bool {
    let whole = |field: &String| !field.trim_start_matches('.').contains(['.', '[']);
    rule.resource.name.is_none() && rule.field.as_ref().is_none_or(whole)
}

fn covers_object(rule: &IgnoreRule, id: &ResourceId) -> bool {
    let same = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
    let resource = &rule.resource;
    same(&resource.group, &id.group)
        && same(&resource.kind, &id.kind)
        && same(&resource.namespace, id.namespace.as_deref().unwrap_or_default())
        && same(&resource.name, &id.name)
}

/// A rule with a field never covers a whole object, one without covers everything.
fn covers_path(rule: &IgnoreRule, path: Option<&FieldPath>) -> bool {
    match (&rule.field, path) {
        _ if rule.imported.is_some() => false,
        (None, _) => true,
        (Some(_), None) => false,
        (Some(field), Some(path)) => {
            let path = path.to_string();
            path.strip_prefix(field.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::IgnoreRules;
    use crate::config::IgnoreRule;
    use crate::model::{Cause, Finding, ResourceId, State, Verdict};

    fn rule(text: &str) -> IgnoreRule {
        serde_yaml::from_str(text).expect("a rule of the table")
    }

    fn missing(kind: &str, name: &str) -> Finding {
        let resource = ResourceId {
            group: String::new(),
            version: "v1".to_owned(),
            kind: kind.to_owned(),
            namespace: Some("shop".to_owned()),
            name: name.to_owned(),
        };
        let verdict = Verdict { cause: Cause::Ignored, ..Verdict::unknown() };
        Finding {
            resource,
            state: State::Missing,
            origin: None,
            verdict,
            changes: Vec::new(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn expired_unused_and_too_broad_rules_reported() {
        let findings = [missing("ConfigMap", "a"), missing("ConfigMap", "b")];
        for (text, expected) in [
            ("{resource: {kind: ConfigMap, name: a}, reason: one}", None),
            ("{resource: {kind: Secret, name: a}, reason: none}", Some("an ignore rule is unused: none")),
            (
                "{resource: {name: a}, reason: old, expires: 2026-01-01}",
                Some("an ignore rule expired on 2026-01-01: old"),
            ),
            (
                "{resource: {kind: ConfigMap}, reason: all}",
                Some(
                    "an ignore rule hides any change of objects that it does not name (2 objects now): \
                     name the object, or a field below `.spec`: all",
                ),
            ),
        ] {
            let warnings = IgnoreRules::new(&[rule(text)], "2026-06-01").warnings(&findings);
            assert_eq!(warnings, expected.into_iter().collect::<Vec<_>>(), "{text}");
        }
        let broad = |field: &str| {
            let rule = rule(&format!("{{field: {field}, reason: r}}"));
            let warnings = IgnoreRules::new(&[rule], "2026-06-01").warnings(&[]);
            warnings.iter().any(|warning| warning.contains("hides any change"))
        };
        assert!(broad(".spec") && broad(".metadata"));
        assert!(!broad(".spec.replicas") && !broad("'.metadata.annotations[\"a.b/c\"]'"));
    }
}
