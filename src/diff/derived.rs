//! Values that the server derived from another live value.

use serde_json::Value;

use crate::model::{ChangeKind, Difference};
use crate::schema::{Field, fill};

/// Whether a value that only live has is the default that follows from the rest of the live object: a Service that a
/// person made a NodePort has got its `externalTrafficPolicy` from the server, and only the type was changed by hand.
pub(super) fn from_live(root: Field<'_>, live: &Value, difference: &Difference) -> bool {
    if difference.kind != ChangeKind::Added || difference.server_set {
        return false;
    }
    let mut without = live.clone();
    let taken = take(&mut without, &difference.pointer);
    if taken.is_none() {
        return false;
    }
    fill(root, &mut without);
    without.pointer(&difference.pointer) == taken.as_ref()
}

/// Takes the field that an RFC 6901 pointer names out of its map; items of lists have no defaults of their own.
fn take(value: &mut Value, pointer: &str) -> Option<Value> {
    let (parent, last) = pointer.rsplit_once('/')?;
    let key = last.replace("~1", "/").replace("~0", "~");
    value.pointer_mut(parent)?.as_object_mut()?.remove(&key)
}
