//! Quantities by value (apimachinery `pkg/api/resource/quantity.go`).

use serde_json::Value;

/// Whether two values are the same quantity: numbers or strings such as `0.5`, `500m`, `1Gi`, `1e3`.
/// What is not a quantity is compared as it stands.
#[must_use]
pub fn same_quantity(left: &Value, right: &Value) -> bool {
    same(left, right, NANO)
}

/// Whether the server stores `written` as `stored` in a list of resources: it rounds up to thousandths
/// (`SetDefaults_ResourceList` in pkg/apis/core/v1/defaults.go).
#[must_use]
pub fn rounds_to(written: &Value, stored: &Value) -> bool {
    same(written, stored, MILLI)
}

/// The smallest step of any quantity: parsing rounds up to it.
const NANO: i64 = -9;
/// The smallest step of a resource.
const MILLI: i64 = -3;
/// 2^63 - 1: a quantity with a binary suffix is capped there.
const MOST: &[u8] = &[9, 2, 2, 3, 3, 7, 2, 0, 3, 6, 8, 5, 4, 7, 7, 5, 8, 0, 7];

fn same(left: &Value, right: &Value, finest: i64) -> bool {
    match (parse(left), parse(right)) {
        (Some(left), Some(right)) => left.round_up(finest) == right.round_up(finest),
        (None, None) => left == right,
        _ => false,
    }
}

/// `digits * 10^exponent`, without zeros at either end: equal values are equal structures.
#[derive(PartialEq, Eq)]
struct Quantity {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl Quantity {
    fn new(negative: bool, mut digits: Vec<u8>, mut exponent: i64) -> Self {
        let leading = digits.iter().take_while(|digit| **digit == 0).count();
        digits.drain(..leading);
        while digits.last() == Some(&0) {
            digits.pop();
            exponent += 1;
        }
        if digits.is_empty() {
            return Self { negative: false, digits, exponent: 0 };
        }
        Self { negative, digits, exponent }
    }

    /// Away from zero to a whole number of `10^finest`.
    fn round_up(mut self, finest: i64) -> Self {
        let below = usize::try_from(finest - self.exponent).unwrap_or_default();
        if below == 0 || self.digits.is_empty() {
            return self;
        }
        self.digits.truncate(self.digits.len().saturating_sub(below));
        // What was cut off ended in a digit that is not 0.
        add_one(&mut self.digits);
        Self::new(self.negative, self.digits, finest)
    }

    /// At most what 64 bits hold.
    fn cap(self) -> Self {
        let places =
            |digits: &[u8], exponent: i64| i64::try_from(digits.len()).unwrap_or(i64::MAX) + exponent;
        let size = (places(&self.digits, self.exponent), self.digits.as_slice());
        if !self.digits.is_empty() && size > (places(MOST, 0), MOST) {
            return Self { negative: self.negative, digits: MOST.to_vec(), exponent: 0 };
        }
        self
    }
}

fn add_one(digits: &mut Vec<u8>) {
    for digit in digits.iter_mut().rev() {
        *digit += 1;
        if *digit < 10 {
            return;
        }
        *digit = 0;
    }
    digits.insert(0, 1);
}

/// Multiplies a number in decimal digits by `2^power`; `power` is at most 60.
fn multiply_by_power_of_two(digits: &mut Vec<u8>, power: u32) {
    let mut carry: u128 = 0;
    for digit in digits.iter_mut().rev() {
        carry += u128::from(*digit) << power;
        *digit = u8::try_from(carry % 10).unwrap_or_default();
        carry /= 10;
    }
    while carry > 0 {
        digits.insert(0, u8::try_from(carry % 10).unwrap_or_default());
        carry /= 10;
    }
}

fn parse(value: &Value) -> Option<Quantity> {
    match value {
        Value::String(text) => parse_text(text.trim()),
        Value::Number(number) => parse_text(&number.to_string()),
        _ => None,
    }
}

fn parse_text(text: &str) -> Option<Quantity> {
    let negative = *text.as_bytes().first()? == b'-';
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, rest) = split_digits(rest);
    let (fraction, suffix) = match rest.strip_prefix('.') {
        Some(rest) => split_digits(rest),
        None => ("", rest),
    };
    let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|digit| digit - b'0').collect();
    let places = i64::try_from(fraction.len()).ok()?;
    match scale(suffix)? {
        Scale::Tens(tens) => Some(Quantity::new(negative, digits, tens - places).round_up(NANO)),
        Scale::Twos(twos) => {
            multiply_by_power_of_two(&mut digits, twos);
            Some(Quantity::new(negative, digits, -places).round_up(NANO).cap())
        }
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|other: char| !other.is_ascii_digit()).unwrap_or(text.len()))
}

/// What a suffix multiplies by.
enum Scale {
    Tens(i64),
    Twos(u32),
}

fn scale(suffix: &str) -> Option<Scale> {
    Some(match suffix {
        "" => Scale::Tens(0),
        "n" => Scale::Tens(-9),
        "u" => Scale::Tens(-6),
        "m" => Scale::Tens(-3),
        "k" => Scale::Tens(3),
        "M" => Scale::Tens(6),
        "G" => Scale::Tens(9),
        "T" => Scale::Tens(12),
        "P" => Scale::Tens(15),
        "E" => Scale::Tens(18),
        "Ki" => Scale::Twos(10),
        "Mi" => Scale::Twos(20),
        "Gi" => Scale::Twos(30),
        "Ti" => Scale::Twos(40),
        "Pi" => Scale::Twos(50),
        "Ei" => Scale::Twos(60),
        _ => {
            let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            Scale::Tens(i64::from(exponent))
        }
    })
}
