//! Durations by value, as Go writes them (`time.ParseDuration`): `1h0m0s`, `90s`, `1.5h`.

/// Whether two texts are the same duration; what is none is compared as it stands.
#[must_use]
pub fn same_duration(left: &str, right: &str) -> bool {
    match (parse(left), parse(right)) {
        (Some(left), Some(right)) => left == right,
        _ => left == right,
    }
}

/// Digits behind the point that are read; a nanosecond is the smallest step.
const PLACES: usize = 18;

/// In `10^-PLACES` nanoseconds.
fn parse(text: &str) -> Option<i128> {
    let negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Some(0);
    }
    let mut sum: Option<i128> = None;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = after.strip_prefix('.').map_or(("", after), digits);
        let (unit, after) =
            after.split_at(after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len()));
        if (whole.is_empty() && fraction.is_empty()) || whole.len() > 12 || fraction.len() > PLACES {
            return None;
        }
        let value: i128 = format!("0{whole}{fraction:0<PLACES$}").parse().ok()?;
        sum = Some(sum.unwrap_or_default().checked_add(value.checked_mul(nanoseconds(unit)?)?)?);
        rest = after;
    }
    sum.map(|sum| if negative { -sum } else { sum })
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|other: char| !other.is_ascii_digit()).unwrap_or(text.len()))
}

fn nanoseconds(unit: &str) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::same_duration;

    /// Go's `time.ParseDuration` and `Duration.String` (src/time/time_test.go, `parseDurationTests`).
    #[test]
    fn durations_are_equal_by_value() {
        for (left, right) in [
            ("60m", "1h0m0s"),
            ("90s", "1m30s"),
            ("1.5h", "1h30m"),
            ("0", "0s"),
            ("-1.5h", "-1h30m0s"),
            ("+5s", "5s"),
            ("5.s", "5s"),
            (".5s", "500ms"),
            ("1us", "1µs"),
            ("1us", "1μs"),
            ("2160h", "2160h0m0s"),
            ("0.000000001s", "1ns"),
        ] {
            assert!(same_duration(left, right), "{left} {right}");
        }
        for (left, right) in
            [("1m", "1s"), ("1d", "24h"), ("", "0"), ("1", "1s"), ("-1s", "1s"), ("1h 1m", "1h1m")]
        {
            assert!(!same_duration(left, right), "{left} {right}");
        }
        assert!(same_duration("3 days", "3 days") && !same_duration(&"9".repeat(99), "1s"));
    }
}
