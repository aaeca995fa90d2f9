//! What a field is: its type, list type and keys, format and default; read from OpenAPI v3, CRDs or the built-in copy.
//!
//! Pure: bytes in, types out. A field that no schema knows is [`Shape::Unknown`] and is compared structurally.

mod defaults;
mod duration;
mod field;
mod field_map;
mod immutable;
mod lookup;
mod openapi;
mod pod;
mod pointer_fields;
mod quantity;
mod transition_rule;
mod workload;

#[cfg(test)]
mod tests;
mod zero;

pub use defaults::{fill, without_defaults};
pub use duration::same_duration;
pub use field::{Field, ListType, Scalar, Shape};
pub use immutable::immutable_part;
pub use openapi::{Schema, SchemaError};
pub use quantity::{rounds_to, same_quantity};
