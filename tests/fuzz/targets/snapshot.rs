//! A snapshot of anybody's making is opened or refused.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let bytes: &'static [u8] = Box::leak(bytes.to_vec().into_boxed_slice());
    let _ = drift::cluster::Cluster::from_snapshot_bytes("fuzz", bytes);
});
