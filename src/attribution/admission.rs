//! Mutating webhooks and admission policies: possible writers of fields without an owner.

use serde_json::{Map, Value};

use crate::model::{ApiResource, Difference, ResourceId};

/// A mutating webhook or policy, as far as it tells which objects it may write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutator {
    /// `MutatingWebhookConfiguration/istio`
    pub name: String,
    rules: Vec<MutatorRule>,
    /// What a policy writes, as text; of a webhook nothing is known.
    text: Option<String>,
}

/// An object that a mutator may match.
#[derive(Clone, Copy)]
pub struct MutatedObject<'a> {
    /// Which object.
    pub id: &'a ResourceId,
    /// Its kind.
    pub kind: &'a ApiResource,
    /// Its labels.
    pub labels: Option<&'a Map<String, Value>>,
    /// The labels of its namespace, where they could be read.
    pub namespace_labels: Option<&'a Map<String, Value>>,
}

/// What one rule matches (`admissionregistration.k8s.io/v1` RuleWithOperations).
#[derive(Debug, Clone, PartialEq, Eq)]
struct MutatorRule {
    groups: Vec<String>,
    versions: Vec<String>,
    resources: Vec<String>,
    /// `namespaceSelector` and `objectSelector`; null where there is none.
    namespaces: Value,
    objects: Value,
}

/// The kinds that mutate: group and kind.
pub const MUTATOR_KINDS: &[(&str, &str)] = &[
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"),
];

/// Group and kind of the bindings, without which a policy does nothing.
pub const BINDING_KIND: (&str, &str) = ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding");

impl Mutator {
    /// Reads a live MutatingWebhookConfiguration, or a MutatingAdmissionPolicy with the bindings of all policies; `None`
    /// where it matches nothing. CEL conditions are not read: it may match less than this says.
    #[must_use]
    pub fn new(live: &Value, bindings: &[Value]) -> Option<Self> {
        let text = |pointer: &str| live.pointer(pointer).and_then(Value::as_str);
        let (kind, name) = (text("/kind")?, text("/metadata/name")?);
        let is_policy = kind == "MutatingAdmissionPolicy";
        let bound =
            |binding: &&Value| binding.pointer("/spec/policyName").and_then(Value::as_str) == Some(name);
        let rules = if is_policy {
            let constraints = live.pointer("/spec/matchConstraints")?;
            bindings
                .iter()
                .filter(bound)
                .flat_map(|binding| {
                    MutatorRule::of_policy(constraints, binding.pointer("/spec/matchResources"))
                })
                .collect()
        } else {
            let webhooks = live.get("webhooks").and_then(Value::as_array).into_iter().flatten();
            webhooks.flat_map(|webhook| MutatorRule::list(webhook, "rules")).collect::<Vec<_>>()
        };
        let text = is_policy.then(|| live["spec"].to_string());
        (!rules.is_empty()).then(|| Self { name: format!("{kind}/{name}"), rules, text })
    }

    /// Whether it may write the object when it is made or changed.
    #[must_use]
    pub fn matches(&self, object: MutatedObject<'_>) -> bool {
        self.rules.iter().any(|rule| rule.matches(object))
    }

    /// Whether it may have written here: a policy names what it writes.
    pub(super) fn may_write(&self, difference: &Difference) -> bool {
        let name = difference.path.last_field();
        let named = |text: &String| name.is_some_and(|name| text.contains(name));
        self.text.as_ref().is_none_or(named)
    }

    /// Whether it is a policy that names the field and the very value that live has: it writes it into whatever is applied.
    pub(super) fn sets(&self, difference: &Difference) -> bool {
        let value = match &difference.live {
            Some(Value::String(text)) if !text.is_empty() => text.clone(),
            Some(value @ (Value::Bool(_) | Value::Number(_))) => value.to_string(),
            _ => return false,
        };
        self.text.as_ref().is_some_and(|text| has_word(text, &value)) && self.may_write(difference)
    }
}

/// Whether a text has this word: nothing that could go on with it stands beside it.
fn has_word(text: &str, word: &str) -> bool {
    let goes_on =
        |next: Option<char>| next.is_some_and(|next| next.is_alphanumeric() || "-_.".contains(next));
    text.match_indices(word).any(|(at, _)| {
        !goes_on(text[..at].chars().next_back()) && !goes_on(text[at + word.len()..].chars().next())
    })
}

impl MutatorRule {
    /// The rules of a webhook or of a policy's constraints, with their selectors.
    fn list(outer: &Value, key: &str) -> Vec<Self> {
        let selector = |key: &str| outer.get(key).cloned().unwrap_or_default();
        let rules = outer.get(key).and_then(Value::as_array).into_iter().flatten();
        rules
            .filter_map(|rule| Self::new(rule, selector("namespaceSelector"), selector("objectSelector")))
            .collect()
    }

    /// The rules of a policy, narrowed by the selectors of one of its bindings.
    fn of_policy(constraints: &Value, binding: Option<&Value>) -> Vec<Self> {
        let mut rules = Self::list(constraints, "resourceRules");
        let selector =
            |key: &str| binding.and_then(|binding| binding.get(key)).filter(|value| !value.is_null());
        for rule in &mut rules {
            // Both must match; of the binding's only what the policy does not select itself is read.
            if let (Value::Null, Some(namespaces)) = (&rule.namespaces, selector("namespaceSelector")) {
                rule.namespaces = namespaces.clone();
            }
            if let (Value::Null, Some(objects)) = (&rule.objects, selector("objectSelector")) {
                rule.objects = objects.clone();
            }
        }
        rules
    }

