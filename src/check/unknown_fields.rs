//! Warnings for declared fields that the kind does not have: the server drops them.

use super::comparison::ComparisonOutcome;
use super::schemas::Schemas;
use crate::diff::{UnknownField, unknown_fields};
use crate::model::{Desired, Origin};

/// Most fields listed; a generator may repeat a mistake in every object.
const MOST: usize = 100;

/// A warning for each such field of an object that was compared or is missing, with its place in Git.
pub(super) fn unknown_field_warnings(
    desired: &[Desired],
    schemas: &Schemas,
    compared: &ComparisonOutcome,
) -> Vec<String> {
    let mut found = compared.unknown_fields.clone();
    for index in compared.missing.keys() {
        let object = &desired[*index];
        found.insert(
            *index,
            unknown_fields(object, schemas.for_version(&object.id.group, &object.id.version)),
        );
    }
    let all = found.iter().flat_map(|(index, fields)| fields.iter().map(|field| (&desired[*index], field)));
    let mut warnings: Vec<String> = all.map(|(object, field)| warning(object, field)).collect();
    if let Some(more) = warnings.len().checked_sub(MOST).filter(|more| *more > 0) {
        warnings.truncate(MOST);
        warnings.push(format!("{more} more declared fields are unknown to their kind"));
    }
    warnings
}

fn warning(object: &Desired, field: &UnknownField) -> String {
    let place = object.fields.get(&field.pointer).or(object.origin.location);
    let origin = Origin { location: place, ..object.origin.clone() };
    let meant = field.suggestion.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    format!(
        "{}: {} at {origin}: no such field in this version ({}), probably a mistake in Git: the server leaves it out, or \
         refuses the object where it validates strictly{meant}",
        object.id,
        field.path,
        object.id.api_version(),
    )
}
