//! The comparison as the tests call it: its two ways, with a tree of the live object and without, never disagree.

use std::marker::PhantomData;

use serde::de::IgnoredAny;
use serde_json::Value;

use crate::model::{Desired, Difference};
use crate::schema::Schema;

/// As [`super::compare`]; holds [`super::is_same`] against it.
pub(super) fn compare(desired: &Desired, live: &Value, schema: &Schema) -> Vec<Difference> {
    let differences = super::compare(desired, live, schema);
    if is_same(desired, live, schema) {
        assert_eq!(differences, [], "is_same says that there are none\n{}\n{live}", *desired.value);
    }
    differences
}

/// Whether the object, as text, is taken for what is declared.
pub(super) fn is_same(desired: &Desired, live: &Value, schema: &Schema) -> bool {
    super::is_same(desired, &live.to_string(), schema, PhantomData::<IgnoredAny>).is_some()
}
