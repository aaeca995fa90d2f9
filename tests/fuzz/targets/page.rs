//! The reader of pages bears any answer, and gives no object that another JSON reader does not find.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Some(names) = drift::cluster::read_page_names(text) else { return };
    let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    // Deeper than serde_json goes: nothing to hold it against.
    let Some(items) = value.get("items") else { return };
    let expected = items.as_array().into_iter().flatten();
    let expected: Vec<&str> = expected.filter_map(|item| item.pointer("/metadata/name")?.as_str()).collect();
    assert_eq!(names, expected);
});
