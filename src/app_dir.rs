//! The app directory, made writable for the group.
//!
//! The build exports the app's files as the build user's, and run images run as another user of
//! the same group, who could neither replace nor delete a file in a sub-directory. Whoever syncs
//! files into the running container would be refused.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Write permission of the owner, and of the group.
const OWNER_WRITE: u32 = 0o200;
const GROUP_WRITE: u32 = 0o020;

/// What was done.
#[derive(Debug, Default)]
pub struct Opened {
    /// Files and directories whose mode was changed.
    pub changed: usize,
    /// Those that could not be looked at or changed, and why.
    pub failed: Vec<(PathBuf, io::Error)>,
}

/// Gives the group write permission on everything below `directory`, itself included, that its
/// owner may write. Symbolic links are not followed: what they lead to is none of the app's.
#[must_use]
pub fn open_for_group(directory: &Path) -> Opened {
    let mut opened = Opened::default();
    let mut waiting = vec![directory.to_owned()];
    while let Some(path) = waiting.pop() {
        match open(&path) {
            Ok(Entry {
                is_directory,
                changed,
            }) => {
                opened.changed += usize::from(changed);
                if is_directory {
                    match children(&path) {
                        Ok(children) => waiting.extend(children),
                        Err(error) => opened.failed.push((path, error)),
                    }
                }
            }
            Err(error) => opened.failed.push((path, error)),
        }
    }
    opened
}

struct Entry {
    is_directory: bool,
    changed: bool,
}

fn open(path: &Path) -> io::Result<Entry> {
    let metadata = fs::symlink_metadata(path)?;
    let mode = metadata.permissions().mode();
    let may_differ = metadata.is_dir() || metadata.is_file();
    let changed = may_differ && mode & OWNER_WRITE != 0 && mode & GROUP_WRITE == 0;
    if changed {
        fs::set_permissions(path, Permissions::from_mode(mode & 0o7777 | GROUP_WRITE))?;
    }
    Ok(Entry {
        is_directory: metadata.is_dir(),
        changed,
    })
}

fn children(directory: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(directory)?
        .map(|entry| Ok(entry?.path()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn file(path: &Path, mode: u32) {
        fs::write(path, "").unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_its_owner_may_write_its_group_may_write() {
        let app = tempfile::tempdir().unwrap();
        let folder = app.path().join("src");
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        for (name, before) in [
            ("a", 0o644),
            ("b", 0o755),
            ("c", 0o444),
            ("d", 0o664),
            ("e", 0o600),
        ] {
            file(&folder.join(name), before);
        }
        let opened = open_for_group(&folder);
        assert_eq!(opened.changed, 4);
        assert!(opened.failed.is_empty());
        assert_eq!(mode(&folder), 0o775);
        for (name, after) in [
            ("a", 0o664),
            ("b", 0o775),
            ("c", 0o444),
            ("d", 0o664),
            ("e", 0o620),
        ] {
            assert_eq!(mode(&folder.join(name)), after, "{name}");
        }
        assert_eq!(open_for_group(&folder).changed, 0);
    }

    #[test]
    fn links_are_not_followed() {
        let app = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        file(&outside.path().join("file"), 0o644);
        symlink(outside.path(), app.path().join("folder")).unwrap();
        symlink(outside.path().join("file"), app.path().join("file")).unwrap();
        symlink("/missing", app.path().join("dangling")).unwrap();
        let opened = open_for_group(app.path());
        assert!(opened.failed.is_empty(), "{opened:?}");
        assert_eq!(mode(&outside.path().join("file")), 0o644);
    }

    #[test]
    fn what_cannot_be_done_is_told() {
        let opened = open_for_group(Path::new("/missing/app"));
        assert_eq!(opened.failed.len(), 1);
    }
}
