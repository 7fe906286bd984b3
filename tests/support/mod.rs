//! What the integration tests share: the lifecycle's part of the contract, and servers.

#![allow(dead_code, reason = "each test program uses its part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub(crate) mod certificates;
pub(crate) mod lifecycle;
pub(crate) mod server;

use watchexec_buildpack::checksum::Checksum;

/// A release as `xz -9e` compresses it. The program in it is a shell script.
pub(crate) const ARCHIVE: &[u8] = include_bytes!("../archives/xz-9e.tar.xz");

/// The dependency of a test: version, address, checksum.
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
