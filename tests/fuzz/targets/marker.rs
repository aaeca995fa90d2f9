//! The mark in the text of a proposal, which anybody may edit.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Some(mark) = drift::forge::Mark::parse(text) {
        if let Some(line) = mark.to_line() {
            assert_eq!(drift::forge::Mark::parse(&line).as_ref(), Some(&mark));
        }
    }
});
