//! Values that somebody wrote in another form than Git has: the server, or a deployer that replaces variables.

use serde_json::{Value, json};

use crate::model::{Difference, PathElement, substitution};
use crate::schema::same_quantity;

/// Whether the server only wrote JSON in its own way: it keeps what `autoscaling/v1` cannot show in annotations
/// (`pkg/apis/autoscaling/v1/conversion.go`).
pub(super) fn is_rewritten_json(difference: &Difference) -> bool {
    let [.., PathElement::Field(map), PathElement::Field(key)] = difference.path.elements() else {
        return false;
    };
    let parse = |side: &Option<Value>| serde_json::from_str::<Value>(side.as_ref()?.as_str()?).ok();
    let (Some(mut git), Some(mut live)) = (parse(&difference.desired), parse(&difference.live)) else {
        return false;
    };
    if key == "autoscaling.alpha.kubernetes.io/behavior" {
        fill_behavior(&mut git);
        fill_behavior(&mut live);
    }
    map == "annotations" && key.starts_with("autoscaling.alpha.kubernetes.io/") && same_json(&git, &live)
}

/// What the server fills into the behaviour of an autoscaler (`pkg/apis/autoscaling/v2/defaults.go`), in the internal
/// form that the annotation has.
fn fill_behavior(behavior: &mut Value) {
    let policy = |kind: &str, value: u8| json!({"Type": kind, "Value": value, "PeriodSeconds": 15});
    let percent = policy("Percent", 100);
    let defaults = [
        ("ScaleUp", json!(0), json!([policy("Pods", 4), percent.clone()])),
        ("ScaleDown", Value::Null, json!([percent])),
    ];
    let Some(behavior) = behavior.as_object_mut() else { return };
    for (direction, window, policies) in defaults {
        let rules = behavior.entry(direction).or_insert(Value::Null);
        if rules.is_null() {
            *rules = json!({});
        }
        let Some(rules) = rules.as_object_mut() else { continue };
        for (field, default) in
            [("StabilizationWindowSeconds", window), ("SelectPolicy", json!("Max")), ("Policies", policies)]
        {
            if rules.get(field).is_none_or(Value::is_null) {
                rules.insert(field.to_owned(), default);
            }
        }
        rules.retain(|_, value| !value.is_null());
    }
}

/// Equal JSON, quantities in whatever form.
fn same_json(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, left)| right.get(key).is_some_and(|right| same_json(left, right)))
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same_json(left, right))
        }
        _ => left == right || same_quantity(left, right),
    }
}

/// The variable that Git has, where the deployer may have replaced it by what is live; at most 80 characters of its text.
pub(super) fn find_substitution(difference: &Difference) -> Option<String> {
    let (desired, live) = (difference.desired.as_ref()?, difference.live.as_ref()?);
    let mut variable = None;
    could_render(desired, live, &mut variable).then_some(())?;
    variable.map(|text| text.chars().take(80).collect())
}

/// Whether live can be what Git has with its variables replaced, the same everywhere else; the first text with a variable
/// is given out.
fn could_render<'v>(desired: &'v Value, live: &Value, variable: &mut Option<&'v str>) -> bool {
    match (desired, live) {
        (Value::Object(desired), Value::Object(live)) => {
            desired.len() == live.len()
                && desired.iter().all(|(key, desired)| {
                    live.get(key).is_some_and(|live| could_render(desired, live, variable))
                })
        }
        (Value::Array(desired), Value::Array(live)) => {
            desired.len() == live.len()
                && desired.iter().zip(live).all(|(desired, live)| could_render(desired, live, variable))
        }
        (Value::String(template), live) if substitution::has_variable(template) => {
            variable.get_or_insert(template);
            let live = live.as_str().map_or_else(|| live.to_string(), str::to_owned);
            substitution::could_render(template, &live)
        }
        _ => desired == live,
    }
}
