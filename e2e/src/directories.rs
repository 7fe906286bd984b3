//! The directories of the suite: the checkout, and all output below `target/e2e`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use fs_err as fs;
use sha2::{Digest, Sha256};

use crate::command::{as_root, output};

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

/// The log file of a program.
pub(crate) fn log(name: &str) -> PathBuf {
    target("logs").join(format!("{name}.log"))
}

/// The directory for cached files until they are complete.
pub(crate) fn unfinished() -> PathBuf {
    target("unfinished")
}

/// Makes the directories for output.
pub(crate) fn prepare() -> Result<()> {
    // An interrupted run may leave files of root.
    output(as_root("rm").args(["-rf"]).arg(unfinished()))?;
    for directory in [unfinished(), target("cache"), target("logs"), target("bin")] {
        fs::create_dir_all(directory)?;
    }
    Ok(())
}

/// A file or directory that is made once for the same inputs.
pub(crate) fn cached(
    name: &str,
    inputs: &[&str],
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let name = format!("{name}-{}", &digest(inputs.join("\0").as_bytes())[..16]);
    let path = target("cache").join(&name);
    if !path.exists() {
        let unfinished = unfinished().join(name);
        make(&unfinished)?;
        fs::rename(&unfinished, &path)?;
    }
    Ok(path)
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

/// The SHA-256 of contents, in hexadecimal.
pub(crate) fn digest(contents: &[u8]) -> String {
    hex::encode(Sha256::digest(contents))
}
