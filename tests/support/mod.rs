//! Shared by the integration tests, beside the [`harness`].

#![allow(dead_code, unused_imports, reason = "each test program uses its part")]

pub(crate) use harness::{certificates, lifecycle, server};

use std::fs;
use std::path::Path;
use watchexec_release::bundle::Bundle;
use watchexec_release::checksum::Checksum;

/// A release as `xz -9e` compresses it. The program in it is a shell script.
pub(crate) const ARCHIVE: &[u8] = include_bytes!("../archives/xz-9e.tar.xz");

/// Puts an archive inside a buildpack.
pub(crate) fn put_inside(buildpack: &Path, archive: &[u8]) {
    let checksum = Checksum::of(archive);
    let directory = Bundle::directory(buildpack, checksum);
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join(format!("{}.tar", checksum.hex())), archive).unwrap();
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
