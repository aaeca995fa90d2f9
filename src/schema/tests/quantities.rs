//! Equality of quantities. Sources: apimachinery `pkg/api/resource/quantity_test.go` and `amount.go`, `suffix.go`.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::schema::{rounds_to, same_quantity};

#[track_caller]
fn equal(groups: &[&[&str]]) {
    for group in groups {
        for (left, right) in group.iter().flat_map(|left| group.iter().map(move |right| (left, right))) {
            assert!(same_quantity(&json!(left), &json!(right)), "{left} is {right}");
        }
    }
    for (at, group) in groups.iter().enumerate() {
        for other in &groups[at + 1..] {
            assert!(!same_quantity(&json!(group[0]), &json!(other[0])), "{} is not {}", group[0], other[0]);
        }
    }
}

/// `TestQuantityParse`: what is written in two ways; every group differs from every other.
#[test]
fn quantities_are_equal_by_value() {
    equal(&[
        &[
            "0", "0n", "0u", "0m", "0Ki", "0k", "0Mi", "0M", "0Gi", "0G", "0Ti", "0T", "00", "-0", "+0",
            "0.000",
        ],
        &["1", "1.", "1000m", "1E0", "+1", "01", "1.0"],
        &["1Ki", "1024", "1.024k"],
        &["8Ki", "8192"],
        &["7Mi", "7340032"],
        &["5Ti", "5120Gi"],
        &["3Ei", "3072Pi"],
        &["50k", "5e4", "50000", "5E+4"],
        &["40T", "4e13"],
        &["1E", "1e18", "1000P", "1000000000000000000"],
        &["1e3", "1k", "1E3", "1.0e3", "100e1", "1000"],
        &["100.035k", "100035"],
        &["0.001", "1m", ".001", "1E-3", "1000u", "1000000n"],
        &["0.0005k", ".5", "500m", "0.50000", "0.5e0", "0.00050k"],
        &["0.05", "0.5e-1", "50m", "0.05000"],
        &["10.035M", "10035k"],
        &["6.987654321G", "6987654321"],
        &["1.01E", "1010P"],
        &["0.5Mi", "512Ki", "524288"],
        &["0.05Gi", "53687091.2", "53687091200m"],
        &["0.025Ti", "27487790694.4"],
        &["100.035Ki", "102435.84"],
        &["1.G", "1G", "1000M", "0.001T"],
    ]);
}

/// `TestQuantityParse`: "values less than the smallest step round up", and the cap of binary suffixes.
#[test]
fn parsing_rounds_to_nano_and_caps_binary() {
    equal(&[
        &["4n", "3.001n"],
        &["2n", "1.1E-9", "0.000000000001Ki"],
        &["1n", "0.0000000001", "0.0000000005", "0.5e-9", "0.9n", "1e-300"],
        &["124n", "0.00000012345", "0.00000012354"],
        &["-1n", "-0.1n"],
        &["9Ei", "9223372036854775807Ki", "9223372036854775807", "8Ei"],
        &["-9Ei", "-9223372036854775807"],
        &["12E", "12e18"],
        &["1e300"],
        &["1e301"],
        &["7Ei"],
    ]);
}

/// `TestQuantityRoundUp`, and kubernetes/kubernetes#18538 for why resources are rounded.
#[test]
fn only_resource_quantities_rounded_to_milli() {
    for (written, stored) in [
        ("100.5m", "101m"),
        ("0.1m", "1m"),
        ("0.0005", "1m"),
        ("1.00001", "1001m"),
        ("1.0005", "1001m"),
        ("-9.0101", "-9011m"),
        ("1Gi", "1024Mi"),
    ] {
        assert!(rounds_to(&json!(written), &json!(stored)), "{written} is stored as {stored}");
    }
    assert!(!rounds_to(&json!("100m"), &json!("101m")));
    assert!(!same_quantity(&json!("100.5m"), &json!("101m")));
}

/// `TestQuantityParse`, its invalid strings: nothing of it is a quantity, so it equals only itself.
#[test]
fn invalid_quantity_compared_as_text() {
    let invalid = [
        "1.1.M",
        "1+1.0M",
        "0.1mi",
        "0.1am",
        "aoeu",
        ".5i",
        "1i",
        "-3.01i",
        "-3.01e-",
        " ",
        "1K",
        "1 Gi",
        "1e",
        "1.2.3",
        "",
        "e5e5",
        "1e99999999999",
        "0x1",
        "１",
    ];
    for (at, left) in invalid.iter().enumerate() {
        assert!(same_quantity(&json!(left), &json!(left)));
        assert!(
            !same_quantity(&json!(left), &json!("0")) && !same_quantity(&json!("1.23"), &json!(left)),
            "{left}"
        );
        assert!(invalid[at + 1..].iter().all(|right| !same_quantity(&json!(left), &json!(right))), "{left}");
    }
    assert!(!same_quantity(&json!(true), &json!("1")) && same_quantity(&Value::Null, &Value::Null));
}

