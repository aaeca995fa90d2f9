//! The built-in schema holds every list type of Kubernetes.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::schema::{Field, ListType, Schema, Shape};

/// What a line of the table says of one field.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Wanted {
    Kind(String),
    Keys(Vec<String>),
}

type Table = BTreeMap<String, BTreeMap<String, Wanted>>;

fn table() -> Table {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/schema/list-types.yaml");
    let text = std::fs::read_to_string(file).expect("the table is there");
    serde_yaml::from_str(&text).expect("the table is valid")
}

fn is(field: Field<'_>, wanted: &Wanted) -> bool {
    match (wanted, field.shape()) {
        (Wanted::Kind(kind), _) if kind == "atomic-map" => field.is_atomic_map(),
        (Wanted::Kind(kind), Shape::List(ListType::Atomic)) => kind == "atomic",
        (Wanted::Kind(kind), Shape::List(ListType::Set)) => kind == "set",
        (Wanted::Keys(wanted), Shape::List(ListType::Map(keys))) => *wanted == keys,
        _ => false,
    }
}

#[test]
fn all_kubernetes_list_types_are_known() {
    let schema = Schema::built_in();
    let mut wrong = Vec::new();
    let mut count = 0;
    for (name, fields) in table() {
        let whole = schema.named_field(&name);
        for (field, wanted) in fields {
            let place = if field == "." { whole } else { whole.field(&field) };
            count += 1;
            if !is(place, &wanted) {
                wrong.push(format!("{name} {field}: wanted {wanted:?}, is {:?}", place.shape()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(count, 292, "the table has another length: is it whole?");
}

/// The other way round: nothing is paired, a set or one value that Kubernetes treats otherwise.
#[test]
fn no_list_type_beyond_kubernetes() {
    let (schema, table) = (Schema::built_in(), table());
    let mut wrong = Vec::new();
    for name in schema.type_names() {
        // The table's source holds what can be applied, and the groups of Kubernetes itself only.
        let Some(short) = name.strip_prefix("io.k8s.api.") else { continue };
        let reviewed = short.starts_with("authentication") || short.starts_with("authorization");
        let whole = schema.named_field(short);
        for field in whole.names() {
            let known = table.get(short).is_some_and(|fields| fields.contains_key(field));
            let items_of_a_list = short.ends_with("List") && field == "items";
            if matches!(whole.field(field).shape(), Shape::List(_)) && !known && !reviewed && !items_of_a_list
            {
                wrong.push(format!("{short}.{field}"));
            }
        }
    }
    assert!(wrong.is_empty(), "not in the table: {wrong:?}");
}
