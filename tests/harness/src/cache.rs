//! What a machine keeps for all checkouts, below the user's cache directory.

use anyhow::{Context, Result};
use fs_err as fs;
use sha2::{Digest, Sha256};
use std::env;
use std::path::{Path, PathBuf};

/// The name of the directory.
const NAME: &str = "live-reload-watchexec";

/// A file or directory that is made once for the same inputs: its version, and how it is made.
///
/// # Errors
/// It cannot be made, or the directory cannot be written to.
pub fn cached(
    name: &str,
    inputs: &[&str],
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let directory = directory()?;
    fs::create_dir_all(&directory)?;
    let key = digest(inputs.join("\0").as_bytes());
    let path = directory.join(format!("{name}-{}", &key[..16]));
    // Another checkout may be making the same. Closing the file releases the lock.
    let lock = fs::File::create(path.with_added_extension("lock"))?;
    lock.file().lock()?;
    if !path.exists() {
        let draft = path.with_added_extension("draft");
        // Of an interrupted run.
        if draft.is_dir() {
            fs::remove_dir_all(&draft)?;
        }
        make(&draft)?;
        fs::rename(draft, &path)?;
    }
    Ok(path)
}

/// By the XDG Base Directory Specification.
fn directory() -> Result<PathBuf> {
    let user = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let user = user.filter(|path| path.is_absolute());
    let user = user.or_else(|| Some(env::home_dir()?.join(".cache")));
    Ok(user.context("no home directory for caches")?.join(NAME))
}

/// The SHA-256 of contents, in hexadecimal.
pub fn digest(contents: &[u8]) -> String {
    hex::encode(Sha256::digest(contents))
}
