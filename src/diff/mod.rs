//! Pure comparison of desired and live by schema: no I/O, no attribution.
//!
//! Reported is every field that Git declares and live has otherwise or lacks, and every field that only live has and
//! whose value the server would not have put there. Values of Secrets end here: what leaves this module says that a
//! value differs, never the value, its length or a hash of it.

mod derived;
mod equal;
mod lists;
mod normalise;
mod server_set;
pub mod verify;
mod walk;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod untouched;

use serde_json::Value;

use crate::model::{Desired, Difference, is_secret, is_secret_value};
use crate::schema::Schema;

pub use normalise::declared;

/// Every difference of one object, sorted by path. `live` was read at the desired object's version.
#[must_use]
pub fn compare(desired: &Desired, live: &Value, schema: &Schema) -> Vec<Difference> {
    let root = schema.kind(&desired.id.group, &desired.id.version, &desired.id.kind);
    let declared = declared(&desired.value);
    let mut filled = declared.clone();
    crate::schema::fill(root, &mut filled);
    let mut walk = walk::Walk::new(desired, &declared);
    walk.object(root, &declared, &filled, live);
    let mut differences = walk.finish();
    if desired.value.get("sops").is_some_and(Value::is_object) {
        differences.iter_mut().for_each(mask_whole);
    } else if is_secret(&desired.id) {
        differences.iter_mut().for_each(mask);
    }
    differences.sort_by_cached_key(|difference| difference.path.to_string());
    derived::leave_out(root, live, &mut differences);
    differences
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
