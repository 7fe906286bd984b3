//! Where things are in the checkout.

use std::path::{Path, PathBuf};

/// The checkout that xtask belongs to.
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The checkout that this program was built from: cargo builds it anew where the checkout moves.
    pub(crate) fn current() -> Self {
        let manifest_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self {
            root: manifest_dir.parent().unwrap_or(manifest_dir).to_owned(),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn buildpack_toml(&self) -> PathBuf {
        self.root.join("buildpack.toml")
    }

    /// Everything that is made. `CARGO_TARGET_DIR` does not move it, since package.toml and the
    /// documentation name places below it.
    pub(crate) fn target(&self) -> PathBuf {
        self.root.join("target")
    }

    /// A path as a person would type it at the root of the checkout.
    pub(crate) fn display<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}
