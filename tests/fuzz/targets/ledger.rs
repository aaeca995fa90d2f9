//! The reader of the ledger bears any file.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = drift::incident::Ledger::read([("incidents/0123456789ab.yaml", bytes)]);
});
