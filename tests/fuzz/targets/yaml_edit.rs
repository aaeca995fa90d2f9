//! An edit proves itself: the result says what was asked, and an error changes nothing. The first line is a pointer and a
//! JSON value (nothing: remove), the rest is the file.
#![no_main]

use drift::yaml::{Edit, Operation};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Some((first, file)) = text.split_once('\n') else { return };
    let (pointer, value) = first.split_once(' ').unwrap_or((first, ""));
    let operation = match serde_json::from_str::<serde_json::Value>(value) {
        Ok(value) => Operation::Set(value),
        Err(_) => Operation::Remove,
    };
    let wanted = match &operation {
        Operation::Set(value) => Some(value.clone()),
        Operation::Remove => None,
    };
    let edit = Edit { document: 0, pointer: pointer.to_owned(), operation };
    let Ok(edited) = drift::yaml::edit(file, &[edit]) else { return };
    let document = drift::yaml::read(edited.as_bytes()).into_iter().flatten().find(|one| one.index() == 0);
    let value = document.map(|document| document.into_json()).unwrap_or_default();
    if !pointer.ends_with("/-") && wanted.as_ref().is_none_or(|wanted| !wanted.is_null()) {
        assert_eq!(value.pointer(pointer), wanted.as_ref(), "{edited:?}");
    }
});
