//! A snapshot of anybody's making is opened or refused.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let kept = Box::into_raw(bytes.to_vec().into_boxed_slice());
    // SAFETY: it was a box a line ago, and is one again only when the cluster that borrows it is gone.
    drop(drift::cluster::Cluster::from_snapshot_bytes("fuzz", unsafe { &*kept }));
    // SAFETY: as above.
    drop(unsafe { Box::from_raw(kept) });
});
