//! What the server puts into fields that a manifest leaves out.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::zero::is_zero;
use super::{Field, Shape, workload};

type Table = HashMap<String, Map<String, Value>>;

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table: serde_yaml::Value = serde_yaml::from_str(include_str!("defaults.yaml"))
        .expect("the embedded table is valid; a test reads it");
    table.apply_merge().expect("the embedded table's merge keys are valid; a test reads it");
    serde_yaml::from_value(table).expect("the embedded table is valid; a test reads it")
});

/// Puts into `value` what the server would: defaults of the built-in kinds (`defaults.yaml`, `workload.rs`), and of
/// the schema itself (custom resources, and the few that OpenAPI names for built-in ones).
///
/// `field` is the place of `value`. What a manifest declares is never changed.
pub fn fill(field: Field<'_>, value: &mut Value) {
    DefaultFiller { defaults: MOST_DEFAULTS }.below(field, value, MOST_LEVELS);
}

/// Levels that are filled: more than any object has, which is read with at most 128. A schema whose defaults lead back to
/// themselves has no end.
const MOST_LEVELS: usize = 160;
/// Defaults of the schema itself that are put into one object: more than one of the size that a server takes can need.
const MOST_DEFAULTS: usize = 50_000;

/// The work on one object.
struct DefaultFiller {
    /// Defaults of the schema that may still be put in.
    defaults: usize,
}

impl DefaultFiller {
    fn below(&mut self, field: Field<'_>, value: &mut Value, levels: usize) {
        match value {
            _ if levels == 0 => {}
            Value::Object(map) => {
                self.map(field, map);
                if !matches!(field.shape(), Shape::Unknown) {
                    // A scalar has nothing below it.
                    let inner = map.iter_mut().filter(|(_, inner)| inner.is_object() || inner.is_array());
                    inner.for_each(|(key, inner)| self.below(field.field(key), inner, levels - 1));
                }
            }
            Value::Array(items) => {
                let inner = field.items();
                items.iter_mut().for_each(|item| self.below(inner, item, levels - 1));
            }
            _ => {}
        }
    }

    /// Puts into one map what belongs there, and nothing into what is below.
    fn map(&mut self, field: Field<'_>, map: &mut Map<String, Value>) {
        let name = field.built_in_name();
        let unset = if name.is_some() { take_unset(field, map) } else { Map::new() };
        if let Some(name) = name {
            for (key, default) in TABLE.get(name).into_iter().flatten() {
                map.entry(key.as_str()).or_insert_with(|| default.clone());
            }
            if field.is_root_with_spec() {
                map.entry("spec").or_insert_with(|| Value::Object(Map::new()));
            }
            workload::fill(name, map);
        }
        for (key, default) in field.defaulted_fields() {
            if self.defaults > 0 && !map.contains_key(key) {
                self.defaults -= 1;
                map.insert(key.to_owned(), default.clone());
            }
        }
        for (key, value) in unset {
            map.entry(key).or_insert(value);
        }
    }
}

/// Takes out what Go cannot tell from a field that was left out: 0, false and `""` where the field is no pointer, and
/// empty lists and maps. A default replaces them.
fn take_unset(field: Field<'_>, map: &mut Map<String, Value>) -> Map<String, Value> {
    let is_unset = |key: &str, value: &Value| {
        if !is_zero(value) {
            return false;
        }
        let field = field.field(key);
        match field.shape() {
            Shape::Scalar(_) => !field.keeps_zero(),
            Shape::List(_) | Shape::Map => true,
            Shape::Object | Shape::Unknown => false,
        }
    };
    let keys: Vec<String> =
        map.iter().filter(|(key, value)| is_unset(key, value)).map(|(key, _)| key.clone()).collect();
    keys.into_iter().filter_map(|key| map.remove_entry(&key)).collect()
}

/// `value` without what the server would put there by itself: what a person would write down.
#[must_use]
pub fn without_defaults(field: Field<'_>, value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept =
                map.iter().map(|(key, inner)| (key.clone(), without_defaults(field.field(key), inner)));
            let mut kept: Map<String, Value> = kept.collect();
            for key in map.keys() {
                let Some(inner) = kept.remove(key) else { continue };
                let mut filled = Value::Object(kept.clone());
                fill(field, &mut filled);
                let mut full = inner.clone();
                fill(field.field(key), &mut full);
                let by_itself = filled.get(key).is_some_and(|by_itself| *by_itself == full);
                if !by_itself {
                    kept.insert(key.clone(), inner);
                }
            }
            Value::Object(kept)
        }
        Value::Array(items) => {
            let inner = field.items();
            Value::Array(items.iter().map(|item| without_defaults(inner, item)).collect())
        }
        other => other.clone(),
    }
}
