//! The JSON Schema of `drift.yaml`, made from the types.

#![expect(clippy::disallowed_methods, reason = "one variable asks for the file to be written")]

use schemars::Schema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::Config;

/// A manager that is trusted in fields says why.
pub(super) fn needs_reason_with_fields(schema: &mut Schema) {
    let with_fields = json!({"required": ["fields"], "properties": {"fields": {"minItems": 1}}});
    let with_reason =
        json!({"required": ["reason"], "properties": {"reason": {"type": "string", "pattern": r"\S"}}});
    let _ = schema.insert("if".to_owned(), with_fields);
    let _ = schema.insert("then".to_owned(), with_reason);
}

/// A rule that names neither would cover everything.
pub(super) fn names_field_or_resource(schema: &mut Schema) {
    let field = json!({"required": ["field"]});
    let resource = json!({"required": ["resource"], "properties": {"resource": {"minProperties": 1}}});
    let _ = schema.insert("anyOf".to_owned(), json!([field, resource]));
}

/// Without what tells a person nothing: absent and empty defaults, and the width of an integer.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.retain(|key, value| {
                let is_empty = *value == Value::Null || *value == json!([]) || *value == json!({});
                !(key == "default" && is_empty || key == "format" && *value == "uint32")
            });
            map.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// The schema. Types are written where they are used: their names are ours, and may change.
fn schema() -> String {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Config>().to_value();
    tidy(&mut schema);
    schema["$id"] = json!("https://raw.githubusercontent.com/drift/drift/main/deploy/config-v1.schema.json");
    schema["title"] = json!("drift.yaml");
    schema["description"] = json!("The configuration of drift, at the root of a repository.");
    let mut text = serde_json::to_string_pretty(&schema).expect("a value can be written");
    text.push('\n');
    text
}

#[test]
fn shipped_schema_is_made_from_the_types() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/config-v1.schema.json");
    let made = schema();
    if std::env::var_os("DRIFT_TEST_UPDATE").is_some() {
        std::fs::write(file, &made).expect("the file can be written");
    }
    let shipped = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        shipped == made,
        "{file} is out of date: DRIFT_TEST_UPDATE=1 cargo test --lib config:: writes it"
    );
}
