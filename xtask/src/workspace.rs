//! The places of the checkout.

use std::path::{Path, PathBuf};

/// The checkout that this program was built from: cargo builds it again where the checkout moves.
pub(crate) fn root() -> &'static Path {
    let manifest_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest_dir.parent().unwrap_or(manifest_dir)
}

/// The repository's buildpack.toml.
pub(crate) fn buildpack_toml() -> PathBuf {
    root().join("buildpack.toml")
}

/// Everything that is made. `CARGO_TARGET_DIR` does not move it, since package.toml and the
/// documentation name places below it.
pub(crate) fn target() -> PathBuf {
    root().join("target")
}
