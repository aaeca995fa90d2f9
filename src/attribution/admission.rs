//! Mutating webhooks and admission policies: who else may have written what nobody owns.

use serde_json::Value;

use crate::model::{ResourceId, ServedKind};

/// A mutating webhook or policy, as far as it tells which objects it may write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutator {
    /// `MutatingWebhookConfiguration/istio`
    pub name: String,
    rules: Vec<Rule>,
}

/// What one rule matches (`admissionregistration.k8s.io/v1` RuleWithOperations).
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    groups: Vec<String>,
    versions: Vec<String>,
    resources: Vec<String>,
}

/// The kinds that mutate: group and kind.
pub const MUTATOR_KINDS: &[(&str, &str)] = &[
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"),
];

impl Mutator {
    /// Reads a live MutatingWebhookConfiguration or MutatingAdmissionPolicy; `None` where it names nothing that it
    /// matches. Selectors of namespaces and objects are not read: it may match less than this says.
    #[must_use]
    pub fn new(live: &Value) -> Option<Self> {
        let text = |pointer: &str| live.pointer(pointer).and_then(Value::as_str);
        let name = format!("{}/{}", text("/kind")?, text("/metadata/name")?);
        let of_webhooks = live.get("webhooks").and_then(Value::as_array).into_iter().flatten();
        let of_webhooks = of_webhooks.filter_map(|webhook| webhook.get("rules")?.as_array()).flatten();
        let of_policy = live.pointer("/spec/matchConstraints/resourceRules").and_then(Value::as_array);
        let rules: Vec<Rule> =
            of_webhooks.chain(of_policy.into_iter().flatten()).filter_map(Rule::new).collect();
        (!rules.is_empty()).then_some(Self { name, rules })
    }

    /// Whether it may write objects of this kind when they are made or changed.
    #[must_use]
    pub fn matches(&self, id: &ResourceId, kind: &ServedKind) -> bool {
        self.rules.iter().any(|rule| rule.matches(id, kind))
    }
}

impl Rule {
    fn new(rule: &Value) -> Option<Self> {
        let texts = |key: &str| {
            let items = rule.get(key).and_then(Value::as_array).into_iter().flatten();
            items.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
        };
        let writes = texts("operations").iter().any(|word| matches!(word.as_str(), "*" | "CREATE" | "UPDATE"));
        writes.then(|| Self {
            groups: texts("apiGroups"),
            versions: texts("apiVersions"),
            resources: texts("resources"),
        })
    }

    fn matches(&self, id: &ResourceId, kind: &ServedKind) -> bool {
        let any = |list: &[String], wanted: &str| list.iter().any(|item| item == "*" || item == wanted);
        // A request at another version of the group is converted for the webhook (matchPolicy Equivalent).
        any(&self.groups, &id.group)
            && !self.versions.is_empty()
            && self.resources.iter().any(|item| item == "*" || item == "*/*" || *item == kind.plural)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Mutator;
    use crate::model::{ResourceId, ServedKind};

    #[test]
    fn a_mutator_matches_by_group_resource_and_operation() {
        let id = ResourceId {
            group: "apps".to_owned(),
            version: "v1".to_owned(),
            kind: "Deployment".to_owned(),
            namespace: None,
            name: "web".to_owned(),
        };
        let kind = ServedKind {
            group: "apps".to_owned(),
            version: "v1".to_owned(),
            kind: "Deployment".to_owned(),
            plural: "deployments".to_owned(),
            namespaced: true,
            listable: true,
        };
        let rule = |groups: &str, resources: &str, operations: &str| {
            json!({"apiGroups": [groups], "apiVersions": ["v1"], "resources": [resources], "operations": [operations]})
        };
        for (rule, expected) in [
            (rule("apps", "deployments", "CREATE"), true),
            (rule("*", "*", "*"), true),
            (rule("*", "*/*", "UPDATE"), true),
            (rule("apps", "deployments/scale", "UPDATE"), false),
            (rule("apps", "deployments", "DELETE"), false),
            (rule("", "pods", "CREATE"), false),
        ] {
            let name = json!({"name": "x"});
            let webhook = json!({"kind": "MutatingWebhookConfiguration", "metadata": name, "webhooks": [{"rules": [rule]}]});
            let policy = json!({"kind": "MutatingAdmissionPolicy", "metadata": name, "spec": {"matchConstraints": {"resourceRules": [rule]}}});
            for live in [webhook, policy] {
                let matches = Mutator::new(&live).is_some_and(|mutator| mutator.matches(&id, &kind));
                assert_eq!(matches, expected, "{live}");
            }
        }
    }
}
