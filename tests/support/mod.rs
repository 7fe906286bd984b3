//! Shared by the integration tests, beside the [`harness`].

#![allow(dead_code, unused_imports, reason = "each test program uses its part")]

pub(crate) use harness::{certificates, lifecycle, server};

use std::fs;
use std::path::Path;
use watchexec_release::archive::{Limits, unpack};
use watchexec_release::bundle::Bundle;
use watchexec_release::checksum::{Checksum, Verified};

/// A release as `xz -9e` compresses it. The program in it is a shell script.
pub(crate) const ARCHIVE: &[u8] = include_bytes!("../archives/xz-9e.tar.xz");

/// Puts the files of an archive inside a buildpack, as `cargo xtask package` does.
pub(crate) fn put_inside(buildpack: &Path, archive: &[u8]) {
    let checksum = Checksum::of(archive);
    let directory = Bundle::directory(buildpack, checksum);
    let archive = Verified::new(archive.to_vec(), checksum).unwrap();
    let unpacked = tempfile::tempdir().unwrap();
    let (installed, _) = unpack(&archive, &Limits::BUILD, unpacked.path()).unwrap();
    fs::create_dir_all(&directory).unwrap();
    for (file, checksum) in installed.files() {
        let name = Bundle::name(file, checksum);
        fs::copy(unpacked.path().join(file.path), directory.join(name)).unwrap();
    }
}

/// The dependency of a test: version, URL, checksum.
pub(crate) fn dependency(version: &str, uri: &str, checksum: Checksum) -> String {
    format!(
        r#"
[[metadata.dependencies]]
id = "watchexec"
version = "{version}"
os = "linux"
arch = "amd64"
uri = "{uri}"
checksum = "{checksum}"
"#
    )
}
