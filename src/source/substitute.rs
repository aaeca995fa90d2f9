//! What Flux fills in after rendering: variables in the text of each object, which is read again
//! (`SubstituteVariables` in `pkg/kustomize/kustomize_varsub.go`).

use std::collections::BTreeSet;

use serde_json::Value;

use super::envsubst::{self, EnvsubstError, Value as Variable};
use super::objects::first_of;
use crate::model::Substitution;
use crate::yaml;

/// The label or annotation by which an object is left as it is.
const SWITCH: &str = "kustomize.toolkit.fluxcd.io/substitute";

/// Why the variables of an object cannot be filled in.
#[derive(Debug, thiserror::Error)]
pub(super) enum SubstituteError {
    #[error("{object}: Flux cannot fill in its variables: {source}")]
    Envsubst { object: String, source: EnvsubstError },
    /// With a value of a variable in it, so that the reader's word for it is not shown.
    #[error("{object}: with its variables filled in it is no YAML of an object")]
    Yaml { object: String },
}

/// An object with its variables filled in, by its value and its text; `not_set` gets the names of variables that nobody sets.
pub(super) fn substitute(
    (value, text): (Value, &str),
    substitution: &Substitution,
    not_set: &mut BTreeSet<String>,
) -> Result<Value, SubstituteError> {
    if !text.contains('$') || is_switched_off(&value) {
        return Ok(value);
    }
    let object = || {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        format!("{}/{}", text(&value["kind"]), text(&value["metadata"]["name"]))
    };
    let replaced = envsubst::replace(text, &|name| look_up(substitution, name), substitution.strict)
        .map_err(|source| SubstituteError::Envsubst { object: object(), source })?;
    not_set.extend(replaced.not_set);
    let read = yaml::read_first(replaced.text.as_bytes()).ok().flatten().map(yaml::Document::into_json);
    read.filter(Value::is_object).ok_or_else(|| SubstituteError::Yaml { object: object() })
}

/// What to say of variables that nobody sets.
pub(super) fn warning(source: &str, not_set: &BTreeSet<String>) -> Option<String> {
    let named: Vec<String> = not_set.iter().map(|name| format!("${{{name}}}")).collect();
    let named = first_of(&named, 3);
    let said = format!(
        "{source}: postBuild sets no variable for {named}: rendered as nothing, as Flux does before 2.9; later ones refuse it"
    );
    (!not_set.is_empty()).then_some(said)
}

fn look_up<'s>(substitution: &'s Substitution, name: &str) -> Variable<'s> {
    match substitution.variables.get(name) {
        Some(Some(value)) => Variable::Known(value),
        Some(None) => Variable::Hidden,
        None if substitution.others_unknown => Variable::Hidden,
        None => Variable::NotSet,
    }
}

fn is_switched_off(object: &Value) -> bool {
    ["labels", "annotations"].iter().any(|field| object["metadata"][field][SWITCH] == "disabled")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::{substitute, warning};
    use crate::model::Substitution;
    use crate::yaml;

    fn filled(text: &str, substitution: &Substitution) -> Result<Value, String> {
        let value = yaml::read_first(text.as_bytes()).expect("YAML").expect("a document").into_json();
        substitute((value, text), substitution, &mut BTreeSet::new()).map_err(|error| error.to_string())
    }

    fn substitution(variables: &[(&str, Option<&str>)]) -> Substitution {
        let one = |(name, value): &(&str, Option<&str>)| ((*name).to_owned(), value.map(str::to_owned));
        Substitution { variables: variables.iter().map(one).collect(), ..Substitution::default() }
    }

    #[test]
    fn types_may_change_and_hidden_values_stay() {
        let known = substitution(&[("N", Some("3")), ("S", None), ("M", Some("{a: 1}"))]);
        assert_eq!(
            filled("kind: A\nc: ${N}\nt: \"${N}\"\nm: ${M}\ns: a ${S}\nx: $${N}\n${N}: k\n", &known),
            Ok(json!({"kind": "A", "c": 3, "t": "3", "m": {"a": 1}, "s": "a ${S}", "x": "${N}", "3": "k"}))
        );
    }

    #[test]
    fn objects_are_left_alone_where_they_say_so() {
        let known = substitution(&[("N", Some("3"))]);
        for field in ["labels", "annotations"] {
            let off = format!(
                "metadata: {{{field}: {{kustomize.toolkit.fluxcd.io/substitute: disabled}}}}\nc: ${{N}}\n"
            );
            assert_eq!(filled(&off, &known).map(|object| object["c"].clone()), Ok(json!("${N}")), "{field}");
            let on = off.replace("disabled", "enabled");
            assert_eq!(filled(&on, &known).map(|object| object["c"].clone()), Ok(json!(3)), "{field}");
        }
    }

    #[test]
    fn errors_name_the_object_and_no_value() {
        let known = substitution(&[("N", Some("hunter2: hunter2: {"))]);
        let object = "kind: A\nmetadata:\n  name: b\n";
        for text in ["x: ${N}", "x: ${N[@]}", "x: ${"] {
            let why = filled(&format!("{object}{text}\n"), &known).expect_err("it is refused");
            assert!(why.starts_with("A/b: ") && !why.contains("hunter2"), "{why}");
        }
    }

    #[test]
    fn variables_that_nobody_sets_are_told() {
        let names = ["X", "Y"].map(str::to_owned);
        let said = warning("apps", &BTreeSet::from(names)).expect("there are some");
        assert!(said.starts_with("apps: ") && said.contains("${X}, ${Y}"), "{said}");
        assert_eq!(warning("apps", &BTreeSet::new()), None);
    }
}
