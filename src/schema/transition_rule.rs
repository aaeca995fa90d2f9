//! Rules of a CustomResourceDefinition about how a value may change (`x-kubernetes-validations`).

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Reads `x-kubernetes-validations`: whether one of the rules is `self == oldSelf`.
pub(super) fn read_rules<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    let rules = Value::deserialize(from)?;
    let keeps = |rule: &Value| {
        let text = rule.get("rule").and_then(Value::as_str).unwrap_or_default();
        let text: String = text.chars().filter(|character| !character.is_whitespace()).collect();
        matches!(text.as_str(), "self==oldSelf" | "oldSelf==self")
    };
    // As it is kept, it says so by itself.
    Ok(rules == Value::Bool(true) || rules.as_array().is_some_and(|rules| rules.iter().any(keeps)))
}
