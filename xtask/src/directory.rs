//! Directories that are replaced only once they are complete, and that do not depend on where and
//! when they are made.

use anyhow::{Context, Result};
use fs_err as fs;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;

/// 1980-01-01T00:00:01Z, the time that pack and the lifecycle give to every file they package.
pub(crate) const MTIME: u32 = 315_532_801;

/// A directory in progress, next to its destination.
pub(crate) struct Draft(TempDir);

impl Draft {
    /// Starts one for `destination`. It is removed unless it is published.
    pub(crate) fn beside(destination: &Path) -> Result<Self> {
        let parent = destination
            .parent()
            .with_context(|| format!("{} cannot be replaced", destination.display()))?;
        fs::create_dir_all(parent)?;
        let draft = tempfile::Builder::new()
            .prefix(".draft-")
            .tempdir_in(parent)
            .with_context(|| format!("cannot write in {}", parent.display()))?;
        Ok(Self(draft))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Puts the directory in its place.
    pub(crate) fn publish(self, destination: &Path) -> Result<()> {
        normalize(self.path())?;
        if destination.exists() {
            fs::remove_dir_all(destination)?;
        }
        Ok(fs::rename(self.0.keep(), destination)?)
    }
}

/// Sets the fixed time and the mode 0755 or 0644 on `path` and everything below it.
fn normalize(path: &Path) -> Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            normalize(&entry?.path())?;
        }
    }
    if !metadata.is_symlink() {
        let executable = metadata.is_dir() || metadata.permissions().mode() & 0o100 != 0;
        let mode = if executable { 0o755 } else { 0o644 };
        fs::set_permissions(path, PermissionsExt::from_mode(mode))?;
    }
    let time = Timespec {
        tv_sec: MTIME.into(),
        tv_nsec: 0,
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)
        .with_context(|| format!("cannot set the time of {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::{Draft, MTIME};
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::path::Path;

    fn publish(destination: &Path, file: &str) {
        let draft = Draft::beside(destination).unwrap();
        fs::create_dir(draft.path().join("bin")).unwrap();
        fs::write(draft.path().join("bin").join(file), "").unwrap();
        draft.publish(destination).unwrap();
    }

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn replaces_a_directory() {
        let parent = tempfile::tempdir().unwrap();
        let destination = parent.path().join("below/buildpack");
        publish(&destination, "old");
        publish(&destination, "new");
        assert_eq!(names(&destination.join("bin")), ["new"]);
        assert_eq!(names(&parent.path().join("below")), ["buildpack"]);
    }

    #[test]
    fn removes_an_unpublished_draft() {
        let parent = tempfile::tempdir().unwrap();
        let destination = parent.path().join("buildpack");
        publish(&destination, "old");
        drop(Draft::beside(&destination).unwrap());
        assert_eq!(names(parent.path()), ["buildpack"]);
        assert_eq!(names(&destination.join("bin")), ["old"]);
    }

    #[test]
    fn normalizes_times_and_modes() {
        let parent = tempfile::tempdir().unwrap();
        let destination = parent.path().join("buildpack");
        let draft = Draft::beside(&destination).unwrap();
        for (name, mode) in [("program", 0o700), ("text", 0o666)] {
            let path = draft.path().join(name);
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        }
        symlink("program", draft.path().join("link")).unwrap();
        draft.publish(&destination).unwrap();

        for (name, mode) in [("", 0o755), ("program", 0o755), ("text", 0o644)] {
            let metadata = fs::metadata(destination.join(name)).unwrap();
            assert_eq!(metadata.mode() & 0o7777, mode, "{name}");
            assert_eq!(metadata.mtime(), i64::from(MTIME), "{name}");
        }
        let link = fs::symlink_metadata(destination.join("link")).unwrap();
        assert_eq!(link.mtime(), i64::from(MTIME));
    }
}
