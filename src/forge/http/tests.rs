//! How long to wait, and what of an answer is shown.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::answer::{ForgeAnswer, escape_message};
use super::wait;

fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> ForgeAnswer {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let mut answer = ForgeAnswer::new(status, map);
    assert!(answer.add(body.as_bytes(), 1 << 20));
    answer
}

#[test]
fn retry_wait_from_seconds_dates_and_resets() {
    const DATE: &str = "Tue, 14 Nov 2023 22:13:20 GMT";
    let cases = [
        (Some("3"), None, None, Some(3)),
        (Some(" 0 "), None, None, Some(0)),
        (Some("Tue, 14 Nov 2023 22:13:50 GMT"), None, Some(DATE), Some(30)),
        (Some("Tue, 14 Nov 2023 22:13:00 GMT"), None, Some(DATE), Some(0)),
        (Some("Tue, 14 Nov 2023 22:13:50 GMT"), None, None, None),
        (None, Some("1700000010"), Some(DATE), Some(10)),
        (None, Some("1700000010"), None, None),
        (Some("7"), Some("1700000010"), Some(DATE), Some(7)),
        (Some("-1"), None, Some(DATE), None),
        (Some("soon"), None, Some(DATE), None),
        (None, Some("9223372036854775807"), Some(DATE), Some(9_223_372_036_854_775_807 - 1_700_000_000)),
        (None, Some("-9223372036854775808"), Some(DATE), None),
        (None, None, Some(DATE), None),
    ];
    for (after, reset, date, wanted) in cases {
        let told = wait::requested_wait(after, reset, date);
        assert_eq!(told, wanted.map(Duration::from_secs), "{after:?} {reset:?} {date:?}");
    }
    let pauses: Vec<Duration> =
        std::iter::successors(Some(wait::FIRST), |pause| Some(wait::next_pause(*pause))).take(8).collect();
    assert!(pauses.is_sorted() && pauses[7] == Duration::from_secs(15), "{pauses:?}");
}

#[test]
fn limits_are_told_from_refusals() {
    let secondary = r#"{"message": "You have exceeded a secondary rate limit"}"#;
    let cases = [
        (429, &[][..], "", true),
        (403, &[("retry-after", "60")][..], "", true),
        (403, &[("x-ratelimit-remaining", "0")][..], "", true),
        (403, &[][..], secondary, true),
        (403, &[("x-ratelimit-remaining", "12")][..], r#"{"message": "Resource not accessible"}"#, false),
        (503, &[("retry-after", "60")][..], "", false),
        (200, &[][..], secondary, false),
    ];
    for (status, headers, body, wanted) in cases {
        assert_eq!(answer(status, headers, body).is_limit(), wanted, "{status} {headers:?} {body}");
    }
}

#[test]
fn forge_message_is_escaped_and_cut() {
    let cases = [
        (r#"{"message": "no"}"#, ": no"),
        (
            r#"{"message": "Validation Failed", "errors": [{"code": "invalid"}, {"message": "m"}, "t"]}"#,
            ": Validation Failed: invalid: m: t",
        ),
        (r#"{"message": "\u001b[31mred\n::error::x \u202ecba"}"#, r": \u{1b}[31mred\n::error::x \u{202e}cba"),
        ("<html>page</html>", ""),
        ("  \n<!DOCTYPE html>", ""),
        ("plain words", ": plain words"),
        ("[1, 2]", ""),
        ("", ""),
    ];
    for (body, wanted) in cases {
        assert_eq!(answer(400, &[], body).message_suffix(), wanted, "{body}");
    }
    assert_eq!(escape_message(&"ü".repeat(10_000)).chars().count(), 400);
}

#[test]
fn list_rows_are_read_one_by_one() {
    let rows = |body: &str| {
        let mut seen = Vec::new();
        answer(200, &[], body).rows(|row: u32| seen.push(row)).map(|()| seen)
    };
    assert_eq!(rows("[1, 2,3]"), Ok(vec![1, 2, 3]));
    assert_eq!((rows("null"), rows(" [ ] ")), (Ok(Vec::new()), Ok(Vec::new())));
    for (body, why) in [
        ("[1, 2", "JSON that ends too early"),
        ("<html>", "HTML in place of JSON"),
        ("{\"message\": \"no\"}", "expected a list"),
        ("[1] [2]", "trailing characters"),
        ("[\"a\"]", "invalid type"),
    ] {
        assert!(rows(body).is_err_and(|error| error.to_string().contains(why)), "{body}: {:?}", rows(body));
    }
}
