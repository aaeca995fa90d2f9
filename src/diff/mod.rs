//! Pure comparison of desired and live by schema: no I/O, no attribution.
//!
//! Reports every field that Git declares and that differs or is missing live, and every field that only live has and
//! whose value the server would not have put there. Values of Secrets end here: what leaves this module says that a
//! value differs, never the value, its length or a hash of it.

mod derived;
mod duplicate_keys;
mod equal;
mod fast_equal;
mod lists;
mod normalise;
mod server_set;
mod unknown;
pub mod verify;
mod walk;

#[cfg(test)]
pub(crate) mod tests;

use std::cell::RefCell;

use serde::de::DeserializeSeed;
use serde_json::Value;

use crate::model::{Desired, Difference, FieldPath, contains_ciphertext, is_secret, is_secret_value};
use crate::schema::{Field, Schema};
use normalise::MetadataLevel;

pub use fast_equal::FastEqual;
pub use normalise::normalise_declared;
pub use server_set::is_server_set;
pub use unknown::{UnknownField, unknown_fields};

/// Every difference of one object, sorted by path. `live` was read at the desired object's version.
#[must_use]
pub fn compare(desired: &Desired, live: &Value, schema: &Schema) -> Vec<Difference> {
    let root = schema.kind(&desired.id.group, &desired.id.version, &desired.id.kind);
    let level = metadata_level(desired, &desired.value, schema);
    let declared = normalise::normalise_declared_by(root, level, &desired.value);
    let filled = with_server_defaults(root, &desired.value, &declared);
    let mut walk = walk::Comparer::new(desired, &declared, level);
    walk.object(root, &declared, &filled, live);
    let mut differences = walk.finish();
    if !differences.is_empty() && !desired.id.is_built_in() {
        mark_stored_version_defaults(desired, live, (schema, level), (&declared, &filled), &mut differences);
    }
    if desired.value.get("sops").is_some_and(Value::is_object) {
        differences.iter_mut().for_each(mask_whole);
    } else if is_secret(&desired.id) {
        differences.iter_mut().for_each(mask);
    } else {
        let encrypted = |d: &&mut Difference| d.desired.as_ref().is_some_and(contains_ciphertext);
        differences.iter_mut().filter(encrypted).for_each(mask_whole);
    }
    differences.sort_by_cached_key(|difference| difference.path.to_string());
    derived::drop_derived(root, live, &mut differences);
    differences
}

/// Whether two declarations of one object are equivalent: with server defaults, neither has anything that
/// the other does not. False for two different API versions.
#[must_use]
pub fn is_equivalent(one: &Desired, other: &Desired, schema: &Schema) -> bool {
    let root = schema.kind(&one.id.group, &one.id.version, &one.id.kind);
    let live = |object: &Desired| {
        let level = metadata_level(object, &object.value, schema);
        with_server_defaults(
            root,
            &object.value,
            &normalise::normalise_declared_by(root, level, &object.value),
        )
    };
    one.id.version == other.id.version
        && compare(one, &live(other), schema).is_empty()
        && compare(other, &live(one), schema).is_empty()
}

/// `Some` if [`compare`] would report nothing (apart from server-set values) for a live object in text form;
/// `None` means run [`compare`]. `managed` reads its `managedFields`; the result
/// is always `None` for objects that are being deleted or encrypted by SOPS.
pub fn fast_equal<'t, S: DeserializeSeed<'t>>(
    desired: &Desired,
    live: &'t str,
    schema: &Schema,
    managed: S,
) -> Option<FastEqual<S::Value>> {
    let root = schema.kind(&desired.id.group, &desired.id.version, &desired.id.kind);
    let mut filled = desired.value.compute();
    if filled.get("sops").is_some() {
        return None;
    }
    let level = metadata_level(desired, &filled, schema);
    if normalise::needs_normalising(&filled) {
        filled = normalise::normalise(&filled, Some(root), level);
    }
    crate::schema::fill(root, &mut filled);
    let server_set = RefCell::new(Vec::new());
    let judge = |steps: &[Option<&str>], value: &Value| {
        let mut walk = walk::Comparer::for_live(desired, &filled);
        walk.compare_live_only(root, steps, value)?;
        let found = walk.finish();
        let is_set = found.iter().all(|difference| difference.server_set).then_some(!found.is_empty());
        server_set.borrow_mut().extend(found);
        is_set
    };
    let same = fast_equal::compare_text(&filled, level, (live, managed), &judge)?;
    Some(FastEqual { differences: server_set.take(), ..same })
}

/// The declared object with server defaults.
fn with_server_defaults(root: Field<'_>, git: &Value, declared: &Value) -> Value {
    let mut filled = declared.clone();
    crate::schema::fill(root, &mut filled);
    if root.built_in_name().is_none() && normalise::has_null(git) {
        normalise::fill_null_keys(root, git, &mut filled);
    }
    filled
}

/// How much of the object is compared. A status is data where Git declares it and the kind has no subresource for it: then
/// whoever applies the object writes it.
fn metadata_level(desired: &Desired, git: &Value, schema: &Schema) -> MetadataLevel {
    let id = &desired.id;
    let is_data = git.get("status").is_some()
        && !id.is_built_in()
        && schema.has_status_as_data(&id.group, &id.version, &id.kind);
    if is_data { MetadataLevel::WithStatus } else { MetadataLevel::Object }
}

/// Marks what the server put into a custom resource by the defaults of the version at which it stores the kind: it fills
/// those of the request's version, then, whenever it reads its storage, those of the stored one
/// (apiextensions-apiserver `pkg/apiserver/customresource_handler.go`). Which version that is, OpenAPI does not tell.
fn mark_stored_version_defaults(
    desired: &Desired,
    live: &Value,
    (schema, level): (&Schema, MetadataLevel),
    (declared, filled): (&Value, &Value),
    differences: &mut [Difference],
) {
    let (group, version, kind) = (&desired.id.group, &desired.id.version, &desired.id.kind);
    let root = schema.kind(group, version, kind);
    for other in schema.other_versions(group, version, kind) {
        let mut stored = filled.clone();
        crate::schema::fill(other, &mut stored);
        let mut walk = walk::Comparer::new(desired, declared, level);
        walk.object(root, declared, &stored, live);
        let left: Vec<FieldPath> = walk.finish().into_iter().map(|difference| difference.path).collect();
        for difference in differences.iter_mut().filter(|difference| !left.contains(&difference.path)) {
            difference.server_set = true;
        }
    }
}

/// Takes the values out of a difference of a Secret, where they are secret.
fn mask(difference: &mut Difference) {
    if is_secret_value(&difference.path) {
        mask_whole(difference);
    }
}

/// Takes the values out of a difference.
fn mask_whole(difference: &mut Difference) {
    difference.masked = true;
    difference.desired = None;
    difference.live = None;
    difference.default = None;
}
