//! The size limits of a release.

use anyhow::{Result, ensure};
use fs_err as fs;
use std::path::Path;

/// The most bytes of each program, linked to musl.
const PROGRAMS: [(&str, u64); 2] = [("bin/build", 3_000_000), ("bin/live-reload", 650_000)];
/// The most bytes of a package for one architecture. Only watchexec may make it larger.
const PACKAGE: u64 = 2_000_000;

/// Checks the programs of a package.
pub(super) fn check_programs(package: &Path) -> Result<()> {
    PROGRAMS
        .iter()
        .try_for_each(|(name, limit)| check(&package.join(name), *limit))
}

/// Checks the packages in a directory.
pub(super) fn check_packages(directory: &Path) -> Result<()> {
    fs::read_dir(directory)?.try_for_each(|entry| check(&entry?.path(), PACKAGE))
}

fn check(file: &Path, limit: u64) -> Result<()> {
    let size = fs::metadata(file)?.len();
    let file = file.display();
    eprintln!("{file}: {size} bytes of {limit}");
    ensure!(
        size <= limit,
        "{file} is {size} bytes; the limit of a release is {limit}: find what made it larger, or \
         raise the limit in xtask/src/release/limits.rs with the reason"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn rejects_a_file_above_its_limit() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), [0; 11]).unwrap();
        assert!(check(file.path(), 11).is_ok());
        let error = check(file.path(), 10).unwrap_err().to_string();
        assert!(error.contains("is 11 bytes"), "{error}");
    }
}