/// `TestQuantityString` and `UnmarshalJSON`: numbers and blanks around the text are read, too.
#[test]
fn numbers_and_blanks_are_read() {
    for (left, right) in [
        (json!(1), json!("1")),
        (json!(0.5), json!("500m")),
        (json!(1e9), json!("1G")),
        (json!(9_223_372_036_854_775_807_i64), json!("9223372036854775807")),
        (json!(" 1Gi "), json!("1Gi")),
        (json!(-2), json!("-2000m")),
    ] {
        assert!(same_quantity(&left, &right), "{left} {right}");
    }
    let long = format!("{}Ki", "9".repeat(100_000));
    assert!(same_quantity(&json!(long), &json!("9Ei")));
}

const SUFFIXES: [(&str, u128, bool); 16] = [
    ("", 1_000_000_000, false),
    ("n", 1, false),
    ("u", 1_000, false),
    ("m", 1_000_000, false),
    ("k", 1_000_000_000_000, false),
    ("M", 1_000_000_000_000_000, false),
    ("G", 1_000_000_000_000_000_000, false),
    ("T", 1_000_000_000_000_000_000_000, false),
    ("P", 1_000_000_000_000_000_000_000_000, false),
    ("E", 1_000_000_000_000_000_000_000_000_000, false),
    ("Ki", 1_000_000_000 << 10, true),
    ("Mi", 1_000_000_000 << 20, true),
    ("Gi", 1_000_000_000 << 30, true),
    ("Ti", 1_000_000_000 << 40, true),
    ("Pi", 1_000_000_000 << 50, true),
    ("Ei", 1_000_000_000 << 60, true),
];

/// A written quantity and how many nano it is, by exact arithmetic.
fn written() -> impl Strategy<Value = (String, i128)> {
    let number =
        prop_oneof![0..2_000_u32, Just(512), Just(1024), Just(1000), any::<u16>().prop_map(u32::from)];
    (any::<bool>(), number, 0..1000_u32, 0..4_usize, prop::sample::select(SUFFIXES.to_vec())).prop_map(
        |(negative, whole, fraction, places, (suffix, nano, binary))| {
            let divisor = 10_u32.pow(u32::try_from(places).expect("few"));
            let fraction = fraction % divisor;
            let point = if places == 0 { String::new() } else { format!(".{fraction:0places$}") };
            let text = format!("{}{whole}{point}{suffix}", if negative { "-" } else { "" });
            let scaled = (u128::from(whole) * u128::from(divisor) + u128::from(fraction)) * nano;
            let exact = scaled.div_ceil(u128::from(divisor));
            let most = 9_223_372_036_854_775_807 * 1_000_000_000;
            let exact = i128::try_from(if binary { exact.min(most) } else { exact }).expect("below 2^127");
            (text, if negative { -exact } else { exact })
        },
    )
}

/// Text that is nearly a quantity.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[-+]?[0-9]{0,3}[.]?[0-9]{0,3}(|[numkMGTPE]|[KMGTPE]i|[eE][-+]?[0-9]{0,3})", any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn equality_agrees_with_exact_arithmetic(left in written(), right in written()) {
        prop_assert_eq!(same_quantity(&json!(left.0), &json!(right.0)), left.1 == right.1, "{:?} {:?}", left, right);
        let milli = |nano: i128| nano.signum() * (nano.abs() + 999_999).div_euclid(1_000_000);
        prop_assert_eq!(rounds_to(&json!(left.0), &json!(right.0)), milli(left.1) == milli(right.1));
        // The same value, written in the smallest unit.
        prop_assert!(same_quantity(&json!(left.0), &json!(format!("{}n", left.1))), "{:?}", left);
    }

    #[test]
    fn equality_of_any_text_is_an_equivalence(texts in prop::collection::vec(text(), 3)) {
        let same = |left: &str, right: &str| same_quantity(&json!(left), &json!(right));
        let [a, b, c] = [&texts[0], &texts[1], &texts[2]];
        prop_assert!(same(a, a));
        prop_assert_eq!(same(a, b), same(b, a));
        prop_assert!(!(same(a, b) && same(b, c)) || same(a, c));
    }
}
