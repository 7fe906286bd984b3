//! Shared by the integration tests, beside the [`harness`].

#![allow(dead_code, unused_imports, reason = "each test program uses its part")]

pub(crate) use harness::{certificates, lifecycle, server};

use watchexec_release::checksum::Checksum;

/// A release as `xz -9e` compresses it. The program in it is a shell script.
pub(crate) const ARCHIVE: &[u8] = include_bytes!("../archives/xz-9e.tar.xz");

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
