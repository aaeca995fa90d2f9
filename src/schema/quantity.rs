//! Quantities by value (apimachinery `pkg/api/resource/quantity.go`).

use serde_json::Value;

/// Whether two values are the same quantity: numbers or strings such as `0.5`, `500m`, `1Gi`, `1e3`.
/// What is not a quantity is compared as it stands.
#[must_use]
pub fn same_quantity(left: &Value, right: &Value) -> bool {
    match (parse(left), parse(right)) {
        (Some(left), Some(right)) => left.same(right),
        _ => left == right,
    }
}

/// Whether the server stores `written` as `stored` in a list of resources: it rounds up to thousandths
/// (`SetDefaults_ResourceList` in pkg/apis/core/v1/defaults.go).
#[must_use]
pub fn rounds_to(written: &Value, stored: &Value) -> bool {
    let rounded = parse(written).and_then(Quantity::rounded_up);
    matches!((rounded, parse(stored)), (Some(rounded), Some(stored)) if rounded.same(stored))
}

/// `mantissa * 10^tens * 2^twos`.
#[derive(Clone, Copy)]
struct Quantity {
    mantissa: i128,
    tens: i32,
    twos: i32,
}

impl Quantity {
    fn same(self, other: Self) -> bool {
        match (self.normal(other), other.normal(self)) {
            (Some(left), Some(right)) => left == right,
            _ => false,
        }
    }

    /// The next thousandth; none where it is one already, or below zero.
    fn rounded_up(self) -> Option<Self> {
        let finer = u32::try_from(-3 - self.tens).ok().filter(|finer| *finer > 0 && self.mantissa > 0)?;
        let twos = u32::try_from(self.twos).ok()?;
        let (value, unit) =
            (self.mantissa.checked_mul(2_i128.checked_pow(twos)?)?, 10_i128.checked_pow(finer)?);
        let mantissa = value / unit + i128::from(value % unit != 0);
        Some(Self { mantissa, tens: -3, twos: 0 })
    }

    /// The value as a whole number at the smaller of both scales.
    fn normal(self, other: Self) -> Option<i128> {
        if self.mantissa == 0 {
            return Some(0);
        }
        let tens = u32::try_from(self.tens - self.tens.min(other.tens)).ok()?;
        let twos = u32::try_from(self.twos - self.twos.min(other.twos)).ok()?;
        self.mantissa.checked_mul(10_i128.checked_pow(tens)?)?.checked_mul(2_i128.checked_pow(twos)?)
    }
}

fn parse(value: &Value) -> Option<Quantity> {
    match value {
        Value::String(text) => parse_text(text),
        Value::Number(number) => parse_text(&number.to_string()),
        _ => None,
    }
}

fn parse_text(text: &str) -> Option<Quantity> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let end = rest.find(|other: char| !other.is_ascii_digit() && other != '.').unwrap_or(rest.len());
    let (number, suffix) = rest.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || number.len() > 36 {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let mantissa: i128 = format!("0{whole}{fraction}").parse().ok()?;
    let (tens, twos) = scale(suffix)?;
    let tens = tens - i32::try_from(fraction.len()).ok()?;
    Some(Quantity { mantissa: if negative { -mantissa } else { mantissa }, tens, twos })
}

/// Powers of ten and of two of a suffix.
fn scale(suffix: &str) -> Option<(i32, i32)> {
    Some(match suffix {
        "" => (0, 0),
        "n" => (-9, 0),
        "u" => (-6, 0),
        "m" => (-3, 0),
        "k" => (3, 0),
        "M" => (6, 0),
        "G" => (9, 0),
        "T" => (12, 0),
        "P" => (15, 0),
        "E" => (18, 0),
        "Ki" => (0, 10),
        "Mi" => (0, 20),
        "Gi" => (0, 30),
        "Ti" => (0, 40),
        "Pi" => (0, 50),
        "Ei" => (0, 60),
        _ => {
            let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            (-30..=30).contains(&exponent).then_some((exponent, 0))?
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{rounds_to, same_quantity};

    #[test]
    fn quantities_are_equal_by_value() {
        for (left, right) in [
            (json!("0.5"), json!("500m")),
            (json!("1000m"), json!("1")),
            (json!(1), json!("1")),
            (json!("0.5Gi"), json!("512Mi")),
            (json!("1.5Gi"), json!("1536Mi")),
            (json!("1e3"), json!("1k")),
            (json!("1E"), json!("1e18")),
            (json!("0"), json!("0Gi")),
            (json!("100M"), json!("0.1G")),
            (json!("9223372036854775807"), json!(9_223_372_036_854_775_807_i64)),
            (json!("1024"), json!("1Ki")),
            (json!("+2"), json!("2.000")),
        ] {
            assert!(same_quantity(&left, &right), "{left} {right}");
        }
    }

    #[test]
    fn a_list_of_resources_is_rounded_up_to_thousandths() {
        for (written, stored, rounds) in [
            (json!(0.0005), json!("1m"), true),
            (json!("1500u"), json!("2m"), true),
            (json!("0.0001Ki"), json!("103m"), true),
            (json!("1n"), json!("1m"), true),
            (json!("1500u"), json!("1m"), false),
            (json!("1.5"), json!("2"), false),
            (json!("1m"), json!("1m"), false),
            (json!("-1u"), json!("0"), false),
            (json!("99999999999999999999999999999999999u"), json!("1"), false),
        ] {
            assert_eq!(rounds_to(&written, &stored), rounds, "{written} {stored}");
        }
    }

    #[test]
    fn what_differs_or_is_no_quantity_is_not_equal() {
        for (left, right) in [
            (json!("1"), json!("1m")),
            (json!("1G"), json!("1Gi")),
            (json!("-1"), json!("1")),
            (json!("one"), json!("One")),
            (json!("1.2.3"), json!("1.23")),
            (json!(""), json!("0")),
            (json!("99999999999999999999999999999999999999999999"), json!("1")),
            (json!("1e300"), json!("1e301")),
        ] {
            assert!(!same_quantity(&left, &right), "{left} {right}");
        }
    }
}
