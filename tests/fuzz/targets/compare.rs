//! Two objects of anybody's making, a line each: the comparison bears them, an object is the same as itself, and the
//! reader of texts never calls the same what the comparison tells apart.
#![no_main]

use drift::model::{Desired, Later, Origin, ResourceId};
use drift::schema::Schema;
use serde_json::Value;

fn desired(value: Value) -> Option<Desired> {
    Some(Desired {
        id: ResourceId::of(&value).ok()?,
        value: value.into(),
        origin: Origin { source: ".".to_owned(), file: "x.yaml".to_owned(), place: None },
        fields: Later::default(),
        document: None,
        notes: Vec::new(),
        unstable: Vec::new(),
        optional: None,
    })
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Some((git, live)) = text.split_once('\n') else { return };
    let (Ok(git), Ok(value)) = (serde_json::from_str::<Value>(git), serde_json::from_str::<Value>(live)) else {
        return;
    };
    let Some(object) = desired(git) else { return };
    let schema = Schema::built_in();
    let found = drift::diff::compare(&object, &value, schema);
    let same = drift::diff::is_same(&object, live, schema, drift::cluster::Writers);
    if same.is_some_and(|same| same.differences.is_empty()) {
        assert!(found.iter().all(|difference| difference.server_set), "{found:?}");
    }
});
