//! Equality of scalars.

use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};
use serde_json::{Number, Value};

use crate::schema::{Field, Scalar, Shape, rounds_to, same_duration, same_quantity};

/// Go's decoder does not look at the bits behind the last byte: `YR==` is stored as `YQ==`.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Whether two scalars mean the same.
pub(super) fn same_scalar(scalar: Scalar, left: &Value, right: &Value) -> bool {
    if left == right {
        return true;
    }
    match (scalar, left, right) {
        (Scalar::Quantity, ..) => same_quantity(left, right),
        (Scalar::Resource, ..) => rounds_to(left, right),
        (Scalar::Duration, Value::String(left), Value::String(right)) => same_duration(left, right),
        (Scalar::Time, Value::String(left), Value::String(right)) => same_time(left, right),
        (Scalar::Bytes, Value::String(left), Value::String(right)) => same_bytes(left, right),
        (Scalar::Double, Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        (Scalar::Float, Value::Number(left), Value::Number(right)) => single(left) == single(right),
        (_, Value::Number(left), Value::Number(right)) => same_number(left, right),
        _ => false,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "that is what the server holds")]
fn single(number: &Number) -> Option<f32> {
    number.as_f64().map(|number| number as f32)
}

/// `1` equals `1.0`; integers are compared exactly, also with a float.
fn same_number(left: &Number, right: &Number) -> bool {
    match (integer(left), integer(right)) {
        (Some(left), Some(right)) => left == right,
        (None, None) => left.as_f64() == right.as_f64(),
        _ => false,
    }
}

/// The number, where it is a whole one: of a float the digits with which Go writes it, for those are what a server reads.
/// Kubernetes reads what no `int64` holds as a float (`ConvertInterfaceNumbers` in apimachinery `pkg/util/json`, and
/// sigs.k8s.io/json).
pub(super) fn integer(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| {
        let float = number.as_f64()?;
        if float.fract() == 0.0 && float.abs() < 1e30 { float.to_string().parse().ok() } else { None }
    })
}

fn same_time(left: &str, right: &str) -> bool {
    match (left.parse::<jiff::Timestamp>(), right.parse::<jiff::Timestamp>()) {
        (Ok(left), Ok(right)) => left == right,
        _ => false,
    }
}

fn same_bytes(left: &str, right: &str) -> bool {
    let decode = |text: &str| {
        let compact: String = text.chars().filter(|character| !character.is_ascii_whitespace()).collect();
        BASE64.decode(compact).ok()
    };
    match (decode(left), decode(right)) {
        (Some(left), Some(right)) => left == right,
        _ => false,
    }
}

/// `{}`, `[]` and null, and maps that hold nothing else: the server drops them or writes them out.
pub(super) fn is_empty_value(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.values().all(is_empty_value),
        _ => false,
    }
}

/// What Go's `omitempty` leaves out of a built-in kind: `""`, 0 and false where the field is no pointer, and maps that
/// hold nothing else.
pub(super) fn is_omitempty_zero(field: Field<'_>, value: &Value) -> bool {
    if field.is_presence_significant() {
        return value.is_null();
    }
    let zero =
        match value {
            Value::Bool(value) => !value,
            Value::Number(number) => number.as_f64() == Some(0.0),
            Value::String(text) => text.is_empty(),
            Value::Object(map) => {
                let free = matches!(field.shape(), Shape::Map);
                map.iter().all(|(key, inner)| {
                    if free { inner.is_null() } else { is_omitempty_zero(field.field(key), inner) }
                })
            }
            other => is_empty_value(other),
        };
    zero && !field.keeps_zero()
}

/// The same text for the same value: `1` and `1.0`, a null in a map and none.
pub(super) fn canonical_text(value: &Value) -> String {
    match value {
        Value::Number(number) => integer(number).map_or_else(|| value.to_string(), |whole| whole.to_string()),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical_text).collect::<Vec<_>>().join(","))
        }
        Value::Object(map) => {
            let set = map.iter().filter(|(_, inner)| !inner.is_null());
            let entries = set.map(|(key, inner)| format!("{key:?}:{}", canonical_text(inner)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}
