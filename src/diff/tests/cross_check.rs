//! The comparison as the tests call it: its two ways, with a tree of the live object and without, never disagree.

use std::marker::PhantomData;

use serde::de::IgnoredAny;
use serde_json::Value;

use crate::diff::{self, FastEqual};
use crate::model::{ChangeKind, Desired, Difference};
use crate::schema::Schema;

/// As [`diff::compare`]; holds [`is_same`] against it.
pub(super) fn compare(desired: &Desired, live: &Value, schema: &Schema) -> Vec<Difference> {
    let differences = diff::compare(desired, live, schema);
    if let Some(same) = same(desired, live, schema) {
        let mut others = differences.iter().filter(|difference| !is_server_set(difference));
        let other = others.next();
        assert_eq!(other, None, "is_same says that there is none\n{}\n{live}", *desired.value);
        assert!(same.server_set || differences.is_empty(), "{differences:?}\n{}\n{live}", *desired.value);
    }
    differences
}

fn is_server_set(difference: &Difference) -> bool {
    difference.kind == ChangeKind::Added && difference.server_set
}

/// Whether the object, as text, is taken for what is declared, without anything that the server set.
pub(super) fn is_same(desired: &Desired, live: &Value, schema: &Schema) -> bool {
    same(desired, live, schema).is_some_and(|same| !same.server_set)
}

pub(super) fn same(desired: &Desired, live: &Value, schema: &Schema) -> Option<FastEqual<IgnoredAny>> {
    diff::fast_equal(desired, &live.to_string(), schema, PhantomData::<IgnoredAny>)
}
