//! Pure comparison of desired and live by schema: no I/O, no attribution.
//!
//! Reported is every field that Git declares and live has otherwise or lacks, and every field that only live has and
//! whose value the server would not have put there. Values of Secrets end here: what leaves this module says that a
//! value differs, never the value, its length or a hash of it.

mod derived;
mod equal;
mod lists;
mod normalise;
mod same;
mod server_set;
mod twins;
mod unknown;
pub mod verify;
mod walk;

#[cfg(test)]
mod held;
#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
mod untouched;

use std::cell::RefCell;

use serde::de::DeserializeSeed;
use serde_json::Value;

use crate::model::{Desired, Difference, FieldPath, holds_cipher, is_secret, is_secret_value};
use crate::schema::{Field, Schema};
use normalise::Level;

pub use normalise::declared;
pub use same::Same;
pub use server_set::is_server_set;
pub use unknown::{UnknownField, unknown_fields};

/// Every difference of one object, sorted by path. `live` was read at the desired object's version.
#[must_use]
pub fn compare(desired: &Desired, live: &Value, schema: &Schema) -> Vec<Difference> {
    let root = schema.kind(&desired.id.group, &desired.id.version, &desired.id.kind);
    let level = level_of(desired, &desired.value, schema);
    let declared = normalise::declared_by(root, level, &desired.value);
    let filled = filled(root, &desired.value, &declared);
    let mut walk = walk::Walk::new(desired, &declared, level);
    walk.object(root, &declared, &filled, live);
    let mut differences = walk.finish();
    if !differences.is_empty() && !desired.id.is_built_in() {
        of_stored_versions(desired, live, (schema, level), (&declared, &filled), &mut differences);
    }
    if desired.value.get("sops").is_some_and(Value::is_object) {
        differences.iter_mut().for_each(mask_whole);
    } else if is_secret(&desired.id) {
        differences.iter_mut().for_each(mask);
    } else {
        let encrypted = |d: &&mut Difference| d.desired.as_ref().is_some_and(holds_cipher);
        differences.iter_mut().filter(encrypted).for_each(mask_whole);
    }
    differences.sort_by_cached_key(|difference| difference.path.to_string());
    derived::leave_out(root, live, &mut differences);
    differences
}

/// Whether two declarations of one object say the same: with what the server puts beside it, neither has anything that
/// the other lacks or has otherwise. Of two versions nobody but the server can tell.
#[must_use]
pub fn says_the_same(one: &Desired, other: &Desired, schema: &Schema) -> bool {
    let root = schema.kind(&one.id.group, &one.id.version, &one.id.kind);
    let live = |object: &Desired| {
        let level = level_of(object, &object.value, schema);
        filled(root, &object.value, &normalise::declared_by(root, level, &object.value))
    };
    one.id.version == other.id.version
        && compare(one, &live(other), schema).is_empty()
        && compare(other, &live(one), schema).is_empty()
}

/// Whether [`compare`] would find no difference in a live object that is still text, but for such as only live has and the
/// server set: then there is no need to make a tree of it. `managed` reads its `managedFields`; `None` says nothing, and
/// is given for every object that is being deleted, and for those that SOPS encrypts.
pub fn is_same<'t, S: DeserializeSeed<'t>>(
    desired: &Desired,
    live: &'t str,
    schema: &Schema,
    managed: S,
) -> Option<Same<S::Value>> {
    let root = schema.kind(&desired.id.group, &desired.id.version, &desired.id.kind);
    let mut filled = desired.value.fresh();
    if filled.get("sops").is_some() {
        return None;
    }
    let level = level_of(desired, &filled, schema);
    if normalise::is_turned_over(&filled) {
        filled = normalise::normalised(&filled, Some(root), level);
    }
    crate::schema::fill(root, &mut filled);
    let server_set = RefCell::new(Vec::new());
    let judge = |steps: &[Option<&str>], value: &Value| {
        let mut walk = walk::Walk::of_live(desired, &filled);
        walk.live_only(root, steps, value)?;
        let found = walk.finish();
        let is_set = found.iter().all(|difference| difference.server_set).then_some(!found.is_empty());
        server_set.borrow_mut().extend(found);
        is_set
    };
    let same = same::same(&filled, level, (live, managed), &judge)?;
    Some(Same { differences: server_set.take(), ..same })
}

/// What is declared, with what the server puts beside it.
fn filled(root: Field<'_>, git: &Value, declared: &Value) -> Value {
    let mut filled = declared.clone();
    crate::schema::fill(root, &mut filled);
    if root.built_in_name().is_none() && normalise::has_null(git) {
        normalise::fill_null_keys(root, git, &mut filled);
    }
    filled
}

/// How much of the object is compared. A status is data where Git declares it and the kind has no subresource for it: then
/// whoever applies the object writes it.
fn level_of(desired: &Desired, git: &Value, schema: &Schema) -> Level {
    let id = &desired.id;
    let is_data = git.get("status").is_some()
        && !id.is_built_in()
        && schema.has_status_as_data(&id.group, &id.version, &id.kind);
    if is_data { Level::WithStatus } else { Level::Object }
}

/// Marks what the server put into a custom resource by the defaults of the version at which it stores the kind: it fills
/// those of the request's version, then, whenever it reads its storage, those of the stored one
/// (apiextensions-apiserver `pkg/apiserver/customresource_handler.go`). Which version that is, OpenAPI does not tell.
fn of_stored_versions(
    desired: &Desired,
    live: &Value,
    (schema, level): (&Schema, Level),
    (declared, filled): (&Value, &Value),
    differences: &mut [Difference],
) {
    let (group, version, kind) = (&desired.id.group, &desired.id.version, &desired.id.kind);
    let root = schema.kind(group, version, kind);
    for other in schema.other_versions(group, version, kind) {
        let mut stored = filled.clone();
        crate::schema::fill(other, &mut stored);
        let mut walk = walk::Walk::new(desired, declared, level);
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
