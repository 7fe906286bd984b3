//! The directories of the suite: the checkout, and all output below `target/e2e`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use fs_err as fs;

use crate::command::output;

/// The root of the repository.
pub(crate) fn workspace() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// A file or directory of this crate's sources.
pub(crate) fn source(path: &str) -> PathBuf {
    workspace().join("e2e").join(path)
}

/// A path for output. Like xtask's packages it is below `target`, regardless of `CARGO_TARGET_DIR`.
pub(crate) fn target(path: &str) -> PathBuf {
    workspace().join("target/e2e").join(path)
}

/// Whether containers, images and a private engine are left for a person to look at.
pub(crate) fn keep() -> bool {
    std::env::var_os("E2E_KEEP").is_some_and(|keep| !keep.is_empty())
}

/// The log file of a program.
pub(crate) fn log(name: &str) -> PathBuf {
    target("logs").join(format!("{name}.log"))
}

/// Makes the directories for output.
pub(crate) fn prepare() -> Result<()> {
    for directory in ["logs", "bin", "tools"].map(target) {
        fs::create_dir_all(directory)?;
    }
    Ok(())
}

/// Copies a directory, with modes and times, and replaces the target.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir_all(to)?;
    output(Command::new("cp").arg("-a").arg(from.join(".")).arg(to))?;
    Ok(())
}
