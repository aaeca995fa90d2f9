//! Sensitive fields, in which no manager name is trusted: programs, permissions and traffic.

use serde_json::Value;

use crate::model::{Difference, PathElement};

/// Names of such fields, in built-in kinds and in custom ones, which take them over from Pods.
const HARMFUL_FIELDS: &[&str] = &[
    // What runs.
    "image",
    "command",
    "args",
    "env",
    "envFrom",
    "exec",
    "runtimeClassName",
    // With which rights, and on what of the node.
    "securityContext",
    "privileged",
    "capabilities",
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "hostUsers",
    "hostPath",
    "hostAliases",
    "shareProcessNamespace",
    "serviceAccount",
    "serviceAccountName",
    "automountServiceAccountToken",
    "volumes",
    "volumeMounts",
    "volumeDevices",
    "volumeClaimTemplates",
    // Who may do what.
    "rules",
    "subjects",
    "roleRef",
    "aggregationRule",
    "secrets",
    "imagePullSecrets",
    // What is asked of the API, and by whom.
    "webhooks",
    "webhook",
    "clientConfig",
    "failurePolicy",
    "matchPolicy",
    "validations",
    "mutations",
    "matchConstraints",
    "matchConditions",
    "insecureSkipTLSVerify",
    // What programs read.
    "data",
    "binaryData",
    "stringData",
    // Where traffic goes.
    "selector",
    "podSelector",
    "namespaceSelector",
    "objectSelector",
    "matchLabels",
    "matchExpressions",
    "ingress",
    "egress",
    "subsets",
    "endpoints",
    "addresses",
    "backend",
    "externalIPs",
    "externalName",
    "loadBalancerIP",
    "loadBalancerSourceRanges",
];

/// Lists a new item of which is a program of its own.
const PROGRAMS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// Whether a change here could do harm: its path has such a field, or the value that it adds has one. A bundle of
/// certificates that an injector fills is none.
pub(super) fn is_harmful(difference: &Difference, live: Option<&Value>) -> bool {
    let steps = difference.path.elements();
    let last = steps.last();
    if matches!(last, Some(PathElement::Field(name)) if name == "caBundle") {
        return false;
    }
    let metadata = matches!(steps.first(), Some(PathElement::Field(name)) if name == "metadata");
    if metadata {
        return false;
    }
    let harmful = |step: &PathElement| matches!(step, PathElement::Field(name) if HARMFUL_FIELDS.contains(&name.as_str()));
    let is_program = match steps {
        [.., PathElement::Field(list), PathElement::Key(_) | PathElement::Index(_)]
        | [.., PathElement::Field(list)] => PROGRAMS.contains(&list.as_str()),
        _ => false,
    };
    steps.iter().any(harmful) || is_program || live.is_some_and(holds_harmful)
}

fn holds_harmful(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, inner)| {
            let named = HARMFUL_FIELDS.contains(&key.as_str()) || PROGRAMS.contains(&key.as_str());
            (named && !is_empty(inner)) || holds_harmful(inner)
        }),
        Value::Array(items) => items.iter().any(holds_harmful),
        _ => false,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}
