//! Values that the server derived from another live value.

use serde_json::Value;

use crate::model::{ChangeKind, Difference};
use crate::schema::{Field, Shape, fill};

/// Leaves out every value that only live has and that is the default following from the rest of the live object: a
/// Service that a person made a NodePort has got its `externalTrafficPolicy` from the server, and only the type was
/// changed by hand.
///
/// What has been left out stays out of the rest: of two fields that follow from each other (`serviceAccount` and
/// `serviceAccountName`) one is left.
pub(super) fn drop_derived(root: Field<'_>, live: &Value, differences: &mut Vec<Difference>) {
    // A map with free keys has no defaults: what was added to it was added by somebody.
    let free = |difference: &Difference| {
        let steps = difference.path.elements();
        let parent = root.descend(&steps[..steps.len().saturating_sub(1)]);
        matches!(parent.shape(), Shape::Map | Shape::Unknown)
    };
    let candidate = |difference: &Difference| {
        difference.kind == ChangeKind::Added && !difference.server_set && !free(difference)
    };
    if !differences.iter().any(candidate) {
        return;
    }
    let mut rest = live.clone();
    differences.retain(|difference| {
        if !candidate(difference) {
            return true;
        }
        let Some(without) = without(&rest, &difference.pointer) else { return true };
        let mut filled = without.clone();
        fill(root, &mut filled);
        let derived = filled.pointer(&difference.pointer) == rest.pointer(&difference.pointer);
        if derived {
            rest = without;
        }
        !derived
    });
}

/// The value without the field that an RFC 6901 pointer names; items of lists have no defaults of their own.
fn without(value: &Value, pointer: &str) -> Option<Value> {
    let (parent, last) = pointer.rsplit_once('/')?;
    let key = last.replace("~1", "/").replace("~0", "~");
    let mut without = value.clone();
    without.pointer_mut(parent)?.as_object_mut()?.remove(&key)?;
    Some(without)
}
