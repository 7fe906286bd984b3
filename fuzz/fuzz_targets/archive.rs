//! Any bytes as an archive: the unpacker comes to an end, within its limits, and writes nothing
//! but the two files of a release.
//!
//! `cargo +nightly fuzz run archive fuzz/corpus/archive tests/archives`

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::fs;
use watchexec_buildpack::checksum::{Checksum, Verified};
use watchexec_buildpack::unpack::{Limits, unpack};

/// Smaller than a build's, so that an input that reaches them is found in reasonable time.
const LIMITS: Limits = Limits {
    entries: 100,
    decoded: 1 << 20,
    ratio: 100,
    ratio_free: 1 << 16,
    dictionary_kib: 4 << 10,
};

fuzz_target!(|bytes: &[u8]| {
    let archive = Verified::new(bytes.to_vec(), Checksum::of(bytes)).expect("its own checksum");
    let folder = tempfile::tempdir().expect("a folder");
    let _ = unpack(&archive, folder.path(), &LIMITS);
    for entry in fs::read_dir(folder.path()).expect("the folder") {
        let name = entry.expect("an entry").file_name();
        assert!(name == "bin" || name == "LICENSE", "{name:?}");
    }
});
