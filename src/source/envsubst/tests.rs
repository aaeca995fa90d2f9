//! What becomes of texts; hundreds of them, as Flux's library has it (recorded by `tests/it/flux_options/templates.rs`).

use super::{EnvsubstError, Replaced, Value, replace};

fn variables<'v>(name: &str) -> Value<'v> {
    match name {
        "A" => Value::Known("abc"),
        "E" => Value::Known(""),
        "P" => Value::Known("a/b.tar.gz"),
        "U" => Value::Known("größe"),
        "S" => Value::Hidden,
        _ => Value::NotSet,
    }
}

fn text(template: &str) -> Result<String, EnvsubstError> {
    replace(template, &variables, false).map(|replaced| replaced.text)
}

#[test]
fn operators_do_as_in_flux() {
    for (template, expected) in [
        ("no variable, $A, $(A), 5$", "no variable, $A, $(A), 5$"),
        ("${A} ${B} ${E}.", "abc  ."),
        ("$${A} $$ $$$${A} $$${A}", "${A} $ $${A} $abc"),
        ("${B:=x} ${B:-x} ${B=x} ${A:=x} ${E:-x}", "x x x abc x"),
        ("${B:?x} ${B:+x} ${A:+x}", "x x abc"),
        ("${B:=a b: ${A} \"c\"}", "a b: abc \"c\""),
        ("${B:=}.", "."),
        ("${#A} ${#U} ${#B}", "3 7 0"),
        ("${A^} ${A^^} ${U^^} ${A,} ${A,,}", "Abc ABC GRÖßE abc abc"),
        ("${A:1} ${A:1:1} ${A:-2} ${A:0:-1} ${A: 1} ${A:9}.", "bc b abc ab abc ."),
        ("${A/b/x} ${A//b/} ${A/#a/x} ${A/%c/x} ${A/#b/x}", "axc ac xbc abx abc"),
        ("${P/\\//-} ${P/b/\\/}", "a-b.tar.gz a//.tar.gz"),
        ("${P#*/} ${P##*.} ${P%.*} ${P%%.*}", "b.tar.gz gz a/b.tar a/b"),
        ("${B:-${C:-${A}}}", "abc"),
    ] {
        assert_eq!(text(template).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn what_is_no_variable_is_an_error() {
    for (template, expected) in [
        ("${", EnvsubstError::Name),
        ("${}", EnvsubstError::Name),
        ("${ A}", EnvsubstError::Name),
        ("${A", EnvsubstError::MissingBrace),
        ("${A-x}", EnvsubstError::MissingBrace),
        ("${A[@]}", EnvsubstError::MissingBrace),
        ("${A:=x", EnvsubstError::Argument),
        ("${A#}", EnvsubstError::Argument),
        ("${A/b}", EnvsubstError::BadSubstitution),
        ("${A/${E}b/x}", EnvsubstError::BadSubstitution),
        ("${A:ä}", EnvsubstError::BadSubstitution),
        ("${#A", EnvsubstError::BadSubstitution),
        ("${U:0:3}", EnvsubstError::CutCharacter),
    ] {
        assert_eq!(text(template), Err(expected), "{template}");
    }
    assert_eq!(text(&"${A:-".repeat(10_000)), Err(EnvsubstError::TooDeep));
    let long = "x".repeat(10_000);
    let of_long = |_: &str| Value::Known(long.as_str());
    assert_eq!(replace("${A#*y}", &of_long, false), Err(EnvsubstError::TooLong));
    assert_eq!(replace(&"${A}".repeat(10_000), &of_long, false), Err(EnvsubstError::TooLarge));
}

#[test]
fn variables_that_nobody_sets_are_told_or_refused() {
    let found = replace("${X} ${Y:=1} ${A} ${Z^^}", &variables, false).expect("all are variables");
    assert_eq!(found.not_set.into_iter().collect::<Vec<_>>(), ["X", "Z"]);
    let strict = |template: &str| replace(template, &variables, true);
    assert_eq!(strict("${X}"), Err(EnvsubstError::NotSet("X".to_owned())));
    assert_eq!(strict("${#X}"), Err(EnvsubstError::NotSet("X".to_owned())));
    assert!(strict("${X:=1} ${X:-} ${A}").is_ok());
}

#[test]
fn hidden_values_stay_variables() {
    for (template, expected) in [
        ("https://${S}@${A}/", "https://${S}@abc/"),
        ("${S:=x} ${S^^} ${#S}", "${S} ${S} ${S}"),
        ("${B:-x${S}} ${A:-${S}}", "x${S} abc"),
        ("${A#${S}} ${A/b/${S}}", "${S} ${S}"),
    ] {
        let found = replace(template, &variables, true);
        let expected = Replaced { text: expected.to_owned(), not_set: std::collections::BTreeSet::new() };
        assert_eq!(found, Ok(expected), "{template}");
    }
}

#[test]
fn texts_become_what_flux_makes_of_them() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/envsubst/templates.json");
    let recorded = std::fs::read_to_string(file).expect("it is recorded");
    let recorded: serde_json::Value = serde_json::from_str(&recorded).expect("JSON");
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let known = recorded["variables"].as_object().expect("a map");
    let look_up =
        |name: &str| known.get(name).and_then(serde_json::Value::as_str).map_or(Value::NotSet, Value::Known);
    let templates = recorded["templates"].as_array().expect("a list");
    assert!(templates.len() >= 500);
    for case in templates {
        let template = text(&case["template"]).expect("a text");
        let found = replace(&template, &look_up, case["strict"] == true);
        let found = found.map(|replaced| replaced.text).map_err(|error| error.to_string());
        let expected = text(&case["text"]).ok_or_else(|| text(&case["error"]).expect("an error"));
        assert_eq!(found, expected, "{template:?}, strict: {}", case["strict"]);
    }
}