    fn new(rule: &Value, namespaces: Value, objects: Value) -> Option<Self> {
        let writes =
            texts(rule, "operations").iter().any(|word| matches!(word.as_str(), "*" | "CREATE" | "UPDATE"));
        writes.then(|| Self {
            groups: texts(rule, "apiGroups"),
            versions: texts(rule, "apiVersions"),
            resources: texts(rule, "resources"),
            namespaces,
            objects,
        })
    }

    fn matches(&self, object: MutatedObject<'_>) -> bool {
        let any = |list: &[String], wanted: &str| list.iter().any(|item| item == "*" || item == wanted);
        let resource = |item: &String| item == "*" || item == "*/*" || *item == object.kind.plural;
        // A request at another version of the group is converted for the webhook (matchPolicy Equivalent).
        any(&self.groups, &object.id.group)
            && !self.versions.is_empty()
            && self.resources.iter().any(resource)
            && selects(&self.objects, object.labels)
            && self.selects_namespace(object)
    }

    /// A selector of namespaces matches whatever lies in none; labels that could not be read may be any.
    fn selects_namespace(&self, object: MutatedObject<'_>) -> bool {
        object.id.namespace.is_none()
            || object.namespace_labels.is_none_or(|labels| selects(&self.namespaces, Some(labels)))
    }
}

fn texts(value: &Value, key: &str) -> Vec<String> {
    let items = value.get(key).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Whether a label selector (`meta/v1` LabelSelector; null selects all) selects these labels.
fn selects(selector: &Value, labels: Option<&Map<String, Value>>) -> bool {
    let label = |key: &str| labels.and_then(|labels| labels.get(key)).and_then(Value::as_str);
    let mut equal = selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten();
    let mut expressions = selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten();
    equal.all(|(key, value)| label(key) == value.as_str())
        && expressions.all(|expression| {
            let text = |key: &str| expression.get(key).and_then(Value::as_str).unwrap_or_default();
            let (found, values) = (label(text("key")), texts(expression, "values"));
            let listed = found.is_some_and(|found| values.iter().any(|value| value == found));
            match text("operator") {
                "In" => listed,
                "NotIn" => !listed,
                "Exists" => found.is_some(),
                "DoesNotExist" => found.is_none(),
                _ => true,
            }
        })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{MutatedObject, Mutator};
    use crate::model::{ApiResource, ResourceId};

    fn matches(live: &Value, bindings: &[Value]) -> bool {
        let text = |text: &str| text.to_owned();
        let id = ResourceId {
            group: text("apps"),
            version: text("v1"),
            kind: text("Deployment"),
            namespace: Some(text("shop")),
            name: text("web"),
        };
        let kind = ApiResource {
            group: text("apps"),
            version: text("v1"),
            kind: text("Deployment"),
            plural: text("deployments"),
            namespaced: true,
            supports_list: true,
        };
        let (labels, of_namespace) = (json!({"app": "web"}), json!({"kubernetes.io/metadata.name": "shop"}));
        let object = MutatedObject {
            id: &id,
            kind: &kind,
            labels: labels.as_object(),
            namespace_labels: of_namespace.as_object(),
        };
        Mutator::new(live, bindings).is_some_and(|mutator| mutator.matches(object))
    }

    #[test]
    fn mutator_matches_group_resource_and_operation() {
        let rule = |groups: &str, resources: &str, operations: &str| json!({"apiGroups": [groups], "apiVersions": ["v1"], "resources": [resources], "operations": [operations]});
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
            let binding = json!({"spec": {"policyName": "x"}});
            assert_eq!(matches(&webhook, &[]), expected, "{webhook}");
            assert_eq!(matches(&policy, &[binding]), expected, "{policy}");
            assert!(!matches(&policy, &[]), "a policy without a binding: {policy}");
        }
    }

    #[test]
    fn selectors_narrow_what_a_mutator_matches() {
        let rule = json!({"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"], "operations": ["*"]});
        for (selector, key, expected) in [
            (json!({}), "namespaceSelector", true),
            (json!({"matchLabels": {"kubernetes.io/metadata.name": "shop"}}), "namespaceSelector", true),
            (json!({"matchLabels": {"kubernetes.io/metadata.name": "other"}}), "namespaceSelector", false),
            (json!({"matchLabels": {"app": "web"}}), "objectSelector", true),
            (
                json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}),
                "objectSelector",
                true,
            ),
            (
                json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}),
                "objectSelector",
                false,
            ),
            (json!({"matchExpressions": [{"key": "inject", "operator": "Exists"}]}), "objectSelector", false),
            (
                json!({"matchExpressions": [{"key": "skip", "operator": "DoesNotExist"}]}),
                "objectSelector",
                true,
            ),
        ] {
            let mut webhook = json!({"rules": [rule]});
            webhook[key] = selector;
            let live = json!({"kind": "MutatingWebhookConfiguration", "metadata": {"name": "x"}, "webhooks": [webhook]});
            assert_eq!(matches(&live, &[]), expected, "{live}");
        }
    }
}
