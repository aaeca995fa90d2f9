//! The values of a HelmRelease: what it takes from ConfigMaps, and what it sets itself (fluxcd/pkg `chartutil/values.go`,
//! helm's `pkg/strvals`).

use serde_json::{Map, Value};

use crate::yaml;

/// Why a text cannot be the values of a chart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValuesError {
    /// Not YAML.
    #[error("it cannot be read: {0}")]
    Yaml(String),
    /// A list, a text or a number.
    #[error("it is no mapping")]
    NoMapping,
    /// A path or value that helm would take for several.
    #[error("its target path or value is a list, or has commas, which drift does not set")]
    Several,
    /// A path through what is no mapping or list, or to far down a list.
    #[error("its target path leads through a value")]
    Path,
}

/// The longest list that a path makes.
const MOST_ITEMS: usize = 10_000;

/// Puts values over others: mappings are merged, everything else takes the other's place.
pub(super) fn merge(into: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (into.get_mut(&key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => merge(below, above),
            (_, value) => drop(into.insert(key, value)),
        }
    }
}

/// A document of values; an empty one has none.
///
/// # Errors
/// [`ValuesError::Yaml`], [`ValuesError::NoMapping`].
pub(super) fn read(text: &str) -> Result<Map<String, Value>, ValuesError> {
    let document =
        yaml::read_first(text.as_bytes()).map_err(|error| ValuesError::Yaml(error.why.to_string()))?;
    match document.map(yaml::Document::into_json) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(map)) => Ok(map),
        Some(_) => Err(ValuesError::NoMapping),
    }
}

/// Sets one value at a path, as `--set` does; quoted, it is a text.
///
/// # Errors
/// [`ValuesError::Several`], [`ValuesError::Path`].
pub(super) fn set(into: &mut Map<String, Value>, path: &str, value: &str) -> Result<(), ValuesError> {
    let quoted = ['\'', '"']
        .into_iter()
        .find(|quote| value.len() > 1 && value.starts_with(*quote) && value.ends_with(*quote));
    let text = quoted.map_or(value, |quote| value.trim_matches(quote));
    let value = scalar(text, quoted.is_some())?;
    let steps = steps(path)?;
    let mut at = std::mem::take(into).into();
    let placed = place(&mut at, &steps, value);
    if let Value::Object(map) = at {
        *into = map;
    }
    placed
}

enum Step {
    Key(String),
    Item(usize),
}

fn steps(path: &str) -> Result<Vec<Step>, ValuesError> {
    let mut steps = Vec::new();
    let mut key = String::new();
    let mut rest = path.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\\' => key.extend(rest.next()),
            '.' => steps.extend((!key.is_empty()).then(|| Step::Key(std::mem::take(&mut key)))),
            '[' => {
                steps.extend((!key.is_empty()).then(|| Step::Key(std::mem::take(&mut key))));
                let digits: String = rest.by_ref().take_while(|character| *character != ']').collect();
                let index = digits.parse().ok().filter(|index| *index < MOST_ITEMS);
                steps.push(Step::Item(index.ok_or(ValuesError::Path)?));
            }
            ',' | '=' | '{' | '}' => return Err(ValuesError::Several),
            character => key.push(character),
        }
    }
    steps.extend((!key.is_empty()).then_some(Step::Key(key)));
    if matches!(steps.first(), Some(Step::Key(_))) { Ok(steps) } else { Err(ValuesError::Path) }
}

fn place(at: &mut Value, steps: &[Step], value: Value) -> Result<(), ValuesError> {
    let Some((step, rest)) = steps.split_first() else {
        *at = value;
        return Ok(());
    };
    let inner = match (step, at) {
        (Step::Key(key), Value::Object(map)) => map.entry(key).or_insert(Value::Null),
        (Step::Item(index), Value::Array(items)) => {
            if items.len() <= *index {
                items.resize(index + 1, Value::Null);
            }
            &mut items[*index]
        }
        (Step::Key(key), at) if at.is_null() => {
            *at = Value::Object(Map::new());
            let Value::Object(map) = at else { return Err(ValuesError::Path) };
            map.entry(key).or_insert(Value::Null)
        }
        (Step::Item(index), at) if at.is_null() => {
            *at = Value::Array(vec![Value::Null; index + 1]);
            let Value::Array(items) = at else { return Err(ValuesError::Path) };
            &mut items[*index]
        }
        _ => return Err(ValuesError::Path),
    };
    place(inner, rest, value)
}

/// A value as `--set` types it (`typedVal` in helm's `pkg/strvals/parser.go`).
fn scalar(text: &str, is_text: bool) -> Result<Value, ValuesError> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match character {
            '\\' => plain.extend(rest.next()),
            ',' => return Err(ValuesError::Several),
            '{' if plain.is_empty() => return Err(ValuesError::Several),
            character => plain.push(character),
        }
    }
    if is_text {
        return Ok(plain.into());
    }
    Ok(match plain.to_lowercase().as_str() {
        "true" => true.into(),
        "false" => false.into(),
        "null" => Value::Null,
        "0" => 0.into(),
        _ => match plain.parse::<i64>() {
            Ok(number) if !plain.starts_with('0') => number.into(),
            _ => plain.into(),
        },
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{ValuesError, merge, read, set};

    #[test]
    fn values_are_merged_as_helm_does() {
        let mut values = read("a: {b: 1, c: [1, 2]}\nd: x\n").expect("values");
        merge(&mut values, read("a: {c: [3], e: null}\nd: {f: 1}\n").expect("values"));
        assert_eq!(Value::Object(values), json!({"a": {"b": 1, "c": [3], "e": null}, "d": {"f": 1}}));
        assert_eq!(read("").expect("none"), serde_json::Map::new());
        assert_eq!(read("[1]"), Err(ValuesError::NoMapping));
        assert!(matches!(read("a: ["), Err(ValuesError::Yaml(_))));
    }

    #[test]
    fn single_values_are_typed_and_placed_as_helm_does() {
        for (path, value, expected) in [
            ("a.b", "1", json!({"a": {"x": 0, "b": 1}})),
            ("a.x", "true", json!({"a": {"x": true}})),
            ("a.x", "'true'", json!({"a": {"x": "true"}})),
            ("a.x", "\"12\"", json!({"a": {"x": "12"}})),
            ("a.x", "null", json!({"a": {"x": null}})),
            ("a.x", "012", json!({"a": {"x": "012"}})),
            ("a.x", "1.5", json!({"a": {"x": "1.5"}})),
            ("a.x", r"b\,c", json!({"a": {"x": "b,c"}})),
            (r"a\.b", "c", json!({"a": {"x": 0}, "a.b": "c"})),
            ("l[1].n", "v", json!({"a": {"x": 0}, "l": [null, {"n": "v"}]})),
        ] {
            let mut values = read("a: {x: 0}").expect("values");
            set(&mut values, path, value).expect("it is set");
            assert_eq!(Value::Object(values), expected, "{path}={value}");
        }
        for (path, value, expected) in [
            ("a", "1,b=2", ValuesError::Several),
            ("a", "{1,2}", ValuesError::Several),
            ("a,b", "1", ValuesError::Several),
            ("a.x.y", "1", ValuesError::Path),
            ("a[0]", "1", ValuesError::Path),
            ("l[99999999999]", "1", ValuesError::Path),
            ("", "1", ValuesError::Path),
        ] {
            let mut values = read("a: {x: 0}").expect("values");
            assert_eq!(set(&mut values, path, value), Err(expected), "{path}={value}");
        }
    }
}
