//! The reader bears any bytes; what it reads has places for every value, and reads the same when it is written as JSON.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for document in drift::yaml::read(bytes).into_iter().flatten() {
        let value = document.to_json();
        let places = document.source_map();
        assert!(places.get("").is_some());
        // JSON is YAML: whatever the text was, its value has one reading.
        let json = value.to_string();
        if value.is_object() {
            let again = drift::yaml::read(json.as_bytes());
            let again: Vec<_> = again.into_iter().map(|document| document.expect("JSON").into_json()).collect();
            assert_eq!(again, [value]);
        }
    }
});
